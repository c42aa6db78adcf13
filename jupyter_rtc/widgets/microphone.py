"""Microphone: the browser's microphone, in the kernel."""

from __future__ import annotations

from typing import Any

import traitlets

from ..media.track import Track
from .constraints import Constraints, checked_constraints
from .devices import DeviceWidget


class Microphone(DeviceWidget):
    """The browser's microphone, read in the kernel; as `Camera`, and read as sound.

    Parameters
    ----------
    audio : True or dict
        A dict gives MediaTrackConstraints as in browsers, e.g. ``{"echoCancellation": False}``.
    device : str, optional
        The microphone's label, a part of it, or its deviceId.
    autostart : bool
        False: only `start` or the button turns it on.

    Raises
    ------
    TypeError, ValueError
        When an argument is none of these, a constraint is unknown to browsers, or there is nothing to capture.

    Attributes
    ----------
    stream : MediaStream
        Of `audio`.
    audio : Track
        The same object from construction to `close`, through stops, starts and other devices; muted meanwhile.
    video : None
    """

    _player = traitlets.Unicode("microphone").tag(sync=True)
    _noun = "microphone"
    _off = "the microphone is off: press Start beside it, or call start()"
    _asking = "the browser is asking for permission: allow the microphone in the page"

    def __init__(self, audio: Constraints = True, *, device: str | None = None, autostart: bool = True) -> None:
        audio = checked_constraints("audio", audio)
        if not audio and not isinstance(audio, dict):
            raise ValueError("nothing to capture: audio is True, or a dict of constraints")
        super().__init__({"audio": audio or True}, device=device, autostart=autostart, label="microphone")

    def _readable(self) -> Track[Any]:
        assert self._audio is not None
        return self._audio
