"""Two connections that are used at random, by seed: whatever was done, in the end both agree and pictures flow.

A seed that fails tells what was done; it stays in the list of those that are always run.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from jupyter_rtc import InvalidStateError, MediaStream, PeerConnection, RtpTransceiver, TestPattern, read_stamp
from jupyter_rtc.rtc.negotiation import reverse
from tests.conformance.helpers import exchange

from .waiting import SOON, until

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
#: No more transceivers than this on a side, so that a run stays short; sections are at most those of both sides.
MOST = 6


class Run:
    """Two connections, and what was done to them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.sides = PeerConnection(name="a"), PeerConnection(name="b")
        self.sources = [TestPattern((160, 120), fps=15) for _ in range(3)]
        self.streams = [MediaStream() for _ in range(2)]
        self.done: list[str] = []

    def track(self) -> Any:
        return self.random.choice(self.sources).clone()

    async def step(self) -> None:
        """Do something to one of the two, as seen from it."""
        here, there = self.random.sample(self.sides, 2)
        names = [name for name in dir(self) if name.startswith("do_")]
        name = self.random.choice([*names, "do_add_track", "do_exchange"])
        self.done.append(f"{here.name}.{name[3:]}")
        try:
            async with asyncio.timeout(SOON):
                await getattr(self, name)(here, there)
        except InvalidStateError as error:
            if "stopped" not in str(error):  # of a transceiver that may not be used any more
                raise

    def any_of(self, pc: PeerConnection) -> list[RtpTransceiver]:
        """Return one of its transceivers, if there are any."""
        return self.random.sample(pc.get_transceivers(), min(1, len(pc.get_transceivers())))

    async def do_add_track(self, here: PeerConnection, there: PeerConnection) -> None:
        if len(here.get_transceivers()) < MOST:
            here.add_track(self.track(), *self.random.sample(self.streams, self.random.randint(0, 2)))

    async def do_add_transceiver(self, here: PeerConnection, there: PeerConnection) -> None:
        if len(here.get_transceivers()) < MOST:
            what = self.random.choice(["video", self.track()])
            here.add_transceiver(what, direction=self.random.choice(DIRECTIONS))

    async def do_remove_track(self, here: PeerConnection, there: PeerConnection) -> None:
        for transceiver in self.any_of(here):
            here.remove_track(transceiver.sender)

    async def do_stop(self, here: PeerConnection, there: PeerConnection) -> None:
        for transceiver in self.any_of(here):
            transceiver.stop()

    async def do_direction(self, here: PeerConnection, there: PeerConnection) -> None:
        for transceiver in self.any_of(here):
            transceiver.direction = self.random.choice(DIRECTIONS)

    async def do_replace(self, here: PeerConnection, there: PeerConnection) -> None:
        for transceiver in self.any_of(here):
            await transceiver.sender.replace_track(self.random.choice([None, self.track()]))

    async def do_set_streams(self, here: PeerConnection, there: PeerConnection) -> None:
        for transceiver in self.any_of(here):
            transceiver.sender.set_streams(*self.random.sample(self.streams, self.random.randint(0, 2)))

    async def do_channel(self, here: PeerConnection, there: PeerConnection) -> None:
        here.create_data_channel("chat")

    async def do_restart(self, here: PeerConnection, there: PeerConnection) -> None:
        here.restart_ice()

    async def do_exchange(self, here: PeerConnection, there: PeerConnection) -> None:
        await exchange(here, there)

    async def do_glare(self, here: PeerConnection, there: PeerConnection) -> None:
        """Both offer at once, and `there` gives way."""
        offer, _ = await asyncio.gather(here.set_local_description(), there.set_local_description())
        await there.set_remote_description(offer)
        await here.set_remote_description(await there.set_local_description())

    async def do_take_back(self, here: PeerConnection, there: PeerConnection) -> None:
        """Offer, let the other side have it, do something more, and roll both back."""
        await there.set_remote_description(await here.set_local_description())
        if self.random.random() < 0.5:
            await self.do_add_track(*self.random.sample(self.sides, 2))
        await there.set_remote_description({"type": "rollback"})
        await here.set_local_description({"type": "rollback"})

    async def settle(self) -> None:
        """Negotiate until all is said, and look whether it is so."""
        a, b = self.sides
        for one, other in ((a, b), (b, a), (a, b)):
            async with asyncio.timeout(SOON):
                await exchange(one, other)
        self.done.append("settle")
        assert (a.signaling_state, b.signaling_state) == ("stable", "stable")
        assert a.local_description is not None
        assert b.local_description is not None
        sections = [pc.local_description.sdp.count("\nm=") for pc in self.sides]
        assert sections[0] == sections[1] <= 2 * MOST + 1
        ours, theirs = ({t.mid: t for t in pc.get_transceivers()} for pc in self.sides)
        assert ours.keys() == theirs.keys()
        assert None not in ours
        for mid, here in ours.items():
            assert here.current_direction == reverse(theirs[mid].current_direction), mid
        for one, other in ((ours, theirs), (theirs, ours)):
            for mid, here in one.items():
                if here.current_direction in ("sendrecv", "sendonly"):
                    got = {stream.id for stream in other[mid].receiver._streams}
                    assert got == set(here.sender._streams), f"streams of {mid}"
        await asyncio.gather(*(self.sees(one, mid, other) for one, mid, other in self.sending(ours, theirs)))

    def sending(self, ours: dict[Any, RtpTransceiver], theirs: dict[Any, RtpTransceiver]) -> list[Any]:
        """Return each transceiver that sends a track, and the other side's end of it."""
        both = [(a[mid], mid, b[mid]) for a, b in ((ours, theirs), (theirs, ours)) for mid in a]
        return [
            (here, mid, there)
            for here, mid, there in both
            if here.current_direction in ("sendrecv", "sendonly") and here.sender.track is not None
        ]

    async def sees(self, here: RtpTransceiver, mid: str, there: RtpTransceiver) -> None:
        """Wait for pictures that go on."""

        def stamp() -> int | None:
            picture = there.receiver.track.latest()
            found = None if picture is None else read_stamp(picture)
            return None if found is None else found[0]

        try:
            first = await until(stamp)
            await until(lambda: (now := stamp()) is not None and now > first)
        except AssertionError:
            reports = "\n".join(str(pc.report()) for pc in self.sides)
            raise AssertionError(f"no pictures of {mid}, {here} to {there}\n{reports}") from None

    def end(self) -> None:
        for pc in self.sides:
            pc.close()
        for source in self.sources:
            source.stop()


async def use_at_random(seed: int) -> None:
    run = Run(seed)
    try:
        for _ in range(3):
            for _ in range(run.random.randint(2, 6)):
                await run.step()
            await run.settle()
    except BaseException as error:
        error.add_note(f"seed {seed}: {' '.join(run.done)}")
        raise
    finally:
        await asyncio.to_thread(run.end)


@pytest.mark.parametrize("seed", [*range(16), 24])
async def test_whatever_two_sides_do_they_agree_in_the_end(seed: int) -> None:
    await use_at_random(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(16, 200))
async def test_whatever_two_sides_do_they_agree_in_the_end_at_length(seed: int) -> None:
    await use_at_random(seed)
