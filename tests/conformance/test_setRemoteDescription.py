"""setRemoteDescription, after webrtc/RTCPeerConnection-setRemoteDescription*.html but for rollback and tracks."""

from __future__ import annotations

import asyncio

import pytest

from jupyter_rtc import InvalidStateError, PeerConnection, RtcError, SdpError, SessionDescription

from .helpers import (
    EventLog,
    answer_to,
    exchange,
    m_lines,
    offer_of,
    pattern,
    peers,
    sample_sdp,
    settle,
    similar,
    state,
    tone,
)


def signaling(pc: PeerConnection) -> EventLog:
    return EventLog(pc, "signalingstatechange", read=lambda pc: pc.signaling_state)


# -- setRemoteDescription.html ------------------------------------------------------------------------------------


async def test_invalid_type_and_invalid_SDP_rejects_with_TypeError() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription.html: setRemoteDescription with invalid type and invalid SDP should reject with TypeError."""
    with peers(1) as pc, pytest.raises(TypeError):
        await pc.set_remote_description({"type": "bogus", "sdp": "bogus"})


async def test_invalid_SDP_and_stable_state_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription.html: setRemoteDescription() with invalid SDP and stable state should reject with InvalidStateError."""
    with peers(1) as pc, pytest.raises(InvalidStateError):
        await pc.set_remote_description({"type": "answer", "sdp": "invalid"})


async def test_negotiation_fires_signalingstate_events() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription.html: Negotiation should fire signalingsstate events."""
    with peers(2) as (a, b):
        ours, theirs = signaling(a), signaling(b)
        a.add_track(tone())
        await b.set_remote_description(await a.set_local_description())
        await ours.wait(1)
        await theirs.wait(1)
        await a.set_remote_description(await b.set_local_description())
        await ours.wait(2)
        await theirs.wait(2)
        assert ours.seen == ["have-local-offer", "stable"]
        assert theirs.seen == ["have-remote-offer", "stable"]


async def test_setRemoteDescription_again_after_one_round_succeeds() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription.html: Calling setRemoteDescription() again after one round of remote-offer/local-answer should succeed."""
    with peers(2) as (a, b):
        log = signaling(b)
        a.create_data_channel("dummy")
        offer1 = await a.set_local_description()
        await b.set_remote_description(offer1)
        await log.wait(1)
        await a.set_remote_description(await b.set_local_description())
        await log.wait(2)
        a.add_transceiver("audio", direction="recvonly")
        offer2 = await a.set_local_description()
        await b.set_remote_description(offer2)
        assert b.signaling_state == "have-remote-offer"
        assert not similar(offer1, offer2)
        assert b.remote_description == offer2
        assert b.current_remote_description == offer1
        assert b.pending_remote_description == offer2
        await log.wait(3)
        assert log.seen == ["have-remote-offer", "stable", "have-remote-offer"]


async def test_switching_role_from_offerer_to_answerer_succeeds() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription.html: Switching role from offerer to answerer after going back to stable state should succeed."""
    with peers(2) as (a, b):
        log = signaling(a)
        a.add_transceiver("audio", direction="recvonly")
        await b.set_remote_description(await a.set_local_description())
        answer = await b.set_local_description()
        await log.wait(1)
        await a.set_remote_description(answer)
        await log.wait(2)
        b.create_data_channel("")
        offer = await b.create_offer()
        await a.set_remote_description(offer)
        assert a.signaling_state == "have-remote-offer"
        assert a.remote_description == offer
        assert a.current_remote_description == answer
        assert a.pending_remote_description == offer
        await log.wait(3)
        assert log.seen == ["have-local-offer", "stable", "have-remote-offer"]


async def test_closing_on_setRemoteDescription_ends_the_call() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription.html: Closing on setRemoteDescription() neither resolves nor rejects.

    API.md: calls under way end with `InvalidStateError`.
    """
    with peers(1) as pc:
        offer = await offer_of("audio")
        call = asyncio.ensure_future(pc.set_remote_description(offer))
        pc.close()
        with pytest.raises(InvalidStateError):
            await call
        assert pc.signaling_state == "closed"


