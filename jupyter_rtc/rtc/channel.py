"""DataChannel: RTCDataChannel, WebRTC 1.0 §6.2."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..checks import number_or_none, whole
from ..engine.channel import Channel
from ..engine.compat_data import WINDOW
from ..engine.loop import engine, outcome
from ..errors import ConnectTimeout, InvalidStateError, OperationError, WrongValueError
from ..media.events import Emitter, Serial
from ..media.slot import Slot, SlotClosed
from .stats import ChannelCounts

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .connection import PeerConnection

logger = logging.getLogger(__name__)

ChannelState = Literal["connecting", "open", "closing", "closed"]

#: Labels and protocols: 65535 bytes of UTF-8 (§6.1).
MAX_LABEL = 65_535
#: `drain` waits until so much is left.
LOW = 65_536
#: What a message costs beside its text or bytes, in bytes.
OVERHEAD = 256
#: So long, in seconds, `aclose` waits for what is buffered to be sent.
FAREWELL = 5.0


def usv(text: Any) -> Any:
    """Return text without lone surrogates, as browsers convert it (USVString)."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(text, str) else text


def _cost(message: str | bytes) -> int:
    return sys.getsizeof(message) + OVERHEAD


def bytes_of(data: Any) -> bytes:
    """Return a copy of the bytes of what has some, an array's in C order.

    Raises
    ------
    TypeError
        When it has none.
    """
    if isinstance(data, np.ndarray):
        return data.tobytes()
    try:
        return memoryview(data).tobytes()
    except TypeError:
        raise TypeError(f"str, bytes-like or ndarray can be sent, not {type(data).__name__}") from None


def check_options(
    label: Any, protocol: Any, max_retransmits: Any, max_packet_life_time: Any, negotiated: bool, id: Any
) -> None:
    """Refuse what createDataChannel refuses: §6.1.

    Raises
    ------
    TypeError
        As in browsers, naming the argument; a `WrongValueError`, which is one, where the type is right.
    """
    for name, text in (("label", label), ("protocol", protocol)):
        if not isinstance(text, str):
            raise TypeError(f"{name} is a str, not {type(text).__name__}")
        if len(text.encode()) > MAX_LABEL:
            raise WrongValueError(f"{name} has {len(text.encode())} bytes of UTF-8, at most {MAX_LABEL} are possible")
    if max_retransmits is not None and max_packet_life_time is not None:
        raise TypeError("max_retransmits and max_packet_life_time exclude each other")
    for name, number in (("max_retransmits", max_retransmits), ("max_packet_life_time", max_packet_life_time)):
        if number is not None and not 0 <= whole(name, number) <= 65_535:
            raise WrongValueError(f"{name} is a whole number between 0 and 65535, not {number!r}")
    if id is not None and not 0 <= whole("id", id) <= 65_535:
        raise WrongValueError(f"id is a whole number between 0 and 65534, not {id!r}")
    if negotiated and id is None:
        raise TypeError("a negotiated channel needs an id")
    if negotiated and id == 65_535:
        raise WrongValueError(f"id is between 0 and 65534, not {id!r}")


