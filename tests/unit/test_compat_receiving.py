"""What aiortc's receiver does with packets: that ours is still needed, that its hooks are there, and what it does."""

from __future__ import annotations

import asyncio
import inspect
import queue
import threading
import time
from types import SimpleNamespace

import aiortc
import pytest
from aiortc import RTCRtpReceiver
from aiortc.codecs import PCMU_CODEC
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rate import AimdRateControl, RemoteBitrateEstimator
from aiortc.rtcrtpreceiver import NackGenerator, RemoteStreamTrack
from aiortc.rtp import RtpPacket

from jupyter_rtc.engine import compat_receiving
from jupyter_rtc.engine.bandwidth import BandwidthEstimator
from jupyter_rtc.engine.compat_receiving import Intake, Work
from jupyter_rtc.engine.packets import Encoded
from tests.conftest import SCALE
from tests.unit.test_compat import dtls

SOON = 5 * SCALE
VP8, OPUS = 97, 96
KEY, DELTA = b"\x10\x00key", b"\x10\x01delta"


class Receiver:
    """A receiver as aiortc makes it, with our intake, and what that asked the other side for."""

    def __init__(self, kind: str = "video") -> None:
        self.aiortc = RTCRtpReceiver(kind, dtls())
        self.aiortc._track = RemoteStreamTrack(kind)
        self.decoded: list[bytes] = []
        self.ended = threading.Event()
        self.arrived = 0
        self.pli: list[int] = []
        self.nacks: list[tuple[int, list[int]]] = []
        self.intake = Intake(self.aiortc, lambda _codec, e: self.decoded.append(e.data), self.ended.set, self._arrive)
        codecs = self.aiortc._RTCRtpReceiver__codecs
        for codec in aiortc.codecs.CODECS[kind]:
            codecs[codec.payloadType] = codec
        self.aiortc._send_rtcp_pli = self._send_pli
        self.aiortc._send_rtcp_nack = self._send_nack
        self.aiortc._RTCRtpReceiver__decoder_thread = True
        self.number = 65_530

    def _arrive(self) -> None:
        self.arrived += 1

    async def _send_pli(self, ssrc: int) -> None:
        self.pli.append(ssrc)

    async def _send_nack(self, ssrc: int, lost: list[int]) -> None:
        self.nacks.append((ssrc, lost))

    async def packet(self, payload: bytes, *, ssrc: int = 1, payload_type: int = VP8, skip: int = 0) -> None:
        """Let a packet come by aiortc's own way; `skip` lost ones before it."""
        self.number += 1 + skip
        packet = RtpPacket(
            payload_type=payload_type, marker=1, sequence_number=self.number & 0xFFFF, ssrc=ssrc,
            timestamp=self.number * 3000 & 0xFFFFFFFF, payload=payload,
        )  # fmt: skip
        await self.aiortc._handle_rtp_packet(packet, arrival_time_ms=self.number * 33)
        await asyncio.sleep(0)

    def decode(self) -> list[bytes]:
        """Return what waits for the decoder."""
        got = [encoded.data for _, encoded in self.intake.work._waiting]
        self.intake.work.clear()
        return got


# -- that it is still needed ------------------------------------------------------------------------------------------


async def test_upstream_still_needs_bounded_queues():
    receiver = RTCRtpReceiver("video", dtls())
    decoder_queue = receiver._RTCRtpReceiver__decoder_queue
    assert type(decoder_queue) is queue.Queue
    assert decoder_queue.maxsize == 0
    track = RemoteStreamTrack("video")
    assert type(track._queue) is asyncio.Queue
    assert track._queue.maxsize == 0


def test_upstream_still_needs_the_next_picture_to_give_one_out():
    buffer = JitterBuffer(capacity=512, is_video=True)
    packets = [RtpPacket(sequence_number=n, timestamp=n, marker=1) for n in range(2)]
    for packet in packets:
        packet._data = b"x"
    assert buffer.add(packets[0])[1] is None
    assert buffer.add(packets[1])[1] is not None


def test_upstream_still_gives_out_one_picture_for_each_packet_however_many_wait():
    buffer = JitterBuffer(capacity=512, is_video=True)
    given = []
    for number in (0, 2, 3, 4, 1, 5):
        packet = RtpPacket(sequence_number=number, timestamp=number, marker=1)
        packet._data = b"x"
        given.append(buffer.add(packet)[1])
    assert len([frame for frame in given if frame]) == 2


