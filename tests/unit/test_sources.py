"""NumpyVideoTrack and NumpyAudioTrack: what makes pictures and sound, when, and what happens when it fails."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from jupyter_rtc import InvalidStateError, NumpyAudioTrack, NumpyVideoTrack
from jupyter_rtc.media import sound_queue
from tests.conftest import SCALE
from tests.film import quarters, write_film

SOON = 5 * SCALE


def wait_for(condition: Callable[[], object], what: str = "") -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, what or "did not come about in time"
        time.sleep(0.002)


def picture(value: int, size: tuple[int, int] = (8, 6)) -> np.ndarray:
    return np.full((size[1], size[0], 3), value, np.uint8)


def threads_of(track: object) -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == f"jupyter-rtc {track.label}"]


# -- functions, iterators, arrays -------------------------------------------------------------------------------------


def test_a_function_gets_the_time_in_seconds_and_is_called_at_fps():
    times: list[float] = []

    def source(seconds: float) -> np.ndarray:
        times.append(seconds)
        return picture(1)

    track = NumpyVideoTrack(source, fps=100)
    with closing(track.frames(timeout=SOON)) as frames:
        began = time.monotonic()
        for _ in itertools.islice(frames, 30):
            pass
        took = time.monotonic() - began
    track.stop()
    assert times[0] == pytest.approx(0, abs=0.1)
    steps = np.diff(times)
    assert min(steps) > 0.005
    assert np.allclose(steps / 0.01, np.round(steps / 0.01), atol=1e-6), "times are multiples of the period"
    assert took > 0.25, "not faster than asked for"


class closing:  # noqa: N801
    """End an iteration over frames for sure."""

    def __init__(self, frames) -> None:
        self._frames = frames

    def __enter__(self):
        return self._frames

    def __exit__(self, *_exception: object) -> None:
        self._frames.close()


def test_the_track_is_called_as_its_function_is():
    def waves(seconds: float) -> np.ndarray:
        return picture(0)

    assert NumpyVideoTrack(waves).label == "waves"
    assert NumpyAudioTrack(np.sin).label == "sin"


def test_nobody_reads_nobody_is_called():
    calls = []
    track = NumpyVideoTrack(lambda seconds: calls.append(seconds) or picture(0), fps=200)
    time.sleep(0.05)
    assert calls == []
    assert not threads_of(track)
    with closing(track.frames(timeout=SOON)) as frames:
        next(frames)
    wait_for(lambda: not threads_of(track), "the source's thread lives on")
    assert calls


def test_a_source_is_never_called_by_two_threads_at_once():
    inside: list[int] = []
    most: list[int] = []

    def source(seconds: float) -> np.ndarray:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.01)
        inside.pop()
        return picture(0)

    track = NumpyVideoTrack(source, fps=240)
    for _ in range(10):
        with closing(track.frames(timeout=SOON)) as frames:
            next(frames)
    track.stop()
    assert max(most) == 1


def test_an_iterator_that_is_exhausted_ends_the_track_and_tells_it_once():
    ended: list[str] = []
    over = threading.Event()
    track = NumpyVideoTrack((picture(value) for value in (10, 20, 30)), fps=200)
    track.on("ended", lambda: (ended.append("ended"), over.set()))
    values = [int(frame[0, 0, 0]) for frame in track.frames(drop=False, timeout=SOON)]
    assert values == [10, 20, 30]
    assert over.wait(SOON)
    assert track.ready_state == "ended"
    track.stop()
    with pytest.raises(InvalidStateError, match="ended"):
        track.read(timeout=SOON)
    assert ended == ["ended"]


def test_an_iterator_of_nothing_ends_at_once():
    assert list(NumpyVideoTrack(iter(()), fps=200).frames(timeout=SOON)) == []


def test_an_array_is_a_still_picture_that_goes_on():
    track = NumpyVideoTrack(picture(42), fps=200)
    frames = list(itertools.islice(track.frames(timeout=SOON), 5))
    track.stop()
    assert all((frame == 42).all() for frame in frames)


def test_an_array_of_frames_repeats():
    stack = np.stack([picture(value) for value in (0, 50, 100)])
    track = NumpyVideoTrack(stack, fps=50)
    with closing(track.frames(drop=False, timeout=SOON, timestamps=True)) as frames:
        got = [(round(seconds * 50), int(frame[0, 0, 0])) for seconds, frame in itertools.islice(frames, 9)]
    track.stop()
    first = got[0][1] // 50
    assert [value // 50 for _, value in got] == [(first + number) % 3 for number, _ in got]
    assert {value for _, value in got} == {0, 50, 100}


@pytest.mark.parametrize("stack", [np.zeros((0, 6, 8, 3), np.uint8), np.zeros((2, 6, 8, 5)), np.zeros((3,)), "x", 7])
def test_a_wrong_source_is_refused_when_the_track_is_made(stack):
    with pytest.raises((TypeError, ValueError), match="picture"):
        NumpyVideoTrack(stack)


@pytest.mark.parametrize("fps", [0, -1, 241, float("nan")])
def test_an_impossible_rate_is_refused_with_its_value(fps):
    with pytest.raises(ValueError, match=f"{fps!r}"):
        NumpyVideoTrack(fps=fps)


@pytest.mark.parametrize("size", [(0, 1), (1, -2), (1,), (1, 2, 3)])
def test_an_impossible_size_is_refused_with_its_value(size):
    with pytest.raises(ValueError, match="width, height"):
        NumpyVideoTrack(size=size)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fps": "30"}, "fps is a number, not '30'"),
        ({"fps": None}, "fps is a number, not None"),
        ({"size": (3.7, 4.2)}, "width is a whole number, not 3.7"),
        ({"size": (3, "4")}, "height is a whole number, not '4'"),
        ({"size": "ab"}, "size is .width, height. in pixels, not 'ab'"),
        ({"size": 3}, "size is .width, height. in pixels, not 3"),
        ({"source": "x"}, "str is not a picture"),
        ({"source": {}}, "dict is not a picture"),
    ],
)
def test_video_of_a_wrong_type_is_refused_in_words(options, words):
    with pytest.raises(TypeError, match=words):
        NumpyVideoTrack(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": 1.0}, "channels is a whole number, not 1.0"),
        ({"channels": "1"}, "channels is a whole number, not '1'"),
        ({"sample_rate": "48000"}, "sample_rate is a number, not '48000'"),
        ({"source": "x"}, "str is not sound"),
    ],
)
def test_sound_of_a_wrong_type_is_refused_in_words(options, words):
    with pytest.raises(TypeError, match=words):
        NumpyAudioTrack(**options)


def test_numpys_numbers_are_numbers():
    track = NumpyVideoTrack(fps=np.float32(25), size=np.array([32, 24]))
    track.write(picture(7))
    assert track.latest().shape == (24, 32, 3)
    assert NumpyAudioTrack(channels=np.int8(2), sample_rate=np.int32(8000)).kind == "audio"


def test_size_scales_every_picture():
    track = NumpyVideoTrack(size=(32, 24))
    for shape in ((6, 8, 3), (48, 20, 3)):
        track.write(np.full(shape, 77, np.uint8))
        assert track.latest().shape == (24, 32, 3)
    assert abs(track.latest().astype(int) - 77).max() <= 2
    track.stop()


# -- films ------------------------------------------------------------------------------------------------------------


def test_a_film_is_played_once_at_its_own_pace(tmp_path):
    path = write_film(tmp_path / "film.mp4", [picture(40 + 20 * n, (64, 48)) for n in range(10)], fps=20)
    track = NumpyVideoTrack(path)
    assert track.label == "film.mp4"
    began = time.monotonic()
    got = [(seconds, int(frame.mean())) for seconds, frame in track.frames(drop=False, timestamps=True, timeout=SOON)]
    took = time.monotonic() - began
    assert track.ready_state == "ended"
    assert [round((value - 40) / 20) for _, value in got] == list(range(10))
    np.testing.assert_allclose([seconds for seconds, _ in got], np.arange(10) / 20, atol=0.02)
    assert 0.45 < took < SOON


def test_a_film_has_no_more_than_fps_and_is_as_long(tmp_path):
    path = write_film(tmp_path / "film.mp4", [picture(40 + 10 * n, (64, 48)) for n in range(20)], fps=40)
    track = NumpyVideoTrack(str(path), fps=10, size=(32, 24))
    got = [(seconds, frame) for seconds, frame in track.frames(drop=False, timestamps=True, timeout=SOON)]
    assert [frame.shape for _, frame in got] == [(24, 32, 3)] * 5
    np.testing.assert_allclose([seconds for seconds, _ in got], np.arange(5) / 10, atol=0.02)


def test_a_film_stands_still_while_nobody_reads(tmp_path):
    path = write_film(tmp_path / "film.mp4", [picture(10 * n, (64, 48)) for n in range(20)], fps=50)
    track = NumpyVideoTrack(path)
    with closing(track.frames(drop=False, timeout=SOON)) as frames:
        first = [round(next(frames).mean() / 10) for _ in range(5)]
    time.sleep(0.3)
    with closing(track.frames(drop=False, timeout=SOON)) as frames:
        then = [round(frame.mean() / 10) for frame in frames]
    assert first == [0, 1, 2, 3, 4]
    assert then[0] <= 6, "it has not gone on"
    assert then[-1] == 19


def test_a_phones_film_is_turned(tmp_path):
    track = NumpyVideoTrack(write_film(tmp_path / "film.mp4", [quarters()] * 3, matrix=(0, 1, -1, 0)))
    got = track.read(timeout=SOON)
    track.stop()
    assert got.shape == (64, 48, 3)
    assert abs(got[5, 5].astype(int) - np.rot90(quarters(), -1)[5, 5]).max() < 25


def test_what_is_no_film_is_refused_at_once(tmp_path):
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(ValueError, match="text.mp4"):
        NumpyVideoTrack(tmp_path / "text.mp4")
    with pytest.raises(FileNotFoundError, match="there is no film 'nowhere.mp4'"):
        NumpyVideoTrack("nowhere.mp4")
    with pytest.raises(InvalidStateError, match="source of its own"):
        NumpyVideoTrack(write_film(tmp_path / "film.mp4", [quarters()] * 2)).write(picture(0))


# -- errors of a source -----------------------------------------------------------------------------------------------


def test_a_source_that_raises_costs_pictures_and_is_told_once(caplog):
    errors: list[BaseException] = []
    numbers = itertools.count()

    def flaky(seconds: float) -> np.ndarray:
        number = next(numbers)
        if 2 <= number < 12:
            raise ZeroDivisionError("of the source")
        return picture(number)

    track = NumpyVideoTrack(flaky, fps=200)
    track.on("error", errors.append)
    with caplog.at_level(logging.ERROR, logger="jupyter_rtc"):
        frames = list(itertools.islice(track.frames(drop=False, timeout=SOON), 5))
    track.stop()
    assert [int(frame[0, 0, 0]) for frame in frames] == [0, 1, 12, 13, 14]
    wait_for(lambda: errors)
    assert [str(error) for error in errors] == ["of the source"]
    assert caplog.text.count("ZeroDivisionError: of the source") == 1
    assert "in flaky" in caplog.text
    assert isinstance(track.error, ZeroDivisionError)


def test_a_source_that_returns_no_picture_is_told_with_the_shape():
    track = NumpyVideoTrack(lambda seconds: np.zeros((2, 2, 7)), fps=100)
    with pytest.raises(TimeoutError, match=r"shape \(2, 2, 7\)"):
        track.read(timeout=0.3)
    track.stop()


def test_a_source_may_raise_at_first_and_recover():
    numbers = itertools.count()
    track = NumpyVideoTrack(lambda _s: picture(1) if next(numbers) > 3 else 1 / 0, fps=100)
    assert track.read(timeout=SOON).shape == (6, 8, 3)
    track.stop()


# -- write ------------------------------------------------------------------------------------------------------------


def test_what_was_written_before_anybody_reads_is_there_for_the_first_reader():
    track = NumpyVideoTrack()
    track.write(picture(1))
    track.write(picture(2))
    assert (track.read(timeout=SOON) == 2).all()
    track.stop()


def test_the_last_picture_stays_for_a_late_reader():
    track = NumpyVideoTrack(fps=100)
    with closing(track.frames(timeout=SOON)) as early:
        track.write(picture(5))
        assert (next(early) == 5).all()
    with closing(track.frames(timeout=SOON)) as late:
        assert (next(late) == 5).all()
    assert (track.latest() == 5).all()
    track.stop()


def test_a_picture_read_once_is_not_read_again():
    track = NumpyVideoTrack()
    track.write(picture(1))
    track.read(timeout=SOON)
    with pytest.raises(TimeoutError, match="0.05 s"):
        track.read(timeout=0.05)
    track.stop()


def test_written_faster_than_fps_the_newest_wins():
    track = NumpyVideoTrack(fps=10)
    with closing(track.frames(timeout=SOON, drop=False)) as frames:
        track.write(picture(0))
        assert (next(frames) == 0).all()
        for value in range(1, 51):
            track.write(picture(value))
        assert (next(frames) == 50).all(), "the newest, as it was written within a tenth of a second"
    assert track.stats["frames_dropped"] >= 45
    track.stop()


def test_fps_bounds_what_a_reader_gets_and_no_more_than_that():
    track = NumpyVideoTrack(fps=50)
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.002):
            track.write(picture(0))

    writer = threading.Thread(target=write)
    with closing(track.frames(timeout=SOON, drop=False)) as frames:
        writer.start()
        next(frames)
        began = time.monotonic()
        for _ in range(20):
            next(frames)
        took = time.monotonic() - began
    stop.set()
    writer.join()
    track.stop()
    assert took > 0.3, "20 pictures at 50 a second take 0.4 s"


def test_a_newer_picture_is_never_followed_by_an_older_one():
    """Also when readers go while a picture waits for its turn, and one is written while nobody reads."""
    track = NumpyVideoTrack(fps=5)
    with closing(track.frames(timeout=SOON)) as frames:
        track.write(picture(1))
        next(frames)
        track.write(picture(2))  # is due a fifth of a second later
    track.write(picture(3))
    with closing(track.frames(timeout=SOON)) as frames:
        got = [int(next(frames)[0, 0, 0])]
        time.sleep(0.3)  # what waited for its turn has had it by now
        track.write(picture(4))
        while got[-1] != 4:
            got.append(int(next(frames)[0, 0, 0]))
    track.stop()
    assert got == [3, 4]


def test_what_the_writer_does_next_with_its_array_does_not_travel():
    track = NumpyVideoTrack()
    array = picture(9)
    track.write(array)
    array[:] = 0
    assert (track.read(timeout=SOON) == 9).all()
    first = track.latest()
    first[:] = 0
    assert (track.latest() == 9).all()
    track.stop()


def test_writing_never_blocks_not_even_with_a_reader_that_sleeps():
    track = NumpyVideoTrack(fps=1)
    with closing(track.frames(drop=True)):
        began = time.monotonic()
        for value in range(200):
            track.write(picture(value))
        assert time.monotonic() - began < SOON / 2
    track.stop()


def test_pictures_may_be_written_by_many_threads_in_many_sizes():
    track = NumpyVideoTrack(fps=240)
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for _ in range(100):
                track.write(picture(number, (8 + number, 6 + number)))
        except BaseException as error:
            failures.append(error)

    with closing(track.frames(timeout=SOON, maxsize=10)) as frames:
        threads = [threading.Thread(target=write, args=(number,)) for number in range(5)]
        for thread in threads:
            thread.start()
        frame = next(frames)
        for thread in threads:
            thread.join()
        track.write(picture(99))
        while not (frame == 99).all():
            value = int(frame[0, 0, 0])
            assert (frame == value).all(), "a picture of two threads"
            assert frame.shape == (6 + value, 8 + value, 3)
            frame = next(frames)
    assert failures == []
    track.stop()


def test_writing_on_a_stopped_track_is_refused_with_what_to_do():
    for track, item in ((NumpyVideoTrack(), picture(0)), (NumpyAudioTrack(), np.zeros(10))):
        track.stop()
        with pytest.raises(InvalidStateError, match="make a new Numpy"):
            track.write(item)


def test_writing_on_a_track_with_a_source_is_refused():
    for track, item in ((NumpyVideoTrack(picture(0)), picture(0)), (NumpyAudioTrack(np.sin), np.zeros(10))):
        with pytest.raises(InvalidStateError, match="source of its own"):
            track.write(item)


def test_a_wrong_picture_is_refused_where_it_is_written():
    track = NumpyVideoTrack()
    with pytest.raises(ValueError, match=r"shape \(5,\)"):
        track.write(np.zeros(5, np.uint8))
    with pytest.raises(TypeError, match="int64"):
        track.write(np.zeros((4, 4), np.int64))
    assert track.latest() is None
    track.stop()


def test_a_reader_of_a_track_nobody_wrote_to_is_told_what_to_do():
    track = NumpyVideoTrack()
    with pytest.raises(TimeoutError, match=r"no picture within 0.05 s.*write\(frame\)"):
        track.read(timeout=0.05)
    track.stop()


# -- sound ------------------------------------------------------------------------------------------------------------


def frequency(samples: np.ndarray) -> float:
    """Return the strongest frequency of 48 kHz sound, in Hz."""
    mono = samples[:, 0] * np.hanning(len(samples))
    return float(np.argmax(np.abs(np.fft.rfft(mono))) * 48_000 / len(mono))


def test_a_function_gets_sample_times_without_a_gap():
    blocks: list[np.ndarray] = []

    def tone(times: np.ndarray) -> np.ndarray:
        blocks.append(times.copy())
        return 0.5 * np.sin(2 * np.pi * 1000 * times)

    track = NumpyAudioTrack(tone)
    sound = track.read(0.2, timeout=SOON)
    track.stop()
    assert sound.shape == (9600, 1)
    assert sound.dtype == np.float32
    times = np.concatenate(blocks)
    np.testing.assert_allclose(np.diff(times), 1 / 48_000, rtol=1e-6)
    assert times[0] == 0
    assert frequency(sound) == pytest.approx(1000, abs=5)


@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_another_sample_rate_keeps_the_tone(rate):
    track = NumpyAudioTrack(lambda times: 0.5 * np.sin(2 * np.pi * 1000 * times), sample_rate=rate)
    track.read(0.1, timeout=SOON)
    sound = track.read(0.3, timeout=SOON)
    track.stop()
    assert frequency(sound) == pytest.approx(1000, abs=5)
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


def test_a_function_may_return_two_channels():
    track = NumpyAudioTrack(lambda t: np.stack([np.full(len(t), 0.25), np.full(len(t), -0.5)], axis=1), channels=2)
    sound = track.read(0.05, timeout=SOON)
    track.stop()
    np.testing.assert_allclose(sound, np.tile([0.25, -0.5], (len(sound), 1)), atol=1e-6)


def test_a_function_that_returns_too_few_samples_is_told():
    track = NumpyAudioTrack(lambda times: times[:10])
    with pytest.raises(TimeoutError):
        track.read(0.02, timeout=0.2)
    track.stop()
    assert "10 samples for 960 times" in str(track.error)


def test_an_array_of_sound_repeats_seamlessly():
    array = np.arange(-500, 500, dtype=np.float32) / 1000
    track = NumpyAudioTrack(array)
    sound = track.read(0.1, timeout=SOON)[:, 0]
    track.stop()
    np.testing.assert_allclose(sound, np.resize(array, len(sound)), atol=1e-6)


def blocks_of(*lengths: int) -> Iterator[np.ndarray]:
    for number, length in enumerate(lengths, 1):
        yield np.full(length, number / 8, np.float32)


def test_an_iterator_of_sound_is_played_to_its_end():
    track = NumpyAudioTrack(blocks_of(1000, 10, 2000, 480))
    sound = np.concatenate(list(track.frames(drop=False, timeout=SOON)))[:, 0]
    expected = np.concatenate(list(blocks_of(1000, 10, 2000, 480)))
    assert track.ready_state == "ended"
    assert len(sound) >= len(expected), "the last stretch, shorter than 20 ms, is sound too"
    np.testing.assert_allclose(sound[: len(expected)], expected, atol=1e-6)
    assert not sound[len(expected) :].any()


def test_written_sound_is_played_in_order_and_then_there_is_silence():
    track = NumpyAudioTrack()
    track.write(np.full(960, 0.5))
    track.write(np.full(500, -16384, np.int16))
    sound = track.read(0.06, timeout=SOON)[:, 0]
    track.stop()
    np.testing.assert_allclose(sound[:960], 0.5, atol=1e-6)
    np.testing.assert_allclose(sound[960:1460], -0.5, atol=1e-6)
    assert not sound[1460:].any()
    assert len(sound) == 2880


def test_nothing_written_is_silence_in_real_time():
    track = NumpyAudioTrack()
    began = time.monotonic()
    sound = track.read(0.2, timeout=SOON)
    took = time.monotonic() - began
    track.stop()
    assert sound.shape == (9600, 1)
    assert not sound.any()
    assert 0.15 < took < SOON


def test_written_sound_is_copied():
    track = NumpyAudioTrack()
    array = np.full(960, 0.5, np.float32)
    track.write(array)
    array[:] = 0
    assert track.read(0.02, timeout=SOON).all()
    track.stop()


def test_mono_sound_fills_both_channels_of_a_stereo_track():
    track = NumpyAudioTrack(channels=2)
    track.write(np.full(960, 0.5))
    track.write(np.tile(np.float32([0.25, -0.25]), (960, 1)))
    sound = track.read(0.04, timeout=SOON)
    track.stop()
    np.testing.assert_allclose(sound[:960], 0.5)
    np.testing.assert_allclose(sound[960:], np.tile([0.25, -0.25], (960, 1)))


def test_stereo_sound_on_a_mono_track_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match=r"shape \(10, 2\).*channels=2"):
        NumpyAudioTrack().write(np.zeros((10, 2)))


def test_sound_that_nobody_hears_is_bounded_and_the_oldest_goes(monkeypatch):
    monkeypatch.setattr(sound_queue, "BOUND", 0.1)
    track = NumpyAudioTrack()
    for number in range(10):
        track.write(np.full(960, (number + 1) / 16, np.float32))
    sound = track.read(0.1, timeout=SOON)[:, 0]
    assert track.stats["frames_dropped"] == 5
    track.stop()
    np.testing.assert_allclose(sound.reshape(5, 960), np.arange(6, 11)[:, None] / 16 * np.ones(960))


def test_a_late_listener_begins_with_now_and_is_told_the_true_delay():
    track = NumpyAudioTrack()
    value = 0
    began = time.monotonic()
    while time.monotonic() - began < 0.6:  # a live writer, whom nobody hears
        value = int((time.monotonic() - began) / 0.02)
        track.write(np.full(960, value / 100, np.float32))
        time.sleep(max(0.0, began + (value + 1) * 0.02 - time.monotonic()))
    assert track.stats["queued"] < 0.2
    sound = track.read(0.02, timeout=SOON)[:, 0]
    stats = track.stats
    track.stop()
    assert sound.max() > (value - 10) / 100, "of the last 0.2 s"
    assert stats["delay"] < 0.2


def test_the_delay_of_what_waits_is_that_since_it_was_written():
    track = NumpyAudioTrack()
    with closing(track.frames(timeout=SOON, drop=False)) as frames:
        next(frames)
        for _ in range(50):
            track.write(np.full(960, 0.5))
        assert track.stats["queued"] > 0.9
        wait_for(lambda: (track.stats["delay"] or 0) > 0.3)
        assert track.stats["queued"] < 0.8
        track.clear()
        assert track.stats["queued"] == 0
    track.stop()


def test_clearing_interrupts_what_is_said():
    track = NumpyAudioTrack()
    with closing(track.frames(timeout=SOON)) as frames:
        track.write(np.full(48_000 * 30, 0.5))
        wait_for(lambda: next(frames).any())
        track.clear()
        wait_for(lambda: not next(frames).any())
        assert track.stats["queued"] == 0
        track.write(np.full(4800, 0.25))
        wait_for(lambda: np.isclose(next(frames), 0.25).all())
    track.stop()
    assert NumpyAudioTrack(np.sin).clear() is None


def test_live_sound_keeps_no_more_waiting_than_its_latency():
    track = NumpyAudioTrack(latency=0.1)
    with closing(track.frames(timeout=SOON, drop=False)) as frames:
        next(frames)
        track.write(np.full(48_000, 0.5))
        track.write(np.full(4_800, 0.25))
        assert track.stats["queued"] <= 0.1
        pieces = [next(frames) for _ in range(20)]
    assert track.stats["frames_dropped"] >= 1
    track.stop()
    assert sum(np.isclose(piece, 0.25).all() for piece in pieces) >= 3
    assert sum(np.isclose(piece, 0.5).any() for piece in pieces) <= 2


def test_without_a_latency_all_of_it_is_played():
    track = NumpyAudioTrack()
    with closing(track.frames(timeout=SOON, drop=False)) as frames:
        next(frames)
        for number in range(20):
            track.write(np.full(960, (number + 1) / 20, np.float32))
        levels: list[float] = []
        wait_for(lambda: levels.append(float(next(frames)[0, 0])) or levels[-1] == 1)
    track.stop()
    heard = [round(level * 20) for level in levels if level]
    assert heard == list(range(1, 21))


@pytest.mark.parametrize(
    ("latency", "error"), [(0, ValueError), (-1, ValueError), (float("inf"), ValueError), ("live", TypeError)]
)
def test_an_impossible_latency_is_refused(latency, error):
    with pytest.raises(error, match="latency"):
        NumpyAudioTrack(latency=latency)
    with pytest.raises(ValueError, match="latency is for sound that is written"):
        NumpyAudioTrack(np.sin, latency=0.1)


def test_sound_of_another_rate_comes_in_whole_pieces_and_is_as_long_as_it_was():
    track = NumpyAudioTrack(iter([np.full(16_000 // 4, 0.5, np.float32)]), sample_rate=16_000)
    pieces = list(track.frames(drop=False, timeout=SOON))
    assert {len(piece) for piece in pieces} == {960}
    assert 0 <= sum(map(len, pieces)) - 12_000 <= 960


@pytest.mark.parametrize("rate", [0, 999, 400_000])
def test_an_impossible_sample_rate_is_refused_with_its_value(rate):
    with pytest.raises(ValueError, match=str(rate)):
        NumpyAudioTrack(sample_rate=rate)


@pytest.mark.parametrize("channels", [0, 3])
def test_an_impossible_number_of_channels_is_refused(channels):
    with pytest.raises(ValueError, match=str(channels)):
        NumpyAudioTrack(channels=channels)


@pytest.mark.parametrize("source", [np.zeros(0), np.zeros((10, 3)), np.zeros(10, np.int64), "sound"])
def test_a_wrong_source_of_sound_is_refused_when_the_track_is_made(source):
    with pytest.raises((TypeError, ValueError), match="sound"):
        NumpyAudioTrack(source)
