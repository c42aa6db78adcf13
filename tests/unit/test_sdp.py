"""Descriptions as browsers write them: sections, streams, and what is malformed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from jupyter_rtc import RtcError, SdpError, SessionDescription, WrongValueError
from jupyter_rtc.rtc.grammar import check
from jupyter_rtc.rtc.sdp import media_sections, msid_lines, with_streams

# Of Chromium 120 and Firefox 120, shortened to what matters here.
CHROMIUM = (
    "\r\n".join(
        """\
v=0
o=- 5228541338129427384 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=extmap-allow-mixed
a=msid-semantic: WMS stream-1
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:W7sV
a=ice-pwd:k5ISBfdvCZRmGkPT4cQ4hcwD
a=ice-options:trickle
a=fingerprint:sha-256 49:66:12:17:0D:1C:91:AE:57:4C:C6:36:DD:D5:97:D2:7D:62:C9:9A:7F:B9:A3:F4:70:03:E7:43:91:73:23:5E
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:stream-1 audio-track
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6
a=ssrc:3570614608 msid:stream-1 audio-track
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=ice-ufrag:W7sV
a=ice-pwd:k5ISBfdvCZRmGkPT4cQ4hcwD
a=mid:1
a=sendonly
a=msid:stream-1 video-track
a=msid:stream-2 video-track
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:2
a=sctp-port:5000
""".splitlines()
    )
    + "\r\n"
)

FIREFOX = (
    "\r\n".join(
        """\
