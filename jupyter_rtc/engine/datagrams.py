"""No datagram with more than 1200 bytes: hooks into aiortc 1.16, beside `compat`.

Tunnels and some providers carry packets of 1280 bytes at most, the least that IPv6 allows, and drop longer ones in
silence: sound then arrives and pictures never do. Browsers keep to 1200 bytes of payload of UDP, and so do we, with all
that is put around media and data: RTP's header and extensions, SRTP, retransmissions, DTLS, a TURN channel.
`tests/unit/test_datagrams.py` tells when a hook has gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import aiortc.codecs.h264
import aiortc.codecs.vpx
from aiortc import rtcsctptransport
from OpenSSL import SSL

LIMIT = 1200
#: RFC 8656 §12.4: what a relay puts before it.
_TURN = 4
#: RTP 12, a retransmission's sequence number 2 (RFC 4588), the tag of SRTP 16, and 66 for header extensions.
PAYLOAD = LIMIT - _TURN - 12 - 2 - 16 - 66
#: So many bytes of a=mid fit into a packet's header extensions; a longer one is told by its SSRC alone.
LONGEST_MID = 48
#: Of DTLS, its longest: a record's header, a vector, a checksum and padding of AES in CBC mode.
_DTLS = 13 + 16 + 20 + 16
_SCTP = (LIMIT - _TURN - _DTLS) // 4 * 4
#: Numbers of lost packets in one NACK: each may take four bytes.
MOST_LOST = 200

# aiortc looks these up whenever it cuts something into packets. They are for the whole process: packets of others that
# are a little shorter harm nobody.
aiortc.codecs.vpx.PACKET_MAX = PAYLOAD
aiortc.codecs.h264.PACKET_MAX = PAYLOAD
_HEADERS = rtcsctptransport.SCTP_COMMON_HEADER_LENGTH + rtcsctptransport.SCTP_DATA_CHUNK_HEADER_LENGTH
rtcsctptransport.SCTP_MAX_PACKET_LENGTH = _SCTP
rtcsctptransport.USERDATA_MAX_LENGTH = _SCTP - _HEADERS


def records(data: bytes) -> Iterator[bytes]:
    """Yield datagrams of whole DTLS records, each as long as the limit allows (RFC 6347 §4.1.1)."""
    datagram = b""
    while data:
        length = 13 + int.from_bytes(data[11:13], "big")
        if datagram and len(datagram) + length > LIMIT - _TURN:
            yield datagram
            datagram = b""
        datagram += data[:length]
        data = data[length:]
    if datagram:
        yield datagram


def limit(dtls: Any) -> None:
    """Let a DTLS transport send a flight of its handshake in datagrams of this size; aiortc sends 1500 bytes of it."""
    if "_write_ssl" in vars(dtls):
        return

    async def write_ssl() -> None:
        data = b""
        while True:
            try:
                data += dtls._ssl.bio_read(65_536)
            except SSL.Error:
                break
        for datagram in records(data):
            await dtls.transport._send(datagram)
            dtls._RTCDtlsTransport__tx_bytes += len(datagram)
            dtls._RTCDtlsTransport__tx_packets += 1

    dtls._write_ssl = write_ssl


def limit_nacks(receiver: Any) -> None:
    """Let a receiver ask for many lost packets in several messages."""
    send = receiver._send_rtcp_nack

    async def send_some(ssrc: int, lost: list[int]) -> None:
        await asyncio.gather(*(send(ssrc, lost[i : i + MOST_LOST]) for i in range(0, len(lost), MOST_LOST)))

    receiver._send_rtcp_nack = send_some
