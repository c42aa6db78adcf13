"""Looking up hosts by their names: never on the engine's loop, and never for long."""

from __future__ import annotations

import asyncio
import socket
import threading

from ..threads import start_thread

#: A name that takes longer is of no use: the other side's checks are there before.
PATIENCE = 3.0
#: So many are looked up at a time, and so many addresses of each are used.
MOST, MOST_ADDRESSES = 8, 4

_running = threading.Semaphore(MOST)


async def look_up(host: str) -> list[str]:
    """Return the addresses of a host, none where it is not known in time.

    On a thread of its own: the loop's executor encodes sound, and a resolver can hang for half a minute.
    """
    if not _running.acquire(blocking=False):
        return []
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def answer(addresses: list[str]) -> None:
        if not found.done():
            found.set_result(addresses)

    def ask() -> None:
        try:
            addresses = _addresses(host)
        finally:
            _running.release()
        try:
            loop.call_soon_threadsafe(answer, addresses)
        except RuntimeError:  # the loop has ended meanwhile
            return

    if not start_thread(ask, "jupyter-rtc-names"):
        return []
    try:
        return await asyncio.wait_for(found, PATIENCE)
    except TimeoutError:
        return []


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))[:MOST_ADDRESSES]
