"""Who may ask a server of ours, and where: tokens, pages of other sites, addresses."""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from .http import Token

#: What a page of another site may read and send: RFC 9725 §4.7 and what browsers ask before a POST.
_CORS = {
    "Access-Control-Allow-Methods": "POST, PATCH, DELETE, OPTIONS, GET",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Expose-Headers": "Location, Link, ETag, Accept-Patch",
    "Access-Control-Max-Age": "600",
    "Vary": "Origin",
}


def is_allowed(token: Token, authorization: str) -> bool:
    """Return whether a request with this ``Authorization`` has the token; takes as long whatever is wrong with it."""
    if token.value is None:
        return True
    scheme, _, given = authorization.partition(" ")
    # A header may have bytes that are no text.
    same = hmac.compare_digest(given.strip().encode(errors="surrogateescape"), token.value.encode())
    return same and scheme.lower() == "bearer"


def is_own(headers: Mapping[str, str]) -> bool:
    """Return whether no other site's page asks, for a server that wants no token.

    A page anywhere may send requests to this machine, and by DNS may make this machine's address that of its own host:
    so the host that is asked is to be an address or ``localhost``, and a page that asks is to come from there.
    """
    host = _host("//" + headers.get("Host", ""))
    origin = headers.get("Origin")
    if not (_is_loopback(host) or _is_address(host)):
        return False
    if origin is None:
        return True
    asking = _host(origin)
    return _is_loopback(asking) or asking == host


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def cors(token: Token, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that let a page use the answer, if it may."""
    origin = headers.get("Origin")
    if token:
        return {**_CORS, "Access-Control-Allow-Origin": "*"}
    if origin is not None and is_own(headers):
        return {**_CORS, "Access-Control-Allow-Origin": origin}
    return dict(_CORS)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def own_address() -> str:
    """Return this machine's address in its network. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
