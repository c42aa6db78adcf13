"""Candidates, after the files webrtc/RTCPeerConnection-*IceCandidate*.html."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jupyter_rtc import InvalidStateError, OperationError, PeerConnection

from .helpers import EventLog, exchange, no_event, offer_of, peers, sample_sdp, settle, state, tone

#: Two sections with their own ICE names, so that a candidate must find its own.
OFFER = {
    "type": "offer",
    "sdp": sample_sdp(
        {"kind": "audio", "mid": "a1", "ufrag": "ETEn", "msid": ["stream audio"]},
        {"kind": "video", "mid": "v1", "ufrag": "BGKk", "msid": ["stream video"]},
        session=("a=ice-options:trickle",),
    ),
}
FIRST = "candidate:1 1 udp 2113929471 203.0.113.100 10100 typ host"
SECOND = "candidate:1 2 udp 2113929470 203.0.113.100 10101 typ host"
AUDIO: dict[str, Any] = {"candidate": FIRST, "sdpMid": "a1", "sdpMLineIndex": 0, "usernameFragment": "ETEn"}
VIDEO: dict[str, Any] = {"candidate": SECOND, "sdpMid": "v1", "sdpMLineIndex": 1, "usernameFragment": "BGKk"}


def sections(pc: PeerConnection) -> list[str]:
    """Return the media sections of the remote description."""
    assert pc.remote_description is not None
    return pc.remote_description.sdp.split("\r\nm=")[1:]


async def with_offer(pc: PeerConnection) -> None:
    await pc.set_remote_description(OFFER)


# -- addIceCandidate.html -----------------------------------------------------------------------------------------


async def test_adding_a_candidate_before_the_remote_description_keeps_it() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add ICE candidate before setting remote description should reject with InvalidStateError.

    API.md: it may arrive before the description.
    """
    with peers(1) as pc:
        await pc.add_ice_candidate(AUDIO)
        await with_offer(pc)
        assert pc.signaling_state == "have-remote-offer"


async def test_adding_a_candidate_after_close_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: addIceCandidate after close should reject with InvalidStateError."""
    with peers(1) as pc:
        await with_offer(pc)
        pc.close()
        with pytest.raises(InvalidStateError):
            await pc.add_ice_candidate(AUDIO)


async def test_adding_a_candidate_after_the_remote_description_succeeds() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add ICE candidate after setting remote description should succeed."""
    with peers(1) as pc:
        await with_offer(pc)
        await pc.add_ice_candidate(AUDIO)


async def test_adding_what_icecandidate_gave_succeeds() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add ICE candidate with RTCIceCandidate should succeed.

    API.md: candidates are dicts, as "icecandidate" gives them.
    """
    with peers(2) as (a, b):
        log = EventLog(a, "icecandidate")
        a.add_transceiver("audio")
        offer = await a.set_local_description()
        await b.set_remote_description(offer)
        await log.until(lambda: log.count() > 0 and log.payloads[-1] is None)
        for candidate in log.payloads:
            await b.add_ice_candidate(candidate)


@pytest.mark.parametrize("candidate", [None, {}, {"candidate": ""}, {"candidate": "", "sdpMid": None}])
async def test_end_of_candidates_for_all_sections_succeeds(candidate: dict[str, Any] | None) -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: addIceCandidate() / addIceCandidate(null) / ({}) / with manually filled default values should resolve."""
    with peers(1) as pc:
        await with_offer(pc)
        await pc.add_ice_candidate(candidate)


async def test_end_of_candidates_with_only_valid_sdpMid_succeeds() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add candidate with only valid sdpMid should succeed."""
    with peers(1) as pc:
        await with_offer(pc)
        await pc.add_ice_candidate({"sdpMid": "a1"})


async def test_end_of_candidates_with_only_valid_sdpMLineIndex_succeeds() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add candidate with only valid sdpMLineIndex should succeed."""
    with peers(1) as pc:
        await with_offer(pc)
        await pc.add_ice_candidate({"sdpMLineIndex": 0})


