"""The view of a PeerConnection: its streams, its states, its statistics."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import traitlets

from ..link.messages import Message
from ..link.session import Plan
from ..media.stream import MediaStream
from ..media.track import Track
from ..rtc.connection import PeerConnection
from ..rtc.report import Report
from .base import LiveWidget
from .letting_go import Weakly

_STATES = ("signaling_state", "connection_state", "ice_connection_state")


class ConnectionView(LiveWidget):
    """Shows what a connection sends and receives.

    Parameters
    ----------
    connection : PeerConnection
        It lives on when the view is closed.
    """

    _player = traitlets.Unicode("connection").tag(sync=True)
    signaling_state = traitlets.Unicode("").tag(sync=True)
    connection_state = traitlets.Unicode("").tag(sync=True)
    ice_connection_state = traitlets.Unicode("").tag(sync=True)
    #: Whether the other side has ended it, which is no failure.
    left = traitlets.Bool(False).tag(sync=True)
    #: One line in words, numbers or what became of a connection that was lost, refreshed while a page shows it.
    statistics = traitlets.Unicode("").tag(sync=True)

    def __init__(self, connection: PeerConnection) -> None:
        self._connection = connection
        self._counting: asyncio.Task[None] | None = None
        super().__init__(
            label=connection.name,
            left=connection._left,
            **{name: getattr(connection, name) for name in _STATES},
        )
        self._observer = Weakly(self._state_changed)
        connection._changed = Weakly(self._replan)  # type: ignore[method-assign]
        connection.observe(self._observer, list(_STATES))

    def _replan(self) -> None:
        self._pages.replan()

    def _state_changed(self, change: Any) -> None:
        self.left = self._connection._left
        setattr(self, change["name"], getattr(self._connection, change["name"]))  # which may be newer than the change

    def report(self) -> Report:
        """Return why the connection does or does not connect, and which pages show it."""
        return replace(self._connection.report(), pages=tuple(self._pages.describe()))

    @property
    def _title(self) -> str:
        return f"WebRTC connection {self.label}".rstrip()

    def _tiles(self) -> Iterable[tuple[str, list[Track[Any]]]]:
        """Yield each stream with its tracks, the remote ones first."""
        transceivers = self._connection.get_transceivers()
        receiving = [t.receiver for t in transceivers if t._fired in ("sendrecv", "recvonly")]
        streams: dict[str, MediaStream] = {s.id: s for r in receiving for s in r._streams}
        for number, stream in enumerate(streams.values(), 1):
            yield f"remote {number}" if len(streams) > 1 else "remote", stream.get_tracks()
        loose = [r.track for r in receiving if not r._streams]
        if loose:
            yield "remote" if not streams else "remote, of no stream", loose
        sent = [t.sender for t in transceivers if t.sender._track is not None]
        local: dict[str, list[Track[Any]]] = {}
        for sender in sent:
            local.setdefault(sender._streams[0] if sender._streams else "", []).append(sender._track)  # type: ignore[arg-type]
        for number, tracks in enumerate(local.values(), 1):
            yield f"local {number}" if len(local) > 1 else "local", tracks

    def _plan(self, client: str) -> Plan:
        """Return all streams: each video in a tile of its own, with the stream's first sound."""
        tracks: dict[str, Track[Any]] = {}
        tiles = []
        for title, members in self._tiles():
            # The same track may be on both sides, e.g. of a pair, and is then carried once for each.
            slots = {f"{title}/{track.id}": track for track in members}
            tracks.update(slots)
            sounds = [slot for slot, track in slots.items() if track.kind == "audio"]
            pictures = [slot for slot, track in slots.items() if track.kind == "video"]
            labels = [tracks[picture].label for picture in pictures]
            for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
                name = f"{title} · {label}" if len(pictures) > 1 else title
                if labels.count(label) > 1:  # as two tracks of numpy have the same
                    name += f" {labels[: index + 1].count(label)}"
                tiles.append({"title": name, "slots": [picture, *(sounds[:1] if index == 0 else [])]})
            if not pictures and sounds:
                tiles.append({"title": title, "slots": sounds[:1]})
        return Plan(tracks, tiles)

    def _page_hello(self, client: str, hello: Message) -> None:
        """Count while a page is there."""
        super()._page_hello(client, hello)
        if self._counting is None or self._counting.done():
            self._counting = asyncio.get_running_loop().create_task(self._count())

    async def _count(self) -> None:
        while self._pages.seen:
            text = self._describe()
            self._serial.submit(lambda text=text: setattr(self, "statistics", text))  # type: ignore[misc]
            await asyncio.sleep(1)

    def _describe(self) -> str:
        if loss := self._connection._describe_loss():
            return loss
        parts = []
        for title, members in self._tiles():
            for track in members:
                settings = track.get_settings()
                if track.kind == "video" and settings:
                    parts.append(f"{title} {settings['width']}×{settings['height']}, {track.stats['fps']:.0f}/s")
        return " · ".join(dict.fromkeys(parts))

    def close(self) -> None:
        """Remove it from all pages. The connection goes on."""
        if not self._is_closed:
            self._connection.unobserve(self._observer, list(_STATES))
        super().close()
