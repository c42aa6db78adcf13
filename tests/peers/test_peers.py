"""Media both ways with other WebRTC stacks, in both roles. Judged by the pictures and the sound that are decoded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jupyter_rtc as rtc

from .janus import Janus
from .peer import SOON, Missing, Peer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
GREEN = np.array([0x30, 0xA0, 0x40])


async def until(condition: Callable[[], Any]) -> Any:
    """Wait until something is so, and return it."""
    deadline = time.monotonic() + SOON
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, "did not come about in time"
        await asyncio.sleep(0.05)


async def read(track: rtc.Track[Any], *arguments: float) -> np.ndarray:
    return await asyncio.to_thread(track.read, *arguments, timeout=SOON)


async def negotiate(pc: rtc.PeerConnection, other: Peer, *, they_offer: bool) -> None:
    if they_offer:
        await pc.set_remote_description({"type": "offer", "sdp": (await other.do("offer"))["sdp"]})
        await other.do("accept", (await pc.set_local_description()).sdp)
    else:
        offer = await pc.set_local_description()
        await pc.set_remote_description({"type": "answer", "sdp": (await other.do("answer", offer.sdp))["sdp"]})


def tracks_of(events: list[rtc.TrackEvent]) -> dict[str, rtc.Track[Any]]:
    return {event.track.kind: event.track for event in events}


@pytest.mark.parametrize("they_offer", [True, False], ids=["they-offer", "we-offer"])
@pytest.mark.parametrize("name", ["gstreamer", "libwebrtc"])
async def test_pictures_and_sound_go_both_ways(peer: Callable[[str], Peer], name: str, they_offer: bool) -> None:
    events: list[rtc.TrackEvent] = []
    async with rtc.PeerConnection() as pc, peer(name) as other:
        pc.on("track", events.append)
        stream = rtc.MediaStream()
        pc.add_track(rtc.TestTone(), stream)
        pc.add_track(rtc.TestPattern((320, 240)), stream)
        await negotiate(pc, other, they_offer=they_offer)
        await until(lambda: len(events) == 2)
        here = tracks_of(events)
        assert np.abs(np.median(await read(here["video"]), axis=(0, 1)) - GREEN).max() < 12
        assert np.abs(await read(here["audio"], 0.2)).max() > 0.05

        first: dict[str, Any] = {}

        async def arrives() -> bool:
            report = await other.do("report")
            assert report["problems"] == []
            stamp = None if report["picture"] is None else rtc.read_stamp(report["picture"])
            if stamp is None or report["peak"] < 0.05:
                return False
            first.setdefault("number", stamp[0])
            return bool(stamp[0] > first["number"] + 10 and report["pictures"] > 5)

        await until(arrives)


@pytest.mark.parametrize("they_offer", [True, False], ids=["they-offer", "we-offer"])
async def test_what_pion_is_sent_comes_back(peer: Callable[[str], Peer], they_offer: bool) -> None:
    async with rtc.PeerConnection() as pc, peer("pion") as other:
        await comes_back(pc, lambda: negotiate(pc, other, they_offer=they_offer))


@pytest.mark.parametrize("full_trickle", [False, True])
async def test_what_janus_is_sent_comes_back(tmp_path: Path, full_trickle: bool) -> None:
    async with rtc.PeerConnection() as pc, janus(tmp_path, full_trickle=full_trickle) as server:
        handle = await server.attach("echotest")

        async def connect() -> None:
            offer = await pc.set_local_description()
            event = await handle.message({"audio": True, "video": True}, {"type": "offer", "sdp": offer.sdp})
            await pc.set_remote_description(event["jsep"])

        await comes_back(pc, connect)


async def test_what_is_published_in_a_room_of_janus_arrives_at_its_viewer(tmp_path: Path) -> None:
    events: list[rtc.TrackEvent] = []
    async with rtc.PeerConnection() as publisher, rtc.PeerConnection() as viewer, janus(tmp_path) as server:
        here = await server.attach("videoroom")
        joined = await here.message({"request": "join", "ptype": "publisher", "room": 1234})
        publisher.add_transceiver(rtc.TestTone(), direction="sendonly")
        publisher.add_transceiver(rtc.TestPattern((320, 240)), direction="sendonly")
        offer = await publisher.set_local_description()
        event = await here.message({"request": "publish"}, {"type": "offer", "sdp": offer.sdp})
        await publisher.set_remote_description(event["jsep"])

        there = await server.attach("videoroom")
        feed = {"feed": joined["plugindata"]["data"]["id"]}
        join = {"request": "join", "ptype": "subscriber", "room": 1234, "streams": [feed]}
        await until(lambda: publisher.connection_state == "connected")
        while "jsep" not in (event := await there.message(join)):
            await asyncio.sleep(0.1)  # Janus has not heard yet that they are connected
        viewer.on("track", events.append)
        await viewer.set_remote_description(event["jsep"])
        answer = await viewer.set_local_description()
        await there.message({"request": "start"}, {"type": "answer", "sdp": answer.sdp})
        await until(lambda: len(events) == 2)
        tracks = tracks_of(events)
        await until(lambda: read_stamp_of(tracks["video"]))
        assert np.abs(await read(tracks["audio"], 0.2)).max() > 0.05


async def read_stamp_of(track: rtc.Track[Any]) -> bool:
    return rtc.read_stamp(await read(track)) is not None


def janus(folder: Path, **options: bool) -> Janus:
    try:
        return Janus(folder / "janus", **options)
    except Missing as missing:
        pytest.skip(str(missing))


async def comes_back(pc: rtc.PeerConnection, connect: Callable[[], Any]) -> None:
    """See that our own pictures and tone come back from an echo."""
    events: list[rtc.TrackEvent] = []
    pc.on("track", events.append)
    stream = rtc.MediaStream()
    pc.add_track(rtc.TestTone(), stream)
    pc.add_track(rtc.TestPattern((320, 240)), stream)
    await connect()
    await until(lambda: len(events) == 2)
    here = tracks_of(events)
    numbers: list[int] = []
    deadline = time.monotonic() + SOON
    while len(set(numbers)) < 20:
        assert time.monotonic() < deadline, f"the pictures {numbers} came back"
        stamp = rtc.read_stamp(await read(here["video"]))
        if stamp is not None:
            numbers.append(stamp[0])
    assert numbers == sorted(numbers)  # one that is repeated for a key frame has its number twice
    assert np.abs(await read(here["audio"], 0.2)).max() > 0.05
