"""Who may ask a server of ours: tokens, and pages of other sites."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .hosts import is_address, is_loopback
from .tokens import Token

if TYPE_CHECKING:
    from aiohttp import web

#: What a page of another site may read and send: RFC 9725 §4.7 and what browsers ask before a POST.
_CORS = {
    "Access-Control-Allow-Methods": "POST, PATCH, DELETE, OPTIONS, GET",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Expose-Headers": "Location, Link, ETag, Accept-Patch, Warning",
    "Access-Control-Max-Age": "600",
    "Vary": "Origin",
}


#: Seconds that the network's name service has to tell this machine's full name.
_NAME_SERVICE = 2.0
#: What browsers send with a GET that has no ``Origin``; a page cannot leave out ``Accept-Language``.
_OF_BROWSERS = ("Sec-Fetch-Site", "Sec-Fetch-Mode", "Referer", "Accept-Language")

OTHER_SITES = (
    "pages of other sites are refused by a server without a token, and so is a page that calls it by a name that it "
    "does not know: open it by its address, or make the server with token=..."
)


class Guard:
    """Decides which requests a server answers.

    Without a token everybody who reaches the server may ask, but no page of another site: a browser on this machine
    reaches it, too, and any page may send requests from there. A page may also make its own host name resolve to this
    machine (DNS rebinding); it is then of the same origin as we are, and only the name in ``Host`` tells. Where no page
    asks, the name does not matter: containers and proxies have names that this machine does not know.

    Parameters
    ----------
    token : Token
        What others have to know.
    host : str
        Where the server listens.
    """

    def __init__(self, token: Token, host: str) -> None:
        self._token = token
        self._names = {host.lower()}
        self._first_label: str | None = None
        if not is_loopback(host):  # otherwise nobody reaches it by the machine's name
            name = socket.gethostname().lower()
            self._names |= {name, f"{name}.local"}
            self._first_label = name.partition(".")[0]

    def has_token(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request has the token; takes the same time whatever is wrong with it."""
        if self._token.value is None:
            return True
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        # A header may have bytes that are no text.
        same = hmac.compare_digest(given.strip().encode(errors="surrogateescape"), self._token.value.encode())
        return same and scheme.lower() == "bearer"

    async def admits(self, request: web.BaseRequest) -> bool:
        """Return whether no other site's page asks; with a token any page may."""
        if self._token:
            return True
        headers = request.headers
        origin, asked = headers.get("Origin"), _host("//" + headers.get("Host", ""))
        if origin is not None:
            asking = _host(origin)
            return (is_loopback(asking) or asking == asked) and await self._is_ours(asked)
        if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return False
        # Browsers leave out Origin with these two methods only, and with them not for a WebSocket.
        may_be_page = request.method in ("GET", "HEAD") and "Upgrade" not in headers
        return not (may_be_page and any(name in headers for name in _OF_BROWSERS)) or await self._is_ours(asked)

    async def _is_ours(self, host: str) -> bool:
        """Return whether no foreign name server decides where this name leads."""
        if is_loopback(host) or is_address(host) or host in self._names:
            return True
        if self._first_label is None or host.partition(".")[0] != self._first_label:
            return False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_NAME_SERVICE):
                self._names.add((await asyncio.to_thread(socket.getfqdn)).lower())
        return host in self._names

    def cors(self, headers: Mapping[str, str], *, admitted: bool) -> dict[str, str]:
        """Return the headers that let a page use the answer, if it may."""
        origin = headers.get("Origin")
        if self._token:
            return {**_CORS, "Access-Control-Allow-Origin": "*"}
        if origin is not None and admitted:
            return {**_CORS, "Access-Control-Allow-Origin": origin}
        return dict(_CORS)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return ""
