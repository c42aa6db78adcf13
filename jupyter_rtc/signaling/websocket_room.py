"""A room in which everyone is connected to everyone."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.loop import engine
from ..errors import InvalidStateError, RtcError, SignalingError, WrongValueError
from ..rtc.channel import bytes_of, usv
from . import http, tunnel
from .failures import CONNECT_TIMEOUT
from .line import LABEL, LONGEST_MESSAGE, Line
from .room import QUICK, Member, Room, connect
from .tokens import Credentials, credentials

if TYPE_CHECKING:
    from typing_extensions import Buffer

logger = logging.getLogger(__name__)

HEARTBEAT = 10.0


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


class WebSocketRoom(Room):
    """A room in which everyone sees everyone: ``room = WebSocketRoom(url, "seminar", name="Ada")``.

    Displayed, or with ``await room.join()``, it is entered. What members `send` each other comes with "message",
    ``room.on("message", lambda member, data: ...)``. Each member has a connection to each other one, so it is
    for about eight. When the server is lost, the room is entered again as soon as it is back.

    Parameters
    ----------
    url : str
        ``ws://`` or ``wss://``, e.g. that of `serve_rooms`.
    room : str
        Its name.
    name : str
        What others see.
    token : str or (str, str), optional
        A bearer token, or a user and a password; shown nowhere.

    Attributes
    ----------
    roster : list of str
        A trait: the names of the others, in the order in which they came.
    """

    _events = Room._events | {"message"}
    _scheme, _example, _login = "ws", "ws://127.0.0.1:8765", 'token=("USER", "PASSWORD")'

    def __init__(self, url: str, room: str, *, name: str = "", token: Credentials = None) -> None:
        if not isinstance(room, str):
            raise TypeError(f"room is a str, not {type(room).__name__}")
        if not 0 < len(room) <= 64:
            raise ValueError("a room has a name of 64 characters at most")
        super().__init__(url, room, name=name, token=credentials(token))
        self._socket: Any = None

    def _ends(self) -> Iterable[Member]:
        return tuple(self._members.values())

    # -- messages -------------------------------------------------------------------------------------------------

    def send(self, data: str | Buffer | np.ndarray[Any, Any]) -> None:
        """Send a message to everyone who is in the room now: text, or the bytes of anything that has some.

        The others get it with "message", as ``callback(member, data)``, where `data` is str or bytes. It goes from
        member to member, in order, encrypted, and not through the server. A member that is not connected yet gets it
        when it is; one that comes later does not.

        Raises
        ------
        InvalidStateError
            When the room was left, or not entered.
        TypeError
            When it is neither text nor bytes.
        ValueError
            When it has more than 262144 bytes.

        Notes
        -----
        A member who does not read gets no more once 8 MiB wait; the log says so.
        """
        message = usv(data) if isinstance(data, str) else bytes_of(data)
        size = len(message.encode()) if isinstance(message, str) else len(message)
        if size > LONGEST_MESSAGE:
            raise WrongValueError(f"a message has at most {LONGEST_MESSAGE} bytes, this one {size}: send it in parts")
        self._assert_open()
        if self._running is None or self._running.done():
            raise InvalidStateError("the room was not entered: await room.join() first, or display it")
        engine().call(self._send_to_all(message, size), QUICK)

    async def _send_to_all(self, message: str | bytes, size: int) -> None:
        for member in tuple(self._members.values()):
            if member._line is not None:
                await member._line.send(message, size)

    def _hear(self, member: Member, data: str | bytes) -> None:
        """On the thread of the channel's callbacks, which waits for ours: while they are slow the other side waits."""
        told = threading.Event()
        self._emit("message", member, data)
        self._serial.submit(told.set)
        told.wait()

    # -- on the loop of HTTP --------------------------------------------------------------------------------------

    async def _visit(self, entered: asyncio.Event) -> None:
        import aiohttp
        from multidict import CIMultiDict

        where, address = http.public(self._url), f"http{self._url[2:]}"  # of the same origin as what it may redirect to
        proxy, options = http.through(address, self._token.header())
        connector = None
        if proxy is not None and address.startswith("http:"):
            connector = await tunnel.connector(address, proxy)
            if connector is not None:
                options = {"headers": self._token.header()}
        limits = aiohttp.ClientTimeout(total=http.TIMEOUT, sock_connect=CONNECT_TIMEOUT)
        try:
            async with (
                aiohttp.ClientSession(timeout=limits, connector=connector) as session,
                session.ws_connect(
                    address, heartbeat=HEARTBEAT, max_msg_size=http.LONGEST_BODY, **options
                ) as self._socket,
            ):
                await self._socket.send_json({"type": "join", "room": self.room, "name": self.name})
                async for said in self._socket:
                    if said.type == aiohttp.WSMsgType.TEXT:
                        await self._take(json.loads(said.data), entered)
        except SignalingError:  # a ConnectionError, too
            raise
        except aiohttp.WSServerHandshakeError as error:
            if error.status < 300:
                message = f"{where} answered {error.status}, as no server of rooms does: check the address"
                raise SignalingError(message, status=error.status, url=where) from None
            reply = http.Reply(error.status, error.headers or CIMultiDict(), "", self._url, proxy)
            raise http.refusal(reply, self._token, "room") from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise http.unanswered(self._url, error, CONNECT_TIMEOUT, proxy) from None

    async def _take(self, message: dict[str, Any], entered: asyncio.Event) -> None:
        kind = message.get("type")
        if kind == "error":
            where = http.public(self._url)
            reason = message.get("reason")
            said = self._token.hide(reason) if isinstance(reason, str) else ""
            why = http.words(said, "the server refuses, and does not say why: look into its log")
            raise SignalingError(f"{where}, room {self.room!r}: {why}", url=where)
        if kind == "welcome":
            for other in message["others"]:
                self._greet(other["id"], other["name"], came_later=True)
            self._let_in(entered)
        elif kind == "join":
            self._greet(message["id"], message["name"], came_later=False)
        elif kind == "leave" and (member := self._members.get(message["id"])) is not None:
            self._part(member)
        elif kind == "message" and (member := self._members.get(message["from"])) is not None:
            try:
                member._inbox.put_nowait(message["message"])
            except asyncio.QueueFull:
                self._part(member)

    def _greet(self, id: str, name: str, *, came_later: bool) -> None:
        if id in self._members:
            return
        member = Member(id, name)
        member._line = line = Line(name, lambda data: self._hear(member, data))
        if not came_later:
            member.connection.on("datachannel", line.adopt)
        self._meet(member)
        member._task = asyncio.create_task(self._connect(member, came_later))

    async def _connect(self, member: Member, came_later: bool) -> None:
        try:
            if came_later:  # so that those who send nothing are connected, too
                channel = await engine().run(member.connection._create_data_channel(LABEL))
                if member._line is not None:
                    member._line.adopt(channel)
            await engine().run(member._send(self))
            way = _Way(self, member, came_later)
            await connect(member.connection, way, lambda error: self._warn(member, error))
        except Exception as error:  # what a member sends may be anything
            self._warn(member, error)

    def _warn(self, member: Member, error: Exception) -> None:
        if self._members.get(member.id) is member:
            why = error if isinstance(error, RtcError) else self._misunderstood(error)
            logger.warning("%s cannot be connected to: %s", member.name, why)

    async def _say(self, member: Member, message: dict[str, Any]) -> None:
        socket = self._socket
        if socket is not None and not socket.closed and message["type"] != "bye":  # the server tells who leaves
            await socket.send_json({"to": member.id, "message": message})
