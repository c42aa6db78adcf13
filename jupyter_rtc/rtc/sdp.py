"""Descriptions as texts that are edited: streams (``a=msid``), rejected sections, candidates. `jsep` reads them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, cast

from ..checks import one_of, string
from ..errors import WrongValueError
from ..jsep.description import DIRECTIONS, RECEIVING, SENDING, Section
from ..jsep.reading import read, tidy

SdpType = Literal["offer", "answer", "pranswer", "rollback"]
_TYPES = ("offer", "answer", "pranswer", "rollback")

__all__ = ["DIRECTIONS", "DIRECTIONS_IN_WORDS", "RECEIVING", "SENDING", "MediaSection", "SdpType", "SessionDescription"]

DIRECTIONS_IN_WORDS = "sendrecv, sendonly, recvonly or inactive"


@dataclass(frozen=True)
class SessionDescription:
    """RTCSessionDescription, WebRTC 1.0 §4.6.2.

    Raises
    ------
    TypeError
        When `sdp` is no str.
    WrongValueError
        When there is no such `type`.
    """

    type: SdpType
    sdp: str = ""

    def __post_init__(self) -> None:
        one_of(self.type, _TYPES, f"a description's 'type' is one of {', '.join(_TYPES)}")
        string("a description's 'sdp'", self.sdp)

    def __repr__(self) -> str:
        return f"<SessionDescription {self.type}, {self.sdp.count(chr(10) + 'm=')} media sections>"

    @classmethod
    def _of(cls, value: Any) -> SessionDescription:
        """Return `value`, a `SessionDescription` or a dict with ``type`` and ``sdp``, checked.

        Raises
        ------
        TypeError
            When it is neither.
        WrongValueError
            When there is no such type.
        """
        if isinstance(value, dict):
            kind, sdp = value.get("type"), value.get("sdp")
        else:
            kind, sdp = getattr(value, "type", None), getattr(value, "sdp", None)
        if not isinstance(kind, str) or kind not in _TYPES:
            raise (WrongValueError if isinstance(kind, str) else TypeError)(
                f"a description is a SessionDescription or a dict with 'type' (one of {', '.join(_TYPES)}) "
                f"and 'sdp' (str), not {type(value).__name__} with type {kind!r}"
            )
        return cls(cast(SdpType, kind), "" if sdp is None else sdp)


@dataclass(frozen=True)
class MediaSection:
    """One ``m=`` section, as far as it matters here."""

    mid: str
    kind: str
    direction: str
    #: None where it names none at all, () where it says that the track is in no stream.
    streams: tuple[str, ...] | None
    track_id: str | None
    rejected: bool

    @property
    def is_media(self) -> bool:
        """Whether it is sound or video."""
        return self.kind in ("audio", "video")


def split(text: str) -> list[str]:
    """Return the session part and the media sections, each without the ``m=`` that begins it."""
    return tidy(text).split("\nm=")


def join(parts: list[str]) -> str:
    """Return the text of `split`."""
    return "\nm=".join(parts).replace("\n", "\r\n")


def media_sections(text: str) -> list[MediaSection]:
    """Return the media sections of a description, in order."""
    return [_summary(section) for section in read(text).sections] if text else []


def _summary(section: Section) -> MediaSection:
    return MediaSection(
        section.mid,
        section.kind,
        section.direction,
        section.streams,
        section.track_id,
        section.rejected or section.is_foreign,
    )


def foreign(text: str) -> dict[str, str]:
    """Return the first lines of the sections that are no sound, video or data channels, as they are rejected, by mid.

    aiortc knows no such sections. It is given video that is inactive in their places, see `revive` and `domestic`, and
    what it says is told with these lines, see `with_foreign`: a section is never removed (RFC 3264 §8).
    """
    return {
        section.mid: " ".join([section.kind, "0", *section.text.split()[-len(section.formats) - 1 :]])
        for section in (read(text).sections if text else ())
        if section.is_foreign
    }


def why_foreign(text: str) -> list[str]:
    """Return in words why sections of a remote offer are refused that are no sound, video or data channels."""
    return [
        f"{section.kind} over {section.protocol} (a=mid:{section.mid}) is refused: there are audio, video and data "
        "channels here"
        for section in read(text).sections
        if section.is_foreign and not section.rejected
    ]


def with_foreign(text: str, lines: dict[str, str]) -> str:
    """Return a local description of the engine's whose sections with these mids are what the other side named them."""
    if not lines:
        return text
    left_out = ("a=rtpmap", "a=fmtp", "a=rtcp-fb", "a=extmap", "a=rtcp:", "a=rtcp-mux")

    def change(section: MediaSection, own: list[str]) -> list[str]:
        if section.mid not in lines:
            return own
        return [lines[section.mid], *(line for line in own[1:] if not line.startswith(left_out))]

    return _edit(reject(text, set(lines)), change)


