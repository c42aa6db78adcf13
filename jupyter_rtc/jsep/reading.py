"""Reading a description as it is in the wild, line by line: RFC 8866.

What nobody needs may be malformed, and is left out. What a connection needs is refused with its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ..errors import SdpError
from .description import DIRECTIONS, Candidate, Codec, Description, Extension, Section, is_address

#: RFC 3551 §6: what these payload types are where ``a=rtpmap`` does not say.
STATIC = {
    0: ("PCMU", 8000), 3: ("GSM", 8000), 4: ("G723", 8000), 5: ("DVI4", 8000), 6: ("DVI4", 16000),
    7: ("LPC", 8000), 8: ("PCMA", 8000), 9: ("G722", 8000), 12: ("QCELP", 8000), 13: ("CN", 8000),
    14: ("MPA", 90000), 15: ("G728", 8000), 18: ("G729", 8000), 26: ("JPEG", 90000), 31: ("H261", 90000),
    32: ("MPV", 90000), 33: ("MP2T", 90000), 34: ("H263", 90000),
}  # fmt: skip
#: RFC 5761 §4: these are taken for RTCP where both share a port.
_NO_PAYLOADS = range(64, 96)
_PAYLOADS = range(128)
#: Numbers of header extensions that a packet can tell: RFC 8285 §4.3.
_EXTENSIONS = range(1, 256)
_SSRCS = range(1 << 32)
#: The best ones of a section are kept, of those that are read at all. A browser sends a dozen.
MOST_CANDIDATES, MOST_READ = 100, 1000
#: A description may have so many characters, and so many media sections: a browser's has some thousands, and a dozen.
MOST_TEXT, MOST_SECTIONS = 1_000_000, 200

_NUMBER = r"\d{1,10}"
#: What the value of an attribute looks like that a connection needs.
_NEEDED = {
    name: re.compile(pattern)
    for name, pattern in {
        "candidate": rf"\S+ {_NUMBER} \S+ {_NUMBER} \S+ \d{{1,5}} [Tt][Yy][Pp] \S+( .*)?",
        "extmap": r"\d{1,5}(/\w+)? \S+( .*)?",
        "fingerprint": r"\S+ [0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})+",
        "group": r"\S+( \S+)*",
        "ice-pwd": r"\S{22,256}",
        "ice-ufrag": r"\S{4,256}",
        "mid": r"\S+",
        "rtpmap": rf"\d{{1,3}} [^/ ]+/{_NUMBER}(/\d{{1,3}})?",
        "sctp-port": r"\d{1,5}",
        "setup": r"(?i:active|passive|actpass)",
    }.items()
}
#: Of attributes that it can do without: others are left out.
_OPTIONAL = {
    name: re.compile(pattern)
    for name, pattern in {
        "fmtp": r"\d{1,3} \S.*",
        "max-message-size": r"\d{1,19}",
        "msid": r"\S+( \S+)?( .*)?",
        "msid-semantic": r"\S.*",
        "rtcp": r"\d{1,5}( .*)?",
        "rtcp-fb": r"(\d{1,3}|\*) \S+( .*)?",
        "sctpmap": r"\d{1,5} \S.*",
        "ssrc": rf"{_NUMBER}( .*)?",
        "ssrc-group": rf"\S+( {_NUMBER})+",
    }.items()
}
_FLAGS = {*DIRECTIONS, "bundle-only", "end-of-candidates", "ice-lite", "rtcp-mux", "rtcp-mux-only", "rtcp-rsize"}
_KNOWN = {*_NEEDED, *_OPTIONAL, *_FLAGS, "ice-options", "extmap-allow-mixed"}
#: Said once in a section; the first counts.
_ONCE = {"ice-pwd", "ice-ufrag", "max-message-size", "mid", "rtcp", "sctp-port", "setup"}
_LINES = {
    "c": re.compile(r"IN IP[46] \S+"),
    "o": re.compile(r"(\S.* )?\S+ \S+ IN IP[46] \S+"),
    "t": re.compile(r"\d+ \d+"),
}
_MEDIA = re.compile(r"(?P<kind>[\w-]+) (?P<port>\d{1,5})(?:/\d+)? (?P<protocol>[A-Za-z/]+) (?P<formats>\S+(?: \S+)*)")
#: Parameters of codecs that are numbers.
_NUMERIC = {"apt", "max-fr", "max-fs", "maxplaybackrate", "minptime", "stereo", "sprop-stereo", "useinbandfec"}


def tidy(text: str) -> str:
    """Return a text whose lines end with LF alone, without blanks around them, tabs, and empty lines."""
    return "".join(f"{line}\n" for _, _, line in _lines(text) if line).removesuffix("" if text[-1:] in "\r\n" else "\n")


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield number, text and content of each line, whatever ends it."""
    for number, line in enumerate(re.split(r"\r*\n|\r", text.removeprefix("\ufeff")), 1):
        yield number, line, line.replace("\t", " ").strip(" ")


