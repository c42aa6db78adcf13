"""From sound that comes when it comes to sound at an even pace, with as little waiting as its jitter allows.

What waits is kept at a margin by playing a little faster or slower, never by a gap or a jump that could be heard: the
source's clock and ours are never quite equal. After a hold-up what is too old is cut, and faded over.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .frames import SAMPLE_RATE, Samples

#: What is to be left, at the least, after each taking: a packet of 20 ms, which may come right after, and a little.
LEAST_MARGIN = SAMPLE_RATE // 40
MOST_MARGIN = SAMPLE_RATE * 15 // 100
#: An underrun makes the margin larger, quiet times smaller again, by this factor a second.
MORE, CALMER = SAMPLE_RATE // 100, 0.94
#: Takings over which the least is looked for, twice in turn.
WINDOW = 25
#: No correction begins within this; beyond it in proportion, up to half a percent, which is a twelfth of a semitone.
TOLERANCE = SAMPLE_RATE // 200
GAIN, LEAST, MOST = 4e-6, 3e-4, 0.005
#: How much the speed may change from one taking to the next.
SLEW = 2e-4
#: So much too much is cut at once; and what is held at most.
CUT = SAMPLE_RATE * 4 // 100
BOUND = SAMPLE_RATE
#: Length of fades, and of the search for where the sound fits to itself.
FADE = SAMPLE_RATE // 200

_HALF = 8
_PHASES = 1024
#: What is kept of the past.
_BACK = FADE + _HALF


def _kernels() -> Samples:
    """Return windowed sinc filters for each fraction of a sample."""
    offsets = np.arange(-_HALF + 1, _HALF + 1) - np.arange(_PHASES + 1)[:, None] / _PHASES
    window = np.cos(np.pi * offsets / (2 * _HALF)) ** 2
    kernels = np.sinc(offsets) * window
    return np.asarray(kernels / kernels.sum(axis=1, keepdims=True), np.float32)


class Playout:
    """A buffer of stereo sound. Not for two threads at once.

    Attributes
    ----------
    underruns, cut : int
        How often nothing was left, and the samples that were left out.
    """

    _table: Samples | None = None

    def __init__(self) -> None:
        self._parts: list[Samples] = []
        self._sound: Samples = np.zeros((_BACK, 2), np.float32)
        self._position = float(_BACK)
        self._speed = 1.0
        self._ending: Samples = np.zeros((0, 2), np.float32)
        self._correcting = False
        self._margin = float(LEAST_MARGIN)
        self._flowing = False
        #: Nothing was taken yet: what has piled up meanwhile is not to be heard late.
        self._fresh = True
        self._least = self._previous = BOUND
        self._taken = 0
        self.underruns = 0
        self.cut = 0

    @property
    def held(self) -> int:
        """Samples that wait."""
        return int(len(self._sound) - self._position) + sum(map(len, self._parts))

    def clear(self) -> None:
        """Forget what waits."""
        self._parts.clear()
        self._sound = np.zeros((_BACK, 2), np.float32)
        self._position = float(_BACK)
        self._flowing = False
        self._fresh = True
        self._forget_levels()

    def _forget_levels(self) -> None:
        self._least = self._previous = BOUND
        self._taken = 0

    def put(self, samples: Samples) -> None:
        """Take sound, (samples, 2)."""
        self._parts.append(samples)
        if self.held > BOUND:
            self._gather()
            self._drop(self.held - int(self._margin) - FADE, fade=False)

    def take(self, count: int) -> Samples:
        """Return the next `count` samples, silence where there are none."""
        self._gather()
        if not self._flowing and self.held < count + self._margin - TOLERANCE:
            out = np.zeros((count, 2), np.float32)
        else:
            began, self._flowing = not self._flowing, True
            if self._fresh:
                self._fresh = False
                if (surplus := self.held - count - int(self._margin)) > CUT:
                    self._drop(surplus, fade=False)
            left = self.held - count - 2 * _HALF
            if left < 0:
                return self._run_dry(count)
            if began:
                self._forget_levels()
            else:
                self._note(left, count)
            out = self._resample(count)
            if began:
                out[:FADE] *= np.linspace(0, 1, FADE, dtype=np.float32)[:, None]
        out[: len(self._ending)] += self._ending[:count]
        self._ending = self._ending[count:]
        return out

    def _gather(self) -> None:
        if self._parts:
            start = int(self._position) - _BACK
            self._sound = np.concatenate([self._sound[start:], *self._parts])
            self._position -= start
            self._parts.clear()

    def _run_dry(self, count: int) -> Samples:
        """Return the rest, fading out into its mirror image, and wait for more than last time."""
        self.underruns += 1
        self._margin = min(MOST_MARGIN, self._margin + MORE)
        self._flowing = False
        mirrored = self._sound[: -FADE - 1 : -1] * np.linspace(1, 0, FADE, dtype=np.float32)[:, None]
        self._sound = np.concatenate([self._sound, mirrored, np.zeros((count + 2 * _HALF, 2), np.float32)])
        out = self._resample(count)
        self._ending = self._sound[int(self._position) :][: 2 * FADE]
        self._speed = 1.0
        self._sound = np.zeros((_BACK, 2), np.float32)
        self._position = float(_BACK)
        return out

    def _note(self, left: int, count: int) -> None:
        """See how much is left at the least, and set the speed by it."""
        self._least = min(self._least, left)
        self._taken += 1
        self._margin = max(LEAST_MARGIN, self._margin * CALMER ** (count / SAMPLE_RATE))
        if self._taken >= WINDOW:
            self._previous, self._least, self._taken = self._least, left, 0
        least = min(self._least, self._previous)
        surplus = least - self._margin
        if surplus > CUT and self._previous < BOUND:
            self._drop(int(surplus), fade=True)
            self._forget_levels()
            surplus = 0.0
        self._correcting = abs(surplus) > (TOLERANCE / 4 if self._correcting else TOLERANCE)
        by = max(LEAST, min(MOST, GAIN * abs(surplus))) if self._correcting else 0.0
        wanted = 1.0 + (by if surplus > 0 else -by)
        self._speed += max(-SLEW, min(SLEW, wanted - self._speed))

    def _resample(self, count: int) -> Samples:
        end = self._position + self._speed * count
        if self._speed == 1.0 and end != int(end):
            end = float(round(end))  # back on whole samples, where nothing needs to be computed
        start = int(self._position)
        if self._position == start and end == start + count:
            out = self._sound[start : start + count].copy()
        else:
            out = self._interpolate(count, (end - self._position) / count)
        self._position = end
        return out

    def _interpolate(self, count: int, step: float) -> Samples:
        if Playout._table is None:
            Playout._table = _kernels()
        positions = self._position + step * np.arange(count)
        whole = positions.astype(np.intp)
        kernels = Playout._table[np.rint((positions - whole) * _PHASES).astype(np.intp)]
        kernels = np.ascontiguousarray(kernels.T)
        sound = np.ascontiguousarray(self._sound[whole[0] - _HALF + 1 : whole[-1] + _HALF + 1].T)
        out = np.zeros((2, count), np.float32)
        # The positions go up by one but for a few slips.
        edges = [0, *(np.flatnonzero(np.diff(whole) != 1) + 1).tolist(), count]
        for begin, end in pairwise(edges):
            first = whole[begin] - whole[0]
            for tap in range(2 * _HALF):
                out[:, begin:end] += kernels[tap, begin:end] * sound[:, first + tap : first + tap + end - begin]
        return np.ascontiguousarray(out.T)

    def _drop(self, samples: int, *, fade: bool) -> None:
        """Leave out so many samples, or a few less where the sound fits better to itself."""
        start = int(self._position)
        if fade:
            before = self._sound[start : start + FADE]
            search = self._sound[start + samples - FADE : start + samples + FADE]
            likeness = np.correlate(search.sum(axis=1), before.sum(axis=1), "valid")
            samples += int(np.argmax(likeness)) - FADE
            mix = np.linspace(0, 1, FADE, dtype=np.float32)[:, None]
            after = self._sound[start + samples : start + samples + FADE]
            self._sound = self._sound.copy()
            self._sound[start + samples : start + samples + FADE] = before * (1 - mix) + after * mix
            # The filter looks back a little.
            self._sound[start + samples - _HALF : start + samples] = self._sound[start - _HALF : start]
        self._position += samples
        self.cut += samples
