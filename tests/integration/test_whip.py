"""WHIP and WHEP clients against a server of other making."""

from __future__ import annotations

import asyncio
import base64
import gc
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from aiohttp import web
from aiortc import RTCSessionDescription
from multidict import CIMultiDict

import jupyter_rtc as rtc
from jupyter_rtc.engine.loop import engine
from jupyter_rtc.signaling import http

from .endpoint import Endpoint
from .waiting import SOON, until

SECRET = "s3cr3t-token"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Endpoint]:
    async with Endpoint() as endpoint:
        yield endpoint


@pytest_asyncio.fixture
async def pc() -> AsyncIterator[rtc.PeerConnection]:
    async with rtc.PeerConnection() as connection:
        stream = rtc.MediaStream()
        connection.add_track(rtc.TestTone(), stream)
        connection.add_track(rtc.TestPattern((320, 240)), stream)
        yield connection


async def refused(pc: rtc.PeerConnection, signaling: rtc.Signaling, timeout: float = SOON) -> rtc.SignalingError:
    """Return the error, having seen that nothing is left of the attempt."""
    with pytest.raises(rtc.SignalingError) as caught:
        await pc.connect(signaling, timeout)
    assert (pc.signaling_state, pc.connection_state) == ("stable", "new")
    assert SECRET not in repr(caught.value) + caught.value.url
    return caught.value


def respond(status: int, text: str = "", **options: Any) -> Callable[..., Any]:
    async def handler(_request: web.Request, _body: str) -> web.Response:
        return web.Response(status=status, text=text, **options)

    return handler


# -- publishing ---------------------------------------------------------------------------------------------------


async def test_what_is_published_arrives_and_the_end_is_told(server, pc):
    await pc.connect(rtc.Whip(f"{server.url}/endpoint", token=SECRET), SOON)
    assert [s.direction for s in pc.get_transceivers()] == ["sendonly", "sendonly"]
    tracks = {track.kind: track for track in server.received}
    for _ in range(50):
        stamp = rtc.read_stamp((await tracks["video"].recv()).to_ndarray(format="rgb24"))
        if stamp is not None:
            break
    assert stamp is not None
    loud = [np.abs((await tracks["audio"].recv()).to_ndarray()).max() for _ in range(20)]
    assert max(loud) > 1000
    pc.close()
    await asyncio.wait_for(server.deleted.wait(), SOON)
    assert [request[0] for request in server.requests] == ["POST", "DELETE"]
    for _method, _path, headers, _body in server.requests:
        assert headers["Authorization"] == f"Bearer {SECRET}"
    offer = server.said("POST")[0]
    assert offer[2]["Content-Type"] == "application/sdp"
    assert offer[3].count("a=sendonly") == 2


async def test_a_track_can_be_replaced_but_none_added(server, pc):
    await pc.connect(rtc.Whip(f"{server.url}/endpoint"), SOON)
    video = next(s for s in pc.get_senders() if s.track.kind == "video")
    flat = np.full((240, 320, 3), (200, 30, 40), np.uint8)
    await video.replace_track(rtc.NumpyVideoTrack(flat))
    track = next(track for track in server.received if track.kind == "video")
    async with asyncio.timeout(SOON):
        while True:
            picture = (await track.recv()).to_ndarray(format="rgb24")
            if np.abs(np.median(picture, axis=(0, 1)) - flat[0, 0]).max() < 12:
                break
    for add in (lambda: pc.add_track(rtc.TestTone()), lambda: pc.add_transceiver("video")):
        with pytest.raises(rtc.NotSupportedError, match="replace_track"):
            add()
    with pytest.raises(rtc.NotSupportedError):
        pc.create_data_channel("late")
    pc.remove_track(video)
    await asyncio.sleep(0)
    assert pc.signaling_state == "stable"
    assert len(server.said("POST")) == 1


