"""What a sender is asked to keep to: RTCRtpSendParameters, WebRTC 1.0 §5.2.5 to §5.2.7."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..checks import bits_per_second, flag, number
from ..errors import NotSupportedError
from ..media.track import Kind

#: The W3C's names, and ours.
_MEMBERS = {
    "active": "active",
    "maxBitrate": "max_bitrate",
    "maxFramerate": "max_framerate",
    "scaleResolutionDownBy": "scale_resolution_down_by",
}


@dataclass(frozen=True)
class Encoding:
    """RTCRtpEncodingParameters, §5.2.7, of the one encoding that there is. None: no limit."""

    active: bool = True
    max_bitrate: float | None = None
    max_framerate: float | None = None
    scale_resolution_down_by: float = 1.0

    def changed(
        self,
        kind: Kind,
        *,
        max_bitrate: float | None,
        max_framerate: float | None,
        scale_resolution_down_by: float | None,
        active: bool | None,
    ) -> Encoding:
        """Return it with what is not None changed; infinity lifts a limit.

        Raises
        ------
        TypeError
            When one is no number, or `active` neither True nor False.
        ValueError
            When a scale is below 1, or a limit below 0.
        NotSupportedError
            When sound is to keep to a bit rate.
        """
        encoding = self
        if active is not None:
            encoding = replace(encoding, active=flag("active", active))
        if max_bitrate is not None:
            if kind == "audio":
                raise NotSupportedError("the bit rate of sound is fixed, 96 kbit/s: leave max_bitrate out")
            encoding = replace(encoding, max_bitrate=_limit("max_bitrate", bits_per_second("max_bitrate", max_bitrate)))
        # §5.2.7: neither is for sound, where they are passed over.
        if max_framerate is not None and kind == "video":
            encoding = replace(encoding, max_framerate=_limit("max_framerate", max_framerate))
        if scale_resolution_down_by is not None and kind == "video":
            scale = number("scale_resolution_down_by", scale_resolution_down_by)
            if not 1 <= scale < math.inf:
                raise ValueError(f"scale_resolution_down_by is 1 or more, not {scale!r}")
            encoding = replace(encoding, scale_resolution_down_by=scale)
        return encoding

    @classmethod
    def from_dict(cls, kind: Kind, parameters: Any) -> Encoding:
        """Return what a dictionary of `get_parameters` asks for; as in browsers, what is missing is not limited.

        Raises
        ------
        TypeError
            When it is of another form, or has a member that is not known.
        ValueError, NotSupportedError
            As `changed`.
        """
        encodings = parameters.get("encodings") if isinstance(parameters, Mapping) else None
        if not isinstance(encodings, (list, tuple)) or len(encodings) != 1 or not isinstance(encodings[0], Mapping):
            raise TypeError(
                'parameters are a dict as get_parameters returns it, {"encodings": [{...}]}, with one encoding'
            )
        if unknown := [name for name in encodings[0] if name not in _MEMBERS]:
            raise TypeError(f"an encoding has {', '.join(_MEMBERS)}, not {unknown[0]!r}")
        return cls().changed(kind, **{ours: encodings[0].get(name) for name, ours in _MEMBERS.items()})

    def to_dict(self, kind: Kind) -> dict[str, Any]:
        """Return it with the W3C's names, what is limited only."""
        members: dict[str, Any] = {"active": self.active}
        if self.max_bitrate is not None:
            members["maxBitrate"] = int(self.max_bitrate)
        if self.max_framerate is not None:
            members["maxFramerate"] = self.max_framerate
        if kind == "video":
            members["scaleResolutionDownBy"] = self.scale_resolution_down_by
        return members


def _limit(name: str, value: Any) -> float | None:
    limit = number(name, value)
    if limit < 0:
        raise ValueError(f"{name} is 0 or more, not {value!r}")
    return None if limit == math.inf else limit
