"""What goes out: one permanent slot for each sender, whatever track is in it."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Protocol

import numpy as np
from aiortc import MediaStreamTrack, RTCRtpSender

from .. import config
from ..media.encoder import is_codec
from ..media.outlet import AudioOutlet
from ..media.packets import PacketOutlet
from ..media.tally import Loudness
from ..media.track import Kind, Track
from .compat import on_key_frame_request
from .compat_sending import is_enabled, on_feedback, take_packets
from .extensions import show_at_once

#: How often a sender that may not send looks whether it may again.
GLANCE = 0.05
#: So long after another negotiation the next picture is a key frame, unasked.
RENEWED = (0.5, 2.0)


class Outlet(Protocol):
    """Where a slot takes what it gives."""

    def switch(self, track: Track[Any] | None) -> None:
        """Take what this track gives from now on."""

    async def recv(self) -> Any:
        """Return the next."""


class SlotTrack(MediaStreamTrack):
    """What aiortc's sender reads for all of its life. The track in it can be switched, and never ends the sender."""

    def __init__(self, kind: Kind, outlet: Outlet) -> None:
        super().__init__()
        self.kind = kind
        self._outlet = outlet
        self._current: Track[Any] | None = None
        self._sender: RTCRtpSender | None = None
        self._active = True

    def attach(self, sender: RTCRtpSender) -> None:
        """Become the track of `sender`."""
        self._sender = sender
        sender.replaceTrack(self)

    def switch(self, track: Track[Any] | None) -> None:
        """Send `track` from now on; None: nothing, or silence."""
        if track is self._current:
            return
        self._current = track
        if track is not None:
            self._id = track.id
        self._outlet.switch(track)

    def renegotiated(self) -> None:
        """Another negotiation of the connection is complete."""

    def heard_after(self, seconds: float) -> None:
        """The other side has answered after so long."""

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

    def _run(self, running: bool) -> None:
        """Begin, or pause: it may send, or not."""

    async def recv(self) -> Any:
        """Return the next frame, or encoded picture."""
        while not (self._active and (self._sender is None or is_enabled(self._sender))):
            self._run(False)
            await asyncio.sleep(GLANCE)
        self._run(True)
        return await self._outlet.recv()

    def stop(self) -> None:
        """Let go of the track, which lives on."""
        self.switch(None)
        super().stop()

    # -- for statistics -------------------------------------------------------------------------------------------

    def counters(self) -> dict[str, Any]:
        """Return what was encoded, with the W3C's names."""
        return {}

    def source(self) -> dict[str, Any] | None:
        """Return what is known of the track that is sent, with the W3C's names; None without one."""
        track = self._current
        return None if track is None else {"trackIdentifier": track.id, "kind": self.kind, **self._source_of(track)}

    def _source_of(self, track: Track[Any]) -> dict[str, Any]:
        return {}


class VideoSlot(SlotTrack):
    """Gives encoded pictures (`Outgoing`), see `compat_sending.take_packets`."""

    _outlet: PacketOutlet

    def __init__(self) -> None:
        super().__init__("video", PacketOutlet(config.bitrate()))

    def attach(self, sender: RTCRtpSender) -> None:
        """Become the track of `sender`, and heed what its receiver says."""
        super().attach(sender)
        on_key_frame_request(sender, self._outlet.nudge)
        on_feedback(sender, self._outlet.rate, self._outlet.reconsider)
        take_packets(sender, self._take_codec)
        show_at_once(sender)

    def _take_codec(self, name: str) -> None:
        if is_codec(name):
            self._outlet.set_codec(name)

    def renegotiated(self) -> None:
        """Another negotiation of the connection is complete."""
        # Firefox makes its receivers anew, and throws away meanwhile what arrives; if a key frame was among it, it goes
        # on from the last one it has, and asks for none.
        for seconds in RENEWED:
            asyncio.get_running_loop().call_later(seconds, self._outlet.renew)

    def heard_after(self, seconds: float) -> None:
        """The other side has answered after so long."""
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
        super().set_parameters(active=active)
        self._outlet.set_parameters(
            scale=scale, max_framerate=max_framerate or None, max_bitrate=max_bitrate, active=active
        )

    def _run(self, running: bool) -> None:
        self._outlet.run(running)

    def counters(self) -> dict[str, Any]:
        """Return what was encoded, with the W3C's names."""
        return {**self._outlet.pictures.members("Encode"), "targetBitrate": self._outlet.rate.target}

    def _source_of(self, track: Track[Any]) -> dict[str, Any]:
        counted, settings = track.stats, track.get_settings()
        size: dict[str, Any] = {name: settings[name] for name in ("width", "height") if name in settings}
        return {"frames": counted["frames_in"], "framesPerSecond": counted["fps"], **size}


class AudioSlot(SlotTrack):
    """Gives frames of sound, for aiortc's encoder."""

    _outlet: AudioOutlet

    def __init__(self) -> None:
        super().__init__("audio", AudioOutlet())
        self._loudness = Loudness()

    async def recv(self) -> Any:
        """Return the next frame."""
        frame = await super().recv()
        channels = frame.layout.nb_channels
        plane: Any = frame.planes[0]
        samples = np.frombuffer(plane, np.int16, frame.samples * channels)
        self._loudness.add(samples.reshape(-1, channels) * np.float32(1 / 32768), frame.sample_rate)
        return frame

    def _source_of(self, track: Track[Any]) -> dict[str, Any]:
        return {**self._loudness.members(), "droppedSamplesDuration": self._outlet.cut}


def slot_for(kind: Kind) -> SlotTrack:
    """Return a new slot for this kind of media."""
    return VideoSlot() if kind == "video" else AudioSlot()
