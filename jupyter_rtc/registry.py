"""What was made and may have to be closed: remembered weakly, so that nothing is kept alive by it."""

from __future__ import annotations

import threading
import weakref
from typing import Any

_lock = threading.Lock()
_made: weakref.WeakSet[Any] = weakref.WeakSet()


def remember(made: Any) -> None:
    """Let `close_all` close this, an object with a ``close()`` that may be called twice."""
    with _lock:
        _made.add(made)


def remembered() -> list[Any]:
    """Return what still exists, closed or not."""
    with _lock:
        return list(_made)
