"""Small films, also as phones write them: with a matrix that says how to hold the picture."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np

_ONE, _LAST = 1 << 16, 1 << 30


def quarters(size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """Return a picture (height, width, 3) whose four quarters differ: red, green; blue, white."""
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2, 0] = 220
    pixels[: height // 2, width // 2 :, 1] = 220
    pixels[height // 2 :, : width // 2, 2] = 220
    pixels[height // 2 :, width // 2 :] = 220
    return pixels


def write_film(
    path: Path,
    pictures: list[np.ndarray],
    *,
    fps: int = 10,
    matrix: tuple[int, int, int, int] = (1, 0, 0, 1),
    pix_fmt: str = "yuv420p",
) -> Path:
    """Write an MP4; `matrix` is a, b, c, d of its display matrix: (0, 1, -1, 0) is a phone held upright."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "12"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        for pixels in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # ISO 14496-12 §8.3.2: the matrix of version 0
    a, b, c, d = (number * _ONE for number in matrix)
    struct.pack_into(">9i", data, at, a, b, 0, c, d, 0, 0, 0, _LAST)
    path.write_bytes(data)
    return path