async def test_closing_on_rollback_ends_the_call() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription.html: Closing on rollback neither resolves nor rejects.

    API.md: calls under way end with `InvalidStateError`.
    """
    with peers(1) as pc:
        pc.add_transceiver("video")
        await pc.set_local_description()
        call = asyncio.ensure_future(pc.set_local_description({"type": "rollback"}))
        pc.close()
        with pytest.raises(InvalidStateError):
            await call


async def test_msid_of_a_handwritten_offer_names_the_stream() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription.html: Triggers ontrack when called with a remote description and the MSID of the stream is is parsed."""
    with peers(1) as pc:
        log = EventLog(pc, "track")
        sdp = sample_sdp(
            {"kind": "audio", "mid": "mid1", "direction": "sendonly", "msid": ["stream1 track1"]}, bundle=False
        )
        await pc.set_remote_description(SessionDescription("offer", sdp))
        fired = await log.wait()
        assert [stream.id for stream in fired.streams] == ["stream1"]
        assert fired.track.id == "track1"


# -- setRemoteDescription-offer.html ------------------------------------------------------------------------------


async def test_setRemoteDescription_with_valid_offer_succeeds() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: setRemoteDescription with valid offer should succeed."""
    with peers(2) as (a, b):
        a.create_data_channel("datachannel")
        log = signaling(b)
        offer = await a.create_offer()
        assert await b.set_remote_description(offer) == offer
        assert b.signaling_state == "have-remote-offer"
        assert b.remote_description == offer
        assert b.pending_remote_description == offer
        assert b.current_remote_description is None
        await log.wait()
        await log.quiet()
        assert log.seen == ["have-remote-offer"]


async def test_setRemoteDescription_multiple_times_succeeds() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: setRemoteDescription multiple times should succeed."""
    with peers(2) as (a, b):
        a.create_data_channel("datachannel")
        log = signaling(b)
        offer = await a.create_offer()
        await b.set_remote_description(offer)
        await b.set_remote_description(offer)
        assert b.signaling_state == "have-remote-offer"
        assert b.remote_description == b.pending_remote_description == offer
        assert b.current_remote_description is None
        await log.wait()
        await log.quiet()
        assert log.seen == ["have-remote-offer"]


async def test_setRemoteDescription_multiple_times_with_different_offer_succeeds() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: setRemoteDescription multiple times with different offer should succeed."""
    with peers(2) as (a, b):
        a.create_data_channel("datachannel")
        log = signaling(b)
        offer1 = await a.set_local_description()
        a.add_transceiver("audio", direction="recvonly")
        offer2 = await a.create_offer()
        assert not similar(offer1, offer2)
        await b.set_remote_description(offer1)
        await b.set_remote_description(offer2)
        assert b.signaling_state == "have-remote-offer"
        assert b.remote_description == b.pending_remote_description == offer2
        assert b.current_remote_description is None
        await log.wait()
        await log.quiet()
        assert log.seen == ["have-remote-offer"]
        assert len(b.get_transceivers()) == 1


async def test_setRemoteDescription_offer_with_invalid_SDP_rejects() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: setRemoteDescription(offer) with invalid SDP should reject with RTCError.

    API.md's name for it is `SdpError`, whose message names the line.
    """
    with peers(1) as pc:
        with pytest.raises(SdpError, match="line 1"):
            await pc.set_remote_description({"type": "offer", "sdp": "Invalid SDP"})
        assert pc.signaling_state == "stable"


