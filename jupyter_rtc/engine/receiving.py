"""What arrives from a remote peer, as a track."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ..media.frames import SAMPLE_RATE, picture_from_frame, sound_from_frame
from ..media.track import Item, Kind, Track
from .compat import Receiving, on_bye
from .loop import engine
from .tally import Loudness, Pictures

#: Media time and arrival may drift apart so far before they are set equal again.
TOLERANCE = 0.5
#: How often a key frame is asked for until one has come.
KEY_FRAME_PATIENCE = 0.5


class ReceivedTrack(Track[Item]):
    """A remote peer's track, decoded while somebody reads."""

    def __init__(self, kind: Kind, receiver: Any, id: str) -> None:
        super().__init__(kind, label=f"remote {kind}", id=id, muted=True)
        self._receiving = Receiving(
            receiver, self._decoded, lambda: self._end(event=True), lambda: self._set_muted(False)
        )
        on_bye(receiver, lambda: self._set_muted(True))
        self._origin: float | None = None
        self._pictures, self._loudness = Pictures(), Loudness()

    def _activate(self) -> None:
        engine().submit(self._open())

    def _halt(self) -> None:
        engine().submit(self._receiving.set_open(False))

    async def _open(self) -> None:
        if self._sinks:
            await self._receiving.set_open(True)
        while self._sinks and self._receiving.waits_for_key_frame and self._ready_state == "live":
            await asyncio.sleep(KEY_FRAME_PATIENCE)
            if self._receiving.waits_for_key_frame:
                await self._receiving.set_open(True)

    def _decoded(self, frame: Any) -> None:
        """Called on the decoder's thread."""
        now = time.monotonic()
        media = float(frame.pts * frame.time_base)
        # The least delayed arrival so far sets the clock, unless the sender's clock has jumped.
        if self._origin is None or not 0 <= now - media - self._origin <= TOLERANCE:
            self._origin = now - media
        when = self._origin + media
        item: Any = picture_from_frame(frame, when) if self.kind == "video" else sound_from_frame(frame, when)
        if self.kind == "video":
            self._pictures.add(item.size, now - self._receiving.decoding_since)
        else:
            self._loudness.add(item.data, SAMPLE_RATE)
        self._deliver(item)

    def counters(self) -> dict[str, Any]:
        """Return what was counted from the jitter buffer on, with the W3C's names."""
        if self.kind == "audio":
            return {"totalSamplesReceived": self._loudness.samples, **self._loudness.members()}
        return self._pictures.members("Decode") | self._receiving.counters()

    def _why_silent(self) -> str:
        return "the other side has sent nothing yet"
