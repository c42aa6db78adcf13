"""STUN and TURN servers that do not answer: gathering goes on without them, and the report names them."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from aioice import stun

import jupyter_rtc as rtc
from jupyter_rtc.engine import servers
from jupyter_rtc.engine.loop import engine

from .waiting import until


@pytest.fixture
def silent() -> Iterator[int]:
    """Return a port that takes everything and answers nothing, as behind a firewall."""
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()[1]


class Answering(asyncio.DatagramProtocol):
    """A STUN server."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        asked = stun.parse_message(data)
        answer = stun.Message(asked.message_method, stun.Class.RESPONSE, transaction_id=asked.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = ("203.0.113.7", 4711)
        self.transport.sendto(bytes(answer), address)


@pytest_asyncio.fixture
async def answering() -> AsyncIterator[int]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Answering, local_addr=("127.0.0.1", 0))
    yield transport.get_extra_info("sockname")[1]
    transport.close()


def turn(port: int) -> dict[str, Any]:
    return {"urls": f"turn:127.0.0.1:{port}", "username": "somebody", "credential": "open-sesame"}


async def gathered(**options: Any) -> tuple[rtc.PeerConnection, float]:
    pc = rtc.PeerConnection(**options)
    pc.create_data_channel("x")
    began = time.monotonic()
    await pc.set_local_description()
    return pc, time.monotonic() - began


async def test_servers_that_are_silent_cost_little_and_are_named(silent: int, scale: float) -> None:
    pc, taken = await gathered(ice_servers=[f"stun:127.0.0.1:{silent}", turn(silent)])
    assert servers.PATIENCE * 0.9 < taken < 3 * scale
    assert pc.report().local_candidates
    assert set(pc.report().servers) == {
        f"stun:127.0.0.1:{silent}: it did not answer",
        f"turn:127.0.0.1:{silent}?transport=udp: it did not answer",
    }
    pc.close()


async def test_a_silent_server_does_not_hold_up_the_next(silent: int, answering: int) -> None:
    pc, taken = await gathered(ice_servers=[f"stun:127.0.0.1:{silent}", f"stun:127.0.0.1:{answering}"])
    assert taken < servers.PATIENCE
    report = pc.report()
    assert "203.0.113.7:4711 (seen by STUN)" in report.local_candidates
    assert set(report.servers) == {
        f"stun:127.0.0.1:{answering}: it works",
        f"stun:127.0.0.1:{silent}: not needed, for stun:127.0.0.1:{answering} works",
    }
    assert f"stun:127.0.0.1:{answering}" in str((await pc.get_stats()).values())
    pc.close()


async def test_a_relay_that_is_silent_is_the_reason(silent: int, scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    assert servers.RELAY_PATIENCE <= 3
    monkeypatch.setattr(servers, "RELAY_PATIENCE", 0.5)
    pc, taken = await gathered(ice_servers=[turn(silent)], ice_transport_policy="relay")
    assert taken < 2 * scale
    assert pc.report().reason == (
        f"only relayed ways are allowed, and there is none, and turn:127.0.0.1:{silent}?transport=udp is of no help: "
        "it did not answer"
    )
    pc.close()


async def test_closing_does_not_wait_for_a_silent_server(silent: int, scale: float) -> None:
    pc = rtc.PeerConnection(ice_servers=[f"stun:127.0.0.1:{silent}", turn(silent)])
    pc.create_data_channel("x")
    describing = asyncio.create_task(pc.set_local_description())
    await until(lambda: pc.ice_gathering_state == "gathering")
    began = time.monotonic()
    await pc.aclose()
    assert time.monotonic() - began < 3 * scale
    with pytest.raises(rtc.InvalidStateError):
        await describing


@pytest.mark.parametrize("policy", ["all", "relay"])
async def test_closing_while_a_server_is_silent_on_tcp_leaves_nothing_behind(
    policy: Any, scale: float, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        one = turn(server.getsockname()[1])
        one["urls"] += "?transport=tcp"
        pc = rtc.PeerConnection(ice_servers=[one], ice_transport_policy=policy)
        pc.create_data_channel("x")
        describing = asyncio.create_task(pc.set_local_description())
        accepted, _ = await asyncio.get_running_loop().sock_accept(server)
        began = time.monotonic()
        pc.close()
        with pytest.raises(rtc.InvalidStateError):
            await describing
        await until(lambda: not asking())
        accepted.close()
        assert time.monotonic() - began < servers.PATIENCE * scale
        gc.collect()
        await asyncio.sleep(0.1)
        assert "never retrieved" not in caplog.text


def asking() -> list[Any]:
    return [task for task in asyncio.all_tasks(engine().loop) if "_turn" in repr(task.get_coro())]


async def test_connections_of_a_relay_alone_follow_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtc.config, "_policy", None)
    rtc.configure(ice_transport_policy="relay")
    async with rtc.PeerConnection() as pc:
        assert pc.get_configuration()["ice_transport_policy"] == "relay"
        pc.create_data_channel("x")
        assert "a=candidate" not in (await pc.set_local_description()).sdp
        assert "no TURN server is named" in pc.report().reason
    rtc.configure(ice_transport_policy="all")
    monkeypatch.setenv("JUPYTER_RTC_ICE_TRANSPORT_POLICY", "relay")
    assert rtc.config.ice_transport_policy() == "all", "code comes before the environment"
    monkeypatch.setattr(rtc.config, "_policy", None)
    assert rtc.config.ice_transport_policy() == "relay"
    monkeypatch.setenv("JUPYTER_RTC_ICE_TRANSPORT_POLICY", "none")
    with pytest.raises(ValueError, match="JUPYTER_RTC_ICE_TRANSPORT_POLICY is 'all' or 'relay', not 'none'"):
        rtc.PeerConnection()
    with pytest.raises(TypeError, match="'all' or 'relay'"):
        rtc.configure(ice_transport_policy="none")
