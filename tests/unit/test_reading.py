"""Descriptions as they are in the wild: what is taken as it is meant, what is left out, and what aiortc is given."""

from __future__ import annotations

import re

import pytest
from aiortc.sdp import SessionDescription as Aiortc

from jupyter_rtc import SdpError
from jupyter_rtc.engine import compat
from jupyter_rtc.engine.formats import usable
from jupyter_rtc.jsep.reading import MOST_CANDIDATES, MOST_READ, MOST_SECTIONS, MOST_TEXT, parse_candidate, read, tidy

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\na=msid-semantic: WMS *\r\n"
TRANSPORT = (
    "c=IN IP4 0.0.0.0\r\na=ice-ufrag:name\r\na=ice-pwd:" + "p" * 22 + "\r\na=setup:actpass\r\na=rtcp-mux\r\n"
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"
)
AUDIO = f"m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\n{TRANSPORT}a=mid:0\r\na=rtpmap:111 opus/48000/2\r\n"
VIDEO = (
    f"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n{TRANSPORT}a=mid:1\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\n"
    "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
    "a=extmap:3 urn:x\r\na=ssrc-group:FID 1 2\r\na=ssrc:1 cname:c\r\na=ssrc:2 cname:c\r\n"
)
DATA = f"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n{TRANSPORT}a=mid:2\r\na=sctp-port:5000\r\n"
OFFER = HEAD + AUDIO + VIDEO + DATA


def engine(text: str) -> Aiortc:
    """Return what aiortc makes of a description that it is given by us."""
    return Aiortc.parse(compat.readable(read(text)))


def meaning(text: str) -> list[tuple[object, ...]]:
    return [
        (s.kind, s.mid, s.direction, s.codecs, s.extensions, s.streams, s.rejected, s.get("setup"), s.get("sctp-port"))
        for s in read(text).sections
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\r\n", " \r\n"),
        lambda text: text.replace("\r\n", "\t \r\n"),
        lambda text: text.replace("\r\n", "\n"),
        lambda text: text.replace("\r\n", "\r"),
        lambda text: text.replace("\r\n", "\r\r\n"),
        lambda text: text.replace("\r\n", "\r\n\r\n"),
        lambda text: text + "\r\n \r\n\r\n",
        lambda text: "\ufeff\r\n" + text,
        lambda text: text.replace("\r\n", "\r\n    "),
        lambda text: text.rstrip(),
        lambda text: re.sub(r"(?m)^(a=[\w-]+):", r"\1: ", text),
        lambda text: text.replace("a=rtpmap", "a=RTPMAP").replace("a=sendonly", "a=SendOnly"),
        lambda text: text.replace("actpass", "ACTPASS").replace("sha-256", "SHA-256"),
        lambda text: text.replace("UDP/TLS/RTP/SAVPF", "udp/tls/rtp/savpf").replace("m=audio", "m=Audio"),
        lambda text: text.replace(" 111 0", "  111  0").replace("a=rtpmap:96 ", "a=rtpmap:96\t"),
        lambda text: text.replace("s=-", "s="),
        lambda text: text.replace("o=- 1 1", "o= 1 1"),
        lambda text: text.replace("o=- 1 1", "o=A Camera 1f 1"),
        lambda text: text.replace("c=IN IP4 0.0.0.0", "c=IN IP4 camera.example"),
        lambda text: text.replace("c=IN IP4 0.0.0.0\r\n", ""),
        lambda text: text.replace("a=mid:0", "a=mid:0\r\na=rtcp:9 IN IP4 camera.example"),
        lambda text: text.replace("a=mid:0", "a=mid:0\r\na=fmtp:111\r\na=fmtp:111 \r\na=rtcp-fb:111\r\na=x\r\na=y:"),
        lambda text: text.replace("a=mid:1", "a=mid:1\r\na=ssrc:1\r\na=ssrc:2 cname"),
        lambda text: text.replace("a=ssrc:1 cname:c\r\na=ssrc:2 cname:c", "a=ssrc:1\r\na=ssrc:2"),
        lambda text: text.replace("a=ssrc:1 cname:c\r\na=ssrc:2 cname:c", "a=ssrc:2 cname:c\r\na=ssrc:1 cname:c"),
        lambda text: text.replace("a=extmap:3 urn:x", "a=extmap:3 urn:x vad=on ext=2"),
        lambda text: text.replace("a=extmap:3 urn:x", "a=extmap:3 urn:x\r\na=extmap:4096 urn:y\r\na=extmap:0 urn:z"),
        lambda text: text.replace("a=rtpmap:96", "a=fmtp:55 x=y\r\na=rtpmap:96"),
        lambda text: text.replace("a=rtpmap:96", "a=fmtp:97 apt=99999x\r\na=rtpmap:96"),
        lambda text: text.replace("apt=96", " apt = 96 ;; "),
        lambda text: text.replace("apt=96", "APT=96;"),
        lambda text: text.replace("a=rtpmap:111", "a=rtpmap:0 PCMU/8000\r\na=rtpmap:111"),
        lambda text: text.replace("a=sctp-port:5000\r\n", ""),
        lambda text: text.replace("a=mid:2", "a=mid:2\r\na=max-message-size:lots"),
        lambda text: text.replace("a=mid:0", "a=mid:0\r\na=mid:9\r\na=setup:active"),
        lambda text: text.replace("UDP/DTLS/SCTP webrtc", "DTLS/SCTP webrtc"),
        lambda text: text.replace("a=group:BUNDLE", "a=group:bundle"),
        lambda text: text.replace("a=msid-semantic: WMS *\r\n", "a=msid-semantic:\r\n"),
        lambda text: text.replace("t=0 0", "t=0 0\r\nr=7d 1h 0 25h\r\nz=0 0\r\nb=AS:30"),
    ],
)
def test_what_is_odd_means_the_same_to_us_and_to_aiortc(change):
    text = change(OFFER)
    assert text != OFFER
    assert meaning(text) == meaning(OFFER)
    ours, plain = engine(text), engine(OFFER)
    for odd, media in zip(ours.media, plain.media, strict=True):
        assert (odd.kind, odd.rtp, odd.dtls, odd.ice) == (media.kind, media.rtp, media.dtls, media.ice)
        assert [one.ssrc for one in odd.ssrc] == [one.ssrc for one in media.ssrc]
        assert (odd.direction, odd.rtcp_mux, odd.sctp_port) == (media.direction, media.rtcp_mux, media.sctp_port)
    assert ours.group == plain.group


