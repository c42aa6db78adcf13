"""MediaStream: Media Capture and Streams §4.2."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from ..checks import string
from .display import Displayable
from .events import Emitter
from .track import Track


class MediaStream(Displayable, Emitter):
    """Tracks that belong together, e.g. a camera and its microphone.

    Parameters
    ----------
    tracks : iterable of Track
        Taken once each.
    id : str, optional
        Its name on both sides of a connection; made up if not given.

    Raises
    ------
    TypeError, ValueError
        When one is no track of jupyter_rtc, or no description can carry `id`.
    """

    _events = frozenset({"addtrack", "removetrack"})

    def __init__(self, tracks: Iterable[Track[Any]] = (), id: str | None = None) -> None:
        super().__init__()
        if id is not None and (string("id", id) == "-" or not re.fullmatch(r"[!-~]{1,64}", id)):
            raise ValueError(f"a stream's id has 1 to 64 printable ASCII characters without blanks, not {id!r}")
        self.id = str(uuid.uuid4()) if id is None else id
        self._tracks: list[Track[Any]] = []
        #: What is missing in it, in words.
        self._remarks: tuple[str, ...] = ()
        #: Views that follow all changes; "addtrack" and "removetrack" tell only of the other side's.
        self._followers: set[Callable[[], None]] = set()
        for track in tracks:
            self.add_track(track)

    def __repr__(self) -> str:
        inactive = "" if self.active else ", inactive"
        return f"<{'; '.join([f'MediaStream {self.id!r} of {len(self._tracks)} tracks{inactive}', *self._remarks])}>"

    @property
    def active(self) -> bool:
        """Whether any track is live."""
        return any(track.ready_state == "live" for track in self.get_tracks())

    def get_tracks(self) -> list[Track[Any]]:
        """Return all tracks, in the order in which they were added."""
        return list(self._tracks)

    def get_audio_tracks(self) -> list[Track[Any]]:
        """Return the audio tracks."""
        return [track for track in self.get_tracks() if track.kind == "audio"]

    def get_video_tracks(self) -> list[Track[Any]]:
        """Return the video tracks."""
        return [track for track in self.get_tracks() if track.kind == "video"]

    def get_track_by_id(self, id: str) -> Track[Any] | None:
        """Return the track with this id, or None."""
        return next((track for track in self.get_tracks() if track.id == id), None)

    def add_track(self, track: Track[Any]) -> None:
        """Add a track; one that is in it already changes nothing. No event follows, as in browsers."""
        _assert_track(track)
        if track not in self._tracks:
            self._tracks.append(track)
            self._changed()

    def remove_track(self, track: Track[Any]) -> None:
        """Take a track out; one that is not in it changes nothing. No event follows, as in browsers."""
        _assert_track(track)
        if track in self._tracks:
            self._tracks.remove(track)
            self._changed()

    def _changed(self) -> None:
        for follow in tuple(self._followers):
            follow()

    def clone(self) -> MediaStream:
        """Return a new stream of clones of the tracks."""
        return MediaStream(track.clone() for track in self.get_tracks())

    def _change(self, event: str, track: Track[Any]) -> None:
        """Add or remove a track because the other side did: "addtrack" or "removetrack" follows."""
        if (track in self._tracks) == (event == "addtrack"):
            return
        (self.add_track if event == "addtrack" else self.remove_track)(track)
        self._emit(event, track)


def _assert_track(track: Any) -> None:
    if not isinstance(track, Track):
        raise TypeError(f"a MediaStream holds jupyter_rtc tracks, not {type(track).__name__}")
