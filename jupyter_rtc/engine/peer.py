"""A connection as a handle: aiortc's RTCPeerConnection, seen from above as plain data and tracks."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any, cast

from aiortc import RTCPeerConnection, RTCRtpSender, RTCRtpTransceiver, RTCSessionDescription
from aiortc.exceptions import InvalidStateError as AiortcInvalidState
from aiortc.exceptions import OperationError as AiortcOperation
from aiortc.sdp import SessionDescription as ParsedDescription
from aiortc.sdp import candidate_from_sdp

from .. import config
from ..errors import InvalidStateError, OperationError, RtcError, SdpError
from ..ice import IceServer, IceServerSource
from ..jsep.description import Candidate, Description
from ..jsep.reading import MOST_CANDIDATES, parse_candidate, read
from ..media.track import Kind, Track
from ..threads import forget_ended_threads
from . import compat, fairness, formats, names, numbers
from .channel import Channel
from .compat_sending import negotiated_codecs, prefer
from .liveness import listen
from .loop import engine
from .path import Path, paths, remote_parameters
from .receiving import ReceivedTrack
from .recycling import Recycling
from .renewal import Renewal
from .sending import SlotTrack, slot_for
from .statistics import Facts, Statistics

logger = logging.getLogger(__name__)

#: `close` waits for so long for the network.
CLOSE_TIMEOUT = 2.0


@dataclass(frozen=True)
class Section:
    """A transceiver's state."""

    key: int
    kind: Kind
    mid: str | None
    direction: str
    current_direction: str | None


