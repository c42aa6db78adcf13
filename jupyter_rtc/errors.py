"""The exceptions of jupyter_rtc, one tree.

Each descends from `RtcError` and from the builtin that a user would catch.
"""

from __future__ import annotations

from typing import Any

from . import border


class RtcError(Exception):
    """Any error of jupyter_rtc."""

    def _render_traceback_(self) -> list[str]:
        """Return it as IPython shows it: the user's lines, and the sentence."""
        return border.render(self)


class InvalidStateError(RtcError, RuntimeError):
    """The object is closed, or in the wrong signaling state."""


class InvalidAccessError(RtcError, ValueError):
    """The track is already sent, or the sender belongs to another connection."""


class WrongValueError(RtcError, TypeError, ValueError):
    """A word or a number that the specification does not have: TypeError in browsers, ValueError in Python."""


class OperationError(RtcError, RuntimeError):
    """Negotiation failed, or a reader fell too far behind."""


class SdpError(RtcError, ValueError):
    """A description cannot be parsed or applied. Nothing was changed."""


class NotSupportedError(RtcError, NotImplementedError):
    """The specification allows it, this implementation cannot do it."""


class ConnectTimeout(RtcError, TimeoutError):
    """No connection came about in time.

    Attributes
    ----------
    report : Report or str
        What was tried, in words: ``print(error.report)``.
    """

    def __init__(self, message: str, *, report: Any = "") -> None:
        super().__init__(message)
        self.report = report


class SignalingError(RtcError, ConnectionError):
    """The other side, or the server on the way to it, could not be asked or did not agree.

    Attributes
    ----------
    status : int or None
        The HTTP status, if there was an answer; where Janus refuses, its own code, as 426 for a room that there is not.
    url : str
        Whom it was about, without any secret in it.
    """

    def __init__(self, message: str, *, status: int | None = None, url: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.url = url


class CaptureError(RtcError, OSError):
    """The browser gave no camera, microphone or screen.

    Attributes
    ----------
    name : str
        The browser's DOMException name, e.g. ``"NotAllowedError"``.
    """

    name: str = "AbortError"

    def __init__(self, message: str, *, name: str | None = None) -> None:
        super().__init__(message)
        if name is not None:
            self.name = name


class NotAllowedError(CaptureError, PermissionError):
    """The permission was refused."""

    name = "NotAllowedError"


class NotFoundError(CaptureError):
    """There is no such device."""

    name = "NotFoundError"


class NotReadableError(CaptureError):
    """The device is there but gives nothing: another program may hold it."""

    name = "NotReadableError"


class OverconstrainedError(CaptureError):
    """No device can do what was asked for."""

    name = "OverconstrainedError"


class SecurityError(CaptureError):
    """The page may not use cameras: neither https nor localhost, or forbidden by policy."""

    name = "SecurityError"


class CaptureTimeout(CaptureError, TimeoutError):
    """No picture or sound came, and a failed capture is the reason."""


#: What to do, where the page's own message does not say it.
_ADVICE: dict[type[CaptureError], str] = {
    NotAllowedError: "",
    NotFoundError: ": plug one in, or ask for another with device=...",
    NotReadableError: ": close other programs that use it, then press Start or call start()",
    OverconstrainedError: ": ask for another size, fps or device",
    SecurityError: "",
}


def capture_error(name: str, message: str, *, advise: bool = True) -> CaptureError:
    """Return the exception for a DOMException of getUserMedia, with what to do about it.

    Parameters
    ----------
    name : str
        The DOMException's name.
    message : str
        What the page says about it.
    advise : bool
        Whether to add what helps with a device.
    """
    kind = next((kind for kind in _ADVICE if kind.name == name), CaptureError)
    return kind(f"{message or name}{_ADVICE.get(kind, '') if advise else ''}", name=name)
