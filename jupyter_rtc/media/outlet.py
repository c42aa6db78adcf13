"""From a track to who encodes its frames: PyAV frames with continuous timestamps, whatever the track does.

An outlet lives as long as its sender. Its track can be switched; one that stalls costs pictures, never the sender.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import av

from .clock import Pacer
from .frames import SAMPLE_RATE, VIDEO_TIME_BASE, Picture, Samples, Sound
from .playout import Playout
from .slot import Slot, SlotClosed
from .track import Kind, Track

#: A picture that does not change is sent again, so that it gets sharp and a loss heals.
REPEAT = 0.5
#: A picture older than this was not taken just now, but stood still: it counts from when it is sent.
STALE = 0.2
#: Opus packets: 20 ms.
PACKET = SAMPLE_RATE // 50


class VideoOutlet:
    """Gives the newest picture of its track; repeats it while there is none."""

    def __init__(self) -> None:
        self._slot: Slot[tuple[int, Picture]] = Slot(1)
        self._stop: Callable[[], None] = lambda: None
        self._last: Picture | None = None
        self._origin: float | None = None
        self._pts = -1
        self._generation = 0
        self._track: Track[Picture] | None = None
        self._dark = False

    def switch(self, track: Track[Picture] | None) -> None:
        """Take the pictures of `track` from now on; None: send nothing."""
        self._stop()
        self._generation += 1
        self._last = None
        self._track, self._dark = track, False
        self._slot.clear()
        if track is None:
            self._stop = lambda: None
        else:
            self._stop = track._subscribe(partial(self._put, self._generation))

    def _put(self, generation: int, picture: Picture) -> None:
        if generation == self._generation:  # the old track may be about to give a last one
            self._dark = False
            self._slot.put((generation, picture))

    def close(self) -> None:
        """Let `recv` raise `SlotClosed` from now on."""
        self.switch(None)
        self._slot.close()

    def _repeated(self) -> Picture | None:
        """Return the last picture, black where its track gives nothing any more: a camera is off, and seen to be."""
        last, track = self._last, self._track
        if last is None or track is None or track._keeps_last or not track.muted:
            return last
        if not self._dark:
            self._dark, self._last = True, last.blank()
        return self._last

    async def recv(self) -> av.VideoFrame:
        """Return the next picture, from any event loop."""
        picture: Picture | None = None
        while picture is None:
            generation = self._generation
            try:
                generation, picture = await self._slot.aget(REPEAT if self._last is not None else None)
            except TimeoutError:
                picture = self._repeated()
            if generation != self._generation:  # switched meanwhile: this is the old track's
                picture = None
        now = time.monotonic()
        fresh = picture is not self._last and now - picture.time < STALE
        when = picture.time if fresh else now
        self._last = picture
        if self._origin is None:
            self._origin = when
        self._pts = max(self._pts + 1, int((when - self._origin) / VIDEO_TIME_BASE))
        return picture.frame(self._pts)


class AudioOutlet:
    """Gives 20 ms of stereo sound every 20 ms; silence where its track has none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._playout = Playout()
        self._stop: Callable[[], None] = lambda: None
        self._pacer: Pacer | None = None
        self._closed = False

    @property
    def delay(self) -> float:
        """Seconds of sound that wait."""
        return self._playout.held / SAMPLE_RATE

    @property
    def cut(self) -> float:
        """Seconds of sound that were left out, for too much had piled up."""
        return self._playout.cut / SAMPLE_RATE

    def switch(self, track: Track[Sound] | None) -> None:
        """Take the sound of `track` from now on; None: silence."""
        self._stop()
        with self._lock:
            self._playout.clear()
        self._stop = (lambda: None) if track is None else track._subscribe(self._put)

    def close(self) -> None:
        """Let `recv` raise `SlotClosed` from now on."""
        self.switch(None)
        self._closed = True

    def _put(self, sound: Sound) -> None:
        data = sound.data if sound.data.shape[1] == 2 else sound.data.repeat(2, axis=1)
        with self._lock:
            self._playout.put(data)

    def _take(self) -> Samples:
        """Return 20 ms: sound as far as there is some, the rest silence."""
        with self._lock:
            return self._playout.take(PACKET)

    async def recv(self) -> av.AudioFrame:
        """Return the next 20 ms, from any event loop."""
        if self._pacer is None:
            self._pacer = Pacer(float(Fraction(PACKET, SAMPLE_RATE)), slack=5)
        now = time.monotonic()
        due = self._pacer.next(now)
        if due > now:
            await asyncio.sleep(due - now)
        if self._closed:
            raise SlotClosed
        return Sound(self._take(), due).frame(self._pacer.number * PACKET)


def outlet_for(kind: Kind) -> VideoOutlet | AudioOutlet:
    """Return a new outlet for this kind of media."""
    return VideoOutlet() if kind == "video" else AudioOutlet()
