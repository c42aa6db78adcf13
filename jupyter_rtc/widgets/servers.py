"""The views of signalings and servers: plain ipywidgets, for there is nothing live in them but words."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets

from ..errors import RtcError
from ..link.comm import be_a_guest
from ..media.events import Serial
from ..media.stream import MediaStream
from ..registry import remember
from ..signaling.copypaste import CopyPaste
from ..signaling.exchange import Exchange
from ..signaling.room import Member, Room
from ..signaling.room_server import RoomServer
from ..signaling.server import WhipServer
from ..signaling.tokens import Token
from .copying import CopyButton
from .player import Video


def exchange_view(shown: Exchange) -> Any:
    """Return a line that says where a connection goes."""
    return _plain(ipywidgets.HTML(f"{shown._what}: <code>{escape(shown.url)}</code>"))


def _plain(widget: Any) -> Any:
    """Give it a name by which pages' styles and tests find it."""
    widget.add_class("jrtc-plain")
    remember(widget)
    return widget


def _follow(watchers: set[Callable[[], None]], refresh: Callable[[], None]) -> None:
    """Call `refresh` now and at each change, on a thread of its own: a page may be slow."""
    serial = Serial()
    watchers.add(lambda: serial.submit(refresh))
    refresh()


def server_view(server: WhipServer) -> Any:
    """Return lists of what is published and what can be watched. The server is started."""
    page = ipywidgets.HTML()

    def refresh() -> None:
        page.value = _describe(server)

    _follow(server._watchers, refresh)
    if not server._closed:
        server._start_soon()
    return _plain(page)


def _describe(server: WhipServer) -> str:
    if server._closed:
        return "The server is closed."
    if server._runner is None:
        error = server._problem
        return f'<b role="alert">{escape(str(error))}</b>' if error is not None else "Starting …"
    url = escape(server._address())
    into = "It comes into <code>server.published[NAME]</code>."
    published = [(name, _tracks(stream)) for name, stream in sorted(server.published.items())]
    parts = [
        f"<p>Publish to <code>{url}/whip/NAME</code>, {_token(server._token)}. {into}</p>",
        f'<p>Watch at <a href="{url}/" target="_blank" rel="noopener">{url}</a>.</p>',
        _list("Published here", published),
    ]
    watched = [
        (
            f'<a href="{url}/watch/{escape(name)}" target="_blank" rel="noopener">{escape(name)}</a>',
            _tracks(offered.stream),
        )
        for name, offered in sorted(server._offered.copy().items())
    ]
    parts.append(_list("To be watched", watched, is_html=True))
    return "".join(parts)


def room_server_view(server: RoomServer) -> Any:
    """Return a list of the rooms and who is in them."""
    page = ipywidgets.HTML()

    def refresh() -> None:
        rooms = [
            (room, ", ".join(escape(guest.name) or "nameless" for guest in guests.copy().values()))
            for room, guests in sorted(server._rooms.copy().items())
        ]
        enter = (
            f'Enter with <code>WebSocketRoom("{escape(server.url)}", ROOM, name=NAME)</code>, {_token(server._token)}.'
        )
        page.value = "The server is closed." if server._closed else f"<p>{enter}</p>{_list('Rooms', rooms)}"

    _follow(server._watchers, refresh)
    return _plain(page)


def _token(token: Token) -> str:
    return "and the token it was made with" if token else "no token is needed"


def _tracks(stream: MediaStream) -> str:
    kinds = [track.kind for track in stream.get_tracks()]
    there = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)) or "no tracks"
    return "; ".join([there, *map(escape, stream._remarks)])


def _list(title: str, rows: list[tuple[str, str]], *, is_html: bool = False) -> str:
    items = "".join(f"<li>{name if is_html else escape(name)} ({tracks})</li>" for name, tracks in rows)
    return f"<b>{title}</b><ul>{items or '<li>nothing yet</li>'}</ul>"


#: When there is something to send, and when something is to be pasted.
_SENDING = ("idle", "offered", "kept", "answering", "answered")
_PASTING = ("idle", "waiting", "offered", "kept")


