"""User code on live media: map and on_frame, off the media threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy.typing as npt

from .arrays import picture_from_array, samples_from_array
from .forms import PictureForm, SoundForm
from .frames import Format, Picture, Sound
from .relay import RelayTrack
from .ties import weakly
from .track import Item, Track
from .user_code import Mapping, Worker

#: A map gets sound in [-1, 1], so what it returns beyond is a gain, which is clipped. In written sound it would be
#: another scale.
LOUDER = 7.0


class MappedTrack(RelayTrack[Item]):
    """The track of a function of another track's items."""

    def __init__(
        self, source: Track[Item], function: Callable[[npt.NDArray[Any]], Any], format: Format = "rgb"
    ) -> None:
        if not callable(function):
            raise TypeError(f"map takes a function of one item, not {type(function).__name__}")
        name = getattr(function, "__name__", type(function).__name__)
        super().__init__(source.kind, source, label=f"{source.label} · {name}".removeprefix(" · "))
        form: Any = PictureForm(format) if source.kind == "video" else SoundForm(exact=False)
        self._code: Mapping[Item] = Mapping(function, self, f"map {self.label}", form, partial(_rebuild, format))

    def _activate(self) -> None:
        source = self._upstream
        if source is not None:
            self._reading.add(source.on("error", weakly(self._fail)))
            if source.error is not None:
                self._fail(source.error)
            self._reading.add(Worker(source, self._code, weakly(self._upstream_ended)).end)


def _rebuild(format: Format, item: Item, result: Any) -> Item:
    if result is None:
        raise TypeError("the function returned None: it is to return the picture or sound that is shown")
    if isinstance(item, Picture):
        return cast(Item, picture_from_array(result, item.time, format="rgb" if format == "gray" else format))
    return cast(Item, Sound(samples_from_array(result, over=LOUDER), item.time))
