"""Capture: another widget's picture, in the kernel."""

from __future__ import annotations

from typing import Any

import ipywidgets
import traitlets

from ..media.sources import checked_fps
from .capturing import CaptureWidget


class Capture(CaptureWidget):
    """The canvas or video of any displayed widget, as a live track.

    What is captured is what the page draws: a plot that is turned by hand, a 3D scene, a map. It begins when it is
    displayed in a page that shows the widget, too, and is live from the first picture on. A page that is hidden draws
    nothing, and a WebGL scene that was drawn before cannot be read: then `state` is ``"starting"``, and `read` says so.

    Parameters
    ----------
    widget : ipywidgets.Widget
        Displayed in the same page. Of what is visible of it the largest canvas or video is captured; it may be drawn by
        any kind of context, also by a worker.
    fps : float
        Pictures a second, at most.
    autostart : bool
        False: only `start` or the button turns it on.

    Attributes
    ----------
    stream : MediaStream
        Of `video`.
    video : Track
        The same object from construction to `close`; muted while nothing is captured.
    audio : None

    Raises
    ------
    TypeError, ValueError
        When `widget` is no widget, or `fps` no number above 0 and at most 240.
    """

    _player = traitlets.Unicode("capture").tag(sync=True)
    _noun = "capture"

    def __init__(self, widget: Any, fps: float = 30, *, autostart: bool = True) -> None:
        if not isinstance(widget, ipywidgets.DOMWidget):
            raise TypeError(f"a widget that can be displayed is captured, not {type(widget).__name__}")
        self._model = widget.model_id
        self._fps = checked_fps(fps)
        super().__init__(["video"], autostart=autostart, label="capture")

    def _wish(self, client: str) -> dict[str, Any]:
        return {"source": "element", "video": True, "model": self._model, "fps": self._fps}
