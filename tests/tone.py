"""How whole a tone is: what is heard of clicks, holes and repeats in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RATE = 48_000
BLOCK = 480


@dataclass
class Tone:
    """What was found in a tone.

    Attributes
    ----------
    clicks : int
        Blocks of 10 ms that are not the tone: something else is in them, or its phase jumps.
    holes : int
        Blocks that are quieter than half of it.
    level : float
        Its amplitude.
    """

    clicks: int
    holes: int
    level: float
    seconds: float


def examine(sound: np.ndarray, hz: float) -> Tone:
    """Return what is found in sound (samples,) that should be nothing but a steady tone."""
    blocks = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK)
    times = np.arange(BLOCK) / RATE
    basis = np.stack([np.cos(2 * np.pi * hz * times), np.sin(2 * np.pi * hz * times)])
    # Each block's own phase: slow changes are clocks that differ, and inaudible; what does not fit is not.
    weights = blocks @ np.linalg.pinv(basis)
    rest = np.sqrt(((blocks - weights @ basis) ** 2).mean(axis=1))
    level = np.hypot(*weights.T)
    whole = float(np.median(level))
    return Tone(
        clicks=int(np.count_nonzero(rest > 0.06 * whole)),
        holes=int(np.count_nonzero(level < 0.5 * whole)),
        level=whole,
        seconds=len(sound) / RATE,
    )
