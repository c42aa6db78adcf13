"""How much the other side may send us: REMB, from the times at which packets were sent and came.

aiortc waits three seconds, begins with what came meanwhile and adds 8 % a second: a browser's camera is a quarter of
its size for ten seconds. Browsers believe what they are told in the first two seconds, so we begin high, at once, and
come down as soon as packets queue on their way. A queue is told by how much later packets come than the least delayed.
"""

from __future__ import annotations

from collections import deque

from aiortc import rate

from .packets import unwrap

#: Bits a second.
START = 4_000_000
FLOOR = 150_000
CEILING = 12_000_000
#: Seconds in the queue, of the packet that waited least of the last ones: the network is full; it is empty again.
FULL, EMPTY = 0.06, 0.025
#: How long those last ones are, and how long the least delay of all is remembered (twice in turn).
RECENT, BASE = 0.15, 15.0
#: The share of what got through that is allowed when a queue was seen, and when it is long.
DECREASE, DRAIN, LONG = 0.85, 0.6, 0.2
#: It takes so long until less is sent.
REACTION = 0.3
#: Growth a second: far from the rate at which a queue was seen last, and near to it.
FAST, SLOW = 1.5, 1.08
#: So many seconds later the network may have become another.
MEMORY = 4.0
INTERVAL = 0.5
#: In the first second it is repeated, for any may be lost.
EAGER, EAGER_INTERVAL = 1.0, 0.1

_SEND_TIME = 1 << 18


class BandwidthEstimator:
    """Stands in for aiortc's RemoteBitrateEstimator. All times come with the packets."""

    def __init__(self, start: int = START) -> None:
        self.estimate = float(start)
        self._queue = _Queue()
        self._incoming = rate.RateCounter(1000)
        self._began: float | None = None
        self._told: float | None = None
        self._grown = 0.0
        self._full_at = 0.0
        self._full_when: float | None = None
        self._ssrcs: set[int] = set()

    def add(
        self, arrival_time_ms: int, abs_send_time: int, payload_size: int, ssrc: int
    ) -> tuple[int, list[int]] | None:
        """Take note of a packet; return the bits a second to be told, and the streams they are for, when it is time."""
        now = arrival_time_ms / 1000
        if self._began is None:
            self._began = self._grown = now
        self._ssrcs.add(ssrc)
        self._incoming.add(payload_size, arrival_time_ms)
        waited = self._queue.add(abs_send_time, now)
        if waited > FULL and (self._full_when is None or now - self._full_when > REACTION):
            self._come_down(now, self._incoming.rate(arrival_time_ms), waited)
        else:
            interval = EAGER_INTERVAL if now - self._began < EAGER else INTERVAL
            if self._told is not None and now - self._told < interval:
                return None
            if waited < EMPTY:
                self._grow(now)
        self._told = self._grown = now
        return round(self.estimate), list(self._ssrcs)

    def _come_down(self, now: float, through: int | None, waited: float) -> None:
        self._full_when = now
        if through is not None:
            self._full_at = through
            self.estimate = max(FLOOR, min(self.estimate, (DRAIN if waited > LONG else DECREASE) * through))

    def _grow(self, now: float) -> None:
        known = self._full_when is not None and now - self._full_when < MEMORY
        factor = SLOW if known and self.estimate > 0.7 * self._full_at else FAST
        self.estimate = min(CEILING, self.estimate * factor ** min(1.0, now - self._grown))


class _Queue:
    """How long packets wait on their way, beyond the least."""

    def __init__(self) -> None:
        self._sent: int | None = None
        self._recent: deque[tuple[float, float]] = deque()
        self._least = self._previous = float("inf")
        self._began = 0.0

    def add(self, abs_send_time: int, now: float) -> float:
        """Return the seconds that the least delayed of the last packets has waited; one late packet is no queue."""
        self._sent = abs_send_time if self._sent is None else unwrap(abs_send_time, self._sent, 24)
        delay = now - self._sent / _SEND_TIME
        if now - self._began > BASE:  # clocks drift, and routes change
            self._previous, self._least, self._began = self._least, delay, now
        self._least = min(self._least, delay)
        self._recent.append((now, delay))
        while self._recent[0][0] < now - RECENT:
            self._recent.popleft()
        return min(delay for _, delay in self._recent) - min(self._least, self._previous)