def domestic(text: str) -> str:
    """Return a local description as the engine made it, the reverse of `with_foreign`."""
    odd = foreign(text)
    if not odd:
        return text
    first, *rest = _PLAIN["video"]
    return _edit(text, lambda section, own: [first, *rest, *own[1:]] if section.mid in odd else own)


def _edit(text: str, change: Callable[[MediaSection, list[str]], list[str]]) -> str:
    session, *parts = split(text)
    sections = media_sections(text)
    changed = ["\n".join(change(section, part.split("\n"))) for section, part in zip(sections, parts, strict=True)]
    return join([session, *changed])


def with_streams(text: str, lines_of: Callable[[str], list[str] | None]) -> str:
    """Return a local description with our ``a=msid`` lines in place of aiortc's.

    Parameters
    ----------
    lines_of : callable
        Gives the values of the lines for a mid, or None to leave its section alone.
    """

    def change(section: MediaSection, lines: list[str]) -> list[str]:
        values = lines_of(section.mid)
        if values is None:
            return lines
        kept = [line for line in lines if not line.startswith("a=msid:")]
        at = next((i for i, line in enumerate(kept) if line.startswith("a=mid:")), len(kept) - 1)
        return [*kept[: at + 1], *(f"a=msid:{value}" for value in values), *kept[at + 1 :]]

    return _edit(text, change)


def msid_lines(streams: tuple[str, ...], track_id: str) -> list[str]:
    """Return the values of ``a=msid`` for a sender: a line for each stream, or ``-`` for none (JSEP §5.2.1)."""
    return [f"{stream} {track_id}" for stream in streams or ("-",)]


def reject(text: str, mids: set[str]) -> str:
    """Return a local description in which the sections `mids` are rejected: port 0, outside the bundle."""
    if not mids:
        return text

    def change(section: MediaSection, lines: list[str]) -> list[str]:
        if section.mid not in mids:
            return lines
        kind, _, rest = lines[0].split(" ", 2)
        kept = [line for line in lines[1:] if not line.startswith(("a=candidate", "a=end-of", "a=ssrc", "a=msid:"))]
        return [f"{kind} 0 {rest}", *kept]

    parts = split(_edit(text, change))
    session = [
        "a=group:BUNDLE " + " ".join(mid for mid in line.split()[1:] if mid not in mids)
        if line.startswith("a=group:BUNDLE")
        else line
        for line in parts[0].split("\n")
    ]
    return join(["\n".join(session), *parts[1:]])


def _with_mids(text: str) -> str:
    """Return a description whose sections all have names, as aiortc wants them: their place, where there is none."""

    def change(section: MediaSection, lines: list[str]) -> list[str]:
        named = any(line.startswith("a=mid:") for line in lines)
        return lines if named else [lines[0], f"a=mid:{section.mid}", *lines[1:]]

    return text if text.count("\na=mid:") == text.count("\nm=") else _edit(text, change)


