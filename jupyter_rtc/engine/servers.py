"""Which STUN and TURN server is used: hooks into aiortc and aioice, beside `compat`.

aioice 0.13 takes one of each, waits five seconds for it, and keeps its errors to itself. Here all that are named are
tried while candidates are gathered, each a little after the one before (RFC 8305), TURN over UDP before TCP before TLS;
the first that works is used. `tests/unit/test_statistics.py` fails when a hook has gone. On the engine's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import socket
import ssl
import time
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import aioice.ice
import aioice.turn
import aiortc.rtcicetransport
from aioice import TransportPolicy
from aioice.stun import TransactionFailed
from aiortc import RTCIceServer

from ..ice import IceServer, IceServerSource
from .addresses import Address, addresses, resolve

logger = logging.getLogger(__name__)

#: Seconds from one server to the next.
STAGGER = 0.2
#: A server that takes longer is done without; where only relayed ways are allowed, nothing goes without one.
PATIENCE = 1.5
RELAY_PATIENCE = 3.0

#: A relay's server is told that it is over for so long: a dead one would have it take a minute.
FAREWELL = 0.8

WORKS = "it works"
#: Characters of a server's own words.
LONGEST_REASON = 100


@dataclass
class Outcome:
    """What became of the servers when an aioice connection gathered. All but `used` are words by address."""

    #: The server's address by the candidate's type, address and port.
    used: dict[tuple[str, str, int], str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)
    #: Each asks the servers of a kind, and gives a candidate and its protocol.
    asking: list[asyncio.Task[tuple[Any, Any]]] = field(default_factory=list)

    def fail(self, server: str, words: str) -> None:
        """Note that a server has failed, unless it has worked from another of our addresses."""
        if server not in self.used.values():
            logger.info("%s: %s", server, words)
            self.failures[server] = words
            self.unused.pop(server, None)

    def use(self, candidate: Any, server: str) -> None:
        """Note that a server gave a candidate."""
        self.used[candidate.type, candidate.host, candidate.port] = server
        self.failures.pop(server, None)
        self.unused.pop(server, None)


_outcomes: weakref.WeakKeyDictionary[Any, Outcome] = weakref.WeakKeyDictionary()


def outcome(connection: Any) -> Outcome:
    """Return what became of the servers of an aioice connection."""
    return _outcomes.setdefault(connection, Outcome())


# -- the race --------------------------------------------------------------------------------------------------------


class Choice:
    """All servers of a kind, in the place where aioice has the one."""

    def __init__(self, servers: Iterable[IceServer | IceServerSource], kind: str) -> None:
        self._servers = tuple(servers)
        self._kind = kind

    def __bool__(self) -> bool:
        """Whether there may be any."""
        return any(
            isinstance(server, IceServerSource) or any(url.startswith(self._kind) for url in server.urls)
            for server in self._servers
        )

    async def first(
        self,
        told: Outcome,
        ask: Callable[[Address], Awaitable[tuple[Any, Any]]],
        discard: Callable[[Any], object] | None = None,
    ) -> tuple[Any, Any]:
        """Return what the first server that works gives: a candidate and its protocol.

        `discard` gives back what another one gives too late; without it nothing is to be given back.
        """
        task = asyncio.current_task()
        assert task is not None
        told.asking.append(task)
        servers, failures = await resolve(self._servers)
        for name, words in failures.items():
            told.fail(name, words)
        waiting, unused = addresses(servers, self._kind)
        told.unused.update(unused)
        return await _first(deque(waiting), told, ask, discard)


_leftover: set[asyncio.Task[Any]] = set()


async def _first(
    waiting: deque[Address],
    told: Outcome,
    ask: Callable[[Address], Awaitable[tuple[Any, Any]]],
    discard: Callable[[Any], object] | None,
) -> tuple[Any, Any]:
    running: dict[asyncio.Task[tuple[Any, Any]], Address] = {}

    def leave(task: asyncio.Task[Any], address: Address) -> None:
        """Let what has lost end by itself: cut off in the middle it would leave a relay behind on the server."""
        if discard is None:
            task.cancel()

        def over(_: object) -> None:
            _leftover.discard(task)
            if task.cancelled():
                return
            if (error := task.exception()) is not None:
                told.fail(str(address), _words(error))
            elif discard is not None:
                discard(task.result())

        _leftover.add(task)
        task.add_done_callback(over)

    try:
        while waiting or running:
            if waiting:
                address = waiting.popleft()
                running[asyncio.ensure_future(ask(address))] = address
            done, _ = await asyncio.wait(
                running, timeout=STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                address = running.pop(task)
                error = task.exception()
                if error is not None:
                    told.fail(str(address), _words(error))
                    continue
                found = task.result()
                told.use(found[0], str(address))
                for other in (*running.values(), *waiting):
                    if str(other) not in told.used.values():
                        told.unused[str(other)] = f"not needed, for {address} works"
                return found
    except asyncio.CancelledError:
        for task, address in running.items():
            task.cancel()
            told.fail(str(address), "it did not answer")
        raise
    finally:
        for task, address in running.items():
            leave(task, address)
    raise ConnectionError("no server works")


def _words(error: BaseException) -> str:
    """Return in words why a server is of no help."""
    if isinstance(error, TransactionFailed):
        code, reason = error.response.attributes.get("ERROR-CODE", (0, ""))
        refused = "it refused the user name or the password" if code in (401, 403, 431, 441) else "it refused"
        return f"{refused} ({f'{code} {_line(reason)}'.rstrip()})"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message.rstrip('.')})"
    if isinstance(error, ssl.SSLError):
        return "no encrypted connection: is TLS spoken on this port?"
    if isinstance(error, socket.gaierror):
        return "its name is not known here"
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        reason = f" ({os.strerror(error.errno)})" if error.errno else ""
        return f"it cannot be reached{reason}"
    return "it did not answer"


def _line(reason: str) -> str:
    """Return a server's own words as one line of moderate length."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in reason).split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


