"""Widgets that are read as the track they capture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy.typing as npt

from ..media.track import Track


class Reading:
    """The track's methods of reading, for a widget that has one main track."""

    def _readable(self) -> Track[Any]:
        raise NotImplementedError

    def read(self, *args: float, **kwargs: float) -> npt.NDArray[Any]:
        """Wait for something newer than the last one read: ``read(timeout=10.0)``; see `Track.read`.

        Of what is sound alone ``read(seconds=0.1, timeout=10.0)``.
        """
        return cast("npt.NDArray[Any]", self._readable().read(*args, **kwargs))

    def latest(self) -> npt.NDArray[Any] | None:
        """Return the newest item or None, at once; see `Track.latest`."""
        return cast("npt.NDArray[Any] | None", self._readable().latest())

    def frames(self, **options: Any) -> Any:
        """Iterate over the items as they come; see `Track.frames`."""
        return self._readable().frames(**options)

    def on_frame(self, callback: Callable[[npt.NDArray[Any]], Any]) -> Callable[[], None]:
        """Call `callback` for each item; see `Track.on_frame`."""
        return self._readable().on_frame(callback)

    def map(self, function: Callable[[npt.NDArray[Any]], Any]) -> Track[Any]:
        """Return a track of `function` of each item; see `Track.map`."""
        return self._readable().map(function)
