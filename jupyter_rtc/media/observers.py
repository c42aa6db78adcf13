"""Observers of traits that we set on threads of ours: what they print appears in the cell that observes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import traitlets

from .calling import here, run

logger = logging.getLogger(__name__)

_telling: ContextVar[bool] = ContextVar("telling", default=False)


class Observed(traitlets.HasTraits):
    """An object whose traits are set on threads of ours, too."""

    def observe(self, handler: Callable[..., Any], names: Any = traitlets.All, type: Any = "change") -> None:
        """Call `handler(change)` when traits change; see traitlets. What it prints appears in the cell that observes.

        Parameters
        ----------
        handler : callable
            Takes a dict with ``name``, ``old``, ``new``, ``owner`` and ``type``.
        names : str, list of str, or All
            The traits.
        type : str
            The kind of change.
        """
        # Class-level ones, of @traitlets.observe, are ours.
        own = handler if isinstance(handler, traitlets.EventHandler) else _Observer(handler)
        super().observe(own, names, type)

    def _tell_trait(self, name: str, value: Any) -> None:
        """Set a trait. An observer that raises is told in its cell, and harms nobody."""
        with telling():
            self.set_trait(name, value)


@contextmanager
def telling() -> Iterator[None]:
    """Let observers that raise be told in their cells; an error of anything else is logged."""
    token = _telling.set(True)
    try:
        yield
    except Exception:  # as when a page cannot be told: the camera is not to stay on because of that
        logger.exception("a trait could not be set")
    finally:
        _telling.reset(token)


class _Observer:
    """A handler with its cell; equal to the handler, which is how `unobserve` finds it."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self._handler = handler
        self._context = here()

    def __call__(self, change: Any) -> None:
        run(self._context.copy(), self._call, change, _telling.get())

    def _call(self, change: Any, telling: bool) -> None:
        token = _telling.set(False)  # a trait that the handler sets is the handler's
        try:
            self._handler(change)
        except Exception:
            if not telling:
                raise
            logger.exception("an observer of %s raised", change["name"])
        finally:
            _telling.reset(token)

    def __eq__(self, other: object) -> bool:
        return self._handler == (other._handler if isinstance(other, _Observer) else other)

    def __hash__(self) -> int:
        return hash(self._handler)
