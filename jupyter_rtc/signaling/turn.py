"""TURN servers with credentials that end: what keeps and renews them, and those of a secret shared with the server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterable
from typing import Any

from ..ice import IceServer, IceServerSource, is_text, parse_ice_server

#: Seconds that credentials are asked for; what is connected goes on after that, as a rule.
LIFETIME = 86_400
SHORTEST = 60
LONGEST = 2**31 - 1


class Ephemeral(IceServerSource):
    """Keeps credentials until half of their life is over, and then gets others for connections made from then on."""

    def __init__(self, ttl: float) -> None:
        if isinstance(ttl, bool) or not isinstance(ttl, (int, float)):
            raise TypeError(f"ttl is a number of seconds, not of type {type(ttl).__name__}")
        if not SHORTEST <= ttl <= LONGEST:
            raise ValueError(f"ttl is in seconds, from {SHORTEST} to {LONGEST}")
        self._ttl = int(ttl)
        self._servers: tuple[IceServer, ...] = ()
        #: The wall clock's: a machine may sleep meanwhile.
        self._renew_at = self._ends_at = 0.0

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def _known(self) -> tuple[IceServer, ...] | None:
        """Return the servers if there are some that are good for a while, else None."""
        return self._servers if time.time() < self._renew_at else None

    @property
    def _have_ended(self) -> bool:
        return time.time() >= self._ends_at

    async def ice_servers(self) -> list[dict[str, Any]]:
        """Return servers that are good for a while, as browsers take them.

        Raises
        ------
        SignalingError
            When the service refuses, or cannot be reached.
        """
        return [server.to_json() for server in await self._fresh()]

    def _keep(self, servers: tuple[IceServer, ...], seconds: float) -> tuple[IceServer, ...]:
        self._servers = servers
        now = time.time()
        self._renew_at, self._ends_at = now + seconds / 2, now + seconds
        return servers


class SharedSecretTurn(Ephemeral):
    """A TURN server that shares a secret with you: coturn with ``use-auth-secret`` and ``static-auth-secret``.

    The user name is the time at which it ends, the password a signature of that (HMAC-SHA1), as in "A REST API For
    Access To TURN Services". The secret stays in the kernel: pages are given the name and the password.

    Parameters
    ----------
    urls : str or list of str
        ``"turn:HOST:PORT"``, ``"turn:HOST:PORT?transport=tcp"``, ``"turns:HOST:PORT"``.
    secret : str
    user : str
        Follows the time in the user name, for the server's logs.
    ttl : float
        Seconds until a name and password end; new connections get others before that.

    Raises
    ------
    TypeError, ValueError
    """

    def __init__(self, urls: str | Iterable[str], secret: str, *, user: str = "", ttl: float = LIFETIME) -> None:
        super().__init__(ttl)
        if not isinstance(secret, str):
            raise TypeError(f"secret is a str, not {type(secret).__name__}")
        if not isinstance(user, str):
            raise TypeError(f"user is a str, not {type(user).__name__}")
        if not secret:
            raise ValueError("the secret is empty: it is the server's static-auth-secret")
        if ":" in user:
            raise ValueError("user has no colon in it")
        for name, value in (("secret", secret), ("user", user)):
            if not is_text(value):
                raise ValueError(f"{name} has half a character in it, which UTF-8 cannot have")
        self._urls = parse_ice_server({"urls": urls, "username": "", "credential": ""}, type(self).__name__).urls
        self._user = user
        self._sign = hmac.new(secret.encode(), digestmod=hashlib.sha1).copy
        self.name = self._urls[0]

    def _known(self) -> tuple[IceServer, ...]:
        """Return the server, with a name and a password that are good for a while."""
        known = super()._known()
        if known is not None:
            return known
        name = f"{int(time.time()) + self._ttl}" + (f":{self._user}" if self._user else "")
        signature = self._sign()
        signature.update(name.encode())
        return self._keep((IceServer(self._urls, name, base64.b64encode(signature.digest()).decode()),), self._ttl)

    async def _fresh(self) -> tuple[IceServer, ...]:
        """Return what is known."""
        return self._known()
