"""Media made by Python code: what all such tracks share, and NumpyVideoTrack."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import av
import numpy.typing as npt

from ..checks import number, whole
from ..errors import InvalidStateError
from ..threads import start_thread
from .arrays import LARGEST, check_picture, picture_array, picture_from_array
from .calling import call, here, run
from .clock import Pacer
from .events import describe, kind_of
from .film import Film, is_film
from .frames import Format, Picture, checked_format
from .images import Animation, is_animated
from .track import Item, Kind, Track

logger = logging.getLogger(__name__)


#: Pictures a second, unless said. A film looks whether this very object is what it got: then nothing was said.
USUAL_FPS = 30.0


def checked_size(size: Any, least: tuple[int, int] = (1, 1)) -> tuple[int, int]:
    """Return `size`, (width, height) in whole pixels.

    Raises
    ------
    TypeError, ValueError
    """
    if isinstance(size, (str, bytes, Mapping)) or not isinstance(size, Iterable):
        raise TypeError(f"size is (width, height) in pixels, not {size!r}")
    sides = tuple(size)
    if len(sides) != 2:
        raise ValueError(f"size is (width, height) in pixels, not {size!r}")
    width, height = whole("width", sides[0]), whole("height", sides[1])
    if width < least[0] or height < least[1]:
        raise ValueError(f"size {size!r} is too small: (width, height) in pixels, at least {least}")
    if max(width, height) > LARGEST:
        raise ValueError(f"size {size!r} is too large: (width, height) in pixels, at most {LARGEST} each")
    return width, height


def checked_fps(fps: Any) -> float:
    """Return `fps`, in pictures a second.

    Raises
    ------
    TypeError, ValueError
    """
    if not 0 < number("fps", fps) <= 240:
        raise ValueError(f"fps must be above 0 and at most 240, not {fps!r}")
    return float(fps)


class Source(Track[Item]):
    """A track with a thread that makes its items while somebody reads."""

    def __init__(self, kind: Kind, label: str) -> None:
        super().__init__(kind, label=label)
        self._stopping = threading.Event()
        self._wake = threading.Condition()
        # A source's function is never called by two threads at once, not even when readers come and go.
        self._one_at_a_time = threading.Lock()
        self._told: set[Hashable] = set()
        # What the source prints appears in the cell that made the track.
        self._context = here()

    def _activate(self) -> None:
        self._stopping = stopping = threading.Event()
        start_thread(partial(self._run, stopping), f"jupyter-rtc {self.label}")

    def _halt(self) -> None:
        self._stopping.set()
        with self._wake:
            self._wake.notify_all()

    def _run(self, stopping: threading.Event) -> None:
        with self._one_at_a_time:
            try:
                run(self._context, self._produce, stopping)
            except StopIteration:
                self._end(event=True)

    def _produce(self, stopping: threading.Event) -> None:
        raise NotImplementedError

    def _guarded(self, make: Callable[[], Item]) -> None:
        """Deliver what `make` gives; an error costs the item, is told once, and ends nothing."""
        try:
            item = make()
        except StopIteration:
            raise
        except BaseException as error:  # sys.exit() in a user's function is to be seen, too
            if (kind := kind_of(error)) not in self._told:
                self._told.add(kind)
                logger.error("the source of %s raised\n%s", self.label, describe(error))
                self._fail(error)
        else:
            self._deliver(item)


class NumpyVideoTrack(Source[Picture]):
    """Video made of arrays.

    Parameters
    ----------
    source : callable, iterator, array, path or None
        A function of the time in seconds that returns a picture; an iterator of pictures, which ends the track when
        it is exhausted; an array (height, width, 3), or (frames, height, width, 3), which repeats; or nothing: then
        pictures come from `write`.

        Or a path, ``"film.mp4"``: its pictures are played once, at the film's own pace, turned as players turn them,
        and the track ends with it. It stands still while nobody reads.

        A picture is grey (height, width), RGB (height, width, 3) or RGBA (height, width, 4); uint8, bool, or float
        in [0, 1]; of any size, also changing. A Pillow image and a matplotlib figure are pictures, too, and an animated
        image plays. Functions and iterators are called on a thread of the track's own, only while somebody reads.
    fps : float
        Pictures a second, at most. A film has its own unless this is given.
    size : (width, height), optional
        Scale every picture to this size.
    format : {"rgb", "bgr", "gray"}
        The order of the arrays' colours, also of those that are written: BGR is OpenCV's. Readers have a `format` of
        their own.

    Raises
    ------
    TypeError, ValueError
        When an argument is none of these, naming shape and dtype, and what to do.
    """

    def __init__(
        self,
        source: Any = None,
        *,
        fps: float = USUAL_FPS,
        size: tuple[int, int] | None = None,
        format: Format = "rgb",
    ) -> None:
        self._fps = checked_fps(fps)
        self._size = None if size is None else checked_size(size)
        self._format: Format = checked_format(format)
        self._pending: Picture | None = None
        self._start: float | None = None
        self._due = 0.0
        self._film = Film(source, None if fps is USUAL_FPS else self._fps) if is_film(source) else None
        self._source = None if source is None or self._film is not None else self._source_of(source)
        # A picture of an iterator, made for a still, would be lost to those who watch.
        self._stills = "seen" if source is None or self._film or isinstance(source, Iterator) else "made"
        name = os.path.basename(source) if self._film else name_of(source)
        super().__init__("video", name or "numpy video")
        if source is None:
            self._keeps_last = True
            self._muted = True  # until something is written

    def _source_of(self, source: Any) -> Callable[[float], Any]:
        if isinstance(source, Iterator):
            return lambda _time: next(source)
        if is_animated(source):
            return Animation(source)
        if callable(source):
            return source  # type: ignore[no-any-return]
        if isinstance(source, av.VideoFrame):
            return lambda _time: source
        array, name, self._format = picture_array(source, self._format)
        check_picture(array, self._format, name, clip=True)
        if array.ndim == 4:
            return lambda time: array[int(time * self._fps + 0.5) % len(array)]
        return lambda _time: array

    def write(self, frame: npt.ArrayLike, *, format: Format | None = None) -> None:
        """Show `frame`, from any thread, at once.

        What is needed of it is copied before this returns. If pictures come faster than `fps` the newest wins; if
        none comes the last one stays.

        Parameters
        ----------
        frame : array, image or figure
            (height, width) grey, (height, width, 3) RGB or (height, width, 4) RGBA, whose alpha is dropped; uint8,
            bool, or float in [0, 1]; any strides. Or a Pillow image, turned as its Exif data ask for, or a matplotlib
            figure, which is drawn now, on this thread.
        format : {"rgb", "bgr", "gray"}, optional
            The order of an array's colours; else that of the track.

        Raises
        ------
        TypeError, ValueError
            When it is no picture, naming its shape and dtype, what is accepted, and what to do.
        InvalidStateError
            When the track has ended or has a source of its own.
        """
        if self._source is not None or self._film is not None:
            raise InvalidStateError("this track has a source of its own: write() is for NumpyVideoTrack()")
        if self.ready_state == "ended":
            raise InvalidStateError("the track was stopped: make a new NumpyVideoTrack")
        order = self._format if format is None else checked_format(format)
        picture = picture_from_array(frame, time.monotonic(), self._size, order)
        with self._lock:
            if not self._sinks:
                self._latest, self._pending = picture, None
                self._set_muted(False)
                return
        with self._wake:
            if self._pending is not None:
                self._frames_dropped += 1
            self._pending = picture
            self._wake.notify_all()

    def _halt(self) -> None:
        super()._halt()
        with self._wake:
            if self._pending is not None:  # what waited for its turn is the last picture all the same
                self._latest, self._pending = self._pending, None

    def _why_silent(self) -> str:
        if self._source is None and self._film is None:
            if self._latest is not None:
                return "nothing newer was written since the last picture: call write(frame)"
            return "nothing was written to the track yet: call write(frame)"
        return "its source has given no picture yet" + (f": it raised {self.error!r}" if self.error else "")

    def _produce(self, stopping: threading.Event) -> None:
        if self._film is not None:
            self._produce_film(stopping, self._film)
        elif self._source is not None:
            self._produce_paced(stopping, self._source)
        else:
            self._produce_written(stopping)

    def _produce_written(self, stopping: threading.Event) -> None:
        period = 1 / self._fps
        while not stopping.is_set():
            with self._wake:
                if self._pending is None:
                    self._wake.wait(1)
                    continue
                early = self._due - time.monotonic()
                if early > 0:
                    self._wake.wait(early)
                    continue
                picture, self._pending = self._pending, None
            # A late picture is not followed by a pause that would make the rate fall below fps.
            self._due = max(self._due + period, time.monotonic() + period / 2)
            self._deliver(picture)

    def _produce_film(self, stopping: threading.Event, film: Film) -> None:
        while True:
            try:
                due = film.due(time.monotonic())
            except av.FFmpegError as error:
                self._fail(error)
                raise StopIteration from None
            if stopping.wait(max(0.0, due - time.monotonic())):
                film.pause()
                return
            frame = film.take()
            if frame is not None:
                self._guarded(lambda frame=frame, due=due: self._picture_of(frame, due))  # type: ignore[misc]

    def _produce_paced(self, stopping: threading.Event, source: Callable[[float], Any]) -> None:
        if self._start is None:
            self._start = time.monotonic()
        pacer = Pacer(1 / self._fps)
        while True:
            due = pacer.next(time.monotonic())
            if stopping.wait(max(0.0, due - time.monotonic())):
                return
            at = due - self._start
            self._guarded(lambda at=at, due=due: self._picture_of(call(source, at), due))  # type: ignore[misc]

    def _picture_of(self, value: Any, due: float) -> Picture:
        return picture_from_array(value, due, self._size, self._format)


def name_of(source: Any) -> str:
    """Return the name of a function, ``""`` of anything else."""
    name = getattr(source, "__name__", "") if callable(source) else ""
    return name if isinstance(name, str) else ""
