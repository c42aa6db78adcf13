"""Screen: a screen, a window or a tab of the browser's machine, in the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from ..media.sources import checked_fps
from .capturing import CaptureWidget
from .constraints import Constraints, checked_constraints


class Screen(CaptureWidget):
    """What a person chooses to share: a screen, a window or a tab.

    Browsers want a click each time, so it is displayed with a share button; `start` brings up the request for that
    click. It ends with `stop`, the button, or the browser's own "Stop sharing".

    Parameters
    ----------
    audio : bool or dict
        Whether to ask for its sound, too; not every browser, nor every system, gives any. A dict gives
        MediaTrackConstraints as in browsers.
    fps : float, optional
        Pictures a second, at most; the browser's choice without it. What stands still gives fewer.

    Raises
    ------
    TypeError, ValueError
        When `audio` is none of these, a constraint is unknown to browsers, or `fps` no number above 0 and at most 240.

    Attributes
    ----------
    stream : MediaStream
        Of `video` and `audio`.
    video, audio : Track or None
        The same objects from construction to `close`; muted while nothing is shared.
    """

    _player = traitlets.Unicode("screen").tag(sync=True)
    _noun = "screen"
    _off = "the screen is not shared: press Share under the picture"
    _asking = "browsers share a screen after a click only: press Share in the page, and choose what is to be seen"

    def __init__(self, audio: Constraints = False, *, fps: float | None = None) -> None:
        self._fps = None if fps is None else checked_fps(fps)
        self._sound = checked_constraints("audio", audio)
        super().__init__(["video", "audio"] if audio else ["video"], autostart=False, label="screen")

    def _wish(self, client: str) -> dict[str, Any]:
        sound = dict(self._sound) if isinstance(self._sound, Mapping) else bool(self._sound)
        video: Any = True if self._fps is None else {"frameRate": {"max": self._fps}}
        return {"source": "screen", "video": video, **({"audio": sound} if self._sound else {})}
