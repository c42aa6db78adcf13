"""Reading a track from Python: read, latest and frames."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from types import MethodType
from typing import Any, Literal, cast

import numpy.typing as npt

from ..border import border
from ..checks import number, number_or_none
from ..errors import ConnectTimeout, InvalidStateError
from .forms import PictureForm, SoundForm
from .frames import SAMPLE_RATE, Format, Item
from .readers import FrameIterator, Reader
from .waiting import Waitable


class ByKind:
    """A method that takes other arguments for sound than for pictures: signature, help and errors are of the kind.

    Not a property, which IPython's help would show in place of the method.
    """

    def __init__(self, picture: Callable[..., Any], sound: Callable[..., Any]) -> None:
        self._picture, self._sound = picture, sound

    def __set_name__(self, owner: type, name: str) -> None:
        self._picture, self._sound = self._named(self._picture, name), self._named(self._sound, name)

    @staticmethod
    def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        function.__name__, function.__qualname__ = name, f"Track.{name}"  # as users know the owner
        # Python 3.13 takes the name in errors, and every one that in tracebacks, from the code.
        code: Any = function.__code__
        function.__code__ = code.replace(co_name=name, co_qualname=f"Track.{name}")
        return border(function)

    def __get__(self, track: Waitable[Any] | None, owner: type | None = None) -> Callable[..., Any]:
        if track is None:
            return self._picture
        return MethodType(self._picture if track.kind == "video" else self._sound, track)


class Readable(Waitable[Item]):
    """The part of a `Track` that hands its items to one reader after another, as they ask."""

    _lock: threading.RLock
    _enabled: bool
    _ready_state: Literal["live", "ended"]
    _latest: Item | None
    _readers: dict[tuple[int, int | None], Reader[Item]]

    def _get_reader(self, form: SoundForm | None = None) -> Reader[Item]:
        kind = (SAMPLE_RATE, None) if form is None else (form.rate, form.channels)
        with self._lock:
            reader = self._readers.get(kind)
            if reader is None or reader.stopped:
                own: Any = PictureForm() if self.kind == "video" else form or SoundForm(exact=False)
                reader = self._readers[kind] = Reader(self, own)
            reader.last_read = time.monotonic()
            return reader

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
        with self._get_reader(form) as reader:
            while (sound := reader.cut(wanted)) is None:
                try:
                    reader.add(self._wait(reader.slot, limit, began=began))
                except ConnectTimeout:
                    raise
                except TimeoutError:
                    come = reader.held / form.rate
                    if not come:
                        raise
                    raise TimeoutError(
                        f"{come:.2g} of {seconds:g} s of sound came within {limit:g} s: give a longer timeout"
                    ) from None
                except InvalidStateError:
                    reader.add(None)
                    if reader.held < wanted:
                        raise
            return sound

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
