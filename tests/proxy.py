"""An HTTP proxy as companies have them: tunnels by CONNECT, plain requests in absolute form, and logins.

It knows the hosts it is told about and no others, so that nothing leaves this machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Self
from urllib.parse import urlsplit


class Proxy:
    """Listens on the loopback.

    Parameters
    ----------
    hosts : dict
        ``"media.example:443"`` and the like, each with the port of this machine where it is in truth.
    login : str, optional
        The header ``Proxy-Authorization`` that is wanted.
    tls : SSLContext, optional
        Of a proxy that is itself spoken to over TLS.
    """

    def __init__(self, hosts: dict[str, int], login: str | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self._hosts = hosts
        self._tls = tls
        self._login = login
        self._tasks: set[asyncio.Task[None]] = set()
        #: The first lines of the requests, and the headers.
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        #: What all requests are answered with, if not 0.
        self.status = 0
        #: Whether plain requests may become WebSockets, and whether only port 443 is tunnelled to.
        self.upgrades, self.is_strict = True, False
        self.headers = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._handle(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.asked.append((method, target, headers))
        if self.status or (self._login and headers.get("proxy-authorization") != self._login):
            challenge = self.headers or ("" if self.status else 'Proxy-Authenticate: Basic realm="office"\r\n')
            writer.write(f"HTTP/1.1 {self.status or 407} No\r\n{challenge}Content-Length: 0\r\n\r\n".encode())
            await writer.drain()
            return
        parts = urlsplit(target if method != "CONNECT" else f"//{target}")
        if method == "CONNECT" and self.is_strict and parts.port != 443:
            writer.write(b"HTTP/1.1 403 Not this port\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        port = self._hosts.get(f"{parts.hostname}:{parts.port or 80}")
        if port is None:
            writer.write(b"HTTP/1.1 502 No such host\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            own = ("proxy-",) if self.upgrades else ("proxy-", "upgrade", "connection")
            kept = [line for line in lines if not line.lower().startswith(own)]
            there_writer.write("\r\n".join([f"{method} {path} HTTP/1.1", *kept, "", ""]).encode("latin-1"))
        try:
            await asyncio.gather(_pipe(reader, there_writer), _pipe(there_reader, writer))
        finally:
            there_writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
