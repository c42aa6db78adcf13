"""A link that narrows from 4 Mbit/s to 500 kbit/s for ten seconds: how old pictures are in it, and afterwards.

Two processes at the two ends of `tests.link`. The picture is busy: it takes whatever rate there is.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from fractions import Fraction
from itertools import pairwise
from statistics import median, quantiles
from typing import Any

import numpy as np

from tests.bench import report
from tests.link import Link, why_not

ROUNDS = 2
WIDE, NARROW = 4_000_000, 500_000
BEFORE, WITHIN, AFTER = 12.0, 10.0, 15.0
SIZE, FPS = (640, 480), 29


def make() -> Any:
    """Return a function of a number that gives a busy picture with its number and time."""
    from jupyter_rtc.media.pattern import write_stamp
    from tests.bench._views import PICTURES

    names: dict[str, Any] = {}
    exec(PICTURES, names)
    draw = names["busy"](*SIZE)

    def picture(number: int) -> np.ndarray:
        pixels = draw(number)
        write_stamp(pixels, number, time.time())
        return pixels

    return picture


async def send(side: str, stack: AsyncExitStack) -> None:
    """Offer the picture."""
    picture = make()
    if side == "ours":
        import jupyter_rtc as rtc

        pc = await stack.enter_async_context(rtc.PeerConnection())
        pc.add_track(rtc.NumpyVideoTrack(lambda seconds: picture(round(seconds * FPS)), fps=FPS))
        say((await pc.set_local_description()).sdp)
        await pc.set_remote_description({"type": "answer", "sdp": await hear()})
        return
    from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
    from av import VideoFrame

    class Pictures(VideoStreamTrack):
        number, began = -1, time.monotonic()

        async def recv(self) -> VideoFrame:
            self.number = max(self.number + 1, int((time.monotonic() - self.began) * FPS))
            await asyncio.sleep(max(0.0, self.began + self.number / FPS - time.monotonic()))
            frame = VideoFrame.from_ndarray(picture(self.number), format="rgb24")
            frame.pts, frame.time_base = int(self.number / FPS * 90_000), Fraction(1, 90_000)
            return frame

    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    stack.push_async_callback(pc.close)
    pc.addTrack(Pictures())
    await pc.setLocalDescription(await pc.createOffer())
    say(pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(await hear(), "answer"))


async def receive(side: str, stack: AsyncExitStack, seen: list[tuple[float, int, float]]) -> None:
    """Answer, and note when which picture came."""
    from jupyter_rtc.media.pattern import read_stamp

    def note(pixels: np.ndarray) -> None:
        stamp = read_stamp(pixels)
        if stamp is not None:
            seen.append((time.time(), *stamp))

    if side == "ours":
        import jupyter_rtc as rtc

        pc = await stack.enter_async_context(rtc.PeerConnection())
        await pc.set_remote_description({"type": "offer", "sdp": await hear()})
        say((await pc.set_local_description()).sdp)
        pc.get_receivers()[0].track.on_frame(note)
        return
    from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    stack.push_async_callback(pc.close)
    tasks = []

    async def read(track: Any) -> None:
        while True:
            frame = await track.recv()
            note(await asyncio.to_thread(frame.to_ndarray, format="rgb24"))

    pc.on("track", lambda track: tasks.append(asyncio.ensure_future(read(track))))
    await pc.setRemoteDescription(RTCSessionDescription(await hear(), "offer"))
    await pc.setLocalDescription(await pc.createAnswer())
    say(pc.localDescription.sdp)


def say(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def hear() -> Any:
    return json.loads(await asyncio.to_thread(sys.stdin.readline))


async def end(role: str, side: str) -> None:
    """Be one end of the link."""
    seen: list[tuple[float, int, float]] = []
    async with AsyncExitStack() as stack:
        await (send(side, stack) if role == "send" else receive(side, stack, seen))
        await asyncio.sleep(BEFORE + WITHIN + AFTER + (5 if role == "send" else 0))
        if role == "receive":
            say(seen)


def run(side: str) -> dict[str, Any]:
    """Return the delays before, within and after the narrow time."""
    code = "import asyncio, sys; from tests.bench import rate_drop; asyncio.run(rate_drop.end(*sys.argv[1:]))"
    with Link(rate=WIDE, delay=0.01) as link:
        ends = [
            link_end.popen(
                [sys.executable, "-c", code, role, side], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for link_end, role in ((link.a, "send"), (link.b, "receive"))
        ]
        try:
            for source, target in (ends, ends[::-1]):
                target.stdin.write(source.stdout.readline())
                target.stdin.flush()
            time.sleep(BEFORE)
            link.ab.set(rate=NARROW)
            began = time.time()
            time.sleep(WITHIN)
            link.ab.set(rate=WIDE)
            ended = time.time()
            seen = json.loads(ends[1].stdout.readline())
        finally:
            for process in ends:
                process.kill()
                process.communicate()
    return judge(seen, began, ended)


def judge(seen: list[tuple[float, int, float]], began: float, ended: float) -> dict[str, Any]:
    """Return the figures of one run."""
    phases = {"before": (began - 5, began), "within": (began, ended), "after": (ended + 5, ended + AFTER)}
    figures: dict[str, Any] = {}
    for name, (first, last) in phases.items():
        delays = [when - taken for when, _, taken in seen if first < when < last]
        figures[f"{name}_delay_s"] = round(median(delays), 3) if delays else None
        figures[f"{name}_p95_s"] = round(quantiles(delays, n=20)[-1], 3) if len(delays) > 1 else None
        figures[f"{name}_fps"] = round(len(delays) / (last - first), 1)
    gaps = [b[0] - a[0] for a, b in pairwise(seen) if began < b[0] < ended + 2]
    return figures | {"longest_freeze_s": round(max(gaps, default=WITHIN), 2)}


def main() -> None:
    """Print the runs of both, in turn."""
    reason = why_not()
    if reason:
        report("rate drop", skipped=reason)
        return
    for number in range(ROUNDS):
        for side in ("ours", "stock"):
            report("rate drop", side=side, round=number, **run(side), wanted="0.5 s within, afterwards as before")
