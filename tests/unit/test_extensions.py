"""RTP header extensions that aiortc does not know: what is said, and what is heard."""

from __future__ import annotations

import re
from typing import Any

import pytest
from aiortc import rtp
from aiortc.codecs import HEADER_EXTENSIONS
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, RtcpReceiverInfo, RtcpRrPacket, RtpPacket, unpack_header_extensions

from jupyter_rtc import PeerConnection, TestPattern
from jupyter_rtc.engine.compat_sending import take_packets
from jupyter_rtc.engine.extensions import (
    AT_ONCE,
    COLOUR_SPACE,
    FREELY,
    PLAYOUT_DELAY,
    Extensions,
    colours_of,
    playout,
    show_at_once,
)

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"


def negotiated(**ids: int) -> RTCRtpParameters:
    uris = {"mid": MID, "playout": PLAYOUT_DELAY, "colours": COLOUR_SPACE}
    return RTCRtpParameters(
        headerExtensions=[RTCRtpHeaderExtensionParameters(id=id_, uri=uris[name]) for name, id_ in ids.items()]
    )


def table(**ids: int) -> Any:
    """Return a table as aiortc makes it."""
    made: Any = rtp.HeaderExtensionsMap()
    assert isinstance(made, Extensions)
    made.configure(negotiated(**ids))
    return made


def said(extensions: Extensions) -> dict[int, bytes]:
    return dict(unpack_header_extensions(*extensions.set(HeaderExtensions(mid="0"))))


def test_the_playout_delay_stands_beside_what_aiortc_says():
    extensions = table(mid=1, playout=7)
    assert said(extensions) == {1: b"0"}
    extensions.playout = AT_ONCE
    assert said(extensions) == {1: b"0", 7: AT_ONCE}


def test_it_is_not_said_to_one_that_does_not_know_it():
    extensions = table(mid=1)
    extensions.playout = AT_ONCE
    assert said(extensions) == {1: b"0"}


def test_where_packets_come_unevenly_the_receiver_evens_them_out():
    value: bytes | None = AT_ONCE
    values = [value := playout(value, jitter) for jitter in (0.002, 0.020, 0.040, 0.015, 0.005)]
    assert values == [AT_ONCE, AT_ONCE, FREELY, FREELY, AT_ONCE]


async def test_a_senders_receiver_decides(sender):
    show_at_once(sender)
    for ssrc, jitter, value in ((sender._ssrc + 1, 90_000, AT_ONCE), (sender._ssrc, 9000, FREELY)):
        report = RtcpReceiverInfo(
            ssrc=ssrc, fraction_lost=0, packets_lost=0, highest_sequence=9, jitter=jitter, lsr=0, dlsr=0
        )
        await sender._handle_rtcp_packet(RtcpRrPacket(ssrc=1, reports=[report]))
        assert sender._RTCRtpSender__rtp_header_extensions_map.playout == value


def received(extensions: Extensions, colours: bytes | None) -> RtpPacket:
    """Return a packet as it is parsed on arrival."""
    packet = RtpPacket(payload_type=97, marker=1, payload=b"x")
    parts = [(1, b"0")] + ([(8, colours)] if colours is not None else [])
    data = packet.serialize(rtp.HeaderExtensionsMap())
    profile, value = rtp.pack_header_extensions(parts)
    head = bytes([data[0] | 0x10]) + data[1:12] + profile.to_bytes(2, "big") + (len(value) // 4).to_bytes(2, "big")
    return RtpPacket.parse(head + value + data[12:], extensions)


def test_what_a_picture_s_colours_are_is_heard():
    extensions = table(mid=1, colours=8)
    # As Chromium sends it: BT.709's primaries, sRGB, BT.709's matrix, full range.
    assert colours_of(received(extensions, bytes.fromhex("010d0120"))) == (1, 2)
    assert colours_of(received(extensions, None)) is None
    assert colours_of(received(extensions, b"\1")) is None
    assert colours_of(received(table(mid=1), bytes.fromhex("010d0120"))) is None


@pytest.mark.parametrize("colours", ["01010300", "010d0820", "010dff20", "010d0100", "010d0130"])
def test_colours_that_nobody_can_convert_are_passed_over(colours):
    assert colours_of(received(table(mid=1, colours=8), bytes.fromhex(colours))) is None


@pytest.mark.parametrize("data", [b"\x30\x01\0\0", b"\x1f\1\0\0", b"\x20", b"\x10\xff\0\0"])
def test_what_is_malformed_says_nothing_and_raises_nothing(data):
    extensions: Any = rtp.HeaderExtensionsMap()
    extensions.configure(RTCRtpParameters(headerExtensions=HEADER_EXTENSIONS["video"] + HEADER_EXTENSIONS["audio"]))
    assert extensions.get(0xBEDE, data) == HeaderExtensions()


def test_a_number_that_means_something_else_now_no_longer_means_what_it_did():
    extensions = table(mid=1, playout=4)
    extensions.playout = AT_ONCE
    extensions.configure(negotiated(colours=4))
    assert said(extensions) == {1: b"0"}


async def test_a_sender_follows_another_negotiation(sender):
    take_packets(sender, lambda _codec: None)
    show_at_once(sender)
    codec = RTCRtpCodecParameters(mimeType="video/VP8", clockRate=90_000, payloadType=97)
    for ids, wanted in (({"mid": 1, "playout": 4}, {1: b"0", 4: AT_ONCE}), ({"mid": 3}, {3: b"0"})):
        parameters = negotiated(**ids)
        parameters.codecs = [codec]
        await sender.send(parameters)
        assert said(sender._RTCRtpSender__rtp_header_extensions_map) == wanted


@pytest.mark.parametrize("number", [0, 256, 4096])
async def test_numbers_that_no_packet_can_tell_are_as_good_as_not_there(number):
    async with PeerConnection() as a, PeerConnection() as b:
        a.add_track(TestPattern())
        offer = await a.create_offer()
        sdp = re.sub(rf"a=extmap:\d+ {PLAYOUT_DELAY}", f"a=extmap:{number} {PLAYOUT_DELAY}", offer.sdp)
        await b.set_remote_description({"type": "offer", "sdp": sdp})
        answer = await b.set_local_description()
    assert PLAYOUT_DELAY not in answer.sdp
    assert COLOUR_SPACE in answer.sdp


async def test_both_are_offered_for_video():
    async with PeerConnection() as pc:
        pc.add_track(TestPattern())
        offer = await pc.create_offer()
    assert PLAYOUT_DELAY in offer.sdp
    assert COLOUR_SPACE in offer.sdp
