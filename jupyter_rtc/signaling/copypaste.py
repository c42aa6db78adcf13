"""Two people and no server: descriptions as texts that they send each other."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InvalidStateError, RtcError, SdpError
from ..media.display import Displayable
from ..rtc.perfect import yields
from ..rtc.sdp import SessionDescription
from . import text as texts
from .text import Note

if TYPE_CHECKING:
    from ..rtc.connection import PeerConnection

#: The other digests of the same certificate, which make a text longer and nothing safer.
_OTHER_DIGESTS = re.compile(r"a=fingerprint:(?!sha-256)[^\r\n]*\r?\n")

Step = Literal[
    "idle",
    "waiting",
    "offered",
    "kept",
    "answering",
    "answered",
    "pasted",
    "stuck",
    "connected",
    "silent",
    "failed",
    "left",
    "closed",
]

#: So long, in seconds, a way to the other side may be looked for before the box says that there may be none.
PATIENCE = 15.0


_ANEW = "For another connection, both make a new PeerConnection and a new CopyPaste."
#: What to do next, each step on a line of its own.
WORDS: dict[Step, str] = {
    "idle": "Nothing to send yet.\nIn another cell: await pc.connect(this), with a new PeerConnection.",
    "waiting": "Wait for the other person's text, and paste it into the lower box.",
    "offered": "1. Copy the upper text and send it to the other person, by chat or mail.\n"
    "2. They paste it into their lower box, and send back what their upper box shows then.\n"
    "3. Paste that into the lower box here.",
    "kept": "You both have a first text; yours is the one to be answered.\n"
    "1. Copy the upper text and send it to the other person, unless you have done so.\n"
    "2. Wait for the other person's second text, and paste it into the lower box.",
    "answering": "Making the answer …",
    "answered": "1. Copy the new upper text and send it back.\n"
    "2. You are connected as soon as the other person has pasted it.",
    "pasted": "Connecting …",
    "stuck": f"Not connected yet, and still trying.\nShould it stay so, it has failed. {_ANEW}",
    "connected": "Connected.",
    "silent": "The other side has fallen silent. Waiting for it …",
    "failed": f"The connection failed.\n{_ANEW}",
    "left": f"The other side has closed the connection.\n{_ANEW}",
    "closed": f"The connection is closed.\n{_ANEW}",
}


class CopyPaste(Displayable):
    """Connect two notebooks by texts that people send each other.

    ``paste = CopyPaste()``, displayed, shows a box with a text to send and one to paste the other's text into; then
    ``await pc.connect(paste, timeout=600)``, or as a task, so that other cells can run meanwhile. From code, `text` and
    `next_text` give what to send, and `paste` takes what was sent.

    One side sends its text first, the other side pastes it and answers. Where both have made a first text, both find
    the same one to be answered, in whatever order they paste. Nothing can be added once the two are connected, but
    ``sender.replace_track`` changes what is sent at any time.
    """

    #: What is pasted and not to be answered does not come as far as the connection.
    polite = True
    negotiates_once = (
        "the two sides have exchanged their texts, and a track more would need two others: make a new PeerConnection "
        "with all tracks; sender.replace_track(track) changes what is sent without negotiation"
    )

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._text = ""
        self._fetched = ""
        self._step: Step = "idle"
        self._reason = ""
        self._has_failed = False
        #: Our offer while it stands, and whether anybody may have sent it: else it can be taken back unnoticed.
        self._offer = ""
        self._is_given = False
        #: All that was made here, and the mark of the offer that is answered here, or 0.
        self._made: set[tuple[str, int]] = set()
        self._answering = 0
        self._waiting: list[dict[str, Any]] = []
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None
        self._connection: PeerConnection | None = None
        self._stop: Callable[[], None] = lambda: None
        #: Called on any thread when there is something new to show.
        self._watchers: set[Callable[[], None]] = set()

    def __dir__(self) -> list[str]:
        inner = ("prepare", "polite", "negotiates_once", "failed", "words")  # for `connect`
        return [name for name in super().__dir__() if name not in inner]

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
        given = SessionDescription._of(description)
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
        with self._lock:
            self._is_given = self._is_given or bool(self._text)
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
                while (text := self._text) in ("", self._fetched):
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            raise TimeoutError(f"no text to send within {timeout:g} s. {self.words}") from None
        finally:
            self._watchers.discard(wake)
        self._fetched = text
        self._is_given = True
        return text

    @property
    def words(self) -> str:
        """What to do next, each step on a line of its own."""
        words = WORDS[self._step]
        return f"{words}\n({self._reason})" if self._reason and self._step in ("stuck", "failed") else words

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
        with self._lock:
            if self._is_offer(note):
                self._take_offer(note)
            else:
                self._take_answer(note)
        self._tell()

    def _is_offer(self, note: Note) -> bool:
        """Return whether it is an offer; raise if nothing can be made of it now."""
        if self._step in ("failed", "left", "closed"):
            raise InvalidStateError(self.words.replace("\n", " "))
        if (note.type, texts.mark(note.sdp)) in self._made:
            raise SdpError("this is your own text: send it to the other person, and paste theirs here")
        if self._step in ("pasted", "stuck", "connected", "silent"):
            raise SdpError("no text is wanted any more: the other side's was taken already")
        return note.type == "offer"

    def _take_offer(self, note: Note) -> None:
        mark = texts.mark(note.sdp)
        if self._step in ("answering", "answered"):
            if mark == self._answering:
                raise SdpError("this text was taken already: send back the upper one")
            raise SdpError("another text was answered here already, and a connection has one other side. " + _ANEW)
        if self._offer and self._is_given and not yields(self._offer, note.sdp):
            self._step = "kept"
            return
        self._answering, self._offer, self._text = mark, "", ""
        if self._loop is not None:
            self._step = "answering"
        self._give({"type": "offer", "sdp": note.sdp})

    def _take_answer(self, note: Note) -> None:
        if not self._offer:
            raise SdpError("this text is an answer, and nothing was offered here: paste the other's first text")
        if note.to not in (0, texts.mark(self._offer)):
            raise SdpError("this text answers another one than the one shown above: send that one again")
        self._step = "pasted"  # before it is given: what comes of that is told on another thread
        self._give({"type": "answer", "sdp": note.sdp})

    def _give(self, message: dict[str, Any]) -> None:
        if self._loop is None:
            self._waiting.append(message)
            del self._waiting[:-1]  # the last one counts
        else:
            self._loop.call_soon_threadsafe(self._messages.put_nowait, message)
            if message["type"] == "answer":
                self._loop.call_soon_threadsafe(self._loop.call_later, PATIENCE, self._look_soon)

    def _look_soon(self) -> None:
        if self._step == "pasted":
            self._looking = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        """Say that there may be no way to the other side."""
        if self._connection is not None:
            reason = (await self._connection._report()).summary
            if self._step == "pasted":
                self._reason = reason
                self._become("stuck")

    def _become(self, step: Step) -> None:
        self._step = step
        self._tell()

    def _tell(self) -> None:
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
            self._become("answering" if waiting else "waiting")

    def _state_changed(self) -> None:
        if self._connection is None or self._step in ("left", "closed"):
            return
        # Not the trait: that is set by another thread, a little later.
        state = self._connection.connection_state
        if state == "connected":
            self._become("connected")
        elif state in ("disconnected", "failed") and self._connection._ended:
            self._become("left")
        elif state == "disconnected" and self._step == "connected":
            self._become("silent")
        elif state == "failed":
            self._reason = self._connection.report().summary
            self._become("failed")

    async def send(self, message: dict[str, Any]) -> None:
        """Make a text of a description."""
        if message["type"] not in ("offer", "answer"):
            return
        sdp = _OTHER_DIGESTS.sub("", message["sdp"])
        with self._lock:
            if message["type"] == "answer":
                self._text = texts.encode(Note("answer", sdp, self._answering))
                self._step = "answered"
            elif self._answering or self._step not in ("idle", "waiting"):
                # It is about to give way to the other's, or is that of an ICE restart, which people do not carry.
                return
            else:
                self._offer = sdp
                self._text = texts.encode(Note("offer", sdp))
                self._step = "offered"
            self._made.add((message["type"], texts.mark(sdp)))
        self._tell()

    async def receive(self) -> dict[str, Any]:
        """Wait for a text to be pasted."""
        return await self._messages.get()

    def failed(self, error: BaseException) -> None:
        """Show why `connect` failed."""
        if isinstance(error, RtcError) and self._step not in ("left", "closed"):
            self._reason, self._has_failed = str(error), True

    async def close(self) -> None:
        """End it."""
        self._stop()
        self._become("failed" if self._has_failed else "closed")
