"""Credentials that end: asked for as the services document it, renewed in time, and shown nowhere."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import BasicAuth, web

import jupyter_rtc as rtc
from jupyter_rtc import config
from jupyter_rtc.signaling import exchange, turn

from .waiting import until

KEY, TOKEN, SID = "key-0123", "token-4567", "AC89ab"
GIVEN = {"username": "1234:somebody", "credential": "open-sesame"}
CLOUDFLARE = {
    "iceServers": [
        {"urls": ["stun:stun.example:3478", "stun:stun.example:53"]},
        {
            "urls": [
                "turn:turn.example:3478?transport=udp",
                "turn:turn.example:53?transport=udp",
                "turn:turn.example:3478?transport=tcp",
                "turns:turn.example:443?transport=tcp",
            ],
            **GIVEN,
        },
    ]
}
TWILIO = {
    "username": GIVEN["username"],
    "password": GIVEN["credential"],
    "ttl": "86400",
    "account_sid": SID,
    "ice_servers": [
        {"url": "stun:stun.example:3478", "urls": "stun:stun.example:3478"},
        {"url": "turn:turn.example:443?transport=tcp", "urls": "turn:turn.example:443?transport=tcp", **GIVEN},
    ],
}


class Service:
    """All three, on this machine: knows one user, and can be told to answer anything else."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.answer: tuple[int, str] | None = None
        self.wait: asyncio.Event | None = None
        self.origin = ""

    async def cloudflare(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        known = request.match_info["key"] == KEY and request.headers["Authorization"] == f"Bearer {TOKEN}"
        return await self._reply(known, CLOUDFLARE, 201)

    async def twilio(self, request: web.Request) -> web.Response:
        self.asked.append(dict(await request.post()))
        login = BasicAuth.decode(request.headers["Authorization"])
        known = request.match_info["sid"] == SID and (login.login, login.password) == (SID, TOKEN)
        return await self._reply(known, TWILIO, 201)

    async def hugging_face(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        return await self._reply(request.headers["Authorization"] == f"Bearer {TOKEN}", CLOUDFLARE, 200)

    async def _reply(self, known: bool, answer: Any, status: int) -> web.Response:
        if self.wait is not None:
            await self.wait.wait()
        if self.answer is not None:
            return web.Response(status=self.answer[0], text=self.answer[1], content_type="application/json")
        return web.json_response(answer, status=status) if known else web.json_response({"no": TOKEN}, status=401)


@pytest_asyncio.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    for name in ("CLOUDFLARE_TURN_KEY_ID", "CLOUDFLARE_TURN_KEY_API_TOKEN", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    service = Service()
    app = web.Application()
    app.router.add_post("/v1/turn/keys/{key}/credentials/generate-ice-servers", service.cloudflare)
    app.router.add_post("/2010-04-01/Accounts/{sid}/Tokens.json", service.twilio)
    app.router.add_get("/credentials", service.hugging_face)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    for kind in (rtc.CloudflareTurn, rtc.TwilioTurn, rtc.HuggingFaceTurn):
        monkeypatch.setattr(kind, "_origin", service.origin)
    yield service
    await runner.cleanup()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return what lets the wall clock of the credentials go forward."""
    ahead = 0.0
    real = turn.time.time

    def forward(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds

    monkeypatch.setattr(turn, "time", type("Clock", (), {"time": staticmethod(lambda: real() + ahead)}))
    return forward


def sources() -> list[Any]:
    return [
        pytest.param(lambda: rtc.CloudflareTurn(KEY, TOKEN), {"ttl": 86_400}, id="cloudflare"),
        pytest.param(lambda: rtc.TwilioTurn(SID, TOKEN), {"Ttl": "86400"}, id="twilio"),
        pytest.param(lambda: rtc.HuggingFaceTurn(TOKEN), {"ttl": "86400"}, id="hugging-face"),
    ]


@pytest.mark.parametrize(("make", "asked"), sources())
async def test_fresh_servers_as_browsers_take_them(service: Service, make: Any, asked: Any) -> None:
    source = make()
    servers = await source.ice_servers()
    assert service.asked == [asked]
    assert servers[0] == {"urls": ["stun:stun.example:3478"]}, "browsers refuse port 53"
    assert {name: servers[1][name] for name in GIVEN} == GIVEN
    assert all(url.startswith("turn") and ":53?" not in url for url in servers[1]["urls"])
    await source.ice_servers()
    assert len(service.asked) == 1, "what is good for a while is asked for once"


@pytest.mark.parametrize(("make", "asked"), sources())
async def test_what_identifies_the_user_is_shown_nowhere(
    service: Service, make: Any, asked: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    source = make()
    service.answer = (401, json.dumps({"you": f"{KEY} {SID} {TOKEN}"}))
    with pytest.raises(rtc.SignalingError, match="the credentials are refused") as caught:
        await source.ice_servers()
    assert caught.value.status == 401
    async with rtc.PeerConnection(ice_servers=[source], ice_transport_policy="relay") as pc:
        pc.create_data_channel("x")
        await pc.set_local_description()
        report = pc.report()
        assert report.servers == (str(caught.value),)
        assert "the credentials are refused" in report.reason
        shown = f"{source!r}{report}{pc.get_configuration()}{pc!r}"
    shown += "".join(traceback.format_exception(caught.value)) + caught.value.url + caplog.text
    service.answer = None
    await source._fresh()
    shown += f"{source!r}{source._known()!r}"
    for secret in (KEY, TOKEN, SID, *GIVEN.values(), base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()):
        assert secret not in shown


async def test_the_environment_has_the_usual_names(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for make, names in (
        (rtc.CloudflareTurn, {"CLOUDFLARE_TURN_KEY_ID": KEY, "CLOUDFLARE_TURN_KEY_API_TOKEN": TOKEN}),
        (rtc.TwilioTurn, {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": TOKEN}),
        (rtc.HuggingFaceTurn, {"HF_TOKEN": TOKEN}),
    ):
        for name, value in names.items():
            with pytest.raises(ValueError, match=f"set {name} in the environment"):
                make()
            monkeypatch.setenv(name, value)
        assert await make().ice_servers()


async def test_half_of_their_life_is_left_for_a_new_connection(
    service: Service, clock: Callable[[float], None]
) -> None:
    source = rtc.CloudflareTurn(KEY, TOKEN, ttl=1000)
    await source._fresh()
    clock(490)
    await source._fresh()
    assert len(service.asked) == 1
    clock(20)
    assert source._known() is None
    await source._fresh()
    assert len(service.asked) == 2


async def test_older_ones_are_used_while_the_service_fails_and_no_longer(
    service: Service, clock: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    source = rtc.TwilioTurn(SID, TOKEN, ttl=1000)
    before = await source._fresh()
    service.answer = (503, "")
    clock(600)
    assert await source._fresh() == before
    assert "older credentials are used" in caplog.text
    clock(600)
    with pytest.raises(rtc.SignalingError, match="it answered 503: try again later"):
        await source._fresh()


async def test_who_waits_together_asks_once_and_who_leaves_spoils_nothing(service: Service) -> None:
    service.wait = asyncio.Event()
    source = rtc.CloudflareTurn(KEY, TOKEN)
    impatient, *others = (asyncio.create_task(source._fresh()) for _ in range(3))
    await until(lambda: service.asked)
    impatient.cancel()
    service.wait.set()
    one, other = await asyncio.gather(*others)
    assert one == other
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [
        (404, "{}", "it does not know this account or key"),
        (429, "{}", "too many requests"),
        (500, "<html>", "it answered 500: try again later"),
        (418, "", "it answered 418$"),
        (200, "<html>", "names no servers"),
        (200, "[]", "names no servers"),
        (200, '{"iceServers": 3}', "names no servers"),
        (200, '{"iceServers": "turn:t"}', "names no servers"),
        pytest.param(200, "[" * 100_000, "names no servers", id="deep"),
        pytest.param(200, f'{{"iceServers": [], "ttl": 1{"0" * 400}}}', "names no servers", id="ttl of 400 digits"),
        (200, '{"iceServers": [], "ttl": NaN}', "ttl is no number of seconds"),
        (200, '{"iceServers": [], "ttl": Infinity}', "ttl is no number of seconds"),
        (200, '{"iceServers": [], "ttl": "nan"}', "ttl is no number of seconds"),
        (200, '{"iceServers": [], "ttl": -5}', "ttl is no number of seconds"),
        (200, '{"iceServers": [], "ttl": 0}', "ttl is no number of seconds"),
        (200, '{"iceServers": [{"urls": "stun:s"}]}', "names no TURN server"),
        (200, '{"iceServers": [{"urls": "http://s"}, 7, null]}', "names no TURN server"),
    ],
)
async def test_answers_that_are_of_no_use(service: Service, status: int, text: str, words: str) -> None:
    service.answer = (status, text)
    with pytest.raises(rtc.SignalingError, match=words):
        await rtc.CloudflareTurn(KEY, TOKEN).ice_servers()


@pytest.mark.parametrize(
    "server",
    [
        {"urls": [{"urls": "turn:h", "credential": "open-sesame"}]},
        {"urls": "turn:h?token=open-sesame"},
        {"urls": "turn:u:open-sesame@h"},
        {"urls": "turn:h", "username": "open-sesame"},
        {"urls": "turn:h", "username": "u", "credential": ["open-sesame"]},
    ],
)
async def test_what_is_left_out_of_an_answer_is_said_once_and_without_what_it_was(
    service: Service, server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    service.answer = (200, json.dumps({"iceServers": [*CLOUDFLARE["iceServers"], server, server, server]}))
    assert len(await rtc.CloudflareTurn(KEY, TOKEN).ice_servers()) == 2
    (text,) = caplog.messages
    assert text.startswith("Cloudflare's TURN: a server is left out: iceServers[2]")
    assert text.endswith("; and 2 more")
    assert "open-sesame" not in text


async def test_one_server_alone_as_it_used_to_be_answered(service: Service) -> None:
    service.answer = (200, json.dumps({"iceServers": {"urls": ["stun:s", "turn:t"], **GIVEN}, "ttl": 600}))
    ((server),) = await rtc.CloudflareTurn(KEY, TOKEN).ice_servers()
    assert server["urls"] == ["stun:s", "turn:t"]


async def test_nobody_at_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtc.CloudflareTurn, "_origin", "http://127.0.0.1:9")
    with pytest.raises(rtc.SignalingError, match="nobody answers there") as caught:
        await rtc.CloudflareTurn(KEY, TOKEN).ice_servers()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("wrong", ["", "two words", "ü"])
def test_tokens_that_cannot_be_any(wrong: str) -> None:
    with pytest.raises(ValueError, match="token") as caught:
        rtc.HuggingFaceTurn(wrong)
    assert not wrong or wrong not in str(caught.value)


# -- a shared secret --------------------------------------------------------------------------------------------------


async def test_a_name_and_a_signature_of_it_for_a_shared_secret(
    clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "time", type("Clock", (), {"time": staticmethod(lambda: 1_433_895_918.5 - 86_400)}))
    source = rtc.SharedSecretTurn(["turn:t", "turns:t:443"], "north", user="ninefingers")
    (server,) = await source.ice_servers()
    assert server == {
        "urls": ["turn:t", "turns:t:443"],
        "username": "1433895918:ninefingers",
        "credential": _signed("north", "1433895918:ninefingers"),
    }
    assert "north" not in f"{source!r}{vars(source)}"


def _signed(secret: str, name: str) -> str:
    """As by ``openssl dgst -sha1 -hmac``, the slow way: RFC 2104."""
    import hashlib

    key = secret.encode().ljust(64, b"\0")
    inner = hashlib.sha1(bytes(b ^ 0x36 for b in key) + name.encode()).digest()
    return base64.b64encode(hashlib.sha1(bytes(b ^ 0x5C for b in key) + inner).digest()).decode()


def test_another_name_in_time(clock: Callable[[float], None]) -> None:
    source = rtc.SharedSecretTurn("turn:t", "north", ttl=1000)
    (first,) = source._known()
    clock(490)
    assert source._known() == (first,)
    clock(20)
    (second,) = source._known()
    assert int(second.username or 0) == int(first.username or 0) + 510


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        (("turn:t", ""), {}, ValueError),
        (("turn:t", b"north"), {}, TypeError),
        (("http://t", "north"), {}, ValueError),
        (([], "north"), {}, ValueError),
        (("turn:t", "north"), {"user": "a:b"}, ValueError),
        (("turn:t", "north"), {"ttl": 3}, ValueError),
        (("turn:t", "north"), {"ttl": float("nan")}, ValueError),
        (("turn:t", "north"), {"ttl": float("inf")}, ValueError),
        pytest.param(("turn:t", "north"), {"ttl": 10**400}, ValueError, id="ttl of 400 digits"),
        pytest.param(("turn:t", "north"), {"ttl": 10**5000}, ValueError, id="ttl of 5000 digits"),
        (("turn:t", "north"), {"ttl": "600"}, TypeError),
        (("turn:t", "north"), {"ttl": "north"}, TypeError),
        (("turn:t", "north"), {"user": "north:b"}, ValueError),
        (("turn:t", "north"), {"user": 7}, TypeError),
        (("turn:t", "north\ud800"), {}, ValueError),
        (("turn:t", "north"), {"user": "north\ud800"}, ValueError),
        (("turn:u:north@t", "north"), {}, ValueError),
        (("turn:t?token=north", "north"), {}, ValueError),
        ((("turn:t", "north"), "north"), {}, ValueError),
        (({"turn:t": "north"}, "north"), {}, TypeError),
    ],
)
def test_what_is_no_shared_secret(arguments: Any, options: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        rtc.SharedSecretTurn(*arguments, **options)
    assert "north" not in str(caught.value)


async def test_what_is_left_out_of_a_link_header_is_said_without_what_it_was(caplog: pytest.LogCaptureFixture) -> None:
    links = [
        '<turn:u:open-sesame@h>; rel="ice-server"; username="u"; credential="open-sesame"',
        '<turn:h?token=open-sesame>; rel="ice-server"',
        '<turn:h>; rel="ice-server"; username="open-sesame"',
    ]
    assert exchange.ice_servers(links) == []
    assert len(caplog.messages) == 3
    assert "open-sesame" not in caplog.text


# -- where servers are named ------------------------------------------------------------------------------------------


async def test_a_source_is_kept_and_not_resolved_by_a_configuration() -> None:
    source = rtc.SharedSecretTurn("turn:t", "north")
    async with rtc.PeerConnection(ice_servers=[source, "stun:s"]) as pc:
        assert pc.get_configuration()["ice_servers"] == [source, {"urls": ["stun:s"]}]
        pc.set_configuration(ice_servers=pc.get_configuration()["ice_servers"])
        assert pc.get_configuration()["ice_servers"] == [source, {"urls": ["stun:s"]}]


async def test_the_doctor_says_what_a_service_answers(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.answer = (403, "")
    monkeypatch.setattr(config, "_configured", (rtc.HuggingFaceTurn(TOKEN),))
    text = str(await asyncio.to_thread(rtc.doctor))
    assert "✗ server: Hugging Face's TURN: it answered 403: the credentials are refused" in text
    assert "see that the credentials are right" in text
    assert TOKEN not in text
