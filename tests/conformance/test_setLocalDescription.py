"""setLocalDescription, after the files webrtc/RTCPeerConnection-setLocalDescription*.html but for rollback."""

from __future__ import annotations

import asyncio

import pytest

from jupyter_rtc import InvalidStateError, PeerConnection, RtcError, SessionDescription

from .helpers import EventLog, answer_to, connect, exchange, m_lines, offer_of, pattern, peers, settle, similar


def signaling(pc: PeerConnection) -> EventLog:
    return EventLog(pc, "signalingstatechange", read=lambda pc: pc.signaling_state)


# -- setLocalDescription.html -------------------------------------------------------------------------------------


async def test_createOffer_and_setLocalDescription_again_after_one_round_succeeds() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription.html: Calling createOffer() and setLocalDescription() again after one round of local-offer/remote-answer should succeed."""
    with peers(1) as pc:
        log = signaling(pc)
        pc.add_transceiver("audio", direction="recvonly")
        offer1 = await pc.set_local_description(await pc.create_offer())
        await log.wait(1)
        await pc.set_remote_description(await answer_to(offer1))
        await log.wait(2)
        pc.create_data_channel("test")
        pc.add_transceiver("video", direction="recvonly")
        offer2 = await pc.create_offer()
        await pc.set_local_description(offer2)
        assert pc.signaling_state == "have-local-offer"
        assert not similar(offer1, offer2)
        assert similar(pc.local_description, offer2)
        assert similar(pc.current_local_description, offer1)
        assert similar(pc.pending_local_description, offer2)
        await log.wait(3)
        await log.quiet()
        assert log.seen == ["have-local-offer", "stable", "have-local-offer"]


async def test_switching_role_from_answerer_to_offerer_succeeds() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription.html: Switching role from answerer to offerer after going back to stable state should succeed."""
    with peers(2) as (a, b):
        log = signaling(b)
        a.create_data_channel("")
        await b.set_remote_description(await a.create_offer())
        await log.wait(1)
        answer = await b.set_local_description(await b.create_answer())
        await log.wait(2)
        b.add_transceiver("video", direction="recvonly")
        offer = await b.create_offer()
        await b.set_local_description(offer)
        assert b.signaling_state == "have-local-offer"
        assert similar(b.local_description, offer)
        assert similar(b.current_local_description, answer)
        assert similar(b.pending_local_description, offer)
        await log.wait(3)
        assert log.seen == ["have-remote-offer", "stable", "have-local-offer"]


async def test_onsignalingstatechange_is_on_its_way_when_setLocalDescription_returns() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription.html: onsignalingstatechange fires before setLocalDescription resolves.

    API.md: when a call returns, its effects are visible and its events are on their way.
    """
    with peers(1) as pc:
        log = signaling(pc)
        pc.add_transceiver("audio")
        await pc.set_local_description(await pc.create_offer())
        assert pc.signaling_state == "have-local-offer"
        await log.wait()


async def test_setLocalDescription_ends_if_connection_is_closed_in_parallel() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription.html: setLocalDescription(offer) should never resolve if connection is closed in parallel.

    API.md: calls under way end with `InvalidStateError`.
    """
    with peers(1) as pc:
        log = signaling(pc)
        pc.add_transceiver("audio")
        offer = await pc.create_offer()
        call = asyncio.ensure_future(pc.set_local_description(offer))
        await asyncio.sleep(0)
        pc.close()
        with pytest.raises(InvalidStateError):
            await call
        assert pc.signaling_state == "closed"
        await settle()
        assert "closed" not in log.seen


# -- setLocalDescription-offer.html -------------------------------------------------------------------------------


async def test_setLocalDescription_with_valid_offer_succeeds() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-offer.html: setLocalDescription with valid offer should succeed."""
    with peers(1) as pc:
        log = signaling(pc)
        pc.add_transceiver("audio", direction="recvonly")
        offer = await pc.create_offer()
        returned = await pc.set_local_description(offer)
        assert returned == pc.local_description
        assert pc.signaling_state == "have-local-offer"
        assert similar(pc.local_description, offer)
        assert similar(pc.pending_local_description, offer)
        assert pc.current_local_description is None
        await log.wait()
        await log.quiet()
        assert log.seen == ["have-local-offer"]


async def test_setLocalDescription_offer_without_sdp_uses_lastOffer() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-offer.html: setLocalDescription with type offer and null sdp should use lastOffer generated from createOffer."""
    with peers(1) as pc:
        pc.add_transceiver("audio", direction="recvonly")
        offer = await pc.create_offer()
        await pc.set_local_description({"type": "offer"})
        assert pc.signaling_state == "have-local-offer"
        assert similar(pc.local_description, offer)
        assert similar(pc.pending_local_description, offer)
        assert pc.current_local_description is None


