"""Media servers, rooms and TURN services that are reached through a company's proxy only."""

from __future__ import annotations

import asyncio
import base64
import logging
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

import jupyter_rtc as rtc
from tests.certificates import Authority
from tests.proxy import Proxy

from .endpoint import Endpoint
from .waiting import SOON, until

SECRET = "s3cr3t-token"
PASSWORD = "p@ss/word"
LOGIN = f"Basic {base64.b64encode(f'ada:{PASSWORD}'.encode()).decode()}"
#: With a loopback address there would be no proxy.
HOST = "media.example"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have no settings but those of the test, and a ~/.netrc that knows the hosts."""
    for name in ("http", "https", "all", "no"):
        for variable in (f"{name}_proxy", f"{name}_proxy".upper()):
            monkeypatch.delenv(variable, raising=False)
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {HOST} login ada password {SECRET}\ndefault login ada password {SECRET}\n")
    monkeypatch.setenv("NETRC", str(netrc))


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Endpoint]:
    async with Endpoint() as endpoint:
        yield endpoint


@pytest_asyncio.fixture
async def pc() -> AsyncIterator[rtc.PeerConnection]:
    async with rtc.PeerConnection() as connection:
        connection.add_track(rtc.TestTone())
        yield connection


async def refused(pc: rtc.PeerConnection, signaling: Any) -> rtc.SignalingError:
    with pytest.raises(rtc.SignalingError) as caught:
        await pc.connect(signaling, SOON)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caught.value.url + repr(signaling)
    for secret in (SECRET, PASSWORD, LOGIN[6:], "p%40ss"):
        assert secret not in told
    return caught.value


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_a_plain_session_goes_through_the_proxy_from_beginning_to_end(monkeypatch, server, pc, variable):
    async with Proxy({f"{HOST}:80": server.port}) as proxy:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        await pc.connect(rtc.Whip(f"http://{HOST}/endpoint", token=SECRET), SOON)
        await pc.aclose()
        await asyncio.wait_for(server.deleted.wait(), SOON)
        assert [(method, target) for method, target, _ in proxy.asked] == [
            ("POST", f"http://{HOST}/endpoint"),
            ("DELETE", f"http://{HOST}/session/1"),
        ]
        assert [request[2]["Authorization"] for request in server.requests] == [f"Bearer {SECRET}"] * 2


async def test_no_password_of_netrc_is_sent_to_anybody(monkeypatch, server, pc):
    async with Proxy({f"{HOST}:80": server.port}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        await pc.connect(rtc.Whip(f"http://{HOST}/endpoint"), SOON)
        assert "Authorization" not in server.requests[0][2]
        assert "proxy-authorization" not in proxy.asked[0][2]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_an_encrypted_session_goes_through_a_tunnel_and_the_login_to_the_proxy_only(
    monkeypatch, tmp_path, pc, scheme
):
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with (
        Endpoint(authority.context(HOST)) as server,
        Proxy(
            {f"{HOST}:443": server.port}, LOGIN, tls=authority.context("localhost") if scheme == "https" else None
        ) as proxy,
    ):
        monkeypatch.setenv("https_proxy", f"{scheme}://ada:p%40ss%2Fword@localhost:{proxy.port}")
        await pc.connect(rtc.Whip(f"https://{HOST}/endpoint", token=SECRET), SOON)
        assert [(method, target) for method, target, _ in proxy.asked] == [("CONNECT", f"{HOST}:443")]
        assert proxy.asked[0][2]["proxy-authorization"] == LOGIN
        assert "authorization" not in proxy.asked[0][2]
        headers = server.requests[0][2]
        assert headers["Authorization"] == f"Bearer {SECRET}"
        assert "Proxy-Authorization" not in headers


async def test_what_is_excluded_and_what_is_on_this_machine_goes_directly(monkeypatch, server, pc):
    async with Proxy({}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        await pc.connect(rtc.Whip(f"{server.url}/endpoint"), SOON)
        monkeypatch.setenv("NO_PROXY", "invalid")
        async with rtc.PeerConnection() as other:
            other.add_track(rtc.TestTone())
            assert "no such host" in str(await refused(other, rtc.Whip("http://media.invalid/endpoint")))
        assert proxy.asked == []


async def test_each_server_that_is_redirected_to_has_a_proxy_of_its_own(monkeypatch, server, pc):
    async def away(_request: web.Request, _body: str) -> web.Response:
        return web.Response(status=307, headers={"Location": f"http://{HOST}/endpoint"})

    server.on["POST", "/here"] = away
    async with Proxy({f"{HOST}:80": server.port}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        await pc.connect(rtc.Whip(f"{server.url}/here", token=SECRET), SOON)
        assert [target for _, target, _ in proxy.asked] == [f"http://{HOST}/endpoint"]
        assert "authorization" not in proxy.asked[0][2]


@pytest.mark.parametrize(
    ("variable", "upgrades", "strict", "asked"),
    [
        ("HTTP_PROXY", False, False, ["CONNECT"]),
        ("all_proxy", True, False, ["CONNECT"]),
        ("http_proxy", True, True, ["CONNECT", "GET"]),
    ],
)
async def test_rooms_are_entered_through_the_proxy(monkeypatch, variable, upgrades, strict, asked):
    async with rtc.serve_rooms(token=SECRET) as rooms:
        port = int(rooms.url.rpartition(":")[2])
        async with Proxy({f"{HOST}:8765": port}, LOGIN) as proxy:
            proxy.upgrades, proxy.is_strict = upgrades, strict
            monkeypatch.setenv(variable, f"http://ada:p%40ss%2Fword@127.0.0.1:{proxy.port}")
            async with (
                rtc.WebSocketRoom(f"ws://{HOST}:8765", "seminar", name="Ada", token=SECRET) as ada,
                rtc.WebSocketRoom(f"ws://{HOST}:8765", "seminar", name="Bo", token=SECRET) as bo,
            ):
                assert len(bo.members) == 1
                member = next(iter(bo.members.values()))
                await until(lambda: member.connection.connection_state == "connected")
                assert ada.name == "Ada"
            assert [method for method, _, _ in proxy.asked] == 2 * asked
            assert not any("authorization" in headers for method, _, headers in proxy.asked if method == "CONNECT")


async def test_encrypted_rooms_are_entered_through_a_tunnel(monkeypatch, tmp_path):
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    application = web.Application()

    async def enter(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive_json()
        await socket.send_json({"type": "welcome", "id": "1", "others": []})
        await socket.receive()
        return socket

    application.router.add_get("/", enter)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.context(HOST)).start()
    async with Proxy({f"{HOST}:443": runner.addresses[0][1]}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
        async with rtc.WebSocketRoom(f"wss://{HOST}", "seminar"):
            assert [(method, target) for method, target, _ in proxy.asked] == [("CONNECT", f"{HOST}:443")]
    await runner.cleanup()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("status", "challenge", "login", "words"),
    [
        (0, "", "", "VARIABLE=http://USER:PASSWORD@127.0.0.1:"),
        (0, "", "ada:wr0ng@", "refuses the user or the password in VARIABLE"),
        (407, "Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n", "", "a login by Negotiate or NTLM"),
        (403, "", "", "NO_PROXY"),
        (502, "", "", "does not reach the server"),
    ],
)
async def test_a_proxy_that_refuses_is_named_with_what_to_do(monkeypatch, pc, scheme, status, challenge, login, words):
    variable = f"{scheme}_proxy".upper()
    async with Proxy({}, LOGIN) as proxy:
        proxy.status, proxy.headers = status, challenge
        monkeypatch.setenv(variable, f"http://{login}127.0.0.1:{proxy.port}")
        error = await refused(pc, rtc.Whip(f"{scheme}://{HOST}/endpoint?key={SECRET}", token=SECRET))
        room = rtc.WebSocketRoom(f"ws{scheme[4:]}://{HOST}/?key={SECRET}", "seminar", token=SECRET)
        with pytest.raises(rtc.SignalingError) as caught:
            await room.join()
        room.close()
    assert error.url == f"{scheme}://{HOST}/endpoint?…"
    for told in (error, caught.value):
        text = str(told)
        assert told.status == (status or 407)
        assert f"the proxy http://127.0.0.1:{proxy.port} ({variable})" in text
        assert "wr0ng" not in text
        assert SECRET not in text
        if scheme == "https" or status in (0, 407):  # else it may be the server that says so
            assert words.replace("VARIABLE", variable) in text


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("http://ada:s3cr3t-token@127.0.0.1:9", "cannot be reached (Connect"),
        ("http://ada:s3cr3t-token@proxy.invalid:3128", "there is no such host as the proxy http://proxy.invalid:3128"),
        ("socks5://ada:s3cr3t-token@127.0.0.1:9", "SOCKS"),
        ("http://127.0.0.1:99999", "no proxy that can be used"),
    ],
)
async def test_a_proxy_that_is_not_there_is_named(monkeypatch, pc, caplog, scheme, proxy, words):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("ALL_PROXY", proxy)
    text = str(await refused(pc, rtc.Whip(f"{scheme}://{HOST}/endpoint")))
    assert words in text
    assert "ALL_PROXY" in text
    assert SECRET not in caplog.text


async def test_turn_services_are_asked_through_the_proxy(monkeypatch, tmp_path):
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    async def answer(_request: web.Request, _body: str) -> web.Response:
        server = {"urls": "turn:turn.example:3478", "username": "u", "credential": "c"}
        return web.json_response({"iceServers": [server]})

    async with Endpoint(authority.context("turn.fastrtc.org")) as service:
        service.on["GET", "/credentials"] = answer
        async with Proxy({"turn.fastrtc.org:443": service.port}) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            assert (await rtc.HuggingFaceTurn(SECRET).ice_servers())[0]["urls"] == ["turn:turn.example:3478"]
            proxy.status = 403
            with pytest.raises(rtc.SignalingError, match="NO_PROXY") as caught:
                await rtc.HuggingFaceTurn(SECRET).ice_servers()
            assert SECRET not in "".join(traceback.format_exception(caught.value))


# -- certificates -------------------------------------------------------------------------------------------------


async def test_a_private_certificate_is_told_with_the_variable_that_helps(monkeypatch, tmp_path, pc):
    authority = Authority(tmp_path)
    async with Endpoint(authority.context("localhost")) as server:
        address = f"https://localhost:{server.port}/endpoint"
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        assert 'os.environ["SSL_CERT_FILE"] = ' in str(await refused(pc, rtc.Whip(address, token=SECRET)))
        for file, words in (
            ("missing.pem", "cannot be read (No such file"),
            ("netrc", "no certificate in PEM format"),
        ):
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / file))
            assert words in str(await refused(pc, rtc.Whip(address)))
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))  # as in a cell, with all imports done
        await pc.connect(rtc.Whip(address), SOON)
        await pc.aclose()
        await asyncio.wait_for(server.deleted.wait(), SOON)


@pytest.mark.parametrize(
    ("host", "days", "words"), [("other.example", 1, "another host"), ("localhost", -1, "expired")]
)
async def test_what_is_wrong_with_a_certificate_is_told(monkeypatch, tmp_path, pc, host, days, words):
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with Endpoint(authority.context(host, days)) as server:
        text = str(await refused(pc, rtc.Whip(f"https://localhost:{server.port}/endpoint")))
        assert words in text
        assert "SSL_CERT_FILE" not in text