async def test_candidate_for_the_first_section_is_added_there() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: addIceCandidate with first sdpMid and sdpMLineIndex add candidate to first media stream."""
    with peers(1) as pc:
        await with_offer(pc)
        await pc.add_ice_candidate(AUDIO)
        audio, video = sections(pc)
        assert f"a={FIRST}" in audio
        assert f"a={FIRST}" not in video


async def test_candidate_for_the_second_section_is_added_there() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: addIceCandidate with second sdpMid and sdpMLineIndex should add candidate to second media stream."""
    with peers(1) as pc:
        await with_offer(pc)
        await pc.add_ice_candidate(VIDEO)
        audio, video = sections(pc)
        assert f"a={SECOND}" in video
        assert f"a={SECOND}" not in audio


async def test_candidate_for_the_first_section_without_usernameFragment_is_added_there() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add candidate for first media stream with null usernameFragment should add candidate to first media stream."""
    with peers(1) as pc:
        await with_offer(pc)
        await pc.add_ice_candidate({**AUDIO, "usernameFragment": None})
        assert f"a={FIRST}" in sections(pc)[0]


async def test_several_candidates_are_added_to_their_sections() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Adding multiple candidates should add candidates to their corresponding media stream."""
    with peers(1) as pc:
        await with_offer(pc)
        await pc.add_ice_candidate(AUDIO)
        await pc.add_ice_candidate(VIDEO)
        audio, video = sections(pc)
        assert f"a={FIRST}" in audio
        assert f"a={SECOND}" in video


async def test_empty_candidate_ends_the_candidates_of_its_section() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add with empty candidate string (end of candidates) should succeed."""
    with peers(1) as pc:
        await with_offer(pc)
        await pc.add_ice_candidate(AUDIO)
        await pc.add_ice_candidate({**AUDIO, "candidate": ""})
        audio, video = sections(pc)
        assert f"a={FIRST}" in audio
        assert "a=end-of-candidates" in audio
        assert "a=end-of-candidates" not in video


async def test_candidate_with_both_sdpMid_and_sdpMLineIndex_None_raises_TypeError() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add candidate with both sdpMid and sdpMLineIndex manually set to null should reject with TypeError."""
    with peers(1) as pc:
        await with_offer(pc)
        with pytest.raises(TypeError):
            await pc.add_ice_candidate({"candidate": FIRST, "sdpMid": None, "sdpMLineIndex": None})


async def test_candidate_with_only_the_candidate_string_raises_TypeError() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add candidate with only valid candidate string should reject with TypeError."""
    with peers(1) as pc:
        await with_offer(pc)
        with pytest.raises(TypeError):
            await pc.add_ice_candidate({"candidate": FIRST})


async def test_invalid_candidate_string_and_no_section_raises_TypeError() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add candidate with invalid candidate string and both sdpMid and sdpMLineIndex null should reject with TypeError."""
    with peers(1) as pc:
        await with_offer(pc)
        with pytest.raises(TypeError):
            await pc.add_ice_candidate({"candidate": "(Invalid) candidate \r\n string", "sdpMid": None})


async def test_candidate_that_is_no_dict_raises_TypeError() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: (WebIDL) Add candidate that is no dictionary should reject with TypeError."""
    with peers(1) as pc:
        await with_offer(pc)
        for wrong in (FIRST, 1, [AUDIO]):
            with pytest.raises(TypeError):
                await pc.add_ice_candidate(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"candidate": 5, "sdpMid": "0"}, "candidate is a str, not int"),
        ({"candidate": FIRST, "sdpMid": 0}, "sdpMid is a str, not int"),
        ({"candidate": FIRST, "sdpMLineIndex": "0"}, "sdpMLineIndex is a whole number, not '0'"),
        ({"candidate": FIRST, "sdpMid": "0", "sdpMLineIndex": "0"}, "sdpMLineIndex is a whole number, not '0'"),
    ],
)
async def test_candidate_with_a_member_of_another_type_raises_TypeError(wrong, said) -> None:
    """(ours) A member of another type should reject with TypeError."""
    with peers(1) as pc:
        await with_offer(pc)
        with pytest.raises(TypeError, match=said):
            await pc.add_ice_candidate(wrong)


async def test_candidate_with_invalid_sdpMid_raises_OperationError() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add candidate with invalid sdpMid should reject with OperationError."""
    with peers(1) as pc:
        await with_offer(pc)
        with pytest.raises(OperationError):
            await pc.add_ice_candidate({**AUDIO, "sdpMid": "invalid"})


