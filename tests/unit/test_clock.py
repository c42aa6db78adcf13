"""Pacer: when the next item is due."""

from __future__ import annotations

import time

import pytest

from jupyter_rtc.media.clock import Pacer


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    return 1000.0


def test_the_first_item_is_due_at_once_and_the_next_after_a_period(begun):
    pacer = Pacer(0.5)
    assert [pacer.next(begun), pacer.next(begun), pacer.next(begun)] == [1000.0, 1000.5, 1001.0]
    assert pacer.number == 2


def test_rates_do_not_drift(begun):
    pacer = Pacer(1 / 30)
    due = begun
    for _ in range(30 * 3600 + 1):
        due = pacer.next(due)
    assert due == pytest.approx(begun + 3600, abs=1e-6)


def test_who_is_a_little_late_keeps_the_beat(begun):
    pacer = Pacer(1.0)
    pacer.next(begun)
    assert pacer.next(begun + 1.9) == 1001.0  # late by 0.9 of a period: within the slack
    assert pacer.next(begun + 1.95) == 1002.0


def test_who_falls_behind_skips_the_missed_ones_instead_of_rushing(begun):
    pacer = Pacer(1.0)
    pacer.next(begun)
    due = pacer.next(begun + 10.25)
    assert due == 1010.0
    assert pacer.number == 10, "skipped periods count"
    assert pacer.next(begun + 10.25) == 1011.0


def test_the_slack_is_in_periods(begun):
    patient = Pacer(1.0, slack=5)
    patient.next(begun)
    assert patient.next(begun + 5.9) == 1001.0
    assert patient.next(begun + 7.5) == 1007.0
