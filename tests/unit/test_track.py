"""Track: its states, its clones, its readers, and that raw aiortc takes it for one of its own."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import threading
import time
from collections.abc import Callable
from contextlib import closing

import aiortc
import av
import numpy as np
import pytest
from aiortc.contrib.media import MediaBlackhole, MediaRecorder, MediaRelay
from aiortc.mediastreams import MediaStreamError

from jupyter_rtc import (
    ConnectTimeout,
    InvalidStateError,
    NumpyAudioTrack,
    NumpyVideoTrack,
    TestPattern,
    TestTone,
    Track,
)
from jupyter_rtc.media import readers
from jupyter_rtc.media.relay import RelayTrack
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


def settle(track) -> None:
    """Wait until the callbacks of the events so far have run."""
    over = threading.Event()
    track._serial.submit(over.set)
    assert over.wait(SOON)


# -- states -----------------------------------------------------------------------------------------------------------


def test_a_new_track_is_live_enabled_and_has_an_id_of_its_own():
    one, other = counter(), NumpyVideoTrack()
    assert other.muted, "until something is written"
    assert (one.kind, one.ready_state, one.readyState, one.enabled, one.muted) == ("video", "live", "live", True, False)
    assert one.id != other.id
    assert NumpyAudioTrack().kind == "audio"
    assert "live" in repr(one)


def test_a_track_that_is_not_enabled_gives_black():
    track = counter()
    assert track.read(timeout=SOON).any()
    track.enabled = False
    track.read(timeout=SOON)  # may have been on its way
    black = track.read(timeout=SOON)
    assert black.shape == (6, 8, 3)
    assert not black.any()
    track.enabled = True
    wait_for(lambda: track.read(timeout=SOON).any())
    track.stop()


def test_a_track_that_is_not_enabled_gives_silence():
    track = TestTone()
    track.enabled = False
    assert not track.read(0.1, timeout=SOON).any()
    track.enabled = True
    wait_for(lambda: track.read(0.02, timeout=SOON).any())
    track.stop()


def test_a_track_is_black_as_soon_as_it_is_disabled():
    """The last picture is not shown on, and not to somebody who comes later: it may be of a covered camera."""
    track = NumpyVideoTrack()
    track.write(picture(9))
    assert track.read(timeout=SOON).any()
    track.enabled = False
    assert not track.latest().any()
    with_late_reader = next(track.frames(timeout=SOON))
    assert not with_late_reader.any()
    track.enabled = True
    assert track.latest().any(), "and there again when it is enabled"
    track.stop()


def test_what_is_written_to_a_disabled_track_is_not_seen_by_its_first_reader():
    track = NumpyVideoTrack()
    track.enabled = False
    track.write(picture(9))
    assert not track.read(timeout=SOON).any()
    track.stop()


def test_stopping_is_silent_for_good_and_harmless_twice():
    heard = []
    track = counter()
    track.on("ended", lambda: heard.append("ended"))
    track.read(timeout=SOON)
    track.stop()
    track.stop()
    assert track.ready_state == "ended"
    settle(track)
    assert heard == [], "stop() fires no event, as in browsers"
    for read in (track.read, lambda: track.read(timeout=0.1)):
        with pytest.raises(InvalidStateError, match="video track has ended"):
            read()
    assert list(track.frames()) == []


def test_stopping_ends_a_read_under_way():
    track = NumpyVideoTrack()
    outcome = []

    def read() -> None:
        try:
            track.read(timeout=2 * SOON)
        except Exception as error:
            outcome.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    wait_for(lambda: track._sinks)
    began = time.monotonic()
    track.stop()
    reader.join(SOON)
    assert isinstance(outcome[0], InvalidStateError)
    assert time.monotonic() - began < SOON


def test_the_last_picture_of_an_ended_track_can_still_be_looked_at():
    track = NumpyVideoTrack()
    track.write(picture(3))
    track.stop()
    assert (track.latest() == 3).all()


def test_settings_are_those_of_the_last_item():
    track, tone = counter(), TestTone()
    assert track.get_settings() == {}
    track.read(timeout=SOON)
    tone.read(timeout=SOON)
    settings = track.get_settings()
    assert (settings["width"], settings["height"]) == (8, 6)
    assert settings["frameRate"] >= 0
    assert tone.get_settings() == {"sampleRate": 48_000, "channelCount": 1}
    track.stop()
    tone.stop()


def test_stats_count_what_came_what_was_read_and_how_old_it_was():
    track = counter(fps=100)
    for _ in range(30):
        track.read(timeout=SOON)
    stats = track.stats
    track.stop()
    assert {"frames_in", "frames_out", "frames_dropped", "fps", "delay"} <= stats.keys()
    assert stats["frames_in"] >= 30
    assert stats["frames_out"] == 30
    assert 5 < stats["fps"] <= 110
    assert 0 <= stats["delay"] < 1
    assert NumpyVideoTrack().stats["delay"] is None


# -- relays: mute, unmute, clones -------------------------------------------------------------------------------------


def test_a_track_without_a_source_is_muted_until_something_comes_and_again_when_it_goes():
    heard = []
    relay = RelayTrack("video", follows_end=False)
    for event in ("mute", "unmute", "ended"):
        relay.on(event, lambda event=event: heard.append(event))
    assert relay.muted
    source = NumpyVideoTrack()
    relay._plug(source)
    assert relay.muted, "a source that has given nothing yet"
    source.write(picture(1))
    assert (relay.read(timeout=SOON) == 1).all()
    assert not relay.muted
    relay._plug(None)
    assert relay.muted
    settle(relay)
    assert heard == ["unmute", "mute"]
    relay.stop()
    source.stop()


def test_a_source_that_ends_mutes_a_relay_that_outlives_it():
    source = NumpyVideoTrack(iter([picture(1)]))
    relay = RelayTrack("video", source, follows_end=False)
    relay.read(timeout=SOON)
    wait_for(lambda: relay.muted)
    assert relay.ready_state == "live"
    relay._plug(again := NumpyVideoTrack())
    again.write(picture(2))
    assert (relay.read(timeout=SOON) == 2).all()
    relay.stop()
    assert again.ready_state == "live"
    again.stop()


def test_a_clone_is_of_the_same_source():
    track = counter()
    clone = track.clone()
    assert clone.id != track.id
    assert (clone.kind, clone.label) == (track.kind, track.label)
    assert clone.read(timeout=SOON).shape == (6, 8, 3)
    clone.stop()
    track.stop()


def test_a_clone_is_enabled_on_its_own():
    track = counter()
    clone = track.clone()
    clone.enabled = False
    assert not clone.read(timeout=SOON).any()
    assert track.read(timeout=SOON).any()
    clone.stop()
    track.stop()


def test_a_disabled_track_does_not_blacken_its_clones():
    """enabled is each track's own: Media Capture and Streams §4.3.1."""
    track = counter()
    clone = track.clone()
    track.enabled = False
    assert clone.read(timeout=SOON).any()
    clone.stop()
    track.stop()


