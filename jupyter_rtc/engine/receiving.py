"""What arrives from a remote peer, as a track."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Any

import av

from ..media.decoder import DecodedPicture, SoundDecoder, VideoDecoder
from ..media.frames import SAMPLE_RATE, VIDEO_TIME_BASE, Sound
from ..media.tally import Loudness, Pictures
from ..media.track import Item, Kind, Track
from .audio_jitter import CONCEALED
from .compat import on_bye
from .compat_receiving import Intake
from .loop import engine
from .packets import Encoded
from .timeline import MediaClock, Timeline

logger = logging.getLogger(__name__)

#: A key frame is asked for again after so long, even if nothing at all comes; else the jitter buffer asks.
KEY_FRAME_PATIENCE = 0.5


class ReceivedTrack(Track[Item]):
    """A remote peer's track, decoded while somebody reads.

    Attributes
    ----------
    frames_received, decode_errors : int
        Whole pictures, or stretches of sound, since the track began.
    buffer_seconds : float
        What they waited for from their first packet to the decoder, in sum.
    decoded : Pictures
        What came out of the decoder; stretches of sound, too.
    concealed : int
        Stretches of sound that were made up for lost ones.
    """

    def __init__(self, kind: Kind, receiver: Any, id: str) -> None:
        super().__init__(kind, label=f"remote {kind}", id=id, muted=True)
        self._intake = Intake(receiver, self._decode, lambda: self._end(event=True), lambda: self._set_muted(False))
        on_bye(receiver, lambda: self._set_muted(True))
        self._codec = ""
        self._source: int | None = None
        self._decoder: VideoDecoder | SoundDecoder | None = None
        self._clock = MediaClock(1)
        self._timeline = Timeline()
        self._sizes: deque[tuple[float, int]] = deque(maxlen=64)
        self._loudness = Loudness()
        self.decoded = Pictures()
        self.frames_received = self.decode_errors = 0
        self.concealed = 0
        self._concealed_samples = self._concealments = 0
        self.buffer_seconds = 0.0

    def measured(self, round_trip: float) -> None:
        """Take note of how many seconds the other side is away, there and back. On the engine's thread."""
        self._intake.video.measure(round_trip)

    def fell_silent(self) -> None:
        """Nothing at all is heard of the other side."""
        self._set_muted(True)

    def _activate(self) -> None:
        engine().spawn(self._open())

    def _halt(self) -> None:
        engine().spawn(self._intake.set_open(False))

    def _end(self, event: bool = False) -> None:
        super()._end(event)
        if event:
            engine().post(self._intake.close)

    async def _open(self) -> None:
        if self._sinks:
            await self._intake.set_open(True)
        while self._intake.waits_for_key_frame:
            await asyncio.sleep(KEY_FRAME_PATIENCE)
            if self._intake.waits_for_key_frame:
                await self._intake.ask_for_key_frame()

    # -- on the decoder's thread ----------------------------------------------------------------------------------

    def _decode(self, codec: str, encoded: Encoded) -> None:
        began = time.monotonic()
        self.frames_received += 1
        self.buffer_seconds += began - encoded.arrived
        self._sizes.append((began, len(encoded.data)))
        try:
            if codec != self._codec or self._decoder is None:
                self._decoder = VideoDecoder(codec) if self.kind == "video" else SoundDecoder(codec)
                self._codec = codec
            if self._source != self._intake.source:
                self._source = self._intake.source
                self._clock.restart(self._intake.clock_rate)
            if isinstance(self._decoder, VideoDecoder):
                self._decode_picture(self._decoder, encoded, began)
            else:
                self._decode_sound(self._decoder, encoded, began)
        except (av.FFmpegError, LookupError) as error:
            self.decode_errors += 1
            logger.debug("%s: %s was not decoded: %s", self.label, codec, error)
            if self.kind == "video":
                engine().post(self._intake.broken)

    def _decode_picture(self, decoder: VideoDecoder, encoded: Encoded, began: float) -> None:
        ticks = self._clock.ticks(encoded.timestamp, encoded.arrived)
        frames = decoder.decode(encoded.data, ticks, encoded.colours)
        took = time.monotonic() - began
        for frame in frames:
            self.decoded.add((frame.width, frame.height), took / len(frames), key=encoded.is_key)
            media = float((ticks if frame.pts is None else frame.pts) * VIDEO_TIME_BASE)
            self._deliver(DecodedPicture(frame, self._timeline.when(media, encoded.arrived)))  # type: ignore[arg-type]

    def _decode_sound(self, decoder: SoundDecoder, encoded: Encoded, began: float) -> None:
        media = self._clock.ticks(encoded.timestamp, encoded.arrived) / self._intake.clock_rate
        when = self._timeline.when(media, encoded.arrived)
        parts = [decoder.conceal() for _ in range(min(encoded.lost, CONCEALED))]
        made_up = sum(map(len, parts))
        self.concealed += len(parts)
        self._concealed_samples += made_up
        self._concealments += made_up > 0
        parts.append(decoder.decode(encoded.data))
        self.decoded.add((0, 0), time.monotonic() - began)
        when -= sum(map(len, parts[:-1])) / SAMPLE_RATE
        for part in parts:
            if len(part):
                self._loudness.add(part, SAMPLE_RATE)
                self._deliver(Sound(part, when))  # type: ignore[arg-type]
                when += len(part) / SAMPLE_RATE

    # -- telling --------------------------------------------------------------------------------------------------

    @property
    def dropped(self) -> dict[str, int]:
        """Where pictures, or stretches of sound, were lost, and how many."""
        intake = self._intake
        return {
            "network": intake.video.dropped if self.kind == "video" else intake.audio.lost,
            "decoder": intake.overflowed + self.decode_errors,
            "unread": intake.unread,
        }

    def _source_stats(self) -> dict[str, Any]:
        dropped = self.dropped
        now = time.monotonic()
        recent = [(when, size) for when, size in tuple(self._sizes) if now - when < 2]
        took = recent[-1][0] - recent[0][0] if len(recent) > 1 else 0.0
        return {
            "frames_lost": dropped["network"] + dropped["decoder"],
            "dropped": dropped,
            "bitrate": round(8 * sum(size for _, size in recent[1:]) / took) if took else 0,
            "key_frames": self.decoded.keys,
            "decode_time": round(self.decoded.seconds / self.decoded.frames, 6) if self.decoded.frames else None,
            "retransmissions": self._intake.nacks,
            "concealed": self.concealed,
            "round_trip": round(self._intake.video.round_trip, 4),
        }

    def counters(self) -> dict[str, Any]:
        """Return what was counted from the jitter buffer on, with the W3C's names."""
        intake = self._intake
        emitted = {
            "jitterBufferDelay": self.buffer_seconds,
            "jitterBufferEmittedCount": self.frames_received,
            "packetsDiscarded": intake.video.late if self.kind == "video" else intake.audio.late,
        }
        if self.kind == "audio":
            samples = {
                "totalSamplesReceived": self._loudness.samples,
                "concealedSamples": self._concealed_samples,
                "concealmentEvents": self._concealments,
            }
            return emitted | samples | self._loudness.members()
        received = {
            "framesReceived": self.frames_received + intake.unread + intake.overflowed,
            "framesDropped": sum(self.dropped.values()),
        }
        return emitted | self.decoded.members("Decode") | received

    def _why_silent(self) -> str:
        return "the other side has sent nothing yet"
