"""What the kernel can do while a cell runs: whether a page's messages are handled meanwhile.

ipykernel 6 handles them after the cell; 7 on a thread of their own, a subshell, if the front end asks for one
(JupyterLab 4.4 and Notebook 7.4 do by default); 7.4 also on the main thread while a cell awaits. marimo handles them
once none of the cells that were to run does.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from typing import Any

_seen_on_subshell = False

#: After so long without a sign, the front end uses no subshells.
SIGN_OF_LIFE = 1.5


def note_message() -> None:
    """Remember on which kind of thread a page's message was handled."""
    global _seen_on_subshell
    if threading.current_thread().name.startswith("subshell-"):
        _seen_on_subshell = True


@dataclass(frozen=True)
class Page:
    """What a page says of itself: its address without path, its browser, whether browsers give it cameras."""

    origin: str
    agent: str
    secure: bool


_last_page: Page | None = None


def note_page(hello: dict[str, Any]) -> None:
    """Remember the page that was heard of last."""
    global _last_page
    origin, agent = str(hello.get("origin") or ""), str(hello.get("agent") or "")
    _last_page = Page(origin[:200], agent[:300], bool(hello.get("secure", True)))


def last_page() -> Page | None:
    """Return the page that was heard of last, if any was."""
    return _last_page


def _kernel() -> Any:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None)


def handles_messages(blocking: bool, waited: float) -> bool:
    """Return whether a page's message can be handled while the calling thread waits.

    Parameters
    ----------
    blocking : bool
        The thread does nothing else; False: it awaits on its event loop.
    waited : float
        Seconds so far: whether the front end uses subshells is known only after a moment.
    """
    if not in_cell():
        return True
    kernel = _kernel()
    if kernel is None:
        return False
    version = getattr(sys.modules.get("ipykernel"), "version_info", (0,))
    if not blocking and version >= (7, 4):
        return True
    return version >= (7,) and (_seen_on_subshell or _has_subshells(kernel) or waited < SIGN_OF_LIFE)


def in_cell() -> bool:
    """Return whether this is the thread that runs cells, and none can run while it waits."""
    return threading.current_thread() is threading.main_thread() or in_marimo()


def cell_waits() -> bool:
    """Return whether a cell waits for the calling code, by a call or an ``await``; not for a thread or a task of it."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_name == "run_code" and frame.f_globals.get("__name__", "").startswith("IPython."):
            return True
    return False


def _request() -> dict[str, Any]:
    """Return the message that runs the present cell, or ran the last one."""
    kernel = _kernel()
    get_parent = getattr(kernel, "get_parent", None)
    parent = get_parent("shell") if get_parent is not None else None
    return parent if isinstance(parent, dict) else {}


def this_cell() -> str:
    """Return a name for this run of the present cell, or of the last one."""
    return str(_request().get("header", {}).get("msg_id", ""))


_named_cells = False


def has_front_end() -> bool:
    """Return whether a notebook is known to be open in a browser or an editor.

    nbconvert and papermill run cells without one. Front ends with widgets give the cell's name with what is to be run,
    or a page has been heard of. False: there may be one all the same.
    """
    global _named_cells
    _named_cells = _named_cells or "cellId" in _request().get("metadata", {})
    return _named_cells or _last_page is not None or in_voila()


def in_voila() -> bool:
    """Return whether Voilà runs the notebook: all of its cells before there is a page."""
    return "VOILA_REQUEST_URL" in os.environ


def _has_subshells(kernel: Any) -> bool:
    thread = getattr(kernel, "shell_channel_thread", None)
    manager = getattr(thread, "manager", None)
    return bool(getattr(manager, "_cache", None))


def in_kernel() -> bool:
    """Return whether this process is a Jupyter notebook's kernel, where a page can be."""
    return _kernel() is not None


def in_marimo() -> bool:
    """Return whether this thread runs the cells of a marimo notebook; its apps have a thread each."""
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())


_displayed_in = ""


def note_display() -> None:
    """Note that a cell displays a widget."""
    global _displayed_in
    _displayed_in = _displayed_in or this_cell()


def displayed_before() -> bool:
    """Return whether an earlier cell has displayed a widget."""
    return _displayed_in not in ("", this_cell())
