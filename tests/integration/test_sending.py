"""The sending half of the video path, between connections over real sockets."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
import pytest_asyncio

import jupyter_rtc as rtc
from jupyter_rtc import InvalidStateError, NotSupportedError, NumpyVideoTrack, PeerConnection, TestPattern, TestTone
from jupyter_rtc.engine.loop import engine
from jupyter_rtc.media.broadcast import layers_of
from tests.conftest import SCALE

SOON = 15 * SCALE
Connected = Callable[..., "asyncio.Future[tuple[PeerConnection, PeerConnection]]"]


@pytest_asyncio.fixture
async def connected() -> AsyncIterator[Connected]:
    """Return a function that gives a connected pair, of which the first sends a track."""
    made: list[PeerConnection] = []

    async def connect(track: object, codecs: list[str] | None = None) -> tuple[PeerConnection, PeerConnection]:
        pair = (PeerConnection(), PeerConnection())
        made.extend(pair)
        sender = pair[0].add_track(track)
        if codecs is not None:
            (transceiver,) = [t for t in pair[0].get_transceivers() if t.sender is sender]
            transceiver.set_codec_preferences(codecs)
        await rtc.connect_pair(*pair)
        return pair

    yield connect
    for connection in made:
        await connection.aclose()


async def wait_for(condition: Callable[[], object], what: str = "") -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, what or "did not come about in time"
        await asyncio.sleep(0.01)


def size_of(connection: PeerConnection) -> tuple[int, int] | None:
    picture = connection.get_receivers()[0].track.latest()
    return None if picture is None else picture.shape[1::-1]


def packets_of(connection: PeerConnection) -> object:
    """Return the outlet of a connection's first sender."""
    return connection._session.peer._slots[0]._outlet


async def test_five_peers_that_get_the_same_track_cost_one_encode(connected):
    track = TestPattern(size=(160, 120))
    pairs = [await connected(track) for _ in range(5)]
    for _, other in pairs:
        await wait_for(lambda other=other: size_of(other) == (160, 120))
    (layer,) = layers_of(track)
    before, began = layer.encoder.frames, [packets_of(pair[0]).pictures.frames for pair in pairs]
    await wait_for(lambda: layer.encoder.frames >= before + 30)
    for pair, start in zip(pairs, began, strict=True):
        await wait_for(lambda pair=pair, start=start: packets_of(pair[0]).pictures.frames >= start + 25)
    assert len(layers_of(track)) == 1
    assert len(layer.receivers) == 5


async def test_a_request_for_a_key_frame_reaches_the_one_encoder_that_all_share(connected):
    track = NumpyVideoTrack()
    track.write(np.zeros((48, 64, 3), np.uint8))
    pairs = [await connected(track) for _ in range(2)]
    for _, other in pairs:
        await wait_for(lambda other=other: size_of(other) == (64, 48))
    (layer,) = layers_of(track)
    before = layer.encoder.key_frames
    receiver = pairs[1][1]._session.peer._transceivers[0].receiver

    async def ask() -> None:
        for ssrc in list(receiver._RTCRtpReceiver__remote_streams):
            await receiver._send_rtcp_pli(ssrc)

    engine().call(ask(), SOON)
    await wait_for(lambda: layer.encoder.key_frames > before)


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_a_preferred_codec_is_used(connected, codec):
    track = TestPattern(size=(160, 120))
    _, other = await connected(track, [f"video/{codec}"])
    await wait_for(lambda: size_of(other) == (160, 120))
    assert [layer.wish.codec for layer in layers_of(track)] == [codec]


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_the_configured_codec_comes_first(connected, codec, monkeypatch):
    monkeypatch.setattr(rtc.config, "_codec", codec)
    track = TestPattern(size=(160, 120))
    a, other = await connected(track)
    await wait_for(lambda: size_of(other) == (160, 120))
    assert a.get_senders()[0].get_parameters()["codecs"][0]["mimeType"] == f"video/{codec}"
    assert [layer.wish.codec for layer in layers_of(track)] == [codec]


