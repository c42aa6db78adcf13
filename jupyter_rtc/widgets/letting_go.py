"""What no cell shows any more lives on only while somebody holds it.

ipywidgets keeps every widget for good: in its registry, from which a page that is loaded again gets it, and behind its
comm. That is right while an output has it. When its output was cleared, both refer to it weakly, so that a widget that
nobody else holds is collected, and closed; one that a variable, a box or ``Out`` holds stays as it is.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ipywidgets.widgets import widget as _module

_registry: Any = getattr(_module, "_instances", None)


class Weakly:
    """Calls a bound method while its object is there."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = weakref.WeakMethod(method)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, or do nothing."""
        method = self._method()
        return None if method is None else method(*args, **kwargs)


def let_go(widget: Any) -> None:
    """Have ipywidgets refer to a widget weakly."""
    if _registry is None or widget.comm is None:
        return
    widget.comm.on_msg(Weakly(widget._handle_msg))
    _registry[widget.model_id] = weakref.proxy(widget)


def keep(widget: Any) -> None:
    """Have ipywidgets keep a widget that was let go."""
    if _registry is None or widget.comm is None:
        return
    widget.comm.on_msg(widget._handle_msg)
    _registry[widget.model_id] = widget


def forget(widget: Any) -> None:
    """Take a widget that is being collected off ipywidgets' registry."""
    with suppress(Exception):
        _registry.pop(widget.model_id, None)
