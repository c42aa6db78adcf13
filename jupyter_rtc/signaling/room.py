"""A room in which everyone sees everyone."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import traitlets

from ..errors import InvalidStateError, RtcError, SignalingError
from ..media.display import Displayable
from ..media.events import Emitter
from ..media.stream import MediaStream
from ..media.track import Track
from ..rtc.connection import PeerConnection
from ..rtc.sdp import RECEIVING
from ..rtc.transceiver import TrackEvent
from . import http, loop
from .http import Token

logger = logging.getLogger(__name__)

#: Seconds for a member to be connected to, and to wait before the server is asked again, the longest.
CONNECT = 30.0
LONGEST_WAIT = 30.0
HEARTBEAT = 10.0
QUICK = 10.0
#: Messages of one member that wait to be read.
MOST_WAITING = 256


class Member:
    """Somebody else in the room."""

    def __init__(self, id: str, name: str) -> None:
        self.id = id
        self.name = name
        self.connection = PeerConnection(name=name)
        self._senders: dict[Track[Any], Any] = {}
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_WAITING)
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Member {self.name!r}, {self.connection.connection_state}>"

    @property
    def tracks(self) -> list[Track[Any]]:
        """What comes from this member."""
        return [t.receiver.track for t in self.connection.get_transceivers() if t._fired in RECEIVING]


@dataclass(frozen=True)
class RoomTrackEvent(TrackEvent):
    """A member's track has come."""

    member: Member


class _Way:
    """The signaling to one member. The one who came later gives way where both offer at once."""

    def __init__(self, room: WebSocketRoom, member: Member, polite: bool) -> None:
        self._room = room
        self._member = member
        self.polite = polite

    async def send(self, message: dict[str, Any]) -> None:
        await self._room._say(self._member, message)

    async def receive(self) -> dict[str, Any]:
        return await self._member._inbox.get()

    async def close(self) -> None:
        """The socket is the room's."""


