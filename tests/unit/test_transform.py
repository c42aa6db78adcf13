"""User code on live media: map, on_frame, frames."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from jupyter_rtc import InvalidStateError, NumpyAudioTrack, NumpyVideoTrack, OperationError, TestTone
from jupyter_rtc.media import readers
from jupyter_rtc.media.failed import MOSAIC, mosaic
from jupyter_rtc.media.track import Track
from tests.conftest import SCALE

SOON = 5 * SCALE


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.002)


def picture(value: int) -> np.ndarray:
    return np.full((6, 8, 3), value, np.uint8)


def counter(fps: float = 100) -> NumpyVideoTrack:
    numbers = itertools.count(1)
    return NumpyVideoTrack(lambda _seconds: picture(next(numbers) % 256), fps=fps)


def finite(count: int, fps: float = 200) -> NumpyVideoTrack:
    return NumpyVideoTrack(iter([picture(value) for value in range(1, count + 1)]), fps=fps)


def shown_of(track: Track) -> list:
    """Return a list to which all comes that a page or an encoder gets."""
    items: list = []
    track._subscribe(items.append)
    return items


def value_of(frame: np.ndarray) -> int:
    return int(frame[0, 0, 0])


# -- map --------------------------------------------------------------------------------------------------------------


def test_map_gives_a_track_of_the_functions_results():
    track = counter()
    inverted = track.map(lambda frame: 255 - frame)
    frame = inverted.read(timeout=SOON)
    assert frame.dtype == np.uint8
    assert value_of(frame) > 200
    assert inverted.kind == "video"
    track.stop()


def test_a_map_is_called_as_its_function_is():
    def blur(frame: np.ndarray) -> np.ndarray:
        return frame

    assert NumpyVideoTrack().map(blur).label.endswith("blur")


def test_the_function_is_called_on_a_thread_of_its_own_and_only_while_somebody_reads():
    callers: list[threading.Thread] = []

    def function(frame: np.ndarray) -> np.ndarray:
        callers.append(threading.current_thread())
        return frame

    track = counter()
    mapped = track.map(function)
    track.read(timeout=SOON)
    assert callers == []
    mapped.read(timeout=SOON)
    mapped.stop()
    assert all("map" in caller.name for caller in callers)
    wait_for(lambda: not any(caller.is_alive() for caller in callers))
    count = len(callers)
    track.read(timeout=SOON)
    assert len(callers) == count
    track.stop()


def test_a_slow_function_gets_the_newest_and_adds_no_delay():
    seen: list[int] = []

    def slow(frame: np.ndarray) -> np.ndarray:
        seen.append(value_of(frame))
        time.sleep(0.08)
        return frame

    track = counter(fps=100)
    mapped = track.map(slow)
    for _ in range(5):
        mapped.read(timeout=SOON)
    delay = mapped.stats["delay"]
    dropped = mapped.stats["frames_dropped"]
    track.stop()
    mapped.stop()
    assert seen == sorted(set(seen))
    assert np.median(np.diff(seen)) >= 3, "pictures are left out"
    assert dropped >= 10
    assert delay < 0.08 + 0.3, "as long as the function takes, and no queue"


def test_a_slow_function_does_not_slow_down_other_readers():
    track = counter(fps=100)
    mapped = track.map(lambda frame: (time.sleep(0.3), frame)[1])
    mapped.latest()
    began = time.monotonic()
    for _ in range(10):
        track.read(timeout=SOON)
    assert time.monotonic() - began < SOON / 2
    mapped.stop()
    track.stop()


def test_what_the_function_does_to_its_picture_does_not_reach_others():
    def spoil(frame: np.ndarray) -> np.ndarray:
        frame[:] = 0
        return frame

    track = NumpyVideoTrack()
    track.write(picture(9))
    assert not track.map(spoil).read(timeout=SOON).any()
    assert (track.read(timeout=SOON) == 9).all()
    track.stop()


@pytest.mark.parametrize(
    ("result", "shape"),
    [
        (lambda f: f[..., 0], (6, 8, 3)),
        (lambda f: f / 255, (6, 8, 3)),
        (lambda f: f[..., 0] > 4, (6, 8, 3)),
        (lambda f: np.dstack([f, f[..., 0]]), (6, 8, 3)),
        (lambda f: f[::2, ::-2], (3, 4, 3)),
    ],
    ids=["grey", "float", "mask", "rgba", "smaller"],
)
def test_the_function_may_return_any_form_of_a_picture(result, shape):
    track = NumpyVideoTrack()
    track.write(picture(9))
    mapped = track.map(result)
    assert mapped.read(timeout=SOON).shape == shape
    assert mapped.error is None
    track.stop()


@pytest.mark.parametrize("result", [None, "text", np.zeros((4, 4, 9)), np.full((4, 4), 700.0)], ids=str)
def test_a_result_that_is_no_picture_is_an_error_and_the_picture_goes_on(result):
    track = counter()
    mapped = track.map(lambda _frame: result)
    shown = shown_of(mapped)
    with pytest.raises((TypeError, ValueError), match="picture"):
        mapped.read(timeout=SOON)
    wait_for(lambda: len(shown) > 2)
    assert shown[-1].pixels.shape == (6, 8, 3)
    assert isinstance(mapped.error, (TypeError, ValueError))
    mapped.stop()
    track.stop()


def test_a_function_that_raises_is_told_once_with_a_traceback_from_its_own_code_on(caplog):
    errors: list[BaseException] = []

    def faulty(frame: np.ndarray) -> np.ndarray:
        return 1 / 0

    track = counter(fps=100)
    mapped = track.map(faulty)
    mapped.on("error", errors.append)
    with caplog.at_level(logging.ERROR, logger="jupyter_rtc"):
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                mapped.read(timeout=SOON)
    assert mapped.ready_state == "live"
    mapped.stop()
    track.stop()
    wait_for(lambda: errors)
    assert [type(error) for error in errors] == [ZeroDivisionError]
    assert isinstance(mapped.error, ZeroDivisionError)
    assert caplog.text.count("ZeroDivisionError: division by zero") == 1
    assert "in faulty" in caplog.text
    assert "jupyter_rtc/media/transform.py" not in caplog.text


def test_a_function_that_recovers_is_shown_again():
    numbers = itertools.count()
    track = counter()
    mapped = track.map(lambda frame: picture(200) if next(numbers) > 3 else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        mapped.read(timeout=SOON)
    frames = mapped.frames(timeout=SOON)

    def is_well() -> bool:
        try:
            return bool((next(frames) == 200).all())
        except ZeroDivisionError:
            return False

    wait_for(is_well)
    frames.close()
    assert (mapped.read(timeout=SOON) == 200).all()
    track.stop()


def test_nothing_unprocessed_is_sent_in_place_of_a_failed_picture():
    """Of a picture whose function raised only a mosaic is left, too coarse for a face or a text."""
    chance = np.random.default_rng(5)
    detail = chance.integers(0, 2, (480, 640, 1), np.uint8).repeat(3, axis=2) * np.uint8(255)
    track = NumpyVideoTrack()
    track.write(detail)
    mapped = track.map(lambda _frame: 1 / 0)
    pictures = shown_of(mapped)
    wait_for(lambda: pictures)
    shown = pictures[0].pixels
    track.stop()
    mapped.stop()
    assert shown.shape == detail.shape
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= MOSAIC * MOSAIC
    assert shown.std() < 8, "the detail is averaged away"


@pytest.mark.parametrize("size", [(480, 640), (640, 480), (7, 5), (1, 1), (1, 100), (481, 641)])
def test_a_mosaic_has_tiles_of_one_colour_each(size):
    height, width = size
    pixels = np.random.default_rng(6).integers(0, 256, (height, width, 3), np.uint8)
    before = pixels.copy()
    tiles = mosaic(pixels)
    tile = max(-(-max(size) // MOSAIC), min(max(size), 8))
    assert tile > 1 or max(size) == 1, "a small picture is not shown as it is, either"
    assert tiles.shape == pixels.shape
    assert tiles.dtype == np.uint8
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            patch = tiles[top : top + tile, left : left + tile]
            assert (patch == patch[0, 0]).all()
            mean = pixels[top : top + tile, left : left + tile].reshape(-1, 3).mean(axis=0)
            assert abs(patch[0, 0] - mean).max() <= 1
    np.testing.assert_array_equal(pixels, before)


def test_a_map_of_a_map_is_a_track():
    track = NumpyVideoTrack()
    track.write(picture(1))
    twice = track.map(lambda frame: frame + 10).map(lambda frame: frame * 2)
    assert (twice.read(timeout=SOON) == 22).all()
    assert (twice.clone().read(timeout=SOON) == 22).all()
    track.stop()


def test_a_map_of_a_still_picture_is_there_for_a_late_reader():
    track = NumpyVideoTrack()
    track.write(picture(1))
    mapped = track.map(lambda frame: frame + 1)
    for _ in range(2):
        frames = mapped.frames(timeout=SOON)
        assert (next(frames) == 2).all()
        frames.close()
    track.stop()


def test_a_map_ends_when_its_source_runs_out():
    mapped = finite(3, fps=50).map(lambda frame: frame)
    assert len(list(mapped.frames(drop=False, timeout=SOON))) >= 1
    assert mapped.ready_state == "ended"


def test_a_map_gives_all_of_its_source_before_it_ends():
    """A function that keeps up loses none, the last one neither."""
    mapped = finite(5, fps=20).map(lambda frame: frame)
    assert [value_of(frame) for frame in mapped.frames(drop=False, timeout=SOON)] == [1, 2, 3, 4, 5]


def read_on(track) -> None:
    for _ in range(10):
        track.read(timeout=2 * SCALE)


def test_a_reader_of_a_map_does_not_wait_for_ever_when_the_source_is_stopped():
    track = counter()
    mapped = track.map(lambda frame: frame)
    mapped.read(timeout=SOON)
    track.stop()
    with pytest.raises(InvalidStateError):
        read_on(mapped)
    assert mapped.ready_state == "ended"


def test_a_stopped_map_leaves_its_source_alone():
    track = counter()
    mapped = track.map(lambda frame: frame)
    mapped.read(timeout=SOON)
    mapped.stop()
    assert track.read(timeout=SOON).any()
    track.stop()


def test_sound_can_be_mapped():
    track = NumpyAudioTrack(lambda times: np.full(len(times), 0.5))
    half = track.map(lambda sound: sound / 2)
    both = track.map(lambda sound: np.repeat(sound, 2, axis=1))
    np.testing.assert_allclose(half.read(0.1, timeout=SOON), 0.25, atol=1e-4)
    assert both.read(0.1, timeout=SOON).shape == (4800, 2)
    track.stop()


def test_sound_whose_function_raises_is_silence():
    track = TestTone()
    mapped = track.map(lambda _sound: 1 / 0)
    sounds = shown_of(mapped)
    with pytest.raises(ZeroDivisionError):
        mapped.read(0.1, timeout=SOON)
    track.stop()
    assert sounds[0].data.shape == (960, 1)
    assert not sounds[0].data.any()


def test_sound_that_is_mapped_has_no_hole_while_the_function_keeps_up_on_average():
    numbers = itertools.count()

    def jerky(sound: np.ndarray) -> np.ndarray:
        if next(numbers) == 3:
            time.sleep(0.15)
        return sound

    track = NumpyAudioTrack(lambda times: times % 1.0)
    mapped = track.map(jerky)
    ramp = np.concatenate([mapped.read(0.1, timeout=SOON) for _ in range(5)])[:, 0]
    track.stop()
    np.testing.assert_allclose(np.diff(ramp), 1 / 48_000, atol=1e-6)


@pytest.mark.parametrize("wrong", [None, 7, "blur"])
def test_what_is_no_function_is_refused(wrong):
    for use in (NumpyVideoTrack().map, NumpyVideoTrack().on_frame):
        with pytest.raises(TypeError, match=type(wrong).__name__):
            use(wrong)


# -- on_frame ---------------------------------------------------------------------------------------------------------


def test_on_frame_calls_until_it_is_stopped():
    seen: list[int] = []
    track = counter()
    stop = track.on_frame(lambda frame: seen.append(value_of(frame)))
    wait_for(lambda: len(seen) >= 5)
    stop()
    stop()
    wait_for(lambda: not [t for t in threading.enumerate() if "on_frame" in t.name])
    count = len(seen)
    track.read(timeout=SOON)
    track.read(timeout=SOON)
    assert len(seen) == count
    assert seen == sorted(seen)
    track.stop()


def test_on_frame_may_be_stopped_from_its_callback():
    seen: list[int] = []
    track = counter()
    ready = threading.Event()

    def once(frame: np.ndarray) -> None:
        ready.wait(SOON)
        seen.append(1)
        stop()

    stop = track.on_frame(once)
    ready.set()
    wait_for(lambda: seen)
    wait_for(lambda: not track._sinks)
    assert len(seen) == 1
    track.stop()


def test_a_slow_callback_gets_the_newest():
    seen: list[int] = []

    def slow(frame: np.ndarray) -> None:
        seen.append(value_of(frame))
        time.sleep(0.08)

    track = counter(fps=100)
    stop = track.on_frame(slow)
    wait_for(lambda: len(seen) >= 4)
    stop()
    track.stop()
    assert np.diff(seen).min() >= 3


def test_an_error_whose_words_change_is_told_once(caplog):
    track = counter(fps=50)
    mapped = track.map(lambda picture: picture + next(numbers) * 1.5)
    numbers = itertools.count(2)
    seen = []
    mapped.on("error", seen.append)
    frames = mapped.frames(timeout=SOON)
    for _ in range(10):
        with pytest.raises(ValueError, match="values from"):
            next(frames)
    frames.close()
    assert len(caplog.records) == 1
    assert "values from" in caplog.text
    wait_for(lambda: seen)
    assert len(seen) == 1
    caplog.clear()
    track.stop()


def test_a_callback_that_raises_goes_on_being_called_and_is_told_once(caplog):
    calls: list[int] = []

    def faulty(frame: np.ndarray) -> None:
        calls.append(1)
        raise KeyError("in on_frame")

    track = counter()
    with caplog.at_level(logging.ERROR, logger="jupyter_rtc"):
        stop = track.on_frame(faulty)
        wait_for(lambda: len(calls) > 3)
        stop()
    assert caplog.text.count("KeyError: 'in on_frame'") == 1
    assert "in faulty" in caplog.text
    track.stop()


def test_callbacks_end_with_the_track():
    finite(2).on_frame(lambda frame: None)
    wait_for(lambda: not [t for t in threading.enumerate() if "on_frame" in t.name])


# -- frames -----------------------------------------------------------------------------------------------------------


def test_frames_are_iterated_to_the_end():
    assert [value_of(frame) for frame in finite(5).frames(drop=False, timeout=SOON)] == [1, 2, 3, 4, 5]


async def test_frames_are_iterated_asynchronously_to_the_end():
    assert [value_of(frame) async for frame in finite(5).frames(drop=False, timeout=SOON)] == [1, 2, 3, 4, 5]


async def test_awaiting_frames_leaves_the_loop_free():
    track = NumpyVideoTrack()
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.005)

    ticking = asyncio.ensure_future(tick())
    with pytest.raises(TimeoutError):
        await anext(track.frames(timeout=0.2))
    ticking.cancel()
    assert ticks > 5
    track.stop()


def test_a_slow_iteration_drops_the_oldest_and_counts_them():
    track = NumpyVideoTrack(fps=240)
    frames = track.frames(maxsize=2, timeout=SOON)
    for value in range(1, 6):
        track.write(picture(value))
        wait_for(lambda value=value: track._latest is not None and value_of(track._latest.array()) == value)
    assert [value_of(next(frames)), value_of(next(frames))] == [4, 5]
    assert track.stats["frames_dropped"] >= 3
    frames.close()
    track.stop()


def test_an_iteration_that_must_lose_none_says_when_it_fell_behind(monkeypatch):
    monkeypatch.setattr(readers, "LOSSLESS_BOUND", 5)
    track = counter(fps=240)
    frames = track.frames(drop=False, timeout=SOON)
    wait_for(lambda: track.stats["frames_in"] > 6)
    assert [value_of(next(frames)) for _ in range(5)] == [1, 2, 3, 4, 5]
    with pytest.raises(OperationError, match="drop=False"):
        next(frames)
    frames.close()
    track.stop()


def test_timestamps_are_media_seconds_since_the_first_item():
    track = counter(fps=50)
    frames = track.frames(drop=False, timestamps=True, timeout=SOON)
    items = [next(frames) for _ in range(10)]
    frames.close()
    track.stop()
    seconds = [when for when, _ in items]
    assert seconds[0] == 0
    np.testing.assert_allclose(np.array(seconds) * 50, np.round(np.array(seconds) * 50), atol=1e-3)
    assert seconds == sorted(set(seconds))
    assert items[0][1].shape == (6, 8, 3)


def test_an_iteration_that_begins_later_counts_from_the_tracks_first_item_too():
    track = counter(fps=50)
    first = track.frames(drop=False, timestamps=True, timeout=SOON)
    for _ in range(5):
        next(first)
    second = track.frames(timestamps=True, timeout=SOON)
    assert next(second)[0] >= 4 / 50 - 1e-6  # sums of floats
    for frames in (first, second):
        frames.close()
    track.stop()


def test_an_iteration_times_out_when_nothing_comes_for_so_long():
    track = NumpyVideoTrack()
    track.write(picture(1))
    frames = track.frames(timeout=0.1)
    next(frames)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="0.1 s"):
        next(frames)
    assert 0.09 < time.monotonic() - began < SOON
    track.stop()


def test_a_closed_iteration_is_over_and_lets_the_source_rest():
    track = counter()
    frames = track.frames(timeout=SOON)
    next(frames)
    frames.close()
    frames.close()
    assert not track._sinks
    assert list(frames)[1:] == []
    track.stop()


def test_a_loop_that_was_left_lets_the_source_rest():
    track = counter()
    for _frame in track.frames(timeout=SOON):
        break
    gc.collect()
    wait_for(lambda: not track._sinks)
    track.stop()


async def test_an_async_loop_that_is_cancelled_lets_the_source_rest():
    track = counter()

    async def loop() -> None:
        async for _frame in track.frames(timeout=SOON):
            pass

    task = asyncio.ensure_future(loop())
    await asyncio.to_thread(wait_for, lambda: track.stats["frames_out"] > 3)
    task.cancel()
    await asyncio.wait([task], timeout=2 * SCALE)
    cancelled = task.cancelled()
    if not cancelled:
        track.stop()  # or the loop would go on for ever
    assert cancelled
    del task  # its traceback holds the iteration
    gc.collect()
    await asyncio.to_thread(wait_for, lambda: not track._sinks)
    track.stop()


@pytest.mark.parametrize("maxsize", [0, -1])
def test_a_queue_for_nothing_is_refused(maxsize):
    with pytest.raises(ValueError, match=str(maxsize)):
        NumpyVideoTrack().frames(maxsize=maxsize)


def test_each_item_of_an_iteration_is_its_readers_own():
    track = NumpyVideoTrack()
    first, second = track.frames(timeout=SOON), track.frames(timeout=SOON)
    track.write(picture(7))
    next(first)[:] = 0
    assert (next(second) == 7).all()
    track.stop()


# -- one call at a time -----------------------------------------------------------------------------------------------


def test_no_call_begins_after_on_frame_was_stopped():
    """Stopped at any moment, also between the arrival of a picture and the call."""
    track = counter(fps=240)
    for _ in range(60):
        calls: list[float] = []
        stop = track.on_frame(lambda _frame, calls=calls: calls.append(time.monotonic()))
        wait_for(lambda calls=calls: calls)
        stop()
        stopped = time.monotonic()
        track.read(timeout=SOON)
        assert max(calls) <= stopped
    track.stop()


def test_the_backlog_of_a_slow_sound_callback_is_left_alone_once_it_is_stopped():
    calls: list[int] = []

    def slow(_sound: np.ndarray) -> None:
        calls.append(1)
        time.sleep(0.15)

    tone = TestTone()
    stop = tone.on_frame(slow)
    wait_for(lambda: len(calls) == 4)
    stop()
    wait_for(lambda: not [thread for thread in threading.enumerate() if "on_frame" in thread.name])
    assert len(calls) == 4
    tone.stop()


def test_stopping_a_callback_that_takes_long_does_not_wait_for_its_end():
    begun, go_on = threading.Event(), threading.Event()

    def long(_frame: np.ndarray) -> None:
        begun.set()
        go_on.wait(SOON)

    track = counter()
    stop = track.on_frame(long)
    assert begun.wait(SOON)
    began = time.monotonic()
    stop()
    assert time.monotonic() - began < 1 * SCALE
    go_on.set()
    track.stop()


def test_a_map_is_called_once_at_a_time_and_in_order_while_readers_come_and_go():
    track, watch = counter(fps=100), threading.Lock()
    running, most, seen = 0, 0, []

    def slow(frame: np.ndarray) -> np.ndarray:
        nonlocal running, most
        with watch:
            running += 1
            most = max(most, running)
            seen.append(value_of(frame))
        time.sleep(0.05)
        with watch:
            running -= 1
        return frame

    mapped, shown = track.map(slow), []
    other = track.on_frame(lambda _frame: None)  # the source is at work all the time
    for _ in range(12):
        frames = mapped.frames(timeout=SOON)
        shown.append(value_of(next(frames)))
        frames.close()
    for _ in range(20):  # nobody waits for a result
        mapped.frames().close()
        time.sleep(0.005)
    wait_for(lambda: not [thread for thread in threading.enumerate() if "jupyter-rtc map" in thread.name])
    other()
    track.stop()
    assert most == 1
    assert seen == sorted(set(seen)), "always rising"
    assert shown == sorted(set(shown))


def test_a_map_of_a_still_picture_is_made_once_for_all_readers_that_come_and_go():
    calls: list[int] = []
    track = NumpyVideoTrack()
    track.write(picture(1))
    mapped = track.map(lambda frame: (calls.append(1), frame + 1)[1])
    for _ in range(3):
        frames = mapped.frames(timeout=SOON)
        assert (next(frames) == 2).all()
        frames.close()
    track.write(picture(5))
    frames = mapped.frames(timeout=SOON)
    wait_for(lambda: (next(frames) == 6).all())
    frames.close()
    track.stop()
    assert len(calls) == 2


# -- asynchronous functions -------------------------------------------------------------------------------------------


def test_an_asynchronous_function_is_awaited_off_the_media_threads():
    running = most = 0
    names: set[str] = set()

    async def invert(frame: np.ndarray) -> np.ndarray:
        nonlocal running, most
        running += 1
        most = max(most, running)
        names.add(threading.current_thread().name)
        await asyncio.sleep(0.02)
        running -= 1
        return 255 - frame

    track = counter()
    mapped = track.map(invert)
    values = [value_of(mapped.read(timeout=SOON)) for _ in range(5)]
    mapped.stop()
    track.stop()
    assert most == 1
    assert min(values) > 100
    assert values == sorted(set(values), reverse=True)
    assert names == {"jupyter-rtc-callbacks"}
    assert mapped.error is None


def test_an_asynchronous_function_that_raises_is_told_as_any_other(caplog):
    async def faulty(frame: np.ndarray) -> np.ndarray:
        await asyncio.sleep(0)
        raise LookupError("no face")

    track = counter()
    mapped = track.map(faulty)
    with pytest.raises(LookupError, match="no face"):
        mapped.read(timeout=SOON)
    mapped.stop()
    track.stop()
    assert "in faulty" in caplog.text


def test_on_frame_awaits_a_coroutine_and_it_may_stop_itself():
    seen: list[int] = []

    async def three(frame: np.ndarray) -> None:
        await asyncio.sleep(0.001)
        seen.append(value_of(frame))
        if len(seen) == 3:
            stop()

    track = counter()
    stop = track.on_frame(three)
    wait_for(lambda: not [thread for thread in threading.enumerate() if "on_frame" in thread.name])
    track.stop()
    assert len(seen) == 3
    assert seen == sorted(set(seen))


def test_a_source_may_be_asynchronous():
    async def draw(_seconds: float) -> np.ndarray:
        await asyncio.sleep(0.001)
        return picture(7)

    async def sing(times: np.ndarray) -> np.ndarray:
        return np.full(len(times), 0.5)

    track, sound = NumpyVideoTrack(draw), NumpyAudioTrack(sing)
    assert (track.read(timeout=SOON) == 7).all()
    np.testing.assert_allclose(sound.read(0.1, timeout=SOON), 0.5, atol=1e-4)
    track.stop()
    sound.stop()


# -- the errors of a map ----------------------------------------------------------------------------------------------


def faulty_map(error: BaseException | None = None) -> Track:
    def find(_frame: np.ndarray) -> np.ndarray:
        raise error or ValueError("no face")

    track = NumpyVideoTrack()
    track.write(picture(9))
    return track.map(find)


def the_latest(track: Track) -> object:
    wait_for(lambda: track._latest)
    return track.latest()


READS = {
    "read": lambda track: track.read(timeout=SOON),
    "latest": lambda track: (track._get_reader(), the_latest(track)),
    "for": lambda track: next(iter(track.frames(timeout=SOON))),
    "async for": lambda track: asyncio.run(anext(aiter(track.frames(timeout=SOON)))),
    "read a map": lambda track: track.map(lambda frame: frame).read(timeout=SOON),
    "read a clone": lambda track: track.clone().read(timeout=SOON),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_who_reads_a_map_that_raises_gets_its_error(read):
    mapped = faulty_map()
    with pytest.raises(ValueError, match="no face") as raised:
        read(mapped)
    assert raised.traceback[-1].name == "find", "the traceback ends in the user's function"


def test_each_reader_of_a_failed_picture_gets_an_error_of_its_own():
    """A traceback grows where an error is raised."""
    mapped = faulty_map()
    lengths = []
    for _ in range(3):
        frames = mapped.frames(timeout=SOON)
        with pytest.raises(ValueError, match="no face") as raised:
            next(frames)
        frames.close()
        lengths.append(len(raised.traceback))
    assert len(set(lengths)) == 1


def test_on_frame_is_not_called_for_what_a_map_could_not_make_and_says_so(caplog):
    calls: list[int] = []
    mapped = faulty_map()
    stop = mapped.on_frame(calls.append)
    wait_for(lambda: "is not called" in caplog.text)
    stop()
    assert calls == []
    assert "ValueError: no face" in caplog.text.partition("is not called")[2]


def test_a_map_of_a_map_that_raises_is_not_called_and_shows_the_mosaic():
    calls: list[int] = []
    twice = faulty_map().map(lambda frame: (calls.append(1), frame)[1])
    shown = shown_of(twice)
    wait_for(lambda: shown)
    assert calls == []
    assert shown[0].pixels.shape == (6, 8, 3)
    wait_for(lambda: isinstance(twice.error, ValueError))


@pytest.mark.parametrize(
    "error", [StopIteration(), StopAsyncIteration(), SystemExit(1), KeyboardInterrupt(), GeneratorExit()], ids=repr
)
def test_a_loop_over_a_map_is_not_ended_by_its_error_without_a_word(error):
    mapped = faulty_map(error)
    for read in (READS["read"], READS["for"], READS["async for"]):
        with pytest.raises(RuntimeError, match=type(error).__name__):
            read(mapped)


def test_an_error_that_cannot_be_copied_is_raised_as_it_is():
    class Odd(Exception):
        def __init__(self, code: int, text: str) -> None:
            super().__init__(f"{text} {code}")

    mapped = faulty_map(Odd(7, "code"))
    for _ in range(2):
        clone = mapped.clone()
        with pytest.raises(Odd, match="code 7"):
            clone.read(timeout=SOON)
        clone.stop()
    mapped.stop()


def test_sound_whose_map_raises_a_timeout_error_raises_that():
    def late(_sound: np.ndarray) -> np.ndarray:
        raise TimeoutError("the model is slow")

    tone = TestTone()
    mapped = tone.map(late)
    with pytest.raises(TimeoutError, match="the model is slow"):
        mapped.read(0.1, timeout=SOON)
    tone.stop()


def test_a_map_that_raises_now_and_then_is_read_on():
    numbers = itertools.count()
    track = counter()
    mapped = track.map(lambda frame: frame if next(numbers) % 2 else 1 / 0)
    frames, got, errors = mapped.frames(timeout=SOON), [], 0
    while len(got) < 3 or errors < 3:
        try:
            got.append(value_of(next(frames)))
        except ZeroDivisionError:
            errors += 1
    frames.close()
    track.stop()
    assert got == sorted(set(got))


# -- forms ------------------------------------------------------------------------------------------------------------

COLOUR = (200, 100, 50)


def coloured() -> NumpyVideoTrack:
    return NumpyVideoTrack(lambda _seconds: np.full((6, 8, 3), COLOUR, np.uint8), fps=100)


@pytest.mark.parametrize(("format", "value"), [("rgb", COLOUR), ("bgr", COLOUR[::-1]), ("gray", 124)])
def test_a_callback_gets_the_order_of_colours_that_it_asks_for(format, value):
    got: list[np.ndarray] = []
    track = coloured()
    stop = track.on_frame(got.append, format=format)
    wait_for(lambda: got)
    stop()
    track.stop()
    assert got[0].shape == ((6, 8) if format == "gray" else (6, 8, 3))
    assert abs(got[0].astype(int) - value).max() <= 1


def test_a_map_of_opencvs_order_gives_back_opencvs_order():
    track = coloured()
    seen: list[np.ndarray] = []

    def process(bgr: np.ndarray) -> np.ndarray:
        seen.append(bgr.copy())
        bgr[..., 0] = 255  # blue
        return bgr

    mapped = track.map(process, format="bgr")
    assert (mapped.read(timeout=SOON) == (200, 100, 255)).all()
    assert (mapped.read(timeout=SOON, format="bgr") == (255, 100, 200)).all()
    assert (seen[0] == COLOUR[::-1]).all()
    track.stop()


def test_a_map_of_grey_may_give_back_grey_or_colours():
    track = coloured()
    grey = track.map(lambda picture: 255 - picture, format="gray")
    assert abs(grey.read(timeout=SOON, format="gray").astype(int) - (255 - 124)).max() <= 1
    false_colours = track.map(lambda picture: np.stack([picture, picture * 0, picture * 0], axis=-1), format="gray")
    assert abs(false_colours.read(timeout=SOON)[0, 0].astype(int) - (124, 0, 0)).max() <= 1
    track.stop()


@pytest.mark.parametrize("method", ["on_frame", "map"])
def test_an_order_of_colours_that_there_is_not_is_refused_by_callbacks(method):
    with pytest.raises(ValueError, match="format is 'rgb', 'bgr' or 'gray'"):
        getattr(NumpyVideoTrack(), method)(lambda item: item, format="BGR")
    with pytest.raises(TypeError, match="format"):
        getattr(TestTone(), method)(lambda item: item, format="bgr")


def test_a_callback_gets_sound_at_the_rate_that_it_asks_for_in_exact_pieces_to_the_end():
    pieces: list[np.ndarray] = []
    over = threading.Event()
    track = NumpyAudioTrack(iter([np.full((4_800, 2), (0.5, 0.25), np.float32)]), channels=2)
    track.on("ended", over.set)
    track.on_frame(pieces.append, sample_rate=16_000, channels=1)
    assert over.wait(SOON)
    wait_for(lambda: len(pieces) == 5)
    assert {piece.shape for piece in pieces} == {(320, 1)}
    np.testing.assert_allclose(np.concatenate(pieces)[100:-100], 0.375, atol=1e-3)


def test_a_map_that_makes_sound_louder_is_clipped_and_one_of_another_scale_is_refused():
    track = TestTone(500)
    louder = track.map(lambda sound: 6 * sound)
    sound = louder.read(0.1, timeout=SOON)
    assert (sound.max(), sound.min()) == (1, -1)
    with pytest.raises(ValueError, match="x / 32768"):
        track.map(lambda sound: sound * 32767).read(0.1, timeout=SOON)
    track.stop()
