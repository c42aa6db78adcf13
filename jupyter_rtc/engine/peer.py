"""A connection as a handle: aiortc's RTCPeerConnection, seen from above as plain data and tracks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from aiortc import RTCDataChannel, RTCPeerConnection, RTCRtpTransceiver, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from ..config import IceServer
from ..errors import InvalidStateError, OperationError, RtcError, SdpError
from ..media.track import Kind, Track
from . import compat
from .loop import engine
from .receiving import ReceivedTrack
from .sending import SlotTrack

logger = logging.getLogger(__name__)

#: `close` waits for so long for the network.
CLOSE_TIMEOUT = 2.0


@dataclass(frozen=True)
class Section:
    """A transceiver's state, by the place it has in the connection."""

    key: int
    kind: Kind
    mid: str | None
    direction: str
    current_direction: str | None


class Channel:
    """A data channel. Its callbacks are called on the engine's thread and must return at once."""

    def __init__(self, channel: RTCDataChannel) -> None:
        self._channel = channel
        self.label: str = channel.label
        self.on_message: Callable[[str | bytes], None] = lambda _message: None
        self.on_close: Callable[[], None] = lambda: None
        compat.listen_for_errors(channel, _report)
        channel.on("message", lambda message: self.on_message(message))
        channel.on("close", lambda: self.on_close())

    def send(self, data: str | bytes) -> bool:
        """Send if it is open; on the engine's thread. Return whether it was."""
        if self._channel.readyState != "open":
            return False
        self._channel.send(data)
        return True


