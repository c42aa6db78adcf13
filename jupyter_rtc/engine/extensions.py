"""Two RTP header extensions that browsers have and aiortc 1.16 does not: a hook into its table of extensions.

Playout delay
    A browser holds pictures back to even out when they come: some 20 ms, also where all come evenly. With this, sent
    along with every packet, it shows each as soon as it has it. Where they come unevenly it is left to do as it does
    by itself.
Colour space
    VP8 has no word for its matrix and range (RFC 6386 §9.2 knows one of each), and Chromium uses others, and says so
    here, in the last packet of a key frame.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any, cast

from aiortc import codecs, rtp
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import (
    HeaderExtensions,
    HeaderExtensionsMap,
    RtcpRrPacket,
    RtcpSrPacket,
    pack_header_extensions,
    unpack_header_extensions,
)

from ..media.decoder import Colours
from .datagrams import LONGEST_MID

PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
COLOUR_SPACE = "http://www.webrtc.org/experiments/rtp-hdrext/color-space"
#: The least and the greatest delay, 12 bits each, in units of 10 ms: none at all, and all that can be said.
AT_ONCE, FREELY = b"\x00\x00\x00", b"\x00\x0f\xff"
#: Pictures that come unevenly by more than this, in seconds, are better evened out; by less than that, no longer.
UNEVEN, EVEN = 0.025, 0.010
CLOCK_RATE = 90_000
#: What can be turned into RGB, by ITU-T H.273's numbers: BT.709, FCC, BT.601 (twice), SMPTE 240M, BT.2020; and ranges.
MATRICES, RANGES = {1, 4, 5, 6, 7, 9}, {1, 2}


class Extensions(HeaderExtensionsMap):
    """Stands in for aiortc's table, of what a sender sends and of what a transport receives.

    Attributes
    ----------
    playout : bytes or None
        What the packets of a sender say of playing them out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.playout: bytes | None = None
        self._ids: dict[str, int] = {}

    def configure(self, parameters: RTCRtpParameters) -> None:
        """Take the numbers that were negotiated."""
        super().configure(parameters)
        news = {extension.uri: extension.id for extension in parameters.headerExtensions}
        # A transport has one table for all of its streams.
        self._ids = {uri: number for uri, number in self._ids.items() if number not in news.values()} | news

    def set(self, values: HeaderExtensions) -> tuple[int, bytes]:
        """Return the profile and the bytes of a packet's extensions."""
        if values.mid is not None and len(values.mid) > LONGEST_MID:
            values = replace(values, mid=None)
        profile, data = super().set(values)
        number = self._ids.get(PLAYOUT_DELAY)
        if number is None or self.playout is None:
            return profile, data
        return pack_header_extensions([*unpack_header_extensions(profile, data), (number, self.playout)])

    def get(self, extension_profile: int, extension_value: bytes) -> HeaderExtensions:
        """Return what a packet's extensions say; `colours_of` has what aiortc has no place for.

        What is malformed says nothing: aiortc lets it end the transport.
        """
        number = self._ids.get(COLOUR_SPACE)
        try:
            values = super().get(extension_profile, extension_value)
            parts = [] if number is None else unpack_header_extensions(extension_profile, extension_value)
        except (ValueError, struct.error):
            return HeaderExtensions()
        said = next((value for found, value in parts if found == number), b"")
        if len(said) >= 4 and said[2] in MATRICES and said[3] >> 4 & 3 in RANGES:
            vars(values)["colours"] = Colours(matrix=said[2], range=said[3] >> 4 & 3)
        return values


def colours_of(packet: Any) -> Colours | None:
    """Return what a packet says of its picture's colours."""
    return cast("Colours | None", vars(packet.extensions).get("colours"))


def show_at_once(sender: Any) -> None:
    """Let what `sender` sends be shown as soon as it comes, while its receiver reports that it comes evenly."""
    sender._RTCRtpSender__rtp_header_extensions_map.playout = AT_ONCE
    handle = sender._handle_rtcp_packet

    async def handle_rtcp_packet(packet: Any) -> None:
        if isinstance(packet, (RtcpRrPacket, RtcpSrPacket)):
            for report in packet.reports:
                if report.ssrc == sender._ssrc:
                    table = sender._RTCRtpSender__rtp_header_extensions_map
                    table.playout = playout(table.playout, report.jitter / CLOCK_RATE)
        await handle(packet)

    sender._handle_rtcp_packet = handle_rtcp_packet


def renegotiated(sender: Any, parameters: RTCRtpParameters) -> None:
    """Let `sender` use the numbers of another negotiation; aiortc keeps to those of the first."""
    table = Extensions()
    table.playout = sender._RTCRtpSender__rtp_header_extensions_map.playout
    table.configure(parameters)
    sender._RTCRtpSender__rtp_header_extensions_map = table


def playout(before: bytes | None, jitter: float) -> bytes | None:
    """Return what to say from now on; `jitter` is RFC 3550's, §6.4.1, in seconds."""
    return FREELY if jitter > UNEVEN else AT_ONCE if jitter < EVEN else before


rtp.HeaderExtensionsMap = Extensions  # type: ignore[misc]
codecs.HEADER_EXTENSIONS["video"] += [
    RTCRtpHeaderExtensionParameters(id=4, uri=PLAYOUT_DELAY),
    RTCRtpHeaderExtensionParameters(id=5, uri=COLOUR_SPACE),
]
