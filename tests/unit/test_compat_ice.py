"""The cures for how aioice connects: that each is still needed, and does what it says."""

from __future__ import annotations

import asyncio
import inspect
import time

import aioice
import pytest
from aioice import Candidate
from aioice.ice import Connection, get_host_addresses

from jupyter_rtc.engine import compat_ice, names
from jupyter_rtc.jsep.reading import MOST_CANDIDATES
from tests.conftest import SCALE

SOON = 5 * SCALE


def candidate(number: int, address: str = "") -> Candidate:
    where = address or f"198.51.{number // 200}.{number % 200 + 1}"
    return Candidate.from_sdp(f"{number} 1 udp {number + 1} {where} 9 typ host")


async def connection(adopted: bool = True) -> Connection:
    made = aioice.Connection(ice_controlling=True)
    if adopted:
        compat_ice.adopt(made)
    made.remote_username, made.remote_password = "name", "p" * 22
    await made.gather_candidates()
    return made


# -- patience ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names_one", [False, True])
async def test_upstream_still_needs_patience(names_one):
    """It gives up at once where there is nothing to try, a host's name counting as nothing."""
    made = await connection(adopted=False)
    if names_one:
        await made.add_remote_candidate(candidate(1, "media.example"))
    await made.add_remote_candidate(None)
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(made.connect(), SOON)
    await made.close()


async def test_checks_of_the_other_side_connect_though_it_has_told_no_candidate():
    ours, theirs = await connection(), await connection()
    ours.ice_controlling = False
    ours.remote_username, ours.remote_password = theirs.local_username, theirs.local_password
    theirs.remote_username, theirs.remote_password = ours.local_username, ours.local_password
    await ours.add_remote_candidate(None)
    connecting = asyncio.create_task(ours.connect())
    await asyncio.sleep(0.2)
    assert not connecting.done()
    for own in ours.local_candidates:
        await theirs.add_remote_candidate(own)
    await theirs.add_remote_candidate(None)
    await asyncio.wait_for(asyncio.gather(connecting, theirs.connect()), SOON)
    await asyncio.gather(ours.close(), theirs.close())


@pytest.mark.parametrize("tried", [False, True])
async def test_patience_ends(monkeypatch, tried):
    monkeypatch.setattr(compat_ice, "PATIENCE", 0.3)
    made = await connection()
    if tried:
        await made.add_remote_candidate(candidate(1))
    await made.add_remote_candidate(None)
    connecting = asyncio.create_task(made.connect())
    await asyncio.sleep(0.1)
    for pair in made._check_list:
        made.check_state(pair, pair.State.FAILED)
        pair.task.cancel()
    began = time.monotonic()
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(connecting, SOON)
    assert time.monotonic() - began > 0.1
    await made.close()


# -- moderation -------------------------------------------------------------------------------------------------------


async def test_upstream_still_needs_moderation():
    made = await connection(adopted=False)
    for number in range(MOST_CANDIDATES + 5):
        await made.add_remote_candidate(candidate(number))
    assert len(made._remote_candidates) == MOST_CANDIDATES + 5
    await made.close()


async def test_two_thousand_candidates_are_a_hundred_and_are_tried_in_a_hundred_pairs():
    made = await connection()
    began = time.monotonic()
    for number in range(2000):
        await made.add_remote_candidate(candidate(number))
    await made.add_remote_candidate(None)
    assert time.monotonic() - began < 0.5 * SCALE
    assert len(made._remote_candidates) == MOST_CANDIDATES
    assert len(made._check_list) <= compat_ice.MOST_PAIRS
    await made.close()


# -- no network -------------------------------------------------------------------------------------------------------


def test_upstream_still_needs_the_loopback_interface():
    assert 'ip.ip != "127.0.0.1"' in inspect.getsource(get_host_addresses)


async def test_loopback_is_used_where_there_is_nothing_else(monkeypatch):
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: [])
    made = await connection()
    assert "127.0.0.1" in {found.host for found in made.local_candidates}
    await made.close()


async def test_loopback_is_not_used_where_there_is_an_address():
    made = await connection()
    hosts = {found.host for found in made.local_candidates}
    assert hosts == set(get_host_addresses(use_ipv4=True, use_ipv6=True)) or hosts == {"127.0.0.1", "::1"}
    await made.close()


async def test_loopback_is_not_used_where_only_relays_are_allowed(monkeypatch):
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: [])
    made = aioice.Connection(ice_controlling=True, transport_policy=aioice.TransportPolicy.RELAY)
    compat_ice.adopt(made)
    await made.gather_candidates()
    assert made.local_candidates == []
    await made.close()


# -- names ------------------------------------------------------------------------------------------------------------


async def test_a_name_is_looked_up():
    assert "127.0.0.1" in await names.look_up("localhost")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "", "x" * 300, "a..b", "\udc80"])
async def test_a_name_that_is_none_has_no_address(host):
    assert [a for a in await names.look_up(host) if host] == []


async def test_a_resolver_that_hangs_holds_nobody_up(monkeypatch):
    loose = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(_host: str) -> list[str]:
        asyncio.run_coroutine_threadsafe(loose.wait(), loop).result(60)
        return []

    monkeypatch.setattr(names, "_addresses", hang)
    monkeypatch.setattr(names, "PATIENCE", 0.2)
    began = time.monotonic()
    assert await asyncio.gather(*(names.look_up(f"host{i}.example") for i in range(50))) == [[]] * 50
    assert time.monotonic() - began < 1.0 * SCALE
    loose.set()
