"""One end of a connection, in a process of its own: ours, or stock aiortc as its examples use it.

``python -m tests.far send|receive|echo|map ours|stock [SECONDS]``. Descriptions go by stdin and stdout, one JSON value
a line; the sender offers, or whoever is on the other side of an echo. ``map`` sends pictures back inverted, but for
their stamps. At the end the receiver prints what came, with times of ``time.time()``::

    {"pictures": [[when, number, taken], ...], "sounds": [[when, delay], ...], "cpu_of_a_core": ...}

The sound is a burst every half second, at one of four pitches in turn, so that its delay can be told.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

SIZE = (640, 480)
FPS = 29
PERIOD = 0.5
LENGTH = 0.04
PITCHES = (600.0, 1000.0, 1600.0, 2500.0)


def main(role: str, kind: str, seconds: str = "20") -> None:
    asyncio.run(_run(role, kind, float(seconds)))


async def _run(role: str, kind: str, seconds: float) -> None:
    received = Received()
    async with ours(role, received) if kind == "ours" else stock(role, received):
        say({"connected": time.time()})
        cpu = time.process_time()
        await asyncio.sleep(seconds)
        if role == "receive":
            cpu = (time.process_time() - cpu) / seconds
            say({"pictures": received.pictures, "sounds": received.sounds, "cpu_of_a_core": cpu})


def say(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def hear() -> Any:
    return json.loads(await asyncio.to_thread(sys.stdin.readline))


def inverted(pixels: np.ndarray) -> np.ndarray:
    """Return a picture of inverted colours that keeps its stamp."""
    pixels = pixels.copy()
    pixels[64:] = 255 - pixels[64:]
    return pixels


def bursts(wall: np.ndarray) -> np.ndarray:
    """Return the sound of these moments of ``time.time()``."""
    number = np.floor(wall / PERIOD)
    since = wall - number * PERIOD
    pitch = np.array(PITCHES)[number.astype(int) % len(PITCHES)]
    return np.where(since < LENGTH, 0.5 * np.sin(2 * np.pi * pitch * since), 0.0)


class Received:
    """What came, and when."""

    def __init__(self) -> None:
        self.pictures: list[tuple[float, int, float]] = []
        self.sounds: list[tuple[float, float]] = []
        self._quiet = 0
        self._burst: list[np.ndarray] = []
        self._began = 0.0

    def picture(self, pixels: np.ndarray) -> None:
        stamp = _pattern().read_stamp(pixels)
        if stamp is not None:
            self.pictures.append((time.time(), *stamp))

    def sound(self, samples: np.ndarray) -> None:
        """Find the bursts' beginnings, and tell by their pitch which they are."""
        now = time.time()
        mono = samples[:, 0]
        loud = np.abs(mono) > 0.12
        if self._burst:
            self._burst.append(mono)
            if sum(map(len, self._burst)) >= 1440:
                self._tell(np.concatenate(self._burst)[:1440])
        elif loud.any() and self._quiet > 4800:
            first = int(loud.argmax())
            self._began = now - (len(mono) - first) / 48_000
            self._burst = [mono[first:]]
        self._quiet = 0 if loud.any() else self._quiet + len(mono)

    def _tell(self, burst: np.ndarray) -> None:
        self._burst = []
        spectrum = np.abs(np.fft.rfft(burst * np.hanning(len(burst)), 48_000))
        pitch = min(range(len(PITCHES)), key=lambda i: abs(PITCHES[i] - spectrum.argmax()))
        number = int(self._began / PERIOD) - (int(self._began / PERIOD) - pitch) % len(PITCHES)
        # The last sample of a stretch of sound is as old as it takes to be given, not the first: hence the delay of the
        # stretch itself, 20 ms at most, is left out.
        self.sounds.append((self._began, self._began - number * PERIOD))


def _pattern() -> Any:
    """Return media/pattern.py; where the package is not loaded, without its engine, which changes aiortc."""
    if "jupyter_rtc" not in sys.modules:
        package = sys.modules["jupyter_rtc"] = ModuleType("jupyter_rtc")
        package.__path__ = [str(Path(__file__).parent.parent / "jupyter_rtc")]
    from jupyter_rtc.media import pattern

    return pattern