async def test_candidate_with_invalid_sdpMLineIndex_raises_OperationError() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add candidate with invalid sdpMLineIndex should reject with OperationError."""
    with peers(1) as pc:
        await with_offer(pc)
        with pytest.raises(OperationError):
            await pc.add_ice_candidate({"candidate": FIRST, "sdpMLineIndex": 2, "usernameFragment": "ETEn"})


async def test_invalid_sdpMLineIndex_is_ignored_if_sdpMid_is_valid() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Invalid sdpMLineIndex should be ignored if valid sdpMid is provided."""
    with peers(1) as pc:
        await with_offer(pc)
        await pc.add_ice_candidate({**AUDIO, "sdpMLineIndex": 2})


async def test_candidate_for_the_second_section_without_usernameFragment_is_added_there() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add candidate for media stream 2 with null usernameFragment should succeed."""
    with peers(1) as pc:
        await with_offer(pc)
        await pc.add_ice_candidate({**VIDEO, "usernameFragment": None})
        assert f"a={SECOND}" in sections(pc)[1]


async def test_candidate_with_invalid_usernameFragment_raises_OperationError() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add candidate with invalid usernameFragment should reject with OperationError."""
    with peers(1) as pc:
        await with_offer(pc)
        with pytest.raises(OperationError):
            await pc.add_ice_candidate({**AUDIO, "usernameFragment": "invalid"})


async def test_candidate_with_invalid_string_raises_OperationError() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add candidate with invalid candidate string should reject with OperationError."""
    with peers(1) as pc:
        await with_offer(pc)
        with pytest.raises(OperationError):
            await pc.add_ice_candidate({**AUDIO, "candidate": "(Invalid) candidate \r\n string"})


async def test_candidate_with_usernameFragment_of_another_section_raises_OperationError() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add candidate with sdpMid belonging to different usernameFragment should reject with OperationError."""
    with peers(1) as pc:
        await with_offer(pc)
        with pytest.raises(OperationError):
            await pc.add_ice_candidate({**VIDEO, "usernameFragment": "ETEn"})


