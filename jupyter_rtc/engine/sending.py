"""What goes out: one permanent slot for each sender, whatever track is in it."""

from __future__ import annotations

import time
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCRtpSender

from ..media.outlet import outlet_for
from ..media.track import Kind, Track
from .compat import on_encoded, on_key_frame_request, starts_key_frame, target_bitrate
from .tally import Loudness, Pictures


class SlotTrack(MediaStreamTrack):
    """What aiortc's sender reads for all of its life. The track in it can be switched, and never ends the sender."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        self._outlet = outlet_for(kind)
        self._current: Track[Any] | None = None
        self._sender: RTCRtpSender | None = None
        self._pictures, self._loudness = Pictures(), Loudness()
        self._size = (0, 0)
        self._given = 0.0

    def attach(self, sender: RTCRtpSender) -> None:
        """Become the track of `sender`."""
        sender.replaceTrack(self)
        on_key_frame_request(sender, self._outlet.nudge)
        on_encoded(sender, self._encoded)
        self._sender = sender

    def switch(self, track: Track[Any] | None) -> None:
        """Send `track` from now on; None: nothing, or silence."""
        if track is self._current:
            return
        self._current = track
        if track is not None:
            self._id = track.id
        self._outlet.switch(track)

    async def recv(self) -> Any:
        """Return the next frame for aiortc's encoder."""
        frame = await self._outlet.recv()
        if isinstance(frame, av.VideoFrame):
            self._size = (frame.width, frame.height)
        else:
            channels = frame.layout.nb_channels
            plane: Any = frame.planes[0]
            samples = np.frombuffer(plane, np.int16, frame.samples * channels)
            self._loudness.add(samples.reshape(-1, channels) * np.float32(1 / 32768), frame.sample_rate)
        self._given = time.monotonic()
        return frame

    # -- for statistics -------------------------------------------------------------------------------------------

    def _encoded(self, codec: str, payloads: list[bytes]) -> None:
        if self.kind == "video":
            key = starts_key_frame(codec, payloads[0])
            self._pictures.add(self._size, time.monotonic() - self._given, key=key)

    def counters(self) -> dict[str, Any]:
        """Return what the encoder has counted, with the W3C's names."""
        if self.kind == "audio":
            return {}
        members = self._pictures.members("Encode")
        bitrate = None if self._sender is None else target_bitrate(self._sender)
        return members if bitrate is None else {**members, "targetBitrate": bitrate}

    def source(self) -> dict[str, Any] | None:
        """Return what is known of the track that is sent, with the W3C's names; None without one."""
        track = self._current
        if track is None:
            return None
        members: dict[str, Any] = {"trackIdentifier": track.id, "kind": self.kind}
        if self.kind == "audio":
            return members | self._loudness.members()
        counted = track.stats
        members |= {"frames": counted["frames_in"], "framesPerSecond": counted["fps"]}
        if all(self._size):
            members["width"], members["height"] = self._size
        return members

    def stop(self) -> None:
        """Let go of the track, which lives on."""
        self.switch(None)
        super().stop()
