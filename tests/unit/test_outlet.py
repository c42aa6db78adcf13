"""Outlets: what an encoder gets, whatever its track does."""

from __future__ import annotations

import asyncio
import itertools
import time

import av
import numpy as np
import pytest

from jupyter_rtc import NumpyAudioTrack, NumpyVideoTrack, TestTone
from jupyter_rtc.media import outlet as outlet_module
from jupyter_rtc.media.outlet import PACKET, AudioOutlet, VideoOutlet, outlet_for
from jupyter_rtc.media.playout import BOUND, FADE
from tests.conftest import SCALE

SOON = 5 * SCALE
NOT_COMING = 0.3


def picture(value: int) -> np.ndarray:
    return np.full((6, 8, 3), value, np.uint8)


def written(value: int) -> NumpyVideoTrack:
    track = NumpyVideoTrack(fps=100)
    track.write(picture(value))
    return track


def counter(base: int, fps: float = 100) -> NumpyVideoTrack:
    numbers = itertools.count(base)
    return NumpyVideoTrack(lambda _seconds: picture(next(numbers)), fps=fps)


async def received(outlet: VideoOutlet, timeout: float = SOON) -> av.VideoFrame:
    return await asyncio.wait_for(outlet.recv(), timeout)


def value_of(frame: av.VideoFrame) -> int:
    return int(frame.to_ndarray(format="rgb24")[0, 0, 0])


def test_there_is_an_outlet_for_each_kind():
    assert isinstance(outlet_for("video"), VideoOutlet)
    assert isinstance(outlet_for("audio"), AudioOutlet)


async def test_pictures_come_with_times_that_follow_the_clock():
    outlet, track = VideoOutlet(), counter(1)
    outlet.switch(track)
    began = time.monotonic()
    frames = [await received(outlet) for _ in range(20)]
    took = time.monotonic() - began
    outlet.switch(None)
    seconds = float((frames[-1].pts - frames[0].pts) * frames[0].time_base)
    assert frames[0].pts == 0
    assert seconds == pytest.approx(took, abs=0.2)
    assert track.ready_state == "live"


async def test_times_rise_strictly_across_switches(monkeypatch):
    monkeypatch.setattr(outlet_module, "REPEAT", 0.05)
    outlet = VideoOutlet()
    tracks = [counter(1), written(100), counter(150), written(200)]
    frames = []
    for track in tracks:
        outlet.switch(track)
        frames += [await received(outlet) for _ in range(3)]
    outlet.switch(None)
    assert np.diff([frame.pts for frame in frames]).min() > 0
    assert {value_of(frame) for frame in frames} >= {100, 200}
    for track in tracks:
        track.stop()


async def test_a_track_with_an_older_picture_does_not_turn_time_back():
    outlet, old = VideoOutlet(), written(1)
    new = written(2)
    outlet.switch(new)
    first = await received(outlet)
    outlet.switch(old)
    second = await received(outlet)
    assert value_of(second) == 1
    assert second.pts > first.pts


async def test_a_picture_that_stands_still_is_sent_again_and_again(monkeypatch):
    monkeypatch.setattr(outlet_module, "REPEAT", 0.05)
    outlet, track = VideoOutlet(), written(7)
    outlet.switch(track)
    frames = [await received(outlet) for _ in range(5)]
    outlet.switch(None)
    assert [value_of(frame) for frame in frames] == [7] * 5
    steps = np.diff([float(frame.pts * frame.time_base) for frame in frames[1:]])
    assert min(steps) > 0.02
    assert max(steps) < SOON


async def test_a_picture_that_stood_long_counts_from_when_it_is_sent():
    outlet, track = VideoOutlet(), counter(1)
    outlet.switch(track)
    first = await received(outlet)
    outlet.switch(None)
    old = written(9)
    await asyncio.sleep(outlet_module.STALE + 0.1)
    outlet.switch(old)
    second = await received(outlet)
    assert float((second.pts - first.pts) * first.time_base) > outlet_module.STALE
    track.stop()


async def test_an_outlet_without_a_track_sends_nothing():
    with pytest.raises(TimeoutError):
        await received(VideoOutlet(), NOT_COMING)


async def test_switching_off_sends_nothing_more_not_even_what_was_waiting(monkeypatch):
    monkeypatch.setattr(outlet_module, "REPEAT", 0.05)
    outlet, track = VideoOutlet(), written(1)
    outlet.switch(track)
    await received(outlet)
    track.write(picture(2))
    deadline = time.monotonic() + SOON
    while not outlet._slot._items:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)
    outlet.switch(None)
    with pytest.raises(TimeoutError):
        await received(outlet, NOT_COMING)
    track.stop()


async def test_after_a_switch_nothing_of_the_old_track_is_sent():
    outlet, old, new = VideoOutlet(), written(1), NumpyVideoTrack()
    outlet.switch(old)  # its picture waits
    outlet.switch(new)
    with pytest.raises(TimeoutError):
        await received(outlet, NOT_COMING)
    new.write(picture(2))
    assert value_of(await received(outlet)) == 2


async def test_switching_off_while_somebody_waits_leaves_them_waiting_for_the_next_track():
    outlet, track = VideoOutlet(), NumpyVideoTrack()
    outlet.switch(track)
    waiting = asyncio.ensure_future(outlet.recv())
    await asyncio.sleep(0)
    outlet.switch(None)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    outlet.switch(written(3))
    assert value_of(await asyncio.wait_for(waiting, SOON)) == 3


