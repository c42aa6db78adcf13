"""What eight viewers of a media server (pion) cost the kernel that publishes to it, beside what one costs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import psutil

import jupyter_rtc as rtc
from tests.bench import report
from tests.peers.media_server import TOKEN, Pion
from tests.peers.peer import Missing, pion_server

ROUNDS = 4
SECONDS = 8.0
#: Until the key frames that those who come want are sent.
SETTLE = 3.0
# They receive all and decode nothing: they are to leave the cores to the kernel.
VIEWERS = """
import asyncio, sys, jupyter_rtc as rtc

async def packets(viewers):
    entries = [entry for viewer in viewers for entry in (await viewer.get_stats()).values()]
    pictures = [entry for entry in entries if entry["type"] == "inbound-rtp" and entry["kind"] == "video"]
    return [entry["packetsReceived"] for entry in pictures]

async def main():
    url, token, number = sys.argv[1:]
    viewers = [rtc.PeerConnection() for _ in range(int(number))]
    for viewer in viewers:
        await viewer.connect(rtc.Whep(url, token=token), 30)
    print("connected", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(*await packets(viewers), flush=True)
    for viewer in viewers:
        viewer.close()

asyncio.run(main())
"""


async def cost(url: str, number: int) -> tuple[float, float]:
    """Return the share of a core that the kernel takes, and the packets a second that each viewer gets."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VIEWERS, url, TOKEN, str(number), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )

    async def ask() -> list[int]:
        process.stdin.write(b"\n")
        return [int(count) for count in (await process.stdout.readline()).split()]

    try:
        assert (await process.stdout.readline()).strip() == b"connected"
        await asyncio.sleep(SETTLE)
        before, used = await ask(), sum(psutil.Process().cpu_times()[:2])
        await asyncio.sleep(SECONDS)
        used = sum(psutil.Process().cpu_times()[:2]) - used
        after = await ask()
        got = [(now - then) / SECONDS for then, now in zip(before, after, strict=True)]
        assert len(got) == number
        assert min(got) > 5, f"the viewers get {got} packets a second"
        return used / SECONDS, median(got)
    finally:
        process.stdin.close()
        await process.wait()


async def measure(program: str) -> None:
    async with Pion(program, "full") as server, rtc.PeerConnection() as pc:
        stream = rtc.MediaStream()
        pc.add_track(rtc.TestPattern((640, 480)), stream)
        pc.add_track(rtc.TestTone(), stream)
        await pc.connect(rtc.Whip(f"{server.url}/whip/live", token=TOKEN), 30)
        await asyncio.sleep(SETTLE)
        found: dict[int, list[tuple[float, float]]] = {1: [], 8: []}
        for _ in range(ROUNDS):
            for number, costs in found.items():
                costs.append(await cost(f"{server.url}/whep/live", number))
    one, eight = (median(share for share, _ in found[number]) for number in (1, 8))
    report(
        "viewers",
        kernel_share_of_a_core_with_one=round(one, 3),
        kernel_share_of_a_core_with_eight=round(eight, 3),
        eight_to_one=round(eight / one, 2),
        packets_a_second_with_one=round(median(packets for _, packets in found[1])),
        packets_a_second_with_eight=round(median(packets for _, packets in found[8])),
        rounds=ROUNDS,
        wanted_eight_to_one=1.0,
    )


def main() -> None:
    """Print the shares."""
    with tempfile.TemporaryDirectory(prefix="pion") as folder:
        try:
            (program,) = pion_server(Path(folder))
        except Missing as missing:
            print(f"viewers: not measured: {missing}", file=sys.stderr)
            return
        asyncio.run(measure(program))
