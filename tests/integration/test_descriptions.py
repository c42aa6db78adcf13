"""Descriptions from anywhere: what browsers, GStreamer, libwebrtc, pion and Janus write is taken as it is meant.

The files in tests/vectors/sdp are real, but for the addresses in them; `tests.peers.collect` writes them anew. Relayed
candidates alone are allowed and there is no relay: nothing is gathered, nothing is sent.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from jupyter_rtc import MediaStream, PeerConnection, SdpError, SessionDescription, TestPattern, TestTone, TrackEvent
from jupyter_rtc.engine.peer import Peer
from jupyter_rtc.rtc import grammar, sdp
from tests.conftest import ROOT

VECTORS = {path.stem: path.read_bytes().decode() for path in sorted((ROOT / "tests/vectors/sdp").glob("*.sdp"))}
KIND = {name: "answer" if "answer" in name else "offer" for name in VECTORS}


@dataclass(frozen=True)
class Section:
    """What a section is to become. The answer's direction is that of a side which sends nothing."""

    mid: str
    kind: str
    answered: str
    #: Whether the track is in a stream, for sections that send.
    streams: int | None = None
    rejected: bool = False


AUDIO = Section("0", "audio", "recvonly", 1)
VIDEO = Section("1", "video", "recvonly", 1)
BROWSER = (AUDIO, VIDEO, Section("2", "video", "inactive"), Section("3", "application", "sendrecv"))
STOPPED = (
    AUDIO,
    Section("1", "video", "inactive"),
    Section("2", "video", "inactive", rejected=True),
    Section("3", "application", "sendrecv"),
)
OFFERS = {
    "chromium-offer": BROWSER,
    "chromium-offer-stopped": STOPPED,
    "firefox-offer": BROWSER,
    "firefox-offer-stopped": STOPPED,
    "gstreamer-offer": (Section("audio0", "audio", "recvonly", 1), Section("video1", "video", "recvonly", 1)),
    "janus-offer": (AUDIO, VIDEO),
    "libwebrtc-offer": (AUDIO, VIDEO),
    "pion-offer": (AUDIO, VIDEO),
}
#: The directions that are agreed, of our sound and pictures.
ANSWERS = {
    "chromium-answer": ("sendonly", "sendrecv"),
    "firefox-answer": ("sendonly", "sendrecv"),
    "gstreamer-answer": ("sendrecv", "sendrecv"),
    "janus-answer": ("sendrecv", "sendrecv"),
    "libwebrtc-answer": ("sendrecv", "sendrecv"),
    "pion-answer": ("sendrecv", "sendrecv"),
}
every_offer = pytest.mark.parametrize("name", OFFERS)


def connection() -> PeerConnection:
    return PeerConnection(ice_transport_policy="relay")


def codecs(text: str, index: int) -> dict[int, str]:
    part = sdp.split(text)[index + 1]
    return {int(number): name.lower() for number, name in re.findall(r"\na=rtpmap:(\d+) ([^/]+)/", part)}


def extensions(text: str) -> dict[str, str]:
    return dict(re.findall(r"\na=extmap:(\d+)\S* (\S+)", text.replace("\r\n", "\n")))


def test_every_file_is_looked_at() -> None:
    assert sorted([*OFFERS, *ANSWERS]) == sorted(VECTORS)


@every_offer
async def test_an_offer_makes_the_right_transceivers_and_streams(name: str) -> None:
    events: list[TrackEvent] = []
    async with connection() as pc:
        pc.on("track", events.append)
        await pc.set_remote_description({"type": "offer", "sdp": VECTORS[name]})
        assert pc.signaling_state == "have-remote-offer"
        media = [section for section in OFFERS[name] if section.kind != "application"]
        assert [(t.mid, t.receiver.track.kind) for t in pc.get_transceivers()] == [(s.mid, s.kind) for s in media]
        await pc.create_answer()  # events are on their way before it returns
        sending = [section for section in media if section.streams is not None]
        assert [(event.transceiver.mid, len(event.streams)) for event in events] == [
            (section.mid, section.streams) for section in sending
        ]
        for event in events:
            # As it stands there, or in the a=ssrc lines of an older GStreamer.
            assert re.search(rf"msid:{re.escape(event.streams[0].id)} {re.escape(event.track.id)}(?=\s)", VECTORS[name])


