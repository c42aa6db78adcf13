"""Encode once: layers, who shares them, and what each sender is handed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace

from jupyter_rtc import NumpyVideoTrack
from jupyter_rtc.config import Bitrate
from jupyter_rtc.media import broadcast
from jupyter_rtc.media.broadcast import KEY_FRAME_BURST, REPEATS, KeyFrameLimit, layers_of
from jupyter_rtc.media.packets import BOUND, Outgoing, PacketOutlet
from jupyter_rtc.media.relay import RelayTrack
from tests.conftest import SCALE

SOON = 5 * SCALE
NOT_COMING = 0.3


def picture(value: int, size: tuple[int, int] = (32, 24)) -> np.ndarray:
    return np.full((size[1], size[0], 3), value, np.uint8)


def written(value: int = 100, size: tuple[int, int] = (32, 24)) -> NumpyVideoTrack:
    track = NumpyVideoTrack(fps=100)
    track.write(picture(value, size))
    return track


def noisy(fps: float = 30) -> NumpyVideoTrack:
    random = np.random.default_rng(1)
    frames = [random.integers(0, 255, (120, 160, 3), np.uint8) for _ in range(10)]
    return NumpyVideoTrack(np.array(frames), fps=fps)


def moving(fps: float = 50) -> NumpyVideoTrack:
    return NumpyVideoTrack(lambda seconds: picture(int(seconds * 50) % 256), fps=fps)


def outlet_of(track: NumpyVideoTrack | None, codec: str = "VP8", **limits: int) -> PacketOutlet:
    outlet = PacketOutlet(Bitrate(**limits))
    outlet.set_codec(codec)
    outlet.switch(track)
    outlet.run(True)
    return outlet


async def received(outlet: PacketOutlet, timeout: float = SOON) -> Outgoing:
    return await asyncio.wait_for(outlet.recv(), timeout)


async def eventually(condition: Callable[[], object], what: str = "") -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


async def drain(outlet: PacketOutlet) -> None:
    while True:
        await outlet.recv()


class Decoder:
    def __init__(self) -> None:
        self._codec = av.CodecContext.create("libvpx", "r")

    def __call__(self, outgoing: Outgoing) -> int:
        (frame,) = self._codec.decode(av.Packet(outgoing.encoded.data))
        return int(frame.to_ndarray(format="rgb24", src_colorspace=Colorspace.ITU601)[0, 0, 0])


async def test_the_first_picture_is_a_key_frame_and_comes_at_once():
    track = written()
    outlet = outlet_of(track)
    began = time.monotonic()
    first = await received(outlet)
    assert first.encoded.key
    assert first.pts == 0
    assert time.monotonic() - began < SOON / 2
    outlet.close()


async def test_five_receivers_cost_one_encode():
    track = moving()
    outlets = [outlet_of(track) for _ in range(5)]
    for _ in range(20):
        pictures = [await received(outlet) for outlet in outlets]
    (layer,) = layers_of(track)
    handed_out = [outlet.pictures.frames for outlet in outlets]
    assert min(handed_out) >= 20
    assert layer.encoder.frames <= max(handed_out) + BOUND
    assert len({id(p.encoded) for p in pictures}) < 5, "they are handed the same bytes"
    for outlet in outlets:
        outlet.close()
    track.stop()


async def test_the_track_tells_what_its_encoders_do():
    track = written()
    assert "encoders" not in track.stats
    outlet = outlet_of(track)
    await received(outlet)
    (encoder,) = track.stats["encoders"]
    assert (encoder["codec"], encoder["width"], encoder["height"], encoder["receivers"]) == ("VP8", 32, 24, 1)
    assert encoder["frames_encoded"] >= encoder["key_frames"] >= 1
    assert encoder["target_bitrate"] == outlet.target
    outlet.close()
    assert "encoders" not in track.stats


async def test_the_last_to_leave_ends_the_encoder_and_the_source():
    track = moving()
    track.label = "soon left"
    outlets = [outlet_of(track) for _ in range(2)]
    for outlet in outlets:
        await received(outlet)
    (layer,) = layers_of(track)
    (thread,) = (thread for thread in threading.enumerate() if thread.name == f"jupyter-rtc encoder {track.label}")
    outlets[0].close()
    assert layers_of(track) == [layer]
    outlets[1].close()
    assert layers_of(track) == []
    assert not track._sinks
    thread.join(SOON)
    assert not thread.is_alive()


async def test_codecs_and_sizes_have_encoders_of_their_own():
    track = written(size=(64, 48))
    first, second, third = outlet_of(track), outlet_of(track, "H264"), outlet_of(track)
    third.set_parameters(scale=2, max_framerate=None, max_bitrate=None, active=True)
    sizes = [(await received(outlet)).encoded.size for outlet in (first, second)]
    assert sizes == [(64, 48)] * 2
    await eventually(lambda: len(layers_of(track)) == 3)
    while (await received(third)).encoded.size != (32, 24):
        pass
    for outlet in (first, second, third):
        outlet.close()


async def test_who_joins_late_begins_with_a_key_frame_and_sees_what_the_others_see():
    track = written(77)
    first = outlet_of(track)
    await received(first)
    second = outlet_of(track)
    outgoing = await received(second, 1 * SCALE)
    assert outgoing.encoded.key
    assert Decoder()(outgoing) == pytest.approx(77, abs=4)
    assert len(layers_of(track)) == 1
    first.close()
    second.close()


async def test_a_key_frame_comes_at_once_when_it_is_asked_for():
    track = written()
    outlet = outlet_of(track)
    await received(outlet)
    began = time.monotonic()
    outlet.nudge()
    while not (await received(outlet)).encoded.key:
        pass
    assert time.monotonic() - began < 0.5 * SCALE
    outlet.close()


async def test_renewed_the_next_picture_is_a_key_frame_and_none_is_given_twice():
    track = written()
    outlet = outlet_of(track)
    for _ in range(len(REPEATS) + 2):  # it stands still, and is given only so often
        await received(outlet)
    keys, began = outlet.pictures.keys, time.monotonic()
    outlet.renew()
    await asyncio.sleep(0.1)
    track.write(picture(101))
    assert (first := await received(outlet)).encoded.key
    assert first.encoded.time >= began + 0.1 or time.monotonic() - began > REPEATS[-1]
    assert outlet.pictures.keys == keys + 1
    assert not (await received(outlet)).encoded.key
    outlet.close()


async def test_a_storm_of_requests_makes_few_key_frames():
    track = moving()
    outlet = outlet_of(track)
    began = time.monotonic()
    while time.monotonic() - began < 1.5:
        outlet.nudge()
        await received(outlet)
    assert 2 <= outlet.pictures.keys <= KEY_FRAME_BURST + 3
    outlet.close()


def test_key_frames_are_given_at_once_then_rarely():
    limit = KeyFrameLimit(0.0)
    given = []
    for step in range(1000):
        now = step / 100
        limit.wanted = True
        if limit.due(now) <= now:
            limit.given(now)
            given.append(now)
    assert given[0] == 0.0
    assert np.diff(given).min() >= 0.1
    assert len(given) <= 10 + KEY_FRAME_BURST + 1


async def test_times_go_on_over_a_switch():
    old, new = written(50), written(200)
    outlet, decode = outlet_of(old), Decoder()
    first = await received(outlet)
    assert decode(first) == pytest.approx(50, abs=4)
    outlet.switch(new)
    second = await received(outlet)
    assert second.encoded.key
    assert decode(second) == pytest.approx(200, abs=4)
    assert 0 < second.pts - first.pts < 90_000 * SOON
    outlet.close()


async def test_after_a_switch_nothing_of_the_old_track_comes():
    old = moving()
    outlet = outlet_of(old)
    await received(outlet)
    outlet.switch(None)
    with pytest.raises(TimeoutError):
        await received(outlet, NOT_COMING)
    assert layers_of(old) == []
    outlet.close()
    old.stop()


async def test_what_is_not_active_is_not_encoded():
    track = written()
    outlet = outlet_of(track)
    await received(outlet)
    outlet.set_parameters(scale=1, max_framerate=None, max_bitrate=None, active=False)
    assert layers_of(track) == []
    outlet.set_parameters(scale=1, max_framerate=None, max_bitrate=None, active=True)
    assert (await received(outlet)).encoded.key
    outlet.close()


async def test_nothing_is_encoded_before_it_can_be_sent():
    track = written()
    outlet = PacketOutlet(Bitrate())
    outlet.set_codec("VP8")
    outlet.switch(track)
    assert layers_of(track) == []
    outlet.run(True)
    assert len(layers_of(track)) == 1
    outlet.close()


async def test_the_frame_rate_is_limited():
    track = moving(fps=60)
    outlet = outlet_of(track)
    outlet.set_parameters(scale=1, max_framerate=10, max_bitrate=None, active=True)
    for _ in range(5):
        await received(outlet)
    times = [(await received(outlet)).encoded.time for _ in range(12)]
    assert np.median(np.diff(times)) > 0.085
    outlet.close()
    track.stop()


async def test_a_camera_that_is_off_is_seen_to_be_off():
    source = moving()
    track = RelayTrack("video", source)
    outlet, decode = outlet_of(track), Decoder()
    decode(await received(outlet))
    source.stop()
    track._plug(None)
    deadline = time.monotonic() + SOON
    while decode(await received(outlet)) > 5:
        assert time.monotonic() < deadline
    outlet.close()


async def test_a_slow_receiver_gets_an_encoder_of_its_own_and_the_others_keep_theirs():
    track = noisy()
    fast, slow = outlet_of(track), outlet_of(track)
    draining = [asyncio.ensure_future(drain(outlet)) for outlet in (fast, slow)]
    await eventually(lambda: fast.pictures.frames and slow.pictures.frames)
    (shared,) = layers_of(track)
    await eventually(lambda: shared.rate > broadcast.LITTLE)
    slow.rate._target = 80_000.0
    slow.reconsider()
    await eventually(lambda: slow._layer is not shared, "the slow one has moved")
    assert fast._layer is shared
    assert shared.target > 1_000_000
    assert slow._layer.target == slow.target
    before = slow.pictures.frames
    await eventually(lambda: slow.pictures.frames > before + 3)
    for task in draining:
        task.cancel()
    fast.close()
    slow.close()
    track.stop()


async def test_a_slow_receiver_of_an_easy_picture_stays_with_the_others():
    track = moving()
    fast, slow = outlet_of(track), outlet_of(track)
    draining = [asyncio.ensure_future(drain(outlet)) for outlet in (fast, slow)]
    await eventually(lambda: fast.pictures.frames > 20 and slow.pictures.frames > 20)
    slow.rate._target = 1_000_000.0
    slow.reconsider()
    assert len(layers_of(track)) == 1
    assert slow._next is slow._layer
    for task in draining:
        task.cancel()
    fast.close()
    slow.close()
    track.stop()


async def test_a_receiver_that_is_fast_again_comes_back(monkeypatch):
    monkeypatch.setattr(broadcast, "DWELL", 0.1)
    track = noisy()
    fast, slow = outlet_of(track), outlet_of(track)
    draining = [asyncio.ensure_future(drain(outlet)) for outlet in (fast, slow)]
    await eventually(lambda: fast.pictures.frames and slow.pictures.frames)
    (shared,) = layers_of(track)
    await eventually(lambda: shared.rate > broadcast.LITTLE)
    slow.rate._target = 80_000.0
    slow.reconsider()
    await eventually(lambda: slow._layer is not shared)
    slow.rate._target = fast.rate.target

    def back() -> bool:
        fast.reconsider()
        slow.reconsider()
        return slow._layer is shared

    await eventually(back)
    assert layers_of(track) == [shared]
    for task in draining:
        task.cancel()
    fast.close()
    slow.close()
    track.stop()


async def test_a_lone_receiver_keeps_its_encoder_at_any_rate():
    track = moving()
    outlet = outlet_of(track)
    await received(outlet)
    (layer,) = layers_of(track)
    for target in (200_000.0, 4_000_000.0, 300_000.0):
        outlet.rate._target = target
        outlet.reconsider()
        await received(outlet)
    assert layers_of(track) == [layer]
    outlet.close()
    track.stop()


async def test_a_sender_that_is_held_up_begins_anew_with_a_key_frame():
    track = moving(fps=100)
    other = outlet_of(track)
    outlet = outlet_of(track)
    await received(outlet)
    draining = asyncio.ensure_future(drain(other))
    await eventually(lambda: outlet.dropped > 0)
    assert other.pictures.frames > BOUND, "and the other is not"
    assert len(outlet._slot) <= BOUND
    outgoing = await received(outlet)
    while not outgoing.encoded.key:
        outgoing = await received(outlet)
    draining.cancel()
    other.close()
    outlet.close()
    track.stop()


async def test_for_a_sender_that_is_held_up_nothing_further_is_encoded():
    track = moving(fps=100)
    outlet = outlet_of(track)
    await received(outlet)
    (layer,) = layers_of(track)
    await eventually(lambda: layer.dropped_rate > 5)
    assert len(outlet._slot) <= 4
    outlet.close()
    track.stop()


async def test_a_picture_that_cannot_be_encoded_costs_the_picture_only(monkeypatch, caplog):
    track = moving()
    outlet = outlet_of(track)
    await received(outlet)
    (layer,) = layers_of(track)
    encode = layer.encoder.encode
    failures = iter([True, True])

    def failing(*args: object, **options: object) -> bytes:
        if next(failures, False):
            raise ValueError("no")
        return encode(*args, **options)

    monkeypatch.setattr(layer.encoder, "encode", failing)
    await eventually(lambda: "could not be encoded" in caplog.text)
    before = outlet.pictures.frames
    for _ in range(BOUND + 5):
        await received(outlet)
    assert outlet.pictures.frames > before
    outlet.close()
    track.stop()
