"""What the kernel sends, as a browser shows it."""

from __future__ import annotations

import numpy as np
import pytest

from .lab import Notebook
from .media import IMPORTS

COLOURS = (
    (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 255, 0),
    (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255),
    (128, 128, 128), (64, 64, 64), (192, 192, 192), (200, 80, 40),
    (40, 120, 200), (90, 160, 60), (235, 180, 150), (16, 16, 16),
)  # fmt: skip

CHART = f"""
def chart(width, height):
    picture = np.zeros((height, width, 3), np.uint8)
    for number, colour in enumerate({COLOURS}):
        row, column = divmod(number, 4)
        rows = slice(row * height // 4, (row + 1) * height // 4)
        picture[rows, column * width // 4:(column + 1) * width // 4] = colour
    return picture
"""


def errors(picture: np.ndarray) -> list[float]:
    """Return how far each field of the chart is from its colour, in levels; the fields' edges are left out."""
    height, width = picture.shape[:2]
    found = []
    for number, colour in enumerate(COLOURS):
        row, column = divmod(number, 4)
        field = picture[
            row * height // 4 + 12 : (row + 1) * height // 4 - 12,
            column * width // 4 + 12 : (column + 1) * width // 4 - 12,
        ]
        found.append(float(np.abs(field.reshape(-1, 3).mean(0) - colour).max()))
    return found


@pytest.mark.parametrize("codec", ["VP8", "H264"])
@pytest.mark.parametrize("size", [(640, 480), (321, 243), (1280, 720)])
def test_a_chart_is_shown_in_its_colours(notebook: Notebook, codec: str, size: tuple[int, int]) -> None:
    notebook.do(IMPORTS + CHART + f"rtc.configure(codec={codec!r})\ntrack = rtc.NumpyVideoTrack()")
    notebook.do(f"track.write(chart{size})\nrtc.Video(track)")
    width, height = size if codec == "VP8" else (size[0] + size[0] % 2, size[1] + size[1] % 2)
    picture = notebook.grab().image
    assert picture.shape == (height, width, 3)
    notebook.until(lambda: max(errors(notebook.grab().image)) <= 3, f"the colours of {codec}")


def test_a_picture_of_another_size_follows(notebook: Notebook) -> None:
    notebook.do(IMPORTS + CHART + "track = rtc.NumpyVideoTrack()\ntrack.write(chart(320, 240))\nrtc.Video(track)")
    assert notebook.grab().image.shape == (240, 320, 3)
    for width, height in ((480, 270), (160, 240), (320, 240)):
        notebook.do(f"track.write(chart({width}, {height}))")
        notebook.until(lambda w=width, h=height: notebook.grab().image.shape == (h, w, 3), f"{width}x{height}")


def test_five_views_cost_one_encode(notebook: Notebook) -> None:
    notebook.do(
        IMPORTS + "from jupyter_rtc.media.broadcast import layers_of\ntrack = rtc.TestPattern((160, 120), fps=15)"
    )
    for _ in range(5):
        notebook.do("rtc.Video(track)")
    notebook.wait_js("() => document.querySelectorAll('.jrtc video').length === 5")
    notebook.wait_value("[len(layer.receivers) for layer in layers_of(track)] == [5]", timeout=30)
    notebook.do(
        "(layer,) = layers_of(track); made, sent = layer.encoder.frames, [r.pictures.frames for r in layer.receivers]"
    )
    notebook.wait_value("layer.encoder.frames >= made + 30")
    assert notebook.value("len(layers_of(track))") == 1
    notebook.wait_value("all(r.pictures.frames >= before + 25 for r, before in zip(layer.receivers, sent))")


def test_the_rate_moves_without_a_storm_of_key_frames(notebook: Notebook) -> None:
    notebook.do(
        IMPORTS
        + "from jupyter_rtc.media.broadcast import layers_of\n"
        + "random = np.random.default_rng(1)\n"
        + "frames = [random.integers(0, 255, (60, 80, 3), np.uint8).repeat(4, 0).repeat(4, 1) for _ in range(20)]\n"
        + "track = rtc.NumpyVideoTrack(np.array(frames), fps=15)\nrtc.Video(track)"
    )
    notebook.grab()
    notebook.do("(layer,) = layers_of(track); rate = layer.receivers[0].rate; before = layer.encoder.key_frames")
    for cap in (300_000, 1_500_000, 500_000, 2_500_000, 200_000):
        notebook.do(f"rate.cap = {cap}; made = layer.encoder.frames")
        notebook.wait_value("layer.encoder.frames >= made + 15")
    assert notebook.value("layer.encoder.key_frames - before") <= 3