class WebSocketRoom(Displayable, Emitter, traitlets.HasTraits):
    """A room in which everyone sees everyone: ``room = WebSocketRoom(url, "seminar", name="Ada")``.

    Displayed, or with ``await room.join()``, it is entered. Each member has a connection to each other one, so it is
    for about eight. When the server is lost, the room is entered again as soon as it is back.

    Parameters
    ----------
    url : str
        ``ws://`` or ``wss://``, e.g. that of `serve_rooms`.
    room : str
        Its name.
    name : str
        What others see.
    token : str, optional
        Sent as a bearer token, and shown nowhere.

    Attributes
    ----------
    roster : list of str
        A trait: the names of the others, in the order in which they came.
    """

    events = frozenset({"join", "leave", "track"})
    roster = traitlets.List(traitlets.Unicode(), read_only=True)

    def __init__(self, url: str, room: str, *, name: str = "", token: str | None = None) -> None:
        traitlets.HasTraits.__init__(self)
        Emitter.__init__(self)
        if not url.startswith(("ws://", "wss://")):
            raise ValueError("a room's address begins with ws:// or wss://")
        if not 0 < len(room) <= 64:
            raise ValueError("a room has a name of 64 characters at most")
        if not isinstance(name, str):
            raise TypeError(f"name is a str, not {type(name).__name__}")
        self._url = http.checked(f"http{url[2:]}")
        self._token = Token(token)
        self.room = room
        self.name = name
        self._lock = threading.RLock()
        self._tracks: dict[Track[Any], tuple[MediaStream, ...]] = {}
        self._members: dict[str, Member] = {}
        self._socket: Any = None
        self._running: asyncio.Task[None] | None = None
        self._entered: asyncio.Event | None = None
        self._problem: RtcError | None = None
        self._closed = False
        #: Called on any thread when there is something new to show.
        self._watchers: set[Callable[[], None]] = set()

    def __repr__(self) -> str:
        return f"<WebSocketRoom {self.room!r}, {len(self._members)} others>"

    @property
    def members(self) -> Mapping[str, Member]:
        """The others by their id, each with ``name``, ``connection`` and ``tracks``."""
        return MappingProxyType(self._members)

    # -- tracks ---------------------------------------------------------------------------------------------------

    def add_track(self, track: Any, *streams: MediaStream) -> None:
        """Send a track to everyone, also to those who come later.

        Raises
        ------
        InvalidStateError
            When the room was left.
        """
        self._assert_open()
        with self._lock:
            self._tracks[track] = streams
            for member in tuple(self._members.values()):
                self._send(member, track)

    def _send(self, member: Member, track: Any) -> None:
        try:
            if track not in member._senders:
                member._senders[track] = member.connection.add_track(track, *self._tracks[track])
        except InvalidStateError:
            logger.debug("%r has left", member)

    def remove_track(self, track: Any) -> None:
        """Send a track to nobody any more. One that is not sent changes nothing."""
        with self._lock:
            self._tracks.pop(track, None)
            for member in tuple(self._members.values()):
                sender = member._senders.pop(track, None)
                if sender is not None:
                    try:
                        member.connection.remove_track(sender)
                    except InvalidStateError:
                        logger.debug("%r has left", member)

    # -- life -----------------------------------------------------------------------------------------------------

    async def join(self, timeout: float = 10.0) -> None:
        """Enter the room. Nothing happens if that was done.

        Raises
        ------
        SignalingError
            When the server cannot be reached, refuses, or the room is full.
        """
        self._assert_open()
        await loop.run(self._join(timeout))

    def _join_soon(self) -> None:
        asyncio.run_coroutine_threadsafe(self._join(QUICK), loop.loop()).add_done_callback(
            lambda done: done.exception()
        )

    async def _join(self, timeout: float) -> None:
        if self._running is None or self._running.done():
            self._problem, self._entered = None, asyncio.Event()
            self._running = asyncio.create_task(self._run(self._entered))
            loop.on_exit(self, self._leave)
        assert self._entered is not None
        entered = asyncio.create_task(self._entered.wait())
        await asyncio.wait({entered, self._running}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        entered.cancel()
        if not self._entered.is_set():
            where = http.public(self._url)
            raise self._problem or SignalingError(f"{where}: not let in within {timeout:g} s", url=where)

    def close(self) -> None:
        """Leave it. Tracks go on. May be called twice."""
        if not self._closed:
            self._closed = True
            asyncio.run_coroutine_threadsafe(self._leave(), loop.loop()).result(QUICK)

    async def aclose(self) -> None:
        """Leave it."""
        await asyncio.get_running_loop().run_in_executor(None, self.close)

    async def __aenter__(self) -> WebSocketRoom:
        await self.join()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()

    def _assert_open(self) -> None:
        if self._closed:
            raise InvalidStateError("the room was left: make a new WebSocketRoom")

    # -- on the loop of HTTP --------------------------------------------------------------------------------------

    async def _run(self, entered: asyncio.Event) -> None:
        """Be in the room until it is left; come back when the server does."""
        wait = 1.0
        while True:
            try:
                await self._visit(entered)
                wait = 1.0
            except SignalingError as error:
                self._problem = error
                if not entered.is_set():
                    self._changed()
                    return
                logger.warning("%s", error)
            finally:
                await asyncio.gather(*(self._part(member) for member in tuple(self._members.values())))
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _visit(self, entered: asyncio.Event) -> None:
        import aiohttp

        where = http.public(self._url)
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(
                    self._url, headers=self._token.header(), heartbeat=HEARTBEAT, max_msg_size=http.LONGEST_BODY
                ) as self._socket,
            ):
                await self._socket.send_json({"type": "join", "room": self.room, "name": self.name})
                async for said in self._socket:
                    if said.type == aiohttp.WSMsgType.TEXT:
                        await self._take(json.loads(said.data), entered)
        except SignalingError:  # a ConnectionError, too
            raise
        except aiohttp.WSServerHandshakeError as error:
            reply = http.Reply(error.status, error.headers or {}, "", self._url)
            raise http.refusal(reply, self._token, "room") from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SignalingError(f"{where}: {http.why(error, http.CONNECT_TIMEOUT)}", url=where) from None

    async def _take(self, message: dict[str, Any], entered: asyncio.Event) -> None:
        kind = message.get("type")
        if kind == "error":
            where = http.public(self._url)
            raise SignalingError(f"{where}, room {self.room!r}: {message.get('reason')}", url=where)
        if kind == "welcome":
            for other in message["others"]:
                await self._meet(other["id"], other["name"], came_later=True)
            self._problem = None
            entered.set()
        elif kind == "join":
            await self._meet(message["id"], message["name"], came_later=False)
        elif kind == "leave" and (member := self._members.get(message["id"])) is not None:
            await self._part(member)
        elif kind == "message" and (member := self._members.get(message["from"])) is not None:
            try:
                member._inbox.put_nowait(message["message"])
            except asyncio.QueueFull:
                await self._part(member)

    async def _meet(self, id: str, name: str, *, came_later: bool) -> None:
        member = Member(id, name)
        connection = member.connection
        connection.on("track", lambda event: self._heed(member, event))
        connection.on("signalingstatechange", self._changed)
        if came_later:
            connection.create_data_channel("room")  # so that those who send nothing are connected, too
        with self._lock:
            self._members[id] = member
            for track in self._tracks:
                self._send(member, track)
        member._task = asyncio.create_task(self._connect(member, came_later))
        self._tell("join", member)

    async def _connect(self, member: Member, polite: bool) -> None:
        try:
            await member.connection.connect(_Way(self, member, polite), CONNECT)
        except RtcError as error:
            if member.id in self._members:
                logger.warning("%s cannot be connected to: %s", member.name, error)

    def _heed(self, member: Member, event: TrackEvent) -> None:
        self._emit("track", RoomTrackEvent(event.receiver, event.track, event.streams, event.transceiver, member))
        self._changed()

    async def _part(self, member: Member) -> None:
        with self._lock:
            if self._members.pop(member.id, None) is None:
                return
        if member._task is not None:
            member._task.cancel()
        await member.connection.aclose()
        self._tell("leave", member)

    async def _say(self, member: Member, message: dict[str, Any]) -> None:
        socket = self._socket
        if socket is not None and not socket.closed and message["type"] != "bye":  # the server tells who leaves
            await socket.send_json({"to": member.id, "message": message})

    async def _leave(self) -> None:
        loop.forget(self)
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})
        self._changed()

    def _tell(self, event: str, member: Member) -> None:
        names = [one.name for one in self._members.values()]
        self._serial.submit(lambda: self.set_trait("roster", names))
        self._emit(event, member)
        self._changed()

    def _changed(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()
