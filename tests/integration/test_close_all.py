"""`close_all`: everything at once, in bounded time, and nothing kept for it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref

import ipywidgets
import pytest

import jupyter_rtc as rtc
from jupyter_rtc import closing
from jupyter_rtc.engine.loop import engine
from jupyter_rtc.registry import remembered
from tests.conftest import SCALE

from .waiting import SOON, until


async def test_everything_is_closed_and_new_things_work_afterwards():
    a, b = rtc.PeerConnection(), rtc.PeerConnection()
    track = rtc.TestPattern((80, 60))
    a.add_track(track)
    await rtc.connect_pair(a, b, SOON)
    server = rtc.WhipServer()
    await server.start()
    rooms = rtc.serve_rooms(0)
    ada, bo = (rtc.WebSocketRoom(rooms.url, "seminar", name=name) for name in ("Ada", "Bo"))
    await asyncio.gather(ada.join(SOON), bo.join(SOON))
    (member,) = await until(lambda: list(ada.members.values()))
    views = [a.view, server.view, ada.view, rtc.CopyPaste().view]
    widgets = [rtc.Video(track), rtc.Camera(), rtc.Microphone(), rtc.Screen()]
    plain = ipywidgets.IntSlider()
    await asyncio.to_thread(rtc.close_all)
    assert {pc.connection_state for pc in (a, b, member.connection)} == {"closed"}
    assert server._closed and rooms._closed and ada._closed and bo._closed  # noqa: PT018
    assert [widget.comm for widget in (*views, *widgets)] == [None] * 8
    assert plain.comm is not None  # not ours
    assert track.ready_state == "live"
    await asyncio.to_thread(rtc.close_all)
    plain.close()
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.add_track(track)
        await rtc.connect_pair(a, b, SOON)


def test_nothing_to_close_is_closed_at_once():
    rtc.close_all()
    began = time.monotonic()
    rtc.close_all()
    assert time.monotonic() - began < 2 * SCALE


def test_what_is_forgotten_is_not_kept():
    made = [weakref.ref(rtc.PeerConnection()), weakref.ref(rtc.WhipServer())]
    gc.collect()
    assert [reference() for reference in made] == [None, None]


class _Hanging:
    def close(self) -> None:
        threading.Event().wait(SOON)


class _Failing:
    def close(self) -> None:
        raise ValueError("cannot")


def test_what_hangs_or_fails_keeps_no_other(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(closing, "PATIENCE", 1.0)
    hanging, failing = _Hanging(), _Failing()
    monkeypatch.setattr(closing, "remembered", lambda: [hanging, failing, *remembered()])
    server = rtc.serve_rooms(0)
    began = time.monotonic()
    rtc.close_all()
    assert time.monotonic() - began < 3 * SCALE
    assert server._closed
    assert "_Hanging" in caplog.text
    assert "is not closed yet" in caplog.text
    assert "cannot" in caplog.text


def test_a_busy_engine_does_not_hang_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(closing, "PATIENCE", 0.5)
    released = threading.Event()
    pc = rtc.PeerConnection()
    engine().post(released.wait, SOON)
    began = time.monotonic()
    rtc.close_all()
    assert time.monotonic() - began < 2 * SCALE
    assert pc.connection_state == "closed"
    released.set()


async def test_it_may_be_called_from_a_callback_and_from_many_threads():
    pc = rtc.PeerConnection()
    done = threading.Event()
    pc.on("negotiationneeded", lambda: (rtc.close_all(), done.set()))
    pc.create_data_channel("x")
    await until(done.is_set)
    await asyncio.gather(*(asyncio.to_thread(rtc.close_all) for _ in range(4)))
    assert pc.connection_state == "closed"