async def test_a_track_that_ends_leaves_its_last_picture_standing(monkeypatch):
    monkeypatch.setattr(outlet_module, "REPEAT", 0.05)
    outlet, track = VideoOutlet(), NumpyVideoTrack(iter([picture(4)]))
    outlet.switch(track)
    assert [value_of(await received(outlet)) for _ in range(3)] == [4] * 3


async def test_switching_to_the_same_kind_lets_the_old_source_rest():
    outlet, old = VideoOutlet(), counter(1)
    outlet.switch(old)
    await received(outlet)
    outlet.switch(written(1))
    assert not old._sinks
    outlet.switch(None)


# -- sound ------------------------------------------------------------------------------------------------------------


def put(outlet: AudioOutlet, samples: np.ndarray) -> None:
    from jupyter_rtc.media.frames import Sound

    outlet._put(Sound(samples.astype(np.float32), 0.0))


async def test_sound_is_paced_and_counted_without_a_gap():
    outlet = AudioOutlet()
    began = time.monotonic()
    frames = [await asyncio.wait_for(outlet.recv(), SOON) for _ in range(26)]
    took = time.monotonic() - began
    assert [frame.pts for frame in frames] == [number * PACKET for number in range(26)]
    assert all((f.samples, f.sample_rate, f.layout.name) == (PACKET, 48_000, "stereo") for f in frames)
    assert 0.45 < took < SOON
    assert not any(frame.to_ndarray().any() for frame in frames), "no track is silence"


async def test_a_tone_comes_out_as_it_went_in():
    outlet, track = AudioOutlet(), TestTone(1000)
    outlet.switch(track)
    frames = [await asyncio.wait_for(outlet.recv(), SOON) for _ in range(25)]
    outlet.switch(None)
    sound = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in frames])[:, 0] / 32768
    loud = np.flatnonzero(sound)
    tone = sound[loud[0] : loud[0] + 9600]
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone))))
    assert np.argmax(spectrum) * 48_000 / len(tone) == pytest.approx(1000, abs=5)
    assert abs(tone).max() == pytest.approx(0.25, abs=0.01)


def test_sound_waits_for_a_second_packet_before_it_starts():
    outlet = AudioOutlet()
    put(outlet, np.full((2 * PACKET - 1, 1), 0.5))
    assert not outlet._take().any()
    put(outlet, np.full((1, 1), 0.5))
    assert outlet._take()[FADE:].all()
    assert outlet._take().all()


def test_an_underrun_fades_into_silence_and_waits_again():
    outlet = AudioOutlet()
    put(outlet, np.full((2 * PACKET + 100, 1), 0.5))
    outlet._take()
    outlet._take()
    rest = outlet._take()
    assert rest[:100].all()
    assert not rest[120 + FADE :].any()
    assert np.abs(np.diff(rest[:, 0])).max() < 0.01
    put(outlet, np.full((PACKET, 1), 0.5))
    assert not outlet._take().any()


def test_mono_is_on_both_sides_and_stereo_stays_apart():
    outlet = AudioOutlet()
    put(outlet, np.full((PACKET, 1), 0.5))
    for _ in range(3):
        put(outlet, np.tile([0.25, -0.25], (PACKET, 1)))
    np.testing.assert_allclose(outlet._take()[FADE:], np.full((PACKET - FADE, 2), 0.5))
    np.testing.assert_allclose(outlet._take()[50:], np.tile([0.25, -0.25], (PACKET - 50, 1)), atol=0.01)


def test_parts_of_any_length_make_packets_without_a_gap():
    outlet = AudioOutlet()
    ramp = np.linspace(0.001, 1, 4 * PACKET)[:, None]
    for part in np.split(ramp, [1, 700, 701, 2000, 2959]):
        put(outlet, part)
    out = np.concatenate([outlet._take() for _ in range(3)])[FADE:, 0]
    assert np.diff(out).max() < 2 / len(ramp), "no step"
    assert np.diff(out).min() > 0


def test_sound_that_piles_up_is_cut_to_what_is_new():
    outlet = AudioOutlet()
    for number in range(BOUND // PACKET + 2):
        put(outlet, np.full((PACKET, 1), number / 60))
    assert outlet.delay < 0.1
    assert outlet._take()[-1, 0] > 0.7


async def test_switching_sound_leaves_nothing_of_the_old_track():
    outlet, old = AudioOutlet(), NumpyAudioTrack()
    outlet.switch(old)
    put(outlet, np.full((3 * PACKET, 1), 0.5))
    outlet.switch(None)
    frames = [await asyncio.wait_for(outlet.recv(), SOON) for _ in range(3)]
    assert not any(frame.to_ndarray().any() for frame in frames)
    assert not old._sinks


async def test_sound_held_up_for_long_goes_on_in_time_instead_of_rushing():
    outlet = AudioOutlet()
    await outlet.recv()
    time.sleep(0.5)  # noqa: ASYNC251 - a loop that something blocks is what this is about
    began = time.monotonic()
    frames = [await asyncio.wait_for(outlet.recv(), SOON) for _ in range(6)]
    assert time.monotonic() - began > 0.06
    assert frames[0].pts >= 20 * PACKET, "the missed packets are counted"
