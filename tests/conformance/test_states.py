"""States, after webrtc/RTCPeerConnection-{connection,iceConnection,iceGathering}State*.html."""

from __future__ import annotations

import asyncio

import pytest
import traitlets

from jupyter_rtc import PeerConnection

from .helpers import (
    EventLog,
    channel_pair,
    connect,
    eventually,
    exchange,
    no_event,
    pattern,
    peers,
    settle,
    state,
    tone,
)


def watched(pc: PeerConnection, trait: str) -> list[str]:
    """Return a list of the states that an observer of the trait sees."""
    seen: list[str] = []
    pc.observe(lambda change: seen.append(change["new"]), trait)
    return seen


# -- connectionState.https.html -----------------------------------------------------------------------------------


async def test_initial_connectionState_is_new() -> None:
    """webrtc/RTCPeerConnection-connectionState.https.html: Initial connectionState should be new."""
    with peers(1) as pc:
        assert pc.connection_state == "new"


async def test_closing_sets_connectionState_to_closed() -> None:
    """webrtc/RTCPeerConnection-connectionState.https.html: Closing the connection should set connectionState to closed."""
    with peers(1) as pc:
        pc.close()
        assert pc.connection_state == "closed"


async def test_connection_with_one_data_channel_becomes_connected_via_connecting() -> None:
    """webrtc/RTCPeerConnection-connectionState.https.html: connection with one data channel should eventually have connected connection state."""
    with peers(2) as (a, b):
        a.create_data_channel("test")
        seen = watched(a, "connection_state")
        await exchange(a, b)
        await state(a, "connected")
        await settle()
        assert seen == ["connecting", "connected"]


async def test_connectionState_is_connected_when_the_ice_state_is() -> None:
    """webrtc/RTCPeerConnection-connectionState.https.html: connection with one data channel should eventually have transports in connected state.

    Transports are no part of API.md: ice_connection_state is what is left of them.
    """
    with peers(2) as (a, b):
        a.create_data_channel("test")
        await exchange(a, b)
        await state(a, "connected")
        assert a.ice_connection_state in ("connected", "completed")


async def test_connectionState_stays_new_without_remote_candidates() -> None:
    """webrtc/RTCPeerConnection-connectionState.https.html: connectionState remains new when not adding remote ice candidates.

    The original asserts iceConnectionState, as is done here.
    """
    with peers(2) as (a, b):
        a.add_track(tone())
        offer = await a.set_local_description()
        await b.set_remote_description({"type": "offer", "sdp": bare(offer.sdp)})
        answer = await b.set_local_description()
        await a.set_remote_description({"type": "answer", "sdp": bare(answer.sdp)})
        await asyncio.sleep(0.2)
        assert a.ice_connection_state == "new"
        assert b.ice_connection_state == "new"


def bare(sdp: str) -> str:
    return "".join(
        line for line in sdp.splitlines(keepends=True) if not line.startswith(("a=candidate", "a=end-of-candidates"))
    )


async def test_connectionState_transitions_to_connected_via_connecting() -> None:
    """webrtc/RTCPeerConnection-connectionState.https.html: connectionState transitions to connected via connecting."""
    with peers(2) as (a, b):
        a.add_track(tone())
        seen = watched(a, "connection_state")
        log = EventLog(a, "connectionstatechange")
        await exchange(a, b)
        await state(a, "connected")
        await settle()
        assert seen == ["connecting", "connected"]
        assert log.count() == 2


async def test_closing_does_not_fire_connectionstatechange() -> None:
    """webrtc/RTCPeerConnection-connectionState.https.html: Closing a PeerConnection should not fire connectionstatechange event."""
    with peers(2) as (a, b):
        a.add_track(tone())
        await connect(a, b)
        await settle()
        log = EventLog(b, "connectionstatechange")
        b.close()
        assert b.connection_state == "closed"
        await log.quiet()


async def test_connection_without_bundle_connects() -> None:
    """webrtc/RTCPeerConnection-connectionState.https.html: Something something unbundled partially connected (with all candidates, so that all of it connects)."""
    with peers(2) as (a, b):
        a.add_track(tone())
        a.add_track(pattern())
        offer = await a.set_local_description()
        sdp = offer.sdp.replace("a=group:BUNDLE ", "a=group:SOMETHINGELSE ")
        await b.set_remote_description({"type": "offer", "sdp": sdp})
        await a.set_remote_description(await b.set_local_description())
        await state(a, "connected")
        await state(b, "connected")


async def test_connectionState_of_the_other_side_leaves_connected_after_close() -> None:
    """webrtc/RTCPeerConnection-connectionState.https.html: (TODO disconnected/failed) the other side's state leaves "connected" when one side closes."""
    with peers(2) as (a, b):
        await channel_pair(a, b)
        a.close()
        await state(b, "disconnected", "failed", "closed", timeout=8)
        assert b.connection_state != "closed"


