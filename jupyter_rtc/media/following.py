"""Following a track from Python: on_frame and map."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy.typing as npt

from .forms import Form, PictureForm, SoundForm
from .frames import SAMPLE_RATE, Format, Item, checked_format
from .reading import ByKind, Readable

if TYPE_CHECKING:
    from .track import Track

if TYPE_CHECKING:
    pass


class Followable(Readable[Item]):
    """The part of a `Track` that calls users' functions for its items."""

    label: str

    def _on_picture(self, callback: Callable[[npt.NDArray[Any]], Any], *, format: Format = "rgb") -> Callable[[], None]:
        """Call `callback(picture)` on a worker thread for each picture, the newest if it is slow.

        The callback may be a coroutine function, which is awaited on a loop of ours. What it prints appears in the
        cell that called `on_frame`. An error is printed there once, and the next item is given all the same.

        Parameters
        ----------
        callback : callable
            Gets an array of its own.
        format : {"rgb", "bgr", "gray"}
            (height, width, 3) RGB, or BGR as OpenCV has it, or (height, width) grey.

        Returns
        -------
        stop : callable
            Ends it. No call begins after it has returned; one under way goes on. May be called by the callback, too.
        """
        return self._call_for_each(callback, PictureForm(format))

    def _on_sound(
        self,
        callback: Callable[[npt.NDArray[Any]], Any],
        *,
        sample_rate: int = SAMPLE_RATE,
        channels: int | None = None,
    ) -> Callable[[], None]:
        """Call `callback(samples)` on a worker thread for each piece of sound, of 20 ms.

        The callback may be a coroutine function, which is awaited on a loop of ours. What it prints appears in the
        cell that called `on_frame`. An error is printed there once, and the next item is given all the same. A callback
        that is more than a second behind loses the oldest.

        Parameters
        ----------
        callback : callable
            Gets an array of its own, (samples, channels).
        sample_rate : int
            In Hz: speech models want 16000. Resampled as by `frames`.
        channels : 1, 2 or None
            1 is the mean of both, 2 gives mono to both; None: as sent.

        Returns
        -------
        stop : callable
            Ends it. No call begins after it has returned; one under way goes on. May be called by the callback, too.
        """
        return self._call_for_each(callback, SoundForm(sample_rate, channels))

    def _call_for_each(self, callback: Callable[[Any], Any], form: Form[Any]) -> Callable[[], None]:
        from .user_code import UserCode, Worker

        if not callable(callback):
            raise TypeError(f"on_frame takes a function of one item, not {type(callback).__name__}")
        track = cast("Track[Item]", self)
        return Worker(track, UserCode(callback, track, f"on_frame {self.label}", form)).stop

    on_frame = ByKind(_on_picture, _on_sound)

    def _map_pictures(self, function: Callable[[npt.NDArray[Any]], Any], *, format: Format = "rgb") -> Track[Item]:
        """Return a track of `function(picture)`, called on a worker thread for each picture while somebody reads it.

        One call at a time, in the order of the items; a slow function loses items and adds no delay. It may be a
        coroutine function, which is awaited on a loop of ours. What it prints appears in the cell that called `map`.

        If it raises, pages and peers get a coarse mosaic of the picture, so that nothing unprocessed is sent, and the
        traceback is shown with the track and printed once. `read`, `latest` and `frames` of the track raise the error;
        `on_frame` is not called for that item.

        The track is freed when nobody holds, shows or reads it any more.

        Parameters
        ----------
        function : callable
            Gets an array of its own, and returns a picture as `NumpyVideoTrack` takes it.
        format : {"rgb", "bgr", "gray"}
            What the function gets, and, of colours, what it returns: with ``"bgr"`` OpenCV's functions do as they are.
            With ``"gray"`` it gets (height, width), and may return that, or RGB. Readers of the track have a `format`
            of their own.
        """
        from .transform import MappedTrack

        return MappedTrack(cast("Track[Item]", self), function, checked_format(format))

    def _map_sound(self, function: Callable[[npt.NDArray[Any]], Any]) -> Track[Item]:
        """Return a track of `function(samples)`, called on a worker thread for each piece while somebody reads it.

        One call at a time, in the order of the items; a slow function loses items and adds no delay. It may be a
        coroutine function, which is awaited on a loop of ours. What it prints appears in the cell that called `map`.

        If it raises, pages and peers get silence, so that nothing unprocessed is sent, and the traceback is shown with
        the track and printed once. `read`, `latest` and `frames` of the track raise the error; `on_frame` is not called
        for that item.

        The track is freed when nobody holds, shows or reads it any more.

        Parameters
        ----------
        function : callable
            Gets an array of its own, float32 (samples, channels) at 48 kHz, and returns (samples,) or
            (samples, channels). What it has made too loud is clipped, up to eight times the range.
        """
        from .transform import MappedTrack

        return MappedTrack(cast("Track[Item]", self), function)

    map = ByKind(_map_pictures, _map_sound)
