"""User code on live media: map and on_frame, off the media threads."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Generic, cast

import numpy as np
import numpy.typing as npt

from ..threads import start_thread
from .arrays import picture_from_array, samples_from_array
from .events import describe, kind_of
from .frames import Picture, Pixels, Sound
from .relay import RelayTrack
from .slot import Slot, SlotClosed
from .track import Item, Track

logger = logging.getLogger(__name__)

#: The tiles of a mosaic along its longer side.
MOSAIC = 24


class Worker(Generic[Item]):
    """A thread that calls a function for each item of a source, the newest if the function is slow.

    Counts and errors go to `owner`: the source itself, or the track that is made from it.
    """

    def __init__(
        self,
        source: Track[Item],
        function: Callable[[Item], Any],
        owner: Track[Item],
        name: str,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._function = function
        self._on_end = on_end
        self._stopped = False
        self._owner = owner
        self._name = name
        # Sound must have no holes as long as the function keeps up on average.
        self._slot: Slot[Item] = Slot(1 if source.kind == "video" else 50)
        self._unsubscribe = source._subscribe(self._slot.put, self._slot.close)
        start_thread(self._run, f"jupyter-rtc {name}")

    def stop(self) -> None:
        """End it; a call under way is not waited for."""
        self._stopped = True
        self._unsubscribe()
        self._slot.close()

    def _run(self) -> None:
        told = set()
        dropped = 0
        while True:
            try:
                item = self._slot.get()
            except SlotClosed:
                if not self._stopped:
                    self._on_end()
                return
            self._owner._frames_dropped += self._slot.dropped - dropped
            dropped = self._slot.dropped
            self._owner._frames_out += 1
            try:
                self._function(item)
            except BaseException as error:  # sys.exit() in a user's function is to be seen, too
                if (kind := kind_of(error)) not in told:  # thirty times a second says no more than once
                    told.add(kind)
                    logger.error("%s raised\n%s", self._name, describe(error))
                    self._owner._fail(error)


class MappedTrack(RelayTrack[Item]):
    """The track of a function of another track's items."""

    def __init__(self, source: Track[Item], function: Callable[[npt.NDArray[Any]], Any]) -> None:
        if not callable(function):
            raise TypeError(f"map takes a function of one item, not {type(function).__name__}")
        self._function = function
        name = getattr(function, "__name__", type(function).__name__)
        super().__init__(source.kind, source, label=f"{source.label} · {name}".removeprefix(" · "))

    def _activate(self) -> None:
        source = self._upstream
        if source is None:
            return
        worker = Worker(source, self._process, self, f"map {self.label}", self._upstream_ended)
        self._stop_upstream = [
            worker.stop,
            source.on("error", self._fail),
        ]

    def _process(self, item: Item) -> None:
        try:
            result = _rebuild(item, self._function(item.array()))
        except BaseException:
            self._deliver(stand_in(item))
            raise
        self._deliver(result)


def _rebuild(item: Item, result: Any) -> Item:
    if result is None:
        raise TypeError("the function returned None: it is to return the picture or sound that is shown")
    if isinstance(item, Picture):
        return cast(Item, picture_from_array(result, item.time))
    return cast(Item, Sound(samples_from_array(result), item.time))


def stand_in(item: Item) -> Item:
    """Return what is shown in place of an item whose function raised: a coarse mosaic, or silence."""
    if isinstance(item, Picture):
        return cast(Item, Picture(mosaic(item.array()), "rgb24", item.time))
    return item.blank()


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
