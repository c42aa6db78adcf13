"""The receiving half of `compat`: what aiortc's receiver does with packets, done by ours, through private hooks.

`tests/unit/test_compat_receiving.py` fails when upstream no longer needs it or a hook has gone. For aiortc 1.16.
"""

from __future__ import annotations

import asyncio
import queue
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from threading import Condition
from typing import Any

from ..media.decoder import begins_picture, starts_picture
from .audio_jitter import AudioBuffer
from .bandwidth import BandwidthEstimator
from .datagrams import limit_nacks
from .extensions import colours_of
from .jitter import KEY_FRAME_INTERVAL, VideoBuffer
from .packets import Encoded, Outcome, Packet

#: A stream that was heard of before takes over when the present one has been silent for so long.
SILENCE = 0.5


class Work(queue.Queue[Any]):
    """Stands in for the queue of aiortc's decoder thread, on which thereby `decode` runs.

    aiortc's is unbounded. It also goes on to hand each picture to the event loop, for a queue that is unbounded too.
    """

    BOUND = 60

    def __init__(self, decode: Callable[[str, Encoded], None]) -> None:
        super().__init__()
        self._decode = decode
        self._waiting: deque[tuple[str, Encoded] | None] = deque()
        self._changed = Condition()

    def offer(self, codec: str, encoded: Encoded) -> bool:
        """Have it decoded; False: too much waits already."""
        with self._changed:
            if len(self._waiting) >= self.BOUND:
                return False
            self._waiting.append((codec, encoded))
            self._changed.notify()
        return True

    def clear(self) -> None:
        """Forget what waits, but for the end."""
        with self._changed:
            ended = None in self._waiting
            self._waiting.clear()
            if ended:
                self._waiting.append(None)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """The end is all that aiortc still puts."""
        if item is None:
            with self._changed:
                self._waiting.append(None)
                self._changed.notify()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Decode, on the thread that calls this, and return at the end."""
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                item = self._waiting.popleft()
            if item is None:
                return None
            self._decode(*item)


class _Outlet:
    """Stands in for the queue of aiortc's remote track, which gets nothing but the end."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def put(self, frame: object) -> Awaitable[None]:
        if frame is None:
            self._ended()
        return _nothing()


async def _nothing() -> None:
    """Return nothing: what aiortc schedules on the loop."""


class _NoNacks:
    """Stands in for aiortc's NACK generator: it asks once, and forgets after 128 packets."""

    def add(self, packet: Any) -> bool:
        return False


