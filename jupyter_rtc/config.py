"""Settings for the whole process, from `configure` and from the environment."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

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
    def known(self) -> tuple[IceServer, ...] | None:
        """Return the servers, at once, if there are some that are good for a while. On any thread."""

    @abstractmethod
    async def fresh(self) -> tuple[IceServer, ...]:
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
        known = (server,) if isinstance(server, IceServer) else server.known()
        urls += [cast(IceServerSource, server).name] if known is None else [url for one in known for url in one.urls]
    return tuple(urls)


_configured: tuple[IceServer | IceServerSource, ...] | None = None
_policy: IceTransportPolicy | None = None


def parse_ice_transport_policy(value: Any) -> IceTransportPolicy:
    """Return it checked.

    Raises
    ------
    TypeError
    """
    if not isinstance(value, str):
        raise TypeError(f"ice_transport_policy is 'all' or 'relay', not of type {type(value).__name__}")
    if value not in ("all", "relay"):
        raise TypeError(f"ice_transport_policy is 'all' or 'relay', not {value!r}")
    return cast(IceTransportPolicy, value)


def ice_transport_policy() -> IceTransportPolicy:
    """Return the policy of widgets, and of connections that are not stricter themselves."""
    text = os.environ.get("JUPYTER_RTC_ICE_TRANSPORT_POLICY", "")
    if _policy is not None or not text:
        return _policy or "all"
    try:
        return parse_ice_transport_policy(text)
    except TypeError:
        raise ValueError(f"JUPYTER_RTC_ICE_TRANSPORT_POLICY is 'all' or 'relay', not {text!r}") from None


def ice_servers() -> tuple[IceServer | IceServerSource, ...]:
    """Return the servers for connections that name none: configured, from the environment, else none."""
    if _configured is not None:
        return _configured
    text = os.environ.get("JUPYTER_RTC_ICE_SERVERS", "")
    if not text:
        return ()
    value = _from_json("JUPYTER_RTC_ICE_SERVERS", text)
    try:
        return parse_ice_servers(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"JUPYTER_RTC_ICE_SERVERS is wrong: {error}") from None


def _from_json(variable: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        wrong = f"line {error.lineno}, column {error.colno}"
    except ValueError:
        wrong = "a number is too long"
    except RecursionError:
        wrong = "too many brackets in each other"
    # Outside of the handlers: the decoder's own error has the whole text.
    raise ValueError(f"{variable} is not JSON: {wrong}")


#: Seconds; CPython's own is ten times as long.
SWITCH_INTERVAL = 0.0005
_switch_interval: float | None = None


def switch_interval() -> float | None:
    """Return how long a busy thread may keep the interpreter while media flow; None: as it is."""
    seconds = _switch_interval
    if seconds is None:
        text = os.environ.get("JUPYTER_RTC_SWITCH_INTERVAL", "")
        try:
            seconds = _checked_interval(float(text)) if text else SWITCH_INTERVAL
        except ValueError:
            raise ValueError(f"JUPYTER_RTC_SWITCH_INTERVAL is seconds, or 0, not {text!r}") from None
    return seconds or None


def _checked_interval(seconds: float) -> float:
    if not 0 <= seconds <= 1:
        raise ValueError(f"switch_interval is in seconds, at most 1, or 0 to leave Python's alone; not {seconds!r}")
    return seconds


@dataclass(frozen=True)
class Bitrate:
    """The limits of a video stream, in bits a second: it begins with `start` and stays between the other two."""

    floor: int = 150_000
    start: int = 4_000_000
    ceiling: int = 8_000_000


def parse_bitrate(value: Any) -> Bitrate:
    """Return the limits that `value` stands for.

    Parameters
    ----------
    value : number, dict or Bitrate
        The ceiling in bits a second; or a dictionary with any of ``floor``, ``start`` and ``ceiling``.

    Raises
    ------
    TypeError, ValueError
    """
    if isinstance(value, Bitrate):
        return value
    usual = Bitrate()
    given = dict(value) if isinstance(value, Mapping) else {"ceiling": value}
    unknown = set(given) - {"floor", "start", "ceiling"}
    if unknown:
        raise ValueError(f"a bitrate has 'floor', 'start' and 'ceiling', not {', '.join(map(repr, sorted(unknown)))}")
    for name, bits in given.items():
        if isinstance(bits, bool) or not isinstance(bits, (int, float)):
            raise TypeError(f"the bitrate's {name} is a number of bits a second, not {bits!r}")
        if not 1_000 <= bits <= 1_000_000_000:
            raise ValueError(f"the bitrate's {name} is in bits a second, from 1000 to 1e9, not {bits!r}")
    # What was not given gives way to what was.
    ceiling = int(given.get("ceiling", max(usual.ceiling, given.get("start", 0), given.get("floor", 0))))
    floor = int(given.get("floor", min(usual.floor, given.get("start", ceiling), ceiling)))
    start = int(given.get("start", min(max(usual.start, floor), ceiling)))
    if not floor <= start <= ceiling:
        raise ValueError(f"a bitrate's floor {floor} must not be above its start {start}, nor that above {ceiling}")
    return Bitrate(floor, start, ceiling)


def parse_codec(value: Any) -> str:
    """Return ``"VP8"`` or ``"H264"`` for this, or ``"video/VP8"``, in any case.

    Raises
    ------
    TypeError, ValueError
    """
    if not isinstance(value, str):
        raise TypeError(f"codec is 'VP8' or 'H264', not {value!r}")
    name = value.upper().removeprefix("VIDEO/")
    if name not in ("VP8", "H264"):
        raise ValueError(f"codec is 'VP8' or 'H264', not {value!r}")
    return name


_bitrate: Bitrate | None = None
_codec: str | None = None


def bitrate() -> Bitrate:
    """Return the limits of video streams that are made from now on."""
    if _bitrate is not None:
        return _bitrate
    text = os.environ.get("JUPYTER_RTC_BITRATE", "")
    if not text:
        return Bitrate()
    return parse_bitrate(_from_json("JUPYTER_RTC_BITRATE", text))


def codec() -> str | None:
    """Return the name of the video codec that is preferred, if the settings name one."""
    text = os.environ.get("JUPYTER_RTC_CODEC", "")
    return _codec if _codec is not None or not text else parse_codec(text)


def configure(
    *,
    ice_servers: IceServers | None = None,
    ice_transport_policy: IceTransportPolicy | None = None,
    bitrate: float | Mapping[str, float] | Bitrate | None = None,
    codec: str | None = None,
    switch_interval: float | None = None,
) -> None:
    """Set what connections made from now on use.

    Parameters
    ----------
    ice_servers : list, optional
        STUN and TURN servers, as addresses or as dictionaries as in browsers, or what fetches fresh ones, as
        `CloudflareTurn`. Also from the environment variable ``JUPYTER_RTC_ICE_SERVERS``, as JSON. Without either
        nothing leaves the local network.
    ice_transport_policy : {"all", "relay"}, optional
        ``"relay"``: only through a TURN server, in the kernel and in its pages. A connection may be stricter than
        this, and not less strict. Also from ``JUPYTER_RTC_ICE_TRANSPORT_POLICY``.
    bitrate : number or dict, optional
        The most that a video stream may have, in bits a second; or a dictionary with any of ``floor``, ``start``
        and ``ceiling``: 150 000, 4 000 000 and 8 000 000 without it. Between them it follows what the receiver can
        take. Also from ``JUPYTER_RTC_BITRATE``, as JSON.
    codec : {"VP8", "H264"}, optional
        The video codec that is preferred where the other side has it, too; without it VP8 is offered first, and the
        other side's order is kept. Also from ``JUPYTER_RTC_CODEC``.
    switch_interval : float, optional
        How many seconds a thread that computes in pure Python may keep the interpreter while media flow
        (`sys.setswitchinterval`; restored afterwards). 0.0005 unless set, here or as ``JUPYTER_RTC_SWITCH_INTERVAL``:
        pictures stay smooth, and such a cell is about a tenth slower. 0 leaves Python's own, 0.005.
    """
    global _configured, _policy, _bitrate, _codec, _switch_interval
    policy = None if ice_transport_policy is None else parse_ice_transport_policy(ice_transport_policy)
    limits = None if bitrate is None else parse_bitrate(bitrate)
    preferred = None if codec is None else parse_codec(codec)
    if switch_interval is not None:
        _switch_interval = _checked_interval(float(switch_interval))
    if ice_servers is not None:
        _configured = parse_ice_servers(ice_servers)
    _policy = _policy if policy is None else policy
    _bitrate = _bitrate if limits is None else limits
    _codec = _codec if preferred is None else preferred
