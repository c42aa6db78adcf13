"""Turns frames upright: phones store pictures as the sensor lies, with a matrix that says how to show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type


@dataclass(frozen=True)
class Turn:
    """What a display matrix asks for: transpose, then mirror left and right, then flip top and bottom."""

    swaps: bool
    mirrors: bool
    flips: bool

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Turn | None:
        """Return how players turn this frame, or None when it is upright. Odd angles go to the nearest right one."""
        beside: Any = frame.side_data
        data = beside.get(Type.DISPLAYMATRIX)
        if data is None:
            return None
        # x' = a x + c y, y' = b x + d y: FFmpeg's libavutil/display.h
        a, b, _, c, d = np.frombuffer(data, np.int32)[:5].tolist()
        swaps = abs(b) > abs(a)
        turn = cls(swaps, (c if swaps else a) < 0, (b if swaps else d) < 0)
        return turn if turn != cls(False, False, False) else None

    def __call__(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return a view of (height, width) or (height, width, 3), turned."""
        if self.swaps:
            pixels = pixels.swapaxes(0, 1)
        return pixels[:: -1 if self.flips else 1, :: -1 if self.mirrors else 1]

    def planes(self, data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return the planes of yuv420p, (height * 3 / 2, width), turned."""
        height, width = data.shape[0] * 2 // 3, data.shape[1]
        brightness, colours = data[:height], data[height:].reshape(2, height // 2, width // 2)
        parts = [self(plane).reshape(-1) for plane in (brightness, *colours)]
        return np.concatenate(parts).reshape(-1, height if self.swaps else width)