async def test_setLocalDescription_with_foreign_offer_rejects() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-offer.html: setLocalDescription() with offer not created by own createOffer() should reject with InvalidModificationError.

    API.md has no InvalidModificationError: any of its errors, and nothing is changed.
    """
    with peers(2) as (a, b):
        a.create_data_channel("")
        offer = await a.create_offer()
        with pytest.raises(RtcError):
            await b.set_local_description(offer)
        assert b.signaling_state == "stable"
        assert b.local_description is None
        b.add_transceiver("audio")
        assert m_lines(await b.set_local_description()) == ["audio"]


async def test_setLocalDescription_with_an_offer_other_than_the_last_rejects() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-offer.html: Set created offer other than last offer should reject with InvalidModificationError.

    API.md has no InvalidModificationError: any of its errors, and nothing is changed.
    """
    with peers(1) as pc:
        pc.add_transceiver("audio", direction="recvonly")
        offer1 = await pc.create_offer()
        pc.add_transceiver("video", direction="recvonly")
        offer2 = await pc.create_offer()
        assert not similar(offer1, offer2)
        with pytest.raises(RtcError):
            await pc.set_local_description(offer1)
        assert pc.signaling_state == "stable"
        await pc.set_local_description(offer2)
        assert m_lines(pc.local_description) == ["audio", "video"]


async def test_creating_and_setting_offer_multiple_times_succeeds() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-offer.html: Creating and setting offer multiple times should succeed."""
    with peers(1) as pc:
        log = signaling(pc)
        pc.add_transceiver("audio", direction="recvonly")
        offer1 = await pc.set_local_description(await pc.create_offer())
        pc.add_transceiver("video", direction="recvonly")
        offer2 = await pc.set_local_description(await pc.create_offer())
        assert not similar(offer1, offer2)
        assert pc.signaling_state == "have-local-offer"
        assert similar(pc.local_description, offer2)
        assert similar(pc.pending_local_description, offer2)
        assert pc.current_local_description is None
        await log.wait()
        await log.quiet()
        assert log.seen == ["have-local-offer"]


async def test_setting_previously_generated_offer_after_a_call_to_createAnswer_works() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-offer.html: Setting previously generated offer after a call to createAnswer should work."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await exchange(a, b)
        offer = await b.create_offer()
        await b.set_remote_description(await a.create_offer())
        await b.create_answer()
        await b.set_remote_description({"type": "rollback"})
        await b.set_local_description(offer)
        assert b.signaling_state == "have-local-offer"
        assert similar(b.local_description, offer)


async def test_negotiation_works_when_there_has_been_a_repeated_setLocalDescription_offer() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-offer.html: Negotiation works when there has been a repeated setLocalDescription(offer)."""
    with peers(2) as (a, b):
        a.add_track(pattern())
        offer = await a.create_offer()
        await a.set_local_description(offer)
        await a.set_local_description(await a.create_offer())
        await b.set_remote_description(a.local_description)
        await a.set_remote_description(await b.set_local_description())
        assert a.signaling_state == b.signaling_state == "stable"
        assert a.get_transceivers()[0].current_direction == "sendonly"


async def test_setLocalDescription_same_offer_twice_works() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-offer.html: Negotiation works when there has been a repeated setLocalDescription(offer) (the very same)."""
    with peers(2) as (a, b):
        a.add_track(pattern())
        offer = await a.create_offer()
        await a.set_local_description(offer)
        await a.set_local_description(offer)
        await b.set_remote_description(a.local_description)
        await a.set_remote_description(await b.set_local_description())
        assert a.signaling_state == "stable"


async def test_setLocalDescription_offer_updates_internal_state_in_the_right_order() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-offer.html: setLocalDescription(offer) should update internal state with a queued task, in the right order."""
    with peers(1) as pc:
        transceiver = pc.add_transceiver("audio", direction="recvonly")
        offer = await pc.create_offer()
        log = EventLog(
            pc,
            "signalingstatechange",
            read=lambda pc: (pc.signaling_state, pc.pending_local_description, pc.current_local_description),
        )
        call = asyncio.ensure_future(pc.set_local_description(offer))
        assert pc.signaling_state == "stable"
        assert pc.pending_local_description is None
        assert transceiver.mid is None
        await call
        await log.wait()
        state, pending, current = log.seen[0]
        assert state == "have-local-offer"
        assert pending is not None
        assert pending == pc.local_description
        assert current is None
        assert transceiver.mid is not None


