"""What the members of a room say to each other: messages over a data channel to each."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from ..engine.loop import engine
from ..errors import RtcError
from ..rtc.channel import DataChannel

logger = logging.getLogger(__name__)

#: The data channel's name. The side that came later makes it, for it also connects those who send nothing.
LABEL = "room"
#: Bytes of one message, and of all that wait for one member.
LONGEST_MESSAGE = 262_144
MOST_WAITING = 8 << 20


class Line:
    """The messages to and from one member.

    Parameters
    ----------
    name : str
        The member's, for the log.
    heard : callable
        Called with each message, on the channel's thread of callbacks.
    """

    def __init__(self, name: str, heard: Callable[[str | bytes], None]) -> None:
        self._name = name
        self._heard = heard
        self._channel: DataChannel | None = None
        self._waiting: deque[tuple[str | bytes, int]] = deque()
        self._size = 0
        self._is_behind = False

    def adopt(self, channel: DataChannel) -> None:
        """Use a channel, if it is the first one of the room's."""
        if channel.label == LABEL and self._channel is None:
            self._channel = channel
            channel.on("message", self._heard)
            channel.on("open", lambda: engine().spawn(self._flush()))

    async def send(self, message: str | bytes, size: int) -> None:
        """Send a message, or keep it until the two are connected. On the engine's thread."""
        buffered = 0 if self._channel is None else self._channel.buffered_amount
        if self._size + buffered + size > MOST_WAITING:
            if not self._is_behind:
                logger.warning("%s takes no messages at present: %d MiB wait, and more are not sent", self._name, 8)
            self._is_behind = True
            return
        self._is_behind = False
        self._waiting.append((message, size))
        self._size += size
        await self._flush()

    async def _flush(self) -> None:
        while self._waiting and self._channel is not None and self._channel.ready_state == "open":
            message, size = self._waiting.popleft()
            self._size -= size
            try:
                await self._channel._send(message, size)
            except (RtcError, ValueError) as error:  # it has just been closed
                logger.debug("%s: a message is not sent: %s", self._name, error)
