"""When media was taken: from RTP timestamps, which wrap and jump, and from a clock that is not ours."""

from __future__ import annotations

from .packets import unwrap

#: Timestamps and arrivals may come apart by so many seconds before it is another timeline.
TIMELINE = 2.0


class MediaClock:
    """Media seconds from RTP timestamps: across their wrap, and steadily on where they jump."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._timestamp: int | None = None
        self._arrived = 0.0
        self._ticks = 0
        self._began_anew = False

    def restart(self, rate: int) -> None:
        """Take the next timestamp for one that has nothing to do with those before; time goes steadily on."""
        self._ticks = self._ticks * rate // self._rate
        self._rate = rate
        self._began_anew = True

    def ticks(self, timestamp: int, arrived: float) -> int:
        """Return the media time, in ticks of the clock from the first one on."""
        if self._timestamp is None:
            ticks = 0
        else:
            step = unwrap(timestamp, self._timestamp, 32) - self._timestamp
            elapsed = arrived - self._arrived
            if (
                self._began_anew or not -TIMELINE < step / self._rate < elapsed + TIMELINE
            ):  # another source, or a sender that began anew
                step = max(1, round(elapsed * self._rate))
            ticks = self._ticks + step
        self._timestamp, self._arrived, self._ticks = timestamp, arrived, ticks
        self._began_anew = False
        return ticks


class Timeline:
    """When media was taken, on this machine's clock: as the least delayed arrival of the last seconds has it.

    The other side's clock may run faster or slower, and may be set.
    """

    #: Seconds over which the least delay is looked for, twice in turn.
    WINDOW = 5.0
    #: Arrivals so much later than that are of a clock that was set.
    TOLERANCE = 0.5

    def __init__(self) -> None:
        self._least = self._previous = float("inf")
        self._began = 0.0

    def when(self, media: float, arrived: float) -> float:
        """Return when it was taken; `media`: in the other side's seconds."""
        offset = arrived - media
        if arrived - self._began > self.WINDOW:
            self._previous, self._least, self._began = self._least, offset, arrived
        self._least = min(self._least, offset)
        origin = min(self._least, self._previous)
        if offset - origin > self.TOLERANCE:
            origin = self._least = self._previous = offset
        return media + origin