def test_upstream_still_asks_once_for_what_is_missing():
    nacks = NackGenerator()
    assert [nacks.add(RtpPacket(sequence_number=n)) for n in (0, 2, 3, 4)] == [False, True, False, False]


def test_upstream_still_waits_three_seconds_to_say_what_it_can_take():
    assert "now_ms - self.first_estimated_throughput_time > 3000" in inspect.getsource(AimdRateControl)
    control = AimdRateControl()
    assert control._multiplicative_rate_increase(1_000_000, 0, 1000) == 80_000


def test_upstream_still_has_the_hooks():
    source = inspect.getsource(RTCRtpReceiver)
    for name in (
        "self.__decoder_queue,", "self._track._queue", "self.__jitter_buffer.add(packet)", "self.__remote_streams",
        "self.__nack_generator.add(packet)", "self.__remote_bitrate_estimator.add(", "self.__codecs[apt]",
        "async def _send_rtcp_pli(self, media_ssrc: int)",
        "async def _send_rtcp_nack(self, media_ssrc: int, lost: list[int])", "packet._data = depayload(",
        "self.__decoder_queue.put(None)",
    ):  # fmt: skip
        assert name in source, name
    worker = inspect.getsource(aiortc.rtcrtpreceiver.decoder_worker)
    assert "task = input_q.get()" in worker
    assert "output_q.put(None)" in worker
    ours = inspect.signature(BandwidthEstimator.add).parameters
    assert list(ours) == list(inspect.signature(RemoteBitrateEstimator.add).parameters)


# -- reading ----------------------------------------------------------------------------------------------------------


async def test_what_nobody_reads_is_counted_and_nothing_else():
    receiver = Receiver()
    for _ in range(200):
        await receiver.packet(KEY)
        await receiver.packet(DELTA, skip=1)
    assert receiver.arrived == 400
    assert receiver.intake.unread == 400
    assert receiver.decode() == []
    assert receiver.nacks == []
    assert receiver.pli == []
    assert not receiver.intake.video._packets


async def test_reading_begins_with_a_key_frame_each_time():
    receiver = Receiver()
    await receiver.packet(KEY)
    for _ in range(2):
        assert not receiver.intake.waits_for_key_frame
        receiver.pli.clear()
        await receiver.intake.set_open(True)
        assert receiver.pli == [1]
        assert receiver.intake.waits_for_key_frame
        await receiver.packet(DELTA)
        await receiver.packet(KEY)
        await receiver.packet(DELTA)
        assert not receiver.intake.waits_for_key_frame
        assert receiver.decode() == [KEY[1:], DELTA[1:]]
        await receiver.intake.set_open(False)
        await receiver.packet(DELTA)
        assert receiver.decode() == []
    receiver.intake.close()


async def test_a_key_frame_is_asked_for_from_every_stream_that_was_seen():
    receiver = Receiver()
    await receiver.packet(KEY, ssrc=1)
    await receiver.packet(KEY, ssrc=2)
    await receiver.intake.set_open(True)
    assert receiver.pli == [1, 2]
    receiver.intake.close()


async def test_a_missing_packet_is_asked_for_and_again_after_a_while():
    receiver = Receiver()
    await receiver.intake.set_open(True)
    receiver.intake.video.measure(0.02)
    await receiver.packet(KEY)
    lost = (receiver.number + 1) & 0xFFFF
    await receiver.packet(DELTA, skip=1)
    assert receiver.nacks == [(1, [lost])]
    deadline = time.monotonic() + SOON
    while (len(receiver.nacks) < 3 or not receiver.pli) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert receiver.pli
    assert set(map(str, receiver.nacks)) == {str((1, [lost]))}
    receiver.intake.close()
    asked = len(receiver.nacks)
    await asyncio.sleep(0.1)
    assert len(receiver.nacks) == asked, "closed"