def test_a_stopped_clone_leaves_the_original_alone():
    track = counter()
    clone = track.clone()
    clone.read(timeout=SOON)
    clone.stop()
    assert track.ready_state == "live"
    assert track.read(timeout=SOON).any()
    track.stop()


def test_a_clone_outlives_its_original():
    """Its clones go on, also while they are read: Media Capture and Streams §4.3.1."""
    track = counter()
    clone = track.clone()
    clone.read(timeout=SOON)
    track.stop()
    assert clone.ready_state == "live"
    assert clone.read(timeout=SOON).any()
    clone.stop()


def test_a_clone_of_a_source_that_ends_by_itself_ends_with_it():
    heard = threading.Event()
    track = NumpyVideoTrack(iter([picture(1)] * 3), fps=100)
    clone = track.clone()
    clone.on("ended", heard.set)
    assert len(list(clone.frames(drop=False, timeout=SOON))) == 3
    assert heard.wait(SOON)
    assert clone.ready_state == track.ready_state == "ended"


def test_a_clone_of_an_ended_track_is_ended():
    track = NumpyVideoTrack()
    track.stop()
    clone = track.clone()
    assert list(clone.frames(timeout=SOON)) == []
    assert clone.ready_state == "ended"


# -- readers ----------------------------------------------------------------------------------------------------------


def test_latest_is_none_at_once_and_starts_the_source():
    track = counter()
    assert track.latest() is None
    wait_for(lambda: track.latest() is not None)
    track.stop()


def test_each_read_is_of_a_newer_picture():
    track = counter(fps=200)
    values = [int(track.read(timeout=SOON)[0, 0, 0]) for _ in range(20)]
    track.stop()
    assert values == sorted(set(values))


