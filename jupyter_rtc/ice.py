"""ICE servers as values, checked: what may be asked on the way from one peer to the other."""

from __future__ import annotations

import ipaddress
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from .checks import one_of
from .errors import InvalidAccessError


@dataclass(frozen=True)
class IceServer:
    """A STUN or TURN server, RTCIceServer of WebRTC 1.0 §4.2.4. The credential stays out of its repr."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None

    def __repr__(self) -> str:
        return f"IceServer(urls={self.urls!r})"

    def to_json(self) -> dict[str, Any]:
        """Return the dictionary as browsers take it."""
        server: dict[str, Any] = {"urls": list(self.urls)}
        if self.username is not None:
            server["username"] = self.username
        if self.credential is not None:
            server["credential"] = self.credential
        return server


class IceServerSource(ABC):
    """Where servers come from whose credentials end, in place of a server in `ice_servers`.

    Attributes
    ----------
    name : str
        For reports.
    """

    name: str

    @abstractmethod
    def _known(self) -> tuple[IceServer, ...] | None:
        """Return the servers, at once, if there are some that are good for a while. On any thread."""

    @abstractmethod
    async def _fresh(self) -> tuple[IceServer, ...]:
        """Return servers that are good for a while. On any event loop.

        Raises
        ------
        SignalingError
            When there are none to be had.
        """


IceServers = Iterable[str | Mapping[str, Any] | IceServer | IceServerSource]
IceTransportPolicy = Literal["all", "relay"]


class IceUrl(NamedTuple):
    """The parts of an ICE server's address: RFC 7064 and RFC 7065."""

    scheme: str
    host: str
    port: int | None
    transport: str | None


_URL = re.compile(r"(stuns?|turns?):(\[[^\]]*\]|[^:/?#@\[\]]*)(?::([0-9]+))?(?:\?transport=(udp|tcp))?")
# What may be shown of an address that is refused, which may have a password in its other parts.
_SHOWN = re.compile(
    r"((?:stun|turn|http|ws)s?:(?://)?)(?:([\w.-]{1,253}|\[[0-9a-fA-F:.]+\])(?=(?::[0-9]+)?(?:[/?#]|$)))?", re.ASCII
)
_WANTED = "what is wanted is the address stun:HOST:PORT, or turn:HOST:PORT?transport=tcp"


def parse_ice_url(url: Any, where: str = "the address") -> IceUrl:
    """Return the parts of an ICE server's address, the host without brackets.

    Raises
    ------
    ValueError
        With `where` it is, and at most the scheme and the host of it.
    """
    match = _URL.fullmatch(url) if isinstance(url, str) else None
    if match is None:
        wrong = "is no ICE server address" if isinstance(url, str) else f"is of type {type(url).__name__}"
        if isinstance(url, str) and "@" in url:
            wrong = "has an @ in it, and who asks is said by 'username' and 'credential'"
    else:
        scheme, host, port, transport = match.groups()
        if transport and scheme.startswith("stun"):
            wrong = "names a transport, which only TURN has"
        elif port and not (len(port) <= 5 and 1 <= int(port) <= 65535):
            wrong = "has a port that is not from 1 to 65535"
        elif not _is_host(host):
            wrong = "has no host, or one that is neither a name nor an address"
        else:
            return IceUrl(scheme, host.strip("[]"), int(port) if port else None, transport)
    raise ValueError(f"{where}{_shown(url)} {wrong}: {_WANTED}")


def _is_host(host: str) -> bool:
    try:
        if host.startswith("["):
            return "%" not in host and bool(ipaddress.IPv6Address(host[1:-1]))
        # As `socket.getaddrinfo` does it.
        return 0 < len(host) <= 253 and host.isprintable() and " " not in host and bool(host.encode("idna"))
    except ValueError:
        return False


def _shown(url: Any) -> str:
    match = _SHOWN.match(url) if isinstance(url, str) else None
    if match is None:
        return ""
    scheme, host = match.groups()
    return f" ({scheme}{'' if host is None or '@' in url else host}...)"


def parse_ice_servers(servers: IceServers) -> tuple[IceServer | IceServerSource, ...]:
    """Return `servers` checked.

    Parameters
    ----------
    servers : iterable of str, dict, IceServer or IceServerSource
        ``"stun:host:port"``, or dictionaries with ``urls``, ``username`` and ``credential`` as in browsers.

    Raises
    ------
    TypeError, ValueError
        With the place that is wrong; of what is there at most an address's scheme and host, for a credential may be
        anywhere in it.
    """
    if isinstance(servers, (str, bytes, Mapping)) or not isinstance(servers, Iterable):
        raise TypeError("ice_servers is a list of servers, e.g. ['stun:stun.example.org:3478']")
    return tuple(
        server if isinstance(server, IceServerSource) else parse_ice_server(server, f"ice_servers[{index}]")
        for index, server in enumerate(servers)
    )


def parse_ice_server(server: Any, where: str) -> IceServer:
    """Return one server checked; errors say `where` it is, as those of `parse_ice_servers` do.

    Raises
    ------
    TypeError, ValueError
    """
    if isinstance(server, str):
        parse_ice_url(server, where)
        return IceServer((server,))
    fields = server.to_json() if isinstance(server, IceServer) else server
    if not isinstance(fields, Mapping) or "urls" not in fields:
        raise TypeError(
            f"{where} is of type {type(server).__name__}, or without 'urls': "
            "an ICE server is an address or a dict with 'urls', 'username' and 'credential'"
        )
    urls, username, credential = fields["urls"], fields.get("username"), fields.get("credential")
    if isinstance(urls, str):
        parse_ice_url(urls, f"{where}.urls")
        urls = (urls,)
    elif isinstance(urls, (bytes, Mapping)) or not isinstance(urls, Iterable):
        raise TypeError(f"{where}.urls is an address or a list of addresses, not of type {type(urls).__name__}")
    else:
        urls = tuple(urls)
        for index, url in enumerate(urls):
            parse_ice_url(url, f"{where}.urls[{index}]")
    if not urls:
        raise ValueError(f"{where}.urls is empty: an ICE server has at least one address")
    for name, value in (("username", username), ("credential", credential)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{where}.{name} is a str, not of type {type(value).__name__}")
        if value is not None and not is_text(value):
            raise ValueError(f"{where}.{name} has half a character in it, which UTF-8 cannot have")
    if (username is None or credential is None) and any(url.startswith("turn") for url in urls):
        raise InvalidAccessError(f"{where}: a TURN server needs a username and a credential, both str")
    return IceServer(urls, username, credential)


def is_text(value: str) -> bool:
    """Return whether UTF-8 can have it: a str may have halves of surrogate pairs. Its own error shows the str."""
    return not re.search("[\ud800-\udfff]", value)


def urls_of(servers: Iterable[IceServer | IceServerSource]) -> tuple[str, ...]:
    """Return the servers' addresses, and for a source that must be asked for them its name."""
    urls: list[str] = []
    for server in servers:
        known = (server,) if isinstance(server, IceServer) else server._known()
        urls += [cast(IceServerSource, server).name] if known is None else [url for one in known for url in one.urls]
    return tuple(urls)


def parse_ice_transport_policy(value: Any) -> IceTransportPolicy:
    """Return it checked.

    Raises
    ------
    TypeError, WrongValueError
    """
    return cast(IceTransportPolicy, one_of(value, ("all", "relay"), "ice_transport_policy is 'all' or 'relay'"))
