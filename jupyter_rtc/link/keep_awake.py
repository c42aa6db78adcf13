"""Keeps the kernel of a page with live media from being culled: media make no traffic that the server sees."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..config import keep_awake

#: Seconds between two signs of life of this kernel, whatever the number of its pages.
PERIOD = 60.0

_last = 0.0


def show_life(is_live: Callable[[], bool], send: Callable[[], None]) -> None:
    """Call `send`, which sends a message over a comm, once a minute. Call this often; on the engine's thread.

    Parameters
    ----------
    is_live : callable
        Returns whether a page plays or captures anything; asked only when a sign of life is due.
    """
    global _last
    now = time.monotonic()
    if now - _last >= PERIOD and _wanted() and is_live():
        _last = now
        send()


def _wanted() -> bool:
    try:
        return keep_awake()
    except ValueError:  # the environment's value is wrong, which `doctor` tells
        return True