@pytest.mark.parametrize(
    ("make", "signature"),
    [
        (NumpyVideoTrack, "(timeout=10.0, *, format='rgb')"),
        (NumpyAudioTrack, "(seconds=0.1, timeout=10.0, *, sample_rate=48000, channels=None)"),
        (lambda: RelayTrack("video"), "(timeout=10.0, *, format='rgb')"),
        (lambda: TestTone().clone(), "(seconds=0.1, timeout=10.0, *, sample_rate=48000, channels=None)"),
    ],
)
def test_reading_has_the_signature_of_its_kind(make, signature):
    read = make().read
    shown = inspect.signature(read)
    assert (
        str(
            shown.replace(
                parameters=[p.replace(annotation=p.empty) for p in shown.parameters.values()],
                return_annotation=shown.empty,
            )
        )
        == signature
    )
    assert read.__name__ == "read"
    assert "TimeoutError" in inspect.getdoc(read)
    with pytest.raises(TypeError, match=r"^Track.read\(\) got an unexpected keyword argument 'foo'"):
        read(foo=1)
    assert inspect.getdoc(Track.read)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((-1,), ValueError, "seconds is above 0.*-1"),
        ((0,), ValueError, "seconds is above 0.*0"),
        ((float("inf"),), ValueError, "seconds is above 0, and finite"),
        ((float("nan"),), ValueError, "seconds is a number"),
        (("x",), TypeError, "seconds is a number, not 'x'"),
        ((0.1, "x"), TypeError, "timeout is a number, not 'x'"),
    ],
)
def test_so_much_sound_cannot_be_read(arguments, error, words):
    with pytest.raises(error, match=words):
        TestTone().read(*arguments)


def test_how_long_a_reader_waits_is_a_number():
    track = NumpyVideoTrack()
    with pytest.raises(TypeError, match="timeout is a number, not 'x'"):
        track.read("x")
    for timeout in (0, -1, np.float32(0)):
        with pytest.raises(TimeoutError):
            track.read(timeout)
    track.write(picture(3))
    assert (track.read(None) == 3).all(), "for ever, if need be"


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"maxsize": 1.5}, TypeError, "maxsize is a whole number, not 1.5"),
        ({"maxsize": "2"}, TypeError, "maxsize is a whole number, not '2'"),
        ({"timeout": "x"}, TypeError, "timeout is a number, not 'x'"),
        ({"timeout": -1}, ValueError, "timeout is 0 or more seconds, not -1"),
    ],
)
def test_an_iteration_that_makes_no_sense_is_refused_at_once(options, error, words):
    track = NumpyVideoTrack()
    with pytest.raises(error, match=words):
        track.frames(**options)
    assert not track._sinks


@pytest.mark.parametrize("wrong", ["no", 0, None])
def test_a_track_is_enabled_or_not(wrong):
    track = NumpyVideoTrack()
    with pytest.raises(TypeError, match="enabled is True or False"):
        track.enabled = wrong
    assert track.enabled is True
    track.enabled = np.False_
    assert track.enabled is False


def test_a_slow_reader_gets_the_newest_picture():
    track = NumpyVideoTrack(fps=240)
    track.write(picture(1))
    track.read(timeout=SOON)
    for value in range(2, 6):
        track.write(picture(value))
        wait_for(lambda value=value: (track._latest.array() == value).all())
    assert (track.read(timeout=SOON) == 5).all()
    track.stop()


def test_two_iterations_of_one_track_do_not_steal_from_each_other():
    both = threading.Event()

    def pictures():
        both.wait(SOON)
        yield from map(picture, range(1, 9))

    track = NumpyVideoTrack(pictures(), fps=100)
    first, second = track.frames(drop=False, timeout=SOON), track.frames(drop=False, timeout=SOON)
    both.set()
    assert [int(f[0, 0, 0]) for f in first] == list(range(1, 9))
    assert [int(f[0, 0, 0]) for f in second] == list(range(1, 9))


def test_sound_read_piece_by_piece_has_no_gap_and_no_repeat():
    track = NumpyAudioTrack(lambda times: times % 1.0)
    ramp = np.concatenate([track.read(seconds, timeout=SOON) for seconds in (0.01, 0.033, 0.05, 0.001, 0.1)])[:, 0]
    track.stop()
    assert len(ramp) == round(48_000 * 0.194)
    np.testing.assert_allclose(np.diff(ramp), 1 / 48_000, atol=1e-6)


