"""What goes out: one permanent slot for each sender, whatever track is in it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiortc import MediaStreamTrack, RTCRtpSender

from .. import config
from ..media.encoder import is_codec
from ..media.outlet import AudioOutlet
from ..media.packets import PacketOutlet
from ..media.track import Kind, Track
from .compat import on_key_frame_request
from .compat_sending import is_enabled, on_feedback, take_packets

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
        return await self._outlet.recv()

    def stop(self) -> None:
        """Let go of the track, which lives on."""
        self.switch(None)
        super().stop()
