"""What became of a connection, in words: the report that a user sees, and the history that it needs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..engine.routes import Candidate, Pair
from ..engine.statistics import Facts, Transport
from .stats import ChannelCounts, shape


@dataclass(frozen=True)
class Report:
    """Why a connection does or does not connect. ``print(report)``, or the last line of a cell.

    Attributes
    ----------
    connected : bool
    reason : str
        The most likely reason, in one sentence.
    advice : str
        What to do about it; may be empty.
    states : tuple of (float, str)
        What became of the connection, with seconds since it was made.
    local_candidates, remote_candidates : tuple of str
        The addresses of both sides.
    pairs : tuple of str
        The pairs of addresses that were tried, with their states.
    servers : tuple of str
        The STUN and TURN servers, and what became of them.
    media : tuple of str
        What is sent and received, with codec, size, rate and losses.
    pages : tuple of str
        The pages that show it, if it is a widget.
    """

    connected: bool
    reason: str
    advice: str = ""
    states: tuple[tuple[float, str], ...] = ()
    local_candidates: tuple[str, ...] = ()
    remote_candidates: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The reason and the advice, on one line."""
        return f"{self.reason}. {self.advice}".rstrip() if self.advice else self.reason

    def __str__(self) -> str:
        return "\n".join([self._headline, *([self.advice] if self.advice else []), *self._details()])

    @property
    def _headline(self) -> str:
        reason = f"{self.reason[:1].upper()}{self.reason[1:].rstrip('.')}."
        return reason if self.connected else f"Not connected. {reason}"

    def _details(self) -> list[str]:
        lines = []
        for title, entries in (
            ("what happened", [f"{seconds:6.1f} s  {what}" for seconds, what in self.states]),
            ("pages", self.pages),
            ("addresses of this side", self.local_candidates),
            ("addresses of the other side", self.remote_candidates),
            ("ways that were tried", self.pairs),
            ("servers", self.servers),
            ("media", self.media),
        ):
            if entries:
                lines += ["", f"{title}:", *(f"  {entry}" for entry in entries)]
        return lines

    def _repr_markdown_(self) -> str:
        details = "\n".join(self._details()).replace("```", "'''").strip("\n")
        block = f"\n\n```text\n{details}\n```" if details else ""
        advice = f"\n\n{self.advice}" if self.advice else ""
        return f"**{self._headline}**{advice}{block}"


class History:
    """What became of a connection, with seconds since it was made. Bounded; any thread."""

    def __init__(self) -> None:
        self._began = self._changed = time.monotonic()
        self._entries: deque[tuple[float, str]] = deque(maxlen=100)
        self._connection: deque[str] = deque(maxlen=100)
        self.bye = False

    def add(self, name: str, value: str) -> None:
        """A state has changed."""
        now = time.monotonic()
        if name == "connection_state":
            self._changed = now
            self._connection.append(value)
        self._entries.append((now - self._began, f"{_NAMES.get(name, name)} {value}".strip()))

    def said_bye(self) -> None:
        """The other side has said over the signaling that it leaves."""
        self.bye = True
        self.add("bye", "")

    @property
    def entries(self) -> tuple[tuple[float, str], ...]:
        """What happened, in order."""
        return tuple(self._entries)

    @property
    def age(self) -> float:
        """Seconds since the connection's state changed."""
        return time.monotonic() - self._changed

    def was(self, state: str) -> bool:
        """Return whether the connection was ever in a state."""
        return state in self._connection

    def ended(self, facts: Facts) -> str:
        """Return whether the other side has ended it, as `diagnosis.Gathered.ended` has it."""
        if self.bye:
            return "bye"
        gone = any(transport.dtls_state == "closed" and not transport.closed for transport in facts.transports)
        # Silence ends the transport in the same way, and was seen before.
        before = [state for state in self._connection if state not in ("failed", "closed")]
        return "there" if gone and before[-1:] != ["disconnected"] else ""


_NAMES = {
    "connection_state": "connection",
    "signaling_state": "signaling",
    "ice_connection_state": "ICE",
    "ice_gathering_state": "candidates",
    "bye": "the other side says bye",
}


# -- the details ------------------------------------------------------------------------------------------------------


def ends(transport: Transport, pair: Pair) -> str:
    """Return the two ends of a way."""
    local = next((c for c in transport.route.local if c.key == pair.local), None)
    remote = next((c for c in transport.route.remote if c.key == pair.remote), None)
    return f"{_where(local)} → {_where(remote)}"


