"""What a server of WHEP offers under one name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..media.stream import MediaStream
from ..media.track import Track
from . import loop

if TYPE_CHECKING:
    from .server import WhipServer


def has_ended(stream: MediaStream) -> bool:
    """Return whether it has tracks and all have ended; one without any may yet get some."""
    tracks = stream.get_tracks()
    return bool(tracks) and all(track.ready_state == "ended" for track in tracks)


class Offered:
    """A stream that others may play. Called, it is offered no more."""

    def __init__(self, server: WhipServer, name: str, stream: MediaStream) -> None:
        self.name = name
        self.stream = stream
        self._server = server
        self._followed: set[Track[Any]] = set()
        self._over = False

    def __call__(self) -> None:
        """End it, for those who play it, too. May be called twice."""
        self._server._withdraw(self)

    def __repr__(self) -> str:
        if self._over:
            return f"<{self.name!r}, offered no more>"
        return f"<{self.name!r} can be watched; call this to end it>"

    def follow(self) -> None:
        """Heed changes of the stream, and the end of its tracks, from now on. On any thread."""
        self.stream._followers.add(self._changed)
        self._changed()

    def unfollow(self) -> None:
        """Heed nothing any more. On any thread."""
        self._over = True
        self.stream._followers.discard(self._changed)
        for track in tuple(self._followed):
            track._end_followers.discard(self._changed)

    def _changed(self) -> None:
        tracks = self.stream.get_tracks()
        for track in self._followed.difference(tracks):
            self._followed.discard(track)
            track._end_followers.discard(self._changed)
        for track in () if self._over else tracks:
            self._followed.add(track)
            track._end_followers.add(self._changed)
        loop.spawn(self._server._follow(self))