@asynccontextmanager
async def ours(role: str, received: Received) -> AsyncIterator[None]:
    import jupyter_rtc as rtc

    pc = rtc.PeerConnection()
    if role == "send":
        start: list[float] = []

        def sound(times: np.ndarray) -> np.ndarray:
            start[:] = start or [time.time() - times[0]]
            return bursts(times + start[0])

        pc.add_track(rtc.TestPattern(SIZE, FPS))
        pc.add_track(rtc.NumpyAudioTrack(sound))
        say({"type": "offer", "sdp": (await pc.set_local_description()).sdp})
        await pc.set_remote_description(await hear())
    else:
        await pc.set_remote_description(await hear())
        if role in ("echo", "map"):
            for receiver in pc.get_receivers():
                pc.add_track(receiver.track.map(inverted) if role == "map" else receiver.track)
        say({"type": "answer", "sdp": (await pc.set_local_description()).sdp})
        for receiver in pc.get_receivers():
            if role == "receive":
                receiver.track.on_frame(received.picture if receiver.track.kind == "video" else received.sound)
    while pc.connection_state != "connected":  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield
    pc.close()


@asynccontextmanager
async def stock(role: str, received: Received) -> AsyncIterator[None]:
    from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
    from av import AudioFrame, VideoFrame

    pattern = _pattern()

    class Pictures(VideoStreamTrack):
        def __init__(self) -> None:
            super().__init__()
            self._source = pattern.TestPattern(SIZE, FPS)
            self._start = time.time()
            self._count = 0

        async def recv(self) -> VideoFrame:
            self._count += 1
            await asyncio.sleep(max(0.0, self._start + self._count / FPS - time.time()))
            frame = VideoFrame.from_ndarray(self._source._draw(self._count / FPS), format="rgb24")
            frame.pts, frame.time_base = self._count * 90_000 // FPS, Fraction(1, 90_000)
            return frame

    class Sounds(MediaStreamTrack):
        kind = "audio"

        def __init__(self) -> None:
            super().__init__()
            self._start = time.time()
            self._count = 0

        async def recv(self) -> AudioFrame:
            begin = self._start + self._count * 0.02
            await asyncio.sleep(max(0.0, begin + 0.02 - time.time()))
            samples = (bursts(begin + np.arange(960) / 48_000) * 32767).astype(np.int16)
            frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, self._count * 960, Fraction(1, 48_000)
            self._count += 1
            return frame

    async def read(track: Any) -> None:
        while True:
            frame = await track.recv()
            if track.kind == "video":
                received.picture(await asyncio.to_thread(frame.to_ndarray, format="rgb24"))
            else:
                received.sound(frame.to_ndarray().reshape(-1, 2).astype(np.float32) / 32768)

    class Mapped(MediaStreamTrack):
        kind = "video"

        def __init__(self, track: Any) -> None:
            super().__init__()
            self._track = track

        async def recv(self) -> VideoFrame:
            frame = await self._track.recv()
            made = VideoFrame.from_ndarray(inverted(frame.to_ndarray(format="rgb24")), format="rgb24")
            made.pts, made.time_base = frame.pts, frame.time_base
            return made

    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    tasks = []

    def take(track: Any) -> None:
        if role in ("echo", "map"):
            pc.addTrack(Mapped(track) if role == "map" else track)
        else:
            tasks.append(asyncio.ensure_future(read(track)))

    pc.on("track", take)
    if role == "send":
        pc.addTrack(Pictures())
        pc.addTrack(Sounds())
        await pc.setLocalDescription(await pc.createOffer())
        say({"type": "offer", "sdp": pc.localDescription.sdp})
        await pc.setRemoteDescription(RTCSessionDescription(**await hear()))
    else:
        await pc.setRemoteDescription(RTCSessionDescription(**await hear()))
        await pc.setLocalDescription(await pc.createAnswer())
        say({"type": "answer", "sdp": pc.localDescription.sdp})
    while pc.connectionState != "connected":  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield
    for task in tasks:
        task.cancel()
    await pc.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
