"""What goes out: one permanent slot for each sender, whatever track is in it."""

from __future__ import annotations

from typing import Any

from aiortc import MediaStreamTrack, RTCRtpSender

from ..media.outlet import outlet_for
from ..media.track import Kind, Track
from .compat import on_key_frame_request


class SlotTrack(MediaStreamTrack):
    """What aiortc's sender reads for all of its life. The track in it can be switched, and never ends the sender."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        self._outlet = outlet_for(kind)
        self._current: Track[Any] | None = None

    def attach(self, sender: RTCRtpSender) -> None:
        """Become the track of `sender`."""
        sender.replaceTrack(self)
        on_key_frame_request(sender, self._outlet.nudge)

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
        return await self._outlet.recv()

    def stop(self) -> None:
        """Let go of the track, which lives on."""
        self.switch(None)
        super().stop()
