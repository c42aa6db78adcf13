"""Where servers listen: what `url` says is what others can use as it is."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import subprocess
import sys
import uuid

import aiohttp
import pytest
from aiohttp import web

import jupyter_rtc as rtc
from jupyter_rtc.signaling.listening import listen
from tests import link

from .waiting import SOON


def _can_listen(host: str) -> bool:
    try:
        with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return True
    except OSError:
        return False


HOSTS = [
    "127.0.0.1",
    "127.0.0.2",
    "0.0.0.0",
    "localhost",
    socket.gethostname(),
    pytest.param("::", marks=pytest.mark.skipif(not _can_listen("::"), reason="no IPv6")),
    pytest.param("::1", marks=pytest.mark.skipif(not _can_listen("::1"), reason="no IPv6")),
]


@pytest.mark.parametrize("host", HOSTS)
async def test_the_url_of_a_whip_server_works_as_it_is(host):
    async with rtc.WhipServer(host=host) as server, rtc.PeerConnection() as pc:
        pc.add_track(rtc.TestTone())
        await pc.connect(rtc.Whip(f"{server.url}/whip/robot"), SOON)
        assert list(server.published) == ["robot"]
        # And a browser that is sent there.
        origin = {"Origin": server.url, "Content-Type": "application/sdp"}
        async with aiohttp.ClientSession() as http, http.post(f"{server.url}/whep/a", headers=origin) as reply:
            assert reply.status == 404


@pytest.mark.parametrize("host", HOSTS)
async def test_the_url_of_a_server_of_rooms_works_as_it_is(host):
    async with rtc.serve_rooms(host=host) as server:
        async with rtc.WebSocketRoom(server.url, "seminar"):
            assert list(server._rooms) == ["seminar"]
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(server.url, headers={"Origin": server.url.replace("ws:", "http:")}),
        ):
            pass


@pytest.mark.skipif(not _can_listen("::"), reason="no IPv6")
async def test_all_addresses_are_those_of_both_families():
    async with rtc.WhipServer(host="::") as server, aiohttp.ClientSession() as http:
        port = server.url.rpartition(":")[2]
        for host in ("127.0.0.1", "[::1]"):
            async with http.get(f"http://{host}:{port}/streams") as reply:
                assert reply.status == 200


async def test_all_addresses_of_a_name_have_one_port():
    async with rtc.WhipServer(host="localhost") as server, aiohttp.ClientSession() as http:
        port = server.url.rpartition(":")[2]
        hosts = {info[4][0] for info in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
        for host in filter(_can_listen, hosts):
            async with http.get(f"http://{f'[{host}]' if ':' in host else host}:{port}/streams") as reply:
                assert reply.status == 200


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("198.51.100.1", "198.51.100.1:0: this machine does not have that address"),
        ("2001:db8::1", "[2001:db8::1]:0: "),
        ("no-such-host.invalid", "no such host"),
        ("x" * 64, "no such host"),
    ],
)
async def test_what_cannot_be_listened_on_is_told(host, words):
    server = rtc.WhipServer(host=host)
    with pytest.raises(rtc.SignalingError, match=re.escape(words)):
        await server.start()
    server.close()
    with pytest.raises(rtc.SignalingError, match=re.escape(words)):
        rtc.serve_rooms(host=host)


async def test_a_port_in_use_is_told_with_what_to_do():
    async with rtc.WhipServer() as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(rtc.SignalingError, match=f"127.0.0.1:{port}: the port is in use.*port=0"):
            rtc.serve_rooms(port)


SCRIPT = """
import asyncio, sys, jupyter_rtc as rtc

async def main():
    for host in sys.argv[1:]:
        async with rtc.WhipServer(host=host) as server, rtc.serve_rooms(host=host) as rooms:
            pc = rtc.PeerConnection()
            pc.add_track(rtc.TestTone())
            signaling = rtc.Whip(server.url + "/whip/robot")
            await signaling.prepare(pc)
            offer = await pc.create_offer()
            await signaling.send({"type": "offer", "sdp": offer.sdp})
            assert list(server.published) == ["robot"]
            await signaling.close()
            async with rtc.WebSocketRoom(rooms.url, "seminar"):
                print(host, server.url.rpartition(":")[0], rooms.url.rpartition(":")[0], flush=True)
            await pc.aclose()

asyncio.run(main())
"""


@pytest.mark.skipif(link.why_not() is not None, reason=str(link.why_not()))
@pytest.mark.parametrize("address", [None, "10.77.3.4/24", "fd77::4/64"])
def test_without_a_default_route_the_url_works_all_the_same(address):
    name = f"jrtc-{uuid.uuid4().hex[:8]}"

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        if address is not None:
            ip("-n", name, "address", "add", address, "dev", "lo")
        command = ["ip", "netns", "exec", name, sys.executable, "-c", SCRIPT, "0.0.0.0", "::"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=3 * SOON, check=False)
        assert done.returncode == 0, done.stderr
    finally:
        ip("netns", "delete", name)
    ipv4 = "10.77.3.4" if address and "." in address else "127.0.0.1"
    ipv6 = {None: "127.0.0.1", "10.77.3.4/24": ipv4, "fd77::4/64": "[fd77::4]"}[address]
    assert done.stdout.split("\n")[:2] == [
        f"0.0.0.0 http://{ipv4} ws://{ipv4}",
        f":: http://{ipv6} ws://{ipv6}",
    ]


async def ask(port: int, request: bytes) -> bytes:
    """Send bytes, and return the beginning of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(20), SOON)
    finally:
        writer.close()


@pytest.mark.parametrize("make", [rtc.WhipServer, rtc.serve_rooms])
async def test_a_request_that_is_no_http_is_refused_and_written_nowhere(make, caplog):
    server = make()
    if make is rtc.WhipServer:
        await server.start()
    port = int(server.url.rpartition(":")[2])
    for request in (
        b"\0\1\2\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: abc\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        (
            b"POST /whip/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/sdp\r\n"
            b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n"
        ),
        (
            b"POST /whip/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/sdp\r\n"
            b"Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnonsense"
        ),
    ):
        answer = await ask(port, request)
        assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), (request[:80], answer)
    server.close()
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


async def test_a_mistake_of_ours_in_an_answer_is_written_to_the_log(caplog):
    async def fail(_request: web.Request) -> web.Response:
        raise RuntimeError("a mistake of ours")

    application = web.Application()
    application.router.add_get("/", fail)
    runner, port = await listen(application, "127.0.0.1", 0)
    try:
        assert b" 500" in await ask(port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    finally:
        await runner.cleanup()
    assert "a mistake of ours" in caplog.text