# -- setLocalDescription-answer.html ------------------------------------------------------------------------------


async def test_setLocalDescription_with_valid_answer_succeeds() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-answer.html: setLocalDescription() with valid answer should succeed."""
    with peers(1) as pc:
        log = signaling(pc)
        offer = await offer_of("video")
        await pc.set_remote_description(offer)
        await log.wait(1)
        answer = await pc.create_answer()
        await pc.set_local_description(answer)
        assert pc.signaling_state == "stable"
        assert similar(pc.local_description, answer)
        assert similar(pc.current_local_description, answer)
        assert pc.remote_description == offer
        assert pc.current_remote_description == offer
        assert pc.pending_local_description is None
        assert pc.pending_remote_description is None
        await log.wait(2)
        await log.quiet()
        assert log.seen == ["have-remote-offer", "stable"]


async def test_setLocalDescription_answer_without_sdp_uses_lastAnswer() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-answer.html: setLocalDescription() with type answer and null sdp should use lastAnswer generated from createAnswer."""
    with peers(1) as pc:
        offer = await offer_of("video")
        await pc.set_remote_description(offer)
        answer = await pc.create_answer()
        await pc.set_local_description({"type": "answer"})
        assert pc.signaling_state == "stable"
        assert similar(pc.current_local_description, answer)
        assert pc.current_remote_description == offer
        assert pc.pending_local_description is None
        assert pc.pending_remote_description is None


async def test_setLocalDescription_with_foreign_answer_rejects() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-answer.html: setLocalDescription() with answer not created by own createAnswer() should reject with InvalidModificationError.

    API.md has no InvalidModificationError: any of its errors, and nothing is changed.
    """
    with peers(1) as pc:
        offer = await offer_of("video")
        await pc.set_remote_description(offer)
        foreign = await answer_to(offer)
        with pytest.raises(RtcError):
            await pc.set_local_description(foreign)
        assert pc.signaling_state == "have-remote-offer"


async def test_setLocalDescription_answer_from_stable_state_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-answer.html: Calling setLocalDescription(answer) from stable state should reject with InvalidStateError."""
    with peers(1) as pc:
        offer = await pc.create_offer()
        with pytest.raises(InvalidStateError):
            await pc.set_local_description({"type": "answer", "sdp": offer.sdp})


async def test_setLocalDescription_answer_from_have_local_offer_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-answer.html: Calling setLocalDescription(answer) from have-local-offer state should reject with InvalidStateError."""
    with peers(1) as pc:
        pc.add_transceiver("audio")
        offer = await pc.set_local_description(await pc.create_offer())
        answer = await answer_to(offer)
        with pytest.raises(InvalidStateError):
            await pc.set_local_description(answer)


async def test_setting_previously_generated_answer_after_a_call_to_createOffer_works() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-answer.html: Setting previously generated answer after a call to createOffer should work."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await b.set_remote_description(await a.set_local_description())
        answer = await b.create_answer()
        with pytest.raises(InvalidStateError):
            await b.create_offer()
        await b.set_local_description(answer)
        assert b.signaling_state == "stable"


async def test_setLocalDescription_answer_updates_internal_state_in_the_right_order() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-answer.html: setLocalDescription(answer) should update internal state with a queued task, in the right order."""
    with peers(2) as (a, b):
        a.add_transceiver("audio", direction="sendrecv")
        await b.set_remote_description(await a.set_local_description())
        transceiver = b.get_transceivers()[0]
        answer = await b.create_answer()
        await settle()
        log = EventLog(b, "signalingstatechange", read=lambda pc: (pc.signaling_state, pc.current_local_description))
        call = asyncio.ensure_future(b.set_local_description(answer))
        assert b.signaling_state == "have-remote-offer"
        assert b.current_local_description is None
        assert b.pending_remote_description is not None
        assert transceiver.current_direction is None
        await call
        await log.wait()
        assert log.seen == [("stable", b.local_description)]
        assert b.current_remote_description is not None
        assert b.pending_remote_description is None
        assert transceiver.current_direction == "recvonly"


# -- setLocalDescription-pranswer.html ----------------------------------------------------------------------------


