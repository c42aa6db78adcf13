"""RTP header extensions that aiortc does not know: what is said, and what is heard."""

from __future__ import annotations

from typing import Any

from aiortc import rtp
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, RtcpReceiverInfo, RtcpRrPacket, RtpPacket, unpack_header_extensions

from jupyter_rtc import PeerConnection, TestPattern
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


async def test_both_are_offered_for_video():
    async with PeerConnection() as pc:
        pc.add_track(TestPattern())
        offer = await pc.create_offer()
    assert PLAYOUT_DELAY in offer.sdp
    assert COLOUR_SPACE in offer.sdp
