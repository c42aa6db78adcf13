"""The wire between a page and the kernel; `js/src/types.d.ts` is its other half and says what each message means."""

from __future__ import annotations

import json
import threading
from typing import Any

VERSION = 1

Message = dict[str, Any]
Envelope = dict[str, Any]

#: A side that acknowledges nothing for so many messages is gone.
UNACKNOWLEDGED_BOUND = 256
#: Of these only the newest counts.
SUPERSEDED = ("plan", "capture")


class Mailbox:
    """Numbers what goes out, keeps it until it is acknowledged, and delivers what comes in once and in order.

    An envelope carries everything that is unacknowledged, so that envelopes may be lost, repeated, or overtake each
    other on different threads. Usable from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._out: list[Message] = []
        self._posted = 0
        self._received = 0

    def post(self, message: Message) -> None:
        """Put `message` into every envelope until it is acknowledged.

        One that is made obsolete by a newer of its type, as a plan is, leaves an empty message in its place: numbers
        must have no gaps.
        """
        json.dumps(message)  # what cannot travel is refused here, and not with every envelope from now on
        with self._lock:
            self._posted += 1
            if message["type"] in SUPERSEDED:
                self._out = [
                    {"type": "void", "n": old["n"]} if old["type"] == message["type"] else old for old in self._out
                ]
            self._out.append({**message, "n": self._posted})
            del self._out[:-UNACKNOWLEDGED_BOUND]

    def envelope(self) -> Envelope:
        """Return what to send now."""
        with self._lock:
            return {"v": VERSION, "ack": self._received, "messages": list(self._out)}

    def receive(self, envelope: Envelope) -> list[Message]:
        """Return the messages of `envelope` that are new, in order."""
        with self._lock:
            acknowledged = envelope["ack"]
            self._out = [message for message in self._out if message["n"] > acknowledged]
            new = []
            for message in envelope["messages"]:
                if message["n"] == self._received + 1:
                    self._received += 1
                    new.append(message)
            return new

    @property
    def unacknowledged(self) -> int:
        """How many messages wait for an acknowledgement."""
        return len(self._out)


def parse(content: object) -> Envelope | None:
    """Return `content` if it is an envelope of a page, else None."""
    if not isinstance(content, dict) or content.get("v") != VERSION:
        return None
    client, ack, messages = content.get("client"), content.get("ack"), content.get("messages")
    if not isinstance(client, str) or not 0 < len(client) <= 64 or not isinstance(ack, int):
        return None
    if not isinstance(messages, list) or not all(
        isinstance(m, dict) and isinstance(m.get("n"), int) and isinstance(m.get("type"), str) for m in messages
    ):
        return None
    return content
