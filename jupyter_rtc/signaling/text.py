"""Descriptions as a short text that survives chat programs: letters and digits only, with a checksum."""

from __future__ import annotations

import functools
import re
import zlib
from dataclasses import dataclass
from typing import Literal

from ..errors import SdpError

#: What a text begins with. The digit tells the version: the dictionary below can never be changed, only be followed by
#: that of a next version.
START = "JRTC1"
#: Characters after the start that tell the length of the rest.
_LENGTH = 3
#: Longer descriptions, in bytes, nobody makes; and so many characters their texts have at most, with 5.95 bits each.
LONGEST = 1 << 16
LONGEST_TEXT = 89_000
#: A text may stand in the middle of a mail, but not of a book.
LONGEST_PASTE = 8 * LONGEST

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_KINDS: tuple[Literal["offer", "answer"], ...] = ("offer", "answer")

#: What descriptions have in common, the most usual last.
_DICTIONARY = """a=extmap-allow-mixed
a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:5 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=extmap:6 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
a=extmap:7 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
a=extmap:8 http://www.webrtc.org/experiments/rtp-hdrext/video-content-type
a=extmap:9 http://www.webrtc.org/experiments/rtp-hdrext/video-timing
a=extmap:10 http://www.webrtc.org/experiments/rtp-hdrext/color-space
a=extmap:11 urn:3gpp:video-orientation
a=extmap:12 urn:ietf:params:rtp-hdrext:toffset
a=rtcp-fb:96 transport-cc
a=rtcp-fb:96 ccm fir
a=fmtp:111 minptime=10;useinbandfec=1;stereo=1
a=fmtp:98 profile-id=0
a=fmtp:98 max-fs=12288;max-fr=60
a=rtpmap:111 opus/48000/2
a=rtpmap:126 telephone-event/8000
a=rtpmap:98 VP9/90000
a=rtpmap:45 AV1/90000
a=rtpmap:120 ulpfec/90000
a=rtpmap:116 red/90000
a=ice-options:trickle
a=rtcp-rsize
a=ice-lite
 generation 0 network-id 1
 1 udp 1694498815 typ srflx raddr 0.0.0.0 rport 0
 1 udp 16777215 typ relay raddr  rport
 1 tcp 1518280447  9 typ host tcptype active
 1 udp 2122260223 192.168.1. typ host
a=setup:active
a=setup:passive
a=recvonly
a=sendonly
a=inactive
a=msid:-
v=0
o=- 3999999999 3999999999 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=msid-semantic:WMS *
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=sctp-port:5000
a=max-message-size:262144
m=audio 9 UDP/TLS/RTP/SAVPF 96 9 0 8
c=IN IP4 192.168.1.
a=sendrecv
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:2 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=mid:0
a=msid:
a=rtcp:9 IN IP4 0.0.0.0
a=rtcp-mux
a=ssrc: cname:
a=rtpmap:96 opus/48000/2
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=candidate: 1 udp 2130706431 192.168. typ host
a=end-of-candidates
a=ice-ufrag:
a=ice-pwd:
a=fingerprint:sha-512
a=fingerprint:sha-384
a=fingerprint:sha-256
a=setup:actpass
m=video 9 UDP/TLS/RTP/SAVPF 97 98 99 100 101 102
c=IN IP4 10.0.0.
a=sendrecv
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=mid:1
a=msid:
a=rtcp:9 IN IP4 0.0.0.0
a=rtcp-mux
a=ssrc-group:FID
a=ssrc: cname:
a=rtpmap:97 VP8/90000
a=rtcp-fb:97 nack
a=rtcp-fb:97 nack pli
a=rtcp-fb:97 goog-remb
a=rtpmap:98 rtx/90000
a=fmtp:98 apt=97
a=rtpmap:99 H264/90000
a=rtcp-fb:99 nack
a=rtcp-fb:99 nack pli
a=rtcp-fb:99 goog-remb
a=fmtp:99 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:100 rtx/90000
a=fmtp:100 apt=99
a=rtpmap:101 H264/90000
a=rtcp-fb:101 nack
a=rtcp-fb:101 nack pli
a=rtcp-fb:101 goog-remb
a=fmtp:101 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:102 rtx/90000
a=fmtp:102 apt=101
a=candidate: 1 udp 2130706431 192.168. typ host
a=end-of-candidates
a=ice-ufrag:
a=ice-pwd:
a=fingerprint:sha-256
a=setup:active
""".replace("\n", "\r\n").encode()


