"""What is counted of RTP streams: packets as they pass the transport, and what RTCP says about them.

Everything is counted by SSRC, and a retransmission on an SSRC of its own (RFC 4588) counts for the stream it repeats,
as webrtc-stats says; what was lost is told by the stream's own sequence numbers alone. On the engine's thread.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
)

from ..media.tally import Rate

#: A jump by so many sequence numbers is no loss: the sender has begun anew (RFC 3550 A.1).
MAX_DROPOUT = 3000
#: So many streams are remembered in each direction.
MOST_STREAMS = 64
#: So many sender reports are remembered, for the round trip that their echo tells.
MOST_REPORTS = 16
#: A frame of so many times the average size is huge.
HUGE = 2.5
_NTP_EPOCH = 2_208_988_800  # 1970 in seconds of 1900
_HEADER = struct.Struct("!BBHLL")


class Packet(NamedTuple):
    """The outside of an RTP packet; `overhead` is its header and its padding."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    overhead: int
    payload: int


def parse(data: bytes) -> Packet:
    """Return the outside of a serialized RTP packet: RFC 3550 §5.1."""
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    header = 12 + 4 * (first & 0x0F)
    if first & 0x10:
        header += 4 + 4 * int.from_bytes(data[header + 2 : header + 4], "big")
    overhead = header + (data[-1] if first & 0x20 else 0)
    return Packet(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, overhead, len(data) - overhead)


class _Stream:
    """What both directions count."""

    def __init__(self, ssrc: int) -> None:
        self.ssrc = ssrc
        self.payload_type: int | None = None
        self.last_packet: float | None = None
        self.packets = self.bytes = self.overhead = 0
        self.repeated_packets = self.repeated_bytes = 0
        self.nacks = self.plis = self.firs = 0
        #: What the other side says about the stream, with the W3C's names, and when it said so.
        self.remote: dict[str, Any] = {}
        self.reported: float | None = None

    def _count(self, packet: Packet, repeated: bool) -> None:
        self.last_packet = time.time()
        self.packets += 1
        self.bytes += packet.payload
        self.overhead += packet.overhead
        if repeated:
            self.repeated_packets += 1
            self.repeated_bytes += packet.payload

    def feedback(self, packet: RtcpPsfbPacket | RtcpRtpfbPacket) -> None:
        """Count a request of the receiving side."""
        if isinstance(packet, RtcpRtpfbPacket):
            self.nacks += packet.fmt == RTCP_RTPFB_NACK
        else:
            self.plis += packet.fmt == RTCP_PSFB_PLI
            self.firs += packet.fmt == RTCP_PSFB_FIR


_AnyStream = TypeVar("_AnyStream", bound=_Stream)


