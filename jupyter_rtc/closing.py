"""Closing everything at once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets

from .registry import remembered
from .rtc.connection import PeerConnection

logger = logging.getLogger(__name__)

#: Seconds that `close_all` waits, in all.
PATIENCE = 10.0


def close_all() -> None:
    """Close every widget, connection, server, room and recorder of this kernel.

    Cameras go off, the other sides are told, ports are free again; also of what was made in cells that are gone. Tracks
    of numpy, patterns and tones go on. May be called at any time, also twice, and takes 10 seconds at most: what is not
    closed by then is named in the log, and goes on being closed.
    """
    deadline = time.monotonic() + PATIENCE
    # Widgets on this thread, as users close them; connections last: those of rooms and servers are closed by these.
    widgets = [made for made in remembered() if isinstance(made, ipywidgets.Widget)]
    for widget in widgets:
        _close(widget)
    _close_together((m for m in remembered() if not isinstance(m, (PeerConnection, ipywidgets.Widget))), deadline)
    _close_together((m for m in remembered() if isinstance(m, PeerConnection)), deadline)


def _close_together(many: Iterable[Any], deadline: float) -> None:
    """Close each on a thread of its own: one that hangs keeps no other."""
    closing = [(made, _start(lambda made=made: _close(made))) for made in many]  # type: ignore[misc]
    for made, thread in closing:
        if thread is not None:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                logger.warning("%r is not closed yet, and is left to close by itself", made)


def _start(close: Callable[[], None]) -> threading.Thread | None:
    thread = threading.Thread(target=close, name="jupyter-rtc-closing", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # at the end of the process there are no new threads
        close()
        return None
    return thread


def _close(made: Any) -> None:
    try:
        if isinstance(made, ipywidgets.Box):
            children, made.children = made.children, ()
            for child in children:
                _close(child)
        made.close()
    except Exception:
        logger.exception("%r could not be closed", made)
