"""How an object shows itself in a cell: a hook that `widgets` installs, so that nothing imports upwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_make_view: Callable[[Any], Any] | None = None


def install(make_view: Callable[[Any], Any]) -> None:
    """Let `make_view(object)` give the widget of every `Displayable`."""
    global _make_view
    _make_view = make_view


class Displayable:
    """An object that is shown by a widget, made when it is first wanted."""

    __view: Any = None

    @property
    def view(self) -> Any:
        """The widget that shows this object, one for each object; for a ``VBox``, say."""
        if self.__view is None or getattr(self.__view, "comm", None) is None:
            if _make_view is None:
                raise RuntimeError("widgets are not loaded: import jupyter_rtc")
            self.__view = _make_view(self)
        return self.__view

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.view._repr_mimebundle_(**kwargs)
