"""The event loop of HTTP: a thread of its own, since a running cell holds up the kernel's."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from ..engine.loop import engine, log_failure, start_own_thread

T = TypeVar("T")

#: How long the end of the process waits for servers to be told.
GOODBYE = 1.0

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_pid = 0
_closers: dict[int, Callable[[], Awaitable[None]]] = {}


def loop() -> asyncio.AbstractEventLoop:
    """Return the loop, started at first use."""
    global _loop, _pid
    with _lock:
        if _loop is None or _pid != os.getpid():  # a forked child has no such thread
            _loop, _pid = asyncio.new_event_loop(), os.getpid()
            _closers.clear()
            engine()  # which has to be there first: it is closed last, when all signalings have said goodbye
            start_own_thread(_loop.run_forever, "jupyter-rtc-signaling")
            atexit.register(_goodbye, _pid)
        return _loop


async def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the loop and await it on any other. It is cancelled with the caller."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop()))


def spawn(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine on the loop, from any thread. Nobody waits for it: a failure is logged."""
    asyncio.run_coroutine_threadsafe(coroutine, loop()).add_done_callback(log_failure)


def on_exit(owner: object, close: Callable[[], Awaitable[None]]) -> None:
    """Await `close` when the process ends, unless `forget` comes first."""
    loop()
    _closers[id(owner)] = close


def forget(owner: object) -> None:
    """Take back `on_exit`."""
    _closers.pop(id(owner), None)


def _goodbye(pid: int) -> None:
    if pid != os.getpid() or not _closers or _loop is None:
        return

    async def close_all() -> None:
        await asyncio.gather(*(close() for close in tuple(_closers.values())), return_exceptions=True)

    try:
        asyncio.run_coroutine_threadsafe(close_all(), _loop).result(GOODBYE)
    except (TimeoutError, RuntimeError):
        return
