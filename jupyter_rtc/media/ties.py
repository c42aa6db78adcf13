"""What ties an object to others that hold no reference to it: undone when it is forgotten."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from ..threads import start_thread

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_pid = 0
#: A garbage collection can come at any moment, on a thread that holds any lock: all it does is put something here.
_forgotten: SimpleQueue[list[Callable[[], object]]] = SimpleQueue()


class Ties:
    """Functions that undo what was set up for an object; only that object holds the ties.

    They are called by `cut` or, once the object is forgotten, on a thread of ours. They must neither block nor hold
    the object.
    """

    def __init__(self, *undo: Callable[[], object]) -> None:
        self._undo = list(undo)
        _start()

    def add(self, *undo: Callable[[], object]) -> None:
        """Add functions."""
        self._undo.extend(undo)

    def cut(self) -> None:
        """Call them, each once."""
        _call(self._undo)

    def discard(self) -> None:
        """Forget them uncalled."""
        self._undo.clear()

    def __del__(self, put: Callable[..., None] = _forgotten.put) -> None:
        # Not weakref.finalize: it would hold what the functions hold, and so keep an object that is a part of it.
        if self._undo:
            put(self._undo)


def _start() -> None:
    global _pid
    with _lock:
        if _pid != os.getpid():  # a forked child has no such thread
            _pid = os.getpid()
            start_thread(_run, "jupyter-rtc-forgotten")


def _run() -> None:
    while True:
        try:
            _call(_forgotten.get())
        except Exception:
            logger.exception("the ties of a forgotten object could not be cut")


def _call(undo: list[Callable[[], object]]) -> None:
    while undo:
        undo.pop()()


def weakly(method: Callable[..., Any]) -> Callable[..., None]:
    """Return a bound method that does not keep its object; it does nothing once that is gone."""
    reference = weakref.WeakMethod(method)

    def call(*args: Any) -> None:
        bound = reference()
        if bound is not None:
            bound(*args)

    return call
