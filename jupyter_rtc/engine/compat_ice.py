"""What aioice 0.13 does wrong while it connects, a sibling of `compat`. On the engine's thread.

- It gives up at once where no pair of candidates is left, though the other side's checks may still reach us, from
  behind a NAT or a name that nobody can look up. RFC 8863 wants patience.
- It keeps, pairs and probes as many candidates as it is told.
- It has no address at all on a machine without a network.

`tests/unit/test_compat_ice.py` tells when a hook has gone.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aioice import TransportPolicy

from ..jsep.reading import MOST_CANDIDATES

#: RFC 8863 §4: as long as the checks of the other side may go on.
PATIENCE = 39.5
#: RFC 8445 §6.1.2.5 has this limit for all check lists.
MOST_PAIRS = 100
LOOPBACK = ("127.0.0.1", "::1")


def adopt(connection: Any) -> None:
    """Make an aioice connection patient, moderate, and able to connect where there is only this machine."""
    _be_patient(connection)
    _be_moderate(connection)
    _use_loopback(connection)


def _be_patient(connection: Any) -> None:
    connect, expected = connection.connect, connection._remote_candidates_expected
    until = float("inf")

    def give_up() -> None:
        # What has failed meanwhile says so only now. A list that is empty is seen by `connect` itself.
        if connection._check_list and not connection._check_list_done:
            connection._check_list_maybe_fail()

    def may_still_come() -> bool:
        return expected() or time.monotonic() < until

    async def connect_patiently() -> None:
        nonlocal until
        until = time.monotonic() + PATIENCE
        timer = asyncio.get_running_loop().call_later(PATIENCE + 0.05, give_up)
        try:
            await connect()
        finally:
            timer.cancel()

    def prune() -> None:
        """Keep the one component there is: without it, the other side's checks would complete nothing."""

    connection.connect = connect_patiently
    connection._prune_components = prune
    connection._remote_candidates_expected = may_still_come


def _be_moderate(connection: Any) -> None:
    add, pair = connection.add_remote_candidate, connection._pair_remote_candidate

    async def add_some(candidate: Any) -> None:
        if candidate is None or len(connection._remote_candidates) < MOST_CANDIDATES:
            await add(candidate)

    def pair_some(candidate: Any) -> None:
        # A pair that the other side's own check makes is no matter of this: aioice makes that elsewhere.
        if len(connection._check_list) < MOST_PAIRS:
            pair(candidate)

    connection.add_remote_candidate = add_some
    connection._pair_remote_candidate = pair_some


def _use_loopback(connection: Any) -> None:
    gather = connection.get_component_candidates

    async def gather_something(component: int, addresses: list[str], timeout: int = 5) -> Any:
        if not addresses and connection._transport_policy == TransportPolicy.ALL:
            addresses = list(LOOPBACK)
        return await gather(component=component, addresses=addresses, timeout=timeout)

    connection.get_component_candidates = gather_something
