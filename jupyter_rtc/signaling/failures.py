"""Why there is no answer of a server, in words."""

from __future__ import annotations

import asyncio

from . import certificates
from .proxy import Proxy
from .tokens import schemes_of

CONNECT_TIMEOUT = 8.0


def status_of(error: Exception) -> int | None:
    """Return the status of a proxy that refuses to make a tunnel."""
    import aiohttp

    return error.status if isinstance(error, aiohttp.ClientHttpProxyError) else None


def why(error: Exception, timeout: float, proxy: Proxy | None = None) -> str:
    """Return in words why there is no answer, and which proxy was in between."""
    import aiohttp

    if proxy is None:
        return _why(error, timeout)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        offered = error.headers.getall("Proxy-Authenticate", []) if error.headers is not None else []
        return refused(proxy, error.status, offered)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"there is no such host as {proxy} names: is it right, and is this the network in which it is?"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        reason = error.os_error.strerror or "no connection"
        return f"{proxy} cannot be reached ({reason}): is it right, and is this the network in which it is?"
    return f"{_why(error, timeout)} (asked through {proxy})"


def refused(proxy: Proxy, status: int, offered: list[str]) -> str:
    """Return in words what a proxy answered in the place of the server; `offered` are ways to log in there."""
    if status == 407:
        ways = schemes_of(offered)
        if ways and "Basic" not in ways:
            return (
                f"{proxy} answered 407: it wants a login by {' or '.join(ways)}, and only Basic is supported. Ask who "
                "runs it for another proxy, or run one on this machine that logs in there"
            )
        if proxy.headers:
            return f"{proxy} answered 407: it refuses the user or the password in {proxy.source}"
        scheme, _, place = proxy.url.partition("://")
        return f"{proxy} answered 407: it wants a user and a password, {proxy.source}={scheme}://USER:PASSWORD@{place}"
    if status in (401, 403, 405):
        return f"{proxy} answered {status}: it does not let this through. Ask who runs it, or name the host in NO_PROXY"
    return f"{proxy} answered {status}: it does not reach the server. Is the address right, or is it to be in NO_PROXY?"


def _why(error: Exception, timeout: float) -> str:
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return certificates.why(error.certificate_error)
    if isinstance(error, aiohttp.ClientSSLError):
        return "no encrypted connection: is it https there, or plain http on this port?"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "there is no such host: check the address, and the network"
    if isinstance(error, (aiohttp.ServerTimeoutError, TimeoutError, asyncio.TimeoutError)):
        return f"no answer within {CONNECT_TIMEOUT if 'connect' in str(error).lower() else timeout:g} s"
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = error.os_error.strerror or "no connection"
        return f"nobody answers there ({reason}): is the server running, and is the port right?"
    if isinstance(error, aiohttp.InvalidURL):
        return "this address cannot be asked"
    if isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError, ConnectionError)):
        return "the server hung up in the middle: look into its log, and try again"
    return f"the answer cannot be understood: is this a web server? ({type(error).__name__})"
