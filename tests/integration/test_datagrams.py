"""How long datagrams are, on the sockets themselves; and a link that drops long ones without a word."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from asyncio import selector_events
from collections import Counter
from typing import Any

import numpy as np
import pytest

import jupyter_rtc as rtc
from tests.conftest import SCALE
from tests.link import Link, why_not

from .waiting import SOON, until

LIMIT = 1200
REASON = why_not()


class Wire:
    """All datagrams that are sent, by what is in them, and how many of media are lost on the way."""

    def __init__(self) -> None:
        self.longest: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.loss = 0.0
        self._chance = random.Random(1)

    def take(self, data: bytes) -> bool:
        """Note one, and return whether it arrives."""
        first = data[0] if data else 0
        kind = "STUN" if first < 4 else "DTLS" if 20 <= first < 64 else "TURN" if 64 <= first < 80 else "RTP"
        if kind == "RTP" and 192 <= data[1] < 224:
            kind = "RTCP"
        self.sent[kind] += 1
        self.longest[kind] = max(self.longest[kind], len(data))
        return not (kind == "RTP" and self._chance.random() < self.loss)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    tap = Wire()
    send = selector_events._SelectorDatagramTransport.sendto

    def sendto(self: Any, data: bytes, addr: Any = None) -> None:
        if tap.take(bytes(data)):
            send(self, data, addr)

    monkeypatch.setattr(selector_events._SelectorDatagramTransport, "sendto", sendto)
    return tap


def noise(_t: float) -> np.ndarray:
    """Return a picture that no codec can make small."""
    return np.random.default_rng().integers(0, 255, (240, 320, 3), np.uint8)


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_no_datagram_is_longer_than_1200_bytes(wire, codec):
    got: list[bytes] = []
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.add_transceiver(rtc.NumpyVideoTrack(noise, fps=10)).set_codec_preferences([f"video/{codec}"])
        a.add_transceiver(rtc.TestTone())
        channel = a.create_data_channel("data")
        b.on("datachannel", lambda other: other.on("message", got.append))
        await rtc.connect_pair(a, b)
        wire.loss = 0.1
        await asyncio.to_thread(b.get_receivers()[0].track.read, timeout=SOON)
        await until(lambda: channel.ready_state == "open")
        for length in (1, 1000, 1100, 1101, 1188, 1200, 65_000):
            channel.send(bytes(length))
        await until(lambda: len(got) == 7)
        assert [len(message) for message in got] == [1, 1000, 1100, 1101, 1188, 1200, 65_000]
        resent = 0
        while not resent:
            resent = sum(e.get("retransmittedPacketsSent", 0) for e in (await a.get_stats()).values())
            await asyncio.sleep(0.1)
    assert max(wire.longest.values()) <= LIMIT, wire.longest
    assert {"STUN", "DTLS", "RTP", "RTCP"} <= set(wire.longest)
    assert wire.longest["RTP"] > 1000, "packets are not needlessly short"


async def test_a_name_of_a_section_may_be_long(wire):
    """It is told in each packet. What does not fit is left out; the stream is known by its SSRC."""
    for length in (48, 49):
        mid = "m" * length
        async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
            a.add_track(rtc.NumpyVideoTrack(noise, fps=10))
            offer = (await a.set_local_description()).sdp
            renamed = offer.replace("a=mid:0", f"a=mid:{mid}").replace("BUNDLE 0", f"BUNDLE {mid}")
            # Whoever answers sends, and calls the section as the offer did.
            b.add_track(rtc.NumpyVideoTrack(noise, fps=10))
            await b.set_remote_description({"type": "offer", "sdp": renamed})
            answer = (await b.set_local_description()).sdp
            await a.set_remote_description({"type": "answer", "sdp": answer.replace(mid, "0")})
            await asyncio.to_thread(a.get_receivers()[0].track.read, timeout=SOON)
    assert wire.longest["RTP"] <= LIMIT, wire.longest


@pytest.mark.skipif(REASON is not None, reason=f"no link of one's own here: {REASON}")
@pytest.mark.timeout(120)
def test_pictures_come_within_a_second_over_a_link_that_drops_what_is_longer_than_1280_bytes():
    waited = [_first_picture() for _ in range(3)]
    assert min(waited) < 1.0 * SCALE, waited


def _first_picture() -> float:
    with Link() as link:
        for way in (link.ab, link.ba):
            way.lose = lambda packet: len(packet) > 1280
        command = [sys.executable, "-m", "tests.far"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        sender = link.a.popen([*command, "send", "ours", "8"], **pipes)
        receiver = link.b.popen([*command, "receive", "ours", "4"], **pipes)
        try:
            receiver.stdin.write(sender.stdout.readline())
            receiver.stdin.flush()
            sender.stdin.write(receiver.stdout.readline())
            sender.stdin.flush()
            connected = json.loads(receiver.stdout.readline())["connected"]
            got = json.loads(receiver.stdout.readline())
        finally:
            for process in (sender, receiver):
                process.kill()
                process.communicate()
        assert got["pictures"], "pictures never came"
        assert len(got["pictures"]) > 40, "and they go on"
        assert link.ab.lost + link.ba.lost == 0, "nothing is that long"
        return got["pictures"][0][0] - connected
