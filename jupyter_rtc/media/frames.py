"""Pictures and sound as plain data, checked on the way in, converted on the way out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, Protocol, Self, TypeVar, cast

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from ..checks import one_of
from .turning import Turn

Pixels = npt.NDArray[np.uint8]
Samples = npt.NDArray[np.float32]
Kind = Literal["audio", "video"]
Item = TypeVar("Item", bound="Media")

SAMPLE_RATE = 48_000
#: Pixels a side, that video can have.
LARGEST = 8192
VIDEO_TIME_BASE = Fraction(1, 90_000)
AUDIO_TIME_BASE = Fraction(1, SAMPLE_RATE)

#: The order of colours that readers and writers ask for, and FFmpeg's names for layouts.
Format = Literal["rgb", "bgr", "gray"]
Layout = Literal["rgb24", "bgr24", "rgba", "bgra", "gray", "yuv420p"]
LAYOUTS: dict[Format, Layout] = {"rgb": "rgb24", "bgr": "bgr24", "gray": "gray"}

_local = threading.local()


def checked_format(format: Any) -> Format:
    """Return `format`, ``"rgb"``, ``"bgr"`` or ``"gray"``.

    Raises
    ------
    TypeError, ValueError
    """
    return cast(Format, one_of(format, LAYOUTS, "format is 'rgb', 'bgr' or 'gray'"))


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

    def assert_made(self) -> None:
        """Raise the error of a map that could not make it, and for which it stands in."""


@dataclass(frozen=True)
class Picture:
    """One picture on its way. Its pixels are never written to again.

    The layout is the one in which they came: encoders take any, and readers may want the same one.

    Attributes
    ----------
    data : ndarray, uint8
        (height, width, 3) for ``"rgb24"`` and ``"bgr24"``, (height, width, 4) for ``"rgba"`` and ``"bgra"``, whose
        alpha is ignored, (height, width) for ``"gray"``, (height * 3 / 2, width) for ``"yuv420p"``.
    format : str
        As FFmpeg calls it.
    time : float
        When it was taken, on this process's ``time.monotonic()``.
    """

    data: Pixels
    format: Layout
    time: float

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width = self.data.shape[:2]
        return width, height * 2 // 3 if self.format == "yuv420p" else height

    @cached_property
    def _rgb(self) -> Pixels:
        return self.data if self.format == "rgb24" else self._converted("rgb24")

    @property
    def pixels(self) -> Pixels:
        """The pixels, (height, width, 3), RGB: to be read only."""
        return self._rgb

    def array(self, format: Format = "rgb") -> Pixels:
        """Return the pixels as a new array, (height, width, 3), or (height, width) for ``"gray"``."""
        if format == "rgb":
            return self._rgb.copy()
        layout = LAYOUTS[format]
        return self.data.copy() if self.format == layout else self._converted(layout)

    def _converted(self, layout: Layout) -> Pixels:
        if self.format == "gray":  # exact: no arithmetic
            return stacked([self.data] * 3)
        return converted(self._wrap(), layout)

    def scaled(self, size: tuple[int, int]) -> Picture:
        """Return the picture at this size, (width, height), itself if that is its size."""
        if size == self.size:
            return self
        return Picture(converted(self._wrap(), "rgb24", size), "rgb24", self.time)

    def _wrap(self) -> av.VideoFrame:
        return av.VideoFrame.from_numpy_buffer(self.data, format=self.format)

    def frame(self, pts: int) -> av.VideoFrame:
        """Return a PyAV frame of its own over these pixels (two encoders must never share one)."""
        # FFmpeg has a fast path from BGR to YUV that reads the colours of every fourth pixel only.
        frame = av.VideoFrame.from_numpy_buffer(self._rgb) if self.format == "bgr24" else self._wrap()
        frame.pts = pts
        frame.time_base = VIDEO_TIME_BASE
        return frame

    def blank(self) -> Picture:
        """Return a black picture of the same size and time."""
        width, height = self.size
        return Picture(np.zeros((height, width, 3), np.uint8), "rgb24", self.time)

    def assert_made(self) -> None:
        """Do nothing: it was made."""


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

    def assert_made(self) -> None:
        """Do nothing: it was made."""


def picture_from_frame(frame: av.VideoFrame, time: float) -> Picture:
    """Return the pixels of a decoded frame, copied out of the decoder's memory, and turned as players turn them."""
    # PyAV wraps an array of a height that is no multiple of four as a picture that is two rows shorter.
    fits = frame.width % 2 == 0 and frame.height % 4 == 0 and min(frame.width, frame.height) >= 16
    # The planes do not tell of another matrix or range, which the encoders would have to know.
    usual = frame.colorspace != Colorspace.ITU709 and frame.color_range != ColorRange.JPEG
    turn = Turn.of(frame)
    if turn is not None and turn.swaps:
        fits = fits and frame.width % 4 == 0
    if frame.format.name == "yuv420p" and fits and usual:
        planes = cast(Pixels, frame.to_ndarray())
        return Picture(planes if turn is None else turn.planes(planes), "yuv420p", time)
    pixels = cast(Pixels, frame.to_ndarray(format="rgb24"))
    return Picture(pixels if turn is None else np.ascontiguousarray(turn(pixels)), "rgb24", time)


def converted(frame: av.VideoFrame, layout: Layout, size: tuple[int, int] | None = None) -> Pixels:
    """Return the pixels of a frame in another layout, and perhaps at another size, as an array of their own."""
    if not hasattr(_local, "reformatter"):  # each thread's own: it is best used again, and never by two at once
        _local.reformatter = VideoReformatter()
    width, height = size or (frame.width, frame.height)
    other = _local.reformatter.reformat(frame, width, height, format=layout, threads=1, dst_color_range=ColorRange.JPEG)
    plane: Any = other.planes[0]
    depth = 1 if layout == "gray" else 3
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:height, : width * depth]
    return rows.reshape((height, width, depth) if depth > 1 else (height, width)).copy()


def stacked(planes: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return planes (height, width) as one array (height, width, planes); numpy copies fastest plane by plane."""
    out = np.empty((*planes[0].shape, len(planes)), planes[0].dtype)
    for number, plane in enumerate(planes):
        out[..., number] = plane
    return out


def to_png(pixels: Pixels) -> bytes:
    """Return an RGB picture as a PNG file."""
    codec = av.CodecContext.create("png", "w")
    codec.width, codec.height = pixels.shape[1], pixels.shape[0]
    codec.pix_fmt = "rgb24"
    codec.time_base = Fraction(1, 30)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])
