"""A user's function that is called for each item of a track: one call at a time, in order, on a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from typing import Any, Generic

from ..threads import start_thread
from .calling import call, here, run
from .events import describe, kind_of
from .failed import FailedPicture, FailedSound, stand_in
from .forms import Form, Piece
from .slot import Slot, SlotClosed
from .track import Item, Track

logger = logging.getLogger(__name__)

#: A new reader of a picture that has stood still for so long has it made again.
STILL = 1.0
#: How long `stop` waits for a call that has just begun.
BEGINNING = 0.05

_current: ContextVar[Worker[Any] | None] = ContextVar("worker", default=None)


class UserCode(Generic[Item]):
    """A function of one array, in some form. It is called as a part of the cell that gave it.

    Counts and errors go to `owner`: the source itself, or the track that is made from it. It is not held.
    """

    def __init__(self, function: Callable[[Any], Any], owner: Track[Item], name: str, form: Form[Item]) -> None:
        self.name = name
        self._function = function
        self._form = form
        self._owner = weakref.ref(owner)
        self._context = here()
        # A worker's last call goes on while the next worker begins.
        self._turn = threading.Lock()
        self._told: set[Hashable] = set()
        self._last: tuple[weakref.ref[Item], float] | None = None

    def run(self, item: Item, worker: Worker[Item]) -> None:
        """Call the function for `item`, unless `worker` is stopped; an error is told."""
        with self._turn:
            if not self._is_repeated(item):
                run(self._context, self._run, item, worker)

    def run_rest(self, worker: Worker[Item]) -> None:
        """Call the function for what was held back until the source has ended."""
        with self._turn:
            run(self._context, self._call, self._form.rest, None, worker)

    def count(self, dropped: int) -> None:
        """Count an item, and those that were dropped before it."""
        if (owner := self._owner()) is not None:
            owner._frames_dropped += dropped
            owner._frames_out += 1

    def _is_repeated(self, item: Item) -> bool:
        """Return whether a new worker begins with what the one before has ended with."""
        if self._last is None:
            return False
        last, began = self._last
        if last() is not item:
            return False
        owner = self._owner()
        if owner is not None and owner._keeps_last:
            return owner._latest is not None
        return time.monotonic() - began < STILL

    def _run(self, item: Any, worker: Worker[Item]) -> None:
        if isinstance(item, (FailedPicture, FailedSound)):
            self._skip(item)
        else:
            self._call(lambda: self._form.take(item), item, worker)

    def _call(self, make: Callable[[], list[Piece]], item: Any, worker: Worker[Item]) -> None:
        token = _current.set(worker)
        try:
            for _, array in make():
                if not worker.begin():
                    return
                self._last = None if item is None else (weakref.ref(item), time.monotonic())
                try:
                    result = call(self._function, array)
                finally:
                    worker.finish()
                self._use(item, result)
        except BaseException as error:  # sys.exit() in a user's function is to be seen, too
            self._failed(item, error)
        finally:
            _current.reset(token)

    def _use(self, item: Item, result: Any) -> None:
        """Make something of what the function returned."""

    def _skip(self, item: Any) -> None:
        """The source is a map that raised: there is nothing to call the function for."""
        self._tell(item.error, f"{self.name} is not called, because its source raised")

    def _failed(self, item: Item, error: BaseException) -> None:
        if self._tell(error, f"{self.name} raised") and (owner := self._owner()) is not None:
            owner._fail(error)

    def _tell(self, error: BaseException, what: str) -> bool:
        """Print an error in its cell, and return whether it was new: 30 times a second says no more than once."""
        kind = kind_of(error)
        if kind in self._told:
            return False
        self._told.add(kind)
        logger.error("%s\n%s", what, describe(error))
        return True


class Mapping(UserCode[Item]):
    """The function of a map: what it returns is delivered by the owner."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        owner: Track[Item],
        name: str,
        form: Form[Item],
        rebuild: Callable[[Item, Any], Item],
    ) -> None:
        super().__init__(function, owner, name, form)
        self._rebuild = rebuild

    def _use(self, item: Item, result: Any) -> None:
        self._deliver(self._rebuild(item, result))

    def _skip(self, item: Any) -> None:
        self._deliver(item)

    def _failed(self, item: Item, error: BaseException) -> None:
        super()._failed(item, error)
        self._deliver(stand_in(item, error))

    def _deliver(self, item: Item) -> None:
        owner = self._owner()
        if owner is not None and (owner._sinks or owner._keeps_last):
            owner._deliver(item)


class Worker(Generic[Item]):
    """A thread that runs user code for each item of a source, the newest if the code is slow."""

    def __init__(self, source: Track[Item], code: UserCode[Item], on_end: Callable[[], None] = lambda: None) -> None:
        self._code = code
        self._on_end = on_end
        self._state = threading.Condition()
        self._stopped = False
        self._calling = False
        self._began = 0.0
        # Sound must have no holes as long as the function keeps up on average.
        self._slot: Slot[Item] = Slot(1 if source.kind == "video" else 50)
        self._unsubscribe = source._subscribe(self._slot.put, self._slot.close)
        start_thread(self._run, f"jupyter-rtc {code.name}")

    def stop(self) -> None:
        """End it: no call begins once this has returned. A call under way goes on."""
        self.end()
        if _current.get() is self:
            return
        with self._state:
            # The thread may be between its decision to call and the function's first line. It is not there for long.
            left = self._began + BEGINNING - time.monotonic()
            self._state.wait_for(lambda: not self._calling, max(0.0, left))

    def end(self) -> None:
        """End it, without any wait."""
        with self._state:
            self._stopped = True
        self._unsubscribe()
        self._slot.close()

    def begin(self) -> bool:
        """Return whether the function may be called, which is done at once then."""
        with self._state:
            if self._stopped:
                return False
            self._calling, self._began = True, time.monotonic()
            return True

    def finish(self) -> None:
        """The call is over."""
        with self._state:
            self._calling = False
            self._state.notify_all()

    def _run(self) -> None:
        dropped = 0
        while not self._stopped:
            try:
                item = self._slot.get()
            except SlotClosed:
                if not self._stopped:
                    self._code.run_rest(self)
                    self._on_end()
                return
            self._code.count(self._slot.dropped - dropped)
            dropped = self._slot.dropped
            self._code.run(item, self)
            del item  # a thread that waits is not to keep a picture
