"""Encode once: the layers of a track, each one encoder at work for any number of receivers.

A layer has a thread of its own while it has receivers. It takes the newest picture of its track, encodes it at the rate
of its slowest receiver, and hands the bytes to all. A receiver that is much slower than the others of its layer moves
to one of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ..threads import start_thread
from .encoder import Codec, encoder_for
from .frames import Picture
from .track import Track

logger = logging.getLogger(__name__)

#: A picture older than this was not taken just now, but stood still: it counts from when it is sent.
STALE = 0.2
#: A picture that stands still is sent again after these seconds, so that it gets sharp, and then over and over, so that
#: a loss heals.
REPEATS = (0.15, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2, 0.3, 0.5)
#: Key frames: at once, as many in a row, then as many a second; never two within the least gap.
KEY_FRAME_BURST = 4.0
KEY_FRAME_RATE = 1.0
KEY_FRAME_GAP = 0.1
#: A receiver leaves a layer whose others take twice as much for a while, or four times as much, at once; where all is
#: little it takes longer, for a busy machine makes receivers seem slow. It joins one that has at least so much of its
#: own rate.
SPLIT = 0.5
SPLIT_AT_ONCE = 0.25
LITTLE = 600_000
PATIENCE, LONG_PATIENCE = 1.0, 5.0
MERGE = 0.8
#: How soon receivers that are all held up are looked at again.
PAUSE = 0.02
#: So long it stays where it is.
DWELL = 3.0


@dataclass(frozen=True)
class Wish:
    """What receivers that share a layer agree in."""

    codec: Codec
    scale: float = 1.0
    max_framerate: float | None = None


@dataclass(eq=False)
class Encoded:
    """An encoded picture. `time`: of ``time.monotonic()``, later than that of the one before."""

    data: bytes
    time: float
    key: bool
    layer: Layer
    number: int
    size: tuple[int, int]
    seconds: float
    #: What the engine has made of it, once for all receivers.
    payloads: Any = field(default=None, repr=False)


class Receiver(Protocol):
    """Who is handed a layer's pictures. Called on the layer's thread."""

    #: Pictures that it took and that waited in vain.
    dropped: int

    def put(self, encoded: Encoded) -> None:
        """Take a picture; must return at once."""

    @property
    def target(self) -> float:
        """How many bits a second it takes."""

    @property
    def held_up(self) -> bool:
        """Whether it has not got rid of the pictures before."""

    def may_send_at(self, now: float) -> float:
        """Return when its bit rate has room for a further picture."""


class KeyFrameLimit:
    """Answers requests for key frames at once, but not every one of a storm."""

    def __init__(self, now: float) -> None:
        self._tokens = KEY_FRAME_BURST
        self._at = now
        self._last = float("-inf")
        self.wanted = True

    def due(self, now: float) -> float:
        """Return when a key frame is due; infinite if none is wanted."""
        if not self.wanted:
            return float("inf")
        tokens = self._tokens + (now - self._at) * KEY_FRAME_RATE
        return max(self._last + KEY_FRAME_GAP, now + max(0.0, 1 - tokens) / KEY_FRAME_RATE)

    def given(self, now: float) -> None:
        """One is on its way."""
        self._tokens = min(KEY_FRAME_BURST, self._tokens + (now - self._at) * KEY_FRAME_RATE) - 1
        self._tokens = max(self._tokens, 0.0)
        self._at = self._last = now
        self.wanted = False


class Layer:
    """One encoder at work.

    Attributes
    ----------
    pictures_in, dropped_late, dropped_rate : int
        Pictures of the track, those that a newer one overtook, and those left out to keep to the bit rate.
    """

    def __init__(self, track: Track[Picture], wish: Wish) -> None:
        self.track = track
        self.wish = wish
        self.encoder = encoder_for(wish.codec)
        self.pictures_in = self.dropped_late = self.dropped_rate = 0
        self.receivers: list[Receiver] = []
        self._changed = threading.Condition()
        self._pending: Picture | None = None
        self._last: Picture | None = None
        self._dark: Picture | None = None
        self._last_at = float("-inf")
        self._time = float("-inf")
        self._frame_due = float("-inf")
        self._still = 0
        self._held_back = False
        self._keys = KeyFrameLimit(time.monotonic())
        self._renewed = False
        self._closed = False
        #: What it makes, in bits a second.
        self.rate = 0.0
        self._stop: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin."""
        start_thread(self._run, f"jupyter-rtc encoder {self.track.label}")
        self._stop = self.track._subscribe(self._put)

    def close(self) -> None:
        """End it; a picture that is being encoded is not waited for."""
        self._stop()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def target(self) -> float:
        """The rate of its slowest receiver."""
        return min((receiver.target for receiver in tuple(self.receivers)), default=1e6)

    @property
    def stats(self) -> dict[str, Any]:
        """What it has done: for `Track.stats`."""
        encoder = self.encoder
        return {
            "codec": encoder.codec,
            "width": encoder.width,
            "height": encoder.height,
            "receivers": len(self.receivers),
            "frames_in": self.pictures_in,
            "frames_encoded": encoder.frames,
            "key_frames": encoder.key_frames,
            "bytes": encoder.bytes,
            "encode_seconds": round(encoder.seconds, 3),
            "target_bitrate": int(self.target),
            "dropped_late": self.dropped_late,
            "dropped_rate": self.dropped_rate,
            "dropped_waiting": sum(receiver.dropped for receiver in tuple(self.receivers)),
        }

    def request_key_frame(self) -> None:
        """Encode a key frame at once, of the last picture if there is no newer one, or as soon as the limit allows."""
        with self._changed:
            self._keys.wanted = True
            self._changed.notify_all()

    def renew(self) -> None:
        """Encode the next picture as a key frame: not at once, so none is given twice."""
        with self._changed:
            self._renewed = True

    def _put(self, picture: Picture) -> None:
        with self._changed:
            self.pictures_in += 1
            if self._pending is not None:
                if self._held_back:
                    self.dropped_rate += 1
                else:
                    self.dropped_late += 1
            self._pending = picture
            self._changed.notify_all()

    def _again(self) -> Picture | None:
        """Return the last picture, or black where the track gives nothing any more."""
        if self._last is None or self.track._keeps_last or not self.track.muted:
            return self._last
        if self._dark is None or self._dark.size != self._last.size:
            self._dark = self._last.blank()
        return self._dark

    def _due(self, now: float) -> tuple[float, bool]:
        """Return when the next picture is to be encoded, and whether as a key frame."""
        self._held_back = False
        if self._pending is None and self._last is None:
            return float("inf"), False
        key = self._keys.due(now)
        due = self._last_at + REPEATS[min(self._still, len(REPEATS) - 1)]
        if self._pending is not None:
            due = now
            if self.wish.max_framerate is not None:
                due = self._frame_due
        # One that is held up is left behind; if all are, there is no use in more.
        ready = [receiver.may_send_at(now) for receiver in tuple(self.receivers) if not receiver.held_up]
        free = max(ready, default=now + PAUSE)
        if free > now:
            self._held_back = True
            due = max(due, free)
        return (key, True) if key <= due else (due, False)

    def _next(self) -> tuple[Picture, bool, bool] | None:
        """Wait for the next picture; return it, whether it is fresh, and whether it is to be a key frame."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                due, key = self._due(now)
                if due <= now:
                    picture, self._pending = self._pending, None
                    fresh = picture is not None
                    if picture is None:
                        picture = self._again()
                        assert picture is not None
                    if key or self._renewed:
                        key, self._renewed = True, False
                        self._keys.given(now)
                    return picture, fresh, key
                self._changed.wait(None if due == float("inf") else due - now)
        return None

    def _run(self) -> None:
        while (step := self._next()) is not None:
            try:
                self._encode(*step)
            except Exception:  # one picture is lost, the sender is not
                logger.exception("a picture could not be encoded")
                with self._changed:
                    self._changed.wait(0.1)

    def _encode(self, picture: Picture, fresh: bool, key: bool) -> None:
        now = time.monotonic()
        self._still = 0 if fresh else self._still + 1
        when = picture.time if fresh and now - picture.time < STALE else now
        self._time = when = max(when, self._time + 0.001)
        if fresh:
            self._last = picture
        self._last_at = now
        if self.wish.max_framerate is not None:
            # A late picture is followed by a shorter pause: the source's pictures shake.
            period = 1 / max(self.wish.max_framerate, 0.01)
            self._frame_due = max(self._frame_due + period, now + period / 2)
        encoder = self.encoder
        keys, seconds = encoder.key_frames, encoder.seconds
        data = encoder.encode(picture, when, self.target, scale=self.wish.scale, key=key, still=not fresh)
        if not data:
            return
        # Over a second or so: what it would make if it were not held back.
        self.rate += (len(data) * 8 / encoder.interval - self.rate) / (1 + 1 / encoder.interval)
        encoded = Encoded(
            data,
            when,
            encoder.key_frames > keys,
            self,
            encoder.frames,
            (encoder.width, encoder.height),
            encoder.seconds - seconds,
        )
        for receiver in tuple(self.receivers):
            receiver.put(encoded)


_layers: dict[tuple[int, Wish], list[Layer]] = {}
_lock = threading.RLock()


def join(track: Track[Picture], wish: Wish, receiver: Receiver, away_from: Layer | None = None) -> Layer:
    """Let `receiver` be handed the track's pictures, beginning with a key frame soon.

    `away_from`: the layer that it is to leave, if any, see `should_move`.
    """
    with _lock:
        layers = _layers.setdefault((id(track), wish), [])
        if away_from in layers:
            layer = _fitting(layers, receiver.target, away_from)
        else:
            layer = max(layers, key=lambda layer: layer.target, default=None)
        if layer is None:
            layer = Layer(track, wish)
            layers.append(layer)
            layer.receivers.append(receiver)
            layer.start()
        else:
            layer.receivers.append(receiver)
            layer.request_key_frame()
        return layer


def leave(layer: Layer, receiver: Receiver) -> None:
    """Take the receiver from the layer, which ends with its last."""
    with _lock:
        if receiver in layer.receivers:
            layer.receivers.remove(receiver)
        if not layer.receivers:
            layers = _layers.get((id(layer.track), layer.wish), [])
            if layer in layers:
                layers.remove(layer)
                layer.close()
            if not layers:
                _layers.pop((id(layer.track), layer.wish), None)


def slows(layer: Layer, receiver: Receiver) -> Literal["", "slightly", "much"]:
    """Return whether the receiver slows the others of its layer, with the picture that there is."""
    with _lock:
        fastest = max((other.target for other in layer.receivers if other is not receiver), default=0.0)
        target = receiver.target
        if target >= SPLIT * fastest or target > 1.2 * layer.rate:
            return ""
        return "much" if target < SPLIT_AT_ONCE * fastest and layer.rate > LITTLE else "slightly"


def should_move(layer: Layer, receiver: Receiver, dwelt: float, slow: float) -> bool:
    """Return whether the receiver is to `join` another layer.

    It has been in this one for `dwelt` seconds, and slows it for `slow` seconds.
    """
    with _lock:
        patience = PATIENCE if layer.rate > LITTLE else LONG_PATIENCE
        if slow > 0 and (slow >= patience or slows(layer, receiver) == "much"):
            return True
        layers = _layers.get((id(layer.track), layer.wish), [])
        fitting = _fitting(layers, receiver.target, layer)
        if dwelt < DWELL or fitting is None:
            return False
        # Up, or to the older of two alike, so that two receivers do not change places for ever.
        return fitting.target * MERGE > layer.target or layers.index(fitting) < layers.index(layer)


def _fitting(layers: list[Layer], target: float, away_from: Layer | None) -> Layer | None:
    """Return the layer that has most to give, of those that are not slowed by a receiver of this target."""
    fitting = [layer for layer in layers if layer is not away_from and SPLIT * target <= layer.target <= target / MERGE]
    return max(fitting, key=lambda layer: layer.target, default=None)


def layers_of(track: Track[Any]) -> list[Layer]:
    """Return the layers of a track."""
    with _lock:
        return [layer for (key, _), layers in _layers.items() if key == id(track) for layer in layers]