COLOUR = (200, 100, 50)


@pytest.mark.parametrize(("format", "value"), [("rgb", COLOUR), ("bgr", COLOUR[::-1]), ("gray", 124)])
async def test_every_reader_has_the_order_of_colours_that_it_asks_for(format, value):
    track = NumpyVideoTrack(lambda _seconds: np.full((6, 8, 3), COLOUR, np.uint8), fps=100)
    shape = (6, 8) if format == "gray" else (6, 8, 3)
    with closing(track.frames(format=format, timeout=SOON)) as frames:
        for picture in (
            track.read(format=format, timeout=SOON),
            track.latest(format=format),
            next(frames),
            await anext(frames),
        ):
            assert picture.shape == shape
            assert abs(picture.astype(int) - value).max() <= 1
    track.stop()


def test_what_was_written_as_bgr_comes_back_as_bgr_byte_for_byte():
    bgr = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    track = NumpyVideoTrack(format="bgr")
    track.write(bgr)
    np.testing.assert_array_equal(track.read(timeout=SOON, format="bgr"), bgr)
    np.testing.assert_array_equal(track.latest(), bgr[..., ::-1])
    track.write(bgr, format="rgb")
    np.testing.assert_array_equal(track.read(timeout=SOON), bgr)
    track.stop()
    grey = NumpyVideoTrack(format="gray")
    grey.write(bgr[..., 0])
    np.testing.assert_array_equal(grey.read(timeout=SOON, format="gray"), bgr[..., 0])
    grey.stop()


@pytest.mark.parametrize("read", ["read", "latest", "frames"])
def test_an_order_of_colours_that_there_is_not_is_refused(read):
    with pytest.raises(ValueError, match="format is 'rgb', 'bgr' or 'gray', not 'BGR'"):
        getattr(NumpyVideoTrack(), read)(format="BGR")
    with pytest.raises(TypeError, match="format"):
        getattr(TestTone(), read)(format="bgr")


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (8_000, None), (44_100, 2), (22_050, 1), (48_000, 2)])
def test_sound_is_read_at_another_rate_in_exact_lengths_and_without_a_gap(rate, channels):
    track = TestTone(500)
    parts = [
        track.read(seconds, timeout=SOON, sample_rate=rate, channels=channels) for seconds in (0.05, 0.1, 0.013, 0.2)
    ]
    track.stop()
    assert [len(part) for part in parts] == [round(seconds * rate) for seconds in (0.05, 0.1, 0.013, 0.2)]
    assert parts[0].shape[1] == (channels or 1)
    sound = np.concatenate(parts)
    times = np.arange(len(sound)) / rate
    expected = 0.25 * np.sin(2 * np.pi * 500 * times)
    skip = rate // 50  # it began in the middle of nothing
    np.testing.assert_allclose(sound[skip:, -1], expected[skip:], atol=2e-3)


