"""What is asked of a browser's devices, and which of them a name means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from ..link.messages import Message
from ..media.track import Kind

#: True, or MediaTrackConstraints as in browsers.
Constraints = bool | Mapping[str, Any]


def is_device(value: Any) -> bool:
    """Return whether a page's word describes a device."""
    return isinstance(value, dict) and all(isinstance(value.get(n), str) for n in ("deviceId", "kind", "label"))


def checked_constraints(name: str, value: Any) -> Any:
    """Return what is asked of a kind of device: None, True, False, or constraints as they can travel.

    Raises
    ------
    TypeError
        When it is none of these, or something in it cannot travel.
    """
    if value is not None and not isinstance(value, (bool, np.bool_, Mapping)):
        raise TypeError(f"{name} is True, False, or a dict of constraints, not {value!r}")
    return plain_constraints(value)


def plain_constraints(constraints: Any) -> Any:
    """Return constraints as they can travel: numpy's numbers as Python's.

    Raises
    ------
    TypeError
        When something in them cannot.
    """
    if isinstance(constraints, Mapping):
        return {str(name): plain_constraints(value) for name, value in constraints.items()}
    if isinstance(constraints, (list, tuple)):
        return [plain_constraints(value) for value in constraints]
    if isinstance(constraints, np.generic):
        return constraints.item()
    if constraints is None or isinstance(constraints, (bool, int, float, str)):
        return constraints
    raise TypeError(f"a constraint is a number, str, bool, list or dict, not {type(constraints).__name__}")


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