@pytest.mark.parametrize(
    "trait", ["signaling_state", "connection_state", "ice_connection_state", "ice_gathering_state"]
)
async def test_states_are_read_only(trait: str) -> None:
    """webrtc/RTCPeerConnection-connectionState.https.html: readonly attribute (as a trait: API.md)."""
    with peers(1) as pc, pytest.raises(traitlets.TraitError):
        setattr(pc, trait, "new")


# -- iceConnectionState.https.html --------------------------------------------------------------------------------


async def test_initial_iceConnectionState_is_new() -> None:
    """webrtc/RTCPeerConnection-iceConnectionState.https.html: Initial iceConnectionState should be new."""
    with peers(1) as pc:
        assert pc.ice_connection_state == "new"


async def test_closing_sets_iceConnectionState_to_closed() -> None:
    """webrtc/RTCPeerConnection-iceConnectionState.https.html: Closing the connection should set iceConnectionState to closed."""
    with peers(1) as pc:
        pc.close()
        assert pc.ice_connection_state == "closed"


async def test_iceConnectionState_becomes_connected_via_checking() -> None:
    """webrtc/RTCPeerConnection-iceConnectionState.https.html: connection with one data channel should eventually have connected or completed connection state."""
    with peers(2) as (a, b):
        a.create_data_channel("test")
        seen = watched(a, "ice_connection_state")
        await exchange(a, b)
        await state(a, "connected", "completed", trait="ice_connection_state")
        await settle()
        assert seen[0] == "checking"
        assert set(seen[1:]) <= {"connected", "completed"}


async def test_iceconnectionstatechange_fires_for_each_state() -> None:
    """webrtc/RTCPeerConnection-iceConnectionState.https.html: connection with one data channel should eventually have connected connection state."""
    with peers(2) as (a, b):
        a.create_data_channel("test")
        seen = watched(a, "ice_connection_state")
        log = EventLog(a, "iceconnectionstatechange")
        await exchange(a, b)
        await state(a, "connected", "completed", trait="ice_connection_state")
        await settle()
        assert log.count() == len(seen) == len(set(seen))


async def test_connection_with_audio_track_becomes_connected() -> None:
    """webrtc/RTCPeerConnection-iceConnectionState.https.html: connection with audio track should eventually have connected connection state."""
    with peers(2) as (a, b):
        a.add_track(tone())
        await exchange(a, b)
        await state(a, "connected", "completed", trait="ice_connection_state")


async def test_connection_with_audio_and_video_tracks_becomes_connected() -> None:
    """webrtc/RTCPeerConnection-iceConnectionState.https.html: connection with audio and video tracks should eventually have connected connection state."""
    with peers(2) as (a, b):
        a.add_track(tone())
        a.add_track(pattern())
        await exchange(a, b)
        await state(a, "connected", "completed", trait="ice_connection_state")


async def test_ice_can_connect_in_a_recvonly_usecase() -> None:
    """webrtc/RTCPeerConnection-iceConnectionState.https.html: ICE can connect in a recvonly usecase."""
    with peers(2) as (a, b):
        a.add_transceiver("audio", direction="recvonly")
        b.add_track(tone())
        await exchange(a, b)
        [transceiver] = a.get_transceivers()
        assert transceiver.current_direction == "recvonly"
        await state(a, "connected", "completed", trait="ice_connection_state")


@pytest.mark.parametrize("policy", ["balanced", "max-bundle", "max-compat"])
async def test_iceConnectionState_changes_with_bundle_policy(policy: str) -> None:
    """webrtc/RTCPeerConnection-iceConnectionState.https.html: iceConnectionState changes at the right time, with bundle policy {policy}."""
    with peers(1, bundle_policy=policy) as a, peers(1) as b:
        a.add_track(tone())
        a.add_track(pattern())
        a.create_data_channel("datachannel")
        await exchange(a, b)
        await state(a, "connected", "completed", trait="ice_connection_state")
        assert a.connection_state in ("connecting", "connected")
        await state(a, "connected")


async def test_responder_ice_connection_state_behaves_as_expected() -> None:
    """webrtc/RTCPeerConnection-iceConnectionState.https.html: Responder ICE connection state behaves as expected."""
    with peers(2) as (a, b):
        a.add_track(tone())
        a.add_track(pattern())
        seen = watched(b, "ice_connection_state")
        await exchange(a, b)
        await state(b, "connected", "completed", trait="ice_connection_state")
        await settle()
        assert seen[0] == "checking"
        assert seen[1] in ("connected", "completed")


async def test_closing_does_not_fire_iceconnectionstatechange() -> None:
    """webrtc/RTCPeerConnection-iceConnectionState.https.html: Closing a PeerConnection should not fire iceconnectionstatechange event."""
    with peers(2) as (a, b):
        a.add_track(tone())
        await connect(a, b)
        await settle()
        log = EventLog(b, "iceconnectionstatechange")
        b.close()
        assert b.ice_connection_state == "closed"
        await log.quiet()


# -- iceGatheringState.html ---------------------------------------------------------------------------------------