async def test_setRemoteDescription_offer_from_have_local_offer_rolls_back_and_succeeds() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: setRemoteDescription(offer) from have-local-offer should roll back and succeed."""
    with peers(2) as (a, b):
        a.create_data_channel("")
        b.create_data_channel("")
        await a.set_local_description(await a.create_offer())
        await a.set_remote_description(await b.create_offer())
        assert a.signaling_state == "have-remote-offer"
        assert a.pending_local_description is None


async def test_offer_from_have_local_offer_fires_signalingstatechange_twice() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: setRemoteDescription(offer) from have-local-offer fires signalingstatechange twice."""
    with peers(2) as (a, b):
        a.create_data_channel("")
        b.create_data_channel("")
        await a.set_local_description(await a.create_offer())
        await settle()
        log = signaling(a)
        await a.set_remote_description(await b.create_offer())
        await log.wait(2)
        await log.quiet()
        assert log.count() == 2
        assert a.signaling_state == "have-remote-offer"
        assert a.pending_local_description is None
        assert a.pending_remote_description.type == "offer"


async def test_offer_in_stable_updates_internal_state_in_the_right_order() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: setRemoteDescription(offer) in stable should update internal state with a queued task, in the right order."""
    with peers(2) as (a, b):
        a.add_transceiver("audio", direction="recvonly")
        offer = await a.create_offer()
        log = EventLog(b, "signalingstatechange", read=lambda pc: (pc.signaling_state, pc.pending_remote_description))
        call = asyncio.ensure_future(b.set_remote_description(offer))
        assert b.signaling_state == "stable"
        assert b.pending_remote_description is None
        assert b.current_remote_description is None
        await call
        await log.wait()
        assert log.seen == [("have-remote-offer", offer)]
        assert b.pending_remote_description == b.remote_description
        assert b.current_remote_description is None


async def test_offer_in_have_local_offer_updates_internal_state_in_the_right_order() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: setRemoteDescription(offer) in have-local-offer should update internal state with a queued task, in the right order.

    That the state is "stable" in between is seen by the number of events: they come a moment later than the states.
    """
    with peers(2) as (a, b):
        b.add_transceiver("audio", direction="recvonly")
        await b.set_local_description(await b.create_offer())
        await settle()
        a.add_transceiver("audio", direction="recvonly")
        offer = await a.create_offer()
        log = EventLog(b, "signalingstatechange", read=lambda pc: (pc.signaling_state, pc.pending_local_description))
        call = asyncio.ensure_future(b.set_remote_description(offer))
        assert b.signaling_state == "have-local-offer"
        assert b.pending_remote_description is None
        assert b.pending_local_description == b.local_description
        await call
        await log.wait(2)
        assert [pending for _, pending in log.seen] == [None, None]
        assert log.seen[-1][0] == "have-remote-offer"
        assert b.pending_remote_description == b.remote_description == offer
        assert b.pending_local_description is None


async def test_naive_rollback_is_not_glare_proof() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: Naive rollback approach is not glare-proof (control).

    API.md: a candidate may come before its description, so the control's InvalidStateError does not come.
    """
    with peers(2) as (a, b):
        a.create_data_channel("")
        b.create_data_channel("")
        await a.set_local_description(await a.create_offer())
        offer = await b.create_offer()
        await a.set_local_description({"type": "rollback"})
        assert a.signaling_state == "stable"
        await asyncio.gather(a.add_ice_candidate(None), a.set_remote_description(offer))
        assert a.signaling_state == "have-remote-offer"


async def test_offer_from_have_local_offer_is_glare_proof() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: setRemoteDescription(offer) from have-local-offer is glare-proof."""
    with peers(2) as (a, b):
        a.create_data_channel("")
        b.create_data_channel("")
        await a.set_local_description(await a.create_offer())
        call = asyncio.ensure_future(a.set_remote_description(await b.create_offer()))
        await a.add_ice_candidate(None)
        await call
        assert a.signaling_state == "have-remote-offer"


