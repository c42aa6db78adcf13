"""What is counted: RTP and RTCP by tables, the hooks into aiortc and aioice, the shape of webrtc-stats."""

from __future__ import annotations

import inspect
import struct
import time
from types import SimpleNamespace
from typing import Any

import aioice.ice
import aioice.turn
import aiortc
import aiortc.rtcicetransport
import pytest
from aiortc import RTCRtpReceiver, RTCRtpSender
from aiortc.rtcdtlstransport import RTCDtlsTransport, RtpRouter
from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
)

from jupyter_rtc.engine import compat, counting, servers
from jupyter_rtc.engine.counting import MAX_DROPOUT, MOST_STREAMS, Inbound, Outbound, Packet, Streams, parse
from jupyter_rtc.engine.routes import Candidate, Counts, Pair, Route
from jupyter_rtc.engine.statistics import Certificate, Codec, Facts, Statistics, Stream, Transport
from jupyter_rtc.media.tally import Loudness, Pictures
from jupyter_rtc.rtc import stats


def packet(sequence: int, *, timestamp: int = 0, payload: int = 100, marker: bool = True, ssrc: int = 7) -> Packet:
    return Packet(97, marker, sequence % 65_536, timestamp, ssrc, 12, payload)


# -- RTP --------------------------------------------------------------------------------------------------------------

PLAIN = struct.pack("!BBHLL", 0x80, 0x80 | 97, 513, 90_000, 0xDECADE)


@pytest.mark.parametrize(
    ("data", "overhead", "payload"),
    [
        (PLAIN, 12, 0),
        (PLAIN + b"x" * 7, 12, 7),
        (b"\x82" + PLAIN[1:] + b"c" * 8 + b"x" * 7, 20, 7),
        (b"\x90" + PLAIN[1:] + b"\xbe\xde\0\2" + b"e" * 8 + b"x", 24, 1),
        (b"\xa0" + PLAIN[1:] + b"xyz" + b"\0\0\3", 15, 3),
        (b"\xa0" + PLAIN[1:] + b"\0\0\0\4", 16, 0),
        (b"\xb1" + PLAIN[1:] + b"c" * 4 + b"\xbe\xde\0\1" + b"e" * 4 + b"xx" + b"\1", 25, 2),
    ],
    ids=["no payload", "payload", "two csrcs", "an extension", "padding", "nothing but padding", "all of it"],
)
def test_header_extension_and_padding_are_told_from_the_payload(data: bytes, overhead: int, payload: int) -> None:
    assert parse(data) == Packet(97, True, 513, 90_000, 0xDECADE, overhead, payload)


@pytest.mark.parametrize(
    ("sequences", "lost", "received"),
    [
        ([1, 2, 3], 0, 3),
        ([1, 2, 4], 1, 3),
        ([1, 2, 4, 3], 0, 4),
        ([1, 1, 2], -1, 3),
        ([65_534, 65_535, 0, 1], 0, 4),
        ([65_534, 1], 2, 2),
        ([1, 2, 65_535, 3], -1, 4),
        ([1, 3, 40_000, 40_001, 40_003], 2, 4),
        ([1, 2, 40_000, 3], 0, 3),
        ([5, *range(6, 6 + MAX_DROPOUT, MAX_DROPOUT)], 0, 2),
        ([1, 1 + MAX_DROPOUT], MAX_DROPOUT - 1, 2),
    ],
    ids=[
        "all there", "a hole", "late", "twice", "wrapped", "a hole at the wrap", "one from before the first",
        "begun anew", "a stray one", "one step", "the longest hole",
    ],
)  # fmt: skip
def test_what_is_lost_is_what_the_sequence_numbers_leave_out(sequences: list[int], lost: int, received: int) -> None:
    stream = Inbound(7, 90_000)
    for sequence in sequences:
        stream.arrived(packet(sequence))
    assert stream.members()["packetsLost"] == lost
    assert stream.members()["packetsReceived"] == received


