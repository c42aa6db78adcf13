"""Listening for HTTP on an address of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..checks import string, whole
from ..errors import SignalingError
from .guard import own_address

if TYPE_CHECKING:
    from aiohttp import web

#: So long a connection that is still open may take when the server ends, in seconds.
SHUTDOWN = 1.0


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

    runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise SignalingError(
            f"the server cannot listen on {host}:{port} ({error.strerror}): take port=0, which is any"
        ) from None
    return runner, runner.addresses[0][1]


def address(scheme: str, host: str, port: int) -> str:
    """Return how others name what listens there: by this machine's address if it is all of them."""
    host = own_address() if host in ("0.0.0.0", "::") else host  # noqa: S104 - asked for
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