@pytest.mark.parametrize("status", [307, 308])
async def test_redirects_are_followed_and_the_session_is_where_they_lead(server, pc, status):
    server.on["POST", "/endpoint"] = respond(status, headers={"Location": "/far/away/endpoint"})
    server.headers["Location"] = ""
    await pc.connect(rtc.Whip(f"{server.url}/endpoint", token=SECRET), SOON)
    pc.close()
    await asyncio.wait_for(server.deleted.wait(), SOON)
    assert [(r[0], r[1]) for r in server.requests[:2]] == [("POST", "/endpoint"), ("POST", "/far/away/endpoint")]


async def test_another_server_that_is_redirected_to_is_not_told_the_token(server, pc):
    async with Endpoint() as other:
        server.on["POST", "/endpoint"] = respond(307, headers={"Location": f"{other.url}/endpoint"})
        await pc.connect(rtc.Whip(f"{server.url}/endpoint", token=SECRET), SOON)
        assert "Authorization" in server.requests[0][2]
        assert "Authorization" not in other.requests[0][2]


async def test_a_session_of_another_server_that_was_redirected_to_is_ended_without_the_token(server, pc):
    async with Endpoint() as other:
        server.on["POST", "/endpoint"] = respond(308, headers={"Location": f"{other.url}/endpoint"})
        await pc.connect(rtc.Whip(f"{server.url}/endpoint", token=SECRET), SOON)
        await pc.aclose()
        await asyncio.wait_for(other.deleted.wait(), SOON)
        assert ["Authorization" in request[2] for request in other.requests] == [False, False]


async def test_another_server_that_is_redirected_to_and_wants_the_token_is_told_apart(server, pc):
    async with Endpoint() as other:
        server.on["POST", "/endpoint"] = respond(307, headers={"Location": f"http://u:p@127.0.0.1:{other.port}/x"})
        other.on["POST", "/x"] = respond(401, headers={"WWW-Authenticate": "Bearer"})
        error = await refused(pc, rtc.Whip(f"{server.url}/endpoint", token=SECRET))
        assert "redirected to, and is not told the token" in str(error)
        assert error.url == f"{other.url}/x"
        assert "Authorization" not in other.requests[0][2], "a user in an address is the server's words, not ours"


async def test_endless_redirects_end(server, pc):
    server.on["POST", "/endpoint"] = respond(307, headers={"Location": "/endpoint"})
    assert "circles" in str(await refused(pc, rtc.Whip(f"{server.url}/endpoint")))


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429, 500, 502, 503])
async def test_a_refusal_is_an_error_and_the_connection_can_be_used_again(server, pc, status):
    server.on["POST", "/no"] = respond(status, "no", headers={"Location": "/elsewhere"})
    error = await refused(pc, rtc.Whip(f"{server.url}/no?key={SECRET}", token=SECRET))
    assert error.status == status
    assert error.url == f"{server.url}/no?…"
    if status == 500:
        await pc.connect(rtc.Whip(f"{server.url}/endpoint"), SOON)
        assert pc.connection_state == "connected"


@pytest.mark.parametrize("status", [201, 301, 307])
@pytest.mark.parametrize("location", ["http://[bad", "http://127.0.0.1:99999/", "ftp://127.0.0.1/x"])
async def test_an_address_that_is_none_is_told(server, pc, status, location):
    async def handler(_request: web.Request, body: str) -> web.Response:
        answer, headers = await server.answer(body), {"Location": location}
        return web.Response(status=status, text=answer, content_type="application/sdp", headers=headers)

    server.on["POST", "/endpoint"] = handler
    error = await refused(pc, rtc.Whip(f"{server.url}/endpoint", token=SECRET))
    assert (error.status, error.url) == (status, f"{server.url}/endpoint")
    assert "address" in str(error)


