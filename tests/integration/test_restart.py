"""ICE restarts: what carries the data changes, what is carried goes on."""

from __future__ import annotations

import asyncio

import pytest

from jupyter_rtc import PeerConnection, SessionDescription, TestPattern, read_stamp
from jupyter_rtc.engine.loop import engine
from jupyter_rtc.engine.path import paths
from tests.conformance.helpers import connect, event, eventually, exchange, state
from tests.conftest import SCALE

SOON = 10 * SCALE


def ports(pc: PeerConnection) -> list[int]:
    """Return the local ports that data goes over."""
    aiortc = pc._session.peer._pc
    return [path.pair.local_candidate.port for path in paths(aiortc).values() if path.pair is not None]


async def cut(*connections: PeerConnection) -> None:
    """Let nothing arrive any more over the ways that these use now."""
    for pc in connections:
        for path in paths(pc._session.peer._pc).values():
            for protocol in path.active._protocols:
                protocol.datagram_received = lambda *_: None


async def number(track, after: int = -1, timeout: float = SOON) -> int:
    """Return the number of a picture that has come later than `after`."""
    async with asyncio.timeout(timeout):
        async for frame in track.frames(timeout=timeout):
            stamp = read_stamp(frame)
            if stamp is not None and stamp[0] > after:
                return stamp[0]
    raise AssertionError


@pytest.fixture
async def pair():
    pattern = TestPattern((320, 240))
    async with PeerConnection(name="a") as a, PeerConnection(name="b") as b:
        a.add_track(pattern)
        channel = a.create_data_channel("chat")
        got: list[str] = []
        b.on("datachannel", lambda other: other.on("message", got.append))
        await connect(a, b)
        await eventually(lambda: channel.ready_state == "open")
        yield a, b, channel, got
    pattern.stop()


@pytest.mark.parametrize("who", ["the first offerer", "the first answerer"])
async def test_media_and_channels_go_on_over_a_new_way(pair, who) -> None:
    a, b, channel, got = pair
    remote = b.get_receivers()[0].track
    seen = await number(remote)
    before, offer = (ports(a), ports(b)), a.local_description
    states: list[str] = []
    for pc in (a, b):
        pc.on("connectionstatechange", lambda pc=pc: states.append(pc.connection_state))
    one, other = (a, b) if who == "the first offerer" else (b, a)
    one.restart_ice()
    await exchange(one, other)
    await eventually(lambda: not set(before[0]) & set(ports(a)) and not set(before[1]) & set(ports(b)), SOON)
    assert states == []  # the old way was good until the new one was there
    assert a.local_description.sdp != offer.sdp
    seen = await number(remote, seen)
    channel.send("still here")
    await eventually(lambda: got == ["still here"])
    # The old sockets close in the end, and nothing notices.
    await eventually(lambda: all(not path._old for pc in (a, b) for path in paths(pc._session.peer._pc).values()), SOON)
    await number(remote, seen)
    assert states == []


async def test_a_dead_way_is_left_behind(pair) -> None:
    a, b, channel, got = pair
    remote = b.get_receivers()[0].track
    await number(remote)

    await engine().run(cut(a, b))
    await state(a, "disconnected", timeout=SOON)
    a.restart_ice()
    await exchange(a, b)
    await state(a, "connected", timeout=SOON)
    await state(b, "connected", timeout=SOON)
    channel.send("back")
    await eventually(lambda: got == ["back"], SOON)
    await number(remote, await number(remote, timeout=SOON))


async def test_after_long_silence_it_has_failed_and_a_restart_brings_it_back(pair, monkeypatch) -> None:
    monkeypatch.setattr("jupyter_rtc.engine.liveness.CONSENT", 3.0)
    a, b, channel, got = pair
    remote = b.get_receivers()[0].track
    await number(remote)

    await engine().run(cut(a, b))
    await state(a, "failed", timeout=SOON)
    await state(b, "failed", timeout=SOON)
    assert a.ice_connection_state == "failed"
    assert remote.ready_state == "live"
    b.restart_ice()
    await exchange(b, a)
    await state(a, "connected", timeout=SOON)
    await state(b, "connected", timeout=SOON)
    channel.send("back")
    await eventually(lambda: got == ["back"], SOON)
    await number(remote, await number(remote, timeout=SOON))


def without_candidates(description: SessionDescription, *instead: str) -> dict[str, str]:
    lines = [line for line in description.sdp.splitlines() if not line.startswith(("a=candidate", "a=end-of"))]
    return {"type": description.type, "sdp": "\r\n".join([*lines, *instead, ""])}


async def test_a_connection_whose_first_attempt_leads_nowhere_connects_after_a_restart() -> None:
    pattern = TestPattern((160, 120))
    async with PeerConnection() as a, PeerConnection() as b:
        a.add_track(pattern)
        offer = await a.set_local_description()
        await b.set_remote_description(without_candidates(offer, "a=candidate:1 1 udp 1 192.0.2.254 9 typ host"))
        await a.set_remote_description(without_candidates(await b.set_local_description()))
        await state(a, "checking", trait="ice_connection_state")
        await state(b, "checking", trait="ice_connection_state")
        a.restart_ice()
        await connect(a, b)
        await number(b.get_receivers()[0].track)
    pattern.stop()


async def test_a_restart_that_is_rolled_back_changes_nothing(pair) -> None:
    a, b, channel, got = pair
    before = ports(a)
    a.restart_ice()
    await a.set_local_description()
    await a.set_local_description({"type": "rollback"})
    channel.send("as before")
    await eventually(lambda: got == ["as before"])
    assert ports(a) == before
    await exchange(a, b)  # it is still wanted
    await eventually(lambda: ports(a) != before, SOON)


async def test_a_restart_is_wanted_until_it_was_negotiated(pair) -> None:
    a, b, *_ = pair
    needed = asyncio.create_task(event(a, "negotiationneeded"))
    await asyncio.sleep(0)
    a.restart_ice()
    await needed
    assert a._session.is_needed()
    await exchange(a, b)
    assert not a._session.is_needed()


async def test_other_servers_are_used_from_the_restart_on(pair) -> None:
    a, *_ = pair
    a.set_configuration(ice_transport_policy="relay")
    a.restart_ice()
    offer = await a.set_local_description()
    assert "typ host" not in offer.sdp


class Wire:
    """A signaling between two connections of this process."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        self.other: Wire

    async def send(self, message: dict[str, object]) -> None:
        self.other.inbox.put_nowait(message)

    async def receive(self) -> dict[str, object]:
        return await self.inbox.get()

    async def close(self) -> None:
        pass


async def test_a_connection_with_a_signaling_finds_another_way_by_itself(monkeypatch) -> None:
    monkeypatch.setattr("jupyter_rtc.rtc.recovery.PATIENCE", 1.0)
    one, other = Wire(), Wire()
    one.other, other.other = other, one
    async with PeerConnection() as a, PeerConnection() as b:
        channel = a.create_data_channel("chat")
        got: list[str] = []
        b.on("datachannel", lambda theirs: theirs.on("message", got.append))
        await asyncio.gather(a.connect(one), b.connect(other))
        await eventually(lambda: channel.ready_state == "open")
        before = ports(a)
        await engine().run(cut(a, b))
        await state(a, "disconnected", timeout=SOON)
        await eventually(lambda: ports(a) != before and a.connection_state == "connected", SOON)
        await state(b, "connected", timeout=SOON)
        channel.send("back")
        await eventually(lambda: got == ["back"], SOON)
