"""The addresses of STUN and TURN servers, best first, and the sources that must be asked for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..errors import RtcError
from ..ice import IceServer, IceServerSource, parse_ice_url

#: So long a service may take that is asked for servers; what comes later is there for the next connection.
FETCH_PATIENCE = 2.5
#: So many of a kind are tried.
MOST = 8

_PREFERENCE = {"udp": 0, "tcp": 1, "tls": 2}


@dataclass(frozen=True)
class Address:
    """One way to ask one server: RFC 7064 and RFC 7065."""

    scheme: str
    host: str
    port: int
    #: ``"udp"``, ``"tcp"`` or ``"tls"``.
    transport: str
    username: str | None = field(default=None, repr=False)
    credential: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        transport = "?transport=" + ("udp" if self.transport == "udp" else "tcp")
        return f"{self.scheme}:{host}:{self.port}{transport if self.scheme.startswith('turn') else ''}"


async def resolve(servers: Iterable[IceServer | IceServerSource]) -> tuple[list[IceServer], dict[str, str]]:
    """Ask the sources, and return the servers; and why a source gave none, by its name."""
    failures: dict[str, str] = {}

    async def ask(server: IceServer | IceServerSource) -> tuple[IceServer, ...]:
        if isinstance(server, IceServer):
            return (server,)
        known = server._known()
        if known is not None:
            return known
        try:
            async with asyncio.timeout(FETCH_PATIENCE):
                return await server._fresh()
        except RtcError as error:
            failures[server.name] = str(error).removeprefix(f"{server.name}: ")
        except TimeoutError:
            failures[server.name] = f"no answer within {FETCH_PATIENCE:g} s"
        return ()

    found = await asyncio.gather(*(ask(server) for server in servers))
    return [server for some in found for server in some], failures


def addresses(servers: Iterable[IceServer], kind: str) -> tuple[list[Address], dict[str, str]]:
    """Return the addresses of a kind, ``"stun"`` or ``"turn"``, best first; and why others are not used."""
    found: dict[Address, None] = {}
    unused: dict[str, str] = {}
    for server in servers:
        for url in server.urls:
            if not url.startswith(kind):
                continue
            try:
                scheme, host, port, asked = parse_ice_url(url)
            except ValueError:  # from a source that does not check its own
                continue
            secure = scheme.endswith("s")
            transport = "tls" if secure else asked or "udp"
            address = Address(
                scheme, host, port or (5349 if secure else 3478), transport, server.username, server.credential
            )
            if scheme == "stuns" or (secure and asked == "udp"):
                unused[url] = f"not usable here: {'STUN over TLS' if scheme == 'stuns' else 'TURN over DTLS'}"
            elif scheme == "stun" and ":" in host:
                unused[url] = "not usable here: STUN over IPv6"
            else:
                found[address] = None
    best = sorted(found, key=lambda address: _PREFERENCE[address.transport])
    unused |= {str(address): f"not asked: only {MOST} are" for address in best[MOST:]}
    return best[:MOST], unused