@pytest.mark.parametrize(
    ("endpoint", "session", "told"),
    [
        ("https://one.example/x", "https://one.example/s/1", True),
        ("https://one.example/x", "https://two.example/s/1", True),
        ("https://one.example/x", "http://one.example/s/1", False),
        ("HTTPS://one.example/x", "http://two.example/s/1", False),
        ("http://one.example/x", "http://one.example/s/1", True),
    ],
)
async def test_what_was_to_be_encrypted_is_not_told_in_clear(monkeypatch, endpoint, session, told):
    asked: list[tuple[str, str, bool]] = []

    async def ask(method: str, url: str, token: http.Token, **_options: Any) -> http.Reply:
        asked.append((method, url, bool(token)))
        headers = CIMultiDict({"Location": session, "Content-Type": "application/sdp"})
        return http.Reply(201, headers, "v=0", endpoint)

    monkeypatch.setattr(http, "ask", ask)
    async with rtc.PeerConnection() as connection:
        signaling = rtc.Whep(endpoint, token=SECRET)
        signaling._connection = connection
        await signaling.send({"type": "offer", "sdp": "v=0"})
        await signaling.send({"type": "answer", "sdp": "v=0"})
        await signaling.close()
    assert asked == [("POST", endpoint, True), ("PATCH", session, told), ("DELETE", session, told)]


async def test_what_fails_after_it_was_given_up_is_no_unheard_error(server, pc):
    reached, go_on, unheard = asyncio.Event(), asyncio.Event(), []

    async def slow(_request: web.Request, _body: str) -> web.Response:
        reached.set()
        await go_on.wait()
        return web.Response(status=503)

    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unheard.append(context))
    server.on["POST", "/endpoint"] = slow
    signaling = rtc.Whip(f"{server.url}/endpoint")
    await signaling.prepare(pc)
    offering = asyncio.create_task(signaling.send({"type": "offer", "sdp": (await pc.create_offer()).sdp}))
    await reached.wait()
    offering.cancel()
    await asyncio.wait({offering})
    begun = [task for task in asyncio.all_tasks() if "signaling/loop.py" in repr(task)]
    assert begun
    go_on.set()
    await asyncio.wait(begun)
    del begun, offering
    gc.collect()
    await asyncio.sleep(0)
    assert not unheard


async def test_what_is_no_signaling_is_refused_in_every_state(server, pc):
    async with rtc.PeerConnection() as other:
        for connected in (False, True):
            for nonsense in ("x", None, object()):
                with pytest.raises(TypeError, match="send, receive and close"):
                    await other.connect(nonsense)
            if not connected:
                await rtc.connect_pair(pc, other)
        assert other._negotiation is None
    with pytest.raises(TypeError):
        await other.connect("x")


async def test_a_web_page_is_no_answer_and_its_session_is_ended(server, pc):
    server.connect()
    headers = {"Location": "/session/1"}
    server.on["POST", "/endpoint"] = respond(201, "<html>hello</html>", content_type="text/html", headers=headers)
    assert "text/html rather than SDP" in str(await refused(pc, rtc.Whip(f"{server.url}/endpoint", token=SECRET)))
    assert len(server.said("DELETE")) == 1


@pytest.mark.parametrize("text", ["", "v=0\r\n", "v=0\r\nnonsense", "x" * (1 << 19)])
async def test_an_answer_that_is_none_is_told_at_once(server, pc, text):
    server.connect()
    headers = {"Location": "/session/1"}
    server.on["POST", "/endpoint"] = respond(201, text, content_type="application/sdp", headers=headers)
    began = time.monotonic()
    with pytest.raises((rtc.SdpError, rtc.SignalingError)):
        await pc.connect(rtc.Whip(f"{server.url}/endpoint"), SOON)
    assert time.monotonic() - began < SOON / 2
    assert (pc.signaling_state, pc.connection_state) == ("stable", "new")


