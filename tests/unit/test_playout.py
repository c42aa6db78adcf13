"""The playout of sound: an even pace without a click, whatever the source's clock and the network do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from jupyter_rtc.media.playout import BOUND, LEAST_MARGIN, MOST_MARGIN, Playout

RATE, PACKET = 48_000, 960
HZ, LEVEL = 440, 0.5
#: The steepest that a tone of this pitch and level gets, from one sample to the next, and a little for fades.
STEEPEST = LEVEL * 2 * np.pi * HZ / RATE * 1.1


def tone() -> Iterator[np.ndarray]:
    """Return 20 ms at a time."""
    number = 0
    while True:
        times = (number * PACKET + np.arange(PACKET)) / RATE
        yield np.repeat(LEVEL * np.sin(2 * np.pi * HZ * times).astype(np.float32)[:, None], 2, axis=1)
        number += 1


def play(arrivals: list[float], seconds: float, playout: Playout | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return what is played while packets of a tone arrive, and what waited at each taking, in seconds."""
    playout = playout or Playout()
    source = tone()
    waiting = iter(sorted(arrivals))
    due = next(waiting, np.inf)
    out, held = [], []
    for number in range(int(seconds * 50)):
        now = number * 0.02
        while due <= now:
            playout.put(next(source))
            due = next(waiting, np.inf)
        out.append(playout.take(PACKET))
        held.append(playout.held / RATE)
    return np.concatenate(out)[:, 0], np.array(held)


def clicks(sound: np.ndarray) -> int:
    """Count steps that a tone cannot have."""
    return int(np.count_nonzero(np.abs(np.diff(sound)) > STEEPEST))


def gaps(sound: np.ndarray) -> int:
    """Count the pieces of silence after the first sound."""
    level = np.abs(sound).reshape(-1, PACKET).max(axis=1)
    quiet = level[np.argmax(level > 0.1) :] < LEVEL / 2
    return int(np.count_nonzero(np.diff(quiet.astype(int)) == 1))


def arrivals(seconds: float, speed: float = 1.0, jitter: float = 0.0, phase: float = 0.007) -> list[float]:
    random = np.random.default_rng(1)
    times = phase + np.arange(int(seconds * 50 * speed) + 5) * 0.02 / speed
    return list(times + random.uniform(0, jitter, len(times)))


def test_without_jitter_it_is_the_very_sound_a_moment_later():
    sound, held = play(arrivals(20), 20)
    begin = int(np.argmax(np.abs(sound) > 0))
    assert begin / RATE <= 0.06
    assert np.median(held) <= 0.05
    settled = sound[-RATE:]
    wanted = (LEVEL * np.sin(2 * np.pi * HZ * np.arange(2 * RATE) / RATE)).astype(np.float32)
    best = min(np.abs(settled - wanted[n : n + RATE]).max() for n in range(RATE))
    assert best < 1e-4, "sample for sample"


@pytest.mark.parametrize("ppm", [-500, -100, 100, 500])
def test_clocks_that_differ_make_neither_clicks_nor_gaps_nor_delay(ppm):
    playout = Playout()
    sound, held = play(arrivals(120, 1 + ppm * 1e-6), 120, playout)
    assert clicks(sound) == 0
    assert gaps(sound) == 0
    assert playout.underruns <= (1 if ppm < 0 else 0)
    assert held[500:].max() < 0.07
    spectrum = np.abs(np.fft.rfft(sound[-10 * RATE :] * np.hanning(10 * RATE)))
    peak = spectrum.argmax() / 10
    assert peak == pytest.approx(HZ * (1 + ppm * 1e-6), abs=0.5)


@pytest.mark.parametrize("jitter", [0.01, 0.03, 0.06])
def test_it_waits_as_long_as_the_jitter_asks_for_and_not_longer(jitter):
    playout = Playout()
    sound, held = play(arrivals(60, jitter=jitter), 60, playout)
    assert clicks(sound) == 0
    assert gaps(sound[10 * RATE :]) <= 2, "it has learnt"
    assert np.median(held[500:]) < jitter + 0.06


@pytest.mark.parametrize("hold_up", [0.1, 0.3, 0.8])
def test_after_a_hold_up_the_delay_is_soon_as_before_without_a_click(hold_up):
    times = [when if when < 5 or when > 5 + hold_up else 5 + hold_up for when in arrivals(15)]
    playout = Playout()
    sound, held = play(times, 15, playout)
    assert clicks(sound) == 0
    before, after = np.median(held[50:240]), np.median(held[-150:])
    assert after <= before + 0.03
    assert np.median(held[int((5 + hold_up + 2) * 50) :]) <= before + 0.07


def test_what_is_lost_is_a_gap_that_fades():
    times = arrivals(6)
    del times[100:110]
    playout = Playout()
    sound, held = play(times, 6, playout)
    assert clicks(sound) <= 1, "the tone itself goes on elsewhere"
    assert np.median(held[-50:]) < 0.08


def test_what_waits_is_bounded():
    playout = Playout()
    source = tone()
    for _ in range(500):
        playout.put(next(source))
        assert playout.held <= BOUND + PACKET
    assert MOST_MARGIN < BOUND


def test_who_begins_to_take_late_hears_what_came_last():
    playout = Playout()
    for number in range(40):
        playout.put(np.full((PACKET, 2), number / 40, np.float32))
    first = playout.take(PACKET)
    assert first[-1, 0] >= (40 - 1 - LEAST_MARGIN / PACKET - 1) / 40 - 1e-6
    assert playout.held <= LEAST_MARGIN + PACKET
    assert playout.underruns == 0


def test_silence_comes_while_there_is_nothing():
    playout = Playout()
    assert playout.take(PACKET).max() == 0
    playout.put(next(tone()))
    assert playout.take(PACKET).max() == 0, "a margin first"
    playout.put(next(tone()))
    assert playout.take(PACKET).max() > 0.1


def test_forgotten_sound_is_not_played():
    playout = Playout()
    for _ in range(5):
        playout.put(np.ones((PACKET, 2), np.float32))
    playout.take(PACKET)
    playout.clear()
    assert playout.take(PACKET).max() == 0