def paste_view(paste: CopyPaste) -> Any:
    """Return two boxes, one with the text to send and one for the other's, and what to do next."""
    # Not 100 %: the margins would come on top, and the right borders be cut off.
    wide = {"width": "auto", "height": "7em"}
    words = ipywidgets.HTML()
    ours = ipywidgets.Textarea(placeholder="The text to send appears here.", layout=wide)
    copy = CopyButton()
    theirs = ipywidgets.Textarea(placeholder="Paste the other person's text here.", layout=wide)
    problem = ipywidgets.HTML()

    def shown() -> str:
        return paste.text if paste._step in _SENDING else ""

    def refresh() -> None:
        lines = "<br>".join(map(escape, paste.words.split("\n")))
        words.value = f'<div role="status" style="line-height: 1.6">{lines}</div>'
        ours.value = copy.text = shown()
        ours.layout.display = None if paste._step in _SENDING else "none"
        copy.layout.display = None if shown() else "none"
        theirs.layout.display = None if paste._step in _PASTING else "none"

    def keep(change: dict[str, Any]) -> None:
        if change["new"] != shown():  # typed into by mistake
            ours.value = shown()

    def take(change: dict[str, Any]) -> None:
        problem.value = ""
        if not change["new"].strip():
            return
        try:
            paste.paste(change["new"])
        except RtcError as error:
            problem.value = f'<span role="alert">{escape(str(error))}</span>'
        else:
            theirs.value = ""  # room for another one

    ours.observe(keep, "value")
    theirs.observe(take, "value")
    for box in (ours, theirs):
        be_a_guest(box.comm)
    _follow(paste._watchers, refresh)
    return _plain(ipywidgets.VBox([words, ours, copy, theirs, problem]))


class _Tile:
    """A member's name, above all of its pictures; the first one has the sound."""

    def __init__(self, name: str) -> None:
        self._name = ipywidgets.HTML(escape(name or "nameless"))
        self._stream = MediaStream()
        self._first = Video(self._stream)
        self._others: dict[Any, Video] = {}
        self.box = ipywidgets.VBox([self._name, self._first])

    def show(self, tracks: list[Any]) -> None:
        """Show these, and nothing else."""
        others = [track for track in tracks if track.kind == "video"][1:]
        mine = [track for track in tracks if track not in others]
        for track in self._stream.get_tracks():
            if track not in mine:
                self._stream.remove_track(track)
        for track in mine:
            self._stream.add_track(track)
        gone = [self._others.pop(track) for track in list(self._others) if track not in others]
        for track in others:
            if track not in self._others:
                self._others[track] = Video(track)
        children = (self._name, self._first, *self._others.values())
        if self.box.children != children:
            self.box.children = children
        for video in gone:
            video.close()

    def close(self) -> None:
        """Let go of all of it. What holds a closed widget keeps the whole page from being loaded again."""
        children, self.box.children = self.box.children, ()
        for widget in (self.box, *children):
            widget.close()


def room_view(room: Room) -> Any:
    """Return a grid with a picture of each member. The room is entered."""
    line = ipywidgets.HTML()
    columns = "repeat(auto-fill, minmax(240px, 1fr))"
    grid = ipywidgets.GridBox(layout=ipywidgets.Layout(grid_template_columns=columns, width="100%"))
    tiles: dict[str, _Tile] = {}

    def tile(member: Member) -> Any:
        if member.id not in tiles:
            tiles[member.id] = _Tile(member.name)
        shown = tiles[member.id]
        shown.show(member.tracks)
        return shown.box

    def refresh() -> None:
        members = list(room.members.values())
        if room._closed:
            line.value = "You have left the room."
        elif room._problem is not None:
            line.value = f"<b>{escape(str(room._problem))}</b>"
        else:
            others = f"{len(members)} other{'' if len(members) == 1 else 's'}"
            line.value = f"Room <b>{escape(str(room.room))}</b>: you and {others}"
        grid.children = [tile(member) for member in members]
        for gone in tiles.keys() - {member.id for member in members}:
            tiles.pop(gone).close()

    _follow(room._watchers, refresh)
    if not room._closed:
        room._join_soon()
    return _plain(ipywidgets.VBox([line, grid]))
