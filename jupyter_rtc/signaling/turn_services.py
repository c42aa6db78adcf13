"""Services that give TURN servers with credentials that end: Cloudflare, Twilio, Hugging Face."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
from abc import abstractmethod
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import SignalingError
from ..ice import IceServer, parse_ice_server
from . import http, loop
from .tokens import Login, Token
from .turn import LIFETIME, Ephemeral

logger = logging.getLogger(__name__)

#: Seconds within which a service must answer.
TIMEOUT = 10.0


class _Service(Ephemeral):
    """Asks a service by HTTP. What identifies the user to it is in no repr, log or error."""

    #: Where the service is; tests have their own.
    _origin: str

    def __init__(self, ttl: float, *secrets: str) -> None:
        super().__init__(ttl)
        self._secrets = tuple(Token(secret) for secret in secrets)
        self._asking: asyncio.Task[tuple[IceServer, ...]] | None = None

    @abstractmethod
    async def _ask(self) -> http.Reply:
        """Send the service's own request."""

    async def _fresh(self) -> tuple[IceServer, ...]:
        """Return servers that are good for a while: those that are known, or else others.

        Raises
        ------
        SignalingError
            When the service refuses, or cannot be reached.
        """
        known = self._known()
        return known if known is not None else await loop.run(self._renew())

    async def _renew(self) -> tuple[IceServer, ...]:
        """Ask once for all who wait; who waits no longer leaves the answer to the next."""
        asking = self._asking
        if asking is None or asking.done() or asking.get_loop() is not asyncio.get_running_loop():
            asking = self._asking = asyncio.get_running_loop().create_task(self._fetch())
            asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(asking)

    async def _fetch(self) -> tuple[IceServer, ...]:
        try:
            reply = await self._ask()
            if reply.status not in (200, 201):
                raise SignalingError(_refusal(reply.status), status=reply.status)
            return self._keep(*self._parse(reply.text))
        except SignalingError as error:
            if not self._have_ended:
                logger.warning("%s: %s; its older credentials are used", self.name, self._hide(str(error)))
                return self._servers
            # Not chained: the other one may tell who has asked.
            text = f"{self.name}: {self._hide(str(error))}"
            raise SignalingError(text, status=error.status, url=self._origin) from None

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = secret.hide(text)
        return text

    def _parse(self, text: str) -> tuple[tuple[IceServer, ...], float]:
        """Return the servers in an answer, and how many seconds they are good for."""
        try:
            answer = json.loads(text)
            told = answer["iceServers"] if "iceServers" in answer else answer["ice_servers"]
            listed = told if isinstance(told, list) else [told] if isinstance(told, dict) else None
            seconds = float(answer.get("ttl", self._ttl))
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
            listed, seconds = None, 0.0
        # Outside of the handler: the decoder's own error has the whole answer.
        if listed is None:
            raise SignalingError("its answer names no servers: is this still its interface?")
        if not 0 < seconds < math.inf:
            raise SignalingError("its answer's ttl is no number of seconds: is this still its interface?")
        servers: list[IceServer] = []
        wrong: list[str] = []
        for index, server in enumerate(listed):
            try:
                parsed = parse_ice_server(server, f"iceServers[{index}]")
            except (TypeError, ValueError) as error:
                wrong.append(str(error))
                continue
            # Browsers refuse port 53, and wait for it.
            urls = tuple(url for url in parsed.urls if not url.partition("?")[0].endswith(":53"))
            if urls:
                servers.append(IceServer(urls, parsed.username, parsed.credential))
        if wrong:
            others = f"; and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            logger.warning("%s: a server is left out: %s%s", self.name, wrong[0], others)
        if not any(url.startswith("turn") for server in servers for url in server.urls):
            raise SignalingError("its answer names no TURN server")
        return tuple(servers), min(seconds, self._ttl)


def _refusal(status: int) -> str:
    if status in (401, 403):
        return f"it answered {status}: the credentials are refused: are they right, and still valid?"
    if status == 404:
        return "it answered 404: it does not know this account or key"
    if status == 429:
        return "it answered 429: too many requests, or more traffic than the account has"
    return f"it answered {status}" + (": try again later" if status >= 500 else "")


