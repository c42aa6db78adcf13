"""Which codecs both sides have, and what a description says of them: hooks into aiortc 1.16, beside `compat`.

aiortc compares H264 by its profile and packetization mode, and answers with its own. FFmpeg decodes every profile, and
the other side's profile is echoed, as RFC 6184 §8.2.2 wants it. aiortc also says nothing of Opus, and Chromium then
takes it for mono both ways. What is set here holds for our connections alone: aiortc's tables stay as they are.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from aiortc import RTCRtpCodecParameters
from aiortc.codecs import CODECS
from aiortc.rtcrtpparameters import ParametersDict, RTCRtcpFeedback
from aiortc.sdp import SessionDescription

from ..jsep.description import Codec, Description, Section

#: What is echoed of H264. Others, as sprop-parameter-sets, tell what their own stream is like.
_ECHOED = ("level-asymmetry-allowed", "packetization-mode", "profile-level-id")
#: RFC 7587 §6.1: stereo is welcome, and is what is sent.
OPUS: ParametersDict = {"stereo": 1, "sprop-stereo": "1"}
#: As aiortc can read it.
_PLAIN_H264 = (("level-asymmetry-allowed", "1"), ("packetization-mode", "1"), ("profile-level-id", "42e01f"))


def _is(codec: Any, name: str) -> bool:
    return str(codec.name).lower() == name


def _mode(codec: Codec) -> str:
    return codec.parameter("packetization-mode") or "0"


def usable(section: Section) -> list[Codec]:
    """Return the codecs of a remote section that are known here, in its order, with their retransmissions.

    H264 without fragments (mode 0) is taken only where nothing else of it is offered, and interleaved (mode 2) never.
    """
    known = {(codec.name.lower(), codec.clockRate) for codec in CODECS.get(section.kind, ()) if not _is(codec, "rtx")}
    mode = "1" if any(_is(codec, "h264") and _mode(codec) == "1" for codec in section.codecs) else "0"
    taken: dict[int, Codec] = {}
    for codec in section.codecs:
        if codec.is_rtx:
            base = taken.get(int(codec.parameter("apt") or -1))
            if base is None or base.clock_rate != codec.clock_rate:
                continue
        elif (codec.name.lower(), codec.clock_rate) not in known or (_is(codec, "h264") and _mode(codec) != mode):
            continue
        taken[codec.payload_type] = codec
    return list(taken.values())


def why_unusable(section: Section) -> str:
    """Return in words why none of a section's codecs can be used."""
    ours = dict.fromkeys(codec.name for codec in CODECS.get(section.kind, ()) if not _is(codec, "rtx"))
    theirs = dict.fromkeys(
        f"{codec.name} in packetization mode 2" if _is(codec, "h264") else codec.name
        for codec in section.codecs
        if codec.name.lower() not in ("rtx", "red", "ulpfec", "flexfec-03", "telephone-event", "cn")
    )
    named = " and ".join(theirs) or "no codec"
    return f"{section.kind} (a=mid:{section.mid}) is refused: it has {named}, and {', '.join(ours)} can be used here"


def _common(section: Section) -> list[RTCRtpCodecParameters]:
    """Return aiortc's form of what is `usable`: with the other side's numbers, and what both say of each."""
    own = {codec.name.lower(): codec for codec in reversed(CODECS[section.kind])}
    common = []
    for theirs in usable(section):
        codec = copy.deepcopy(own[theirs.name.lower()])
        codec.payloadType = theirs.payload_type
        if theirs.is_rtx:
            codec.parameters = {"apt": int(theirs.parameter("apt") or 0)}
        elif _is(theirs, "h264"):
            codec.parameters = {name: value for name, value in theirs.parameters if name in _ECHOED}
        else:
            codec.parameters = dict(OPUS) if _is(theirs, "opus") else {}
        said = [RTCRtcpFeedback(*value.split(" ", 1)) for value in theirs.feedback]
        codec.rtcpFeedback = [feedback for feedback in codec.rtcpFeedback if feedback in said]
        common.append(codec)
    return common


def _preferred(codecs: list[Any], preferred: list[Any]) -> list[Any]:
    """Return codecs in the order of the user's preferences, which name all profiles of a codec alike."""
    if not preferred:
        return codecs
    names = list(dict.fromkeys(codec.mimeType.lower() for codec in preferred if not _is(codec, "rtx")))
    first = [codec for name in names for codec in codecs if codec.mimeType.lower() == name]
    repeats = {codec.parameters["apt"]: codec for codec in reversed(codecs) if _is(codec, "rtx")}
    if not any(_is(codec, "rtx") for codec in preferred):
        repeats = {}
    chosen = []
    for codec in first:
        chosen += [codec, *([repeats[codec.payloadType]] if codec.payloadType in repeats else [])]
    return chosen


def agree(pc: Any, description: Description) -> None:
    """Give the transceivers the codecs of a remote description that was just applied, in the place of aiortc's."""
    sections = {section.mid: section for section in description.sections if section.is_media}
    for transceiver in pc.getTransceivers():
        section = sections.get(transceiver.mid)
        if section is not None and section.kind == transceiver.kind:
            codecs = _preferred(_common(section), transceiver._preferred_codecs)
            transceiver._codecs = codecs or transceiver._codecs


def offer(pc: Any, text: str) -> str:
    """Return an offer of aiortc's that says what Opus is like, and give its transceivers what it says."""
    description = SessionDescription.parse(text)
    by_index = {transceiver._get_mline_index(): transceiver for transceiver in pc.getTransceivers()}
    for index, media in enumerate(description.media):
        transceiver = by_index.get(index)
        if media.kind != "audio" or transceiver is None or not any(_is(codec, "opus") for codec in media.rtp.codecs):
            continue
        for codec in media.rtp.codecs:
            codec.parameters = dict(OPUS) if _is(codec, "opus") else codec.parameters
        transceiver._codecs = copy.deepcopy(media.rtp.codecs)
    return str(description)


def plain(section: Section) -> Section:
    """Return a remote section as aiortc can read it: with one profile of H264, where it would know none."""
    if not section.is_media:
        return section
    known = usable(section)
    return replace(
        section,
        codecs=tuple(
            replace(codec, parameters=_PLAIN_H264) if codec in known and _is(codec, "h264") else codec
            for codec in section.codecs
        ),
    )
