"""Threads: asked for while the process ends, and leaving nothing behind when they end."""

from __future__ import annotations

import builtins
import sys
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

    def run_and_forget() -> None:
        try:
            run()
        finally:
            forget_ended_threads(threading.current_thread())

    try:
        threading.Thread(target=run_and_forget, name=name, daemon=True).start()
    except RuntimeError as error:
        if not says_process_ends(error):
            raise
        return False
    return True


def says_process_ends(error: RuntimeError) -> bool:
    """Return whether Python refused a thread because the process ends."""
    return isinstance(error, _FINALIZATION_ERROR) or _WORDS_OF_3_12 in str(error)


def forget_ended_threads(*ending: threading.Thread) -> None:
    """Remove the notes that ipykernel 6 has of threads that have ended, and of those that are `ending`.

    It notes by its identity which thread started each, and sends what it prints to that thread's cell. The identity may
    soon be that of a thread of the user's, whose output would go to an earlier cell.
    """
    running = {thread.ident for thread in threading.enumerate() if thread not in ending}
    for stream in (sys.stdout, sys.stderr):
        for name in ("_thread_to_parent", "_thread_to_parent_header"):
            notes: dict[int, object] = getattr(stream, name, {})
            for identity in set(notes) - running:
                notes.pop(identity, None)