v=0
o=mozilla...THIS_IS_SDPARTA-99.0 7830238459382 0 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 49:66:12:17:0D:1C:91:AE:57:4C:C6:36:DD:D5:97:D2:7D:62:C9:9A:7F:B9:A3:F4:70:03:E7:43:91:73:23:5E
a=group:BUNDLE sdparta_0 sdparta_1
a=ice-options:trickle
a=msid-semantic:WMS *
m=video 51472 UDP/TLS/RTP/SAVPF 120 124
c=IN IP4 192.0.2.7
a=recvonly
a=mid:sdparta_0
a=rtcp-mux
m=audio 0 UDP/TLS/RTP/SAVPF 109
c=IN IP4 0.0.0.0
a=inactive
a=mid:sdparta_1
a=msid:- {5a990edd-0568-ac40-8d97-310fc33f3411}
a=rtcp-mux
""".splitlines()
    )
    + "\r\n"
)

MINIMAL = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"


def describe(section) -> tuple:
    return section.mid, section.kind, section.direction, section.streams, section.track_id, section.rejected


def test_what_chromium_offers():
    assert [describe(section) for section in media_sections(CHROMIUM)] == [
        ("0", "audio", "sendrecv", ("stream-1",), "audio-track", False),
        ("1", "video", "sendonly", ("stream-1", "stream-2"), "video-track", False),
        ("2", "application", "sendrecv", None, None, False),
    ]


def test_what_firefox_answers():
    assert [describe(section) for section in media_sections(FIREFOX)] == [
        ("sdparta_0", "video", "recvonly", None, None, False),
        ("sdparta_1", "audio", "inactive", (), "{5a990edd-0568-ac40-8d97-310fc33f3411}", True),
    ]


@pytest.mark.parametrize("text", [CHROMIUM, FIREFOX, MINIMAL])
@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_browsers_descriptions_are_accepted_with_either_line_ending(text, ending):
    text = text.replace("\r\n", ending)
    assert SessionDescription._of({"type": "offer", "sdp": text}) == SessionDescription("offer", text)
    assert len(media_sections(text)) == len(media_sections(text.replace("\n", "\r\n").replace("\r\r", "\r")))


@pytest.mark.parametrize(
    ("lines", "streams", "track"),
    [
        ([], None, None),
        (["a=msid:s t"], ("s",), "t"),
        (["a=msid:s"], ("s",), None),
        (["a=msid:s t", "a=msid:u t"], ("s", "u"), "t"),
        (["a=msid:s t", "a=msid:s t"], ("s",), "t"),
        (["a=msid:- t"], (), "t"),
        (["a=msid:-"], (), None),
        (["a=ssrc:1 msid:s t", "a=ssrc:1 cname:c"], ("s",), "t"),
        (["a=msid:s t", "a=ssrc:1 msid:u v"], ("s",), "t"),
    ],
)
def test_streams_are_read_from_no_one_or_many_lines(lines, streams, track):
    text = MINIMAL + "\r\n".join(["m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:0", *lines]) + "\r\n"
    (section,) = media_sections(text)
    assert (section.streams, section.track_id) == (streams, track)


def test_a_direction_may_be_given_for_all_sections_and_replaced_in_one():
    text = MINIMAL + "a=inactive\r\nm=audio 9 RTP 0\r\na=mid:a\r\nm=video 9 RTP 0\r\na=mid:v\r\na=recvonly\r\n"
    assert [section.direction for section in media_sections(text)] == ["inactive", "recvonly"]


def test_without_a_direction_a_section_is_sendrecv():
    assert media_sections(MINIMAL + "m=audio 9 RTP 0\r\n")[0].direction == "sendrecv"


def test_a_section_without_a_mid_is_known_by_its_place():
    text = MINIMAL + "m=audio 9 RTP 0\r\nm=video 9/2 RTP 0\r\n"
    assert [(section.mid, section.rejected) for section in media_sections(text)] == [("0", False), ("1", False)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("nonsense", 1),
        ("v=1\r\n", 1),
        (MINIMAL.removeprefix("v=0\r\n"), 1),
        (MINIMAL + "this is no line\r\n", 5),
        (MINIMAL + "=x\r\n", 5),
        (MINIMAL + "a\r\n", 5),
        (MINIMAL + "A=upper\r\n", 5),
        (MINIMAL + "a=fine\r\nm=video\r\n", 6),
        (MINIMAL + "a=fine\nm=video 9 UDP/TLS/RTP/SAVPF \r\n", 6),
        (MINIMAL + "m=video 9 UDP/TLS/RTP/SAVPF 72\r\n", 5),
        (MINIMAL + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n", 5),
        (MINIMAL + "a=mid:0\r\n", 5),
        (MINIMAL + "a=group:BUNDLE 0\r\n", 5),
        (MINIMAL.replace("t=0 0\r\n", ""), 1),
        (MINIMAL.replace("t=0 0", "t=0"), 4),
        (MINIMAL + "m=video nine UDP/TLS/RTP/SAVPF 96\r\n", 5),
    ],
)
def test_a_malformed_line_is_refused_with_its_number_and_its_text(text, line):
    with pytest.raises(SdpError, match=f"line {line} ") as caught:
        check(text)
    assert (text.splitlines() or [""])[line - 1] in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, RtcError)


@pytest.mark.parametrize(
    "value",
    [
        None, 7, "v=0", [], {}, {"sdp": MINIMAL},
        {"type": "offer", "sdp": MINIMAL.encode()}, {"type": "Offer", "sdp": MINIMAL}, {"type": 1, "sdp": MINIMAL},
    ],
)  # fmt: skip
def test_what_is_no_description_is_a_type_error_that_says_what_is_one(value):
    with pytest.raises(TypeError, match="'sdp'"):
        SessionDescription._of(value)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("foo", "x"), WrongValueError, "'foo'"),
        (("", ""), WrongValueError, "offer, answer, pranswer, rollback"),
        ((3, "x"), TypeError, "'type'.*int"),
        (("offer", 3), TypeError, "'sdp' is a str, not int"),
        (("offer", None), TypeError, "'sdp' is a str, not NoneType"),
        (("answer", b"v=0"), TypeError, "'sdp' is a str, not bytes"),
    ],
)
def test_a_description_is_checked_when_it_is_made(arguments, error, words):
    with pytest.raises(error, match=words):
        SessionDescription(*arguments)


@pytest.mark.parametrize("kind", ["offer", "answer", "pranswer", "rollback"])
def test_a_description_may_be_without_text(kind):
    assert SessionDescription(kind) == SessionDescription(kind, "") == SessionDescription._of({"type": kind})


def test_a_rollback_needs_no_text():
    assert SessionDescription._of({"type": "rollback"}).type == "rollback"


def test_an_object_of_another_library_is_a_description():
    value = SimpleNamespace(type="answer", sdp=MINIMAL)
    assert SessionDescription._of(value) == SessionDescription("answer", MINIMAL)


def test_a_description_is_a_value():
    description = SessionDescription("offer", MINIMAL)
    assert SessionDescription._of(description) == description
    assert {description, SessionDescription("offer", MINIMAL)} == {description}
    with pytest.raises(AttributeError):
        description.sdp = ""


def test_our_stream_lines_take_the_place_of_those_there():
    text = with_streams(CHROMIUM, lambda mid: ["new track", "other track"] if mid == "1" else None)
    audio, video, data = media_sections(text)
    assert audio.streams == ("stream-1",)
    assert (video.streams, video.track_id) == (("new", "other"), "track")
    assert data.kind == "application"
    assert text.count("a=msid:") == 3
    assert with_streams(text, lambda _mid: None) == text, "nothing else changes"


def test_the_stream_lines_of_a_section_can_be_taken_out():
    text = with_streams(CHROMIUM, lambda _mid: [])
    assert "a=msid:" not in text
    assert text.splitlines() == [line for line in CHROMIUM.splitlines() if not line.startswith("a=msid:")]


@pytest.mark.parametrize(("streams", "lines"), [((), ["- t"]), (("s",), ["s t"]), (("s", "u"), ["s t", "u t"])])
def test_a_sender_names_each_of_its_streams_or_none(streams, lines):
    assert msid_lines(streams, "t") == lines
    text = with_streams(MINIMAL + "m=audio 9 RTP 0\r\na=mid:0\r\n", lambda _mid: msid_lines(streams, "t"))
    assert media_sections(text)[0].streams == streams
