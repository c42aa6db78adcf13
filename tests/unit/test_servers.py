"""Which STUN and TURN server is used: the order, the race, what is told of those that lose, and no secret in it."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import time
from collections import deque
from types import SimpleNamespace
from typing import Any

import aioice.ice
import pytest
from aioice.stun import TransactionFailed
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection

from jupyter_rtc.engine import addresses as engine_addresses
from jupyter_rtc.engine import servers
from jupyter_rtc.engine.addresses import MOST, Address, addresses, resolve
from jupyter_rtc.engine.loop import Engine
from jupyter_rtc.engine.servers import Choice, Outcome, check
from jupyter_rtc.errors import SignalingError
from jupyter_rtc.ice import IceServer, IceServerSource, parse_ice_servers, urls_of

SECRET = "open-sesame"


def turn(*urls: str) -> IceServer:
    return IceServer(urls, "somebody", SECRET)


# -- which there are --------------------------------------------------------------------------------------------------


def test_turn_goes_over_udp_before_tcp_before_tls_and_otherwise_in_the_given_order():
    given = [turn("turns:a", "turn:b?transport=tcp", "turn:c:99"), turn("turn:d?transport=udp", "turn:c:99", "stun:s")]
    found, unused = addresses(given, "turn")
    assert [str(address) for address in found] == [
        "turn:c:99?transport=udp", "turn:d:3478?transport=udp",
        "turn:b:3478?transport=tcp", "turns:a:5349?transport=tcp",
    ]  # fmt: skip
    assert not unused
    assert [str(address) for address in addresses(given, "stun")[0]] == ["stun:s:3478"]


def test_an_address_of_ipv6_loses_its_brackets_for_the_socket_alone():
    ((address,), _) = addresses([turn("turn:[2001:db8::1]:443?transport=tcp")], "turn")
    assert (address.host, address.port) == ("2001:db8::1", 443)
    assert str(address) == "turn:[2001:db8::1]:443?transport=tcp"


def test_what_cannot_be_used_here_is_said():
    found, unused = addresses([IceServer(("stuns:s",)), turn("turns:t?transport=udp")], "stun")
    assert (found, unused) == ([], {"stuns:s": "not usable here: STUN over TLS"})
    assert addresses([IceServer(("stun:[::1]:3478",))], "stun") == (
        [],
        {"stun:[::1]:3478": "not usable here: STUN over IPv6"},
    )
    assert addresses([turn("turns:t?transport=udp")], "turn") == (
        [],
        {"turns:t?transport=udp": "not usable here: TURN over DTLS"},
    )


def test_of_very_many_the_best_are_asked():
    found, unused = addresses([turn(*(f"turn:t{i}" for i in range(20)))], "turn")
    assert len(found) == MOST
    assert len(unused) == 20 - MOST
    assert unused["turn:t19:3478?transport=udp"] == "not asked: only 8 are"


def test_no_text_of_an_address_has_the_credential():
    ((address,), _) = addresses([turn("turn:t")], "turn")
    assert address.credential == SECRET
    assert SECRET not in f"{address}{address!r}"
    assert "somebody" not in f"{address}{address!r}"


# -- the race ---------------------------------------------------------------------------------------------------------


class Field:
    """What asks: each host takes its seconds, and then works or fails with what stands for it."""

    def __init__(self, **hosts: float | tuple[float, Exception]) -> None:
        self.hosts = hosts
        self.begun: dict[str, float] = {}
        self.discarded: list[str] = []
        self.told = Outcome()
        self._start = time.monotonic()

    async def ask(self, address: Address) -> tuple[Any, Any]:
        self.begun[address.host] = time.monotonic() - self._start
        what = self.hosts[address.host]
        seconds, error = what if isinstance(what, tuple) else (what, None)
        await asyncio.sleep(seconds)
        if error is not None:
            raise error
        return SimpleNamespace(type="relay", host=address.host, port=1), address.host

    async def race(self) -> Any:
        waiting = deque(addresses([turn(*(f"turn:{host}" for host in self.hosts))], "turn")[0])
        return (await servers._first(waiting, self.told, self.ask, self.discarded.append))[1]

    async def over(self) -> None:
        while servers._leftover:
            await asyncio.wait(servers._leftover)
            await asyncio.sleep(0)


def name(host: str) -> str:
    return f"turn:{host}:3478?transport=udp"


async def test_the_first_is_used_and_others_are_not_asked_if_it_is_quick():
    field = Field(a=0.01, b=0.01)
    assert await field.race() == "a"
    assert list(field.begun) == ["a"]
    assert field.told.unused == {name("b"): f"not needed, for {name('a')} works"}
    assert list(field.told.used.values()) == [name("a")]


async def test_one_that_refuses_costs_no_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(servers, "STAGGER", 30.0)
    field = Field(a=(0.0, ConnectionRefusedError(111, "x")), b=0.01)
    assert await field.race() == "b"
    assert field.told.failures == {name("a"): "it cannot be reached (Connection refused)"}


async def test_one_that_is_silent_does_not_hold_up_the_next(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(servers, "STAGGER", 0.02)
    field = Field(a=(0.5, TimeoutError()), b=0.01)
    assert await field.race() == "b"
    assert field.told.unused == {name("a"): f"not needed, for {name('b')} works"}
    await field.over()
    assert field.told.failures == {name("a"): "it did not answer"}, "what is known later is told, too"
    assert not field.told.unused


async def test_what_a_loser_gives_too_late_is_given_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(servers, "STAGGER", 0.02)
    field = Field(a=0.3, b=0.01)
    assert await field.race() == "b"
    await field.over()
    assert [found[1] for found in field.discarded] == ["a"]
    assert not field.told.failures


async def test_where_all_fail_each_says_why():
    error = ssl.SSLCertVerificationError()
    error.verify_message = "self-signed certificate"
    field = Field(a=(0.0, socket.gaierror(-2, "x")), b=(0.0, error), c=(0.0, ssl.SSLError()), d=(0.0, OSError("many")))
    with pytest.raises(ConnectionError):
        await field.race()
    assert field.told.failures == {
        name("a"): "its name is not known here",
        name("b"): "its certificate is not trusted (self-signed certificate)",
        name("c"): "no encrypted connection: is TLS spoken on this port?",
        name("d"): "it cannot be reached",
    }


async def test_a_race_that_is_given_up_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(servers, "STAGGER", 0.01)
    field = Field(a=30.0, b=30.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await field.race()
    await asyncio.wait_for(field.over(), 5)
    assert field.told.failures == {name("a"): "it did not answer", name("b"): "it did not answer"}


@pytest.mark.parametrize("when", ["about to ask", "asking", "failed", "has one"])
async def test_gathering_that_is_given_up_leaves_no_task_and_no_relay(when: str, monkeypatch: pytest.MonkeyPatch):
    closed, asked, unheard = [], asyncio.Event(), []

    async def ask_turn(**_: Any) -> Any:
        asked.set()
        if when == "asking":
            await asyncio.sleep(30)
        if when == "failed":
            raise ConnectionError
        transport = SimpleNamespace(close=lambda: closed.append(1))
        return SimpleNamespace(type="relay", host="t", port=1), SimpleNamespace(transport=transport)

    async def ask_stun(*_: Any) -> Any:
        await asyncio.sleep(30)

    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context["message"]))
    monkeypatch.setattr(servers, "_ask_turn", ask_turn)
    monkeypatch.setattr(servers, "_ask_stun", ask_stun)
    before = asyncio.all_tasks()
    connection = aioice.Connection(ice_controlling=True, **servers._choices([turn("turn:t", "stun:127.0.0.1")]))
    gathering = asyncio.ensure_future(connection.get_component_candidates(1, ["127.0.0.1"]))
    if when == "about to ask":
        for _ in range(100):
            if asyncio.all_tasks() != before | {gathering}:
                break
            await asyncio.sleep(0)
        assert not servers.outcome(connection).asking
    else:
        await asyncio.wait_for(asked.wait(), 10)
        for _ in range(20):
            await asyncio.sleep(0)
    gathering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gathering
    for _ in range(20):
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - before
    for task in left:
        task.cancel()
    gc.collect()
    await connection.close()
    assert not left
    assert len(closed) == (when == "has one")
    assert not unheard


def test_a_server_that_works_from_one_of_our_addresses_has_not_failed():
    told = Outcome()
    told.fail("stun:s:1", "it did not answer")
    told.use(SimpleNamespace(type="srflx", host="h", port=1), "stun:s:1")
    told.fail("stun:s:1", "it did not answer")
    assert not told.failures


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Unauthorized", "it refused the user name or the password (401 Unauthorized)"),
        ("", "it refused the user name or the password (401)"),
        ("\x1b[31mred\r\n\0 \u202eback", "it refused the user name or the password (401 [31mred back)"),
        ("x" * 500, f"it refused the user name or the password (401 {'x' * 99}…)"),
    ],
)
def test_the_words_of_a_server_are_one_line_of_moderate_length(reason: str, words: str):
    response = SimpleNamespace(attributes={"ERROR-CODE": (401, reason)})
    assert servers._words(TransactionFailed(response)) == words  # type: ignore[arg-type]


# -- sources ----------------------------------------------------------------------------------------------------------


class Source(IceServerSource):
    """One that is asked each time."""

    name = "a service"

    def __init__(self, *found: IceServer, error: Exception | None = None, seconds: float = 0.0) -> None:
        self.found, self.error, self.seconds = found, error, seconds

    def _known(self) -> None:
        return None

    async def _fresh(self) -> tuple[IceServer, ...]:
        await asyncio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return self.found


async def test_sources_are_asked_and_one_that_fails_is_done_without(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine_addresses, "FETCH_PATIENCE", 0.05)
    refusing, slow = Source(error=SignalingError("it answered 401")), Source(seconds=30.0)
    slow.name = "another one"
    found, failures = await resolve([IceServer(("stun:s",)), Source(turn("turn:t")), refusing, slow])
    assert [server.urls for server in found] == [("stun:s",), ("turn:t",)]
    assert failures == {"a service": "it answered 401", "another one": "no answer within 0.05 s"}
    assert bool(Choice([refusing], "stun"))


def test_a_source_is_a_server_wherever_one_is_named():
    source = Source()
    assert parse_ice_servers([source, "stun:s"]) == (source, IceServer(("stun:s",)))
    assert urls_of([source, turn("turn:t", "turn:u")]) == ("a service", "turn:t", "turn:u")


# -- the hooks --------------------------------------------------------------------------------------------------------


async def test_a_connection_of_raw_aiortc_keeps_its_own_servers():
    pc = RTCPeerConnection(RTCConfiguration([RTCIceServer(["stun:stun.invalid:1", "turn:turn.invalid:2"], "u", "c")]))
    pc.addTransceiver("video")
    (transport,) = pc._RTCPeerConnection__iceTransports
    connection = transport.iceGatherer._connection
    assert (connection.stun_server, connection.turn_server) == (("stun.invalid", 1), ("turn.invalid", 2))
    assert aioice.ice.relayed_candidate is servers._turn
    await pc.close()


def test_names_are_looked_up_beside_the_codecs():
    async def look_up() -> Any:
        return await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 7, type=socket.SOCK_DGRAM)

    engine = Engine()
    try:
        assert engine.call(look_up(), 10)[0][4] == ("127.0.0.1", 7)
        assert engine.loop._names is not engine.loop._default_executor
    finally:
        engine.loop.call_soon_threadsafe(engine.loop.stop)
        engine._thread.join(10)
        engine.loop._names.shutdown()
        engine.loop.close()


async def test_each_server_is_checked_by_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(servers, "PATIENCE", 0.2)
    with socket.socket(type=socket.SOCK_DGRAM) as silent, socket.socket() as nobody:
        for one in (silent, nobody):
            one.bind(("127.0.0.1", 0))
        stun = f"stun:127.0.0.1:{silent.getsockname()[1]}"
        closed = f"turn:127.0.0.1:{nobody.getsockname()[1]}?transport=tcp"
        found = await check([IceServer((stun, "stuns:s")), turn(closed), Source(error=SignalingError("no"))])
    assert {one.server: one.words for one in found} == {
        "a service": "no",
        "stuns:s": "not usable here: STUN over TLS",
        stun: "it did not answer",
        closed: "it cannot be reached (Connection refused)",
    }