@every_offer
async def test_the_answer_to_an_offer_is_right(name: str) -> None:
    offer = VECTORS[name]
    async with connection() as pc:
        await pc.set_remote_description({"type": "offer", "sdp": offer})
        answer = (await pc.create_answer()).sdp
    grammar.check(answer, "answer")
    got = sdp.media_sections(answer)
    assert [(s.mid, s.kind, s.direction, s.rejected) for s in got] == [
        (s.mid, s.kind, s.answered, s.rejected) for s in OFFERS[name]
    ]
    live = [section for section in OFFERS[name] if not section.rejected]
    assert f"a=group:BUNDLE {' '.join(section.mid for section in live)}\r\n" in answer
    assert answer.count("a=setup:active\r\n") >= len(live)
    assert "a=setup:actpass" not in answer
    for index, section in enumerate(OFFERS[name]):
        ours, theirs = codecs(answer, index), codecs(offer, index)
        if section.kind != "application" and not section.rejected:
            assert ours.items() <= theirs.items(), "a codec has the number that the offer gave it"
            assert ("opus" if section.kind == "audio" else "vp8") in ours.values()
    assert extensions(answer).items() <= extensions(offer).items()


@every_offer
async def test_our_next_offer_calls_everything_what_theirs_did(name: str) -> None:
    theirs = VECTORS[name]
    async with connection() as pc:
        await pc.set_remote_description({"type": "offer", "sdp": theirs})
        await pc.set_local_description()
        pc.add_track(TestPattern(), MediaStream())
        pc.add_transceiver("audio")
        pc.create_data_channel("data")
        offer = (await pc.create_offer()).sdp
    meaning: dict[int, str] = {}
    for text in (theirs, offer):
        for index, section in enumerate(sdp.media_sections(text)):
            if section.rejected:
                continue
            for number, codec in codecs(text, index).items():
                ours = codec in ("opus", "vp8", "h264", "rtx", "g722", "pcmu", "pcma")
                if text is offer or ours:
                    assert meaning.setdefault(number, codec) == codec, f"payload type {number} has two meanings"
    known, now = extensions(theirs), extensions(offer)
    assert all(known.get(number, uri) == uri for number, uri in now.items())


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_settles_what_was_offered(name: str) -> None:
    events: list[TrackEvent] = []
    async with connection() as pc:
        pc.on("track", events.append)
        stream = MediaStream()
        pc.add_track(TestTone(), stream)
        pc.add_track(TestPattern(), stream)
        await pc.set_local_description()
        await pc.set_remote_description({"type": "answer", "sdp": VECTORS[name]})
        assert pc.signaling_state == "stable"
        assert tuple(t.current_direction for t in pc.get_transceivers()) == ANSWERS[name]
        assert [transceiver.mid for transceiver in pc.get_transceivers()] == ["0", "1"]
        await pc.create_offer()
        received = [t.mid for t in pc.get_transceivers() if t.current_direction == "sendrecv"]
        assert [event.transceiver.mid for event in events] == received
        assert all(len(event.streams) == 1 for event in events)


# -- malformed --------------------------------------------------------------------------------------------------------


def at(text: str, pattern: str) -> int:
    """Return the number of the first line that matches."""
    return next(number for number, line in enumerate(text.split("\r\n"), 1) if re.match(pattern, line))


def without(pattern: str) -> Callable[[str], str]:
    return lambda text: "\r\n".join(line for line in text.split("\r\n") if not re.match(pattern, line))


def replaced(pattern: str, line: str) -> Callable[[str], str]:
    """Put `line` in place of the first that matches."""

    def change(text: str) -> str:
        lines = text.split("\r\n")
        lines[at(text, pattern) - 1] = line
        return "\r\n".join(lines)

    return change


