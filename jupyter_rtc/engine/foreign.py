"""Tracks of other libraries: anything that is an aiortc MediaStreamTrack, read on a loop of its own."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from typing import Any

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from ..media.frames import Sound, picture_from_frame
from ..media.resampling import FrameResampler
from ..media.track import Item, Track

_lock = threading.RLock()
_wrapped: weakref.WeakKeyDictionary[MediaStreamTrack, Track[Any]] = weakref.WeakKeyDictionary()
_loop: asyncio.AbstractEventLoop | None = None


def _foreign_loop() -> asyncio.AbstractEventLoop:
    """Return the loop for user code of other libraries: never the engine's."""
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.SelectorEventLoop()
            threading.Thread(target=_loop.run_forever, name="jupyter-rtc-foreign", daemon=True).start()
        return _loop


class ForeignTrack(Track[Item]):
    """An aiortc track as one of ours. Reading begins with the first reader."""

    def __init__(self, track: MediaStreamTrack) -> None:
        super().__init__(track.kind, label=type(track).__name__, id=track.id)  # type: ignore[arg-type]
        self._track = track
        self._task: asyncio.Future[None] | None = None
        self._resampler = FrameResampler()
        #: Whoever stops this does not stop that: it belongs to the user.
        self._loop = _foreign_loop()

    def _activate(self) -> None:
        self._loop.call_soon_threadsafe(self._start)

    def _halt(self) -> None:
        self._loop.call_soon_threadsafe(self._pause)

    def _start(self) -> None:
        if self._task is None:
            self._task = self._loop.create_task(self._pump())

    def _pause(self) -> None:
        if self._task is not None and not self._sinks:
            self._task.cancel()
            self._task = None

    async def _pump(self) -> None:
        try:
            while True:
                frame: Any = await self._track.recv()
                now = time.monotonic()
                if self.kind == "video":
                    self._deliver(picture_from_frame(frame, now))  # type: ignore[arg-type]
                else:
                    samples = self._resampler(frame)
                    if len(samples):
                        self._deliver(Sound(samples, now))  # type: ignore[arg-type]
        except MediaStreamError:
            self._end(event=True)
        except Exception as error:
            self._fail(error)
            self._end(event=True)


def as_track(track: Any) -> Track[Any]:
    """Return `track` as one of ours.

    Raises
    ------
    TypeError
        When it is neither a track of jupyter_rtc nor one of aiortc.
    """
    if isinstance(track, Track):
        return track
    if isinstance(track, MediaStreamTrack):
        with _lock:  # one reader, however often it is shown and sent: readers would share its frames out
            known = _wrapped.get(track)
            if known is None:
                known = _wrapped[track] = ForeignTrack(track)
        return known
    hint = ": take its .video or .audio" if hasattr(track, "video") else ""
    raise TypeError(f"a track is wanted (jupyter_rtc's or aiortc's), not {type(track).__name__}{hint}")


def is_foreign(track: Any) -> bool:
    """Return whether `track` is an aiortc track that is not ours."""
    return isinstance(track, MediaStreamTrack) and not isinstance(track, Track)