async def test_setLocalDescription_pranswer_from_stable_state_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-pranswer.html: setLocalDescription(pranswer) from stable state should reject with InvalidStateError."""
    with peers(1) as pc:
        offer = await pc.create_offer()
        with pytest.raises(InvalidStateError):
            await pc.set_local_description({"type": "pranswer", "sdp": offer.sdp})


async def test_setLocalDescription_pranswer_succeeds() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-pranswer.html: setLocalDescription(pranswer) should succeed."""
    with peers(1) as pc:
        log = signaling(pc)
        offer = await offer_of("video")
        await pc.set_remote_description(offer)
        await log.wait(1)
        pranswer = SessionDescription("pranswer", (await pc.create_answer()).sdp)
        await pc.set_local_description(pranswer)
        assert pc.signaling_state == "have-local-pranswer"
        assert pc.remote_description == offer
        assert pc.pending_remote_description == offer
        assert pc.current_remote_description is None
        assert similar(pc.local_description, pranswer)
        assert similar(pc.pending_local_description, pranswer)
        assert pc.current_local_description is None
        await log.wait(2)
        await log.quiet()
        assert log.seen == ["have-remote-offer", "have-local-pranswer"]


async def test_setLocalDescription_pranswer_can_be_applied_multiple_times() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-pranswer.html: setLocalDescription(pranswer) can be applied multiple times while still in have-local-pranswer."""
    with peers(1) as pc:
        log = signaling(pc)
        await pc.set_remote_description(await offer_of("video"))
        await log.wait(1)
        pranswer = SessionDescription("pranswer", (await pc.create_answer()).sdp)
        await pc.set_local_description(pranswer)
        await pc.set_local_description(pranswer)
        await log.wait(2)
        await log.quiet()
        assert log.seen == ["have-remote-offer", "have-local-pranswer"]


async def test_setLocalDescription_answer_from_have_local_pranswer_succeeds() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-pranswer.html: setLocalDescription(answer) from have-local-pranswer state should succeed."""
    with peers(1) as pc:
        log = signaling(pc)
        offer = await offer_of("video")
        await pc.set_remote_description(offer)
        await log.wait(1)
        answer = await pc.create_answer()
        await pc.set_local_description({"type": "pranswer", "sdp": answer.sdp})
        await log.wait(2)
        await pc.set_local_description(answer)
        assert pc.signaling_state == "stable"
        assert similar(pc.current_local_description, answer)
        assert pc.current_remote_description == offer
        assert pc.pending_local_description is None
        assert pc.pending_remote_description is None
        await log.wait(3)
        assert log.seen == ["have-remote-offer", "have-local-pranswer", "stable"]


@pytest.mark.parametrize("side", ["local", "remote"])
async def test_rollback_from_have_local_pranswer_rejects_with_InvalidStateError(side: str) -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-pranswer.html: (after WebRTC 1.0 §4.4.1.5: rollback in have-local-pranswer is an InvalidStateError)."""
    with peers(1) as pc:
        await pc.set_remote_description(await offer_of("video"))
        await pc.set_local_description({"type": "pranswer", "sdp": (await pc.create_answer()).sdp})
        with pytest.raises(InvalidStateError):
            await getattr(pc, f"set_{side}_description")({"type": "rollback"})
        assert pc.signaling_state == "have-local-pranswer"


# -- setLocalDescription-parameterless.https.html -----------------------------------------------------------------


async def test_parameterless_SLD_in_stable_goes_to_have_local_offer() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: Parameterless SLD() in 'stable' goes to 'have-local-offer'."""
    with peers(1) as pc:
        log = signaling(pc)
        pc.add_transceiver("audio")
        await pc.set_local_description()
        await log.wait()
        assert log.seen == ["have-local-offer"]


async def test_parameterless_SLD_in_stable_sets_pendingLocalDescription() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: Parameterless SLD() in 'stable' sets pendingLocalDescription."""
    with peers(1) as pc:
        pc.add_transceiver("audio")
        await pc.set_local_description()
        assert pc.pending_local_description is not None
        assert pc.pending_local_description.type == "offer"
        assert pc.current_local_description is None


async def test_parameterless_SLD_in_stable_assigns_transceiver_mid() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: Parameterless SLD() in 'stable' assigns transceiver.mid."""
    with peers(1) as pc:
        transceiver = pc.add_transceiver("audio")
        assert transceiver.mid is None
        await pc.set_local_description()
        assert isinstance(transceiver.mid, str)
        assert f"a=mid:{transceiver.mid}\r\n" in pc.local_description.sdp


