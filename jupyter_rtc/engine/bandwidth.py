"""How much the other side may send us: REMB, from the times at which packets were sent and came.

aiortc waits three seconds, begins with what came meanwhile and adds 8 % a second: a browser's camera is a quarter of
its size for ten seconds. Browsers believe what they are told in the first two seconds, so we begin high, at once, and
come down as soon as packets begin to queue on their way.
"""

from __future__ import annotations

from aiortc import rate

#: Bits a second.
START = 4_000_000
FLOOR = 150_000
CEILING = 12_000_000
#: The share of what got through that is allowed when a queue was seen.
DECREASE = 0.85
#: Growth a second: far from the rate at which a queue was seen last, and near to it.
FAST, SLOW = 1.5, 1.08
#: So many seconds later the network may have become another.
MEMORY = 10.0
INTERVAL = 0.5
#: In the first second it is repeated, for any may be lost.
EAGER, EAGER_INTERVAL = 1.0, 0.1


class BandwidthEstimator:
    """Stands in for aiortc's RemoteBitrateEstimator. All values come with each packet."""

    def __init__(self, start: int = START) -> None:
        self.estimate = float(start)
        self._began: float | None = None
        self._told: float | None = None
        self._grown = 0.0
        self._full_at: float | None = None
        self._full_when = 0.0
        self._incoming = rate.RateCounter(1000)
        self._arrivals = rate.InterArrival(
            (rate.TIMESTAMP_GROUP_LENGTH_MS << rate.INTER_ARRIVAL_SHIFT) // 1000, rate.TIMESTAMP_TO_MS
        )
        self._overuse = rate.OveruseEstimator()
        self._detector = rate.OveruseDetector()
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
        self._detect(arrival_time_ms, abs_send_time, payload_size)
        full = self._detector.state() == rate.BandwidthUsage.OVERUSING
        interval = EAGER_INTERVAL if now - self._began < EAGER else INTERVAL
        if self._told is not None and now - self._told < (0.2 if full else interval):
            return None
        self._told = now
        if full:
            self._come_down(now, arrival_time_ms)
        elif self._detector.state() == rate.BandwidthUsage.NORMAL:
            self._grow(now)
        self._grown = now
        return round(self.estimate), list(self._ssrcs)

    def _detect(self, arrival_ms: int, abs_send_time: int, size: int) -> None:
        deltas = self._arrivals.compute_deltas(abs_send_time << 8, arrival_ms, size)
        if deltas is not None:
            sent_ms = deltas.timestamp * rate.TIMESTAMP_TO_MS
            self._overuse.update(deltas.arrival_time, sent_ms, deltas.size, self._detector.state(), arrival_ms)
            self._detector.detect(self._overuse.offset(), sent_ms, self._overuse.num_of_deltas(), arrival_ms)

    def _come_down(self, now: float, now_ms: int) -> None:
        through = self._incoming.rate(now_ms)
        if through is not None:
            self._full_at, self._full_when = through, now
            self.estimate = max(FLOOR, min(self.estimate, DECREASE * through))

    def _grow(self, now: float) -> None:
        known = self._full_at is not None and now - self._full_when < MEMORY
        near = known and self._full_at is not None and self.estimate > 0.7 * self._full_at
        factor = (SLOW if near else FAST) ** min(1.0, now - self._grown)
        self.estimate = min(CEILING, self.estimate * factor)
