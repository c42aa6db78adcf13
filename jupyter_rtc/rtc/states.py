"""The four states of a connection, as traits that never show an older state after a newer one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import traitlets
from traitlets.utils.bunch import Bunch

from ..engine.loop import runs_user_code
from ..media.events import Emitter, Serial
from ..media.observers import Observed, telling
from ..registry import remember
from .report import History


class State(traitlets.Unicode):  # type: ignore[type-arg]
    """A read-only trait. Its value is the newest state, on every thread and before any observer is told."""

    def get(self, obj: Any, cls: Any = None) -> str:
        """Return the newest state."""
        return str(obj._states.get(self.name, self.default_value))


class HasStates(Emitter, Observed):
    """An object with the states of an RTCPeerConnection.

    A state changes at once. Those who observe the trait are told of each change, one after another and in the order of
    the changes: by the call that caused it, before it returns, or by a thread of their own.
    """

    signaling_state: str = State("stable", read_only=True)  # type: ignore[assignment]
    connection_state: str = State("new", read_only=True)  # type: ignore[assignment]
    ice_connection_state: str = State("new", read_only=True)  # type: ignore[assignment]
    ice_gathering_state: str = State("new", read_only=True)  # type: ignore[assignment]

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        traitlets.HasTraits.__init__(self)
        Emitter.__init__(self)
        self._closed = False
        self._history = History()
        #: Called at each change of a state, on any thread: for those who wait inside a callback, too.
        self._watchers: set[Callable[[], None]] = set()
        self._state_lock = threading.Lock()
        #: Changes that observers have not been told of: the name, what it was, what it is.
        self._untold: deque[tuple[str, str, str]] = deque()
        self._telling = False
        # Not the thread of callbacks: a slow callback is not to hold up observers, nor an observer the callbacks.
        self._trait_serial = Serial()
        remember(self)

    def _set_state(self, name: str, value: str) -> None:
        """Set a state, unless the connection is closed, and fire its event."""
        with self._state_lock:
            if self._closed:
                return
            self._change(name, value)
            self._history.add(name, value)
        self._wake()
        self._emit(name.replace("_", "") + "change")

    def _set_closed(self) -> bool:
        """Set the states of a closed connection, for good and without events. Return False if it was closed before."""
        with self._state_lock:
            if self._closed:
                return False
            self._closed = True
            for name in ("signaling_state", "connection_state", "ice_connection_state"):
                self._change(name, "closed")
            self._history.add("connection_state", "closed")
        self._wake()
        return True

    def _change(self, name: str, value: str) -> None:
        """With the lock."""
        old = getattr(self, name)
        self._states[name] = value
        if value != old:
            self._untold.append((name, old, value))

    def _wake(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()
        self._trait_serial.submit(self._tell_states)

    def _tell_states(self) -> None:
        """Tell observers what they have not been told, unless another thread is about it."""
        if not runs_user_code():
            return
        with self._state_lock:
            if self._telling:
                return
            self._telling = True
        try:
            while (change := self._next_change()) is not None:
                name, old, new = change
                with telling():
                    self.notify_change(Bunch(name=name, old=old, new=new, owner=self, type="change"))
        except BaseException:  # as Ctrl-C in an observer
            self._telling = False
            raise

    def _next_change(self) -> tuple[str, str, str] | None:
        """Return the next change to tell; None when there is none, and this thread tells no more."""
        with self._state_lock:
            if not self._untold:
                self._telling = False
                return None
            return self._untold.popleft()
