"""Perfect negotiation, after webrtc/RTCPeerConnection-perfect-negotiation*.https.html.

As in the originals both sides are written with the public methods alone, as the example of WebRTC 1.0 §10.7 is, and
exchange messages that take their time.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jupyter_rtc import PeerConnection, RtcError

from .helpers import EventLog, eventually, pattern, peers, state, tone


class Side:
    """One side of the example in WebRTC 1.0 §10.7."""

    def __init__(self, pc: PeerConnection, polite: bool, delay: float) -> None:
        self.pc = pc
        self.polite = polite
        self.delay = delay
        self.other: Side
        self.making_offer = False
        self.ignore_offer = False
        self.answer_pending = False
        self.ignored = 0
        self.problems: list[str] = []
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.loop = asyncio.get_running_loop()
        self.tasks: set[asyncio.Task[None]] = set()
        pc.on("negotiationneeded", lambda: self.loop.call_soon_threadsafe(self.spawn_offer))
        pc.on("icecandidate", lambda candidate: self.post({"candidate": candidate}))

    def post(self, message: dict[str, Any]) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(
                lambda: self.loop.call_later(self.delay, self.other.inbox.put_nowait, message)
            )

    def spawn(self, coroutine: Any) -> None:
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def spawn_offer(self) -> None:
        self.spawn(self.offer())

    async def offer(self) -> None:
        try:
            self.making_offer = True
            description = await self.pc.set_local_description()
            self.post({"description": description})
        except RtcError as error:
            self.problems.append(f"offer: {error!r}")
        finally:
            self.making_offer = False

    async def run(self) -> None:
        while True:
            message = await self.inbox.get()
            try:
                if "description" in message:
                    await self.take(message["description"])
                else:
                    await self.take_candidate(message["candidate"])
            except RtcError as error:
                self.problems.append(f"{message}: {error!r}")

    async def take(self, description: Any) -> None:
        ready = not self.making_offer and (self.pc.signaling_state == "stable" or self.answer_pending)
        self.ignore_offer = not self.polite and description.type == "offer" and not ready
        if self.ignore_offer:
            self.ignored += 1
            return
        self.answer_pending = description.type == "answer"
        await self.pc.set_remote_description(description)
        self.answer_pending = False
        if description.type == "offer":
            self.post({"description": await self.pc.set_local_description()})

    async def take_candidate(self, candidate: Any) -> None:
        try:
            await self.pc.add_ice_candidate(candidate)
        except RtcError:
            if not self.ignore_offer:
                raise


class Couple:
    """A polite and an impolite side."""

    def __init__(self, polite: PeerConnection, impolite: PeerConnection, delay: float = 0.003) -> None:
        self.polite, self.impolite = Side(polite, True, delay), Side(impolite, False, delay)
        self.polite.other, self.impolite.other = self.impolite, self.polite
        for side in (self.polite, self.impolite):
            side.spawn(side.run())

    async def calm(self, condition: Any = lambda: True) -> None:
        """Wait until nothing is negotiated and `condition()`, and nobody has complained."""

        def quiet() -> bool:
            sides = (self.polite, self.impolite)
            return (
                all(s.pc.signaling_state == "stable" and not s.making_offer and s.inbox.empty() for s in sides)
                and condition()
            )

        for _ in range(3):
            try:
                await eventually(quiet, 8)
            except TimeoutError:
                raise AssertionError(f"no calm: {self}") from None
            await asyncio.sleep(0.08)
        assert self.polite.problems == self.impolite.problems == []

    def __repr__(self) -> str:
        return "; ".join(
            f"{s.pc.signaling_state} {[(t.kind, t.mid, t.direction, t.current_direction) for t in s.pc.get_transceivers()]}"
            f" {s.problems}"
            for s in (self.polite, self.impolite)
        )

    def end(self) -> None:
        for side in (self.polite, self.impolite):
            for task in tuple(side.tasks):
                task.cancel()


def sending(pc: PeerConnection) -> int:
    return sum(t.current_direction in ("sendrecv", "sendonly") for t in pc.get_transceivers())


def receiving(pc: PeerConnection) -> int:
    return sum(t.current_direction in ("sendrecv", "recvonly") for t in pc.get_transceivers())


async def test_perfect_negotiation_setup_connects() -> None:
    """webrtc/RTCPeerConnection-perfect-negotiation.https.html: Perfect negotiation setup connects."""
    with peers(2) as (a, b):
        couple = Couple(a, b)
        a.add_track(pattern())
        await couple.calm(lambda: sending(a) == 1 and receiving(b) == 1)
        await state(a, "connected")
        await state(b, "connected")
        couple.end()


@pytest.mark.parametrize("first", ["polite", "impolite"])
@pytest.mark.parametrize("kinds", ["same kind", "other kind"])
async def test_perfect_negotiation_from_both_sides_at_once(first: str, kinds: str) -> None:
    """webrtc/RTCPeerConnection-perfect-negotiation.https.html: both sides addTrack at the same time; one of them yields."""
    with peers(2) as (a, b):
        couple = Couple(a, b)
        one, other = (a, b) if first == "polite" else (b, a)
        one.add_track(pattern())
        other.add_track(pattern() if kinds == "same kind" else tone())
        await couple.calm(lambda: sending(a) == receiving(b) == 1 and sending(b) == receiving(a) == 1)
        assert [len(pc.get_transceivers()) for pc in (a, b)] == ([1, 1] if kinds == "same kind" else [2, 2])
        await state(a, "connected")
        await state(b, "connected")
        couple.end()


@pytest.mark.parametrize("polite_first", [True, False])
async def test_perfect_negotiation_by_transceivers_of_both_sides(polite_first: bool) -> None:
    """webrtc/RTCPeerConnection-perfect-negotiation.https.html: both sides addTransceiver at the same time: no transceiver is shared."""
    with peers(2) as (a, b):
        couple = Couple(a, b)
        for pc in (a, b) if polite_first else (b, a):
            pc.add_transceiver(pattern(), direction="sendonly")
        await couple.calm(lambda: sending(a) == receiving(b) == 1 and sending(b) == receiving(a) == 1)
        assert len(a.get_transceivers()) == len(b.get_transceivers()) == 2
        couple.end()


async def test_perfect_negotiation_of_channels_on_both_sides() -> None:
    """webrtc/RTCPeerConnection-perfect-negotiation.https.html: both sides createDataChannel at the same time."""
    with peers(2) as (a, b):
        couple = Couple(a, b)
        to_a, to_b = EventLog(a, "datachannel"), EventLog(b, "datachannel")
        ours, theirs = a.create_data_channel("from a"), b.create_data_channel("from b")
        assert (await to_b.wait()).label == "from a"
        assert (await to_a.wait()).label == "from b"
        await eventually(lambda: ours.ready_state == theirs.ready_state == "open")
        await couple.calm()
        assert ours.id != theirs.id
        couple.end()


async def test_perfect_negotiation_when_connected_and_both_add() -> None:
    """webrtc/RTCPeerConnection-perfect-negotiation.https.html: glare on an established connection."""
    with peers(2) as (a, b):
        couple = Couple(a, b)
        a.add_track(tone())
        await couple.calm(lambda: sending(a) == receiving(b) == 1)
        await state(a, "connected")
        await state(b, "connected")
        a.add_track(pattern())
        b.add_track(pattern())
        await couple.calm(lambda: sending(a) == receiving(b) == 2 and sending(b) == receiving(a) == 1)
        await state(a, "connected")
        await state(b, "connected")
        couple.end()


async def test_perfect_negotiation_of_removal_against_addition() -> None:
    """webrtc/RTCPeerConnection-perfect-negotiation.https.html: one side removes a track while the other adds one."""
    with peers(2) as (a, b):
        couple = Couple(a, b)
        sender = a.add_track(pattern())
        await couple.calm(lambda: sending(a) == receiving(b) == 1)
        a.remove_track(sender)
        b.add_track(tone())
        await couple.calm(lambda: sending(a) == 0 and receiving(b) == 0 and sending(b) == receiving(a) == 1)
        couple.end()


async def test_perfect_negotiation_stress_glare_linear() -> None:
    """webrtc/RTCPeerConnection-perfect-negotiation-stress-glare-linear.https.html: Perfect negotiation stress glare linear."""
    with peers(2) as (a, b):
        couple = Couple(a, b)
        for count in range(1, 5):
            a.add_transceiver(pattern(), direction="sendonly")
            b.add_transceiver(tone(), direction="sendonly")
            await couple.calm(lambda count=count: sending(a) == receiving(b) == sending(b) == receiving(a) == count)
        couple.end()


async def test_perfect_negotiation_stress_glare() -> None:
    """webrtc/RTCPeerConnection-perfect-negotiation-stress-glare.https.html: Perfect negotiation stress glare."""
    with peers(2) as (a, b):
        couple = Couple(a, b)
        a.add_track(tone())
        await couple.calm(lambda: sending(a) == 1)
        for _ in range(4):
            a.add_transceiver(pattern(), direction="sendonly")
            b.add_transceiver(tone(), direction="sendonly")
            await asyncio.sleep(0.002)
        await couple.calm(lambda: sending(a) == receiving(b) == 5 and sending(b) == receiving(a) == 4)
        assert len(a.get_transceivers()) == len(b.get_transceivers()) == 9
        couple.end()


async def test_perfect_negotiation_stress_glare_of_directions() -> None:
    """webrtc/RTCPeerConnection-perfect-negotiation-stress-glare.https.html: Perfect negotiation stress glare (directions changed on both sides again and again)."""
    with peers(2) as (a, b):
        couple = Couple(a, b)
        a.add_track(pattern())
        b.add_track(pattern())
        await couple.calm(lambda: sending(a) == receiving(b) == sending(b) == receiving(a) == 1)
        for number in range(6):
            a.get_transceivers()[0].direction = ("sendrecv", "recvonly", "sendonly")[number % 3]
            b.get_transceivers()[0].direction = ("inactive", "sendrecv")[number % 2]
            await asyncio.sleep(0.004)
        a.get_transceivers()[0].direction = b.get_transceivers()[0].direction = "sendrecv"
        await couple.calm(lambda: sending(a) == receiving(b) == sending(b) == receiving(a) == 1)
        assert len(a.get_transceivers()) == len(b.get_transceivers()) == 1
        couple.end()