@lru_cache(maxsize=64)
def read(text: str) -> Description:
    """Return what a description says.

    Raises
    ------
    SdpError
        With the number and the text of the line that cannot be read.
    """
    if len(text) > MOST_TEXT:
        raise SdpError(f"the description has {len(text)} characters, and no more than {MOST_TEXT} are read")
    lines = list(_lines(text))
    begin = next((i for i, (_, _, line) in enumerate(lines) if line), 0)
    if lines[begin][2] != "v=0":
        raise SdpError(f"line {lines[begin][0]} is {lines[begin][1]!r}: a description begins with v=0")
    session = _Part(*lines[begin][:2])
    parts = [session]
    for number, given, line in lines[begin:]:
        if not line or (len(parts[-1].candidates) >= MOST_READ and line.startswith("a=candidate:")):
            continue
        if len(line) < 2 or line[1] != "=" or not line[0].islower() or not line[0].isascii():
            raise SdpError(f"line {number} is {given!r}: not of the form x=value")
        if not line.isprintable():
            raise SdpError(f"line {number} is {given!r}: it contains a control character")
        if line[0] == "m":
            if len(parts) > MOST_SECTIONS:
                raise SdpError(f"line {number} is {given!r}: no more than {MOST_SECTIONS} media sections are read")
            parts.append(_Part(number, given, line))
        elif line[0] == "a":
            parts[-1].take_attribute(number, given, line[2:].strip())
        else:
            parts[-1].take_line(number, given, line)
    for name in ("o=", "s=", "t="):
        if not any(line.startswith(name) for line in session.others):
            raise SdpError(f"line {session.number} is {session.text!r}: no line {name} follows")
    return Description(
        tuple(session.attributes),
        tuple(session.others),
        tuple(part.section(index, session) for index, part in enumerate(parts[1:])),
    )