async def test_a_session_that_comes_too_late_is_ended(server, pc):
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request, body: str) -> web.Response:
        reached.set()
        answer = await server.answer(body)
        await go_on.wait()
        return web.Response(status=201, text=answer, content_type="application/sdp", headers={"Location": "/session/1"})

    server.on["POST", "/endpoint"] = slow
    connecting = asyncio.create_task(pc.connect(rtc.Whip(f"{server.url}/endpoint"), SOON))
    await reached.wait()
    await pc.aclose()
    with pytest.raises(rtc.InvalidStateError):
        await connecting
    go_on.set()
    await asyncio.wait_for(server.deleted.wait(), SOON)


async def test_the_end_is_told_before_the_loop_of_a_script_ends(server):
    def script() -> None:
        async def main() -> None:
            async with rtc.PeerConnection() as pc:
                pc.add_track(rtc.TestTone())
                await pc.connect(rtc.Whip(f"{server.url}/endpoint"), SOON)

        asyncio.run(main())

    await asyncio.to_thread(script)
    assert server.deleted.is_set()


SCRIPT = """
import asyncio, sys, jupyter_rtc as rtc
pc = rtc.PeerConnection()
pc.add_track(rtc.TestTone())
asyncio.run(pc.connect(rtc.Whip(sys.argv[1])))
"""


async def test_the_end_is_told_when_the_process_ends(server):
    url = server.url.replace("127.0.0.1", "localhost")
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SCRIPT, f"{url}/endpoint")
    assert await asyncio.wait_for(process.wait(), 2 * SOON) == 0
    await asyncio.wait_for(server.deleted.wait(), SOON)


async def test_a_server_that_dies_when_connected_harms_nothing(server, pc, caplog):
    caplog.set_level(logging.DEBUG)
    await pc.connect(rtc.Whip(f"{server.url}/endpoint", token=SECRET), SOON)
    await server.stop()
    await pc.aclose()
    assert pc.connection_state == "closed"
    assert SECRET not in caplog.text


async def test_what_was_never_negotiated_with_the_server_is_refused_before_it_is_asked(server, pc):
    nothing = rtc.PeerConnection()
    with pytest.raises(rtc.InvalidStateError, match="nothing to publish"):
        await nothing.connect(rtc.Whip(f"{server.url}/endpoint"))
    nothing.close()
    signaling = rtc.Whip(f"{server.url}/endpoint")
    await pc.connect(signaling, SOON)
    async with rtc.PeerConnection() as second:
        second.add_track(rtc.TestTone())
        with pytest.raises(rtc.InvalidStateError, match="used already"):
            await second.connect(signaling)
        assert len(server.requests) == 1
        assert pc.connection_state == "connected"
        await second.connect(rtc.Whip(f"{server.url}/endpoint"), SOON)


async def test_ice_servers_of_the_server_are_used_from_then_on(server, pc):
    server.headers["Link"] = '<turn:turn.example.net>; rel="ice-server"; username="u"; credential="p"'
    await pc.connect(rtc.Whip(f"{server.url}/endpoint"), SOON)
    assert pc.get_configuration()["ice_servers"] == [
        {"urls": ["turn:turn.example.net"], "username": "u", "credential": "p"}
    ]


async def test_a_restart_that_the_server_cannot_do_leaves_what_there_is(server, pc):
    await pc.connect(rtc.Whip(f"{server.url}/endpoint", token=SECRET), SOON)
    pc.restart_ice()
    await until(lambda: server.said("PATCH") and pc.signaling_state == "stable")
    patch = server.said("PATCH")[0]
    assert patch[1] == "/session/1"
    assert patch[2]["Content-Type"] == "application/trickle-ice-sdpfrag"
    assert (patch[2]["If-Match"], patch[2]["Authorization"]) == ("*", f"Bearer {SECRET}")
    assert "a=ice-ufrag:" in patch[3]
    before = await packets(server)
    await until_more(server, before)
    assert pc.connection_state == "connected"


async def packets(server: Endpoint) -> int:
    stats = await server.connections[0].getStats()
    return sum(s.packetsReceived for s in stats.values() if s.type == "inbound-rtp")


