"""What is shown of a server and of a signaling."""

from __future__ import annotations

import asyncio
import time

import pytest

import jupyter_rtc as rtc
from tests.conftest import SCALE

from .waiting import until

SOON = 15 * SCALE


async def until_shown(view, *texts: str) -> None:
    deadline = time.monotonic() + SOON
    while not all(text in view.value for text in texts):
        assert time.monotonic() < deadline, view.value
        await asyncio.sleep(0.01)


async def test_a_server_that_is_shown_starts_and_lists_both():
    server = rtc.WhipServer(token="class-42")
    view = server.view
    assert server.view is view
    await until_shown(view, f"{server.url}/whip/NAME", "nothing yet")
    server.publish("plot", rtc.TestPattern())
    await until_shown(view, ">plot</a> (1 video)")
    async with rtc.PeerConnection() as pc:
        pc.add_track(rtc.TestTone())
        await pc.connect(rtc.Whip(f"{server.url}/whip/robot", token="class-42"), SOON)
        await until_shown(view, "robot (1 audio)")
    await until_shown(view, "nothing yet")
    assert "class-42" not in view.value
    server.close()
    await until_shown(view, "closed")


async def test_a_server_that_cannot_start_says_why_where_it_is_shown():
    async with rtc.WhipServer() as first:
        second = rtc.WhipServer(port=int(first.url.rpartition(":")[2]))
        await until_shown(second.view, "cannot listen")
        second.close()


async def test_a_server_that_could_not_start_is_started_by_being_shown_again():
    first = rtc.WhipServer()
    await first.start()
    second = rtc.WhipServer(port=int(first.url.rpartition(":")[2]))
    second._repr_mimebundle_()
    await until_shown(second.view, "the port is in use")
    with pytest.raises(rtc.SignalingError, match="in use"):
        _ = second.url
    first.close()
    second._repr_mimebundle_()
    await until_shown(second.view, f"{second.url}/whip/NAME", "Watch at")
    second.close()


async def test_a_start_that_nobody_awaits_starts_and_shows_the_server_where_it_ends_a_cell():
    server = rtc.WhipServer()
    starting = server.start()
    assert server.url.startswith("http://127.0.0.1:")
    assert starting._repr_mimebundle_() == server._repr_mimebundle_()
    await until_shown(server.view, f"{server.url}/whip/NAME")
    await asyncio.gather(server.start(), asyncio.create_task(server.start()), starting)
    server.close()
    with pytest.raises(rtc.InvalidStateError, match="closed"):
        server.start()


async def test_who_waits_no_longer_for_a_start_does_not_end_it():
    server = rtc.WhipServer()
    waiting = asyncio.create_task(server.start())
    await asyncio.sleep(0)
    waiting.cancel()
    await server.start()
    assert server.url
    server.close()


def test_a_script_starts_a_server_by_asyncio_run():
    server = rtc.WhipServer()
    asyncio.run(server.start())
    assert server.url
    taken = rtc.WhipServer(port=int(server.url.rpartition(":")[2]))
    with pytest.raises(rtc.SignalingError, match="in use"):
        asyncio.run(taken.start())
    taken.close()
    server.close()


def test_a_signaling_shows_where_it_goes_and_no_secret():
    shown = rtc.Whip("https://media.example/<live>?key=secret", token="secret").view.value
    assert "secret" not in shown
    assert "<live>" not in shown
    assert "media.example" in shown


async def test_a_server_of_rooms_shows_where_it_is_and_who_is_there():
    server = rtc.serve_rooms(token="class-42")
    await until_shown(server.view, server.url, "nothing yet", "the token it was made with")
    for name in ("<Ada>", ""):
        async with rtc.WebSocketRoom(server.url, "a < b", name=name, token="class-42"):
            await until_shown(server.view, f"a &lt; b ({name.replace('<', '&lt;').replace('>', '&gt;') or 'nameless'})")
        await until_shown(server.view, "nothing yet")
    assert "class-42" not in server.view.value
    server.close()
    await until_shown(server.view, "closed")


async def test_all_pictures_of_a_member_are_shown_and_nothing_of_one_that_left():
    async with (
        rtc.serve_rooms(0) as server,
        rtc.WebSocketRoom(server.url, "seminar", name="Ada") as ada,
    ):
        line, grid = ada.view.children
        bo = rtc.WebSocketRoom(server.url, "seminar", name="Bo")
        for _ in range(2):
            bo.add_track(rtc.TestPattern((160, 120)), rtc.MediaStream())
        await bo.join(SOON)
        await until(lambda: len(grid.children) == 1 and len(grid.children[0].children) == 3)
        (tile,) = grid.children
        name, *pictures = tile.children
        assert name.value == "Bo"
        assert all(isinstance(picture, rtc.Video) for picture in pictures)

        sender = next(iter(bo.members.values())).connection.get_senders()[0]
        bo.remove_track(sender.track)
        await until(lambda: len(tile.children) == 2)
        bo.close()
        await until(lambda: not grid.children)
        assert "0 others" in line.value
        # A page that is loaded again asks for all that is open, and gets nothing if one of them holds what is closed.
        await until(lambda: pictures[0].comm is None and tile.comm is None)
        for widget in (*_open_widgets(ada.view), grid):
            widget.get_state()


def _open_widgets(view):
    yield view
    for child in getattr(view, "children", ()):
        assert child.comm is not None
        yield from _open_widgets(child)
