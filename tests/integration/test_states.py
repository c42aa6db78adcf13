"""The states of a connection: none of the four traits ever goes back to an older state, whoever observes."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from typing import Any

import pytest
import traitlets

import jupyter_rtc as rtc
from jupyter_rtc.engine.loop import engine

from .waiting import SOON, until

TRAITS = ("signaling_state", "connection_state", "ice_connection_state", "ice_gathering_state")


async def pair_of(channel: bool = True) -> tuple[rtc.PeerConnection, rtc.PeerConnection]:
    a, b = rtc.PeerConnection(), rtc.PeerConnection()
    if channel:
        a.create_data_channel("x")
    return a, b


@pytest.mark.parametrize("observed", TRAITS)
async def test_a_slow_observer_and_a_close_in_between_leave_no_older_state(observed: str) -> None:
    a, b = await pair_of()
    reached, go_on = threading.Event(), threading.Event()

    def slow(change: Any) -> None:
        reached.set()
        go_on.wait(SOON)

    a.observe(slow, observed)
    connecting = asyncio.create_task(rtc.connect_pair(a, b, SOON))
    await asyncio.to_thread(reached.wait, SOON)
    await asyncio.to_thread(a.close)
    expected = ("closed", "closed", "closed")
    assert (a.signaling_state, a.connection_state, a.ice_connection_state) == expected
    go_on.set()
    await asyncio.gather(connecting, return_exceptions=True)
    b.close()
    await until(lambda: not a._untold and not a._telling)
    assert (a.signaling_state, a.connection_state, a.ice_connection_state) == expected


async def test_a_slow_observer_is_told_of_each_change_once_and_in_order() -> None:
    a, b = await pair_of()
    seen: dict[str, list[tuple[str, str]]] = {name: [] for name in TRAITS}

    def slow(change: Any) -> None:
        time.sleep(random.uniform(0, 0.02))
        seen[change["name"]].append((change["old"], change["new"]))

    a.observe(slow, list(TRAITS))
    await rtc.connect_pair(a, b, SOON)
    a.close()
    b.close()
    await until(lambda: not a._untold and not a._telling)
    assert [new for _, new in seen["signaling_state"]] == ["have-local-offer", "stable", "closed"]
    assert [new for _, new in seen["connection_state"]] == ["connecting", "connected", "closed"]
    for changes in seen.values():
        for (_, new), (old, _) in itertools.pairwise(changes):
            assert new == old


@pytest.mark.parametrize("seed", range(6))
def test_states_set_from_many_threads_are_shown_and_told_in_one_order(seed: int) -> None:
    """As the engine, the cell and other threads may set and read them, with a close() at any time."""
    chance = random.Random(seed)
    pc = rtc.PeerConnection()
    told: list[str] = []
    pc.observe(lambda change: (time.sleep(chance.uniform(0, 0.002)), told.append(change["new"])), "connection_state")
    target = traitlets.HasTraits()
    target.add_traits(copy=traitlets.Unicode())
    traitlets.dlink((pc, "connection_state"), (target, "copy"))
    # One list a thread: what one has read may be older by the time it notes it than what another one has noted.
    sampled: list[list[str]] = [[], [], []]
    over = threading.Event()

    def sample(states: list[str]) -> None:
        while not over.is_set():
            states.append(pc.connection_state)
            pc._tell_states()

    async def change() -> None:
        for number in range(40):
            pc._set_state("connection_state", f"{number:03}")
            await asyncio.sleep(chance.uniform(0, 0.001))

    samplers = [threading.Thread(target=sample, args=[states]) for states in sampled]
    for thread in samplers:
        thread.start()
    closer = threading.Timer(chance.uniform(0, 0.04), pc.close)
    closer.start()
    engine().call(change(), SOON)
    closer.join()
    pc.close()
    over.set()
    for thread in samplers:
        thread.join()
    deadline = time.monotonic() + SOON
    while (pc._untold or pc._telling) and time.monotonic() < deadline:
        time.sleep(0.001)
    for states in (told, *sampled):
        numbers = [s for s in states if s not in ("new", "closed")]
        assert all(old <= new for old, new in itertools.pairwise(numbers))
        assert set(states[states.index("closed") :] if "closed" in states else ["closed"]) == {"closed"}
    assert told[-1] == pc.connection_state == target.copy == "closed"  # type: ignore[attr-defined]


async def test_an_observer_may_close_the_connection_it_observes() -> None:
    a, b = await pair_of()
    a.observe(lambda change: change["new"] == "connected" and a.close(), "connection_state")
    await asyncio.gather(rtc.connect_pair(a, b, SOON), return_exceptions=True)
    await until(lambda: a.connection_state == "closed")
    b.close()


async def test_an_observer_that_raises_is_logged_and_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    pc = rtc.PeerConnection()
    seen: list[str] = []
    pc.observe(lambda change: 1 / 0, "connection_state")
    pc.observe(lambda change: seen.append(change["new"]), "signaling_state")
    pc.close()
    await until(lambda: "an observer of connection_state raised" in caplog.text)
    assert seen == ["closed"]


@pytest.mark.parametrize("other_way", [False, True])
async def test_a_pair_with_a_data_channel_alone_is_connected_when_connect_pair_returns(other_way: bool) -> None:
    a, b = await pair_of(channel=False)
    channel = (b if other_way else a).create_data_channel("x")
    await rtc.connect_pair(a, b, SOON)
    assert (a.connection_state, b.connection_state) == ("connected", "connected")
    await until(lambda: channel.ready_state == "open")
    a.close()
    b.close()


async def test_a_pair_with_nothing_to_send_returns_at_once() -> None:
    a, b = await pair_of(channel=False)
    await rtc.connect_pair(a, b, SOON)
    assert (a.connection_state, b.connection_state) == ("new", "new")
    a.close()
    b.close()


async def test_a_pair_with_a_data_channel_alone_that_cannot_connect_says_so() -> None:
    async with rtc.PeerConnection(ice_transport_policy="relay") as a, rtc.PeerConnection() as b:
        a.create_data_channel("x")
        with pytest.raises(rtc.ConnectTimeout, match=r"0\.3 s"):
            await rtc.connect_pair(a, b, timeout=0.3)
