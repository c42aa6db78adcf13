"""Rooms of a real Janus, in which each participant sends once and the server does the rest."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

import jupyter_rtc as rtc
from tests.integration.test_restart import cut, number
from tests.integration.waiting import SOON, until

from .janus import Janus
from .peer import Missing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
COLOURS = {"Ada": (200, 40, 40), "Bo": (40, 160, 40), "Cy": (40, 60, 200)}


@pytest_asyncio.fixture(params=[False, True], ids=["candidates-within", "candidates-after"])
async def janus(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Janus]:
    try:
        server = Janus(tmp_path / "janus", full_trickle=request.param)
    except Missing as missing:
        pytest.skip(str(missing))
    async with server:
        yield server


def flat(name: str) -> rtc.NumpyVideoTrack:
    return rtc.NumpyVideoTrack(np.full((120, 160, 3), COLOURS[name], np.uint8))


async def is_of(track: rtc.Track[Any], name: str) -> bool:
    """Return whether these are somebody's pictures: the first ones may be of a poor sort."""
    async with asyncio.timeout(SOON):
        while True:
            picture = await asyncio.to_thread(track.read, timeout=SOON)
            if np.abs(np.median(picture, axis=(0, 1)) - COLOURS[name]).max() < 15:
                return True


async def sees(room: rtc.JanusRoom, name: str) -> bool:
    member = await until(lambda: next((m for m in room.members.values() if m.name == name and m.tracks), None))
    return await is_of(next(track for track in member.tracks if track.kind == "video"), name)


async def test_everyone_sees_everyone(janus: Janus) -> None:
    rooms = {name: rtc.JanusRoom(janus.url, 1234, name=name) for name in COLOURS}
    heard: list[tuple[str, str]] = []
    rooms["Ada"].on("join", lambda member: heard.append(("join", member.name)))
    rooms["Ada"].on("leave", lambda member: heard.append(("leave", member.name)))
    for name, room in rooms.items():
        room.add_track(flat(name))
        await room.join(SOON)
    for name, room in rooms.items():
        others = [other for other in COLOURS if other != name]
        await until(lambda room=room, others=others: sorted(room.roster) == others)
        for other in others:
            assert await sees(room, other)
    await rooms["Bo"].aclose()
    await until(lambda: rooms["Ada"].roster == ["Cy"])
    assert sorted(heard) == [("join", "Bo"), ("join", "Cy"), ("leave", "Bo")]
    for room in rooms.values():
        await room.aclose()
    assert not (await janus.participants(1234))


async def test_tracks_come_and_go_in_mid_call(janus: Janus) -> None:
    async with rtc.JanusRoom(janus.url, "1234", name="Ada") as ada, rtc.JanusRoom(janus.url, 1234, name="Bo") as bo:
        events: list[Any] = []
        bo.on("track", events.append)
        assert bo.roster == []  # the room does not tell of those who send nothing
        first = flat("Ada")
        ada.add_track(first)
        await until(lambda: len(events) == 1)
        assert await is_of(events[0].track, "Ada")
        (there,) = bo.members.values()
        assert there.name == "Ada"
        ada.add_track(rtc.TestTone())
        await until(lambda: len(events) == 2)
        sound = events[1].track
        assert sound.kind == "audio"
        assert np.abs(await asyncio.to_thread(sound.read, 0.5, timeout=SOON)).max() > 0.05
        bo.add_track(flat("Bo"))
        assert await sees(ada, "Bo")
        ada.remove_track(first)
        await until(lambda: [track.kind for track in there.tracks] == ["audio"])
        ada.add_track(flat("Cy"))
        await until(lambda: len(events) == 3)
        assert await is_of(events[2].track, "Cy")


async def test_h264_a_pin_and_who_sends_nothing(janus: Janus) -> None:
    async with (
        rtc.JanusRoom(janus.url, 264, name="Ada", pin="sesame") as ada,
        rtc.JanusRoom(janus.url, 264, name="Bo", pin="sesame") as bo,
    ):
        await until(lambda: (ada.roster, bo.roster) == (["Bo"], ["Ada"]))  # notify_joining
        ada.add_track(flat("Ada"))
        assert await sees(bo, "Ada")
        (member,) = bo.members.values()
        stats = await member.connection.get_stats()
        assert {s["mimeType"] for s in stats.values() if s["type"] == "codec"} >= {"video/H264"}
        bo.add_track(flat("Bo"))
        assert await sees(ada, "Bo")
        third = rtc.JanusRoom(janus.url, 264, name="Cy", pin="sesame")
        third.add_track(flat("Cy"))
        with pytest.raises(rtc.SignalingError, match="full") as caught:
            await third.join()
        assert caught.value.status == 432
        await third.aclose()
        await janus.kick(264, "Ada", secret="boss")
        await until(lambda: bo.roster == [])
        await until(lambda: "put out" in str(ada._problem))
        assert ada.connection is None


