"""What is asked of a browser's devices, and which of them a name means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, cast

import numpy as np

from ..errors import WrongValueError
from ..link.messages import Message
from ..media.track import Kind

#: True, or MediaTrackConstraints as in browsers.
Constraints = bool | Mapping[str, Any]

#: What a constraint's value is: a number, a bool, any str, one of these words, or anything (None).
Form = type[float] | type[bool] | type[str] | tuple[str, ...] | None

_BOTH: tuple[Kind, ...] = ("audio", "video")
_AUDIO: tuple[Kind, ...] = ("audio",)
_VIDEO: tuple[Kind, ...] = ("video",)
#: Of which kinds of track, and in which form: Media Capture and Streams §4.3.8, its extensions, MediaStream Image
#: Capture and Screen Capture.
_CONSTRAINTS: dict[str, tuple[tuple[Kind, ...], Form]] = {
    **dict.fromkeys(("deviceId", "groupId"), (_BOTH, str)),
    **dict.fromkeys(("sampleRate", "sampleSize", "latency", "channelCount"), (_AUDIO, float)),
    **dict.fromkeys(("autoGainControl", "noiseSuppression", "voiceIsolation"), (_AUDIO, bool)),
    **dict.fromkeys(("suppressLocalAudioPlayback", "restrictOwnAudio"), (_AUDIO, bool)),
    "echoCancellation": (_AUDIO, None),  # a bool, in newer browsers also a word
    **dict.fromkeys(("width", "height", "aspectRatio", "frameRate"), (_VIDEO, float)),
    "facingMode": (_VIDEO, ("user", "environment", "left", "right")),
    "resizeMode": (_VIDEO, ("none", "crop-and-scale")),
    **dict.fromkeys(("whiteBalanceMode", "exposureMode", "focusMode"), (_VIDEO, str)),
    **dict.fromkeys(("exposureCompensation", "exposureTime", "colorTemperature", "iso"), (_VIDEO, float)),
    **dict.fromkeys(("brightness", "contrast", "saturation", "sharpness", "focusDistance"), (_VIDEO, float)),
    **dict.fromkeys(("pan", "tilt", "zoom"), (_VIDEO, None)),  # a number, or a bool that asks for the permission
    **dict.fromkeys(("torch", "backgroundBlur", "faceFraming", "eyeGazeCorrection"), (_VIDEO, bool)),
    "pointsOfInterest": (_VIDEO, None),
    "displaySurface": (_VIDEO, ("monitor", "window", "browser")),
    "logicalSurface": (_VIDEO, bool),
    "cursor": (_VIDEO, ("always", "motion", "never")),
}


def is_device(value: Any) -> bool:
    """Return whether a page's word describes a device."""
    return isinstance(value, dict) and all(isinstance(value.get(n), str) for n in ("deviceId", "kind", "label"))


def checked_constraints(kind: Kind, value: Any) -> Any:
    """Return what is asked of a kind of device: None, True, False, or constraints as they can travel.

    Raises
    ------
    TypeError
        When it is none of these, or a constraint is of a wrong type.
    ValueError
        When a constraint has a name, a key or a word that browsers do not know: they would ignore it.
    """
    if value is not None and not isinstance(value, (bool, np.bool_, Mapping)):
        hint = ""
        if isinstance(value, str):
            hint = f": a device is named by device={value!r}"
        elif isinstance(value, int):
            hint = (
                ": browsers do not number devices. Leave it out for the usual one, or name one by device=, see .devices"
            )
        raise TypeError(f"{kind} is True, False, or a dict of constraints, not {value!r}{hint}")
    plain = _plain(value)
    if isinstance(plain, dict):
        _check_set(kind, plain, nested=False)
    return plain


def _plain(constraints: Any) -> Any:
    """Return constraints as they can travel: numpy's numbers as Python's."""
    if isinstance(constraints, Mapping):
        return {str(name): _plain(value) for name, value in constraints.items()}
    if isinstance(constraints, (list, tuple)):
        return [_plain(value) for value in constraints]
    if isinstance(constraints, np.generic):
        return constraints.item()
    if constraints is None or isinstance(constraints, (bool, int, float, str)):
        return constraints
    raise TypeError(f"a constraint is a number, str, bool, list or dict, not {type(constraints).__name__}")


def _check_set(kind: Kind, constraints: Mapping[str, Any], *, nested: bool) -> None:
    """Check a MediaTrackConstraintSet; `nested`: one of those in ``advanced``."""
    for name, value in constraints.items():
        if name == "advanced" and not nested:
            if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
                raise TypeError(f"advanced is a list of dicts of constraints, not {value!r}")
            for item in value:
                _check_set(kind, item, nested=True)
        elif name not in _CONSTRAINTS:
            known = [*_CONSTRAINTS, *(() if nested else ("advanced",))]
            of_kind = [other for other in known if kind in _CONSTRAINTS.get(other, (_BOTH, None))[0]]
            raise WrongValueError(f"{kind} has no constraint {name!r}: {_hint(name, of_kind)}")
        else:
            _check(kind, name, value)


def _check(kind: Kind, name: str, value: Any) -> None:
    kinds, form = _CONSTRAINTS[name]
    if kind not in kinds:
        raise WrongValueError(f"{name!r} is a constraint of {kinds[0]}, not of {kind}: give it in {kinds[0]}={{...}}")
    if not isinstance(value, dict):
        _check_value(name, form, value)
        return
    keys = ("exact", "ideal", "min", "max") if form in (float, None) else ("exact", "ideal")
    for key, item in value.items():
        if key not in keys:
            raise WrongValueError(f"{name} takes no {key!r}: {_hint(key, keys)}")
        _check_value(f"{name}: {key}", form, item)


def _check_value(name: str, form: Form, value: Any) -> None:
    if value is None or form is None:
        return
    if form is float:
        good, wanted = isinstance(value, (int, float)) and not isinstance(value, bool), "a number"
    elif form is bool:
        good, wanted = isinstance(value, bool), "True or False"
    else:
        items = value if isinstance(value, list) else [value]
        good, wanted = all(isinstance(item, str) for item in items), "a str, or a list of them"
        if isinstance(form, tuple):
            wanted = " or ".join(map(repr, form))
            unknown = next((item for item in items if good and item not in form), None)
            if unknown is not None:
                raise WrongValueError(f"{name} is {wanted}, not {unknown!r}")
    if not good:
        raise TypeError(f"{name} is {wanted}, not {value!r}")


def _hint(name: str, known: Iterable[str]) -> str:
    """Return which of the known names is most likely meant, else all of them."""
    by_form = {_folded(other): other for other in known}
    folded = _folded(name)
    if folded == "fps":
        folded = "framerate"
    close = get_close_matches(folded, by_form, n=1) or [form for form in by_form if form.startswith(folded)]
    return f"did you mean {by_form[close[0]]!r}?" if close else f"there are {', '.join(sorted(by_form.values()))}"


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def find_device(devices: list[Message], kind: Kind, name: str) -> str | None:
    """Return the deviceId that `name` means: an id, a label, or a part of a label."""
    known = [device for device in devices if device["kind"] == kind]
    for device in known:
        if name and name in (device["deviceId"], device["label"]):
            return cast(str, device["deviceId"])
    for device in known:
        if name and name.lower() in device["label"].lower():
            return cast(str, device["deviceId"])
    return None