class Outbound(_Stream):
    """A stream that is sent."""

    def __init__(self, ssrc: int) -> None:
        super().__init__(ssrc)
        self.frames = self.huge_frames = 0
        self.rate = Rate()
        self._first: int | None = None
        self._highest = 0
        self._frame_bytes = self._all_frame_bytes = 0
        #: When each sender report went out, by the name that the other side echoes.
        self._sent: dict[int, float] = {}

    def sent(self, packet: Packet, rtx: bool = False) -> None:
        """Count a packet; `rtx`: of the stream that repeats this one."""
        if rtx:
            self._count(packet, True)
            return
        ahead = 1 if self._first is None else (packet.sequence - self._highest) & 0xFFFF
        repeated = not 0 < ahead < 0x8000
        self._count(packet, repeated)
        if repeated:
            return
        self.payload_type = packet.payload_type
        if self._first is None:
            self._first, self._highest = packet.sequence, packet.sequence
        else:
            self._highest += ahead
        self._frame_bytes += packet.payload
        if packet.marker:
            self.frames += 1
            self._all_frame_bytes += self._frame_bytes
            self.huge_frames += self._frame_bytes >= HUGE * self._all_frame_bytes / self.frames
            self._frame_bytes = 0
            self.rate.add(time.monotonic())

    def sent_report(self, packet: RtcpSrPacket) -> None:
        """Remember a sender report of ours."""
        self._sent[(packet.sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF] = time.monotonic()
        while len(self._sent) > MOST_REPORTS:
            del self._sent[next(iter(self._sent))]

    def told(self, report: RtcpReceiverInfo, clock_rate: int) -> None:
        """Take what the receiving side reports: RFC 3550 §6.4.1."""
        remote, self.reported = self.remote, time.time()
        remote["packetsLost"] = report.packets_lost
        remote["fractionLost"] = report.fraction_lost / 256
        remote["jitter"] = report.jitter / clock_rate
        if self._first is not None:
            # aiortc leaves the cycles out of the highest sequence number: they are known here.
            highest = self._highest - ((self._highest - report.highest_sequence) & 0xFFFF)
            remote["packetsReceived"] = max(0, highest - self._first + 1 - report.packets_lost)
        sent = self._sent.get(report.lsr) if report.lsr and report.dlsr else None
        if sent is not None:
            trip = max(0.0, time.monotonic() - sent - report.dlsr / 65_536)
            remote["roundTripTime"] = trip
            remote["totalRoundTripTime"] = remote.get("totalRoundTripTime", 0.0) + trip
            remote["roundTripTimeMeasurements"] = remote.get("roundTripTimeMeasurements", 0) + 1

    def members(self) -> dict[str, Any]:
        """Return the counters with the W3C's names."""
        return {
            "packetsSent": self.packets,
            "bytesSent": self.bytes,
            "headerBytesSent": self.overhead,
            "retransmittedPacketsSent": self.repeated_packets,
            "retransmittedBytesSent": self.repeated_bytes,
            "nackCount": self.nacks,
        }

    def video_members(self) -> dict[str, Any]:
        """Return what only pictures have."""
        return {
            "pliCount": self.plis,
            "firCount": self.firs,
            "framesSent": self.frames,
            "hugeFramesSent": self.huge_frames,
            "framesPerSecond": self.rate.get(time.monotonic()),
        }


class Inbound(_Stream):
    """A stream that is received."""

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        super().__init__(ssrc)
        self.clock_rate = clock_rate
        self.rtx_ssrc: int | None = None
        self.jitter = 0.0
        self._base = self._highest = 0
        self._begun = False
        #: Packets of the stream itself, since `_base`; what was lost before that.
        self._own = 0
        self._lost_before = 0
        self._after_jump: int | None = None
        self._transit: float | None = None
        self._timestamp = 0

    def arrived(self, packet: Packet, rtx: bool = False) -> None:
        """Count a packet; `rtx`: of the stream that repeats this one."""
        self._count(packet, rtx and packet.payload > 0)
        if rtx:
            return
        self.payload_type = packet.payload_type
        if not self._begun:
            self._begin(packet.sequence)
        ahead = (packet.sequence - self._highest) & 0xFFFF
        if MAX_DROPOUT < ahead < 0x10000 - MAX_DROPOUT:
            if self._after_jump != packet.sequence:
                self._after_jump = (packet.sequence + 1) & 0xFFFF
                self.packets -= 1  # a stray one, unless the next follows it
                return
            self._lost_before = self.lost
            self._begin(packet.sequence)
            ahead = 0
        self._after_jump = None
        self._own += 1
        if ahead < 0x8000:
            self._highest += ahead
            self._measure(packet.timestamp)

    def _begin(self, sequence: int) -> None:
        self._begun = True
        self._base = self._highest = sequence
        self._own = 0
        self._transit = None

    def _measure(self, timestamp: int) -> None:
        """RFC 3550 A.8, once for each timestamp: the packets of a picture share one and leave together."""
        if self._transit is not None and timestamp == self._timestamp:
            return
        arrival = time.monotonic() * self.clock_rate
        if self._transit is not None:
            step = ((timestamp - self._timestamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
            self.jitter += (abs(arrival - self._transit - step) - self.jitter) / 16
        self._transit, self._timestamp = arrival, timestamp

    @property
    def lost(self) -> int:
        """Packets that did not arrive by themselves: those that were sent, less those that came, RFC 3550 §6.4.1."""
        expected = self._highest - self._base + 1 if self._begun else 0
        return self._lost_before + expected - self._own

    def told(self, packet: RtcpSrPacket) -> None:
        """Take what the sending side reports."""
        info, self.reported = packet.sender_info, time.time()
        self.remote.update(
            packetsSent=info.packet_count,
            bytesSent=info.octet_count,
            remoteTimestamp=(info.ntp_timestamp / 2**32 - _NTP_EPOCH) * 1000,
            reportsSent=self.remote.get("reportsSent", 0) + 1,
        )

    def members(self) -> dict[str, Any]:
        """Return the counters with the W3C's names."""
        members: dict[str, Any] = {
            "packetsReceived": self.packets,
            "packetsLost": self.lost,
            "jitter": self.jitter / self.clock_rate,
            "bytesReceived": self.bytes,
            "headerBytesReceived": self.overhead,
            "nackCount": self.nacks,
        }
        if self.rtx_ssrc is not None:
            members |= {
                "rtxSsrc": self.rtx_ssrc,
                "retransmittedPacketsReceived": self.repeated_packets,
                "retransmittedBytesReceived": self.repeated_bytes,
            }
        if self.last_packet is not None:
            members["lastPacketReceivedTimestamp"] = self.last_packet * 1000
        return members

    def video_members(self) -> dict[str, Any]:
        """Return what only pictures have."""
        return {"pliCount": self.plis, "firCount": self.firs}


class Streams:
    """All streams of a connection.

    Parameters
    ----------
    clock_rate : callable
        Returns the clock rate of an outgoing SSRC.
    """

    def __init__(self, clock_rate: Callable[[int], int] = lambda _ssrc: 90_000) -> None:
        self.outbound: dict[int, Outbound] = {}
        self.inbound: dict[int, Inbound] = {}
        #: Which stream an SSRC of retransmissions repeats.
        self.repeats: dict[int, int] = {}
        self._clock_rate = clock_rate

    def outgoing(self, ssrc: int) -> Outbound:
        """Return the stream that is sent with an SSRC, a new one if need be."""
        return _get(self.outbound, ssrc, lambda: Outbound(ssrc))

    def incoming(self, ssrc: int, clock_rate: int) -> Inbound:
        """Return the stream that is received with an SSRC, a new one if need be."""
        return _get(self.inbound, ssrc, lambda: Inbound(ssrc, clock_rate))

    def control_sent(self, packet: AnyRtcpPacket) -> None:
        """An RTCP packet has left."""
        if isinstance(packet, RtcpSrPacket):
            self.outgoing(packet.ssrc).sent_report(packet)
        elif isinstance(packet, (RtcpPsfbPacket, RtcpRtpfbPacket)):
            self._feedback(packet, self.inbound)

    def control_arrived(self, packet: AnyRtcpPacket) -> None:
        """An RTCP packet has come."""
        if isinstance(packet, RtcpSrPacket) and packet.ssrc in self.inbound:
            self.inbound[packet.ssrc].told(packet)
        if isinstance(packet, (RtcpSrPacket, RtcpRrPacket)):
            for report in packet.reports:
                if report.ssrc in self.outbound:
                    self.outbound[report.ssrc].told(report, self._clock_rate(report.ssrc))
        elif isinstance(packet, (RtcpPsfbPacket, RtcpRtpfbPacket)):
            self._feedback(packet, self.outbound)

    def _feedback(self, packet: RtcpPsfbPacket | RtcpRtpfbPacket, streams: dict[int, Any]) -> None:
        ssrcs = [packet.media_ssrc]
        if isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_FIR and packet.fci:
            # RFC 5104 §4.3.1: the streams that are meant stand behind the header, which names none.
            ssrcs = [int.from_bytes(packet.fci[i : i + 4], "big") for i in range(0, len(packet.fci) - 7, 8)]
        for ssrc in ssrcs:
            if ssrc in streams:
                streams[ssrc].feedback(packet)


def _get(streams: dict[int, _AnyStream], ssrc: int, make: Callable[[], _AnyStream]) -> _AnyStream:
    found = streams.get(ssrc)
    if found is None:
        found = streams[ssrc] = make()
        if len(streams) > MOST_STREAMS:
            del streams[next(iter(streams))]
    return found
