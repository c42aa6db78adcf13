"""Publishing to media servers and playing from them, and others that publish into ours and play from it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio

import jupyter_rtc as rtc

from .media_server import TOKEN, Pion
from .peer import SOON, Missing, Peer, pion_server
from .test_peers import GREEN, read, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest_asyncio.fixture(params=["full", "lite"])
async def server(build_folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[Pion]:
    """Return a media server made with pion; "lite": its ICE never asks."""
    try:
        (program,) = pion_server(build_folder)
    except Missing as missing:
        pytest.skip(str(missing))
    async with Pion(program, request.param) as server:
        yield server


@pytest.fixture
def pion(server: Pion) -> str:
    """Return its address."""
    return server.url


async def publish(url: str, token: str = TOKEN, codec: str = "") -> rtc.PeerConnection:
    pc = rtc.PeerConnection()
    stream = rtc.MediaStream()
    pc.add_track(rtc.TestTone(), stream)
    pc.add_track(rtc.TestPattern((320, 240)), stream)
    if codec:
        pc.get_transceivers()[1].set_codec_preferences([codec])
    await pc.connect(rtc.Whip(url, token=token), SOON)
    return pc


async def counts(base: str, name: str) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http,
        http.get(f"{base}/counts/{name}") as reply,
    ):
        return await reply.json(content_type=None) if reply.status == 200 else {}


async def number_of(track: rtc.Track[Any]) -> int:
    async def look() -> Any:
        return rtc.read_stamp(await read(track))

    return (await until(look))[0]


@pytest.mark.parametrize("codec", ["video/VP8", "video/H264"])
async def test_thousands_could_watch_through_pion(pion: str, codec: str) -> None:
    began = time.time()
    publisher = await publish(f"{pion}/whip/live", codec=codec)
    await until(lambda: has_come(pion))
    assert (await counts(pion, "live"))["first"] - began < SOON
    async with rtc.PeerConnection() as first, rtc.PeerConnection() as second:
        for viewer in (first, second):
            events: list[rtc.TrackEvent] = []
            viewer.on("track", events.append)
            await viewer.connect(rtc.Whep(f"{pion}/whep/live", token=TOKEN), SOON)
            await until(lambda events=events: len(events) == 2)
            tracks = {event.track.kind: event.track for event in events}
            number = await number_of(tracks["video"])
            while await number_of(tracks["video"]) < number + 20:
                pass
            assert (await read(tracks["video"])).shape == (240, 320, 3)
            assert np.abs(await read(tracks["audio"], 0.5)).max() > 0.05
    await publisher.aclose()

    async def gone() -> bool:
        return not await counts(pion, "live")

    await until(gone)


async def test_a_server_that_was_killed_is_published_to_and_played_from_again(server: Pion) -> None:
    publisher = await publish(f"{server.url}/whip/live")
    await until(lambda: has_come(server.url))
    async with publisher, rtc.PeerConnection() as viewer:
        events: list[rtc.TrackEvent] = []
        viewer.on("track", events.append)
        await viewer.connect(rtc.Whep(f"{server.url}/whep/live", token=TOKEN), SOON)
        await until(lambda: len(events) == 2)
        tracks = {event.track.kind: event.track for event in events}
        number = await number_of(tracks["video"])
        await server.kill()
        await until(lambda: publisher.connection_state == viewer.connection_state == "disconnected")
        await server.start()
        await until(lambda: has_come(server.url))
        # The one who looked too early, for a stream that was not there yet, looks again.
        await until(lambda: publisher.connection_state == viewer.connection_state == "connected")
        assert await number_of(tracks["video"]) > number
        assert np.abs(await read(tracks["audio"], 0.5)).max() > 0.05
        assert len(events) == 2


async def has_come(url: str) -> bool:
    told = await counts(url, "live")
    return bool(told) and min(told["packets"].get(kind, 0) for kind in ("audio", "video")) > 5


async def test_pion_refuses_and_says_why(pion: str) -> None:
    async with rtc.PeerConnection() as viewer:
        with pytest.raises(rtc.SignalingError) as caught:
            await viewer.connect(rtc.Whep(f"{pion}/whep/nothing", token=TOKEN))
        assert (caught.value.status, "no such stream" in str(caught.value)) == (404, True)
        with pytest.raises(rtc.SignalingError) as caught:
            await viewer.connect(rtc.Whep(f"{pion}/whep/nothing", token="wrong"))
        assert caught.value.status == 401
        assert "sesame" in str(caught.value)  # the server's own words
        assert "wrong" not in str(caught.value)


@pytest.mark.parametrize("name", ["gstreamer", "libwebrtc"])
async def test_others_publish_into_our_server(peer: Any, name: str) -> None:
    async with rtc.WhipServer(token=TOKEN) as server, peer(name) as other:
        location = await by_post(other, f"{server.url}/whip/robot")
        stream = server.published["robot"]
        (video,), (audio,) = stream.get_video_tracks(), stream.get_audio_tracks()
        assert np.abs(np.median(await read(video), axis=(0, 1)) - GREEN).max() < 12
        assert np.abs(await read(audio, 0.5)).max() > 0.05
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
            assert (await http.delete(location)).status == 200
        assert not server.published


@pytest.mark.parametrize("name", ["gstreamer", "libwebrtc"])
async def test_others_play_from_our_server(peer: Any, name: str) -> None:
    async with rtc.WhipServer(token=TOKEN) as server, peer(name) as other:
        server.publish("plot", rtc.MediaStream([rtc.TestTone(), rtc.TestPattern((320, 240))]))
        await by_post(other, f"{server.url}/whep/plot")

        async def arrives() -> bool:
            report = await other.do("report")
            assert report["problems"] == []
            return (
                report["picture"] is not None
                and rtc.read_stamp(report["picture"]) is not None
                and report["peak"] > 0.05
                and report["pictures"] > 5
            )

        await until(arrives)


async def by_post(other: Peer, url: str) -> str:
    """Let another stack be a client, and return its session's address."""
    offer = (await other.do("offer"))["sdp"]
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/sdp"}
    async with aiohttp.ClientSession() as http, http.post(url, data=offer, headers=headers) as reply:
        assert reply.status == 201, await reply.text()
        await other.do("accept", await reply.text())
        return str(reply.url.join(type(reply.url)(reply.headers["Location"])))
