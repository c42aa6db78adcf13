"""What a description must be like to be taken: RFC 8866 line by line, and what JSEP needs of each media section."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..errors import SdpError
from .sdp import media_sections

_NUMBER = r"\d{1,10}"
#: What the value of an attribute looks like; others may be anything.
_VALUES = {
    name: re.compile(pattern)
    for name, pattern in {
        "candidate": rf"\S+ {_NUMBER} \S+ {_NUMBER} \S+ \d{{1,5}} typ \S+( .*)?",
        "extmap": r"\d{1,5}(/\w+)? \S+( .*)?",
        "fingerprint": r"\S+ [0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})+",
        "fmtp": r"\S+ .+",
        "group": r"\S+( \S+)*",
        "ice-pwd": r"\S{22,256}",
        "ice-ufrag": r"\S{4,256}",
        "max-message-size": r"\d{1,19}",
        "mid": r"\S+",
        "msid": r"\S+( \S+)?",
        "rtcp": r"\d{1,5}( IN IP[46] \S+)?",
        "rtcp-fb": r"(\d{1,3}|\*) \S+( .*)?",
        "rtpmap": rf"\d{{1,3}} [^/ ]+/{_NUMBER}(/\d+)?",
        "sctp-port": r"\d{1,5}",
        "sctpmap": r"\d{1,5} \S.*",
        "setup": r"active|passive|actpass",
        "ssrc": rf"{_NUMBER} \S+.*",
        "ssrc-group": rf"\S+( {_NUMBER})+",
    }.items()
}
_LINES = {
    "c": re.compile(r"IN IP[46] \S+"),
    "o": re.compile(r"\S+ \d{1,20} \d{1,20} IN IP[46] \S+"),
    "t": re.compile(r"\d+ \d+"),
}
_MEDIA = re.compile(r"(?P<kind>[\w-]+) (?P<port>\d{1,5})(?:/\d+)? (?P<protocol>[A-Z/]+) (?P<formats>\S+(?: \S+)*)")
#: RFC 5761 §4: these are taken for RTCP where both share a port.
_NO_PAYLOADS = range(64, 96)
_PAYLOADS = range(128)


@dataclass
class _Section:
    number: int
    line: str
    kind: str
    rejected: bool
    names: dict[str, str] = field(default_factory=dict)

    def refused(self, why: str) -> SdpError:
        return SdpError(f"line {self.number} is {self.line!r}: {why}")


def check(text: str, kind: str = "offer") -> None:
    """Refuse what is no description, with the line.

    Parameters
    ----------
    text : str
        With either line ending, also mixed.
    kind : {"offer", "answer", "pranswer"}
        An answer has to say who begins.

    Raises
    ------
    SdpError
    """
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].strip() != "v=0":
        raise SdpError(f"line 1 is {lines[0]!r}: a description begins with v=0")
    session = _Section(1, lines[0], "", rejected=False)
    sections: list[_Section] = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        if len(line) < 2 or line[1] != "=" or not line[0].islower():
            raise SdpError(f"line {number} is {line!r}: not of the form x=value")
        if not line.isprintable():
            raise SdpError(f"line {number} is {line!r}: it has a character that is no text")
        if line[0] == "m":
            sections.append(_media(number, line))
        elif line[0] in _LINES and not _LINES[line[0]].fullmatch(line[2:].strip()):
            raise SdpError(f"line {number} is {line!r}: {line[:2]} does not look like this")
        elif line[0] == "a":
            _attribute(number, line, sections[-1] if sections else session)
    for name in ("o=", "s=", "t="):
        if not any(line.startswith(name) for line in lines[: sections[0].number - 1 if sections else None]):
            raise session.refused(f"no line {name} follows")
    _check_mids(sections)
    _check_tracks(text, sections)
    bundle = _check_bundle(lines, sections)
    shared = next((section.names for section in sections if section.names.get("mid") == next(iter(bundle), "")), {})
    for section in sections:
        if not section.rejected:
            inherited = shared if section.names.get("mid") in bundle else {}
            _check_section(section, {**session.names, **inherited, **section.names}, kind)


def _media(number: int, line: str) -> _Section:
    match = _MEDIA.fullmatch(line[2:].strip())
    if match is None or int(match["port"]) > 65_535:
        raise SdpError(f"line {number} is {line!r}: not a media section, m=kind port protocol formats")
    section = _Section(number, line, match["kind"], int(match["port"]) == 0)
    if section.kind in ("audio", "video") and not section.rejected:
        for name in match["formats"].split():
            if not name.isdecimal() or int(name) not in _PAYLOADS or int(name) in _NO_PAYLOADS:
                raise section.refused(f"{name!r} is no payload type")
    return section


def _attribute(number: int, line: str, section: _Section) -> None:
    name, _, value = line[2:].strip().partition(":")
    form = _VALUES.get(name)
    if form is not None and not form.fullmatch(value):
        raise SdpError(f"line {number} is {line!r}: a={name} does not look like this")
    if name == "mid" and section.number == 1:
        raise SdpError(f"line {number} is {line!r}: a=mid belongs to a media section")
    if name in ("rtcp", "candidate", "sctp-port"):
        port = value.split()[5 if name == "candidate" else 0]
        if int(port) > 65_535:
            raise SdpError(f"line {number} is {line!r}: {port} is no port")
    if name == "bundle-only":
        section.rejected = False  # port 0 here says that the port is that of the bundle
    section.names.setdefault(name, value)


def _check_mids(sections: list[_Section]) -> None:
    seen: set[str] = set()
    for section in sections:
        mid = section.names.get("mid")
        if mid in seen:
            raise section.refused(f"two media sections have the same a=mid: {mid!r}")
        seen |= {mid} if mid is not None else set()


def _check_tracks(text: str, sections: list[_Section]) -> None:
    seen: set[tuple[str, str]] = set()
    for section, media in zip(sections, media_sections(text), strict=True):
        own = {(stream, media.track_id) for stream in media.streams or () if media.track_id}
        if seen & own:
            raise section.refused("two media sections have the same a=msid: a track is sent once")
        seen |= own


def _check_bundle(lines: list[str], sections: list[_Section]) -> list[str]:
    """Return the mids of the bundle."""
    mids = {section.names.get("mid", str(index)) for index, section in enumerate(sections)}
    bundle: list[str] = []
    for number, line in enumerate(lines, 1):
        if line.startswith("m="):
            break
        if line.startswith("a=group:BUNDLE"):
            for mid in line.split()[1:]:
                if mid not in mids:
                    raise SdpError(f"line {number} is {line!r}: there is no media section a=mid:{mid}")
                bundle.append(mid)
    return bundle


def _check_section(section: _Section, names: dict[str, str], kind: str) -> None:
    """Refuse a section that could never be connected; `names` has what it inherits, too."""
    for name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup"):
        if name not in names:
            raise section.refused(f"the section has no a={name}")
    if kind != "offer" and names["setup"] == "actpass":
        raise section.refused("the answer's section is neither a=setup:active nor a=setup:passive")
    if section.kind in ("audio", "video") and "rtcp-mux" not in names:
        raise section.refused("the section has no a=rtcp-mux, which is needed")