async def until_more(server: Endpoint, before: int) -> None:
    deadline = time.monotonic() + SOON
    while await packets(server) < before + 50:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


# -- logins and directions ----------------------------------------------------------------------------------------


async def test_a_user_and_a_password_are_sent_as_basic_and_shown_nowhere(server, caplog):
    caplog.set_level(logging.DEBUG)
    login = f"Basic {base64.b64encode(f'adä:{SECRET} x'.encode()).decode()}"
    for kind in (rtc.Whip, rtc.Whep):
        async with rtc.PeerConnection() as pc:
            if kind is rtc.Whip:
                pc.add_track(rtc.TestTone())
            signaling = kind(f"{server.url}/endpoint", token=("adä", f"{SECRET} x"))
            await pc.connect(signaling, SOON)
            assert SECRET not in repr(signaling) + signaling.view.value + repr(signaling._token) + pc.report().__str__()
        await asyncio.wait_for(server.deleted.wait(), SOON)
    assert {request[2]["Authorization"] for request in server.requests} == {login}
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("token", "offered", "words"),
    [
        (None, [], "a token is wanted: pass token=..."),
        (None, ["Bearer"], "a token is wanted: pass token=..."),
        (None, ['Bearer realm="a, b", Basic realm="x"'], "a token is wanted: pass token=..."),
        (None, ['Basic realm="Digest, Bearer", charset="UTF-8"'], 'pass token=("USER", "PASSWORD")'),
        (None, ["bearer", 'BASIC realm="x"'], "a token is wanted: pass token=..."),
        (SECRET, ["basic"], 'pass token=("USER", "PASSWORD")'),
        (SECRET, ["Bearer"], "the token is refused"),
        (("ada", SECRET), ['Basic realm="x"'], "the user or the password is refused"),
        (("ada", SECRET), [], "the user or the password is refused"),
        (("ada", SECRET), ["Bearer"], 'a bearer token is wanted, and no user and password: pass token="..."'),
        (None, ['Digest realm="x", nonce="y"', "Negotiate"], "a login by Digest or Negotiate is wanted"),
        (("ada", SECRET), ["NTLM"], "a login by NTLM is wanted"),
    ],
)
async def test_a_server_that_wants_a_login_is_told_with_what_to_pass(server, pc, token, offered, words):
    text = f"no, {SECRET}" if token else "no"
    challenges = CIMultiDict(("WWW-Authenticate", one) for one in offered)
    server.on["POST", "/no"] = respond(401, text, headers=challenges)
    error = await refused(pc, rtc.Whip(f"{server.url}/no", token=token))
    assert words in str(error)
    assert error.status == 401


@pytest.mark.parametrize(
    "make", [rtc.Whip, rtc.Whep, lambda url, **options: rtc.WebSocketRoom(f"ws{url[4:]}", "a", **options)]
)
@pytest.mark.parametrize(
    ("token", "error"),
    [
        (("ada",), TypeError),
        (("ada", SECRET, "x"), TypeError),
        (("ada", None), TypeError),
        ((1, SECRET), TypeError),
        (["ada", SECRET], TypeError),
        (("a:da", SECRET), ValueError),
        (("ada", f"{SECRET}\r\nX: y"), ValueError),
    ],
)
def test_what_is_no_login_is_refused_without_showing_it(make, token, error):
    with pytest.raises(error) as caught:
        make("http://127.0.0.1:9/x", token=token)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        f"https://ada:{SECRET}@media.example/live",
        f"https://ada:{SECRET}#1@media.example/live",
        f"https://ada:{SECRET}?1@media.example/live",
        f"https://ada:{SECRET}/1@media.example/live",
        f"ada:{SECRET}@media.example/live",
        f"https:/ada:{SECRET}@media.example/live",
        f"https://{SECRET}@media.example/live",
    ],
)
def test_a_password_in_the_address_is_refused_and_not_shown(address):
    with pytest.raises(ValueError) as caught:
        rtc.Whip(address)
    assert SECRET not in str(caught.value)
    assert "token=" in str(caught.value) or "names a host" in str(caught.value)