class Intake:
    """From a receiver's packets to whole pictures and sound, for its decoder thread. Made before it starts.

    On the engine's thread but for `decode` and `ended`, which are called on the decoder's.

    Parameters
    ----------
    decode : callable
        ``decode(codec, encoded)``, with a codec's name as in SDP.
    ended : callable
        The other side, or the connection, has ended.
    arrived : callable
        Called for each packet with media in it, read or not.

    Attributes
    ----------
    open : bool
        Whether anybody reads; else nothing is kept, asked for or decoded.
    packets, bytes, nacks, key_frame_requests, unread, overflowed : int
        Packets with media and their bytes; packets asked for again; requests; whole pictures, or sound, that nobody
        read, and that the decoder had no time for.
    """

    def __init__(
        self,
        receiver: Any,
        decode: Callable[[str, Encoded], None],
        ended: Callable[[], None],
        arrived: Callable[[], None] = lambda: None,
    ) -> None:
        self._receiver = receiver
        self._video = receiver.track.kind == "video"
        self._arrived = arrived
        self._codec = ""
        self._rate = 0
        self._ssrc: int | None = None
        self._known: set[int] = set()
        self._heard = self._complained = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self.work = Work(decode)
        self.video = VideoBuffer(lambda data: starts_picture(self._codec, data))
        self.audio = AudioBuffer()
        self.open = False
        self.packets = self.bytes = self.nacks = self.key_frame_requests = self.unread = self.overflowed = 0
        receiver._RTCRtpReceiver__decoder_queue = self.work
        receiver._RTCRtpReceiver__jitter_buffer = self
        receiver._track._queue = _Outlet(ended)
        if self._video:
            limit_nacks(receiver)
            receiver._RTCRtpReceiver__nack_generator = _NoNacks()
            receiver._RTCRtpReceiver__remote_bitrate_estimator = BandwidthEstimator()

    @property
    def clock_rate(self) -> int:
        """The timestamps' ticks a second."""
        return self._rate

    @property
    def source(self) -> int | None:
        """The SSRC that is received."""
        return self._ssrc

    def add(self, packet: Any) -> tuple[bool, None]:
        """Take a packet, as aiortc's jitter buffer does; return whether to ask for a key frame."""
        now = time.monotonic()
        data = packet._data
        if data:
            self.packets += 1
            self.bytes += len(data)
            self._arrived()
        codec = self._receiver._RTCRtpReceiver__codecs[packet.payload_type]
        if not self.open:
            if packet.marker or not self._video:
                self.unread += 1
            return False, None
        if not self._take_source(packet.ssrc, now):
            return False, None
        if codec.name != self._codec:
            self._codec, self._rate = codec.name, codec.clockRate
        begins = self._video and begins_picture(codec.name, packet.payload)
        marker, colours = bool(packet.marker), colours_of(packet)
        taken = Packet(packet.sequence_number, packet.timestamp, marker, data, begins, now, colours)
        (self.video if self._video else self.audio).add(taken, now)
        return self._act(now), None

    def _take_source(self, ssrc: int, now: float) -> bool:
        """Return whether this stream is the one to take; another one is a new beginning."""
        if ssrc != self._ssrc:
            if ssrc in self._known and now - self._heard < SILENCE:
                return False  # of several that are sent at once
            self._known.add(ssrc)
            if self._ssrc is not None:
                self._restart()
            self._ssrc = ssrc
        self._heard = now
        return True

    def _restart(self) -> None:
        self.video.restart()
        self.audio.restart()

    def _act(self, now: float) -> bool:
        """Do what the buffer says, but for a request for a key frame, which is returned."""
        outcome: Outcome = self.video.poll(now) if self._video else self.audio.poll(now)
        for encoded in outcome.media:
            if not self.work.offer(self._codec, encoded):
                # What waits is old, and what follows refers to it.
                self.overflowed += 1
                if self._video:
                    self.video.restart()
                    outcome.key_frame = True
                    break
        if outcome.nack and self._ssrc is not None:
            self.nacks += len(outcome.nack)
            self._send(self._receiver._send_rtcp_nack(self._ssrc, sorted(outcome.nack)))
        if outcome.key_frame:
            self.key_frame_requests += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if outcome.due is not None and self.open:
            self._timer = asyncio.get_running_loop().call_later(max(0.001, outcome.due - now), self._wake)
        return outcome.key_frame

    def _wake(self) -> None:
        self._timer = None
        if self.open and self._act(time.monotonic()) and self._ssrc is not None:
            self._send(self._receiver._send_rtcp_pli(self._ssrc))

    def _send(self, sending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(sending)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def set_open(self, value: bool) -> None:
        """Begin or stop to decode. Video begins with a key frame, which is asked for."""
        if value == self.open:
            return
        self.open = value
        self._restart()
        self.work.clear()
        if value:
            await self.ask_for_key_frame()
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def ask_for_key_frame(self) -> None:
        """Ask for one from every stream that was seen."""
        if self._video:
            self.key_frame_requests += 1
            streams = list(self._receiver._RTCRtpReceiver__remote_streams)
            if streams:
                self.video.asked(time.monotonic())
            for ssrc in streams:
                await self._receiver._send_rtcp_pli(ssrc)

    def broken(self) -> None:
        """Ask for a key frame because decoding has failed; the pictures until then may still be of use."""
        now = time.monotonic()
        if self.open and self._ssrc is not None and now - self._complained > KEY_FRAME_INTERVAL:
            self._complained = now
            self.key_frame_requests += 1
            self._send(self._receiver._send_rtcp_pli(self._ssrc))

    @property
    def waits_for_key_frame(self) -> bool:
        """Whether a key frame should be asked for again."""
        return self.open and self._video and self.video.needs_key

    def close(self) -> None:
        """Ask for nothing any more."""
        self.open = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
