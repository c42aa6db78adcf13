"""The limit on datagrams: that aiortc still has what we set, and that nothing which is put together is above it."""

from __future__ import annotations

import inspect

import aiortc.codecs.h264
import aiortc.codecs.vpx
from aiortc import rtcdtlstransport, rtcrtpreceiver, rtcsctptransport
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder

from jupyter_rtc.engine.datagrams import LIMIT, MOST_LOST, PAYLOAD, limit_nacks, records


def test_upstream_still_needs_shorter_payloads():
    """Its own constants make datagrams of 1346 bytes."""
    assert "PACKET_MAX = 1300" in inspect.getsource(aiortc.codecs.vpx)
    assert "PACKET_MAX = 1300" in inspect.getsource(aiortc.codecs.h264)
    assert "SCTP_MAX_PACKET_LENGTH = 1189" in inspect.getsource(rtcsctptransport)


def test_payloads_of_both_codecs_have_room_for_all_that_is_put_around_them():
    vp8 = Vp8Encoder._packetize(bytes(5000), 7)
    h264 = H264Encoder._packetize([b"\x65" + bytes(5000), b"\x41" + bytes(PAYLOAD - 1), b"\x67" + bytes(10)])
    for payloads in (vp8, h264):
        assert len(payloads) > 4
        assert PAYLOAD - 200 < max(map(len, payloads)) <= PAYLOAD
    assert PAYLOAD + 12 + 66 + 16 + 2 + 4 <= LIMIT


def test_a_message_is_cut_into_chunks_that_fit():
    sctp = rtcsctptransport
    assert sctp.USERDATA_MAX_LENGTH + 12 + 16 <= sctp.SCTP_MAX_PACKET_LENGTH
    assert sctp.SCTP_MAX_PACKET_LENGTH + 65 + 4 <= LIMIT
    assert sctp.USERDATA_MAX_LENGTH % 4 == 0


def test_upstream_still_reads_what_we_set_when_it_cuts():
    assert "USERDATA_MAX_LENGTH" in inspect.getsource(rtcsctptransport.RTCSctpTransport._send)


def record(length: int) -> bytes:
    return b"\x16\xfe\xfd" + bytes(8) + length.to_bytes(2, "big") + bytes([length % 256]) * length


def test_a_flight_is_sent_in_whole_records():
    flight = [record(length) for length in (600, 500, 90, 1, 1100, 1300, 40)]
    datagrams = list(records(b"".join(flight)))
    assert b"".join(datagrams) == b"".join(flight)
    assert [len(datagram) for datagram in datagrams] == [613 + 513, 103 + 14, 1113, 1313, 53], "one cannot be cut"
    assert list(records(b"")) == []


def test_upstream_still_sends_what_openssl_has_written_as_it_comes():
    source = inspect.getsource(rtcdtlstransport.RTCDtlsTransport._write_ssl)
    assert "bio_read(1500)" in source
    assert "__tx_bytes" in source
    assert "await self._write_ssl()" in inspect.getsource(rtcdtlstransport.RTCDtlsTransport)


async def test_many_lost_packets_are_asked_for_in_several_messages():
    class Receiver:
        def __init__(self) -> None:
            self.asked: list[tuple[int, list[int]]] = []

        async def _send_rtcp_nack(self, ssrc: int, lost: list[int]) -> None:
            self.asked.append((ssrc, lost))

    receiver = Receiver()
    limit_nacks(receiver)
    lost = list(range(0, 2 * (MOST_LOST + 50), 2))
    await receiver._send_rtcp_nack(7, lost)
    assert [ssrc for ssrc, _ in receiver.asked] == [7, 7]
    assert [number for _, some in receiver.asked for number in some] == lost
    assert 4 * MOST_LOST + 12 + 20 < LIMIT
    assert "async def _send_rtcp_nack" in inspect.getsource(rtcrtpreceiver.RTCRtpReceiver)
