"""Rooms in which everyone sees everyone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio
from aiohttp import web

import jupyter_rtc as rtc
from jupyter_rtc.signaling import room_server, websocket_room

from .waiting import SOON, until


async def colour(track: rtc.Track[Any]) -> list[int]:
    return np.median(await asyncio.to_thread(track.read, timeout=SOON), axis=(0, 1)).tolist()


def flat(*rgb: int) -> rtc.NumpyVideoTrack:
    return rtc.NumpyVideoTrack(np.full((120, 160, 3), rgb, np.uint8))


@pytest_asyncio.fixture
async def rooms() -> AsyncIterator[Any]:
    async with rtc.serve_rooms(0) as server:
        yield server


COLOURS = {"Ada": (200, 40, 40), "Bo": (40, 160, 40), "Cy": (40, 60, 200)}


async def test_everyone_sees_everyone(rooms):
    members = {name: rtc.WebSocketRoom(rooms.url, "seminar", name=name) for name in COLOURS}
    heard: list[tuple[str, str]] = []
    events: list[Any] = []
    members["Ada"].on("join", lambda member: heard.append(("join", member.name)))
    members["Ada"].on("leave", lambda member: heard.append(("leave", member.name)))
    members["Ada"].on("track", events.append)
    for name, room in members.items():
        room.add_track(flat(*COLOURS[name]))
        await room.join(SOON)
        await room.join(SOON)
    for name, room in members.items():
        others = [other for other in COLOURS if other != name]
        await until(lambda room=room, others=others: sorted(room.roster) == others)
        for member in room.members.values():
            (track,) = await until(lambda member=member: member.tracks)
            assert np.abs(np.array(await colour(track)) - COLOURS[member.name]).max() < 15
    await until(lambda: len(events) == 2)
    assert {event.member.name: event.track.kind for event in events} == {"Bo": "video", "Cy": "video"}
    await members["Bo"].aclose()
    await until(lambda: members["Ada"].roster == ["Cy"])
    await until(lambda: heard == [("join", "Bo"), ("join", "Cy"), ("leave", "Bo")])
    for room in members.values():
        room.close()
    await until(lambda: not rooms._rooms)


async def test_tracks_come_and_go_in_mid_call(rooms):
    async with (
        rtc.WebSocketRoom(rooms.url, "seminar", name="Ada") as ada,
        rtc.WebSocketRoom(rooms.url, "seminar", name="Bo") as bo,
    ):
        there = (await until(lambda: list(bo.members.values())))[0]
        await until(lambda: there.connection.connection_state == "connected")  # with nothing to send
        first, second = flat(200, 40, 40), flat(40, 160, 40)
        stream = rtc.MediaStream()
        events: list[Any] = []
        bo.on("track", events.append)
        ada.add_track(first, stream)
        await until(lambda: len(events) == 1)
        assert events[0].streams[0].id == stream.id
        assert abs((await colour(events[0].track))[0] - 200) < 15
        bo.add_track(flat(40, 60, 200))
        here = (await until(lambda: list(ada.members.values())))[0]
        (track,) = await until(lambda: here.tracks)
        assert abs((await colour(track))[2] - 200) < 15
        ada.remove_track(first)
        ada.remove_track(first)
        await until(lambda: not there.tracks)
        ada.add_track(second, stream)
        await until(lambda: len(events) == 2)
        assert abs((await colour(events[1].track))[1] - 160) < 15


OTHER = """
import asyncio, sys, jupyter_rtc as rtc
async def main():
    async with rtc.WebSocketRoom(sys.argv[1], "seminar", name="elsewhere") as room:
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


async def test_two_processes_with_tracks_added_on_the_way(rooms):
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER, rooms.url, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )

    async def line() -> str:
        return (await asyncio.wait_for(other.stdout.readline(), SOON)).decode().strip()

    try:
        assert await line() == "in"
        async with rtc.WebSocketRoom(rooms.url, "seminar", name="here") as room:
            await until(lambda: room.roster == ["elsewhere"])
            room.add_track(flat(200, 40, 40))
            other.stdin.write(b"\n")
            assert await line() == "added"
            (member,) = room.members.values()
            (track,) = await until(lambda: member.tracks)
            assert (await asyncio.to_thread(track.read, timeout=SOON)).shape == (240, 320, 3)
            assert await line() == "(120, 160, 3)"
            other.kill()
            await until(lambda: room.roster == [])
    finally:
        if other.returncode is None:
            other.kill()
        await other.wait()


async def test_rooms_are_apart_and_full_ones_say_so(rooms, monkeypatch):
    monkeypatch.setattr(room_server, "MOST_IN_A_ROOM", 1)
    async with (
        rtc.WebSocketRoom(rooms.url, "one") as first,
        rtc.WebSocketRoom(rooms.url, "two") as second,
    ):
        third = rtc.WebSocketRoom(rooms.url, "one")
        with pytest.raises(rtc.SignalingError, match="full"):
            await third.join()
        assert first.roster == second.roster == []
        await first.aclose()
        await until(lambda: "one" not in rooms._rooms)
        await third.join()
        third.close()


