"""Events: a name, a payload, and callbacks that run in order, away from the media threads."""

from __future__ import annotations

import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, overload

from ..checks import string
from ..threads import start_thread
from .calling import call, here, run

logger = logging.getLogger(__name__)

Callback = Callable[..., Any]
C = TypeVar("C", bound=Callback)

_PACKAGE = str(Path(__file__).parents[1])


class Serial:
    """Runs jobs one after another, in order, on a thread that lives only while there are any."""

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], Any]] = deque()
        self._lock = threading.Lock()
        self._running = False

    def submit(self, job: Callable[[], Any]) -> None:
        """Run `job`, and await what it returns if that is a coroutine. Returns at once."""
        with self._lock:
            self._jobs.append(job)
            if self._running:
                return
            self._running = True
        if not start_thread(self._run, "jupyter-rtc-events"):  # the process ends: nobody is told any more
            self._jobs.clear()

    def submit_first(self, jobs: Iterable[Callable[[], Any]]) -> None:
        """Put jobs before all that wait; from within a job."""
        with self._lock:
            self._jobs.extendleft(reversed(list(jobs)))

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._running = False
                    return
                job = self._jobs.popleft()
            try:
                call(job)
            except BaseException:  # also sys.exit() and a cancelled coroutine: later events are not to suffer
                logger.exception("a callback raised")


class _Listener:
    """A callback, each time it was given to `on`."""

    def __init__(self, callback: Callback) -> None:
        self._callback = callback
        self._context = here()
        self.stopped = False

    def call(self, *payload: Any) -> None:
        """Call it in its cell, unless it was stopped while the event was on its way."""
        if not self.stopped:
            run(self._context.copy(), self._call, *payload)

    def _call(self, *payload: Any) -> None:
        try:
            call(self._callback, *payload)
        except BaseException:  # told here, in its cell; also sys.exit()
            logger.exception("a callback raised")


class Emitter:
    """An object with events."""

    #: The names that `on` takes.
    _events: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self._listeners: dict[str, list[_Listener]] = {}
        self._serial = Serial()

    @overload
    def on(self, event: str, callback: Callback) -> Callable[[], None]: ...
    @overload
    def on(self, event: str) -> Callable[[C], C]: ...
    def on(self, event: str, callback: Callback | None = None) -> Any:
        """Call `callback` at each `event`; also a decorator, ``@object.on("name")``.

        Callbacks run one after another, in the order of their events, on a thread of their own; coroutines are
        awaited. What they print appears in the cell that called `on`. One that raises is logged with its traceback
        and harms no other.

        Returns
        -------
        stop : callable
            Ends it.

        Raises
        ------
        TypeError
            When `event` is no str, or `callback` cannot be called.
        ValueError
            When there is no such event.
        """
        if string("the name of an event", event) not in self._events:
            raise ValueError(f"{type(self).__name__} has no event {event!r}; it has {sorted(self._events)}")
        if callback is None:

            def decorate(function: C) -> C:
                self.on(event, function)
                return function

            return decorate
        if not callable(callback):
            raise TypeError(f"the callback for {event!r} is not callable: {callback!r}")
        listener = _Listener(callback)
        listeners = self._listeners.setdefault(event, [])
        listeners.append(listener)

        def stop() -> None:
            listener.stopped = True
            if listener in listeners:
                listeners.remove(listener)

        return stop

    def _emit(self, event: str, *payload: Any) -> None:
        self._serial.submit(partial(self._dispatch, event, payload))

    def _dispatch(self, event: str, payload: tuple[Any, ...]) -> None:
        # Who listens by now is called, before what came after the event.
        listeners = tuple(self._listeners.get(event, ()))
        self._serial.submit_first([partial(listener.call, *payload) for listener in listeners])


def kind_of(error: BaseException) -> Hashable:
    """Return what errors of one kind have in common: the type and the lines. Their words may have numbers in them."""
    return type(error), tuple((at.f_code.co_filename, line) for at, line in traceback.walk_tb(error.__traceback__))


def describe(error: BaseException) -> str:
    """Return the traceback as a user wants to see it: from their own function on."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_PACKAGE)]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(own)] if own else []
    return "".join([*lines, *traceback.format_exception_only(error)]).rstrip()
