"""NumpyVideoTrack and NumpyAudioTrack: media made by Python code."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import number, whole
from ..errors import InvalidStateError
from .clock import Pacer
from .events import describe, kind_of
from .frames import (
    LARGEST,
    SAMPLE_RATE,
    Picture,
    Resampler,
    Samples,
    Sound,
    picture_from_array,
    samples_from_array,
)
from .track import Item, Kind, Track

logger = logging.getLogger(__name__)

#: Written sound that nobody has heard yet: the oldest goes.
WRITTEN_BOUND = 60.0


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


class _Source(Track[Item]):
    """A track with a thread that makes its items while somebody reads."""

    def __init__(self, kind: Kind, label: str) -> None:
        super().__init__(kind, label=label)
        self._stopping = threading.Event()
        self._wake = threading.Condition()
        # A source's function is never called by two threads at once, not even when readers come and go.
        self._one_at_a_time = threading.Lock()
        self._told: set[Hashable] = set()

    def _activate(self) -> None:
        self._stopping = stopping = threading.Event()
        threading.Thread(target=self._run, args=(stopping,), name=f"jupyter-rtc {self.label}", daemon=True).start()

    def _halt(self) -> None:
        self._stopping.set()
        with self._wake:
            self._wake.notify_all()

    def _run(self, stopping: threading.Event) -> None:
        with self._one_at_a_time:
            try:
                self._produce(stopping)
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


class NumpyVideoTrack(_Source[Picture]):
    """Video made of arrays.

    Parameters
    ----------
    source : callable, iterator, array or None
        A function of the time in seconds that returns a picture; an iterator of pictures, which ends the track when
        it is exhausted; an array (height, width, 3), or (frames, height, width, 3), which repeats; or nothing: then
        pictures come from `write`.

        A picture is grey (height, width), RGB (height, width, 3) or RGBA (height, width, 4); uint8, bool, or float
        in [0, 1]; of any size, also changing. Functions and iterators are called on a thread of the track's own,
        only while somebody reads.
    fps : float
        Pictures a second, at most.
    size : (width, height), optional
        Scale every picture to this size.

    Raises
    ------
    TypeError, ValueError
        When `source`, `fps` or `size` is none of these, naming shape and dtype.
    """

    def __init__(self, source: Any = None, *, fps: float = 30, size: tuple[int, int] | None = None) -> None:
        self._fps = checked_fps(fps)
        self._size = None if size is None else checked_size(size)
        self._pending: Picture | None = None
        self._start: float | None = None
        self._due = 0.0
        self._source = None if source is None else self._source_of(source)
        # A picture of an iterator, made for a still, would be lost to those who watch.
        self._stills = "seen" if source is None or isinstance(source, Iterator) else "made"
        super().__init__("video", getattr(source, "__name__", "") or "numpy video")
        if self._source is None:
            self._keeps_last = True
            self._muted = True  # until something is written

    def _source_of(self, source: Any) -> Callable[[float], Any]:
        if callable(source):
            return source  # type: ignore[no-any-return]
        if isinstance(source, Iterator):
            return lambda _time: next(source)
        array = source if isinstance(source, np.ndarray) else np.asarray(source)
        clip = array.ndim == 4 or (array.ndim == 3 and array.shape[2] not in (1, 3, 4))
        if clip and len(array):
            picture_from_array(array[0], 0)
            return lambda time: array[int(time * self._fps + 0.5) % len(array)]
        picture_from_array(source, 0)
        return lambda _time: array

    def write(self, frame: npt.ArrayLike) -> None:
        """Show `frame`, from any thread, at once.

        What is needed of it is copied before this returns. If pictures come faster than `fps` the newest wins; if
        none comes the last one stays.

        Raises
        ------
        TypeError, ValueError
            When it is no picture, naming its shape and dtype and what is accepted.
        InvalidStateError
            When the track has ended or has a source of its own.
        """
        if self._source is not None:
            raise InvalidStateError("this track has a source of its own: write() is for NumpyVideoTrack()")
        if self.ready_state == "ended":
            raise InvalidStateError("the track was stopped: make a new NumpyVideoTrack")
        picture = picture_from_array(frame, time.monotonic(), self._size)
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
        if self._source is None:
            return "nothing was written to the track yet: call write(frame)"
        return "its source has given no picture yet" + (f": it raised {self.error!r}" if self.error else "")

    def _produce(self, stopping: threading.Event) -> None:
        if self._source is None:
            self._produce_written(stopping)
        else:
            self._produce_paced(stopping, self._source)

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

    def _produce_paced(self, stopping: threading.Event, source: Callable[[float], Any]) -> None:
        if self._start is None:
            self._start = time.monotonic()
        pacer = Pacer(1 / self._fps)
        while True:
            due = pacer.next(time.monotonic())
            if stopping.wait(max(0.0, due - time.monotonic())):
                return
            at = due - self._start
            self._guarded(lambda at=at, due=due: picture_from_array(source(at), due, self._size))  # type: ignore[misc]


class NumpyAudioTrack(_Source[Sound]):
    """Sound made of arrays.

    Parameters
    ----------
    source : callable, iterator, array or None
        A function of sample times (n,) in seconds that returns (n,) or (n, channels); an iterator of stretches of
        sound, which ends the track when it is exhausted; an array (samples,) or (samples, channels), which repeats;
        or nothing: then sound comes from `write`. int16, or float in [-1, 1]. Underrun is silence.
    sample_rate : int
        Of the source, in Hz. Readers get 48 kHz.
    channels : int
        1 or 2.

    Raises
    ------
    TypeError, ValueError
        When an argument is none of these, naming shape and dtype.
    """

    def __init__(self, source: Any = None, *, sample_rate: int = SAMPLE_RATE, channels: int = 1) -> None:
        if not 1000 <= number("sample_rate", sample_rate) <= 384_000:
            raise ValueError(f"sample_rate is in Hz, between 1000 and 384000, not {sample_rate!r}")
        if whole("channels", channels) not in (1, 2):
            raise ValueError(f"channels must be 1 or 2, not {channels!r}")
        self._rate = int(sample_rate)
        self._channels = int(channels)
        self._chunk = max(1, round(self._rate / 50))
        self._resample = Resampler(self._rate, self._channels)
        self._written: list[Samples] = []
        self._held = 0
        self._position = 0
        self._exhausted = False
        self._source = None if source is None else self._source_of(source)
        super().__init__("audio", getattr(source, "__name__", "") or "numpy audio")

    def _source_of(self, source: Any) -> Callable[[], None]:
        """Return what adds sound to the buffer, at least a chunk if it has so much."""
        if callable(source):

            def call() -> None:
                times = (self._position + np.arange(self._chunk)) / self._rate
                self._append(source(times), exactly=self._chunk)

            return call
        if isinstance(source, Iterator):
            return lambda: self._append(next(source))
        samples = self._checked(source)
        if not len(samples):
            raise ValueError("an empty array is no sound")

        def repeat() -> None:
            begin = self._position % len(samples)
            self._append(np.take(samples, range(begin, begin + self._chunk), axis=0, mode="wrap"))

        return repeat

    def _checked(self, value: Any) -> Samples:
        samples = samples_from_array(value)
        if samples.shape[1] != self._channels:
            if samples.shape[1] != 1:
                raise ValueError(
                    f"shape {np.shape(value)} has {samples.shape[1]} channels, "
                    f"the track {self._channels}: use NumpyAudioTrack(channels={samples.shape[1]})"
                )
            samples = samples.repeat(self._channels, axis=1)
        return samples

    def _append(self, value: Any, exactly: int | None = None) -> None:
        samples = self._checked(value)
        if exactly is not None and len(samples) != exactly:
            raise ValueError(f"the source returned {len(samples)} samples for {exactly} times")
        with self._wake:
            self._written.append(samples)
            self._held += len(samples)
            while self._held > WRITTEN_BOUND * self._rate and len(self._written) > 1:
                self._held -= len(self._written.pop(0))
                self._frames_dropped += 1

    def write(self, samples: npt.ArrayLike) -> None:
        """Add sound to what is played, from any thread, at once.

        Parameters
        ----------
        samples : array
            (samples,) or (samples, channels); int16, or float in [-1, 1]. Copied before this returns. It is played
            in real time; beyond 60 s that were not played yet the oldest is dropped.

        Raises
        ------
        TypeError, ValueError
            When it is no sound, naming its shape and dtype and what is accepted.
        InvalidStateError
            When the track has ended or has a source of its own.
        """
        if self._source is not None:
            raise InvalidStateError("this track has a source of its own: write() is for NumpyAudioTrack()")
        if self.ready_state == "ended":
            raise InvalidStateError("the track was stopped: make a new NumpyAudioTrack")
        self._append(samples)

    def _take(self) -> Samples:
        """Return 20 ms of the buffer, filled up with silence."""
        out = np.zeros((self._chunk, self._channels), np.float32)
        filled = 0
        with self._wake:
            while filled < self._chunk and self._written:
                part = self._written[0]
                used = min(len(part), self._chunk - filled)
                out[filled : filled + used] = part[:used]
                filled += used
                if used == len(part):
                    self._written.pop(0)
                else:
                    self._written[0] = part[used:]
            self._held -= filled
        return out

    def _produce(self, stopping: threading.Event) -> None:
        pacer = Pacer(self._chunk / self._rate, slack=5)
        while True:
            due = pacer.next(time.monotonic())
            if stopping.wait(max(0.0, due - time.monotonic())):
                return
            self._guarded(lambda due=due: self._make(due))  # type: ignore[misc]

    def _make(self, due: float) -> Sound:
        while self._source is not None and self._held < self._chunk and not self._exhausted:
            held = self._held
            try:
                self._source()
            except StopIteration:
                self._exhausted = True
                break
            if self._held == held:  # an iterator that yields nothing
                break
        if self._exhausted and not self._held:
            raise StopIteration
        self._position += self._chunk
        return Sound(self._resample(self._take()), due)