@dataclass(frozen=True)
class Note:
    """What a text carries."""

    type: Literal["offer", "answer"]
    sdp: str
    #: Of an answer: the mark of the offer that it answers; 0: not told.
    to: int = 0


def mark(sdp: str) -> int:
    """Return a number by which an answer names its offer."""
    return zlib.crc32(sdp.encode()) or 1


def encode(note: Note) -> str:
    """Return the text.

    Raises
    ------
    ValueError
        When the description is longer than any is.
    """
    sdp = note.sdp.encode()
    if len(sdp) > LONGEST:
        raise ValueError(f"a description of {len(sdp)} bytes is longer than any is")
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    kind = bytes([1 + _KINDS.index(note.type)])  # never 0: a number does not keep zeros in front
    data = kind + note.to.to_bytes(4) + squeeze.compress(sdp) + squeeze.flush()
    body = _digits(int.from_bytes(data + zlib.crc32(data).to_bytes(4)))
    return START + _digits(len(body)).rjust(_LENGTH, "0") + body


def decode(text: str) -> Note:
    """Return what a text carries. Blanks, line breaks, quotation marks and what stands around it do no harm.

    Of several texts the last one counts: it was pasted behind one that was of no use.

    Raises
    ------
    TypeError
        When it is no str.
    SdpError
        When it is no such text, or was cut short or changed on its way.
    """
    if not isinstance(text, str):
        raise TypeError(f"the text is a str, not {type(text).__name__}")
    if len(text) > LONGEST_PASTE:
        raise SdpError(
            f"{len(text)} characters were pasted, and {LONGEST_PASTE} are the most: paste the other side's text alone"
        )
    plain = re.sub(r"[^0-9A-Za-z]", "", text)
    if not plain:
        raise SdpError("there is no text: copy the other side's whole text, and paste it here")
    at = plain.rfind(START)
    if at < 0:
        raise SdpError(
            f"this is not such a text, or its beginning is missing: it begins with {START}, not with {plain[:12]!r}"
        )
    rest = plain[at + len(START) :]
    length = _number(rest[:_LENGTH])
    body = rest[_LENGTH:]
    whole = len(START) + _LENGTH + length
    if length > LONGEST_TEXT:
        raise SdpError(
            f"the text was changed on its way, or is none: it would have {length} characters, "
            f"and {LONGEST_TEXT} are the most"
        )
    if len(rest) < _LENGTH or len(body) < length:
        raise SdpError(f"the text is cut short: {len(plain) - at} of its {whole} characters are here; copy all of it")
    number = _number(body[:length])
    data = number.to_bytes((number.bit_length() + 7) // 8)
    content, checksum = data[:-4], data[-4:]
    if len(content) < 5 or zlib.crc32(content).to_bytes(4) != checksum or not 1 <= content[0] <= len(_KINDS):
        raise SdpError("the text was changed on its way: let the other side send it again, as plain text or as a file")
    unpack = zlib.decompressobj(-15, _DICTIONARY)
    try:
        sdp = unpack.decompress(content[5:], LONGEST).decode()
        if not unpack.eof:
            raise SdpError(f"the description in the text is cut short, or longer than {LONGEST} bytes, as none is")
    except (zlib.error, UnicodeDecodeError):
        raise SdpError("the text cannot be read: is the other side's jupyter_rtc of the same version?") from None
    return Note(_KINDS[content[0] - 1], sdp, int.from_bytes(content[1:5]))


# Digit by digit, a number of 88 000 digits takes seconds. So numbers are split in halves, down to short ones.
_SHORT = 64


@functools.lru_cache(16)
def _power(length: int) -> int:
    power: int = len(_DIGITS) ** length
    return power


def _digits(number: int) -> str:
    count = 1
    while number >= _power(_SHORT * count):
        count *= 2
    return _padded(number, _SHORT * count).lstrip("0")


def _padded(number: int, length: int) -> str:
    if length > _SHORT:
        high, low = divmod(number, _power(length // 2))
        return _padded(high, length // 2) + _padded(low, length // 2)
    found = []
    for _ in range(length):
        number, rest = divmod(number, len(_DIGITS))
        found.append(_DIGITS[rest])
    return "".join(reversed(found))


def _number(digits: str) -> int:
    if len(digits) > _SHORT:
        half = _SHORT
        while 2 * half < len(digits):
            half *= 2
        return _number(digits[:-half]) * _power(half) + _number(digits[-half:])
    number = 0
    for digit in digits:
        number = number * len(_DIGITS) + _VALUES[digit]
    return number
