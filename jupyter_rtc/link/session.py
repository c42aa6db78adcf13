"""One page that shows a widget: its mailbox, its connection, its heartbeat."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..config import ice_servers, ice_transport_policy
from ..engine.addresses import resolve
from ..engine.channel import Channel
from ..engine.loop import engine
from ..engine.peer import Peer
from ..engine.statistics import Facts
from ..errors import InvalidStateError, RtcError
from ..ice import IceServer
from ..media.track import Kind, Track
from . import kernel
from .keep_awake import show_life
from .messages import UNACKNOWLEDGED_BOUND, Envelope, Mailbox, Message, parse
from .start import with_start_bitrate

if TYPE_CHECKING:
    from .pages import Pages

logger = logging.getLogger(__name__)

HEARTBEAT = 1.0
#: So many heartbeats in a row without an answer, and the page is gone.
MISSED = 3
#: How long a page without a channel may be silent on the comm.
COMM_BEAT = 2.0
COMM_SILENCE = 24.0


@dataclass(frozen=True)
class Plan:
    """What a page is to play and may capture, and whether it is the one that captures."""

    tracks: dict[str, Track[Any]] = field(default_factory=dict)
    tiles: list[Message] = field(default_factory=list)
    capture: dict[str, Any] | None = None
    owns: bool = False


def _planned(slot: str, track: Track[Any]) -> Message:
    """Return what a page is told of a track."""
    state = "ended" if track.ready_state == "ended" else "muted" if track.muted else "live"
    settings = track.get_settings()
    return {
        "slot": slot,
        "kind": track.kind,
        "label": track.label,
        "state": state,
        "why": track._why_silent() if state == "muted" else "",
        **{name: settings[name] for name in ("width", "height") if name in settings},
    }


@dataclass(frozen=True)
class Host:
    """What a widget tells its pages and learns from them. Called on the engine's thread; each must return at once."""

    #: What a page is to play and may capture.
    plan: Callable[[str], Plan]
    #: A page shows the widget.
    page_hello: Callable[[str, Message], None]
    #: A page's own media can be read.
    page_media: Callable[[str, Kind, Track[Any]], None]
    #: A page says something about its camera, failed to connect, or asks for the report.
    page_message: Callable[[str, Message], None]
    #: A page is ``"connected"``, ``"lost"`` or ``"gone"``.
    page_state: Callable[[str, str], None]


