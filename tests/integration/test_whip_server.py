"""The kernel as a WHIP and WHEP endpoint, spoken to over HTTP by raw aiortc and by our own clients."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

import jupyter_rtc as rtc
from jupyter_rtc.signaling import routes as routes_module
from jupyter_rtc.signaling import server as server_module
from jupyter_rtc.signaling.served import Served

from .waiting import SOON, until

TOKEN = "class-42"
SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"


async def read(track: rtc.Track[Any], *arguments: float) -> np.ndarray:
    return await asyncio.to_thread(track.read, *arguments, timeout=SOON)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[rtc.WhipServer]:
    async with rtc.WhipServer(token=TOKEN) as one:
        yield one


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        yield session


@pytest_asyncio.fixture
async def other() -> AsyncIterator[RTCPeerConnection]:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    yield connection
    await connection.close()


async def offer_of(connection: RTCPeerConnection) -> str:
    await connection.setLocalDescription()
    return connection.localDescription.sdp


async def publish(server: rtc.WhipServer, name: str = "robot") -> rtc.PeerConnection:
    pc = rtc.PeerConnection()
    stream = rtc.MediaStream()
    pc.add_track(rtc.TestTone(), stream)
    pc.add_track(rtc.TestPattern((320, 240)), stream)
    await pc.connect(rtc.Whip(f"{server.url}/whip/{name}", token=TOKEN), SOON)
    return pc


# -- publishing ---------------------------------------------------------------------------------------------------


async def test_who_publishes_over_http_is_there_by_name(server, http, other):
    heard: list[str] = []
    server.on("publish", heard.append)
    server.on("unpublish", lambda name: heard.append(f"no {name}"))
    other.addTransceiver(rtc.TestTone(), direction="sendonly")
    other.addTransceiver(rtc.TestPattern((320, 240)), direction="sendonly")
    offer = await offer_of(other)
    async with http.post(f"{server.url}/whip/robot", data=offer, headers={"Content-Type": SDP}) as reply:
        assert (reply.status, reply.content_type) == (201, SDP)
        assert re.fullmatch(r'"\w+"', reply.headers["ETag"])
        assert FRAGMENT in reply.headers["Accept-Patch"]
        session = reply.url.join(type(reply.url)(reply.headers["Location"]))
        answer = await reply.text()
    assert answer.count("a=recvonly") == 2
    await other.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    stream = server.published["robot"]
    assert isinstance(stream, rtc.MediaStream)
    (video,), (audio,) = stream.get_video_tracks(), stream.get_audio_tracks()
    assert (await read(video)).shape == (240, 320, 3)
    assert np.abs(await read(audio, 0.5)).max() > 0.05
    assert heard == ["robot"]
    async with http.delete(session) as reply:
        assert reply.status == 200
    assert dict(server.published) == {}
    assert video.ready_state == "ended"
    await until(lambda: heard == ["robot", "no robot"])
    async with http.delete(session) as reply:
        assert reply.status == 404


async def test_our_own_client_publishes_and_what_it_publishes_can_be_played(server):
    pc = await publish(server)
    stop = server.publish("again", server.published["robot"])
    events: list[rtc.TrackEvent] = []
    async with rtc.PeerConnection() as viewer:
        viewer.on("track", events.append)
        await viewer.connect(rtc.Whep(f"{server.url}/whep/again", token=TOKEN), SOON)
        await until(lambda: len(events) == 2)
        assert len({event.streams[0].id for event in events}) == 1
        tracks = {event.track.kind: event.track for event in events}
        assert await until_stamp(tracks["video"]) is not None
        assert np.abs(await read(tracks["audio"], 0.5)).max() > 0.05
        stop()
        await until(lambda: viewer.connection_state == "failed")  # the other side has closed
        with pytest.raises(rtc.SignalingError) as caught:
            async with rtc.PeerConnection() as late:
                await late.connect(rtc.Whep(f"{server.url}/whep/again", token=TOKEN))
        assert caught.value.status == 404
    await pc.aclose()
    await until(lambda: not server.published and not server._sessions)


async def until_stamp(track: rtc.Track[Any]) -> tuple[int, float] | None:
    for _ in range(60):
        stamp = rtc.read_stamp(await read(track))
        if stamp is not None:
            return stamp
    return None


async def test_media_arrives_while_the_callers_loop_is_busy(server):
    """As in a cell that computes: the server is on a thread of its own."""
    pc = rtc.PeerConnection()
    pc.add_track(rtc.TestPattern((160, 120)))
    failure: list[BaseException] = []
    signaling = rtc.Whip(f"{server.url}/whip/busy", token=TOKEN)

    def elsewhere() -> None:
        try:
            asyncio.run(pc.connect(signaling, SOON))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(SOON)  # this loop does nothing meanwhile
    assert failure == []
    assert server.published["busy"].get_video_tracks()[0].read(timeout=SOON).shape == (120, 160, 3)
    pc.close()


async def test_a_name_is_taken_while_somebody_publishes(server):
    first = await publish(server)
    async with rtc.PeerConnection() as second:
        second.add_track(rtc.TestTone())
        with pytest.raises(rtc.SignalingError, match="taken") as caught:
            await second.connect(rtc.Whip(f"{server.url}/whip/robot", token=TOKEN))
        assert caught.value.status == 409
        await first.aclose()
        await until(lambda: not server.published)
        await second.connect(rtc.Whip(f"{server.url}/whip/robot", token=TOKEN), SOON)
        assert list(server.published) == ["robot"]


async def test_who_dials_again_before_being_connected_takes_the_place_of_the_first_call(server, http):
    heard: list[str] = []
    server.on("publish", heard.append)
    server.on("unpublish", lambda name: heard.append(f"no {name}"))
    offers = []
    for _ in range(2):
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connection.addTransceiver(rtc.TestTone(), direction="sendonly")
        offers.append(await offer_of(connection))
        await connection.close()
    sessions = []
    for offer in offers:
        async with http.post(f"{server.url}/whip/robot", data=offer, headers={"Content-Type": SDP}) as reply:
            assert reply.status == 201
            sessions.append(reply.headers["Location"])
    assert len(server._sessions) == 1
    async with http.delete(sessions[0]) as reply:
        assert reply.status == 404
    pc = await publish(server)
    async with http.post(f"{server.url}/whip/robot", data=offers[0], headers={"Content-Type": SDP}) as reply:
        assert reply.status == 409, "who is connected keeps the name"
    assert (await read(server.published["robot"].get_video_tracks()[0])).shape == (240, 320, 3)
    await until(lambda: heard == ["robot", "no robot", "robot", "no robot", "robot"])
    await pc.aclose()


async def test_of_many_that_dial_at_once_one_publishes(server, http, other):
    other.addTransceiver(rtc.TestTone(), direction="sendonly")
    offer = await offer_of(other)

    async def dial() -> int:
        async with http.post(f"{server.url}/whip/robot", data=offer, headers={"Content-Type": SDP}) as reply:
            assert "aioice" not in await reply.text()
            return reply.status

    statuses = await asyncio.gather(*(dial() for _ in range(6)))
    assert set(statuses) <= {201, 409}
    assert statuses.count(201) >= 1
    assert len(server._sessions) == 1
    assert list(server.published) == ["robot"]


@pytest.mark.parametrize("path", ["/whip/robot", "/whip/robot/"])
async def test_the_session_has_an_absolute_address_at_the_host_that_was_asked(server, http, other, path):
    other.addTransceiver(rtc.TestTone(), direction="sendonly")
    offer = await offer_of(other)
    port = server.url.rpartition(":")[2]
    for headers, start in (
        ({}, server.url),
        ({"Host": "jupyter:8000"}, "http://jupyter:8000"),
        ({"Host": "jupyter"}, "http://jupyter"),
        ({"Host": f"[::1]:{port}"}, f"http://[::1]:{port}"),
        ({"Host": "media.example", "Origin": "https://media.example"}, "https://media.example"),
        ({"Host": "media.example", "Origin": "https://evil.example"}, "http://media.example"),
    ):
        headers = {"Content-Type": SDP, **headers}
        async with http.post(server.url + path, data=offer, headers=headers) as reply:
            assert reply.status == 201
            location = reply.headers["Location"]
            assert re.fullmatch(rf"{re.escape(start)}/session/[\w-]+", location)
        async with http.delete(f"{server.url}{location.removeprefix(start)}/") as reply:
            assert reply.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
        {"Forwarded": "host=evil.example;proto=https"},
        {"X-Forwarded-Prefix": "/user/ada/proxy/8000"},
        {"X-ProxyContextPath": "/user/ada/proxy/8000"},
        {"Via": "1.1 office"},
        {"Host": 'evil.example/"x'},
    ],
)
async def test_behind_a_proxy_the_session_has_a_relative_address_that_is_right_whatever_was_asked(
    server, http, other, headers
):
    other.addTransceiver(rtc.TestTone(), direction="sendonly")
    offer = await offer_of(other)
    for path, up in (("/whip/robot", "../"), ("/whip/robot/", "../../")):
        async with http.post(server.url + path, data=offer, headers={"Content-Type": SDP, **headers}) as reply:
            assert reply.status == 201
            assert reply.headers["Location"].startswith(f"{up}session/")


async def test_a_publisher_that_vanishes_is_unpublished(server, http, other):
    other.addTransceiver(rtc.TestTone(), direction="sendonly")
    async with http.post(
        f"{server.url}/whip/robot", data=await offer_of(other), headers={"Content-Type": SDP}
    ) as reply:
        await other.setRemoteDescription(RTCSessionDescription(await reply.text(), "answer"))
    await until(lambda: other.connectionState == "connected")
    await until(lambda: next(iter(server._sessions.values())).connection.connection_state == "connected")
    await other.close()
    await until(lambda: not server.published and not server._sessions)


async def test_who_never_connects_is_forgotten(server, http, other, monkeypatch):
    monkeypatch.setattr("jupyter_rtc.signaling.served.PATIENCE", 0.2)
    other.addTransceiver(rtc.TestTone(), direction="sendonly")
    offer = "\r\n".join(line for line in (await offer_of(other)).split("\r\n") if "candidate" not in line)
    async with http.post(f"{server.url}/whip/robot", data=offer, headers={"Content-Type": SDP}) as reply:
        assert reply.status == 201
    await until(lambda: not server._sessions)


# -- trickle, restarts --------------------------------------------------------------------------------------------


async def test_candidates_may_come_by_patch(server, http, other):
    other.addTransceiver(rtc.TestPattern((320, 240)), direction="sendonly")
    whole = (await offer_of(other)).split("\r\n")
    told = [line for line in whole if line.startswith("a=candidate")]
    offer = "\r\n".join(line for line in whole if not line.startswith(("a=candidate", "a=end-of")))
    async with http.post(f"{server.url}/whip/robot", data=offer, headers={"Content-Type": SDP}) as reply:
        session, etag = reply.url.join(type(reply.url)(reply.headers["Location"])), reply.headers["ETag"]
        await other.setRemoteDescription(RTCSessionDescription(await reply.text(), "answer"))
    ice = [line for line in whole if line.startswith(("a=ice-ufrag", "a=ice-pwd"))][:2]
    mid = next(line for line in whole if line.startswith("a=mid:"))
    body = "\r\n".join([*ice, "m=video 9 UDP/TLS/RTP/SAVPF 0", mid, *told, "a=end-of-candidates", ""])
    for match, status in (('"other"', 412), (etag, 204), (etag.strip('"'), 204), (None, 204)):
        headers = {"Content-Type": FRAGMENT, **({"If-Match": match} if match else {})}
        async with http.patch(session, data=body, headers=headers) as reply:
            assert reply.status == status
    assert (await read(server.published["robot"].get_video_tracks()[0])).shape == (240, 320, 3)
    async with http.patch(session, data="x", headers={"Content-Type": "text/plain"}) as reply:
        assert reply.status == 415
        assert FRAGMENT in reply.headers["Accept-Patch"]
    async with http.patch(session, data="<html>", headers={"Content-Type": FRAGMENT}) as reply:
        assert reply.status == 400


@pytest.mark.parametrize("role", ["whip", "whep"])
async def test_ice_is_restarted_over_patch(server, role):
    pc = await publish(server)
    published = server.published["robot"].get_video_tracks()[0]
    async with rtc.PeerConnection() as viewer:
        server.publish("out", rtc.TestPattern((160, 120)))
        await viewer.connect(rtc.Whep(f"{server.url}/whep/out", token=TOKEN), SOON)
        restarted = pc if role == "whip" else viewer
        before = restarted.local_description.sdp, restarted.remote_description.sdp
        restarted.restart_ice()
        await until(lambda: restarted.remote_description.sdp != before[1] and restarted.signaling_state == "stable")
        after = restarted.local_description.sdp, restarted.remote_description.sdp
        for old, new in zip(before, after, strict=True):
            assert re.findall("a=ice-ufrag:.*", old) != re.findall("a=ice-ufrag:.*", new)
        seen = await until_stamp(published)
        await until(lambda: restarted.connection_state == "connected")
        async with asyncio.timeout(SOON):
            while (await until_stamp(published))[0] < seen[0] + 30:
                pass
        video = next(t.receiver.track for t in viewer.get_transceivers() if t.kind == "video")
        assert (await read(video)).shape == (120, 160, 3)
    await pc.aclose()


# -- playing ------------------------------------------------------------------------------------------------------


async def test_a_viewer_that_wants_nothing_of_what_there_is_gets_an_offer(server, http, other):
    server.publish("pictures", rtc.TestPattern((160, 120)))
    other.addTransceiver("audio", direction="recvonly")
    url = f"{server.url}/whep/pictures"
    async with http.post(url, data=await offer_of(other), headers={"Content-Type": SDP}) as reply:
        assert (reply.status, reply.content_type) == (406, SDP)
        session = reply.url.join(type(reply.url)(reply.headers["Location"]))
        counter = await reply.text()
    viewer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    tracks: list[Any] = []
    viewer.on("track", tracks.append)
    await viewer.setRemoteDescription(RTCSessionDescription(counter, "offer"))
    answer = await offer_of(viewer)
    async with http.patch(session, data=answer, headers={"Content-Type": SDP}) as reply:
        assert reply.status == 204
    frame = await asyncio.wait_for(tracks[0].recv(), SOON)
    assert (frame.width, frame.height) == (160, 120)
    async with http.patch(session, data=answer, headers={"Content-Type": SDP}) as reply:
        assert reply.status == 409
    await viewer.close()


async def test_what_has_ended_is_not_offered(server):
    track = rtc.TestPattern((160, 120))
    track.stop()
    with pytest.raises(rtc.InvalidStateError, match="all tracks of this source have ended"):
        server.publish("out", track)
    cam = rtc.Camera()
    cam.close()
    with pytest.raises(rtc.InvalidStateError, match="have ended"):
        server.publish("out", cam)
    assert not server._offered


async def test_what_ends_is_taken_off_the_list_and_its_viewers_are_told(server, http):
    video, audio, late = rtc.TestPattern((160, 120)), rtc.TestTone(), rtc.TestTone()
    stream = rtc.MediaStream([video, audio])
    stop = server.publish("out", stream)
    async with rtc.PeerConnection() as viewer:
        await viewer.connect(rtc.Whep(f"{server.url}/whep/out", token=TOKEN), SOON)
        (served,) = server._sessions.values()
        await until(lambda: served.connection.connection_state == "connected")
        stream.add_track(late)
        video.stop()
        audio.stop()
        async with http.get(f"{server.url}/streams") as reply:
            assert await reply.json() == {"whep": ["out"]}
        late.stop()
        await until(lambda: viewer.connection_state == "failed")
        async with http.get(f"{server.url}/streams") as reply:
            assert await reply.json() == {"whep": []}
    assert repr(stop) == "<'out', offered no more>"
    assert not late._end_followers
    stop()


async def test_what_ends_an_offer_ends_that_one_only_and_says_what_it_is(server):
    track = rtc.TestPattern((160, 120))
    first = server.publish("out", track)
    second = server.publish("out", track)
    extra = rtc.TestTone()
    second.stream.add_track(extra)
    second.stream.remove_track(extra)
    assert (len(track._end_followers), len(extra._end_followers)) == (1, 0)
    assert repr(second) == "<'out' can be watched; call this to end it>"
    first()
    assert list(server._offered) == ["out"]
    second()
    assert not server._offered


async def test_a_name_that_nobody_publishes_is_told_with_what_there_is(server):
    with pytest.raises(KeyError, match=r"^'nobody publishes \"robot\".*nothing.*server\.on\(\"publish\""):
        server.published["robot"]
    assert server.published.get("robot") is None
    assert "robot" not in server.published
    pc = await publish(server, "arm")
    with pytest.raises(KeyError, match="there is arm"):
        server.published["robot"]
    await pc.aclose()


async def test_our_own_viewer_takes_the_offer(server):
    server.publish("pictures", rtc.TestPattern((160, 120)))
    events: list[rtc.TrackEvent] = []
    async with rtc.PeerConnection() as viewer:
        viewer.add_transceiver("audio", direction="recvonly")
        viewer.on("track", events.append)
        await viewer.connect(rtc.Whep(f"{server.url}/whep/pictures", token=TOKEN), SOON)
        await until(lambda: events)
        assert (await read(events[0].track)).shape == (120, 160, 3)


async def test_viewers_see_what_takes_the_place_of_a_source(server):
    stream = rtc.MediaStream([rtc.NumpyVideoTrack(np.full((120, 160, 3), (200, 30, 30), np.uint8))])
    server.publish("out", stream)
    async with rtc.PeerConnection() as viewer:
        await viewer.connect(rtc.Whep(f"{server.url}/whep/out", token=TOKEN), SOON)
        video = next(t.receiver.track for t in viewer.get_transceivers() if t.kind == "video")
        await colour(video, (200, 30, 30))
        (old,) = stream.get_tracks()
        stream.remove_track(old)
        stream.add_track(rtc.NumpyVideoTrack(np.full((120, 160, 3), (30, 160, 30), np.uint8)))
        await colour(video, (30, 160, 30))
        server.publish("out", rtc.NumpyVideoTrack(np.full((120, 160, 3), (30, 30, 200), np.uint8)))
        await colour(video, (30, 30, 200))


async def colour(track: rtc.Track[Any], wanted: tuple[int, int, int]) -> None:
    deadline = time.monotonic() + SOON
    while np.abs(np.median(await read(track), axis=(0, 1)) - wanted).max() > 15:
        assert time.monotonic() < deadline


# -- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN, "Bearer ü"]
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/whip/a"), ("POST", "/whep/a"), ("PATCH", "/session/a"), ("GET", "/streams")]
)
async def test_without_the_token_nothing_is_told(server, authorization, method, path):
    headers = {"Content-Type": SDP, **({} if authorization is None else {"Authorization": authorization})}
    async with aiohttp.ClientSession() as http, http.request(method, server.url + path, headers=headers) as reply:
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert TOKEN not in await reply.text()
    assert TOKEN not in repr(server)
    assert not server._sessions


@pytest.mark.parametrize(
    "lines",
    [b"Authorization: Bearer \xfc\xff", b"Authorization: \xff", b"Origin: http://[::", b"Host: [::", b"Host:"],
)
@pytest.mark.parametrize("token", [None, TOKEN])
async def test_headers_that_are_no_text_are_refused(lines, token):
    async with rtc.WhipServer(token=token) as server:
        host, port = server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        own = b"" if lines.startswith(b"Host") else f"Host: {host}:{port}\r\n".encode()
        writer.write(b"POST /whep/a HTTP/1.1\r\n" + own + lines + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        status = int((await asyncio.wait_for(reader.read(), SOON)).split()[1])
        assert status in (400, 401, 403, 415)
        writer.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("POST", "/whip/a", "v=0", {"Content-Type": "text/plain"}, 415),
        ("POST", "/whip/a", "", {"Content-Type": SDP}, 400),
        ("POST", "/whip/a", "<html>", {"Content-Type": SDP}, 400),
        ("POST", "/whip/a", b"\xff\xfe", {"Content-Type": f"{SDP}; charset=utf-8"}, 400),
        ("POST", "/whip/a", "x" * (1 << 19), {"Content-Type": SDP}, 413),
        ("POST", "/whip/a%20b", "v=0", {"Content-Type": SDP}, 404),
        ("POST", "/whip/..%2Fa", "v=0", {"Content-Type": SDP}, 404),
        ("POST", "/whip/" + "a" * 65, "v=0", {"Content-Type": SDP}, 404),
        ("POST", "/whep/nothing", "v=0", {"Content-Type": SDP}, 404),
        ("POST", "/nowhere", "v=0", {"Content-Type": SDP}, 404),
        ("GET", "/whip/a", None, {}, 405),
        ("PUT", "/whep/a", "v=0", {"Content-Type": SDP}, 405),
        ("POST", "/whip/%00", "v=0", {"Content-Type": SDP}, 404),
        ("POST", "/whip/%2E%2E", "v=0", {"Content-Type": SDP}, 404),
        ("POST", "/whip/%C3%A4", "v=0", {"Content-Type": SDP}, 404),
        ("POST", "/whip/%FF%", "v=0", {"Content-Type": SDP}, 404),
        ("POST", "/whip/a?x=%00#y", "<html>", {"Content-Type": SDP}, 400),
        ("POST", "/whep/%3Cscript%3E", "v=0", {"Content-Type": SDP}, 404),
        ("POST", "/whip/" + "a" * 9000, "v=0", {"Content-Type": SDP}, 400),
        ("POST", "/whip", "v=0", {"Content-Type": SDP}, 404),
        ("POST", "/whip/", "v=0", {"Content-Type": SDP}, 404),
        ("POST", "/WHIP/a", "v=0", {"Content-Type": SDP}, 404),
        ("POST", "/whip/a", "<html>", {"Content-Type": "APPLICATION/SDP"}, 400),
        ("POST", "/whip/a", "<html>", {"Content-Type": f'{SDP};charset="UTF-8"'}, 400),
        ("POST", "/whip/a", "v=0", {"Content-Type": f"{SDP}; charset=klingon"}, 400),
        ("POST", "/whip/a", "v=0", {"Content-Type": f"{SDP}x"}, 415),
        ("POST", "/whip/a", "v=0", {"Content-Type": ""}, 415),
        ("HEAD", "/whip/a", None, {}, 405),
        ("DELETE", "/whip/a", None, {}, 405),
        ("GET", "/session/unknown", None, {}, 405),
        ("PATCH", "/session/unknown", "a=mid:0", {"Content-Type": FRAGMENT}, 404),
        ("DELETE", "/session/unknown", None, {}, 404),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_refused_and_leaves_nothing(server, http, method, path, body, headers, status):
    from yarl import URL

    url = URL(server.url + path, encoded=True)
    async with http.request(method, url, data=body, headers=headers) as reply:
        assert reply.status == status
        text = await reply.text()
        assert len(text) < 500
        assert "<script" not in text
        if method == "GET":
            assert "POST" in text or "DELETE" in text
    assert not server._sessions
    assert not server.published


async def test_a_body_that_never_comes_is_given_up(server, monkeypatch):
    monkeypatch.setattr(routes_module, "_BODY", 0.05)
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /whip/a HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: {SDP}\r\n"
    writer.write(f"{head}Content-Length: 1000\r\n\r\nv=0".encode())
    assert int((await asyncio.wait_for(reader.readline(), SOON)).split()[1]) == 408
    writer.close()


@pytest.mark.parametrize(
    ("match", "status"),
    [
        (None, 204),
        ("*", 204),
        ("ETAG", 204),
        ("W/ETAG", 204),
        ('"older", ETAG', 204),
        ('"older"', 412),
        ('"older", "oldest"', 412),
        ("", 412),
    ],
)
async def test_candidates_are_for_the_session_as_it_is(server, http, other, match, status):
    other.addTransceiver(rtc.TestTone(), direction="sendonly")
    offer = await offer_of(other)
    async with http.post(f"{server.url}/whip/robot", data=offer, headers={"Content-Type": SDP}) as reply:
        session, etag = reply.headers["Location"], reply.headers["ETag"]
    headers = {"Content-Type": FRAGMENT, **({} if match is None else {"If-Match": match.replace("ETAG", etag)})}
    async with http.patch(session, data="a=end-of-candidates\r\n", headers=headers) as reply:
        assert reply.status == status
        assert reply.headers["ETag"] == etag


async def test_pages_may_ask_beforehand_about_all_there_is(server):
    headers = {"Origin": "https://example.org", "Access-Control-Request-Headers": "authorization"}
    async with aiohttp.ClientSession(headers=headers) as http:
        for path, method in (("/streams", "GET"), ("/", "GET"), ("/whep/a/", "POST"), ("/session/x", "DELETE")):
            async with http.options(server.url + path) as reply:
                assert reply.status == 204
                assert method in reply.headers["Allow"]
                assert reply.headers["Access-Control-Allow-Origin"] == "*"


async def test_an_offer_that_sends_nothing_is_refused(server, http, other):
    other.addTransceiver("video", direction="recvonly")
    offer = await offer_of(other)
    async with http.post(f"{server.url}/whip/robot", data=offer, headers={"Content-Type": SDP}) as reply:
        assert reply.status == 422
    assert not server._sessions
    assert not server.published


async def test_no_more_than_so_many_are_let_in(server, http, other, monkeypatch):
    monkeypatch.setattr(server_module, "MOST_SESSIONS", 1)
    pc = await publish(server)
    other.addTransceiver(rtc.TestTone(), direction="sendonly")
    offer = await offer_of(other)
    async with http.post(f"{server.url}/whip/second", data=offer, headers={"Content-Type": SDP}) as reply:
        assert reply.status == 503
        assert "Retry-After" in reply.headers
    await pc.aclose()


# -- pages --------------------------------------------------------------------------------------------------------


async def test_a_page_of_another_site_may_ask_a_server_with_a_token(server):
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.options(f"{server.url}/whip/a") as reply:
            assert reply.status == 204
            assert reply.headers["Access-Control-Allow-Origin"] == "*"
            for name in ("Location", "Link", "ETag", "Accept-Patch"):
                assert name in reply.headers["Access-Control-Expose-Headers"]
            for name in ("Authorization", "Content-Type", "If-Match"):
                assert name in reply.headers["Access-Control-Allow-Headers"]
            assert "PATCH" in reply.headers["Access-Control-Allow-Methods"]
            assert reply.headers["Accept-Post"] == SDP
        async with http.post(f"{server.url}/whip/a") as reply:
            assert reply.status == 401
            assert reply.headers["Access-Control-Allow-Origin"] == "*"


NAME = socket.gethostname()
ELSEWHERE = {"Host": "rebound.example.org:8000"}
BROWSER = {"Accept-Language": "en"}


@pytest.mark.parametrize(
    ("method", "headers", "allowed"),
    [
        # Programs, by whatever name.
        ("POST", {}, True),
        ("POST", {"Host": "jupyter"}, True),
        ("POST", {"Host": f"{NAME}:8000"}, True),
        ("POST", {"Host": "machine.example.org"}, True),
        ("GET", {"Host": "machine.example.org"}, True),
        ("POST", {"Sec-Fetch-Mode": "cors", "Accept-Language": "*", "Host": "jupyter"}, True),  # Node's fetch
        # Pages of this machine and of the server.
        ("POST", {"Origin": "http://localhost:8888"}, True),
        ("POST", {"Origin": "http://LOCALHOST.:8888"}, True),
        ("POST", {"Origin": "http://[::1]:8888"}, True),
        ("POST", {"Origin": "http://192.0.2.1:8000", "Host": "192.0.2.1:8000"}, True),
        ("POST", {"Origin": f"http://{NAME}:8000", "Host": f"{NAME}:8000"}, True),
        ("POST", {"Origin": f"http://{NAME}.local:8000", "Host": f"{NAME.upper()}.local:8000"}, True),
        ("GET", {"Host": f"{NAME}:8000", **BROWSER}, True),
        ("GET", {"Sec-Fetch-Site": "same-origin", **BROWSER}, True),
        ("GET", {"Sec-Fetch-Site": "none", **BROWSER}, True),
        # Pages of other sites.
        ("POST", {"Origin": "https://example.org"}, False),
        ("POST", {"Origin": "null"}, False),
        ("POST", {"Origin": ""}, False),
        ("POST", {"Origin": "http://localhost.example.org"}, False),
        ("POST", {"Origin": "http://127.0.0.1.example.org"}, False),
        ("POST", {"Origin": f"http://{NAME}.example.org"}, False),
        ("POST", {"Origin": f"http://{NAME}:8000", "Host": "192.0.2.1:8000"}, False),
        ("OPTIONS", {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}, False),
        ("POST", {"Sec-Fetch-Site": "cross-site"}, False),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, False),
        ("GET", {"Sec-Fetch-Site": "same-site", **BROWSER}, False),
        # Pages whose own name was made to lead here.
        ("POST", {"Origin": "http://rebound.example.org:8000", **ELSEWHERE}, False),
        ("POST", {"Origin": "http://localhost:8888", **ELSEWHERE}, False),
        ("GET", {**BROWSER, **ELSEWHERE}, False),
        ("GET", {"Referer": "http://rebound.example.org:8000/", **ELSEWHERE}, False),
        ("GET", {**BROWSER, "Host": f"{NAME}.example.org"}, False),
    ],
)  # fmt: skip
async def test_a_server_without_a_token_refuses_pages_of_other_sites_and_nothing_else(method, headers, allowed):
    async with rtc.WhipServer(host="0.0.0.0") as server, aiohttp.ClientSession() as http:
        path = "/streams" if method == "GET" else "/whep/a"
        url = f"http://127.0.0.1:{server.url.rpartition(':')[2]}{path}"
        async with http.request(method, url, headers={"Content-Type": SDP, **headers}) as reply:
            assert reply.status == ({"GET": 200, "POST": 404, "OPTIONS": 204}[method] if allowed else 403)
            origin = reply.headers.get("Access-Control-Allow-Origin")
            assert origin == (headers.get("Origin") if allowed else None)
            assert allowed or "token" in await reply.text()


async def test_a_page_that_calls_this_machine_by_name_is_another_site_where_only_programs_of_it_are_let_in():
    async with rtc.WhipServer() as server, aiohttp.ClientSession() as http:
        headers = {"Host": NAME, "Origin": f"http://{NAME}", "Content-Type": SDP}
        async with http.post(f"{server.url}/whep/a", headers=headers) as reply:
            assert reply.status == (404 if NAME == "localhost" else 403)


async def test_the_full_name_of_this_machine_is_its_own(monkeypatch):
    monkeypatch.setattr(socket, "getfqdn", lambda: f"{NAME}.lab.example")
    async with rtc.WhipServer(host="0.0.0.0") as server, aiohttp.ClientSession() as http:
        for host, status in ((f"{NAME}.lab.example", 200), (f"{NAME}.other.example", 403)):
            headers = {"Host": host, **BROWSER}
            async with http.get(f"http://127.0.0.1:{server.url.rpartition(':')[2]}/streams", headers=headers) as reply:
                assert reply.status == status


async def test_what_can_be_watched_is_listed_and_there_is_a_page(server, http):
    server.publish("b", rtc.TestPattern())
    server.publish("a", rtc.TestTone())
    async with http.get(f"{server.url}/streams") as reply:
        assert await reply.json() == {"whep": ["a", "b"]}
    async with aiohttp.ClientSession() as stranger:
        for path in ("/", "/watch/a"):
            async with stranger.get(server.url + path) as reply:
                assert (reply.status, reply.content_type) == (200, "text/html")
                assert TOKEN not in await reply.text()


# -- life ---------------------------------------------------------------------------------------------------------


async def test_it_listens_on_this_machine_only_and_says_where():
    server = rtc.WhipServer()
    with pytest.raises(rtc.InvalidStateError, match="start"):
        _ = server.url
    await server.start()
    await server.start()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", server.url)
    taken = rtc.WhipServer(port=int(server.url.rpartition(":")[2]))
    with pytest.raises(rtc.SignalingError, match="cannot listen"):
        await taken.start()
    taken.close()
    url = server.url
    server.close()
    server.close()
    with pytest.raises(rtc.InvalidStateError, match="closed"):
        await server.start()
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get(url)


async def test_who_publishes_as_the_server_closes_is_told_so(http, other, monkeypatch):
    server = rtc.WhipServer()
    await server.start()
    begun, take = threading.Event(), Served.take

    async def late(served: Served, offer: str) -> Any:
        begun.set()
        await until(lambda: served.is_over)
        return await take(served, offer)

    monkeypatch.setattr(Served, "take", late)
    other.addTransceiver("audio", direction="sendonly")
    headers = {"Content-Type": "application/sdp"}
    asking = asyncio.ensure_future(http.post(f"{server.url}/whip/robot", data=await offer_of(other), headers=headers))
    await until(begun.is_set)
    await asyncio.to_thread(server.close)
    reply = await asking
    assert (reply.status, await reply.text()) == (503, "the server is closed")


async def test_closing_ends_what_is_published_and_played_but_not_the_source():
    source = rtc.TestPattern((160, 120))
    server = rtc.WhipServer(token=TOKEN)
    await server.start()
    server.publish("out", source)
    pc = await publish(server)
    viewer = rtc.PeerConnection()
    await viewer.connect(rtc.Whep(f"{server.url}/whep/out", token=TOKEN), SOON)
    published = server.published["robot"].get_tracks()
    sessions = [served.connection for served in server._sessions.values()]
    await until(lambda: [one.connection_state for one in sessions] == ["connected", "connected"])
    server.close()
    assert [track.ready_state for track in published] == ["ended", "ended"]
    assert source.ready_state == "live"
    assert not server._sessions
    await until(lambda: pc.connection_state == viewer.connection_state == "failed")
    await pc.aclose()
    await viewer.aclose()


@pytest.mark.parametrize(
    ("options", "error"),
    [({"host": ""}, ValueError), ({"port": "80"}, TypeError), ({"port": -1}, ValueError), ({"token": ""}, ValueError)],
)
def test_wrong_arguments_are_told(options, error):
    with pytest.raises(error):
        rtc.WhipServer(**options)


@pytest.mark.parametrize(("name", "source"), [("a b", 1), ("..", 1), ("", 1), ("a" * 65, 1), ("a", []), ("a", 7)])
def test_wrong_publications_are_told(name, source):
    server = rtc.WhipServer()
    with pytest.raises((TypeError, ValueError)):
        server.publish(name, rtc.TestTone() if source == 1 else source)
    server.close()
    with pytest.raises(rtc.InvalidStateError):
        server.publish("a", rtc.TestTone())
