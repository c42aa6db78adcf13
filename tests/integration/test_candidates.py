"""Candidates of all kinds between real connections: named hosts, none that can be tried, and far too many."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
import time
from typing import Any

import pytest

import jupyter_rtc as rtc
from jupyter_rtc.engine import names
from jupyter_rtc.engine.loop import engine
from tests.conftest import ROOT, SCALE
from tests.link import why_not

from .waiting import SOON, until

REASON = why_not()
no_network = pytest.mark.skipif(REASON is not None, reason=f"no machine without a network here: {REASON}")


def named(text: str, host: str) -> str:
    """Return a description whose candidates name a host."""
    return re.sub(r"(a=candidate:\S+ 1 udp \d+) \S+ (\d+)", rf"\1 {host} \2", text)


async def connected(*connections: rtc.PeerConnection) -> None:
    await until(lambda: all(pc.connection_state == "connected" for pc in connections))


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Hosts and their addresses, which take a while to be looked up."""
    known: dict[str, list[str]] = {}

    def look_up(host: str) -> list[str]:
        time.sleep(0.3)
        return known.get(host, [])

    monkeypatch.setattr(names, "_addresses", look_up)
    return known


def own_addresses(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+)", text)))


@pytest.mark.parametrize("trickled", [False, True])
@pytest.mark.parametrize("known", [True, False])
async def test_candidates_may_name_a_host(zone, known, trickled):
    """Known or not, in the description or one by one: the checks of the side that has addresses go on meanwhile."""
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.create_data_channel("data")
        offer = (await a.set_local_description()).sdp
        if known:
            zone["media.example"] = own_addresses(offer)
        text = named(offer, "media.example")
        bare = "".join(f"{line}\r\n" for line in text.splitlines() if "candidate" not in line)
        await b.set_remote_description({"type": "offer", "sdp": bare if trickled else text})
        await b.set_local_description()
        if trickled:
            for line in re.findall("a=(candidate:.*)\r", text):
                await b.add_ice_candidate({"candidate": line, "sdpMid": "0"})
            await b.add_ice_candidate(None)
        if known:  # a server that waits: only b can begin
            answer = "".join(f"{line}\r\n" for line in b.local_description.sdp.splitlines() if "candidate" not in line)
        else:
            answer = b.local_description.sdp
        await a.set_remote_description({"type": "answer", "sdp": answer})
        await connected(a, b)


async def test_a_host_that_many_candidates_name_is_looked_up_once(monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(names, "_addresses", lambda host: asked.append(host) or [])
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.create_data_channel("data")
        offer = (await a.set_local_description()).sdp
        more = "".join(f"a=candidate:{i} 1 udp {i} media.example {i} typ host\r\n" for i in range(1, 31))
        await b.set_remote_description({"type": "offer", "sdp": offer + more})
        await b.set_local_description()
        await until(lambda: bool(asked))
        assert asked == ["media.example"]


async def test_looking_up_holds_nobody_up(zone):
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.create_data_channel("data")
        offer = (await a.set_local_description()).sdp
        began = time.monotonic()
        await b.set_remote_description({"type": "offer", "sdp": named(offer, "slow.example")})
        await b.set_local_description()
        assert time.monotonic() - began < 0.25 * SCALE


async def test_with_no_candidate_that_can_be_tried_the_other_sides_checks_connect(zone):
    """All are of the wrong family, component or transport, and there will be no more."""
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.create_data_channel("data")
        offer = (await a.set_local_description()).sdp
        text = re.sub(r"a=candidate:(\S+) 1 udp", r"a=candidate:\1 2 udp", offer)
        await b.set_remote_description({"type": "offer", "sdp": text})
        answer = await b.set_local_description()
        await asyncio.sleep(0.5)
        assert b.connection_state != "failed"
        await a.set_remote_description(answer)
        await connected(a, b)


# -- far too many -----------------------------------------------------------------------------------------------------


def many(count: int) -> list[str]:
    return [f"candidate:{i} 1 udp {i} 127.{i >> 16}.{i >> 8 & 255}.{i & 255} 9 typ host" for i in range(1, count + 1)]


class Pulse:
    """How long the engine was held up at most, asked every few milliseconds."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._task: Any = None

    async def __aenter__(self) -> Pulse:
        self._task = engine().submit(self._beat())
        return self

    async def _beat(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            self.longest = max(self.longest, time.monotonic() - before - 0.01)

    async def __aexit__(self, *_exception: object) -> None:
        self._task.cancel()


def probes(pc: rtc.PeerConnection, stats: dict[str, Any]) -> int:
    return sum(entry.get("requestsSent", 0) for entry in stats.values())


async def test_ten_thousand_candidates_in_a_description_cost_less_than_a_second():
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.create_data_channel("data")
        offer = (await a.set_local_description()).sdp
        text = offer.replace("a=end-of-candidates\r\n", "") + "".join(f"a={line}\r\n" for line in many(10_000))
        async with Pulse() as pulse:
            began = time.monotonic()
            await b.set_remote_description({"type": "offer", "sdp": text})
            answer = await b.set_local_description()
            assert time.monotonic() - began < 1.0 * SCALE
            await a.set_remote_description(answer)
            await connected(a, b)  # the true ones have the highest priority
        assert pulse.longest < 0.5 * SCALE
        remote = [entry for entry in (await b.get_stats()).values() if entry["type"] == "remote-candidate"]
        assert len(remote) <= 110


async def test_two_thousand_single_candidates_cost_less_than_a_second():
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.create_data_channel("data")
        offer = await a.set_local_description()
        await b.set_remote_description(offer)
        answer = await b.set_local_description()
        async with Pulse() as pulse:
            began = time.monotonic()
            for line in many(2000):
                await b.add_ice_candidate({"candidate": line, "sdpMid": "0"})
            assert time.monotonic() - began < 1.5 * SCALE
            await a.set_remote_description(answer)
            await connected(a, b)
        assert pulse.longest < 0.5 * SCALE
        assert probes(b, await b.get_stats()) < 800
        assert b.remote_description is not None
        assert b.remote_description.sdp.count("a=candidate:") <= 100


async def test_candidates_that_come_before_their_description_are_bounded_too():
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.create_data_channel("data")
        for line in many(2000):
            await b.add_ice_candidate({"candidate": line, "sdpMid": "0"})
        await b.set_remote_description(await a.set_local_description())
        await a.set_remote_description(await b.set_local_description())
        await connected(a, b)


# -- no network at all ------------------------------------------------------------------------------------------------

ALONE = """
import asyncio, jupyter_rtc as rtc
async def main():
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.add_track(rtc.TestPattern((160, 120)))
        await rtc.connect_pair(a, b)
        print(await asyncio.to_thread(lambda: b.get_receivers()[0].track.read().shape))
asyncio.run(main())
"""


@no_network
def test_two_connections_on_a_machine_without_a_network_are_connected():
    name = f"jrtcalone{socket.gethostname()[:3]}{time.monotonic_ns() % 10_000}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "netns", "exec", name, "ip", "link", "set", "lo", "up"], check=True)
        command = ["ip", "netns", "exec", name, sys.executable, "-c", ALONE]
        run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=4 * SOON, check=False)
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)
    assert run.stdout == "(120, 160, 3)\n", run.stderr
