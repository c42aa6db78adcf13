"""A media server is lost: another connection is made behind the same PeerConnection, or it is given up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from aiohttp import web
from aiortc import RTCSessionDescription

import jupyter_rtc as rtc
from jupyter_rtc.rtc import recovery

from .endpoint import Endpoint
from .test_restart import cut, number
from .waiting import SOON, until

SECRET = "s3cr3t-token"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Endpoint]:
    async with Endpoint() as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def hasty(monkeypatch) -> None:
    monkeypatch.setattr(recovery, "PATIENCE", 0.3)
    monkeypatch.setattr(recovery, "FIRST_WAIT", 0.1)
    monkeypatch.setattr(recovery, "LONGEST_WAIT", 0.3)


async def publish(url: str, **options: Any) -> rtc.PeerConnection:
    pc = rtc.PeerConnection()
    stream = rtc.MediaStream()
    pc.add_track(rtc.TestTone(), stream)
    pc.add_track(rtc.TestPattern((320, 240)), stream)
    await pc.connect(rtc.Whip(url, **options), SOON)
    return pc


async def hang_up(server: Endpoint) -> None:
    """End the session as a server does that is stopped."""
    await until(lambda: server.connections[0].connectionState == "connected")
    await server.connections[0].close()


def states(pc: rtc.PeerConnection) -> list[str]:
    seen: list[str] = []
    pc.observe(lambda change: seen.append(change["new"]), "connection_state")
    return seen


async def test_publisher_and_viewer_are_back_when_our_server_is():
    one = rtc.WhipServer(token=SECRET)
    plot = rtc.TestPattern((160, 120))
    one.publish("plot", plot)
    await one.start()
    port = int(one.url.rpartition(":")[2])
    events: list[rtc.TrackEvent] = []
    publisher = await publish(f"{one.url}/whip/robot", token=SECRET)
    viewer = rtc.PeerConnection()
    viewer.on("track", events.append)
    await viewer.connect(rtc.Whep(f"{one.url}/whep/plot", token=SECRET), SOON)
    await until(lambda: events)
    track, (stream,) = events[0].track, events[0].streams
    seen = await number(track)
    changes: list[Any] = []
    stream.on("removetrack", changes.append)
    sent = [sender.track for sender in publisher.get_senders()]
    await one.aclose()
    await until(lambda: "being made anew" in viewer.report().reason and track.muted)
    await until(lambda: viewer.signaling_state == "stable")  # between attempts
    assert "is the server running" in viewer.view._describe()
    assert viewer.connection_state == "failed"
    async with rtc.WhipServer(port=port, token=SECRET) as two:
        two.publish("plot", plot)
        await until(lambda: "robot" in two.published and len(two.published["robot"].get_tracks()) == 2)
        video, audio = (two.published["robot"].get_video_tracks()[0], two.published["robot"].get_audio_tracks()[0])
        assert (await asyncio.to_thread(video.read, timeout=SOON)).shape == (240, 320, 3)
        assert np.abs(await asyncio.to_thread(audio.read, 0.5, timeout=SOON)).max() > 0.05
        assert await number(track, seen) > seen
        assert [sender.track for sender in publisher.get_senders()] == sent
        assert {event.track for event in events if event.track.kind == "video"} == {track}
        assert (changes, stream in events[0].streams, track in stream.get_tracks()) == ([], True, True)
        await until(lambda: viewer.connection_state == publisher.connection_state == "connected")
        assert viewer.report().connected
        await publisher.aclose()
        await viewer.aclose()
        await until(lambda: not two.published)


async def test_a_server_that_has_fallen_silent_is_asked_for_another_session(server):
    pc = await publish(f"{server.url}/endpoint", token=SECRET)
    states_seen = states(pc)
    await cut(pc)
    await until(lambda: len(server.connections) == 2 and pc.connection_state == "connected")
    await until(lambda: states_seen[-1:] == ["connected"])
    assert "failed" not in states_seen
    methods = [request[0] for request in server.requests]
    assert methods == ["POST", "PATCH", "DELETE", "POST"]
    assert {request[2].get("Authorization") for request in server.requests} == {f"Bearer {SECRET}"}
    video = next(track for track in server.received[2:] if track.kind == "video")
    async with asyncio.timeout(SOON):
        while rtc.read_stamp((await video.recv()).to_ndarray(format="rgb24")) is None:
            pass
    await pc.aclose()
    assert [request[1] for request in server.said("DELETE")] == ["/session/1", "/session/2"]


async def test_a_track_that_was_replaced_meanwhile_is_what_is_sent_then(server):
    pc = await publish(f"{server.url}/endpoint")
    sender = next(s for s in pc.get_senders() if s.track.kind == "video")
    sender.set_parameters(scale_resolution_down_by=2)
    server.on["POST", "/endpoint"] = respond(503)
    await hang_up(server)
    await until(lambda: len(server.said("POST")) > 2)
    pc.get_transceivers()[0].direction = "inactive"  # wants negotiation, which waits
    pc.get_transceivers()[0].direction = "sendonly"
    await sender.replace_track(rtc.NumpyVideoTrack(np.full((240, 320, 3), (200, 30, 40), np.uint8)))
    del server.on["POST", "/endpoint"]
    await until(lambda: len(server.received) == 4)
    video = next(track for track in server.received[2:] if track.kind == "video")
    async with asyncio.timeout(SOON):
        while True:
            picture = (await video.recv()).to_ndarray(format="rgb24")
            if np.abs(np.median(picture, axis=(0, 1)) - (200, 30, 40)).max() < 12:
                break
    assert picture.shape == (120, 160, 3)
    await pc.aclose()


def respond(status: int) -> Callable[..., Any]:
    async def handler(_request: web.Request, _body: str) -> web.Response:
        return web.Response(status=status, text="no")

    return handler


@pytest.mark.parametrize("status", [None, 401, 404, 503])
async def test_what_is_given_up_is_told_and_can_be_connected_again(server, monkeypatch, caplog, status):
    monkeypatch.setattr(recovery, "GIVE_UP", 2.0)
    server.tracks = [rtc.TestTone(), rtc.TestPattern((320, 240))]
    events: list[rtc.TrackEvent] = []
    viewer = rtc.PeerConnection()
    viewer.on("track", events.append)
    await viewer.connect(rtc.Whep(f"{server.url}/endpoint", token=SECRET), SOON)
    await until(lambda: len(events) == 2)
    track = next(event.track for event in events if event.track.kind == "video")
    await number(track)
    if status is None:
        await server.stop()
    else:
        server.on["POST", "/endpoint"] = respond(status)
    await hang_up(server)
    error = await until(lambda: viewer.error)
    await until(lambda: viewer.connection_state == "failed")
    assert isinstance(error, rtc.ConnectTimeout)
    assert ("given up" in str(error), "given up" in error.report.reason) == (True, True)
    assert "connect(" in viewer.report().advice
    assert (status is None or str(status) in str(error), SECRET in f"{error} {error.report} {caplog.text}") == (
        True,
        False,
    )
    if status is not None:
        assert (len(server.said("POST")) == 2) == (status == 401)  # a token does not get right by being sent again
    with pytest.raises(rtc.ConnectTimeout, match="given up"):
        await asyncio.to_thread(track.read, timeout=SOON)
    async with Endpoint() as other:
        other.tracks = [rtc.TestTone(), rtc.TestPattern((320, 240))]
        await viewer.connect(rtc.Whep(f"{other.url}/endpoint"), SOON)
        assert viewer.error is None
        await number(track)
        await viewer.aclose()
        await asyncio.wait_for(other.deleted.wait(), SOON)


async def test_closing_ends_the_attempts(server):
    pc = await publish(f"{server.url}/endpoint")
    server.on["POST", "/endpoint"] = respond(503)
    await hang_up(server)
    await until(lambda: len(server.said("POST")) > 2)
    await pc.aclose()
    asked = len(server.said("POST"))
    assert not [t for t in asyncio.all_tasks() if "PerfectNegotiation" in repr(t) and not t.done()]
    await asyncio.sleep(0.5)
    assert len(server.said("POST")) == asked


async def test_closing_in_the_middle_of_an_attempt_ends_them_silently(server, monkeypatch, caplog):
    pc = await publish(f"{server.url}/endpoint")
    reached = threading.Event()

    async def stuck() -> None:
        reached.set()
        await asyncio.sleep(2 * SOON)

    monkeypatch.setattr(pc, "_replace_peer", stuck)
    await hang_up(server)
    await until(reached.is_set)
    caplog.clear()
    pc.close()
    await until(lambda: not [t for t in asyncio.all_tasks() if "PerfectNegotiation._recover" in repr(t)])
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []
    assert pc.error is None


@pytest.mark.parametrize("status", [201, 307])
async def test_an_address_that_is_none_is_an_attempt_in_vain(server, status):
    async def handler(_request: web.Request, body: str) -> web.Response:
        answer, headers = await server.answer(body), {"Location": "http://[bad"}
        return web.Response(status=status, text=answer, content_type="application/sdp", headers=headers)

    pc = await publish(f"{server.url}/endpoint")
    server.on["POST", "/endpoint"] = handler
    await hang_up(server)
    await until(lambda: len(server.said("POST")) > 2)
    await until(lambda: "cannot be asked" in pc.report().reason)
    del server.on["POST", "/endpoint"]
    await until(lambda: pc.connection_state == "connected")
    await pc.aclose()


class Failing(rtc.Whip):
    """Fails as nothing of ours would."""

    failures = 2

    async def begin_anew(self) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise ZeroDivisionError("by zero")
        await super().begin_anew()


async def test_a_signaling_that_fails_in_its_own_way_is_asked_again(server):
    pc = rtc.PeerConnection()
    pc.add_track(rtc.TestPattern((320, 240)))
    await pc.connect(Failing(f"{server.url}/endpoint"), SOON)
    reasons: list[str] = []
    report = pc._report_loss
    pc._report_loss = lambda why, **options: reasons.append(why) or report(why, **options)  # type: ignore[method-assign]
    await hang_up(server)
    await until(lambda: len(server.connections) == 2 and pc.connection_state == "connected")
    assert reasons == ["the signaling failed (ZeroDivisionError: by zero)"] * 2
    await pc.aclose()


async def test_a_signaling_that_cannot_be_closed_is_given_up_all_the_same(server, monkeypatch, caplog):
    async def fail() -> None:
        raise ZeroDivisionError

    signaling = rtc.Whip(f"{server.url}/endpoint")
    pc = rtc.PeerConnection()
    pc.add_track(rtc.TestPattern((320, 240)))
    await pc.connect(signaling, SOON)
    monkeypatch.setattr(signaling, "close", fail)
    server.on["POST", "/endpoint"] = respond(403)
    await hang_up(server)
    await until(lambda: pc.error)
    assert "could not be closed" in caplog.text
    await pc.aclose()


async def test_a_server_that_makes_the_offers_makes_another_one(server):
    async def counter(_request: web.Request, _body: str) -> web.Response:
        connection = server.connect()
        connection.addTrack(rtc.TestPattern((160, 120)))
        await connection.setLocalDescription()
        where = {"Location": f"/session/{len(server.connections)}"}
        sdp = connection.localDescription.sdp
        return web.Response(status=406, text=sdp, content_type="application/sdp", headers=where)

    async def accept(request: web.Request, body: str) -> web.Response:
        connection = server.connections[int(request.path.rpartition("/")[2]) - 1]
        await connection.setRemoteDescription(RTCSessionDescription(body, "answer"))
        return web.Response(status=204)

    server.on["POST", "/endpoint"] = counter
    server.on["PATCH", "/session/1"] = server.on["PATCH", "/session/2"] = accept
    events: list[rtc.TrackEvent] = []
    async with rtc.PeerConnection() as viewer:
        viewer.on("track", events.append)
        await viewer.connect(rtc.Whep(f"{server.url}/endpoint"), SOON)
        await until(lambda: events)
        seen = await number(events[0].track)
        await server.connections[0].close()
        await until(lambda: len(events) == 2)  # its sections are others: so are the tracks
        await number(events[1].track)
        assert seen >= 0
        assert events[0].track.ready_state == "ended"
        assert len(viewer.get_transceivers()) == 1
