"""Sound from one connection to another: a tone stays whole."""

from __future__ import annotations

import asyncio
import itertools
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from jupyter_rtc import NumpyAudioTrack, PeerConnection, TestTone, connect_pair
from tests.tone import examine

from .waiting import SOON, until

SECONDS = 6


async def test_a_tone_comes_without_clicks_and_without_holes():
    a, b = PeerConnection(), PeerConnection()
    tone = TestTone(440)
    a.add_track(tone)
    await connect_pair(a, b)
    parts: list[np.ndarray] = []
    stop = b.get_receivers()[0].track.on_frame(lambda sound: parts.append(sound[:, 0]))
    await asyncio.sleep(SECONDS)
    stop()
    for connection in (a, b):
        connection.close()
    tone.stop()
    sound = np.concatenate(parts)
    assert abs(len(sound) / 48_000 - SECONDS) < 1
    found = examine(sound[24_000:], 440)
    assert abs(found.level - 0.25) < 0.03
    assert found.clicks <= 5, "of more than 500 blocks, on a machine that may be busy"
    assert found.holes <= 5


async def test_stereo_stays_stereo_and_every_description_says_so():
    def left(t: np.ndarray) -> np.ndarray:
        return np.stack([0.5 * np.sin(2 * np.pi * 440 * t), np.zeros_like(t)], axis=1).astype(np.float32)

    async with PeerConnection() as a, PeerConnection() as b:
        a.add_track(NumpyAudioTrack(left, channels=2))
        await connect_pair(a, b)
        for description in (a.local_description, b.local_description):
            assert description is not None
            assert "stereo=1;sprop-stereo=1" in description.sdp
        track: Any = b.get_receivers()[0].track
        await asyncio.to_thread(track.read, 0.5, timeout=SOON)
        levels = np.sqrt((await asyncio.to_thread(track.read, 0.5, timeout=SOON) ** 2).mean(axis=0))
        assert levels[0] > 0.2
        assert levels[1] < 0.02


class Opus(MediaStreamTrack):
    """Packets of a length of one's own, of silence."""

    kind = "audio"

    def __init__(self, milliseconds: int) -> None:
        super().__init__()
        encoder: Any = av.CodecContext.create("libopus", "w")
        encoder.layout, encoder.format, encoder.sample_rate = "stereo", "s16", 48_000
        encoder.options = {"frame_duration": str(milliseconds)}
        frame = av.AudioFrame(format="s16", layout="stereo", samples=48 * milliseconds)
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        self._data = next(bytes(p) for p in itertools.chain(encoder.encode(frame), encoder.encode(None)))
        self._milliseconds, self._number = milliseconds, 0

    async def recv(self) -> av.Packet:
        """Return the next."""
        await asyncio.sleep(self._milliseconds / 1000)
        packet = av.Packet(self._data)
        packet.pts, packet.time_base = self._number * 48 * self._milliseconds, Fraction(1, 48_000)
        self._number += 1
        return packet


@pytest.mark.parametrize("milliseconds", [10, 20, 60])
async def test_what_is_concealed_is_counted_in_samples_whatever_a_packet_lasts(milliseconds):
    other = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    async with PeerConnection() as pc:
        sender = other.addTransceiver(Opus(milliseconds), direction="sendonly").sender
        await other.setLocalDescription()
        await pc.set_remote_description({"type": "offer", "sdp": other.localDescription.sdp})
        answer = await pc.set_local_description()
        send, sent = sender.transport._send_rtp, itertools.count()

        async def lose(data: bytes) -> None:
            if 192 <= data[1] < 224 or next(sent) % 10 not in (3, 4):  # two in a row, of ten
                await send(data)

        sender.transport._send_rtp = lose
        await other.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
        track: Any = pc.get_receivers()[0].track
        stop = track.on_frame(lambda _sound: None)
        await until(lambda: track.stats["concealed"] >= 6)
        stop()
        (counted,) = (e for e in (await pc.get_stats()).values() if e["type"] == "inbound-rtp")
        packets = track.stats["concealed"]
        assert counted["concealedSamples"] == packets * 48 * milliseconds
        assert counted["concealmentEvents"] == pytest.approx(packets / 2, abs=1)
        assert counted["totalSamplesReceived"] > counted["concealedSamples"]
    await other.close()
