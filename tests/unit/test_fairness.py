"""The interpreter's switch interval while media flow."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from jupyter_rtc import config, configure
from jupyter_rtc.engine import fairness

PYTHONS = 0.005


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = sys.getswitchinterval()
    monkeypatch.setattr(config, "_switch_interval", None)
    monkeypatch.setattr(fairness, "_holders", set())
    monkeypatch.setattr(fairness, "_before", None)
    monkeypatch.setattr(fairness, "_ours", None)
    sys.setswitchinterval(PYTHONS)
    yield
    sys.setswitchinterval(before)


def interval() -> float:
    return pytest.approx(sys.getswitchinterval(), abs=1e-6)


def test_it_is_short_while_anybody_holds_it_and_restored_then():
    first, second = object(), object()
    fairness.hold(first)
    fairness.hold(second)
    fairness.hold(second)
    assert interval() == 0.0005
    fairness.release(first)
    assert interval() == 0.0005
    fairness.release(second)
    assert interval() == PYTHONS
    fairness.release(second)
    assert interval() == PYTHONS


def test_what_a_user_sets_meanwhile_is_left():
    owner = object()
    fairness.hold(owner)
    sys.setswitchinterval(0.002)
    fairness.release(owner)
    assert interval() == 0.002


def test_one_that_is_shorter_already_is_left():
    sys.setswitchinterval(0.0001)
    owner = object()
    fairness.hold(owner)
    assert interval() == 0.0001
    fairness.release(owner)
    assert interval() == 0.0001


def test_it_can_be_turned_off(monkeypatch):
    monkeypatch.setenv("JUPYTER_RTC_SWITCH_INTERVAL", "0")
    owner = object()
    fairness.hold(owner)
    assert interval() == PYTHONS
    fairness.release(owner)
    configure(switch_interval=0.001)
    fairness.hold(owner)
    assert interval() == 0.001, "configure goes before the environment"
    fairness.release(owner)


@pytest.mark.parametrize("wrong", [-1, 2, float("nan")])
def test_a_wrong_one_is_refused(wrong):
    with pytest.raises(ValueError, match="switch_interval"):
        configure(switch_interval=wrong)


def test_a_wrong_one_in_the_environment_is_named(monkeypatch):
    monkeypatch.setenv("JUPYTER_RTC_SWITCH_INTERVAL", "fast")
    with pytest.raises(ValueError, match=r"JUPYTER_RTC_SWITCH_INTERVAL.*'fast'"):
        config.switch_interval()
