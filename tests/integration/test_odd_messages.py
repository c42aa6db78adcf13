"""What a signaling may bring: messages twice, late, or from somebody who means something else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

import jupyter_rtc as rtc
from tests.conftest import SCALE

from .waiting import until

SOON = 10 * SCALE


class Wire:
    """A signaling between two connections of this process, which carries each message `times` times."""

    def __init__(self, times: int) -> None:
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        self.other: Wire
        self.times = times

    async def send(self, message: Any) -> None:
        for _ in range(self.times):
            self.other.inbox.put_nowait(message)

    async def receive(self) -> Any:
        return await self.inbox.get()

    async def close(self) -> None:
        pass


def wires(times: int = 1) -> tuple[Wire, Wire]:
    one, other = Wire(times), Wire(times)
    one.other, other.other = other, one
    return one, other


@pytest_asyncio.fixture
async def pair() -> AsyncIterator[tuple[rtc.PeerConnection, rtc.PeerConnection]]:
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        yield a, b


async def sees(connection: rtc.PeerConnection, kind: str) -> None:
    """Wait until something of this kind comes."""
    tracks: list[rtc.Track] = []
    connection.on("track", lambda event: tracks.append(event.track))
    await until(lambda: any(track.kind == kind for track in tracks))
    await asyncio.to_thread(next(track for track in tracks if track.kind == kind).read, timeout=SOON)


async def test_messages_that_come_twice_change_nothing(pair):
    a, b = pair
    one, other = wires(times=2)
    a.add_track(rtc.TestTone())
    await asyncio.gather(a.connect(one, SOON), b.connect(other, SOON))
    a.add_track(rtc.TestPattern((80, 60)))
    b.add_track(rtc.TestPattern((80, 60)))
    await asyncio.gather(sees(a, "video"), sees(b, "video"))


@pytest.mark.parametrize(
    "message",
    [
        None,
        3,
        "offer",
        [],
        {},
        {"type": None},
        {"type": "greeting"},
        {"type": "answer", "sdp": 3},
        {"type": "offer"},
        {"type": "offer", "sdp": "nonsense"},
        {"type": "answer", "sdp": "v=0\r\n"},
        {"type": "candidate", "candidate": 3},
        {"type": "candidate", "candidate": {"candidate": 3}},
    ],
    ids=str,
)
async def test_what_is_no_message_is_told_and_changes_nothing(pair, caplog, message):
    a, b = pair
    one, other = wires()
    one.inbox.put_nowait(message)
    a.add_track(rtc.TestTone())
    await asyncio.gather(a.connect(one, SOON), b.connect(other, SOON))
    one.inbox.put_nowait(message)
    a.add_track(rtc.TestPattern((80, 60)))
    await sees(b, "video")
    if message != {"type": "answer", "sdp": "v=0\r\n"}:  # which may be a late one
        await until(lambda: caplog.records)
    caplog.clear()


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"type": "question", "sdp": "a=ice-pwd:secret"}, "of type 'question'"),
        ('{"sdp": "a=ice-pwd:secret"}', "that is a str"),  # JSON that was not parsed
    ],
)
async def test_a_description_that_is_not_understood_is_not_logged(pair, caplog, message, said):
    a, _ = pair
    one, _other = wires()
    one.inbox.put_nowait(message)
    with pytest.raises(rtc.ConnectTimeout):
        await a.connect(one, 0.2)
    assert f"a message {said} is not understood" in caplog.text
    assert "secret" not in caplog.text
    caplog.clear()