async def test_the_room_is_entered_again_when_the_server_is_back():
    server = rtc.serve_rooms(0)
    port = int(server.url.rpartition(":")[2])
    ada, bo = (rtc.WebSocketRoom(server.url, "seminar", name=name) for name in ("Ada", "Bo"))
    ada.add_track(flat(200, 40, 40))
    await ada.join()
    await bo.join()
    await until(lambda: ada.roster == ["Bo"])
    server.close()
    await until(lambda: ada.roster == bo.roster == [])
    async with rtc.serve_rooms(port):
        await until(lambda: (ada.roster, bo.roster) == (["Bo"], ["Ada"]))
        (member,) = bo.members.values()
        (track,) = await until(lambda: member.tracks)
        assert abs((await colour(track))[0] - 200) < 15
        ada.close()
        bo.close()


@pytest.mark.parametrize("token", [None, "wrong"])
async def test_a_token_keeps_strangers_out(token):
    async with rtc.serve_rooms(0, token="class-42") as server:
        room = rtc.WebSocketRoom(server.url, "seminar", token=token)
        with pytest.raises(rtc.SignalingError, match="token") as caught:
            await room.join()
        assert caught.value.status == 401
        assert "class-42" not in repr(server)
        room.close()
        async with rtc.WebSocketRoom(server.url, "seminar", token="class-42"):
            pass


async def test_nobody_serves_rooms_there():
    room = rtc.WebSocketRoom("ws://127.0.0.1:9", "seminar")
    with pytest.raises(rtc.SignalingError, match="^ws://127.0.0.1:9: nobody .* server running") as caught:
        await room.join()
    assert caught.value.url == "ws://127.0.0.1:9"
    room.close()
    with pytest.raises(rtc.InvalidStateError):
        await room.join()
    with pytest.raises(rtc.InvalidStateError):
        room.add_track(rtc.TestTone())


async def test_other_sites_pages_and_nonsense_are_refused(rooms):
    url = rooms.url.replace("ws:", "http:")
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(url, headers={"Origin": "https://example.org"})
        for said in ("x", "[]", "{}", "[" * 100_000, json.dumps({"type": "join", "room": ""}), json.dumps({"to": "x"})):
            async with http.ws_connect(url) as socket:
                await socket.send_str(said)
                while not (await asyncio.wait_for(socket.receive(), SOON)).type.name.startswith("CLOS"):
                    pass
    assert not rooms._rooms


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 426), ("HEAD", "/", 426), ("POST", "/", 405), ("GET", "/seminar", 404), ("GET", "/%FF%00", 404)],
)
async def test_what_is_no_room_is_told_what_is_there(rooms, method, path, status):
    from yarl import URL

    url = URL(rooms.url.replace("ws:", "http:") + path, encoded=True)
    async with aiohttp.ClientSession() as http, http.request(method, url) as reply:
        assert reply.status == status
        assert method == "HEAD" or "WebSocketRoom(server.url, NAME)" in await reply.text()


async def test_programs_enter_by_whatever_name_the_machine_has_and_pages_of_other_sites_do_not(rooms):
    url = rooms.url.replace("ws:", "http:")
    page = {"Accept-Language": "en", "User-Agent": "Mozilla/5.0"}
    async with aiohttp.ClientSession() as http:
        for headers in ({"Host": "jupyter:8765"}, {"Origin": "http://localhost:8888", **page}):
            async with http.ws_connect(url, headers=headers) as socket:
                await socket.send_json({"type": "join", "room": "seminar", "name": "A\ud800\nda" + "x" * 99})
                assert (await asyncio.wait_for(socket.receive_json(), SOON))["type"] == "welcome"
                (guest,) = rooms._rooms["seminar"].values()
                assert guest.name == "A da" + "x" * 60
            await until(lambda: not rooms._rooms)
        for headers in (
            {"Origin": "http://rebound.example:8765", "Host": "rebound.example:8765", **page},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await http.ws_connect(url, headers=headers)
            assert caught.value.status == 403


async def test_who_says_nothing_is_sent_out(rooms, monkeypatch):
    monkeypatch.setattr(room_server, "PATIENCE", 0.05)
    async with aiohttp.ClientSession() as http, http.ws_connect(rooms.url) as socket:
        assert (await asyncio.wait_for(socket.receive(), SOON)).type.name.startswith("CLOS")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [(("http://a", "b"), ValueError), (("ws://", "b"), ValueError), (("ws://a", ""), ValueError)],
)
def test_wrong_arguments_are_told(arguments, error):
    with pytest.raises(error):
        rtc.WebSocketRoom(*arguments)
    with pytest.raises(ValueError):
        rtc.serve_rooms(70000)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("127.0.0.1:8765", "'127.0.0.1:8765'"),
        ("localhost:8765", "'localhost:8765'"),
        ("http://a/?token=secret", "'http://a/?…'"),
        ("ada:secret@a:1", "'a:1'"),
        ("ws://", "'ws://'"),
    ],
)
def test_a_wrong_address_is_told_with_what_is_wanted(given, shown):
    with pytest.raises(ValueError, match="begins with wss:// or ws://.* as ws://127.0.0.1:8765, not") as caught:
        rtc.WebSocketRoom(given, "seminar")
    assert str(caught.value).rpartition(", not ")[2] == shown
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("kind", [rtc.WebSocketRoom, rtc.JanusRoom])
def test_what_is_no_track_is_refused(kind):
    room = kind("ws://a" if kind is rtc.WebSocketRoom else "http://a", "b")
    for nonsense in ("x", None, object(), rtc.MediaStream()):
        with pytest.raises(TypeError):
            room.add_track(nonsense)
    with pytest.raises(TypeError, match="MediaStreams"):
        room.add_track(rtc.TestTone(), "x")
    assert not room._tracks
    room.close()


