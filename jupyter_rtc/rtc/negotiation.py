"""Decisions of the negotiation, as functions of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .sdp import SENDING, MediaSection

_REVERSED = {"sendonly": "recvonly", "recvonly": "sendonly"}


@dataclass(frozen=True)
class Wanted:
    """A transceiver as it is wanted now."""

    mid: str | None
    direction: str
    streams: tuple[str, ...] = ()
    stopping: bool = False


def reverse(direction: str) -> str:
    """Return the direction as the other side sees it."""
    return _REVERSED.get(direction, direction)


def intersect(a: str, b: str) -> str:
    """Return what both directions allow."""
    send = a in SENDING and b in SENDING
    receive = a in ("sendrecv", "recvonly") and b in ("sendrecv", "recvonly")
    return ("sendrecv" if receive else "sendonly") if send else ("recvonly" if receive else "inactive")


def negotiation_needed(
    wanted: Sequence[Wanted],
    local_type: str | None,
    local: Sequence[MediaSection],
    remote: Sequence[MediaSection],
    *,
    channels: bool = False,
    restart: bool = False,
) -> bool:
    """Check if negotiation is needed: WebRTC 1.0 §4.7.3.

    Parameters
    ----------
    wanted : sequence of Wanted
        All transceivers that are not stopped.
    local_type : {"offer", "answer"} or None
        Of the current local description; None: nothing was negotiated yet.
    local, remote : sequence of MediaSection
        The current local and remote descriptions.
    channels : bool
        Whether there is any data channel.
    restart : bool
        Whether an ICE restart was asked for.
    """
    if restart or (channels and not any(s.kind == "application" and not s.rejected for s in local)):
        return True
    ours = {section.mid: section for section in local}
    theirs = {section.mid: section for section in remote}
    for transceiver in wanted:
        here = ours.get(transceiver.mid or "")
        there = theirs.get(transceiver.mid or "")
        if transceiver.mid is None:
            if transceiver.stopping:
                continue
            return True
        if local_type is None or here is None:
            return True
        if transceiver.stopping:
            if not here.rejected and not (there is not None and there.rejected):
                return True
            continue
        if transceiver.direction in SENDING and set(here.streams or ()) != set(transceiver.streams):
            return True
        answered = "inactive" if there is None else reverse(there.direction)
        if local_type == "offer" and transceiver.direction not in (here.direction, answered):
            return True
        if local_type == "answer" and here.direction != intersect(transceiver.direction, answered):
            return True
    return False


def remove_sending(direction: str) -> str:
    """Return `direction` without sending: removeTrack, WebRTC 1.0 §5.1."""
    return {"sendrecv": "recvonly", "sendonly": "inactive"}.get(direction, direction)


def add_sending(direction: str) -> str:
    """Return `direction` with sending: addTrack, WebRTC 1.0 §5.1."""
    return {"recvonly": "sendrecv", "inactive": "sendonly"}.get(direction, direction)


@dataclass(frozen=True)
class SenderState:
    """A sender, as the reuse rule sees it."""

    kind: str
    has_track: bool
    has_sent: bool
    stopping: bool = False


def reusable_sender(kind: str, senders: Sequence[SenderState]) -> int | None:
    """Return the index of the sender that addTrack uses again, or None: WebRTC 1.0 §5.1.

    One without a track, of the same kind, that was never used to send.
    """
    for index, sender in enumerate(senders):
        if sender.kind == kind and not (sender.has_track or sender.has_sent or sender.stopping):
            return index
    return None


@dataclass(frozen=True)
class Free:
    """A transceiver that a remote section may be associated with."""

    kind: str
    from_add_track: bool
    mid: str | None
    stopping: bool = False


def associate(kind: str, mid: str, direction: str, transceivers: Sequence[Free]) -> int | None:
    """Return the index of the transceiver for a section of a remote offer, or None for a new one: JSEP §5.10.

    Parameters
    ----------
    direction : str
        As it stands in the offer.
    """
    for index, transceiver in enumerate(transceivers):
        if transceiver.mid == mid:
            return index
    if direction not in ("sendrecv", "recvonly"):
        return None
    for index, transceiver in enumerate(transceivers):
        free = transceiver.from_add_track and transceiver.mid is None and not transceiver.stopping
        if free and transceiver.kind == kind:
            return index
    return None


def recycled(wanted: Sequence[str], local: Sequence[MediaSection], remote: Sequence[MediaSection]) -> list[int | None]:
    """Return the place of a rejected section for each new transceiver, or None for a new section: JSEP §5.2.2.

    Parameters
    ----------
    wanted : sequence of {"audio", "video"}
        The kinds of transceivers without a section.
    local, remote : sequence of MediaSection
        The current descriptions.
    """
    rejected = {index for sections in (local, remote) for index, section in enumerate(sections) if section.rejected}
    free = [(index, local[index].kind) for index in sorted(rejected) if index < len(local)]
    places: list[int | None] = []
    for kind in wanted:
        place = next((index for index, of in free if of == kind), None)
        free = [(index, of) for index, of in free if index != place]
        places.append(place)
    return places


@dataclass(frozen=True)
class RemoteChange:
    """What a remote section does to a receiver."""

    #: Streams to take the track out of, and to put it into, by id.
    leaves: tuple[str, ...]
    joins: tuple[str, ...]
    #: Whether "track" fires.
    fires: bool
    #: Whether the track is muted: the other side stopped sending.
    mutes: bool


def remote_change(fired: str | None, direction: str, before: Sequence[str], now: Sequence[str]) -> RemoteChange:
    """Process a remote track: WebRTC 1.0 §5.1.1 (set associated remote streams, addition, removal).

    Parameters
    ----------
    fired : str or None
        The direction for which "track" fired last.
    direction : str
        The section's, as we see it.
    before, now : sequence of str
        The ids of the streams the track is in, and of those that the section names.
    """
    receiving = direction in ("sendrecv", "recvonly")
    streams = tuple(dict.fromkeys(now)) if receiving else ()
    was = fired in ("sendrecv", "recvonly")
    joins = tuple(stream for stream in streams if stream not in before)
    return RemoteChange(
        leaves=tuple(stream for stream in before if stream not in streams),
        joins=joins,
        fires=receiving and (not was or bool(joins)),
        mutes=was and not receiving,
    )
