"""A data channel as a handle: aiortc's, seen from above as plain data and callbacks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from aiortc import RTCDataChannel

from . import compat
from .compat_data import window_of


class Channel:
    """A data channel. Its callbacks are called on the engine's thread and must return at once."""

    def __init__(self, channel: RTCDataChannel) -> None:
        self._channel = channel
        self.on_message: Callable[[str | bytes], None]
        self.on_open: Callable[[], None]
        #: Gets whether the whole association has ended, rather than this channel been closed.
        self.on_close: Callable[[bool], None]
        self.on_low: Callable[[], None]
        self.silence()
        self._window = window_of(channel.transport)
        self._held = 0
        self._lock = threading.Lock()
        compat.listen_for_errors(channel)
        channel.on("open", lambda: self.on_open())
        channel.on("message", lambda message: self.on_message(message))
        channel.on("close", lambda: self.on_close(channel.transport.state == "closed"))
        channel.on("bufferedamountlow", lambda: self.on_low())

    def silence(self) -> None:
        """Tell nobody of what becomes of it."""
        self.on_message = lambda _message: None
        self.on_open = self.on_low = lambda: None
        self.on_close = lambda _aborted: None

    @property
    def properties(self) -> dict[str, Any]:
        """What was agreed, with the W3C's names."""
        channel = self._channel
        return {
            "label": str(channel.label),
            "protocol": str(channel.protocol),
            "ordered": channel.ordered,
            "negotiated": channel.negotiated,
            "maxRetransmits": channel.maxRetransmits,
            "maxPacketLifeTime": channel.maxPacketLifeTime,
        }

    @property
    def id(self) -> int | None:
        """Its number, once the transport is there."""
        return self._channel.id

    @property
    def state(self) -> str:
        """``"connecting"``, ``"open"``, ``"closing"`` or ``"closed"``."""
        return str(self._channel.readyState)

    @property
    def buffered(self) -> int:
        """Bytes that wait to be sent."""
        return int(self._channel.bufferedAmount)

    @property
    def max_message_size(self) -> int:
        """Bytes that the other side takes in one message (``a=max-message-size``)."""
        return compat.max_message_size(self._channel)

    def set_low(self, threshold: int) -> None:
        """Call `on_low` when `buffered` falls to this."""
        self._channel.bufferedAmountLowThreshold = threshold

    def send(self, data: str | bytes) -> bool:
        """Send if it is open. Return whether it was."""
        if self._channel.readyState != "open":
            return False
        self._channel.send(data)
        return True

    # -- what waits to be read ------------------------------------------------------------------------------------

    def hold(self, size: int) -> bool:
        """Count bytes that wait to be read; return whether they make the other side wait for the first time.

        On the engine's thread.
        """
        with self._lock:
            self._held += size
        return self._window.hold(size)

    def release(self, size: int) -> None:
        """Bytes were read. On any thread."""
        with self._lock:
            size = min(size, self._held)
            self._held -= size
        self._window.release(size)

    def release_all(self) -> None:
        """What still waits holds up nobody: no more comes."""
        self.release(self._held)

    def close(self) -> None:
        """Close it."""
        self._channel.close()
