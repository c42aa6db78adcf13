"""HTTP as WHIP and WHEP speak it: a bearer token in each request, redirects, and failures told in words."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from ..errors import SignalingError
from . import certificates, failures
from .proxy import Proxy, proxy_for
from .tokens import Token

logger = logging.getLogger(__name__)

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
#: A description of a hundred media sections has less.
LONGEST_BODY = 1 << 18
#: Characters of what a server says for people that are passed on.
LONGEST_WORDS = 200
#: Seconds for a request; how long all takes is said by who waits.
TIMEOUT = 30.0
REDIRECTS = 5


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    headers: Any
    text: str
    #: Where it came from, after redirects.
    url: str
    #: What it came through, and may come from.
    proxy: Proxy | None = None
    #: Whether it is of another server than was asked, which was not told the token.
    is_elsewhere: bool = False

    @property
    def content_type(self) -> str:
        """Without parameters, in lower case."""
        return str(self.headers.get("Content-Type", "")).split(";")[0].strip().lower()


def checked(
    url: str,
    scheme: str = "http",
    example: str = "https://media.example/whip",
    login: str = 'token=("USER", "PASSWORD")',
) -> str:
    """Return an address that can be asked, of a scheme or of its encrypted kind; `login` says how to name a user.

    Raises
    ------
    TypeError, ValueError
        When it is none; without the secrets that may be in it.
    """
    if not isinstance(url, str):
        raise TypeError(f"the address is a str, not {type(url).__name__}")
    if not _is_usable(url, scheme):
        # It may be no address at all, and have a password before an @, with any characters in it.
        shown = public(url[url.rfind("@") + 1 :])
        raise ValueError(
            f"the address begins with {scheme}s:// or {scheme}:// and names a host, as {example}, not {shown!r}"
        )
    if "@" in urlsplit(url).netloc:
        raise ValueError(f"{public(url)}: no user or password in the address, but {login}")
    return url


def _is_usable(url: str, scheme: str = "http") -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in (scheme, f"{scheme}s") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def named(here: str, headers: Mapping[str, str], status: int) -> str:
    """Return the address that an answer's ``Location`` names, as seen from where the answer came, without a user in it.

    Raises
    ------
    SignalingError
        When it is none that can be asked.
    """
    try:
        parts = urlsplit(urljoin(here, headers["Location"]))
        there = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    except ValueError:
        there = ""
    if not _is_usable(there):
        message = f"{public(here)} answered {status} and names an address that cannot be asked: look into its log"
        raise SignalingError(message, status=status, url=public(here))
    return there


def is_downgrade(here: str, there: str) -> bool:
    """Return whether what was encrypted would be so no more."""
    return urlsplit(here).scheme == "https" and urlsplit(there).scheme != "https"


def public(url: str) -> str:
    """Return an address without user, query and fragment, where secrets are."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "…" if parts.query else "", ""))


def is_same_origin(one: str, other: str) -> bool:
    """Return whether two addresses are of one server."""
    return _origin(one) == _origin(other)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


async def ask(
    method: str,
    url: str,
    token: Token,
    *,
    body: str = "",
    headers: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
    at_exit: bool = False,
) -> Reply:
    """Send a request and return the answer, whatever its status. On the loop of HTTP.

    `at_exit`: the process is ending, and no threads can be begun any more, which looking up a name usually takes.
    Redirects are followed where they keep the method (307, 308), and the token goes to the same server only.

    Raises
    ------
    SignalingError
        When there is no answer.
    """
    import aiohttp  # half a second that who never asks a server need not wait for

    limits = aiohttp.ClientTimeout(total=timeout, sock_connect=failures.CONNECT_TIMEOUT)
    here = url
    connector = aiohttp.TCPConnector(resolver=_resolver()) if at_exit else None
    async with aiohttp.ClientSession(timeout=limits, connector=connector) as session:
        for _ in range(REDIRECTS + 1):
            own = token.header() if is_same_origin(url, here) else {}
            proxy, options = through(here, {**(headers or {}), **own})
            try:
                async with session.request(
                    method, here, data=body or None, allow_redirects=False, **options
                ) as response:
                    text = await _text(response)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                raise unanswered(here, error, timeout, proxy) from None
            if response.status not in (307, 308) or "Location" not in response.headers:
                return Reply(response.status, response.headers, text, here, proxy, not is_same_origin(url, here))
            there = named(here, response.headers, response.status)
            if is_downgrade(here, there):
                message = f"{public(here)} redirects to {public(there)}, which is not followed: it is not encrypted"
                raise SignalingError(message, status=response.status, url=public(here))
            logger.debug("%s redirects to %s", public(here), public(there))
            here = there
    raise SignalingError(f"{public(url)} redirects in circles: ask for its right address", url=public(url))