async def test_another_stream_is_a_new_beginning_and_two_at_once_are_not_mixed():
    receiver = Receiver()
    await receiver.intake.set_open(True)
    await receiver.packet(KEY, ssrc=1)
    await receiver.packet(DELTA, ssrc=2)
    await receiver.packet(KEY, ssrc=2)
    for _ in range(5):
        await receiver.packet(KEY, ssrc=1)
        await receiver.packet(DELTA, ssrc=2, skip=-1)
    assert receiver.decode() == [KEY[1:], KEY[1:]] + [DELTA[1:]] * 5
    receiver.intake._heard -= compat_receiving.SILENCE
    await receiver.packet(KEY, ssrc=1)
    assert receiver.decode() == [KEY[1:]]
    receiver.intake.close()


async def test_a_slow_decoder_goes_on_with_a_key_frame():
    receiver = Receiver()
    await receiver.intake.set_open(True)
    await receiver.packet(KEY)
    for _ in range(200):
        await receiver.packet(DELTA)
    assert len(receiver.decode()) == Work.BOUND
    assert receiver.intake.overflowed >= 1
    assert receiver.pli
    await receiver.packet(DELTA)
    await receiver.packet(KEY)
    assert receiver.decode() == [KEY[1:]]
    receiver.intake.close()


async def test_sound_needs_no_key_frame():
    receiver = Receiver("audio")
    await receiver.intake.set_open(True)
    assert not receiver.intake.waits_for_key_frame
    await receiver.packet(b"\x01sound", payload_type=OPUS)
    await receiver.packet(b"\x01sound", payload_type=PCMU_CODEC.payloadType)
    assert receiver.decode() == [b"\x01sound"] * 2
    receiver.intake.close()


async def test_packets_that_only_probe_are_no_media():
    receiver = Receiver()
    await receiver.intake.set_open(True)
    await receiver.packet(b"")
    assert receiver.arrived == 0
    receiver.intake.close()


# -- the decoder's thread ---------------------------------------------------------------------------------------------


def test_aiortcs_decoder_thread_runs_our_decoder_and_ends():
    got: list[bytes] = []
    work = Work(lambda _codec, encoded: got.append(encoded.data))
    loop = asyncio.new_event_loop()
    outlet = compat_receiving._Outlet(lambda: got.append(b"end"))
    thread = threading.Thread(target=aiortc.rtcrtpreceiver.decoder_worker, args=(loop, work, outlet, threading.Event()))
    thread.start()
    for number in range(3):
        assert work.offer("VP8", Encoded(b"%d" % number, 0, 0.0))
    work.put(None)
    thread.join(SOON)
    assert not thread.is_alive()
    assert got == [b"0", b"1", b"2", b"end"]
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()


def test_the_end_is_not_forgotten_with_what_waits():
    work = Work(lambda _codec, _encoded: None)
    work.offer("VP8", Encoded(b"", 0, 0.0))
    work.put(None)
    work.clear()
    assert work.get() is None


async def test_the_end_comes_through():
    receiver = Receiver()
    await receiver.aiortc._track._queue.put(None)
    assert receiver.ended.is_set()


async def test_our_estimate_goes_out_with_the_first_packet():
    receiver = Receiver()
    sent = []

    async def send(packet: object) -> None:
        sent.append(packet)

    receiver.aiortc._send_rtcp = send
    receiver.aiortc._set_rtcp_ssrc(9)
    packet = RtpPacket(payload_type=VP8, marker=1, sequence_number=1, ssrc=7, timestamp=0, payload=KEY)
    packet.extensions = SimpleNamespace(abs_send_time=1)
    await receiver.aiortc._handle_rtp_packet(packet, arrival_time_ms=1)
    (remb,) = sent
    bitrate, ssrcs = aiortc.rtp.unpack_remb_fci(remb.fci)
    assert bitrate >= 2_500_000
    assert ssrcs == [7]


@pytest.mark.parametrize("kind", ["audio", "video"])
async def test_each_kind_has_its_hooks(kind):
    receiver = Receiver(kind).aiortc
    assert isinstance(receiver._RTCRtpReceiver__jitter_buffer, Intake)
    assert isinstance(receiver._RTCRtpReceiver__decoder_queue, Work)
    estimator = receiver._RTCRtpReceiver__remote_bitrate_estimator
    assert (estimator is None) if kind == "audio" else isinstance(estimator, BandwidthEstimator)
