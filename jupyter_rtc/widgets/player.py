"""Video and Audio: tracks played inline."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import traitlets
from IPython.display import Image

from ..checks import flag
from ..engine.foreign import as_track, is_foreign
from ..link.session import Plan
from ..media.events import describe
from ..media.frames import to_png
from ..media.stream import MediaStream
from ..media.track import Kind, Track
from .base import LiveWidget
from .letting_go import Weakly
from .still import small_png, still_of

Source = Any


class _Player(LiveWidget):
    """Plays what its source gives, and follows a stream whose tracks change."""

    _kinds: tuple[Kind, ...] = ("video", "audio")

    def __init__(self, source: Source, **traits: Any) -> None:
        self._stream = _stream_of(source)
        self._snapshot: bytes | None = None
        self._watched: dict[str, list[Callable[[], None]]] = {}
        tracks = self._tracks().values()
        if not tracks and not isinstance(source, MediaStream):
            raise ValueError(f"nothing to play: the source has no {' or '.join(self._kinds)} track")
        label = ", ".join(dict.fromkeys(track.label for track in tracks if track.label))
        super().__init__(label=label or self._kinds[0], **traits)
        self._following = Weakly(self._follow)
        self._stream._followers.add(self._following)
        self._watch()

    def _tracks(self) -> dict[str, Track[Any]]:
        chosen: dict[str, Track[Any]] = {}
        for track in self._stream.get_tracks():
            if track.kind in self._kinds:
                chosen.setdefault(track.kind, track)
        return {track.id: track for track in chosen.values()}

    def _watch(self) -> None:
        for slot, track in self._tracks().items():
            if slot not in self._watched:
                self._watched[slot] = [
                    track.on("error", partial(Weakly(self._tell), slot)),
                    *(track.on(event, Weakly(self._replan)) for event in ("mute", "unmute", "ended")),
                ]
                if track.error is not None:
                    self._tell(slot, track.error)

    def _follow(self) -> None:
        self._watch()
        self._replan()

    def _replan(self) -> None:
        self._pages.replan()

    def _tell(self, slot: str, error: BaseException) -> None:
        self._pages.notice(slot, f"{type(error).__name__}: {error}", detail=describe(error))

    def _still(self) -> dict[str, Any]:
        png = self._snapshot or still_of(self._tracks().values())
        return super()._still() if png is None else {"image/png": base64.b64encode(png).decode()}

    def _plan(self, client: str) -> Plan:
        """Return the tracks to play."""
        tracks = self._tracks()
        return Plan(tracks, [{"title": "", "slots": list(tracks)}])

    def close(self) -> None:
        """Remove it from all pages. What it played goes on."""
        if not self._is_closed:
            self._stream._followers.discard(self._following)
            for stops in self._watched.values():
                for stop in stops:
                    stop()
            # ipywidgets and anywidget may hold a closed widget for good, which is not to hold its tracks.
            self._stream = MediaStream()
            self._watched.clear()
        super().close()

    @property
    def stats(self) -> dict[str, Any]:
        """What the tracks say, and the link's ``transport`` and ``round_trip``."""
        merged: dict[str, Any] = {}
        for track in self._tracks().values():
            merged = {**track.stats, **merged}
        return {**merged, **super().stats}

    @property
    def _title(self) -> str:
        return "Live sound" if self._player == "audio" else "Live video"


class Video(_Player):
    """Plays video, and the sound that belongs to it, inline.

    Parameters
    ----------
    source : track, MediaStream, Camera, or list of tracks
        jupyter_rtc's tracks or aiortc's.
    controls : bool
        Whether there are buttons.
    muted : bool
        Whether the sound is off to begin with.
    mirror : bool
        Show it as a mirror would.
    width, height : int, optional
        In CSS pixels; by default as large as the picture, at most the cell.
    show_stats : bool
        Show pictures a second, delay, bit rate and drops; also a click away.

    Raises
    ------
    TypeError, ValueError
        When an argument is none of these, or there is nothing to play.
    """

    _player = traitlets.Unicode("video").tag(sync=True)

    def __init__(
        self,
        source: Source,
        *,
        controls: bool = True,
        muted: bool = True,
        mirror: bool = False,
        width: int | None = None,
        height: int | None = None,
        show_stats: bool = False,
    ) -> None:
        super().__init__(
            source,
            controls=flag("controls", controls),
            muted=flag("muted", muted),
            mirror=flag("mirror", mirror),
            width=_pixels("width", width),
            height=_pixels("height", height),
            show_stats=flag("show_stats", show_stats),
        )

    def snapshot(self, timeout: float = 2.0) -> Image:
        """Return the present picture, as an image that is kept in the notebook.

        Where the widget is shown from now on, a saved notebook has this picture in its place, of a camera, too.

        Raises
        ------
        TimeoutError
            When there is no picture within `timeout` seconds, saying why.
        """
        for track in self._tracks().values():
            if track.kind == "video":
                pixels = track.latest()
                pixels = track.read(timeout=timeout) if pixels is None else pixels
                self._snapshot = small_png(pixels)
                return Image(data=to_png(pixels), format="png")  # type: ignore[no-untyped-call]
        raise ValueError("a snapshot needs video: the source has none")


class Audio(_Player):
    """Plays sound inline, with a button to hear it where the browser wants a click first.

    Parameters
    ----------
    source : track, MediaStream, Camera, or list of tracks
        jupyter_rtc's tracks or aiortc's.
    controls, muted : bool
        As those of `Video`.

    Raises
    ------
    TypeError, ValueError
        When an argument is none of these, or there is nothing to play.
    """

    _player = traitlets.Unicode("audio").tag(sync=True)
    _kinds = ("audio",)

    def __init__(self, source: Source, *, controls: bool = True, muted: bool = False) -> None:
        super().__init__(source, controls=flag("controls", controls), muted=flag("muted", muted))


def _pixels(name: str, value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{name} is a number of CSS pixels, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} is a number of CSS pixels above 0, not {value!r}")
    return int(value)


def _stream_of(source: Source) -> MediaStream:
    if isinstance(source, MediaStream):
        return source
    stream = getattr(source, "stream", None)
    if isinstance(stream, MediaStream):
        return stream
    if isinstance(source, Track) or is_foreign(source):
        source = [source]
    if not isinstance(source, (list, tuple)):
        # Functions and iterators, too: what NumpyVideoTrack takes.
        is_numpy = callable(source) or hasattr(source, "__array__") or hasattr(source, "__next__")
        hint = ": make a NumpyVideoTrack of it" if is_numpy else ""
        raise TypeError(
            f"a track, a MediaStream, a Camera or a list of tracks can be played, not {type(source).__name__}{hint}"
        )
    return MediaStream(as_track(track) for track in source)
