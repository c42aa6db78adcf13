"""RtpTransceiver with its RtpSender and RtpReceiver: WebRTC 1.0 §5."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..checks import one_of
from ..engine.foreign import as_track
from ..engine.loop import engine
from ..errors import InvalidAccessError, InvalidStateError
from ..media.relay import RelayTrack
from ..media.stream import MediaStream
from ..media.track import Kind, Track
from . import stats
from .parameters import Encoding
from .sdp import DIRECTIONS, DIRECTIONS_IN_WORDS, SENDING

if TYPE_CHECKING:
    from .connection import PeerConnection
    from .session import Session


class RtpSender:
    """What sends a track: RTCRtpSender, §5.2."""

    def __init__(self, transceiver: RtpTransceiver) -> None:
        self._transceiver = transceiver
        #: The track as it was given, which may be aiortc's.
        self._given: Any = None
        self._track: Track[Any] | None = None
        #: The name that the other side gives the track; stays for the sender's life once it was told.
        self._track_id = str(uuid.uuid4())
        self._streams: tuple[str, ...] = ()
        self._encoding = Encoding()

    def __repr__(self) -> str:
        return f"<RtpSender of {self._given!r}>"

    @property
    def track(self) -> Any:
        """The track that is sent, or None."""
        return self._given

    async def replace_track(self, track: Any) -> None:
        """Send another track of the same kind, or None, without negotiating anew: replaceTrack, §5.2.

        Raises
        ------
        TypeError
            When it is of another kind, or no track.
        InvalidStateError
            When the connection is closed or the transceiver stopped.
        """
        transceiver = self._transceiver
        ours = None if track is None else as_track(track)
        if ours is not None and ours.kind != transceiver.kind:
            raise TypeError(f"this sender sends {transceiver.kind}, not {ours.kind}")
        transceiver._connection._assert_open()
        if transceiver._stopping:
            raise InvalidStateError("the transceiver was stopped")
        await transceiver._connection._chained(self._replace(track, ours))

    async def _replace(self, given: Any, track: Track[Any] | None) -> None:
        self._put(given, track)

    def _put(self, given: Any, track: Track[Any] | None) -> None:
        """On the engine's thread."""
        self._given, self._track = given, track
        transceiver = self._transceiver
        if track is not None and transceiver._mid is None:
            self._track_id = track.id
        if transceiver._key is not None:
            transceiver._session.peer.send(transceiver._key, track)

    def get_parameters(self) -> dict[str, Any]:
        """Return what it keeps to, with the W3C's names: getParameters, §5.2.

        ``encodings`` has one dictionary, with ``active``, ``scaleResolutionDownBy`` and the limits that are set;
        ``codecs`` what was negotiated, the one that is sent first.
        """
        transceiver = self._transceiver
        codecs = [] if transceiver._key is None else transceiver._session.peer.negotiated_codecs(transceiver._key)
        return {"encodings": [self._encoding.to_dict(transceiver.kind)], "codecs": codecs}

    def set_parameters(
        self,
        parameters: Mapping[str, Any] | None = None,
        /,
        *,
        max_bitrate: float | None = None,
        max_framerate: float | None = None,
        scale_resolution_down_by: float | None = None,
        active: bool | None = None,
    ) -> None:
        """Change what it keeps to, at once and without negotiating anew: setParameters, §5.2.

        Parameters
        ----------
        parameters : dict, optional
            In place of all others: what `get_parameters` returns, changed, as in JavaScript. ``encodings[0]`` has
            ``active``, ``maxBitrate``, ``maxFramerate`` and ``scaleResolutionDownBy``, and what is missing there is
            not limited; what is beside it is passed over.
        max_bitrate : float, optional
            In bits a second; video only. Also below the floor of `configure`.
        max_framerate : float, optional
            Pictures a second; 0 sends none.
        scale_resolution_down_by : float, optional
            Width and height are divided by this, 1 or more.
        active : bool, optional
            False: nothing is sent.

        Of these, what is not given stays as it is; ``math.inf`` lifts a limit.

        Raises
        ------
        InvalidStateError
            When the connection is closed or the transceiver stopped.
        TypeError, ValueError
            When a value is of another type, or out of range; when both a dict and others are given.
        NotSupportedError
            When a bit rate is asked of sound.
        """
        transceiver = self._transceiver
        given: dict[str, Any] = {
            "max_bitrate": max_bitrate,
            "max_framerate": max_framerate,
            "scale_resolution_down_by": scale_resolution_down_by,
            "active": active,
        }
        if parameters is None:
            encoding = self._encoding.changed(transceiver.kind, **given)
        elif any(value is not None for value in given.values()):
            raise TypeError("set_parameters takes a dict as get_parameters returns it, or keywords, not both")
        else:
            encoding = Encoding.from_dict(transceiver.kind, parameters)
        transceiver._connection._assert_open()
        if transceiver._stopping:
            raise InvalidStateError("the transceiver was stopped")
        self._encoding = encoding
        engine().call(self._apply_parameters(), 10)

    async def _apply_parameters(self) -> None:
        transceiver, encoding = self._transceiver, self._encoding
        if transceiver._key is not None:
            transceiver._session.peer.set_parameters(
                transceiver._key,
                active=encoding.active and encoding.max_framerate != 0,
                max_bitrate=encoding.max_bitrate,
                max_framerate=encoding.max_framerate,
                scale=encoding.scale_resolution_down_by,
            )

    async def get_stats(self) -> dict[str, dict[str, Any]]:
        """Return the statistics of what is sent, by id: getStats, §5.2."""
        return await self._transceiver._stats("outbound-rtp")

    def set_streams(self, *streams: MediaStream) -> None:
        """Let the track belong to other streams at the other side: setStreams, §5.2. "negotiationneeded" follows.

        Raises
        ------
        InvalidStateError
            When the connection is closed.
        """
        for stream in streams:
            if not isinstance(stream, MediaStream):
                raise TypeError(f"set_streams takes MediaStreams, not {type(stream).__name__}")
        connection = self._transceiver._connection
        connection._assert_open()
        connection._call(self._set_streams(streams))

    async def _set_streams(self, streams: Sequence[MediaStream]) -> None:
        self._streams = tuple(dict.fromkeys(stream.id for stream in streams))
        self._transceiver._session.update_needed()


