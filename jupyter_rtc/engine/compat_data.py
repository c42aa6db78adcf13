"""The receive window of data channels: how much the other side may send before what it sent is read.

aiortc counts only what it is still putting together, so that messages that nobody reads are no reason to stop.
"""

from __future__ import annotations

import threading
import weakref
from contextlib import suppress
from typing import Any, cast

from aiortc import RTCSctpTransport
from aiortc.rtcsctptransport import tsn_plus_one

from .loop import engine

#: Bytes that a connection's data channels may hold unread, before the other side is told to wait.
WINDOW = 8 << 20
#: One that does not heed it, as aiortc does not, is not heard from here on, and sends again what was not acknowledged.
LIMIT = 2 * WINDOW

_windows: weakref.WeakKeyDictionary[RTCSctpTransport, ReceiveWindow] = weakref.WeakKeyDictionary()


def window_of(transport: RTCSctpTransport) -> ReceiveWindow:
    """Return the window of an association. On the engine's thread."""
    window = _windows.get(transport)
    if window is None:
        window = _windows[transport] = ReceiveWindow(transport)
    return window


class ReceiveWindow:
    """Shrinks as messages wait to be read, and grows as they are read (RFC 9260 §6.2), for all channels together."""

    def __init__(self, transport: RTCSctpTransport) -> None:
        # aiortc 1.15: the window is a number that it keeps up to date itself, and we change by as much as is held.
        transport._advertised_rwnd += WINDOW - 1024 * 1024
        self._transport = weakref.ref(transport)
        self._held = 0
        self._released = 0
        self._has_closed = False
        self._lock = threading.Lock()
        this = weakref.ref(self)

        async def receive(chunk: Any) -> None:
            window, sctp = this(), transport_ref()
            if window is None or sctp is None or window._accepts(sctp, chunk):
                await RTCSctpTransport._receive_data_chunk(sctp, chunk)  # type: ignore[arg-type]
            else:
                sctp._sack_needed = True

        transport_ref = self._transport
        transport._receive_data_chunk = receive  # type: ignore[method-assign]

    def _accepts(self, sctp: RTCSctpTransport, chunk: Any) -> bool:
        if self._held >= LIMIT:
            return False
        assembling = WINDOW - self._held - sctp._advertised_rwnd
        # What others wait for is always taken.
        fills_gap = bool(sctp._sack_misordered) and chunk.tsn == tsn_plus_one(cast(int, sctp._last_received_tsn))
        return assembling < LIMIT or fills_gap

    def hold(self, size: int) -> bool:
        """Count bytes that wait to be read; return whether they close it for the first time. On the engine's thread."""
        sctp = self._transport()
        if sctp is not None:
            sctp._advertised_rwnd -= size
        self._held += size
        is_first, self._has_closed = not self._has_closed, self._has_closed or self._held >= WINDOW
        return is_first and self._has_closed

    def release(self, size: int) -> None:
        """Bytes were read. On any thread."""
        with self._lock:
            is_posted = self._released > 0
            self._released += size
        if size and not is_posted:
            engine().post(self._grow)

    def _grow(self) -> None:
        with self._lock:
            size, self._released = self._released, 0
        was_closed = self._held >= WINDOW
        self._held -= size
        sctp = self._transport()
        if sctp is None:
            return
        sctp._advertised_rwnd += size
        if was_closed and self._held < WINDOW and sctp.state == "connected":
            engine().spawn(_acknowledge(sctp))  # or the other side would ask only now and then


async def _acknowledge(sctp: RTCSctpTransport) -> None:
    with suppress(ConnectionError):  # closed meanwhile: then nobody waits for it
        await sctp._send_sack()
