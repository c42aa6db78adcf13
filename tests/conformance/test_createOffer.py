"""createOffer and createAnswer, after the files of these names."""

from __future__ import annotations

import asyncio

import pytest

from jupyter_rtc import InvalidStateError, SessionDescription

from .helpers import EventLog, answer_to, count_m_lines, exchange, m_lines, pattern, peers, similar, tone

# -- createOffer.html ---------------------------------------------------------------------------------------------


async def test_createOffer_with_no_argument_from_a_new_connection_succeeds() -> None:
    """webrtc/RTCPeerConnection-createOffer.html: createOffer() with no argument from newly created RTCPeerConnection should succeed (now: createOffer() returns RTCSessionDescriptionInit).

    What is returned is a `SessionDescription`: API.md has no other kind.
    """
    with peers(1) as pc:
        offer = await pc.create_offer()
        assert isinstance(offer, SessionDescription)
        assert offer.type == "offer"
        assert offer.sdp.startswith("v=0")
        assert m_lines(offer) == []
        assert pc.signaling_state == "stable"
        assert pc.local_description is None


async def test_createOffer_and_then_setLocalDescription_succeeds() -> None:
    """webrtc/RTCPeerConnection-createOffer.html: createOffer() and then setLocalDescription() should succeed."""
    with peers(1) as pc:
        log = EventLog(pc, "signalingstatechange", read=lambda pc: pc.signaling_state)
        pc.add_transceiver("audio", direction="recvonly")
        offer = await pc.create_offer()
        await pc.set_local_description(offer)
        assert pc.signaling_state == "have-local-offer"
        assert similar(pc.local_description, offer)
        assert similar(pc.pending_local_description, offer)
        assert pc.current_local_description is None
        await log.wait()
        await log.quiet()
        assert log.seen == ["have-local-offer"]


async def test_createOffer_after_connection_is_closed_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-createOffer.html: createOffer() after connection is closed should reject with InvalidStateError."""
    with peers(1) as pc:
        pc.close()
        with pytest.raises(InvalidStateError):
            await pc.create_offer()


async def test_createOffer_includes_media_that_was_added_while_it_ran() -> None:
    """webrtc/RTCPeerConnection-createOffer.html: When media stream is added when createOffer() is running in parallel, the result offer should contain the new media stream."""
    with peers(1) as pc:
        call = asyncio.ensure_future(pc.create_offer())
        pc.add_transceiver("audio")
        assert count_m_lines(await call, "audio") == 1


@pytest.mark.parametrize("state", ["have-remote-offer", "have-local-pranswer", "have-remote-pranswer"])
async def test_createOffer_fails_when_signaling_state_is_not_stable_or_have_local_offer(state: str) -> None:
    """webrtc/RTCPeerConnection-createOffer.html: createOffer() should fail when signaling state is not stable or have-local-offer."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        offer = await a.set_local_description()
        await b.set_remote_description(offer)
        pc = b
        if state == "have-local-pranswer":
            await b.set_local_description({"type": "pranswer", "sdp": (await b.create_answer()).sdp})
        if state == "have-remote-pranswer":
            pc = a
            await a.set_remote_description({"type": "pranswer", "sdp": (await answer_to(offer)).sdp})
        assert pc.signaling_state == state
        with pytest.raises(InvalidStateError):
            await pc.create_offer()


async def test_createOffer_in_have_local_offer_succeeds() -> None:
    """webrtc/RTCPeerConnection-createOffer.html: createOffer() should fail when signaling state is not stable or have-local-offer (the state in which it does not)."""
    with peers(1) as pc:
        pc.add_transceiver("audio")
        await pc.set_local_description()
        pc.add_transceiver("video")
        assert m_lines(await pc.create_offer()) == ["audio", "video"]


# -- createOffer-offerToReceive.html, told with transceivers ------------------------------------------------------


@pytest.mark.parametrize("kind", ["audio", "video"])
async def test_recvonly_transceiver_stays_in_all_subsequent_offers(kind: str) -> None:
    """webrtc/RTCPeerConnection-createOffer.html: createOffer() with offerToReceiveAudio/Video should add audio/video line to all subsequent created offers.

    There is no such option in API.md: a recvonly transceiver is what it stands for.
    """
    with peers(1) as pc:
        pc.add_transceiver(kind, direction="recvonly")
        assert m_lines(await pc.create_offer()) == [kind]
        assert m_lines(await pc.create_offer()) == [kind]
        assert [t.direction for t in pc.get_transceivers()] == ["recvonly"]


