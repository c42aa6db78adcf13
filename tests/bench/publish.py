"""From ``connect(Whip(...))`` to the first picture at the server, in another process on the same machine."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from statistics import median

import jupyter_rtc as rtc
from tests.bench import report

ROUNDS = 15
SERVER = """
import asyncio, sys, time, jupyter_rtc as rtc

def say(what):  # two threads do: in one piece
    sys.stdout.write(f"{what} {time.time()}\\n")
    sys.stdout.flush()

async def main():
    server = rtc.WhipServer()

    def first(name):
        connection = next(s.connection for s in server._sessions.values() if s.name == name)
        track = server.published[name].get_video_tracks()[0]
        stop = track.on_frame(lambda _: (say("picture"), stop()))
        packets(connection)

    def packets(connection):
        async def look():
            while True:
                stats = (await connection.get_stats()).values()
                if any(s["type"] == "inbound-rtp" and s["packetsReceived"] for s in stats):
                    return say("packet")
                await asyncio.sleep(0.005)
        asyncio.run(look())

    server.on("publish", first)
    await server.start()
    print(server.url, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def publish(url: str, lines: asyncio.StreamReader) -> tuple[dict[str, float], float]:
    async with rtc.PeerConnection() as pc:
        pc.add_track(rtc.TestPattern())
        pc.add_track(rtc.TestTone())
        began = time.time()
        await pc.connect(rtc.Whip(url), timeout=30)
        connected = time.time() - began
        seen: dict[str, float] = {}
        while len(seen) < 2:
            what, at = (await asyncio.wait_for(lines.readline(), 30)).decode().split()
            seen.setdefault(what, float(at) - began)
        return seen, connected


async def measure() -> None:
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, stdout=subprocess.PIPE)
    assert server.stdout is not None
    try:
        url = (await server.stdout.readline()).decode().strip()
        found = [await publish(f"{url}/whip/round-{n}", server.stdout) for n in range(ROUNDS + 1)]
    finally:
        server.terminate()
        await server.wait()
    (cold, _), warm = found[0], found[1:]
    packets, pictures = [seen["packet"] for seen, _ in warm], [seen["picture"] for seen, _ in warm]
    report(
        "publish",
        cold_packet_s=round(cold["packet"], 3),
        connected_median_s=round(median(connected for _, connected in warm), 3),
        packet_median_s=round(median(packets), 3),
        packet_most_s=round(max(packets), 3),
        picture_median_s=round(median(pictures), 3),
        picture_most_s=round(max(pictures), 3),
        rounds=len(warm),
        wanted_packet_s=0.5,
    )


def main() -> None:
    """Print the times in seconds; the first one imports aiohttp, too."""
    asyncio.run(measure())
