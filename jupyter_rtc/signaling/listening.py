"""Listening for HTTP on an address of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import SignalingError
from .guard import own_address

if TYPE_CHECKING:
    from aiohttp import web

#: So long a connection that is still open may take when the server ends, in seconds.
SHUTDOWN = 1.0


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