# How it is spoilt, and the pattern of the line that the error names.
SPOILT: dict[str, tuple[Callable[[str], str], str]] = {
    "nothing": (lambda _text: "", ""),
    "garbage": (lambda _text: "\x00\x01 this is no description", ""),
    "garbage within": (replaced("a=mid:", "garbage \N{PILE OF POO}"), "garbage"),
    "a control character": (replaced("a=mid:", "a=mid:\x07"), "a=mid"),
    "no version": (without("v="), ""),
    "no name and password": (without("a=ice-"), "m="),
    "no password": (without("a=ice-pwd"), "m="),
    "a short password": (replaced("a=ice-pwd", "a=ice-pwd:short"), "a=ice-pwd:short"),
    "no fingerprint": (without("a=fingerprint"), "m="),
    "no hexadecimal fingerprint": (replaced("a=fingerprint", "a=fingerprint:sha-256 nonsense"), "a=fingerprint"),
    "no role": (without("a=setup"), "m="),
    "an unknown role": (replaced("a=setup", "a=setup:maybe"), "a=setup"),
    "no rtcp-mux": (without("a=rtcp-mux"), "m="),
    "no payload types": (replaced("m=", "m=video 9 UDP/TLS/RTP/SAVPF "), "m=video"),
    "a payload type that is none": (replaced("m=", "m=video 9 UDP/TLS/RTP/SAVPF 300"), "m=video"),
    "a payload type that is a word": (replaced("m=", "m=video 9 UDP/TLS/RTP/SAVPF vp8"), "m=video"),
    "a port that is none": (replaced("m=", "m=video 99999 UDP/TLS/RTP/SAVPF 96"), "m=video"),
    "no port": (replaced("m=", "m=video"), "m=video"),
    "a strange codec": (replaced("a=rtpmap", "a=rtpmap:96 VP8"), "a=rtpmap"),
    "a strange candidate": (replaced("m=", "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=candidate:1 1 udp"), "a=candidate:1 1"),
    "a strange extension": (replaced("a=rtpmap", "a=extmap:one"), "a=extmap:one"),
    "a bundle of what is not there": (replaced("a=group", "a=group:BUNDLE 0 1 nobody"), "a=group"),
    "two of one name": (
        lambda text: re.sub(r"a=mid:\S+", "a=mid:0", re.sub(r"BUNDLE [^\r\n]*", "BUNDLE 0", text)),
        r"m=(?!.*\Z)",  # the second: see the test
    ),
}


def snapshot(pc: PeerConnection) -> tuple[object, ...]:
    return (
        pc.signaling_state,
        pc.connection_state,
        pc.local_description,
        pc.remote_description,
        [(t, t.mid, t.direction, t.current_direction) for t in pc.get_transceivers()],
    )


@pytest.mark.parametrize("spoilt", SPOILT)
@pytest.mark.parametrize("name", [name for name in VECTORS if "stopped" not in name])
async def test_what_is_malformed_is_refused_with_its_line_and_changes_nothing(name: str, spoilt: str) -> None:
    change, pattern = SPOILT[spoilt]
    text = change(VECTORS[name])
    kind = KIND[name]
    async with connection() as pc:
        if kind == "answer":
            pc.add_track(TestTone())
            pc.add_track(TestPattern())
            await pc.set_local_description()
        before = snapshot(pc)
        with pytest.raises(SdpError) as caught:
            await pc.set_remote_description({"type": kind, "sdp": text})
        assert snapshot(pc) == before
        # And the right one is taken afterwards.
        await pc.set_remote_description({"type": kind, "sdp": VECTORS[name]})
    if spoilt == "two of one name":
        numbers = [number for number, line in enumerate(text.split("\r\n"), 1) if line.startswith("m=")]
        number = numbers[1]
    else:
        number = at(text, pattern) if pattern else 1
    assert f"line {number} is {text.split(chr(13) + chr(10))[number - 1]!r}" in str(caught.value)


def refusal(kind: str, text: str) -> SdpError | None:
    """Return what a description is refused with, before anything is changed."""
    try:
        grammar.check(text, kind)
        Peer(lambda *_: None).check(kind, sdp.revive(text))
    except SdpError as error:
        return error
    return None


@pytest.mark.parametrize("name", VECTORS)
def test_wherever_it_is_cut_off_it_is_refused_or_all_sections_are_there(name: str) -> None:
    text = VECTORS[name]
    mids = [section.mid for section in sdp.media_sections(text)]
    assert refusal(KIND[name], text) is None
    for end in range(0, len(text) - 1, 61):
        if "\na=group" in text[:end] and refusal(KIND[name], text[:end]) is None:
            assert [section.mid for section in sdp.media_sections(text[:end])] == mids, text[end - 60 : end]


