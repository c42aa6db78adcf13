"""Which proxy a request goes through: ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``.

aiohttp's ``trust_env`` is not used: it also sends passwords of ``~/.netrc`` to servers that were given none.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import re
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from .hosts import is_address, is_any, is_loopback


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy. Its user and password are in no error and no repr."""

    #: Without user and password.
    url: str
    #: The variable that names it.
    source: str
    #: What tells it who asks.
    headers: dict[str, str] = field(repr=False)

    def __str__(self) -> str:
        return f"the proxy {self.url} ({self.source})"

    def options(self, url: str, headers: dict[str, str]) -> dict[str, Any]:
        """Return the arguments of aiohttp's requests that lead through it, with the request's own headers."""
        if urlsplit(url).scheme.lower() == "https":  # through a tunnel: the proxy sees no other header
            return {"proxy": self.url, "proxy_headers": dict(self.headers), "headers": headers}
        return {"proxy": self.url, "headers": {**headers, **self.headers}}


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy that the environment, or else the system, names for an address; None where there is none.

    Never one for this machine itself. What is in lower case comes first, as in curl.

    Raises
    ------
    ValueError
        When it is none that can be used, in words and without secrets.
    """
    parts = urlsplit(url)
    host, scheme = (parts.hostname or "").removesuffix("."), parts.scheme.lower()
    if is_loopback(host) or is_any(host) or _is_excluded(host, parts.port or (443 if scheme == "https" else 80)):
        return None
    found = urllib.request.getproxies()
    for name in (scheme, "all"):
        if found.get(name, "").strip():
            return _parse(found[name].strip(), _variable(name))
    return None


def _variable(scheme: str) -> str:
    names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")
    return next((name for name in names if os.environ.get(name)), "the system's settings")


def _parse(text: str, source: str) -> Proxy:
    wrong = (
        f"{source} names no proxy that can be used, but for example http://proxy.example:3128 would be one "
        "(in a password, @ : / # ? % are written as %40 %3A %2F %23 %3F %25)"
    )
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(wrong) from None
    scheme = parts.scheme.lower()
    if scheme.startswith("socks"):
        raise ValueError(
            f"{source} names a SOCKS proxy, and only HTTP proxies are supported: set HTTPS_PROXY and HTTP_PROXY "
            "to one, or NO_PROXY to the hosts that are reached without"
        )
    if scheme not in ("http", "https") or not re.fullmatch(r"[\w.:%-]+", host) or port == 0:
        raise ValueError(wrong)
    port = port or (443 if scheme == "https" else 80)
    headers = {}
    if "@" in parts.netloc:
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    return Proxy(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}", source, headers)


def _is_excluded(host: str, port: int) -> bool:
    """Return whether ``NO_PROXY`` names a host: by name, domain, address, network, or with its port."""
    environment = urllib.request.getproxies_environment()
    if not environment:  # then what the system's settings exclude, where there are such
        return bool(urllib.request.proxy_bypass(host))
    return any(_matches(entry, host, port) for entry in re.split(r"[\s,]+", environment.get("no", "").lower()) if entry)


def _matches(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    try:
        network = ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass
    else:
        return is_address(host) and ipaddress.ip_address(host) in network
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit():
        return int(number) == port and _matches(name, host, port)
    name = entry.removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))