def test_readers_of_different_rates_do_not_take_from_each_other():
    track = NumpyAudioTrack(lambda times: times % 1.0)
    ramps: dict[int, list[np.ndarray]] = {48_000: [], 16_000: []}
    failures: list[BaseException] = []

    def read(rate: int) -> None:
        try:
            for _ in range(10):
                ramps[rate].append(track.read(0.03, timeout=SOON, sample_rate=rate))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read, args=(rate,)) for rate in (48_000, 16_000, 16_000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    track.stop()
    assert failures == []
    assert {len(part) for part in ramps[16_000]} == {480}
    ramp = np.concatenate(ramps[48_000])[:, 0]
    np.testing.assert_allclose(np.diff(ramp), 1 / 48_000, atol=1e-6)


def test_ten_kilohertz_do_not_come_back_as_six():
    track = TestTone(10_000)
    sound = track.read(0.3, timeout=SOON, sample_rate=16_000)[800:]
    track.stop()
    assert abs(sound).max() < 1e-3


async def test_sound_is_iterated_over_in_pieces_of_20_ms():
    track = TestTone(500)
    with closing(track.frames(sample_rate=16_000, channels=1, drop=False, timestamps=True, timeout=SOON)) as frames:
        pieces = [next(frames) for _ in range(5)] + [await anext(frames) for _ in range(5)]
    track.stop()
    assert {piece.shape for _, piece in pieces} == {(320, 1)}
    assert pieces[0][0] == pytest.approx(0, abs=1e-3)
    np.testing.assert_allclose(np.diff([seconds for seconds, _ in pieces]), 0.02, atol=0.015)


def test_all_of_a_sound_that_ends_is_read():
    track = NumpyAudioTrack(iter([np.full(4_800, 0.5, np.float32)]))
    sound = np.concatenate(list(track.frames(drop=False, sample_rate=16_000, timeout=SOON)))
    assert len(sound) == 1_600
    np.testing.assert_allclose(sound[100:-100], 0.5, atol=1e-3)


@pytest.mark.parametrize("options", [{"sample_rate": 10}, {"channels": 3}])
def test_a_rate_that_there_is_not_is_refused(options):
    track = TestTone()
    for read in (track.read, track.frames):
        with pytest.raises(ValueError, match=next(iter(options))):
            read(**options)
    with pytest.raises(TypeError, match="sample_rate"):
        NumpyVideoTrack().read(sample_rate=16_000)


def test_a_source_is_let_go_when_nobody_has_read_for_a_while(monkeypatch):
    monkeypatch.setattr(readers, "LINGER", 0.1)
    track = counter()
    track.read(timeout=SOON)
    assert track._sinks
    wait_for(lambda: not track._sinks)
    at_rest = track.stats["frames_in"]
    assert track.read(timeout=SOON).any(), "and comes back with the next reader"
    assert track.stats["frames_in"] > at_rest
    track.stop()


def test_a_wait_that_is_in_vain_ends_at_once_with_the_reason():
    relay = RelayTrack("video")
    relay._told_in_vain = lambda blocking, _waited: ConnectTimeout("put this in the next cell") if blocking else None
    began = time.monotonic()
    with pytest.raises(ConnectTimeout, match="next cell"):
        relay.read(timeout=60)
    assert time.monotonic() - began < SOON
    relay.stop()


def test_a_timeout_says_why_nothing_came():
    relay = RelayTrack("audio")
    relay._told_why_silent = lambda: "the camera is covered"
    with pytest.raises(TimeoutError, match=r"no sound within 0.05 s: the camera is covered"):
        relay.read(0.1, timeout=0.05)
    relay.stop()


def test_a_reader_that_waits_on_a_clone_is_told_the_originals_reason():
    track = NumpyVideoTrack()
    with pytest.raises(TimeoutError, match="write"):
        track.clone().read(timeout=0.05)


def test_too_little_sound_is_no_silence():
    tone = TestTone()
    with pytest.raises(TimeoutError, match=r"^0\.\d+ of 3 s of sound came within 0.5 s: give a longer timeout$"):
        tone.read(3, timeout=0.5)
    tone.stop()


async def test_a_wait_without_end_says_what_it_waits_for(monkeypatch, caplog):
    monkeypatch.setattr("jupyter_rtc.media.waiting.LONG", 0.1)
    track = NumpyVideoTrack()
    waiting = asyncio.create_task(anext(aiter(track.frames())))
    thread = threading.Thread(target=lambda: next(iter(track.frames())))
    thread.start()
    await asyncio.sleep(1)
    track.write(np.zeros((2, 2, 3), np.uint8))
    await waiting
    await asyncio.to_thread(thread.join)
    told = [record.getMessage() for record in caplog.records]
    assert told == ["still waiting for a picture: nothing was written to the track yet: call write(frame)"] * 2
    caplog.clear()


async def test_an_error_is_shown_without_what_it_was_found_by():
    track = NumpyVideoTrack()
    with pytest.raises(TimeoutError) as blocking:
        track.read(timeout=0.05)
    with pytest.raises(TimeoutError) as awaiting:
        await anext(aiter(track.frames(timeout=0.05)))
    assert blocking.value.__context__ is awaiting.value.__context__ is None


# -- raw aiortc -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [NumpyVideoTrack, NumpyAudioTrack, TestPattern, TestTone, lambda: RelayTrack("video")])
def test_every_track_is_one_of_aiortcs(make):
    track = make()
    assert isinstance(track, aiortc.MediaStreamTrack)
    assert track.readyState == "live"
    track.stop()
    assert track.readyState == "ended"


async def test_recv_gives_frames_with_rising_times():
    video, audio = counter(), TestTone()
    pictures = [await asyncio.wait_for(video.recv(), SOON) for _ in range(5)]
    sounds = [await asyncio.wait_for(audio.recv(), SOON) for _ in range(5)]
    assert all(isinstance(frame, av.VideoFrame) for frame in pictures)
    assert all(isinstance(frame, av.AudioFrame) and frame.samples == 960 for frame in sounds)
    assert np.diff([frame.pts for frame in pictures]).min() > 0
    assert set(np.diff([frame.pts for frame in sounds])) == {960}
    video.stop()
    audio.stop()


@pytest.mark.parametrize("make", [counter, TestTone])
async def test_recv_on_an_ended_track_raises_what_aiortc_expects(make):
    track = make()
    await asyncio.wait_for(track.recv(), SOON)
    track.stop()
    with pytest.raises(MediaStreamError):
        await asyncio.wait_for(track.recv(), SOON)


async def test_a_recv_under_way_ends_when_the_track_does():
    track = NumpyVideoTrack()
    waiting = asyncio.ensure_future(track.recv())
    await asyncio.sleep(0)
    track.stop()
    with pytest.raises(MediaStreamError):
        await asyncio.wait_for(waiting, 2 * SCALE)


async def test_recv_works_on_one_event_loop_after_another():
    track = counter()
    first = await asyncio.wait_for(track.recv(), SOON)
    second = await asyncio.to_thread(lambda: asyncio.run(asyncio.wait_for(track.recv(), SOON)))
    assert second.pts > first.pts
    track.stop()


async def drain(track: aiortc.MediaStreamTrack) -> None:
    """Read on for as long as there is something."""
    for _ in range(100):
        await asyncio.wait_for(track.recv(), SOON)


async def test_aiortcs_relay_takes_a_track():
    track = counter()
    relay = MediaRelay()
    proxies = [relay.subscribe(track), relay.subscribe(track)]
    frames = await asyncio.gather(*(asyncio.wait_for(proxy.recv(), SOON) for proxy in proxies))
    assert [frame.width for frame in frames] == [8, 8]
    track.stop()
    for proxy in proxies:
        with pytest.raises(MediaStreamError):
            await drain(proxy)


async def test_aiortcs_recorder_writes_a_file_that_plays(tmp_path):
    path = tmp_path / "clip.mp4"
    video, audio = TestPattern((160, 120), fps=30), TestTone(1000)
    recorder = MediaRecorder(str(path))
    recorder.addTrack(video)
    recorder.addTrack(audio)
    await recorder.start()
    async for _frame in video.frames(timeout=SOON):
        if video.stats["frames_in"] >= 20:
            break
    await recorder.stop()
    video.stop()
    audio.stop()
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert len(pictures) >= 6  # it encodes on the loop, and a busy machine leaves some out
    assert pictures[5].shape == (120, 160, 3)
    assert samples > 10_000


async def test_aiortcs_blackhole_ends_with_the_track():
    track = NumpyVideoTrack(iter([picture(1)] * 3), fps=100)
    hole = MediaBlackhole()
    hole.addTrack(track)
    await hole.start()
    await asyncio.to_thread(wait_for, lambda: track.ready_state == "ended")
    await hole.stop()


def test_a_reader_is_told_that_nothing_newer_was_written() -> None:
    track = NumpyVideoTrack()
    track.write(np.zeros((2, 2, 3), np.uint8))
    track.read()
    with pytest.raises(TimeoutError, match="nothing newer was written since the last picture"):
        track.read(timeout=0.2)


def test_a_reader_is_told_what_the_source_of_sound_raised() -> None:
    with pytest.raises(TimeoutError, match=r"given no sound yet: it raised ValueError"):
        NumpyAudioTrack(lambda t: t * 40000).read(timeout=0.5)


@pytest.mark.parametrize("make", [NumpyVideoTrack, NumpyAudioTrack])
def test_timestamps_are_true_or_false(make: Callable[[], Track]) -> None:
    for wrong in ("capture", "x", 1, None):
        with pytest.raises(TypeError, match="timestamps is True or False"):
            make().frames(timestamps=wrong)
    with pytest.raises(ValueError, match="timestamps is True or False, not 'capture'"):
        make().frames(timestamps="capture")
    make().frames(timestamps=True).close()
