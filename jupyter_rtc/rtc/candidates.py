"""Candidates: WebRTC 1.0 §4.4.2, addIceCandidate, and §4.8.2, "icecandidate"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ..checks import string, whole
from ..errors import OperationError
from ..jsep.reading import MOST_CANDIDATES, parse_candidate, read
from . import sdp
from .sdp import SessionDescription

if TYPE_CHECKING:
    from .session import Session

#: So many may wait for their description, of all sections.
MOST = 256


class Candidates:
    """The candidates of both sides. On the engine's thread.

    Parameters
    ----------
    session : Session
        Whose descriptions they belong to.
    fire : callable
        ``fire(event, *payload)`` puts an event on its way.
    """

    def __init__(self, session: Session, fire: Callable[..., None]) -> None:
        self._session = session
        self._fire = fire
        self._waiting: list[dict[str, Any] | None] = []
        self._told: set[tuple[str, str]] = set()
        #: The description of which these sections, by mid and index, have as many candidates as are used.
        self._full_of: SessionDescription | None = None
        self._full: set[tuple[Any, Any]] = set()

    def tell(self, text: str) -> None:
        """Fire "icecandidate" for what was gathered; the local description `text` has all of them, too."""
        fresh = sdp.candidates(text)
        remote = self._session.current_remote
        if remote is not None and sdp.is_bundled(remote.sdp) and self._told:
            # What is added later goes over the transport that there is.
            fresh = [c for c in fresh if c["sdpMid"] in {mid for mid, _ in self._told}]
        fresh = [c for c in fresh if (c["sdpMid"], c["candidate"]) not in self._told]
        self._told.update((c["sdpMid"], c["candidate"]) for c in fresh)
        for candidate in fresh:
            self._fire("icecandidate", candidate)
        if fresh:
            self._fire("icecandidate", None)

    async def add(self, candidate: dict[str, Any] | None) -> None:
        """Apply a candidate of the other side, or keep it until the description that it belongs to."""
        remote = self._session.pending_remote or self._session.current_remote
        if candidate is not None:
            self._check(candidate, remote)
        if remote is not None:
            self._note(remote, candidate)
        if candidate is not None and not candidate.get("candidate"):
            return  # the end of one section's candidates; the engine is told of the end of all
        if remote is None or self._session.engine_is_behind:
            if candidate is None or len(self._waiting) < MOST:
                self._waiting.append(candidate)
        else:
            await self._session.peer.add_candidate(candidate)

    def _check(self, candidate: dict[str, Any], remote: SessionDescription | None) -> None:
        mid, index = candidate.get("sdpMid"), candidate.get("sdpMLineIndex")
        if mid is None and index is None:
            raise TypeError("a candidate names its media section: sdpMid or sdpMLineIndex is needed")
        if mid is not None:
            string("sdpMid", mid)
        if index is not None:
            whole("sdpMLineIndex", index)
        if candidate.get("candidate") is not None:
            string("candidate", candidate["candidate"])
        sections = [] if remote is None else sdp.media_sections(remote.sdp)
        if remote is not None and (
            (mid is not None and mid not in [section.mid for section in sections])
            or (mid is None and not 0 <= cast(int, index) < len(sections))
        ):
            raise OperationError(f"the remote description has no media section {mid if mid is not None else index!r}")
        if candidate.get("candidate"):
            try:
                parse_candidate(candidate["candidate"])
            except ValueError as error:
                raise OperationError(str(error)) from error
        ufrag = candidate.get("usernameFragment")
        if remote is not None and ufrag is not None:
            at = [section.mid for section in sections].index(mid) if mid is not None else cast(int, index)
            if ufrag != sdp.ufrag_of(remote.sdp, at):
                raise OperationError(f"the remote description knows no usernameFragment {ufrag!r}: an old candidate?")

    def _note(self, remote: SessionDescription, candidate: dict[str, Any] | None) -> None:
        """Put it into the description, as §4.4.2 has it; no more than are used."""
        if candidate is not None and candidate.get("candidate"):
            sections = read(remote.sdp).sections
            mid, index = candidate.get("sdpMid"), candidate.get("sdpMLineIndex")
            section = next(
                (s for i, s in enumerate(sections) if (s.mid == mid if mid is not None else i == index)), None
            )
            if section is not None and len(section.candidates) >= MOST_CANDIDATES:
                if self._full_of is not remote:
                    self._full_of, self._full = remote, set()
                self._full.add((mid, index))
                return
        self._session.replace_remote(remote, replace(remote, sdp=sdp.with_candidate(remote.sdp, candidate)))

    def leaves_out(self, candidate: dict[str, Any]) -> bool:
        """Return whether this one would change nothing, for its section has as many as are used. On any thread."""
        remote = self._session.pending_remote or self._session.current_remote
        full = len(self._waiting) >= MOST if remote is None else remote is self._full_of
        if not full or self._session.closed:
            return False
        mid, index = candidate.get("sdpMid"), candidate.get("sdpMLineIndex")
        try:
            parse_candidate(str(candidate.get("candidate") or ""))
            return isinstance(mid, str) if remote is None else (mid, index) in self._full
        except (ValueError, TypeError):
            return False

    async def flush(self) -> None:
        """The engine has the description that those which wait belong to."""
        waiting, self._waiting = self._waiting, []
        for candidate in waiting:
            await self._session.peer.add_candidate(candidate)

    def forget(self) -> None:
        """Drop those that wait: their description was taken back."""
        self._waiting.clear()

    def begin_anew(self) -> None:
        """Those of both sides are others from now on."""
        self._waiting.clear()
        self._told.clear()
