"""A session of a WHIP or WHEP server: one connection, made by one offer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from typing import Any, Literal

from ..engine.loop import engine, log_failure
from ..errors import InvalidStateError, RtcError, SdpError
from ..media.stream import MediaStream
from ..media.track import Track
from ..rtc import grammar, sdp
from ..rtc.connection import PeerConnection
from ..rtc.sdp import RECEIVING
from ..rtc.transceiver import RtpSender
from . import fragment
from .fragment import Fragment

logger = logging.getLogger(__name__)

#: Who has not connected after so many seconds is forgotten.
PATIENCE = 30.0
#: Seconds until a state is known here, too, and for DTLS once there is a way.
MOMENT = 0.25
HANDSHAKE = 2.0

Role = Literal["whip", "whep"]


class Unprocessable(SdpError):
    """A description that can be read and is of no use."""


class Served:
    """One publisher or viewer. On the loop of HTTP.

    Parameters
    ----------
    role : {"whip", "whep"}
        Whether it publishes or plays.
    name : str
        The stream's name.
    ended : callable
        Called with this once it is over.
    """

    def __init__(self, role: Role, name: str, ended: Callable[[Served], None]) -> None:
        self.id = secrets.token_urlsafe(18)
        self.role = role
        self.name = name
        self.etag = _fresh_etag()
        #: Whether the server has offered, and waits for the answer.
        self.is_offering = False
        self._has_offered = False
        self._senders: list[tuple[str, int, RtpSender]] = []
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._closing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        #: Set once it was connected, or is over.
        self._settled = asyncio.Event()
        self.connection = self._connect()

    def _connect(self) -> PeerConnection:
        connection = PeerConnection(name=self.name)
        connection.on("connectionstatechange", lambda: self._loop.call_soon_threadsafe(self._heed, connection))
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(PATIENCE, self._give_up)
        return connection

    @property
    def _state(self) -> str:
        return self.connection.connection_state

    async def is_taken(self) -> bool:
        """Return whether it is connected; waits a moment where that may just be coming about.

        The other side is connected, and may be asked to publish again, a little before we know.
        """
        for patience in (MOMENT, HANDSHAKE):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._settled.wait()
            if self._settled.is_set() or self.connection.ice_connection_state not in ("connected", "completed"):
                break
        return not self.is_over and self._state == "connected"

    @property
    def is_over(self) -> bool:
        """Whether it was ended."""
        return self._closing is not None

    def _heed(self, connection: PeerConnection) -> None:
        if connection is not self.connection:
            return
        if self._state not in ("new", "connecting"):
            self._settled.set()
        if self._state in ("failed", "closed"):
            self.end()

    def _give_up(self) -> None:
        if self._state in ("new", "connecting"):
            logger.info("%s %s: no connection within %g s", self.role, self.name, PATIENCE)
            self.end()

    def end(self) -> asyncio.Task[None]:
        """Close the connection, and tell who is to know. May be called twice."""
        if self._closing is None:
            self._settled.set()
            if self._timer is not None:
                self._timer.cancel()
            self._closing = self._loop.create_task(self.connection.aclose())
            self._closing.add_done_callback(log_failure)
            self._ended(self)
        return self._closing

    # -- publishing -----------------------------------------------------------------------------------------------

    async def take(self, offer: str) -> tuple[str, MediaStream]:
        """Answer a publisher's offer; return the answer and what is published.

        Raises
        ------
        SdpError
            When it cannot be read; `Unprocessable` when nothing can be made of it.
        """
        grammar.check(offer, "offer")
        answer = await self._answer(offer)
        stream = MediaStream(
            t.receiver.track for t in self.connection.get_transceivers() if t.current_direction in RECEIVING
        )
        if not stream.get_tracks():
            raise Unprocessable("the offer sends no track of a kind and codec that can be received")
        stream._remarks = self.refusals
        return answer, stream

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why sections of the other side's offer are not received, in words."""
        return self.connection._session.refusals

    async def _answer(self, offer: str) -> str:
        try:
            await self.connection.set_remote_description({"type": "offer", "sdp": offer})
        except SdpError as error:
            raise Unprocessable(str(error)) from error
        return (await self.connection.set_local_description()).sdp

    # -- playing --------------------------------------------------------------------------------------------------

    async def play(self, offer: str, stream: MediaStream) -> str | None:
        """Answer a viewer's offer; return the answer, or None where nothing of the stream fits into it.

        Raises
        ------
        SdpError
            When it cannot be read.
        """
        grammar.check(offer, "offer")
        connection = self.connection
        try:
            await connection.set_remote_description({"type": "offer", "sdp": offer})
        except SdpError as error:
            logger.debug("whep %s: %s", self.name, error)
            return None
        wanted = {s.mid for s in sdp.media_sections(offer) if s.direction in RECEIVING and not s.rejected}
        places: dict[str, int] = {"audio": 0, "video": 0}
        for transceiver in connection.get_transceivers():
            if transceiver.mid not in wanted or transceiver.direction == "stopped":
                continue
            kind, place = transceiver.kind, places[transceiver.kind]
            if (track := _nth(stream, kind, place)) is not None:
                await engine().run(transceiver._set_direction("sendonly"))
                await transceiver.sender.replace_track(track)
                await engine().run(transceiver.sender._set_streams((stream,)))
                self._senders.append((kind, place, transceiver.sender))
            places[kind] += 1
        if not self._senders:
            return None
        return (await connection.set_local_description()).sdp

    async def offer(self, stream: MediaStream) -> str:
        """Return an offer of the server's own, in place of one of which nothing fits."""
        await self.connection.aclose()
        if self.is_over:
            raise InvalidStateError("the session has ended meanwhile")
        self.connection = self._connect()
        places: dict[str, int] = {"audio": 0, "video": 0}
        for track in stream.get_tracks():
            adding = self.connection._add_transceiver(track, track, track.kind, "sendonly", (stream,))
            transceiver = await engine().run(adding)
            self._senders.append((track.kind, places[track.kind], transceiver.sender))
            places[track.kind] += 1
        self.is_offering = self._has_offered = True
        return (await self.connection.set_local_description()).sdp

    async def accept(self, answer: str) -> None:
        """Take the answer to `offer`."""
        await self.connection.set_remote_description({"type": "answer", "sdp": answer})
        self.is_offering = False

    async def follow(self, stream: MediaStream) -> None:
        """Play what is in the stream by now."""
        for kind, place, sender in self._senders:
            track = _nth(stream, kind, place)
            if sender.track is not track:
                try:
                    await sender.replace_track(track)
                except RtcError as error:
                    logger.debug("whep %s: %s", self.name, error)

    # -- candidates -----------------------------------------------------------------------------------------------

    def restarts(self, piece: Fragment) -> bool:
        """Return whether a fragment wants ICE to be restarted."""
        remote = self.connection.remote_description
        return piece.ufrag is not None and remote is not None and piece.ufrag != sdp.ufrag_of(remote.sdp, 0)

    async def restart(self, piece: Fragment) -> str:
        """Restart ICE, and return the fragment with our new credentials and candidates.

        Raises
        ------
        SdpError
            When it cannot be done.
        """
        remote = self.connection.current_remote_description
        if self._has_offered or remote is None:
            raise Unprocessable("ICE of this session cannot be restarted: begin a new one")
        answer = await self._answer(fragment.renewed(remote.sdp, piece))
        self.etag = _fresh_etag()
        return fragment.of(answer)

    async def add_candidates(self, piece: Fragment) -> None:
        """Use more candidates. One that is of no use harms nothing."""
        candidates: list[dict[str, Any] | None] = [*piece.candidates]
        for candidate in [*candidates, *([None] if piece.ended else [])]:
            try:
                await self.connection.add_ice_candidate(candidate)
            except (RtcError, TypeError, ValueError) as error:
                logger.debug("%s %s: a candidate is left out: %s", self.role, self.name, error)


def _nth(stream: MediaStream, kind: str, place: int) -> Track[Any] | None:
    tracks = [track for track in stream.get_tracks() if track.kind == kind]
    return tracks[place] if place < len(tracks) else None


def _fresh_etag() -> str:
    return f'"{secrets.token_hex(8)}"'
