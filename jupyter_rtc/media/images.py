"""Pillow images and matplotlib figures as arrays. Neither library is imported unless the user has imported it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: Modes whose numbers numpy reads as they are meant: grey, RGB, RGBA, and numbers of 16 and 32 bits.
_AS_THEY_ARE = frozenset({"1", "L", "RGB", "RGBA", "RGBX", "F", "I"})
#: Bytes. All pictures of an animation are decoded when its track is made.
_ANIMATION_BOUND = 512 << 20


def is_image(value: Any) -> bool:
    """Return whether it is an image of Pillow's."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def pixels_of(value: Any) -> Array | None:
    """Return the pixels of an image or a figure, RGB, RGBA, grey or numbers; None where `value` is neither.

    Raises
    ------
    TypeError, ValueError
        When it cannot be read.
    """
    if isinstance(value, np.ndarray):
        return None
    if is_image(value):
        with _reading():
            return _pixels_of_image(value)
    try:
        draw = _drawing_of(value)
    except Exception:  # an attribute of something that is no figure
        return None
    if draw is None:
        return None
    try:
        return draw()
    except Exception as error:
        raise ValueError(f"{type(value).__name__} cannot be drawn: {type(error).__name__}: {error}") from error


def _pixels_of_image(image: Any) -> Array:
    image = _upright(image)
    if image.mode == "LAB":
        image = _from_lab(image)
    elif image.mode in ("LA", "La"):
        image = image.convert("LA").getchannel("L")
    elif image.mode in ("P", "PA"):
        image = image.convert("RGBA").convert("RGB")  # in one step, Pillow warns where the palette has an alpha
    elif image.mode not in _AS_THEY_ARE and not image.mode.startswith("I;"):
        image = image.convert("RGB")  # CMYK, YCbCr, HSV, RGBa
    return np.asarray(image)


def _upright(image: Any) -> Any:
    """Return the image turned as its Exif data ask for."""
    try:
        return import_module("PIL.ImageOps").exif_transpose(image)
    except (ValueError, TypeError, KeyError, AttributeError, SyntaxError):  # of Exif data that are broken
        return image


def _from_lab(image: Any) -> Any:
    cms = import_module("PIL.ImageCms")
    return cms.profileToProfile(image, cms.createProfile("LAB"), cms.createProfile("sRGB"), outputMode="RGB")


def _drawing_of(value: Any) -> Callable[[], Array] | None:
    """Return what draws a canvas, a figure, or the figure of axes, which pandas and seaborn return."""
    for owner in (value, getattr(value, "figure", None)):
        for canvas in (owner, getattr(owner, "canvas", None)):
            if callable(getattr(canvas, "buffer_rgba", None)) and callable(getattr(canvas, "draw", None)):
                return partial(_drawn, canvas)
        if callable(getattr(owner, "set_canvas", None)) and "matplotlib" in sys.modules:
            return partial(_drawn_aside, owner)
    return None


def _drawn(canvas: Any) -> Array:
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def _drawn_aside(figure: Any) -> Array:
    """Draw a figure whose canvas has no pixels (it was closed, or is for SVG), and give its canvas back."""
    canvas = figure.canvas
    try:
        return _drawn(import_module("matplotlib.backends.backend_agg").FigureCanvasAgg(figure))
    finally:
        figure.set_canvas(canvas)


def is_animated(value: Any) -> bool:
    """Return whether it is an image with several pictures that follow one another in time, unlike a TIFF's pages.

    Raises
    ------
    ValueError
        When it cannot be read.
    """
    if not is_image(value) or value.format not in ("GIF", "PNG", "WEBP", "AVIF"):
        return False
    with _reading():
        return bool(getattr(value, "n_frames", 1) > 1)


class Animation:
    """An animated image as a source: the picture at a time in seconds, each for as long as the file says, repeating.

    Raises
    ------
    ValueError
        When it cannot be read, or is too large to be held.
    """

    def __init__(self, image: Any) -> None:
        self._pictures: list[Array] = []
        ends: list[float] = []
        now, held = 0.0, 0
        with _reading():
            before = image.tell()
            for number in range(image.n_frames):
                image.seek(number)
                pixels = _pixels_of_image(image.copy())
                held += pixels.nbytes
                if held > _ANIMATION_BOUND:
                    break
                self._pictures.append(pixels)
                # Browsers, too, show a picture for 100 ms if its duration is below 20 ms.
                duration = float(image.info.get("duration", 0)) / 1000
                now += duration if duration >= 0.02 else 0.1
                ends.append(now)
            image.seek(before)
        if held > _ANIMATION_BOUND:
            raise ValueError(
                f"the {image.n_frames} pictures of this animation take more than {_ANIMATION_BOUND >> 20} MiB. "
                "Try NumpyVideoTrack(frame.copy() for frame in PIL.ImageSequence.Iterator(image))"
            )
        self._ends = np.array(ends)

    def __call__(self, seconds: float) -> Array:
        """Return the picture of this time."""
        return self._pictures[int(np.searchsorted(self._ends, seconds % self._ends[-1], "right")) % len(self._ends)]


@contextmanager
def _reading() -> Iterator[None]:
    """Let whatever a broken file raises be a ValueError."""
    try:
        yield
    except Exception as error:
        raise ValueError(f"the image cannot be read: {type(error).__name__}: {error}") from error
