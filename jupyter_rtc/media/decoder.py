"""From encoded media to pictures and sound. What is decoded stays in the decoder's memory until somebody reads it."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any, NamedTuple, cast

import av
import numpy as np

from .frames import LAYOUTS, SAMPLE_RATE, VIDEO_TIME_BASE, Format, Layout, Picture, Pixels, Samples, converted

#: FFmpeg's own VP8 decoder takes three quarters of libvpx's time, and no copy.
_VIDEO = {"VP8": "vp8", "H264": "h264"}
_TELEPHONY = {"PCMU": ("pcm_mulaw", 8000), "PCMA": ("pcm_alaw", 8000), "G722": ("g722", 16_000)}


def starts_picture(codec: str, data: bytes) -> bool:
    """Return whether an encoded picture can be decoded without those before it."""
    if not data:
        return False
    if codec == "VP8":
        return not data[0] & 1  # RFC 6386 §9.1: the first bit is 0 for a key frame
    start = data.find(b"\0\0\1", 0, 4096)
    while 0 <= start < len(data) - 3:
        kind = data[start + 3] & 0x1F
        if kind in (5, 7):  # H.264: an IDR slice or its parameters
            return True
        if kind == 1:
            return False
        start = data.find(b"\0\0\1", start + 3, 4096)
    return False


def begins_picture(codec: str, payload: bytes) -> bool:
    """Return whether a picture surely begins with this RTP payload; for H.264 that is known of key frames only."""
    if not payload:
        return False
    if codec == "VP8":
        return payload[0] & 0x1F == 0x10  # RFC 7741 §4.2: S is 1 and the partition's number 0
    kind = payload[0] & 0x1F
    if kind == 24 and len(payload) > 3:  # RFC 6184 §5.7.1, STAP-A: its first unit, behind two bytes of length
        kind = payload[3] & 0x1F
    return kind in (7, 9)


class Colours(NamedTuple):
    """How brightness and colour become red, green and blue, as ITU-T H.273 numbers it, and as FFmpeg does.

    `range` is 1 for 16 to 235, and 2 for 0 to 255.
    """

    matrix: int
    range: int


class DecodedPicture(Picture):
    """A picture in the decoder's memory: its pixels are converted for each reader, and copied once, into its array.

    `data` is a copy of its planes, made when first wanted: for an encoder, which must not share a frame with anybody.
    """

    _frame: av.VideoFrame
    _lock: threading.Lock

    def __init__(self, frame: av.VideoFrame, time: float) -> None:
        # PyAV wraps an array of a height that is no multiple of four as a picture that is two rows shorter.
        fits = frame.width % 2 == 0 and frame.height % 4 == 0 and min(frame.width, frame.height) >= 16
        planar = frame.format.name in ("yuv420p", "yuvj420p") and fits
        vars(self).update(_frame=frame, _lock=threading.Lock(), time=time, format="yuv420p" if planar else "rgb24")

    @cached_property
    def data(self) -> Pixels:
        """The pixels, as in `Picture`."""
        if self.format == "rgb24":
            return self._converted("rgb24")
        with self._lock:
            return cast(Pixels, self._frame.to_ndarray())

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self._frame.width, self._frame.height

    def array(self, format: Format = "rgb") -> Pixels:
        """Return the pixels as a new array, (height, width, 3), or (height, width) for ``"gray"``."""
        return self._converted(LAYOUTS[format])

    def _converted(self, layout: Layout) -> Pixels:
        with self._lock:  # converting writes to the frame's description
            return converted(self._frame, layout)

    def frame(self, pts: int) -> av.VideoFrame:
        """Return a PyAV frame of its own over a copy of these pixels, with their colour space."""
        frame = super().frame(pts)
        if self.format == "yuv420p":
            frame.colorspace = self._frame.colorspace
            frame.color_range = self._frame.color_range
        return frame


class VideoDecoder:
    """VP8 or H264.

    On one thread: pictures of cameras take a few milliseconds, and a picture is not held back for the next.
    """

    def __init__(self, codec: str) -> None:
        self._context: Any = av.CodecContext.create(_VIDEO[codec], "r")
        self._context.thread_count = 1
        self._colours: Colours | None = None

    def decode(self, data: bytes, ticks: int, colours: Colours | None = None) -> list[av.VideoFrame]:
        """Return the pictures of these data; `ticks` of 1/90000 s become their pts.

        `colours` is what was said of them beside the data, and holds until something else is said.

        Raises
        ------
        av.FFmpegError
        """
        packet = av.Packet(data)
        packet.pts = ticks
        packet.time_base = VIDEO_TIME_BASE
        frames = cast("list[av.VideoFrame]", self._context.decode(packet))
        self._colours = colours or self._colours
        if self._colours is not None:
            for frame in frames:
                frame.colorspace, frame.color_range = self._colours
        return frames


class SoundDecoder:
    """Opus, or a codec of telephony, to 48 kHz. It makes up what was lost."""

    def __init__(self, codec: str) -> None:
        self._opus = codec.lower() == "opus"
        name, rate = ("libopus", SAMPLE_RATE) if self._opus else _TELEPHONY[codec.upper()]
        context: Any = av.CodecContext.create(name, "r")
        context.sample_rate = rate
        if self._opus:
            context.format = "s16"
            context.layout = "stereo"
        else:
            context.layout = "mono"
        self._context = context
        self._resampler = av.AudioResampler("flt", context.layout.name, SAMPLE_RATE)
        self._last: bytes | Samples = b""

    def decode(self, data: bytes) -> Samples:
        """Return the sound of one packet, float32 (samples, channels).

        Raises
        ------
        av.FFmpegError
        """
        samples = self._decoded(data)
        self._last = data[:2] if self._opus else samples
        return samples

    def conceal(self) -> Samples:
        """Return what stands in for a lost packet, as long as the last one, and fading."""
        if not len(self._last):
            return np.zeros((0, 2), np.float32)
        if isinstance(self._last, bytes):
            # RFC 6716 §3.2.1: a frame without data was not received, and Opus conceals it itself.
            count = (1, 2, 2, self._last[-1] & 0x3F)[self._last[0] & 3]
            empty = bytes([self._last[0] & 0xFC])
            return np.concatenate([self._decoded(empty) for _ in range(max(1, count))])
        faded = self._last * np.linspace(1, 0.5, len(self._last), dtype=np.float32)[:, None]
        self._last = self._last * np.float32(0.5)
        return faded

    def _decoded(self, data: bytes) -> Samples:
        parts = []
        for frame in self._context.decode(av.Packet(data)):
            for part in [frame] if self._opus else self._resampler.resample(frame):
                samples = part.to_ndarray().reshape(-1, part.layout.nb_channels)
                parts.append(samples.astype(np.float32) / np.float32(32768) if samples.dtype == np.int16 else samples)
        return np.concatenate(parts) if parts else np.zeros((0, 2), np.float32)
