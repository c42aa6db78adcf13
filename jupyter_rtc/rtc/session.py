"""Offers and answers of one connection: JSEP over an engine that has no rollback and no provisional answers.

A remote offer is only handed to the engine when an answer is wanted, a provisional remote answer never is; until then
both are ours alone and can be taken back. Everything here runs on the engine's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from ..engine.peer import Peer
from ..errors import InvalidStateError, SdpError
from ..media.track import Kind
from . import grammar, sdp
from .candidates import Candidates
from .negotiation import Free, Wanted, associate, negotiation_needed, recycled, reverse
from .remote_tracks import Before, RemoteTracks
from .sdp import RECEIVING, SENDING, MediaSection, SdpType, SessionDescription
from .signaling_state import SignalingState, rolls_back, step
from .transceiver import RtpTransceiver

if TYPE_CHECKING:
    from .connection import PeerConnection

logger = logging.getLogger(__name__)


@dataclass
class _Undo:
    """What a pending offer has changed."""

    created: list[RtpTransceiver] = field(default_factory=list)
    associated: list[RtpTransceiver] = field(default_factory=list)
    remote: Before = field(default_factory=dict)
    #: The engine's transceivers in the places of sections that are foreign to it, by key.
    foreign: list[int] = field(default_factory=list)


class Session:
    """The transceivers and descriptions of a connection.

    Parameters
    ----------
    connection : PeerConnection
        Whose they are.
    peer : Peer
        The engine's end.
    fire : callable
        ``fire(event, *payload)`` puts an event on its way.
    """

    def __init__(self, connection: PeerConnection, peer: Peer, fire: Callable[..., None]) -> None:
        self.peer = peer
        self.state: SignalingState = "stable"
        self.transceivers: list[RtpTransceiver] = []
        self.current_local: SessionDescription | None = None
        self.pending_local: SessionDescription | None = None
        self.current_remote: SessionDescription | None = None
        self.pending_remote: SessionDescription | None = None
        self.channels = False
        self.closed = False
        #: Why media sections of the other side's description are refused, in words.
        self.refusals: tuple[str, ...] = ()
        self._connection = connection
        self._undo: _Undo | None = None
        self._offered = ""
        self._answered = ""
        #: The description that was made last.
        self._made: str | None = None
        #: Which transceiver, by key, has which place in the offer that was made last.
        self._places: dict[int, int] = {}
        #: The remote offer, and the local answer, that the engine has.
        self._engine_offer: SessionDescription | None = None
        self._engine_answer: SessionDescription | None = None
        self._candidates = Candidates(self, fire)
        self._remote = RemoteTracks(self, fire)
        self._needed = False
        #: ICE credentials, by name and password, that an ICE restart is to replace: [[LocalIceCredentialsToReplace]].
        self._to_replace: set[tuple[str, str]] = set()

    # -- transceivers ---------------------------------------------------------------------------------------------

    def add(self, kind: Kind, direction: str, *, from_add_track: bool) -> RtpTransceiver:
        """Add a transceiver of our own making."""
        key = self.peer.add_transceiver(kind, direction)
        transceiver = RtpTransceiver(self._connection, self, kind, direction, key=key, from_add_track=from_add_track)
        self.transceivers.append(transceiver)
        return transceiver

    async def _key_of(self, transceiver: RtpTransceiver) -> int:
        """Return the engine's name for a transceiver, which may be one that only a remote offer had until now."""
        if transceiver._key is None:
            transceiver._key = self.peer.add_transceiver(transceiver.kind, transceiver._direction)
            self.peer.send(transceiver._key, transceiver.sender._track)
            transceiver._apply_codecs()
            await transceiver.sender._apply_parameters()
        return transceiver._key

    def by_mid(self, mid: str | None) -> RtpTransceiver | None:
        """Return the transceiver that has a media section, or None."""
        return next((t for t in self.transceivers if t._mid is not None and t._mid == mid), None)

    def _sync_directions(self) -> None:
        for transceiver in self.transceivers:
            if transceiver._key is not None:
                direction = "inactive" if transceiver._stopping else transceiver._direction
                self.peer.set_direction(transceiver._key, direction)

    # -- offers and answers ---------------------------------------------------------------------------------------

    async def create_offer(self, *, ice_restart: bool = False) -> SessionDescription:
        """Return an offer of what is wanted now."""
        if self.state not in ("stable", "have-local-offer"):
            raise InvalidStateError(f"no offer can be made in signaling state {self.state!r}")
        for transceiver in self.transceivers:
            if not transceiver._stopping:
                await self._key_of(transceiver)
        self.peer.order([t._key for t in self.transceivers if t._key is not None])
        self._sync_directions()
        for transceiver in [t for t in self.transceivers if t._stopping and t._mid is None]:
            if transceiver._key is not None:  # it has no section, and is to get none
                self.peer.bury(transceiver._key)
                transceiver._key = None
        if self.state == "stable":
            self._recycle()
        if (self._to_replace or (ice_restart and self.current_local is not None)) and not self.peer.restarting:
            self.peer.begin_restart()
        tagged, before = self.by_mid(self._tag), sdp.media_sections(self._answered_last)
        none_left = bool(before) and all(section.rejected for section in before)
        renew = self.state == "stable" and (none_left or (tagged is not None and tagged._stopping))
        self._offered = self._made = self._outgoing(await self.peer.create("offer", renew=renew))
        return SessionDescription("offer", self._offered)

    @property
    def _answered_last(self) -> str:
        descriptions = (self.current_local, self.current_remote)
        return next((d.sdp for d in descriptions if d is not None and d.type == "answer"), "")

    @property
    def _tag(self) -> str | None:
        """The section whose transport is that of all: the first of the bundle that was answered."""
        return next(iter(sdp.bundle(self._answered_last)), None)

    def _gives_up_transport(self, offer: str) -> bool:
        """Return whether an offer takes a new transport: it rejects the section that has it, or all were rejected."""
        before = sdp.media_sections(self._answered_last)
        if before and all(section.rejected for section in before):
            return not all(section.rejected for section in sdp.media_sections(offer))
        return self._tag in {section.mid for section in sdp.media_sections(offer) if section.rejected}

    def _recycle(self) -> None:
        """Put new transceivers into rejected sections."""
        new = [t for t in self.transceivers if t._mid is None and t._key is not None]
        local, remote = (
            [] if d is None else sdp.media_sections(d.sdp) for d in (self.current_local, self.current_remote)
        )
        places = zip(new, recycled([t.kind for t in new], local, remote), strict=True)
        self.peer.recycle({cast(int, t._key): place for t, place in places if place is not None})

    async def create_answer(self) -> SessionDescription:
        """Return an answer to the remote offer."""
        if self.state not in ("have-remote-offer", "have-local-pranswer"):
            raise InvalidStateError(
                f"no answer can be made in signaling state {self.state!r}: there is no remote offer"
            )
        if self._engine_answer is None:
            await self._hand_over_offer()
            self._sync_directions()
            answer = self._outgoing(await self.peer.create("answer"))
            offer = self.pending_remote.sdp if self.pending_remote is not None else ""
            self._answered = self._made = answer if sdp.is_bundled(offer) else sdp.unbundled(answer)
        return SessionDescription("answer", self._answered)

    async def set_local(self, description: SessionDescription | None) -> SessionDescription:
        """Apply a local description, or the one that is due."""
        if description is None:
            answering = self.state in ("have-remote-offer", "have-local-pranswer")
            description = SessionDescription("answer" if answering else "offer")
        kind = description.type
        following = step(self.state, "local", kind)
        if kind == "rollback":
            await self._roll_back()
            return description
        if description.sdp and self._made is None:  # a description of somebody else's, or of an earlier life
            await (self.create_offer() if kind == "offer" else self.create_answer())
        text = description.sdp or await self._due(kind)
        grammar.check(text, kind)
        if self._made is not None and sdp.identity(text) != sdp.identity(self._made):
            raise SdpError(
                f"this {kind} is not the one that was made last: make one anew and change no more than its text"
            )
        if kind == "offer":
            self.peer.place(self._places)
            renew = self._gives_up_transport(text)
            applied = sdp.like(await self.peer.set_local("offer", sdp.domestic(text), renew=renew), text)
            self._take_mids()
            description = SessionDescription("offer", applied)
            self.pending_local = description
            self._offered = ""
        else:
            description = SessionDescription(kind, await self._answer(text))
            self._settle_local(description)
        self._reach(following, [])
        self._candidates.tell(description.sdp)
        return description

    async def _due(self, kind: SdpType) -> str:
        if kind == "offer":
            return self._offered or (await self.create_offer()).sdp
        return self._answered or (await self.create_answer()).sdp

    async def _answer(self, text: str) -> str:
        if self._engine_answer is None:
            await self._hand_over_offer()
            self._sync_directions()
            answered = sdp.like(await self.peer.set_local("answer", sdp.domestic(text)), text)
            if not sdp.is_bundled(text):
                answered = sdp.unbundled(answered)
            self._engine_answer = SessionDescription("answer", answered)
        return self._engine_answer.sdp

    async def set_remote(self, description: SessionDescription) -> SessionDescription:
        """Apply the other side's description."""
        kind = description.type
        if kind == "rollback":
            step(self.state, "remote", kind)
            await self._roll_back()
            return description
        implicit = rolls_back(self.state, "remote", kind)
        following = step("stable" if implicit else self.state, "remote", kind)
        grammar.check(description.sdp, kind)
        unusable = self.peer.check(kind, sdp.revive(description.sdp))
        sections = [replace(s, rejected=s.rejected or s.mid in unusable) for s in sdp.media_sections(description.sdp)]
        if unusable and (kind != "offer" or all(section.rejected for section in sections)):
            raise SdpError(f"the two sides have no codec in common: {'; '.join(unusable.values())}")
        if implicit:
            self._check_kinds(sections, beside=self._undo.associated if self._undo else [])
            await self._roll_back(silently=True)
        if kind == "offer":
            self._check_kinds(sections)
            known = [d for d in (self.current_remote, self.current_local) if d is not None]
            before = max((len(sdp.media_sections(d.sdp)) for d in known), default=0)
            if len(sections) < before:
                raise SdpError(f"the offer has {len(sections)} media sections where {before} were negotiated before")
            self._associate(sections)
            self.pending_remote = description
            self._tell_refusals((*unusable.values(), *sdp.why_foreign(description.sdp)))
            self._answered = ""
            changes = self._remote.take(sections, None if self._undo is None else self._undo.remote)
        else:
            self._check_answer(sections)
            if kind == "answer":
                await self.peer.set_remote("answer", sdp.revive(description.sdp))
                await self._candidates.flush()
            changes = self._settle_remote(description, sections)
        self._remote.plug()
        self._reach(following, changes)
        return description

    def _check_kinds(self, sections: list[MediaSection], beside: Sequence[RtpTransceiver] = ()) -> None:
        for section in sections:
            known = self.by_mid(section.mid)
            if known is not None and known not in beside and known.kind != section.kind:
                raise SdpError(
                    f"the media section a=mid:{section.mid} was {known.kind} and cannot become {section.kind}"
                )

    def _check_answer(self, sections: list[MediaSection]) -> None:
        offer = sdp.media_sections(self.pending_local.sdp if self.pending_local else "")
        ours, theirs = [(s.mid, s.kind) for s in offer], [(s.mid, s.kind) for s in sections]
        if ours != theirs:
            raise SdpError(f"the answer's media sections {theirs} are not those of the offer, {ours}")
        refused = [s for s, asked in zip(sections, offer, strict=True) if s.rejected and not asked.rejected]
        self._tell_refusals(tuple(f"the other side refuses {s.kind} (a=mid:{s.mid})" for s in refused))

    def _tell_refusals(self, words: tuple[str, ...]) -> None:
        for line in words if words != self.refusals else ():
            logger.warning("%s: %s", self._connection.name or "PeerConnection", line)
        self.refusals = words

    def _associate(self, sections: list[MediaSection]) -> None:
        """Find or make the transceiver of each section of a remote offer."""
        undo = self._undo = self._undo or _Undo()
        for section in sections:
            if not section.is_media:
                continue
            free = [Free(t.kind, t._from_add_track, t._mid, t._stopping) for t in self.transceivers]
            index = associate(section.kind, section.mid, section.direction, free)
            if index is None:
                kind = cast(Kind, section.kind)
                transceiver = RtpTransceiver(self._connection, self, kind, "recvonly", key=None, from_add_track=False)
                transceiver._is_theirs = True
                self.transceivers.append(transceiver)
                undo.created.append(transceiver)
            else:
                transceiver = self.transceivers[index]
            if transceiver._mid is None:
                transceiver._mid = section.mid
                undo.associated.append(transceiver)
            if section.rejected and not transceiver._stopped:
                transceiver._reject()

    async def _hand_over_offer(self) -> None:
        """Give the engine the remote offer, from which on it can be taken back only in part."""
        offer = self.pending_remote
        assert offer is not None
        if self._engine_offer is offer:
            return
        unusable = self.peer.check("offer", sdp.revive(offer.sdp))
        self.peer.recycle({})
        odd = sdp.foreign(offer.sdp)
        undo = self._undo = self._undo or _Undo()
        for index, section in enumerate(sdp.media_sections(offer.sdp)):
            transceiver = self.by_mid(section.mid)
            if section.mid in odd and not any(known.mid == section.mid for known in self.peer.sections()):
                key = self.peer.add_transceiver("video", "inactive")
                self.peer.associate(key, section.mid, index)
                undo.foreign.append(key)
            if transceiver is None:
                continue
            self.peer.associate(await self._key_of(transceiver), section.mid, index)
        renew = self._gives_up_transport(offer.sdp)
        await self.peer.set_remote("offer", sdp.revive(offer.sdp, unusable), renew=renew)
        self._engine_offer = offer
        self._remote.plug()
        await self._candidates.flush()

    def _take_mids(self) -> None:
        """Our offer was applied: its transceivers have media sections now."""
        undo = self._undo = self._undo or _Undo()
        mids = {section.key: section.mid for section in self.peer.sections()}
        for transceiver in self.transceivers:
            if transceiver._mid is None and transceiver._key is not None:
                transceiver._mid = mids[transceiver._key]
                if transceiver._mid is not None:
                    undo.associated.append(transceiver)

    def _settle_local(self, description: SessionDescription) -> None:
        """A local answer, or provisional answer."""
        by_mid = {section.mid: section for section in sdp.media_sections(description.sdp)}
        for transceiver in self.transceivers:
            section = by_mid.get(transceiver._mid or "")
            if section is None:
                continue
            if section.direction not in RECEIVING and transceiver._fired in RECEIVING:
                self._remote.stop(transceiver)
            transceiver._negotiated(section.direction)
            if description.type == "answer":
                transceiver._fired = section.direction
        if description.type == "answer":
            self.current_local, self.current_remote = description, self.pending_remote
            self._become_stable(by_mid)
        else:
            self.pending_local = description

    def _settle_remote(self, description: SessionDescription, sections: list[MediaSection]) -> list[Callable[[], None]]:
        """A remote answer, or provisional answer."""
        changes = self._remote.take(sections, None if self._undo is None else self._undo.remote)
        for section in sections:
            transceiver = self.by_mid(section.mid)
            if transceiver is not None:
                transceiver._negotiated(reverse(section.direction))
        if description.type == "answer":
            self.current_remote, self.current_local = description, self.pending_local
            self._become_stable({section.mid: section for section in sections})
        else:
            self.pending_remote = description
        return changes

    def _become_stable(self, answer: dict[str, MediaSection]) -> None:
        if self.current_local is not None and not self._to_replace & sdp.credentials(self.current_local.sdp):
            self._to_replace.clear()
        self.pending_local = self.pending_remote = None
        self._undo = self._engine_offer = self._engine_answer = None
        self._offered = self._answered = ""
        self._made = None
        for transceiver in list(self.transceivers):
            section = answer.get(transceiver._mid or "")
            if (section is not None and section.rejected) or (transceiver._stopping and transceiver._mid is None):
                transceiver._finish()
                self.transceivers.remove(transceiver)
                if section is None and transceiver._key is not None:  # it never had a section, and is to get none
                    self.peer.bury(transceiver._key)

    # -- rollback -------------------------------------------------------------------------------------------------

    async def _roll_back(self, silently: bool = False) -> None:
        """Take the pending offer back: §4.4.1.5, rollback. `silently`: another description follows at once."""
        undo = self._undo or _Undo()
        changes = self._remote.restore(undo.remote)
        dead = list(undo.foreign)
        for transceiver in undo.associated:
            transceiver._mid = None
        for transceiver in undo.created:
            if not transceiver._from_add_track:
                transceiver._finish()
                self.transceivers.remove(transceiver)
                if transceiver._key is not None:
                    dead.append(transceiver._key)
        free = [t._key for t in undo.associated if t._key is not None and t._key not in dead]
        await self.peer.rollback(free, dead)
        self.pending_local = self.pending_remote = None
        self._undo = self._engine_offer = self._engine_answer = None
        self._offered = self._answered = ""
        self._candidates.forget()
        self._remote.plug()
        if silently:
            self.state = "stable"
            self._connection._set_state("signaling_state", "stable")
            for change in changes:
                change()
        else:
            self._reach("stable", changes)

    # -- what follows a description -------------------------------------------------------------------------------

    def _reach(self, state: SignalingState, changes: list[Callable[[], None]]) -> None:
        """Set the signaling state, fire what is to be fired, and see whether to negotiate again."""
        changed = state != self.state
        self.state = state
        if changed:
            self._connection._set_state("signaling_state", state)
        for change in changes:
            change()
        self._connection._changed()
        if state == "stable":
            self._needed = False
            self.update_needed()

    def _outgoing(self, text: str) -> str:
        """Return a description of the engine's as it is to leave: with streams, and rejected where stopped."""
        named = {section.key: section.mid for section in self.peer.sections()}  # of recycled sections: not ours yet
        by_mid: dict[str | None, RtpTransceiver] = {t._mid: t for t in self.transceivers if t._mid is not None}
        unnamed = [t for t in self.transceivers if t._mid is None and t._key is not None and named[t._key] is None]
        by_mid.update(
            {named[t._key]: t for t in self.transceivers if t._key is not None and t._mid is None and named[t._key]}
        )
        sections = [section for section in sdp.media_sections(text) if section.is_media]
        # In an offer, transceivers without a mid get theirs in their order, after all others.
        fresh = [section.mid for section in sections if section.mid not in by_mid and self._is_fresh(section.mid)]
        by_mid.update(zip(fresh, unnamed, strict=False))
        places = {section.mid: index for index, section in enumerate(sdp.media_sections(text))}
        self._places = {t._key: places[mid] for mid, t in by_mid.items() if t._key is not None and mid in places}

        def lines_of(mid: str) -> list[str] | None:
            transceiver = by_mid.get(mid)
            if transceiver is None:
                return None if not any(s.mid == mid for s in sections) else []
            sender = transceiver.sender
            if transceiver._direction not in SENDING or transceiver._stopping:
                return []
            return sdp.msid_lines(sender._streams, sender._track_id)

        rejected = {s.mid for s in sections if (t := by_mid.get(s.mid)) is None or t._stopping}
        odd: dict[str, str] = {}
        if self.pending_remote is not None:
            offered = sdp.media_sections(self.pending_remote.sdp)
            rejected |= {s.mid for s in offered if s.rejected and s.kind == "application"}
            odd = sdp.foreign(self.pending_remote.sdp)
        elif self.current_local is not None:
            odd = sdp.foreign(self.current_local.sdp)
        told = sdp.reject(sdp.with_streams(sdp.tagged(text, self._tag), lines_of), rejected)
        return sdp.with_foreign(told, odd)

    def _is_fresh(self, mid: str) -> bool:
        """Whether no negotiated description has this section: else it is that of a stopped transceiver."""
        known = [d.sdp for d in (self.current_local, self.current_remote, self.pending_remote) if d is not None]
        return not any(section.mid == mid for text in known for section in sdp.media_sections(text))

    @property
    def engine_is_behind(self) -> bool:
        """Whether the engine lacks the remote description that candidates belong to now."""
        if self.pending_remote is None:
            return False
        return self.pending_remote.type == "pranswer" or self._engine_offer is not self.pending_remote

    def replace_remote(self, old: SessionDescription, new: SessionDescription) -> None:
        """Put a remote description with one more candidate in the place of what it was."""
        if self.pending_remote is old:
            self.pending_remote = new
            if self._engine_offer is old:
                self._engine_offer = new
        elif self.current_remote is old:
            self.current_remote = new

    # -- negotiation needed ---------------------------------------------------------------------------------------

    def update_needed(self) -> None:
        """Update the negotiation-needed flag: §4.7.3. Called at each change of what is wanted."""
        self._offered = self._answered = ""
        if self.closed or self.state != "stable":
            return
        if not self.is_needed():
            self._needed = False
        elif not self._needed:
            self._needed = True
            self._connection._serial.submit(self._fire_needed)

    def _fire_needed(self) -> None:
        if self._needed and not self.closed and self.state == "stable":
            self._connection._emit("negotiationneeded")

    def leaves_out(self, candidate: dict[str, Any]) -> bool:
        """Return whether a candidate is one too many; see `Candidates.leaves_out`."""
        return self._candidates.leaves_out(candidate)

    async def add_candidate(self, candidate: dict[str, Any] | None) -> None:
        """Apply a candidate of the other side; see `Candidates.add`."""
        await self._candidates.add(candidate)

    def restart_ice(self) -> None:
        """Want fresh credentials in the place of those in use and on offer."""
        known = [d.sdp for d in (self.current_local, self.pending_local) if d is not None]
        self._to_replace = {pair for text in known for pair in sdp.credentials(text)}
        self.update_needed()

    @property
    def restarting(self) -> bool:
        """Whether the next offer is to restart ICE."""
        return bool(self._to_replace)

    def is_needed(self) -> bool:
        """Check if negotiation is needed."""
        local, remote = self.current_local, self.current_remote
        return negotiation_needed(
            [Wanted(t._mid, t._direction, t.sender._streams, t._stopping) for t in self.transceivers],
            None if local is None else local.type,
            [] if local is None else sdp.media_sections(local.sdp),
            [] if remote is None else sdp.media_sections(remote.sdp),
            channels=self.channels,
            restart=bool(self._to_replace),
        )

    def begin_anew(self, peer: Peer) -> None:
        """Forget what was negotiated: the next offer is another engine's, to somebody who knows nothing of it."""
        self.peer = peer
        self.current_local = self.pending_local = self.current_remote = self.pending_remote = None
        self._undo = self._engine_offer = self._engine_answer = None
        self._offered = self._answered = ""
        self._made = None
        self._places = {}
        self._to_replace = set()
        self.channels = self._needed = False
        self._candidates.begin_anew()
        self._remote.begin_anew()
        for transceiver in self.transceivers:
            transceiver._key = transceiver._mid = transceiver._current_direction = None
        if self.state != "stable":
            self.state = "stable"
            self._connection._set_state("signaling_state", "stable")

    def forget_attempt(self, peer: Peer) -> None:
        """Be as before the first negotiation: what the other side has brought goes, and is brought again."""
        for change in self._remote.restore({t: (None, []) for t in self.transceivers if t._fired is not None}):
            change()
        for transceiver in [t for t in self.transceivers if t._is_theirs and not t._from_add_track]:
            transceiver._finish()
            self.transceivers.remove(transceiver)
        for transceiver in self.transceivers:
            transceiver._fired, transceiver._has_sent = None, False
        self.begin_anew(peer)

    def discard(self, transceiver: RtpTransceiver) -> None:
        """Take back a transceiver that was never negotiated."""
        transceiver._finish()
        self.transceivers.remove(transceiver)
        if transceiver._key is not None:
            self.peer.bury(transceiver._key)

    def close(self) -> None:
        """Nothing is negotiated any more."""
        self.closed = True
        self.state = "closed"
        for transceiver in self.transceivers:
            transceiver._finish(closing=True)