@pytest.mark.parametrize(
    ("room", "options", "status", "words"),
    [
        (77, {}, 426, "no such room"),
        ("attic", {}, 430, "number"),
        (264, {}, 429, "pass pin"),
        (264, {"pin": "s3cret"}, 433, "check the pin"),
    ],
)
async def test_a_wrong_room_or_pin_is_told(
    janus: Janus, room: Any, options: dict[str, str], status: int, words: str
) -> None:
    wrong = rtc.JanusRoom(janus.url, room, **options)
    with pytest.raises(rtc.SignalingError, match=words) as caught:
        await wrong.join(SOON)
    assert caught.value.status == status
    assert "s3cret" not in f"{caught.value} {wrong}"
    await wrong.aclose()


@pytest.mark.parametrize("kill", [False, True])
async def test_the_room_is_entered_again_when_the_server_is_back(janus: Janus, kill: bool) -> None:
    async with rtc.JanusRoom(janus.url, 1234, name="Ada") as ada, rtc.JanusRoom(janus.url, 1234, name="Bo") as bo:
        ada.add_track(flat("Ada"))
        assert await sees(bo, "Ada")
        await janus.stop(kill=kill)
        await until(lambda: bo.roster == [])
        await janus.start()
        assert await sees(bo, "Ada")
        bo.add_track(flat("Bo"))
        assert await sees(ada, "Bo")


async def test_another_way_is_found_where_one_breaks(janus: Janus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_rtc.rtc.recovery.PATIENCE", 0.5)
    async with rtc.JanusRoom(janus.url, 1234, name="Ada") as ada, rtc.JanusRoom(janus.url, 1234, name="Bo") as bo:
        pattern = rtc.TestPattern((160, 120))
        ada.add_track(pattern)
        (member,) = await until(lambda: list(bo.members.values()))
        (track,) = await until(lambda: member.tracks)
        seen = await number(track)
        for connection in (ada.connection, member.connection):
            await cut(connection)
            await until(lambda connection=connection: connection.connection_state == "disconnected")
            await until(lambda connection=connection: connection.connection_state == "connected")
            seen = await number(track, seen + 20, SOON)
        assert member.tracks == [track]


OTHER = """
import asyncio, sys, jupyter_rtc as rtc
async def main():
    async with rtc.JanusRoom(sys.argv[1], 1234, name="elsewhere") as room:
        room.add_track(rtc.TestTone())
        print("in", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        room.add_track(rtc.TestPattern((320, 240)))
        print("added", flush=True)
        while not (tracks := [t for m in room.members.values() for t in m.tracks]):
            await asyncio.sleep(0.05)
        print(await asyncio.to_thread(lambda: tracks[0].read().shape), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
asyncio.run(main())
"""


async def test_two_processes_with_tracks_added_on_the_way(janus: Janus) -> None:
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER, janus.url, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )

    async def line() -> str:
        return (await asyncio.wait_for(other.stdout.readline(), SOON)).decode().strip()

    try:
        assert await line() == "in"
        async with rtc.JanusRoom(janus.url, 1234, name="here") as room:
            await until(lambda: room.roster == ["elsewhere"])
            room.add_track(flat("Ada"))
            other.stdin.write(b"\n")
            assert await line() == "added"
            (member,) = room.members.values()
            tracks = await until(lambda: {t.kind: t for t in member.tracks} if len(member.tracks) == 2 else None)
            assert (await asyncio.to_thread(tracks["video"].read, timeout=SOON)).shape == (240, 320, 3)
            assert await line() == "(120, 160, 3)"
            other.stdin.write(b"\n")
            assert await asyncio.wait_for(other.wait(), SOON) == 0
            await until(lambda: room.roster == [])
    finally:
        if other.returncode is None:
            other.kill()
        await other.wait()


async def test_a_room_that_is_shown_is_entered_and_has_a_tile_for_each(janus: Janus) -> None:
    ada, bo = rtc.JanusRoom(janus.url, 1234, name="<b>Ada</b>"), rtc.JanusRoom(janus.url, 1234, name="Bo")
    ada.add_track(flat("Ada"))
    line, _ = ada.view.children
    other_line, grid = bo.view.children
    await until(lambda: len(grid.children) == 1)
    title, video = grid.children[0].children
    assert "<b>" not in title.value
    await until(lambda: video._tracks())
    assert "1 other" in other_line.value
    await ada.aclose()
    await until(lambda: not grid.children)
    await bo.aclose()
    await until(lambda: "left" in line.value)