def test_the_canonical_text_is_read_as_itself():
    text = read(OFFER).text
    assert read(text).text == text
    assert meaning(text) == meaning(OFFER)


@pytest.mark.parametrize(
    ("number", "name", "rate"), [(0, "PCMU", 8000), (8, "PCMA", 8000), (9, "G722", 8000), (3, "GSM", 8000)]
)
def test_payload_types_that_always_mean_the_same_need_no_rtpmap(number, name, rate):
    text = HEAD.replace(" 1 2", "") + AUDIO.replace("111 0", str(number)).replace("a=rtpmap:111 opus/48000/2\r\n", "")
    (codec,) = read(text).sections[0].codecs
    assert (codec.payload_type, codec.name, codec.clock_rate) == (number, name, rate)
    (there,) = engine(text).media[0].rtp.codecs
    assert (there.payloadType, there.mimeType, there.clockRate) == (number, f"audio/{name}", rate)


def test_codecs_are_preferred_in_the_order_of_their_line():
    text = OFFER.replace("SAVPF 111 0", "SAVPF 0 111")
    assert [codec.name for codec in read(text).sections[0].codecs] == ["PCMU", "opus"]
    assert [codec.name for codec in engine(text).media[0].rtp.codecs] == ["PCMU", "opus"]


def test_a_codec_that_its_line_does_not_have_is_none_of_it():
    text = OFFER.replace("SAVPF 96 97", "SAVPF 96")
    assert [codec.payload_type for codec in read(text).sections[1].codecs] == [96]


def test_parameters_of_a_codec_may_be_told_in_several_lines():
    text = OFFER.replace(
        "a=rtpmap:111", "a=fmtp:111 stereo=1; minptime=10\r\na=fmtp:111 useinbandfec=1\r\na=rtpmap:111"
    )
    opus = engine(text).media[0].rtp.codecs[0]
    assert opus.parameters == {"stereo": 1, "minptime": 10, "useinbandfec": 1}


@pytest.mark.parametrize(("port", "more", "rejected"), [(9, "", False), (0, "", True), (0, "a=bundle-only\r\n", False)])
def test_port_0_rejects_a_section_that_is_not_bundled_only(port, more, rejected):
    text = OFFER.replace("m=video 9", f"m=video {port}").replace("a=mid:1\r\n", f"a=mid:1\r\n{more}")
    assert read(text).sections[1].rejected is rejected


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda text: text.replace("a=ice-pwd:" + "p" * 22, "a=ice-pwd:short "), "a=ice-pwd:short "),
        (lambda text: text.replace("a=setup:actpass", "a=setup:holdconn"), "a=setup:holdconn"),
        (lambda text: text.replace("opus/48000/2", "opus"), "a=rtpmap:111 opus"),
        (lambda text: text.replace("m=video 9", "m=video"), "m=video UDP/TLS/RTP/SAVPF 96 97"),
        (lambda text: text.replace("a=sctp-port:5000", "a=sctp-port:500000"), "a=sctp-port:500000"),
    ],
)
def test_what_a_connection_needs_is_refused_with_its_line_as_it_was_given(change, line):
    text = change(OFFER)
    with pytest.raises(SdpError) as caught:
        read(text)
    assert f"line {text.split(chr(13) + chr(10)).index(line) + 1} is {line!r}" in str(caught.value)


def test_names_of_parameters_are_told_in_any_case():
    text = OFFER.replace("a=rtpmap:111", "a=fmtp:111 PROFILE-LEVEL-ID=64001F;X\r\na=rtpmap:111")
    assert read(text).sections[0].codecs[0].parameters == (("profile-level-id", "64001F"), ("X", None))


