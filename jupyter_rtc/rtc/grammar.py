"""What a description must be like to be applied: what JSEP needs of each media section, beside that it can be read."""

from __future__ import annotations

import re

from ..errors import SdpError
from ..jsep.description import Description, Section
from ..jsep.reading import read


def check(text: str, kind: str = "offer") -> Description:
    """Refuse what is no description, with the line, and return what it says.

    Parameters
    ----------
    text : str
        With any line endings, also mixed.
    kind : {"offer", "answer", "pranswer"}
        An answer has to say who begins.

    Raises
    ------
    SdpError
    """
    description = read(text)
    _check_mids(description)
    _check_tracks(description)
    _check_bundle(text, description)
    shared = next((section for section in description.sections if section.mid in description.bundle[:1]), None)
    for section in description.sections:
        if not section.rejected and not section.is_foreign:
            inherited = shared if section.mid in description.bundle else None
            _check_section(description, section, inherited, kind)
    return description


def _refused(section: Section, why: str) -> SdpError:
    return SdpError(f"line {section.number} is {section.text!r}: {why}")


def _check_mids(description: Description) -> None:
    seen: set[str] = set()
    for section in description.sections:
        mid = section.get("mid")
        if mid is not None and mid in seen:
            raise _refused(section, f"two media sections have the same a=mid: {mid!r}")
        seen |= {mid} if mid is not None else set()


def _check_tracks(description: Description) -> None:
    seen: set[tuple[str, str]] = set()
    for section in description.sections:
        own = {(stream, section.track_id) for stream in section.streams or () if section.track_id}
        if seen & own:
            raise _refused(section, "two media sections have the same a=msid: a track is sent once")
        seen |= own


def _check_bundle(text: str, description: Description) -> None:
    mids = {section.mid for section in description.sections}
    missing = next((mid for mid in description.bundle if mid not in mids), None)
    if missing is not None:
        group = re.compile(rf"\s*a\s*=\s*group\b.*\s{re.escape(missing)}(\s|$)", re.IGNORECASE)
        said = ((number, line) for number, line in enumerate(text.splitlines(), 1) if group.match(line))
        number, line = next(said, (1, text[:60]))
        raise SdpError(f"line {number} is {line!r}: there is no media section a=mid:{missing}")


def _check_section(description: Description, section: Section, shared: Section | None, kind: str) -> None:
    """Refuse a section that could never be connected; the first one of its bundle may say what it does not."""

    def get(name: str) -> str | None:
        own = description.effective(section, name)
        return shared.get(name) if own is None and shared is not None else own

    for name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup"):
        if get(name) is None:
            raise _refused(section, f"the section has no a={name}")
    if kind != "offer" and get("setup") == "actpass":
        raise _refused(section, "the answer's section is neither a=setup:active nor a=setup:passive")
    if section.is_media and get("rtcp-mux") is None:
        raise _refused(section, "the section has no a=rtcp-mux, which is needed")
