"""Pacing: when the next picture or stretch of sound is due."""

from __future__ import annotations

import time


class Pacer:
    """Evenly spaced due times, on ``time.monotonic()``.

    One that falls behind by more than `slack` periods skips the missed ones rather than rushing through them.
    """

    def __init__(self, period: float, slack: float = 1.0) -> None:
        self.period = period
        self._slack = slack
        self._start = time.monotonic()
        self.number = -1

    def next(self, now: float) -> float:
        """Move on to the next period and return its due time; `number` counts periods, skipped ones too."""
        self.number += 1
        behind = now - (self._start + self.number * self.period)
        if behind > self._slack * self.period:
            self.number += int(behind / self.period)
        return self._start + self.number * self.period
