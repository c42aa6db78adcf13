"""How many bits a second one receiver can take: what its reports say, weighed."""

from __future__ import annotations

from collections import deque

from ..config import Bitrate

#: Sent bits are counted over so long.
WINDOW = 0.5
#: A queue on the way that holds more than this is congestion, and twice its bits are let drain.
QUEUE = 0.15
#: After congestion the rate stays for so long, then grows by so much each second.
CALM = 1.5
GROWTH = 0.35
#: A path with a longer round trip than this is no local one, and is begun gently.
LOCAL = 0.04
GENTLE = 1_500_000
#: An estimate that stands still for so long, below what is sent, is a limit that somebody has set.
POLICY = 3.0
#: A falling estimate is believed if another fell so many seconds before at most, or if packets or answers are late.
DOUBT = 2.0
#: Bits ahead of the rate, in seconds of it, from which on pictures are left out.
AHEAD = 0.4


class RateControl:
    """Follows one receiver. All times are seconds of one clock.

    A receiver's own estimate (REMB) cannot be taken at its word: it knows no more than half again as much as was
    sent, and starts low. It tells of congestion when it falls below what is sent; so do the reports of loss, and round
    trips that grow, which are the queue on the way.
    """

    def __init__(self, limits: Bitrate) -> None:
        self.limits = limits
        self._target = float(limits.start)
        self._sent: deque[tuple[float, int]] = deque()
        self._nacked: deque[tuple[float, int]] = deque()
        self._round_trips: deque[tuple[float, float]] = deque(maxlen=120)
        self._estimate: float | None = None
        self._steady_since: float | None = None
        self._policy: float | None = None
        self._doubted: float | None = None
        self._calm_since = 0.0
        self._updated: float | None = None
        self._ahead = 0.0
        self._ahead_at = 0.0
        #: Set by `set_parameters`.
        self.cap: float | None = None

    @property
    def target(self) -> float:
        """What to send, in bits a second."""
        target = min(self._target, *(limit for limit in (self.cap, self._policy) if limit is not None), 1e12)
        return max(target, min(self.limits.floor, self.cap or self.limits.floor), 1.0)

    def sent(self, size: int, now: float) -> None:
        """So many bytes are on their way."""
        self._drain(now)
        self._ahead += size * 8
        self._sent.append((now, size * 8))

    def rate(self, now: float) -> float:
        """Return what was sent of late, in bits a second."""
        while self._sent and now - self._sent[0][0] > WINDOW:
            self._sent.popleft()
        return sum(bits for _, bits in self._sent) / WINDOW

    def may_send_at(self, now: float) -> float:
        """Return when the next picture may be sent: now, or when what is on its way has become less."""
        self._drain(now)
        return now + max(0.0, self._ahead / self.target - AHEAD)

    def _drain(self, now: float) -> None:
        self._ahead = max(0.0, self._ahead - max(0.0, now - self._ahead_at) * self.target)
        self._ahead_at = now

    def _grow(self, now: float) -> None:
        """Any report without bad news lets the rate grow."""
        since, self._updated = self._updated, now
        if since is not None and now - self._calm_since > CALM:
            self._target = min(self._target * (1 + GROWTH * min(now - since, 1.0)), self.limits.ceiling)

    def _used(self, now: float) -> float:
        """Return the rate that congestion is about: what is sent; of an easy picture, half of what might be."""
        return min(self._target, max(self.rate(now), self._target / 2))

    def _back_off(self, rate: float, now: float, queued: float = 0.0) -> None:
        """Send at most `rate`; so many bits wait on the way already."""
        self._calm_since = self._updated = now
        self._drain(now)
        self._target = max(min(self._target, rate), float(self.limits.floor))
        self._ahead = max(self._ahead, queued)

    def on_estimate(self, bits: float, now: float) -> None:
        """The receiver says how much it thinks there is room for (REMB)."""
        before, self._estimate = self._estimate, bits
        sent = self.rate(now)
        if before is None or not 0.97 * before <= bits <= 1.01 * before:
            self._policy = self._steady_since = None
        if bits > 0.9 * sent:
            self._grow(now)
        elif before is None or bits < before * 0.97:
            if self._doubted is None or now - self._doubted > DOUBT:
                # A busy machine looks like this, too: half the way at first, the rest when it is said again.
                self._doubted = now
                self._back_off(max(bits, self._target / 2), now)
            else:
                # What exceeded the estimate since it was exceeded is in a queue; Chromium takes some 0.3 s to see it.
                self._back_off(bits, now, (sent - bits) * 0.3 if bits < 0.7 * sent else 0.0)
        elif bits > before * 1.01:
            self._grow(now)
        else:
            self._steady_since = now if self._steady_since is None else self._steady_since
            if now - self._steady_since > POLICY:
                self._policy = bits

    def on_loss(self, fraction: float, now: float) -> None:
        """So much of what was sent since the last report is lost (RFC 3550 §6.4.1)."""
        if fraction > 0.1:
            self._back_off(self._used(now) * (1 - fraction / 2), now)
        elif fraction < 0.02:
            self._grow(now)
        else:
            self._updated = now

    def on_nack(self, packets: int, now: float) -> None:
        """So many packets are asked for again: the first sign of a queue that has overflowed."""
        self._nacked.append((now, packets))
        while self._nacked and now - self._nacked[0][0] > WINDOW:
            self._nacked.popleft()
        sent = self.rate(now) * WINDOW / 8 / 1200
        lost = sum(count for _, count in self._nacked)
        self._doubted = now
        if sent > 20 and lost > 0.2 * sent and now - self._calm_since > WINDOW:
            self._back_off(0.7 * self.rate(now), now, 0.2 * self.target)

    def on_round_trip(self, seconds: float, now: float) -> None:
        """An answer took so long; also before it has come, if it is overdue."""
        if not self._round_trips and seconds > LOCAL:
            self._target = min(self._target, max(GENTLE, self.limits.floor))
        self._round_trips.append((now, seconds))
        # The least of those of the last half minute and of the last two are what the path itself takes, and takes now.
        least = min(trip for at, trip in self._round_trips if now - at < 30)
        queue = min(trip for _, trip in list(self._round_trips)[-2:]) - least
        if seconds > least + QUEUE / 2:
            self._doubted = now
        if queue <= QUEUE:
            self._grow(now)
        elif now - self._calm_since > 2 * WINDOW and (self.rate(now) > self._target / 3 or queue > 1):
            # What is sent is not the reason where it is little: it is the machine that is busy.
            self._back_off(max(0.3, 1 - queue) * self._used(now), now, queue * self.target)
