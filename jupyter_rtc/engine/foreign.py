"""Tracks of other libraries: anything that is an aiortc MediaStreamTrack, read on a loop of its own."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from typing import Any

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from ..media.calling import display_here, here
from ..media.frames import Sound, picture_from_frame
from ..media.resampling import FrameResampler
from ..media.ties import Ties
from ..media.track import Item, Track

_lock = threading.RLock()
#: By the id of the aiortc track, which lives as long as its ForeignTrack.
_wrapped: weakref.WeakValueDictionary[int, ForeignTrack[Any]] = weakref.WeakValueDictionary()
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
        self._resampler = FrameResampler()
        # What `recv` prints appears in the cell that handed the track over.
        self._context = here()
        #: The reading while there are readers. Whoever stops this does not stop that track: it belongs to the user.
        self._pumping = Ties()

    def _activate(self) -> None:
        reading = _Pump(self._track, self)
        self._pumping.add(reading.cancel)
        self._context.copy().run(_foreign_loop().call_soon_threadsafe, reading.start)

    def _halt(self) -> None:
        self._pumping.cut()

    def _take(self, frame: Any) -> None:
        now = time.monotonic()
        if self.kind == "video":
            self._deliver(picture_from_frame(frame, now))  # type: ignore[arg-type]
        else:
            samples = self._resampler(frame)
            if len(samples):
                self._deliver(Sound(samples, now))  # type: ignore[arg-type]

    def _over(self, error: Exception | None) -> None:
        if error is not None:
            self._fail(error)
        self._end(event=True)


class _Pump:
    """A task that reads an aiortc track for a `ForeignTrack`, which it does not hold."""

    def __init__(self, track: MediaStreamTrack, reader: ForeignTrack[Any]) -> None:
        self._track = track
        self._reader = weakref.ref(reader)
        self._task: asyncio.Future[None] | None = None
        self._cancelled = False

    def start(self) -> None:
        """Begin, on the loop's thread."""
        if not self._cancelled:
            display_here()
            self._task = asyncio.ensure_future(self._run())

    def cancel(self) -> None:
        """End it soon, from any thread."""
        _foreign_loop().call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            while True:
                frame = await self._track.recv()
                reader = self._reader()
                if reader is None or self._cancelled:
                    return
                reader._take(frame)
                del reader, frame
        except Exception as error:
            if (reader := self._reader()) is not None:
                reader._over(None if isinstance(error, MediaStreamError) else error)


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
            known = _wrapped.get(id(track))
            if known is None:
                known = _wrapped[id(track)] = ForeignTrack(track)
        return known
    hint = ": take its .video or .audio" if hasattr(track, "video") else ""
    raise TypeError(f"a track is wanted (jupyter_rtc's or aiortc's), not {type(track).__name__}{hint}")


def is_foreign(track: Any) -> bool:
    """Return whether `track` is an aiortc track that is not ours."""
    return isinstance(track, MediaStreamTrack) and not isinstance(track, Track)
