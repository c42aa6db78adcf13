"""The form in which a reader wants its items: the order of colours, the sample rate, the number of channels."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt

from ..checks import number, whole
from .frames import SAMPLE_RATE, Format, Media, Picture, Samples, Sound, checked_format
from .resampling import Resampler

#: What a reader gets, with its time on ``time.monotonic()``.
Piece = tuple[float, npt.NDArray[Any]]
Wanted = TypeVar("Wanted", bound=Media, contravariant=True)


class Form(Protocol[Wanted]):
    """Converts items for one reader. Not for two threads at once."""

    def take(self, item: Wanted) -> list[Piece]:
        """Return what is complete with this item; raise the error of a map that could not make it."""

    def rest(self) -> list[Piece]:
        """Return what is left when there is no further item."""


class PictureForm:
    """Pictures with their colours in an order."""

    def __init__(self, format: Format = "rgb") -> None:
        self.format: Format = checked_format(format)

    def take(self, item: Picture) -> list[Piece]:
        """Return the picture."""
        item.assert_made()
        return [(item.time, item.array(self.format))]

    def rest(self) -> list[Piece]:
        """Return nothing: no picture is held back."""
        return []


class SoundForm:
    """Sound at a sample rate and with a number of channels.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    channels : int or None
        1 is the mean of both, 2 gives mono to both; None: as they come.
    exact : bool
        True: pieces of 20 ms, of which the last is filled up with silence. False: of any length, at once.

    Raises
    ------
    TypeError, ValueError
        When one is none of these.
    """

    def __init__(self, sample_rate: int = SAMPLE_RATE, channels: int | None = None, *, exact: bool = True) -> None:
        self.rate = checked_rate(sample_rate)
        self.channels = None if channels is None else checked_channels(channels)
        self._length = max(1, round(self.rate / 50)) if exact else 0
        self._resample: Resampler | None = None
        self._held: Samples = np.zeros((0, 1), np.float32)
        self._end = 0.0

    def take(self, item: Sound) -> list[Piece]:
        """Return the pieces that are whole with this stretch of sound."""
        item.assert_made()
        samples = mixed(item.data, self.channels)
        if self.rate == SAMPLE_RATE and not len(self._held) and self._length in (0, len(samples)):
            return [(item.time, samples.copy() if samples is item.data else samples)]
        if self._resample is None or self._held.shape[1] != samples.shape[1]:
            self._resample = Resampler(SAMPLE_RATE, samples.shape[1], self.rate)
            self._held = samples[:0]
        out = self._resample(samples)
        self._end = item.time + len(samples) / SAMPLE_RATE - self._resample.held
        return self._cut(out)

    def _cut(self, out: Samples) -> list[Piece]:
        self._held = np.concatenate([self._held, out])
        length = self._length or len(self._held)
        whole = len(self._held) // length * length if length else 0
        start = self._end - len(self._held) / self.rate
        pieces = [(start + at / self.rate, self._held[at : at + length].copy()) for at in range(0, whole, length or 1)]
        self._held = self._held[whole:]
        return pieces

    def rest(self) -> list[Piece]:
        """Return the last piece, filled up with silence."""
        if self._resample is None:
            return []
        out = self._resample.flush()
        self._end += len(out) / self.rate
        missing = -(len(self._held) + len(out)) % (self._length or 1)
        self._end += missing / self.rate
        return self._cut(np.concatenate([out, np.zeros((missing, out.shape[1]), np.float32)]))


def mixed(samples: Samples, channels: int | None) -> Samples:
    """Return sound, (n, 1) or (n, 2), with so many channels and as loud as before."""
    if channels is None or samples.shape[1] == channels:
        return samples
    if channels == 1:
        return cast(Samples, samples.mean(axis=1, keepdims=True, dtype=np.float32))
    return samples.repeat(2, axis=1)


def checked_rate(sample_rate: Any) -> int:
    """Return a sample rate, in Hz.

    Raises
    ------
    TypeError, ValueError
    """
    if not 1000 <= number("sample_rate", sample_rate) <= 384_000:
        raise ValueError(f"sample_rate is in Hz, between 1000 and 384000, not {sample_rate!r}")
    if sample_rate != int(sample_rate):
        raise ValueError(f"sample_rate is in whole Hz, not {sample_rate!r}")
    return int(sample_rate)


def checked_channels(channels: Any) -> int:
    """Return a number of channels, 1 or 2.

    Raises
    ------
    TypeError, ValueError
    """
    if whole("channels", channels) not in (1, 2):
        raise ValueError(f"channels must be 1 or 2, not {channels!r}")
    return int(channels)
