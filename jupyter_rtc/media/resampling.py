"""Sound at another sample rate, or in the frames of other libraries."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import av.filter
import numpy as np

from .frames import SAMPLE_RATE, Samples

#: FFmpeg's swresample with 128 taps instead of 32: frequencies are 90 dB down from 2.5 % above half the lower rate on,
#: and unchanged up to 93 % of it. The delay is 64 samples of the lower rate: 4 ms at 16 kHz.
_QUALITY = "filter_size=128:cutoff=0.97"


class Resampler:
    """Converts any sample rate to another one; keeps its state from call to call.

    Nothing is shifted: output sample n belongs to the time n / `to`. The filter looks ahead, so a call returns a little
    less than went in; `flush` gives the rest.
    """

    def __init__(self, rate: int, channels: int, to: int = SAMPLE_RATE) -> None:
        self._rate, self._channels, self._to = rate, channels, to
        self._taken = self._given = 0
        #: The filter graph with its source and its sink, which do not keep it alive.
        self._chain: tuple[Any, Any, Any] | None = None

    @property
    def held(self) -> float:
        """Seconds of sound that went in and have not come out yet."""
        return self._taken / self._rate - self._given / self._to

    def __call__(self, samples: Samples) -> Samples:
        """Return `samples`, (n, channels) at the source's rate, at the other one."""
        if self._rate == self._to or not len(samples):
            return samples
        if self._chain is None:
            self._chain = self._open()
        layout = _layout(self._channels)
        packed = np.ascontiguousarray(samples).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._taken
        self._taken += len(samples)
        self._chain[1].push(frame)
        return self._pull()

    def flush(self) -> Samples:
        """Return the samples that are still held, and reset the state."""
        if self._chain is None:
            return np.zeros((0, self._channels), np.float32)
        self._chain[1].push(None)
        rest = self._pull()
        self._chain = None
        self._taken = self._given = 0
        return rest

    def _open(self) -> tuple[Any, Any, Any]:
        graph = av.filter.Graph()
        layout = _layout(self._channels)
        source = graph.add(
            "abuffer", f"sample_rate={self._rate}:sample_fmt=flt:channel_layout={layout}:time_base=1/{self._rate}"
        )
        resample = graph.add("aresample", f"{self._to}:{_QUALITY}")
        packed = graph.add("aformat", f"sample_fmts=flt:channel_layouts={layout}")
        sink = graph.add("abuffersink")
        source.link_to(resample)
        resample.link_to(packed)
        packed.link_to(sink)
        graph.configure()
        return graph, source, sink

    def _pull(self) -> Samples:
        parts = []
        while self._chain is not None:
            try:
                frame = self._chain[2].pull()
            except (av.BlockingIOError, av.EOFError):
                break
            parts.append(frame.to_ndarray().reshape(-1, self._channels))
        out = np.concatenate(parts) if parts else np.zeros((0, self._channels), np.float32)
        self._given += len(out)
        return out


class FrameResampler:
    """Sound of PyAV frames of any rate, format and layout, also changing, to 48 kHz with one or two channels."""

    def __init__(self) -> None:
        self._kind: tuple[Any, ...] = ()
        self._packed: Any = None
        self._resample = Resampler(SAMPLE_RATE, 1)

    def __call__(self, frame: av.AudioFrame) -> Samples:
        """Return the sound of a frame, (samples, channels). Mono stays mono, and as loud as it is."""
        kind = (frame.sample_rate, frame.layout.name, frame.format.name)
        channels = min(2, frame.layout.nb_channels)
        if kind != self._kind:
            self._kind = kind
            self._packed = av.AudioResampler("flt", _layout(channels), frame.sample_rate)
            self._resample = Resampler(frame.sample_rate, channels)
        parts = [part.to_ndarray().reshape(-1, channels) for part in self._packed.resample(frame)]
        return self._resample(np.concatenate(parts) if parts else np.zeros((0, channels), np.float32))


def _layout(channels: int) -> str:
    return "mono" if channels == 1 else "stereo"
