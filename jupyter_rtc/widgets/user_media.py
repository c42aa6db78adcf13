"""getUserMedia as in browsers: a camera, a consent, a stream."""

from __future__ import annotations

from IPython.display import display

from ..errors import CaptureError
from ..media.stream import MediaStream
from .camera import Camera
from .constraints import Constraints


async def get_user_media(*, audio: Constraints = False, video: Constraints = False) -> MediaStream:
    """Show a `Camera`, wait until the user has allowed it, and return its stream.

    MediaDevices.getUserMedia, Media Capture and Streams §9.2.

    Parameters
    ----------
    audio, video : bool or dict
        What to capture; a dict gives MediaTrackConstraints as in browsers.

    Raises
    ------
    TypeError
        When neither is asked for.
    CaptureError
        One of its kinds, when the browser gives none, with what to do.
    ConnectTimeout
        At once, where the kernel cannot talk to the page while this cell runs.
    """
    if not audio and not video:
        raise TypeError("get_user_media needs audio=True or video=True")
    camera = Camera(video=video, audio=audio)
    display(camera)  # type: ignore[no-untyped-call]
    try:
        await camera._live()
    except CaptureError:  # it is off already, and its widget says why
        raise
    except BaseException:
        camera.stop()
        raise
    return camera.stream
