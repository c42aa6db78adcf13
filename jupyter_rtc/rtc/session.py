"""Offers and answers of one connection: JSEP over an engine that has no rollback and no provisional answers.

A remote offer is only handed to the engine when an answer is wanted, a provisional remote answer never is; until then
both are ours alone and can be taken back. Everything here runs on the engine's thread.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from ..engine.peer import Peer
from ..errors import InvalidStateError, OperationError, SdpError
from ..media.stream import MediaStream
from ..media.track import Kind
from . import grammar, sdp
from .negotiation import Free, Wanted, associate, negotiation_needed, recycled, remote_change, reverse
from .sdp import RECEIVING, SENDING, MediaSection, SdpType, SessionDescription
from .signaling_state import SignalingState, rolls_back, step
from .transceiver import RtpTransceiver, TrackEvent

if TYPE_CHECKING:
    from .connection import PeerConnection


@dataclass
class _Undo:
    """What a pending offer has changed."""

    created: list[RtpTransceiver] = field(default_factory=list)
    associated: list[RtpTransceiver] = field(default_factory=list)
    #: Fired direction and streams as they were.
    remote: dict[RtpTransceiver, tuple[str | None, list[MediaStream]]] = field(default_factory=dict)


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
        self._connection = connection
        self._fire = fire
        self._streams: dict[str, MediaStream] = {}
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
        self._candidates: list[dict[str, Any] | None] = []
        self._gathered: set[tuple[str, str]] = set()
        self._needed = False
        #: ICE credentials, by name and password, that an ICE restart is to replace: [[LocalIceCredentialsToReplace]].
        self._to_replace: set[tuple[str, str]] = set()
        #: The stream of tracks of a side that knows no streams: JSEP §5.10.
        self._nameless = str(uuid.uuid4())

    # -- transceivers ---------------------------------------------------------------------------------------------

    def add(self, kind: Kind, direction: str, *, from_add_track: bool) -> RtpTransceiver:
        """Add a transceiver of our own making."""
        key = self.peer.add_transceiver(kind, direction)
        transceiver = RtpTransceiver(self._connection, self, kind, direction, key=key, from_add_track=from_add_track)
        self.transceivers.append(transceiver)
        return transceiver

    def _by_mid(self, mid: str | None) -> RtpTransceiver | None:
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
        self._sync_directions()
        for transceiver in [t for t in self.transceivers if t._stopping and t._mid is None]:
            if transceiver._key is not None:  # it has no section, and is to get none
                self.peer.bury(transceiver._key)
                transceiver._key = None
        if self.state == "stable":
            self._recycle()
        if (self._to_replace or (ice_restart and self.current_local is not None)) and not self.peer.restarting:
            self.peer.begin_restart()
        self._offered = self._made = self._outgoing(await self.peer.create("offer"))
        return SessionDescription("offer", self._offered)

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
            self._roll_back()
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
            applied = sdp.like(await self.peer.set_local("offer", text), text)
            self._take_mids()
            description = SessionDescription("offer", applied)
            self.pending_local = description
            self._offered = ""
        else:
            description = SessionDescription(kind, await self._answer(text))
            self._settle_local(description)
        self._reach(following, [])
        self._tell_candidates(description.sdp)
        return description

    async def _due(self, kind: SdpType) -> str:
        if kind == "offer":
            return self._offered or (await self.create_offer()).sdp
        return self._answered or (await self.create_answer()).sdp

    async def _answer(self, text: str) -> str:
        if self._engine_answer is None:
            await self._hand_over_offer()
            self._sync_directions()
            answered = sdp.like(await self.peer.set_local("answer", text), text)
            if not sdp.is_bundled(text):
                answered = sdp.unbundled(answered)
            self._engine_answer = SessionDescription("answer", answered)
        return self._engine_answer.sdp

    async def set_remote(self, description: SessionDescription) -> SessionDescription:
        """Apply the other side's description."""
        kind = description.type
        if kind == "rollback":
            step(self.state, "remote", kind)
            self._roll_back()
            return description
        implicit = rolls_back(self.state, "remote", kind)
        following = step("stable" if implicit else self.state, "remote", kind)
        grammar.check(description.sdp, kind)
        unusable = self.peer.check(kind, sdp.revive(description.sdp))
        sections = [replace(s, rejected=s.rejected or s.mid in unusable) for s in sdp.media_sections(description.sdp)]
        if unusable and (kind != "offer" or all(section.rejected for section in sections)):
            kinds = {section.kind for section in sections if section.mid in unusable}
            ours = ", ".join(name for one in sorted(kinds) for name in self.peer.codecs(cast(Kind, one)))
            raise SdpError(f"the two sides have no codec in common; there are {ours} here")
        if implicit:
            self._check_kinds(sections, beside=self._undo.associated if self._undo else [])
            self._roll_back(silently=True)
        if kind == "offer":
            self._check_kinds(sections)
            known = [d for d in (self.current_remote, self.current_local) if d is not None]
            before = max((len(sdp.media_sections(d.sdp)) for d in known), default=0)
            if len(sections) < before:
                raise SdpError(f"the offer has {len(sections)} media sections where {before} were negotiated before")
            self._associate(sections)
            self.pending_remote = description
            self._answered = ""
            changes = self._take_remote(sections)
        else:
            self._check_answer(sections)
            if kind == "answer":
                await self.peer.set_remote("answer", sdp.revive(description.sdp))
                await self._flush_candidates()
            changes = self._settle_remote(description, sections)
        self._plug()
        self._reach(following, changes)
        return description

    def _check_kinds(self, sections: list[MediaSection], beside: Sequence[RtpTransceiver] = ()) -> None:
        for section in sections:
            known = self._by_mid(section.mid)
            if known is not None and known not in beside and known.kind != section.kind:
                raise SdpError(
                    f"the media section a=mid:{section.mid} was {known.kind} and cannot become {section.kind}"
                )

    def _check_answer(self, sections: list[MediaSection]) -> None:
        offer = sdp.media_sections(self.pending_local.sdp if self.pending_local else "")
        ours, theirs = [(s.mid, s.kind) for s in offer], [(s.mid, s.kind) for s in sections]
        if ours != theirs:
            raise SdpError(f"the answer's media sections {theirs} are not those of the offer, {ours}")

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
        for index, section in enumerate(sdp.media_sections(offer.sdp)):
            transceiver = self._by_mid(section.mid)
            if transceiver is None:
                continue
            if transceiver._key is None:
                transceiver._key = self.peer.add_transceiver(transceiver.kind, transceiver._direction)
                self.peer.send(transceiver._key, transceiver.sender._track)
                transceiver._apply_codecs()
            self.peer.associate(transceiver._key, section.mid, index)
        await self.peer.set_remote("offer", sdp.revive(offer.sdp, unusable))
        self._engine_offer = offer
        self._plug()
        await self._flush_candidates()

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
                self._stop_receiving(transceiver)
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
        changes = self._take_remote(sections)
        for section in sections:
            transceiver = self._by_mid(section.mid)
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

    def _stop_receiving(self, transceiver: RtpTransceiver) -> None:
        for stream in transceiver.receiver._streams:
            stream._change("removetrack", transceiver.receiver.track)
        transceiver.receiver._streams = []
        self._mute(transceiver)

    def _mute(self, transceiver: RtpTransceiver) -> None:
        transceiver.receiver._track._plug(None)
        received = None if transceiver._key is None else self.peer.received(transceiver._key)
        if received is not None:
            received._set_muted(True)

    # -- remote tracks --------------------------------------------------------------------------------------------

    def _take_remote(self, sections: list[MediaSection]) -> list[Callable[[], None]]:
        """Process remote tracks; return what is to be told, in the order of §4.4.1.5."""
        mutes: list[Callable[[], None]] = []
        removes: list[Callable[[], None]] = []
        adds: list[Callable[[], None]] = []
        tracks: list[Callable[[], None]] = []
        for section in sections:
            transceiver = self._by_mid(section.mid)
            if transceiver is None:
                continue
            receiver = transceiver.receiver
            if self._undo is not None:
                self._undo.remote.setdefault(transceiver, (transceiver._fired, list(receiver._streams)))
            direction = "inactive" if section.rejected else reverse(section.direction)
            before = {stream.id: stream for stream in receiver._streams}
            if section.track_id is not None and transceiver._fired is None:
                receiver.track.id = section.track_id  # as browsers do: the same name on both sides
            names = section.streams if section.streams is not None else (self._nameless,)
            change = remote_change(transceiver._fired, direction, list(before), names)
            now = [self._stream(name) for name in dict.fromkeys(names)] if direction in RECEIVING else []
            receiver._streams = now
            transceiver._fired = direction
            track = receiver.track
            if change.mutes:
                mutes.append(partial(self._mute, transceiver))
            removes += [partial(before[name]._change, "removetrack", track) for name in change.leaves]
            adds += [partial(self._stream(name)._change, "addtrack", track) for name in change.joins]
            if change.fires:
                event = TrackEvent(receiver, track, tuple(now), transceiver)
                tracks.append(partial(self._fire, "track", event))
        return [*mutes, *removes, *adds, *tracks]

    def _plug(self) -> None:
        """Connect what the engine receives with the tracks that users hold."""
        for transceiver in self.transceivers:
            if transceiver._key is not None and transceiver._fired in RECEIVING:
                received = self.peer.received(transceiver._key)
                if received is not None:
                    transceiver.receiver._track._plug(received)

    def _stream(self, name: str) -> MediaStream:
        return self._streams.setdefault(name, MediaStream(id=name))

    # -- rollback -------------------------------------------------------------------------------------------------

    def _roll_back(self, silently: bool = False) -> None:
        """Take the pending offer back: §4.4.1.5, rollback. `silently`: another description follows at once."""
        undo = self._undo or _Undo()
        changes: list[Callable[[], None]] = []
        for transceiver, (fired, streams) in undo.remote.items():
            receiver = transceiver.receiver
            track = receiver.track
            changes += [partial(s._change, "removetrack", track) for s in receiver._streams if s not in streams]
            changes += [partial(s._change, "addtrack", track) for s in streams if s not in receiver._streams]
            if fired not in RECEIVING:
                self._mute(transceiver)
            elif transceiver._fired not in RECEIVING:  # its removal is taken back: it is announced again
                changes.append(partial(self._fire, "track", TrackEvent(receiver, track, tuple(streams), transceiver)))
            receiver._streams, transceiver._fired = streams, fired
        dead = []
        for transceiver in undo.associated:
            transceiver._mid = None
        for transceiver in undo.created:
            if not transceiver._from_add_track:
                transceiver._finish()
                self.transceivers.remove(transceiver)
                if transceiver._key is not None:
                    dead.append(transceiver._key)
        free = [t._key for t in undo.associated if t._key is not None and t._key not in dead]
        self.peer.rollback(free, dead)
        self.pending_local = self.pending_remote = None
        self._undo = self._engine_offer = self._engine_answer = None
        self._offered = self._answered = ""
        self._candidates.clear()
        self._plug()
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
        return sdp.reject(sdp.with_streams(text, lines_of), rejected)

    def _is_fresh(self, mid: str) -> bool:
        """Whether no negotiated description has this section: else it is that of a stopped transceiver."""
        known = [d.sdp for d in (self.current_local, self.current_remote, self.pending_remote) if d is not None]
        return not any(section.mid == mid for text in known for section in sdp.media_sections(text))

    def _tell_candidates(self, text: str) -> None:
        """Fire "icecandidate" for what was gathered; the description has all of them, too."""
        fresh = sdp.candidates(text)
        if self.current_remote is not None and sdp.is_bundled(self.current_remote.sdp) and self._gathered:
            # What is added later goes over the transport that there is.
            fresh = [c for c in fresh if c["sdpMid"] in {mid for mid, _ in self._gathered}]
        fresh = [c for c in fresh if (c["sdpMid"], c["candidate"]) not in self._gathered]
        self._gathered.update((c["sdpMid"], c["candidate"]) for c in fresh)
        for candidate in fresh:
            self._fire("icecandidate", candidate)
        if fresh:
            self._fire("icecandidate", None)

    # -- candidates -----------------------------------------------------------------------------------------------

    async def add_candidate(self, candidate: dict[str, Any] | None) -> None:
        """Apply a candidate, or keep it until the description that it belongs to."""
        remote = self.pending_remote or self.current_remote
        if candidate is not None:
            mid, index = candidate.get("sdpMid"), candidate.get("sdpMLineIndex")
            if mid is None and index is None:
                raise TypeError("a candidate names its media section: sdpMid or sdpMLineIndex is needed")
            sections = [] if remote is None else sdp.media_sections(remote.sdp)
            if remote is not None and (
                (mid is not None and mid not in [section.mid for section in sections])
                or (mid is None and not 0 <= cast(int, index) < len(sections))
            ):
                raise OperationError(
                    f"the remote description has no media section {mid if mid is not None else index!r}"
                )
            if candidate.get("candidate"):
                self.peer.check_candidate(candidate)
            ufrag = candidate.get("usernameFragment")
            if remote is not None and ufrag is not None:
                at = [section.mid for section in sections].index(mid) if mid is not None else cast(int, index)
                if ufrag != sdp.ufrag_of(remote.sdp, at):
                    raise OperationError(
                        f"the remote description knows no usernameFragment {ufrag!r}: an old candidate?"
                    )
        if remote is not None:
            self._note_candidate(remote, candidate)
        if candidate is not None and not candidate.get("candidate"):
            return  # the end of one section's candidates; the engine is told of the end of all
        if remote is None or self._engine_is_behind:
            self._candidates.append(candidate)
            del self._candidates[:-256]  # a page sends a dozen; somebody else may send anything
        else:
            await self.peer.add_candidate(candidate)

    def _note_candidate(self, remote: SessionDescription, candidate: dict[str, Any] | None) -> None:
        noted = SessionDescription(remote.type, sdp.with_candidate(remote.sdp, candidate))
        if self.pending_remote is remote:
            self.pending_remote = noted
            if self._engine_offer is remote:
                self._engine_offer = noted
        elif self.current_remote is remote:
            self.current_remote = noted

    @property
    def _engine_is_behind(self) -> bool:
        """Whether the engine lacks the remote description that candidates belong to now."""
        if self.pending_remote is None:
            return False
        return self.pending_remote.type == "pranswer" or self._engine_offer is not self.pending_remote

    async def _flush_candidates(self) -> None:
        waiting, self._candidates = self._candidates, []
        for candidate in waiting:
            await self.peer.add_candidate(candidate)

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

    def close(self) -> None:
        """Nothing is negotiated any more."""
        self.closed = True
        self.state = "closed"
        for transceiver in self.transceivers:
            transceiver._finish(closing=True)