@pytest.mark.parametrize("direction", ["sendrecv", "recvonly"])
async def test_a_transceiver_that_is_to_receive_is_not_made_to_send_only(server, pc, direction):
    pc.add_transceiver("video", direction=direction)
    with pytest.raises(rtc.InvalidStateError, match="WHIP publishes only.*receive.*use another connection"):
        await pc.connect(rtc.Whip(f"{server.url}/endpoint"), SOON)
    assert [one.direction for one in pc.get_transceivers()] == ["sendrecv", "sendrecv", direction]
    assert not server.requests


async def published(pc: rtc.PeerConnection, url: str) -> None:
    async with rtc.WhipServer() as ours:
        await pc.connect(rtc.Whip(url or f"{ours.url}/whip/robot"), SOON)
        assert pc.connection_state == "connected"


@pytest.mark.parametrize("whose", ["of other making", "ours"])
async def test_a_track_that_was_removed_is_not_published_and_keeps_nothing_from_being_so(server, whose):
    async with rtc.PeerConnection() as pc:
        sender = pc.add_track(rtc.TestPattern((160, 120)))
        pc.add_track(rtc.TestTone())
        pc.remove_track(sender)
        await published(pc, "" if whose == "ours" else f"{server.url}/endpoint")
        assert [one.direction for one in pc.get_transceivers()] == ["inactive", "sendonly"]


@pytest.mark.parametrize("whose", ["of other making", "ours"])
async def test_an_inactive_transceiver_is_published_as_it_is(server, pc, whose):
    pc.add_transceiver("audio", direction="inactive")
    await published(pc, "" if whose == "ours" else f"{server.url}/endpoint")
    assert [one.direction for one in pc.get_transceivers()] == ["sendonly", "sendonly", "inactive"]


async def test_one_that_sends_and_would_receive_is_made_to_send_only_and_that_is_said(server, caplog):
    async with rtc.PeerConnection() as pc:
        pc.add_transceiver(rtc.TestTone())
        pc.add_track(rtc.TestPattern((160, 120)))
        pc.add_transceiver("video", direction="sendonly")
        await pc.connect(rtc.Whip(f"{server.url}/endpoint"), SOON)
        assert [one.direction for one in pc.get_transceivers()] == ["sendonly"] * 3
    (said,) = [record.getMessage() for record in caplog.records if "sendonly" in record.getMessage()]
    assert "audio" in said
    assert "will receive nothing" in said


# -- playing ------------------------------------------------------------------------------------------------------


async def seen(events: list[rtc.TrackEvent], kinds: set[str]) -> dict[str, np.ndarray]:
    await until(lambda: kinds <= {event.track.kind for event in events})
    tracks = {event.track.kind: event.track for event in events}
    assert set(tracks) == kinds
    return {
        kind: await asyncio.to_thread(tracks[kind].read, *([0.5] if kind == "audio" else []), timeout=SOON)
        for kind in kinds
    }


async def test_what_is_played_arrives(server):
    server.tracks = [rtc.TestTone(), rtc.TestPattern((320, 240))]
    events: list[rtc.TrackEvent] = []
    async with rtc.PeerConnection() as viewer:
        viewer.on("track", events.append)
        await viewer.connect(rtc.Whep(f"{server.url}/endpoint", token=SECRET), SOON)
        assert sorted((t.kind, t.direction) for t in viewer.get_transceivers()) == [
            ("audio", "recvonly"),
            ("video", "recvonly"),
        ]
        items = await seen(events, {"audio", "video"})
        assert items["video"].shape == (240, 320, 3)
        assert np.abs(items["audio"]).max() > 0.05
    await asyncio.wait_for(server.deleted.wait(), SOON)


