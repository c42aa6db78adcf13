"""Two people and no server: descriptions as texts that they send each other."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InvalidStateError, SdpError
from ..media.display import Displayable
from ..rtc.sdp import SessionDescription
from . import text as texts
from .text import Note

if TYPE_CHECKING:
    from ..rtc.connection import PeerConnection

#: The other digests of the same certificate, which make a text longer and nothing safer.
_OTHER_DIGESTS = re.compile(r"a=fingerprint:(?!sha-256)[^\r\n]*\r?\n")

Step = Literal["idle", "waiting", "offered", "answered", "pasted", "connected", "closed"]

#: What to do next.
WORDS: dict[Step, str] = {
    "idle": "Nothing to send yet: await pc.connect(this) first, in another cell.",
    "waiting": "Wait for the other person's text, and paste it into the lower box.",
    "offered": "1. Copy the upper text and send it to the other person, by chat or mail. "
    "2. They paste it into their lower box and send back what their upper box shows then. "
    "3. Paste that into the lower box here.",
    "answered": "Copy the upper text and send it back. You are connected as soon as the other person has pasted it.",
    "pasted": "Connecting …",
    "connected": "Connected.",
    "closed": "The connection is closed. For another one make a new PeerConnection and a new CopyPaste.",
}


class CopyPaste(Displayable):
    """Connect two notebooks by texts that people send each other.

    ``paste = CopyPaste()``, displayed, shows a box with a text to send and one to paste the other's text into; then
    ``await pc.connect(paste, timeout=600)``, or as a task, so that other cells can run meanwhile. From code, `text` and
    `next_text` give what to send, and `paste` takes what was sent.

    One side sends its text first and the other side answers it; who pastes first answers. Nothing can be added once the
    two are connected, but ``sender.replace_track`` changes what is sent at any time.
    """

    #: Who pastes an offer wants to answer it.
    polite = True
    negotiates_once = (
        "the two sides have exchanged their texts, and a track more would need two others: make a new PeerConnection "
        "with all tracks; sender.replace_track(track) changes what is sent without negotiation"
    )

    def __init__(self) -> None:
        self._text = ""
        self._fetched = ""
        self._step: Step = "idle"
        self._offered = 0
        self._answering = 0
        self._waiting: list[dict[str, Any]] = []
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: PeerConnection | None = None
        self._stop: Callable[[], None] = lambda: None
        #: Called on any thread when there is something new to show.
        self._watchers: set[Callable[[], None]] = set()

    def __repr__(self) -> str:
        return f"<CopyPaste {self._step}>"

    # -- texts ----------------------------------------------------------------------------------------------------

    @staticmethod
    def encode(description: Any) -> str:
        """Return a description as a text of letters and digits, for any way of carrying it.

        Parameters
        ----------
        description : SessionDescription or dict
            An offer or an answer.
        """
        given = SessionDescription.of(description)
        if given.type not in ("offer", "answer") or not given.sdp:
            raise ValueError(f"an offer or an answer is sent, not {given!r}")
        return texts.encode(Note(given.type, given.sdp))

    @staticmethod
    def decode(text: str) -> dict[str, str]:
        """Return the description in a text, ``{"type": ..., "sdp": ...}``; the reverse of `encode`.

        Raises
        ------
        SdpError
            When it is no such text, or was cut short or changed on its way.
        """
        note = texts.decode(text)
        return {"type": note.type, "sdp": note.sdp}

    @property
    def text(self) -> str:
        """What to send to the other side now, or ``""``."""
        return self._text

    async def next_text(self, timeout: float = 10.0) -> str:
        """Wait for a text to send that this has not returned before, and return it.

        Raises
        ------
        TimeoutError
            When there is none within `timeout` seconds.
        """
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(changed.set)

        self._watchers.add(wake)
        try:
            async with asyncio.timeout(timeout):
                while self._text == self._fetched:
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            raise TimeoutError(f"no text to send within {timeout:g} s. {self.words}") from None
        finally:
            self._watchers.discard(wake)
        self._fetched = self._text
        return self._text

    @property
    def words(self) -> str:
        """What to do next."""
        return WORDS[self._step]

    def paste(self, text: str) -> None:
        """Take the other side's text. From any thread.

        Raises
        ------
        SdpError
            When it is no such text, was cut short or changed on its way, or is not meant for this side now.
        InvalidStateError
            When the connection is closed.
        """
        note = texts.decode(text)
        if self._step == "closed":
            raise InvalidStateError(WORDS["closed"])
        if self._step in ("connected", "pasted"):
            raise SdpError("no text is wanted any more: the other side's was taken already")
        if note.type == "offer":
            if texts.mark(note.sdp) == self._offered:
                raise SdpError("this is your own text: send it to the other person, and paste theirs here")
            self._answering = texts.mark(note.sdp)
        else:
            if not self._offered:
                raise SdpError("this text is an answer, and nothing was offered here: paste the other's first text")
            if note.to not in (0, self._offered):
                raise SdpError("this text answers another one than the one shown above: send that one again")
            self._become("pasted")
        self._give({"type": note.type, "sdp": note.sdp})

    def _give(self, message: dict[str, Any]) -> None:
        if self._loop is None:
            self._waiting.append(message)
            del self._waiting[:-1]  # the last one counts
        else:
            self._loop.call_soon_threadsafe(self._messages.put_nowait, message)

    def _become(self, step: Step) -> None:
        self._step = step
        for watcher in tuple(self._watchers):
            watcher()

    # -- Signaling ------------------------------------------------------------------------------------------------

    async def prepare(self, connection: PeerConnection) -> None:
        """Begin for a connection.

        Raises
        ------
        InvalidStateError
            When it was used before.
        """
        if self._connection is not None:
            raise InvalidStateError("this CopyPaste was used already: make a new one for each connection")
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._stop = connection.on("connectionstatechange", self._state_changed)
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            self._messages.put_nowait(message)
        if self._step == "idle":
            self._become("waiting")

    def _state_changed(self) -> None:
        # Not the trait: that is set by another thread, a little later.
        if self._connection is not None and self._connection._states.get("connection_state") == "connected":
            self._become("connected")

    async def send(self, message: dict[str, Any]) -> None:
        """Make a text of a description."""
        if message["type"] not in ("offer", "answer"):
            return
        sdp = _OTHER_DIGESTS.sub("", message["sdp"])
        if message["type"] == "offer":
            self._offered = texts.mark(sdp)
            self._text = texts.encode(Note("offer", sdp))
            self._become("offered")
        else:
            self._offered = 0
            self._text = texts.encode(Note("answer", sdp, self._answering))
            self._become("answered")

    async def receive(self) -> dict[str, Any]:
        """Wait for a text to be pasted."""
        return await self._messages.get()

    async def close(self) -> None:
        """End it."""
        self._stop()
        self._become("closed")