class DataChannel(Emitter):
    """Messages to and from the other side; made by `PeerConnection.create_data_channel`.

    Messages that are not read yet, or that a slow callback has not come to, are kept: 8 MiB of all channels of a
    connection together, 16 MiB where the other side does not heed its window, as other kernels do not. Then the other
    side waits, on all channels, until they are read: nothing is lost, and its `buffered_amount` grows. Iterate over
    every channel that brings something, give it a callback, or close it.

    Attributes
    ----------
    label, protocol : str
    ordered, negotiated : bool
    max_retransmits, max_packet_life_time : int or None
    """

    _events = frozenset({"open", "message", "closing", "close", "error", "bufferedamountlow"})

    def __init__(self, connection: PeerConnection, channel: Channel, *, announced: bool = False) -> None:
        super().__init__()
        self._connection = connection
        properties = channel.properties
        self.label: str = properties["label"]
        self.protocol: str = properties["protocol"]
        self.ordered: bool = properties["ordered"]
        self.negotiated: bool = properties["negotiated"]
        self.max_retransmits: int | None = properties["maxRetransmits"]
        self.max_packet_life_time: int | None = properties["maxPacketLifeTime"]
        # One of the other side's is open when it is announced; its "open" event follows.
        self._state: ChannelState = "open" if announced else "connecting"
        self._has_opened = announced
        self._low = 0
        self._open_unheard = False
        self._unread: Slot[str | bytes] = Slot(sys.maxsize)  # bounded by the receive window
        #: The first ones of these hold up nobody: a callback gets what comes.
        self._set_aside = 0
        self._readers = 0
        self._over: Future[None] = Future()
        #: Done once it is open, or never will be.
        self._opening: Future[None] = Future()
        if announced:
            self._opening.set_result(None)
        self._drained: set[asyncio.Future[None]] = set()
        self._messages_sent = self._messages_received = self._bytes_sent = self._bytes_received = 0
        self._bind(channel)

    def _bind(self, channel: Channel) -> None:
        self._channel = channel
        channel.on_open = self._opened
        channel.on_message = self._received
        channel.on_close = self._ended
        channel.on_low = self._is_low
        channel.set_low(self._low)

    def _rebind(self, make: Callable[..., Channel]) -> None:
        """Be a channel of another connection of the engine's: this one was never open. On the engine's thread."""
        number = self.id if self.negotiated else None
        self._channel.silence()
        self._bind(
            make(
                self.label,
                ordered=self.ordered,
                max_retransmits=self.max_retransmits,
                max_packet_life_time=self.max_packet_life_time,
                protocol=self.protocol,
                negotiated=self.negotiated,
                id=number,
            )
        )

    def _begin(self, after: Serial | None = None) -> None:
        """Let events come, on the engine's thread; `after`: behind what that has in hand, the "datachannel" event."""
        if after is not None:
            told = threading.Event()
            after.submit(told.set)
            self._serial.submit(told.wait)
            self._serial.submit(self._announce)
        elif self._channel.state == "open":
            engine().post(self._opened)

    def _announce(self) -> None:
        if self._state == "open":  # nobody has closed it in the "datachannel" callback
            self._dispatch("open", ())

    def __repr__(self) -> str:
        return f"<DataChannel {self.label!r} ({self._state})>"

    def on(self, event: str, callback: Any = None) -> Any:
        """Call `callback` at each `event`; see `Emitter.on`.

        On a connection that stands a channel may be open before anybody can listen: who is the first to listen for
        "open" is told all the same.
        """
        stop = super().on(event, callback)
        if event == "message" and callback is not None:
            engine().post(self._set_unread_aside)
        if event == "open" and callback is not None:
            late, self._open_unheard = self._open_unheard, False
            if late:
                self._emit("open")
        return stop

    def _dispatch(self, event: str, payload: tuple[Any, ...]) -> None:
        if event == "open":
            self._open_unheard = not self._listeners.get("open")
        elif event == "message":  # after the callbacks, which are put before it
            self._serial.submit_first([partial(self._channel.release, _cost(payload[0]))])
        super()._dispatch(event, payload)

    @property
    def id(self) -> int | None:
        """Its number, once it is connected or if it was negotiated."""
        return self._channel.id

    @property
    def ready_state(self) -> ChannelState:
        """``"connecting"``, ``"open"``, ``"closing"`` or ``"closed"``."""
        return self._state

    @property
    def buffered_amount(self) -> int:
        """Bytes that were given to `send` and not sent yet."""
        return self._channel.buffered

    @property
    def buffered_amount_low_threshold(self) -> int:
        """Settable: "bufferedamountlow" fires when `buffered_amount` falls to it."""
        return self._low

    @buffered_amount_low_threshold.setter
    def buffered_amount_low_threshold(self, value: int) -> None:
        if whole("buffered_amount_low_threshold", value) < 0:
            raise ValueError(f"buffered_amount_low_threshold is 0 or more bytes, not {value!r}")
        self._low = value
        engine().post(self._channel.set_low, max(self._low, LOW if self._drained else 0))

    def send(self, data: str | Buffer | np.ndarray[Any, Any]) -> None:
        """Send a message: text, or the bytes of anything that has some (an array's in C order).

        Raises
        ------
        InvalidStateError
            When the channel is not open.
        TypeError
            When it is neither text nor bytes, or has more bytes than the other side takes: 262144 at most.
        """
        message = data if isinstance(data, str) else bytes_of(data)
        size = len(message.encode()) if isinstance(message, str) else len(message)
        most = self._channel.max_message_size
        if size > most:
            raise WrongValueError(f"a message has at most {most} bytes here, this one {size}: send it in parts")
        if self._state != "open":
            hint = 'wait for its "open" event' if self._state == "connecting" else "make a new one"
            raise InvalidStateError(f"the channel {self.label!r} is {self._state}: {hint}")
        self._connection._call(self._send(message, size))

    async def _send(self, message: str | bytes, size: int) -> None:
        if not self._channel.send(message):
            raise InvalidStateError(f"the channel {self.label!r} is {self._channel.state}")
        self._messages_sent += 1
        self._bytes_sent += size

    async def opened(self, timeout: float | None = 10.0) -> None:
        """Wait until the channel is open, and messages can be sent. Returns at once if it is.

        Parameters
        ----------
        timeout : float, optional
            Seconds until `ConnectTimeout`; None: no limit.

        Raises
        ------
        ConnectTimeout
            When it is not open in time, with the connection's report.
        InvalidStateError
            When it was closed, or is closed meanwhile.
        """
        number_or_none("timeout", timeout)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await outcome(self._opening)
        if self._state in ("closing", "closed"):
            raise InvalidStateError(f"the channel {self.label!r} is {self._state}: make a new one")
        if self._state != "open":
            report = await self._connection._report()
            what = f"the channel {self.label!r} is not open after {timeout:g} s"
            raise ConnectTimeout(f"{what}: {report.summary}", report=report)

    async def drain(self) -> None:
        """Wait until little is buffered: between many sends, so that memory stays small.

        Raises
        ------
        InvalidStateError
            When the channel closes meanwhile.
        """
        await engine().run(self._drain())

    async def _drain(self) -> None:
        while self._channel.buffered > LOW:
            if self._state != "open":
                raise InvalidStateError(f"the channel {self.label!r} is {self._state}")
            future = asyncio.get_running_loop().create_future()
            self._drained.add(future)
            self._channel.set_low(max(self._low, LOW))
            try:
                await future
            finally:
                self._drained.discard(future)

    def close(self) -> None:
        """Close it; what is buffered is sent first. May be called twice."""
        if self._state in ("closing", "closed"):
            return
        self._state = "closing"
        engine().post(self._channel.close)
        engine().post(self._end_opening)
        engine().post(self._channel.release_all)

    async def aclose(self) -> None:
        """Close it, and wait, for a few seconds at most, until what is buffered is sent."""
        self.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                await outcome(self._over)

    async def __aenter__(self) -> DataChannel:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Iterate over the messages as they come, until the channel is closed.

        Also over those that came before, unless a callback was told of them.
        """
        self._readers += 1
        try:
            while True:
                try:
                    message = await self._unread.aget()
                except SlotClosed:
                    return
                if self._set_aside:
                    self._set_aside -= 1
                else:
                    self._channel.release(_cost(message))
                yield message
        finally:
            self._readers -= 1
            engine().post(self._set_unread_aside)

    def _counts(self) -> ChannelCounts:
        """Return what `PeerConnection.get_stats` tells of it."""
        return ChannelCounts(
            self.label, self.protocol, self.id, self.ready_state, self._has_opened,
            self._messages_sent, self._messages_received, self._bytes_sent, self._bytes_received,
        )  # fmt: skip

    # -- the engine's thread --------------------------------------------------------------------------------------

    def _opened(self) -> None:
        if self._state == "connecting":
            self._state = "open"
            self._has_opened = True
            self._end_opening()
            self._emit("open")

    def _received(self, message: str | bytes) -> None:
        self._messages_received += 1
        self._bytes_received += len(message.encode()) if isinstance(message, str) else len(message)
        is_full = False
        if self._readers or not self._listeners.get("message"):
            is_full = self._hold(message)
            if self._readers or self._state != "closing":
                self._unread.put(message)
        if self._hold(message) or is_full:
            logger.warning(
                "%d MiB of messages wait to be read, the last one on the data channel %r. The other side waits, with "
                "all data channels of the connection, until they are read: iterate over the channel, give it a faster "
                "callback, or close it",
                WINDOW >> 20,
                self.label,
            )
        self._emit("message", message)

    def _hold(self, message: str | bytes) -> bool:
        """Count a message that waits, but for the last ones of a channel that we close: these hold up nobody."""
        return self._state != "closing" and self._channel.hold(_cost(message))

    def _set_unread_aside(self) -> None:
        """What came before there was a callback stays to be iterated over, and holds up nobody."""
        if not self._readers and self._listeners.get("message") and self._set_aside < len(self._unread):
            fresh = self._unread.items()[self._set_aside :]
            self._set_aside += len(fresh)
            self._channel.release(sum(map(_cost, fresh)))

    def _is_low(self) -> None:
        for future in self._drained:
            if not future.done():
                future.set_result(None)
        if self._channel.buffered <= self._low:
            self._emit("bufferedamountlow")
        elif self._low < LOW:
            self._channel.set_low(self._low)

    def _ended(self, aborted: bool) -> None:
        if aborted:
            self._closed("" if self._state == "closing" else "the other side has closed the connection")
            return
        if self._state == "open":  # the other side has closed it: "closing" is told to that side alone, §6.2
            self._state = "closing"
            self._emit("closing")
        self._closed()

    def _closed(self, error: str = "") -> None:
        if self._state == "closed":
            return
        self._state = "closed"
        self._is_low()
        if error:
            self._emit("error", OperationError(error))
        self._emit("close")
        self._unread.close()
        self._channel.release_all()
        self._over.set_result(None)
        self._end_opening()

    def _end_opening(self) -> None:
        if not self._opening.done():
            self._opening.set_result(None)