async def test_audio_and_then_video_are_both_in_the_offer() -> None:
    """webrtc/RTCPeerConnection-createOffer.html: createOffer() with offerToReceiveAudio:true then offerToReceiveVideo:true should have result offer with both audio and video line (by transceivers)."""
    with peers(1) as pc:
        pc.add_transceiver("audio", direction="recvonly")
        assert m_lines(await pc.create_offer()) == ["audio"]
        pc.add_transceiver("video", direction="recvonly")
        assert m_lines(await pc.create_offer()) == ["audio", "video"]


@pytest.mark.parametrize("kind", ["audio", "video"])
async def test_an_offer_of_a_channel_alone_creates_no_transceiver(kind: str) -> None:
    """webrtc/RTCPeerConnection-createOffer-offerToReceive.html: createOffer() with offerToReceiveAudio/Video set to false should not create a transceiver (it is never created unasked)."""
    with peers(1) as pc:
        pc.create_data_channel("foo")
        assert count_m_lines(await pc.create_offer(), kind) == 0
        assert pc.get_transceivers() == []


@pytest.mark.parametrize("kind", ["audio", "video"])
async def test_createOffer_with_a_track_has_one_sendrecv_transceiver(kind: str) -> None:
    """webrtc/RTCPeerConnection-createOffer-offerToReceive.html: offerToReceiveAudio/Video option should be ignored if a non-stopped "sendrecv" transceiver exists (without the option)."""
    with peers(1) as pc:
        pc.add_track(tone() if kind == "audio" else pattern())
        await pc.create_offer()
        await pc.create_offer()
        assert [t.direction for t in pc.get_transceivers()] == ["sendrecv"]


@pytest.mark.parametrize("kind", ["audio", "video"])
async def test_subsequent_sendonly_is_what_the_next_offer_says(kind: str) -> None:
    """webrtc/RTCPeerConnection-createOffer-offerToReceive.html: subsequent offerToReceiveAudio/Video set to false with a track should change the direction to "sendonly" (by the transceiver's direction)."""
    with peers(2) as (a, b):
        a.add_track(tone() if kind == "audio" else pattern())
        await exchange(a, b)
        a.get_transceivers()[0].direction = "sendonly"
        offer = await a.create_offer()
        assert "a=sendonly" in offer.sdp
        assert "a=sendrecv" not in offer.sdp
        assert len(a.get_transceivers()) == 1


# -- createAnswer.html --------------------------------------------------------------------------------------------


async def test_createAnswer_with_null_remoteDescription_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-createAnswer.html: createAnswer() with null remoteDescription should reject with InvalidStateError."""
    with peers(1) as pc, pytest.raises(InvalidStateError):
        await pc.create_answer()


async def test_createAnswer_after_setting_remote_description_succeeds() -> None:
    """webrtc/RTCPeerConnection-createAnswer.html: createAnswer() after setting remote description should succeed."""
    with peers(2) as (a, b):
        a.add_transceiver("video")
        await b.set_remote_description(await a.create_offer())
        answer = await b.create_answer()
        assert isinstance(answer, SessionDescription)
        assert answer.type == "answer"
        assert m_lines(answer) == ["video"]
        assert b.signaling_state == "have-remote-offer"


async def test_createAnswer_when_connection_is_closed_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-createAnswer.html: createAnswer() when connection is closed reject with InvalidStateError."""
    with peers(2) as (a, b):
        a.create_data_channel("")
        await b.set_remote_description(await a.create_offer())
        b.close()
        with pytest.raises(InvalidStateError):
            await b.create_answer()


async def test_createAnswer_when_connection_is_closed_in_parallel_ends() -> None:
    """webrtc/RTCPeerConnection-createAnswer.html: createAnswer() when connection is closed in parallel should never resolve.

    API.md: calls under way end with `InvalidStateError`.
    """
    with peers(2) as (a, b):
        a.create_data_channel("")
        await b.set_remote_description(await a.create_offer())
        call = asyncio.ensure_future(b.create_answer())
        b.close()
        with pytest.raises(InvalidStateError):
            await call


async def test_createAnswer_in_have_local_offer_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-createAnswer.html: createAnswer() with null remoteDescription should reject with InvalidStateError (in have-local-offer)."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await exchange(a, b)
        with pytest.raises(InvalidStateError):
            await a.create_answer()
        await a.set_local_description()
        with pytest.raises(InvalidStateError):
            await a.create_answer()
