"""Names and addresses of hosts, as they are in URLs."""

from __future__ import annotations

import ipaddress


def is_address(host: str) -> bool:
    """Return whether it is an IPv4 or IPv6 address, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether it is this machine, whatever the network says."""
    if is_address(host):
        return ipaddress.ip_address(host).is_loopback
    name = host.lower().removesuffix(".")
    return name == "localhost" or name.endswith(".localhost")  # RFC 6761 §6.3


def is_any(host: str) -> bool:
    """Return whether it stands for all addresses of this machine: ``0.0.0.0`` and ``::``."""
    return is_address(host) and ipaddress.ip_address(host).is_unspecified
