"""RtpTransceiver with its RtpSender and RtpReceiver: WebRTC 1.0 §5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engine.foreign import as_track
from ..engine.loop import engine
from ..errors import InvalidStateError
from ..media.stream import MediaStream
from ..media.track import Kind, RelayTrack, Track

if TYPE_CHECKING:
    from .connection import PeerConnection


class RtpSender:
    """What sends a track: RTCRtpSender, §5.2."""

    def __init__(self, connection: PeerConnection, key: int) -> None:
        self._connection = connection
        self._key = key
        #: The track as it was given, which may be aiortc's.
        self._given: Any = None
        self._track: Track[Any] | None = None
        self._track_id = ""
        self._streams: tuple[str, ...] = ()
        self._has_sent = False

    @property
    def track(self) -> Any:
        """The track that is sent, or None."""
        return self._given

    async def replace_track(self, track: Any) -> None:
        """Send another track of the same kind, or None, without negotiating anew: §5.2, replaceTrack.

        Raises
        ------
        TypeError
            When it is of another kind, or no track.
        InvalidStateError
            When the connection is closed.
        """
        ours = None if track is None else as_track(track)
        kind = self._connection._transceiver_of(self).kind
        if ours is not None and ours.kind != kind:
            raise TypeError(f"this sender sends {kind}, not {ours.kind}")
        self._connection._assert_open()
        await engine().run(self._put(track, ours))

    async def _put(self, given: Any, track: Track[Any] | None) -> None:
        """On the engine's thread."""
        self._given, self._track = given, track
        if track is not None and not self._track_id:
            self._track_id = track.id
        self._connection._peer.send(self._key, track)


class RtpReceiver:
    """What receives a track: RTCRtpReceiver, §5.3."""

    def __init__(self, kind: Kind, why_silent: Any) -> None:
        self._track: RelayTrack[Any] = RelayTrack(kind, label=f"remote {kind}", follows_end=False)
        self._track.why_silent = why_silent
        self._streams: list[MediaStream] = []
        self._receiving = False

    @property
    def track(self) -> Track[Any]:
        """The remote track; muted until something arrives."""
        return self._track


class RtpTransceiver:
    """A sender and a receiver that share a media section: RTCRtpTransceiver, §5.4."""

    def __init__(self, connection: PeerConnection, key: int, kind: Kind, direction: str) -> None:
        self._connection = connection
        self._key = key
        self.kind = kind
        self._direction = direction
        self._mid: str | None = None
        self._current_direction: str | None = None
        self.sender = RtpSender(connection, key)
        self.receiver = RtpReceiver(kind, connection._why_silent)

    def __repr__(self) -> str:
        return f"<RtpTransceiver {self.kind} mid={self._mid} {self._direction}>"

    @property
    def mid(self) -> str | None:
        """The media section's name, or None before the first negotiation."""
        return self._mid

    @property
    def direction(self) -> str:
        """What the next negotiation is to bring; settable."""
        return self._direction

    @direction.setter
    def direction(self, value: str) -> None:
        if value not in ("sendrecv", "sendonly", "recvonly", "inactive"):
            raise TypeError(f"direction is sendrecv, sendonly, recvonly or inactive, not {value!r}")
        if self._connection.signaling_state == "closed":
            raise InvalidStateError("the connection is closed")
        engine().call(self._connection._set_direction(self, value), 5)

    @property
    def current_direction(self) -> str | None:
        """What was negotiated, or None."""
        return self._current_direction


@dataclass(frozen=True)
class TrackEvent:
    """RTCTrackEvent, §5.7: a remote track has come."""

    receiver: RtpReceiver
    track: Track[Any]
    streams: tuple[MediaStream, ...]
    transceiver: RtpTransceiver
