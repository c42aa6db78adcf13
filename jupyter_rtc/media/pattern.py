"""Synthetic media: a test pattern whose pictures carry their number and time, and a tone."""

from __future__ import annotations

import time
import zlib
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import number
from .frames import Pixels
from .sound_source import NumpyAudioTrack
from .sources import NumpyVideoTrack, checked_size

# A stamp is two rows of 40 black or white blocks along the top edge, least significant bit first: 24 bits of number,
# 42 of milliseconds since 1970, 14 of checksum. In fractions of the picture, so that it survives scaling.
_COLUMNS = 40
_ROWS = 2
_ROW_HEIGHT = 1 / 30
_NUMBER_BITS, _TIME_BITS, _CHECK_BITS = 24, 42, 14
_BLACK, _WHITE = 16, 235


def _edges(length: int, cells: int, part: float = 1.0) -> npt.NDArray[np.intp]:
    return np.rint(np.linspace(0, length * part, cells + 1)).astype(np.intp)


def write_stamp(picture: Pixels, number: int, seconds: float) -> None:
    """Write `number` and `seconds` of ``time.time()`` into the top edge of `picture`, in place."""
    value = number % 2**_NUMBER_BITS | int(seconds * 1000) % 2**_TIME_BITS << _NUMBER_BITS
    value |= _checksum(value) << _NUMBER_BITS + _TIME_BITS
    bits = np.array([value >> i & 1 for i in range(_ROWS * _COLUMNS)], np.uint8).reshape(_ROWS, _COLUMNS)
    rows = np.diff(_edges(picture.shape[0], _ROWS, _ROWS * _ROW_HEIGHT))
    columns = np.diff(_edges(picture.shape[1], _COLUMNS))
    blocks = bits.repeat(rows, axis=0).repeat(columns, axis=1)
    picture[: len(blocks)] = (_BLACK + blocks * np.uint8(_WHITE - _BLACK))[..., None]


def read_stamp(frame: npt.NDArray[Any]) -> tuple[int, float] | None:
    """Return the number and time that a picture of `TestPattern` carries, or None.

    Parameters
    ----------
    frame : ndarray, uint8, (height, width, 3) or (height, width)
        A picture as it arrived, also scaled or compressed.

    Returns
    -------
    (number, seconds) or None
        The picture's number, from 0 on, modulo 2**24; seconds of ``time.time()``, to the millisecond.

    Raises
    ------
    TypeError, ValueError
        When `frame` is no array, or none of a picture.
    """
    if not isinstance(frame, np.ndarray):
        raise TypeError(f"a picture is wanted, as an ndarray, not {type(frame).__name__}")
    if frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] < 3):
        raise ValueError(f"a picture is (height, width, 3) or (height, width), not {frame.shape}")
    luma = frame if frame.ndim == 2 else frame[..., 1]
    height, width = luma.shape
    rows, columns = _edges(height, _ROWS, _ROWS * _ROW_HEIGHT), _edges(width, _COLUMNS)
    if np.diff(rows).min() < 2 or np.diff(columns).min() < 2:
        return None
    value = 0
    for i in range(_ROWS * _COLUMNS):
        row, column = divmod(i, _COLUMNS)
        top, bottom, left, right = rows[row], rows[row + 1], columns[column], columns[column + 1]
        inset_y, inset_x = (bottom - top) // 4, (right - left) // 4
        block = luma[top + inset_y : bottom - inset_y, left + inset_x : right - inset_x]
        value |= int(block.mean() > 127) << i
    check = value >> _NUMBER_BITS + _TIME_BITS
    value &= 2 ** (_NUMBER_BITS + _TIME_BITS) - 1
    if check != _checksum(value):
        return None
    return value % 2**_NUMBER_BITS, (value >> _NUMBER_BITS) / 1000


def _checksum(value: int) -> int:
    return int(zlib.crc32(value.to_bytes(9, "little")) % 2**_CHECK_BITS)


class TestPattern(NumpyVideoTrack):
    """A synthetic camera: colour bars, a moving ball, and a stamp for `read_stamp`.

    Parameters
    ----------
    size : (width, height)
        In pixels, at least 80 x 60, at most 8192 each.
    fps : float
        Pictures a second.

    Raises
    ------
    TypeError, ValueError
        When an argument is none of these.
    """

    __test__ = False  # pytest: not a test class

    def __init__(self, size: tuple[int, int] = (640, 480), fps: float = 30) -> None:
        width, height = checked_size(size, least=(80, 60))  # what the stamp needs
        self._number = 0
        self._bars = _bars(width, height)
        super().__init__(self._draw, fps=fps)
        self.label = "test pattern"

    def _draw(self, seconds: float) -> Pixels:
        picture = self._bars.copy()
        height, width = picture.shape[:2]
        radius = height // 10
        x = int(radius + (width - 2 * radius) * (0.5 + 0.5 * np.sin(seconds * 1.3)))
        y = int(height - radius - (height * 0.5) * abs(np.sin(seconds * 2.6)))
        top, left = max(0, y - radius), max(0, x - radius)
        patch = picture[top : y + radius, left : x + radius]
        rows, columns = np.ogrid[: patch.shape[0], : patch.shape[1]]
        patch[(rows + top - y) ** 2 + (columns + left - x) ** 2 < radius**2] = (250, 250, 250)
        write_stamp(picture, self._number, time.time())
        self._number += 1
        return picture


@lru_cache(maxsize=4)
def _bars(width: int, height: int) -> Pixels:
    """Return SMPTE-like bars over a grey ramp."""
    colours = np.array(
        [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191)],
        np.uint8,
    )
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = colours[np.arange(width) * len(colours) // width]
    picture[height * 3 // 4 :] = np.linspace(16, 235, width).astype(np.uint8)[:, None]
    return picture


class TestTone(NumpyAudioTrack):
    """A synthetic microphone: a sine of `hz`, a quarter of full scale.

    Raises
    ------
    TypeError, ValueError
        When `hz` is no number between 0 and 20000.
    """

    __test__ = False

    def __init__(self, hz: float = 440) -> None:
        if not 0 < number("hz", hz) < 20_000:
            raise ValueError(f"hz must be between 0 and 20000, not {hz!r}")
        super().__init__(lambda times: 0.25 * np.sin(2 * np.pi * hz * times))
        self.label = f"{hz:g} Hz"
