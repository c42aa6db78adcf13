"""A room of Janus' videoroom: everyone sends to the server, which sends to everyone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

from ..engine.loop import engine
from ..errors import NotSupportedError, RtcError, SignalingError
from ..media.stream import MediaStream
from ..rtc.connection import PeerConnection
from . import http, loop
from .janus import Handle, Janus, data_of, message_of
from .room import MOST_WAITING, Member, Removed, Room, connect
from .tokens import Token

logger = logging.getLogger(__name__)

T = TypeVar("T")

_NO_MESSAGES = "a JanusRoom has no messages: use a WebSocketRoom, beside it if need be"

PLUGIN = "janus.plugin.videoroom"
INVALID_ELEMENT = 430
#: What a handle's events have when it is we who have news.
_CHANGED: dict[str, Any] = {}
#: Seconds until somebody whose pictures were lost is watched again.
AGAIN = 1.0
LONGEST_AGAIN = 15.0


class _Publishing:
    """The signaling of what we send: offers of ours, answers of the server's."""

    polite = True

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        #: Done when the server has agreed to what we send, or has not.
        self.agreed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "offer":
            request = "configure" if self.agreed.done() else "publish"
            event = await self._handle.ask({"request": request}, {"type": "offer", "sdp": message["sdp"]})
            answer = message_of(event)
            if answer is None:
                said = http.words(str(data_of(event)))
                raise SignalingError(f"the server does not answer the offer: {said}")
            self.inbox.put_nowait(answer)
            if not self.agreed.done():
                self.agreed.set_result(None)

    async def receive(self) -> dict[str, Any]:
        return await self.inbox.get()

    async def close(self) -> None:
        """The session is the room's."""


class Participant(Member):
    """Somebody else in a room of Janus'."""

    def __init__(self, id: str, feed: Any, name: str) -> None:
        super().__init__(id, name)
        self.feed = feed
        #: The media sections that are published, by their mids there, and of those the ones that we get.
        self.published: set[str] = set()
        self.watched: set[str] = set()
        self.handle: Handle | None = None
        self._gone = False

    def sections(self, mids: set[str]) -> list[dict[str, Any]]:
        """Return the names of media sections as Janus has them."""
        return [{"feed": self.feed, "mid": mid} for mid in sorted(mids)]

    def receive(self, event: dict[str, Any]) -> None:
        """Pass on what an event says to the connection, if it does."""
        message = message_of(event)
        if message is not None:
            try:
                self._inbox.put_nowait(message)
            except asyncio.QueueFull:
                raise SignalingError(f"more messages for {self.name!r} than can be heeded") from None

    def change(self) -> None:
        """What is published has changed: who listens to the handle is to follow."""
        if self.handle is not None and not self.handle.events.full():  # else there is something to wake it already
            self.handle.events.put_nowait(_CHANGED)

    async def stop(self) -> None:
        """Watch no more."""
        self.published = set()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def renew(self) -> None:
        """Close the connection, and have another one for what comes next."""
        old = self.connection
        self.handle, self.watched = None, set()
        if not self._gone:
            self.connection = PeerConnection(name=self.name)
            self._inbox = asyncio.Queue(MOST_WAITING)
        await old.aclose()

    async def _close(self) -> None:
        self._gone = True
        await self.stop()
        await super()._close()


class _Watching:
    """The signaling of what somebody sends: offers of the server's, answers of ours."""

    polite = True

    def __init__(self, handle: Handle, participant: Participant) -> None:
        self._handle = handle
        self._participant = participant

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "answer":
            await self._handle.ask({"request": "start"}, {"type": "answer", "sdp": message["sdp"]})
        elif message["type"] == "offer":  # to look for another way, which the server is to offer
            self._participant.receive(await self._handle.ask({"request": "configure", "restart": True}))

    async def receive(self) -> dict[str, Any]:
        return await self._participant._inbox.get()

    async def close(self) -> None:
        """The session is the room's."""