async def test_invalid_offer_from_have_local_offer_changes_nothing() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: setRemoteDescription(invalidOffer) from have-local-offer does not undo rollback.

    API.md: `SdpError` means that nothing was changed, so the local offer stays.
    """
    with peers(1) as pc:
        pc.add_transceiver("audio")
        await pc.set_local_description()
        await settle()
        log = signaling(pc)
        with pytest.raises(SdpError):
            await pc.set_remote_description({"type": "offer", "sdp": "Invalid SDP"})
        assert pc.signaling_state == "have-local-offer"
        assert pc.pending_local_description is not None
        assert pc.pending_remote_description is None
        await log.quiet()


async def test_repeated_sRD_offer_works() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: repeated sRD(offer) works."""
    with peers(2) as (a, b):
        a.add_transceiver("video")
        offer = await a.create_offer()
        await b.set_remote_description(offer)
        assert len(b.get_transceivers()) == 1
        await b.set_remote_description(offer)
        assert len(b.get_transceivers()) == 1
        await a.set_local_description(offer)
        answer = await b.create_answer()
        await b.set_local_description(answer)
        await a.set_remote_description(answer)
        assert a.signaling_state == "stable"


async def test_sRD_reoffer_with_candidates_and_without_trickle_works() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: sRD(reoffer) with candidates and without trickle works."""
    with peers(2) as (a, b):
        a.add_transceiver("video")
        await exchange(a, b)
        await state(a, "complete", trait="ice_gathering_state")
        await exchange(a, b)
        await state(b, "connected", "completed", trait="ice_connection_state")


async def test_transceivers_added_by_sRD_do_not_show_up_until_it_returns() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: Transceivers added by sRD(offer) should not show up until sRD resolves."""
    with peers(2) as (a, b):
        a.add_transceiver("video")
        offer = await a.create_offer()
        call = asyncio.ensure_future(b.set_remote_description(offer))
        assert b.get_transceivers() == []
        await call
        assert len(b.get_transceivers()) == 1


async def test_section_with_duplicate_msid_rejects() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-offer.html: setRemoteDescription(section with duplicate msid) rejects."""
    with peers(2) as (a, b):
        a.add_transceiver("video")
        offer = await a.create_offer()
        session, section = offer.sdp.split("m=video", 1)
        section = "m=video" + section
        sdp = session + section + section.replace("a=mid:", "a=mid:unique")
        with pytest.raises(RtcError):
            await b.set_remote_description({"type": "offer", "sdp": sdp})
        assert b.signaling_state == "stable"


# -- setRemoteDescription-answer.html -----------------------------------------------------------------------------


async def test_setRemoteDescription_with_valid_state_and_answer_succeeds() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-answer.html: setRemoteDescription() with valid state and answer should succeed."""
    with peers(1) as pc:
        log = signaling(pc)
        pc.add_transceiver("video", direction="recvonly")
        offer = await pc.set_local_description(await pc.create_offer())
        await log.wait(1)
        answer = await answer_to(offer)
        await pc.set_remote_description(answer)
        assert pc.signaling_state == "stable"
        assert pc.local_description == pc.current_local_description == offer
        assert pc.remote_description == pc.current_remote_description == answer
        assert pc.pending_local_description is None
        assert pc.pending_remote_description is None
        await log.wait(2)
        await log.quiet()
        assert log.seen == ["have-local-offer", "stable"]


async def test_setRemoteDescription_answer_from_stable_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-answer.html: Calling setRemoteDescription(answer) from stable state should reject with InvalidStateError."""
    with peers(1) as pc:
        offer = await pc.create_offer()
        with pytest.raises(InvalidStateError):
            await pc.set_remote_description({"type": "answer", "sdp": offer.sdp})


async def test_setRemoteDescription_answer_from_have_remote_offer_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-answer.html: Calling setRemoteDescription(answer) from have-remote-offer state should reject with InvalidStateError."""
    with peers(1) as pc:
        offer = await offer_of("audio")
        await pc.set_remote_description(offer)
        answer = await answer_to(offer)
        with pytest.raises(InvalidStateError):
            await pc.set_remote_description(answer)
        assert pc.signaling_state == "have-remote-offer"


