"""getUserMedia as in browsers: a camera, a consent, a stream."""

from __future__ import annotations

import asyncio
import time

from IPython.display import display

from ..errors import CaptureError
from ..media.stream import MediaStream
from .camera import Camera
from .capturing import CaptureWidget
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
    TypeError, ValueError
        When neither is asked for, or a constraint is unknown to browsers.
    CaptureError
        One of its kinds, when the browser gives none, with what to do.
    ConnectTimeout
        At once, where the kernel cannot talk to the page while this cell runs; within 30 s, where no page answers.
    """
    if not audio and not video:
        raise TypeError("get_user_media needs audio=True or video=True")
    camera = Camera(video=video, audio=audio)
    display(camera)  # type: ignore[no-untyped-call]
    try:
        await _until_live(camera)
    except CaptureError:  # it is off already, and its widget says why
        raise
    except BaseException:
        camera.stop()
        raise
    return camera.stream


async def _until_live(capture: CaptureWidget) -> None:
    """Wait until it is live.

    Raises
    ------
    CaptureError
        When the browser gives nothing.
    ConnectTimeout
        When no page can be reached while this cell runs.
    """
    began = time.monotonic()
    loop = asyncio.get_running_loop()
    event = asyncio.Event()

    def changed() -> None:
        loop.call_soon_threadsafe(event.set)

    capture._changed.add(changed)
    try:
        while capture._told["state"] != "live":
            if capture._capture_error is not None:
                raise capture._capture_error
            if capture._told["state"] in ("closed", "stopped"):
                raise CaptureError(f"the {capture._noun} was turned off before it was on", name="AbortError")
            vain = capture._in_vain(False, time.monotonic() - began)
            if vain is not None:
                raise vain
            try:
                async with asyncio.timeout(0.25):
                    await event.wait()
            except TimeoutError:
                continue
            event.clear()
    finally:
        capture._changed.discard(changed)
