"""Decisions of the negotiation, as functions of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .sdp import SENDING, MediaSection

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

_REVERSED = {"sendonly": "recvonly", "recvonly": "sendonly"}


@dataclass(frozen=True)
class Wanted:
    """A transceiver as it is wanted now."""

    mid: str | None
    direction: str
    streams: tuple[str, ...] = ()


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
    """
    ours = {section.mid: section for section in local}
    theirs = {section.mid: section for section in remote}
    for transceiver in wanted:
        here = ours.get(transceiver.mid or "")
        there = theirs.get(transceiver.mid or "")
        if transceiver.mid is None or local_type is None or here is None:
            return True
        if transceiver.direction in SENDING and set(here.streams) != set(transceiver.streams):
            return True
        answered = "inactive" if there is None else reverse(there.direction)
        if local_type == "offer" and transceiver.direction not in (here.direction, answered):
            return True
        if local_type == "answer" and here.direction != intersect(transceiver.direction, answered):
            return True
    return False


def add_sending(direction: str) -> str:
    """Return `direction` with sending: addTrack, WebRTC 1.0 §5.1."""
    return {"recvonly": "sendrecv", "inactive": "sendonly"}.get(direction, direction)


@dataclass(frozen=True)
class SenderState:
    """A sender, as the reuse rule sees it."""

    kind: str
    has_track: bool
    has_sent: bool


def reusable_sender(kind: str, senders: Sequence[SenderState]) -> int | None:
    """Return the index of the sender that addTrack uses again, or None: WebRTC 1.0 §5.1.

    One without a track, of the same kind, that was never used to send.
    """
    for index, sender in enumerate(senders):
        if sender.kind == kind and not sender.has_track and not sender.has_sent:
            return index
    return None