def _where(candidate: Candidate | None) -> str:
    if candidate is None:
        return "?"
    address = f"[{candidate.address}]" if ":" in candidate.address else candidate.address
    return f"{address}:{candidate.port} ({_KINDS.get(candidate.type, candidate.type)})"


_KINDS = {"host": "direct", "srflx": "seen by STUN", "prflx": "seen by the other side", "relay": "TURN relay"}


def with_facts(report: Report, facts: Facts, channels: Iterable[ChannelCounts], servers: Iterable[str]) -> Report:
    """Return the report with the addresses, the ways, the servers and the media, in words.

    Parameters
    ----------
    servers : iterable of str
        The addresses of those that were configured.
    """
    local: list[str] = []
    remote: list[str] = []
    pairs: list[str] = []
    answered: dict[str, str] = {}
    of_no_help: dict[str, str] = {}
    for transport in facts.transports:
        route = transport.route
        local += [_where(candidate) for candidate in route.local]
        remote += [_where(candidate) for candidate in route.remote]
        pairs += [_way(transport, pair) for pair in route.pairs]
        answered |= {candidate.server: "it works" for candidate in route.local if candidate.server}
        of_no_help |= route.failures | route.unused
    answered = {**answered, **{server: words for server, words in of_no_help.items() if server not in answered}}
    for server in servers:
        if not any(_same(server, known) for known in answered):
            answered[server] = "not asked"
    return replace(
        report,
        local_candidates=tuple(dict.fromkeys(local)),
        remote_candidates=tuple(dict.fromkeys(remote)),
        pairs=tuple(pairs),
        servers=tuple(f"{server}: {words}" for server, words in answered.items()),
        media=describe_media(shape(facts, channels)),
    )


def _way(transport: Transport, pair: Pair) -> str:
    counts = pair.counts
    state = "in use" if pair.selected else "not tried" if pair.state == "frozen" else pair.state
    checks = f"{counts.responses_received} of {counts.requests_sent} checks answered"
    if counts.refusals_received:
        checks += f", {counts.refusals_received} of them refused"
    return f"{ends(transport, pair)}: {state}, {checks}, {counts.requests_received} came"


def _same(configured: str, known: str) -> bool:
    """Return whether this is the server as it was configured: the port and the transport may be left out there."""
    return known.split("?")[0] == configured.split("?")[0] or known.startswith(f"{configured.split('?')[0]}:")


def describe_media(entries: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Return what is sent and received, in words."""
    lines = []
    for entry in entries.values():
        if entry["type"] not in ("inbound-rtp", "outbound-rtp"):
            continue
        sending = entry["type"] == "outbound-rtp"
        told = entries.get(entry.get("remoteId", ""), {})
        codec = str(entries.get(entry.get("codecId", ""), {}).get("mimeType", "")).partition("/")[2]
        packets = entry["packetsSent"] if sending else entry["packetsReceived"]
        lost = told.get("packetsLost", 0) if sending else entry["packetsLost"]
        parts = [part for part in (codec, _size(entry)) if part]
        parts.append(f"{packets} packets" if not lost else f"{packets} packets, {lost} lost")
        if sending and "roundTripTime" in told:
            parts.append(f"round trip {told['roundTripTime'] * 1000:.0f} ms")
        if not sending:
            parts += _pictures(entry)
        lines.append(f"{'sends' if sending else 'receives'} {entry['kind']}: {', '.join(parts)}")
    for entry in entries.values():
        if entry["type"] == "data-channel":
            sent, received = entry["messagesSent"], entry["messagesReceived"]
            lines.append(f"channel {entry['label']!r}: {entry['state']}, {sent} messages sent, {received} received")
    return tuple(lines)


def _pictures(entry: Mapping[str, Any]) -> list[str]:
    """Return what became of the pictures that have come, or should have."""
    received = entry.get("framesReceived", 0)
    if received and not entry.get("framesDecoded"):
        return ["not decoded, for nobody reads it"]
    # What nobody read, or newer ones overtook, never left the buffer; in framesDropped it is counted, too.
    unread = max(0, received - entry.get("jitterBufferEmittedCount", received))
    lost = max(0, entry.get("framesDropped", 0) - unread)
    fates = ((lost, "dropped"), (unread, "not read"))
    return [f"{count} of {received} pictures {fate}" for count, fate in fates if count]


def _size(entry: Mapping[str, Any]) -> str:
    if "frameWidth" not in entry:
        return ""
    return f"{entry['frameWidth']}x{entry['frameHeight']}, {entry.get('framesPerSecond', 0):g}/s"
