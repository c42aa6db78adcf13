"""A widget's comm as a good guest: a page's messages are handled while a cell runs, and change nothing around them."""

from __future__ import annotations

import contextvars
import sys
import threading
import weakref
from typing import Any

import comm.base_comm

from .messages import parse

#: Where ipykernel 7 keeps which cell the output of threads belongs to.
_GLOBAL_PARENT = "_parent_header_global"


def be_a_guest(own: Any) -> None:
    """Let the messages of our comm `own` through to their handler, without traces in the notebook.

    The comm package fires IPython's `pre_execute` and `post_execute` around each message of a page. They belong to
    cells: on the second, matplotlib's inline backend shows and closes the figures that a running cell has only begun.
    Comms of other kernels, such as marimo's, fire no events and are left alone.
    """
    if hasattr(own, "_reply_subshell_for"):
        # ipykernel 7.4 pins a comm's replies to the shell that sent last, which a running cell blocks. The front end's
        # own choice of a subshell counts again, as in 7.0 to 7.3.
        own._reply_subshell_for = lambda _data, default=None: default
    if isinstance(own, comm.base_comm.BaseComm):
        own.handle_msg = _Handler(own)  # type: ignore[method-assign]
        _thread_output.follow_cells()


class _Handler:
    """Handles the messages of a comm of ours. That it does tells that the comm is ours."""

    def __init__(self, own: Any) -> None:
        self._own = weakref.ref(own)

    def __call__(self, msg: dict[str, Any]) -> None:
        own = self._own()
        if own is not None and own._msg_callback:
            own._msg_callback(msg)


def _is_ours(msg: Any) -> bool:
    """Return whether a page sent `msg` to a widget of ours, also to one that is closed by now."""
    if not isinstance(msg, dict) or msg.get("msg_type") != "comm_msg":
        return False
    content = msg.get("content", {})
    addressee = getattr(comm.get_comm_manager(), "comms", {}).get(content.get("comm_id"))
    if addressee is not None:
        return isinstance(addressee.handle_msg, _Handler)
    return parse(content.get("data", {}).get("content")) is not None


class _ThreadOutput:
    """Keeps the output of the user's threads in the cell that ran last.

    ipykernel 7 sends it to where the newest message came from. When that is a message of a page, handled on a subshell
    while a cell runs, whatever the cell's threads print from then on is shown nowhere.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shell: Any = None
        self._cell: list[tuple[Any, str, Any]] = []

    def follow_cells(self) -> None:
        """Note the cell that runs now, and each one that is run later."""
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None else None
        if shell is None or shell is self._shell or not hasattr(shell, _GLOBAL_PARENT):
            return
        self._shell = shell
        self._note_cell()
        shell.events.register("pre_run_cell", self._note_cell)
        set_parent = shell.kernel.set_parent

        def set_parent_but_for_ours(ident: Any, parent: Any, *args: Any, **kwargs: Any) -> None:
            set_parent(ident, parent, *args, **kwargs)
            if _is_ours(parent):
                self._restore()

        shell.kernel.set_parent = set_parent_but_for_ours

    def _note_cell(self, _info: object = None) -> None:
        shell = self._shell
        owners: tuple[Any, ...] = (shell, shell.displayhook, shell.display_pub, sys.stdout, sys.stderr)
        cell: list[tuple[Any, str, Any]] = [
            (owner, _GLOBAL_PARENT, owner.parent_header) for owner in owners if hasattr(owner, _GLOBAL_PARENT)
        ]
        if hasattr(shell.kernel, "_shell_context"):
            cell.append((shell.kernel, "_shell_context", contextvars.copy_context()))
        with self._lock:
            self._cell = cell
        self._restore()

    def _restore(self) -> None:
        with self._lock:
            for owner, name, value in self._cell:
                setattr(owner, name, value)


_thread_output = _ThreadOutput()