def through(url: str, headers: Mapping[str, str]) -> tuple[Proxy | None, dict[str, Any]]:
    """Return the proxy of an address, if it has one, and the arguments of a request by which aiohttp gets there.

    Raises
    ------
    SignalingError
        When the proxy that the environment names cannot be used.
    """
    try:
        proxy = proxy_for(url)
    except ValueError as error:
        raise SignalingError(f"{public(url)}: {error}", url=public(url)) from None
    options = {"headers": dict(headers)} if proxy is None else proxy.options(url, dict(headers))
    return proxy, {**options, "ssl": certificates.context()}


def unanswered(url: str, error: Exception, timeout: float, proxy: Proxy | None) -> SignalingError:
    """Return the error for a request without an answer. Not to be chained: aiohttp's may have the whole address."""
    text = f"{public(url)}: {failures.why(error, timeout, proxy)}"
    return SignalingError(text, status=failures.status_of(error), url=public(url))


def _resolver() -> Any:
    """Return one that looks names up on the loop's own thread."""
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Resolver(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
            found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
            return [
                ResolveResult(hostname=host, host=str(to[0]), port=int(to[1]), family=kind, proto=proto, flags=0)
                for kind, _, proto, _, to in found
            ]

        async def close(self) -> None:
            """Nothing is kept."""

    return Resolver()


async def _text(response: Any) -> str:
    """Return a body, of which no more is read than a description can have."""
    data = bytearray()
    async for chunk in response.content.iter_chunked(1 << 14):
        data += chunk
        if len(data) > LONGEST_BODY:
            raise ValueError("more than a description can have")
    return data.decode("utf-8", "replace")


#: What to do about a status; {what} is the protocol.
_ADVICE = {
    400: "the server does not understand the description",
    404: "there is nothing at this address: check it, and whether the stream exists",
    405: "this is no {what} endpoint: check the address",
    406: "the server cannot agree with what was offered",
    409: "the stream is not free, or not ready: is somebody else publishing there?",
    410: "the session is over",
    412: "the server knows a newer state of the session",
    413: "the description is too long for the server",
    415: "this is no {what} endpoint, for it does not take SDP: check the address",
    422: "the server cannot use the description",
    429: "too many requests: wait a little",
    501: "the server cannot do this",
    502: "the server behind this one does not answer: try again later",
    503: "the server is busy or full: try again later",
    504: "the server behind this one does not answer: try again later",
}


def refusal(reply: Reply, token: Token, what: str, *, takes_login: bool = True) -> SignalingError:
    """Return the error for an answer that is a refusal; `takes_login`: of a protocol that a user may log in to."""
    status = reply.status
    if status == 407 and reply.proxy is not None:
        why = failures.refused(reply.proxy, status, reply.headers.getall("Proxy-Authenticate", []))
        return SignalingError(f"{public(reply.url)}: {why}", status=status, url=public(reply.url))
    if status in (401, 403) and token and reply.is_elsewhere:
        advice = "it was redirected to, and is not told the token for another server: use its own address"
    elif status in (401, 403):
        advice = token.advice(reply.headers.getall("WWW-Authenticate", []), takes_login=takes_login)
    elif 300 <= status < 400:
        try:
            advice = f"the address has changed: use {public(named(reply.url, reply.headers, status))}"
        except (LookupError, SignalingError):
            advice = "the address has changed, and it does not say where to: ask for the right one"
    else:
        other = "the server failed: look into its log" if status >= 500 else "the server refuses"
        advice = _ADVICE.get(status, other).format(what=what)
    wait = str(reply.headers.get("Retry-After", ""))
    if wait.isascii() and wait.isdigit() and len(wait) < 6:
        advice += f", in {wait} s"
    if reply.proxy is not None and urlsplit(reply.url).scheme in (
        "http",
        "ws",
    ):  # then it may be the proxy that refuses
        advice += f"; it was asked through {reply.proxy}"
    said = _said(reply, token)
    text = f"{public(reply.url)} answered {status}: {advice}" + (f" (it says: {said})" if said else "")
    return SignalingError(text, status=status, url=public(reply.url))


def _said(reply: Reply, token: Token) -> str:
    """Return what the server says for people."""
    if reply.content_type not in ("text/plain", "application/json", "application/problem+json"):
        return ""
    text = token.hide(" ".join(reply.text.split()))
    return words(text) if text.isprintable() else ""


def words(said: Any, otherwise: str = "") -> str:
    """Return what a server says for people, printable and not too long, or `otherwise` where it says nothing."""
    text = said if isinstance(said, str) else ""
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return text[: LONGEST_WORDS - 1] + "…" if len(text) > LONGEST_WORDS else text or otherwise
