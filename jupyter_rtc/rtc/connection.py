"""PeerConnection: WebRTC 1.0 §4.4, the kernel's end of a connection to any peer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Literal, TypeVar

import traitlets

from ..config import IceServers, parse_ice_servers
from ..config import ice_servers as configured_ice_servers
from ..engine.foreign import as_track
from ..engine.loop import engine
from ..engine.peer import Peer, Section
from ..errors import InvalidAccessError, InvalidStateError, NotSupportedError
from ..media.display import Displayable
from ..media.events import Emitter
from ..media.stream import MediaStream
from ..media.track import Kind, Track
from .negotiation import (
    SenderState,
    Wanted,
    add_sending,
    negotiation_needed,
    reusable_sender,
    reverse,
)
from .sdp import SENDING, MediaSection, SessionDescription, media_sections, msid_lines, with_streams
from .transceiver import RtpReceiver, RtpSender, RtpTransceiver, TrackEvent

T = TypeVar("T")

#: A call on the engine's thread that needs no network.
QUICK = 10.0


class PeerConnection(Displayable, Emitter, traitlets.HasTraits):
    """A WebRTC connection to a browser or any other peer.

    Works in a plain script too. Shown as the last line of a cell, it shows its streams and its states.

    Parameters
    ----------
    ice_servers : list, optional
        STUN and TURN servers, as addresses or as dictionaries as in browsers. None are used unless named here or in
        `jupyter_rtc.configure`.
    ice_transport_policy : {"all", "relay"}
        ``"relay"``: only through a TURN server.
    bundle_policy : {"balanced", "max-compat", "max-bundle"}
        Taken for compatibility; one transport carries everything where the other side can do so.
    name : str
        Shown with the connection.

    Attributes
    ----------
    signaling_state, connection_state, ice_connection_state, ice_gathering_state : str
        Traits, read-only: observe or link them. Values as in the specification.
    local_description, remote_description : SessionDescription or None
        Pending if there is one, else current; likewise ``current_...`` and ``pending_...``.
    """

    events = frozenset(
        {
            "negotiationneeded",
            "track",
            "connectionstatechange",
            "iceconnectionstatechange",
            "icegatheringstatechange",
            "signalingstatechange",
        }
    )

    signaling_state = traitlets.Unicode("stable", read_only=True)
    connection_state = traitlets.Unicode("new", read_only=True)
    ice_connection_state = traitlets.Unicode("new", read_only=True)
    ice_gathering_state = traitlets.Unicode("new", read_only=True)

    def __init__(
        self,
        *,
        ice_servers: IceServers = (),
        ice_transport_policy: Literal["all", "relay"] = "all",
        bundle_policy: Literal["balanced", "max-compat", "max-bundle"] = "balanced",
        name: str = "",
    ) -> None:
        if ice_transport_policy not in ("all", "relay"):
            raise TypeError(f"ice_transport_policy is 'all' or 'relay', not {ice_transport_policy!r}")
        if bundle_policy not in ("balanced", "max-compat", "max-bundle"):
            raise TypeError(f"bundle_policy is balanced, max-compat or max-bundle, not {bundle_policy!r}")
        traitlets.HasTraits.__init__(self)
        Emitter.__init__(self)
        self.name = name
        servers = parse_ice_servers(ice_servers) or configured_ice_servers()
        self._peer = Peer(self._on_event, servers, ice_transport_policy)
        self._states: dict[str, str] = {}
        self._transceivers: list[RtpTransceiver] = []
        self._remote_streams: dict[str, MediaStream] = {}
        self._local_streams: dict[str, MediaStream] = {}
        self._closed = False
        self._needed = False
        self._chain: asyncio.Lock | None = None
        self.current_local_description: SessionDescription | None = None
        self.pending_local_description: SessionDescription | None = None
        self.current_remote_description: SessionDescription | None = None
        self.pending_remote_description: SessionDescription | None = None
        self._since: list[tuple[float, str]] = [(time.monotonic(), "new")]

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"<PeerConnection{name} {self.signaling_state}, {self.connection_state}>"

    # -- tracks ---------------------------------------------------------------------------------------------------

    def add_track(self, track: Any, *streams: MediaStream) -> RtpSender:
        """Send `track` to the other side, as part of `streams`: addTrack, §5.1.

        The other side sees the same streams, by their ids. "negotiationneeded" follows.

        Parameters
        ----------
        track : Track or aiortc.MediaStreamTrack
            What to send.
        *streams : MediaStream
            To which it belongs there.

        Returns
        -------
        RtpSender
            A new one, or one of the same kind that has no track and never sent one.

        Raises
        ------
        InvalidStateError
            When the connection is closed.
        InvalidAccessError
            When the track is being sent already.
        TypeError
            When it is no track, or one of `streams` is no `MediaStream`.
        """
        ours = as_track(track)
        for stream in streams:
            if not isinstance(stream, MediaStream):
                raise TypeError(f"add_track(track, *streams) takes MediaStreams, not {type(stream).__name__}")
        self._assert_open()
        return self._call(self._add_track(track, ours, streams))

    async def _add_track(self, given: Any, track: Track[Any], streams: tuple[MediaStream, ...]) -> RtpSender:
        self._assert_open()
        if any(t.sender.track is given for t in self._transceivers):
            raise InvalidAccessError(
                f"{track!r} is sent by this connection already: use its sender's replace_track, or a clone()"
            )
        index = reusable_sender(
            track.kind,
            [SenderState(t.kind, t.sender.track is not None, t.sender._has_sent) for t in self._transceivers],
        )
        if index is None:
            transceiver = self._add(self._peer.add_transceiver(track.kind, "sendrecv"), track.kind, "sendrecv")
        else:
            transceiver = self._transceivers[index]
            await self._set_direction(transceiver, add_sending(transceiver.direction))
        self._set_streams(transceiver.sender, streams)
        await transceiver.sender._put(given, track)
        self._update_needed()
        return transceiver.sender

    def add_transceiver(
        self,
        track_or_kind: Any,
        *,
        direction: Literal["sendrecv", "sendonly", "recvonly", "inactive"] = "sendrecv",
        streams: tuple[MediaStream, ...] = (),
    ) -> RtpTransceiver:
        """Add a media section, e.g. ``add_transceiver("video", direction="recvonly")``: addTransceiver, §5.1.

        Raises
        ------
        InvalidStateError
            When the connection is closed.
        TypeError
            When it is neither a track nor ``"audio"`` or ``"video"``, or there is no such direction.
        """
        if direction not in ("sendrecv", "sendonly", "recvonly", "inactive"):
            raise TypeError(f"direction is sendrecv, sendonly, recvonly or inactive, not {direction!r}")
        track = None
        kind: Kind
        if track_or_kind in ("audio", "video"):
            kind = track_or_kind
        else:
            track = as_track(track_or_kind)
            kind = track.kind
        self._assert_open()
        return self._call(self._add_transceiver(track_or_kind, track, kind, direction, tuple(streams)))

    async def _add_transceiver(
        self,
        given: Any,
        track: Track[Any] | None,
        kind: Kind,
        direction: str,
        streams: tuple[MediaStream, ...],
    ) -> RtpTransceiver:
        self._assert_open()
        transceiver = self._add(self._peer.add_transceiver(kind, direction), kind, direction)
        self._set_streams(transceiver.sender, streams)
        if track is not None:
            await transceiver.sender._put(given, track)
        self._update_needed()
        return transceiver

    def _add(self, key: int, kind: Kind, direction: str) -> RtpTransceiver:
        transceiver = RtpTransceiver(self, key, kind, direction)
        self._transceivers.append(transceiver)
        return transceiver

    def _set_streams(self, sender: RtpSender, streams: tuple[MediaStream, ...]) -> None:
        sender._streams = tuple(dict.fromkeys(stream.id for stream in streams))
        self._local_streams.update({stream.id: stream for stream in streams})

    async def _set_direction(self, transceiver: RtpTransceiver, direction: str) -> None:
        transceiver._direction = direction
        self._peer.set_direction(transceiver._key, direction)
        self._update_needed()

    def _transceiver_of(self, sender: RtpSender) -> RtpTransceiver:
        return next(t for t in self._transceivers if t.sender is sender)

    def get_senders(self) -> list[RtpSender]:
        """Return the senders, in the order of the transceivers."""
        return [transceiver.sender for transceiver in self._transceivers]

    def get_receivers(self) -> list[RtpReceiver]:
        """Return the receivers, in the order of the transceivers."""
        return [transceiver.receiver for transceiver in self._transceivers]

    def get_transceivers(self) -> list[RtpTransceiver]:
        """Return the transceivers, in the order in which they came."""
        return list(self._transceivers)

    # -- descriptions ---------------------------------------------------------------------------------------------

    @property
    def local_description(self) -> SessionDescription | None:
        """The pending local description, else the current one."""
        return self.pending_local_description or self.current_local_description

    @property
    def remote_description(self) -> SessionDescription | None:
        """The pending remote description, else the current one."""
        return self.pending_remote_description or self.current_remote_description

    async def create_offer(self) -> SessionDescription:
        """Return an offer: createOffer, §4.4.2.

        Raises
        ------
        InvalidStateError
            When the connection is closed.
        """
        return await self._chained(self._create("offer"))

    async def create_answer(self) -> SessionDescription:
        """Return an answer to the remote offer: createAnswer, §4.4.2.

        Raises
        ------
        InvalidStateError
            When the connection is closed or there is no remote offer.
        """
        return await self._chained(self._create("answer"))

    async def set_local_description(self, description: Any = None) -> SessionDescription:
        """Apply a local description, or the one that is due, and return it with all candidates.

        setLocalDescription, §4.4.2.

        Raises
        ------
        InvalidStateError
            When the connection is closed, or this is not the state for it.
        SdpError
            When it cannot be applied.
        """
        checked = None if description is None else SessionDescription.of(description)
        return await self._chained(self._set_local(checked))

    async def set_remote_description(self, description: Any) -> SessionDescription:
        """Apply the other side's description and return it: setRemoteDescription, §4.4.2.

        Parameters
        ----------
        description : SessionDescription or dict
            With ``type`` and ``sdp``.

        Raises
        ------
        InvalidStateError
            When the connection is closed, or this is not the state for it.
        SdpError
            When it is no description or cannot be applied.
        """
        return await self._chained(self._set_remote(SessionDescription.of(description)))

    async def add_ice_candidate(self, candidate: dict[str, Any] | None) -> None:
        """Apply a candidate of the other side, as browsers write it; None: there will be no more. §4.4.2.

        Raises
        ------
        InvalidStateError
            When the connection is closed or there is no remote description.
        SdpError
            When it cannot be parsed.
        """
        await self._chained(self._add_candidate(candidate))

    async def _add_candidate(self, candidate: dict[str, Any] | None) -> None:
        if self.remote_description is None:
            raise InvalidStateError("set_remote_description must come before add_ice_candidate")
        await self._peer.add_candidate(candidate)

    async def _create(self, kind: Literal["offer", "answer"]) -> SessionDescription:
        return SessionDescription(kind, self._with_streams(await self._peer.create(kind)))

    async def _set_local(self, description: SessionDescription | None) -> SessionDescription:
        if description is None:
            answering = self._states.get("signaling_state") == "have-remote-offer"
            description = await self._create("answer" if answering else "offer")
        self._refuse_unsupported(description)
        sdp = self._with_streams(await self._peer.set_local(description.type, description.sdp))
        description = SessionDescription(description.type, sdp)
        if description.type == "offer":
            self.pending_local_description = description
        else:
            self.current_local_description = description
            self.current_remote_description = self.pending_remote_description
            self.pending_local_description = self.pending_remote_description = None
        self._take_sections()
        self._update_needed()
        return description

    async def _set_remote(self, description: SessionDescription) -> SessionDescription:
        self._refuse_unsupported(description)
        await self._peer.set_remote(description.type, description.sdp)
        if description.type == "offer":
            self.pending_remote_description = description
        else:
            self.current_remote_description = description
            self.current_local_description = self.pending_local_description
            self.pending_local_description = self.pending_remote_description = None
        self._take_sections()
        self._take_remote_tracks(media_sections(description.sdp))
        self._update_needed()
        return description

    @staticmethod
    def _refuse_unsupported(description: SessionDescription) -> None:
        if description.type in ("pranswer", "rollback"):
            raise NotSupportedError(f"{description.type!r} cannot be applied yet; offer and answer can")

    def _take_sections(self) -> None:
        """Follow the engine's transceivers: those that a remote offer made, their mids and directions."""
        sections: list[Section] = self._peer.sections()
        for section in sections[len(self._transceivers) :]:
            self._add(section.key, section.kind, section.direction)
        for transceiver, section in zip(self._transceivers, sections, strict=True):
            transceiver._mid = section.mid
            transceiver._current_direction = section.current_direction
            if section.current_direction in SENDING and transceiver.sender.track is not None:
                transceiver.sender._has_sent = True

    def _take_remote_tracks(self, sections: list[MediaSection]) -> None:
        """Process remote tracks: §4.4.1.5 and §5.1.1."""
        by_mid = {section.mid: section for section in sections}
        for transceiver in self._transceivers:
            section = by_mid.get(transceiver.mid or "")
            if section is None:
                continue
            receiver = transceiver.receiver
            receiving = section.port != 0 and reverse(section.direction) in ("sendrecv", "recvonly")
            streams = [self._remote_stream(name) for name in section.streams] if receiving else []
            for stream in receiver._streams:
                if stream not in streams:
                    stream._change("removetrack", receiver.track)
            if receiving and not receiver._receiving:
                received = self._peer.received(transceiver._key)
                if received is not None:
                    receiver.track.id = section.track_id or receiver.track.id
                    receiver._track._plug(received)
                    receiver.track.label = f"{self.name or 'remote'} {transceiver.kind}".strip()
            for stream in streams:
                stream._change("addtrack", receiver.track)
            if receiving and (not receiver._receiving or streams != receiver._streams):
                self._emit("track", TrackEvent(receiver, receiver.track, tuple(streams), transceiver))
            if not receiving and receiver._receiving:
                receiver._track._plug(None)
            receiver._receiving = receiving
            receiver._streams = streams
        self._changed()

    def _remote_stream(self, id: str) -> MediaStream:
        return self._remote_streams.setdefault(id, MediaStream(id=id))

    def _with_streams(self, sdp: str) -> str:
        by_mid = {t.mid: t for t in self._transceivers if t.mid is not None}
        unnamed = [t for t in self._transceivers if t.mid is None]
        known = [section.mid for section in media_sections(sdp) if section.kind in ("audio", "video")]
        # In an offer, transceivers without a mid get theirs in their order, after all others.
        by_mid.update(zip([mid for mid in known if mid not in by_mid], unnamed, strict=False))

        def lines_of(mid: str) -> list[str] | None:
            transceiver = by_mid.get(mid)
            if transceiver is None:
                return None
            sender = transceiver.sender
            if transceiver.direction not in SENDING or not sender._track_id:
                return []
            return msid_lines(sender._streams, sender._track_id)

        return with_streams(sdp, lines_of)

    # -- negotiation needed ---------------------------------------------------------------------------------------

    def _update_needed(self) -> None:
        """Update the negotiation-needed flag: §4.7.3. On the engine's thread."""
        if self._closed or self._states.get("signaling_state", "stable") != "stable":
            return
        if not self._is_needed():
            self._needed = False
        elif not self._needed:
            self._needed = True
            self._serial.submit(self._fire_needed)

    def _fire_needed(self) -> None:
        if self._needed and not self._closed:
            self._emit("negotiationneeded")

    def _is_needed(self) -> bool:
        local, remote = self.current_local_description, self.current_remote_description
        return negotiation_needed(
            [Wanted(t.mid, t.direction, t.sender._streams if t.sender._track_id else ()) for t in self._transceivers],
            None if local is None else local.type,
            [] if local is None else media_sections(local.sdp),
            [] if remote is None else media_sections(remote.sdp),
        )

    # -- states ---------------------------------------------------------------------------------------------------

    def _on_event(self, name: str, value: Any) -> None:
        """On the engine's thread."""
        if name.endswith("_state"):
            self._states[name] = value
            self._since.append((time.monotonic(), f"{name.removesuffix('_state')} {value}"))
            self._serial.submit(self._set_traits)
            self._emit(name.replace("_", "") + "change")

    def _set_traits(self) -> None:
        for name, value in self._states.copy().items():
            if getattr(self, name) != value:
                self.set_trait(name, value)

    def _changed(self) -> None:
        """What is shown has changed: a hook for the view."""

    def _why_silent(self) -> str:
        state = self.connection_state
        if state == "connected":
            return "the other side is connected and has sent nothing yet"
        if state == "new":
            return "the connection was not negotiated yet: connect_pair, or exchange descriptions"
        return f"the connection is {state}"

    def _assert_open(self) -> None:
        if self._closed:
            raise InvalidStateError("the connection is closed: make a new PeerConnection")

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        result = engine().call(coroutine, QUICK)
        self._set_traits()
        return result

    async def _chained(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run one operation after another: the operations chain, §4.4.1.2."""
        if self._closed:
            coroutine.close()
            self._assert_open()
        try:
            return await engine().run(self._in_turn(coroutine))
        finally:
            if not engine().is_current:
                self._set_traits()

    async def _in_turn(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._chain is None:
            self._chain = asyncio.Lock()
        async with self._chain:
            if self._closed:
                coroutine.close()
                self._assert_open()
            return await coroutine

    def close(self) -> None:
        """Close the connection: §4.4.2. Local tracks go on. Takes at most a few seconds; may be called twice."""
        if self._closed:
            return
        self._closed = True
        self._states.update(signaling_state="closed", connection_state="closed", ice_connection_state="closed")
        future = engine().submit(self._peer.close())
        if not engine().is_current:
            self._set_traits()
            future.result(QUICK)
        for transceiver in self._transceivers:
            transceiver.receiver._track._end(event=True)

    async def aclose(self) -> None:
        """Close it; see `close`."""
        await asyncio.get_running_loop().run_in_executor(None, self.close)

    async def __aenter__(self) -> PeerConnection:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()