class Session:
    """One page. Lives on the engine's thread, but for `flush_by_comm` and `describe`."""

    def __init__(self, client: str, pages: Pages, host: Host, send: Callable[[Envelope], None]) -> None:
        self.client = client
        self.mailbox = Mailbox()
        self.connected = False
        self.round_trip: float | None = None
        self.heard = time.monotonic()
        self._pages = pages
        self._host = host
        self._send = send
        self._peer: Peer | None = None
        self._epoch = 0
        self._channel: Channel | None = None
        self._negotiation = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._states: list[tuple[float, str]] = []
        self._unanswered = 0
        self._flushing = False
        self._silent = 0
        self._closed = False
        self._start(self._listen())

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- messages -------------------------------------------------------------------------------------------------

    def take(self, envelope: Envelope, *, poll: bool = True) -> None:
        """Act on an envelope and acknowledge it; `poll`: even if it says nothing, for it may ask for what waits."""
        self.heard = time.monotonic()
        self._silent = 0
        for message in self.mailbox.receive(envelope):
            if self._closed:
                return
            try:
                self._act(message)
            except (KeyError, TypeError, ValueError) as error:
                logger.warning("page %s: %s not understood: %r", self.client, message["type"], error)
                self.post({"type": "error", "message": f"{message['type']} not understood"})
        if poll or envelope["messages"] or self.mailbox.unacknowledged:
            self.flush()

    def _act(self, message: Message) -> None:
        match message["type"]:
            case "hello":
                kernel.note_page(message)
                for notice in self._pages.notices():
                    self.mailbox.post(notice)
                self._host.page_hello(self.client, message)
                self.post_plan()
            case "description":
                epoch, offer = int(message["epoch"]), message["description"]["sdp"]
                slots, capture = dict(message["slots"]), dict(message["capture"])
                if not isinstance(offer, str):
                    raise TypeError("sdp")
                self._start(self._answer(epoch, offer, slots, capture))
            case "candidate":
                candidate = message["candidate"]
                self._start(self._add_candidate(int(message["epoch"]), None if candidate is None else dict(candidate)))
            case "failed":
                self._note(f"page: {message['reason']}")
                self._host.page_message(self.client, message)
                if not all(isinstance(server, IceServer) for server in ice_servers()):
                    self.post_plan()  # the credentials that the page has may have ended
            case "capture" | "report":
                self._host.page_message(self.client, message)
            case "bye":
                self._pages.drop(self.client, cleared=message.get("cleared") is True)
            case "error":
                logger.warning("page %s did not understand: %s", self.client, message.get("message"))
            case other:
                self.post({"type": "error", "message": f"unknown message {other!r}"})

    def post(self, message: Message) -> None:
        """Send a message, by data channel if there is one."""
        self.mailbox.post(message)
        if self.mailbox.unacknowledged >= UNACKNOWLEDGED_BOUND:
            self._pages.drop(self.client)
        elif not self._flushing:  # what is posted in one go travels together
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush_posted)

    def _flush_posted(self) -> None:
        self._flushing = False
        self.flush()

    def post_plan(self) -> None:
        """Send what the page is to play and may capture, once the ICE servers are known."""
        servers = ice_servers()
        known = [(server,) if isinstance(server, IceServer) else server._known() for server in servers]
        if None in known:
            self._start(self._post_plan_later())
        else:
            self._post_plan([server for some in known for server in some or ()])

    async def _post_plan_later(self) -> None:
        servers, failures = await resolve(ice_servers())
        for name, words in failures.items():
            self._note(f"{name}: {words}")
        if not self._closed:
            self._post_plan(servers)

    def _post_plan(self, servers: list[IceServer]) -> None:
        plan = self._host.plan(self.client)
        self.post(
            {
                "type": "plan",
                "iceServers": [server.to_json() for server in servers],
                "iceTransportPolicy": ice_transport_policy(),
                "tracks": [_planned(slot, track) for slot, track in plan.tracks.items()],
                "tiles": plan.tiles,
                "capture": plan.capture,
                "owns": plan.owns,
            }
        )

    def flush(self) -> None:
        """Send what is unacknowledged, and an acknowledgement."""
        if self._closed:
            return
        envelope = self.mailbox.envelope()
        if self._channel is None or not self._channel.send(json.dumps(envelope)):
            self._send({**envelope, "to": self.client})

    def flush_by_comm(self) -> None:
        """Send it by the comm, from a handler: in some front ends only that arrives."""
        self._send({**self.mailbox.envelope(), "to": self.client})

    # -- the connection -------------------------------------------------------------------------------------------

    async def _answer(self, epoch: int, offer: str, slots: dict[str, str], capture: dict[str, Kind]) -> None:
        async with self._negotiation:
            if self._closed or epoch < self._epoch:
                return
            try:
                if epoch > self._epoch or self._peer is None:
                    await self._renew(epoch)
                answer = await self._negotiate(offer, slots, capture)
            except RtcError as error:
                logger.warning("page %s: %s", self.client, error)
                self.post({"type": "error", "message": str(error)})
                return
            self.post({"type": "description", "epoch": epoch, "description": {"type": "answer", "sdp": answer}})

    async def _renew(self, epoch: int) -> None:
        old, self._peer, self._channel, self._epoch = self._peer, None, None, epoch
        if old is not None:
            await old.close()
        if self._closed:
            raise InvalidStateError("the page has gone")
        self._set_connected(False)
        self._states.clear()
        self._peer = Peer(lambda name, value: self._on_event(epoch, name, value), ice_servers(), ice_transport_policy())

    async def _negotiate(self, offer: str, slots: dict[str, str], capture: dict[str, Kind]) -> str:
        """Apply the page's offer, bind its transceivers to tracks, and return the answer."""
        peer = self._peer
        assert peer is not None
        await peer.set_remote("offer", offer)
        tracks = self._host.plan(self.client).tracks
        for section in peer.sections():
            track = tracks.get(slots.get(section.mid or "", ""))
            captured = capture.get(section.mid or "")
            peer.send(section.key, track)
            if track is not None:
                peer.set_direction(section.key, "sendonly")
            elif captured is not None:
                peer.set_direction(section.key, "recvonly")
                received = peer.received(section.key)
                if received is not None:
                    self._host.page_media(self.client, captured, received)
            else:
                peer.set_direction(section.key, "inactive")
        return with_start_bitrate(await peer.set_local("answer", await peer.create("answer")))

    async def _add_candidate(self, epoch: int, candidate: Message | None) -> None:
        if candidate is None or not candidate.get("candidate"):
            # Not passed on: with nothing but .local candidates, which are dropped, ICE would fail at once, where the
            # page's own checks reach us all the same. The page itself says when it gives up.
            return
        async with self._negotiation:
            if self._peer is None or epoch != self._epoch:
                return
            try:
                await self._peer.add_candidate(candidate)
            except RtcError as error:
                logger.debug("page %s: candidate %r: %s", self.client, candidate, error)

    def _on_event(self, epoch: int, name: str, value: Any) -> None:
        if epoch != self._epoch or self._closed:
            return
        if name == "channel":
            self._open_channel(value)
        elif name == "connection_state":
            self._note(value)
            self._set_connected(value == "connected")
        elif name == "ice_connection_state":
            self._note(f"ICE {value}")

    def _set_connected(self, connected: bool) -> None:
        if connected == self.connected:
            return
        self.connected = connected
        self._host.page_state(self.client, "connected" if connected else "lost")
        self._pages.tell()

    def _open_channel(self, channel: Channel) -> None:
        self._channel = channel
        channel.on_message = self._on_channel_message
        self._unanswered = 0
        self._start(self._beat(channel))
        self.flush()

    def _on_channel_message(self, data: str | bytes) -> None:
        self._unanswered = 0
        try:
            content = json.loads(data)
        except ValueError:
            return
        if isinstance(content, dict) and content.get("type") == "pong":
            self.round_trip = time.monotonic() - content["time"]
            return
        envelope = parse({"client": self.client, **content} if isinstance(content, dict) else None)
        if envelope is not None:
            self.take(envelope, poll=False)

    async def _listen(self) -> None:
        """Let a page go that has no channel and is silent on the comm: it was closed before it was connected.

        A page asks every 16 s at the least. Beats are counted, as in `_beat`.
        """
        while not self._closed:
            await asyncio.sleep(COMM_BEAT)
            self._silent += 1
            if self._channel is None and self._silent * COMM_BEAT >= COMM_SILENCE:
                logger.debug("page %s was never connected, and is silent", self.client)
                self._pages.drop(self.client)

    async def _beat(self, channel: Channel) -> None:
        """Ask every second whether the page is there.

        Beats are counted, not seconds: where a long call held everything up here, the page is not to blame.
        """
        while self._channel is channel and not self._closed:
            channel.send(json.dumps({"type": "ping", "time": time.monotonic()}))
            self._unanswered += 1
            show_life(self._is_live, self.flush_by_comm)
            await asyncio.sleep(HEARTBEAT)
            if self._unanswered >= MISSED and self._channel is channel:
                logger.debug("page %s answers no more", self.client)
                self._pages.drop(self.client)

    def _is_live(self) -> bool:
        """Return whether the page plays or captures anything."""
        plan = self._host.plan(self.client)
        playing = any(track.ready_state == "live" and not track.muted for track in plan.tracks.values())
        return self.connected and (plan.owns or playing)

    def close(self) -> None:
        """Close the connection."""
        self._closed = True
        self.connected = False
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        peer, self._peer = self._peer, None
        if peer is not None:
            engine().spawn(peer.close())

    # -- telling --------------------------------------------------------------------------------------------------

    def _note(self, what: str) -> None:
        self._states.append((time.monotonic(), what))
        del self._states[:-50]

    def facts(self) -> Facts | None:
        """Return what was counted of this page's connection, once there is one."""
        return None if self._peer is None else self._peer.facts()

    def describe(self) -> str:
        """Return what became of this page's connection, in words."""
        state = "connected" if self.connected else "not connected"
        trip = f", answers in {self.round_trip * 1000:.0f} ms" if self.round_trip is not None else ""
        start = self._states[0][0] if self._states else 0.0
        steps = ", ".join(f"{what} at {when - start:.1f} s" for when, what in self._states)
        return f"page {self.client}: {state}{trip}; {steps or 'no attempt yet'}"