class JanusRoom(Room):
    """A video room of a Janus server: ``room = JanusRoom("https://media.example/janus", 1234, name="Ada")``.

    Displayed, or with ``await room.join()``, it is entered. Each track is sent once, to the server, so that a room can
    be larger than a `WebSocketRoom`. When the server is lost, the room is entered again as soon as it is back.

    Those who send nothing are seen by the others where the room is configured with ``notify_joining``.

    Parameters
    ----------
    url : str
        Of Janus' HTTP interface, which usually ends in ``/janus``.
    room : int or str
        The room, which has to exist on the server.
    name : str
        What others see.
    pin : str, optional
        The room's, if it wants one.
    token, secret : str, optional
        What the server wants of those who use it at all: a token of theirs, or the secret of its interface. None of the
        three is shown anywhere.

    Attributes
    ----------
    roster : list of str
        A trait: the names of the others, in the order in which they came.
    """

    def __init__(
        self,
        url: str,
        room: int | str,
        *,
        name: str = "",
        pin: str | None = None,
        token: str | None = None,
        secret: str | None = None,
    ) -> None:
        if isinstance(room, bool) or not isinstance(room, (int, str)):
            raise TypeError(f"room is a number or a str, not {type(room).__name__}")
        if room == "" or (isinstance(room, int) and room < 1):
            raise ValueError(f"a room has a positive number, or a name, not {room!r}")
        super().__init__(url, room, name=name, token=Token(token))
        for what, value in (("pin", pin), ("secret", secret)):
            if value is not None and not isinstance(value, str):
                raise TypeError(f"{what} is a str, not {type(value).__name__}")
        self._pin, self._secret = pin, secret
        self._own: Member | None = None
        #: Set when there is something to send.
        self._sending: asyncio.Event | None = None
        #: What all requests about the room say.
        self._here: dict[str, Any] = {}

    @property
    def connection(self) -> PeerConnection | None:
        """The connection that our tracks are sent with; None while the room is not entered."""
        return None if self._own is None else self._own.connection

    def _ends(self) -> Iterable[Member]:
        return () if self._own is None else (self._own,)

    def add_track(self, track: Any, *streams: MediaStream) -> None:
        """Send a track to everyone, also to those who come later.

        Raises
        ------
        InvalidStateError
            When the room was left.
        TypeError
            When it is no track, or one of `streams` is no `MediaStream`.
        """
        super().add_track(track, *streams)
        sending = self._sending
        if sending is not None:
            loop.loop().call_soon_threadsafe(sending.set)

    def send(self, data: Any) -> None:
        """Raise `NotSupportedError`: only the server is connected to, and it passes on no messages.

        Raises
        ------
        NotSupportedError
        """
        raise NotSupportedError(_NO_MESSAGES)

    def on(self, event: str, callback: Any = None) -> Any:
        """Call `callback` at each `event`; see `Emitter.on`. There is no "message".

        Raises
        ------
        NotSupportedError
            For "message".
        """
        if event == "message":
            raise NotSupportedError(_NO_MESSAGES)
        return super().on(event, callback)

    # -- on the loop of HTTP --------------------------------------------------------------------------------------

    async def _visit(self, entered: asyncio.Event) -> None:
        janus = Janus(self._url, self._token, self._secret, self._pin)
        own: Member | None = None
        polling: asyncio.Task[None] | None = None
        try:
            await janus.create()
            handle = await janus.attach(PLUGIN)
            polling = asyncio.create_task(janus.poll())
            joined = await _unless(polling, self._enter(handle))
            own = self._come_in(joined)
            await engine().run(own._send(self))
            if self._tracks and self._sending is not None:
                self._sending.set()
            publishing = _Publishing(handle)
            own._task = asyncio.create_task(self._publish(own, publishing))
            if self._tracks:
                await _unless(polling, publishing.agreed)
            self._take(janus, joined)
            self._let_in(entered)
            await _unless(polling, self._heed_events(janus, handle, publishing))
        finally:
            self._own = self._sending = None
            if polling is not None:
                polling.cancel()
                await asyncio.gather(polling, return_exceptions=True)
            await janus.destroy()
            if own is not None:
                await own._close()

    async def _enter(self, handle: Handle) -> dict[str, Any]:
        """Join the room; return what the server says about it."""
        self._here = {"room": self.room}
        if self._pin is not None:
            self._here["pin"] = self._pin
        if self._token:
            self._here["token"] = self._token.value
        body = {"request": "join", "ptype": "publisher", "display": self.name}
        try:
            return data_of(await handle.ask({**body, **self._here}))
        except SignalingError as error:
            # Rooms are numbers or, on a server with string_ids, names: nobody has to know which.
            other = _other_spelling(self.room)
            if error.status != INVALID_ELEMENT or other is None:
                raise
        self._here["room"] = other
        return data_of(await handle.ask({**body, **self._here}))

    def _come_in(self, joined: dict[str, Any]) -> Member:
        own = Member(str(joined.get("id")), self.name)
        own.connection.on("connectionstatechange", lambda: self._heed_own(own))
        if "private_id" in joined:  # some rooms let only those watch who are in them
            self._here["private_id"] = joined["private_id"]
        self._own, self._sending = own, asyncio.Event()
        return own

    async def _publish(self, own: Member, publishing: _Publishing) -> None:
        assert self._sending is not None
        await self._sending.wait()
        try:
            await connect(own.connection, publishing, self._tell_unsent)
        except RtcError as error:
            if not publishing.agreed.done():
                publishing.agreed.set_exception(error)
                publishing.agreed.exception()  # it may be that nobody waits
            self._tell_unsent(error)

    def _tell_unsent(self, error: RtcError) -> None:
        self._problem = error
        logger.warning("%r: what is sent does not get there: %s", self, error)
        self._changed()

    def _heed_own(self, own: Member) -> None:
        if own.connection.connection_state == "connected" and self._own is own:  # be it late
            self._problem = None
            self._changed()

    async def _heed_events(self, janus: Janus, handle: Handle, publishing: _Publishing) -> None:
        while True:
            event = await handle.events.get()
            message = message_of(event)
            if message is not None:
                publishing.inbox.put_nowait(message)
            elif event.get("janus") in ("hangup", "detached"):
                raise self._lost(janus, f"the server hung up ({janus.words(event.get('reason'))})")
            elif event.get("janus") == "event":
                data = data_of(event)
                if data.get("leaving") == "ok":
                    raise Removed(f"{janus.public_url}: you were put out of room {self.room!r}", url=janus.public_url)
                if data.get("videoroom") == "destroyed":
                    raise self._lost(janus, "it was closed")
                self._take(janus, data)
                await self._take_leave(data)

    def _lost(self, janus: Janus, why: str) -> SignalingError:
        return SignalingError(f"{janus.public_url}, room {self.room!r}: {why}", url=janus.public_url)

    # -- the others -----------------------------------------------------------------------------------------------

    def _take(self, janus: Janus, data: dict[str, Any]) -> None:
        """Heed who is there, and what they publish."""
        for attendee in [*data.get("attendees", []), *([data["joining"]] if "joining" in data else [])]:
            self._greet(attendee)
        for publisher in data.get("publishers", []):
            participant = self._greet(publisher)
            participant.published = {
                str(stream.get("mid"))
                for stream in publisher.get("streams", [])
                if not stream.get("disabled") and stream.get("type") in ("audio", "video")
            }
            if participant._task is None and participant.published:
                participant._task = asyncio.create_task(self._watch(janus, participant))
            else:
                participant.change()

    def _greet(self, who: dict[str, Any]) -> Participant:
        known = self._members.get(str(who.get("id")))
        if isinstance(known, Participant):
            return known
        participant = Participant(str(who.get("id")), who.get("id"), str(who.get("display", ""))[:64])
        self._meet(participant)
        return participant

    async def _take_leave(self, data: dict[str, Any]) -> None:
        silent = self._members.get(str(data.get("unpublished")))
        if isinstance(silent, Participant):
            await silent.stop()
        for gone in (data.get("leaving"), data.get("kicked")):
            if (member := self._members.get(str(gone))) is not None:
                self._part(member)

    async def _watch(self, janus: Janus, participant: Participant) -> None:
        """Get what somebody publishes, for as long as there is something; again where it is lost."""
        wait, told = AGAIN, ""
        while participant.published:
            began = asyncio.get_running_loop().time()
            handle: Handle | None = None
            connecting: asyncio.Task[None] | None = None
            try:
                participant.handle = handle = await janus.attach(PLUGIN)
                await self._subscribe(participant, handle)
                connecting = asyncio.create_task(self._connect(participant, _Watching(handle, participant)))
                await self._follow(participant, handle)
            except RtcError as error:
                logger.debug("%r: %s", participant, error)
            except Exception as error:  # what a server says may be anything
                why = str(self._misunderstood(error))
                if why != told:  # once, and not at each attempt
                    told = why
                    logger.warning("%s cannot be watched: %s", participant.name, why)
            finally:
                if connecting is not None:
                    connecting.cancel()
                await participant.renew()
                if not participant._gone:
                    self._listen(participant)
                if handle is not None:
                    await handle.detach()
                self._changed()
            wait = AGAIN if asyncio.get_running_loop().time() - began > LONGEST_AGAIN else min(2 * wait, LONGEST_AGAIN)
            await asyncio.sleep(wait)
        participant._task = None

    async def _subscribe(self, participant: Participant, handle: Handle) -> None:
        wanted = set(participant.published)
        body = {"request": "join", "ptype": "subscriber", "streams": participant.sections(wanted), **self._here}
        event = await handle.ask(body)
        participant.watched = wanted
        participant.receive(event)

    async def _connect(self, participant: Participant, watching: _Watching) -> None:
        try:
            await connect(participant.connection, watching, lambda error: self._warn(participant, error))
        except Exception as error:  # what a server says may be anything
            self._warn(participant, error)

    def _warn(self, participant: Participant, error: Exception) -> None:
        if participant.id in self._members:
            why = error if isinstance(error, RtcError) else self._misunderstood(error)
            logger.warning("%s cannot be watched: %s", participant.name, why)

    async def _follow(self, participant: Participant, handle: Handle) -> None:
        """Pass on what the server says, and watch what is published by now, until the server hangs up."""
        while True:
            event = await handle.events.get()
            if event.get("janus") in ("hangup", "detached"):
                return
            if event is not _CHANGED:
                participant.receive(event)
            if participant.published != participant.watched:
                wanted = set(participant.published)
                body: dict[str, Any] = {"request": "update"}
                if more := wanted - participant.watched:
                    body["subscribe"] = participant.sections(more)
                if less := participant.watched - wanted:
                    body["unsubscribe"] = participant.sections(less)
                participant.receive(await handle.ask(body))
                participant.watched = wanted


async def _unless(polling: asyncio.Task[None], wanted: Awaitable[T]) -> T:
    """Await something that is in vain once the session is over."""
    task = asyncio.ensure_future(wanted)
    try:
        await asyncio.wait({task, polling}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            polling.result()  # raises
        return await task
    finally:
        task.cancel()


def _other_spelling(room: int | str) -> int | str | None:
    if isinstance(room, int):
        return str(room)
    return int(room) if room.isdecimal() and int(room) > 0 else None
