"""What a thousand maps that were made and forgotten leave behind: memory, and their functions."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Callable

import numpy as np
import psutil

import jupyter_rtc as rtc
from tests.bench import report

MAPS = 1000
#: What each function holds, as one with a background does: 188 MiB in all.
HELD = (256, 256, 3)


def mebibytes() -> float:
    """Return what only this process has in memory."""
    gc.collect()
    return psutil.Process().memory_full_info().uss / 2**20


def function() -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that holds a picture."""
    background = np.ones(HELD, np.uint8)
    return lambda frame: np.maximum(frame, background[: len(frame), : len(frame[0])])


def measure(read: bool) -> tuple[float, int, float]:
    """Return the mebibytes that forgotten maps have added, how many functions live, and the seconds it took."""
    track = rtc.NumpyVideoTrack(np.zeros(HELD, np.uint8))
    stop = track.on_frame(lambda frame: None)
    for _ in range(20):  # what is there once: threads, caches
        track.map(function()).read()
    functions: weakref.WeakSet[Callable[..., np.ndarray]] = weakref.WeakSet()
    before, began = mebibytes(), time.monotonic()
    for _ in range(MAPS):
        functions.add(made := function())
        mapped = track.map(made)
        if read:
            mapped.read()
        del made, mapped
    seconds = time.monotonic() - began
    time.sleep(1)
    added = mebibytes() - before
    stop()
    track.stop()
    return added, len(functions), seconds


def main() -> None:
    """Print it for maps that nobody has read, and for some that were read once."""
    for read in (False, True):
        added, alive, seconds = measure(read)
        report(
            "forgotten maps",
            maps=MAPS,
            read=read,
            added_mib=round(added, 1),
            functions_alive=alive,
            seconds=round(seconds, 2),
            wanted_mib=20,
        )


if __name__ == "__main__":
    main()
