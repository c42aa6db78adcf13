"""MediaStreamTrack: Media Capture and Streams §4.3, and reading it from Python."""

from __future__ import annotations

import threading
import time
import uuid
import weakref
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import av

from ..checks import flag
from .display import Displayable
from .events import Emitter, kind_of
from .following import Followable
from .frames import SAMPLE_RATE, Picture, Sound
from .frames import Item as Item
from .frames import Kind as Kind
from .readers import Reader
from .slot import SlotClosed
from .ties import Ties

if TYPE_CHECKING:
    from .relay import RelayTrack

ReadyState = Literal["live", "ended"]
Sink = Callable[[Item], None]

#: What `recv` raises on an ended track. The engine sets the exception that its senders know.
end_of_track: Callable[[], Exception] = lambda: EOFError("the track has ended")  # noqa: E731


class Track(Followable[Item], Displayable, Emitter):
    """A camera, a microphone, a numpy source or a remote peer's: one kind of live media.

    A track is read with `read`, `latest`, `frames`, `on_frame` and `map`, shown as the last line of a cell, sent with
    ``PeerConnection.add_track``, and may be handed to raw aiortc. It does nothing while nobody reads it.

    Video items are ndarrays uint8 (height, width, 3), RGB; audio items float32 (samples, channels) in [-1, 1] at
    48 kHz. Both are owned by the caller.
    """

    _events = frozenset({"ended", "mute", "unmute", "error"})
    kind: Kind
    #: Whether the last item still stands when nothing follows, as a written picture does and a camera's does not.
    _keeps_last = False
    #: What a saved notebook may keep without asking: nothing of what was filmed; of what the kernel makes the last
    #: picture that was "seen", or one "made" for it.
    _stills: Literal["never", "seen", "made"] = "never"

    def __init__(self, kind: Kind, *, label: str = "", id: str | None = None, muted: bool = False) -> None:
        super().__init__()
        self.kind = kind
        self.id = id or str(uuid.uuid4())
        self.label = label
        self.error: BaseException | None = None
        self._errors: set[Hashable] = set()
        self._enabled = True
        self._muted = muted
        self._ready_state: ReadyState = "live"
        self._lock = threading.RLock()
        self._sinks: dict[Sink[Item], _Subscription] = {}
        self._source_ended = False
        self._clones: weakref.WeakSet[Track[Item]] = weakref.WeakSet()
        self._latest: Item | None = None
        self._last_size: tuple[int, int] | None = None
        self._readers: dict[tuple[int, int | None], Reader[Item]] = {}
        self._outlet: Any = None
        self._frames_in = 0
        #: The time of its first item.
        self._origin: float | None = None
        self._frames_out = 0
        self._frames_dropped = 0
        self._delay: float | None = None
        self._arrivals: deque[float] = deque(maxlen=61)
        #: What the source does when a user stops the track.
        self._stopped: Callable[[], None] = lambda: None
        #: Called on any thread once it has ended, also by `stop`, of which "ended" does not tell.
        self._end_followers: set[Callable[[], None]] = set()

    def __repr__(self) -> str:
        state = self._ready_state if not self._muted else f"{self._ready_state}, muted"
        return f"<{type(self).__name__} {self.kind} {self.label or self.id!r} ({state})>"

    # -- state ----------------------------------------------------------------------------------------------------

    @property
    def ready_state(self) -> ReadyState:
        """``"live"`` or ``"ended"``."""
        return self._ready_state

    @property
    def readyState(self) -> ReadyState:  # noqa: N802 - as aiortc spells it
        """The same, as aiortc spells it."""
        return self._ready_state

    @property
    def enabled(self) -> bool:
        """Settable. A track that is not enabled gives black pictures or silence.

        Raises
        ------
        TypeError
            When it is set to something else than True or False.
        """
        return self._enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        value = flag("enabled", value)
        changed, self._enabled = value != self._enabled, value
        latest = self._latest
        if changed and latest is not None and self._keeps_last:
            self._hand_out(latest)  # a still picture would stay where it is seen

    @property
    def muted(self) -> bool:
        """Whether the source gives nothing at present."""
        return self._muted

    def _set_muted(self, muted: bool) -> None:
        if muted != self._muted and self._ready_state == "live":
            self._muted = muted
            self._emit("mute" if muted else "unmute")

    def stop(self) -> None:
        """End this track for good; its clones and what it was made from go on.

        A device goes off with the last of its tracks.
        """
        if self._ready_state == "live":
            self._end()
            self._stopped()

    def _end(self, event: bool = False) -> None:
        """End it: `event`, because the source has ended, and then for the clones, too; else only for this track."""
        with self._lock:
            if event:
                self._source_ended = True
            ending = {sink: reader for sink, reader in self._sinks.items() if event or not reader.is_clone}
            was_live, self._ready_state = self._ready_state == "live", "ended"
            for sink in ending:
                del self._sinks[sink]
            if ending and not self._sinks:
                self._halt()
        if not was_live and not ending:
            return
        if event and was_live:
            self._emit("ended")
        for reader in ending.values():
            reader.on_end()
        if self._outlet is not None:
            self._outlet.close()
        for follow in tuple(self._end_followers) if was_live else ():
            follow()

    def clone(self) -> RelayTrack[Item]:
        """Return a track of the same source that is stopped and enabled on its own."""
        from .relay import RelayTrack

        clone = RelayTrack(self.kind, self, label=self.label, is_clone=True)
        if self._ready_state == "ended":
            clone._ready_state = "ended"
        else:
            self._clones.add(clone)
            forgotten = Ties(self._clone_forgotten)

            def stopped() -> None:
                forgotten.discard()
                self._stopped()

            clone._stopped = stopped
        return clone

    def _clone_forgotten(self) -> None:
        """A live clone is gone: the device may have been on for it alone."""
        if not self._is_wanted:
            self._serial.submit(self._stopped)

    @property
    def _is_wanted(self) -> bool:
        """Whether this track or a clone is live: else a device has no reason to be on."""
        return self._ready_state == "live" or any(clone._is_wanted for clone in self._clones)

    def get_settings(self) -> dict[str, Any]:
        """Return what is known: ``width``, ``height``, ``frameRate``; ``sampleRate``, ``channelCount``."""
        latest = self._latest
        size = latest.size if isinstance(latest, Picture) else self._last_size
        if size is not None:
            width, height = size
            return {"width": width, "height": height, "frameRate": self.stats["fps"]}
        if isinstance(latest, Sound):
            return {"sampleRate": SAMPLE_RATE, "channelCount": latest.data.shape[1]}
        return {}

    @property
    def stats(self) -> dict[str, Any]:
        """``frames_in``, ``frames_out`` (to readers), ``frames_dropped``, ``fps``, ``delay`` in seconds or None.

        Received tracks have more: ``frames_lost`` (on the way and before the decoder), ``dropped`` (how many where),
        ``bitrate``, ``key_frames``, ``decode_time`` (a frame's, on average), ``retransmissions`` that were asked for,
        ``concealed`` stretches of sound, and the ``round_trip``.
        While a video track is sent, also ``encoders``: for each its codec, size, receivers, pictures, key frames,
        bytes, seconds of work, target, and how many pictures a newer one overtook or the bit rate left no room for.
        """
        from .broadcast import layers_of

        now = time.monotonic()
        recent = [arrival for arrival in tuple(self._arrivals) if now - arrival < 2]
        fps = (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 else 0.0
        return {
            "frames_in": self._frames_in,
            "frames_out": self._frames_out,
            "frames_dropped": self._frames_dropped,
            "fps": round(fps, 2),
            "delay": self._delay,
            **self._source_stats(),
            **({"encoders": encoders} if (encoders := [layer.stats for layer in layers_of(self)]) else {}),
        }

    def _source_stats(self) -> dict[str, Any]:
        """Return what the source knows beside."""
        return {}

    # -- the source's side ----------------------------------------------------------------------------------------

    def _activate(self) -> None:
        """Begin to deliver: there is a first reader."""

    def _halt(self) -> None:
        """Stop delivering: there is no reader any more."""

    def _why_silent(self) -> str:
        """Return why nothing came yet, and what to do."""
        return "the source has given nothing yet"

    def _in_vain(self, blocking: bool, waited: float) -> Exception | None:
        """Return the error if waiting on cannot help.

        `blocking`: this thread does nothing else meanwhile; `waited`: seconds so far.
        """
        return None

    def _deliver(self, item: Item) -> None:
        """Hand an item to every reader. Called by the source, on its own thread."""
        now = time.monotonic()
        self._frames_in += 1
        if self._origin is None:
            self._origin = item.time
        self._arrivals.append(now)
        self._delay = now - item.time
        self._set_muted(False)
        self._hand_out(item)

    def _hand_out(self, item: Item) -> None:
        with self._lock:  # together, so that who comes just now gets it once
            self._latest = item
            readers = tuple(self._sinks.items())
        seen = item if self._enabled else item.blank()
        for sink, reader in readers:
            sink(item if reader.is_clone else seen)

    def _forget(self) -> None:
        """Let nobody read what a source gave that is gone."""
        with self._lock:
            self._latest = None
            for reader in self._readers.values():
                reader.clear()

    def _fail(self, error: BaseException) -> None:
        """Keep and tell an error of user code, each kind once."""
        kind = kind_of(error)
        if kind not in self._errors:
            self._errors.add(kind)
            self.error = error
            self._emit("error", error)

    # -- the readers' side ----------------------------------------------------------------------------------------

    def _subscribe(
        self, sink: Sink[Item], on_end: Callable[[], None] = lambda: None, *, is_clone: bool = False
    ) -> Callable[[], None]:
        """Let `sink(item)`, which must not block, be called for each item; return what ends it.

        A clone reads the source: past `enabled`, and on after `stop`.
        """
        with self._lock:
            if self._ready_state == "live" or (is_clone and not self._source_ended):
                first = not self._sinks
                if self._latest is not None and (self._keeps_last or not first):
                    sink(self._latest if self._enabled or is_clone else self._latest.blank())
                self._sinks[sink] = _Subscription(on_end, is_clone)
                if first:
                    self._activate()
                return lambda: self._unsubscribe(sink)
        on_end()
        return lambda: None

    def _unsubscribe(self, sink: Sink[Item]) -> None:
        with self._lock:
            if self._sinks.pop(sink, None) is not None and not self._sinks:
                self._halt()
                self._let_go()

    def _let_go(self) -> None:
        """Keep no item that nobody can come to see: a cell that is run often leaves a track behind each time."""
        if not self._keeps_last and self._stills != "seen":
            if isinstance(self._latest, Picture):
                self._last_size = self._latest.size
            self._latest = None

    async def recv(self) -> av.VideoFrame | av.AudioFrame:
        """Return the next PyAV frame, as aiortc's tracks do, on any event loop."""
        from .outlet import outlet_for

        if self._outlet is None:
            self._outlet = outlet_for(self.kind)
            self._outlet.switch(self)
        try:
            if self._ready_state == "live":
                return await self._outlet.recv()  # type: ignore[no-any-return]
        except SlotClosed:
            pass
        raise end_of_track()


@dataclass(frozen=True)
class _Subscription:
    """What is known of a reader beside its sink."""

    on_end: Callable[[], None]
    is_clone: bool
