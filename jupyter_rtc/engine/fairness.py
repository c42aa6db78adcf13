"""A cell that computes in pure Python leaves the media their share of the interpreter.

CPython lets a thread keep the interpreter for 5 ms while others wait, and each packet wants it several times: 30
pictures a second become 10. While media flow the interval is shorter, which costs such a cell a tenth of its speed.
"""

from __future__ import annotations

import sys
import threading

from ..config import switch_interval

_lock = threading.Lock()
_holders: set[int] = set()
_before: float | None = None
_ours: float | None = None


def hold(owner: object) -> None:
    """Shorten the interval until `owner` releases it. May be called again."""
    global _before, _ours
    wanted = switch_interval()
    with _lock:
        _holders.add(id(owner))
        if wanted is not None and _ours is None and sys.getswitchinterval() > wanted:
            _before = sys.getswitchinterval()
            sys.setswitchinterval(wanted)
            _ours = sys.getswitchinterval()


def release(owner: object) -> None:
    """Give it back: when nobody holds it, what was before is restored, unless somebody else has set it meanwhile."""
    global _before, _ours
    with _lock:
        _holders.discard(id(owner))
        if _holders or _ours is None or _before is None:
            return
        if sys.getswitchinterval() == _ours:
            sys.setswitchinterval(_before)
        _before = _ours = None
