"""What all widgets share: the page link, waiting for it, closing it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..checks import number
from ..config import ice_servers
from ..engine.loop import engine
from ..errors import ConnectTimeout
from ..ice import urls_of
from ..link.comm import be_a_guest
from ..link.messages import Message
from ..link.pages import Pages
from ..link.session import Host, Plan
from ..media.events import Serial
from ..media.observers import Observed
from ..media.track import Kind, Track
from ..media.waiting import GLANCE
from ..registry import remember
from ..rtc.report import Report, with_facts
from .letting_go import forget, keep, let_go
from .no_page import Shown
from .still import card

_STATIC = Path(__file__).parents[1] / "static"

#: In place of what is live, in a saved notebook.
NO_KERNEL = "Run this notebook in Jupyter to have it live. Nothing of it is kept in the file."


def script_is_fresh() -> bool | None:
    """Return whether the page's script is still the one that this kernel hands out; None: there is none."""
    try:
        return (_STATIC / "widget.js").read_text(encoding="utf-8") == str(LiveWidget._esm)
    except OSError:
        return None


class LiveWidget(Observed, anywidget.AnyWidget):
    """A widget whose page has a WebRTC connection of its own to this kernel."""

    # As text: of a file, anywidget keeps every widget for good, to tell it of changes.
    _esm = (_STATIC / "widget.js").read_text(encoding="utf-8")
    _css = (_STATIC / "widget.css").read_text(encoding="utf-8")

    _last_model_id = ""
    #: Which view the page makes; see the page's script.
    _player = traitlets.Unicode("video").tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    controls = traitlets.Bool(True).tag(sync=True)
    #: The controls can be seen and not be used, as with ipywidgets' own; `start` and `stop` go on working.
    disabled = traitlets.Bool(False).tag(sync=True)
    muted = traitlets.Bool(True).tag(sync=True)
    mirror = traitlets.Bool(False).tag(sync=True)
    width = traitlets.Int(0, min=0).tag(sync=True)
    height = traitlets.Int(0, min=0).tag(sync=True)
    show_stats = traitlets.Bool(False).tag(sync=True)

    #: Of one that no output has any more: how it is closed when it is collected.
    _close_soon: Callable[[Any], object] | None = None
    #: Until it is made: one whose arguments were refused is closed, too, by ipywidgets.
    _is_closed = True

    def __init__(self, **traits: Any) -> None:
        self._serial = Serial()
        host = Host(self._plan, self._page_hello, self._page_media, self._page_message, self._page_state)
        self._pages = Pages(host, self._post)
        self._shown = Shown(self._player)
        self._is_closed = False
        self._failure = ""
        super().__init__(**traits)
        self._layout_is_ours = "layout" not in traits
        self._layout_holders = sys.getrefcount(self.layout)
        be_a_guest(self.comm)
        remember(self)
        self.on_msg(lambda _widget, content, _buffers: self._pages.receive(content))

    def _post(self, envelope: Message) -> None:
        if not self._is_closed:
            self.send(envelope)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        if self._is_closed:
            return {"text/plain": f"{type(self).__name__} (closed)"}
        self._shown.display()
        self._keep()
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        if not data:
            return bundle
        # Shown by what cannot show the widget: nbconvert, GitHub, mail.
        return {**data, **self._still()}, metadata

    def _still(self) -> dict[str, Any]:
        """Return what a saved notebook keeps of it, by MIME type."""
        return {"text/html": card(self._title, NO_KERNEL)}

    @property
    def _title(self) -> str:
        """What it shows, in a few words."""
        return f"Live {self._player}"

    # -- the link's host, on the engine's thread ------------------------------------------------------------------

    def _plan(self, client: str) -> Plan:
        """Return what a page is to play and may capture."""
        return Plan()

    def _page_hello(self, client: str, hello: Message) -> None:
        """A page shows the widget."""
        self._shown.seen = True
        self._keep()

    def _page_media(self, client: str, kind: Kind, track: Track[Any]) -> None:
        """A page's own media can be read."""

    def _page_message(self, client: str, message: Message) -> None:
        """A page failed to connect, says something about its camera, or asks for the report."""
        if message["type"] == "failed":
            self._failure = str(message["reason"])
        elif message["type"] == "report":
            self._serial.submit(lambda: self._pages.post({"type": "report", "text": str(self.report())}, client))

    def _page_state(self, client: str, state: str) -> None:
        """A page is connected or gone, or its output was cleared."""
        if state == "connected":
            self._failure = ""
        elif state == "cleared" and not self._pages.seen and not self._is_closed:
            # The collector may be at work on any thread, with any lock: what it calls must take none.
            post, submit = engine().loop.call_soon_threadsafe, self._serial.submit
            self._close_soon = lambda widget: post(lambda: submit(widget.close))
            let_go(self)

    def _keep(self) -> None:
        """An output has it."""
        if self._close_soon is not None:
            self._close_soon = None
            keep(self)

    def __del__(self) -> None:
        """Close it soon; it lives until then."""
        close_soon, self._close_soon = self._close_soon, None
        if close_soon is None:
            super().__del__()
        elif not self._is_closed:
            forget(self)
            with suppress(RuntimeError):  # the process ends
                close_soon(self)

    # -- for users ------------------------------------------------------------------------------------------------

    @property
    def transport(self) -> str:
        """``"webrtc"`` when a page is connected, else ``""``."""
        return "webrtc" if self._pages.connected else ""

    @property
    def stats(self) -> dict[str, Any]:
        """What is known of the link: ``transport``, ``round_trip`` in seconds or None."""
        return {"transport": self.transport, "round_trip": self._pages.round_trip()}

    def report(self) -> Report:
        """Return why the page is or is not connected, in words: print it, or let it be a cell's last line."""
        pages = self._pages.describe()
        if self._failure:
            pages.append(f"last failure: {self._failure}")
        connected, facts = self._pages.connected, self._pages.facts()
        report = Report(connected, "connected" if connected else self._why_not_connected(), pages=tuple(pages))
        return report if facts is None else with_facts(report, facts, (), urls_of(ice_servers()))

    def _why_not_connected(self) -> str:
        if not self._pages.seen:
            return self._shown.why_not()
        if self._pages.connected:
            return "the page is connected, and nothing has come from it yet"
        return self._failure or "the page is connecting"

    def _in_vain(self, blocking: bool, waited: float, *, patient: bool = False) -> ConnectTimeout | None:
        """Return the error if waiting for a page cannot help."""
        if self._pages.seen:
            return None
        why = self._shown.in_vain(blocking, waited, patient=patient)
        return ConnectTimeout(why, report=self.report()) if why else None

    def _timed_out(self, timeout: float) -> ConnectTimeout:
        return ConnectTimeout(f"no connection within {timeout:g} s: {self._why_not_connected()}", report=self.report())

    def wait_connected(self, timeout: float = 15.0) -> None:
        """Wait until a page shows this widget and is connected.

        Raises
        ------
        ConnectTimeout
            After `timeout` seconds; at once where waiting in this cell is in vain.
        """
        timeout = number("timeout", timeout)
        began = time.monotonic()
        while not self._pages.wait_connected(GLANCE):
            waited = time.monotonic() - began
            vain = self._in_vain(True, waited, patient=True)
            if vain is not None:
                raise vain
            if waited >= timeout:
                raise self._timed_out(timeout)

    async def connected(self, timeout: float = 15.0) -> None:
        """Wait, as `wait_connected`, on the running event loop."""
        timeout = number("timeout", timeout)
        began = time.monotonic()
        while not self._pages.connected:
            waited = time.monotonic() - began
            vain = self._in_vain(False, waited, patient=True)
            if vain is not None:
                raise vain
            if waited >= timeout:
                raise self._timed_out(timeout)
            await asyncio.sleep(0.02)

    def close(self) -> None:
        """Remove it from all pages and close their connections. May be called twice."""
        if not self._is_closed:
            self._is_closed = True
            self._pages.close()
            self._last_model_id = "" if self.comm is None else self.comm.comm_id
            # ipywidgets makes one for each widget, and leaves it.
            if self._layout_is_ours and sys.getrefcount(self.layout) <= self._layout_holders:
                self.layout.close()
        super().close()

    @property
    def model_id(self) -> str:
        """The name it goes by in pages.

        Also of a closed one: a box that holds it must be able to say so. Else ipywidgets fails when a page that is
        loaded again asks for the state of all widgets, and none of the notebook's comes back.
        """
        return self._last_model_id if self.comm is None else str(super().model_id)

    async def aclose(self) -> None:
        """Close it."""
        self.close()

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self.close()