def test_more_text_than_any_description_has_is_refused_at_once():
    with pytest.raises(SdpError, match=f"has .* characters, and no more than {MOST_TEXT} are read"):
        read(OFFER + "a=x:y\r\n" * 200_000)


def test_more_media_sections_than_any_description_has_are_refused_at_once():
    dead = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"
    assert len(read(OFFER + dead * (MOST_SECTIONS - 3)).sections) == MOST_SECTIONS
    with pytest.raises(SdpError, match=f"no more than {MOST_SECTIONS} media sections are read"):
        read(OFFER + dead * (MOST_SECTIONS - 2))


# -- codecs that can be used ------------------------------------------------------------------------------------------


def h264(*said: str) -> list[int]:
    """Return which of these H264 formats, from 96 on, can be used."""
    numbers = " ".join(str(96 + i) for i in range(len(said)))
    lines = "".join(f"a=rtpmap:{96 + i} H264/90000\r\na=fmtp:{96 + i} {text}\r\n" for i, text in enumerate(said))
    return [
        codec.payload_type
        for codec in usable(read(f"{HEAD}m=video 9 UDP/TLS/RTP/SAVPF {numbers}\r\na=mid:1\r\n{lines}").sections[0])
    ]


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        (["packetization-mode=1;profile-level-id=640028"], [96]),
        (["profile-level-id=4d002a"], [96]),
        ([""], [96]),
        (["packetization-mode=0", "packetization-mode=1"], [97]),
        (["packetization-mode=1", "packetization-mode=1;profile-level-id=f4001f"], [96, 97]),
        (["packetization-mode=2"], []),
        (["Packetization-Mode=0", "PROFILE-LEVEL-ID=64001F;PACKETIZATION-MODE=1"], [97]),
    ],
)
def test_h264_of_all_profiles_can_be_used_and_mode_0_where_there_is_nothing_else(said, numbers):
    assert h264(*said) == numbers


def test_aiortc_is_given_h264_that_it_knows():
    text = f"{HEAD}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n{TRANSPORT}a=mid:1\r\na=rtpmap:96 H264/90000\r\n"
    (codec,) = engine(text).media[0].rtp.codecs
    assert codec.parameters["profile-level-id"] == "42e01f"


# -- candidates -------------------------------------------------------------------------------------------------------


def candidate(number: int, priority: int = 1) -> str:
    return f"a=candidate:{number} 1 udp {priority} 198.51.{number // 200}.{number % 200 + 1} 9 typ host\r\n"


def test_of_ten_thousand_candidates_the_best_hundred_of_the_first_thousand_are_kept():
    text = OFFER + "".join(candidate(i, priority=i) for i in range(10_000))
    kept = read(text).sections[2].candidates
    assert [found.priority for found in kept] == list(range(MOST_READ - MOST_CANDIDATES, MOST_READ))
    assert len(engine(text).media[2].ice_candidates) == MOST_CANDIDATES


def test_a_candidate_that_is_told_twice_is_one():
    assert len(read(OFFER + candidate(1) * 3).sections[2].candidates) == 1


@pytest.mark.parametrize(
    ("text", "usable", "name"),
    [
        ("candidate:1 1 udp 1 198.51.100.7 9 typ host", True, False),
        ("a=candidate:1 1 UDP 1 2001:db8::7 9 TYP HOST generation 0 ufrag x", True, False),
        ("candidate:1 1 udp 1 media.example 9 typ host", True, True),
        ("candidate:1 1 udp 1 0c4f914a-c763-404b-bc69-37a2257c8296.local 9 typ host", False, False),
        ("candidate:1 1 udp 1 X.LOCAL. 9 typ host", False, False),
        ("candidate:1 1 tcp 1 198.51.100.7 9 typ host tcptype active", False, False),
        ("candidate:1 2 udp 1 198.51.100.7 9 typ host", False, False),
        ("candidate:1 1 udp 1 198.51.100.7 9 typ host raddr 1.2.3.4 rport x", True, False),
    ],
)
def test_a_candidate_can_be_tried_or_not(text, usable, name):
    found = parse_candidate(text)
    assert (found.is_usable, found.is_name) == (usable, name)
    assert parse_candidate(found.line) == found


@pytest.mark.parametrize("text", ["", "candidate:", "candidate:1 1 udp", "candidate:1 1 udp 1 1.2.3.4 99999 typ host"])
def test_what_is_no_candidate_is_refused(text):
    with pytest.raises(ValueError, match="is no ICE candidate"):
        parse_candidate(text)


def test_names_are_not_given_to_aiortc_which_would_end_at_once():
    text = OFFER + "a=candidate:1 1 udp 1 media.example 9 typ host\r\na=end-of-candidates\r\n"
    media = engine(text).media[2]
    assert (media.ice_candidates, media.ice_candidates_complete) == ([], False)


def test_lines_are_tidied():
    assert tidy("\ufeffv=0 \r\r\n\r\n  a=x\ty\r\nb=z") == "v=0\na=x y\nb=z"
    assert tidy("v=0\r\n") == "v=0\n"
