"""The pictures of a film in a file, one after another, each when it is due."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import av

#: When a picture is later than this, in seconds, the film goes on from it without catching up.
_LATE = 0.5


def is_film(value: Any) -> bool:
    """Return whether it is the path of a file, or looks like one."""
    if not isinstance(value, (str, os.PathLike)):
        return False
    path = os.fspath(value)
    return isinstance(path, str) and (os.path.exists(path) or bool(os.path.splitext(path)[1]) or os.sep in path)


class Film:
    """A film that is played once. Not for two threads at once.

    Parameters
    ----------
    path : str or PathLike
        A file that FFmpeg reads.
    fps : float or None
        Pictures a second, at most; None: as many as there are.

    Raises
    ------
    OSError
        When there is no such file, or it must not be read.
    ValueError
        When it is no film, or has no pictures.
    """

    def __init__(self, path: str | os.PathLike[str], fps: float | None) -> None:
        name = os.fspath(path)
        if not os.path.exists(name):
            raise FileNotFoundError(f"there is no film {name!r} on this machine")
        self._container = av.open(name)
        if not self._container.streams.video:
            raise ValueError(f"{name!r} has no pictures")
        stream = self._container.streams.video[0]
        stream.thread_type = "AUTO"
        self._step = 1 / float(stream.average_rate or 25)
        self._period = 0.0 if fps is None else 1 / fps
        self._frames = self._timed(self._container.decode(stream))
        self._pending: tuple[float, av.VideoFrame] | None = None
        #: When its first picture was due, on ``time.monotonic()``; None: it stands still.
        self._began: float | None = None
        self._position = 0.0

    def _timed(self, frames: Iterator[av.VideoFrame]) -> Iterator[tuple[float, av.VideoFrame]]:
        """Yield the frames that are shown, with their seconds from the first one on."""
        first, at, free = None, 0.0, 0.0
        for frame in frames:
            if frame.time is not None:
                first = frame.time if first is None else first
                at = frame.time - first
            if at >= free - self._period / 10:
                free = max(free, at - self._period) + self._period
                yield at, frame
            at += self._step

    def pause(self) -> None:
        """Let it stand still until `due` is asked for again."""
        self._began = None

    def due(self, now: float) -> float:
        """Return when the next picture is due.

        Raises
        ------
        StopIteration
            When the last one was shown for its time.
        """
        if self._began is None:
            self._began = now - self._position
        if self._pending is None:
            self._pending = next(self._frames, None)
        if self._pending is None:
            if now >= self._began + self._position:
                self._container.close()
                raise StopIteration
            return self._began + self._position
        due = self._began + self._pending[0]
        if now - due > _LATE:
            self._began += now - due
            due = now
        return due

    def take(self) -> av.VideoFrame | None:
        """Return the picture that was due, or None at the end."""
        if self._pending is None:
            return None
        self._position, frame = self._pending
        self._position += self._step
        self._pending = None
        return frame