def test_what_is_sent_again_on_another_ssrc_counts_for_the_stream_and_heals_no_loss() -> None:
    stream = Inbound(7, 90_000)
    stream.rtx_ssrc = 8
    for sequence in (1, 2, 4):
        stream.arrived(packet(sequence))
    stream.arrived(packet(40_000, payload=102), rtx=True)
    stream.arrived(packet(40_001, payload=0), rtx=True)  # a probe for bandwidth: padding alone
    assert stream.members() | {"lastPacketReceivedTimestamp": None} == {
        "packetsReceived": 5, "packetsLost": 1, "jitter": 0.0, "bytesReceived": 402, "headerBytesReceived": 60,
        "nackCount": 0, "rtxSsrc": 8, "retransmittedPacketsReceived": 1, "retransmittedBytesReceived": 102,
        "lastPacketReceivedTimestamp": None,
    }  # fmt: skip


def test_jitter_is_in_seconds_whatever_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(counting.time, "monotonic", lambda: now)
    for rate in (8_000, 48_000, 90_000):
        stream = Inbound(7, rate)
        for number in range(200):
            now = 100 + number * 0.02 + (0.004 if number % 2 else 0)
            stream.arrived(packet(number, timestamp=(2**32 - rate + round(number * 0.02 * rate)) % 2**32))
        assert stream.members()["jitter"] == pytest.approx(0.004, rel=0.01)