async def test_initial_iceGatheringState_is_new() -> None:
    """webrtc/RTCPeerConnection-iceGatheringState.html: Initial iceGatheringState should be new."""
    with peers(1) as pc:
        assert pc.ice_gathering_state == "new"


async def test_iceGatheringState_becomes_complete_after_setLocalDescription() -> None:
    """webrtc/RTCPeerConnection-iceGatheringState.html: iceGatheringState should eventually become complete after setLocalDescription."""
    with peers(1) as pc:
        pc.add_transceiver("audio", direction="recvonly")
        log = EventLog(pc, "icegatheringstatechange")
        await pc.set_local_description(await pc.create_offer())
        await state(pc, "complete", trait="ice_gathering_state")
        await log.wait()


async def test_iceGatheringState_passes_gathering() -> None:
    """webrtc/RTCPeerConnection-iceGatheringState.html: setLocalDescription(reoffer) with a new transport should cause iceGatheringState to go to "gathering" and then "complete"."""
    with peers(1) as pc:
        pc.add_transceiver("audio")
        seen = watched(pc, "ice_gathering_state")
        log = EventLog(pc, "icegatheringstatechange")
        await pc.set_local_description()
        await state(pc, "complete", trait="ice_gathering_state")
        await settle()
        assert log.count() == 2
        assert seen[-1] == "complete"


async def test_setLocalDescription_with_no_transports_does_not_change_iceGatheringState() -> None:
    """webrtc/RTCPeerConnection-iceGatheringState.html: setLocalDescription() with no transports should not cause iceGatheringState to change."""
    with peers(1) as pc:
        log = EventLog(pc, "icegatheringstatechange")
        await pc.set_local_description(await pc.create_offer())
        await log.quiet()
        assert pc.ice_gathering_state == "new"


async def test_iceGatheringState_of_the_answerer_becomes_complete() -> None:
    """webrtc/RTCPeerConnection-iceGatheringState.html: connection with one data channel should eventually have connected connection state."""
    with peers(2) as (a, b):
        a.create_data_channel("test")
        await exchange(a, b)
        await state(b, "complete", trait="ice_gathering_state")
        await state(b, "connected")


async def test_gathering_is_complete_when_the_last_candidate_fires() -> None:
    """webrtc/RTCPeerConnection-iceGatheringState.html: icegatheringstatechange to complete before the null candidate."""
    with peers(1) as pc:
        log = EventLog(pc, "icecandidate", "icegatheringstatechange", read=lambda pc: pc.ice_gathering_state)
        pc.add_transceiver("audio")
        await pc.set_local_description()
        await log.until(lambda: log.count("icecandidate") > 0 and log.entries[-1].payload is None)
        await log.until(lambda: log.names[-1] == "icecandidate")
        assert log.seen[-1] == "complete"
        assert "icegatheringstatechange" not in log.names[log.names.index("icecandidate") :]


async def test_renegotiation_without_new_transport_keeps_gathering_complete() -> None:
    """webrtc/RTCPeerConnection-iceGatheringState.html: setLocalDescription(reoffer) with no new transports should not cause iceGatheringState to change."""
    with peers(2) as (a, b):
        a.add_track(tone())
        await connect(a, b)
        await settle()
        log = EventLog(a, "icegatheringstatechange")
        a.add_track(pattern())
        await exchange(a, b)
        await log.quiet()
        assert a.ice_gathering_state == "complete"


async def test_rollback_of_the_original_offer_returns_iceGatheringState_to_new() -> None:
    """webrtc/RTCPeerConnection-explicit-rollback-iceGatheringState.html: setLocalDescription(rollback) of original offer should cause iceGatheringState to reach "new" when starting in "complete"."""
    with peers(1) as pc:
        pc.add_transceiver("audio")
        await pc.set_local_description()
        await state(pc, "complete", trait="ice_gathering_state")
        log = EventLog(pc, "icegatheringstatechange")
        await pc.set_local_description({"type": "rollback"})
        await log.wait()
        assert pc.ice_gathering_state == "new"


async def test_events_and_traits_agree() -> None:
    """webrtc/RTCPeerConnection-connectionState.https.html: (API.md: the states are traits) each change of a state fires its event once."""
    with peers(2) as (a, b):
        a.add_track(tone())
        events = {
            "signaling_state": "signalingstatechange",
            "connection_state": "connectionstatechange",
            "ice_connection_state": "iceconnectionstatechange",
        }
        seen = {trait: watched(a, trait) for trait in events}
        log = EventLog(a, *events.values())
        await exchange(a, b)
        await state(a, "connected")
        await eventually(lambda: seen["connection_state"][-1:] == ["connected"])
        await settle()
        assert {trait: len(values) for trait, values in seen.items()} == {
            trait: log.count(name) for trait, name in events.items()
        }


async def test_nothing_fires_on_a_new_connection() -> None:
    """webrtc/RTCPeerConnection-connectionState.https.html: (no event before anything is done)."""
    with peers(1) as pc:
        await no_event(pc, *pc._events)
