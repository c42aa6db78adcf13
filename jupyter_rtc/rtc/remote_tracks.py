"""Remote tracks and their streams, as descriptions bring and take them: WebRTC 1.0 §5.1.1."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from ..media.stream import MediaStream
from .negotiation import remote_change, reverse
from .sdp import RECEIVING, MediaSection
from .transceiver import RtpTransceiver, TrackEvent

if TYPE_CHECKING:
    from .session import Session

#: What a transceiver received before an offer: the direction that was fired last, and the streams.
Before = dict[RtpTransceiver, tuple[str | None, list[MediaStream]]]


class RemoteTracks:
    """The tracks and streams of the other side. On the engine's thread.

    Parameters
    ----------
    session : Session
        Whose transceivers they belong to.
    fire : callable
        ``fire(event, *payload)`` puts an event on its way.
    """

    def __init__(self, session: Session, fire: Callable[..., None]) -> None:
        self._session = session
        self._fire = fire
        self._streams: dict[str, MediaStream] = {}
        #: Transceivers whose other side is another one now, and what it calls the streams that they had.
        self._moved: set[RtpTransceiver] = set()
        self._aliases: dict[str, str] = {}
        #: The stream of tracks of a side that knows no streams: JSEP §5.10.
        self._nameless = str(uuid.uuid4())

    def _stream(self, name: str) -> MediaStream:
        return self._streams.setdefault(name, MediaStream(id=name))

    def take(self, sections: Iterable[MediaSection], before: Before | None) -> list[Callable[[], None]]:
        """Process a remote description; return what is to be told, in the order of §4.4.1.5.

        `before` gets what a rollback is to restore.
        """
        mutes: list[Callable[[], None]] = []
        removes: list[Callable[[], None]] = []
        adds: list[Callable[[], None]] = []
        tracks: list[Callable[[], None]] = []
        for section in sections:
            transceiver = self._session.by_mid(section.mid)
            if transceiver is None:
                continue
            receiver = transceiver.receiver
            if before is not None:
                before.setdefault(transceiver, (transceiver._fired, list(receiver._streams)))
            direction = "inactive" if section.rejected else reverse(section.direction)
            were = {stream.id: stream for stream in receiver._streams}
            if section.track_id is not None and transceiver._fired is None:
                receiver.track.id = section.track_id  # as browsers do: the same name on both sides
            names = section.streams if section.streams is not None else (self._nameless,)
            if transceiver in self._moved:
                self._moved.discard(transceiver)
                self._aliases.update(zip(names, were, strict=False))
            names = tuple(self._aliases.get(name, name) for name in names)
            change = remote_change(transceiver._fired, direction, list(were), names)
            now = [self._stream(name) for name in dict.fromkeys(names)] if direction in RECEIVING else []
            receiver._streams = now
            transceiver._fired = direction
            track = receiver.track
            if change.mutes:
                mutes.append(partial(self.mute, transceiver))
            removes += [partial(were[name]._change, "removetrack", track) for name in change.leaves]
            adds += [partial(self._stream(name)._change, "addtrack", track) for name in change.joins]
            if change.fires:
                tracks.append(self._announcement(transceiver, now))
        return [*mutes, *removes, *adds, *tracks]

    def _announcement(self, transceiver: RtpTransceiver, streams: list[MediaStream]) -> Callable[[], None]:
        receiver = transceiver.receiver
        return partial(self._fire, "track", TrackEvent(receiver, receiver.track, tuple(streams), transceiver))

    def restore(self, before: Before) -> list[Callable[[], None]]:
        """Go back to what was `before`; return what is to be told."""
        changes: list[Callable[[], None]] = []
        for transceiver, (fired, streams) in before.items():
            receiver = transceiver.receiver
            track = receiver.track
            changes += [partial(s._change, "removetrack", track) for s in receiver._streams if s not in streams]
            changes += [partial(s._change, "addtrack", track) for s in streams if s not in receiver._streams]
            if fired not in RECEIVING:
                self.mute(transceiver)
            elif transceiver._fired not in RECEIVING:  # its removal is taken back: it is announced again
                changes.append(self._announcement(transceiver, streams))
            receiver._streams, transceiver._fired = streams, fired
        return changes

    def plug(self) -> None:
        """Connect what the engine receives with the tracks that users hold."""
        for transceiver in self._session.transceivers:
            if transceiver._key is not None and transceiver._fired in RECEIVING:
                received = self._session.peer.received(transceiver._key)
                if received is not None:
                    transceiver.receiver._track._plug(received)

    def begin_anew(self) -> None:
        """Somebody else is to send what is received: the tracks and streams that users hold stay."""
        self._aliases.clear()
        self._moved = {t for t in self._session.transceivers if t._fired in RECEIVING}
        for transceiver in self._moved:
            transceiver.receiver._track._plug(None)

    def mute(self, transceiver: RtpTransceiver) -> None:
        """Nothing comes any more."""
        transceiver.receiver._track._plug(None)
        received = None if transceiver._key is None else self._session.peer.received(transceiver._key)
        if received is not None:
            received._set_muted(True)

    def stop(self, transceiver: RtpTransceiver) -> None:
        """We want nothing of it any more: the track leaves its streams, and is muted."""
        for stream in transceiver.receiver._streams:
            stream._change("removetrack", transceiver.receiver.track)
        transceiver.receiver._streams = []
        self.mute(transceiver)
