"""What the other side is told it may send, on links of all kinds. The sender here obeys at once."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

import pytest

from jupyter_rtc.engine.bandwidth import CEILING, FLOOR, START, BandwidthEstimator

PACKET = 1200


@dataclass
class Run:
    """What was told, and how long packets waited: (seconds, value)."""

    told: list[tuple[float, float]] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)

    def estimate(self, begin: float, end: float) -> list[float]:
        return [value for when, value in self.told if begin <= when < end]

    def wait(self, begin: float, end: float) -> float:
        return max(value for when, value in self.waits if begin <= when < end)


def send(link: list[tuple[float, float | None]], seconds: float, *, most: float = CEILING, jitter: float = 0.0) -> Run:
    """Send pictures at the rate that is told, over a link whose rates begin at the given times."""
    estimator, run, rng = BandwidthEstimator(), Run(), random.Random(1)
    allowed, free = 1_000_000.0, 0.0
    for number in range(int(seconds * 30)):
        sent = number / 30
        rate = [rate for begin, rate in link if begin <= sent][-1]
        for _ in range(max(1, round(min(allowed, most) / 30 / 8 / PACKET))):
            free = max(free, sent) + (PACKET * 8 / rate if rate else 0.0)
            if free - sent > 1.0:  # the queue is full
                free -= PACKET * 8 / rate if rate else 0.0
                continue
            arrived = free + 0.02 + rng.uniform(0, jitter)
            run.waits.append((sent, free - sent))
            stamp = int(sent * (1 << 18)) & 0xFFFFFF
            told = estimator.add(int(arrived * 1000), stamp, PACKET, 7)
            if told is not None:
                allowed = told[0]
                run.told.append((sent, told[0]))
    return run


def test_it_begins_high_and_at_once():
    assert BandwidthEstimator().add(1, 1, PACKET, 7) == (START, [7])


def test_a_free_link_is_used():
    run = send([(0, None)], 10)
    assert min(run.estimate(0, 10)) >= START
    assert run.told[-1][1] == CEILING


def test_a_sender_that_needs_little_is_not_told_less():
    run = send([(0, None)], 20, most=300_000)
    assert min(run.estimate(0, 20)) >= START


@pytest.mark.parametrize("rate", [500_000, 1_000_000, 2_000_000])
def test_a_narrow_link_is_not_overfilled(rate):
    run = send([(0, rate)], 20)
    assert run.wait(3, 20) < 0.4
    settled = run.estimate(5, 20)
    assert max(settled) < 1.4 * rate
    assert sum(settled) / len(settled) > 0.5 * rate


def test_a_link_that_narrows_is_noticed_soon_and_one_that_widens_too():
    run = send([(0, None), (8, 800_000), (18, None)], 30)
    assert max(run.estimate(10, 18)) < 1_200_000
    assert run.wait(11, 18) < 0.4
    assert max(run.estimate(18, 24)) > 1_200_000
    assert run.told[-1][1] > 3_000_000


@pytest.mark.parametrize("jitter", [0.005, 0.015])
def test_jitter_is_no_narrow_link(jitter):
    run = send([(0, None)], 20, most=2_500_000, jitter=jitter)
    assert min(run.estimate(2, 20)) > 1_500_000


def test_it_is_never_told_to_stop():
    assert min(value for _, value in send([(0, 60_000)], 20).told) >= FLOOR


def test_it_is_told_again_and_again():
    run = send([(0, None)], 5, most=300_000)
    times = [when for when, _ in run.told]
    assert len([when for when in times if when < 1]) >= 6, "any may be lost"
    assert max(b - a for a, b in itertools.pairwise(times)) < 0.6