async def test_unknown_members_of_a_candidate_are_ignored() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: addIceCandidate should not recognize relayProtocol or url."""
    with peers(1) as pc:
        await with_offer(pc)
        await pc.add_ice_candidate({**AUDIO, "relayProtocol": "bogus", "url": "bogus", "address": "bogus"})


# -- addTcpIceCandidate.html --------------------------------------------------------------------------------------

TCP_OFFER = sample_sdp({"kind": "audio", "mid": "audio1", "direction": "sendonly", "ufrag": "655Y"}, bundle=False)


def tcp(port: int) -> str:
    return f"candidate:2983561038 1 tcp 1518214911 127.0.0.1 {port} typ host tcptype passive generation 0 ufrag 655Y"


async def test_tcp_candidate_in_the_description_is_accepted() -> None:
    """webrtc/RTCPeerConnection-addTcpIceCandidate.html: TCP candidate aimed at port 8001 accepted.

    That it leads to "failed" is left to time: what is tested is that it is taken and harms nothing.
    """
    with peers(1) as pc:
        await pc.set_remote_description({"type": "offer", "sdp": f"{TCP_OFFER}a={tcp(8001)}\r\n"})
        await pc.set_local_description(await pc.create_answer())
        assert pc.signaling_state == "stable"


async def test_tcp_addIceCandidate_is_accepted() -> None:
    """webrtc/RTCPeerConnection-addTcpIceCandidate.html: TCP addIceCandidate aimed at port 8001 accepted."""
    with peers(1) as pc:
        await pc.set_remote_description({"type": "offer", "sdp": TCP_OFFER})
        await pc.set_local_description(await pc.create_answer())
        await pc.add_ice_candidate({"candidate": tcp(8001), "sdpMid": "audio1"})
        assert pc.signaling_state == "stable"


# -- canTrickleIceCandidates.html ---------------------------------------------------------------------------------


async def test_canTrickleIceCandidates_is_None_before_setRemoteDescription() -> None:
    """webrtc/RTCPeerConnection-canTrickleIceCandidates.html: canTrickleIceCandidates property is null prior to setRemoteDescription."""
    with peers(1) as pc:
        assert pc.can_trickle_ice_candidates is None


async def test_canTrickleIceCandidates_is_True_with_ice_options_trickle() -> None:
    """webrtc/RTCPeerConnection-canTrickleIceCandidates.html: canTrickleIceCandidates property is true after setRemoteDescription with a=ice-options:trickle."""
    with peers(1) as pc:
        await with_offer(pc)
        assert pc.can_trickle_ice_candidates is True


async def test_canTrickleIceCandidates_is_False_without_ice_options_trickle() -> None:
    """webrtc/RTCPeerConnection-canTrickleIceCandidates.html: canTrickleIceCandidates property is false after setRemoteDescription without a=ice-options:trickle."""
    with peers(1) as pc:
        sdp = OFFER["sdp"].replace("a=ice-options:trickle\r\n", "")
        await pc.set_remote_description({"type": "offer", "sdp": sdp})
        assert pc.can_trickle_ice_candidates is False


# -- addIceCandidate-connectionSetup.html -------------------------------------------------------------------------


def without_candidates(sdp: str) -> str:
    return "".join(
        line for line in sdp.splitlines(keepends=True) if not line.startswith(("a=candidate", "a=end-of-candidates"))
    )


def of(description: Any) -> dict[str, str]:
    return {"type": description.type, "sdp": without_candidates(description.sdp)}


async def test_candidates_are_added_dynamically_and_should_result_in_new_connection() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate-connectionSetup.html: Candidates are added dynamically; connection should work."""
    with peers(2) as (a, b):
        a.add_track(tone())
        from_a, from_b = EventLog(a, "icecandidate"), EventLog(b, "icecandidate")
        await b.set_remote_description(of(await a.set_local_description()))
        await a.set_remote_description(of(await b.set_local_description()))
        for log, pc in ((from_a, b), (from_b, a)):
            await log.until(lambda log=log: bool(log.entries) and log.payloads[-1] is None)
            for candidate in log.payloads:
                await pc.add_ice_candidate(candidate)
        await state(a, "connected")
        await state(b, "connected")


async def test_candidates_are_added_at_one_side_only_and_connection_works() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate-connectionSetup.html: Candidates are added at PC2 only / Candidates are added dynamically; connection should work."""
    with peers(2) as (a, b):
        a.add_track(tone())
        from_a = EventLog(a, "icecandidate")
        await b.set_remote_description(of(await a.set_local_description()))
        await a.set_remote_description(of(await b.set_local_description()))
        await from_a.until(lambda: bool(from_a.entries) and from_a.payloads[-1] is None)
        for candidate in from_a.payloads:
            await b.add_ice_candidate(candidate)
        await state(b, "connected")
        await state(a, "connected")


async def test_candidates_before_their_description_connect() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate-connectionSetup.html: (API.md: candidates may arrive before their description) connection should work."""
    with peers(2) as (a, b):
        a.add_track(tone())
        from_a, from_b = EventLog(a, "icecandidate"), EventLog(b, "icecandidate")
        offer = await a.set_local_description()
        await from_a.until(lambda: bool(from_a.entries) and from_a.payloads[-1] is None)
        for candidate in from_a.payloads:
            await b.add_ice_candidate(candidate)
        await b.set_remote_description(of(offer))
        answer = await b.set_local_description()
        await from_b.until(lambda: bool(from_b.entries) and from_b.payloads[-1] is None)
        for candidate in from_b.payloads:
            await a.add_ice_candidate(candidate)
        await a.set_remote_description(of(answer))
        await state(a, "connected")
        await state(b, "connected")


