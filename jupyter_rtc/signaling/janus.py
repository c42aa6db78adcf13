"""Janus' HTTP interface: a session, its handles, and the events that a long poll brings."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from ..errors import SignalingError
from . import http
from .tokens import Token

logger = logging.getLogger(__name__)

#: Janus answers a poll after 30 s at the latest, with "keepalive"; asking is our sign of life, wanted within 60 s.
POLL = 45.0
#: So long polls may fail until the session is given up: connections stand without it.
GRACE = 5.0
#: Seconds for the event that answers a message.
ANSWER = 15.0
MOST_EVENTS = 256

#: What to do about the errors of Janus and its video rooms, by their codes.
_ADVICE = {
    403: "the server wants another secret or token: pass secret=... or token=...",
    405: "the token is not for video rooms: ask for another",
    424: "join the room first",
    426: "there is no such room: check its number, or let it be made on the server",
    428: "who sent this has left",
    429: "the room wants a pin: pass pin=...",
    430: "is the room a number there, or a name?",
    432: "the room is full: its number of publishers is set on the server",
    433: "check the pin, and the token if the room wants one",
    437: "the server cannot use the description: is the codec one of the room's?",
    458: "the server knows the session no more: was it started anew?",
    460: "the server has no video rooms: is its videoroom plugin there?",
}


class Janus:
    """A session. On the loop of HTTP.

    Parameters
    ----------
    url : str
        Of the interface, as ``http://127.0.0.1:8088/janus``.
    token : Token
    secret : str, optional
        Of a server that wants them (Janus' ``token`` and ``apisecret``).
    hidden : str, optional
        What is to be in no error either.
    """

    def __init__(self, url: str, token: Token, secret: str | None = None, hidden: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._hidden = [value for value in (token.value, secret, hidden) if value]
        keys = {"token": token.value, "apisecret": secret}
        self._keys = {name: value for name, value in keys.items() if value is not None}
        self._session = ""
        self._handles: dict[int, Handle] = {}
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count()
        self._name = secrets.token_hex(6)

    @property
    def public_url(self) -> str:
        """The address, without what may be secret in it."""
        return http.public(self._url)

    def error(self, said: Any, reason: Any) -> SignalingError:
        """Return the error for a code of Janus'."""
        code = said if isinstance(said, int) else 0
        advice = _ADVICE.get(code, "the server refuses: look into its log")
        where = self.public_url
        return SignalingError(f"{where} refuses ({code}, {self.words(reason)}): {advice}", status=code, url=where)

    def words(self, reason: Any) -> str:
        """Return what the server says for people, without what is to be hidden."""
        said = self._hide(reason) if isinstance(reason, str) else ""
        return http.words(said, "it does not say why")

    def _hide(self, text: str) -> str:
        for value in self._hidden:
            text = text.replace(value, "…")
        return text

    def _strange(self) -> SignalingError:
        where = self.public_url
        return SignalingError(f"{where} answers what Janus would not: is this the address of one?", url=where)

    async def create(self) -> None:
        """Begin.

        Raises
        ------
        SignalingError
            When there is no Janus, or it does not let us in.
        """
        self._session = f"/{await self._make('', {'janus': 'create'})}"

    async def _make(self, path: str, body: dict[str, Any]) -> int:
        """Let something be made, and return its number."""
        said = await self.request(path, body)
        try:
            return int(said["data"]["id"])
        except (LookupError, TypeError, ValueError):
            raise self._strange() from None

    async def request(
        self, path: str, body: dict[str, Any], *, at_exit: bool = False, timeout: float = ANSWER
    ) -> dict[str, Any]:
        """Ask, and return what it says at once.

        Raises
        ------
        SignalingError
        """
        text = json.dumps({"transaction": self._transaction(), **body, **self._keys})
        headers = {"Content-Type": "application/json"}
        reply = await self._ask("POST", path, body=text, headers=headers, timeout=timeout, at_exit=at_exit)
        said = self._parse(reply)
        if not isinstance(said, dict):
            raise self._strange()
        self._check(said)
        return said

    async def _ask(self, method: str, path: str, **options: Any) -> http.Reply:
        try:
            return await http.ask(method, self._url + path, Token(None), **options)
        except SignalingError as error:  # whose session it is, nobody has to know
            where = self.public_url
            text = str(error).replace(http.public(self._url + path), where)
            raise SignalingError(text, status=error.status, url=where) from None

    def _transaction(self) -> str:
        return f"{self._name}-{next(self._numbers)}"

    def _parse(self, reply: http.Reply) -> Any:
        if reply.status != 200:
            raise http.refusal(
                replace(reply, text=self._hide(reply.text), url=self._url), self._token, "Janus", takes_login=False
            )
        try:
            return json.loads(reply.text)
        except (ValueError, RecursionError):
            raise SignalingError(
                f"{self.public_url} answers with {reply.content_type or 'something'} rather than JSON: "
                "is this the address of Janus' HTTP interface, which ends in /janus?",
                status=reply.status,
                url=self.public_url,
            ) from None

    def _check(self, said: Mapping[str, Any]) -> None:
        if said.get("janus") == "error":
            error = said.get("error")
            known = error if isinstance(error, dict) else {}
            raise self.error(known.get("code"), known.get("reason"))

    async def attach(self, plugin: str) -> Handle:
        """Return a new handle of a plugin."""
        number = await self._make(self._session, {"janus": "attach", "plugin": plugin})
        handle = self._handles[number] = Handle(self, f"{self._session}/{number}")
        return handle

    @property
    def is_over(self) -> bool:
        """Whether there is nobody to talk to any more."""
        return not self._session

    def forget(self, handle: Handle) -> None:
        """Heed a handle no more."""
        self._handles = {key: value for key, value in self._handles.items() if value is not handle}

    async def ask(self, path: str, body: dict[str, Any], jsep: dict[str, Any] | None) -> dict[str, Any]:
        """Send a plugin a message, and return the event that answers it."""
        transaction = self._transaction()
        answered = self._waiting[transaction] = asyncio.get_running_loop().create_future()
        try:
            message = {"janus": "message", "body": body, "transaction": transaction}
            said = await self.request(path, message if jsep is None else {**message, "jsep": jsep})
            if said.get("janus") != "ack":
                return said
            return await asyncio.wait_for(answered, ANSWER)
        except TimeoutError:
            raise SignalingError(
                f"{self.public_url} has not answered within {ANSWER:g} s", url=self.public_url
            ) from None
        finally:
            self._waiting.pop(transaction, None)

    async def poll(self) -> None:
        """Take events until the session is over.

        Raises
        ------
        SignalingError
            When it is.
        """
        clock = asyncio.get_running_loop().time
        failing: float | None = None
        while True:
            query = urlencode({"maxev": 10, **self._keys})
            try:
                reply = await self._ask("GET", f"{self._session}?{query}", timeout=POLL)
            except SignalingError:
                failing = clock() if failing is None else failing
                if clock() - failing > GRACE:
                    raise
                await asyncio.sleep(0.5)
                continue
            failing = None
            events = self._parse(reply)
            for event in events if isinstance(events, list) else [events]:
                if not isinstance(event, dict):
                    raise self._strange()
                self._check(event)
                self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        if event.get("janus") == "timeout":
            raise self.error(458, "timeout")
        answered = self._waiting.pop(str(event.get("transaction")), None)
        if answered is not None and not answered.done():
            answered.set_result(event)
            return
        handle = self._handles.get(int(event.get("sender") or 0))
        if handle is not None:
            try:
                handle.events.put_nowait(event)
            except asyncio.QueueFull:
                logger.warning("%s: too many events", self.public_url)

    async def destroy(self) -> None:
        """End it, with all its handles. Says so for a bounded time; the process may be ending."""
        session, self._session = self._session, ""
        if session:
            with contextlib.suppress(SignalingError):
                await self.request(session, {"janus": "destroy"}, timeout=2.0, at_exit=True)


class Handle:
    """A plugin's."""

    def __init__(self, janus: Janus, path: str) -> None:
        self._janus = janus
        self._path = path
        #: What comes by itself.
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_EVENTS)

    async def ask(self, body: dict[str, Any], jsep: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a message, and return the event that answers it.

        Raises
        ------
        SignalingError
            When it is an error, with Janus' code as its ``status``.
        """
        event = await self._janus.ask(self._path, body, jsep)
        data = data_of(event)
        if "error_code" in data:
            raise self._janus.error(data["error_code"], data.get("error"))
        return event

    async def detach(self) -> None:
        """End it, for what may still be there to hear of it."""
        self._janus.forget(self)
        if self._janus.is_over:
            return
        with contextlib.suppress(SignalingError):
            await self._janus.request(self._path, {"janus": "detach"}, timeout=2.0)


def data_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a plugin says in an event."""
    data = (event.get("plugindata") or {}).get("data")
    return data if isinstance(data, dict) else {}


def message_of(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the signaling message that an event carries, or None."""
    jsep = event.get("jsep")
    if isinstance(jsep, dict):
        return {"type": jsep.get("type"), "sdp": jsep.get("sdp", "")}
    if event.get("janus") == "trickle":
        candidate = event.get("candidate")
        is_one = isinstance(candidate, dict) and not candidate.get("completed")
        return {"type": "candidate", "candidate": candidate if is_one else None}
    return None
