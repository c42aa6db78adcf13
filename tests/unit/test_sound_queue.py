"""Written sound: what is heard when, by whom, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from jupyter_rtc.media import sound_queue
from jupyter_rtc.media.sound_queue import GRACE, SoundQueue

RATE = 1_000


def block(value: float, length: int = 20) -> np.ndarray:
    return np.full((length, 1), value, np.float32)


def ramp(length: int) -> np.ndarray:
    return (np.arange(length, dtype=np.float32) / length)[:, None]


def heard(queue: SoundQueue, count: int, now: float = 0.0) -> list[float]:
    return queue.take(count, now)[:, 0].round(4).tolist()


def test_what_was_written_is_played_in_order_and_then_there_is_silence():
    queue = SoundQueue(RATE, 1)
    queue.play(True, 0)
    queue.put(block(0.5, 3), 0)
    queue.put(block(0.25, 2), 0)
    assert queue.held == 5
    assert heard(queue, 4) == [0.5, 0.5, 0.5, 0.25]
    assert heard(queue, 4) == [0.25, 0, 0, 0]
    assert queue.held == 0


def test_a_listener_who_comes_late_begins_with_now():
    """Of a writer that goes on in real time, ten seconds long."""
    queue = SoundQueue(RATE, 1)
    for number in range(500):
        queue.put(block(number), number * 0.02)
    queue.play(True, 10.0)
    first = heard(queue, 20, 10.0)[0]
    assert first >= 500 - 1 - GRACE / 0.02
    assert queue.delay == pytest.approx((500 - first) * 0.02, abs=0.021)


def test_what_was_written_at_once_has_gone_on_by_the_time_somebody_listens():
    queue = SoundQueue(RATE, 1)
    queue.put(ramp(3_000), 0)
    queue.play(True, 1.0)
    assert heard(queue, 1)[0] == pytest.approx((1 - GRACE) / 3, abs=0.002)
    assert queue.held == pytest.approx(2_000 + GRACE * RATE, abs=2)


def test_what_is_over_by_the_time_somebody_listens_is_not_heard():
    queue = SoundQueue(RATE, 1)
    queue.put(block(0.5, 500), 0)
    queue.pass_time(100)
    assert queue.held == 0
    queue.put(block(0.25), 100)
    queue.play(True, 100)
    assert heard(queue, 20) == [0.25] * 20


def test_it_goes_on_between_two_listeners():
    queue = SoundQueue(RATE, 1)
    queue.put(ramp(4_000), 0)
    queue.play(True, 0)
    queue.take(1_000, 1.0)
    queue.play(False, 1.0)
    queue.play(True, 3.0)
    assert heard(queue, 1)[0] == pytest.approx((3 - GRACE) / 4, abs=0.002)


def test_a_listener_who_is_there_hears_all_of_it_however_far_ahead_it_was_written():
    queue = SoundQueue(RATE, 1)
    queue.play(True, 0)
    for number in range(100):
        queue.put(block(number), 0)
    assert [heard(queue, 20, number * 0.02)[0] for number in range(100)] == list(range(100))
    assert queue.delay == pytest.approx(1.98)


@pytest.mark.parametrize("playing", [False, True])
def test_with_a_latency_no_more_than_that_waits(playing):
    queue = SoundQueue(RATE, 1, latency=0.1)
    queue.play(playing, 0)
    queue.put(block(0.5, 90), 0)
    queue.put(block(0.25, 90), 0)
    assert queue.held == 100
    assert queue.dropped == 1
    sound = heard(queue, 100)
    assert sound[10:] == [0.25] * 90
    queue.put(ramp(1_000), 0)
    assert queue.held == 100, "also of one block that is longer"
    assert heard(queue, 100)[-1] == pytest.approx(0.999)


def test_a_cut_that_is_heard_is_faded():
    queue = SoundQueue(RATE * 8, 1, latency=0.1)
    queue.play(True, 0)
    queue.put(block(-0.5, 800), 0)
    queue.put(block(0.5, 800), 0)
    sound = queue.take(800, 0)[:, 0]
    assert sound[0] == pytest.approx(-0.5)
    assert np.abs(np.diff(sound)).max() < 0.05


def test_without_a_latency_only_what_nobody_could_want_is_left_out(monkeypatch):
    monkeypatch.setattr(sound_queue, "BOUND", 1.0)
    queue = SoundQueue(RATE, 1)
    queue.play(True, 0)
    queue.put(block(0.5, 3_000), 0)
    assert queue.held == 3_000, "written at once it is all there"
    queue.put(block(0.25, 400), 0)
    assert queue.held == 1_000


def test_cleared_it_is_empty():
    queue = SoundQueue(RATE, 2)
    queue.put(np.ones((500, 2), np.float32), 0)
    queue.clear()
    assert queue.held == 0
    queue.play(True, 0)
    assert not queue.take(20, 0).any()
    assert queue.delay is None
