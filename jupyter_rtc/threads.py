"""Threads that may be asked for while the process ends."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable

#: What Python 3.13 and newer raise; 3.12 raises a plain RuntimeError with the words below.
_FINALIZATION_ERROR: type[BaseException] | tuple[()] = getattr(builtins, "PythonFinalizationError", ())
_WORDS_OF_3_12 = "at interpreter shutdown"


def start_thread(run: Callable[[], object], name: str) -> bool:
    """Start a daemon thread.

    Returns
    -------
    bool
        False if the process ends: since Python 3.12 no thread can be started then, and connections are still closed.
    """
    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError as error:
        if not says_process_ends(error):
            raise
        return False
    return True


def says_process_ends(error: RuntimeError) -> bool:
    """Return whether Python refused a thread because the process ends."""
    return isinstance(error, _FINALIZATION_ERROR) or _WORDS_OF_3_12 in str(error)