class RtpReceiver:
    """What receives a track: RTCRtpReceiver, §5.3."""

    def __init__(self, transceiver: RtpTransceiver) -> None:
        self._transceiver = transceiver
        kind, connection = transceiver.kind, transceiver._connection
        label = f"{connection.name} {kind}" if connection.name else f"remote {kind}"
        self._track: RelayTrack[Any] = RelayTrack(kind, label=label, follows_end=False)
        self._track._told_why_silent = connection._why_silent
        self._track._told_in_vain = connection._in_vain
        self._streams: list[MediaStream] = []

    async def get_stats(self) -> dict[str, dict[str, Any]]:
        """Return the statistics of what is received, by id: getStats, §5.3."""
        return await self._transceiver._stats("inbound-rtp")

    def __repr__(self) -> str:
        return f"<RtpReceiver of {self._track!r}>"

    @property
    def track(self) -> Track[Any]:
        """The remote track; muted until something arrives."""
        return self._track


class RtpTransceiver:
    """A sender and a receiver that share a media section: RTCRtpTransceiver, §5.4."""

    def __init__(
        self,
        connection: PeerConnection,
        session: Session,
        kind: Kind,
        direction: str,
        *,
        key: int | None,
        from_add_track: bool,
    ) -> None:
        self._connection = connection
        self._session = session
        #: The engine's name for it; None while only a remote offer has it, which the engine does not know yet.
        self._key = key
        self._from_add_track = from_add_track
        #: Whether a remote offer has made it.
        self._is_theirs = False
        self._direction = direction
        self._mid: str | None = None
        self._current_direction: str | None = None
        self._fired: str | None = None
        self._has_sent = False
        self._codecs: list[str] | None = None
        self._stopping = False
        self._stopped = False
        self.kind = kind
        self.sender = RtpSender(self)
        self.receiver = RtpReceiver(self)

    def __repr__(self) -> str:
        return f"<RtpTransceiver {self.kind} mid={self._mid} {self.direction}>"

    @property
    def mid(self) -> str | None:
        """The media section's name, or None before the first negotiation."""
        return self._mid

    @property
    def direction(self) -> str:
        """What the next negotiation is to bring, or ``"stopped"``; settable, and "negotiationneeded" follows.

        Raises
        ------
        InvalidStateError
            When it is set while the connection is closed or the transceiver stopped.
        WrongValueError
            When there is no such direction.
        """
        return "stopped" if self._stopping else self._direction

    @direction.setter
    def direction(self, value: str) -> None:
        one_of(value, DIRECTIONS, f"direction is {DIRECTIONS_IN_WORDS}")
        self._connection._assert_open()
        if self._stopping:
            raise InvalidStateError("the transceiver was stopped")
        if value != self._direction:
            engine().call(self._set_direction(value), 10)

    def _reject(self) -> None:
        """The other side has rejected the section: stopped at once, and gone once it is negotiated."""
        self._stopping = self._stopped = True
        self.receiver._track._end(event=True)

    async def _set_direction(self, value: str) -> None:
        self._direction = value
        self._session.update_needed()

    @property
    def current_direction(self) -> str | None:
        """What was negotiated; None before, ``"stopped"`` after `stop`."""
        return "stopped" if self._stopped else self._current_direction

    def stop(self) -> None:
        """End it for good: stop, §5.4. The next negotiation tells the other side.

        Raises
        ------
        InvalidStateError
            When the connection is closed.
        """
        self._connection._assert_open()
        if not self._stopping:
            engine().call(self._stop(), 10)

    async def _stop(self) -> None:
        self._stopping = True
        if self._key is not None:
            self._session.peer.send(self._key, None)
            if self._current_direction in SENDING:
                await self._session.peer.say_bye(self._key)
        self.receiver._track._end(event=True)
        self._session.update_needed()

    def set_codec_preferences(self, codecs: Sequence[Any]) -> None:
        """Prefer codecs from the next negotiation on: setCodecPreferences, §5.4.

        Parameters
        ----------
        codecs : list of str or dict
            ``"video/H264"`` or ``{"mimeType": "video/H264"}``, the best first; empty: the default.

        Raises
        ------
        TypeError
            When it is no list of these.
        InvalidAccessError
            When a codec is not to be had, naming those that are.
        """
        names = _codec_names(codecs)
        known = self._session.peer.codecs(self.kind)
        for name in names:
            if name.lower() not in [codec.lower() for codec in known]:
                raise InvalidAccessError(f"there is no codec {name!r}; there are {', '.join(known)}")
        self._connection._assert_open()
        if names and all(name.lower().endswith("/rtx") for name in names):
            raise InvalidAccessError("retransmission alone carries nothing: name a codec, too")
        engine().call(self._set_codecs(names), 10)

    async def _set_codecs(self, names: list[str]) -> None:
        self._codecs = names
        self._apply_codecs()
        self._session.update_needed()

    def _apply_codecs(self) -> None:
        if self._key is not None and self._codecs is not None:
            self._session.peer.set_codecs(self._key, self._codecs)

    async def _stats(self, kind: Literal["outbound-rtp", "inbound-rtp"]) -> dict[str, dict[str, Any]]:
        return stats.select(stats.shape(await engine().run(self._connection._facts())), kind, self._key)

    def _negotiated(self, direction: str) -> None:
        self._current_direction = direction
        self._has_sent = self._has_sent or direction in SENDING

    def _finish(self, *, closing: bool = False) -> None:
        """It is over: the other side knows, or the connection is closed."""
        self._stopping = self._stopped = True
        if not closing:
            self._mid = None
        self.receiver._track._end(event=True)


def _codec_names(codecs: Any) -> list[str]:
    if isinstance(codecs, (str, Mapping)) or not isinstance(codecs, Iterable):
        raise TypeError(f'codecs are a list, e.g. ["video/H264"], not {type(codecs).__name__}')
    names: list[Any] = [codec.get("mimeType") if isinstance(codec, Mapping) else codec for codec in codecs]
    if not all(isinstance(name, str) for name in names):
        raise TypeError("a codec is a name such as 'video/H264', or a dict with 'mimeType' (str)")
    return names


@dataclass(frozen=True)
class TrackEvent:
    """RTCTrackEvent, §5.7: a remote track has come."""

    receiver: RtpReceiver
    track: Track[Any]
    streams: tuple[MediaStream, ...]
    transceiver: RtpTransceiver