class CloudflareTurn(_Service):
    """Cloudflare's TURN servers: https://developers.cloudflare.com/realtime/turn/generate-credentials/.

    Parameters
    ----------
    key_id, api_token : str, optional
        Of a TURN key; else from ``CLOUDFLARE_TURN_KEY_ID`` and ``CLOUDFLARE_TURN_KEY_API_TOKEN``.
    ttl : float
        Seconds until the credentials end; new connections get others before that.

    Raises
    ------
    TypeError, ValueError
        Also when one is neither given nor in the environment.
    """

    name = "Cloudflare's TURN"
    _origin = "https://rtc.live.cloudflare.com"

    def __init__(self, key_id: str | None = None, api_token: str | None = None, *, ttl: float = LIFETIME) -> None:
        self._key_id = _given(key_id, "key_id", "CLOUDFLARE_TURN_KEY_ID")
        token = _given(api_token, "api_token", "CLOUDFLARE_TURN_KEY_API_TOKEN")
        super().__init__(ttl, self._key_id, token)

    async def _ask(self) -> http.Reply:
        url = f"{self._origin}/v1/turn/keys/{quote(self._key_id, safe='')}/credentials/generate-ice-servers"
        body, headers = json.dumps({"ttl": self._ttl}), {"Content-Type": "application/json"}
        return await http.ask("POST", url, self._secrets[1], body=body, headers=headers, timeout=TIMEOUT)


class TwilioTurn(_Service):
    """Twilio's TURN servers: https://www.twilio.com/docs/stun-turn/api.

    Parameters
    ----------
    account_sid, auth_token : str, optional
        Else from ``TWILIO_ACCOUNT_SID`` and ``TWILIO_AUTH_TOKEN``.
    ttl : float
        Seconds until the credentials end; new connections get others before that.

    Raises
    ------
    TypeError, ValueError
        Also when one is neither given nor in the environment.
    """

    name = "Twilio's TURN"
    _origin = "https://api.twilio.com"

    def __init__(self, account_sid: str | None = None, auth_token: str | None = None, *, ttl: float = LIFETIME) -> None:
        self._sid = _given(account_sid, "account_sid", "TWILIO_ACCOUNT_SID")
        token = _given(auth_token, "auth_token", "TWILIO_AUTH_TOKEN")
        super().__init__(ttl, self._sid, token)
        self._login = Login(self._sid, token)

    async def _ask(self) -> http.Reply:
        url = f"{self._origin}/2010-04-01/Accounts/{quote(self._sid, safe='')}/Tokens.json"
        body, headers = urlencode({"Ttl": self._ttl}), {"Content-Type": "application/x-www-form-urlencoded"}
        return await http.ask("POST", url, self._login, body=body, headers=headers, timeout=TIMEOUT)


class HuggingFaceTurn(_Service):
    """Cloudflare's TURN servers for a Hugging Face account, as FastRTC offers them: https://fastrtc.org/deployment/.

    Parameters
    ----------
    token : str, optional
        Else from ``HF_TOKEN``.
    ttl : float
        Seconds until the credentials end; new connections get others before that.

    Raises
    ------
    TypeError, ValueError
        Also when it is neither given nor in the environment.
    """

    name = "Hugging Face's TURN"
    _origin = "https://turn.fastrtc.org"

    def __init__(self, token: str | None = None, *, ttl: float = LIFETIME) -> None:
        super().__init__(ttl, _given(token, "token", "HF_TOKEN"))

    async def _ask(self) -> http.Reply:
        url = f"{self._origin}/credentials?{urlencode({'ttl': self._ttl})}"
        return await http.ask("GET", url, self._secrets[0], timeout=TIMEOUT)


def _given(value: str | None, name: str, variable: str) -> str:
    """Return an argument, or what the environment has for it."""
    given: Any = os.environ.get(variable, "").strip() if value is None else value
    if not isinstance(given, str):
        raise TypeError(f"{name} is a str, not {type(given).__name__}")
    if not given:
        raise ValueError(f"pass {name}=..., or set {variable} in the environment")
    try:
        Token(given)
    except ValueError:
        raise ValueError(f"{name} has printable ASCII characters and no blanks") from None
    return given
