"""Listening for HTTP on an address of this machine."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import socket
from typing import TYPE_CHECKING, Any

from ..checks import string, whole
from ..engine.interfaces import host_addresses
from ..errors import SignalingError
from .hosts import is_any

if TYPE_CHECKING:
    from aiohttp import web

logger = logging.getLogger(__name__)

#: So long a connection that is still open may take when the server ends, in seconds.
SHUTDOWN = 1.0
#: How often a free port is looked for that all addresses of a host have.
TRIES = 5
#: A name may have addresses that this machine has not, as "localhost" where there is no IPv6.
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
_ADVICE = {
    errno.EADDRINUSE: "the port is in use. Close what listens there, or use port=0, which is any free one",
    errno.EADDRNOTAVAIL: "this machine does not have that address. Use '127.0.0.1' for programs of this machine only, "
    "or '0.0.0.0' for the network",
    errno.EACCES: "this user may not use that port. Use one above 1023, or port=0, which is any free one",
}


def _is_ours(record: logging.LogRecord) -> bool:
    """Return whether a record of aiohttp's is about us. Requests that are no HTTP are anybody's, and noted quietly."""
    from aiohttp import web
    from aiohttp.http_exceptions import HttpProcessingError

    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, (HttpProcessingError, web.RequestPayloadError)):
        logger.debug("a request was refused, as it is no HTTP: %s", error)
        return False
    return True


#: What aiohttp has to say of requests, such as that one of our handlers has failed.
_server_logger = logging.getLogger(f"{__name__}.aiohttp")
_server_logger.addFilter(_is_ours)


def check_address(host: Any, port: Any) -> None:
    """Refuse what cannot be listened on.

    Raises
    ------
    TypeError, ValueError
    """
    if not string("host", host):
        raise ValueError("host is an address such as '127.0.0.1'")
    if not 0 <= whole("port", port) < 65536:
        raise ValueError(f"port is a number from 0 to 65535, not {port}")


async def listen(application: web.Application, host: str, port: int) -> tuple[web.AppRunner, int]:
    """Serve the application; return what ends it with ``cleanup()``, and the port.

    Raises
    ------
    SignalingError
        When the address cannot be had.
    """
    from aiohttp import web

    try:
        sockets = await _sockets(host, port)
    except (OSError, UnicodeError) as error:  # a name that cannot be one is a UnicodeError
        raise SignalingError(f"the server cannot listen on {_pair(host, port)}: {_why(error)}") from None
    runner = web.AppRunner(application, access_log=None, logger=_server_logger, shutdown_timeout=SHUTDOWN)
    await runner.setup()
    for one in sockets:
        await web.SockSite(runner, one).start()
    return runner, int(sockets[0].getsockname()[1])


def _why(error: OSError | UnicodeError) -> str:
    if not isinstance(error, OSError) or isinstance(error, socket.gaierror):
        return "no such host is known. Use an address of this machine, such as '127.0.0.1' or '0.0.0.0'"
    number = error.errno or 0
    return _ADVICE.get(number, os.strerror(number))


async def _sockets(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen at all addresses of a host, on one port."""
    if is_any(host) and ":" in host and socket.has_dualstack_ipv6():
        return [socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True)]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for last in (False,) * (TRIES - 1) + (True,):
        try:
            return _bind([(family, address) for family, _, _, _, address in found], port)
        except OSError as error:
            if last or port or error.errno != errno.EADDRINUSE:
                raise
    raise AssertionError


def _bind(found: list[tuple[Any, Any]], port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    problem: OSError | None = None
    try:
        for family, address in dict.fromkeys(found):
            try:
                one = socket.create_server((address[0], port, *address[2:]), family=family)
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                problem = error
            else:
                sockets.append(one)
                port = one.getsockname()[1]
        if not sockets and problem is not None:
            raise problem
    except OSError:
        for one in sockets:
            one.close()
        raise
    return sockets


def address(scheme: str, host: str, port: int) -> str:
    """Return how others name what listens there: by this machine's address if it is all of them."""
    return f"{scheme}://{_pair(_own_address(host) if is_any(host) else host, port)}"


def _pair(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _own_address(host: str) -> str:
    """Return an address of this machine at which a server that listens at all addresses is reached."""
    families = [(socket.AF_INET, "198.51.100.1", "127.0.0.1"), (socket.AF_INET6, "2001:db8::1", "::1")]
    if ":" not in host:
        del families[1]
    elif not socket.has_dualstack_ipv6():
        del families[0]
    for family, somewhere, _ in families:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((somewhere, 9))  # which sends nothing
                return str(probe.getsockname()[0])
        except OSError:  # no route to the rest of the world
            continue
    others = [ipaddress.ip_address(one) for one in host_addresses()]
    versions = [{socket.AF_INET: 4, socket.AF_INET6: 6}[family] for family, _, _ in families]
    usable = [one for one in others if not one.is_loopback and one.version in versions]
    usable.sort(key=lambda one: (one.is_link_local, one.version))
    return str(usable[0]) if usable else families[0][2]
