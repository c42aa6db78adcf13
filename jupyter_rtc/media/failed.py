"""What stands in for an item whose map raised: the page sees a mosaic or silence, a reader gets the error."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NoReturn

import numpy as np

from .frames import Picture, Pixels, Sound

#: The tiles of a mosaic along its longer side.
MOSAIC = 24


@dataclass(frozen=True)
class FailedPicture(Picture):
    """A mosaic."""

    error: BaseException

    def assert_made(self) -> NoReturn:
        """Raise the error of the map."""
        raise _again(self.error)


@dataclass(frozen=True)
class FailedSound(Sound):
    """Silence."""

    error: BaseException

    def assert_made(self) -> NoReturn:
        """Raise the error of the map."""
        raise _again(self.error)


def stand_in(item: Any, error: BaseException) -> Any:
    """Return what is shown in place of an item whose function raised `error`."""
    if isinstance(item, Picture):
        return FailedPicture(mosaic(item.array()), "rgb24", item.time, error)
    return FailedSound(np.zeros_like(item.data), item.time, error)


def mosaic(pixels: Pixels) -> Pixels:
    """Return a picture in large tiles: one sees that it goes on, and nothing else."""
    height, width = pixels.shape[:2]
    longer = max(height, width)
    tile = max(-(-longer // MOSAIC), min(longer, 8))
    rows = np.arange(0, height, tile)
    columns = np.arange(0, width, tile)
    sums = np.add.reduceat(np.add.reduceat(pixels, rows, axis=0, dtype=np.uint32), columns, axis=1)
    counts = np.outer(np.diff([*rows, height]), np.diff([*columns, width]))
    tiles = (sums // counts[..., None]).astype(np.uint8)
    return np.ascontiguousarray(tiles.repeat(tile, axis=0).repeat(tile, axis=1)[:height, :width])


def _again(error: BaseException) -> BaseException:
    """Return the error for one more reader: each raises its own, whose traceback ends in the user's function."""
    traceback: TracebackType | None = error.__traceback__
    if isinstance(error, (StopIteration, StopAsyncIteration)) or not isinstance(error, Exception):
        # These would end the reader's loop without a word, or the process.
        wrapped = RuntimeError(f"the function of a map raised {type(error).__name__}")
        wrapped.__cause__ = error
        return wrapped
    try:
        twin = copy.copy(error)
    except Exception:  # an exception whose __init__ takes other arguments than it keeps
        return error.with_traceback(traceback)
    if type(twin) is not type(error):
        return error.with_traceback(traceback)
    twin.__cause__, twin.__context__ = error.__cause__, error.__context__
    twin.__suppress_context__ = error.__suppress_context__
    return twin.with_traceback(traceback)