@dataclass
class _Part:
    """The lines of the session, or of a media section, while they are being read."""

    number: int
    text: str
    media: str = ""
    others: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    rtpmaps: dict[int, tuple[str, int, int | None]] = field(default_factory=dict)
    fmtps: dict[int, dict[str, str | None]] = field(default_factory=dict)
    feedback: list[tuple[str, str]] = field(default_factory=list)
    extensions: list[Extension] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    ended: bool = False

    def take_line(self, number: int, given: str, line: str) -> None:
        kind, value = line[0], " ".join(line[2:].split())
        if kind in _LINES and not _LINES[kind].fullmatch(value):
            raise SdpError(f"line {number} is {given!r}: malformed {line[:2]} line")
        if kind == "c" and not is_address(value.split()[2]):
            value = "IN IP4 0.0.0.0"  # a host's name, or a multicast address: media go where ICE finds a path
        self.others.append(f"{kind}={value}" if kind in "ct" else line)

    def take_attribute(self, number: int, given: str, line: str) -> None:
        name, _, value = line.partition(":")
        name, value = name.strip(), value.strip()
        name = name.lower() if name.lower() in _KNOWN else name
        if name in _KNOWN:
            value = " ".join(value.split())
        if name in _NEEDED and not _NEEDED[name].fullmatch(value):
            raise SdpError(f"line {number} is {given!r}: malformed a={name}")
        if name == "mid" and not self.media:
            raise SdpError(f"line {number} is {given!r}: a=mid belongs to a media section")
        if name in ("rtcp", "candidate", "sctp-port") and _is_no_port(name, value):
            raise SdpError(f"line {number} is {given!r}: the port is above 65535")
        if name in _OPTIONAL and not _OPTIONAL[name].fullmatch(value):
            return
        take: Callable[[str], None] | None = getattr(self, f"_take_{name.replace('-', '_')}", None)
        if take is not None:
            take(value)
        elif name in DIRECTIONS and any(found in DIRECTIONS for found, _ in self.attributes):
            return
        elif name not in _ONCE or all(found != name for found, _ in self.attributes):
            self.attributes.append((name, value))

    def _take_candidate(self, value: str) -> None:
        self.candidates.append(_candidate(value))

    def _take_end_of_candidates(self, _value: str) -> None:
        self.ended = True

    def _take_extmap(self, value: str) -> None:
        number, uri = value.split()[:2]
        number, _, direction = number.partition("/")
        if int(number) in _EXTENSIONS:
            self.extensions.append(Extension(int(number), uri, direction))

    def _take_fingerprint(self, value: str) -> None:
        algorithm, digest = value.split()
        self.attributes.append(("fingerprint", f"{algorithm.lower()} {digest.upper()}"))

    def _take_group(self, value: str) -> None:
        semantics, *mids = value.split()
        self.attributes.append(("group", " ".join([semantics.upper(), *mids])))

    def _take_setup(self, value: str) -> None:
        if all(name != "setup" for name, _ in self.attributes):
            self.attributes.append(("setup", value.lower()))

    def _take_msid(self, value: str) -> None:
        self.attributes.append(("msid", " ".join(value.split()[:2])))

    def _take_rtcp(self, value: str) -> None:
        port, *address = value.split()
        if len(address) == 3 and is_address(address[2]):
            port = value
        self.attributes.append(("rtcp", port))

    def _take_rtpmap(self, value: str) -> None:
        number, name, rate, *channels = re.split("[ /]", value)
        self.rtpmaps.setdefault(int(number), (name, int(rate), int(channels[0]) if channels else None))

    def _take_fmtp(self, value: str) -> None:
        number, _, parameters = value.partition(" ")
        known = self.fmtps.setdefault(int(number), {})
        for parameter in parameters.split(";"):
            name, equals, said = (part.strip() for part in parameter.partition("="))
            name = name.lower() if equals else name
            if name and not (name in _NUMERIC and not said.isdecimal()):
                known[name] = said if equals else None

    def _take_rtcp_fb(self, value: str) -> None:
        number, _, feedback = value.partition(" ")
        self.feedback.append((number, feedback.lower()))

    def _take_ssrc(self, value: str) -> None:
        number, _, said = value.partition(" ")
        if int(number) in _SSRCS:
            name, colon, rest = said.partition(":")
            self.attributes.append(("ssrc", f"{int(number)} {name or 'cname'}:{rest if colon else '-'}"))

    def _take_ssrc_group(self, value: str) -> None:
        if all(int(number) in _SSRCS for number in value.split()[1:]):
            self.attributes.append(("ssrc-group", value))

    # -- the whole ------------------------------------------------------------------------------------------------

    def section(self, index: int, session: _Part) -> Section:
        match = _MEDIA.fullmatch(" ".join(self.media[2:].split()))
        if match is None or int(match["port"]) > 65_535:
            raise SdpError(f"line {self.number} is {self.text!r}: not a media section, m=kind port protocol formats")
        names = dict(reversed(self.attributes))
        direction = next((name for name, _ in self.attributes if name in DIRECTIONS), None)
        default = next((name for name, _ in session.attributes if name in DIRECTIONS), "sendrecv")
        section = Section(
            self.number,
            self.text,
            match["kind"].lower(),
            int(match["port"]),
            match["protocol"].upper(),
            tuple(match["formats"].split()),
            names.get("mid", str(index)),
            direction or default,
            others=tuple(self.others),
            extensions=tuple(self.extensions),
            candidates=_best(self.candidates),
            ended=self.ended,
            # Port 0 with a=bundle-only says that the port is that of the bundle.
            rejected=int(match["port"]) == 0 and "bundle-only" not in names,
        )
        if section.kind == "application":
            section = _with_sctp(section, names, self.attributes)
        streams, track_id = _streams(self.attributes)
        mux = [("rtcp-mux", "")] if ("rtcp-mux", "") in session.attributes and "rtcp-mux" not in names else []
        return replace(
            section,
            attributes=(*_by_group(self.attributes), *mux, *section.attributes),
            codecs=tuple(self._codecs(section)),
            streams=streams,
            track_id=track_id,
        )

    def _codecs(self, section: Section) -> Iterator[Codec]:
        """Yield the codecs in the order of preference: that of the ``m=`` line (RFC 8866 §5.14)."""
        for name in dict.fromkeys(section.formats if section.is_media else ()):
            if not name.isdecimal() or int(name) not in _PAYLOADS or int(name) in _NO_PAYLOADS:
                if section.rejected:
                    continue
                raise SdpError(f"line {self.number} is {self.text!r}: {name!r} is no payload type")
            number = int(name)
            if number in self.rtpmaps:
                codec, rate, channels = self.rtpmaps[number]
            elif number in STATIC:
                codec, rate, channels = *STATIC[number], None
            else:
                continue
            yield Codec(
                number, codec, rate, channels,
                parameters=tuple(self.fmtps.get(number, {}).items()),
                feedback=tuple(dict.fromkeys(value for of, value in self.feedback if of in ("*", name))),
            )  # fmt: skip


