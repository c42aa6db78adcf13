"""Checks arrays that users give as pictures and sound, and copies them in their own layout."""

from __future__ import annotations

from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt

from .frames import Format, Layout, Picture, Pixels, Samples, picture_from_frame, stacked
from .images import pixels_of
from .remedies import OVER, OVER_SOUND, bounds, picture_remedy, sound_remedy

Array = npt.NDArray[Any]

#: Pixels a side, that video can have.
LARGEST = 8192
#: How many numbers are converted at a time: they stay in the processor's cache.
_BLOCK = 1 << 17

_PICTURES = (
    "a picture is (height, width) grey, (height, width, 3) RGB or (height, width, 4) RGBA; "
    "uint8, bool, or float in [0, 1]"
)
_SOUNDS = "sound is (samples,) or (samples, channels) with 1 or 2 channels; int16, or float in [-1, 1]"


def picture_from_array(value: Any, time: float, size: tuple[int, int] | None = None, format: Format = "rgb") -> Picture:
    """Return a picture that shares no memory with `value`.

    Parameters
    ----------
    value : array, image or figure
        (height, width) grey, (height, width, 3) RGB or (height, width, 4) RGBA (the alpha is dropped);
        uint8, bool, or float in [0, 1] (NaN is black, a hundredth more or less is clipped). Any strides. Also a Pillow
        image, a matplotlib figure, or a PyAV frame.
    time : float
        When it was taken, on ``time.monotonic()``.
    size : (width, height), optional
        Scale to this size.
    format : {"rgb", "bgr", "gray"}
        The order of an array's colours; for ``"gray"`` it has none. Images, figures and frames know theirs.

    Raises
    ------
    TypeError
        When `value` is no array or has another dtype.
    ValueError
        When it has another shape, or float values outside [0, 1].
    """
    if isinstance(value, av.VideoFrame):
        picture = picture_from_frame(value, time)
    else:
        array, name, order = picture_array(value, format)
        check_picture(array, order, name)
        picture = Picture(*_packed(array, order, name), time)
    return picture if size is None else picture.scaled(size)


def picture_array(value: Any, format: Format = "rgb") -> tuple[Array, str, Format]:
    """Return `value` as an array, what a user would write for that, and the order of its colours."""
    pixels = pixels_of(value)
    if pixels is not None:
        return pixels, "np.asarray(image)", "rgb"
    return as_array(value, "a picture", _PICTURES), _name_of(value), format


def _name_of(value: Any) -> str:
    """Return what a user would write for an array of `value`: tensors and lists have methods of their own, or none."""
    return "x" if isinstance(value, np.ndarray) else "np.asarray(x)"


def check_picture(array: Array, format: Format = "rgb", name: str = "x", *, clip: bool = False) -> None:
    """Refuse what is no picture.

    With `clip`, (frames, height, width, channels) is one, too, and the values (of the first frame) are looked at.

    Raises
    ------
    TypeError, ValueError
        With what to do about it, in terms of `name`.
    """
    shape, dtype = array.shape, array.dtype
    one = array[0] if clip and array.ndim == 4 and len(array) else array
    if one.ndim not in (2, 3) or (one.ndim == 3 and one.shape[2] not in (1, 3, 4)) or 0 in one.shape:
        raise ValueError(f"shape {shape} with dtype {dtype} is no picture: {_PICTURES}{_try(array, name)}")
    if format == "gray" and one.ndim == 3 and one.shape[2] != 1:
        raise ValueError(
            f"shape {shape} with dtype {dtype} has colours: with format='gray' a picture is (height, width)"
        )
    if dtype.kind not in "fb" and dtype != np.uint8:
        raise TypeError(f"dtype {dtype} with shape {shape} is no picture: {_PICTURES}{_try(one, name)}")
    if max(one.shape[:2]) > LARGEST:
        raise ValueError(f"shape {shape} is too large for video: at most {LARGEST} pixels a side")
    if clip:
        _packed(one, format, name)


def _try(array: Array, name: str) -> str:
    remedy = picture_remedy(array, name)
    return f". Try {remedy}" if remedy else ""


