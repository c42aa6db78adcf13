"""Pieces of SDP that carry candidates and ICE restarts over HTTP: RFC 8840, RFC 9725 §4.3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..errors import SdpError

#: A page sends a dozen.
MOST_CANDIDATES = 100
_ICE = ("a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates")


@dataclass(frozen=True)
class Fragment:
    """What one says."""

    ufrag: str | None = None
    password: str | None = None
    #: As browsers write them.
    candidates: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = False


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()]


def parse(text: str) -> Fragment:
    """Return what a fragment says.

    Raises
    ------
    SdpError
        When it is none.
    """
    found: dict[str, str] = {}
    candidates: list[dict[str, Any]] = []
    ended, mid, index = False, None, -1
    for line in _lines(text):
        if line.startswith("m="):
            index, mid = index + 1, None
        elif line.startswith("a=mid:"):
            mid = line[6:]
        elif line.startswith(("a=ice-ufrag:", "a=ice-pwd:")):
            name, _, value = line.partition(":")
            found.setdefault(name, value)
        elif line.startswith("a=candidate:"):
            candidates.append({"candidate": line[2:], "sdpMid": mid, "sdpMLineIndex": None if mid else max(index, 0)})
        elif line == "a=end-of-candidates":
            ended = True
        elif "=" not in line[:2]:
            raise SdpError(f"this is no fragment of SDP: {line[:60]!r}")
    if len(candidates) > MOST_CANDIDATES:
        raise SdpError(f"{len(candidates)} candidates are more than anybody has")
    return Fragment(found.get("a=ice-ufrag"), found.get("a=ice-pwd"), candidates, ended)


def of(sdp: str) -> str:
    """Return the fragment that tells the ICE credentials and candidates of a description with one transport."""
    lines = _lines(sdp)
    starts = [i for i, line in enumerate(lines) if line.startswith("m=")]
    # The first section carries the transport of all.
    first = lines[starts[0] : starts[1]] if len(starts) > 1 else lines[starts[0] :]
    session = lines[: starts[0]]
    credentials = [next(line for line in [*first, *session] if line.startswith(start)) for start in _ICE[:2]]
    group = [line for line in session if line.startswith("a=group:BUNDLE")]
    kept = [line for line in first if line.startswith(("m=", "a=mid:", "a=candidate:", "a=end-of-candidates"))]
    return "\r\n".join([*credentials, *group, *kept]) + "\r\n"


def renewed(sdp: str, fragment: Fragment) -> str:
    """Return a description with the ICE credentials and candidates of a fragment in place of its own.

    Raises
    ------
    SdpError
        When the fragment has no credentials.
    """
    if fragment.ufrag is None or fragment.password is None:
        raise SdpError("the fragment has no ICE credentials")
    fresh = [f"a=ice-ufrag:{fragment.ufrag}", f"a=ice-pwd:{fragment.password}"]
    candidates = ["a=" + candidate["candidate"] for candidate in fragment.candidates]
    if fragment.ended:
        candidates.append("a=end-of-candidates")
    out: list[str] = []
    sections = 0
    for line in _lines(sdp):
        if line.startswith(_ICE):
            continue
        if line.startswith("m="):
            out += candidates if sections == 1 else []
            sections += 1
        out.append(line)
        if line.startswith("c=") and sections:
            out += fresh
    out += candidates if sections == 1 else []
    # A section without a line c= takes those of the session.
    if out.count(fresh[0]) < sections:
        out = [line for line in out if line not in fresh]
        at = next(i for i, line in enumerate(out) if line.startswith("m="))
        out[at:at] = fresh
    return "\r\n".join(out) + "\r\n"
