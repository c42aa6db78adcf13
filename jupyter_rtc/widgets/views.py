"""Which widget shows what, when an object is the last line of a cell."""

from __future__ import annotations

from typing import Any

from ..media import display
from ..media.stream import MediaStream
from ..media.track import Track
from ..rtc.connection import PeerConnection
from ..signaling.copypaste import CopyPaste
from ..signaling.exchange import Exchange
from ..signaling.room import Room
from ..signaling.room_server import RoomServer
from ..signaling.server import WhipServer
from .connection import ConnectionView
from .player import Audio, Video
from .servers import exchange_view, paste_view, room_server_view, room_view, server_view


def view_of(shown: Any) -> Any:
    """Return a new widget for a track, a stream, a connection, a signaling or a server."""
    if isinstance(shown, PeerConnection):
        return ConnectionView(shown)
    if isinstance(shown, Track):
        return Video(shown) if shown.kind == "video" else Audio(shown)
    if isinstance(shown, MediaStream):
        return Video(shown) if shown.get_video_tracks() or not shown.get_tracks() else Audio(shown)
    if isinstance(shown, WhipServer):
        return server_view(shown)
    if isinstance(shown, RoomServer):
        return room_server_view(shown)
    if isinstance(shown, Room):
        return room_view(shown)
    if isinstance(shown, CopyPaste):
        return paste_view(shown)
    if isinstance(shown, Exchange):
        return exchange_view(shown)
    raise TypeError(f"{type(shown).__name__} has no view")


def install() -> None:
    """Let tracks, streams, connections, signalings and servers show themselves."""
    display.install(view_of)
