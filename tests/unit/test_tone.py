"""The judge of tones, judged."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tone import RATE, examine

TONE = 0.25 * np.sin(2 * np.pi * 440 * np.arange(5 * RATE) / RATE)


def test_a_tone_is_whole():
    assert vars(examine(TONE, 440)) == {"clicks": 0, "holes": 0, "level": pytest.approx(0.25), "seconds": 5.0}


def test_a_tone_of_another_clock_is_whole():
    assert examine(TONE, 440 * 1.0005).clicks == 0


@pytest.mark.parametrize("missing", [20, 40, 70])
def test_a_jump_is_a_click(missing):
    at = 2 * RATE + 170
    assert examine(np.concatenate([TONE[:at], TONE[at + missing :]]), 440).clicks == 1


def test_a_hole_is_one():
    sound = TONE.copy()
    sound[RATE : RATE + 960] = 0
    found = examine(sound, 440)
    assert found.holes == 2
