"""Waits for a track's next item, on a thread or an event loop; ends at once when none can come."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Generic

from ..errors import InvalidStateError
from .frames import Item, Kind
from .slot import Slot, SlotClosed

logger = logging.getLogger(__name__)

#: How often a wait looks whether it is in vain.
GLANCE = 0.2
#: After so long a wait without end says what it waits for.
LONG = 10.0


class Waitable(Generic[Item]):
    """What can be waited for: the part of a `Track` that readers wait on, and that knows when that is in vain."""

    kind: Kind
    _origin: float | None
    _frames_out: int
    _frames_dropped: int

    @property
    def muted(self) -> bool:
        """Whether the source gives nothing at present."""
        raise NotImplementedError

    def _subscribe(self, sink: Callable[[Item], None], on_end: Callable[[], None]) -> Callable[[], None]:
        """Let `sink` have each item; return what ends it."""
        raise NotImplementedError

    def _unsubscribe(self, sink: Callable[[Item], None]) -> None:
        """Let `sink` have no more items."""
        raise NotImplementedError

    def _why_silent(self) -> str:
        """Return why nothing came yet, and what to do."""
        raise NotImplementedError

    def _in_vain(self, blocking: bool, waited: float) -> Exception | None:
        """Return the error if waiting on cannot help."""
        raise NotImplementedError

    def _wait(
        self,
        slot: Slot[Item],
        timeout: float | None,
        ended: type[Exception] = InvalidStateError,
        began: float | None = None,
    ) -> Item:
        """Wait on this thread for `slot`, raising at once where waiting is in vain."""
        began, told = time.monotonic() if began is None else began, False
        while True:
            try:
                item = slot.get(self._patience(began, timeout))
            except TimeoutError:
                pass  # what is raised below is shown by itself
            except SlotClosed:
                raise self._ended(ended) from None
            else:
                self._frames_out += 1
                return item
            self._check(began, timeout)
            told = told or self._grumble(began, timeout)

    async def _await(self, slot: Slot[Item], timeout: float | None, ended: type[Exception]) -> Item:
        """Wait on the running event loop; as `_wait`."""
        began, told = time.monotonic(), False
        while True:
            try:
                item = await slot.aget(self._patience(began, timeout))
            except TimeoutError:
                pass
            except SlotClosed:
                raise self._ended(ended) from None
            else:
                self._frames_out += 1
                return item
            self._check(began, timeout, blocking=False)
            told = told or self._grumble(began, timeout)

    @staticmethod
    def _patience(began: float, timeout: float | None) -> float:
        return GLANCE if timeout is None else max(0.0, min(GLANCE, began + timeout - time.monotonic()))

    def _check(self, began: float, timeout: float | None, blocking: bool = True) -> None:
        """Raise if waiting on is in vain, or time is up."""
        waited = time.monotonic() - began
        vain = self._in_vain(blocking, waited)
        if vain is not None:
            raise vain
        if timeout is not None and waited >= timeout:
            raise TimeoutError(f"no {self._noun} within {timeout:g} s: {self._why_silent()}")

    def _grumble(self, began: float, timeout: float | None) -> bool:
        """Say what a cell waits for that waits without end, and return whether it was said."""
        if timeout is not None or not self.muted or time.monotonic() - began < LONG:
            return False
        logger.warning("still waiting for a %s: %s", self._noun, self._why_silent())
        return True

    def _ended(self, kind: type[Exception]) -> Exception:
        if kind is InvalidStateError:
            return kind(f"the {self.kind} track has ended: there is no further {self._noun}")
        return kind()

    @property
    def _noun(self) -> str:
        return "picture" if self.kind == "video" else "sound"