async def test_parameterless_SLD_in_have_remote_offer_goes_to_stable() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: Parameterless SLD() in 'have-remote-offer' goes to 'stable'."""
    with peers(1) as pc:
        await pc.set_remote_description(await offer_of("audio"))
        await pc.set_local_description()
        assert pc.signaling_state == "stable"


async def test_parameterless_SLD_in_have_remote_offer_sets_currentLocalDescription() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: Parameterless SLD() in 'have-remote-offer' sets currentLocalDescription."""
    with peers(1) as pc:
        await pc.set_remote_description(await offer_of("audio"))
        await pc.set_local_description()
        assert pc.current_local_description.type == "answer"
        assert pc.pending_local_description is None


async def test_parameterless_SLD_in_have_remote_offer_sets_currentDirection() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: Parameterless SLD() in 'have-remote-offer' sets transceiver.currentDirection."""
    with peers(1) as pc:
        await pc.set_remote_description(await offer_of("audio"))
        transceiver = pc.get_transceivers()[0]
        assert transceiver.current_direction is None
        await pc.set_local_description()
        assert transceiver.current_direction == "recvonly"


async def test_parameterless_SLD_uses_LastCreatedOffer_if_it_is_still_valid() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: Parameterless SLD() uses [[LastCreatedOffer]] if it is still valid."""
    with peers(1) as pc:
        pc.add_transceiver("audio")
        offer = await pc.create_offer()
        await pc.set_local_description()
        assert session_id(pc.pending_local_description) == session_id(offer)
        assert similar(pc.pending_local_description, offer)


async def test_parameterless_SLD_does_not_use_LastCreatedOffer_when_it_is_out_of_date() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: Parameterless SLD() uses [[LastCreatedOffer]] if it is still valid (and not if it is not)."""
    with peers(1) as pc:
        pc.add_transceiver("audio")
        await pc.create_offer()
        pc.add_transceiver("video")
        await pc.set_local_description()
        assert m_lines(pc.pending_local_description) == ["audio", "video"]


async def test_parameterless_SLD_uses_LastCreatedAnswer_if_it_is_still_valid() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: Parameterless SLD() uses [[LastCreatedAnswer]] if it is still valid."""
    with peers(1) as pc:
        await pc.set_remote_description(await offer_of("audio"))
        answer = await pc.create_answer()
        await pc.set_local_description()
        assert session_id(pc.current_local_description) == session_id(answer)
        assert similar(pc.current_local_description, answer)


async def test_parameterless_SLD_does_not_use_LastCreatedAnswer_when_it_is_out_of_date() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: Parameterless SLD() uses [[LastCreatedAnswer]] if it is still valid (and not if it is not)."""
    with peers(1) as pc:
        await pc.set_remote_description(await offer_of("audio"))
        await pc.create_answer()
        pc.get_transceivers()[0].direction = "inactive"
        await pc.set_local_description()
        assert "a=inactive" in pc.current_local_description.sdp
        assert pc.get_transceivers()[0].current_direction == "inactive"


async def test_parameterless_SLD_rejects_with_InvalidStateError_if_already_closed() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: Parameterless SLD() rejects with InvalidStateError if already closed."""
    with peers(1) as pc:
        pc.close()
        with pytest.raises(InvalidStateError):
            await pc.set_local_description()


async def test_parameterless_SLD_ends_if_closed_while_pending() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: Parameterless SLD() never settles if closed while pending.

    API.md: calls under way end with `InvalidStateError`.
    """
    with peers(1) as pc:
        pc.add_transceiver("audio")
        call = asyncio.ensure_future(pc.set_local_description())
        await asyncio.sleep(0)
        pc.close()
        with pytest.raises(InvalidStateError):
            await call


async def test_parameterless_SLD_in_a_full_exchange_succeeds() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: Parameterless SLD() in a full O/A exchange succeeds."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await a.set_local_description()
        await b.set_remote_description(a.local_description)
        await b.set_local_description()
        await a.set_remote_description(b.local_description)
        assert a.signaling_state == b.signaling_state == "stable"
        await connect(a, b)


async def test_parameterless_SRD_rejects_with_TypeError() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: Parameterless SRD() rejects with TypeError."""
    with peers(1) as pc:
        with pytest.raises(TypeError):
            await pc.set_remote_description()  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            await pc.set_remote_description(None)


async def test_SessionDescription_without_type_raises_TypeError() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-parameterless.https.html: RTCSessionDescription constructed without type throws TypeError."""
    with pytest.raises(TypeError):
        SessionDescription(sdp="")  # type: ignore[call-arg]
    with peers(1) as pc, pytest.raises(TypeError):
        await pc.set_local_description({"sdp": ""})


def session_id(description: SessionDescription) -> str:
    return next(line for line in description.sdp.splitlines() if line.startswith("o="))
