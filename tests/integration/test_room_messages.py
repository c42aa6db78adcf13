"""Messages in rooms: from each member to all others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

import jupyter_rtc as rtc
from jupyter_rtc.engine import compat_data
from jupyter_rtc.signaling import line

from .waiting import SOON, until


class Hall:
    """Rooms of several members, and what each has heard, as (name, data)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.rooms: dict[str, rtc.WebSocketRoom] = {}
        self.heard: dict[str, list[tuple[str, Any]]] = {}

    async def enter(self, name: str) -> rtc.WebSocketRoom:
        room = self.rooms[name] = rtc.WebSocketRoom(self._url, "seminar", name=name)
        heard = self.heard[name] = []
        room.on("message", lambda member, data: heard.append((member.name, data)))
        await room.join(SOON)
        return room

    async def meet(self, *names: str) -> list[rtc.WebSocketRoom]:
        rooms = [await self.enter(name) for name in names]
        await until(lambda: all(len(room.roster) == len(names) - 1 for room in rooms))
        return rooms


@pytest_asyncio.fixture
async def hall() -> AsyncIterator[Hall]:
    async with rtc.serve_rooms(0) as server:
        hall = Hall(server.url)
        yield hall
        for room in hall.rooms.values():
            await room.aclose()


async def test_everyone_gets_what_anyone_sends_with_the_member_and_the_data(hall):
    ada, bo, _ = await hall.meet("Ada", "Bo", "Cy")
    ada.send("hello")
    bo.send(b"\x00\xff")
    await until(lambda: len(hall.heard["Cy"]) == 2 and hall.heard["Ada"] and hall.heard["Bo"])
    assert sorted(hall.heard["Cy"], key=str) == [("Ada", "hello"), ("Bo", b"\x00\xff")]
    assert (hall.heard["Ada"], hall.heard["Bo"]) == ([("Bo", b"\x00\xff")], [("Ada", "hello")])
    assert {type(member).__name__ for member in ada.members.values()} == {"Member"}


async def test_what_is_sent_before_the_connection_stands_comes_in_order_when_it_does(hall):
    ada, _bo = await hall.enter("Ada"), await hall.enter("Bo")
    await until(lambda: ada.members)
    for number in range(20):
        ada.send(str(number))
    await until(lambda: len(hall.heard["Bo"]) == 20)
    assert [data for _, data in hall.heard["Bo"]] == [str(number) for number in range(20)]


async def test_who_comes_later_gets_what_is_sent_then(hall):
    ada, _bo = await hall.meet("Ada", "Bo")
    ada.send("early")
    await until(lambda: hall.heard["Bo"])
    await hall.enter("Cy")
    await until(lambda: len(ada.roster) == 2)
    ada.send("late")
    await until(lambda: hall.heard["Cy"])
    assert hall.heard["Cy"] == [("Ada", "late")]


@pytest.mark.parametrize(
    ("sent", "got"),
    [
        ("", ""),
        ("\N{GRINNING FACE} é \x00", "\N{GRINNING FACE} é \x00"),
        ("\ud800", "\ufffd"),
        (b"", b""),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        (np.arange(3, dtype=np.uint8), b"\x00\x01\x02"),
        ("x" * 262_144, "x" * 262_144),
        (bytes(262_144), bytes(262_144)),
    ],
    ids=range(9),
)
async def test_any_text_and_bytes_arrive_as_they_were(hall, sent, got):
    ada, _bo = await hall.meet("Ada", "Bo")
    ada.send(sent)
    await until(lambda: hall.heard["Bo"])
    assert hall.heard["Bo"] == [("Ada", got)]


@pytest.mark.parametrize("wrong", [None, 5, 1.5, {"a": 1}, object()])
async def test_what_is_neither_text_nor_bytes_is_refused(hall, wrong):
    ada = await hall.enter("Ada")
    with pytest.raises(TypeError, match=type(wrong).__name__):
        ada.send(wrong)


@pytest.mark.parametrize("long", ["x" * 262_145, bytes(262_145), "é" * 131_073])
async def test_what_is_too_long_is_refused_with_its_size(hall, long):
    ada = await hall.enter("Ada")
    with pytest.raises(ValueError, match=r"at most 262144 bytes, this one 26214[56]: send it in parts"):
        ada.send(long)


async def test_a_room_that_is_not_entered_or_was_left_sends_nothing(hall):
    room = rtc.WebSocketRoom("ws://127.0.0.1:9", "seminar")
    with pytest.raises(rtc.InvalidStateError, match="not entered"):
        room.send("x")
    room.close()
    with pytest.raises(rtc.InvalidStateError, match="left"):
        room.send("x")


async def test_a_slow_callback_makes_the_senders_wait_and_loses_nothing(hall, monkeypatch):
    monkeypatch.setattr(compat_data, "WINDOW", 1 << 20)
    monkeypatch.setattr(compat_data, "LIMIT", 1 << 20)
    ada, bo = await hall.meet("Ada", "Bo")
    go_on = threading.Event()
    bo.on("message", lambda _member, _data: go_on.wait(SOON))
    for number in range(200):
        ada.send(number.to_bytes(4) + bytes(16_380))
    (member,) = bo.members.values()
    window = await until(lambda: member._line._channel and member._line._channel._channel._window)
    await until(lambda: window._held >= compat_data.LIMIT)
    assert len(hall.heard["Bo"]) <= 1
    go_on.set()
    await until(lambda: len(hall.heard["Bo"]) == 200)
    assert [int.from_bytes(data[:4]) for _, data in hall.heard["Bo"]] == list(range(200))


async def test_who_takes_no_messages_is_left_out_and_named(hall, monkeypatch, caplog):
    monkeypatch.setattr(line, "MOST_WAITING", 100_000)
    ada = await hall.enter("Ada")
    bo = rtc.WebSocketRoom(hall._url, "seminar", name="Bo")
    monkeypatch.setattr(rtc.WebSocketRoom, "_say", _nothing)  # the two never connect
    await bo.join(SOON)
    await until(lambda: ada.members)
    for _ in range(30):
        ada.send(bytes(10_000))
    (member,) = ada.members.values()
    assert member._line._size == 100_000
    assert caplog.text.count("Bo takes no messages") == 1
    await bo.aclose()


async def _nothing(*_arguments: Any) -> None:
    await asyncio.sleep(0)


def test_a_janus_room_has_no_messages():
    room = rtc.JanusRoom("http://127.0.0.1:9/janus", 1)
    with pytest.raises(rtc.NotSupportedError, match="WebSocketRoom"):
        room.send("x")
    with pytest.raises(rtc.NotSupportedError, match="WebSocketRoom"):
        room.on("message", print)
    room.close()
