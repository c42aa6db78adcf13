"""NumpyAudioTrack: sound made by Python code."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import number
from ..errors import InvalidStateError
from .arrays import samples_from_array
from .calling import call
from .clock import Pacer
from .forms import checked_channels, checked_rate
from .frames import SAMPLE_RATE, Samples, Sound
from .resampling import Resampler
from .sound_queue import SoundQueue
from .sources import Source, name_of

#: Seconds of sound that are made at a time.
CHUNK = 0.02


class NumpyAudioTrack(Source[Sound]):
    """Sound made of arrays.

    Parameters
    ----------
    source : callable, iterator, array or None
        A function of sample times (n,) in seconds that returns (n,) or (n, channels); an iterator of stretches of
        sound, which ends the track when it is exhausted; an array (samples,) or (samples, channels), which repeats;
        or nothing: then sound comes from `write`. int16, or float in [-1, 1]. Underrun is silence.
    sample_rate : int
        Of the source, in Hz. Readers get 48 kHz unless they ask for another rate.
    channels : int
        1 or 2.
    latency : float, optional
        For written sound: the most that waits to be played, in seconds, at least 0.02; the oldest is dropped, so that
        the sound stays live. None: everything that is written is played, one piece after the other.

    Raises
    ------
    TypeError, ValueError
        When an argument is none of these, naming shape and dtype, and what to do.
    """

    def __init__(
        self,
        source: Any = None,
        *,
        sample_rate: int = SAMPLE_RATE,
        channels: int = 1,
        latency: float | None = None,
    ) -> None:
        self._rate = checked_rate(sample_rate)
        self._channels = checked_channels(channels)
        if latency is not None and not CHUNK <= number("latency", latency) < math.inf:
            raise ValueError(f"latency is in seconds, at least {CHUNK}, not {latency!r}")
        if latency is not None and source is not None:
            raise ValueError("latency is for sound that is written: a source is asked when its sound is due")
        self._chunk = max(1, round(self._rate * CHUNK))
        self._resample = Resampler(self._rate, self._channels)
        self._queue = SoundQueue(self._rate, self._channels, latency)
        self._position = 0
        self._exhausted = False
        self._source = None if source is None else self._source_of(source)
        if self._source is not None:
            self._queue.play(True, 0)  # what a source gave waits for the next reader
        super().__init__("audio", name_of(source) or "numpy audio")

    def _source_of(self, source: Any) -> Callable[[], None]:
        """Return what adds sound to the buffer, at least a chunk if it has so much."""
        if callable(source):

            def make() -> None:
                times = (self._position + np.arange(self._chunk)) / self._rate
                self._append(call(source, times), exactly=self._chunk)

            return make
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
            dropped = self._queue.dropped
            self._queue.put(samples, time.monotonic())
            self._frames_dropped += self._queue.dropped - dropped

    def write(self, samples: npt.ArrayLike) -> None:
        """Add sound to what is played, from any thread, at once.

        It is played in real time, after what was written before, whether somebody listens or not: a listener who comes
        late begins with what is played at that moment.

        Parameters
        ----------
        samples : array
            (samples,) or (samples, channels); int16, or float in [-1, 1], of which a tenth more is clipped. Copied
            before this returns.

        Raises
        ------
        TypeError, ValueError
            When it is no sound, naming its shape, dtype and values, what is accepted, and what to do.
        InvalidStateError
            When the track has ended or has a source of its own.
        """
        if self._source is not None:
            raise InvalidStateError("this track has a source of its own: write() is for NumpyAudioTrack()")
        if self.ready_state == "ended":
            raise InvalidStateError("the track was stopped: make a new NumpyAudioTrack")
        self._append(samples)

    def clear(self) -> None:
        """Drop the sound that was written and not played yet, from any thread: speech stops at once.

        Sound that is on its way to a peer or a page is still heard, some tens of milliseconds.
        """
        with self._wake:
            self._queue.clear()

    def _source_stats(self) -> dict[str, Any]:
        """``queued``: seconds of sound that wait; of written sound ``delay`` is counted from `write`."""
        with self._wake:
            self._queue.pass_time(time.monotonic())
            stats: dict[str, Any] = {"queued": self._queue.held / self._rate}
            if self._source is None and self._queue.delay is not None:
                stats["delay"] = self._queue.delay
        return stats

    def _activate(self) -> None:
        if self._source is None:
            with self._wake:
                self._queue.play(True, time.monotonic())
        super()._activate()

    def _halt(self) -> None:
        super()._halt()
        if self._source is None:
            with self._wake:
                self._queue.play(False, time.monotonic())

    def _why_silent(self) -> str:
        if self._source is not None and self.error:
            return f"its source has given no sound yet: it raised {self.error!r}"
        return super()._why_silent()

    def _produce(self, stopping: threading.Event) -> None:
        pacer = Pacer(self._chunk / self._rate, slack=5)
        while True:
            due = pacer.next(time.monotonic())
            if stopping.wait(max(0.0, due - time.monotonic())):
                return
            self._guarded(lambda due=due: self._make(due))  # type: ignore[misc]

    def _make(self, due: float) -> Sound:
        queue = self._queue
        while self._source is not None and queue.held < self._chunk and not self._exhausted:
            held = queue.held
            try:
                self._source()
            except StopIteration:
                self._exhausted = True
                break
            if queue.held == held:  # an iterator that yields nothing
                break
        if self._exhausted and not queue.held:
            rest = self._resample.flush()
            if not len(rest):
                raise StopIteration
            return Sound(rest, due)
        self._position += self._chunk
        with self._wake:
            samples = queue.take(self._chunk, time.monotonic())
        return Sound(self._resample(samples), due)
