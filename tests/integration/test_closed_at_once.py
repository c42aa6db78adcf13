"""What is closed, or given up, right after it was started, joined or connected leaves no complaint of asyncio behind.

Such as "Future exception was never retrieved", which come when the garbage is collected.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

import jupyter_rtc as rtc
from jupyter_rtc.engine.loop import engine

from .waiting import SOON

#: In turns of the event loop.
STEPS = (0, 1, 2, 5, 30, 100)


@pytest_asyncio.fixture(autouse=True)
async def quiet(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    yield
    for _ in range(3):
        gc.collect()
        await asyncio.sleep(0.05)
        await engine().run(asyncio.sleep(0))
    assert [r.getMessage() for r in caplog.records if r.name == "asyncio" and r.levelno >= logging.ERROR] == []


async def after(steps: int, *calls: Any, close: Any) -> list[Any]:
    """Begin the calls, close after so many turns, and return what became of the calls."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    for _ in range(steps):
        await asyncio.sleep(0)
    await asyncio.to_thread(close)
    return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), SOON)


@pytest.mark.parametrize("others", [0, 2])
async def test_a_room(others: int) -> None:
    async with rtc.serve_rooms(0) as server:
        there = [rtc.WebSocketRoom(server.url, "seminar") for _ in range(others)]
        for room in there:
            room.add_track(rtc.TestTone())
            await room.join(SOON)
        for steps in STEPS:
            room = rtc.WebSocketRoom(server.url, "seminar")
            room.add_track(rtc.TestTone())
            (outcome,) = await after(steps, room.join(SOON), close=room.close)
            assert outcome is None or isinstance(outcome, rtc.InvalidStateError)
        for seconds in (0, 0.005, 0.02, 0.1):  # with the others, too, in all stages
            room = rtc.WebSocketRoom(server.url, "seminar")
            room.add_track(rtc.TestTone())
            await room.join(SOON)
            await asyncio.sleep(seconds)
            await room.aclose()
        for room in there:
            await room.aclose()


async def test_a_room_that_is_shown() -> None:
    async with rtc.serve_rooms(0) as server:
        room = rtc.WebSocketRoom(server.url, "seminar")
        view = room.view
        room.close()
        view.close()
        server.view.close()


@pytest.mark.parametrize("steps", STEPS)
async def test_a_server(steps: int) -> None:
    server = rtc.WhipServer()
    (outcome,) = await after(steps, _start(server), close=server.close)
    assert outcome is None or isinstance(outcome, rtc.InvalidStateError)
    shown = rtc.WhipServer()
    view = shown.view
    shown.close()
    view.close()


async def _start(server: rtc.WhipServer) -> None:
    await server.start()


class Silent:
    async def send(self, message: Any) -> None:
        await asyncio.sleep(0.001)

    async def receive(self) -> Any:
        await asyncio.Event().wait()

    async def close(self) -> None: ...


NOBODY = "http://127.0.0.1:9/x"
SIGNALINGS = {
    "own": Silent,
    "Whip": lambda: rtc.Whip(NOBODY),
    "Whip with nothing to publish": lambda: rtc.Whip(NOBODY),
    "Whep": lambda: rtc.Whep(NOBODY),
    "text": rtc.CopyPaste,
}


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("name", SIGNALINGS)
async def test_a_connection_through_a_signaling(name: str, steps: int) -> None:
    for cancelled in (False, True):
        pc = rtc.PeerConnection()
        if name in ("own", "Whip", "text"):
            pc.add_track(rtc.TestTone())
        connecting = asyncio.ensure_future(pc.connect(SIGNALINGS[name](), None))
        cancel = partial(connecting.get_loop().call_soon_threadsafe, connecting.cancel)
        await after(steps, connecting, close=cancel if cancelled else pc.close)
        assert isinstance(connecting.cancelled() or connecting.exception(), (bool, rtc.RtcError))
        pc.close()


@pytest.mark.parametrize("steps", STEPS)
async def test_a_pair_and_what_is_asked_of_it(steps: int) -> None:
    a, b = rtc.PeerConnection(), rtc.PeerConnection()
    channel = a.create_data_channel("x")
    a.add_track(rtc.TestTone())

    def close() -> None:
        a.close()
        b.close()

    calls = (rtc.connect_pair(a, b), channel.opened(), channel.drain(), a.get_stats(), a.create_offer())
    for outcome in await after(steps, *calls, close=close):
        assert not isinstance(outcome, Exception) or isinstance(outcome, rtc.RtcError), outcome


async def test_widgets() -> None:
    for make in (rtc.Camera, rtc.Microphone, rtc.Screen, lambda: rtc.Video(rtc.TestPattern((80, 60)))):
        widget = make()
        if hasattr(widget, "start"):
            widget.start()
        widget.close()
