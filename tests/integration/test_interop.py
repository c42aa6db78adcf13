"""Raw aiortc: as the other side on a loop of its own, and as the maker of tracks that we send."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from fractions import Fraction

import aiortc
import av
import numpy as np
import pytest
import pytest_asyncio
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError

from jupyter_rtc import (
    MediaStream,
    NumpyVideoTrack,
    PeerConnection,
    TestPattern,
    TestTone,
    connect_pair,
    read_stamp,
)
from jupyter_rtc.engine.loop import engine
from tests.conftest import SCALE

SOON = 10 * SCALE


async def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "did not come about in time"
        await asyncio.sleep(0.005)


async def read(track, *arguments: float) -> np.ndarray:
    return await asyncio.to_thread(track.read, *arguments, timeout=SOON)


class Flat(VideoStreamTrack):
    """A user's own aiortc track: pictures of one brightness that rises."""

    def __init__(self, value: int = 100, count: int | None = None) -> None:
        super().__init__()
        self.value = value
        self.left = count
        self.loops: set[asyncio.AbstractEventLoop] = set()

    async def recv(self) -> av.VideoFrame:
        self.loops.add(asyncio.get_running_loop())
        pts, time_base = await self.next_timestamp()
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.stop()
                raise MediaStreamError
        frame = av.VideoFrame.from_ndarray(np.full((120, 160, 3), self.value, np.uint8), format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


class Beep(AudioStreamTrack):
    """A user's own aiortc track: a tone of 8 kHz mono, as aiortc's own silence is."""

    async def recv(self) -> av.AudioFrame:
        frame = await super().recv()
        times = (frame.pts + np.arange(frame.samples)) / 8000
        samples = (8000 * np.sin(2 * np.pi * 500 * times)).astype(np.int16)
        frame.planes[0].update(samples.tobytes())
        assert frame.time_base == Fraction(1, 8000)
        return frame


@pytest_asyncio.fixture
async def ours() -> AsyncIterator[PeerConnection]:
    async with PeerConnection(name="ours") as connection:
        yield connection


@pytest_asyncio.fixture
async def theirs() -> AsyncIterator[RTCPeerConnection]:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    yield connection
    await connection.close()


async def offer_ours(ours: PeerConnection, theirs: RTCPeerConnection) -> None:
    offer = await ours.set_local_description()
    await theirs.setRemoteDescription(RTCSessionDescription(offer.sdp, offer.type))
    await theirs.setLocalDescription()
    await ours.set_remote_description(theirs.localDescription)


async def offer_theirs(ours: PeerConnection, theirs: RTCPeerConnection) -> None:
    await theirs.setLocalDescription()
    await ours.set_remote_description({"type": theirs.localDescription.type, "sdp": theirs.localDescription.sdp})
    answer = await ours.set_local_description()
    await theirs.setRemoteDescription(RTCSessionDescription(answer.sdp, answer.type))


@pytest.mark.parametrize("negotiate", [offer_ours, offer_theirs])
async def test_raw_aiortc_is_the_other_side_in_both_roles(ours, theirs, negotiate):
    pattern, tone = TestPattern((160, 120)), TestTone(800)
    stream = MediaStream([pattern, tone], id="mine")
    remote: list[aiortc.MediaStreamTrack] = []
    theirs.on("track", remote.append)
    ours.add_track(pattern, stream)
    ours.add_track(tone, stream)
    theirs.addTrack(Flat(90))
    theirs.addTrack(Beep())
    await negotiate(ours, theirs)
    await wait_for(lambda: ours.connection_state == theirs.connectionState == "connected")

    frame = await read(next(r.track for r in ours.get_receivers() if r.track.kind == "video"))
    assert abs(float(frame.mean()) - 90) < 6
    heard = next(r.track for r in ours.get_receivers() if r.track.kind == "audio")
    await read(heard, 0.3)
    sound = (await read(heard, 0.4))[:, 0]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert np.argmax(spectrum) * 48_000 / len(sound) == pytest.approx(500, abs=5)

    assert {track.id for track in remote} == {pattern.id, tone.id}
    pictures = next(track for track in remote if track.kind == "video")
    stamps = []
    while len(stamps) < 5:
        picture = await asyncio.wait_for(pictures.recv(), SOON)
        stamp = read_stamp(picture.to_ndarray(format="rgb24"))
        stamps += [] if stamp is None else [stamp[0]]
    assert stamps == sorted(set(stamps))
    pattern.stop()
    tone.stop()


async def test_a_still_picture_reaches_a_reader_at_raw_aiortc(ours, theirs):
    track = NumpyVideoTrack()
    track.write(np.full((120, 160, 3), 70, np.uint8))
    remote: list[aiortc.MediaStreamTrack] = []
    theirs.on("track", remote.append)
    ours.add_track(track)
    await offer_ours(ours, theirs)
    frames = [await asyncio.wait_for(remote[0].recv(), SOON) for _ in range(3)]
    assert abs(float(frames[2].to_ndarray(format="rgb24").mean()) - 70) < 6
    assert np.diff([frame.pts for frame in frames]).min() > 0


async def test_when_raw_aiortc_closes_our_remote_track_falls_silent(ours, theirs):
    theirs.addTrack(Flat())
    await offer_theirs(ours, theirs)
    (receiver,) = ours.get_receivers()
    await read(receiver.track)
    await theirs.close()
    await wait_for(lambda: receiver.track.muted or receiver.track.ready_state == "ended")
    await wait_for(lambda: ours.connection_state != "connected")


# -- tracks of aiortc -------------------------------------------------------------------------------------------------


async def test_a_users_aiortc_track_is_sent_and_never_on_the_medias_thread(ours):
    track = Flat(60)
    async with PeerConnection() as other:
        sender = ours.add_track(track, MediaStream(id="theirs"))
        assert sender.track is track
        await connect_pair(ours, other)
        (receiver,) = other.get_receivers()
        assert receiver.track.id == track.id
        assert abs(float((await read(receiver.track)).mean()) - 60) < 6
        track.value = 160
        async for frame in receiver.track.frames(timeout=SOON):
            if abs(float(frame.mean()) - 160) < 6:
                break
    assert engine().loop not in track.loops
    assert len(track.loops) == 1
    ours.close()
    assert track.readyState == "live", "it is the user's, and lives on"
    track.stop()


async def test_a_users_aiortc_sound_is_resampled(ours):
    track = Beep()
    async with PeerConnection() as other:
        ours.add_track(track)
        await connect_pair(ours, other)
        (receiver,) = other.get_receivers()
        await read(receiver.track, 0.3)
        sound = (await read(receiver.track, 0.4))[:, 0]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert np.argmax(spectrum) * 48_000 / len(sound) == pytest.approx(500, abs=5)
    track.stop()


async def test_an_aiortc_track_is_sent_once_and_can_be_replaced(ours):
    from jupyter_rtc import InvalidAccessError

    track = Flat()
    sender = ours.add_track(track)
    with pytest.raises(InvalidAccessError):
        ours.add_track(track)
    await sender.replace_track(other := Flat())
    assert sender.track is other
    for each in (track, other):
        each.stop()


async def test_an_aiortc_track_that_ends_leaves_the_connection_alone(ours):
    track = Flat(80, count=5)
    async with PeerConnection() as other:
        ours.add_track(track)
        await connect_pair(ours, other)
        (receiver,) = other.get_receivers()
        await read(receiver.track)
        await wait_for(lambda: track.readyState == "ended")
        await ours.get_senders()[0].replace_track(again := Flat(170))
        async for frame in receiver.track.frames(timeout=SOON):
            if abs(float(frame.mean()) - 170) < 6:
                break
        again.stop()


async def test_an_aiortc_track_whose_code_raises_harms_nothing(ours, caplog):
    class Faulty(VideoStreamTrack):
        async def recv(self) -> av.VideoFrame:
            raise ZeroDivisionError("of the user")

    async with PeerConnection() as other:
        ours.add_track(Faulty())
        tone = TestTone()
        ours.add_track(tone)
        await connect_pair(ours, other)
        heard = next(r.track for r in other.get_receivers() if r.track.kind == "audio")
        assert (await read(heard, 0.1)).shape[0] == 4800
        tone.stop()


# -- an empty datagram ------------------------------------------------------------------------------------------------


def address_of(pc: RTCPeerConnection) -> tuple[str, int]:
    """Return where a connected peer receives."""
    (transport,) = pc._RTCPeerConnection__iceTransports
    pair = transport._connection._nominated[1]
    candidate = pair.local_candidate
    return candidate.host, candidate.port


async def send_empty_datagrams(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as stranger:
        for _ in range(3):
            stranger.sendto(b"", address)
    await asyncio.sleep(0.3)


async def test_upstream_still_needs_the_guard_since_an_empty_datagram_of_a_stranger_ends_a_connection():
    a, b = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    loop = asyncio.get_running_loop()
    told: list[dict] = []
    loop.set_exception_handler(lambda _loop, context: told.append(context))
    a.createDataChannel("x")
    await a.setLocalDescription()
    await b.setRemoteDescription(a.localDescription)
    await b.setLocalDescription()
    await a.setRemoteDescription(b.localDescription)
    await wait_for(lambda: a.connectionState == b.connectionState == "connected")
    await send_empty_datagrams(address_of(a))
    assert a.connectionState != "connected" or told, "the guard of engine/path.py is not needed any more"
    await asyncio.gather(*(asyncio.wait_for(pc.close(), SOON) for pc in (a, b)), return_exceptions=True)


async def test_an_empty_datagram_of_a_stranger_does_not_end_our_connections():
    async with PeerConnection() as a, PeerConnection() as b:
        pattern = TestPattern((160, 120))
        a.add_track(pattern)
        await connect_pair(a, b)
        for connection in (a, b):
            await send_empty_datagrams(address_of(connection._session.peer._pc))
        remote = b.get_receivers()[0].track
        first = await read(remote)
        async for frame in remote.frames(timeout=SOON):
            if (frame != first).any():
                break
        assert (a.connection_state, b.connection_state) == ("connected", "connected")
        pattern.stop()


async def test_empty_datagrams_are_dropped_on_every_transport_of_a_connection():
    async with PeerConnection() as a, PeerConnection() as b:
        a.add_track(TestPattern((160, 120)))
        a.add_transceiver("audio")
        await connect_pair(a, b)
        for connection in (a, b):
            for transport in connection._session.peer._pc._RTCPeerConnection__iceTransports:
                assert "data_received" in vars(transport._connection)
