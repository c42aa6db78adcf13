"""Servers that are none, that refuse, or that die: said clearly, nothing left running, no token shown.

One that dies later is in test_recovery and test_room, rooms that are full in test_room and test_janus_room, texts that
were cut short in tests/unit/test_copypaste.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import jupyter_rtc as rtc
from jupyter_rtc.signaling import loop

from .endpoint import Endpoint
from .test_whip import respond
from .waiting import SOON, until

SECRET = "s3cr3t-token"
HTML = "<!doctype html><title>Welcome</title>"


class Server:
    """Plain TCP. `text` is what is said to who asks, and then it hangs up; None: nothing, and it does not."""

    def __init__(self, text: bytes | None = b"", *, context: Any = None) -> None:
        self._text, self._context = text, context
        self.asked: list[bytes] = []
        self.where = ""

    async def __aenter__(self) -> Server:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.where = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.asked.append(await reader.readuntil(b"\r\n\r\n"))
            if self._text is None:
                await reader.read()
            else:
                writer.write(self._text)
                await writer.drain()
        finally:
            writer.close()


def said(status: str, body: str = "", kind: str = "text/plain", *, length: int | None = None) -> bytes:
    """Return an answer of HTTP; `length` may promise more than comes."""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n{body}".encode()


def certificate(folder) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now.replace(year=now.year + 1)
    )
    path = folder / "both.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def _whip(url: str, pc: rtc.PeerConnection) -> None:
    pc.add_track(rtc.TestTone())
    await pc.connect(rtc.Whip(url, token=SECRET), SOON)


async def _whep(url: str, pc: rtc.PeerConnection) -> None:
    await pc.connect(rtc.Whep(url, token=SECRET), SOON)


async def _room(url: str, _pc: rtc.PeerConnection) -> None:
    room = rtc.WebSocketRoom(url.replace("http", "ws", 1), "seminar", token=SECRET)
    try:
        await room.join(SOON)
    finally:
        await room.aclose()


async def _janus(url: str, _pc: rtc.PeerConnection) -> None:
    room = rtc.JanusRoom(url, 1234, pin=SECRET, secret=SECRET, token=SECRET)
    room.add_track(rtc.TestTone())
    try:
        await room.join(SOON)
    finally:
        await room.aclose()


DOORS: dict[str, Callable[[str, rtc.PeerConnection], Awaitable[None]]] = {
    "whip": _whip,
    "whep": _whep,
    "room": _room,
    "janus": _janus,
}


@pytest_asyncio.fixture
async def pc() -> AsyncIterator[rtc.PeerConnection]:
    async with rtc.PeerConnection() as connection:
        yield connection


async def refused(door: str, url: str, pc: rtc.PeerConnection, caplog: Any) -> rtc.SignalingError:
    """Return the error, having seen that nothing is left of the attempt, and that no secret is anywhere."""
    caplog.set_level(logging.DEBUG, "jupyter_rtc")
    with pytest.raises(rtc.SignalingError) as caught:
        await DOORS[door](url, pc)
    error = caught.value
    assert SECRET not in f"{error!r} {error.url} {pc.report()} {caplog.text}"
    assert url.split("?")[0].split("://")[1] in f"{error} {error.url}"
    assert (pc.signaling_state, pc.connection_state) == ("stable", "new")
    await until(nothing_is_left)
    return error


def nothing_is_left() -> bool:
    tasks = [*asyncio.all_tasks(), *asyncio.all_tasks(loop.loop())]
    ours = ("PerfectNegotiation", "Exchange", "Room", "http.ask", "Janus")
    return not any(name in repr(task.get_coro()) for task in tasks for name in ours)


@pytest.mark.parametrize("door", DOORS)
async def test_nobody_there(door, pc, caplog):
    error = await refused(door, f"http://127.0.0.1:9/here?key={SECRET}", pc, caplog)
    assert error.status is None
    assert "is the server running" in str(error)


@pytest.mark.parametrize("door", DOORS)
async def test_a_name_that_there_is_not(door, pc, caplog):
    assert "there is no such host" in str(await refused(door, "http://nowhere.invalid/here", pc, caplog))


@pytest.mark.parametrize("door", DOORS)
async def test_a_certificate_that_nobody_has_signed(door, pc, caplog, tmp_path):
    async with Server(context=certificate(tmp_path)) as server:
        assert "its certificate is not trusted" in str(await refused(door, f"https://{server.where}/x", pc, caplog))
        assert server.asked == []


@pytest.mark.parametrize("door", DOORS)
async def test_plain_http_where_https_is_asked(door, pc, caplog):
    async with Endpoint() as server:
        url = server.url.replace("http:", "https:")
        assert "plain http" in str(await refused(door, f"{url}/endpoint", pc, caplog))


@pytest.mark.parametrize("door", DOORS)
async def test_a_page_of_the_web(door, pc, caplog):
    async with Server(said("200 OK", HTML, "text/html")) as server:
        error = await refused(door, f"http://{server.where}/x", pc, caplog)
        assert error.status == 200
        assert "address" in str(error)


@pytest.mark.parametrize("status", [401, 403, 404, 409, 500])
@pytest.mark.parametrize("door", DOORS)
async def test_a_refusal(door, status, pc, caplog):
    words = {401: "token", 403: "token", 404: "nothing at this address", 409: "not free", 500: "its log"}
    async with Server(said(f"{status} No", f"what about {SECRET}?")) as server:
        error = await refused(door, f"http://{server.where}/x", pc, caplog)
        assert error.status == status
        assert words[status] in str(error)


@pytest.mark.parametrize("text", [b"", said("201 Created", "v=0", "application/sdp", length=500), b"\xff\xfe\r\n\r\n"])
@pytest.mark.parametrize("door", DOORS)
async def test_a_server_that_dies_in_the_middle(door, text, pc, caplog):
    async with Server(text) as server:
        error = await refused(door, f"http://{server.where}/x", pc, caplog)
        assert "hung up" in str(error) or "is this a web server" in str(error) or error.status == 201


@pytest.mark.parametrize("make", [rtc.WebSocketRoom, rtc.JanusRoom])
async def test_a_room_whose_server_never_answers(make):
    async with Server(None) as server:
        room = make(f"{'ws' if make is rtc.WebSocketRoom else 'http'}://{server.where}/x", "seminar")
        with pytest.raises(rtc.SignalingError, match="not let in within 0.3 s"):
            await room.join(0.3)
        await until(nothing_is_left)
        await room.aclose()


@pytest.mark.parametrize("door", ["whip", "whep"])
async def test_a_server_that_never_answers(door, pc, monkeypatch):
    monkeypatch.setattr("tests.integration.test_bad_input.SOON", 0.3)
    async with Server(None) as server:
        with pytest.raises(rtc.ConnectTimeout, match=r"within 0.3 s") as caught:
            await DOORS[door](f"http://{server.where}/x", pc)
        assert SECRET not in f"{caught.value} {caught.value.report}"
        await pc.aclose()


@pytest.mark.parametrize("door", ["whip", "whep"])
async def test_what_was_refused_can_be_tried_again(door, pc, caplog):
    async with Endpoint() as server:
        server.tracks = [rtc.TestTone()] if door == "whep" else []
        server.on["POST", "/endpoint"] = respond(500, SECRET)
        await refused(door, f"{server.url}/endpoint", pc, caplog)
        del server.on["POST", "/endpoint"]
        signaling = (rtc.Whip if door == "whip" else rtc.Whep)(f"{server.url}/endpoint", token=SECRET)
        await pc.connect(signaling, SOON)
        assert pc.connection_state == "connected"
        await pc.aclose()
        await asyncio.wait_for(server.deleted.wait(), SOON)
        await until(nothing_is_left)


MAKERS = [
    rtc.Whip,
    rtc.Whep,
    lambda url: rtc.JanusRoom(url, 1),
    lambda url: rtc.WebSocketRoom(url.replace("http", "ws", 1) if isinstance(url, str) else url, "a"),
]


@pytest.mark.parametrize(
    "url",
    ["", "here", "ftp://a/b", "http://", "http://:80/x", "http://a:0/x", "https://[x/y", f"https://u:{SECRET}@a/b"],
)
@pytest.mark.parametrize("make", MAKERS)
def test_what_is_no_address(make, url):
    with pytest.raises(ValueError) as caught:
        make(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("url", [None, 5, b"http://a/b"])
@pytest.mark.parametrize("make", MAKERS)
def test_what_is_no_text(make, url):
    with pytest.raises(TypeError):
        make(url)