# -- addIceCandidate-timing.https.html ----------------------------------------------------------------------------


async def test_candidates_of_an_ended_call_do_not_make_addIceCandidate_wait() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate-timing.https.html: addIceCandidate() resolves in the operations chain, before calls that were started after it."""
    with peers(1) as pc:
        await with_offer(pc)
        order: list[str] = []

        async def noted(call: Any, name: str) -> None:
            await call
            order.append(name)

        await asyncio.gather(
            noted(pc.add_ice_candidate(AUDIO), "candidate"),
            noted(pc.create_answer(), "answer"),
            noted(pc.add_ice_candidate(VIDEO), "candidate again"),
        )
        assert order == ["candidate", "answer", "candidate again"]


async def test_addIceCandidate_after_setRemoteDescription_in_the_chain() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate-timing.https.html: addIceCandidate() started while setRemoteDescription() runs is applied to that description."""
    with peers(1) as pc:
        srd = asyncio.ensure_future(pc.set_remote_description(OFFER))
        add = asyncio.ensure_future(pc.add_ice_candidate(AUDIO))
        wrong = asyncio.ensure_future(pc.add_ice_candidate({**AUDIO, "sdpMid": "invalid"}))
        await srd
        await add
        with pytest.raises(OperationError):
            await wrong


async def test_icecandidate_events_follow_setLocalDescription_and_end_with_None() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate-timing.https.html: "icecandidate" fires after the description is set, in order, and ends with null.

    API.md: all candidates are in the description; the events repeat them.
    """
    with peers(1) as pc:
        log = EventLog(pc, "icecandidate", "signalingstatechange")
        pc.add_transceiver("audio")
        description = await pc.set_local_description()
        await log.until(lambda: log.count("icecandidate") > 0 and log.payloads[-1] is None)
        assert log.names[0] == "signalingstatechange"
        assert set(log.names[1:]) == {"icecandidate"}
        fired = [c for c in log.payloads[1:] if c is not None]
        assert fired
        for candidate in fired:
            assert f"a={candidate['candidate']}" in description.sdp
            assert candidate["sdpMid"] == pc.get_transceivers()[0].mid
            assert candidate["sdpMLineIndex"] == 0
            assert f"a=ice-ufrag:{candidate['usernameFragment']}" in description.sdp


async def test_no_icecandidate_without_setLocalDescription() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate-timing.https.html: no candidates before setLocalDescription()."""
    with peers(1) as pc:
        pc.add_transceiver("audio")
        await pc.create_offer()
        await no_event(pc, "icecandidate", "icegatheringstatechange")


async def test_candidate_for_a_current_description_after_negotiation() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: (§4.4.2: pendingRemoteDescription if not null, otherwise currentRemoteDescription) a late candidate goes to the current one."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await exchange(a, b)
        mid = a.get_transceivers()[0].mid
        await a.add_ice_candidate({"candidate": "candidate:9 1 udp 1 127.0.0.1 9 typ host", "sdpMid": mid})
        assert "a=candidate:9 1 udp 1 127.0.0.1 9 typ host" in a.current_remote_description.sdp
        with pytest.raises(OperationError):
            await a.add_ice_candidate({"candidate": FIRST, "sdpMid": "nowhere"})
        await settle()


async def test_offer_without_sections_takes_no_candidate() -> None:
    """webrtc/RTCPeerConnection-addIceCandidate.html: Add candidate with invalid sdpMLineIndex should reject with OperationError (no section at all)."""
    with peers(1) as pc:
        offer = await offer_of(channel=True)
        await pc.set_remote_description(offer)
        with pytest.raises(OperationError):
            await pc.add_ice_candidate({"candidate": FIRST, "sdpMLineIndex": 1})
        with pytest.raises(OperationError):
            await pc.add_ice_candidate({"candidate": FIRST, "sdpMLineIndex": -1})
