"""A bounded hand-over from one thread to readers on threads or event loops."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from typing import Generic, Literal, TypeVar

from ..errors import OperationError

T = TypeVar("T")


class SlotClosed(Exception):
    """The producer has ended and everything was read."""


class Slot(Generic[T]):
    """A bounded queue whose producer never waits.

    Parameters
    ----------
    maxsize : int
        How many items it holds.
    full : {"drop_oldest", "fail"}
        What happens on one more: the oldest goes (and is counted), or the reader's next `get` raises.
    """

    def __init__(self, maxsize: int = 1, full: Literal["drop_oldest", "fail"] = "drop_oldest") -> None:
        self._items: deque[T] = deque()
        self._maxsize = maxsize
        self._full = full
        self._changed = threading.Condition()
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._closed = False
        self._overflowed = False
        self.dropped = 0

    def put(self, item: T) -> None:
        """Hand over an item, at once, from any thread. Nothing happens on a closed slot."""
        with self._changed:
            if self._closed or self._overflowed:
                return
            if len(self._items) >= self._maxsize:
                if self._full == "fail":
                    self._overflowed = True
                else:
                    self._items.popleft()
                    self.dropped += 1
            if not self._overflowed:
                self._items.append(item)
            self._wake()

    def __len__(self) -> int:
        return len(self._items)

    def items(self) -> list[T]:
        """Return what waits, and leave it there."""
        with self._changed:
            return list(self._items)

    def clear(self) -> None:
        """Forget what waits."""
        with self._changed:
            self._items.clear()

    def close(self) -> None:
        """End it: readers get what is left, then `SlotClosed`."""
        with self._changed:
            self._closed = True
            self._wake()

    def _wake(self) -> None:
        self._changed.notify_all()
        waiters, self._waiters = self._waiters, []
        for loop, future in waiters:
            try:
                loop.call_soon_threadsafe(_resolve, future)
            except RuntimeError:  # that loop was closed with its reader
                continue

    def _take(self) -> T | None:
        """With the lock held: the next item, or None to wait."""
        if self._items:
            return self._items.popleft()
        if self._overflowed:
            raise OperationError(
                f"the reader fell {self._maxsize} items behind and drop=False forbids to drop any: "
                "read faster, or use drop=True"
            )
        if self._closed:
            raise SlotClosed
        return None

    def get(self, timeout: float | None = None) -> T:
        """Wait on this thread for an item.

        Raises
        ------
        TimeoutError
            After `timeout` seconds.
        SlotClosed
            When there will be none.
        OperationError
            When items were lost that must not be.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while (item := self._take()) is None:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError
                self._changed.wait(left)
            return item

    async def aget(self, timeout: float | None = None) -> T:
        """Wait on the running event loop for an item; as `get`."""
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        while True:
            with self._changed:
                item = self._take()
                if item is not None:
                    return item
                future: asyncio.Future[None] = loop.create_future()
                waiter = (loop, future)
                self._waiters.append(waiter)
            try:
                # Not wait_for, which in Python 3.11 loses a cancellation that comes together with the item.
                async with asyncio.timeout_at(deadline):
                    await future
            finally:
                with self._changed:
                    if waiter in self._waiters:
                        self._waiters.remove(waiter)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