def test_the_packets_of_one_picture_have_no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(counting.time, "monotonic", lambda: now)
    stream = Inbound(7, 90_000)
    for number in range(40):
        now = 100 + number // 4 * 0.04 + number % 4 * 0.01
        stream.arrived(packet(number, timestamp=number // 4 * 3600))
    assert stream.members()["jitter"] == pytest.approx(0, abs=1e-6)


def test_what_leaves_twice_under_one_number_is_a_repetition() -> None:
    stream = Outbound(7)
    for sequence in (65_534, 65_535, 0, 65_535, 1):
        stream.sent(packet(sequence))
    members = stream.members()
    assert (members["packetsSent"], members["retransmittedPacketsSent"]) == (5, 1)
    assert (members["bytesSent"], members["retransmittedBytesSent"], members["headerBytesSent"]) == (500, 100, 60)
    assert stream.video_members()["framesSent"] == 4


def test_a_frame_ends_with_its_marker_and_is_huge_beside_the_others() -> None:
    stream = Outbound(7)
    sizes = [300, 300, 300, 300, 3000]
    sequence = 0
    for size in sizes:
        for left in range(size, 0, -100):
            stream.sent(packet(sequence, marker=left == 100))
            sequence += 1
    assert stream.video_members()["framesSent"] == 5
    assert stream.video_members()["hugeFramesSent"] == 1


# -- RTCP -------------------------------------------------------------------------------------------------------------


def report(ssrc: int = 7, **values: int) -> RtcpReceiverInfo:
    given = {"fraction_lost": 0, "packets_lost": 0, "highest_sequence": 0, "jitter": 0, "lsr": 0, "dlsr": 0} | values
    return RtcpReceiverInfo(ssrc=ssrc, **given)


def sender_report(ntp: int = 0, **values: int) -> RtcpSrPacket:
    given = {"rtp_timestamp": 0, "packet_count": 0, "octet_count": 0} | values
    return RtcpSrPacket(7, RtcpSenderInfo(ntp_timestamp=ntp, **given))


def test_a_receiver_report_is_told_in_seconds_and_shares() -> None:
    streams = Streams(lambda _ssrc: 48_000)
    for sequence in range(65_500, 65_600):
        streams.outgoing(7).sent(packet(sequence))
    streams.control_arrived(
        RtcpRrPacket(9, [report(fraction_lost=64, packets_lost=10, highest_sequence=61, jitter=480), report(ssrc=5)])
    )
    assert streams.outbound[7].remote == {
        "packetsLost": 10, "fractionLost": 0.25, "jitter": 0.01, "packetsReceived": 98 - 10,
    }  # fmt: skip
    assert 5 not in streams.outbound


def test_the_round_trip_is_what_is_left_without_the_other_side_s_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 50.0
    monkeypatch.setattr(counting.time, "monotonic", lambda: now)
    streams = Streams()
    name = 0x12345678
    streams.control_sent(sender_report(0xABCD_1234_5678_0000))
    now = 50.75
    streams.control_arrived(RtcpRrPacket(9, [report(lsr=name, dlsr=32_768)]))
    streams.control_arrived(RtcpRrPacket(9, [report(lsr=name, dlsr=65_536)]))
    streams.control_arrived(RtcpRrPacket(9, [report(lsr=name + 1, dlsr=1)]))
    streams.control_arrived(RtcpRrPacket(9, [report()]))
    remote = streams.outbound[7].remote
    assert remote["roundTripTime"] == 0.0, "no clock is so exact: never below zero"
    assert remote["totalRoundTripTime"] == pytest.approx(0.25)
    assert remote["roundTripTimeMeasurements"] == 2


def test_a_sender_report_is_told_in_milliseconds_of_1970() -> None:
    streams = Streams()
    streams.incoming(7, 90_000)
    ntp = (2_208_988_800 + 1_000_000) << 32 | 1 << 31
    for _ in range(2):
        streams.control_arrived(sender_report(ntp, packet_count=3, octet_count=400))
    assert streams.inbound[7].remote == {
        "packetsSent": 3, "bytesSent": 400, "remoteTimestamp": 1_000_000_500.0, "reportsSent": 2,
    }  # fmt: skip


def test_requests_are_counted_for_the_stream_that_they_name() -> None:
    streams = Streams()
    streams.incoming(7, 90_000)
    streams.outgoing(8)
    fir = RtcpPsfbPacket(RTCP_PSFB_FIR, 1, 0, struct.pack("!LBxxxLBxxx", 8, 0, 99, 0))
    for packet_of in (
        lambda ssrc: RtcpRtpfbPacket(RTCP_RTPFB_NACK, 1, ssrc, [5, 6]),
        lambda ssrc: RtcpPsfbPacket(RTCP_PSFB_PLI, 1, ssrc),
    ):
        streams.control_sent(packet_of(7))
        streams.control_arrived(packet_of(8))
        streams.control_arrived(packet_of(99))
    streams.control_arrived(fir)
    assert [(s.nacks, s.plis, s.firs) for s in (streams.inbound[7], streams.outbound[8])] == [(1, 1, 0), (1, 1, 1)]


def test_streams_are_bounded() -> None:
    streams = Streams()
    for ssrc in range(3 * MOST_STREAMS):
        streams.incoming(ssrc, 90_000)
    assert len(streams.inbound) == MOST_STREAMS


# -- encoders and decoders --------------------------------------------------------------------------------------------


def test_loudness_is_that_of_webrtc_stats() -> None:
    import numpy as np

    loudness = Loudness()
    loudness.add(np.full((480, 2), 0.5, np.float32), 48_000)
    loudness.add(np.zeros((480, 2), np.float32), 48_000)
    assert loudness.members() == {
        "audioLevel": 0.0, "totalAudioEnergy": pytest.approx(0.01 * 0.25), "totalSamplesDuration": pytest.approx(0.02),
    }  # fmt: skip


def test_pictures_are_counted_with_their_time() -> None:
    pictures = Pictures()
    assert "frameWidth" not in pictures.members("Encode")
    pictures.add((640, 480), 0.5, key=True)
    pictures.add((320, 240), 0.25)
    assert pictures.members("Encode") == {
        "framesEncoded": 2, "keyFramesEncoded": 1, "totalEncodeTime": 0.75, "framesPerSecond": 2,
        "frameWidth": 320, "frameHeight": 240,
    }  # fmt: skip


# -- the hooks --------------------------------------------------------------------------------------------------------


def test_upstream_still_gives_one_name_to_all_streams_of_a_receiver() -> None:
    assert 'id="inbound-rtp_" + str(id(self))' in inspect.getsource(RTCRtpReceiver.getStats)


@pytest.mark.parametrize(
    ("where", "call"),
    [
        (RTCDtlsTransport._recv_next, "self._handle_rtp_data(data, arrival_time_ms=arrival_time_ms)"),
        (RTCDtlsTransport._handle_rtp_data, "self._rtp_router.route_rtp(packet)"),
        (RTCDtlsTransport._handle_rtcp_data, "self._rtp_router.route_rtcp(packet)"),
        (RTCRtpSender._run_rtp, "self.transport._send_rtp(packet_bytes)"),
        (RTCRtpSender._retransmit, "self.transport._send_rtp(packet_bytes)"),
        (RTCRtpSender._send_rtcp, "self.transport._send_rtp(payload)"),
        (RTCRtpReceiver._send_rtcp, "self.transport._send_rtp(bytes(packet))"),
        (aioice.Connection.sendto, "active_pair.protocol.send_data(data, active_pair.remote_addr)"),
        (aioice.stun.Transaction, "self.__protocol.send_stun(self.__request, self.__addr)"),
        (aioice.turn.TurnClientMixin.datagram_received, "self.receiver.datagram_received("),
        (aioice.Connection.get_component_candidates, "server_reflexive_candidate(protocol, self.stun_server)"),
        (aioice.Connection.get_component_candidates, "turn_server=self.turn_server"),
        (aioice.Connection.gather_candidates, "self.get_component_candidates(component=component"),
        (aioice.turn.TurnTransport._close, "self.__inner_protocol.delete()"),
        (aiortc.RTCIceGatherer.__init__, "ice_kwargs = connection_kwargs(iceServers)"),
        (aioice.Connection.get_component_candidates, "protocol_factory=lambda: StunProtocol(self)"),
    ],
)
def test_upstream_still_calls_what_is_hooked(where: Any, call: str) -> None:
    assert call in inspect.getsource(where)


async def test_a_packet_passes_the_hooks_and_is_counted() -> None:
    pc = compat.connection((), "all")
    transceiver = pc.addTransceiver("video")
    statistics = Statistics(pc)
    statistics.watch()
    statistics.watch()
    (dtls,) = pc._RTCPeerConnection__dtlsTransports
    sent: list[bytes] = []

    async def send(data: bytes) -> None:
        sent.append(data)

    dtls._state, dtls._tx_srtp = type(dtls._state).CONNECTED, SimpleNamespace(protect=bytes, protect_rtcp=bytes)
    dtls.transport._send = send
    main = struct.pack("!BBHLL", 0x80, 0x80 | 97, 1, 0, transceiver.sender._ssrc) + b"abc"
    again = struct.pack("!BBHLL", 0x80, 98, 9, 0, transceiver.sender._rtx_ssrc) + b"\0\1abc"
    for data in (main, again, bytes(sender_report())):
        await dtls._send_rtp(data)
    assert len(sent) == 3
    (stream,) = statistics.facts([transceiver], {}, {}).streams
    assert stream.members["packetsSent"] == 2
    assert stream.members["retransmittedPacketsSent"] == 1
    assert stream.members["bytesSent"] == 8
    await pc.close()


def test_every_hooked_name_of_the_router_is_there() -> None:
    assert {"route_rtp", "route_rtcp"} <= set(vars(RtpRouter))
    assert aioice.ice.server_reflexive_candidate is servers._stun
    assert aioice.ice.relayed_candidate is servers._turn
    assert aioice.turn.TurnClientMixin.delete is servers._give_back
    assert aiortc.rtcicetransport.connection_kwargs is servers._choices


# -- the shape --------------------------------------------------------------------------------------------------------


def candidate(key: int, **values: Any) -> Candidate:
    given = {
        "address": "192.0.2.1", "port": 5000, "protocol": "udp", "type": "host", "priority": 1, "foundation": "f",
        "related_address": None, "related_port": None, "server": None, "told": True,
    }  # fmt: skip
    return Candidate(key, **(given | values))


def transport(**values: Any) -> Transport:
    given = {
        "key": 0, "ice_state": "completed", "dtls_state": "connected", "ice_role": "controlling", "dtls_role": "client",
        "tls_version": "FEFD", "dtls_cipher": "TLS_X", "srtp_cipher": "SRTP_X",
        "local_certificate": Certificate("AA", "sha-256", "YQ=="), "remote_certificate": None, "changes": 1,
        "route": Route(
            [candidate(0)], [candidate(1, type="prflx", told=False)],
            [Pair(0, 0, 1, "succeeded", True, True, Counts(packets_sent=2, bytes_sent=30, round_trip=0.01,
                                                            all_round_trips=0.02, last_sent=5.0))],
        ),
    }  # fmt: skip
    return Transport(**(given | values))


def stream(direction: Any, **values: Any) -> Stream:
    given = {
        "section": 0, "mid": "0", "kind": "video", "ssrc": 7, "transport": 0,
        "codec": Codec(97, "video/VP8", 90_000, None, ""), "members": {"packetsSent": 1}, "remote": {},
        "reported": None,
    }  # fmt: skip
    return Stream(direction, **(given | values))


def test_ids_lead_from_the_stream_to_the_certificate() -> None:
    facts = Facts(
        1_700_000_000.5, [transport()],
        [stream("outbound", remote={"packetsLost": 2}, reported=1_700_000_000.25)],
        {0: {"kind": "video", "trackIdentifier": "t"}},
    )  # fmt: skip
    shaped = stats.shape(facts)
    assert all(entry["id"] == name for name, entry in shaped.items())
    out = shaped["outbound-rtp_0_7"]
    assert out["timestamp"] == 1_700_000_000_500
    assert shaped[out["codecId"]]["mimeType"] == "video/VP8"
    assert "sdpFmtpLine" not in shaped[out["codecId"]]
    assert shaped[out["mediaSourceId"]]["trackIdentifier"] == "t"
    told = shaped[out["remoteId"]]
    assert (told["type"], told["localId"], told["packetsLost"]) == ("remote-inbound-rtp", out["id"], 2)
    assert told["timestamp"] == 1_700_000_000_250
    carrier = shaped[out["transportId"]]
    assert (carrier["packetsSent"], carrier["bytesSent"]) == (2, 30)
    assert "remoteCertificateId" not in carrier
    assert shaped[carrier["localCertificateId"]]["base64Certificate"] == "YQ=="
    pair = shaped[carrier["selectedCandidatePairId"]]
    assert (pair["currentRoundTripTime"], pair["totalRoundTripTime"]) == (0.01, 0.02)
    assert pair["lastPacketSentTimestamp"] == 5000
    assert shaped[pair["localCandidateId"]]["address"] == "192.0.2.1"
    assert "address" not in shaped[pair["remoteCandidateId"]], "as in browsers, where the other side has not named it"


def test_a_selection_has_what_its_stream_refers_to_and_no_more() -> None:
    facts = Facts(
        time.time(), [transport()],
        [stream("outbound"), stream("inbound"), stream("outbound", section=1, ssrc=8, kind="audio")],
        {0: {}, 1: {}},
    )  # fmt: skip
    shaped = stats.shape(facts)
    kinds = {entry["type"] for entry in stats.select(shaped, "outbound-rtp", 0).values()}
    assert kinds == {
        "outbound-rtp", "codec", "transport", "media-source", "candidate-pair", "local-candidate", "remote-candidate",
        "certificate",
    }  # fmt: skip
    assert [e["ssrc"] for e in stats.select(shaped, "outbound-rtp", 1).values() if "ssrc" in e] == [8]
    assert stats.select(shaped, "inbound-rtp", 1) == {}
    assert stats.select(shaped, "outbound-rtp", None) == {}


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("turn:h:1?transport=udp", "udp"),
        ("turn:h:1?transport=tcp", "tcp"),
        ("turns:h:1?transport=tcp", "tls"),
        (None, None),
    ],
)
def test_a_relayed_candidate_tells_how_its_server_is_reached(server: str | None, expected: str | None) -> None:
    relayed = candidate(0, type="relay", server=server)
    shaped = stats.shape(Facts(0.0, [transport(route=Route([relayed], [], []))]))
    assert shaped["local-candidate_0_0"].get("relayProtocol") == expected
    assert shaped["local-candidate_0_0"].get("url") == server


@pytest.mark.parametrize(
    ("states", "opened", "closed"),
    [
        ([], 0, 0),
        ([("connecting", False), ("open", True)], 1, 0),
        ([("closed", True), ("closing", True), ("closed", False)], 2, 2),
    ],
)
def test_a_channel_that_was_never_open_is_not_counted_as_closed(states: Any, opened: int, closed: int) -> None:
    channels = [stats.ChannelCounts("l", "", None, state, was, 0, 0, 0, 0) for state, was in states]
    entry = stats.shape(Facts(0.0), channels)["peer-connection"]
    assert (entry["dataChannelsOpened"], entry["dataChannelsClosed"]) == (opened, closed)
