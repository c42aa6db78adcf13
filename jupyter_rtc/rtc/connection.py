"""PeerConnection: WebRTC 1.0 §4.4, the kernel's end of a connection to any peer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Literal, TypeVar, cast

from .. import config, ice
from ..checks import number_or_none, one_of, string
from ..engine.foreign import as_track
from ..engine.loop import engine, log_failure, outcome
from ..engine.peer import Peer
from ..engine.statistics import Facts
from ..errors import ConnectTimeout, InvalidAccessError, InvalidStateError, NotSupportedError, OperationError
from ..ice import IceServer, IceServers, IceServerSource, parse_ice_servers, parse_ice_transport_policy
from ..media.display import Displayable
from ..media.stream import MediaStream
from ..media.track import Kind, Track
from . import sdp, stats
from .channel import DataChannel, check_options, usv
from .diagnosis import Gathered, explain
from .negotiation import SenderState, add_sending, remove_sending, reusable_sender
from .perfect import PerfectNegotiation, Signaling, dismiss
from .report import Report
from .sdp import DIRECTIONS, DIRECTIONS_IN_WORDS, SessionDescription
from .session import Session
from .states import HasStates
from .transceiver import RtpReceiver, RtpSender, RtpTransceiver

T = TypeVar("T")

#: A call on the engine's thread that needs no network.
QUICK = 10.0


class PeerConnection(Displayable, HasStates):
    """A WebRTC connection to a browser or any other peer.

    Works in a plain script too. Shown as the last line of a cell, it shows its streams and its states.

    Parameters
    ----------
    ice_servers : list, optional
        STUN and TURN servers, as addresses or as dictionaries as in browsers, or what fetches fresh ones, as
        `CloudflareTurn`. None are used unless named here or in `jupyter_rtc.configure`.
    ice_transport_policy : {"all", "relay"}
        ``"relay"``: only through a TURN server; so it is, too, where `jupyter_rtc.configure` says so.
    bundle_policy : {"balanced", "max-compat", "max-bundle"}
        Taken for compatibility; one transport carries everything where the other side can do so.
    name : str
        Shown with the connection.

    Raises
    ------
    TypeError, ValueError
        When an argument is none of these; `WrongValueError` for a policy that there is not.

    Attributes
    ----------
    signaling_state, connection_state, ice_connection_state, ice_gathering_state : str
        Traits, read-only: observe or link them. Values as in the specification.
    local_description, remote_description : SessionDescription or None
        Pending if there is one, else current; likewise ``current_...`` and ``pending_...``.
    """

    _events = frozenset(
        {
            "negotiationneeded",
            "track",
            "datachannel",
            "icecandidate",
            "connectionstatechange",
            "iceconnectionstatechange",
            "icegatheringstatechange",
            "signalingstatechange",
        }
    )

    def __init__(
        self,
        *,
        ice_servers: IceServers = (),
        ice_transport_policy: Literal["all", "relay"] = "all",
        bundle_policy: Literal["balanced", "max-compat", "max-bundle"] = "balanced",
        name: str = "",
    ) -> None:
        policy = parse_ice_transport_policy(ice_transport_policy)
        if policy == "all":
            policy = config.ice_transport_policy()
        policies = ("balanced", "max-compat", "max-bundle")
        one_of(bundle_policy, policies, "bundle_policy is balanced, max-compat or max-bundle")
        super().__init__()
        self.name = string("name", name)
        servers = parse_ice_servers(ice_servers) or config.ice_servers()
        self._servers = servers
        self._configuration = {
            "ice_transport_policy": policy,
            "bundle_policy": bundle_policy,
        }
        #: Whether the other side has closed the connection.
        self._ended = False
        self._channels: list[DataChannel] = []
        self._under_way: set[asyncio.Task[Any]] = set()
        self._chain: asyncio.Lock | None = None
        self._negotiation: PerfectNegotiation | None = None
        #: Why it was given up, and what is known of a connection that was lost.
        self._error: ConnectTimeout | None = None
        self._loss: tuple[str, bool] | None = None
        self._session = Session(self, self._make_peer(), self._emit)

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"<PeerConnection{name} {self.signaling_state}, {self.connection_state}>"

    def _make_peer(self) -> Peer:
        def heed(name: str, value: Any) -> None:
            if self._session.peer is peer:  # and not one that another was put in the place of
                self._on_event(name, value)

        peer = Peer(heed, self._servers, str(self._configuration["ice_transport_policy"]))
        return peer

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
        NotSupportedError
            When the signaling negotiates only once, as WHIP's does.
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
        session = self._session
        if any(t.sender.track is given for t in session.transceivers):
            raise InvalidAccessError(
                f"{track!r} is sent by this connection already: use its sender's replace_track, or a clone()"
            )
        states = [
            SenderState(t.kind, t.sender.track is not None, t._has_sent, t._stopping) for t in session.transceivers
        ]
        self._assert_negotiable()
        index = reusable_sender(track.kind, states)
        if index is None:
            transceiver = session.add(track.kind, "sendrecv", from_add_track=True)
        else:
            transceiver = session.transceivers[index]
            transceiver._direction = add_sending(transceiver._direction)
            transceiver._from_add_track = True
        transceiver.sender._put(given, track)
        await transceiver.sender._set_streams(streams)
        self._changed()
        return transceiver.sender

    def remove_track(self, sender: RtpSender) -> None:
        """Stop sending with `sender`: removeTrack, §5.1. The sender stays, without a track.

        "negotiationneeded" follows, and the other side's track is muted and leaves its streams.

        Raises
        ------
        InvalidStateError
            When the connection is closed.
        InvalidAccessError
            When `sender` belongs to another connection.
        """
        if not isinstance(sender, RtpSender):
            raise TypeError(f"remove_track takes the RtpSender that add_track returned, not {type(sender).__name__}")
        self._assert_open()
        if sender._transceiver._connection is not self:
            raise InvalidAccessError("the sender belongs to another connection")
        self._call(self._remove_track(sender))

    async def _remove_track(self, sender: RtpSender) -> None:
        transceiver = sender._transceiver
        if transceiver not in self._session.transceivers or transceiver._stopping or sender.track is None:
            return
        sender._put(None, None)
        transceiver._direction = remove_sending(transceiver._direction)
        self._session.update_needed()
        self._changed()

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
            When it is neither a track nor a kind.
        WrongValueError
            When it is another kind than ``"audio"`` or ``"video"``, or there is no such direction.
        """
        one_of(direction, DIRECTIONS, f"direction is {DIRECTIONS_IN_WORDS}")
        track = None
        kind: Kind
        if isinstance(track_or_kind, str):
            kind = cast(Kind, one_of(track_or_kind, ("audio", "video"), "a track, 'audio' or 'video' is wanted"))
        else:
            track = as_track(track_or_kind)
            kind = track.kind
        for stream in streams:
            if not isinstance(stream, MediaStream):
                raise TypeError(f"streams are MediaStreams, not {type(stream).__name__}")
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
        self._assert_negotiable()
        transceiver = self._session.add(kind, direction, from_add_track=False)
        if track is not None:
            transceiver.sender._put(given, track)
        await transceiver.sender._set_streams(streams)
        self._changed()
        return transceiver

    def get_senders(self) -> list[RtpSender]:
        """Return the senders of transceivers that were not stopped, in their order."""
        return [transceiver.sender for transceiver in self._session.transceivers if not transceiver._stopped]

    def get_receivers(self) -> list[RtpReceiver]:
        """Return the receivers of transceivers that were not stopped, in their order."""
        return [transceiver.receiver for transceiver in self._session.transceivers if not transceiver._stopped]

    def get_transceivers(self) -> list[RtpTransceiver]:
        """Return the transceivers, in the order in which they came."""
        return list(self._session.transceivers)

    @property
    def remote_video(self) -> Track[Any] | None:
        """The first video track that the other side sends, or None before there is one: ``pc.remote_video.read()``."""
        return self._remote_track("video")

    @property
    def remote_audio(self) -> Track[Any] | None:
        """The first audio track that the other side sends, or None before there is one."""
        return self._remote_track("audio")

    def _remote_track(self, kind: Kind) -> Track[Any] | None:
        sent = (t for t in tuple(self._session.transceivers) if t.kind == kind and t._fired in sdp.RECEIVING)
        return next((t.receiver.track for t in sent), None)

    # -- data -----------------------------------------------------------------------------------------------------

    def create_data_channel(
        self,
        label: str,
        *,
        ordered: bool = True,
        max_retransmits: int | None = None,
        max_packet_life_time: int | None = None,
        protocol: str = "",
        negotiated: bool = False,
        id: int | None = None,
    ) -> DataChannel:
        """Make a channel for messages: createDataChannel, §6.1. The other side gets it with "datachannel".

        Parameters
        ----------
        label, protocol : str
            In any language, at most 65535 bytes of UTF-8.
        ordered : bool
            Whether messages arrive in the order in which they were sent.
        max_retransmits : int, optional
            How often a lost message is sent again; or `max_packet_life_time`, in milliseconds; neither: until it
            arrives.
        negotiated : bool
            Both sides make the channel, with the same `id`.

        Raises
        ------
        InvalidStateError
            When the connection is closed.
        TypeError
            When an argument is out of its range, or two exclude each other.
        OperationError
            When the id is taken.
        """
        self._assert_open()
        label, protocol = usv(label), usv(protocol)
        check_options(label, protocol, max_retransmits, max_packet_life_time, negotiated, id)
        options = {
            "ordered": bool(ordered),
            "max_retransmits": max_retransmits,
            "max_packet_life_time": max_packet_life_time,
            "protocol": protocol,
            "negotiated": negotiated,
            "id": id if negotiated else None,
        }
        return self._call(self._create_data_channel(label, **options))

    async def _create_data_channel(self, label: str, **options: Any) -> DataChannel:
        self._assert_open()
        number = options.get("id")
        if number is not None and any(c.id == number and c.ready_state != "closed" for c in self._channels):
            raise OperationError(f"there is a data channel with id {number} already")
        if not self._session.channels:
            self._assert_negotiable()
        channel = DataChannel(self, self._session.peer.create_channel(label, **options))
        channel._begin()
        self._channels.append(channel)
        self._session.channels = True
        self._session.update_needed()
        return channel

    async def get_stats(self) -> dict[str, dict[str, Any]]:
        """Return statistics by id, with the members and units of webrtc-stats: getStats, §8.2."""
        return stats.shape(await engine().run(self._facts()), [c._counts() for c in self._channels])

    async def _facts(self) -> Facts:
        return self._session.peer.facts()

    def report(self) -> Report:
        """Return why the connection does or does not connect, in words: print it, or let it be a cell's last line.

        It has addresses of both sides, and neither passwords nor names of users.
        """
        if engine().is_current:
            return self._explain(self._session.peer.facts())
        return self._explain(engine().call(self._facts(), QUICK))

    async def _report(self) -> Report:
        """Return `report`, without blocking the loop on which it is awaited."""
        async with asyncio.timeout(QUICK):
            return self._explain(await engine().run(self._facts()))

    def _explain(self, facts: Facts) -> Report:
        told = [] if self.remote_description is None else sdp.candidates(self.remote_description.sdp)
        local, remote = self.local_description, self.remote_description
        history = self._history
        return explain(
            Gathered(
                self.connection_state,
                facts,
                age=history.age,
                local=None if local is None else local.type,
                remote=None if remote is None else remote.type,
                wanted=self._session.channels or bool(self._session.transceivers),
                told=len(told),
                hidden=sum(".local " in candidate["candidate"] for candidate in told),
                named=() if remote is None else sdp.named_hosts(remote.sdp),
                was_connected=history.was("connected"),
                ended="here" if self._closed and not history.bye else history.ended(facts),
                loss=None if self._closed else self._loss,
                relay_only=self._configuration["ice_transport_policy"] == "relay",
                servers=ice.urls_of(self._servers),
                states=history.entries,
                channels=tuple(channel._counts() for channel in self._channels),
                signaling="" if self._negotiation is None else self._negotiation.name,
            )
        )

    def set_configuration(
        self, *, ice_servers: IceServers = (), ice_transport_policy: Literal["all", "relay"] = "all"
    ) -> None:
        """Use other servers from the next gathering on: setConfiguration, §4.4.2.

        Candidates that were gathered stay good; `restart_ice` gathers anew.

        Raises
        ------
        InvalidStateError
            When the connection is closed.
        TypeError, ValueError
            As the connection's own arguments.
        """
        self._assert_open()
        policy = parse_ice_transport_policy(ice_transport_policy)
        servers = parse_ice_servers(ice_servers)
        engine().call(self._configure(servers, policy), QUICK)
        self._servers, self._configuration["ice_transport_policy"] = servers, policy

    async def _configure(self, servers: tuple[IceServer | IceServerSource, ...], ice_transport_policy: str) -> None:
        self._session.peer.configure(servers, ice_transport_policy)

    def restart_ice(self) -> None:
        """Look for a new way to the other side, with the next negotiation: restartIce, §4.4.2.

        "negotiationneeded" follows; the next offer carries fresh credentials and candidates. Media goes on over the
        old way, as far as it works, until the new one is found. Nothing happens before the first negotiation, and on a
        closed connection.
        """
        if not self._closed:
            self._call(self._restart_ice())

    async def _restart_ice(self) -> None:
        self._session.restart_ice()

    def get_configuration(self) -> dict[str, Any]:
        """Return ``ice_servers``, ``ice_transport_policy`` and ``bundle_policy``."""
        servers = [server.to_json() if isinstance(server, IceServer) else server for server in self._servers]
        return {"ice_servers": servers, **self._configuration}

    # -- descriptions ---------------------------------------------------------------------------------------------

    @property
    def current_local_description(self) -> SessionDescription | None:
        """What was negotiated last."""
        return self._session.current_local

    @property
    def pending_local_description(self) -> SessionDescription | None:
        """What is being negotiated, or None."""
        return self._session.pending_local

    @property
    def current_remote_description(self) -> SessionDescription | None:
        """What was negotiated last."""
        return self._session.current_remote

    @property
    def pending_remote_description(self) -> SessionDescription | None:
        """What is being negotiated, or None."""
        return self._session.pending_remote

    @property
    def local_description(self) -> SessionDescription | None:
        """The pending local description, else the current one."""
        return self._session.pending_local or self._session.current_local

    @property
    def remote_description(self) -> SessionDescription | None:
        """The pending remote description, else the current one."""
        return self._session.pending_remote or self._session.current_remote

    @property
    def can_trickle_ice_candidates(self) -> bool | None:
        """Whether the other side takes candidates after its description; None before there is one."""
        remote = self.remote_description
        return None if remote is None else sdp.can_trickle(remote.sdp)

    async def create_offer(self, *, ice_restart: bool = False) -> SessionDescription:
        """Return an offer: createOffer, §4.4.2.

        Parameters
        ----------
        ice_restart : bool
            With fresh ICE credentials, as after `restart_ice`.

        Raises
        ------
        InvalidStateError
            When the connection is closed.
        """
        return await self._chained(self._session.create_offer(ice_restart=bool(ice_restart)))

    async def create_answer(self) -> SessionDescription:
        """Return an answer to the remote offer: createAnswer, §4.4.2.

        Raises
        ------
        InvalidStateError
            When the connection is closed or there is no remote offer.
        """
        return await self._chained(self._session.create_answer())

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
        checked = None if description is None else SessionDescription._of(description)
        return await self._chained(self._session.set_local(checked))

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
        return await self._chained(self._session.set_remote(SessionDescription._of(description)))

    async def add_ice_candidate(self, candidate: dict[str, Any] | None) -> None:
        """Apply a candidate of the other side: addIceCandidate, §4.4.2.

        Parameters
        ----------
        candidate : dict or None
            As browsers write it. One that arrives before its description is kept for it. None: there will be no more.

        Raises
        ------
        TypeError
            When it is neither, or names no media section, or has a member of another type.
        OperationError
            When it cannot be parsed, or the description has no such section.
        InvalidStateError
            When the connection is closed.
        """
        if candidate is not None and not isinstance(candidate, dict):
            raise TypeError(f"a candidate is a dict as browsers write it, or None, not {type(candidate).__name__}")
        if candidate is not None and not any(candidate.get(n) for n in ("candidate", "sdpMid", "sdpMLineIndex")):
            candidate = None  # the empty candidate of browsers: no more of any section
        if candidate is None or not self._session.leaves_out(candidate):
            await self._chained(self._session.add_candidate(candidate))

    async def connect(self, signaling: Signaling, timeout: float | None = 10.0, *, polite: bool | None = None) -> None:
        """Negotiate through a signaling, and again whenever it is needed, until the connection is closed.

        Returns once connected; the rest goes on in the background, on this event loop: where the way to the other side
        falls silent, another one is looked for, and with a media server another connection is made behind this one when
        the session is lost. Tracks and streams stay the same ones. Where that is given up after some minutes, or
        refused, `error` is set, and whoever reads what should come gets it. Closing the connection says bye and closes
        the signaling.

        Parameters
        ----------
        signaling : Signaling
            Anything with coroutines ``send(message)``, ``receive()`` and ``close()``.
        timeout : float, optional
            Seconds until `ConnectTimeout`; None: no limit.
        polite : bool, optional
            Whose offer gives way when both come at once: ours if True. By default the two sides find out, provided that
            the other side does so, too.

        Raises
        ------
        ConnectTimeout
            When there is no connection in time.
        SignalingError
            When the other side or its server cannot be reached, or refuses.
        InvalidStateError
            When the connection is closed, or connected through a signaling already, or another one uses the signaling.
        TypeError
            When it is no signaling, or `timeout` no number.
        ValueError
            When `timeout` is negative.
        Exception
            What the signaling's own methods raise.

        Notes
        -----
        When this raises or is cancelled, the signaling is closed and the connection is as it was before: what was
        offered is taken back, data channels and tracks wait for another `connect`. A connection or a signaling that is
        in use already goes on undisturbed.
        """
        if not all(callable(getattr(signaling, name, None)) for name in ("send", "receive", "close")):
            raise TypeError(f"a signaling has send, receive and close, which {type(signaling).__name__} has not")
        try:
            limit = number_or_none("timeout", timeout)
            if limit is not None and limit < 0:
                raise ValueError(f"timeout is 0 or more seconds, or None for no limit, not {timeout!r}")
            self._assert_open()
            if self._negotiation is not None:
                raise InvalidStateError("this connection negotiates through a signaling already")
            self._negotiation = PerfectNegotiation(self, signaling, polite)
        except BaseException as error:
            await dismiss(signaling, error)
            raise
        before = self._error, self._loss
        self._error = self._loss = None
        try:
            await self._negotiation.connect(timeout)
        except BaseException:
            self._error, self._loss = before
            raise
        finally:
            self._tell_states()

    # -- what is lost ---------------------------------------------------------------------------------------------

    @property
    def error(self) -> ConnectTimeout | None:
        """Why a connection that `connect` had made was given up, or None. It can be connected again."""
        return self._error

    async def _begin_anew(self) -> None:
        """Have nothing negotiated, and nobody at the other side. Tracks and streams are to go on with the next one."""
        await self._chained(self._replace_peer())

    async def _replace_peer(self) -> None:
        old = self._session.peer
        self._session.begin_anew(self._make_peer())
        self._ended = False
        for channel in self._channels:
            channel._closed("the connection was lost")
        self._channels.clear()
        await old.close()

    async def _unmake(self) -> None:
        """Be as before the first negotiation, after an attempt to connect that has failed."""
        old = self._session.peer
        self._session.forget_attempt(self._make_peer())
        self._ended = False
        for channel in tuple(self._channels):
            if channel.ready_state == "connecting":
                channel._rebind(self._session.peer.create_channel)
            else:
                channel._closed("the connection was given up before it was connected")
                self._channels.remove(channel)
        self._session.channels = bool(self._channels)
        for name in ("ice_gathering_state", "ice_connection_state", "connection_state"):
            if getattr(self, name) != "new":
                self._set_state(name, "new")
        await old.close()

    def _discard(self, channel: DataChannel) -> None:
        """Take back a channel that was never negotiated."""
        channel._channel.silence()
        channel.close()
        channel._closed()
        self._channels.remove(channel)
        self._session.channels = bool(self._channels) or self._session.current_local is not None

    @property
    def _left(self) -> bool:
        """Whether the other side has ended it, and nobody looks for it."""
        return (self._ended or self._history.bye) and not self._describe_loss()

    async def _report_loss(self, why: str, *, is_final: bool = False) -> Report:
        self._loss = why, is_final
        self._history.add("given up" if is_final else "in vain", why)
        return await self._report()

    def _describe_loss(self) -> str:
        """Return what became of a connection that was lost, in words, or ""."""
        if self._error is not None:
            return str(self._error)
        return "" if self._loss is None else f"the connection was lost, and is being made anew: {self._loss[0]}"

    async def _give_up(self, error: ConnectTimeout) -> None:
        """A connection was lost for good. It can be connected otherwise."""
        self._error, self._negotiation = error, None
        try:
            await self._begin_anew()
        except InvalidStateError:
            return
        for name in ("ice_connection_state", "connection_state"):
            if getattr(self, name) != "failed":
                self._set_state(name, "failed")

    def _in_vain(self, _blocking: bool, _waited: float) -> Exception | None:
        error = self._error
        return None if error is None else ConnectTimeout(str(error), report=error.report)

    # -- states ---------------------------------------------------------------------------------------------------

    def _on_event(self, name: str, value: Any) -> None:
        """On the engine's thread."""
        if self._closed:
            return
        if name == "channel":
            channel = DataChannel(self, value, announced=True)
            self._channels.append(channel)
            self._emit("datachannel", channel)
            channel._begin(self._serial)
        elif name == "ended":
            self._ended = True
            for channel in self._channels:
                channel._closed("the other side has closed the connection")
        else:
            self._set_state(name, value)

    def _changed(self) -> None:
        """What is shown has changed: a hook for the view."""

    def _why_silent(self) -> str:
        state = self.connection_state
        if (loss := self._describe_loss()) and state != "connected":
            return loss
        if state == "connected":
            return "the other side is connected and has sent nothing yet"
        if state == "new":
            return "the connection was not negotiated yet: connect_pair, or exchange descriptions"
        if state == "disconnected":
            return "nothing is heard of the other side"
        return f"the connection is {state}"

    def _assert_open(self) -> None:
        if self._closed:
            raise InvalidStateError("the connection is closed: make a new PeerConnection")

    def _assert_negotiable(self) -> None:
        if self._negotiation is not None and self._negotiation.fixed:
            raise NotSupportedError(self._negotiation.fixed)

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        result = engine().call(coroutine, QUICK)
        self._tell_states()
        return result

    async def _chained(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run one operation after another: the operations chain, §4.4.1.2."""
        if self._closed:
            coroutine.close()
            self._assert_open()
        try:
            return await engine().run(self._in_turn(coroutine))
        except asyncio.CancelledError:
            if not self._closed:
                raise
            raise InvalidStateError("the connection was closed meanwhile") from None
        finally:
            self._tell_states()

    async def _in_turn(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._chain is None:
            self._chain = asyncio.Lock()
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            async with self._chain:
                self._assert_open()
                return await coroutine
        finally:
            coroutine.close()
            self._under_way.discard(task)

    def close(self) -> None:
        """Close the connection: §4.4.2. Local tracks go on; calls under way end with `InvalidStateError`.

        Takes at most a few seconds. May be called twice.
        """
        closing = self._begin_to_close()
        if closing is not None and not engine().is_current:
            closing.result(QUICK)
            self._tell_states()

    def _begin_to_close(self) -> Future[None] | None:
        if not self._set_closed():
            return None
        closing = engine().submit(self._close())
        if engine().is_current:  # where nobody can wait for it
            closing.add_done_callback(log_failure)
        return closing

    async def _close(self) -> None:
        for task in tuple(self._under_way):
            task.cancel()
        self._session.close()
        if self._negotiation is not None:
            self._negotiation.end_soon()
        for channel in self._channels:
            channel._closed()
        await self._session.peer.close()

    async def aclose(self) -> None:
        """Close it, see `close`, and wait until the signaling has told the other side."""
        closing = self._begin_to_close()  # on no other thread: at the end of the process there are no new ones
        if closing is not None:
            async with asyncio.timeout(QUICK):
                await outcome(closing)
            self._tell_states()
        if self._negotiation is not None:
            await self._negotiation.over()

    async def __aenter__(self) -> PeerConnection:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()
