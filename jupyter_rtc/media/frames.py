"""Pictures and sound as plain data, checked on the way in, converted on the way out."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, Protocol, Self, TypeVar, cast

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace

Pixels = npt.NDArray[np.uint8]
Samples = npt.NDArray[np.float32]
Kind = Literal["audio", "video"]
Item = TypeVar("Item", bound="Media")

SAMPLE_RATE = 48_000
#: Pixels a side, that video can have.
LARGEST = 8192
VIDEO_TIME_BASE = Fraction(1, 90_000)
AUDIO_TIME_BASE = Fraction(1, SAMPLE_RATE)

_PICTURES = (
    "a picture is (height, width) grey, (height, width, 3) RGB or (height, width, 4) RGBA; "
    "uint8, bool, or float in [0, 1]"
)
_SOUNDS = "sound is (samples,) or (samples, channels) with 1 or 2 channels; int16, or float in [-1, 1]"


class Media(Protocol):
    """What pictures and stretches of sound have in common."""

    @property
    def time(self) -> float:
        """When it was taken, on this process's ``time.monotonic()``."""

    def array(self) -> npt.NDArray[Any]:
        """Return it as a new array, owned by the caller."""

    def frame(self, pts: int) -> av.VideoFrame | av.AudioFrame:
        """Return it as a PyAV frame of its own."""

    def blank(self) -> Self:
        """Return black or silence in its place."""


@dataclass(frozen=True)
class Picture:
    """One picture on its way. Its pixels are never written to again.

    Attributes
    ----------
    data : ndarray, uint8
        (height, width, 3) for ``"rgb24"``, (height * 3 / 2, width) for ``"yuv420p"``.
    time : float
        When it was taken, on this process's ``time.monotonic()``.
    """

    data: Pixels
    format: Literal["rgb24", "yuv420p"]
    time: float

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width = self.data.shape[:2]
        return width, height if self.format == "rgb24" else height * 2 // 3

    @cached_property
    def _rgb(self) -> Pixels:
        if self.format == "rgb24":
            return self.data
        return cast(Pixels, self._wrap().to_ndarray(format="rgb24"))

    @property
    def pixels(self) -> Pixels:
        """The pixels, (height, width, 3), RGB: to be read only."""
        return self._rgb

    def array(self) -> Pixels:
        """Return the pixels as a new array, (height, width, 3), RGB, owned by the caller."""
        return self._rgb.copy()

    def _wrap(self) -> av.VideoFrame:
        return av.VideoFrame.from_numpy_buffer(self.data, format=self.format)

    def frame(self, pts: int) -> av.VideoFrame:
        """Return a PyAV frame of its own over these pixels (two encoders must never share one)."""
        frame = self._wrap()
        frame.pts = pts
        frame.time_base = VIDEO_TIME_BASE
        return frame

    def blank(self) -> Picture:
        """Return a black picture of the same size and time."""
        width, height = self.size
        return Picture(np.zeros((height, width, 3), np.uint8), "rgb24", self.time)


@dataclass(frozen=True)
class Sound:
    """A stretch of sound on its way, float32 (samples, channels) in [-1, 1], 48 kHz."""

    data: Samples
    time: float

    def array(self) -> Samples:
        """Return the samples as a new array, (samples, channels), owned by the caller."""
        return self.data.copy()

    def frame(self, pts: int) -> av.AudioFrame:
        """Return the sound as a PyAV frame, s16, as Opus encoders take it."""
        layout = "mono" if self.data.shape[1] == 1 else "stereo"
        samples = np.rint(np.clip(self.data, -1, 1) * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        frame.sample_rate = SAMPLE_RATE
        frame.pts = pts
        frame.time_base = AUDIO_TIME_BASE
        return frame

    def blank(self) -> Sound:
        """Return silence of the same length and time."""
        return Sound(np.zeros_like(self.data), self.time)


def picture_from_array(value: Any, time: float, size: tuple[int, int] | None = None) -> Picture:
    """Return a picture that shares no memory with `value`.

    Parameters
    ----------
    value : array
        (height, width) grey, (height, width, 3) RGB or (height, width, 4) RGBA (the alpha is dropped);
        uint8, bool, or float in [0, 1] (NaN is black). Any strides.
    time : float
        When it was taken, on ``time.monotonic()``.
    size : (width, height), optional
        Scale to this size.

    Raises
    ------
    TypeError
        When `value` is no array or has another dtype.
    ValueError
        When it has another shape, or float values outside [0, 1].
    """
    array = _array(value, "a picture", _PICTURES)
    shape = array.shape
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (1, 3, 4)) or 0 in shape:
        raise ValueError(f"shape {shape} with dtype {array.dtype} is no picture: {_PICTURES}")
    if array.dtype.kind not in "fb" and array.dtype != np.uint8:
        hint = ". From 0 to 255? picture.astype(np.uint8)" if array.dtype.kind in "iu" else ""
        raise TypeError(f"dtype {array.dtype} with shape {shape} is no picture: {_PICTURES}{hint}")
    if max(shape[:2]) > LARGEST:
        raise ValueError(f"shape {shape} is too large for video: at most {LARGEST} pixels a side")
    if array.ndim == 3 and shape[2] == 4:
        array = array[..., :3]
    if array.dtype.kind == "f":
        low, high = np.nanmin(array, initial=0), np.nanmax(array, initial=0)
        if low < -0.01 or high > 1.01:
            raise ValueError(
                f"shape {shape} with dtype {array.dtype} has values from {low:g} to {high:g}: "
                "a float picture is in [0, 1]; divide it, or np.clip(picture, 0, 255).astype(np.uint8)"
            )
        array = np.rint(np.nan_to_num(np.clip(array, 0, 1)) * 255).astype(np.uint8)
    elif array.dtype.kind == "b":
        array = array.astype(np.uint8) * np.uint8(255)
    pixels = np.empty((*shape[:2], 3), np.uint8)
    pixels[:] = array[..., None] if array.ndim == 2 else array
    if size is not None and size != (shape[1], shape[0]):
        frame = av.VideoFrame.from_numpy_buffer(pixels, format="rgb24")
        pixels = cast(Pixels, frame.reformat(*size).to_ndarray())
    return Picture(pixels, "rgb24", time)