@pytest.mark.parametrize("name", VECTORS)
def test_whatever_is_changed_in_it_no_other_error_comes_out(name: str) -> None:
    chance = random.Random(name)
    refused = 0
    for _ in range(60):
        text = list(VECTORS[name])
        for _ in range(chance.choice((1, 3, 30))):
            text[chance.randrange(len(text))] = chance.choice("09azAZ=:/ -\r\n\t\x00é\u2028")
        refused += refusal(KIND[name], "".join(text)) is not None
    assert refused > 5


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("ending", ["\n", "mixed", "no end"])
def test_line_endings_do_not_matter(name: str, ending: str) -> None:
    text = VECTORS[name].replace("\r\n", "\n")
    if ending == "mixed":
        text = re.sub(r"\n(?=a=)", "\r\n", text)
    elif ending == "no end":
        text = text.rstrip("\n")
    assert refusal(KIND[name], text) is None
    assert sdp.media_sections(text) == sdp.media_sections(VECTORS[name])


async def test_parameters_of_a_codec_that_is_not_named_are_passed_over() -> None:
    text = VECTORS["chromium-offer"].replace("a=rtpmap:111 opus", "a=fmtp:77 apt=1\r\na=rtpmap:111 opus")
    async with connection() as pc:
        await pc.set_remote_description(SessionDescription("offer", text))
        assert "opus" in (await pc.create_answer()).sdp


async def test_bundled_sections_may_leave_out_the_transport_of_the_first() -> None:
    """RFC 9143 §7.1.3: what concerns the transport stands in the first section of the bundle alone."""
    own = ("a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup", "a=candidate", "a=end-of-candidates", "a=rtcp-mux")
    async with PeerConnection() as a, PeerConnection() as b:
        pattern = TestPattern((160, 120))
        a.add_transceiver("audio")
        a.add_track(pattern)
        offer = await a.set_local_description()
        first, second = offer.sdp.split("m=video")
        bare = "\r\n".join(line for line in second.split("\r\n") if not line.startswith(own))
        await b.set_remote_description({"type": "offer", "sdp": f"{first}m=video{bare}"})
        await a.set_remote_description(await b.set_local_description())
        assert (await asyncio.to_thread(b.get_receivers()[1].track.read)).shape == (120, 160, 3)
        pattern.stop()


def careless(text: str) -> str:
    """Return a description as somebody's program writes it: everything that is forgiven, at once."""
    text = re.sub(r"(?m)^m=audio (\d+) (\S+) .*$", r"m=audio \1 \2 0 8", text.replace("\r\n", "\n"))
    audio, video = text.split("m=video")
    audio = re.sub(r"(?m)^a=(rtpmap|fmtp|rtcp-fb):.*\n", "", audio)  # sound of static payload types alone
    video = re.sub(r"(?m)^(a=extmap:\d+ \S+)$", r"\1 some=thing", video)
    video = re.sub(r"(?m)^a=ssrc:(\d+) cname.*$", r"a=ssrc:\1", video)
    text = f"\n{audio}a=fmtp:111\nm=video{video}".replace("a=rtpmap", "a=RTPMAP").replace("a=setup:a", "a=setup:A")
    return "".join(f"{line} \t\r\r\n\r\n" for line in text.split("\n")) + "\n \n"


async def test_what_is_written_carelessly_connects_all_the_same() -> None:
    async with PeerConnection() as a, PeerConnection() as b:
        pattern, tone = TestPattern((160, 120)), TestTone()
        a.add_track(tone)
        a.add_track(pattern)
        offer = await a.set_local_description()
        await b.set_remote_description({"type": "offer", "sdp": careless(offer.sdp)})
        answer = await b.set_local_description()
        assert [next(iter(codecs(answer.sdp, index).values())) for index in (0, 1)] == ["pcmu", "vp8"]
        await a.set_remote_description({"type": "answer", "sdp": careless(answer.sdp)})
        sound, picture = (receiver.track for receiver in b.get_receivers())
        assert (await asyncio.to_thread(picture.read)).shape == (120, 160, 3)
        assert abs(await asyncio.to_thread(sound.read, 0.5)).max() > 0.05
        for track in (pattern, tone):
            track.stop()


