"""What is counted of ICE candidate pairs: hooks into aioice, beside `compat`.

aioice 0.13 counts nothing, and forgets the pairs that it did not try. `tests/unit/test_statistics.py` fails when a hook
has gone. On the engine's thread.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import aioice.ice

from .servers import outcome

#: So many pairs are remembered, and so many checks may be unanswered.
MOST_PAIRS = 200
MOST_CHECKS = 64


@dataclass
class Counts:
    """What went over one pair. Bytes are those of the payload of UDP, without the checks."""

    packets_sent: int = 0
    packets_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    last_sent: float | None = None
    last_received: float | None = None
    requests_sent: int = 0
    requests_received: int = 0
    responses_sent: int = 0
    responses_received: int = 0
    refusals_received: int = 0
    consent_requests_sent: int = 0
    round_trip: float | None = None
    all_round_trips: float = 0.0


@dataclass(frozen=True)
class Candidate:
    """One end of a pair. `told`: the other side has named it, it was not only seen to send."""

    key: int
    address: str
    port: int
    protocol: str
    type: str
    priority: int
    foundation: str
    related_address: str | None
    related_port: int | None
    server: str | None
    told: bool


@dataclass(frozen=True)
class Pair:
    """Two candidates, by their keys, and what became of them."""

    key: int
    local: int
    remote: int
    state: str
    nominated: bool
    selected: bool
    counts: Counts


@dataclass(frozen=True)
class Route:
    """All that is known of the ways between the two sides of one transport."""

    local: list[Candidate] = field(default_factory=list)
    remote: list[Candidate] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    #: Why a server gave no candidate, and why one was not used: its address, and the reason in words.
    failures: dict[str, str] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)


class RouteWatch:
    """Counts what goes over the pairs of an ICE transport."""

    def __init__(self, ice: Any) -> None:
        self._ice = ice
        self._connections: list[Any] = []
        self._protocols: set[Any] = set()
        #: By the protocol and the other side's address, as packets tell them.
        self._counts: dict[tuple[Any, Any], Counts] = {}
        self._pairs: dict[Any, int] = {}
        self._candidates: dict[tuple[Any, ...], int] = {}
        self._checks: dict[bytes, float] = {}
        self._last: tuple[Any, Any] | None = None
        self.changes = 0
        self.look()

    @property
    def _active(self) -> Any:
        """The aioice connection that carries the data: a restart has another than the one under aiortc's transport."""
        return getattr(getattr(self._ice, "_path", None), "active", self._ice._connection)

    def look(self) -> None:
        """Take notice of what is new. Called after whatever may have gathered, or begun a restart."""
        for connection in (self._active, self._ice._connection, self._ice.iceGatherer._connection):
            if connection not in self._connections:
                self._connections.append(connection)
                del self._connections[:-4]
        for connection in self._connections:
            for protocol in connection._protocols:
                if protocol not in self._protocols:
                    self._protocols.add(protocol)
                    self._hook(protocol)
            for pair in connection._check_list:
                if pair not in self._pairs and len(self._pairs) < MOST_PAIRS:
                    self._pairs[pair] = len(self._pairs)

    def _of(self, protocol: Any, address: Any, *, incoming: bool = False) -> Counts:
        counts = self._counts.get((protocol, address))
        if counts is None:
            counts = Counts()
            # Anybody may send here; what we send goes to those who have the password.
            if not incoming or len(self._counts) < MOST_PAIRS:
                self._counts[protocol, address] = counts
        return counts

    def _hook(self, protocol: Any) -> None:
        send_data, send_stun, received = protocol.send_data, protocol.send_stun, protocol.datagram_received

        async def count_data(data: bytes, address: Any) -> None:
            await send_data(data, address)
            counts = self._of(protocol, address)
            counts.packets_sent += 1
            counts.bytes_sent += len(data)
            counts.last_sent = time.time()
            if self._last != (protocol, address):
                self._last = (protocol, address)
                self.changes += 1

        def count_stun(message: Any, address: Any) -> None:
            send_stun(message, address)
            counts = self._of(protocol, address)
            if message.message_class == aioice.stun.Class.REQUEST:
                counts.requests_sent += 1
                counts.consent_requests_sent += self._last == (protocol, address)
                # Sent again, it counts from then: the wait before that is longer than any round trip.
                self._checks[message.transaction_id] = time.monotonic()
                while len(self._checks) > MOST_CHECKS:
                    del self._checks[next(iter(self._checks))]
            else:
                counts.responses_sent += 1

        def count_received(data: bytes, address: Any) -> None:
            counts = self._of(protocol, address[:2], incoming=True)
            if len(data) >= 20 and data[0] < 4:
                self._count_check(counts, data)
            elif data:
                counts.packets_received += 1
                counts.bytes_received += len(data)
                counts.last_received = time.time()
            received(data, address)

        protocol.send_data, protocol.send_stun, protocol.datagram_received = count_data, count_stun, count_received

    def _count_check(self, counts: Counts, data: bytes) -> None:
        """RFC 8489 §5: the class is in two bits of the type, the name of the transaction in bytes 8 to 20."""
        kind = int.from_bytes(data[:2], "big") & 0x0110
        if kind == 0:
            counts.requests_received += 1
        elif (sent := self._checks.pop(data[8:20], None)) is not None:
            counts.responses_received += 1
            counts.refusals_received += kind == 0x0110
            counts.round_trip = time.monotonic() - sent
            counts.all_round_trips += counts.round_trip

    # -- what is known --------------------------------------------------------------------------------------------

    def route(self) -> Route:
        """Return all that is known."""
        self.look()
        route = Route()
        local: dict[int, Candidate] = {}
        remote: dict[int, Candidate] = {}
        for connection in self._connections:
            for candidate in connection._local_candidates:
                self._add(local, connection, candidate, "local")
            for candidate in connection._remote_candidates:
                self._add(remote, connection, candidate, "remote")
            told = outcome(connection)
            route.failures.update(told.failures)
            route.unused.update(told.unused)
        active = self._active
        for pair, key in self._pairs.items():
            connection = pair.protocol.receiver
            known = pair in connection._check_list
            ours = self._add(local, connection, pair.local_candidate, "local")
            theirs = self._add(remote, connection, pair.remote_candidate, "remote")
            selected = connection is active and pair in connection._nominated.values()
            state = pair.state.name.lower().replace("_", "-")
            if not known and state in ("waiting", "frozen"):
                state = "frozen"  # it was never tried: another one had won by then
            counts = self._counts.get((pair.protocol, pair.remote_addr)) or Counts()
            route.pairs.append(Pair(key, ours, theirs, state, bool(pair.nominated), selected, counts))
        for server in {server for connection in self._connections for server in outcome(connection).used.values()}:
            route.failures.pop(server, None)
            route.unused.pop(server, None)
        route.local.extend(local.values())
        route.remote.extend(remote.values())
        return route

    def _add(self, found: dict[int, Candidate], connection: Any, candidate: Any, side: str) -> int:
        name = (side, id(connection), candidate.transport, candidate.type, candidate.host, candidate.port)
        key = self._candidates.setdefault(name, len(self._candidates))
        if key not in found:
            server = None
            if side == "local":
                server = outcome(connection).used.get((candidate.type, candidate.host, candidate.port))
            found[key] = Candidate(
                key, candidate.host, candidate.port, candidate.transport.lower(), candidate.type, candidate.priority,
                candidate.foundation, candidate.related_address, candidate.related_port, server,
                told=candidate.type != "prflx",
            )  # fmt: skip
        return key
