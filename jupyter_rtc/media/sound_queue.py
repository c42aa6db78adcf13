"""A queue of written sound that plays on in real time while nobody listens."""

from __future__ import annotations

from collections import deque

import numpy as np

from .frames import Samples

#: Seconds of written sound that wait at most, unless they were written at once.
BOUND = 600.0
#: A new listener hears at most this much of the past, in seconds: it also absorbs the jitter of a live writer.
GRACE = 0.05
#: Seconds over which a cut is faded, where somebody hears it.
_FADE = 0.005


class SoundQueue:
    """Sound at one rate, first in, first out. Not for two threads at once.

    It is heard in real time from when it is written, whether somebody listens or not: a listener who comes late begins
    with now.

    Parameters
    ----------
    rate, channels : int
        Of the sound.
    latency : float, optional
        The most that waits, in seconds; the oldest is dropped, so that new sound is heard soon. None: everything is
        played; only beyond `BOUND` the oldest is dropped.

    Attributes
    ----------
    held : int
        Samples that wait.
    dropped : int
        Written blocks that were left out, or cut.
    delay : float or None
        Seconds from when the block that is being played was written until its turn came; None: nothing is played.
    """

    def __init__(self, rate: int, channels: int, latency: float | None = None) -> None:
        self._rate, self._channels, self._latency = rate, channels, latency
        self._blocks: deque[Samples] = deque()
        #: When each was written, moved on as it is played.
        self._written: deque[float] = deque()
        self.held = self.dropped = 0
        self.delay: float | None = None
        self._playing = False
        #: When the first sample that waits was to be heard, while nobody listens.
        self._due = 0.0

    def play(self, playing: bool, now: float) -> None:
        """Say whether somebody listens from now on."""
        if playing:
            self.pass_time(now)
        self._due = now
        self._playing = playing
        self.delay = None

    def pass_time(self, now: float) -> None:
        """Drop the sound whose time has passed, if nobody listens."""
        if self._playing:
            return
        late = min(self.held, int((now - self._due - GRACE) * self._rate))
        if late > 0:
            self._discard(late)
            self._due += late / self._rate
        if not self.held:
            self._due = now

    def put(self, samples: Samples, now: float) -> None:
        """Add sound, (n, channels)."""
        self.pass_time(now)
        if not len(samples):
            return
        self._blocks.append(samples)
        self._written.append(now)
        self.held += len(samples)
        if self._latency is None:
            surplus = min(self.held - int(BOUND * self._rate), self.held - len(samples))
        else:
            surplus = self.held - int(self._latency * self._rate)
        if surplus > 0:
            self._cut(surplus)
            self._due = now

    def _cut(self, count: int) -> None:
        before = self._peek(int(_FADE * self._rate)) if self._playing else self._blocks[0][:0]
        blocks = len(self._blocks)
        whole = self._discard(count)
        self.dropped += blocks - len(self._blocks) + (not whole)
        head = self._blocks[0]
        length = min(len(before), len(head))
        if length:
            mix = np.linspace(0, 1, length, dtype=np.float32)[:, None]
            self._blocks[0] = np.concatenate([before[:length] * (1 - mix) + head[:length] * mix, head[length:]])

    def _peek(self, count: int) -> Samples:
        return np.concatenate([block[:count] for block in self._blocks])[:count]

    def _discard(self, count: int) -> bool:
        """Drop the first samples; return whether the cut is between two blocks."""
        self.held -= count
        while count:
            head = self._blocks[0]
            if count < len(head):
                self._blocks[0] = head[count:]
                self._written[0] += count / self._rate
                return False
            count -= len(head)
            self._blocks.popleft()
            self._written.popleft()
        return True

    def take(self, count: int, now: float) -> Samples:
        """Return the next samples, filled up with silence."""
        out = np.zeros((count, self._channels), np.float32)
        self.delay = max(0.0, now - self._written[0]) if self._written else None
        there = self._peek(count) if self._blocks else out[:0]
        out[: len(there)] = there
        if len(there):
            self._discard(len(there))
        return out

    def clear(self) -> None:
        """Drop everything that waits."""
        self._blocks.clear()
        self._written.clear()
        self.held = 0