# -- sections of other kinds ------------------------------------------------------------------------------------------

FOREIGN = (
    "text 9 UDP/TLS/RTP/SAVPF 98",
    "text 0 RTP/AVP 98",
    "image 9 udptl t38",
    "message 9 TCP/MSRP *",
    "application 9 UDP/BFCP *",
    "application 0 UDP/BFCP *",
)


async def _with_section(line: str, *, first: bool, transport: bool) -> str:
    """Return an offer of sound and data with one more section, a=mid:odd, in its bundle where it names a transport."""
    peer = connection()
    peer.add_track(TestTone())
    peer.create_data_channel("data")
    await peer.set_local_description()
    session, *parts = sdp.split(peer.local_description.sdp)
    peer.close()
    own = [one for one in parts[0].split("\n") if one.startswith(("a=ice-", "a=fingerprint", "a=setup"))]
    part = "\n".join([line, "a=mid:odd", *(own if transport else ())])
    if transport:
        session = session.replace("BUNDLE 0 1", "BUNDLE odd 0 1" if first else "BUNDLE 0 1 odd")
    ordered = [part, *parts] if first else [*(one.rstrip("\n") for one in parts), part]
    return sdp.join([session, *ordered]).rstrip() + "\r\n"


def _lines(text: str) -> list[str]:
    return [part.split("\n")[0] for part in sdp.split(text)[1:]]


@pytest.mark.parametrize("transport", [True, False], ids=["bundled", "bare"])
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
@pytest.mark.parametrize("line", FOREIGN)
async def test_a_section_of_another_kind_is_rejected_in_its_place_and_stays_there(line, first, transport):
    offer = await _with_section(line, first=first, transport=transport)
    kind, _, rest = line.split(" ", 2)
    place = 0 if first else 2
    ours, theirs = connection(), connection()
    ours.add_track(TestPattern())
    await ours.set_remote_description(SessionDescription("offer", offer))
    await ours.set_local_description()
    answer = ours.local_description.sdp
    assert _lines(answer)[place] == f"{kind} 0 {rest}"
    assert [section.kind for section in sdp.media_sections(answer) if not section.rejected] == ["audio", "application"]
    assert sdp.media_sections(answer)[place].mid == "odd"
    assert sdp.bundle(answer) == ["0", "1"]
    assert any(f"{kind} over" in words for words in ours._session.refusals) is (" 9 " in line)

    await ours.set_local_description()  # an offer of our own, for our pictures
    again = ours.local_description.sdp
    assert _lines(again)[place] == f"{kind} 0 {rest}"
    assert [section.kind for section in sdp.media_sections(again) if not section.rejected][-1] == "video"
    await theirs.set_remote_description(ours.local_description)
    await theirs.set_local_description()
    assert _lines(theirs.local_description.sdp)[place] == f"{kind} 0 {rest}"
    await ours.set_remote_description(theirs.local_description)
    assert ours.signaling_state == "stable"
    assert ours.get_transceivers()[0].current_direction == "sendonly"
    ours.close()
    theirs.close()


async def test_an_offer_with_a_section_of_another_kind_is_taken_back():
    offer = SessionDescription("offer", await _with_section("text 9 RTP/AVP 98", first=False, transport=True))
    peer = connection()
    for _ in range(2):
        await peer.set_remote_description(offer)
        await peer.create_answer()
        await peer.set_remote_description(SessionDescription("rollback"))
    await peer.set_remote_description(offer)
    await peer.set_local_description()
    assert _lines(peer.local_description.sdp)[2] == "text 0 RTP/AVP 98"
    peer.close()


async def test_data_channels_that_are_rejected_in_an_offer_are_rejected_in_the_answer():
    offer = await _with_section("text 0 RTP/AVP 98", first=False, transport=False)
    peer = connection()
    await peer.set_remote_description(SessionDescription("offer", offer.replace("m=application 9", "m=application 0")))
    await peer.set_local_description()
    assert [section.rejected for section in sdp.media_sections(peer.local_description.sdp)] == [False, True, True]
    assert sdp.bundle(peer.local_description.sdp) == ["0"]
    peer.close()