def parse_candidate(text: str) -> Candidate:
    """Return a candidate as browsers write it: ``candidate:`` or ``a=candidate:`` may stand before it.

    Raises
    ------
    ValueError
        When it is none.
    """
    value = " ".join(text.split()).removeprefix("a=").removeprefix("candidate:")
    if not _NEEDED["candidate"].fullmatch(value) or _is_no_port("candidate", value):
        raise ValueError(f"{text!r} is no ICE candidate")
    return _candidate(value)


def _candidate(value: str) -> Candidate:
    foundation, component, transport, priority, address, port, _, kind, *rest = value.split()
    pairs = dict(zip(rest[::2], rest[1::2], strict=False))
    if not pairs.get("rport", "0").isdecimal() or len(rest) % 2:
        rest = [word for name in ("tcptype", "generation") if name in pairs for word in (name, pairs[name])]
    return Candidate(
        foundation, int(component), transport.lower(), int(priority), address, int(port), kind.lower(), " ".join(rest)
    )


def _best(candidates: list[Candidate]) -> tuple[Candidate, ...]:
    """Return as many as are kept, in their order, each once."""
    once = list(dict.fromkeys(candidates))
    if len(once) > MOST_CANDIDATES:
        best = set(sorted(once, key=lambda found: (not found.is_usable, -found.priority))[:MOST_CANDIDATES])
        once = [found for found in once if found in best]
    return tuple(once)


def _is_no_port(name: str, value: str) -> bool:
    words = value.split()
    place = 5 if name == "candidate" else 0
    return len(words) > place and words[place].isdecimal() and int(words[place]) > 65_535


def _streams(attributes: list[tuple[str, str]]) -> tuple[tuple[str, ...] | None, str | None]:
    """Return the streams that a section's track is in, and its id."""
    named = [value for name, value in attributes if name == "msid"]
    if not named:  # an older way, GStreamer's until 1.24: a=ssrc:1 msid:stream track
        named = [value.partition(" msid:")[2].strip() for name, value in attributes if name == "ssrc"]
    streams: dict[str, None] | None = None
    track_id = None
    for msid in named:
        stream, _, appdata = msid.partition(" ")
        if stream:
            track_id = appdata or track_id
            streams = {} if streams is None else streams
            if stream != "-":
                streams[stream] = None
    return None if streams is None else tuple(streams), track_id


def _by_group(attributes: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the attributes with a=ssrc in the order of a=ssrc-group:FID: media first, then its retransmissions."""
    group = next((value.split()[1:] for name, value in attributes if name == "ssrc-group" and "FID " in value), [])
    ssrcs = [pair for pair in attributes if pair[0] == "ssrc"]
    rank = {number: place for place, number in enumerate(group)}
    ssrcs.sort(key=lambda pair: rank.get(pair[1].partition(" ")[0], len(rank)))
    return [pair for pair in attributes if pair[0] != "ssrc"] + ssrcs


def _with_sctp(section: Section, names: dict[str, str], attributes: list[tuple[str, str]]) -> Section:
    """Return a section of data channels with the port that it means, in today's form where it is no port."""
    if section.protocol == "DTLS/SCTP" and section.formats[0].isdecimal():
        return section
    if section.protocol == "DTLS/SCTP":
        section = replace(section, protocol="UDP/DTLS/SCTP")
    return section if "sctp-port" in names else replace(section, attributes=(("sctp-port", "5000"),))
