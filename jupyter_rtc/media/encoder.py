"""One encoder: a picture goes in, the bytes of a VP8 or H.264 picture come out.

Tuned for live media: no picture is held back, and the bit rate can be set anew for every picture.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Literal, TypeGuard, cast, get_args

import av
import numpy as np
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter

from .frames import Picture

Codec = Literal["VP8", "H264"]

#: RGB becomes YUV by BT.601's matrix: VP8 knows no other (RFC 6386 §9.2). H.264 does, but where Chromium turns BT.709
#: into RGB without a graphics card, saturated blue and yellow come out 12 levels off: its factor for blue, in 8 bits,
#: stops short.
MATRIX = Colorspace.ITU601

#: The encoders' clock: fine enough for steps that stand for a bit rate (see `Vp8Encoder`).
TICKS = 1_000_000
#: What the encoders are told is the usual rate of pictures; the real one is followed.
NOMINAL_FPS = 30
#: A picture that comes after a longer pause gets the bits of so many seconds.
LONGEST_STEP = 0.1
SHORTEST_STEP = 1 / 120
#: Bits a second, below which there is nothing to be seen; libx264 does not even open below 1000.
LEAST = 10_000
#: No key frames but those that are asked for.
KEY_FRAME_INTERVAL = 100_000


class VideoEncoder(ABC):
    """Encodes one stream of pictures. Not for two threads at once.

    Attributes
    ----------
    frames, key_frames, bytes, seconds : int, int, int, float
        What it has made so far, and the time that took.
    width, height : int
        Of the last picture as it was encoded.
    """

    codec: Codec
    _name: str
    #: H.264 has pairs of rows and columns only.
    _even: bool

    def __init__(self) -> None:
        self.frames = self.key_frames = self.bytes = 0
        self.seconds = 0.0
        self.width = self.height = 0
        self._context: VideoCodecContext | None = None
        self._reformatter = VideoReformatter()
        self._last: float | None = None
        self._step = 1 / NOMINAL_FPS
        #: The bit rate that the context was opened with, when that was, and the context's own time.
        self._opened = self._time = 0
        self._opened_at = 0.0

    def encode(
        self,
        picture: Picture,
        when: float,
        bitrate: float,
        *,
        scale: float = 1.0,
        key: bool = False,
        still: bool = False,
    ) -> bytes:
        """Return the encoded picture, a key frame if it is the first, of another size, or if `key` says so.

        Parameters
        ----------
        picture : Picture
            Its pixels are read, and not kept.
        when : float
            Seconds; later than the picture before.
        bitrate : float
            What the stream is to have from here on, in bits a second.
        scale : float
            The size is divided by this.
        still : bool
            It is the picture before once more, and says nothing of the rate of pictures.
        """
        began = time.perf_counter()
        step = self._follow(when, still)
        frame = self._convert(picture, scale)
        size = (frame.width, frame.height)
        bitrate = max(bitrate, LEAST)
        if self._context is None or size != (self.width, self.height) or self._outgrown(bitrate, when):
            self.width, self.height = size
            self._opened, self._opened_at, self._time = int(self._nominal(bitrate)), when, 0
            self._context = self._open()
        frame.time_base = Fraction(1, TICKS)
        self._apply_rate(frame, bitrate * step)
        frame.pict_type = PictureType.I if key else PictureType.NONE
        data = b""
        for packet in self._context.encode(frame):
            data += bytes(packet)
            self.key_frames += packet.is_keyframe
        self.frames += 1
        self.bytes += len(data)
        self.seconds += time.perf_counter() - began
        return data

    @property
    def interval(self) -> float:
        """The usual time between two pictures, in seconds."""
        return self._step

    def _follow(self, when: float, still: bool) -> float:
        """Return the seconds that the picture stands for: those between two, smoothly, for their arrival shakes."""
        step = self._step if self._last is None else min(max(when - self._last, SHORTEST_STEP), LONGEST_STEP)
        self._last = when
        if still:
            return step
        self._step += (step - self._step) * 0.2
        return self._step

    def _size(self, picture: Picture, scale: float) -> tuple[int, int]:
        width, height = picture.size
        if scale > 1:
            # Even, as encoders everywhere do it: a row more or less is not what was asked for.
            width, height = (max(2, int(side / scale) // 2 * 2) for side in (width, height))
        elif self._even:
            width, height = width + width % 2, height + height % 2
        return width, height

    def _convert(self, picture: Picture, scale: float) -> av.VideoFrame:
        """Return the picture as the encoder takes it: 4:2:0, limited range."""
        width, height = self._size(picture, scale)
        if scale <= 1 and (width, height) != picture.size:
            pixels = picture.pixels
            rows, columns = height - pixels.shape[0], width - pixels.shape[1]
            picture = Picture(np.pad(pixels, ((0, rows), (0, columns), (0, 0)), mode="edge"), "rgb24", picture.time)
        frame = picture.frame(0)
        as_it_is = frame.colorspace != Colorspace.ITU709 and frame.color_range != ColorRange.JPEG
        if picture.format == "yuv420p" and (width, height) == picture.size and as_it_is:
            return frame
        return self._reformatter.reformat(
            frame,
            width,
            height,
            "yuv420p",
            dst_colorspace=MATRIX,
            dst_color_range=ColorRange.MPEG,
            # Averages each square of four for its colour: exact to rounding, and no slower than the default.
            interpolation=Interpolation.AREA if (width, height) == picture.size else Interpolation.BILINEAR,
            threads=1,
        )

    def _open(self) -> VideoCodecContext:
        context = cast(VideoCodecContext, CodecContext.create(self._name, "w"))
        context.width, context.height = self.width, self.height
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, TICKS)
        context.framerate = Fraction(NOMINAL_FPS)
        context.bit_rate = self._opened
        context.gop_size = KEY_FRAME_INTERVAL
        context.max_b_frames = 0
        context.thread_count = _threads(self.width * self.height)
        self._configure(context)
        return context

    @abstractmethod
    def _configure(self, context: VideoCodecContext) -> None:
        """Set what is peculiar to the codec, before the context is opened."""

    @abstractmethod
    def _apply_rate(self, frame: av.VideoFrame, bits: float) -> None:
        """Give the frame its time, and see to it that it gets so many bits."""

    def _nominal(self, bitrate: float) -> float:
        """Return the bit rate to open a context with."""
        return bitrate

    @abstractmethod
    def _outgrown(self, bitrate: float, when: float) -> bool:
        """Return whether only a new context, which begins with a key frame, can serve this bit rate."""


class Vp8Encoder(VideoEncoder):
    """libvpx.

    It cannot be given another bit rate once it is open. But a picture's share of bits is the rate times the time that
    the picture stands for: with the time told in proportion, one context serves all rates, at once and without key
    frames.
    """

    codec = "VP8"
    _name = "libvpx"
    _even = False

    def _configure(self, context: VideoCodecContext) -> None:
        context.qmin, context.qmax = 4, 60
        context.options = {
            "deadline": "realtime",
            "cpu-used": "-6",  # beyond, it no longer looks for motion, and what moves costs four times as many bits
            "lag-in-frames": "0",
            "error-resilient": "0",
            "minrate": str(self._opened),
            "maxrate": str(self._opened),
            "bufsize": str(self._opened * 72 // 100),
            "undershoot-pct": "100",
            "overshoot-pct": "15",
            "max-intra-rate": "900",
            "noise-sensitivity": "0",
            "static-thresh": "100",
        }

    def _outgrown(self, bitrate: float, when: float) -> bool:
        return not self._opened / 20 <= bitrate <= self._opened * 8

    def _apply_rate(self, frame: av.VideoFrame, bits: float) -> None:
        self._time += max(1, round(bits / self._opened * TICKS))
        frame.pts = self._time


class H264Encoder(VideoEncoder):
    """libx264, constrained baseline, and its colours said: untagged, each decoder has an opinion of its own.

    It takes another bit rate, but beyond half as much again it goes on to make up for the past, for many seconds. (And
    told times instead of counted pictures it holds one back.) So for larger steps it is opened anew, with a key frame:
    down at once, up not before long.
    """

    #: How far the rate may be from that of the context, and how long a context lasts at least on the way up.
    DOWN, UP, LASTS = 1.5, 2.0, 4.0

    codec = "H264"
    _name = "libx264"
    _even = True

    def _configure(self, context: VideoCodecContext) -> None:
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.SMPTE170M
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.options = {
            "preset": "ultrafast",  # and what of the next one costs little and is seen
            "tune": "zerolatency",
            "profile": "baseline",
            "forced-idr": "1",
            "maxrate": str(self._opened),
            "bufsize": str(self._opened * 3 // 10),
            "x264-params": "scenecut=0:qpmin=8:no-deblock=0:deblock=0,0",
        }

    def _nominal(self, bitrate: float) -> float:
        return bitrate * self._step * NOMINAL_FPS  # it counts pictures: of fewer in a second, each gets more

    def _outgrown(self, bitrate: float, when: float) -> bool:
        rate = self._nominal(bitrate)
        lasted = when - self._opened_at >= self.LASTS
        return rate * self.DOWN < self._opened or (rate > self._opened * self.UP and lasted)

    def _apply_rate(self, frame: av.VideoFrame, bits: float) -> None:
        assert self._context is not None
        frame.pts = self._time
        self._time += TICKS // NOMINAL_FPS
        rate = min(int(bits * NOMINAL_FPS), self._opened)
        if abs(rate - (self._context.bit_rate or 0)) > rate * 0.03:
            self._context.bit_rate = rate


def is_codec(name: str) -> TypeGuard[Codec]:
    """Return whether there is an encoder for it."""
    return name in get_args(Codec)


def encoder_for(codec: Codec) -> VideoEncoder:
    """Return a new encoder."""
    return Vp8Encoder() if codec == "VP8" else H264Encoder()


def _threads(pixels: int) -> int:
    """Return how many threads a picture of this size is worth: a second one costs half as much again."""
    return 2 if pixels > 1280 * 800 and (os.cpu_count() or 1) >= 4 else 1
