"""The kernel as a media server: others publish into it, and play from it."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from types import MappingProxyType
from typing import Any

from ..checks import string
from ..engine.foreign import as_track, is_foreign
from ..errors import InvalidStateError
from ..media.display import Displayable
from ..media.events import Emitter
from ..media.stream import MediaStream
from ..media.track import Track
from ..registry import remember
from . import loop
from .guard import Guard
from .listening import address, check_address, listen
from .offered import Offered, has_ended
from .served import Role, Served
from .starting import Starting
from .tokens import Token

logger = logging.getLogger(__name__)

#: Publishers and viewers at a time; each has a connection of its own.
MOST_SESSIONS = 32
#: Seconds that `url` waits for a server that is being started, and `close` for one that is being closed.
QUICK = 10.0


class WhipServer(Displayable, Emitter):
    """A WHIP and WHEP endpoint in the kernel: ``server = WhipServer(token="..."); await server.start()``.

    Whoever publishes to ``server.url + "/whip/NAME"``, be it OBS, GStreamer, a browser or another notebook, is in
    ``server.published["NAME"]``. What `publish` offers can be played from ``server.url + "/whep/NAME"``, and in a
    browser at ``server.url``. It goes on while a cell runs. Displayed, it starts and lists both.

    Parameters
    ----------
    host : str
        The address to listen on. By default only programs of this machine reach it; ``"0.0.0.0"`` lets in the network,
        ``"::"`` over IPv6, too. `url` is then this machine's address.
    port : int
        0: any that is free; see `url`.
    token : str, optional
        What others have to know. Without one, pages of other sites are refused, and programs are not.

    Raises
    ------
    TypeError, ValueError
        When an argument is none of these.
    """

    _events = frozenset({"publish", "unpublish"})

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, token: str | None = None) -> None:
        super().__init__()
        check_address(host, port)
        self._host = host
        self._port = port
        self._token = Token(token)
        self._guard = Guard(self._token, host)
        self._sessions: dict[str, Served] = {}
        self._published = _Published()
        self._offered: dict[str, Offered] = {}
        self._runner: Any = None
        self._starting: Future[None] | None = None
        self._lock = threading.Lock()
        self._closed = False
        #: Called on any thread when what is listed has changed.
        self._watchers: set[Callable[[], None]] = set()
        remember(self)

    def __repr__(self) -> str:
        where = "closed" if self._closed else self._address() if self._runner else "not started"
        return f"<WhipServer {where}, {len(self._published)} published, {len(self._offered)} to be watched>"

    # -- life -----------------------------------------------------------------------------------------------------

    def start(self) -> Starting:
        """Begin to listen: ``await server.start()`` ends when it does, or with what is wrong.

        It begins at once, and need not be awaited: `url` waits for it, and a server that is displayed starts by itself
        and shows what is wrong. Nothing happens if it listens already; where it could not, it is tried again.

        Raises
        ------
        SignalingError
            When the port is taken, or the address is not this machine's.
        InvalidStateError
            When it was closed.
        """
        return Starting(self._start_soon(), self._repr_mimebundle_)

    def _start_soon(self) -> Future[None]:
        if self._closed:
            raise InvalidStateError("the server is closed: make a new WhipServer")
        with self._lock:
            if self._starting is None or self._problem is not None:
                self._starting = asyncio.run_coroutine_threadsafe(self._start(), loop.loop())
                self._starting.add_done_callback(lambda _: self._changed())
            return self._starting

    @property
    def _problem(self) -> BaseException | None:
        """Why it does not listen, if it could not."""
        starting = self._starting
        if starting is None or not starting.done():
            return None
        return CancelledError() if starting.cancelled() else starting.exception()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        if not self._closed:
            self._start_soon()
        return super()._repr_mimebundle_(**kwargs)

    async def _start(self) -> None:
        from .routes import Routes

        self._runner, self._port = await listen(Routes(self).application(), self._host, self._port)
        loop.on_exit(self, self._stop)

    @property
    def url(self) -> str:
        """The address, as ``http://127.0.0.1:8000``.

        Raises
        ------
        InvalidStateError
            When it was not started.
        """
        if self._starting is None or self._closed:
            raise InvalidStateError("the server is not running: call server.start() first, or display it")
        self._starting.result(QUICK)
        return self._address()

    def _address(self) -> str:
        return address("http", self._host, self._port)

    def close(self) -> None:
        """End all sessions and stop to listen. What is published ends; what was offered goes on elsewhere."""
        if self._closed:
            return
        self._closed = True
        asyncio.run_coroutine_threadsafe(self._stop(), loop.loop()).result(QUICK)
        self._changed()

    async def _stop(self) -> None:
        loop.forget(self)
        if self._starting is not None and not self._starting.done():
            await asyncio.wait([asyncio.wrap_future(self._starting)])
        for offered in tuple(self._offered.values()):
            offered.unfollow()
        runner, self._runner = self._runner, None
        if runner is not None:  # first of all: who is told that it is over may be back at once
            await asyncio.gather(*(site.stop() for site in runner.sites))
        await asyncio.gather(*(served.end() for served in tuple(self._sessions.values())), return_exceptions=True)
        if runner is not None:
            await runner.cleanup()

    async def aclose(self) -> None:
        """Close it; see `close`."""
        await asyncio.get_running_loop().run_in_executor(None, self.close)

    async def __aenter__(self) -> WhipServer:
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()

    # -- what there is --------------------------------------------------------------------------------------------

    @property
    def published(self) -> Mapping[str, MediaStream]:
        """What others publish at present, by name. "publish" and "unpublish" tell of changes, with the name."""
        return MappingProxyType(self._published)

    def publish(self, name: str, source: Any) -> Callable[[], None]:
        """Let others play `source` from ``url + "/whep/" + name``.

        Parameters
        ----------
        name : str
            Letters, digits, dots, dashes and underscores. Who plays what had the name before sees the new one.
        source : track, MediaStream, Camera, or list of tracks
            Viewers follow a stream whose tracks change. Once all of its tracks have ended it is offered no more.

        Returns
        -------
        stop : callable
            Ends it, for those who play it, too.

        Raises
        ------
        InvalidStateError
            When the server is closed, or all tracks have ended.
        TypeError, ValueError
            When there is nothing to play in it, or it is no name.
        """
        if self._closed:
            raise InvalidStateError("the server is closed: make a new WhipServer")
        if not self._is_name(string("name", name)):
            raise ValueError(f"a name has letters, digits, dots, dashes and underscores, 64 at most, not {name!r}")
        stream = _stream_of(source)
        if has_ended(stream):
            raise InvalidStateError(
                "all tracks of this source have ended, and nothing would be seen: make a new source"
            )
        offered = Offered(self, name, stream)
        if name in self._offered:
            self._offered[name].unfollow()
        self._offered[name] = offered
        offered.follow()
        self._changed()
        return offered

    def _withdraw(self, offered: Offered) -> None:
        offered.unfollow()
        if self._offered.get(offered.name) is offered:
            del self._offered[offered.name]
            loop.loop().call_soon_threadsafe(self._end_viewers, offered.name)
            self._changed()

    async def _follow(self, offered: Offered) -> None:
        if self._offered.get(offered.name) is not offered:
            return
        if has_ended(offered.stream):
            self._withdraw(offered)
            return
        for served in tuple(self._sessions.values()):
            if served.role == "whep" and served.name == offered.name:
                await served.follow(offered.stream)

    def _end_viewers(self, name: str) -> None:
        for served in tuple(self._sessions.values()):
            if served.role == "whep" and served.name == name:
                served.end()

    # -- for the routes, on the loop of HTTP ----------------------------------------------------------------------

    def _is_name(self, name: str) -> bool:
        return re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name) is not None and name.strip(".") != ""

    @property
    def _is_full(self) -> bool:
        return len(self._sessions) >= MOST_SESSIONS

    def _publisher(self, name: str) -> Served | None:
        return next((s for s in self._sessions.values() if s.role == "whip" and s.name == name), None)

    def _admit(self, role: Role, name: str) -> Served:
        served = Served(role, name, self._ended)
        self._sessions[served.id] = served
        return served

    def _published_by(self, served: Served, stream: MediaStream) -> None:
        if served.id in self._sessions:
            self._published[served.name] = stream
            self._emit("publish", served.name)
            self._changed()

    def _ended(self, served: Served) -> None:
        self._sessions.pop(served.id, None)
        if served.role == "whip" and self._published.pop(served.name, None) is not None:
            self._emit("unpublish", served.name)
        self._changed()

    def _changed(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()


class _Published(dict[str, MediaStream]):
    """What others publish; says what there is, and how to wait, where a name is not there."""

    def __missing__(self, name: object) -> MediaStream:
        there = ", ".join(sorted(self)) or "nothing"
        raise KeyError(
            f'nobody publishes "{name}" at present; there is {there}. It comes when somebody publishes to '
            f'server.url + "/whip/{name}": server.on("publish", callback) tells of it, with the name'
        )


def _stream_of(source: Any) -> MediaStream:
    stream = source if isinstance(source, MediaStream) else getattr(source, "stream", None)
    if isinstance(stream, MediaStream):
        return stream
    if isinstance(source, Track) or is_foreign(source):
        source = [source]
    if not isinstance(source, (list, tuple)):
        raise TypeError(
            f"a track, a MediaStream, a Camera or a list of tracks is published, not {type(source).__name__}"
        )
    if not source:
        raise ValueError("there is nothing to publish in an empty list")
    return MediaStream(as_track(track) for track in source)
