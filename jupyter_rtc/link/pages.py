"""All pages that show a widget, each with a session of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ..engine.loop import engine
from ..engine.statistics import Facts
from . import kernel
from .messages import VERSION, Envelope, Message, parse
from .session import Host, Session

logger = logging.getLogger(__name__)

#: More pages than this on one widget: the one that was silent longest is let go.
MOST_PAGES = 16
#: A call on the engine's thread that needs no network.
QUICK = 10.0


class Pages:
    """All pages of one widget.

    Parameters
    ----------
    host : Host
    send : callable
        Sends an envelope over the widget's comm, from any thread.
    """

    def __init__(self, host: Host, send: Callable[[Envelope], None]) -> None:
        self._host = host
        self._send = send
        self._sessions: dict[str, Session] = {}
        self._notices: dict[str, Message] = {}
        self._closed = False
        self._changed = threading.Condition()

    # -- any thread -----------------------------------------------------------------------------------------------

    def receive(self, content: object) -> None:
        """Take an envelope from the comm. Answers with what waits for that page, posts the rest, and returns."""
        kernel.note_message()
        envelope = parse(content)
        if envelope is None or self._closed:
            logger.debug("not understood: %.200r", content)
            return
        session = self._sessions.get(envelope["client"])
        if session is not None and session.mailbox.unacknowledged:
            session.flush_by_comm()
        engine().post(self._take, envelope)

    def replan(self) -> None:
        """Tell all pages what they are to play now."""
        self._post_each(lambda session: session.post_plan())

    def post(self, message: Message, client: str | None = None) -> None:
        """Send `message` to one page, or to all."""
        self._post_each(lambda session: session.post(message), client)

    def notice(self, key: str, text: str, *, level: str = "error", detail: str = "") -> None:
        """Show a sentence under the picture on all pages, also those that come later; empty: none."""
        message = {"type": "notice", "key": key, "level": level, "text": text, "detail": detail}
        if self._notices.get(key) == message:
            return
        self._notices[key] = message
        self.post(message)

    def _post_each(self, function: Callable[[Session], None], client: str | None = None) -> None:
        def run() -> None:
            for name, session in list(self._sessions.items()):
                if client is None or name == client:
                    function(session)

        if self._sessions:
            engine().post(run)

    @property
    def seen(self) -> bool:
        """Whether a page shows the widget."""
        return bool(self._sessions)

    @property
    def clients(self) -> list[str]:
        """Return the pages that show the widget."""
        return list(self._sessions)

    @property
    def connected(self) -> bool:
        """Whether a page has a connection."""
        return any(session.connected for session in tuple(self._sessions.values()))

    def wait_connected(self, glance: float) -> bool:
        """Wait a moment for a connection."""
        with self._changed:
            return self.connected or (self._changed.wait(glance) and self.connected)

    def describe(self) -> list[str]:
        """Return a line about each page."""
        return [session.describe() for session in tuple(self._sessions.values())]

    def facts(self) -> Facts | None:
        """Return what was counted of one page's connection, of one that is not connected if there is one."""
        sessions = list(self._sessions.values())
        sessions.sort(key=lambda session: session.connected)
        if not sessions:
            return None
        if engine().is_current:
            return sessions[0].facts()

        async def gather() -> Facts | None:
            return sessions[0].facts()

        return engine().call(gather(), QUICK)

    def round_trip(self) -> float | None:
        """Return the latest answer time of a page, in seconds."""
        times = [s.round_trip for s in tuple(self._sessions.values()) if s.round_trip is not None]
        return min(times) if times else None

    def close(self) -> None:
        """Let all pages go."""
        self._closed = True
        if self._sessions:
            engine().post(self._drop_all)

    # -- the engine's thread --------------------------------------------------------------------------------------

    def _drop_all(self) -> None:
        for client in list(self._sessions):
            self.drop(client)

    def _take(self, envelope: Envelope) -> None:
        client = envelope["client"]
        session = self._sessions.get(client)
        if self._closed:
            return
        if session is None:
            hello = next((message for message in envelope["messages"] if message["type"] == "hello"), None)
            if hello is None:
                # Let go, and not closed: it has slept, or lost its way to us. Its hello had been acknowledged.
                self._send({"v": VERSION, "to": client, "ack": 0, "messages": [], "unknown": True})
                return
            if isinstance(hello.get("resumes"), str):
                self.drop(hello["resumes"])
            if len(self._sessions) >= MOST_PAGES:
                self.drop(min(self._sessions.values(), key=lambda s: s.heard).client)
            session = self._sessions[client] = Session(client, self, self._host, self._send)
        session.take(envelope)

    def drop(self, client: str, cleared: bool = False) -> None:
        """Forget a page and close its connection; `cleared`: it has taken the output away, and is there."""
        session = self._sessions.pop(client, None)
        if session is not None:
            session.close()
            self._host.page_state(client, "gone")
            if cleared:
                self._host.page_state(client, "cleared")
            self.tell()

    def tell(self) -> None:
        """Wake those who wait for a connection."""
        with self._changed:
            self._changed.notify_all()

    def notices(self) -> list[Message]:
        """Return what a new page is to be told."""
        return [notice for notice in self._notices.values() if notice["text"]]
