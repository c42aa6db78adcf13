"""A tunnel through a proxy for a WebSocket that is not encrypted, as browsers make it: RFC 6455 §4.1.

Many proxies do not pass on the upgrade of a plain request. aiohttp makes tunnels for TLS only.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

from .failures import CONNECT_TIMEOUT
from .proxy import Proxy


async def connector(url: str, proxy: Proxy) -> Any:
    """Return aiohttp's connector for one request that goes through a tunnel; None where the proxy makes none.

    Many proxies make tunnels to port 443 only. What is wrong is told by the request itself, made without a tunnel.
    """
    place, target = urlsplit(proxy.url), urlsplit(url)
    if place.scheme != "http":
        return None
    host = f"[{target.hostname}]" if ":" in (target.hostname or "") else target.hostname
    lines = [f"CONNECT {host}:{target.port or 80} HTTP/1.1", f"Host: {host}:{target.port or 80}"]
    lines += [f"{name}: {value}" for name, value in proxy.headers.items()]
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            reader, writer = await asyncio.open_connection(place.hostname, place.port)
            writer.write("\r\n".join([*lines, "", ""]).encode())
            status = (await reader.readuntil(b"\r\n\r\n")).split(maxsplit=2)[1]
        if not (status.isdigit() and 200 <= int(status) < 300):
            return None
        return _connector(writer.get_extra_info("socket").dup())
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError):
        return None
    finally:
        if writer is not None:
            writer.close()


def _connector(connected: socket.socket) -> Any:
    import aiohttp

    connected.setblocking(False)
    unused = [connected]

    class Tunnel(aiohttp.BaseConnector):
        async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
            if not unused:
                raise aiohttp.ClientConnectionError("the tunnel leads to one server")
            loop = asyncio.get_running_loop()
            return (await loop.create_connection(self._factory, sock=unused.pop()))[1]

        def close(self, **options: Any) -> Any:
            while unused:
                unused.pop().close()
            return super().close(**options)

    return Tunnel()