def _with_directions(text: str) -> str:
    """Return a description whose sections all say their direction: RFC 8866 §6.7, sendrecv where nothing is said."""
    return _edit(
        text,
        lambda section, lines: (
            lines
            if not section.is_media or f"a={section.direction}" in lines
            else [lines[0], f"a={section.direction}", *lines[1:]]
        ),
    )


def like(text: str, given: str) -> str:
    """Return the engine's version of a local description with the streams and rejections of the one it was given."""
    asked = {section.mid: section for section in media_sections(given)}

    def lines_of(mid: str) -> list[str] | None:
        section = asked.get(mid)
        if section is None or not section.is_media:
            return None
        if section.streams is None or section.track_id is None:
            return []
        return msid_lines(section.streams, section.track_id)

    told = reject(with_streams(text, lines_of), {mid for mid, section in asked.items() if section.rejected})
    return with_foreign(told, foreign(given))


def identity(text: str) -> list[tuple[str, ...]]:
    """Return what of a local description must stay as it was made: sections, and the names of their transports."""
    own = ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:")
    return [
        (section.mid, section.kind, *(line for line in part.split("\n") if line.startswith(own)))
        for section, part in zip(media_sections(text), split(text)[1:], strict=True)
    ]


_PLAIN = {
    "audio": ["audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2"],
    "video": ["video 9 UDP/TLS/RTP/SAVPF 97", "a=rtcp-mux", "a=rtpmap:97 VP8/90000"],
    "application": ["application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000"],
}
_TRANSPORT = ("a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup")


_INHERITED = (*_TRANSPORT, "a=rtcp-mux")


def _with_transports(text: str) -> str:
    """Return a description whose bundled sections all name the transport of the first, as RFC 9143 lets them not do."""
    parts = split(text)
    mids = bundle(text)
    first = next((part for s, part in zip(media_sections(text), parts[1:], strict=True) if s.mid in mids[:1]), "")
    shared = [line for line in first.split("\n") if line.startswith(_INHERITED)]

    def change(section: MediaSection, lines: list[str]) -> list[str]:
        if section.mid not in mids or section.rejected:
            return lines
        own = {line.split(":")[0] for line in [*lines, *parts[0].split("\n")]}
        missing = [line for line in shared if line.split(":")[0] not in own]
        return [lines[0], *missing, *lines[1:]] if missing else lines

    return _edit(text, change) if shared else text


def revive(text: str, unusable: Collection[str] = ()) -> str:
    """Return a remote description whose rejected (and `unusable`) sections are inactive ones, which aiortc understands.

    It wants ICE and DTLS parameters in every section, and rejected ones have none: they get those of a live one.
    """
    text = _with_directions(_with_transports(_with_mids(read(text).text)))
    sections = media_sections(text)
    parts = split(text)
    odd = foreign(text)
    rejected = {i for i, section in enumerate(sections) if section.rejected or section.mid in unusable}
    if not rejected:
        return text
    donors = [part for i, part in enumerate(parts[1:]) if i not in rejected] or parts[1:]
    session = parts[0].split("\n")
    transport = [line for line in [*donors[0].split("\n"), *session] if line.startswith(_TRANSPORT)]
    transport = list({line.split(":", 1)[0]: line for line in reversed(transport)}.values())
    # aiortc takes the candidates of the last section that shares a transport.
    ways = [line for line in donors[0].split("\n") if line.startswith(("a=candidate:", "a=end-of-candidates"))]
    if len(transport) < len(_TRANSPORT):
        # Nothing but rejected sections: parameters that lead nowhere.
        transport = [
            "a=ice-ufrag:none",
            "a=ice-pwd:nonenonenonenonenonenone",
            "a=fingerprint:sha-256 " + ":".join(["00"] * 32),
            "a=setup:actpass" if "a=setup:actpass" in text else "a=setup:active",
        ]
    mids = bundle(text)
    group = " ".join(
        ["a=group:BUNDLE", *mids, *(sections[i].mid for i in sorted(rejected) if sections[i].mid not in mids)]
    )
    session = [group if line.startswith("a=group:BUNDLE") else line for line in session]
    out = ["\n".join(session)]
    for i, part in enumerate(parts[1:]):
        plain = _PLAIN.get("video" if sections[i].mid in odd else sections[i].kind)
        if i in rejected and plain is not None:
            part = "\n".join(
                [
                    *(plain[0], "c=IN IP4 0.0.0.0", f"a=mid:{sections[i].mid}", "a=inactive", *plain[1:]),
                    *(*transport, *(ways if mids else ())),
                ]
            )
        out.append(part)
    return join(out).rstrip("\r\n") + "\r\n"


