"""A data channel that is not read, or slowly: its bytes are bounded, and the other side waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

import jupyter_rtc as rtc
from jupyter_rtc.engine import compat_data
from jupyter_rtc.engine.loop import engine
from tests.conftest import SCALE

from .waiting import SOON, until

PIECE = 16_384


@pytest.fixture(autouse=True)
def small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat_data, "WINDOW", 1 << 20)
    monkeypatch.setattr(compat_data, "LIMIT", 2 << 20)


class Bench:
    """Two connections with channels between them, and what they hold."""

    def __init__(self) -> None:
        self.a, self.b = rtc.PeerConnection(), rtc.PeerConnection()
        self.there: dict[str, rtc.DataChannel] = {}
        self.b.on("datachannel", lambda channel: self.there.setdefault(channel.label, channel))

    async def open(self, *labels: str) -> list[tuple[rtc.DataChannel, rtc.DataChannel]]:
        here = [self.a.create_data_channel(label) for label in labels]
        await rtc.connect_pair(self.a, self.b, SOON)
        await until(lambda: all(channel.ready_state == "open" for channel in here) and len(self.there) == len(here))
        return [(channel, self.there[channel.label]) for channel in here]

    @property
    def held(self) -> int:
        return next(iter(self.there.values()))._channel._window._held


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    bench.a.close()
    bench.b.close()


async def push(channel: rtc.DataChannel, count: int) -> None:
    for number in range(count):
        channel.send(number.to_bytes(4) + bytes(PIECE - 4))
        await channel.drain()


async def is_stuck(pushing: asyncio.Task[None], bench: Bench) -> None:
    """Wait until the window is full, and see that nothing more is kept."""
    await until(lambda: bench.held >= compat_data.LIMIT)
    await asyncio.sleep(1.5 * SCALE)  # longer than the other side takes to ask again
    assert bench.held <= compat_data.LIMIT + 2 * PIECE
    assert not pushing.done()


async def test_what_nobody_reads_makes_the_other_side_wait_and_is_all_there_when_it_is_read(bench, caplog):
    ((here, there),) = await bench.open("telemetry")
    pushing = asyncio.create_task(push(here, 400))
    await is_stuck(pushing, bench)
    assert here.buffered_amount > 0
    assert "data channel 'telemetry'" in caplog.text
    numbers = []
    async with asyncio.timeout(SOON):
        async for message in there:
            numbers.append(int.from_bytes(message[:4]))
            if len(numbers) == 400:
                break
    assert numbers == list(range(400))
    await pushing
    await until(lambda: bench.held == 0)


async def test_a_slow_callback_makes_the_other_side_wait_and_gets_everything_in_order(bench):
    ((here, there),) = await bench.open("telemetry")
    go_on, numbers = threading.Event(), []

    def slow(message: Any) -> None:
        go_on.wait(SOON)
        numbers.append(int.from_bytes(message[:4]))

    there.on("message", slow)
    pushing = asyncio.create_task(push(here, 300))
    await is_stuck(pushing, bench)
    go_on.set()
    await until(lambda: len(numbers) == 300)
    assert numbers == list(range(300))
    await pushing
    await until(lambda: bench.held == 0)


async def test_many_short_messages_are_bounded_too(bench):
    ((here, _),) = await bench.open("telemetry")

    async def chatter() -> None:
        for _ in range(100_000):
            here.send("x")
            await here.drain()

    pushing = asyncio.create_task(chatter())
    await until(lambda: bench.held >= compat_data.WINDOW)
    assert bench.there["telemetry"]._messages_received < 5000
    pushing.cancel()


async def test_a_channel_that_is_closed_holds_up_no_other(bench):
    (first, unread), (second, read) = await bench.open("unread", "read")
    pushing = asyncio.create_task(push(first, 400))
    await is_stuck(pushing, bench)
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()
    read.on("message", lambda _: loop.call_soon_threadsafe(heard.set))
    second.send("anybody there?")
    unread.close()
    await asyncio.wait_for(heard.wait(), SOON)
    await asyncio.gather(pushing, return_exceptions=True)
    await until(lambda: bench.held == 0)


async def test_a_callback_that_comes_late_gets_what_comes_then_and_the_rest_holds_up_nobody(bench):
    ((here, there),) = await bench.open("telemetry")
    pushing = asyncio.create_task(push(here, 300))
    await is_stuck(pushing, bench)
    numbers = []
    there.on("message", lambda message: numbers.append(int.from_bytes(message[:4])))
    await pushing
    await until(lambda: numbers[-1:] == [299])
    assert numbers == list(range(numbers[0], 300))
    await until(lambda: bench.held == 0)
    early = [int.from_bytes(message[:4]) for message in there._unread.items()]
    assert early == list(range(numbers[0]))


async def test_who_has_iterated_and_listens_now_keeps_nothing(bench):
    ((here, there),) = await bench.open("telemetry")
    here.send("first")
    async for message in there:
        assert message == "first"
        break
    numbers = []
    there.on("message", lambda message: numbers.append(message))
    await asyncio.wait_for(push(here, 300), SOON)
    await until(lambda: len(numbers) == 300)
    assert len(there._unread) == 0


async def test_the_window_that_is_advertised_shrinks_to_nothing_and_grows_again(bench):
    ((here, there),) = await bench.open("telemetry")
    windows: list[int] = []
    sctp = here._channel._channel.transport
    receive = sctp._receive_sack_chunk

    async def noted(chunk: Any) -> None:
        windows.append(chunk.advertised_rwnd)
        await receive(chunk)

    sctp._receive_sack_chunk = noted
    pushing = asyncio.create_task(push(here, 200))
    await until(lambda: windows and windows[-1] == 0)
    assert windows[0] > compat_data.WINDOW - 4 * PIECE
    count = 0
    async for _ in there:
        count += 1
        if count == 200:
            break
    await pushing
    await until(lambda: windows[-1] > compat_data.WINDOW - 4 * PIECE)


async def test_what_is_read_as_the_connection_closes_is_acknowledged_to_nobody(bench):
    ((here, there),) = await bench.open("telemetry")
    here.send("hello")
    await until(lambda: len(there._unread) == 1)
    sctp = there._channel._channel.transport
    await engine().run(sctp.transport.stop())
    with pytest.raises(ConnectionError):
        await engine().run(sctp._send_sack())
    await engine().run(compat_data._acknowledge(sctp))