async def test_who_wants_pictures_only_gets_pictures_only(server):
    server.tracks = [rtc.TestPattern((320, 240))]
    events: list[rtc.TrackEvent] = []
    async with rtc.PeerConnection() as viewer:
        viewer.on("track", events.append)
        viewer.add_transceiver("video")
        await viewer.connect(rtc.Whep(f"{server.url}/endpoint"), SOON)
        assert (await seen(events, {"video"}))["video"].shape == (240, 320, 3)
        assert server.said("POST")[0][3].count("m=") == 1


async def test_a_player_sends_nothing(server, pc):
    with pytest.raises(rtc.InvalidStateError, match="WHEP"):
        await pc.connect(rtc.Whep(f"{server.url}/endpoint"))
    assert server.requests == []


@pytest.mark.parametrize("status", [204, 200])
async def test_a_counter_offer_is_answered(server, status):
    """draft-ietf-wish-whep: 406 with an offer of the server's, which the client answers by PATCH."""

    async def counter(_request: web.Request, _body: str) -> web.Response:
        connection = server.connect()
        for track in (rtc.TestPattern((320, 240)), rtc.TestTone()):
            connection.addTrack(track)
        await connection.setLocalDescription()
        return web.Response(
            status=406,
            text=connection.localDescription.sdp,
            content_type="application/sdp",
            headers={"Location": "session/1", "ETag": '"e"'},
        )

    async def accept(_request: web.Request, body: str) -> web.Response:
        await server.connections[0].setRemoteDescription(RTCSessionDescription(body, "answer"))
        return web.Response(status=status)

    server.on["POST", "/endpoint"] = counter
    server.on["PATCH", "/session/1"] = accept
    events: list[rtc.TrackEvent] = []
    async with rtc.PeerConnection() as viewer:
        viewer.on("track", events.append)
        await viewer.connect(rtc.Whep(f"{server.url}/endpoint", token=SECRET), SOON)
        items = await seen(events, {"audio", "video"})
        assert items["video"].shape == (240, 320, 3)
        assert len(viewer.get_transceivers()) == 2
        patch = server.said("PATCH")[0]
        assert (patch[2]["Content-Type"], patch[2]["If-Match"]) == ("application/sdp", '"e"')
        assert patch[2]["Authorization"] == f"Bearer {SECRET}"
    await asyncio.wait_for(server.deleted.wait(), SOON)


async def test_a_counter_offer_whose_answer_is_refused(server):
    async def counter(_request: web.Request, _body: str) -> web.Response:
        connection = server.connect()
        connection.addTrack(rtc.TestTone())
        await connection.setLocalDescription()
        sdp = connection.localDescription.sdp
        return web.Response(status=406, text=sdp, content_type="application/sdp", headers={"Location": "/session/1"})

    server.on["POST", "/endpoint"] = counter
    server.on["PATCH", "/session/1"] = respond(422)
    async with rtc.PeerConnection() as viewer:
        with pytest.raises(rtc.SignalingError) as caught:
            await viewer.connect(rtc.Whep(f"{server.url}/endpoint"), SOON)
        assert caught.value.status == 422
        assert len(server.said("DELETE")) == 1


def is_ours(task: asyncio.Task[Any]) -> bool:
    """Return whether the package's own code runs in the task; the checkout's folder may be named jupyter_rtc, too."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and Path(code.co_filename).is_relative_to(Path(rtc.__file__).parent)


async def test_nothing_is_left_running(server):
    async with rtc.PeerConnection() as viewer:
        await viewer.connect(rtc.Whep(f"{server.url}/endpoint"), SOON)
    await asyncio.wait_for(server.deleted.wait(), SOON)
    own = [t for t in asyncio.all_tasks() if is_ours(t)]
    await until(lambda: all(t.done() for t in own))
    assert not [t for t in asyncio.all_tasks(engine().loop) if "PerfectNegotiation" in repr(t)]
