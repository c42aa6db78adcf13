"""Camera: the browser's camera, with its microphone if wanted, in the kernel."""

from __future__ import annotations

from typing import Any, Literal

import traitlets

from ..checks import flag, string, whole
from ..media.sources import checked_fps, checked_size
from .constraints import Constraints, checked_constraints
from .devices import DeviceWidget


class Camera(DeviceWidget):
    """The browser's camera, previewed inline and read in the kernel.

    It is turned on by being displayed from a cell that is run, or by `start`; never by a reload of the page. It goes
    off with the widget, its cell's next run, its page, or the kernel.

    Parameters
    ----------
    video, audio : bool or dict
        Whether to capture; a dict gives MediaTrackConstraints as in browsers.
    device : str, optional
        The camera's label, a part of it, or its deviceId.
    size : (width, height), optional
        In pixels; what the device can do that comes closest. By default 640 x 480.
    width, height : int, optional
        The same, one by one. The size of the preview in the page is set with `layout`.
    fps : float, optional
        Pictures a second, likewise. By default 30.
    facing : {"user", "environment"}, optional
        The front or the back camera.
    mirror : bool
        Show oneself as a mirror would. What is read and sent is not mirrored.
    autostart : bool
        False: only `start` or the button turns it on.

    Raises
    ------
    TypeError, ValueError
        When an argument is none of these, a constraint is unknown to browsers, or there is nothing to capture.

    Attributes
    ----------
    stream : MediaStream
        Of `video` and `audio`.
    video, audio : Track or None
        The same objects from construction to `close`, through stops, starts and other devices; muted meanwhile.
    """

    _player = traitlets.Unicode("camera").tag(sync=True)
    _noun = "camera"
    _off = "the camera is off: press Start under the picture, or call start()"
    _asking = "the browser is asking for permission: allow the camera in the page"

    def __init__(
        self,
        video: Constraints = True,
        audio: Constraints = False,
        *,
        device: str | None = None,
        size: tuple[int, int] | None = None,
        width: int | None = None,
        height: int | None = None,
        fps: float | None = None,
        facing: Literal["user", "environment"] | None = None,
        mirror: bool = False,
        autostart: bool = True,
    ) -> None:
        video, audio = checked_constraints("video", video), checked_constraints("audio", audio)
        if not video and not audio:
            raise ValueError("nothing to capture: video=True or audio=True is needed")
        if facing is not None and string("facing", facing) not in ("user", "environment"):
            raise ValueError(f"facing is 'user' or 'environment', not {facing!r}")
        self._size = _checked_ideal(size, width, height)
        self._fps = None if fps is None else checked_fps(fps)
        self._facing = facing
        super().__init__(
            {"video": video, "audio": audio},
            device=device,
            autostart=autostart,
            mirror=flag("mirror", mirror),
            label="camera" if video else "microphone",
        )

    def _wish(self, client: str) -> dict[str, Any]:
        wish = super()._wish(client)
        if "video" in wish:
            wish["video"] = {
                **{name: {"ideal": pixels} for name, pixels in self._size.items()},
                "frameRate": {"ideal": self._fps or 30},
                **({"facingMode": self._facing} if self._facing else {}),
                **wish["video"],
            }
        return wish


def _checked_ideal(size: Any, width: Any, height: Any) -> dict[str, int]:
    """Return what is asked for of width and height; where one is given the device chooses the other."""
    given = {name: pixels for name, pixels in (("width", width), ("height", height)) if pixels is not None}
    if size is not None and given:
        raise ValueError(f"size={size!r} says it all: leave out {' and '.join(given)}")
    if given:
        for name, pixels in given.items():
            if whole(name, pixels) < 1:
                raise ValueError(f"{name} is in pixels, 1 or more, not {pixels!r}")
        return {name: whole(name, pixels) for name, pixels in given.items()}
    return dict(zip(("width", "height"), (640, 480) if size is None else checked_size(size), strict=True))