@contextlib.asynccontextmanager
async def saying(*messages: dict[str, Any]) -> AsyncIterator[str]:
    """Serve rooms in which everyone who comes is told the same."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        for message in messages:
            await socket.send_json(message)
        async for _ in socket:
            pass
        return socket

    application = web.Application()
    application.router.add_get("/", handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_who_is_named_twice_is_met_once(monkeypatch):
    made: list[Any] = []

    class Member(websocket_room.Member):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(websocket_room, "Member", Member)
    bo, cy = ({"id": name, "name": name} for name in ("Bo", "Cy"))
    welcome = {"type": "welcome", "id": "me", "others": [bo, bo]}
    async with saying(welcome, welcome, {"type": "join", **bo}, {"type": "join", **cy}) as url:
        async with rtc.WebSocketRoom(url, "seminar") as room:
            await until(lambda: room.roster == ["Bo", "Cy"])
        assert [member.name for member in made] == ["Bo", "Cy"]
        assert {member.connection.connection_state for member in made} == {"closed"}


async def test_who_leaves_while_another_leaves_closes_that_connection(monkeypatch):
    reached, members = threading.Event(), []

    class Member(websocket_room.Member):
        async def _close(self) -> None:
            reached.set()
            members.append(self)
            await asyncio.sleep(0.2)
            await super()._close()

    monkeypatch.setattr(websocket_room, "Member", Member)
    bo = {"id": "bo", "name": "Bo"}
    async with saying({"type": "welcome", "id": "me", "others": [bo]}, {"type": "leave", "id": "bo"}) as url:
        room = rtc.WebSocketRoom(url, "seminar")
        await room.join(SOON)
        await until(reached.is_set)
        await room.aclose()
    assert [member.connection.connection_state for member in members] == ["closed"]
    await until(lambda: room.roster == [])


async def test_what_a_member_sends_may_be_anything(caplog):
    bo = {"id": "bo", "name": "Bo"}
    nonsense = {"type": "message", "from": "bo", "message": "x"}
    welcome = {"type": "welcome", "id": "me", "others": []}
    async with saying(welcome, {"type": "join", **bo}, nonsense) as url, rtc.WebSocketRoom(url, "seminar"):
        await until(lambda: "a message that is a str is not understood" in caplog.text)
    assert "never retrieved" not in caplog.text


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"reason": "\x1b[31mno\n" + "x" * 5000}, "room 'seminar': [31mno xxx"),
        ({"reason": "class-42 " * 100}, "room 'seminar': … …"),
        ({"reason": 5}, "does not say why"),
        ({"reason": "\x1b"}, "does not say why"),
        ({}, "does not say why"),
    ],
)
async def test_what_the_server_says_is_told_printable_and_short(said, words):
    async with saying({"type": "error", **said}) as url:
        room = rtc.WebSocketRoom(url, "seminar", token="class-42")
        with pytest.raises(rtc.SignalingError) as caught:
            await room.join(SOON)
        room.close()
    text = str(caught.value)
    assert words in text
    assert text.isprintable()
    assert len(text.partition("'seminar': ")[2]) <= 200
    assert "class-42" not in text


async def test_a_room_that_is_shown_is_entered_and_has_a_tile_for_each(rooms):
    ada = rtc.WebSocketRoom(rooms.url, "seminar", name="<b>Ada</b>")
    ada.add_track(rtc.TestPattern((160, 120)))
    bo = rtc.WebSocketRoom(rooms.url, "seminar", name="Bo")
    _, grid = ada.view.children
    line, other_grid = bo.view.children
    await until(lambda: len(grid.children) == len(other_grid.children) == 1)
    title, video = other_grid.children[0].children
    assert "<b>" not in title.value
    await until(lambda: video._tracks())
    assert "1 other" in line.value
    await ada.aclose()
    await until(lambda: not other_grid.children)
    await bo.aclose()
    await until(lambda: "left" in line.value)
