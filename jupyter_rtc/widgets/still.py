"""What a saved notebook keeps of a live widget, for readers that have no kernel."""

from __future__ import annotations

import html
import threading
from collections.abc import Iterable
from typing import Any

from ..media.frames import Pixels, to_png
from ..media.track import Track

#: A source that is a function gives a picture at once; a cell is not held up by one that does not.
PATIENCE = 0.5
#: Bytes of a still, which is in the notebook's file and in each of its diffs.
BOUND = 100_000
WIDEST = 640

_CARD = (
    '<div style="max-width: 400px; padding: 16px; border: 1px solid #9e9e9e; border-radius: 4px; '
    'font-family: sans-serif"><b>{title}</b><br>{text}</div>'
)


def card(title: str, text: str) -> str:
    """Return HTML that is shown in place of live media; readable, too, where styles are taken off."""
    return _CARD.format(title=html.escape(title), text=html.escape(text))


def still_of(tracks: Iterable[Track[Any]]) -> bytes | None:
    """Return a PNG of the first video that was made in the kernel, or None.

    Never of a camera or a peer: what others have filmed is kept only when a user asks for it.
    """
    for track in tracks:
        if track.kind == "video" and track._stills != "never":
            pixels = _present(track)
            return None if pixels is None else small_png(pixels)
    return None


def _present(track: Track[Any]) -> Pixels | None:
    """Return the present picture, made now where that costs nobody a picture."""
    if track._latest is None and track._stills == "made" and track.ready_state == "live":
        came = threading.Event()
        items: list[Any] = []

        def take(item: Any) -> None:
            items[:] = [item]
            came.set()

        stop = track._subscribe(take, came.set)
        came.wait(PATIENCE)
        stop()
        return items[0].array() if items else None
    latest = track._latest
    return None if latest is None or not track._enabled else latest.array()


def small_png(pixels: Pixels) -> bytes:
    """Return a PNG at most `WIDEST` wide, and smaller until it is below `BOUND`, or tiny."""
    while True:
        step = -(-pixels.shape[1] // WIDEST)
        pixels = pixels[::step, ::step]
        png = to_png(pixels)
        if len(png) <= BOUND or pixels.shape[1] <= 80:
            return png
        pixels = pixels[::2, ::2]
