"""The engine's thread and its event loop, started at first use."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import socket
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from ..errors import InvalidStateError

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: How long the end of the process waits for connections to say goodbye.
GOODBYE = 1.0


class _Loop(asyncio.SelectorEventLoop):
    """Looks names up beside the codecs: one that is not known may take a thread for half a minute.

    Not the Proactor loop of Windows: its UDP stops at an ICMP "port unreachable", which ICE provokes.
    """

    def __init__(self) -> None:
        super().__init__()
        self._names = ThreadPoolExecutor(4, thread_name_prefix="jupyter-rtc-names")

    async def getaddrinfo(self, host: Any, port: Any, **options: int) -> Any:
        return await self.run_in_executor(self._names, partial(socket.getaddrinfo, host, port, **options))


#: Threads of ours on which no code of users runs, for media and servers wait for them.
_own_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


def runs_user_code() -> bool:
    """Return whether callbacks and observers may be called on this thread."""
    return threading.current_thread() not in _own_threads


def start_own_thread(run: Callable[[], object], name: str) -> threading.Thread:
    """Start a thread on which no code of users is to run."""
    thread = threading.Thread(target=run, name=name, daemon=True)
    _own_threads.add(thread)
    thread.start()
    return thread


async def outcome(future: Future[T]) -> T:
    """Await a future of another thread on any loop. It is not cancelled with the caller; a late failure is logged."""
    here = asyncio.wrap_future(future)
    try:
        return await asyncio.shield(here)
    except asyncio.CancelledError:
        # A shield lets go of what it shields, and asyncio would complain of an exception that nobody looks at.
        here.add_done_callback(lambda done: done.cancelled() or done.exception())
        future.add_done_callback(log_failure)
        raise


def log_failure(done: Future[Any] | asyncio.Future[Any]) -> None:
    """Log why a call failed for which nobody waits."""
    if done.cancelled() or (error := done.exception()) is None:
        return
    if isinstance(error, InvalidStateError):  # it was closed meanwhile, which its owner knows
        logger.debug("a call came too late: %s", error)
    else:
        logger.error("a call failed, and nobody waits for it: %s", error, exc_info=error)


class Engine:
    """A daemon thread with an event loop on which all of aiortc lives."""

    def __init__(self) -> None:
        self.loop = _Loop()
        self.loop.set_default_executor(
            ThreadPoolExecutor(max(4, os.cpu_count() or 1), thread_name_prefix="jupyter-rtc-codec")
        )
        self.pid = os.getpid()
        self._closers: dict[int, Callable[[], Coroutine[Any, Any, None]]] = {}
        self._thread = start_own_thread(self._run, "jupyter-rtc-engine")

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    @property
    def is_current(self) -> bool:
        """Whether this is the engine's own thread."""
        return threading.current_thread() is self._thread

    def post(self, function: Callable[..., object], *args: object) -> None:
        """Call a function soon on the engine's thread, from any thread."""
        self.loop.call_soon_threadsafe(function, *args)

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the engine's loop, from any thread. The caller looks at the result; see `spawn`."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def spawn(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run a coroutine on the engine's loop, from any thread. Nobody waits for it: a failure is logged."""
        self.submit(coroutine).add_done_callback(log_failure)

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the engine's loop and await it on any loop.

        It is not cancelled with the caller: half a description applied would leave the connection unusable.
        """
        return await outcome(self.submit(coroutine))

    def call(self, coroutine: Coroutine[Any, Any, T], timeout: float) -> T:
        """Run a coroutine on the engine's loop and wait for it on this thread."""
        if self.is_current:
            coroutine.close()
            raise RuntimeError("a blocking call on the engine's own thread would never return")
        future = self.submit(coroutine)
        try:
            return future.result(timeout)
        except TimeoutError:
            if not future.done():
                future.add_done_callback(log_failure)
            raise

    def on_exit(self, owner: object, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Await `close` when the process ends, unless `forget` comes first."""
        self._closers[id(owner)] = close

    def forget(self, owner: object) -> None:
        """Take back `on_exit`."""
        self._closers.pop(id(owner), None)

    def close(self) -> None:
        """Say goodbye on all connections, for a bounded time."""
        if self.pid != os.getpid():  # a forked child has no such thread
            return

        async def goodbye() -> None:
            await asyncio.gather(*(close() for close in self._closers.values()), return_exceptions=True)

        try:
            self.submit(goodbye()).result(GOODBYE)
        except (TimeoutError, RuntimeError):
            return


_engine: Engine | None = None
_lock = threading.Lock()


def engine() -> Engine:
    """Return the engine of this process."""
    global _engine
    with _lock:
        if _engine is None or _engine.pid != os.getpid():
            _engine = Engine()
            atexit.register(_engine.close)
        return _engine
