"""Why a connection does or does not connect: a pure function from what was gathered to a `Report`.

The rules stand in the order in which a connection comes about, the last stage first: what is known to work already
needs no words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ..engine.statistics import Facts
from .report import Report, ends, with_facts
from .stats import ChannelCounts

#: So many servers of no help are named in the reason; the report has all.
MOST_NAMED = 3
#: So long a fresh attempt may take before it is called vain.
PATIENCE = 5.0

_HERE = "It is on this machine, so that no network is between: its program is busy, stands still, or has ended."
_TURN = 'rtc.configure(ice_servers=[{"urls": "turn:...", "username": "...", "credential": "..."}])'


@dataclass(frozen=True)
class Gathered:
    """What is known of a connection.

    Attributes
    ----------
    state : str
        The connection's.
    age : float
        Seconds since the state was entered.
    local, remote : str or None
        What kind of description was set, ``"offer"`` or ``"answer"``.
    wanted : bool
        Whether there is a transceiver or a channel.
    told, hidden : int
        How many candidates the other side's description has, and how many of these have a ``.local`` name.
    named : tuple of str
        Hosts that its candidates name in the place of addresses.
    was_connected : bool
    ended : str
        Who has ended it: ``"here"``, ``"there"`` (it has closed its connection), ``"bye"`` (it said so), or ``""``.
    loss : (str, bool) or None
        Of a connection that was lost: why it could not be made anew, and whether that is given up.
    relay_only : bool
        Whether only relayed candidates may be used.
    servers : tuple of str
        The addresses of the STUN and TURN servers that were configured.
    signaling : str
        What the signaling is called through which it is being connected, or ``""``.
    """

    state: str
    facts: Facts
    age: float = 0.0
    local: str | None = None
    remote: str | None = None
    wanted: bool = True
    told: int = 0
    hidden: int = 0
    named: tuple[str, ...] = ()
    was_connected: bool = False
    ended: str = ""
    loss: tuple[str, bool] | None = None
    relay_only: bool = False
    servers: tuple[str, ...] = ()
    states: tuple[tuple[float, str], ...] = ()
    channels: tuple[ChannelCounts, ...] = ()
    signaling: str = ""


class Finding(NamedTuple):
    """What is the matter, and what to do about it."""

    reason: str
    advice: str = ""


def explain(it: Gathered) -> Report:
    """Return the report of what was gathered."""
    found = next(
        (found for rule in _RULES if (found := rule(it)) is not None), Finding(f"the connection is {it.state}")
    )
    report = Report(it.state == "connected", found.reason, found.advice, it.states)
    return with_facts(report, it.facts, it.channels, it.servers)


def _end(it: Gathered) -> Finding | None:
    return {
        "here": Finding("the connection was closed here", "Make a new PeerConnection to connect again."),
        "bye": Finding("the other side said bye", "It has left, or was started anew: make a new PeerConnection."),
        "there": Finding(
            "the other side has closed the connection",
            "Its page was closed or reloaded, or its program has ended: make a new PeerConnection.",
        ),
    }.get(it.ended)


def _success(it: Gathered) -> Finding | None:
    if it.state != "connected":
        return None
    for transport in it.facts.transports:
        for pair in transport.route.pairs:
            if pair.selected:
                trip = pair.counts.round_trip
                took = "" if trip is None else f", round trip {trip * 1000:.0f} ms"
                return Finding(f"connected, {ends(transport, pair)}{took}")
    return Finding("connected")


def _loss(it: Gathered) -> Finding | None:
    if it.loss is None:
        return None
    why, given_up = it.loss
    if given_up:
        advice = "When that is mended, connect(...) makes it anew, through another Whip or Whep."
        return Finding(f"the connection was lost, and given up: {why}", advice)
    return Finding(
        f"the connection was lost, and is being made anew; the last attempt: {why}", "This goes on by itself."
    )


def _encryption(it: Gathered) -> Finding | None:
    for transport in it.facts.transports:
        if transport.failure:
            return Finding(
                f"the way is there, and {transport.failure}",
                "Are both descriptions of the same attempt, and passed on unchanged? An old answer to a new offer does "
                "this, and so does a server in between that rewrites them.",
            )
        if transport.dtls_state == "connecting" and transport.ice_state in ("completed", "connected"):
            return Finding(
                "the way is there, and the encryption (DTLS) is still being negotiated",
                "If this lasts, the other side does not answer: has it applied our description?",
            )
    return None


def _silence(it: Gathered) -> Finding | None:
    if not it.was_connected or it.state not in ("disconnected", "failed"):
        return None
    if it.state == "disconnected":
        return Finding(
            f"the other side was connected, and has been silent for {it.age + 2:.0f} s",
            f"{_HERE} It goes on by itself when that program answers again."
            if _is_here(it.facts)
            else "Its machine sleeps, its network is gone, or its program stands still. It goes on by itself when the "
            "other side is back with the same address; with another it takes restart_ice(), or a new PeerConnection.",
        )
    return Finding(
        "the other side was connected, fell silent, and did not come back",
        f"{_HERE} Make a new PeerConnection when that program answers again."
        if _is_here(it.facts)
        else "Its machine or its network is gone. When it is back, restart_ice() or a new PeerConnection helps.",
    )


def _negotiation(it: Gathered) -> Finding | None:
    if it.local is None and it.remote is None:
        if not it.wanted:
            return Finding(
                "there is nothing to negotiate: the connection has no track, no transceiver and no data channel",
                "Call add_track(track), add_transceiver(kind) or create_data_channel(label) first.",
            )
        return Finding(
            "nothing was negotiated yet",
            "Call connect_pair(a, b) or connect(signaling), or exchange descriptions: set_local_description() here, "
            "set_remote_description(...) there, and the answer back.",
        )
    if it.remote is None:
        return Finding(
            "our offer was made, and there is no answer from the other side yet",
            f"Is anybody at the other end of {it.signaling}, and does the offer get there?"
            if it.signaling
            else "Is anybody at the other end, and does the offer get there? "
            "Its answer goes to set_remote_description().",
        )
    if it.local is None:
        return Finding(
            "the other side's offer was set, and is not answered yet",
            "Call set_local_description(), and send the answer to the other side.",
        )
    return None


def _own_addresses(it: Gathered) -> Finding | None:
    routes = [transport.route for transport in it.facts.transports]
    if it.local is None or not routes or any(route.local for route in routes):
        return None
    if not it.relay_only:
        return Finding("this machine has no network address but the loopback", "Is it connected to a network?")
    if all(server.startswith("stun") for server in it.servers):
        return Finding(
            'only relayed ways are allowed (ice_transport_policy="relay"), and no TURN server is named',
            f"Name one: {_TURN}",
        )
    return Finding(
        f"only relayed ways are allowed, and there is none{_failures(it.facts)}",
        "Check that server: its address, its port, the user name and the password; doctor() tells more.",
    )


def _addresses(it: Gathered) -> Finding | None:
    routes = [transport.route for transport in it.facts.transports]
    if not routes or any(route.pairs for route in routes):
        return None
    if it.told and it.told == it.hidden:
        return Finding(
            "the other side told nothing but .local names, behind which a browser hides its addresses",
            "It must reach us itself then: is UDP from it to this machine let through? A page that uses the camera "
            f"tells its addresses. Else name a TURN server: {_TURN}",
        )
    if it.named:
        return Finding(
            f"the other side names the host {it.named[0]} in the place of an address, and it has none here that fits",
            "Is that the right name, and does this machine know it? Else let the other side tell its address.",
        )
    if it.told:
        return Finding(
            "no address of the other side fits one of ours: they differ in version (IPv4, IPv6) or are for TCP alone",
            f"A TURN server helps: {_TURN}",
        )
    return Finding(
        "the other side has told no address yet",
        "Pass its candidates on, too (add_ice_candidate), or send its description only when it has gathered them.",
    )


def _ways(it: Gathered) -> Finding | None:
    pairs = [pair for transport in it.facts.transports for pair in transport.route.pairs]
    if not pairs:
        return None
    if any(pair.state == "succeeded" for pair in pairs):
        return Finding(
            "a way has answered, and the two sides have not agreed on one yet",
            "If this lasts, our checks do not reach the other side: is UDP to it let through?",
        )
    if any(pair.counts.responses_received for pair in pairs):
        return Finding(
            "the two sides reach each other, and the other side refuses our checks",
            "Are both descriptions of the same attempt? An old answer to a new offer does this.",
        )
    number = "the only way" if len(pairs) == 1 else f"none of the {len(pairs)} ways"
    verb = "did not answer" if len(pairs) == 1 else "answered"
    if it.state in ("new", "connecting") and it.age < PATIENCE:
        return Finding(f"still trying: {number} between the two sides {verb} so far")
    if _is_here(it.facts):
        return Finding(f"{number} between the two sides {verb} so far", _HERE)
    if any(pair.counts.requests_received for pair in pairs):
        return Finding(
            "the other side reaches us, and does not answer",
            "UDP is let through in one direction only, or the other side has applied a description of another attempt. "
            f"A TURN server helps against the former: {_TURN}",
        )
    failures = _failures(it.facts)
    if failures:
        advice = "Check that server: its address, its port, the user name and the password; is UDP to it let through?"
    elif any(candidate.type == "relay" for t in it.facts.transports for candidate in t.route.local):
        advice = "We have a relay: is UDP between it and the other side let through, and is the other side up?"
    else:
        advice = (
            "The two sides are in different networks, or a firewall drops UDP between them. A TURN server helps, which "
            f"both sides can reach: {_TURN}"
        )
    return Finding(f"{number} between the two sides {verb}{failures}", advice)


def _is_here(facts: Facts) -> bool:
    """Return whether all addresses of the other side are ours; one may be by chance, as Docker's are."""
    local = {candidate.address for transport in facts.transports for candidate in transport.route.local}
    remote = {c.address for t in facts.transports for c in t.route.remote if c.type in ("host", "prflx")}
    return bool(remote) and remote <= local


def _failures(facts: Facts) -> str:
    """Return which servers failed, to go on a sentence with."""
    failures = {k: v for transport in facts.transports for k, v in transport.route.failures.items()}
    words = [f", and {server} is of no help: {words}" for server, words in failures.items()]
    more = f", and {len(words) - MOST_NAMED} more are not" if len(words) > MOST_NAMED else ""
    return "".join(words[:MOST_NAMED]) + more


_RULES: tuple[Callable[[Gathered], Finding | None], ...] = (
    _end,
    _success,
    _loss,
    _encryption,
    _silence,
    _own_addresses,
    _negotiation,
    _addresses,
    _ways,
)
