"""What goes out: one permanent slot for each sender, whatever track is in it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack, RTCRtpSender

from .. import config
from ..media.encoder import is_codec
from ..media.outlet import AudioOutlet
from ..media.packets import PacketOutlet
from ..media.track import Kind, Track
from .compat import on_key_frame_request
from .compat_sending import is_enabled, on_feedback, take_packets
from .tally import Loudness, Pictures

#: How often a sender that may not send looks whether it may again.
GLANCE = 0.05


class SlotTrack(MediaStreamTrack):
    """What aiortc's sender reads for all of its life. The track in it can be switched, and never ends the sender.

    Sound is given as frames, pictures encoded (`Outgoing`), see `compat_sending.take_packets`.
    """

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        self._outlet: PacketOutlet | AudioOutlet = PacketOutlet(config.bitrate()) if kind == "video" else AudioOutlet()
        self._current: Track[Any] | None = None
        self._sender: RTCRtpSender | None = None
        self._active = True
        self._pictures, self._loudness = Pictures(), Loudness()

    def attach(self, sender: RTCRtpSender) -> None:
        """Become the track of `sender`."""
        self._sender = sender
        sender.replaceTrack(self)
        if isinstance(self._outlet, PacketOutlet):
            on_key_frame_request(sender, self._outlet.nudge)
            on_feedback(sender, self._outlet.rate, self._outlet.reconsider)
            take_packets(sender, self._take_codec)

    def _take_codec(self, name: str) -> None:
        if is_codec(name) and isinstance(self._outlet, PacketOutlet):
            self._outlet.set_codec(name)

    def switch(self, track: Track[Any] | None) -> None:
        """Send `track` from now on; None: nothing, or silence."""
        if track is self._current:
            return
        self._current = track
        if track is not None:
            self._id = track.id
        self._outlet.switch(track)

    def heard_after(self, seconds: float) -> None:
        """The other side has answered after so long."""
        if isinstance(self._outlet, PacketOutlet):
            self._outlet.rate.on_round_trip(seconds, time.monotonic())
            self._outlet.reconsider()

    def set_parameters(
        self,
        *,
        active: bool = True,
        max_bitrate: float | None = None,
        max_framerate: float | None = None,
        scale: float = 1.0,
    ) -> None:
        """Keep to an encoding's parameters: RTCRtpEncodingParameters of WebRTC 1.0 §5.2.7."""
        self._active = active
        if isinstance(self._outlet, PacketOutlet):
            self._outlet.set_parameters(
                scale=scale, max_framerate=max_framerate or None, max_bitrate=max_bitrate, active=active
            )

    @property
    def _may_send(self) -> bool:
        return self._active and (self._sender is None or is_enabled(self._sender))

    async def recv(self) -> Any:
        """Return the next frame, or encoded picture."""
        while not self._may_send:
            if isinstance(self._outlet, PacketOutlet):
                self._outlet.run(False)
            await asyncio.sleep(GLANCE)
        if isinstance(self._outlet, PacketOutlet):
            self._outlet.run(True)
            outgoing = await self._outlet.recv()
            encoded = outgoing.encoded
            self._pictures.add(encoded.size, encoded.seconds, key=encoded.key)
            return outgoing
        frame = await self._outlet.recv()
        channels = frame.layout.nb_channels
        plane: Any = frame.planes[0]
        samples = np.frombuffer(plane, np.int16, frame.samples * channels)
        self._loudness.add(samples.reshape(-1, channels) * np.float32(1 / 32768), frame.sample_rate)
        return frame

    # -- for statistics -------------------------------------------------------------------------------------------

    def counters(self) -> dict[str, Any]:
        """Return what was encoded, with the W3C's names. What several share was made once, and counts for each."""
        if not isinstance(self._outlet, PacketOutlet):
            return {}
        return {**self._pictures.members("Encode"), "targetBitrate": self._outlet.rate.target}

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
        settings = track.get_settings()
        return members | {name: settings[name] for name in ("width", "height") if name in settings}

    def stop(self) -> None:
        """Let go of the track, which lives on."""
        self.switch(None)
        super().stop()
