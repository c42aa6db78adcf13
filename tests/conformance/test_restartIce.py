"""webrtc/RTCPeerConnection-restartIce.https.html and RTCDataChannel-iceRestart.html: `PeerConnection.restart_ice`."""

from __future__ import annotations

from typing import Any

from jupyter_rtc import PeerConnection
from jupyter_rtc.rtc import sdp

from .helpers import EventLog, channel_pair, connect, exchange, no_event, peers, settle


def names(description: Any) -> set[str]:
    """Return the ICE names in a description."""
    return {name for name, _ in sdp.credentials(description.sdp)}


def own(pc: PeerConnection) -> set[str]:
    return names(pc.current_local_description)


async def test_no_effect_on_a_closed_connection() -> None:
    """restartIce() has no effect on a closed peer connection."""
    with peers(1) as pc:
        pc.close()
        pc.restart_ice()
        await no_event(pc, "negotiationneeded")


async def test_no_negotiation_ahead_of_the_initial_one() -> None:
    """restartIce() does not trigger negotiation ahead of initial negotiation."""
    with peers(1) as pc:
        pc.restart_ice()
        await no_event(pc, "negotiationneeded")


async def test_no_effect_on_the_initial_negotiation() -> None:
    """restartIce() has no effect on initial negotiation."""
    with peers(2) as (a, b):
        needed = EventLog(a, "negotiationneeded")
        a.restart_ice()
        a.add_transceiver("audio")
        await needed.wait()
        await exchange(a, b)
        await needed.quiet()


async def test_negotiationneeded_fires_after_the_initial_negotiation() -> None:
    """restartIce() fires negotiationneeded after initial negotiation."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await exchange(a, b)
        await settle()
        log = EventLog(a, "negotiationneeded")
        a.restart_ice()
        await log.wait()
        await exchange(a, b)
        await log.quiet()
        assert log.count() == 1


async def test_fresh_names() -> None:
    """restartIce() causes fresh ufrags."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await connect(a, b)
        before = own(a), own(b)
        a.restart_ice()
        await exchange(a, b)
        assert not own(a) & before[0]
        assert not own(b) & before[1]
        # And no more of them without a further restart.
        before = own(a), own(b)
        await exchange(a, b)
        assert (own(a), own(b)) == before


async def test_the_option_of_createOffer() -> None:
    """createOffer({iceRestart: true}) causes fresh ufrags; restartIce() trumps {iceRestart: false}."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await connect(a, b)
        before = own(a)
        assert not names(await a.create_offer(ice_restart=True)) & before
        await exchange(a, b)
        before = own(a)
        a.restart_ice()
        assert not names(await a.create_offer(ice_restart=False)) & before


async def test_in_have_local_offer() -> None:
    """restartIce() works in have-local-offer."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await connect(a, b)
        before = own(a)
        await a.set_local_description()
        a.restart_ice()
        await b.set_remote_description(a.local_description)
        needed = EventLog(a, "negotiationneeded")
        await a.set_remote_description(await b.set_local_description())
        await needed.wait()
        assert own(a) == before
        await exchange(a, b)
        assert not own(a) & before


async def test_in_the_initial_have_local_offer() -> None:
    """restartIce() works in initial have-local-offer."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await a.set_local_description()
        a.restart_ice()
        await b.set_remote_description(a.local_description)
        needed = EventLog(a, "negotiationneeded")
        await a.set_remote_description(await b.set_local_description())
        await needed.wait()
        before = own(a)
        await exchange(a, b)
        assert not own(a) & before


async def test_in_have_remote_offer() -> None:
    """restartIce() works in have-remote-offer."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await connect(a, b)
        before = own(b)
        await b.set_remote_description(await a.set_local_description())
        b.restart_ice()
        needed = EventLog(b, "negotiationneeded")
        await a.set_remote_description(await b.set_local_description())
        await needed.wait()
        assert own(b) == before
        await exchange(b, a)
        assert not own(b) & before


async def test_nothing_in_the_initial_have_remote_offer() -> None:
    """restartIce() does nothing in initial have-remote-offer."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await b.set_remote_description(await a.set_local_description())
        b.restart_ice()
        await a.set_remote_description(await b.set_local_description())
        await no_event(b, "negotiationneeded")


async def test_it_survives_a_remote_offer() -> None:
    """restartIce() survives remote offer."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await connect(a, b)
        before = own(a)
        needed = EventLog(a, "negotiationneeded")
        a.restart_ice()
        await needed.wait()
        await exchange(b, a)
        await needed.wait(2)
        assert own(a) == before
        await exchange(a, b)
        assert not own(a) & before


async def test_a_remote_restart_satisfies_it() -> None:
    """restartIce() is satisfied by remote ICE restart."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await connect(a, b)
        before = own(a)
        needed = EventLog(a, "negotiationneeded")
        a.restart_ice()
        await needed.wait()
        b.restart_ice()
        await exchange(b, a)
        assert not own(a) & before
        await needed.quiet()


async def test_it_survives_rollback() -> None:
    """restartIce() survives rollback."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await connect(a, b)
        before = own(a)
        needed = EventLog(a, "negotiationneeded")
        a.restart_ice()
        await needed.wait()
        await a.set_local_description()
        await a.set_local_description({"type": "rollback"})
        await needed.wait(2)
        assert own(a) == before
        await exchange(a, b)
        assert not own(a) & before


async def test_a_data_channel_remains_usable() -> None:
    """RTCDataChannel-iceRestart.html: Data channel remains usable after ICE restart."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b)
        a.restart_ice()
        await exchange(a, b)
        for one, other in ((ours, theirs), (theirs, ours)):
            got = EventLog(other, "message")
            one.send("hello")
            assert await got.wait() == "hello"
            got.stop()


async def test_a_data_channel_remains_usable_at_each_step() -> None:
    """RTCDataChannel-iceRestart.html: Data channel remains usable at each step of an ICE restart."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b)

        async def ping_pong() -> None:
            asked, answered = EventLog(theirs, "message"), EventLog(ours, "message")
            ours.send("hello")
            assert await asked.wait() == "hello"
            theirs.send("x")
            assert await answered.wait() == "x"
            asked.stop()
            answered.stop()

        await ping_pong()
        a.restart_ice()
        offer = await a.set_local_description()
        await ping_pong()
        await b.set_remote_description(offer)
        await ping_pong()
        answer = await b.set_local_description(await b.create_answer())
        await ping_pong()
        await a.set_remote_description(answer)
        await ping_pong()
