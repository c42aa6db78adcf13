"""The hooks into aiortc's senders: what upstream does, and that the hooks hold."""

from __future__ import annotations

import inspect
import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiortc import RTCRtpSender, rtcrtpsender
from aiortc.codecs.h264 import H264Encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    pack_remb_fci,
)

from jupyter_rtc.engine import compat_sending
from jupyter_rtc.engine.datagrams import PAYLOAD
from jupyter_rtc.media.broadcast import Encoded, Wish
from jupyter_rtc.media.packets import Outgoing


def encoded(codec: str, data: bytes, number: int = 7) -> Encoded:
    layer: Any = SimpleNamespace(wish=Wish(codec))
    return Encoded(data, 0.0, True, layer, number, (2, 2), 0.0)


def test_upstream_takes_anything_that_is_no_frame_to_its_packer():
    source = inspect.getsource(RTCRtpSender._next_encoded_frame)
    assert "payloads, timestamp = self.__encoder.pack(data)" in source
    assert "if self.__encoder is None" in source


def test_upstream_sends_again_no_more_than_it_remembers_and_that_is_ours():
    assert rtcrtpsender.RTP_HISTORY_SIZE == 1024
    assert "RTP_HISTORY_SIZE" in inspect.getsource(RTCRtpSender._run_rtp)
    assert "RTP_HISTORY_SIZE" in inspect.getsource(RTCRtpSender._retransmit)


def test_upstream_keeps_to_the_codec_object_of_the_first_negotiation():
    assert "self._run_rtp(parameters.codecs[0])" in inspect.getsource(RTCRtpSender.send)
    assert "payload_type=codec.payloadType" in inspect.getsource(RTCRtpSender._run_rtp)


def test_payloads_are_cut_once_for_all_senders():
    picture = encoded("VP8", bytes(5000))
    packer = compat_sending.Packer()
    first, timestamp = packer.pack(Outgoing(picture, 3000))
    second, later = compat_sending.Packer().pack(Outgoing(picture, 9000))
    assert first is second
    assert (timestamp, later) == (3000, 9000)
    assert len(first) == 5
    assert max(map(len, first)) <= PAYLOAD


def test_h264_is_cut_at_its_units():
    data = b"\0\0\0\1\x67abc" + b"\0\0\0\1\x68de" + b"\0\0\1\x65" + bytes(range(1, 200)) * 20
    payloads, _ = compat_sending.Packer().pack(Outgoing(encoded("H264", data), 0))
    assert payloads == list(H264Encoder._packetize(H264Encoder._split_bitstream(data)))


async def test_another_codec_takes_the_place_of_the_first_without_a_new_sender(sender, monkeypatch):
    sent: list[Any] = []

    async def send(parameters: Any) -> None:
        sent.append(parameters.codecs[0])

    sender.send = send
    told: list[str] = []
    compat_sending.take_packets(sender, told.append)
    vp8 = RTCRtpCodecParameters("video/VP8", 90_000, payloadType=96)
    h264 = RTCRtpCodecParameters("video/H264", 90_000, payloadType=102)
    rtx = RTCRtpCodecParameters("video/rtx", 90_000, payloadType=103, parameters={"apt": 102})
    await sender.send(SimpleNamespace(codecs=[vp8, h264, rtx], headerExtensions=[]))
    await sender.send(SimpleNamespace(codecs=[h264, rtx], headerExtensions=[]))
    assert told == ["VP8", "H264"]
    assert len(sent) == 1
    assert (sent[0].name, sent[0].payloadType) == ("H264", 102)
    assert vp8.payloadType == 96, "what was negotiated is not touched"
    assert sender._RTCRtpSender__rtx_payload_type == 103


class Heard:
    def __init__(self) -> None:
        self.news: list[Any] = []

    def on_estimate(self, bits: float, now: float) -> None:
        self.news.append(("estimate", bits))

    def on_loss(self, fraction: float, now: float) -> None:
        self.news.append(("loss", fraction))

    def on_nack(self, packets: int, now: float) -> None:
        self.news.append(("nack", packets))

    def on_round_trip(self, seconds: float, now: float) -> None:
        self.news.append(("trip", seconds))


async def test_what_a_receiver_says_is_heard(sender):
    heard, rounds = Heard(), []
    sender._enabled = True
    compat_sending.on_feedback(sender, heard, lambda: rounds.append(1))
    ssrc = sender._ssrc
    fci = pack_remb_fci(1_000_000, [ssrc])
    await sender._handle_rtcp_packet(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=fci))
    await sender._handle_rtcp_packet(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=b"no"))
    await sender._handle_rtcp_packet(RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=1, media_ssrc=ssrc, lost=[5, 6]))
    sender._RTCRtpSender__lsr, sender._RTCRtpSender__lsr_time = 1234, time.time() - 0.25
    report = RtcpReceiverInfo(
        ssrc=ssrc, fraction_lost=64, packets_lost=3, highest_sequence=9, jitter=0, lsr=1234, dlsr=6554
    )
    await sender._handle_rtcp_packet(RtcpRrPacket(ssrc=1, reports=[report]))
    assert heard.news[:3] == [("estimate", pytest.approx(1_000_000, rel=0.01)), ("nack", 2), ("loss", 0.25)]
    assert heard.news[3] == ("trip", pytest.approx(0.15, abs=0.05))
    assert len(rounds) == 3


async def test_a_preferred_codec_comes_first_with_its_retransmission():
    codecs = [
        RTCRtpCodecParameters("video/VP8", 90_000, payloadType=96),
        RTCRtpCodecParameters("video/rtx", 90_000, payloadType=97, parameters={"apt": 96}),
        RTCRtpCodecParameters("video/H264", 90_000, payloadType=102),
        RTCRtpCodecParameters("video/rtx", 90_000, payloadType=103, parameters={"apt": 102}),
    ]
    transceiver = SimpleNamespace(kind="video", _preferred_codecs=[], _codecs=list(codecs))
    compat_sending.prefer(transceiver, "H264")
    assert [c.payloadType for c in transceiver._codecs] == [102, 103, 96, 97]
    compat_sending.prefer(transceiver, "AV1")
    assert [c.payloadType for c in transceiver._codecs] == [102, 103, 96, 97]
    transceiver = SimpleNamespace(kind="video", _preferred_codecs=["any"], _codecs=list(codecs))
    compat_sending.prefer(transceiver, "H264")
    assert transceiver._codecs == codecs, "its user knows better"
