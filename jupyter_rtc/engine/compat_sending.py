"""The hooks into aiortc's senders, a sibling of `compat`: our packets instead of its encoders, and what receivers say.

All for aiortc 1.16; `tests/unit/test_compat_sending.py` tells when a hook has gone.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any, Protocol

from aiortc import rtcrtpsender
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)
from aiortc.sdp import parameters_to_sdp

from ..media.broadcast import Encoded
from ..media.packets import Outgoing
from .extensions import renegotiated

# Packets are kept for so many to be sent again: 128 are less than half a second, and a key frame may have as many.
rtcrtpsender.RTP_HISTORY_SIZE = 1024  # type: ignore[attr-defined]


def prefer(transceiver: Any, codec: str) -> None:
    """Answer an offer with this video codec first, where the transceiver's user prefers none.

    aiortc's answer keeps to the offer's order, and its sender takes the first.
    """
    if transceiver.kind == "video" and not transceiver._preferred_codecs:
        first = [c.payloadType for c in transceiver._codecs if c.name.upper() == codec]
        transceiver._codecs.sort(key=lambda c: c.payloadType not in first and c.parameters.get("apt") not in first)


def negotiated_codecs(transceiver: Any) -> list[dict[str, Any]]:
    """Return the codecs that both sides have, with the W3C's names."""
    if transceiver.mid is None:
        return []
    return [
        {
            "payloadType": codec.payloadType,
            "mimeType": codec.mimeType,
            "clockRate": codec.clockRate,
            **({"channels": codec.channels} if codec.channels else {}),
            **({"sdpFmtpLine": parameters_to_sdp(codec.parameters)} if codec.parameters else {}),
        }
        for codec in transceiver._codecs
    ]


class Packer:
    """Stands in for aiortc's encoder: cuts into RTP payloads what is encoded already, once for all senders."""

    def pack(self, outgoing: Outgoing) -> tuple[list[bytes], int]:
        """Return the payloads and the timestamp."""
        encoded = outgoing.encoded
        if encoded.payloads is None:
            encoded.payloads = _payloads(encoded)
        return encoded.payloads, outgoing.pts


def _payloads(encoded: Encoded) -> list[bytes]:
    if encoded.layer.wish.codec == "VP8":
        return list(Vp8Encoder._packetize(encoded.data, encoded.number % (1 << 15)))
    return list(H264Encoder._packetize(H264Encoder._split_bitstream(encoded.data)))


def take_packets(sender: Any, on_codec: Callable[[str], None]) -> None:
    """Let the sender take `Outgoing` pictures, and call `on_codec` with the codec's name whenever one is negotiated.

    aiortc keeps to the codec of the first negotiation: what it holds is ours, and changed in its place.
    """
    original = sender.send
    used: Any = None

    async def send(parameters: Any) -> None:
        nonlocal used
        negotiated = parameters.codecs[0]
        sender._RTCRtpSender__encoder = Packer()
        if used is None:
            used = copy.copy(negotiated)
            parameters.codecs = [used, *parameters.codecs[1:]]
            await original(parameters)
            on_codec(used.name)
            return
        renegotiated(sender, parameters)
        if (used.name, used.payloadType) != (negotiated.name, negotiated.payloadType):
            vars(used).update(vars(negotiated))
            repeats = [c for c in parameters.codecs if c.parameters.get("apt") == negotiated.payloadType]
            sender._RTCRtpSender__rtx_payload_type = repeats[0].payloadType if repeats else None
        on_codec(used.name)

    sender.send = send


class Feedback(Protocol):
    """What a receiver says."""

    def on_estimate(self, bits: float, now: float) -> None:
        """It thinks that there is room for so many bits a second."""

    def on_loss(self, fraction: float, now: float) -> None:
        """So much was lost since the last report."""

    def on_nack(self, packets: int, now: float) -> None:
        """It asks for so many packets again."""

    def on_round_trip(self, seconds: float, now: float) -> None:
        """A report has come back after so long."""


def on_feedback(sender: Any, feedback: Feedback, heard: Callable[[], None]) -> None:
    """Tell `feedback` what the receiver reports, and then call `heard`."""
    handle = sender._handle_rtcp_packet

    async def handle_rtcp_packet(packet: Any) -> None:
        now = time.monotonic()
        if isinstance(packet, (RtcpRrPacket, RtcpSrPacket)):
            for report in packet.reports:
                if report.ssrc == sender._ssrc:
                    feedback.on_loss(report.fraction_lost / 256, now)
                    if report.dlsr and report.lsr == sender._RTCRtpSender__lsr:
                        trip = time.time() - sender._RTCRtpSender__lsr_time - report.dlsr / 65536
                        feedback.on_round_trip(max(0.0, trip), now)
        elif isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            feedback.on_nack(len(packet.lost), now)
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
            try:
                bits, ssrcs = unpack_remb_fci(packet.fci)
            except ValueError:
                return
            if sender._ssrc in ssrcs:
                feedback.on_estimate(bits, now)
        heard()
        await handle(packet)

    sender._handle_rtcp_packet = handle_rtcp_packet


def is_enabled(sender: Any) -> bool:
    """Return whether the negotiated direction lets it send: else aiortc throws away what it takes."""
    return bool(sender._enabled)
