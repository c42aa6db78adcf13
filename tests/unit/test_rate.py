"""Rate control: what a receiver's reports are made of, in made-up time."""

from __future__ import annotations

import pytest

from jupyter_rtc.config import Bitrate
from jupyter_rtc.media.rate import AHEAD, RateControl

LIMITS = Bitrate(floor=200_000, start=4_000_000, ceiling=8_000_000)


class Path:
    """A control with a clock; it sends what it may."""

    def __init__(self) -> None:
        self.control = RateControl(LIMITS)
        self.now = 100.0

    def run(self, seconds: float, rate: float | None = None, *, trip: float | None = None) -> None:
        for step in range(round(seconds * 30)):
            bits = self.control.target if rate is None else rate
            self.control.sent(int(bits / 30 / 8), self.now)
            self.now += 1 / 30
            if trip is not None and step % 15 == 14:
                self.control.on_round_trip(trip, self.now)


def test_it_starts_with_the_start():
    assert Path().control.target == LIMITS.start


def test_on_a_quiet_path_it_grows_to_the_ceiling():
    path = Path()
    path.run(8, trip=0.002)
    assert path.control.target == LIMITS.ceiling


def test_without_news_it_stays():
    path = Path()
    path.run(20)
    assert path.control.target == LIMITS.start


def test_a_long_path_is_begun_gently():
    path = Path()
    path.control.on_round_trip(0.08, path.now)
    assert path.control.target == 1_500_000
    path.run(10, trip=0.08)
    assert path.control.target > 4_000_000


def test_an_estimate_that_falls_below_what_is_sent_is_followed_at_once_and_the_queue_drains():
    path = Path()
    path.run(3)
    path.control.on_estimate(5_000_000, path.now)
    path.control.on_estimate(2_000_000, path.now)
    assert path.control.target == LIMITS.start / 2
    path.control.on_estimate(450_000, path.now)
    assert path.control.target == 450_000
    assert path.control.may_send_at(path.now) > path.now + 0.5
    path.run(3, rate=0)
    assert path.control.may_send_at(path.now) == path.now


def test_an_estimate_above_what_is_sent_says_nothing():
    path = Path()
    path.run(3, rate=300_000)
    path.control.on_estimate(400_000, path.now)
    assert path.control.target == LIMITS.start


def test_an_estimate_that_only_trails_behind_is_not_followed():
    """A picture that was easy for long: the receiver has seen no more, and learns it now."""
    path = Path()
    path.control.on_estimate(450_000, path.now)
    estimate = 450_000.0
    for _ in range(8):
        path.run(1)
        estimate *= 1.08
        path.control.on_estimate(estimate, path.now)
    assert path.control.target >= LIMITS.start


def test_an_estimate_that_stands_still_is_somebodys_limit():
    path = Path()
    path.control.on_estimate(512_000, path.now)
    for _ in range(6):
        path.run(1)
        path.control.on_estimate(512_000, path.now)
    assert path.control.target == 512_000
    path.control.on_estimate(9_000_000, path.now)
    assert path.control.target > 512_000


@pytest.mark.parametrize(("lost", "falls"), [(0.0, False), (0.03, False), (0.2, True)])
def test_much_loss_lowers_the_rate_and_a_little_does_not(lost, falls):
    path = Path()
    path.run(1)
    path.control.on_loss(lost, path.now)
    assert (path.control.target < LIMITS.start) is falls


def test_many_packets_asked_for_again_lower_the_rate_before_any_report():
    path = Path()
    path.run(3)
    path.control.on_nack(5, path.now)
    assert path.control.target == LIMITS.start
    path.control.on_nack(80, path.now)
    assert path.control.target < 0.75 * LIMITS.start


def test_a_queue_on_the_way_lowers_the_rate_and_its_end_lets_it_grow():
    path = Path()
    path.run(3, rate=4e6, trip=0.01)
    high = path.control.target
    path.run(2, trip=0.6)
    low = path.control.target
    assert low < 0.6 * high
    path.run(10, trip=0.01)
    assert path.control.target > 0.9 * high


def test_one_late_answer_is_no_queue():
    path = Path()
    path.run(3, trip=0.01)
    before = path.control.target
    path.control.on_round_trip(0.6, path.now)
    path.control.on_round_trip(0.01, path.now + 0.1)
    assert path.control.target >= before


def test_it_stays_above_the_floor():
    path = Path()
    path.run(2)
    path.control.on_estimate(20_000, path.now)
    path.control.on_estimate(10_000, path.now)
    assert path.control.target == LIMITS.floor


def test_a_cap_holds_even_below_the_floor():
    path = Path()
    path.control.cap = 50_000
    assert path.control.target == 50_000
    path.control.cap = None
    assert path.control.target == LIMITS.start


def test_pictures_wait_when_too_much_is_on_its_way():
    path = Path()
    assert path.control.may_send_at(path.now) == path.now
    path.control.sent(int(LIMITS.start * (AHEAD + 0.5) / 8), path.now)
    assert path.control.may_send_at(path.now) == pytest.approx(path.now + 0.5, abs=0.01)
