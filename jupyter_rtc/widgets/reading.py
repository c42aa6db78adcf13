"""Widgets that are read as the track they capture."""

from __future__ import annotations

from functools import partial
from typing import Any, NoReturn

from ..border import border
from ..errors import InvalidStateError
from ..media.track import Track


class _OfTheTrack:
    """A method of the widget's track: its signature, help and errors are those of the track's kind."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, widget: Reading | None, owner: type | None = None) -> Any:
        if widget is None:
            return getattr(Track, self._name)
        try:
            return getattr(widget._readable(), self._name)
        except InvalidStateError as error:
            return partial(_refuse, str(error))  # when it is called, not when it is looked at


@border
def _refuse(reason: str, *_arguments: Any, **_options: Any) -> NoReturn:
    raise InvalidStateError(reason)


class Reading:
    """The track's methods of reading, for a widget that has one main track."""

    read = _OfTheTrack()
    latest = _OfTheTrack()
    frames = _OfTheTrack()
    on_frame = _OfTheTrack()
    map = _OfTheTrack()

    def _readable(self) -> Track[Any]:
        raise NotImplementedError