async def test_the_codec_may_change_in_mid_call(connected):
    track = TestPattern(size=(160, 120))
    a, other = await connected(track, ["video/VP8", "video/H264"])
    await wait_for(lambda: size_of(other) == (160, 120))
    a.get_transceivers()[0].set_codec_preferences(["video/H264", "video/VP8"])
    a.add_track(TestTone())  # the next negotiation brings it
    await wait_for(lambda: [layer.wish.codec for layer in layers_of(track)] == ["H264"])
    seen = other.get_receivers()[0].track.stats["frames_in"]
    await wait_for(lambda: other.get_receivers()[0].track.stats["frames_in"] > seen + 10)


async def test_colours_arrive_as_they_were_sent(connected):
    for codec in ("VP8", "H264"):
        track = NumpyVideoTrack()
        track.write(np.full((48, 64, 3), (40, 120, 200), np.uint8))
        _, other = await connected(track, [f"video/{codec}"])
        picture = await asyncio.to_thread(other.get_receivers()[0].track.read, SOON)
        assert np.abs(picture.reshape(-1, 3).mean(0) - (40, 120, 200)).max() <= 5


async def test_the_picture_is_scaled_down(connected):
    track = TestPattern(size=(320, 240))
    a, other = await connected(track)
    await wait_for(lambda: size_of(other) == (320, 240))
    a.get_senders()[0].set_parameters(scale_resolution_down_by=2)
    await wait_for(lambda: size_of(other) == (160, 120))
    a.get_senders()[0].set_parameters(scale_resolution_down_by=1)
    await wait_for(lambda: size_of(other) == (320, 240))


async def test_parameters_set_before_the_connection_hold(connected):
    track = TestPattern(size=(320, 240))
    a, b = PeerConnection(), PeerConnection()
    sender = a.add_track(track)
    sender.set_parameters(scale_resolution_down_by=4, max_bitrate=200_000)
    await rtc.connect_pair(a, b)
    await wait_for(lambda: size_of(b) == (80, 60))
    assert layers_of(track)[0].target <= 200_000
    await a.aclose()
    await b.aclose()


async def test_what_is_not_active_is_not_sent_until_it_is_again(connected):
    track = TestPattern(size=(160, 120))
    a, other = await connected(track)
    await wait_for(lambda: size_of(other))
    (sender,) = a.get_senders()
    sender.set_parameters(active=False)
    await wait_for(lambda: not layers_of(track))
    sent = packets_of(a).pictures.frames
    await asyncio.sleep(0.3)
    assert packets_of(a).pictures.frames <= sent + 1
    sender.set_parameters(active=True)
    await wait_for(lambda: packets_of(a).pictures.frames > sent + 10)


async def test_the_frame_rate_is_limited(connected):
    track = TestPattern(size=(160, 120), fps=30)
    a, other = await connected(track)
    await wait_for(lambda: size_of(other))
    a.get_senders()[0].set_parameters(max_framerate=5)
    await wait_for(lambda: layers_of(track)[0].wish.max_framerate == 5)
    layer = layers_of(track)[0]
    before, began = layer.encoder.frames, time.monotonic()
    await wait_for(lambda: layer.encoder.frames >= before + 10)
    assert time.monotonic() - began > 1.5


async def test_the_bit_rate_is_limited(connected):
    random = np.random.default_rng(1)
    frames = [random.integers(0, 255, (30, 40, 3), np.uint8).repeat(8, 0).repeat(8, 1) for _ in range(30)]
    track = NumpyVideoTrack(np.array(frames), fps=15)
    a, other = await connected(track)
    await wait_for(lambda: size_of(other))
    a.get_senders()[0].set_parameters(max_bitrate=300_000)
    outlet = packets_of(a)
    await asyncio.sleep(1)  # what came before is no longer counted
    before, began = outlet.bytes, time.monotonic()
    await asyncio.sleep(3)
    assert (outlet.bytes - before) * 8 / (time.monotonic() - began) < 450_000


