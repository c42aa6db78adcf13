"""How user code is called: its output appears in the cell that gave it to us, and coroutines are awaited."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

from ..threads import start_thread

T = TypeVar("T")

#: The header of the cell in whose output things are displayed; ipykernel 7 has such a variable of its own.
_displayed_in: ContextVar[dict[str, Any] | None] = ContextVar("displayed_in", default=None)
_local = threading.local()

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def here() -> Context:
    """Return a context in which output appears in the cell that runs now, on any thread and at any time.

    ipykernel finds the cell of a print in context variables; a thread without them prints into the last cell.
    """
    context = copy_context()
    context.run(_stay_here)
    return context


def run(context: Context, function: Callable[..., T], *args: Any) -> T:
    """Call a function on this thread, with its output in the cell of `context`, which is of `here`."""
    return context.run(_run, function, *args)


def _run(function: Callable[..., T], *args: Any) -> T:
    display_here()
    return function(*args)


def _stay_here() -> None:
    """Pin the cell: a user's own thread has none, and would print into whichever cell is the last one by then."""
    for owner, name in _outputs():
        variable = getattr(owner, name, None)
        if isinstance(variable, ContextVar):  # private, so only where it is as ipykernel 6.31 to 7.4 have it
            variable.set(owner.get_parent() if name == "_shell_parent" else owner.parent_header)
        elif hasattr(owner, "register_hook") and _displayed_in.get() is None:
            _displayed_in.set(dict(owner.parent_header))


def display_here() -> None:
    """Let what this thread displays appear in its cell in ipykernel 6, too, which knows the last cell alone."""
    if _displayed_in.get() is None or getattr(_local, "is_hooked", False):
        return
    _local.is_hooked = True
    for owner, _ in _outputs():
        if hasattr(owner, "register_hook"):  # for this thread
            owner.register_hook(_to_its_cell)


def _to_its_cell(message: dict[str, Any]) -> dict[str, Any]:
    header = _displayed_in.get()
    return message if header is None else {**message, "parent_header": header}


def _outputs() -> Iterator[tuple[Any, str]]:
    """Yield what asks for the cell, and its context variable: all of them, since the Output widget compares two."""
    yield sys.stdout, "_parent_header"
    yield sys.stderr, "_parent_header"
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is not None:
        yield shell, "_parent_header"
        yield getattr(shell, "display_pub", None), "_parent_header"
        yield getattr(shell, "kernel", None), "_shell_parent"


def call(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function and return its result; a coroutine is awaited on a loop of ours. Blocks this thread meanwhile."""
    result = function(*args)
    if inspect.iscoroutine(result):
        return asyncio.run_coroutine_threadsafe(_awaited(result), _coroutine_loop()).result()
    return result


async def _awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    display_here()
    return await coroutine


def _coroutine_loop() -> asyncio.AbstractEventLoop:
    """Return the loop on which user coroutines are awaited, started at first use."""
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            start_thread(_loop.run_forever, "jupyter-rtc-callbacks")
        return _loop
