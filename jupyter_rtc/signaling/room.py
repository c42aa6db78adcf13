"""What all rooms are: others who come and go, what they send, and what is sent to them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import traitlets

from ..checks import string
from ..engine.foreign import as_track
from ..engine.loop import engine
from ..errors import ConnectTimeout, InvalidStateError, RtcError, SignalingError
from ..media.display import Displayable
from ..media.events import Emitter
from ..media.observers import Observed
from ..media.stream import MediaStream
from ..media.track import Track
from ..registry import remember
from ..rtc.connection import PeerConnection
from ..rtc.perfect import Signaling
from ..rtc.sdp import RECEIVING
from ..rtc.transceiver import TrackEvent
from . import http, loop
from .line import Line
from .tokens import Token

logger = logging.getLogger(__name__)

Self = TypeVar("Self", bound="Room")

#: Seconds until it is told that a member is not connected to; and, at most, until the server is asked again.
CONNECT = 30.0
LONGEST_WAIT = 30.0
QUICK = 10.0
#: Messages of one member that wait to be read.
MOST_WAITING = 256


async def connect(connection: PeerConnection, signaling: Signaling, late: Callable[[ConnectTimeout], None]) -> None:
    """Connect, however long it takes; after `CONNECT` seconds `late` is told why it is not connected yet.

    Raises
    ------
    Exception
        As `PeerConnection.connect`.
    """
    connecting = asyncio.create_task(connection.connect(signaling, None))
    try:
        await asyncio.wait({connecting}, timeout=CONNECT)
        if not connecting.done():
            report = await connection._report()
            late(
                ConnectTimeout(f"not connected within {CONNECT:g} s, and still tried: {report.summary}", report=report)
            )
        await connecting
    finally:
        if connecting.cancel():
            await asyncio.wait({connecting})


class Removed(SignalingError):
    """We were put out of the room, and are not to come back by ourselves."""


class Member:
    """Somebody in the room."""

    def __init__(self, id: str, name: str) -> None:
        self.id = id
        self.name = name
        self.connection = PeerConnection(name=name)
        self._senders: dict[Track[Any], Any] = {}
        self._line: Line | None = None
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_WAITING)
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Member {self.name!r}, {self.connection.connection_state}>"

    @property
    def tracks(self) -> list[Track[Any]]:
        """What comes from this member."""
        return [t.receiver.track for t in self.connection.get_transceivers() if t._fired in RECEIVING]

    async def _send(self, room: Room) -> None:
        """Send the room's tracks, and no others. On the engine's thread, where nothing comes between."""
        try:
            for track in self._senders.keys() - room._tracks.keys():
                await self.connection._remove_track(self._senders.pop(track))
            for track, streams in room._tracks.items():
                if track not in self._senders:
                    self._senders[track] = await self.connection._add_track(track, as_track(track), streams)
        except InvalidStateError:
            logger.debug("%r has left", self)

    async def _close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        await self.connection.aclose()


@dataclass(frozen=True)
class RoomTrackEvent(TrackEvent):
    """A member's track has come."""

    member: Member


