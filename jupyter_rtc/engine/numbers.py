"""Payload types and header extensions keep the numbers that were agreed: a hook into aiortc 1.16, beside `compat`.

aiortc gives its own numbers in every offer. After an offer of the other side's the same number then means another
codec than before: against JSEP §5.2.2, wrongly decoded by aiortc's own receivers, and Chromium's page crashes over it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from aiortc.rtcpeerconnection import is_codec_compatible
from aiortc.sdp import SessionDescription

from ..jsep.description import Description

_DYNAMIC = range(96, 128)
_EXTENSIONS = range(1, 15)  # RFC 8285 §4.2: what a one-byte header can tell


def remember(pc: Any, description: Description) -> None:
    """Note what a remote description that was just applied calls the codecs and extensions of its sections."""
    mids = {section.mid for section in description.sections}
    for transceiver in pc.getTransceivers():
        if transceiver.mid in mids:
            transceiver._agreed = (copy.deepcopy(transceiver._codecs), list(transceiver._headerExtensions))
    # Also of what we do not have.
    codecs = {codec.payload_type for section in description.sections for codec in section.codecs}
    extensions = {extension.id for section in description.sections for extension in section.extensions}
    pc._their_codecs = getattr(pc, "_their_codecs", set()) | codecs
    pc._their_extensions = getattr(pc, "_their_extensions", set()) | extensions


def keep(pc: Any, offer: str) -> str:
    """Return an offer of aiortc's with the numbers that were agreed, and give them to its transceivers."""
    everyone = [transceiver for transceiver in pc.getTransceivers() if hasattr(transceiver, "_agreed")]
    if not everyone:
        return offer
    everyone.sort(key=lambda transceiver: -len(transceiver._agreed[0]))
    taken, taken_ids = set(pc._their_codecs), set(pc._their_extensions)
    description = SessionDescription.parse(offer)
    by_index = {transceiver._get_mline_index(): transceiver for transceiver in pc.getTransceivers()}
    given: dict[tuple[str, ...], int] = {}
    ids: dict[str, int] = {}
    for index, media in enumerate(description.media):
        transceiver = by_index.get(index)
        if transceiver is None or media.kind != transceiver.kind:
            continue
        first = [transceiver] if hasattr(transceiver, "_agreed") else []
        order = [*first, *everyone]
        agreed = [codec for other in order if other.kind == media.kind for codec in other._agreed[0]]
        codecs = _renumbered(transceiver._codecs, agreed, taken, given) + _theirs(transceiver)
        extensions = copy.deepcopy(transceiver._headerExtensions)
        # Those of the other kind, too: a transport has one table of extensions.
        known = {extension.uri: extension.id for other in reversed(order) for extension in other._agreed[1]}
        for extension in extensions:
            uri = extension.uri
            if uri not in known:
                known[uri] = ids.setdefault(uri, _free(extension.id, _EXTENSIONS, taken_ids))
                taken_ids.add(known[uri])
            extension.id = known[uri]
        transceiver._codecs = media.rtp.codecs = codecs
        transceiver._headerExtensions = media.rtp.headerExtensions = extensions
        media.fmt = [codec.payloadType for codec in codecs]
    return str(description)


def _renumbered(codecs: list[Any], agreed: list[Any], taken: set[int], given: dict[tuple[str, ...], int]) -> list[Any]:
    codecs = copy.deepcopy(codecs)
    numbers: dict[int, int] = {}
    for codec in codecs:
        before, base = codec.payloadType, None
        if _is_rtx(codec):
            base = codec.parameters["apt"] = numbers[codec.parameters["apt"]]
            match = next((c for c in agreed if _is_rtx(c) and c.parameters.get("apt") == base), None)
        else:
            match = next((c for c in agreed if not _is_rtx(c) and is_codec_compatible(c, codec)), None)
        if match is not None:
            codec.payloadType = match.payloadType
        elif before in _DYNAMIC:
            key = (codec.mimeType.lower(), str(codec.clockRate), str(base), str(sorted(codec.parameters.items())))
            if key not in given:
                given[key] = _free(before, _DYNAMIC, taken)
                taken.add(given[key])
            codec.payloadType = given[key]
        numbers[before] = codec.payloadType
    return codecs


def _theirs(transceiver: Any) -> list[Any]:
    """Return what was agreed of a codec that we offer otherwise: H264 of another profile, which must stay usable."""
    ours = [codec for codec in transceiver._codecs if not _is_rtx(codec)]
    found: dict[int, Any] = {}
    for codec in copy.deepcopy(getattr(transceiver, "_agreed", ([], []))[0]):
        if _is_rtx(codec):
            known = codec.parameters.get("apt") in found
        else:
            alike = [own for own in ours if own.mimeType.lower() == codec.mimeType.lower()]
            known = bool(alike) and not any(is_codec_compatible(own, codec) for own in alike)
        if known:
            found[codec.payloadType] = codec
    return list(found.values())


def _is_rtx(codec: Any) -> bool:
    return str(codec.mimeType).lower().endswith("/rtx")


def _free(wish: int, numbers: Iterable[int], taken: set[int]) -> int:
    return wish if wish not in taken else next((number for number in numbers if number not in taken), wish)