async def test_setRemoteDescription_answer_updates_internal_state_in_the_right_order() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-answer.html: Calling setRemoteDescription(answer) in have-local-offer should update internal state with a queued task, in the right order."""
    with peers(2) as (a, b):
        transceiver = a.add_transceiver("audio", direction="recvonly")
        b.add_track(tone())
        await b.set_remote_description(await a.set_local_description())
        answer = await b.set_local_description()
        await settle()
        log = EventLog(
            a,
            "signalingstatechange",
            read=lambda pc: (pc.signaling_state, pc.current_remote_description, pc.pending_local_description),
        )
        call = asyncio.ensure_future(a.set_remote_description(answer))
        assert a.signaling_state == "have-local-offer"
        assert a.current_remote_description is None
        assert a.pending_local_description is not None
        assert transceiver.current_direction is None
        await call
        await log.wait()
        assert log.seen == [("stable", answer, None)]
        assert transceiver.current_direction == "recvonly"


# -- setRemoteDescription-pranswer.html ---------------------------------------------------------------------------


async def test_setRemoteDescription_pranswer_from_stable_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-pranswer.html: setRemoteDescription(pranswer) from stable state should reject with InvalidStateError."""
    with peers(1) as pc:
        offer = await pc.create_offer()
        with pytest.raises(InvalidStateError):
            await pc.set_remote_description({"type": "pranswer", "sdp": offer.sdp})


async def test_setRemoteDescription_pranswer_from_have_local_offer_succeeds() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-pranswer.html: setRemoteDescription(pranswer) from have-local-offer state should succeed."""
    with peers(1) as pc:
        log = signaling(pc)
        pc.add_transceiver("video", direction="recvonly")
        offer = await pc.set_local_description(await pc.create_offer())
        await log.wait(1)
        pranswer = SessionDescription("pranswer", (await answer_to(offer)).sdp)
        await pc.set_remote_description(pranswer)
        assert pc.signaling_state == "have-remote-pranswer"
        assert pc.local_description == pc.pending_local_description == offer
        assert pc.current_local_description is None
        assert pc.remote_description == pc.pending_remote_description == pranswer
        assert pc.current_remote_description is None
        await log.wait(2)
        await log.quiet()
        assert log.seen == ["have-local-offer", "have-remote-pranswer"]


async def test_setRemoteDescription_pranswer_multiple_times_succeeds() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-pranswer.html: setRemoteDescription(pranswer) multiple times should succeed."""
    with peers(1) as pc:
        log = signaling(pc)
        pc.add_transceiver("video", direction="recvonly")
        offer = await pc.set_local_description(await pc.create_offer())
        await log.wait(1)
        pranswer = SessionDescription("pranswer", (await answer_to(offer)).sdp)
        await pc.set_remote_description(pranswer)
        await pc.set_remote_description(pranswer)
        await log.wait(2)
        await log.quiet()
        assert log.seen == ["have-local-offer", "have-remote-pranswer"]


async def test_setRemoteDescription_answer_from_have_remote_pranswer_succeeds() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-pranswer.html: setRemoteDescription(answer) from have-remote-pranswer state should succeed."""
    with peers(1) as pc:
        log = signaling(pc)
        pc.add_transceiver("video", direction="recvonly")
        offer = await pc.set_local_description(await pc.create_offer())
        await log.wait(1)
        answer = await answer_to(offer)
        await pc.set_remote_description({"type": "pranswer", "sdp": answer.sdp})
        await log.wait(2)
        await pc.set_remote_description(answer)
        assert pc.signaling_state == "stable"
        assert pc.local_description == pc.current_local_description == offer
        assert pc.pending_local_description is None
        assert pc.remote_description == pc.current_remote_description == answer
        assert pc.pending_remote_description is None
        await log.wait(3)
        assert log.seen == ["have-local-offer", "have-remote-pranswer", "stable"]


async def test_media_connects_on_a_provisional_answer() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-pranswer.html: (after JSEP §4.1.10: a provisional answer may start transports; here it does at the latest with the answer)."""
    with peers(2) as (a, b):
        a.add_track(pattern())
        await b.set_remote_description(await a.set_local_description())
        pranswer = await b.set_local_description({"type": "pranswer", "sdp": (await b.create_answer()).sdp})
        await a.set_remote_description({"type": "pranswer", "sdp": pranswer.sdp})
        answer = await b.set_local_description()
        assert answer.type == "answer"
        await a.set_remote_description(answer)
        await state(a, "connected")
        await state(b, "connected")