async def test_parameters_can_be_read(connected):
    a, _ = await connected(TestPattern())
    (sender,) = a.get_senders()
    assert sender.get_parameters()["encodings"] == [{"active": True, "scaleResolutionDownBy": 1.0}]
    sender.set_parameters(max_bitrate=500_000, max_framerate=10, scale_resolution_down_by=1.5, active=False)
    parameters = sender.get_parameters()
    assert parameters["encodings"] == [
        {"active": False, "maxBitrate": 500_000, "maxFramerate": 10, "scaleResolutionDownBy": 1.5}
    ]
    assert parameters["codecs"][0]["mimeType"] == "video/VP8"
    assert parameters["codecs"][0]["clockRate"] == 90_000
    sender.set_parameters(max_bitrate=math.inf)
    assert "maxBitrate" not in sender.get_parameters()["encodings"][0]
    assert sender.get_parameters()["encodings"][0]["maxFramerate"] == 10


async def test_parameters_are_changed_as_in_javascript(connected):
    a, other = await connected(TestPattern())
    (sender,) = a.get_senders()
    parameters = sender.get_parameters()
    parameters["encodings"][0] |= {"maxBitrate": 500_000, "maxFramerate": 15, "scaleResolutionDownBy": 2}
    sender.set_parameters(parameters)
    assert sender.get_parameters() == parameters
    await wait_for(lambda: size_of(other) == (320, 240))
    del parameters["encodings"][0]["maxBitrate"]
    parameters["encodings"][0]["active"] = False
    sender.set_parameters(parameters)
    assert sender.get_parameters() == parameters
    sender.set_parameters({"encodings": [{}]})
    assert sender.get_parameters()["encodings"] == [{"active": True, "scaleResolutionDownBy": 1.0}]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"encodings": [{"active": False, "maxBitrate": "many"}]}, TypeError),
        ({"encodings": [{"active": False, "maxBitrate": -1}]}, ValueError),
        ({"encodings": [{"active": False, "scaleResolutionDownBy": 0.5}]}, ValueError),
        ({"encodings": [{"active": False, "max_bitrate": 9}]}, TypeError),
        ({"encodings": [{"active": False}, {}]}, TypeError),
        ({"encodings": []}, TypeError),
        ({"encodings": {"active": False}}, TypeError),
        ({"encodings": [None]}, TypeError),
        ({"active": False}, TypeError),
        ([], TypeError),
        (500_000, TypeError),
    ],
)
def test_wrong_dicts_are_refused_and_change_nothing(wrong, error):
    connection = PeerConnection()
    sender = connection.add_track(TestPattern())
    before = sender.get_parameters()
    with pytest.raises(error):
        sender.set_parameters(wrong)
    with pytest.raises(TypeError, match="not both"):
        sender.set_parameters(before, active=False)
    assert sender.get_parameters() == before
    connection.close()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"scale_resolution_down_by": 0.5}, ValueError),
        ({"scale_resolution_down_by": math.nan}, ValueError),
        ({"scale_resolution_down_by": "2"}, TypeError),
        ({"max_framerate": -1}, ValueError),
        ({"max_bitrate": -1}, ValueError),
        ({"max_bitrate": "many"}, TypeError),
        ({"max_bitrate": True}, TypeError),
    ],
)
def test_wrong_parameters_are_refused_and_change_nothing(wrong, error):
    connection = PeerConnection()
    sender = connection.add_track(TestPattern())
    before = sender.get_parameters()
    with pytest.raises(error, match=next(iter(wrong))):
        sender.set_parameters(active=False, **wrong)
    assert sender.get_parameters() == before
    connection.close()


def test_no_parameters_on_what_is_stopped_or_closed():
    connection = PeerConnection()
    sender = connection.add_track(TestPattern())
    connection.get_transceivers()[0].stop()
    with pytest.raises(InvalidStateError):
        sender.set_parameters(active=False)
    connection.close()
    with pytest.raises(InvalidStateError):
        sender.set_parameters(active=True)


def test_sound_has_no_size_and_no_bit_rate_to_choose():
    connection = PeerConnection()
    sender = connection.add_track(TestTone())
    sender.set_parameters(scale_resolution_down_by=2, active=False)
    assert sender.get_parameters()["encodings"] == [{"active": False}]
    with pytest.raises(NotSupportedError):
        sender.set_parameters(max_bitrate=32_000)
    connection.close()
