"""The signaling state machine: WebRTC 1.0 §4.3.1."""

from __future__ import annotations

from typing import Literal

from ..errors import InvalidStateError

SignalingState = Literal[
    "stable", "have-local-offer", "have-remote-offer", "have-local-pranswer", "have-remote-pranswer", "closed"
]
Side = Literal["local", "remote"]

NEXT: dict[tuple[str, str, str], SignalingState] = {
    ("stable", "local", "offer"): "have-local-offer",
    ("stable", "remote", "offer"): "have-remote-offer",
    ("have-local-offer", "local", "offer"): "have-local-offer",
    ("have-local-offer", "remote", "answer"): "stable",
    ("have-local-offer", "remote", "pranswer"): "have-remote-pranswer",
    ("have-remote-offer", "remote", "offer"): "have-remote-offer",
    ("have-remote-offer", "local", "answer"): "stable",
    ("have-remote-offer", "local", "pranswer"): "have-local-pranswer",
    ("have-local-pranswer", "local", "pranswer"): "have-local-pranswer",
    ("have-local-pranswer", "local", "answer"): "stable",
    ("have-remote-pranswer", "remote", "pranswer"): "have-remote-pranswer",
    ("have-remote-pranswer", "remote", "answer"): "stable",
    # Either side's call takes back whichever offer is pending: JSEP §4.1.10.2.
    ("have-local-offer", "local", "rollback"): "stable",
    ("have-local-offer", "remote", "rollback"): "stable",
    ("have-remote-offer", "local", "rollback"): "stable",
    ("have-remote-offer", "remote", "rollback"): "stable",
}


def step(state: str, side: Side, kind: str) -> SignalingState:
    """Return the state after a description.

    Raises
    ------
    InvalidStateError
        When it may not be applied in this state.
    """
    following = NEXT.get((state, side, kind))
    if following is None:
        raise InvalidStateError(f"a {side} {kind} cannot be applied in signaling state {state!r}")
    return following


def rolls_back(state: str, side: Side, kind: str) -> bool:
    """Return whether our own pending offer is taken back first: implicit rollback, §4.4.1.5."""
    return (state, side, kind) == ("have-local-offer", "remote", "offer")
