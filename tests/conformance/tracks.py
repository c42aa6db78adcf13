"""What the tests about tracks share: things that are ended again, events that can be awaited, ways to negotiate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

from jupyter_rtc import (
    MediaStream,
    NumpyVideoTrack,
    PeerConnection,
    SessionDescription,
    TestPattern,
    TestTone,
    Track,
    TrackEvent,
)

from ..conftest import SCALE

#: For what must come.
SOON = 5.0 * SCALE
#: For what must not come.
QUIET = 0.15


class Maker:
    """Makes connections and tracks, and ends them when the test is over."""

    def __init__(self) -> None:
        self._connections: list[PeerConnection] = []
        self._tracks: list[Track[Any]] = []

    def pc(self, **options: Any) -> PeerConnection:
        """Return a new connection."""
        connection = PeerConnection(**options)
        self._connections.append(connection)
        return connection

    def pair(self) -> tuple[PeerConnection, PeerConnection]:
        """Return two."""
        return self.pc(), self.pc()

    def track(self, kind: str) -> Track[Any]:
        """Return a track that moves."""
        return self.keep(TestTone() if kind == "audio" else TestPattern(size=(160, 120), fps=15))

    def audio(self) -> Track[Any]:
        """Return a sound."""
        return self.track("audio")

    def video(self) -> Track[Any]:
        """Return a picture."""
        return self.track("video")

    def grey(self, level: int) -> Track[Any]:
        """Return a picture of one grey."""
        return self.keep(NumpyVideoTrack(np.full((120, 160, 3), level, np.uint8), fps=15))

    def keep(self, track: Track[Any]) -> Track[Any]:
        """Have a track stopped in the end."""
        self._tracks.append(track)
        return track

    def stream(self, *kinds: str) -> tuple[MediaStream, list[Track[Any]]]:
        """Return a stream of such tracks, and the tracks."""
        tracks = [self.track(kind) for kind in kinds]
        return MediaStream(tracks), tracks

    def end(self) -> None:
        """Close and stop everything."""
        for connection in self._connections:
            connection.close()
        for track in self._tracks:
            track.stop()


# -- events -----------------------------------------------------------------------------------------------------------


class EventLog:
    """Keeps the events of an object, in order, as (name, payload).

    Parameters
    ----------
    target : object with ``on``
        Whose events.
    *names : str
        Which.
    look : callable, optional
        ``look(name, payload)``, called when an event comes, whose result is kept in place of the payload.
    """

    def __init__(self, target: Any, *names: str, look: Callable[[str, Any], Any] | None = None) -> None:
        self.entries: list[tuple[str, Any]] = []
        self._look = look
        self._stops = [target.on(name, self._keep(name)) for name in names]

    def _keep(self, name: str) -> Callable[..., None]:
        def callback(*payload: Any) -> None:
            value = payload[0] if payload else None
            self.entries.append((name, self._look(name, value) if self._look else value))

        return callback

    @property
    def names(self) -> list[str]:
        """The names alone."""
        return [name for name, _ in self.entries]

    @property
    def payloads(self) -> list[Any]:
        """The payloads alone."""
        return [value for _, value in self.entries]

    def __len__(self) -> int:
        return len(self.entries)

    async def until(self, count: int, timeout: float = SOON) -> list[Any]:
        """Wait until there are `count` of them; return their payloads."""
        await eventually(lambda: len(self.entries) >= count, f"{count} events, had {self.names}", timeout)
        return self.payloads

    async def exactly(self, count: int) -> list[Any]:
        """Wait until there are `count` of them, and a moment longer in which no other may come."""
        await self.until(count)
        await asyncio.sleep(QUIET)
        assert len(self.entries) == count, f"expected {count} events, got {self.names}"
        return self.payloads

    def clear(self) -> None:
        """Begin again."""
        self.entries.clear()

    def stop(self) -> None:
        """Listen no more."""
        for stop in self._stops:
            stop()


def event(target: Any, name: str, timeout: float = SOON) -> asyncio.Future[Any]:
    """Listen from now on; awaiting it gives the payload of the next such event, or fails after `timeout`."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any = None) -> None:
        if not future.done():
            future.set_result(value)

    def tell(*payload: Any) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, *payload)

    def give_up() -> None:
        if not future.done():
            future.set_exception(AssertionError(f"no {name!r} within {timeout:g} s"))
            future.exception()  # a future that nobody awaits makes no noise

    stop = target.on(name, tell)
    timer = loop.call_later(timeout, give_up)

    def finish(_future: asyncio.Future[Any]) -> None:
        stop()
        timer.cancel()

    future.add_done_callback(finish)
    return future


async def eventually(condition: Callable[[], Any], what: str = "", timeout: float = SOON) -> None:
    """Wait until `condition()` holds."""
    deadline = asyncio.get_running_loop().time() + timeout
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"not within {timeout:g} s: {what or condition}"
        await asyncio.sleep(0.01)


# -- negotiation ------------------------------------------------------------------------------------------------------


async def negotiate(offerer: PeerConnection, answerer: PeerConnection) -> None:
    """Exchange an offer and an answer, each set locally first: it carries all candidates."""
    offer = await offerer.set_local_description(await offerer.create_offer())
    await answerer.set_remote_description(offer)
    answer = await answerer.set_local_description(await answerer.create_answer())
    await offerer.set_remote_description(answer)


async def negotiate_remote_first(offerer: PeerConnection, answerer: PeerConnection) -> None:
    """Exchange an offer and an answer, each set at the other side before it is set locally."""
    offer = await offerer.create_offer()
    await answerer.set_remote_description(offer)
    await offerer.set_local_description(offer)
    answer = await answerer.create_answer()
    await offerer.set_remote_description(answer)
    await answerer.set_local_description(answer)


async def answer_to(offer: SessionDescription) -> SessionDescription:
    """Return the answer of a connection that was made for it and is closed again."""
    async with PeerConnection() as other:
        await other.set_remote_description(offer)
        return await other.create_answer()


def trickle(a: PeerConnection, b: PeerConnection) -> None:
    """Hand what `a` gathers to `b`."""
    a.on("icecandidate", b.add_ice_candidate)


async def ice_connected(*connections: PeerConnection) -> None:
    """Wait until they are connected."""
    for pc in connections:
        await eventually(
            lambda pc=pc: pc.ice_connection_state in ("connected", "completed"),  # type: ignore[misc]
            f"ICE of {pc}",
            2 * SOON,
        )


async def track_events(pc: PeerConnection, description: Any, count: int) -> list[TrackEvent]:
    """Set a remote description; return the `count` "track" events that follow, each looked at when it came."""
    log = EventLog(pc, "track", look=lambda _name, event: check_track_event(event))
    await pc.set_remote_description(description)
    found = await log.exactly(count)
    log.stop()
    for problem in found:
        assert isinstance(problem, TrackEvent), problem
    return found


def check_track_event(event: TrackEvent) -> TrackEvent | str:
    """Return the event if its parts fit together, else what is wrong."""
    if not isinstance(event, TrackEvent):
        return f"not a TrackEvent: {event!r}"
    if event.receiver.track is not event.track or event.transceiver.receiver is not event.receiver:
        return "track, receiver and transceiver do not belong together"
    for stream in event.streams:
        if not isinstance(stream, MediaStream) or event.track not in stream.get_tracks():
            return f"the track is not in {stream!r}"
    return event


def ids(things: Any) -> list[str]:
    """Return the ids of streams or tracks."""
    return [thing.id for thing in things]
