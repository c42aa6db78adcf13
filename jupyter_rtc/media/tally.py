"""What encoders and decoders count, with the W3C's names. Any thread may add; who reads may be late by one."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt


class Rate:
    """How many frames there were within the last second."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=250)

    def add(self, now: float) -> None:
        """There is one more."""
        self._times.append(now)

    def get(self, now: float) -> int:
        """Return the number."""
        return sum(now - when < 1 for when in tuple(self._times))


class Loudness:
    """Level and energy of sound: `audioLevel`, `totalAudioEnergy`, `totalSamplesDuration` of webrtc-stats."""

    def __init__(self) -> None:
        self.level = self.energy = self.duration = 0.0
        self.samples = 0

    def add(self, samples: npt.NDArray[Any], sample_rate: int) -> None:
        """Count samples, (samples, channels), float in [-1, 1]."""
        seconds = len(samples) / sample_rate
        flat = samples.reshape(-1)
        self.level = min(1.0, math.sqrt(float(np.dot(flat, flat)) / flat.size)) if flat.size else 0.0
        self.energy += seconds * self.level**2
        self.duration += seconds
        self.samples += len(samples)

    def members(self) -> dict[str, Any]:
        """Return them with the W3C's names."""
        return {
            "audioLevel": self.level,
            "totalAudioEnergy": self.energy,
            "totalSamplesDuration": self.duration,
        }


class Pictures:
    """Pictures that went through an encoder or a decoder, and how long that took."""

    def __init__(self) -> None:
        self.frames = self.keys = 0
        self.seconds = 0.0
        self.size = (0, 0)
        self._rate = Rate()

    def add(self, size: tuple[int, int], seconds: float, *, key: bool = False) -> None:
        """Count a picture of `size`, (width, height), that took so many seconds."""
        self.frames += 1
        self.keys += key
        self.seconds += seconds
        self.size = size
        self._rate.add(time.monotonic())

    def members(self, verb: str) -> dict[str, Any]:
        """Return them with the W3C's names; `verb` is ``"Encode"`` or ``"Decode"``."""
        members: dict[str, Any] = {
            f"frames{verb}d": self.frames,
            f"keyFrames{verb}d": self.keys,
            f"total{verb}Time": self.seconds,
            "framesPerSecond": self._rate.get(time.monotonic()),
        }
        if all(self.size):
            members["frameWidth"], members["frameHeight"] = self.size
        return members
