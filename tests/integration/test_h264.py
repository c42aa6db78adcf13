"""H264 as cameras and their servers send it: other profiles than browsers', with and without parameters."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from fractions import Fraction

import aiohttp
import av
import numpy as np
import pytest
import pytest_asyncio
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription

import jupyter_rtc as rtc
from jupyter_rtc.jsep.reading import read

from .waiting import SOON

SIZE = (320, 240)
ASKED = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"
#: The profile_idc of ITU-T H.264, Annex A.
PROFILES = {"baseline": 66, "main": 77, "high": 100}


class Encoded(MediaStreamTrack):
    """A camera that encodes by itself: pictures of one colour, of a profile, as packets."""

    kind = "video"

    def __init__(self, profile: str, colour: tuple[int, int, int]) -> None:
        super().__init__()
        self._encoder = av.CodecContext.create("libx264", "w")
        self._encoder.width, self._encoder.height = SIZE
        self._encoder.pix_fmt = "yuv420p"
        self._encoder.framerate, self._encoder.time_base = Fraction(30), Fraction(1, 30)
        self._encoder.options = {"profile": profile, "preset": "fast", "tune": "zerolatency", "g": "15", "coder": "1"}
        self._picture = np.full((SIZE[1], SIZE[0], 3), colour, np.uint8)
        self._picture[::7, ::5] = 255 - self._picture[0, 0]  # so that transforms have something to do
        self._number = 0
        self.profile = 0

    async def recv(self) -> av.Packet:
        """Return the next packet, 30 a second."""
        await asyncio.sleep(1 / 30)
        frame = av.VideoFrame.from_ndarray(self._picture, format="rgb24")
        frame.pts, frame.time_base = self._number, Fraction(1, 30)
        self._number += 1
        (packet,) = self._encoder.encode(frame)
        parameters = re.search(rb"\x00\x00\x01[\x27\x47\x67](.)", bytes(packet), re.DOTALL)
        if parameters is not None:
            self.profile = parameters[1][0]
        return packet


@pytest_asyncio.fixture
async def camera() -> AsyncIterator[RTCPeerConnection]:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    yield connection
    await connection.close()


async def offer_of(camera: RTCPeerConnection, track: MediaStreamTrack, said: str | None) -> str:
    """Return the offer of a camera that knows one codec, H264, of which it says `said`."""
    transceiver = camera.addTransceiver(track, direction="sendonly")
    known = RTCRtpSender.getCapabilities("video").codecs
    transceiver.setCodecPreferences([c for c in known if c.parameters.get("profile-level-id") == "42001f"])
    await camera.setLocalDescription()
    text = camera.localDescription.sdp
    line = next(line for line in text.split("\r\n") if ASKED in line)
    return text.replace(f"{line}\r\n", f"{line.split(' ')[0]} {said}\r\n" if said else "")


def understood(answer: str) -> str:
    """Return an answer as aiortc, which plays the camera, understands it."""
    (codec,) = read(answer).sections[0].codecs
    text = "".join(line + "\r\n" for line in answer.split("\r\n") if line and not line.startswith("a=fmtp:"))
    return text.replace(codec.lines[0], f"{codec.lines[0]}\r\na=fmtp:{codec.payload_type} {ASKED}")


CASES = [
    ("high", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640028"),
    ("high", "packetization-mode=1;profile-level-id=64001F"),
    ("high", "profile-level-id=640028"),
    ("high", "profile-level-id=640c28;packetization-mode=0"),
    ("main", "packetization-mode=1;profile-level-id=4d002a"),
    ("main", "profile-level-id=4D401E; packetization-mode=1"),
    ("main", "packetization-mode=1"),
    ("main", None),
    ("baseline", "packetization-mode=1;profile-level-id=42e034"),
    ("high", "packetization-mode=1;profile-level-id=000000"),
]


@pytest.mark.parametrize(("profile", "said"), CASES)
async def test_each_profile_of_h264_is_received_and_echoed(camera, profile, said):
    source = Encoded(profile, (200, 40, 60))
    async with rtc.PeerConnection() as pc:
        await pc.set_remote_description({"type": "offer", "sdp": await offer_of(camera, source, said)})
        answer = (await pc.set_local_description()).sdp
        (codec,) = read(answer).sections[0].codecs
        echoed = {name.strip(): value for name, _, value in (part.partition("=") for part in (said or "").split(";"))}
        assert dict(codec.parameters) == {name: value for name, value in echoed.items() if name}
        await camera.setRemoteDescription(RTCSessionDescription(understood(answer), "answer"))
        (receiver,) = pc.get_receivers()
        picture = await asyncio.to_thread(receiver.track.read, timeout=SOON)
        assert picture.shape == (SIZE[1], SIZE[0], 3)
        assert np.abs(np.median(picture, axis=(0, 1)) - (200, 40, 60)).max() < 12
        assert source.profile == PROFILES[profile], "the stream is of the profile that is meant"


async def test_what_was_agreed_stays_usable_in_our_next_offer(camera):
    said = "packetization-mode=1;profile-level-id=640028"
    async with rtc.PeerConnection() as pc:
        offer = await offer_of(camera, Encoded("high", (9, 9, 9)), said)
        await pc.set_remote_description({"type": "offer", "sdp": offer})
        await pc.set_local_description()
        (theirs,) = read(offer).sections[0].codecs
        pc.add_transceiver("audio")
        next_offer = read((await pc.create_offer()).sdp)
        again = {codec.payload_type: codec for codec in next_offer.sections[0].codecs}
        assert again[theirs.payload_type].parameter("profile-level-id") == "640028"
        numbers = [codec.payload_type for codec in next_offer.sections[0].codecs]
        assert len(set(numbers)) == len(numbers)
        assert {"VP8", "H264"} <= {codec.name for codec in next_offer.sections[0].codecs}


async def test_an_answer_of_another_profile_is_taken():
    """As media servers give one to a viewer, whatever the viewer has offered."""
    async with rtc.PeerConnection() as viewer, rtc.PeerConnection() as server:
        viewer.add_transceiver("video", direction="recvonly").set_codec_preferences(["video/H264"])
        server.add_track(rtc.TestPattern(SIZE))
        offer = await viewer.set_local_description()
        await server.set_remote_description(offer)
        answer = (await server.set_local_description()).sdp
        answer = re.sub("profile-level-id=42.0", "profile-level-id=6400", answer)
        await viewer.set_remote_description({"type": "answer", "sdp": answer})
        assert viewer.get_transceivers()[0].current_direction == "recvonly"
        picture = await asyncio.to_thread(viewer.get_receivers()[0].track.read, timeout=SOON)
        assert picture.shape == (SIZE[1], SIZE[0], 3)


async def test_interleaved_h264_is_not_taken_for_what_it_is_not(camera):
    offer = await offer_of(camera, Encoded("main", (1, 2, 3)), "packetization-mode=2;profile-level-id=4d001f")
    async with rtc.PeerConnection() as pc:
        with pytest.raises(rtc.SdpError, match="packetization mode 2.*VP8, H264"):
            await pc.set_remote_description({"type": "offer", "sdp": offer})


# -- what is refused is told ------------------------------------------------------------------------------------------


async def publish_without_its_picture(server: rtc.WhipServer, camera: RTCPeerConnection) -> aiohttp.ClientResponse:
    """Publish sound, and pictures in a codec that nobody here knows."""
    camera.addTransceiver(rtc.TestTone(), direction="sendonly")
    camera.addTransceiver(rtc.TestPattern(), direction="sendonly")
    await camera.setLocalDescription()
    offer = re.sub(r"(VP8|H264)/90000", "H265/90000", camera.localDescription.sdp)
    async with aiohttp.ClientSession() as http:
        return await http.post(f"{server.url}/whip/gate", data=offer, headers={"Content-Type": "application/sdp"})


async def test_a_section_that_is_refused_is_told_at_the_publisher_in_published_and_in_the_log(camera, caplog):
    words = "video (a=mid:1) is refused: it has H265, and VP8, H264 can be used here"
    async with rtc.WhipServer() as server:
        with caplog.at_level(logging.WARNING, "jupyter_rtc"):
            reply = await publish_without_its_picture(server, camera)
        assert reply.status == 201
        assert words in reply.headers["Warning"]
        assert words in caplog.text
        stream = server.published["gate"]
        assert [track.kind for track in stream.get_tracks()] == ["audio"]
        assert words in repr(stream)
        assert words in repr(server.published)


async def test_nothing_is_said_where_nothing_is_refused(camera, caplog):
    async with rtc.WhipServer() as server, aiohttp.ClientSession() as http:
        camera.addTransceiver(rtc.TestPattern(), direction="sendonly")
        await camera.setLocalDescription()
        text, headers = camera.localDescription.sdp, {"Content-Type": "application/sdp"}
        async with http.post(f"{server.url}/whip/gate", data=text, headers=headers) as reply:
            assert reply.status == 201
            assert "Warning" not in reply.headers
        assert "refused" not in repr(server.published) + caplog.text


async def test_an_offer_of_which_all_is_refused_says_what_it_has_and_what_is_known(camera):
    async with rtc.WhipServer() as server, aiohttp.ClientSession() as http:
        camera.addTransceiver(rtc.TestPattern(), direction="sendonly")
        await camera.setLocalDescription()
        offer = re.sub(r"(VP8|H264)/90000", "AV1/90000", camera.localDescription.sdp)
        headers = {"Content-Type": "application/sdp"}
        async with http.post(f"{server.url}/whip/gate", data=offer, headers=headers) as reply:
            assert reply.status == 422
            assert "it has AV1, and VP8, H264 can be used here" in await reply.text()


async def test_our_own_publisher_logs_what_the_other_side_refuses(caplog):
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.add_track(rtc.TestTone())
        a.add_track(rtc.TestPattern())
        offer = (await a.set_local_description()).sdp
        await b.set_remote_description({"type": "offer", "sdp": re.sub(r"(VP8|H264)/90000", "VP9/90000", offer)})
        with caplog.at_level(logging.WARNING, "jupyter_rtc"):
            await a.set_remote_description(await b.set_local_description())
        assert "the other side refuses video (a=mid:1)" in caplog.text
