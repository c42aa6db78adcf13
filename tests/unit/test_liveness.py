"""Whether the other side is silent: only what was listened to counts."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from jupyter_rtc.engine import liveness
from jupyter_rtc.engine.liveness import listen


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, late: float = 0.0) -> None:
        self.now, self.late, self.consent = 100.0, late, True
        monkeypatch.setattr(liveness, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(liveness, "asyncio", SimpleNamespace(gather=asyncio.gather, sleep=self.sleep))

    async def sleep(self, seconds: float) -> None:
        self.now += seconds + self.late

    def withdraw_consent(self) -> None:
        self.consent = False


async def told(clock: Clock, answers: list[bool], took: float = 0.5) -> list[bool]:
    """Return what was told of a side that answers so, after so long."""
    rounds, said = iter(answers), []

    class Way(SimpleNamespace):
        active = "one"

        async def is_alive(self) -> bool:
            clock.now += took + clock.late
            return next(rounds)

        def withdraw_consent(self) -> None:
            clock.consent = False

    ways = [Way()]
    left = len(answers)

    def used() -> list[Way]:
        nonlocal left
        left -= 1
        return ways if left >= 0 else []

    await listen(used, lambda _seconds, _alive: None, said.append)
    return said


async def test_a_side_that_does_not_answer_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await told(Clock(monkeypatch), [True] + [False] * 6) == [False] * 5 + [True] * 2


async def test_while_we_are_held_up_the_other_side_is_not_to_blame(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each turn comes 5 s late: this process hardly gets a processor.
    assert not any(await told(Clock(monkeypatch, late=5.0), [True, False, False, True]))


async def test_consent_ends_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, late=5.0)
    await told(clock, [True] + [False] * 5)
    assert not clock.consent
