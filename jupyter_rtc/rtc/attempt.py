"""An attempt to connect: what a connection was before it, and the way back there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .channel import DataChannel
from .transceiver import RtpTransceiver

if TYPE_CHECKING:
    from .connection import PeerConnection


@dataclass(frozen=True)
class _Wanted:
    """What a transceiver is to do in the next negotiation."""

    direction: str
    from_add_track: bool
    given: Any
    track: Any
    streams: tuple[str, ...]

    @classmethod
    def of(cls, transceiver: RtpTransceiver) -> _Wanted:
        sender = transceiver.sender
        return cls(
            transceiver._direction, transceiver._from_add_track, sender._given, sender._track, sender._streams
        )  # fmt: skip

    def restore(self, transceiver: RtpTransceiver) -> None:
        sender = transceiver.sender
        transceiver._direction, transceiver._from_add_track = self.direction, self.from_add_track
        sender._streams = self.streams
        if sender._track is not self.track:
            sender._put(self.given, self.track)


class Attempt:
    """What `PeerConnection.connect` has to leave behind when it fails: the connection as it was.

    A negotiation that was complete before the attempt stays. What the user has added meanwhile stays, too.
    """

    def __init__(self, connection: PeerConnection) -> None:
        session = connection._session
        self._connection = connection
        self._was_stable = session.state == "stable"
        self._was_negotiated = session.current_local is not None or session.current_remote is not None
        self._gathering = connection.ice_gathering_state
        self._before = self._after = self._look()

    def _look(self) -> tuple[dict[RtpTransceiver, _Wanted], set[DataChannel]]:
        connection = self._connection
        return {t: _Wanted.of(t) for t in connection.get_transceivers()}, set(connection._channels)

    def prepared(self) -> None:
        """The signaling has done with the connection what it wanted: this is not the user's, and goes with it."""
        self._after = self._look()

    async def take_back(self) -> None:
        """Make the connection what it was. On the engine's thread, in the chain of operations."""
        connection, session = self._connection, self._connection._session
        if self._was_stable and session.state != "stable":
            await session._roll_back()
        is_changed = self._take_back_preparation()
        if not self._was_negotiated and (is_changed or self._is_used):
            await connection._unmake()
        session.update_needed()
        connection._changed()

    @property
    def _is_used(self) -> bool:
        """Whether the engine's connection has gathered, or knows the other side."""
        session = self._connection._session
        negotiated = session.current_local is not None or session.current_remote is not None
        return negotiated or self._connection.ice_gathering_state != self._gathering

    def _take_back_preparation(self) -> bool:
        """Undo what the signaling has done with the connection; return whether that was anything."""
        session = self._connection._session
        (before, channels), (after, more_channels) = self._before, self._after
        for transceiver, made in after.items():
            was = before.get(transceiver)
            if made == was or transceiver not in session.transceivers or _Wanted.of(transceiver) != made:
                continue
            if was is not None:
                was.restore(transceiver)
            elif transceiver._mid is None:
                session.discard(transceiver)
        for channel in more_channels - channels:
            self._connection._discard(channel)
        return self._before != self._after