class Peer:
    """One WebRTC connection. But for the constructor, everything is called on the engine's thread.

    Parameters
    ----------
    on_event : callable
        ``on_event(name, value)``, called on the engine's thread, for ``"connection_state"``,
        ``"ice_connection_state"``, ``"ice_gathering_state"``, ``"signaling_state"`` with the state,
        ``"track"`` with the section's key and ``"channel"`` with a `Channel`.
    """

    def __init__(
        self,
        on_event: Callable[[str, Any], None],
        ice_servers: Iterable[IceServer] = (),
        ice_transport_policy: str = "all",
    ) -> None:
        self._on_event = on_event
        self._ice_servers = tuple(ice_servers)
        self._policy = ice_transport_policy
        self._pc: RTCPeerConnection | None = None
        self._slots: dict[int, SlotTrack] = {}
        self._received: dict[int, ReceivedTrack[Any]] = {}
        self._closed = False

    @property
    def _connection(self) -> RTCPeerConnection:
        if self._closed:
            raise InvalidStateError("the connection is closed")
        if self._pc is None:
            self._pc = pc = compat.connection(self._ice_servers, self._policy)
            compat.listen_for_errors(pc, _report)
            pc.on("connectionstatechange", lambda: self._tell("connection_state", pc.connectionState))
            pc.on("iceconnectionstatechange", lambda: self._tell("ice_connection_state", pc.iceConnectionState))
            pc.on("icegatheringstatechange", lambda: self._tell("ice_gathering_state", pc.iceGatheringState))
            pc.on("signalingstatechange", lambda: self._tell("signaling_state", pc.signalingState))
            pc.on("track", self._take_track)
            pc.on("datachannel", lambda channel: self._on_event("channel", Channel(channel)))
            engine().on_exit(self, self.close)
        return self._pc

    def _tell(self, name: str, state: str) -> None:
        logger.debug("peer %x %s -> %s", id(self), name, state)
        self._on_event(name, state)

    # -- descriptions ---------------------------------------------------------------------------------------------

    async def create(self, kind: str) -> str:
        """Return the SDP of an ``"offer"`` or ``"answer"``."""
        pc = self._connection
        with _errors():
            description = await (pc.createOffer() if kind == "offer" else pc.createAnswer())
        return str(description.sdp)

    async def set_local(self, kind: str, sdp: str) -> str:
        """Apply a local description, gather all candidates, and return the SDP with them."""
        pc = self._connection
        with _errors():
            await pc.setLocalDescription(RTCSessionDescription(sdp, kind))
        compat.guard(pc)
        return str(pc.localDescription.sdp)

    async def set_remote(self, kind: str, sdp: str) -> None:
        """Apply a remote description."""
        pc = self._connection
        with _errors():
            await pc.setRemoteDescription(RTCSessionDescription(compat.sanitize(sdp), kind))
        compat.guard(pc)

    async def add_candidate(self, candidate: dict[str, Any] | None) -> None:
        """Apply a remote candidate as browsers write it; None or an empty one: there will be no more."""
        pc = self._connection
        text = "" if candidate is None else str(candidate.get("candidate") or "")
        if not text:
            await pc.addIceCandidate(None)
            return
        if compat.is_mdns(text):
            return
        assert candidate is not None
        with _errors():
            parsed = candidate_from_sdp(text.removeprefix("a=").removeprefix("candidate:"))
            parsed.sdpMid = candidate.get("sdpMid")
            parsed.sdpMLineIndex = candidate.get("sdpMLineIndex")
            await pc.addIceCandidate(parsed)

    # -- transceivers ---------------------------------------------------------------------------------------------

    def sections(self) -> list[Section]:
        """Return the state of all transceivers, in order."""
        if self._pc is None:
            return []
        return [
            Section(key, cast(Kind, t.kind), t.mid, t.direction, t.currentDirection)
            for key, t in enumerate(self._pc.getTransceivers())
        ]

    def add_transceiver(self, kind: Kind, direction: str) -> int:
        """Add a transceiver and return its key."""
        pc = self._connection
        pc.addTransceiver(kind, direction=direction)
        compat.guard(pc)
        return len(pc.getTransceivers()) - 1

    def set_direction(self, key: int, direction: str) -> None:
        """Set what the next negotiation is to bring."""
        self._transceiver(key).direction = direction

    def send(self, key: int, track: Track[Any] | None, stream_id: str | None = None) -> None:
        """Send `track` with the transceiver from now on."""
        slot = self._slots.get(key)
        transceiver = self._transceiver(key)
        if slot is None:
            if track is None:
                return
            slot = self._slots[key] = SlotTrack(cast(Kind, transceiver.kind))
        slot.switch(track)
        if transceiver.sender.track is not slot:
            slot.attach(transceiver.sender)
        if stream_id is not None:
            compat.set_stream_id(transceiver.sender, stream_id)

    def received(self, key: int) -> ReceivedTrack[Any] | None:
        """Return what the transceiver receives, if the other side was ever to send."""
        return self._received.get(key)

    def _transceiver(self, key: int) -> RTCRtpTransceiver:
        return self._connection.getTransceivers()[key]

    def _take_track(self, track: Any) -> None:
        for key, transceiver in enumerate(self._connection.getTransceivers()):
            if transceiver.receiver.track is track:
                self._received[key] = ReceivedTrack(cast(Kind, track.kind), transceiver.receiver, track.id)
                self._on_event("track", key)

    # -- the rest -------------------------------------------------------------------------------------------------

    def create_channel(self, label: str) -> Channel:
        """Make a data channel."""
        channel = Channel(self._connection.createDataChannel(label))
        compat.guard(self._connection)
        return channel

    async def close(self) -> None:
        """Close it, waiting no longer than `CLOSE_TIMEOUT` for the network. May be called twice."""
        if self._closed:
            return
        self._closed = True
        for slot in self._slots.values():
            slot.switch(None)
        engine().forget(self)
        if self._pc is not None:
            try:
                await asyncio.wait_for(self._pc.close(), CLOSE_TIMEOUT)
            except TimeoutError:
                logger.warning("peer %x: the network did not let it close in %g s", id(self), CLOSE_TIMEOUT)
        for track in self._received.values():
            track._end(event=True)


class _errors:  # noqa: N801 - reads as a statement
    """Translate aiortc's exceptions at the border."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is None or isinstance(error, RtcError) or not isinstance(error, Exception):
            return
        from aiortc.exceptions import InvalidStateError as AiortcInvalidState
        from aiortc.exceptions import OperationError as AiortcOperation

        if isinstance(error, AiortcInvalidState):
            raise InvalidStateError(str(error) or "the connection is closed or in another state") from error
        if isinstance(error, AiortcOperation):
            raise OperationError(f"{error}: the two sides have no codec in common") from error
        if isinstance(error, (ValueError, AssertionError, IndexError, KeyError, AttributeError, RuntimeError)):
            raise SdpError(f"the description could not be applied: {str(error) or type(error).__name__}") from error


def _report(error: BaseException) -> None:
    logger.error("a listener of the engine raised", exc_info=error)