def candidates(text: str) -> list[dict[str, Any]]:
    """Return the candidates of a local description as "icecandidate" events give them."""
    description = read(text)
    return [
        {
            "candidate": candidate.line[2:],
            "sdpMid": section.mid,
            "sdpMLineIndex": index,
            "usernameFragment": description.effective(section, "ice-ufrag"),
        }
        for index, section in enumerate(description.sections)
        for candidate in section.candidates
    ]


def named_hosts(text: str) -> tuple[str, ...]:
    """Return the hosts that candidates of a description name in the place of addresses."""
    sections = read(text).sections
    return tuple(dict.fromkeys(c.address for section in sections for c in section.candidates if c.is_name))


def with_candidate(text: str, candidate: dict[str, Any] | None) -> str:
    """Return a remote description with a candidate that came after it, or with the end of candidates: §4.4.2."""
    line = "a=end-of-candidates"
    if candidate is not None and candidate.get("candidate"):
        line = "a=" + str(candidate["candidate"]).removeprefix("a=")

    def change(section: MediaSection, lines: list[str]) -> list[str]:
        end = len(lines) - 1 if lines[-1] == "" else len(lines)
        return [*lines[:end], line, *lines[end:]] if section.mid in wanted and line not in lines else lines

    sections = media_sections(text)
    wanted = {section.mid for section in sections}
    if candidate is not None and candidate.get("sdpMid") is not None:
        wanted = {str(candidate["sdpMid"])}
    elif candidate is not None and candidate.get("sdpMLineIndex") is not None:
        wanted = {sections[int(candidate["sdpMLineIndex"])].mid}
    return _edit(text, change)


def ufrag_of(text: str, index: int) -> str | None:
    """Return the ICE name of a section."""
    description = read(text)
    return description.effective(description.sections[index], "ice-ufrag")


def credentials(text: str) -> set[tuple[str, str]]:
    """Return the ICE names and passwords in a description."""
    description = read(text)
    return {
        (description.effective(section, "ice-ufrag") or "", description.effective(section, "ice-pwd") or "")
        for section in description.sections
    }


def unbundled(text: str) -> str:
    """Return an answer without a bundle: one may not be answered that was not offered (RFC 9143 §7.3)."""
    return "\r\n".join(line for line in text.split("\r\n") if not line.startswith("a=group:BUNDLE"))


def bundle(text: str) -> list[str]:
    """Return the mids of the sections that share a transport, that of the first."""
    return list(read(text).bundle) if text else []


def tagged(text: str, mid: str | None) -> str:
    """Return a description whose bundle begins with the section that did so before: another is a new one."""
    mids = bundle(text)
    if mid not in mids:
        return text
    order = " ".join(["a=group:BUNDLE", mid, *(other for other in mids if other != mid)])
    return "\r\n".join(order if line.startswith("a=group:BUNDLE") else line for line in text.split("\r\n"))


def is_bundled(text: str) -> bool:
    """Return whether all sections share a transport."""
    return bool(text) and read(text).is_bundled


def can_trickle(text: str) -> bool:
    """Return whether the other side takes candidates after its description (RFC 8840)."""
    description = read(text)
    said = [description.get("ice-options"), *(section.get("ice-options") for section in description.sections)]
    return any("trickle" in (options or "").split() for options in said)
