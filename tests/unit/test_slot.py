"""Slot: what waits for a reader, what is dropped, who is woken."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from jupyter_rtc import OperationError
from jupyter_rtc.media.slot import Slot, SlotClosed
from tests.conftest import SCALE

SOON = 5 * SCALE


def test_items_come_out_in_the_order_in_which_they_went_in():
    slot = Slot(3)
    for item in "abc":
        slot.put(item)
    assert [slot.get(0), slot.get(0), slot.get(0)] == ["a", "b", "c"]
    assert slot.dropped == 0


def test_a_full_slot_drops_the_oldest_and_counts_it():
    slot = Slot(2)
    for item in range(5):
        slot.put(item)
    assert [slot.get(0), slot.get(0)] == [3, 4]
    assert slot.dropped == 3
    with pytest.raises(TimeoutError):
        slot.get(0)


def test_a_slot_that_must_not_lose_gives_what_it_has_and_then_raises():
    slot = Slot(2, full="fail")
    for item in range(4):
        slot.put(item)
    assert [slot.get(0), slot.get(0)] == [0, 1]
    with pytest.raises(OperationError, match="2 items behind"):
        slot.get(0)
    with pytest.raises(OperationError):
        slot.get(0)


def test_after_an_overflow_nothing_later_is_slipped_in():
    slot = Slot(1, full="fail")
    slot.put("first")
    slot.put("lost")
    assert slot.get(0) == "first"
    slot.put("later")
    with pytest.raises(OperationError):
        slot.get(0)


def test_a_closed_slot_gives_what_is_left_and_then_says_so():
    slot = Slot(2)
    slot.put("last")
    slot.close()
    slot.put("too late")
    assert slot.get(0) == "last"
    with pytest.raises(SlotClosed):
        slot.get(0)
    slot.close()
    with pytest.raises(SlotClosed):
        slot.get()


@pytest.mark.parametrize("item", [0, "", (), False])
def test_an_item_may_be_false(item):
    slot = Slot()
    slot.put(item)
    assert slot.get(0) == item


def test_a_timeout_is_kept_and_not_much_exceeded():
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        Slot().get(0.05)
    assert 0.045 <= time.monotonic() - began < SOON


async def test_a_timeout_is_kept_on_an_event_loop():
    slot = Slot()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await slot.aget(0.05)
    assert 0.045 <= time.monotonic() - began < SOON
    assert not slot._waiters, "who gave up is still in the list of those to be woken"


def test_a_put_wakes_a_thread_that_waits():
    slot = Slot()
    got = []
    reader = threading.Thread(target=lambda: got.append(slot.get(SOON)))
    reader.start()
    slot.put("x")
    reader.join(SOON)
    assert got == ["x"]


def test_closing_wakes_all_threads_that_wait():
    slot = Slot()
    ended = []

    def read() -> None:
        with pytest.raises(SlotClosed):
            slot.get(SOON)
        ended.append(True)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    slot.close()
    for reader in readers:
        reader.join(SOON)
    assert len(ended) == 3


async def test_a_put_from_another_thread_wakes_an_event_loop():
    slot = Slot()
    waiting = asyncio.ensure_future(slot.aget(SOON))
    await asyncio.sleep(0)  # it waits now
    await asyncio.to_thread(slot.put, "x")
    assert await waiting == "x"


async def test_closing_wakes_event_loops():
    slot = Slot()
    waiting = asyncio.ensure_future(slot.aget(SOON))
    await asyncio.sleep(0)
    await asyncio.to_thread(slot.close)
    with pytest.raises(SlotClosed):
        await waiting


async def test_of_two_awaiting_readers_each_gets_an_item():
    slot = Slot(2)
    waiting = [asyncio.ensure_future(slot.aget(SOON)) for _ in range(2)]
    await asyncio.sleep(0)
    slot.put("a")
    slot.put("b")
    assert sorted(await asyncio.gather(*waiting)) == ["a", "b"]


async def test_a_cancelled_reader_takes_nothing_with_it():
    slot = Slot()
    waiting = asyncio.ensure_future(slot.aget())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    slot.put("x")
    assert await slot.aget(0) == "x"
    assert not slot._waiters


async def test_a_reader_cancelled_when_its_item_is_on_its_way_is_cancelled_all_the_same():
    """asyncio.wait_for of Python 3.11 swallows it."""
    slot = Slot()
    waiting = asyncio.ensure_future(slot.aget(SOON))
    await asyncio.sleep(0)
    slot.put("x")
    await asyncio.sleep(0)  # it was woken, and has not run yet
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await slot.aget(0) == "x"


def test_a_reader_whose_loop_was_closed_harms_no_producer():
    slot = Slot(2)
    loop = asyncio.new_event_loop()
    slot._waiters.append((loop, loop.create_future()))
    loop.close()
    slot.put("a")
    slot.put("b")
    assert slot.get(0) == "a"


def test_nothing_is_lost_or_doubled_between_threads():
    slot = Slot(10_000, full="fail")
    got: list[int] = []

    def read() -> None:
        while True:
            try:
                got.append(slot.get(SOON))
            except SlotClosed:
                return

    readers = [threading.Thread(target=read) for _ in range(3)]
    writers = [threading.Thread(target=lambda n=n: [slot.put(n * 1000 + i) for i in range(1000)]) for n in range(4)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    slot.close()
    for thread in readers:
        thread.join(SOON)
    assert sorted(got) == list(range(4000))
