"""A kernel with live media shows a sign of life once a minute, and no more often."""

from __future__ import annotations

import itertools
import time

import pytest

from jupyter_rtc import config, configure
from jupyter_rtc.link import keep_awake


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    monkeypatch.setattr(config, "_keep_awake", None)
    monkeypatch.delenv("JUPYTER_RTC_KEEP_AWAKE", raising=False)
    monkeypatch.setattr(keep_awake, "_last", 0.0)
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def signs_of_an_hour(clock: list[float], *, live: bool = True) -> list[float]:
    """Return when the kernel sent something, while ten pages have a heartbeat a second."""
    sent: list[float] = []
    for _ in range(3600):
        clock[0] += 1
        for _page in range(10):
            keep_awake.show_life(lambda: live, lambda: sent.append(clock[0]))
    return sent


def test_it_is_one_message_a_minute_for_all_pages(clock: list[float]) -> None:
    sent = signs_of_an_hour(clock)
    assert len(sent) == 60
    assert {after - before for before, after in itertools.pairwise(sent)} == {60.0}


def test_there_is_none_while_nothing_is_live(clock: list[float]) -> None:
    assert signs_of_an_hour(clock, live=False) == []


def test_it_can_be_turned_off(clock: list[float]) -> None:
    configure(keep_awake=False)
    assert signs_of_an_hour(clock) == []


@pytest.mark.parametrize(
    ("value", "wanted"), [("0", False), ("false", False), ("False", False), ("1", True), ("true", True)]
)
def test_the_environment_says_so_too(monkeypatch: pytest.MonkeyPatch, value: str, wanted: bool) -> None:
    monkeypatch.setenv("JUPYTER_RTC_KEEP_AWAKE", value)
    assert config.keep_awake() is wanted
    configure(keep_awake=not wanted)
    assert config.keep_awake() is not wanted


def test_a_wrong_value_is_told_and_harms_nothing(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    monkeypatch.setenv("JUPYTER_RTC_KEEP_AWAKE", "sometimes")
    with pytest.raises(ValueError, match="JUPYTER_RTC_KEEP_AWAKE is true or false, not 'sometimes'"):
        config.keep_awake()
    assert len(signs_of_an_hour(clock)) == 60
    with pytest.raises(TypeError, match="keep_awake"):
        configure(keep_awake="no")  # type: ignore[arg-type]