class Room(Displayable, Emitter, Observed):
    """What `WebSocketRoom` and `JanusRoom` have in common.

    Attributes
    ----------
    roster : list of str
        A trait: the names of the others, in the order in which they came.
    """

    _events = frozenset({"join", "leave", "track"})
    #: How an address begins, one for example, and what takes the place of a user in it.
    _scheme, _example, _login = "http", "https://media.example/janus", "token=..."
    roster = traitlets.List(traitlets.Unicode(), read_only=True)

    def __init__(self, url: str, room: Any, *, name: str, token: Token) -> None:
        traitlets.HasTraits.__init__(self)
        Emitter.__init__(self)
        string("name", name)
        self._url = http.checked(url, self._scheme, self._example, self._login)
        self._token = token
        self.room = room
        self.name = name
        self._lock = threading.Lock()
        #: Replaced whole, and read on any thread.
        self._tracks: dict[Track[Any], tuple[MediaStream, ...]] = {}
        self._members: dict[str, Member] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._running: asyncio.Task[None] | None = None
        self._entered: asyncio.Event | None = None
        self._problem: RtcError | None = None
        self._closed = False
        #: Called on any thread when there is something new to show.
        self._watchers: set[Callable[[], None]] = set()
        remember(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.room!r}, {len(self._members)} others>"

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
        TypeError
            When it is no track, or one of `streams` is no `MediaStream`.
        """
        as_track(track)
        for stream in streams:
            if not isinstance(stream, MediaStream):
                raise TypeError(f"add_track(track, *streams) takes MediaStreams, not {type(stream).__name__}")
        self._assert_open()
        with self._lock:
            self._tracks = {**self._tracks, track: streams}
        self._resend()

    def remove_track(self, track: Any) -> None:
        """Send a track to nobody any more. One that is not sent changes nothing.

        Raises
        ------
        TypeError
            When it is no track.
        """
        as_track(track)
        with self._lock:
            self._tracks = {one: streams for one, streams in self._tracks.items() if one is not track}
        self._resend()

    def _resend(self) -> None:
        """Let everyone have what `_tracks` has by now. Not with the lock: the engine may be busy."""
        for end in self._ends():
            engine().call(end._send(self), QUICK)

    def _ends(self) -> Iterable[Member]:
        """Return those whose connections our tracks are sent with."""
        raise NotImplementedError

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
            lambda done: done.cancelled() or done.exception()  # which the view shows
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
            if not self._running.done():
                where = http.public(self._url)
                self._problem = SignalingError(f"{where}: not let in within {timeout:g} s", url=where)
                await self._leave()
            if self._problem is None:
                if self._running.cancelled():
                    raise InvalidStateError("the room was left meanwhile")
                self._running.result()  # raises
            assert self._problem is not None
            raise self._problem

    def close(self) -> None:
        """Leave it. Tracks go on. May be called twice."""
        if not self._closed:
            self._closed = True
            asyncio.run_coroutine_threadsafe(self._leave(), loop.loop()).result(QUICK)

    async def aclose(self) -> None:
        """Leave it."""
        await asyncio.get_running_loop().run_in_executor(None, self.close)

    async def __aenter__(self: Self) -> Self:
        await self.join()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()

    def _assert_open(self) -> None:
        if self._closed:
            raise InvalidStateError(f"the room was left: make a new {type(self).__name__}")

    # -- on the loop of HTTP --------------------------------------------------------------------------------------

    async def _run(self, entered: asyncio.Event) -> None:
        """Be in the room until it is left; come back when the server does."""
        wait, told = 1.0, ""
        while True:
            try:
                await self._visit(entered)
                wait, told = 1.0, ""
            except Exception as error:
                self._problem = error if isinstance(error, RtcError) else self._misunderstood(error)
                if not entered.is_set() or isinstance(error, Removed):
                    self._changed()
                    return
                if str(self._problem) != told:  # once, and not at each attempt
                    told = str(self._problem)
                    logger.warning("%s", told)
            finally:
                for member in tuple(self._members.values()):
                    self._part(member)
                if self._closing:
                    await asyncio.wait(self._closing)  # who leaves in the middle of it leaves no connection open
            self._changed()
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _visit(self, entered: asyncio.Event) -> None:
        """Be in the room once, as long as the server is there; set `entered` when let in.

        Raises
        ------
        SignalingError
            When the server cannot be reached, refuses, or is lost.
        """
        raise NotImplementedError

    def _misunderstood(self, error: Exception) -> SignalingError:
        """Return what to say of an answer that a server of rooms would not give."""
        logger.debug("%r", self, exc_info=error)
        where = http.public(self._url)
        why = http.words(self._token.hide(f"{type(error).__name__}: {error}"))
        return SignalingError(f"{where} says what cannot be understood ({why})", url=where)

    def _let_in(self, entered: asyncio.Event) -> None:
        self._problem = None
        entered.set()
        self._changed()

    def _meet(self, member: Member) -> None:
        """Somebody is there."""
        self._listen(member)
        self._members[member.id] = member
        self._tell("join", member)

    def _listen(self, member: Member) -> None:
        member.connection.on("track", lambda event: self._heed(member, event))
        member.connection.on("signalingstatechange", self._changed)

    def _heed(self, member: Member, event: TrackEvent) -> None:
        self._emit("track", RoomTrackEvent(event.receiver, event.track, event.streams, event.transceiver, member))
        self._changed()

    def _part(self, member: Member) -> None:
        """Somebody is gone. Does not wait for the engine: the others are to be heard meanwhile."""
        if self._members.pop(member.id, None) is not None:
            closing = asyncio.create_task(self._see_off(member))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _see_off(self, member: Member) -> None:
        try:
            await member._close()
        except Exception as error:
            logger.warning("the connection to %s could not be closed: %r", member.name, error)
        finally:
            self._tell("leave", member)

    async def _leave(self) -> None:
        loop.forget(self)
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})
        self._changed()

    def _tell(self, event: str, member: Member) -> None:
        names = [one.name for one in self._members.values()]
        self._serial.submit(lambda: self._tell_trait("roster", names))
        self._emit(event, member)
        self._changed()

    def _changed(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()
