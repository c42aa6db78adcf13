"""The subscriptions behind `read`, `latest` and `frames`, in which items wait for their reader."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from typing import Any, Generic, Self

import numpy as np
import numpy.typing as npt

from ..border import draw_around
from ..checks import flag, number_or_none, whole
from ..errors import WrongValueError
from .forms import Form, Piece
from .frames import Item
from .slot import Slot
from .ties import Ties
from .waiting import Waitable

#: A reader that has not read for so long no longer keeps the source (and its decoder) at work.
LINGER = 10.0
#: drop=False: how far a reader may fall behind, 10 s of video at 30 pictures a second.
LOSSLESS_BOUND = 300


@draw_around
class FrameIterator(Generic[Item]):
    """The items of a track as they come, for ``for`` and ``async for``; see `Track.frames`."""

    def __init__(
        self,
        track: Waitable[Item],
        form: Form[Any],
        *,
        maxsize: int,
        drop: bool,
        timestamps: Any,
        timeout: float | None,
    ) -> None:
        if whole("maxsize", maxsize) < 1:
            raise ValueError(f"maxsize must be at least 1, not {maxsize}")
        self._timeout = number_or_none("timeout", timeout)
        if self._timeout is not None and self._timeout < 0:
            raise ValueError(f"timeout is 0 or more seconds, not {timeout!r}")
        if isinstance(timestamps, str):
            raise WrongValueError(f"timestamps is True or False, not {timestamps!r}")
        self._track = track
        self._form = form
        self._pieces: deque[Piece] = deque()
        self._timestamps = flag("timestamps", timestamps)
        self._slot: Slot[Item] = Slot(int(maxsize)) if drop else Slot(LOSSLESS_BOUND, full="fail")
        self._dropped = 0
        self._reading = Ties(track._subscribe(self._slot.put, self._slot.close))

    def close(self) -> None:
        """End the iteration. Also happens when the iterator is forgotten."""
        self._reading.cut()
        self._slot.close()

    def __iter__(self) -> FrameIterator[Item]:
        return self

    def __aiter__(self) -> FrameIterator[Item]:
        return self

    def __next__(self) -> Any:
        while not self._pieces:
            try:
                self._take(self._track._wait(self._slot, self._timeout, ended=StopIteration))
            except StopIteration:
                if not self._take_rest():
                    raise
        return self._hand_out()

    async def __anext__(self) -> Any:
        while not self._pieces:
            try:
                self._take(await self._track._await(self._slot, self._timeout, ended=StopAsyncIteration))
            except StopAsyncIteration:
                if not self._take_rest():
                    raise
        return self._hand_out()

    def _take(self, item: Item) -> None:
        self._track._frames_dropped += self._slot.dropped - self._dropped
        self._dropped = self._slot.dropped
        self._pieces += self._form.take(item)

    def _take_rest(self) -> bool:
        self._pieces += self._form.rest()
        return bool(self._pieces)

    def _hand_out(self) -> Any:
        taken, array = self._pieces.popleft()
        if not self._timestamps:
            return array
        origin = self._track._origin
        return taken - (taken if origin is None else origin), array


class Reader(Generic[Item]):
    """The subscription behind `read` and `latest`; it ends itself when nobody has read for a while.

    Sound has one for each form in which it is read, so that no reader takes from another one.
    """

    def __init__(self, track: Waitable[Item], form: Form[Any]) -> None:
        # Sound: 200 ms, so that successive reads are gapless and a late one is not old.
        self.slot: Slot[Item] = Slot(1 if track.kind == "video" else 10)
        self._form = form
        self._rest: list[npt.NDArray[Any]] = []
        self._turn = threading.Lock()  # of several threads that read, one at a time
        self.last_read = time.monotonic()
        self.stopped = False
        self._waiting = 0
        self._track = weakref.ref(track)  # which holds this
        track._subscribe(self._put, self.slot.close)

    def __enter__(self) -> Self:
        self._waiting += 1
        return self

    def __exit__(self, *_exception: object) -> None:
        self._waiting -= 1
        self.last_read = time.monotonic()

    @property
    def held(self) -> int:
        """Samples that were taken and not read yet."""
        return sum(map(len, self._rest))

    def add(self, item: Item | None) -> None:
        """Take sound; None: there is no more, and what the form holds back is all."""
        with self._turn:
            for _, piece in self._form.rest() if item is None else self._form.take(item):
                if self._rest and self._rest[0].shape[1] != piece.shape[1]:
                    self._rest.clear()
                self._rest.append(piece)

    def cut(self, wanted: int) -> npt.NDArray[Any] | None:
        """Return so many samples, or None if there are not so many yet."""
        with self._turn:
            if self.held < wanted:
                return None
            sound = np.concatenate(self._rest)
            self._rest = [sound[wanted:]] if len(sound) > wanted else []
            return sound[:wanted].copy()

    def clear(self) -> None:
        """Forget what waits."""
        self.slot.clear()
        with self._turn:
            self._rest.clear()

    def _put(self, item: Item) -> None:
        self.slot.put(item)
        if not self._waiting and time.monotonic() - self.last_read > LINGER:
            self.stopped = True
            if (track := self._track()) is not None:
                track._unsubscribe(self._put)
