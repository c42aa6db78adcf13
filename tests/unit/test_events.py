"""Events: order, isolation, coroutines, threads."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from jupyter_rtc.media.events import Emitter, Serial, describe
from tests.conftest import SCALE

SOON = 5 * SCALE


class Bell(Emitter):
    _events = frozenset({"ring", "stop"})

    def done(self) -> None:
        """Wait until all callbacks so far have run."""
        over = threading.Event()
        self._serial.submit(over.set)
        assert over.wait(SOON)


@pytest.fixture
def bell() -> Bell:
    return Bell()


def test_a_callback_gets_the_payload(bell):
    got = []
    bell.on("ring", lambda *payload: got.append(payload))
    bell._emit("ring", 1, "two")
    bell._emit("ring")
    bell.done()
    assert got == [(1, "two"), ()]


def test_callbacks_run_in_the_order_of_their_events_and_one_at_a_time(bell):
    got: list[tuple[str, int]] = []
    running = []

    def callback(name: str, number: int) -> None:
        running.append(1)
        assert len(running) == 1
        got.append((name, number))
        running.pop()

    bell.on("ring", lambda n: callback("first", n))
    bell.on("stop", lambda n: callback("stop", n))
    bell.on("ring", lambda n: callback("second", n))
    for number in range(100):
        bell._emit("ring", number)
        bell._emit("stop", number)
    bell.done()
    assert got == [(name, number) for number in range(100) for name in ("first", "second", "stop")]


def test_events_from_many_threads_are_all_delivered(bell):
    got = []
    bell.on("ring", got.append)
    threads = [
        threading.Thread(target=lambda n=n: [bell._emit("ring", n * 100 + i) for i in range(100)]) for n in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bell.done()
    assert sorted(got) == list(range(500))


def test_a_callback_that_raises_harms_no_other_and_is_logged_with_its_traceback(bell, caplog):
    got = []

    def wrong() -> None:
        raise ZeroDivisionError("in the user's callback")

    bell.on("ring", wrong)
    bell.on("ring", lambda: got.append("second"))
    with caplog.at_level(logging.ERROR, logger="jupyter_rtc"):
        bell._emit("ring")
        bell._emit("ring")
        bell.done()
    assert got == ["second", "second"]
    assert caplog.text.count("ZeroDivisionError: in the user's callback") == 2
    assert "in wrong" in caplog.text


def test_a_callback_that_exits_harms_no_other(bell):
    """sys.exit() in a callback ends neither the kernel nor the events."""
    got = []

    def leave() -> None:
        raise SystemExit

    bell.on("ring", leave)
    bell.on("ring", lambda: got.append("second"))
    bell._emit("ring")
    bell.done()
    assert got == ["second"]


def test_coroutine_callbacks_are_awaited_in_order(bell):
    got = []

    async def slow(number: int) -> None:
        await asyncio.sleep(0.02 if number == 0 else 0)
        got.append(("async", number))

    bell.on("ring", slow)
    bell.on("ring", lambda number: got.append(("sync", number)))
    bell._emit("ring", 0)
    bell._emit("ring", 1)
    bell.done()
    assert got == [("async", 0), ("sync", 0), ("async", 1), ("sync", 1)]


def test_a_coroutine_callback_that_raises_is_logged_and_harms_no_other(bell, caplog):
    got = []

    async def wrong() -> None:
        raise KeyError("in the user's coroutine")

    bell.on("ring", wrong)
    bell.on("ring", lambda: got.append("second"))
    bell._emit("ring")
    bell.done()
    assert got == ["second"]
    assert "in the user's coroutine" in caplog.text


def test_a_callback_may_listen_and_emit(bell):
    got = []

    def again() -> None:
        bell.on("stop", lambda: got.append("stop"))
        bell._emit("stop")

    bell.on("ring", again)
    bell._emit("ring")
    bell.done()
    bell.done()
    assert got == ["stop"]


def test_on_is_a_decorator_and_leaves_the_function_alone(bell):
    got = []

    @bell.on("ring")
    def callback() -> str:
        got.append("rung")
        return "itself"

    bell._emit("ring")
    bell.done()
    assert got == ["rung"]
    assert callback() == "itself"


def test_the_way_out_is_exact(bell):
    got = []

    def callback() -> None:
        got.append(1)

    stop_first = bell.on("ring", callback)
    bell.on("ring", callback)
    bell._emit("ring")
    bell.done()
    stop_first()
    stop_first()
    bell._emit("ring")
    bell.done()
    assert len(got) == 2 + 1, "stopping twice must not take the other listener's place"


def test_who_stops_in_a_callback_hears_no_event_that_was_already_on_its_way(bell):
    got = []
    bell.on("ring", lambda number: (got.append(number), stop()))
    stop = bell.on("ring", lambda number: got.append(("late", number)))
    bell._emit("ring", 0)
    bell.done()
    assert got == [0]


def test_an_unknown_event_is_refused_with_those_there_are(bell):
    with pytest.raises(ValueError, match=r"Bell has no event 'knock'.*ring.*stop"):
        bell.on("knock", print)
    with pytest.raises(ValueError, match="knock"):
        bell.on("knock")


@pytest.mark.parametrize("event", [3, None, b"ring", ["ring"]])
def test_an_event_is_named_by_a_text(bell, event):
    with pytest.raises(TypeError, match=f"event is a str, not {type(event).__name__}"):
        bell.on(event, print)
    with pytest.raises(TypeError, match="event is a str"):
        bell.on(event)


@pytest.mark.parametrize("callback", [7, "print", []])
def test_what_cannot_be_called_is_refused_when_it_is_given(bell, callback):
    with pytest.raises(TypeError, match="ring"):
        bell.on("ring", callback)


def test_callbacks_run_neither_where_the_event_happens_nor_on_the_engines_thread(bell):
    from jupyter_rtc.engine.loop import engine

    names = []
    bell.on("ring", lambda: names.append(threading.current_thread().name))
    engine().post(bell._emit, "ring")
    bell._emit("ring")

    async def callback() -> None:
        names.append(threading.current_thread().name)

    bell.on("stop", callback)
    engine().call(_emit_there(bell), SOON)
    bell.done()
    assert len(names) == 3
    assert not {"jupyter-rtc-engine", threading.current_thread().name} & set(names)


async def _emit_there(bell: Bell) -> None:
    bell._emit("stop")


def test_a_slow_callback_holds_up_no_other_object():
    slow, quick = Bell(), Bell()
    release, heard = threading.Event(), threading.Event()
    slow.on("ring", lambda: release.wait(SOON))
    quick.on("ring", heard.set)
    slow._emit("ring")
    quick._emit("ring")
    assert heard.wait(SOON)
    release.set()
    slow.done()


def test_the_thread_of_the_callbacks_ends_with_them():
    serial = Serial()
    threads = []
    done = threading.Event()
    serial.submit(lambda: threads.append(threading.current_thread()))
    serial.submit(done.set)
    assert done.wait(SOON)
    threads[0].join(SOON)
    assert not threads[0].is_alive()
    again = threading.Event()
    serial.submit(again.set)
    assert again.wait(SOON), "and comes again when there is more"


def test_a_traceback_begins_in_the_users_own_code():
    from jupyter_rtc.media.arrays import picture_from_array

    try:
        picture_from_array("nonsense", 0)
    except TypeError as error:
        text = describe(error)
    assert __file__ in text
    assert "jupyter_rtc/media/frames.py" not in text
    assert text.splitlines()[-1].startswith("TypeError: str is not a picture")


def test_an_error_without_a_traceback_is_one_line():
    assert describe(ValueError("alone")) == "ValueError: alone"