class Peer:
    """One WebRTC connection. But for the constructor, everything is called on the engine's thread.

    Parameters
    ----------
    on_event : callable
        ``on_event(name, value)``, called on the engine's thread, for ``"connection_state"``,
        ``"ice_connection_state"``, ``"ice_gathering_state"`` with the state, ``"channel"`` with a `Channel`, and
        ``"ended"`` with None when the other side has closed it.
    """

    def __init__(
        self,
        on_event: Callable[[str, Any], None],
        ice_servers: Iterable[IceServer | IceServerSource] = (),
        ice_transport_policy: str = "all",
    ) -> None:
        self._on_event = on_event
        self._ice_servers = tuple(ice_servers)
        self._policy = ice_transport_policy
        self._pc: RTCPeerConnection | None = None
        self._statistics: Statistics | None = None
        self._transceivers: list[RTCRtpTransceiver] = []
        self._slots: dict[int, SlotTrack] = {}
        self._parameters: dict[int, dict[str, Any]] = {}
        self._received: dict[int, ReceivedTrack[Any]] = {}
        self._told: dict[str, str] = {}
        self._watch: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._recycling = Recycling()
        self._renewal: Renewal | None = None
        #: ICE restarts, and the end of candidates, that are waited for.
        self._tasks: set[asyncio.Task[None]] = set()
        #: Hosts of candidates that are being looked up.
        self._lookups: set[asyncio.Task[None]] = set()
        #: What is, or was, looked up, by host: several candidates may name one.
        self._hosts: dict[str, asyncio.Task[list[str]]] = {}
        self._candidates_taken = 0
        #: The credentials of the remote description that was applied last, by media section.
        self._remote_credentials: dict[str, tuple[str, str]] = {}
        self._negotiated = False
        self._closed = False

    @property
    def _connection(self) -> RTCPeerConnection:
        if self._closed:
            raise InvalidStateError("the connection is closed")
        if self._pc is None:
            self._pc = pc = compat.connection(self._ice_servers, self._policy)
            self._statistics = Statistics(pc)
            compat.listen_for_errors(pc)
            pc.on("connectionstatechange", self._connection_changed)
            pc.on("iceconnectionstatechange", self._ice_changed)
            pc.on("icegatheringstatechange", lambda: self._tell("ice_gathering_state", pc.iceGatheringState))
            pc.on("datachannel", lambda channel: self._on_event("channel", Channel(channel)))
            engine().on_exit(self, self.close)
        return self._pc

    @property
    def state(self) -> str:
        """The connection's state, as it was told last. On any thread."""
        return self._told.get("connection_state", "new")

    def configure(self, ice_servers: Iterable[IceServer | IceServerSource], ice_transport_policy: str) -> None:
        """Use other servers from the next gathering on: that of a restart, if candidates were gathered already."""
        self._ice_servers, self._policy = tuple(ice_servers), ice_transport_policy
        if self._pc is not None:
            compat.configure(self._pc, self._ice_servers, self._policy)

    # -- ICE restarts ---------------------------------------------------------------------------------------------

    @property
    def restarting(self) -> bool:
        """Whether fresh ICE credentials are offered, or being tried."""
        return self._pc is not None and any(path.restarting for path in paths(self._pc).values())

    def begin_restart(self) -> None:
        """Let the next description carry fresh ICE credentials (RFC 8445 §9)."""
        pc = self._connection
        name, password = _credentials()
        for path in paths(pc).values():
            path.begin_restart(*compat.gathering(pc), name, password)

    def abandon_restart(self) -> None:
        """Keep the credentials that there are."""
        if self._pc is not None:
            for path in paths(self._pc).values():
                path.abandon_restart()

    def restarts(self, sdp: str) -> bool:
        """Return whether a remote description begins, or agrees to, an ICE restart: RFC 8839 §4.4.1.1.1."""
        before, now = self._remote_credentials, _credentials_in(read(sdp))
        same = before.keys() & now.keys()
        if before and not same:  # all sections are new, be it in the places of rejected ones
            return not set(before.values()) & set(now.values())
        return any(now[mid] != before[mid] for mid in same)

    def _change_paths(self) -> None:
        """Both sides have told their fresh credentials: connect with them."""
        pc = self._connection
        for ice, path in paths(pc).items():
            remote = remote_parameters(pc, ice)
            if path.restarting and remote is not None:
                self._track(self._change_path(path, remote), self._tasks)

    async def _change_path(self, path: Path, remote: Any) -> None:
        await path.restart(remote)
        if self._pc is not None and not self._closed:
            await compat.start(self._pc)  # where the first attempt had failed, DTLS begins only now
            self._connection_changed()

    # -- states ---------------------------------------------------------------------------------------------------

    def _tell(self, name: str, state: str) -> None:
        if self._told.get(name) != state:
            logger.debug("peer %x %s -> %s", id(self), name, state)
            self._told[name] = state
            self._on_event(name, state)

    def _ice_changed(self) -> None:
        if self._pc is not None and self._pc.iceConnectionState != "closed":  # the other side's doing: it has failed
            self._tell("ice_connection_state", self._pc.iceConnectionState)

    def _connection_changed(self) -> None:
        pc = self._pc
        assert pc is not None
        state = pc.connectionState
        if state == "closed" and not self._closed:
            state = "failed"  # the other side has closed: not our doing
            self._tell("ice_connection_state", "failed")
            self._on_event("ended", None)
        self._tell("connection_state", state)
        self._share()
        if state == "connected":  # also again, over another transport: what was negotiated meanwhile is not started yet
            self._starting = asyncio.get_running_loop().create_task(compat.start(pc))
            if self._watch is None:
                self._watch = asyncio.get_running_loop().create_task(self._listen())

    @property
    def _is_connected(self) -> bool:
        return not self._closed and self._pc is not None and self._pc.connectionState == "connected"

    def _share(self) -> None:
        """Leave media their share of the interpreter while there are any."""
        if self._is_connected and self._transceivers:
            fairness.hold(self)
        else:
            fairness.release(self)

    async def _listen(self) -> None:
        await listen(self._ways, self._answered, self._tell_silence)
        self._watch = None

    def _ways(self) -> list[Path]:
        """Return what data goes over, while there is a connection."""
        if not self._is_connected or self._pc is None:
            return []
        return [path for path in paths(self._pc).values() if path.pair is not None]

    def _answered(self, seconds: float, in_time: bool) -> None:
        """The other side was asked, and has answered after so long, or not yet."""
        for slot in self._slots.values():
            slot.heard_after(seconds)
        if in_time:
            for received in self._received.values():
                received.measured(seconds)

    def _tell_silence(self, silent: bool) -> None:
        if self._is_connected and self._pc is not None:
            self._tell("ice_connection_state", "disconnected" if silent else self._pc.iceConnectionState)
            self._tell("connection_state", "disconnected" if silent else "connected")
            if silent:  # the next packet ends it
                for received in self._received.values():
                    received.fell_silent()

    def _watch_transports(self) -> None:
        """Count what goes over the transports. After whatever may have made one, or gathered."""
        if self._statistics is not None:
            self._statistics.watch()

    # -- descriptions ---------------------------------------------------------------------------------------------

    def check(self, kind: str, sdp: str) -> dict[str, str]:
        """Refuse a remote description that aiortc could not apply, before anything is changed.

        Returns
        -------
        dict
            Why sections cannot be used, by their mids: those that have no codec that is known here.
        """
        description = read(sdp)
        with _errors():
            for media in ParsedDescription.parse(compat.readable(description)).media:
                if media.ice is None or not media.ice.usernameFragment or not media.ice.password:
                    raise SdpError(f"the media section a=mid:{media.rtp.muxId} has no a=ice-ufrag and a=ice-pwd")
                if media.dtls is None or not media.dtls.fingerprints:
                    raise SdpError(f"the media section a=mid:{media.rtp.muxId} has no a=fingerprint")
                if media.kind in ("audio", "video") and not media.rtcp_mux:
                    raise SdpError(f"the media section a=mid:{media.rtp.muxId} has no a=rtcp-mux, which is needed")
                if kind != "offer" and media.dtls.role not in ("client", "server"):
                    raise SdpError(f"the answer's section a=mid:{media.rtp.muxId} is neither setup:active nor passive")
        return {
            section.mid: formats.why_unusable(section)
            for section in description.sections
            if section.is_media and not formats.usable(section)
        }

    async def create(self, kind: str, *, renew: bool = False) -> str:
        """Return the SDP of an ``"offer"`` or ``"answer"``; `renew`: of one that takes a new transport."""
        pc = self._connection
        if renew and self._renewal is None:
            self._renewal = Renewal(pc)
        with _errors(), nullcontext() if self._renewal is None else self._renewal.on_offer():
            description = await (pc.createOffer() if kind == "offer" else pc.createAnswer())
            return formats.offer(pc, numbers.keep(pc, description.sdp)) if kind == "offer" else str(description.sdp)

    async def set_local(self, kind: str, sdp: str, *, renew: bool = False) -> str:
        """Apply a local description, gather all candidates, and return the SDP with them; `renew`: as in `create`."""
        pc = self._connection
        if renew and self._renewal is not None:
            self._renewal.apply()
        compat.leave_out_unassociated(pc)
        with _errors():
            await pc.setLocalDescription(RTCSessionDescription(sdp, kind))
        self._watch_transports()
        self._tell("ice_gathering_state", pc.iceGatheringState)
        if kind == "answer":
            await self._settle()
        return str(pc.localDescription.sdp)

    async def set_remote(self, kind: str, sdp: str, *, renew: bool = False) -> None:
        """Apply a remote description; `renew`: an offer that takes a new transport."""
        pc = self._connection
        if kind == "offer":
            await self._forget_renewal()
            if renew:
                self._renewal = Renewal(pc)
                self._renewal.apply()
        if self._renewal is None:
            self._prepare_restart(kind, sdp)
        else:
            self.abandon_restart()
        description = read(sdp)
        compat.prepare_bundle(pc, description)
        with _errors():
            await pc.setRemoteDescription(RTCSessionDescription(compat.readable(description), kind))
        formats.agree(pc, description)
        numbers.remember(pc, description)
        usual = config.codec()
        if kind == "offer" and usual is not None:
            for transceiver in pc.getTransceivers():
                prefer(transceiver, usual)
        await compat.join_bundle(pc, description)
        self._register()
        self._share()
        paths(pc)
        self._watch_transports()
        self._remote_credentials = _credentials_in(description)
        self._candidates_taken = 0
        self._hosts.clear()
        self._look_up_hosts(description)
        if kind == "answer":
            await self._settle()

    async def _settle(self) -> None:
        """A negotiation is complete."""
        pc = self._connection
        compat.settle(pc)
        await self._recycling.settle(pc)
        if self._negotiated:
            for slot in self._slots.values():
                slot.renegotiated()
        self._negotiated = True
        renewal, self._renewal = self._renewal, None
        if renewal is not None and renewal.applied:
            await renewal.settle()
        if self.restarting:
            self._change_paths()

    def _prepare_restart(self, kind: str, sdp: str) -> None:
        """Begin the restart that a remote offer asks for; forget ours where the other side knows nothing of it."""
        if self.restarts(sdp):
            if not self.restarting:
                self.begin_restart()
            for path in paths(self._connection).values():
                path.expect_restart(controlling=kind == "answer")
        else:
            self.abandon_restart()

    async def _forget_renewal(self) -> None:
        renewal, self._renewal = self._renewal, None
        if renewal is not None:
            await renewal.undo()

    async def rollback(self, free: Sequence[int], dead: Sequence[int]) -> None:
        """Forget the pending descriptions, with the media sections of `free`, and the transceivers `dead`."""
        if self._pc is not None:
            for key in free:
                compat.disassociate(self._transceivers[key])
            for key in dead:
                compat.bury(self._transceivers[key])
            self.abandon_restart()
            await self._forget_renewal()
            self._recycling.undo()
            compat.rollback(self._pc)
            if not self._remote_credentials:  # as if nothing had been gathered, though what was stays good
                self._tell("ice_gathering_state", "new")

    def bury(self, key: int) -> None:
        """Leave a transceiver out of all that comes."""
        compat.bury(self._transceivers[key])

    # -- candidates -----------------------------------------------------------------------------------------------

    async def add_candidate(self, candidate: dict[str, Any] | None) -> None:
        """Apply a remote candidate as browsers write it; None: there will be no more.

        One with a name is looked up meanwhile. What can never be used, and what is too much, is left out.
        """
        if candidate is None:
            if self._lookups:
                self._track(self._end_candidates_later(), self._tasks)
            else:
                await compat.end_candidates(self._connection)
            return
        parsed = parse_candidate(str(candidate["candidate"]))
        if not parsed.is_usable or self._candidates_taken >= MOST_CANDIDATES:
            return
        self._candidates_taken += 1
        mid, index = candidate.get("sdpMid"), candidate.get("sdpMLineIndex")
        if parsed.is_name:
            self._track(self._look_up(parsed, mid, index), self._lookups)
        else:
            await self._apply_candidate(parsed, mid, index)

    async def _apply_candidate(self, candidate: Candidate, mid: str | None, index: int | None) -> None:
        with _errors():
            applied = candidate_from_sdp(candidate.line.removeprefix("a=candidate:"))
            applied.sdpMid, applied.sdpMLineIndex = mid, index
            await self._connection.addIceCandidate(applied)

    def _look_up_hosts(self, description: Description) -> None:
        """Look up what the candidates of a description name instead of an address."""
        ended = True
        for index, section in enumerate(description.sections):
            named = [candidate for candidate in section.candidates if candidate.is_name and candidate.is_usable]
            ended &= section.ended or not named
            for candidate in named:
                self._track(self._look_up(candidate, section.mid, index), self._lookups)
        if self._lookups and ended:
            self._track(self._end_candidates_later(), self._tasks)

    async def _look_up(self, candidate: Candidate, mid: str | None, index: int | None) -> None:
        credentials = self._remote_credentials
        host = candidate.address
        if host not in self._hosts:
            self._hosts[host] = asyncio.create_task(names.look_up(host))
        addresses = await asyncio.shield(self._hosts[host])
        if not addresses:
            logger.info("the other side names the host %r, which is not known here", host)
        for address in addresses:
            if self._closed or self._remote_credentials != credentials:
                return  # an ICE restart has come between: it is none of this one's
            with suppress(RtcError):
                await self._apply_candidate(replace(candidate, address=address), mid, index)

    async def _end_candidates_later(self) -> None:
        await asyncio.wait(tuple(self._lookups))
        if not self._closed:
            await compat.end_candidates(self._connection)

    @staticmethod
    def _track(coroutine: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    # -- transceivers ---------------------------------------------------------------------------------------------

    def _register(self) -> None:
        """Give keys to transceivers that aiortc has made."""
        for transceiver in self._connection.getTransceivers():
            if transceiver not in self._transceivers:
                self._transceivers.append(transceiver)
                compat.before_receiving(transceiver.receiver, self._take_tracks)
        self._take_tracks()

    def sections(self) -> list[Section]:
        """Return the state of all transceivers, by key."""
        return [
            Section(key, cast(Kind, t.kind), t.mid, t.direction, t.currentDirection)
            for key, t in enumerate(self._transceivers)
        ]

    def add_transceiver(self, kind: Kind, direction: str) -> int:
        """Add a transceiver and return its key."""
        pc = self._connection
        with _errors():
            pc.addTransceiver(kind, direction=direction)
        self._register()
        paths(pc)
        self._watch_transports()
        key = len(self._transceivers) - 1
        self.set_codecs(key, [])
        return key

    def associate(self, key: int, mid: str, index: int) -> None:
        """Give a transceiver the media section of a remote offer that is applied next."""
        compat.associate(self._connection, self._transceivers[key], mid, index)
        self._recycling.vacate(self._connection, index, self._transceivers[key])

    def recycle(self, places: Mapping[int, int]) -> None:
        """Let the next offer have transceivers, by key, in rejected sections; what was said before is forgotten."""
        self._recycling.undo()
        for key, index in places.items():
            self._recycling.use_again(self._connection, index, self._transceivers[key])

    def order(self, keys: Sequence[int]) -> None:
        """Let new media sections come in this order of transceivers: aiortc has the order in which it made them."""
        ranks = {self._transceivers[key]: rank for rank, key in enumerate(keys)}
        compat.order(self._connection, lambda transceiver: ranks.get(transceiver, len(ranks)))

    def place(self, places: Mapping[int, int]) -> None:
        """Say which place each transceiver has in the offer that is applied next."""
        for key, index in places.items():
            compat.place(self._transceivers[key], index)

    def set_direction(self, key: int, direction: str) -> None:
        """Set what the next negotiation is to bring."""
        self._transceivers[key].direction = direction

    def set_codecs(self, key: int, mime_types: Sequence[str]) -> None:
        """Prefer codecs by their names, e.g. ``"video/H264"``; none: as the settings say."""
        transceiver = self._transceivers[key]
        usual = config.codec()
        if not mime_types and usual is not None and transceiver.kind == "video":
            mime_types = sorted(self.codecs("video"), key=lambda name: name != f"video/{usual}")
        known = RTCRtpSender.getCapabilities(transceiver.kind).codecs
        wanted = [c for name in mime_types for c in known if c.mimeType.lower() == name.lower()]
        if wanted:
            wanted += [c for c in known if c.mimeType.lower().endswith("/rtx")]
        transceiver.setCodecPreferences(wanted)

    @staticmethod
    def codecs(kind: Kind) -> list[str]:
        """Return the names of the codecs there are."""
        return list(dict.fromkeys(c.mimeType for c in RTCRtpSender.getCapabilities(kind).codecs))

    def send(self, key: int, track: Track[Any] | None, stream_id: str | None = None) -> None:
        """Send `track` with the transceiver from now on."""
        slot = self._slots.get(key)
        transceiver = self._transceivers[key]
        if slot is None:
            if track is None:
                return
            slot = self._slots[key] = slot_for(cast(Kind, transceiver.kind))
            slot.set_parameters(**self._parameters.get(key, {}))
        slot.switch(track)
        if transceiver.sender.track is not slot:
            slot.attach(transceiver.sender)

    def set_parameters(self, key: int, **parameters: Any) -> None:
        """Keep to an encoding's parameters, see `SlotTrack.set_parameters`."""
        self._parameters[key] = parameters
        slot = self._slots.get(key)
        if slot is not None:
            slot.set_parameters(**parameters)

    def negotiated_codecs(self, key: int) -> list[dict[str, Any]]:
        """Return the codecs that both sides have, with the W3C's names."""
        return negotiated_codecs(self._transceivers[key])

    async def say_bye(self, key: int) -> None:
        """Tell the other side that the transceiver sends no more."""
        await compat.say_bye(self._transceivers[key].sender)

    def received(self, key: int) -> ReceivedTrack[Any] | None:
        """Return what the transceiver receives, if the other side was ever to send."""
        return self._received.get(key)

    def _take_tracks(self) -> None:
        """Take what aiortc receives: after a remote description, and in any case before a decoder starts."""
        for key, transceiver in enumerate(self._transceivers):
            track: Any = transceiver.receiver.track
            if track is not None and key not in self._received:
                self._received[key] = ReceivedTrack(cast(Kind, track.kind), transceiver.receiver, track.id)

    # -- the rest -------------------------------------------------------------------------------------------------

    def create_channel(
        self,
        label: str,
        *,
        ordered: bool = True,
        max_retransmits: int | None = None,
        max_packet_life_time: int | None = None,
        protocol: str = "",
        negotiated: bool = False,
        id: int | None = None,
    ) -> Channel:
        """Make a data channel."""
        pc = self._connection
        with _errors():
            channel = pc.createDataChannel(
                compat.Label(label),
                ordered=ordered,
                maxRetransmits=max_retransmits,
                maxPacketLifeTime=max_packet_life_time,
                protocol=compat.Label(protocol),
                negotiated=negotiated,
                id=id,
            )
        paths(pc)
        self._watch_transports()
        return Channel(channel)

    def facts(self) -> Facts:
        """Return what was counted; of a closed connection, what was known last."""
        if self._statistics is None:
            return Facts(time.time())
        return self._statistics.facts(self._transceivers, self._slots, self._received)

    async def close(self) -> None:
        """Close it, waiting no longer than `CLOSE_TIMEOUT` for the network. May be called twice."""
        if self._closed:
            return
        self._closed = True
        for task in (self._watch, *self._tasks, *self._lookups):
            if task is not None:
                task.cancel()
        if self._statistics is not None:
            self._statistics.freeze(self._transceivers, self._slots, self._received)
        for slot in self._slots.values():
            slot.switch(None)
        fairness.release(self)
        engine().forget(self)
        if self._pc is not None:
            try:
                await asyncio.wait_for(self._pc.close(), CLOSE_TIMEOUT)
            except TimeoutError:
                logger.warning("peer %x: the network did not let it close in %g s", id(self), CLOSE_TIMEOUT)
            except Exception:  # after a description that aiortc swallowed half: what is left ends with the loop
                logger.exception("peer %x did not close in order", id(self))
        for track in self._received.values():
            track._end(event=True)
        forget_ended_threads()  # aiortc's decoders


def _credentials() -> tuple[str, str]:
    """Return a fresh ICE name and password: RFC 8445 §5.3."""
    return secrets.token_hex(4), secrets.token_hex(16)


def _credentials_in(description: Description) -> dict[str, tuple[str, str]]:
    """Return the ICE credentials in a description, by the section's mid."""
    return {
        section.mid: (
            str(description.effective(section, "ice-ufrag")),
            str(description.effective(section, "ice-pwd")),
        )
        for section in description.sections
    }


class _errors:  # noqa: N801 - reads as a statement
    """Translate aiortc's exceptions at the border."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is None or isinstance(error, RtcError) or not isinstance(error, Exception):
            return
        if isinstance(error, AiortcInvalidState):
            raise InvalidStateError(str(error) or "the connection is closed or in another state") from error
        if isinstance(error, AiortcOperation):
            raise OperationError(f"{error}: the two sides have no codec in common") from error
        if isinstance(error, (ValueError, AssertionError, LookupError, AttributeError, RuntimeError, TypeError)):
            raise SdpError(f"it could not be applied: {str(error) or type(error).__name__}") from error
