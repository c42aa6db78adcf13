"""A peer that falls silent, and one that comes back: the other side is another process, stopped for a while."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator

import pytest

import jupyter_rtc as rtc
from tests.conftest import SCALE

from .waiting import until

OTHER_SIDE = """
import asyncio, json, sys
import jupyter_rtc as rtc

async def main():
    pc = rtc.PeerConnection()
    offer = json.loads(sys.stdin.readline())
    await pc.set_remote_description(offer)
    for transceiver in pc.get_transceivers():
        pc.add_track(rtc.TestPattern((160, 120)))
    answer = await pc.set_local_description()
    print(json.dumps({"type": answer.type, "sdp": answer.sdp}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

asyncio.run(main())
"""


@pytest.fixture
async def other() -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER_SIDE, stdin=pipe, stdout=pipe, limit=2**20
    )
    yield process
    if process.returncode is None:
        process.send_signal(signal.SIGCONT)
        process.kill()
    await process.wait()


async def reaches(pc: rtc.PeerConnection, state: str, timeout: float) -> float:
    """Wait for a connection state and return how long it took."""
    began = time.monotonic()
    while pc.connection_state != state:
        assert time.monotonic() - began < timeout * SCALE, f"{pc.connection_state}, not {state}, after {timeout} s"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be stopped for a while on Windows")
async def test_silence_is_told_within_three_seconds_and_so_is_its_end(other: asyncio.subprocess.Process) -> None:
    assert other.stdin is not None
    assert other.stdout is not None
    pc = rtc.PeerConnection()
    try:
        pc.create_data_channel("quiet")  # nothing but an idle channel: no media that could be missed
        offer = await pc.set_local_description()
        other.stdin.write(json.dumps({"type": offer.type, "sdp": offer.sdp}).encode() + b"\n")
        await pc.set_remote_description(json.loads(await other.stdout.readline()))
        await reaches(pc, "connected", 10)
        states: list[str] = []
        pc.on("connectionstatechange", lambda: states.append(pc.connection_state))

        # Healthy and idle, it is not taken for silent.
        await asyncio.sleep(3.5)
        assert states == []

        other.send_signal(signal.SIGSTOP)
        assert await reaches(pc, "disconnected", 5) <= 3.2 * SCALE
        assert pc.ice_connection_state == "disconnected"
        other.send_signal(signal.SIGCONT)
        assert await reaches(pc, "connected", 5) <= 3 * SCALE
        assert pc.ice_connection_state in ("connected", "completed")
    finally:
        pc.close()


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be stopped for a while on Windows")
async def test_what_comes_from_a_silent_side_is_muted_until_it_comes_again(other: asyncio.subprocess.Process) -> None:
    assert other.stdin is not None
    assert other.stdout is not None
    async with rtc.PeerConnection() as pc:
        track = pc.add_transceiver("video", direction="recvonly").receiver.track
        offer = await pc.set_local_description()
        other.stdin.write(json.dumps({"type": offer.type, "sdp": offer.sdp}).encode() + b"\n")
        await pc.set_remote_description(json.loads(await other.stdout.readline()))
        await until(lambda: not track.muted)
        events: list[str] = []
        for event in ("mute", "unmute"):
            track.on(event, lambda event=event: events.append(event))
        other.send_signal(signal.SIGSTOP)
        await until(lambda: track.muted)
        assert "nothing is heard" in pc._why_silent()
        other.send_signal(signal.SIGCONT)
        await until(lambda: events == ["mute", "unmute"])
