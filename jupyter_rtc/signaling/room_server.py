"""Rooms for a class: who is in one is told of the others, and what they say to each other is passed on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..border import draw_around
from ..media.display import Displayable
from ..registry import remember
from . import loop
from .guard import OTHER_SITES, Guard
from .http import LONGEST_BODY, words
from .listening import address, check_address, listen
from .tokens import Token

if TYPE_CHECKING:
    from aiohttp import web

logger = logging.getLogger(__name__)

#: Everyone sends to everyone: more than these no notebook's machine can encode and decode for.
MOST_IN_A_ROOM = 12
MOST_ROOMS = 64
#: Messages that wait for one who does not read, until they are put out.
MOST_WAITING = 256
#: Seconds after which one who does not answer pings is out.
HEARTBEAT = 10.0
#: Seconds to say which room is to be entered.
PATIENCE = 10.0
QUICK = 10.0


@dataclass
class _Guest:
    name: str
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    outbox: asyncio.Queue[str | None] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))

    def tell(self, **message: Any) -> None:
        try:
            self.outbox.put_nowait(json.dumps(message))
        except asyncio.QueueFull:
            while not self.outbox.empty():
                self.outbox.get_nowait()
            self.outbox.put_nowait(None)


@draw_around
class RoomServer(Displayable):
    """What `serve_rooms` returns: `url` is what others pass to `WebSocketRoom`. Displayed, it lists who is where."""

    def __init__(self, host: str, port: int, token: str | None) -> None:
        self._host, self._port = host, port
        self._token = Token(token)
        self._guard = Guard(self._token, host)
        self._rooms: dict[str, dict[str, _Guest]] = {}
        self._runner: Any = None
        self._closed = False
        #: Called on any thread when what is listed has changed.
        self._watchers: set[Callable[[], None]] = set()
        remember(self)

    def __repr__(self) -> str:
        return f"<RoomServer {'closed' if self._closed else self.url}, {len(self._rooms)} rooms>"

    @property
    def url(self) -> str:
        """The address, as ``ws://127.0.0.1:8000``."""
        return address("ws", self._host, self._port)

    async def _start(self) -> None:
        from aiohttp import web

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._enter)
        self._runner, self._port = await listen(application, self._host, self._port)
        loop.on_exit(self, self._stop)

    async def _stop(self) -> None:
        loop.forget(self)
        for room in tuple(self._rooms.values()):
            for guest in tuple(room.values()):
                with contextlib.suppress(asyncio.QueueFull):
                    guest.outbox.put_nowait(None)
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def close(self) -> None:
        """Send everyone out. May be called twice."""
        if not self._closed:
            self._closed = True
            asyncio.run_coroutine_threadsafe(self._stop(), loop.loop()).result(QUICK)
            self._changed()

    def _changed(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()

    async def aclose(self) -> None:
        """Close it."""
        await asyncio.get_running_loop().run_in_executor(None, self.close)

    async def __aenter__(self) -> RoomServer:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()

    # -- on the loop of HTTP --------------------------------------------------------------------------------------

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import WSMsgType, web

        if not self._guard.has_token(request.headers):
            return web.Response(status=401, text="the server's token is wanted", headers={"WWW-Authenticate": "Bearer"})
        if not await self._guard.admits(request):
            return web.Response(status=403, text=OTHER_SITES)
        if (status := _status(request)) != 101:
            headers = {"Upgrade": "websocket"} if status == 426 else {}
            return web.Response(status=status, text="rooms are here: WebSocketRoom(server.url, NAME)", headers=headers)
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=LONGEST_BODY)
        await socket.prepare(request)
        room, guest = "", None
        writer: asyncio.Task[None] | None = None
        try:
            while True:
                said = await socket.receive(PATIENCE if guest is None else None)
                message = _parse(said.data) if said.type == WSMsgType.TEXT else None
                if message is None:
                    break
                if guest is None:
                    room, guest = str(message.get("room", "")), _Guest(words(message.get("name"))[:64])
                    problem = self._admit(room, guest, message)
                    if problem:
                        await socket.send_json({"type": "error", "reason": problem})
                        guest = None
                        break
                    writer = asyncio.create_task(_write(socket, guest))
                elif (to := self._rooms.get(room, {}).get(str(message.get("to")))) is not None:
                    to.tell(**{"type": "message", "from": guest.id, "message": message.get("message")})
        except TimeoutError:
            logger.debug("somebody has not said which room to enter")
        finally:
            if guest is not None:
                self._leave(room, guest)
            if writer is not None:
                writer.cancel()
            await socket.close()
        return socket

    def _admit(self, room: str, guest: _Guest, message: dict[str, Any]) -> str:
        """Let somebody in, or return why not."""
        if message.get("type") != "join" or not 0 < len(room) <= 64:
            return "a room has a name of 64 characters at most"
        if room not in self._rooms and len(self._rooms) >= MOST_ROOMS:
            return "there are no rooms left"
        others = self._rooms.setdefault(room, {})
        if len(others) >= MOST_IN_A_ROOM:
            return f"the room is full: {MOST_IN_A_ROOM} are in it"
        guest.tell(type="welcome", id=guest.id, others=[{"id": o.id, "name": o.name} for o in others.values()])
        for other in others.values():
            other.tell(type="join", id=guest.id, name=guest.name)
        others[guest.id] = guest
        self._changed()
        return ""

    def _leave(self, room: str, guest: _Guest) -> None:
        others = self._rooms.get(room, {})
        others.pop(guest.id, None)
        for other in others.values():
            other.tell(type="leave", id=guest.id)
        if not others:
            self._rooms.pop(room, None)
        self._changed()


def _status(request: web.Request) -> int:
    """Return 101 for what may become a WebSocket, and else what to answer."""
    if request.path != "/":
        return 404
    if request.method not in ("GET", "HEAD"):
        return 405
    return 101 if request.headers.get("Upgrade", "").strip().lower() == "websocket" else 426


def _parse(text: str) -> dict[str, Any] | None:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


async def _write(socket: web.WebSocketResponse, guest: _Guest) -> None:
    try:
        while (text := await guest.outbox.get()) is not None:
            await socket.send_str(text)
    except (ConnectionError, RuntimeError) as error:
        logger.debug("%s: %r", guest.id, error)
    await socket.close()


def serve_rooms(port: int = 0, *, host: str = "127.0.0.1", token: str | None = None) -> RoomServer:
    """Serve rooms for `WebSocketRoom`, for a class without a server. Returns once it listens.

    Only what is needed to connect goes through it: media goes from everyone to everyone.

    Parameters
    ----------
    port : int
        0: any that is free; see the returned server's ``url``.
    host : str
        The address to listen on; by default only programs of this machine reach it, ``"0.0.0.0"`` lets in the network.
    token : str, optional
        What others have to know. Without one, pages of other sites are refused.

    Raises
    ------
    SignalingError
        When the port is taken.
    TypeError, ValueError
        When an argument is none of these.
    """
    check_address(host, port)
    server = RoomServer(host, port, token)
    asyncio.run_coroutine_threadsafe(server._start(), loop.loop()).result(QUICK)
    return server