def _packed(array: Array, format: Format, name: str) -> tuple[Pixels, Layout]:
    """Return the pixels of a picture as an array of their own, and how they lie in it."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    swapped = format == "bgr"
    if array.ndim == 3 and array.shape[2] == 3 and _is_packed(array[..., ::-1]):
        array, swapped = array[..., ::-1], not swapped  # a view such as frame[..., ::-1]: copy the bytes as they lie
    layout: Layout = "gray"
    if array.ndim == 3:
        layout = _LAYOUTS[array.shape[2], swapped]
    if array.dtype.kind == "f":
        return _bytes_of(array, name), layout
    if array.dtype.kind == "b":
        return np.multiply(array, np.uint8(255), dtype=np.uint8, order="C"), layout
    if array.ndim == 3 and not _is_packed(array):
        return stacked([array[..., channel] for channel in range(array.shape[2])]), layout
    return np.array(array, np.uint8, order="C"), layout


_LAYOUTS: dict[tuple[int, bool], Layout] = {
    (3, False): "rgb24",
    (3, True): "bgr24",
    (4, False): "rgba",
    (4, True): "bgra",
}


def _is_packed(array: Array) -> bool:
    """Return whether the pixels of each row lie one after another."""
    return array.strides[1:] == (array.shape[2] * array.itemsize, array.itemsize)


def _bytes_of(array: Array, name: str) -> Pixels:
    """Return floats in [0, 1] as bytes.

    Works block by block and checks the range in one pass: read as unsigned integers, floats from 0 to 1 keep their
    order, and negative numbers, larger ones and NaN come after them.
    """
    out = np.empty(array.shape, np.uint8)
    dtype: Any = np.float64 if array.dtype.itemsize > 4 else np.float32
    bits: Any = np.uint64 if dtype is np.float64 else np.uint32
    most = np.array(1, dtype).view(bits)
    rows = max(1, _BLOCK * len(array) // array.size)
    scratch = np.empty((min(rows, len(array)), *array.shape[1:]), dtype)
    for begin in range(0, len(array), rows):
        block = np.ascontiguousarray(array[begin : begin + rows], dtype)
        if block.view(bits).max() > most:
            block = _clipped(block, array, name)
        scaled = np.multiply(block, dtype(255), out=scratch[: len(block)])
        scaled += dtype(0.5)
        np.copyto(out[begin : begin + rows], scaled, casting="unsafe")
    return out


def _clipped(block: Array, array: Array, name: str) -> Array:
    low, high = bounds(block)
    if low < -OVER or high > 1 + OVER:
        low, high = bounds(array)
        raise ValueError(
            f"shape {array.shape} with dtype {array.dtype} has values from {low:g} to {high:g}: "
            f"a float picture is in [0, 1]{_try(array, name)}"
        )
    clipped: Array = np.nan_to_num(np.clip(block, 0, 1))
    return clipped


def samples_from_array(value: Any, over: float = OVER_SOUND) -> Samples:
    """Return sound as float32 (samples, channels), sharing no memory with `value`.

    Parameters
    ----------
    value : array
        (samples,) or (samples, 1 or 2); int16, or float in [-1, 1] (NaN is silence).
    over : float
        Values are clipped up to this much beyond the range.

    Raises
    ------
    TypeError
        When `value` is no array or has another dtype than int16 or float.
    ValueError
        When it has another shape, or values beyond the range.
    """
    array = as_array(value, "sound", _SOUNDS)
    shape, dtype, name = array.shape, array.dtype, _name_of(value)
    fits = array.ndim == 1 or (array.ndim == 2 and shape[1] in (1, 2))
    if not fits:
        raise ValueError(f"shape {shape} with dtype {dtype} is no sound: {_SOUNDS}{_try_sound(array, name)}")
    if dtype.kind != "f" and dtype.newbyteorder("=") != np.int16:
        raise TypeError(f"dtype {dtype} with shape {shape} is no sound: {_SOUNDS}{_try_sound(array, name)}")
    if array.ndim == 1:
        array = array[:, None]
    if dtype.kind == "i":
        return np.asarray(array, np.float32) / np.float32(32768)
    low, high = bounds(array)
    if max(-low, high) > 1 + over:
        raise ValueError(
            f"shape {shape} with dtype {dtype} has values from {low:g} to {high:g}: sound is in [-1, 1]"
            f"{_try_sound(array if len(shape) == 2 else array[:, 0], name)}"
        )
    return cast(Samples, np.nan_to_num(np.clip(array, -1, 1)).astype(np.float32))


def _try_sound(array: Array, name: str) -> str:
    remedy = sound_remedy(array, name)
    return f". Try {remedy}" if remedy else ""


def as_array(value: Any, what: str, accepted: str) -> Array:
    """Return anything that numpy, a buffer or DLPack can read as an array; it may share its memory.

    Raises
    ------
    TypeError
        When it cannot be read, whatever its own conversion raises.
    """
    kind = type(value).__name__
    if value is None or isinstance(value, (str, bytes, dict)):
        file = ". If it is the file of an image: try PIL.Image.open(io.BytesIO(x))" if isinstance(value, bytes) else ""
        raise TypeError(f"{kind} is not {what}: {accepted}{file if what == 'a picture' else ''}")
    try:
        array = np.asarray(value)
        if array.dtype == object and array.ndim == 0 and hasattr(type(value), "__dlpack__"):
            array = np.from_dlpack(value)
    except Exception as error:
        raise TypeError(f"{kind} is not {what}: {accepted}. {_why(value, error)}") from error
    if array.dtype == object and array.ndim == 0:
        hint = ". Try NumpyVideoTrack(iter(x))" if what == "a picture" and hasattr(type(value), "__iter__") else ""
        raise TypeError(f"{kind} is not {what}: {accepted}{hint}")
    return array


def _why(value: Any, error: Exception) -> str:
    """Return the reason why something cannot be read as an array, and what to do."""
    if isinstance(value, (list, tuple)):
        return "Its items differ in shape: try NumpyVideoTrack(iter(frames)), or write them one by one"
    said = str(error).partition("\n")[0]
    remedy = ". Try x.detach().cpu().numpy()" if hasattr(type(value), "detach") else ""
    return f"Reading it as an array failed: {type(error).__name__}: {said}{remedy}"