# -- the hooks --------------------------------------------------------------------------------------------------------

# All are looked up where they are when they are called. A connection that is not ours has servers of its own.
_connection_kwargs = aiortc.rtcicetransport.connection_kwargs
_delete = aioice.turn.TurnClientMixin.delete
_gather = aioice.ice.Connection.get_component_candidates
_ask_stun, _ask_turn = aioice.ice.server_reflexive_candidate, aioice.ice.relayed_candidate


def _choices(servers: list[Any]) -> dict[str, Any]:
    if any(isinstance(server, RTCIceServer) for server in servers):
        return _connection_kwargs(servers)
    return {f"{kind}_server": choice for kind in ("stun", "turn") if (choice := Choice(servers, kind))}


async def _stun(protocol: Any, stun_server: Any) -> Any:
    if not isinstance(stun_server, Choice):
        return await _ask_stun(protocol, stun_server)

    async def ask(address: Address) -> Any:
        async with asyncio.timeout(PATIENCE):
            found = await asyncio.get_running_loop().getaddrinfo(
                address.host, address.port, family=socket.AF_INET, type=socket.SOCK_DGRAM
            )
            return await _ask_stun(protocol, (str(found[0][4][0]), address.port))

    return await stun_server.first(outcome(protocol.receiver), ask)


async def _turn(*, protocol_factory: Any, turn_server: Any, hide_related_address: bool, **options: Any) -> Any:
    if not isinstance(turn_server, Choice):
        return await _ask_turn(
            protocol_factory=protocol_factory, turn_server=turn_server, hide_related_address=hide_related_address,
            **options,
        )  # fmt: skip

    async def ask(address: Address) -> Any:
        # Hidden means that nothing else may be gathered.
        async with asyncio.timeout(RELAY_PATIENCE if hide_related_address else PATIENCE):
            secure = address.transport == "tls"
            # Reading all certificates that are trusted takes a while.
            tls: Any = await asyncio.to_thread(ssl.create_default_context) if secure else False
            return await _ask_turn(
                component=options["component"],
                hide_related_address=hide_related_address,
                protocol_factory=protocol_factory,
                turn_server=(address.host, address.port),
                turn_username=address.username,
                turn_password=address.credential,
                turn_ssl=tls,
                turn_transport="udp" if address.transport == "udp" else "tcp",
            )

    told = outcome(protocol_factory().receiver)
    return await turn_server.first(told, ask, lambda found: found[1].transport.close())


@functools.wraps(_gather)
async def _gather_or_give_up(self: Any, *arguments: Any, **options: Any) -> Any:
    """Gather. When it is cancelled, aioice would leave running what asks the servers, and open what they gave."""
    told = outcome(self)
    try:
        return await _gather(self, *arguments, **options)
    except asyncio.CancelledError:
        for task in told.asking:
            task.cancel()
            task.add_done_callback(_close_relay)
        raise
    finally:
        told.asking.clear()


def _close_relay(task: asyncio.Task[tuple[Any, Any]]) -> None:
    if not task.cancelled() and task.exception() is None and task.result()[1] is not None:
        task.result()[1].transport.close()


async def _give_back(self: Any) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FAREWELL):
            await _delete(self)  # which closes the socket, too, whatever becomes of it


aiortc.rtcicetransport.connection_kwargs = _choices
aioice.turn.TurnClientMixin.delete = _give_back  # type: ignore[method-assign]
aioice.ice.Connection.get_component_candidates = _gather_or_give_up  # type: ignore[method-assign]
aioice.ice.server_reflexive_candidate = _stun
aioice.ice.relayed_candidate = _turn


# -- a check of each --------------------------------------------------------------------------------------------------


class Checked(NamedTuple):
    """What became of one server that was asked by itself."""

    server: str
    kind: str
    words: str
    #: Until it worked.
    seconds: float


async def check(servers: Iterable[IceServer | IceServerSource]) -> list[Checked]:
    """Ask each address of each server, all at once, and return what became of it."""
    found, failures = await resolve(servers)
    checked = [Checked(name, "source", words, 0.0) for name, words in failures.items()]
    asked = []
    for kind in ("stun", "turn"):
        best, unused = addresses(found, kind)
        checked += [Checked(server, "unused", words, 0.0) for server, words in unused.items()]
        asked += [_check(address, kind) for address in best]
    return checked + list(await asyncio.gather(*asked))


async def _check(address: Address, kind: str) -> Checked:
    server = IceServer((str(address),), address.username, address.credential)
    policy = TransportPolicy.RELAY if kind == "turn" else TransportPolicy.ALL
    connection = aioice.Connection(ice_controlling=False, transport_policy=policy, **_choices([server]))
    began = time.monotonic()
    try:
        await connection.gather_candidates()
        taken = time.monotonic() - began
        told: Mapping[str, str] = outcome(connection).failures
        works = str(address) in outcome(connection).used.values()
        words = WORKS if works else told.get(str(address), "this machine has no address to ask it from")
        return Checked(str(address), kind, words, taken)
    finally:
        await connection.close()