def picture_from_frame(frame: av.VideoFrame, time: float) -> Picture:
    """Return the pixels of a decoded frame, copied out of the decoder's memory."""
    # PyAV wraps an array of a height that is no multiple of four as a picture that is two rows shorter.
    fits = frame.width % 2 == 0 and frame.height % 4 == 0 and min(frame.width, frame.height) >= 16
    # The planes do not tell of another matrix or range, which the encoders would have to know.
    usual = frame.colorspace != Colorspace.ITU709 and frame.color_range != ColorRange.JPEG
    if frame.format.name == "yuv420p" and fits and usual:
        return Picture(cast(Pixels, frame.to_ndarray()), "yuv420p", time)
    return Picture(cast(Pixels, frame.to_ndarray(format="rgb24")), "rgb24", time)


def samples_from_array(value: Any) -> Samples:
    """Return sound as float32 (samples, channels), sharing no memory with `value`.

    Raises
    ------
    TypeError
        When `value` is no array or has another dtype than int16 or float.
    ValueError
        When it has another shape than (samples,) or (samples, 1 or 2).
    """
    array = _array(value, "sound", _SOUNDS)
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] not in (1, 2)):
        raise ValueError(f"shape {array.shape} with dtype {array.dtype} is no sound: {_SOUNDS}")
    if array.dtype.kind != "f" and array.dtype != np.int16:
        raise TypeError(f"dtype {array.dtype} with shape {array.shape} is no sound: {_SOUNDS}")
    if array.ndim == 1:
        array = array[:, None]
    if array.dtype == np.int16:
        return np.asarray(array, np.float32) / np.float32(32768)
    return cast(Samples, np.nan_to_num(np.clip(array, -1, 1)).astype(np.float32))


def sound_from_frame(frame: av.AudioFrame, time: float) -> Sound:
    """Return the samples of a decoded 48 kHz frame."""
    channels = frame.layout.nb_channels
    samples = frame.to_ndarray()
    samples = samples.T if frame.format.is_planar else samples.reshape(-1, channels)
    if samples.dtype == np.int16:
        return Sound(samples.astype(np.float32) / np.float32(32768), time)
    return Sound(np.ascontiguousarray(samples, np.float32), time)


class Resampler:
    """Any sample rate to 48 kHz, keeping its state from call to call."""

    def __init__(self, rate: int, channels: int) -> None:
        self._rate = rate
        self._layout = "mono" if channels == 1 else "stereo"
        self._resampler = av.AudioResampler("flt", self._layout, SAMPLE_RATE)

    def __call__(self, samples: Samples) -> Samples:
        """Return `samples`, (n, channels) at the source's rate, at 48 kHz."""
        if self._rate == SAMPLE_RATE or not len(samples):
            return samples
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout=self._layout)
        frame.sample_rate = self._rate
        parts = [sound_from_frame(part, 0).data for part in self._resampler.resample(frame)]
        return np.concatenate(parts) if parts else samples[:0]


def to_png(pixels: Pixels) -> bytes:
    """Return an RGB picture as a PNG file."""
    codec = av.CodecContext.create("png", "w")
    codec.width, codec.height = pixels.shape[1], pixels.shape[0]
    codec.pix_fmt = "rgb24"
    codec.time_base = Fraction(1, 30)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


def _array(value: Any, what: str, accepted: str) -> npt.NDArray[Any]:
    if value is None or isinstance(value, (str, bytes, dict)):
        raise TypeError(f"{type(value).__name__} is not {what}: {accepted}")
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise TypeError(f"{type(value).__name__} is not {what}: {accepted}") from error
