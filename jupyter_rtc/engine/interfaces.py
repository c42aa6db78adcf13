"""The addresses of this machine's interfaces."""

from __future__ import annotations

import aioice.ice


def host_addresses() -> list[str]:
    """Return the IPv4 and IPv6 addresses, without loopback's and without IPv6's that need a zone."""
    return [str(one) for one in aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=True)]
