"""Expressions that turn a refused array `x` into one that is accepted; they are part of the error message."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: Float pictures up to this much outside [0, 1], and sound up to this much outside [-1, 1], are clipped: rounding and
#: filters overshoot. Anything beyond has another scale.
OVER = 0.01
OVER_SOUND = 0.1
_CHANNELS = (1, 3, 4)


def bounds(array: Array) -> tuple[float, float]:
    """Return the least and the largest number, of those that are any; (0, 0) where there are none."""
    with np.errstate(invalid="ignore"):
        return float(np.nanmin(array, initial=0)), float(np.nanmax(array, initial=0))


def picture_remedy(array: Array, name: str = "x") -> str:
    """Return an expression in `name` that makes a picture of `array`, or ``""``."""
    expression, picture = _as_one_picture(array, name)
    if picture is None:
        return expression
    return _as_brightness(picture, expression)


def _as_one_picture(array: Array, x: str) -> tuple[str, Array | None]:
    """Return an expression for its pixels, and these; None instead when more than an expression is needed."""
    shape = array.shape
    while array.ndim > 3 and shape[0] == 1:
        x, array = f"{x}[0]", array[0]
        shape = array.shape
    if 0 in shape:
        return "", None
    if array.ndim == 4:
        if shape[3] in _CHANNELS:
            frames = _as_brightness(array, x) or x
            return f"NumpyVideoTrack({frames}), or for frame in {frames}: track.write(frame)", None
        if shape[1] in _CHANNELS:
            return f"NumpyVideoTrack(np.moveaxis({x}, 1, -1))", None
        return "", None
    if array.ndim == 1:
        return f"{x}.reshape(height, width, 3)", None
    if array.ndim == 2 or (array.ndim == 3 and shape[2] in _CHANNELS):
        return x, array
    if array.ndim != 3:
        return "", None
    if shape[0] == 1:
        return f"{x}[0]", array[0]
    if shape[0] in _CHANNELS:
        return f"np.moveaxis({x}, 0, -1)", np.moveaxis(array, 0, -1)
    if shape[1] in _CHANNELS and shape[2] > 8:
        return f"np.moveaxis({x}, 1, -1)", np.moveaxis(array, 1, -1)
    if shape[2] == 2:
        return f"{x}[..., 0]", array[..., 0]
    if shape[2] <= 16:
        return f"{x}[..., :3]", array[..., :3]
    return "NumpyVideoTrack(iter(frames)), each frame (height, width)", None


def _as_brightness(array: Array, x: str) -> str:
    kind = array.dtype.kind
    if kind == "b" or array.dtype == np.uint8:
        return x
    if kind == "c":
        return f"np.abs({x})"
    if kind == "V":
        return f"{x}.astype(np.float32)"  # bfloat16 and its like
    if kind not in "iuf":
        return ""
    low, high = bounds(array)
    stretched = f"np.interp({x}, [{x}.min(), {x}.max()], [0, 1])"
    if kind == "f":
        if low >= -OVER and high <= 1 + OVER:
            return x
        if low >= -0.5 and high <= 1.5:
            return f"np.clip({x}, 0, 1)"
        if low >= -1 - OVER and high <= 1 + OVER:
            return f"({x} + 1) / 2"
        if high <= 16 and low >= -16:  # noise and the like: of 255 it would be black
            return stretched
        if low >= -64 and high <= 320:
            return f"{x} / 255" if low >= 0 and high <= 255 else f"np.clip({x}, 0, 255) / 255"
        return f"{x} / 65535" if low >= 0 and high <= 65535 else ("" if np.isinf([low, high]).any() else stretched)
    if low < 0:
        return f"np.clip({x}, 0, 255).astype(np.uint8)" if high > 127 and low >= -255 and high <= 510 else stretched
    if high <= 1:
        return f"{x}.astype(bool)" if high else f"{x}.astype(np.uint8)"
    # An astype(np.uint8) of more than 255 would wrap around.
    for most in (1023, 4095, 65535):
        if 255 < high <= most:
            return f"{x} / {most}"
    return f"{x}.astype(np.uint8)" if high <= 255 else stretched


def sound_remedy(array: Array, name: str = "x") -> str:
    """Return an expression in `name` that makes sound of `array`, or ``""``."""
    x = name
    while array.ndim > 2 and array.shape[0] == 1:
        x, array = f"{x}[0]", array[0]
    if array.ndim not in (1, 2) or 0 in array.shape:
        return ""
    if array.ndim == 2 and array.shape[1] not in (1, 2):
        if array.shape[0] in (1, 2):
            x, array = f"{x}.T", array.T
        elif array.shape[0] < array.shape[1]:
            x, array = f"{x}[:2].T", array[:2].T
        else:
            x, array = f"{x}[:, :2]", array[:, :2]
    return _as_level(array, x)


def _as_level(array: Array, x: str) -> str:
    kind, bytes_each = array.dtype.kind, array.dtype.itemsize
    if array.dtype.newbyteorder("=") == np.int16:
        return x
    if kind == "b":
        return f"{x}.astype(float)"
    if kind == "c":
        return f"{x}.real"
    if kind == "V":
        return f"{x}.astype(np.float32)"
    if kind == "u" and bytes_each <= 2:
        middle = 128 if bytes_each == 1 else 32768
        return f"({x} - {middle}.0) / {middle}"
    if kind == "i" and bytes_each == 1:
        return f"{x} / 128"
    if kind not in "iuf":
        return ""
    low, high = bounds(array)
    most = max(-low, high)
    if kind == "f":
        if most <= 1 + OVER_SOUND:
            return x
        if most <= 4 or most == np.inf:
            return f"np.clip({x}, -1, 1)"
        if most <= 32768:
            return f"{x} / 32768"
    elif most <= 256:
        return f"{x} / 2**31"  # next to silence at any scale
    for full, most_there in (("32768", 2**15), ("2**23", 2**23), ("2**31", 2**31)):
        if most <= most_there:
            return f"{x} / {full}"
    return f"{x} / np.abs({x}).max()"