# -- setDescription-transceiver.html ------------------------------------------------------------------------------


async def test_setLocalDescription_offer_assigns_mid_to_its_transceiver() -> None:
    """webrtc/RTCPeerConnection-setDescription-transceiver.html: setLocalDescription(offer) with m= section should assign mid to corresponding transceiver."""
    with peers(1) as pc:
        transceiver = pc.add_transceiver("audio")
        assert transceiver.mid is None
        offer = await pc.create_offer()
        assert transceiver.mid is None
        await pc.set_local_description(offer)
        assert isinstance(transceiver.mid, str)
        assert f"\r\na=mid:{transceiver.mid}\r\n" in offer.sdp


async def test_setRemoteDescription_offer_creates_the_corresponding_transceiver() -> None:
    """webrtc/RTCPeerConnection-setDescription-transceiver.html: setRemoteDescription(offer) with m= section and no existing transceiver should create corresponding transceiver."""
    with peers(2) as (a, b):
        ours = a.add_transceiver("audio")
        assert a.get_transceivers() == [ours]
        assert b.get_transceivers() == []
        offer = await a.create_offer()
        await asyncio.gather(a.set_local_description(offer), b.set_remote_description(offer))
        [theirs] = b.get_transceivers()
        assert isinstance(theirs.mid, str)
        assert theirs.mid == ours.mid
        assert f"\r\na=mid:{theirs.mid}\r\n" in offer.sdp
        assert theirs.direction == "recvonly"


async def test_setLocalDescription_rollback_unsets_transceiver_mid() -> None:
    """webrtc/RTCPeerConnection-setDescription-transceiver.html: setLocalDescription(rollback) should unset transceiver.mid."""
    with peers(1) as pc:
        transceiver = pc.add_transceiver("audio")
        await pc.set_local_description(await pc.create_offer())
        assert transceiver.mid is not None
        await pc.set_local_description({"type": "rollback"})
        assert transceiver.mid is None


async def test_rollback_only_unsets_mids_of_the_current_round() -> None:
    """webrtc/RTCPeerConnection-setDescription-transceiver.html: setLocalDescription(rollback) should only unset transceiver mids associated with current round."""
    with peers(2) as (a, b):
        first = a.add_transceiver("audio")
        await exchange(a, b)
        second = a.add_transceiver("video")
        mid = first.mid
        assert mid is not None
        assert second.mid is None
        await a.set_local_description(await a.create_offer())
        assert second.mid is not None
        await a.set_local_description({"type": "rollback"})
        assert first.mid == mid
        assert second.mid is None


async def test_setRemoteDescription_rollback_removes_newly_created_transceiver() -> None:
    """webrtc/RTCPeerConnection-setDescription-transceiver.html: setRemoteDescription(rollback) should remove newly created transceiver from transceiver list."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await b.set_remote_description(await a.create_offer())
        [transceiver] = b.get_transceivers()
        assert isinstance(transceiver.mid, str)
        await b.set_remote_description({"type": "rollback"})
        assert transceiver.mid is None
        assert b.get_transceivers() == []


async def test_offer_of_a_removed_section_is_refused_in_the_answer() -> None:
    """webrtc/RTCPeerConnection-setDescription-transceiver.html: (TODO 4.3.1.6 step 8.5: a rejected media description stops the transceiver)."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        a.add_transceiver("video")
        await exchange(a, b)
        a.get_transceivers()[1].stop()
        await exchange(a, b)
        assert m_lines(b.local_description) == ["audio", "video"]
        assert [t.kind for t in b.get_transceivers()] == ["audio"]
        assert [t.kind for t in a.get_transceivers()] == ["audio"]
