"""Reading a track from Python: read, latest and frames."""

from __future__ import annotations

import logging
import math
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from types import MethodType
from typing import Any, Generic, Literal, Self, cast

import numpy as np
import numpy.typing as npt

from ..checks import number, number_or_none, whole
from ..errors import ConnectTimeout, InvalidStateError
from .forms import Form, PictureForm, Piece, SoundForm
from .frames import SAMPLE_RATE, Format, Item, Kind
from .slot import Slot, SlotClosed
from .ties import Ties

logger = logging.getLogger(__name__)

#: A reader that has not read for so long no longer keeps the source (and its decoder) at work.
LINGER = 10.0
#: How often a wait looks whether it is in vain.
GLANCE = 0.2
#: After so long a wait without end says what it waits for.
LONG = 10.0
#: drop=False: how far a reader may fall behind, 10 s of video at 30 pictures a second.
LOSSLESS_BOUND = 300


class ByKind:
    """A method that takes other arguments for sound than for pictures: signature, help and errors are of the kind.

    Not a property, which IPython's help would show in place of the method.
    """

    def __init__(self, picture: Callable[..., Any], sound: Callable[..., Any]) -> None:
        self._picture, self._sound = picture, sound

    def __set_name__(self, owner: type, name: str) -> None:
        for function in (self._picture, self._sound):
            function.__name__, function.__qualname__ = name, f"Track.{name}"  # as users know the owner

    def __get__(self, track: Readable[Any] | None, owner: type | None = None) -> Callable[..., Any]:
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

    def _unsubscribe(self, sink: Callable[[Item], None]) -> None:
        """Let `sink` have no more items."""
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

    def _latest_picture(self, *, format: Format = "rgb") -> npt.NDArray[Any] | None:
        """Return the newest picture, or None, at once.

        Unread media is not decoded: the first call starts that and may give None.

        Parameters
        ----------
        format : {"rgb", "bgr", "gray"}
            (height, width, 3) RGB, or BGR as OpenCV has it, or (height, width) grey.
        """
        return self._newest(PictureForm(format))

    def _latest_sound(self) -> npt.NDArray[Any] | None:
        """Return the newest stretch of sound, or None, at once.

        Unread media is not decoded: the first call starts that and may give None.
        """
        return self._newest(SoundForm(exact=False))

    def _newest(self, form: Any) -> npt.NDArray[Any] | None:
        latest = self._latest
        if self._ready_state == "live":
            self._get_reader()
        if latest is None:
            return None
        ((_, array),) = form.take(latest if self._enabled else latest.blank())
        return cast("npt.NDArray[Any]", array)

    latest = ByKind(_latest_picture, _latest_sound)

    def _read_picture(self, timeout: float = 10.0, *, format: Format = "rgb") -> npt.NDArray[Any]:
        """Wait for a picture newer than the last one read; sound has ``read(seconds=0.1, timeout=10.0)``.

        Parameters
        ----------
        timeout : float
            In seconds.
        format : {"rgb", "bgr", "gray"}
            The order of the colours; BGR is OpenCV's.

        Returns
        -------
        ndarray, uint8, shape (height, width, 3), or (height, width) for ``"gray"``
            Owned by the caller.

        Raises
        ------
        TimeoutError
            After `timeout` seconds, saying why nothing came.
        ConnectTimeout
            At once, where the kernel cannot connect while this cell runs.
        InvalidStateError
            When the track has ended.
        TypeError, ValueError
            When an argument is none of these.
        """
        limit = number_or_none("timeout", timeout)
        form: Any = PictureForm(format)
        with self._get_reader() as reader:
            ((_, array),) = form.take(self._wait(reader.slot, limit))
            return cast("npt.NDArray[Any]", array)

    def _read_sound(
        self,
        seconds: float = 0.1,
        timeout: float = 10.0,
        *,
        sample_rate: int = SAMPLE_RATE,
        channels: int | None = None,
    ) -> npt.NDArray[Any]:
        """Wait for sound that follows what was read last; of video ``read(timeout=10.0)``.

        Parameters
        ----------
        seconds : float
            How much to read.
        timeout : float
            In seconds.
        sample_rate : int
            In Hz: speech models want 16000. Resampled without aliasing, and not shifted in time.
        channels : 1, 2 or None
            1 is the mean of both, 2 gives mono to both; None: as sent.

        Returns
        -------
        ndarray, float32, shape (samples, channels), in [-1, 1]
            Exactly ``round(seconds * sample_rate)`` samples. Owned by the caller.

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
        form = SoundForm(sample_rate, channels, exact=False)
        wanted = max(1, round(seconds * form.rate))
        limit = number_or_none("timeout", timeout)
        began = time.monotonic()
        with self._get_reader() as reader:
            rest = reader.rest_in(form)
            while sum(map(len, rest)) < wanted:
                try:
                    item = self._wait(reader.slot, limit, began=began)
                except ConnectTimeout:
                    raise
                except TimeoutError:
                    come = sum(map(len, rest)) / form.rate
                    if not come:
                        raise
                    raise TimeoutError(
                        f"{come:.2g} of {seconds:g} s of sound came within {limit:g} s: give a longer timeout"
                    ) from None
                except InvalidStateError:
                    pieces = reader.form.rest()
                    if sum(map(len, rest)) + sum(len(piece) for _, piece in pieces) < wanted:
                        raise
                else:
                    pieces = reader.form.take(item)
                for _, piece in pieces:
                    if rest and rest[0].shape[1] != piece.shape[1]:
                        rest.clear()
                    rest.append(piece)
            sound = np.concatenate(rest)
            rest[:] = [sound[wanted:]] if len(sound) > wanted else []
            return sound[:wanted].copy()

    read = ByKind(_read_picture, _read_sound)

    def _frames_of_pictures(
        self,
        *,
        maxsize: int = 2,
        drop: bool = True,
        timestamps: bool = False,
        timeout: float | None = None,
        format: Format = "rgb",
    ) -> FrameIterator[Any]:
        """Iterate over the pictures as they come, with ``for`` or ``async for``.

        Parameters
        ----------
        maxsize : int
            How many wait for a slow reader.
        drop : bool
            True: the oldest of them go. False: none is lost, and a reader that falls more than 300 behind gets an
            `OperationError`.
        timestamps : bool
            Yield ``(seconds, item)``, media seconds since the track's first item. Zero is the first item that anybody
            could read, since what nobody reads is not made or decoded. An iteration that begins later begins above
            zero: subtract its first value to count from its own start.
        timeout : float, optional
            Raise `TimeoutError` when nothing comes for so many seconds.
        format : {"rgb", "bgr", "gray"}
            (height, width, 3) RGB, or BGR as OpenCV has it, or (height, width) grey.

        Raises
        ------
        TypeError, ValueError
            When an argument is none of these.
        """
        return FrameIterator(
            self, PictureForm(format), maxsize=maxsize, drop=drop, timestamps=timestamps, timeout=timeout
        )

    def _frames_of_sound(
        self,
        *,
        maxsize: int = 2,
        drop: bool = True,
        timestamps: bool = False,
        timeout: float | None = None,
        sample_rate: int = SAMPLE_RATE,
        channels: int | None = None,
    ) -> FrameIterator[Any]:
        """Iterate over the sound as it comes, in pieces of 20 ms as a rule, with ``for`` or ``async for``.

        Parameters
        ----------
        maxsize : int
            How many pieces wait for a slow reader.
        drop : bool
            True: the oldest of them go. False: none is lost, and a reader that falls more than 300 behind gets an
            `OperationError`.
        timestamps : bool
            Yield ``(seconds, piece)``, media seconds since the track's first item. What nobody reads is not made, or
            not decoded: the first is the first that anybody could read.
        timeout : float, optional
            Raise `TimeoutError` when nothing comes for so many seconds.
        sample_rate : int
            In Hz: speech models want 16000. Resampled without aliasing and not shifted in time, in pieces of exactly
            20 ms, of which the last is filled up with silence. The filter looks ahead: 64 samples of the lower rate,
            4 ms at 16000.
        channels : 1, 2 or None
            1 is the mean of both, 2 gives mono to both; None: as sent.

        Raises
        ------
        TypeError, ValueError
            When an argument is none of these.
        """
        form = SoundForm(sample_rate, channels)
        return FrameIterator(self, form, maxsize=maxsize, drop=drop, timestamps=timestamps, timeout=timeout)

    frames = ByKind(_frames_of_pictures, _frames_of_sound)


class FrameIterator(Generic[Item]):
    """The items of a track as they come, for ``for`` and ``async for``; see `Track.frames`."""

    def __init__(
        self,
        track: Readable[Item],
        form: Form[Any],
        *,
        maxsize: int,
        drop: bool,
        timestamps: bool,
        timeout: float | None,
    ) -> None:
        if whole("maxsize", maxsize) < 1:
            raise ValueError(f"maxsize must be at least 1, not {maxsize}")
        self._timeout = number_or_none("timeout", timeout)
        if self._timeout is not None and self._timeout < 0:
            raise ValueError(f"timeout is 0 or more seconds, not {timeout!r}")
        self._track = track
        self._form = form
        self._pieces: deque[Piece] = deque()
        self._timestamps = timestamps
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
    """The subscription behind `read` and `latest`; it ends itself when nobody has read for a while."""

    def __init__(self, track: Readable[Item]) -> None:
        # Sound: 200 ms, so that successive reads are gapless and a late one is not old.
        self.slot: Slot[Item] = Slot(1 if track.kind == "video" else 10)
        self.form: Form[Any] = PictureForm() if track.kind == "video" else SoundForm(exact=False)
        self._rest: list[npt.NDArray[Any]] = []
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

    def rest_in(self, form: SoundForm) -> list[npt.NDArray[Any]]:
        """Return the sound that was taken and not read yet, in this form; what is there in another one is let go."""
        if not isinstance(self.form, SoundForm) or (self.form.rate, self.form.channels) != (form.rate, form.channels):
            self.form = form
            self._rest.clear()
        return self._rest

    def clear(self) -> None:
        """Forget what waits."""
        self.slot.clear()
        self._rest.clear()

    def _put(self, item: Item) -> None:
        self.slot.put(item)
        if not self._waiting and time.monotonic() - self.last_read > LINGER:
            self.stopped = True
            if (track := self._track()) is not None:
                track._unsubscribe(self._put)
