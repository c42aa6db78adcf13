"""What a page captures, in the kernel: which page, since when, and what has become of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import traitlets

from ..checks import flag
from ..errors import CaptureError, CaptureTimeout, InvalidStateError, capture_error
from ..link.messages import Message
from ..link.session import Plan
from ..media.relay import RelayTrack
from ..media.stream import MediaStream
from ..media.track import Kind, Track
from .base import LiveWidget
from .reading import Reading

State = Literal["idle", "starting", "live", "stopped", "error", "closed"]


class CaptureWidget(Reading, LiveWidget):
    """Media of a page, previewed inline and read in the kernel.

    Parameters
    ----------
    kinds : iterable of {"video", "audio"}
        What there are tracks of, from construction to `close`.
    autostart : bool
        Whether being shown from a cell that is run turns it on.
    """

    #: What it is called in a sentence, and what a stopped one says.
    _noun = "capture"
    _off = "the capture is off: press Start under the picture, or call start()"
    _asking = "the page is asked for it"

    #: ``"idle"``, ``"starting"``, ``"live"``, ``"stopped"``, ``"error"`` or ``"closed"``.
    state = traitlets.Unicode("idle").tag(sync=True)
    #: What went wrong, in a sentence.
    error = traitlets.Unicode("").tag(sync=True)
    #: By kind, MediaTrackSettings as in browsers.
    settings = traitlets.Dict()

    def __init__(self, kinds: Iterable[Kind], *, autostart: bool, **traits: Any) -> None:
        self._autostart = flag("autostart", autostart)
        self._lock = threading.RLock()
        # One start for being shown: the first page that shows it gets it, a reloaded page does not.
        self._ticket = autostart
        self._owner: str | None = None
        self._last_owner: str | None = None
        #: The page that gave it when it was lost, until it comes back or somebody decides otherwise.
        self._lost: str | None = None
        self._media: dict[tuple[str, Kind], Track[Any]] = {}
        self._capture_error: CaptureError | None = None
        #: What the page waits for while it is starting, in its words.
        self._waits_for = ""
        self._told: dict[str, Any] = {"state": "idle", "error": ""}
        self._changed: set[Callable[[], None]] = set()
        tracks = {kind: self._make_track(kind) for kind in kinds}
        self._video, self._audio = tracks.get("video"), tracks.get("audio")
        self.stream = MediaStream(track for track in (self._video, self._audio) if track is not None)
        for track in self.stream.get_tracks():
            track.on("error", lambda error, key=track.id: self._pages.notice(key, *_told(error)))
            # Other pages say whether there is a picture, and why not.
            track.on("mute", lambda: self._pages.replan())
            track.on("unmute", lambda: self._pages.replan())
            track._stopped = self._track_stopped
        super().__init__(**traits)

    def _make_track(self, kind: Kind) -> RelayTrack[Any]:
        track: RelayTrack[Any] = RelayTrack(kind, label=self._track_label(kind), follows_end=False)
        track._told_why_silent = self._why_silent
        track._told_in_vain = self._reading_in_vain
        return track

    def _track_label(self, kind: Kind) -> str:
        return self._noun

    @property
    def video(self) -> Track[Any] | None:
        """The video track, or None if it was not asked for."""
        return self._video

    @property
    def audio(self) -> Track[Any] | None:
        """The audio track, or None if it was not asked for."""
        return self._audio

    def _track_stopped(self) -> None:
        """A user has stopped one of the tracks: with the last one it goes off (Media Capture §4.3.1)."""
        if not any(track._is_wanted for track in self.stream.get_tracks()):
            self.stop()

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
                raise InvalidStateError(f"the {self._noun} was closed: make a new {type(self).__name__}")
            if not any(track.ready_state == "live" for track in self.stream.get_tracks()):
                raise InvalidStateError(f"its tracks were stopped, for good: make a new {type(self).__name__}")
            client = self._page_to_start()
            self._ticket = not self._pages.seen
            if client is not None:
                self._command_start(client)
            elif self._pages.seen:
                self._tell(error=f"several pages show this {self._noun}: press Start in the one that is to give it")
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
        """Return what a page is asked for, as `CaptureWish` in the page's script has it."""
        raise NotImplementedError

    def _command_start(self, client: str) -> None:
        self._set_owner(client)
        self._capture_error = None
        self._waits_for = ""
        self._tell(state="starting", error="")
        self._pages.post({"type": "capture", "command": "start", "wish": self._wish(client)}, client)

    def _set_owner(self, client: str | None) -> None:
        previous, self._owner = self._owner, client
        self._lost = None
        self._last_owner = client or self._last_owner
        if previous == client:
            return
        if previous is not None and client is not None:
            self._pages.post({"type": "capture", "command": "stop", "wish": {}}, previous)
        self._pages.replan()

    def _release(self, state: State, error: str = "") -> None:
        """Nobody captures any more."""
        # Told first: the tracks that fall silent say why.
        self._tell(state=state, error=error)
        self._plug({})
        self._set_owner(None)

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
        # Other threads do so, too, and observers are slow: what is set last is what is true then.
        for name in tuple(self._told):
            value = self._told[name]
            self._tell_trait(name, value)
            while (newer := self._told[name]) != value:
                value = newer
                self._tell_trait(name, value)

    # -- the pages, on the engine's thread ------------------------------------------------------------------------

    def _plan(self, client: str) -> Plan:
        """Return what a page may capture or, where another page captures, play."""
        with self._lock:
            owns = self._owner is not None and client == self._owner
            viewer = self._owner is not None and not owns
            tracks = {track.id: track for track in self.stream.get_tracks()} if viewer else {}
            return Plan(tracks, [{"title": "", "slots": list(tracks)}], None if viewer else self._wish(client), owns)

    def _page_hello(self, client: str, hello: Message) -> None:
        """A page shows it: the first one after a cell was run turns it on, and one that was lost goes on."""
        super()._page_hello(client, hello)
        with self._lock:
            resumes = self._lost is not None and hello.get("resumes") == self._lost
            if (self._ticket or resumes) and self._owner is None:
                self._ticket = False
                self._command_start(client)

    def _page_media(self, client: str, kind: Kind, track: Track[Any]) -> None:
        """What a page captures can be read."""
        with self._lock:
            self._media[client, kind] = track
            self._plug_owner()

    def _plug_owner(self) -> None:
        if self._owner is not None and self._told["state"] == "live":
            self._plug({kind: track for (client, kind), track in self._media.items() if client == self._owner})

    def _page_state(self, client: str, state: str) -> None:
        """A page is connected or gone: with its page, the capture is off."""
        super()._page_state(client, state)
        with self._lock:
            if state == "gone":
                for key in [key for key in self._media if key[0] == client]:
                    del self._media[key]
                if client == self._owner:
                    self._release("stopped")
                    self._lost = client

    def _page_message(self, client: str, message: Message) -> None:
        """A page says what its capture is doing."""
        super()._page_message(client, message)
        if message["type"] != "capture":
            return
        with self._lock:
            state = message["state"]
            self._heard(client, message)
            if state == "starting" and message["by"] == "page":
                self._ticket = False
                self._capture_error = None
                self._set_owner(client)
                self._tell(state="starting", error="")
            if client == self._owner:
                self._captured(client, state, message)

    def _captured(self, client: str, state: str, message: Message) -> None:
        if state == "live":
            self._tell(
                state="live", error="", settings=dict(message.get("settings") or {}), **self._learnt(client, message)
            )
            self._plug_owner()
            self._went_live(client, message)
        elif state == "starting":
            self._waits_for = str(message.get("why") or "")[:500]
            if self._told["state"] == "live":  # nothing comes any more, and it is on
                self._tell(state="starting")
                self._plug({})
        elif state == "error":
            error = message.get("error") or {}
            self._capture_error = self._capture_failed(str(error.get("name")), str(error.get("message")))
            self._release("error", str(self._capture_error))
        elif state == "stopped" and message["by"] == "page":  # by the kernel: the echo of a command, released then
            self._release("stopped")

    def _heard(self, client: str, message: Message) -> None:
        """Take from a page's word what only some kinds have."""

    def _learnt(self, client: str, message: Message) -> dict[str, Any]:
        """Return what a page that is live tells beside its settings, as traits."""
        return {}

    def _went_live(self, client: str, message: Message) -> None:
        """See whether it is what was asked for."""

    def _capture_failed(self, name: str, message: str) -> CaptureError:
        return capture_error(name, message, advise=False)

    # -- reading --------------------------------------------------------------------------------------------------

    def _why_silent(self) -> str:
        state = self._told["state"]
        if state == "error":
            return str(self._told["error"])
        if not self._pages.seen:
            return self._shown.why_not()
        if state in ("idle", "stopped"):
            return self._off
        if state == "starting":
            return self._waits_for or self._asking
        return self._why_not_connected()

    def _reading_in_vain(self, blocking: bool, waited: float) -> Exception | None:
        error = self._capture_error
        if error is not None and self._told["state"] == "error":
            return CaptureTimeout(str(error), name=error.name)
        return self._in_vain(blocking, waited)

    def _readable(self) -> Track[Any]:
        if self._video is None:
            raise InvalidStateError(f"this {self._noun} captures no video: read .audio, or ask for video=True")
        return self._video

    @property
    def stats(self) -> dict[str, Any]:
        """What the first track says, and the link's ``transport`` and ``round_trip``."""
        tracks = self.stream.get_tracks()
        return {**tracks[0].stats, **super().stats}


def _told(error: BaseException) -> tuple[str]:
    return (f"{type(error).__name__}: {error}",)
