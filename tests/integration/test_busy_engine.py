"""While the engine is busy, servers and rooms go on answering; and what fails on it is told."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

import jupyter_rtc as rtc
from jupyter_rtc.engine.loop import engine
from tests.conftest import SCALE

from .waiting import SOON, until


@pytest_asyncio.fixture
async def release() -> AsyncIterator[threading.Event]:
    """Hold up the engine until the test is over, or sets the event."""
    held, released = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        released.wait(4 * SOON)

    engine().post(hold)
    assert held.wait(SOON)
    yield released
    released.set()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[rtc.WhipServer]:
    async with rtc.WhipServer() as server:
        server.publish("pattern", rtc.TestPattern((160, 120)))
        yield server


async def offer(*, direction: str) -> str:
    async with rtc.PeerConnection() as pc:
        pc.add_transceiver("video", direction=direction)
        return (await pc.create_offer()).sdp


@pytest_asyncio.fixture
async def offers() -> dict[str, str]:
    return {"whip/robot": await offer(direction="sendonly"), "whep/pattern": await offer(direction="recvonly")}


async def test_a_whip_server_answers_others_while_the_engine_is_busy(server, offers, release):
    async with aiohttp.ClientSession() as http:

        async def begin(path: str) -> int:
            headers = {"Content-Type": "application/sdp"}
            async with http.post(f"{server.url}/{path}", data=offers[path], headers=headers) as reply:
                return reply.status

        beginning = [asyncio.create_task(begin(path)) for path in offers]
        for _ in range(5):
            async with asyncio.timeout(1 * SCALE), http.get(f"{server.url}/streams") as reply:
                assert await reply.json() == {"whep": ["pattern"]}
        assert not any(task.done() for task in beginning)
        release.set()
        assert await asyncio.wait_for(asyncio.gather(*beginning), SOON) == [201, 201]


async def test_a_room_hears_of_others_while_the_engine_is_busy(release):
    async with rtc.serve_rooms() as rooms:
        ada, bo, cy = (rtc.WebSocketRoom(rooms.url, "seminar", name=name) for name in ("Ada", "Bo", "Cy"))
        try:
            for room in (ada, bo, cy):
                async with asyncio.timeout(1 * SCALE):
                    await room.join()
            adding = asyncio.create_task(asyncio.to_thread(ada.add_track, rtc.TestPattern((160, 120))))
            await until(lambda: sorted(ada.roster) == ["Bo", "Cy"])
            assert not adding.done()
            release.set()
            await adding
            await until(lambda: next(member.tracks for member in bo.members.values() if member.name == "Ada"))
        finally:
            release.set()
            for room in (ada, bo, cy):
                await room.aclose()


async def test_waiting_for_a_connection_does_not_block_the_loop_while_the_engine_is_busy(release):
    class Silent:
        async def send(self, message):
            pass

        async def receive(self):
            await asyncio.Event().wait()

        async def close(self):
            pass

    pc = rtc.PeerConnection()
    connecting = asyncio.create_task(pc.connect(Silent(), timeout=0.05))
    async with asyncio.timeout(1 * SCALE):
        await asyncio.sleep(0.2)  # time for other tasks of this loop, past the end of the attempt
    assert not connecting.done()  # the report of a timeout comes from the engine
    release.set()
    with pytest.raises(rtc.ConnectTimeout):
        await asyncio.wait_for(connecting, SOON)
    pc.close()


async def fails() -> None:
    raise ValueError("no such codec")


async def test_a_failed_call_that_nobody_waits_for_is_logged(caplog):
    engine().spawn(fails())
    await until(lambda: "no such codec" in caplog.text)


async def test_a_call_whose_caller_was_cancelled_is_logged_when_it_fails(caplog, release):
    calling = asyncio.create_task(engine().run(fails()))
    await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    release.set()
    await until(lambda: "no such codec" in caplog.text)


def test_a_call_that_took_too_long_is_logged_when_it_fails(caplog):
    released = threading.Event()
    engine().post(released.wait, SOON)
    with pytest.raises(TimeoutError):
        engine().call(fails(), 0.05)
    released.set()
    engine().call(asyncio.sleep(0), SOON)
    assert "no such codec" in caplog.text


async def test_a_call_that_came_after_the_end_is_no_error(caplog, release):
    pc = rtc.PeerConnection()
    offering = asyncio.create_task(pc.create_offer())
    await asyncio.sleep(0)
    offering.cancel()
    pc._begin_to_close()
    release.set()
    await pc.aclose()
    engine().call(asyncio.sleep(0), SOON)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
