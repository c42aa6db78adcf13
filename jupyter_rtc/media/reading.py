"""Reading a track from Python: read, latest and frames."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from types import MethodType
from typing import Any, Generic, Literal, Self

import numpy as np
import numpy.typing as npt

from ..checks import number, number_or_none, whole
from ..errors import ConnectTimeout, InvalidStateError
from .frames import SAMPLE_RATE, Item, Kind
from .slot import Slot, SlotClosed

logger = logging.getLogger(__name__)

#: A reader that has not read for so long no longer keeps the source (and its decoder) at work.
LINGER = 10.0
#: How often a wait looks whether it is in vain.
GLANCE = 0.2
#: After so long a wait without end says what it waits for.
LONG = 10.0
#: drop=False: how far a reader may fall behind, 10 s of video at 30 pictures a second.
LOSSLESS_BOUND = 300


class _ByKind:
    """A method that takes more for sound than for pictures: its signature, help and errors are those of the kind.

    Not a property, which IPython's help would show in place of the method.
    """

    def __init__(self, picture: Callable[..., npt.NDArray[Any]], sound: Callable[..., npt.NDArray[Any]]) -> None:
        self._picture, self._sound = picture, sound

    def __set_name__(self, owner: type, name: str) -> None:
        for function in (self._picture, self._sound):
            function.__name__, function.__qualname__ = name, f"Track.{name}"  # as users know the owner

    def __get__(self, track: Readable[Any] | None, owner: type | None = None) -> Callable[..., npt.NDArray[Any]]:
        if track is None:
            return self._picture
        return MethodType(self._picture if track.kind == "video" else self._sound, track)


class Readable(Generic[Item]):
    """What can be read: the part of a `Track` that hands its items to one reader after another, as they ask."""

    kind: Kind
    _lock: threading.RLock
    _enabled: bool
    _ready_state: Literal["live", "ended"]
    _latest: Item | None
    _reader: Reader[Item] | None
    _origin: float | None
    _frames_out: int
    _frames_dropped: int

    @property
    def muted(self) -> bool:
        """Whether the source gives nothing at present."""
        raise NotImplementedError

    def _subscribe(self, sink: Callable[[Item], None], on_end: Callable[[], None]) -> Callable[[], None]:
        """Let `sink` have each item; return what ends it."""
        raise NotImplementedError

    def _why_silent(self) -> str:
        """Return why nothing came yet, and what to do."""
        raise NotImplementedError

    def _in_vain(self, blocking: bool, waited: float) -> Exception | None:
        """Return the error if waiting on cannot help."""
        raise NotImplementedError

    def _wait(
        self,
        slot: Slot[Item],
        timeout: float | None,
        ended: type[Exception] = InvalidStateError,
        began: float | None = None,
    ) -> Item:
        """Wait on this thread for `slot`, raising at once where waiting is in vain."""
        began, told = time.monotonic() if began is None else began, False
        while True:
            try:
                item = slot.get(self._patience(began, timeout))
            except TimeoutError:
                pass  # what is raised below is shown by itself
            except SlotClosed:
                raise self._ended(ended) from None
            else:
                self._frames_out += 1
                return item
            self._check(began, timeout)
            told = told or self._grumble(began, timeout)

    async def _await(self, slot: Slot[Item], timeout: float | None, ended: type[Exception]) -> Item:
        """Wait on the running event loop; as `_wait`."""
        began, told = time.monotonic(), False
        while True:
            try:
                item = await slot.aget(self._patience(began, timeout))
            except TimeoutError:
                pass
            except SlotClosed:
                raise self._ended(ended) from None
            else:
                self._frames_out += 1
                return item
            self._check(began, timeout, blocking=False)
            told = told or self._grumble(began, timeout)

    @staticmethod
    def _patience(began: float, timeout: float | None) -> float:
        return GLANCE if timeout is None else max(0.0, min(GLANCE, began + timeout - time.monotonic()))

    def _check(self, began: float, timeout: float | None, blocking: bool = True) -> None:
        """Raise if waiting on is in vain, or time is up."""
        waited = time.monotonic() - began
        vain = self._in_vain(blocking, waited)
        if vain is not None:
            raise vain
        if timeout is not None and waited >= timeout:
            raise TimeoutError(f"no {self._noun} within {timeout:g} s: {self._why_silent()}")

    def _grumble(self, began: float, timeout: float | None) -> bool:
        """Say what a cell waits for that waits without end, and return whether it was said."""
        if timeout is not None or not self.muted or time.monotonic() - began < LONG:
            return False
        logger.warning("still waiting for a %s: %s", self._noun, self._why_silent())
        return True

    def _ended(self, kind: type[Exception]) -> Exception:
        if kind is InvalidStateError:
            return kind(f"the {self.kind} track has ended: there is no further {self._noun}")
        return kind()

    @property
    def _noun(self) -> str:
        return "picture" if self.kind == "video" else "sound"

    def _get_reader(self) -> Reader[Item]:
        with self._lock:
            if self._reader is None or self._reader.stopped:
                self._reader = Reader(self)
            self._reader.last_read = time.monotonic()
            return self._reader

    def latest(self) -> npt.NDArray[Any] | None:
        """Return the newest item, or None, at once.

        Unread media is not decoded: the first call starts that and may give None.
        """
        latest = self._latest
        if self._ready_state == "live":
            self._get_reader()
        if latest is None:
            return None
        return (latest if self._enabled else latest.blank()).array()

    def _read_picture(self, timeout: float = 10.0) -> npt.NDArray[Any]:
        """Wait for a picture newer than the last one read; sound has ``read(seconds=0.1, timeout=10.0)``.

        Returns
        -------
        ndarray, uint8, shape (height, width, 3), RGB

        Raises
        ------
        TimeoutError
            After `timeout` seconds, saying why nothing came.
        ConnectTimeout
            At once, where the kernel cannot connect while this cell runs.
        InvalidStateError
            When the track has ended.
        TypeError, ValueError
            When `timeout` is no number.
        """
        limit = number_or_none("timeout", timeout)
        with self._get_reader() as reader:
            return self._wait(reader.slot, limit).array()

    def _read_sound(self, seconds: float = 0.1, timeout: float = 10.0) -> npt.NDArray[Any]:
        """Wait for sound that follows what was read last; of video ``read(timeout=10.0)``.

        Returns
        -------
        ndarray, float32, shape (samples, channels), in [-1, 1]
            So many seconds at 48 kHz.

        Raises
        ------
        TimeoutError
            After `timeout` seconds, saying why nothing came.
        ConnectTimeout
            At once, where the kernel cannot connect while this cell runs.
        InvalidStateError
            When the track has ended.
        TypeError, ValueError
            When one is no number, or `seconds` not above 0.
        """
        if not 0 < number("seconds", seconds) < math.inf:
            raise ValueError(f"seconds is above 0, and finite, not {seconds!r}")
        wanted = max(1, round(seconds * SAMPLE_RATE))
        limit = number_or_none("timeout", timeout)
        began = time.monotonic()
        with self._get_reader() as reader:
            while sum(map(len, reader.rest)) < wanted:
                try:
                    data = self._wait(reader.slot, limit, began=began).array()
                except ConnectTimeout:
                    raise
                except TimeoutError:
                    come = sum(map(len, reader.rest)) / SAMPLE_RATE
                    if not come:
                        raise
                    raise TimeoutError(
                        f"{come:.2g} of {seconds:g} s of sound came within {limit:g} s: give a longer timeout"
                    ) from None
                if reader.rest and reader.rest[0].shape[1] != data.shape[1]:
                    reader.rest.clear()
                reader.rest.append(data)
            sound = np.concatenate(reader.rest)
            reader.rest[:] = [sound[wanted:]] if len(sound) > wanted else []
            return sound[:wanted].copy()

    read = _ByKind(_read_picture, _read_sound)

    def frames(
        self, *, maxsize: int = 2, drop: bool = True, timestamps: bool = False, timeout: float | None = None
    ) -> FrameIterator[Any]:
        """Iterate over the items as they come, with ``for`` or ``async for``.

        Parameters
        ----------
        maxsize : int
            How many wait for a slow reader.
        drop : bool
            True: the oldest of them go. False: none is lost, and a reader that falls more than 300 behind gets an
            `OperationError`.
        timestamps : bool
            Yield ``(seconds, item)``, media seconds since the track's first item. What nobody reads is not made, or not
            decoded: the first is the first that anybody could read.
        timeout : float, optional
            Raise `TimeoutError` when nothing comes for so many seconds.

        Raises
        ------
        TypeError, ValueError
            When `maxsize` is no whole number above 0, or `timeout` no number from 0 on.
        """
        limit = number_or_none("timeout", timeout)
        if limit is not None and limit < 0:
            raise ValueError(f"timeout is 0 or more seconds, not {timeout!r}")
        return FrameIterator(self, maxsize=whole("maxsize", maxsize), drop=drop, timestamps=timestamps, timeout=limit)


class FrameIterator(Generic[Item]):
    """The items of a track as they come, for ``for`` and ``async for``; see `Track.frames`."""

    def __init__(
        self, track: Readable[Item], *, maxsize: int, drop: bool, timestamps: bool, timeout: float | None
    ) -> None:
        if maxsize < 1:
            raise ValueError(f"maxsize must be at least 1, not {maxsize}")
        self._track = track
        self._timestamps = timestamps
        self._timeout = timeout
        self._slot: Slot[Item] = Slot(maxsize) if drop else Slot(LOSSLESS_BOUND, full="fail")
        self._dropped = 0
        self._unsubscribe = track._subscribe(self._slot.put, self._slot.close)

    def close(self) -> None:
        """End the iteration. Also happens when the iterator is forgotten."""
        self._unsubscribe()
        self._slot.close()

    def __del__(self) -> None:
        if hasattr(self, "_unsubscribe"):
            self._unsubscribe()

    def __iter__(self) -> FrameIterator[Item]:
        return self

    def __aiter__(self) -> FrameIterator[Item]:
        return self

    def __next__(self) -> Any:
        item = self._track._wait(self._slot, self._timeout, ended=StopIteration)
        return self._hand_out(item)

    async def __anext__(self) -> Any:
        item = await self._track._await(self._slot, self._timeout, ended=StopAsyncIteration)
        return self._hand_out(item)

    def _hand_out(self, item: Item) -> Any:
        self._track._frames_dropped += self._slot.dropped - self._dropped
        self._dropped = self._slot.dropped
        array = item.array()
        return (item.time - (self._track._origin or item.time), array) if self._timestamps else array


class Reader(Generic[Item]):
    """The subscription behind `read` and `latest`; it ends itself when nobody has read for a while."""

    def __init__(self, track: Readable[Item]) -> None:
        # Sound: 200 ms, so that successive reads are gapless and a late one is not old.
        self.slot: Slot[Item] = Slot(1 if track.kind == "video" else 10)
        self.rest: list[Any] = []
        self.last_read = time.monotonic()
        self.stopped = False
        self._waiting = 0
        self._stop = track._subscribe(self._put, self.slot.close)

    def __enter__(self) -> Self:
        self._waiting += 1
        return self

    def __exit__(self, *_exception: object) -> None:
        self._waiting -= 1
        self.last_read = time.monotonic()

    def _put(self, item: Item) -> None:
        self.slot.put(item)
        if not self._waiting and time.monotonic() - self.last_read > LINGER:
            self.stopped = True
            self._stop()
