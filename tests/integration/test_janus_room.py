"""What becomes of a Janus room whose server is none, or refuses. A real Janus is in tests/peers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

import jupyter_rtc as rtc
from jupyter_rtc.signaling import janus_room
from jupyter_rtc.signaling.room import MOST_WAITING

from .waiting import SOON, until

SECRETS = {"pin": "p1n-p1n", "token": "t0ken-t0ken", "secret": "s3cret s3cret"}


class Fake:
    """Answers like Janus, but for what a test puts in the place of an answer."""

    def __init__(self) -> None:
        #: By what is asked for: a body as it is, or JSON.
        self.answers: dict[str, Any] = {}
        self.status = 200
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.polling = 0
        self.url = ""

    async def __aenter__(self) -> Fake:
        application = web.Application()
        application.router.add_post("/janus{path:.*}", self._post)
        application.router.add_get("/janus{path:.*}", self._poll)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/janus"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _post(self, request: web.Request) -> web.Response:
        said = await request.json()
        body = said.get("body", {})
        what = "subscribe" if body.get("ptype") == "subscriber" else body.get("request", said["janus"])
        self.asked.append((what, said))
        answer = self.answers.get(what, {"janus": "success", "data": {"id": 7}})
        if said["janus"] == "message" and "janus" not in answer:
            data = {"transaction": said["transaction"], "plugindata": {"data": answer}}
            self.events.put_nowait({"janus": "event", "sender": 7, **data})
            answer = {"janus": "ack"}
        text, kind = (answer, "text/html") if isinstance(answer, str) else (json.dumps(answer), "application/json")
        return web.Response(text=text, content_type=kind, status=self.status)

    async def _poll(self, _request: web.Request) -> web.Response:
        self.polling += 1
        try:
            return web.json_response([await self.events.get()])
        finally:
            self.polling -= 1

    def count(self, what: str) -> int:
        return sum(asked == what for asked, _ in self.asked)


@pytest_asyncio.fixture
async def janus() -> AsyncIterator[Fake]:
    async with Fake() as fake:
        fake.answers["join"] = {"videoroom": "joined", "id": 1, "room": 1234, "publishers": []}
        yield fake


async def refused(url: str, room: Any = 1234, **options: Any) -> rtc.SignalingError:
    """Return the error, having seen that it has no secrets and that the room can be closed."""
    room = rtc.JanusRoom(url, room, **{**SECRETS, **options})
    with pytest.raises(rtc.SignalingError) as caught:
        await room.join(SOON)
    for secret in SECRETS.values():
        assert secret not in f"{caught.value} {caught.value.url} {room}"
    assert room.connection is None
    assert room._running.done()
    await room.aclose()
    return caught.value


async def test_who_is_there_is_let_in_with_what_it_wants(janus):
    async with rtc.JanusRoom(janus.url, 1234, name="Ada", **SECRETS):
        pass
    assert janus.count("destroy") == 1
    for what, said in janus.asked:
        assert (said["token"], said["apisecret"]) == (SECRETS["token"], SECRETS["secret"])
        if what == "join":
            assert (said["body"]["pin"], said["body"]["display"]) == (SECRETS["pin"], "Ada")


async def test_nobody_there():
    error = await refused("http://127.0.0.1:9/janus")
    assert error.status is None
    assert "is the server running" in str(error)


@pytest.mark.parametrize("status", [301, 401, 403, 404, 500, 503])
async def test_an_http_error_is_told(janus, status):
    janus.status = status
    assert (await refused(janus.url)).status == status


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("<html>hello</html>", "text/html rather than JSON"),
        ([1], "address of one"),
        ({"janus": "success"}, "address of one"),
        ({"janus": "success", "data": {"id": "x"}}, "address of one"),
        ({"janus": "error", "error": {"code": 403, "reason": f"not {SECRETS['secret']}"}}, "secret="),
    ],
)
async def test_another_server_than_janus_is_told(janus, answer, words):
    janus.answers["create"] = answer
    assert words in str(await refused(janus.url))


@pytest.mark.parametrize(
    ("code", "words"), [(426, "no such room"), (429, "pass pin"), (432, "full"), (433, "check the pin"), (499, "log")]
)
async def test_a_room_that_refuses_is_told_and_the_session_is_ended(janus, code, words):
    janus.answers["join"] = {"videoroom": "event", "error_code": code, "error": "no"}
    error = await refused(janus.url)
    assert error.status == code
    assert words in str(error)
    assert janus.count("destroy") == 1


async def test_no_video_rooms_there(janus):
    janus.answers["attach"] = {"janus": "error", "error": {"code": 460, "reason": "No such plugin"}}
    assert "videoroom plugin" in str(await refused(janus.url))


@pytest.mark.parametrize(
    "joined", [{"publishers": 5}, {"publishers": [5]}, {"attendees": {"id": 1}}, {"joining": None}]
)
async def test_nonsense_is_told(janus, joined):
    janus.answers["join"] = {"videoroom": "joined", "id": 1, **joined}
    assert "cannot be understood" in str(await refused(janus.url))
    assert janus.count("destroy") == 1


async def test_a_session_that_the_server_forgets_is_begun_anew(janus):
    async with rtc.JanusRoom(janus.url, 1234) as room:
        janus.events.put_nowait({"janus": "error", "error": {"code": 458, "reason": "No such session"}})
        await until(lambda: janus.count("join") == 2)
        await until(lambda: room._problem is None)


async def test_a_server_that_is_lost_is_told_once_and_without_the_session(janus, monkeypatch, caplog):
    monkeypatch.setattr("jupyter_rtc.signaling.janus.GRACE", 0.0)
    monkeypatch.setattr("jupyter_rtc.signaling.room.LONGEST_WAIT", 0.1)
    janus.answers["create"] = {"janus": "success", "data": {"id": 987654321}}
    attempts: list[None] = []
    async with rtc.JanusRoom(janus.url, 1234, **SECRETS) as room:
        visit = room._visit
        monkeypatch.setattr(room, "_visit", lambda entered: attempts.append(None) or visit(entered))
        await until(lambda: janus.polling)
        await janus.__aexit__()
        await until(lambda: room._problem is not None)
        assert "is the server running" in str(room._problem) or "hung up" in str(room._problem)
        await until(lambda: len(attempts) > 3)
    told = [record for record in caplog.records if record.levelname == "WARNING"]
    assert 1 <= len(told) <= 2
    for secret in ("987654321", *SECRETS.values()):
        assert secret not in f"{room._problem} {room._problem.url} {caplog.text}"


async def test_who_is_put_out_does_not_come_back(janus):
    async with rtc.JanusRoom(janus.url, 1234) as room:
        data = {"data": {"videoroom": "event", "leaving": "ok", "reason": "kicked"}}
        janus.events.put_nowait({"janus": "event", "sender": 7, "plugindata": data})
        await until(room._running.done)
        assert "put out" in str(room._problem)
        assert janus.count("join") == 1


async def test_an_offer_that_is_refused_is_told_where_there_is_something_to_send(janus):
    janus.answers["publish"] = {"videoroom": "event", "error_code": 432, "error": "Maximum number of publishers"}
    room = rtc.JanusRoom(janus.url, 1234)
    room.add_track(rtc.TestTone())
    with pytest.raises(rtc.SignalingError, match="full"):
        await room.join(SOON)
    await room.aclose()


@pytest.mark.parametrize(
    ("answer", "is_told"),
    [
        ({"janus": "error", "error": {"code": 428, "reason": "No such feed"}}, False),
        ({"janus": "error", "error": {"code": "x"}}, False),
        ({"janus": "error", "error": "x"}, False),
        ({"janus": "event", "plugindata": "x"}, True),
    ],
)
async def test_who_cannot_be_watched_is_asked_for_again(janus, monkeypatch, caplog, answer, is_told):
    monkeypatch.setattr(janus_room, "AGAIN", 0.05)
    monkeypatch.setattr(janus_room, "LONGEST_AGAIN", 0.1)
    janus.answers["join"]["publishers"] = [{"id": 9, "display": "Bo", "streams": [{"type": "video", "mid": "0"}]}]
    janus.answers["subscribe"] = answer
    async with rtc.JanusRoom(janus.url, 1234):
        await until(lambda: janus.count("subscribe") > 3)
    assert caplog.text.count("Bo cannot be watched") == is_told  # once


def test_more_messages_than_can_be_heeded_are_a_failure_like_others():
    participant = janus_room.Participant("9", 9, "Bo")
    event = {"jsep": {"type": "offer", "sdp": ""}}
    for _ in range(MOST_WAITING):
        participant.receive(event)
    with pytest.raises(rtc.SignalingError, match="Bo"):
        participant.receive(event)
    participant.connection.close()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"error": "\x1b[31mno\n" + "x" * 5000}, "(499, [31mno xxx"),
        ({"error": f"{SECRETS['pin']} " * 100}, "(499, … …"),
        ({"error": None}, "(499, it does not say why)"),
        ({}, "(499, it does not say why)"),
    ],
)
async def test_what_the_server_says_is_told_printable_and_short(janus, said, words):
    janus.answers["join"] = {"videoroom": "event", "error_code": 499, **said}
    text = str(await refused(janus.url))
    assert words in text
    assert text.isprintable()
    assert len(text) < 350


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        (("ws://a", 1), {}, ValueError),
        (("http://", 1), {}, ValueError),
        (("http://a", 0), {}, ValueError),
        (("http://a", ""), {}, ValueError),
        (("http://a", 1.5), {}, TypeError),
        (("http://a", True), {}, TypeError),
        (("http://a", 1), {"pin": 5}, TypeError),
        (("http://a", 1), {"name": None}, TypeError),
    ],
)
def test_wrong_arguments_are_told(arguments, options, error):
    with pytest.raises(error):
        rtc.JanusRoom(*arguments, **options)
