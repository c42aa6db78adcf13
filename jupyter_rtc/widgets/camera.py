"""Camera: the browser's camera and microphone, in the kernel."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy.typing as npt
import traitlets
from IPython.display import display

from ..errors import CaptureError, CaptureTimeout, InvalidStateError, capture_error
from ..link.messages import Message
from ..link.session import Plan
from ..media.frames import Picture
from ..media.relay import RelayTrack
from ..media.sources import checked_size
from ..media.stream import MediaStream
from ..media.track import Kind, Track
from .base import LiveWidget
from .constraints import find_device, is_device, plain_constraints

logger = logging.getLogger(__name__)

Constraints = bool | Mapping[str, Any]
State = Literal["idle", "starting", "live", "stopped", "error", "closed"]

_OFF = "the camera is off: press Start under the picture, or call start()"


class Camera(LiveWidget):
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
    fps : float, optional
        Pictures a second, likewise. By default 30.
    facing : {"user", "environment"}, optional
        The front or the back camera.
    autostart : bool
        False: only `start` or the button turns it on.

    Attributes
    ----------
    stream : MediaStream
        Of `video` and `audio`.
    video, audio : Track or None
        The same objects from construction to `close`, through stops, starts and other devices; muted meanwhile.
    """

    _player = traitlets.Unicode("camera").tag(sync=True)
    #: ``"idle"``, ``"starting"``, ``"live"``, ``"stopped"``, ``"error"`` or ``"closed"``.
    state = traitlets.Unicode("idle").tag(sync=True)
    #: What went wrong, in a sentence.
    error = traitlets.Unicode("").tag(sync=True)
    #: Dicts with ``deviceId``, ``kind`` and ``label``; known once the permission was given.
    devices: traitlets.List[dict[str, Any]] = traitlets.List()
    #: The deviceId in use; may be set to another's id, label, or part of the label, also while live.
    device = traitlets.Unicode("")
    #: By kind, MediaTrackSettings as in browsers.
    settings = traitlets.Dict()

    def __init__(
        self,
        video: Constraints = True,
        audio: Constraints = False,
        *,
        device: str | None = None,
        size: tuple[int, int] | None = None,
        fps: float | None = None,
        facing: Literal["user", "environment"] | None = None,
        autostart: bool = True,
    ) -> None:
        if not video and not audio:
            raise ValueError("nothing to capture: video=True or audio=True is needed")
        if fps is not None and not 0 < float(fps) <= 240:
            raise ValueError(f"fps is in pictures a second, at most 240, not {fps!r}")
        if facing not in (None, "user", "environment"):
            raise ValueError(f"facing is 'user' or 'environment', not {facing!r}")
        if device is not None and not isinstance(device, str):
            raise TypeError(f"device is a label, a part of one, or a deviceId, not {type(device).__name__}")
        self._constraints = {"video": plain_constraints(video), "audio": plain_constraints(audio)}
        self._size, self._fps, self._facing = checked_size(size), None if fps is None else float(fps), facing
        self._autostart = autostart
        self._lock = threading.RLock()
        # One start for being shown: the first page that shows it gets it, a reloaded page does not.
        self._ticket = autostart
        self._owner: str | None = None
        self._last_owner: str | None = None
        # What the user has chosen, by any name. A deviceId means nothing to another browser: each page has its list.
        self._wanted_device = device or ""
        self._page_devices: dict[str, list[Message]] = {}
        self._media: dict[tuple[str, Kind], Track[Any]] = {}
        self._capture_error: CaptureError | None = None
        self._told: dict[str, Any] = {"state": "idle", "error": "", "device": device or ""}
        self._changed: set[Callable[[], None]] = set()
        self._video = self._make_track("video") if video else None
        self._audio = self._make_track("audio") if audio else None
        self.stream = MediaStream(track for track in (self._video, self._audio) if track is not None)
        for track in self.stream.get_tracks():
            track.on("error", lambda error, key=track.id: self._pages.notice(key, *_told(error)))
            track._stopped = self._track_stopped
        super().__init__(label="camera" if video else "microphone", device=device or "")
        self.observe(self._device_set, "device")

    def _make_track(self, kind: Kind) -> RelayTrack[Any]:
        track: RelayTrack[Any] = RelayTrack(
            kind, label="camera" if kind == "video" else "microphone", follows_end=False
        )
        track.why_silent = self._why_silent
        track.in_vain = self._reading_in_vain
        return track

    @property
    def video(self) -> Track[Any] | None:
        """The camera's track, or None if it was not asked for."""
        return self._video

    @property
    def audio(self) -> Track[Any] | None:
        """The microphone's track, or None if it was not asked for."""
        return self._audio

    def _track_stopped(self) -> None:
        """A user has stopped one of the tracks: with its last track a device goes off (Media Capture §4.3.1)."""
        live = {track.kind for track in (self._video, self._audio) if track is not None and track._is_wanted}
        with self._lock:
            client, state = self._owner, self._told["state"]
            for kind in set(self._constraints) - live:
                self._constraints[kind] = False
            again = client is not None and state in ("live", "starting") and live
            if again and client is not None:
                self._command_start(client)
        if not live:
            self.stop()

    @property
    def _main_kind(self) -> Kind:
        """The kind whose device is chosen."""
        return "audio" if self._video is None else "video"

    # -- on and off -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Turn it on: at once where a page shows it, else as soon as one does.

        Raises
        ------
        InvalidStateError
            When it was closed.
        """
        with self._lock:
            if self._told["state"] == "closed":
                raise InvalidStateError("the camera was closed: make a new Camera")
            if not any(track.ready_state == "live" for track in self.stream.get_tracks()):
                raise InvalidStateError("the camera's tracks were stopped, for good: make a new Camera")
            client = self._page_to_start()
            self._ticket = not self._pages.seen
            if client is not None:
                self._command_start(client)
            elif self._pages.seen:
                self._tell(error="several pages show this camera: press Start in the one that is to give the picture")
        self._set_traits()

    def _page_to_start(self) -> str | None:
        """Return the page whose camera is meant: the one that has or had it, else the only one."""
        clients = self._pages.clients
        for client in (self._owner, self._last_owner):
            if client in clients:
                return client
        return clients[0] if len(clients) == 1 else None

    def stop(self) -> None:
        """Turn it off. Its tracks are muted and stay."""
        with self._lock:
            if self._told["state"] == "closed":
                return
            self._ticket = False
            self._pages.post({"type": "capture", "command": "stop", "wish": {}}, self._owner)
            self._release("stopped")
        self._set_traits()

    def close(self) -> None:
        """Turn it off and end its tracks. May be called twice."""
        if self._is_closed:
            super().close()
            return
        with self._lock:
            self._ticket = False
            self._pages.post({"type": "capture", "command": "stop", "wish": {}})
            self._release("closed")
        for track in self.stream.get_tracks():
            track._end(event=True)
        self._set_traits()
        super().close()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        with self._lock:
            wanted = self._autostart and self._told["state"] not in ("live", "starting", "closed")
            wanted = wanted and any(track.ready_state == "live" for track in self.stream.get_tracks())
        if wanted:
            self.start()
        return super()._repr_mimebundle_(**kwargs)

    def _wish(self, client: str) -> dict[str, Any]:
        """Return the constraints for a page's getUserMedia."""
        wish: dict[str, Any] = {}
        for kind, constraints in self._constraints.items():
            if constraints:
                wish[kind] = dict(constraints) if isinstance(constraints, Mapping) else {}
        if "video" in wish:
            width, height = self._size or (640, 480)
            wish["video"] = {
                "width": {"ideal": width},
                "height": {"ideal": height},
                "frameRate": {"ideal": self._fps or 30},
                **({"facingMode": self._facing} if self._facing else {}),
                **wish["video"],
            }
        device = self._device_of(client)
        if device is not None:
            wish[self._main_kind]["deviceId"] = {"exact": device}
        return wish

    def _device_of(self, client: str) -> str | None:
        """Return the wanted device's id in a page, if that page knows it."""
        return find_device(self._page_devices.get(client, []), self._main_kind, self._wanted_device)

    def _device_set(self, change: Any) -> None:
        """Switch over, where the user has set `device`."""
        client, name = self._owner, change["new"]
        if name == self._told["device"]:
            return  # that was us
        if self.state == "live" and client is not None:
            devices = [d for d in self._page_devices.get(client, []) if d["kind"] == self._main_kind]
            if find_device(devices, self._main_kind, name) is None:
                self._tell(error=f"there is no device {name!r}: see the camera's devices")
                return
            self._wanted_device = name
            self._command_start(client)
        else:
            self._wanted_device = self._told["device"] = name

    def _command_start(self, client: str) -> None:
        self._set_owner(client)
        self._capture_error = None
        self._tell(state="starting", error="")
        self._pages.post({"type": "capture", "command": "start", "wish": self._wish(client)}, client)

    def _set_owner(self, client: str | None) -> None:
        previous, self._owner = self._owner, client
        self._last_owner = client or self._last_owner
        if previous == client:
            return
        if previous is not None and client is not None:
            self._pages.post({"type": "capture", "command": "stop", "wish": {}}, previous)
        self._pages.replan()

    def _release(self, state: State) -> None:
        """Nobody captures any more."""
        self._plug({})
        self._set_owner(None)
        self._tell(state=state)

    def _plug(self, media: Mapping[Kind, Track[Any]]) -> None:
        for track in (self._video, self._audio):
            if track is not None:
                track._plug(media.get(track.kind))

    def _tell(self, **traits: Any) -> None:
        """Set traits soon, on a thread where observers, which are user code, block nothing."""
        if self._told["state"] == "closed":
            return
        self._told.update(traits)
        self._serial.submit(self._set_traits)
        for changed in tuple(self._changed):
            changed()

    def _set_traits(self) -> None:
        for name, value in dict(self._told).items():
            try:
                setattr(self, name, value)
            except Exception:  # an observer's: the camera is not to stay on for it
                logger.exception("an observer of %s raised", name)

    # -- the pages, on the engine's thread ------------------------------------------------------------------------

    def plan(self, client: str) -> Plan:
        """Return what a page may capture or, where another page captures, play."""
        with self._lock:
            viewer = self._owner is not None and client != self._owner
            tracks = {track.id: track for track in self.stream.get_tracks()} if viewer else {}
            return Plan(tracks, [{"title": "", "slots": list(tracks)}], None if viewer else self._wish(client))

    def page_hello(self, client: str) -> None:
        """A page shows the camera: the first one after a cell was run turns it on."""
        super().page_hello(client)
        with self._lock:
            if self._ticket and self._owner is None:
                self._ticket = False
                self._command_start(client)

    def page_media(self, client: str, kind: Kind, track: Track[Any]) -> None:
        """A page's camera can be read."""
        with self._lock:
            self._media[client, kind] = track
            self._plug_owner()

    def _plug_owner(self) -> None:
        if self._owner is not None and self._told["state"] == "live":
            self._plug({kind: track for (client, kind), track in self._media.items() if client == self._owner})

    def page_state(self, client: str, state: str) -> None:
        """A page is connected or gone: with its page, the camera is off."""
        super().page_state(client, state)
        with self._lock:
            if state == "gone":
                self._page_devices.pop(client, None)
                for key in [key for key in self._media if key[0] == client]:
                    del self._media[key]
                if client == self._owner:
                    self._release("stopped")

    def page_message(self, client: str, message: Message) -> None:
        """A page says what its camera is doing."""
        super().page_message(client, message)
        if message["type"] != "capture":
            return
        with self._lock:
            state = message["state"]
            devices = [d for d in message.get("devices") or [] if is_device(d)]
            if devices:
                self._page_devices[client] = devices
                self._tell(devices=devices)
            if state == "starting" and message["by"] == "page":
                self._ticket = False
                self._capture_error = None
                self._set_owner(client)
                self._tell(state="starting", error="")
            elif client == self._owner:
                self._captured(client, state, message)

    def _captured(self, client: str, state: str, message: Message) -> None:
        if state == "live":
            device = str(message.get("device") or "")
            if message["by"] == "page":
                labels = {d["deviceId"]: d["label"] for d in self._page_devices.get(client, [])}
                self._wanted_device = labels.get(device) or device
            self._tell(
                state="live",
                error="",
                settings=dict(message.get("settings") or {}),
                device=device,
            )
            self._plug_owner()
            if self._wanted_device and self._device_of(client) is None:
                self._tell(error=f"there is no device {self._wanted_device!r}: see the camera's devices")
            elif self._device_of(client) not in (None, device):
                # It could be looked up by its label only now, with the permission.
                self._command_start(client)
        elif state == "error":
            error = message.get("error") or {}
            self._capture_error = capture_error(str(error.get("name")), str(error.get("message")))
            self._release("error")
            self._tell(error=str(self._capture_error))
        elif state == "stopped" and message["by"] == "page":  # by the kernel: the echo of a command, released then
            self._release("stopped")

    # -- reading --------------------------------------------------------------------------------------------------

    def _why_silent(self) -> str:
        state = self._told["state"]
        if state == "error":
            return str(self._told["error"])
        if not self._pages.seen:
            return self._why_not_seen()
        if state in ("idle", "stopped"):
            return _OFF
        if state == "starting":
            return "the browser is asking for permission: allow the camera in the page"
        return self._why_not_connected()

    def _reading_in_vain(self, blocking: bool, waited: float) -> Exception | None:
        error = self._capture_error
        if error is not None and self._told["state"] == "error":
            return CaptureTimeout(str(error), name=error.name)
        return self._in_vain(blocking, waited)

    def _readable(self) -> Track[Picture]:
        if self._video is None:
            raise InvalidStateError("this camera captures no video: read .audio, or use Camera(video=True)")
        return self._video

    def read(self, timeout: float = 10.0) -> npt.NDArray[Any]:
        """Wait for a picture newer than the last one read; see `Track.read`."""
        return self._readable().read(timeout=timeout)

    def latest(self) -> npt.NDArray[Any] | None:
        """Return the newest picture or None, at once; see `Track.latest`."""
        return self._readable().latest()

    def frames(self, **options: Any) -> Any:
        """Iterate over the pictures; see `Track.frames`."""
        return self._readable().frames(**options)

    def on_frame(self, callback: Callable[[npt.NDArray[Any]], Any]) -> Callable[[], None]:
        """Call `callback` for each picture; see `Track.on_frame`."""
        return self._readable().on_frame(callback)

    def map(self, function: Callable[[npt.NDArray[Any]], Any]) -> Track[Picture]:
        """Return a track of `function` of each picture; see `Track.map`."""
        return self._readable().map(function)

    @property
    def stats(self) -> dict[str, Any]:
        """What the track says, and the link's ``transport`` and ``round_trip``."""
        tracks = self.stream.get_tracks()
        return {**tracks[0].stats, **super().stats}

    async def _live(self) -> None:
        """Wait until it is live.

        Raises
        ------
        CaptureError
            When the browser gives no camera.
        ConnectTimeout
            When no page can be reached while this cell runs.
        """
        began = time.monotonic()
        loop = asyncio.get_running_loop()
        event = asyncio.Event()

        def changed() -> None:
            loop.call_soon_threadsafe(event.set)

        self._changed.add(changed)
        try:
            while self._told["state"] != "live":
                if self._capture_error is not None:
                    raise self._capture_error
                if self._told["state"] in ("closed", "stopped"):
                    raise CaptureError("the camera was turned off before it was on", name="AbortError")
                vain = self._in_vain(False, time.monotonic() - began)
                if vain is not None:
                    raise vain
                try:
                    async with asyncio.timeout(0.25):
                        await event.wait()
                except TimeoutError:
                    continue
                event.clear()
        finally:
            self._changed.discard(changed)


def _told(error: BaseException) -> tuple[str]:
    return (f"{type(error).__name__}: {error}",)


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
