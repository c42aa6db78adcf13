"""From a track to one sender: encoded pictures with continuous timestamps, whatever the track does.

As `outlet.VideoOutlet`, but what comes out is encoded, once for all that share a `broadcast.Layer`.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

from ..config import Bitrate
from . import broadcast
from .broadcast import Encoded, Layer, Wish
from .encoder import Codec
from .frames import VIDEO_TIME_BASE, Picture
from .rate import RateControl
from .slot import Slot
from .tally import Pictures
from .track import Track

#: So many pictures may wait for a sender that is held up; then it begins anew with a key frame.
BOUND = 30
#: With so many waiting no further one is encoded for it.
BACKLOG = 3


@dataclass(frozen=True)
class Outgoing:
    """An encoded picture with its time in one sender's stream, in units of ``VIDEO_TIME_BASE``."""

    encoded: Encoded
    pts: int


class PacketOutlet:
    """Gives what the layers encode of its track. One sender's, for the whole of its life.

    Attributes
    ----------
    rate : RateControl
        What the sender's receiver can take; feed it, and call `reconsider`.
    pictures : Pictures
        What was handed out so far. What several senders share was made once, and counts for each.
    bytes, dropped : int
        Of what was handed out; and encoded pictures that waited in vain.
    """

    def __init__(self, limits: Bitrate) -> None:
        self.rate = RateControl(limits)
        self.pictures = Pictures()
        self.bytes = self.dropped = 0
        self._lock = threading.RLock()
        self._slot: Slot[Encoded] = Slot(BOUND + 1)
        self._track: Track[Picture] | None = None
        self._wish: Wish | None = None
        self._scale = 1.0
        self._max_framerate: float | None = None
        self._active = True
        self._layer: Layer | None = None
        #: The layer that takes the place of the present one with its first key frame.
        self._next: Layer | None = None
        self._since = 0.0
        self._slow_since: float | None = None
        self._running = False
        self._waits_for_key = True
        self._origin: float | None = None
        self._pts = -1

    # -- what is sent ---------------------------------------------------------------------------------------------

    def switch(self, track: Track[Picture] | None) -> None:
        """Send the pictures of `track` from now on; None: nothing."""
        with self._lock:
            self._leave()
            self._track = track
            self._join()

    def set_codec(self, codec: Codec) -> None:
        """Encode with this codec from now on."""
        with self._lock:
            if self._wish is None or self._wish.codec != codec:
                self._leave()
                self._wish = Wish(codec, self._scale, self._max_framerate)
                self._join()

    def set_parameters(
        self, *, scale: float, max_framerate: float | None, max_bitrate: float | None, active: bool
    ) -> None:
        """Apply an encoding's parameters, RTCRtpEncodingParameters of WebRTC 1.0 §5.2.7."""
        with self._lock:
            self.rate.cap = max_bitrate
            self._scale, self._max_framerate = scale, max_framerate
            if self._wish is not None:
                self._wish = replace(self._wish, scale=scale, max_framerate=max_framerate)
            if active != self._active:
                self._active = active
                self._leave()
                self._join()
            elif self._layer is not None and self._layer.wish != self._wish:
                self._move(None)

    def run(self, running: bool) -> None:
        """Begin, or pause: nothing is encoded for a sender that does not send."""
        if running != self._running:
            with self._lock:
                self._running = running
                if running:
                    self._join()
                else:
                    self._leave()

    def close(self) -> None:
        """Let `recv` raise `SlotClosed` from now on."""
        self.switch(None)
        self._slot.close()

    def _join(self) -> None:
        wanted = self._running and self._active and self._layer is None
        if wanted and self._track is not None and self._wish is not None:
            self._waits_for_key = True
            self._since = time.monotonic()
            # Its first picture may come at once: `put` waits for the lock.
            self._layer = self._next = broadcast.join(self._track, self._wish, self)

    def _leave(self) -> None:
        layers, self._layer, self._next = {self._layer, self._next}, None, None
        for layer in layers:
            if layer is not None:
                broadcast.leave(layer, self)
        self._slot.clear()

    def _move(self, away_from: Layer | None) -> None:
        """Go over to another layer with its first key frame."""
        if self._next is not None and self._next is not self._layer:
            broadcast.leave(self._next, self)
        assert self._track is not None
        assert self._wish is not None
        self._since = time.monotonic()
        self._next = broadcast.join(self._track, self._wish, self, away_from)

    def reconsider(self) -> None:
        """Look whether the receiver still fits its layer, after news of its bit rate."""
        with self._lock:
            layer = self._layer
            if layer is None or self._next not in (None, layer):
                return
            now = time.monotonic()
            if not broadcast.slows(layer, self):
                self._slow_since = None
            elif self._slow_since is None:
                self._slow_since = now - 1e-6
            slow = 0.0 if self._slow_since is None else now - self._slow_since
            if broadcast.should_move(layer, self, now - self._since, slow):
                self._move(layer)

    def nudge(self) -> None:
        """The receiver asks for a key frame."""
        layer = self._layer
        if layer is not None:
            layer.request_key_frame()

    def renew(self) -> None:
        """Let the next picture be a key frame."""
        layer = self._layer
        if layer is not None:
            layer.renew()

    # -- as a receiver of a layer ---------------------------------------------------------------------------------

    @property
    def target(self) -> float:
        """How many bits a second its receiver takes."""
        return self.rate.target

    @property
    def held_up(self) -> bool:
        """Whether its sender has not taken the pictures before."""
        return len(self._slot) >= BACKLOG

    def may_send_at(self, now: float) -> float:
        """Return when its bit rate has room for a further picture."""
        return self.rate.may_send_at(now)

    def put(self, encoded: Encoded) -> None:
        """Take a picture, on the layer's thread."""
        with self._lock:
            if encoded.layer is not self._layer:
                if encoded.layer is not self._next or not encoded.key:
                    return
                if self._layer is not None:
                    broadcast.leave(self._layer, self)
                self._layer = self._next
            if len(self._slot) >= BOUND:
                self.dropped += len(self._slot)
                self._slot.clear()
                self._waits_for_key = True
                encoded.layer.request_key_frame()
            if self._waits_for_key and not encoded.key:
                self.dropped += 1
                return
            self._waits_for_key = False
            self._slot.put(encoded)

    async def recv(self) -> Outgoing:
        """Return the next picture, from any event loop."""
        encoded = await self._slot.aget()
        if self._origin is None:
            self._origin = encoded.time
        self._pts = max(self._pts + 1, int((encoded.time - self._origin) / VIDEO_TIME_BASE))
        self.rate.sent(len(encoded.data), time.monotonic())
        self.pictures.add(encoded.size, encoded.seconds, key=encoded.key)
        self.bytes += len(encoded.data)
        return Outgoing(encoded, self._pts)
