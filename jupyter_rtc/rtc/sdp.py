"""What of a description aiortc does not look after: which streams a track belongs to (``a=msid``, RFC 8830)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from ..errors import SdpError

SdpType = Literal["offer", "answer", "pranswer", "rollback"]
_TYPES = ("offer", "answer", "pranswer", "rollback")

SENDING = ("sendrecv", "sendonly")


@dataclass(frozen=True)
class SessionDescription:
    """RTCSessionDescription, WebRTC 1.0 §4.6.2."""

    type: SdpType
    sdp: str

    @classmethod
    def of(cls, value: Any) -> SessionDescription:
        """Return `value`, a `SessionDescription` or a dict with ``type`` and ``sdp``, checked.

        Raises
        ------
        TypeError
            When it is neither.
        SdpError
            When the text is no description, with the line.
        """
        if isinstance(value, dict):
            kind, text = value.get("type"), value.get("sdp")
        else:
            kind, text = getattr(value, "type", None), getattr(value, "sdp", None)
        if kind not in _TYPES or not isinstance(text, str):
            raise TypeError(
                f"a description is a SessionDescription or a dict with 'type' (one of {', '.join(_TYPES)}) "
                f"and 'sdp' (str), not {type(value).__name__}"
            )
        description = cls(cast(SdpType, kind), text)
        _check(text)
        return description


@dataclass(frozen=True)
class MediaSection:
    """One ``m=`` section, as far as it matters here. `streams`: None where it names none."""

    mid: str
    kind: str
    direction: str
    streams: tuple[str, ...]
    track_id: str | None
    port: int


def _check(text: str) -> None:
    lines = text.splitlines()
    if not lines or lines[0] != "v=0":
        raise SdpError(f"line 1 is {lines[0] if lines else ''!r}: a description begins with v=0")
    for number, line in enumerate(lines, 1):
        if line and (len(line) < 2 or line[1] != "=" or not line[0].islower()):
            raise SdpError(f"line {number} is {line!r}: not of the form x=value")
        if line.startswith("m=") and len(line.split()) < 4:
            raise SdpError(f"line {number} is {line!r}: not a media section")


def media_sections(text: str) -> list[MediaSection]:
    """Return the media sections of a description, in order."""
    parts = text.replace("\r\n", "\n").split("\nm=")
    default = _direction(parts[0].split("\n"), "sendrecv")
    return [_section(index, part.split("\n"), default) for index, part in enumerate(parts[1:])]


def _section(index: int, lines: list[str], default: str) -> MediaSection:
    fields = lines[0].split()
    streams: dict[str, None] = {}
    track_id = None
    mid = str(index)
    for line in lines[1:]:
        if line.startswith("a=mid:"):
            mid = line[6:].strip()
        elif line.startswith("a=msid:"):
            stream, _, appdata = line[7:].strip().partition(" ")
            track_id = appdata or track_id
            if stream != "-":
                streams[stream] = None
    return MediaSection(
        mid, fields[0], _direction(lines, default), tuple(streams), track_id, int(fields[1].split("/")[0])
    )


def _direction(lines: list[str], default: str) -> str:
    for line in lines:
        if line.strip() in ("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"):
            return line.strip()[2:]
    return default


def with_streams(text: str, lines_of: Callable[[str], list[str] | None]) -> str:
    """Return a local description with our ``a=msid`` lines in place of aiortc's.

    Parameters
    ----------
    lines_of : callable
        Gives the values of the lines for a mid, or None to leave its section alone.
    """
    parts = text.replace("\r\n", "\n").split("\nm=")
    out = [parts[0]]
    for index, part in enumerate(parts[1:]):
        lines = part.split("\n")
        values = lines_of(_section(index, lines, "sendrecv").mid)
        if values is not None:
            lines = [line for line in lines if not line.startswith("a=msid:")]
            at = next((i for i, line in enumerate(lines) if line.startswith("a=mid:")), len(lines) - 1)
            lines[at + 1 : at + 1] = [f"a=msid:{value}" for value in values]
        out.append("\n".join(lines))
    return "\nm=".join(out).replace("\n", "\r\n")


def msid_lines(streams: tuple[str, ...], track_id: str) -> list[str]:
    """Return the values of ``a=msid`` for a sender: a line for each stream, or ``-`` for none (JSEP §5.2.1)."""
    return [f"{stream} {track_id}" for stream in streams or ("-",)]
