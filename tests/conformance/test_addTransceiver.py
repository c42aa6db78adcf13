"""addTransceiver and RTCRtpTransceiver, after webrtc/RTCPeerConnection-addTransceiver and RTCRtpTransceiver*."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from jupyter_rtc import (
    InvalidAccessError,
    InvalidStateError,
    MediaStream,
    PeerConnection,
    RtpReceiver,
    RtpSender,
    RtpTransceiver,
    Track,
)

from .tracks import (
    QUIET,
    EventLog,
    Maker,
    answer_to,
    event,
    eventually,
    ice_connected,
    ids,
    negotiate,
    negotiate_remote_first,
    track_events,
    trickle,
)


def shape(pc: PeerConnection) -> list[tuple[str, Any, str, str | None, str | None]]:
    """Return (kind, sent track, direction, mid, current direction) of each transceiver."""
    return [
        (t.receiver.track.kind, t.sender.track, t.direction, t.mid, t.current_direction) for t in pc.get_transceivers()
    ]


def directions(pc: PeerConnection) -> list[tuple[str, str | None]]:
    """Return (direction, current direction) of each transceiver."""
    return [(t.direction, t.current_direction) for t in pc.get_transceivers()]


def sections(sdp: str) -> list[str]:
    """Return the m= lines."""
    return re.findall(r"^m=.*$", sdp, re.MULTILINE)


# -- RTCPeerConnection-getTransceivers.html, RTCPeerConnection-addTransceiver ---------------------------------------


async def test_initial_connection_has_no_senders_receivers_and_transceivers(make: Maker) -> None:
    """webrtc/RTCPeerConnection-getTransceivers.html:
    Initial peer connection should have list of zero senders, receivers and transceivers.
    """
    pc = make.pc()
    assert pc.get_senders() == []
    assert pc.get_receivers() == []
    assert pc.get_transceivers() == []


async def test_addTransceiver_with_invalid_kind_throws_TypeError(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTransceiver.https.html:
    addTransceiver() with string argument as invalid kind should throw TypeError.
    """
    pc = make.pc()
    with pytest.raises(TypeError):
        pc.add_transceiver("invalid")
    assert pc.get_transceivers() == []


async def test_addTransceiver_on_closed_connection_throws_InvalidStateError(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTransceiver.https.html:
    addTransceiver() on a closed connection should throw InvalidStateError.
    """
    pc = make.pc()
    pc.close()
    with pytest.raises(InvalidStateError):
        pc.add_transceiver("audio")


@pytest.mark.parametrize("kind", ["audio", "video"])
async def test_addTransceiver_by_kind_returns_a_transceiver_of_that_kind(make: Maker, kind: str) -> None:
    """webrtc/RTCPeerConnection-addTransceiver.https.html:
    addTransceiver('audio') ('video') should return an audio (video) transceiver.
    """
    pc = make.pc()
    transceiver = pc.add_transceiver(kind)
    assert isinstance(transceiver, RtpTransceiver)
    assert transceiver.mid is None
    assert transceiver.direction == "sendrecv"
    assert transceiver.current_direction is None
    assert pc.get_transceivers() == [transceiver]
    assert isinstance(transceiver.sender, RtpSender)
    assert transceiver.sender.track is None
    assert pc.get_senders() == [transceiver.sender]
    assert isinstance(transceiver.receiver, RtpReceiver)
    assert pc.get_receivers() == [transceiver.receiver]
    track = transceiver.receiver.track
    assert isinstance(track, Track)
    assert (track.kind, track.label, track.ready_state, track.muted) == (kind, f"remote {kind}", "live", True)


@pytest.mark.parametrize("direction", ["sendonly", "inactive", "recvonly", "sendrecv"])
async def test_addTransceiver_with_direction_has_that_direction(make: Maker, direction: Any) -> None:
    """webrtc/RTCPeerConnection-addTransceiver.https.html:
    addTransceiver() with direction sendonly (inactive) should have result transceiver.direction be the same.
    """
    pc = make.pc()
    assert pc.add_transceiver("audio", direction=direction).direction == direction


@pytest.mark.parametrize("direction", ["invalid", "stopped", ""])
async def test_addTransceiver_with_invalid_direction_throws_TypeError(make: Maker, direction: Any) -> None:
    """webrtc/RTCPeerConnection-addTransceiver.https.html:
    addTransceiver() with invalid direction should throw TypeError.
    """
    pc = make.pc()
    with pytest.raises(TypeError):
        pc.add_transceiver("audio", direction=direction)
    assert pc.get_transceivers() == []


async def test_addTransceiver_with_something_else_than_streams_throws_TypeError(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTransceiver.https.html: streams is a sequence of MediaStream (IDL)."""
    pc = make.pc()
    with pytest.raises(TypeError):
        pc.add_transceiver("audio", streams=("stream",))  # type: ignore[arg-type]
    assert pc.get_transceivers() == []


async def test_addTransceiver_with_track_sends_the_track(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTransceiver.https.html:
    addTransceiver(track) should have result with sender.track be given track.
    """
    pc = make.pc()
    track = make.audio()
    transceiver = pc.add_transceiver(track)
    assert transceiver.sender.track is track
    received = transceiver.receiver.track
    assert received is not track
    assert (received.kind, received.ready_state, received.muted) == ("audio", "live", True)
    assert pc.get_transceivers() == [transceiver]
    assert pc.get_senders() == [transceiver.sender]
    assert pc.get_receivers() == [transceiver.receiver]


async def test_addTransceiver_with_the_same_track_twice_makes_two_transceivers(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTransceiver.https.html:
    addTransceiver(track) multiple times should create multiple transceivers.
    """
    pc = make.pc()
    track = make.audio()
    first, second = pc.add_transceiver(track), pc.add_transceiver(track)
    assert first is not second
    assert first.sender is not second.sender
    assert first.sender.track is track
    assert second.sender.track is track
    assert pc.get_transceivers() == [first, second]
    assert pc.get_senders() == [first.sender, second.sender]


# -- RTCRtpTransceiver-direction.html -------------------------------------------------------------------------------


async def test_setting_direction_changes_direction(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-direction.html: setting direction should change transceiver.direction."""
    pc = make.pc()
    transceiver = pc.add_transceiver("audio")
    assert (transceiver.direction, transceiver.current_direction) == ("sendrecv", None)
    transceiver.direction = "recvonly"
    assert (transceiver.direction, transceiver.current_direction) == ("recvonly", None)


async def test_setting_the_same_direction_has_no_effect(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-direction.html: setting direction with same direction should have no effect."""
    pc = make.pc()
    transceiver = pc.add_transceiver("audio", direction="sendonly")
    transceiver.direction = "sendonly"
    assert transceiver.direction == "sendonly"


async def test_setting_direction_is_independent_of_currentDirection(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-direction.html:
    setting direction should change transceiver.direction independent of transceiver.currentDirection.
    """
    pc = make.pc()
    transceiver = pc.add_transceiver("audio", direction="recvonly")
    offer = await pc.set_local_description(await pc.create_offer())
    await pc.set_remote_description(await answer_to(offer))
    # The other side sends nothing.
    assert transceiver.current_direction == "inactive"
    transceiver.direction = "sendrecv"
    assert transceiver.direction == "sendrecv"
    assert transceiver.current_direction == "inactive"


@pytest.mark.parametrize("direction", ["sendrecv", "sendonly", "recvonly", "inactive"])
async def test_changed_direction_becomes_current_by_negotiation(make: Maker, direction: str) -> None:
    """webrtc/RTCRtpTransceiver-direction.html:
    An update of directionality does not take effect immediately, but with the next negotiation.
    """
    pc, other = make.pair()
    transceiver = pc.add_transceiver(make.audio())
    other.add_track(make.audio())
    await negotiate(pc, other)
    assert transceiver.current_direction == "sendrecv"
    transceiver.direction = direction
    assert transceiver.current_direction == "sendrecv"
    offer = await pc.create_offer()
    assert f"a={direction}\r\n" in offer.sdp
    await negotiate(pc, other)
    assert transceiver.current_direction == direction
    mirrored = {"sendonly": "recvonly", "recvonly": "sendonly"}.get(direction, direction)
    assert other.get_transceivers()[0].current_direction == mirrored


@pytest.mark.parametrize("direction", ["stopped", "both"])
async def test_setting_an_invalid_direction_throws_TypeError(make: Maker, direction: str) -> None:
    """webrtc/RTCRtpTransceiver-direction.html: setting direction to 'stopped' should throw TypeError."""
    transceiver = make.pc().add_transceiver("audio")
    with pytest.raises(TypeError):
        transceiver.direction = direction
    assert transceiver.direction == "sendrecv"


async def test_setting_direction_on_closed_connection_throws_InvalidStateError(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-direction.html:
    setting direction on a closed connection should throw InvalidStateError.
    """
    pc = make.pc()
    transceiver = pc.add_transceiver("audio")
    pc.close()
    with pytest.raises(InvalidStateError):
        transceiver.direction = "recvonly"


async def test_setting_direction_on_stopped_transceiver_throws_InvalidStateError(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-direction.html:
    setting direction on a stopped transceiver should throw InvalidStateError.
    """
    transceiver = make.pc().add_transceiver("audio")
    transceiver.stop()
    with pytest.raises(InvalidStateError):
        transceiver.direction = "recvonly"


# -- RTCRtpTransceiver-setCodecPreferences.html ---------------------------------------------------------------------

AUDIO_CODECS = ["audio/opus", "audio/PCMU", "audio/PCMA"]
VIDEO_CODECS = ["video/VP8", "video/H264"]


async def test_setCodecPreferences_with_audio_codecs_succeeds(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-setCodecPreferences.html:
    setCodecPreferences() on audio transceiver with codecs returned from RTCRtpReceiver.getCapabilities('audio') should
    succeed.
    """
    make.pc().add_transceiver("audio").set_codec_preferences(AUDIO_CODECS)


async def test_setCodecPreferences_with_video_codecs_succeeds(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-setCodecPreferences.html:
    setCodecPreferences() on video transceiver with codecs returned from RTCRtpReceiver.getCapabilities('video') should
    succeed.
    """
    make.pc().add_transceiver("video").set_codec_preferences([{"mimeType": name} for name in VIDEO_CODECS])


async def test_setCodecPreferences_with_codecs_twice_succeeds(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-setCodecPreferences.html:
    setCodecPreferences() with both sender receiver codecs combined should succeed.
    """
    pc = make.pc()
    pc.add_transceiver("audio").set_codec_preferences([*AUDIO_CODECS, *AUDIO_CODECS])
    offer = await pc.create_offer()
    payloads = sections(offer.sdp)[0].split()[3:]
    assert len(payloads) == len(set(payloads))


async def test_setCodecPreferences_with_nothing_succeeds(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-setCodecPreferences.html: setCodecPreferences([]) should succeed."""
    pc = make.pc()
    transceiver = pc.add_transceiver("video")
    default = sections((await pc.create_offer()).sdp)
    transceiver.set_codec_preferences(["video/H264"])
    transceiver.set_codec_preferences([])
    assert sections((await pc.create_offer()).sdp) == default


async def test_setCodecPreferences_reordered_reorders_the_offer(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-setCodecPreferences.html: setCodecPreferences() with reordered codecs should succeed."""
    pc = make.pc()
    transceiver = pc.add_transceiver("video")
    for first, second in (("VP8", "H264"), ("H264", "VP8")):
        transceiver.set_codec_preferences([f"video/{first}", f"video/{second}"])
        offer = await pc.create_offer()
        names = dict(re.findall(r"^a=rtpmap:(\d+) (\w+)/", offer.sdp, re.MULTILINE))
        order = [names[payload] for payload in sections(offer.sdp)[0].split()[3:]]
        assert order.index(first) < order.index(second)


async def test_setCodecPreferences_leaves_out_other_codecs(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-setCodecPreferences.html:
    setCodecPreferences() should remove codecs that are not preferred from the offer.
    """
    pc = make.pc()
    pc.add_transceiver("audio").set_codec_preferences(["audio/PCMU"])
    sdp = (await pc.create_offer()).sdp
    assert "PCMU/8000" in sdp
    assert "opus/48000" not in sdp


async def test_setCodecPreferences_applies_to_the_answer(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-setCodecPreferences.html:
    setCodecPreferences() on the answerer's transceiver should be honoured in the answer.
    """
    pc1, pc2 = make.pair()
    pc1.add_transceiver("audio")
    await pc2.set_remote_description(await pc1.set_local_description())
    pc2.get_transceivers()[0].set_codec_preferences(["audio/PCMA"])
    sdp = (await pc2.create_answer()).sdp
    assert "PCMA/8000" in sdp
    assert "opus/48000" not in sdp


async def test_setCodecPreferences_on_audio_with_video_codecs_throws(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-setCodecPreferences.html:
    setCodecPreferences() on audio transceiver with codecs returned from getCapabilities('video') should throw
    InvalidAccessError.
    """
    transceiver = make.pc().add_transceiver("audio")
    with pytest.raises(InvalidAccessError):
        transceiver.set_codec_preferences(VIDEO_CODECS)


@pytest.mark.parametrize("known", [[], AUDIO_CODECS])
async def test_setCodecPreferences_with_unknown_codec_throws(make: Maker, known: list[str]) -> None:
    """webrtc/RTCRtpTransceiver-setCodecPreferences.html:
    setCodecPreferences() with user defined codec (together with codecs returned from getCapabilities()) should throw
    InvalidAccessError.
    """
    transceiver = make.pc().add_transceiver("audio")
    with pytest.raises(InvalidAccessError):
        transceiver.set_codec_preferences([*known, {"mimeType": "audio/piepiper", "clockRate": 2000}])


async def test_setCodecPreferences_with_retransmission_only_throws(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-setCodecPreferences.html: setCodecPreferences() with only RTX should throw."""
    transceiver = make.pc().add_transceiver("video")
    with pytest.raises(InvalidAccessError):
        transceiver.set_codec_preferences(["video/rtx"])


# -- RTCRtpTransceiver-stop.html ------------------------------------------------------------------------------------


async def test_stopped_before_the_first_offer_makes_no_section(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-stop.html:
    A transceiver added and stopped before the initial offer generation should not trigger an offer m-section
    generation.
    """
    pc = make.pc()
    pc.add_transceiver("audio", direction="sendonly").stop()
    pc.add_transceiver("video")
    sdp = (await pc.create_offer()).sdp
    assert "m=audio" not in sdp
    assert "m=video" in sdp


async def test_added_and_stopped_before_a_further_offer_makes_no_section(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-stop.html:
    During renegotiation, adding and stopping a transceiver should not trigger a renegotiated offer m-section
    generation.
    """
    pc1, pc2 = make.pair()
    audio = pc1.add_transceiver("audio")
    await negotiate(pc1, pc2)
    video = pc1.add_transceiver("video")
    audio.stop()
    video.stop()
    sdp = (await pc1.create_offer()).sdp
    assert "m=audio 0 " in sdp
    assert "m=video" not in sdp


@pytest.mark.parametrize("direction", ["sendonly", "inactive", "sendrecv"])
async def test_stopped_transceiver_is_inactive_in_the_offer(make: Maker, direction: str) -> None:
    """webrtc/RTCRtpTransceiver-stop.html:
    A stopped sendonly (inactive) transceiver should generate an inactive m-section in the offer.
    """
    pc1, pc2 = make.pair()
    transceiver = pc1.add_transceiver("audio")
    await negotiate(pc1, pc2)
    transceiver.direction = direction
    transceiver.stop()
    assert "a=inactive" in (await pc1.create_offer()).sdp


async def test_stopped_locally_further_offers_can_be_set(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-stop.html:
    If a transceiver is stopped locally, setting a locally generated answer should still work.
    """
    pc1, pc2 = make.pair()
    pc1.add_transceiver("audio")
    await negotiate(pc1, pc2)
    pc1.get_transceivers()[0].stop()
    await negotiate(pc1, pc2)
    await pc1.set_local_description(await pc1.create_offer())


async def test_stopped_remotely_further_offers_can_be_set(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-stop.html:
    If a transceiver is stopped remotely, setting a locally generated answer should still work.
    """
    pc1, pc2 = make.pair()
    pc1.add_transceiver("audio")
    await negotiate(pc1, pc2)
    pc2.get_transceivers()[0].stop()
    await negotiate(pc2, pc1)
    await pc1.set_local_description(await pc1.create_offer())


async def test_stopped_transceivers_disappear_after_offer_and_answer(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-stop.html:
    If a transceiver is stopped, transceivers, senders and receivers should disappear after offer/answer.
    """
    pc1, pc2 = make.pair()
    pc1.add_transceiver("audio")
    await negotiate(pc1, pc2)
    [one], [two] = pc1.get_transceivers(), pc2.get_transceivers()
    one.stop()
    await negotiate(pc1, pc2)
    for pc in (pc1, pc2):
        assert pc.get_transceivers() == []
        assert pc.get_senders() == []
        assert pc.get_receivers() == []
    assert (one.mid, two.mid) == (None, None)


async def test_stopped_transceivers_end_up_stopped(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-stop.html: If a transceiver is stopped, transceivers should end up in state stopped."""
    pc1, pc2 = make.pair()
    pc1.add_transceiver("audio")
    await negotiate(pc1, pc2)
    [one], [two] = pc1.get_transceivers(), pc2.get_transceivers()
    one.stop()
    await negotiate(pc1, pc2)
    assert (one.direction, one.current_direction) == ("stopped", "stopped")
    assert (two.direction, two.current_direction) == ("stopped", "stopped")


async def test_stopping_every_transceiver_and_offering_nothing_works(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver-stop.html: (its FIXME) adding a transceiver, stopping it and creating an empty offer."""
    pc = make.pc()
    transceiver = pc.add_transceiver("audio")
    transceiver.stop()
    offer = await pc.create_offer()
    assert sections(offer.sdp) == []
    await pc.set_local_description(offer)
    assert pc.signaling_state == "have-local-offer"


# -- RTCRtpTransceiver-stopping.https.html --------------------------------------------------------------------------

kinds = pytest.mark.parametrize("kind", ["audio", "video"])


@kinds
async def test_stopped_locally_goes_from_stopping_to_stopped(make: Maker, kind: str) -> None:
    """webrtc/RTCRtpTransceiver-stopping.https.html: Locally stopped transceiver goes from stopping to stopped."""
    pc1, pc2 = make.pair()
    transceiver = pc1.add_transceiver(kind)
    await negotiate(pc1, pc2)
    assert transceiver.current_direction == "sendonly"
    transceiver.stop()
    # Stopping: stopped is what is wanted, not yet what is.
    assert (transceiver.direction, transceiver.current_direction) == ("stopped", "sendonly")
    await pc2.set_remote_description(await pc1.set_local_description())
    assert (transceiver.direction, transceiver.current_direction) == ("stopped", "sendonly")
    await pc1.set_remote_description(await pc2.set_local_description())
    assert (transceiver.direction, transceiver.current_direction) == ("stopped", "stopped")
    assert transceiver not in pc1.get_transceivers()


@kinds
async def test_stopped_remotely_goes_directly_to_stopped(make: Maker, kind: str) -> None:
    """webrtc/RTCRtpTransceiver-stopping.https.html: Remotely stopped transceiver goes directly to stopped."""
    pc1, pc2 = make.pair()
    pc1.add_transceiver(kind)
    await negotiate(pc1, pc2)
    [transceiver] = pc2.get_transceivers()
    assert transceiver.current_direction == "recvonly"
    pc1.get_transceivers()[0].stop()
    await pc2.set_remote_description(await pc1.set_local_description())
    assert (transceiver.direction, transceiver.current_direction) == ("stopped", "stopped")
    assert transceiver in pc2.get_transceivers()
    await pc2.set_local_description()
    assert transceiver not in pc2.get_transceivers()


@kinds
async def test_stopped_locally_the_received_track_ends_at_once(make: Maker, kind: str) -> None:
    """webrtc/RTCRtpTransceiver-stopping.https.html: Locally stopped transceiver's track ends."""
    pc1, pc2 = make.pair()
    transceiver = pc1.add_transceiver(kind)
    await negotiate(pc1, pc2)
    track = transceiver.receiver.track
    ended = event(track, "ended")
    transceiver.stop()
    await ended
    assert track.ready_state == "ended"


@kinds
async def test_stopped_remotely_the_received_track_ends_with_the_offer(make: Maker, kind: str) -> None:
    """webrtc/RTCRtpTransceiver-stopping.https.html: Remotely stopped transceiver's track ends."""
    pc1, pc2 = make.pair()
    pc1.add_transceiver(kind)
    await negotiate(pc1, pc2)
    track = pc2.get_transceivers()[0].receiver.track
    ended = event(track, "ended", 1)
    pc1.get_transceivers()[0].stop()
    await pc2.set_remote_description(await pc1.set_local_description())
    await ended
    assert track.ready_state == "ended"


@kinds
async def test_stopping_is_not_rolled_back(make: Maker, kind: str) -> None:
    """webrtc/RTCRtpTransceiver-stopping.https.html: Rollback does not undo stop()."""
    pc1, pc2 = make.pair()
    transceiver = pc1.add_transceiver(kind)
    await negotiate(pc1, pc2)
    transceiver.stop()
    await pc1.set_local_description()
    await pc1.set_local_description({"type": "rollback"})
    assert (transceiver.direction, transceiver.current_direction) == ("stopped", "sendonly")
    assert pc1.get_transceivers() == [transceiver]


@kinds
async def test_stopped_on_both_sides_at_once_settles(make: Maker, kind: str) -> None:
    """webrtc/RTCRtpTransceiver-stopping.https.html:
    Glare: both sides stop the transceiver; one side's offer is rolled back.
    """
    pc1, pc2 = make.pair()
    one = pc1.add_transceiver(kind)
    await negotiate(pc1, pc2)
    [two] = pc2.get_transceivers()
    one.stop()
    two.stop()
    offer = await pc1.set_local_description()
    await pc2.set_local_description()
    await pc2.set_remote_description(offer)
    await pc1.set_remote_description(await pc2.set_local_description())
    assert (one.current_direction, two.current_direction) == ("stopped", "stopped")
    assert pc1.get_transceivers() == []
    assert pc2.get_transceivers() == []


# -- RTCRtpTransceiver.https.html -----------------------------------------------------------------------------------


async def test_checkAddTransceiverNoTrack(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddTransceiverNoTrack."""
    pc = make.pc()
    pc.add_transceiver("audio")
    pc.add_transceiver("video")
    assert shape(pc) == [("audio", None, "sendrecv", None, None), ("video", None, "sendrecv", None, None)]
    for receiver in pc.get_receivers():
        assert (receiver.track.ready_state, receiver.track.muted) == ("live", True)


async def test_checkAddTransceiverWithTrack(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddTransceiverWithTrack."""
    pc = make.pc()
    audio, video = make.audio(), make.video()
    pc.add_transceiver(audio)
    pc.add_transceiver(video)
    assert shape(pc) == [("audio", audio, "sendrecv", None, None), ("video", video, "sendrecv", None, None)]


async def test_checkAddTransceiverWithAddTrack(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddTransceiverWithAddTrack."""
    pc = make.pc()
    stream, [audio, video] = make.stream("audio", "video")
    pc.add_track(audio, stream)
    pc.add_track(video, stream)
    assert shape(pc) == [("audio", audio, "sendrecv", None, None), ("video", video, "sendrecv", None, None)]


async def test_checkAddTransceiverWithDirection(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddTransceiverWithDirection."""
    pc = make.pc()
    pc.add_transceiver("audio", direction="recvonly")
    pc.add_transceiver("video", direction="recvonly")
    assert shape(pc) == [("audio", None, "recvonly", None, None), ("video", None, "recvonly", None, None)]


async def test_checkMsidNoTrackId(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkMsidNoTrackId."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    offer = await pc1.set_local_description(await pc1.create_offer())
    sdp = re.sub(r"(a=msid:\S+)[^\r\n]*", r"\1", offer.sdp)
    assert f"a=msid:{stream.id}\r\n" in sdp
    [found] = await track_events(pc2, {"type": "offer", "sdp": sdp}, 1)
    assert ids(found.streams) == [stream.id]
    answer = await pc2.create_answer()
    await pc1.set_remote_description(answer)
    await pc2.set_local_description(answer)


async def test_checkAddTransceiverWithSetRemoteOfferSending(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddTransceiverWithSetRemoteOfferSending."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_transceiver(track, streams=(stream,))
    [found] = await track_events(pc2, await pc1.create_offer(), 1)
    [transceiver] = pc2.get_transceivers()
    assert found.track is transceiver.receiver.track
    assert ids(found.streams) == [stream.id]
    assert transceiver.mid is not None
    assert shape(pc2) == [("audio", None, "recvonly", transceiver.mid, None)]


async def test_checkAddTransceiverWithSetRemoteOfferNoSend(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddTransceiverWithSetRemoteOfferNoSend."""
    pc1, pc2 = make.pair()
    pc1.add_transceiver(make.audio())
    pc1.get_transceivers()[0].direction = "recvonly"
    await track_events(pc2, await pc1.create_offer(), 0)
    [transceiver] = pc2.get_transceivers()
    assert transceiver.mid is not None
    assert shape(pc2) == [("audio", None, "recvonly", transceiver.mid, None)]


async def test_checkAddTransceiverBadKind(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddTransceiverBadKind."""
    pc = make.pc()
    with pytest.raises(TypeError):
        pc.add_transceiver("foo")
    assert pc.get_transceivers() == []


async def test_checkNoMidOffer(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkNoMidOffer."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    offer = await pc1.set_local_description(await pc1.create_offer())
    sdp = offer.sdp.replace("a=mid:", "a=unknownattr:")
    await pc2.set_remote_description({"type": "offer", "sdp": sdp})
    [transceiver] = pc2.get_transceivers()
    assert transceiver.mid is not None
    assert shape(pc2) == [("audio", None, "recvonly", transceiver.mid, None)]
    await pc1.set_remote_description(await pc2.set_local_description(await pc2.create_answer()))


async def test_checkNoMidAnswer(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkNoMidAnswer."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    await pc2.set_remote_description(await pc1.set_local_description(await pc1.create_offer()))
    [transceiver] = pc1.get_transceivers()
    mid = transceiver.mid
    assert shape(pc1) == [("audio", track, "sendrecv", mid, None)]
    answer = await pc2.create_answer()
    sdp = answer.sdp.replace("a=mid:", "a=unknownattr:").replace("a=group:", "a=unknownattr:")
    await pc1.set_remote_description({"type": "answer", "sdp": sdp})
    assert shape(pc1) == [("audio", track, "sendrecv", mid, "sendonly")]
    await pc1.set_local_description(await pc1.create_offer())
    assert shape(pc1) == [("audio", track, "sendrecv", mid, "sendonly")]


async def test_checkSetDirection(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkSetDirection."""
    pc = make.pc()
    transceiver = pc.add_transceiver("audio")
    for direction in ("sendonly", "recvonly", "inactive", "sendrecv"):
        transceiver.direction = direction
        assert pc.get_transceivers()[0].direction == direction


async def test_checkCurrentDirection(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkCurrentDirection."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    pc2.add_track(track, stream)
    [one], [two] = pc1.get_transceivers(), pc2.get_transceivers()
    assert one.current_direction is None
    offer = await pc1.create_offer()
    assert one.current_direction is None
    await pc1.set_local_description(offer)
    assert one.current_direction is None
    [found] = await track_events(pc2, offer, 1)
    assert found.track is two.receiver.track
    assert ids(found.streams) == [stream.id]
    assert two.current_direction is None
    answer = await pc2.create_answer()
    assert two.current_direction is None
    await pc2.set_local_description(answer)
    assert two.current_direction == "sendrecv"
    [found] = await track_events(pc1, answer, 1)
    assert found.track is one.receiver.track
    assert ids(found.streams) == [stream.id]
    assert one.current_direction == "sendrecv"

    two.direction = "sendonly"
    offer = await pc2.create_offer()
    await pc2.set_local_description(offer)
    assert two.current_direction == "sendrecv"
    await track_events(pc1, offer, 0)
    assert one.current_direction == "sendrecv"
    answer = await pc1.create_answer()
    assert one.current_direction == "sendrecv"
    await pc1.set_local_description(answer)
    assert one.current_direction == "recvonly"
    await track_events(pc2, answer, 0)
    assert two.current_direction == "sendonly"

    two.direction = "sendrecv"
    offer = await pc2.create_offer()
    await pc2.set_local_description(offer)
    assert two.current_direction == "sendonly"
    await track_events(pc1, offer, 0)
    assert one.current_direction == "recvonly"
    answer = await pc1.create_answer()
    assert one.current_direction == "recvonly"
    await pc1.set_local_description(answer)
    assert one.current_direction == "sendrecv"
    [found] = await track_events(pc2, answer, 1)
    assert found.track is two.receiver.track
    assert ids(found.streams) == [stream.id]
    assert two.current_direction == "sendrecv"

    pc2.close()
    assert two.current_direction == "stopped"
    assert two.direction == "stopped"


async def test_checkSendrecvWithNoSendTrack(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkSendrecvWithNoSendTrack."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_transceiver("audio")
    pc1.get_transceivers()[0].direction = "sendrecv"
    pc2.add_track(track, stream)
    offer = await pc1.create_offer()
    [found] = await track_events(pc2, offer, 1)
    assert found.track is pc2.get_transceivers()[0].receiver.track
    assert found.streams == ()
    trickle(pc1, pc2)
    await pc1.set_local_description(offer)
    answer = await pc2.create_answer()
    [found] = await track_events(pc1, answer, 1)
    assert found.track is pc1.get_transceivers()[0].receiver.track
    assert ids(found.streams) == [stream.id]
    trickle(pc2, pc1)
    await pc2.set_local_description(answer)
    await ice_connected(pc1, pc2)


async def test_checkSendrecvWithTracklessStream(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkSendrecvWithTracklessStream."""
    pc1, pc2 = make.pair()
    stream = MediaStream()
    pc1.add_transceiver("audio", streams=(stream,))
    [found] = await track_events(pc2, await pc1.create_offer(), 1)
    assert found.track is pc2.get_transceivers()[0].receiver.track
    assert ids(found.streams) == [stream.id]


async def test_checkAddTransceiverNoTrackDoesntPair(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddTransceiverNoTrackDoesntPair."""
    pc1, pc2 = make.pair()
    pc1.add_transceiver("audio")
    pc2.add_transceiver("audio")
    [found] = await track_events(pc2, await pc1.create_offer(), 1)
    first, second = pc2.get_transceivers()
    assert found.track is second.receiver.track
    assert found.streams == ()
    assert first.mid is None
    assert second.mid is not None


async def test_checkAddTransceiverWithTrackDoesntPair(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddTransceiverWithTrackDoesntPair."""
    pc1, pc2 = make.pair()
    pc1.add_transceiver("audio")
    track = make.audio()
    pc2.add_transceiver(track)
    [found] = await track_events(pc2, await pc1.create_offer(), 1)
    first, second = pc2.get_transceivers()
    assert found.track is second.receiver.track
    assert (first.mid, first.sender.track) == (None, track)
    assert second.mid is not None
    assert second.sender.track is None


async def test_checkAddTransceiverThenReplaceTrackDoesntPair(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddTransceiverThenReplaceTrackDoesntPair."""
    pc1, pc2 = make.pair()
    pc1.add_transceiver("audio")
    pc2.add_transceiver("audio")
    track = make.audio()
    await pc2.get_transceivers()[0].sender.replace_track(track)
    [found] = await track_events(pc2, await pc1.create_offer(), 1)
    first, second = pc2.get_transceivers()
    assert found.track is second.receiver.track
    assert (first.mid, first.sender.track) == (None, track)
    assert second.mid is not None
    assert second.sender.track is None


async def test_checkAddTransceiverThenAddTrackPairs(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddTransceiverThenAddTrackPairs."""
    pc1, pc2 = make.pair()
    pc1.add_transceiver("audio")
    pc2.add_transceiver("audio")
    stream, [track] = make.stream("audio")
    pc2.add_track(track, stream)
    [found] = await track_events(pc2, await pc1.create_offer(), 1)
    [transceiver] = pc2.get_transceivers()
    assert found.track is transceiver.receiver.track
    assert transceiver.sender.track is track
    assert transceiver.mid is not None


async def test_checkAddTrackPairs(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddTrackPairs."""
    pc1, pc2 = make.pair()
    pc1.add_transceiver("audio")
    stream, [track] = make.stream("audio")
    pc2.add_track(track, stream)
    [found] = await track_events(pc2, await pc1.create_offer(), 1)
    [transceiver] = pc2.get_transceivers()
    assert found.track is transceiver.receiver.track
    assert transceiver.sender.track is track
    assert transceiver.mid is not None


async def test_checkReplaceTrackNullDoesntPreventPairing(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkReplaceTrackNullDoesntPreventPairing."""
    pc1, pc2 = make.pair()
    pc1.add_transceiver("audio")
    stream, [track] = make.stream("audio")
    pc2.add_track(track, stream)
    await pc2.get_transceivers()[0].sender.replace_track(None)
    [found] = await track_events(pc2, await pc1.create_offer(), 1)
    [transceiver] = pc2.get_transceivers()
    assert found.track is transceiver.receiver.track
    assert transceiver.sender.track is None
    assert transceiver.mid is not None


async def test_checkRemoveAndReadd(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkRemoveAndReadd."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    await negotiate_remote_first(pc1, pc2)
    pc1.remove_track(pc1.get_senders()[0])
    pc1.add_track(track, stream)
    assert [(t.sender.track, t.direction) for t in pc1.get_transceivers()] == [(None, "recvonly"), (track, "sendrecv")]
    await negotiate_remote_first(pc1, pc2)
    assert [t.current_direction for t in pc2.get_transceivers()] == ["inactive", "recvonly"]
    pc1.remove_track(pc1.get_senders()[1])
    pc1.add_track(track, stream)
    assert [(t.sender.track, t.direction) for t in pc1.get_transceivers()] == [
        (None, "recvonly"),
        (None, "recvonly"),
        (track, "sendrecv"),
    ]
    # Now the other side offers: it needs a section to which the track can go.
    pc2.add_transceiver("audio")
    await negotiate_remote_first(pc2, pc1)
    assert [t.current_direction for t in pc2.get_transceivers()] == ["inactive", "inactive", "sendrecv"]


async def test_checkAddTrackExistingTransceiverThenRemove(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddTrackExistingTransceiverThenRemove."""
    pc = make.pc()
    transceiver = pc.add_transceiver("audio")
    stream, [audio] = make.stream("audio")
    for round_ in range(2):
        sender = pc.add_track(audio, stream)
        assert sender is transceiver.sender
        pc.remove_track(sender)
        assert sender.track is None
        if round_ == 0:
            await pc.set_local_description(await pc.create_offer())


async def test_checkRemoveTrackNegotiation(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkRemoveTrackNegotiation."""
    pc1, pc2 = make.pair()
    stream, [audio, video] = make.stream("audio", "video")
    pc1.add_track(audio, stream)
    pc1.add_track(video, stream)
    pc1.get_transceivers()[1].direction = "sendonly"
    offer = await pc1.create_offer()
    found = await track_events(pc2, offer, 2)
    assert [ids(one.streams) for one in found] == [[stream.id], [stream.id]]
    received = found[0].streams[0]
    assert found[1].streams[0] is received

    removed = EventLog(received, "removetrack", look=lambda _name, track: (track, track in received.get_tracks()))
    await pc2.set_remote_description({"type": "rollback"})
    assert received.get_tracks() == []
    assert await removed.exactly(2) == [(one.track, False) for one in found]

    offer = await pc1.create_offer()
    added = EventLog(received, "addtrack", look=lambda _name, track: (track, track in received.get_tracks()))
    found = await track_events(pc2, offer, 2)
    assert await added.exactly(2) == [(one.track, True) for one in found]

    await pc1.set_local_description(offer)
    answer = await pc2.create_answer()
    await pc1.set_remote_description(answer)
    await pc2.set_local_description(answer)
    needed = event(pc1, "negotiationneeded")
    pc1.remove_track(pc1.get_senders()[0])
    assert [sender.track for sender in pc1.get_senders()] == [None, video]
    assert [(t.sender.track, t.direction) for t in pc1.get_transceivers()] == [(None, "recvonly"), (video, "sendonly")]
    await needed
    pc1.remove_track(pc1.get_senders()[1])
    assert [sender.track for sender in pc1.get_senders()] == [None, None]
    assert [(t.sender.track, t.direction) for t in pc1.get_transceivers()] == [(None, "recvonly"), (None, "inactive")]

    removed.clear()
    added.clear()
    await pc2.set_remote_description(await pc1.create_offer())
    assert received.get_tracks() == []
    assert await removed.exactly(2) == [(one.track, False) for one in found]
    await pc2.set_remote_description({"type": "rollback"})
    assert received.get_tracks() == [one.track for one in found]
    await added.exactly(2)

    removed.clear()
    offer = await pc2.create_offer()
    await pc2.set_local_description(offer)
    await pc1.set_remote_description(offer)
    answer = await pc1.create_answer()
    await pc1.set_local_description(answer)
    await pc2.set_remote_description(answer)
    assert received.get_tracks() == []
    await removed.exactly(2)
    assert [t.current_direction for t in pc2.get_transceivers()] == ["inactive", "inactive"]


async def test_checkMute(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkMute."""
    pc1, pc2 = make.pair()
    for pc in (pc1, pc2):
        stream, tracks = make.stream("audio", "video")
        for track in tracks:
            pc.add_track(track, stream)
    received = [receiver.track for pc in (pc1, pc2) for receiver in pc.get_receivers()]
    mutes = [EventLog(track, "mute") for track in received]
    unmutes = [EventLog(track, "unmute") for track in received]
    assert [track.muted for track in received] == [True] * 4
    offer = await pc1.set_local_description(await pc1.create_offer())
    await pc2.set_remote_description(offer)
    # Nothing flows before there is an answer.
    assert [track.muted for track in received] == [True] * 4
    await pc1.set_remote_description(await pc2.set_local_description(await pc2.create_answer()))
    await ice_connected(pc1, pc2)
    for log in unmutes:
        await log.until(1)
    assert [track.muted for track in received] == [False] * 4

    # No longer receiving here mutes.
    for transceiver in pc1.get_transceivers():
        transceiver.direction = "sendonly"
    await negotiate(pc1, pc2)
    for log in mutes[:2]:
        await log.until(1)
    assert [track.muted for track in received] == [True, True, False, False]

    # No longer sending at the other side mutes, with its offer.
    for transceiver in pc1.get_transceivers():
        transceiver.direction = "inactive"
    await pc2.set_remote_description(await pc1.set_local_description(await pc1.create_offer()))
    assert [track.muted for track in received] == [True] * 4
    for log in mutes[2:]:
        await log.until(1)
    await pc1.set_remote_description(await pc2.set_local_description(await pc2.create_answer()))

    # Everything on again unmutes.
    for transceiver in pc1.get_transceivers():
        transceiver.direction = "sendrecv"
    await negotiate(pc1, pc2)
    for log in unmutes:
        await log.until(2)
    await asyncio.sleep(QUIET)
    assert [len(log) for log in mutes] == [1] * 4
    assert [len(log) for log in unmutes] == [2] * 4


async def test_checkStop(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkStop."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    await pc2.set_remote_description(await pc1.set_local_description(await pc1.create_offer()))
    pc2.add_track(track, stream)
    await pc1.set_remote_description(await pc2.set_local_description(await pc2.create_answer()))

    [one], [two] = pc1.get_transceivers(), pc2.get_transceivers()
    ended = event(one.receiver.track, "ended")
    one.stop()
    assert one.receiver.track.ready_state == "ended"
    await ended
    assert pc1.get_transceivers() == [one]
    assert one.mid is not None
    assert (one.sender.track, one.direction, one.current_direction) == (track, "stopped", "sendrecv")
    with pytest.raises(InvalidStateError):
        await one.sender.replace_track(make.audio())
    with pytest.raises(InvalidStateError):
        one.direction = "sendrecv"
    one.stop()  # has no effect

    offer = await pc1.set_local_description(await pc1.create_offer())
    ended = event(two.receiver.track, "ended", 1)
    await pc2.set_remote_description(offer)
    assert two.receiver.track.ready_state == "ended"
    await ended
    assert two.sender.track is track
    assert (two.direction, two.current_direction) == ("stopped", "stopped")
    two.stop()  # has no effect

    pc1.close()
    pc2.close()
    for transceiver in (one, two):
        with pytest.raises(InvalidStateError):
            transceiver.stop()


async def test_checkStop_setParameters_on_stopped_transceiver(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkStop, setParameters on stopped transceiver throws InvalidStateError."""
    transceiver = make.pc().add_transceiver(make.audio())
    if not hasattr(transceiver.sender, "set_parameters"):
        pytest.skip("set_parameters is not built yet")
    transceiver.stop()
    with pytest.raises(InvalidStateError):
        transceiver.sender.set_parameters(active=False)


async def finish_stopping(make: Maker, pc1: PeerConnection, pc2: PeerConnection) -> None:
    """Connected, with one side stopping: one more round, after which the transceivers are gone."""
    await ice_connected(pc1, pc2)
    gone = [*pc1.get_transceivers(), *pc2.get_transceivers()]
    await negotiate(pc1, pc2)
    assert pc1.get_transceivers() == []
    assert pc2.get_transceivers() == []
    assert [(t.direction, t.current_direction, t.mid) for t in gone] == [("stopped", "stopped", None)] * 2


async def test_checkStopAfterCreateOffer(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkStopAfterCreateOffer."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    pc2.add_track(track, stream)
    offer = await pc1.create_offer()
    [one] = pc1.get_transceivers()
    one.stop()
    await pc2.set_remote_description(offer)
    trickle(pc1, pc2)
    await pc1.set_local_description(offer)
    answer = await pc2.create_answer()
    needed = event(pc1, "negotiationneeded")
    # Whether it is stopping does not matter here.
    [found] = await track_events(pc1, answer, 1)
    assert found.track is one.receiver.track
    assert ids(found.streams) == [stream.id]
    assert directions(pc1) == [("stopped", "sendrecv")]
    await needed
    trickle(pc2, pc1)
    await pc2.set_local_description(answer)
    await finish_stopping(make, pc1, pc2)


async def test_checkStopAfterSetLocalOffer(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkStopAfterSetLocalOffer."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    pc2.add_track(track, stream)
    offer = await pc1.create_offer()
    await pc2.set_remote_description(offer)
    trickle(pc1, pc2)
    await pc1.set_local_description(offer)
    [one] = pc1.get_transceivers()
    one.stop()
    answer = await pc2.create_answer()
    needed = event(pc1, "negotiationneeded")
    [found] = await track_events(pc1, answer, 1)
    assert found.track is one.receiver.track
    assert ids(found.streams) == [stream.id]
    assert directions(pc1) == [("stopped", "sendrecv")]
    await needed
    trickle(pc2, pc1)
    await pc2.set_local_description(answer)
    await finish_stopping(make, pc1, pc2)


async def test_checkStopAfterSetRemoteOffer(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkStopAfterSetRemoteOffer."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    pc2.add_track(track, stream)
    offer = await pc1.create_offer()
    await pc2.set_remote_description(offer)
    await pc1.set_local_description(offer)
    [one] = pc1.get_transceivers()
    pc2.get_transceivers()[0].stop()
    answer = await pc2.create_answer()
    assert "m=audio 0 " in answer.sdp
    await track_events(pc1, answer, 0)
    assert pc1.get_transceivers() == []
    assert (one.direction, one.current_direction, one.mid) == ("stopped", "stopped", None)
    await pc2.set_local_description(answer)
    assert pc2.get_transceivers() == []


async def test_checkStopAfterCreateAnswer(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkStopAfterCreateAnswer."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    pc2.add_track(track, stream)
    offer = await pc1.create_offer()
    await pc2.set_remote_description(offer)
    trickle(pc1, pc2)
    await pc1.set_local_description(offer)
    answer = await pc2.create_answer()
    # Too late for this answer.
    [two] = pc2.get_transceivers()
    two.stop()
    [found] = await track_events(pc1, answer, 1)
    assert found.track is pc1.get_transceivers()[0].receiver.track
    assert ids(found.streams) == [stream.id]
    assert two.direction == "stopped"
    assert two.mid is not None
    trickle(pc2, pc1)
    needed = event(pc2, "negotiationneeded")
    await pc2.set_local_description(answer)
    await needed
    assert directions(pc2) == [("stopped", "sendrecv")]
    await finish_stopping(make, pc1, pc2)


async def test_checkStopAfterSetLocalAnswer(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkStopAfterSetLocalAnswer."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    pc2.add_track(track, stream)
    offer = await pc1.create_offer()
    await pc2.set_remote_description(offer)
    trickle(pc1, pc2)
    await pc1.set_local_description(offer)
    answer = await pc2.create_answer()
    [found] = await track_events(pc1, answer, 1)
    assert ids(found.streams) == [stream.id]
    trickle(pc2, pc1)
    await pc2.set_local_description(answer)
    needed = event(pc2, "negotiationneeded")
    pc2.get_transceivers()[0].stop()
    assert directions(pc2) == [("stopped", "sendrecv")]
    await needed
    await finish_stopping(make, pc1, pc2)


async def test_checkStopAfterClose(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkStopAfterClose."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    pc2.add_track(track, stream)
    await negotiate(pc1, pc2)
    [transceiver] = pc1.get_transceivers()
    pc1.close()
    with pytest.raises(InvalidStateError):
        transceiver.stop()


async def test_checkLocalRollback(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkLocalRollback."""
    pc = make.pc()
    stream, [track] = make.stream("audio")
    pc.add_track(track, stream)
    await pc.set_local_description(await pc.create_offer())
    [transceiver] = pc.get_transceivers()
    assert transceiver.mid is not None
    assert shape(pc) == [("audio", track, "sendrecv", transceiver.mid, None)]
    transceiver.direction = "sendonly"
    other = make.audio()
    await transceiver.sender.replace_track(other)
    await pc.set_local_description({"type": "rollback"})
    assert shape(pc) == [("audio", other, "sendonly", None, None)]
    # Stopping is not taken back either.
    await pc.set_local_description(await pc.create_offer())
    transceiver.stop()
    await pc.set_local_description({"type": "rollback"})
    assert transceiver.direction == "stopped"


async def test_checkRollbackAndSetRemoteOfferWithDifferentType(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkRollbackAndSetRemoteOfferWithDifferentType."""
    pc1, pc2 = make.pair()
    audio_stream, [audio] = make.stream("audio")
    video_stream, [video] = make.stream("video")
    pc1.add_track(audio, audio_stream)
    pc2.add_track(video, video_stream)
    await pc1.set_local_description(await pc1.create_offer())
    await pc1.set_local_description({"type": "rollback"})
    assert shape(pc1) == [("audio", audio, "sendrecv", None, None)]
    assert shape(pc2) == [("video", video, "sendrecv", None, None)]
    await negotiate_remote_first(pc2, pc1)
    mid = pc2.get_transceivers()[0].mid
    assert mid is not None
    assert shape(pc1) == [("audio", audio, "sendrecv", None, None), ("video", None, "recvonly", mid, "recvonly")]
    assert shape(pc2) == [("video", video, "sendrecv", mid, "sendonly")]
    await negotiate_remote_first(pc1, pc2)
    assert [t.current_direction for t in pc1.get_transceivers()] == ["sendonly", "recvonly"]


async def test_checkRemoteRollback(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkRemoteRollback."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    offer = await pc1.create_offer()
    await pc2.set_remote_description(offer)
    [removed] = pc2.get_transceivers()
    ended = event(removed.receiver.track, "ended")
    await pc2.set_remote_description({"type": "rollback"})
    assert pc2.get_transceivers() == []
    assert (removed.direction, removed.current_direction, removed.mid) == ("stopped", "stopped", None)
    await ended
    assert removed.receiver.track.ready_state == "ended"

    # The same offer again does the same again.
    await pc2.set_remote_description(offer)
    [transceiver] = pc2.get_transceivers()
    mid = transceiver.mid
    assert mid is not None
    assert shape(pc2) == [("audio", None, "recvonly", mid, None)]
    stream2, [track2] = make.stream("audio")
    await transceiver.sender.replace_track(track2)
    transceiver.direction = "sendrecv"
    assert shape(pc2) == [("audio", track2, "sendrecv", mid, None)]
    # Neither replace_track nor a direction keep it.
    await pc2.set_remote_description({"type": "rollback"})
    assert pc2.get_transceivers() == []

    # add_track does.
    await pc2.set_remote_description(offer)
    assert shape(pc2) == [("audio", None, "recvonly", mid, None)]
    pc2.add_track(track2, stream2)
    assert shape(pc2) == [("audio", track2, "sendrecv", mid, None)]
    await pc2.set_remote_description({"type": "rollback"})
    assert shape(pc2) == [("audio", track2, "sendrecv", None, None)]

    # And then everything works.
    await pc1.set_local_description(offer)
    [found] = await track_events(pc2, offer, 1)
    assert found.track is pc2.get_transceivers()[0].receiver.track
    assert ids(found.streams) == [stream.id]
    answer = await pc2.create_answer()
    await pc2.set_local_description(answer)
    [found] = await track_events(pc1, answer, 1)
    assert found.track is pc1.get_transceivers()[0].receiver.track
    assert ids(found.streams) == [stream2.id]
    assert shape(pc1) == [("audio", track, "sendrecv", mid, "sendrecv")]


async def remote_rollback_start(make: Maker) -> tuple[PeerConnection, PeerConnection, MediaStream]:
    """Return two connections that send to each other, and the first's stream as the second has it."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    stream2, [track2] = make.stream("audio")
    pc1.add_track(track, stream)
    pc2.add_track(track2, stream2)
    coming = event(pc2, "track")
    await negotiate(pc1, pc2)
    return pc1, pc2, (await coming).streams[0]


async def test_checkRemoteRollback_of_a_removed_track(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkRemoteRollback, rolling back a remote track removal."""
    pc1, pc2, received = await remote_rollback_start(make)
    [two] = pc2.get_transceivers()
    pc1.get_transceivers()[0].direction = "recvonly"
    await track_events(pc2, await pc1.create_offer(), 0)
    assert received.get_tracks() == []
    log = EventLog(pc2, "track")
    await pc2.set_remote_description({"type": "rollback"})
    # The track is in its stream again, and is announced again.
    assert received.get_tracks() == [two.receiver.track]
    [found] = await log.exactly(1)
    assert found.track is two.receiver.track
    assert found.streams == (received,)


async def test_checkRemoteRollback_of_a_stopped_transceiver(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkRemoteRollback, stop() cannot be rolled back."""
    pc1, pc2, _ = await remote_rollback_start(make)
    [two] = pc2.get_transceivers()
    pc1.get_transceivers()[0].stop()
    await pc2.set_remote_description(await pc1.create_offer())
    assert (two.direction, two.current_direction) == ("stopped", "stopped")
    await pc2.set_remote_description({"type": "rollback"})
    assert (two.direction, two.current_direction) == ("stopped", "stopped")


async def test_checkMsectionReuse(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkMsectionReuse."""
    pc1, pc2 = make.pc(bundle_policy="max-compat"), make.pc(bundle_policy="max-compat")
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    await pc2.set_remote_description(await pc1.set_local_description(await pc1.create_offer()))
    # The answerer rejects the only section.
    [one], [two] = pc1.get_transceivers(), pc2.get_transceivers()
    mid0 = two.mid
    two.stop()
    await pc1.set_remote_description(await pc2.set_local_description(await pc2.create_answer()))
    assert pc1.get_transceivers() == []
    assert pc2.get_transceivers() == []
    assert [(t.mid, t.current_direction) for t in (one, two)] == [(None, "stopped")] * 2

    # The section is used again, by either side's offer.
    stream2, [track2] = make.stream("audio")
    pc1.add_track(track2, stream2)
    offer = await pc1.create_offer()
    assert len(sections(offer.sdp)) == 1
    assert pc1.get_senders()[0].track is track2
    pc2.add_track(track, stream)
    offer = await pc2.create_offer()
    assert len(sections(offer.sdp)) == 1
    await pc2.set_local_description(offer)
    await pc1.set_remote_description(offer)
    await pc2.set_remote_description(await pc1.set_local_description(await pc1.create_answer()))
    [one], [two] = pc1.get_transceivers(), pc2.get_transceivers()
    mid1 = one.mid
    assert mid1 not in (None, mid0)
    assert shape(pc1) == [("audio", track2, "sendrecv", mid1, "sendrecv")]
    assert shape(pc2) == [("audio", track, "sendrecv", mid1, "sendrecv")]

    # A section that is being rejected is not yet free.
    one.stop()
    stream3, [track3] = make.stream("audio")
    pc1.add_track(track3, stream3)
    offer = await pc1.create_offer()
    assert len(sections(offer.sdp)) == 2
    assert len(re.findall("^m=audio 0 ", offer.sdp, re.MULTILINE)) == 1
    await pc1.set_local_description(offer)
    [found] = await track_events(pc2, offer, 1)
    assert found.track is pc2.get_transceivers()[1].receiver.track
    assert ids(found.streams) == [stream3.id]
    answer = await pc2.set_local_description(await pc2.create_answer())
    await track_events(pc1, answer, 0)
    [three] = pc2.get_transceivers()
    assert two.current_direction == "stopped"
    mid2 = three.mid
    assert mid2 not in (None, mid0, mid1)
    assert shape(pc2) == [("audio", None, "recvonly", mid2, "recvonly")]

    # A track goes to the transceiver that is there; a further one to the rejected section.
    pc2.add_track(track3, stream3)
    offer = await pc2.create_offer()
    assert len(sections(offer.sdp)) == 2
    assert len(re.findall("^m=audio 0 ", offer.sdp, re.MULTILINE)) == 1
    assert shape(pc2) == [("audio", track3, "sendrecv", mid2, "recvonly")]
    stream4, [track4] = make.stream("audio")
    pc2.add_track(track4, stream4)
    offer = await pc2.create_offer()
    await pc2.set_local_description(offer)
    assert [t.sender.track for t in pc2.get_transceivers()] == [track3, track4]
    mid3 = pc2.get_transceivers()[1].mid
    assert mid3 not in (None, mid0, mid1, mid2)
    assert len(sections(offer.sdp)) == 2
    assert re.findall("^m=audio 0 ", offer.sdp, re.MULTILINE) == []


async def test_checkStopAfterCreateOfferWithReusedMsection(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkStopAfterCreateOfferWithReusedMsection."""
    pc1, pc2 = make.pair()
    stream, [audio, video] = make.stream("audio", "video")
    pc1.add_track(audio, stream)
    pc1.add_track(video, stream)
    await negotiate_remote_first(pc1, pc2)
    pc1.get_transceivers()[1].stop()
    await negotiate_remote_first(pc1, pc2)
    # The second section is free now.
    transceiver = pc1.add_transceiver("video")
    offer = await pc1.create_offer()
    transceiver.stop()
    await pc1.set_local_description(offer)
    await pc2.set_remote_description(offer)
    await pc1.set_remote_description(await pc2.set_local_description(await pc2.create_answer()))
    assert pc1.signaling_state == "stable"


async def test_checkAddIceCandidateToStoppedTransceiver(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddIceCandidateToStoppedTransceiver."""
    pc1, pc2 = make.pair()
    stream, [audio, video] = make.stream("audio", "video")
    for pc in (pc1, pc2):
        pc.add_track(audio, stream)
        pc.add_track(video, stream)
    await pc1.set_local_description(await pc1.create_offer())
    pc1.get_transceivers()[1].stop()
    await pc1.set_local_description({"type": "rollback"})
    await pc1.set_remote_description(await pc2.set_local_description(await pc2.create_offer()))
    await pc1.add_ice_candidate(
        {
            "candidate": "candidate:0 1 UDP 2122252543 192.168.1.112 64261 typ host",
            "sdpMid": pc2.get_transceivers()[1].mid,
        }
    )


async def test_checkBundleTagRejected(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkBundleTagRejected."""
    pc1, pc2 = make.pair()
    for _ in range(2):
        stream, [track] = make.stream("audio")
        pc1.add_track(track, stream)
    await negotiate_remote_first(pc1, pc2)
    pc2.get_transceivers()[0].stop()
    await negotiate_remote_first(pc1, pc2)
    await negotiate_remote_first(pc2, pc1)
    assert [t.current_direction for t in pc1.get_transceivers()] == ["sendonly"]
    assert [t.current_direction for t in pc2.get_transceivers()] == ["recvonly"]


# -- the same, and what counts in the end: media --------------------------------------------------------------------


async def receives(*transceivers: RtpTransceiver) -> None:
    """Wait until something new is received on each."""
    for transceiver in transceivers:
        track = transceiver.receiver.track
        track.latest()
        before = track.stats["frames_in"]
        await eventually(lambda t=track, n=before: t.stats["frames_in"] > n + 3, f"media of {transceiver}")  # type: ignore[misc]


async def test_checkBundleTagRejected_and_media_still_flows(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkBundleTagRejected; the section that is left carries pictures."""
    pc1, pc2 = make.pair()
    for kind in ("audio", "video"):
        stream, [track] = make.stream(kind)
        pc1.add_track(track, stream)
    await negotiate(pc1, pc2)
    await ice_connected(pc1, pc2)
    pc2.get_transceivers()[0].stop()
    await negotiate(pc2, pc1)
    await receives(*pc2.get_transceivers())


async def test_checkRemoveAndReadd_and_media_flows(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkRemoveAndReadd; the track that was added again arrives."""
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("video")
    for _ in range(3):
        sender = pc1.add_track(track, stream)
        await negotiate(pc1, pc2)
        await receives(pc2.get_transceivers()[-1])
        pc1.remove_track(sender)
    assert len(pc2.get_transceivers()) == 3


async def test_checkRollbackAndSetRemoteOfferWithDifferentType_and_media_flows(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkRollbackAndSetRemoteOfferWithDifferentType; both tracks arrive."""
    pc1, pc2 = make.pair()
    pc1.add_track(make.audio())
    pc2.add_track(make.video())
    await pc1.set_local_description(await pc1.create_offer())
    await pc1.set_local_description({"type": "rollback"})
    await negotiate(pc2, pc1)
    await receives(pc1.get_transceivers()[1])
    await negotiate(pc1, pc2)
    await receives(pc1.get_transceivers()[1], pc2.get_transceivers()[1])


async def test_checkRemoteRollback_and_media_flows(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkRemoteRollback; the transceiver that add_track kept carries media."""
    pc1, pc2 = make.pair()
    pc1.add_track(make.audio())
    offer = await pc1.set_local_description()
    await pc2.set_remote_description(offer)
    pc2.add_track(make.audio())
    await pc2.set_remote_description({"type": "rollback"})
    await pc2.set_remote_description(offer)
    await pc1.set_remote_description(await pc2.set_local_description())
    await receives(*pc1.get_transceivers(), *pc2.get_transceivers())


async def test_checkRemoteRollback_after_create_answer_and_media_flows(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkRemoteRollback; also when an answer was made that is not given."""
    pc1, pc2 = make.pair()
    pc1.add_track(make.audio())
    offer = await pc1.set_local_description()
    await pc2.set_remote_description(offer)
    await pc2.create_answer()
    await pc2.set_remote_description({"type": "rollback"})
    assert pc2.get_transceivers() == []
    await pc2.set_remote_description(offer)
    pc2.add_track(make.audio())
    await pc1.set_remote_description(await pc2.set_local_description())
    await receives(*pc1.get_transceivers(), *pc2.get_transceivers())


async def test_checkAddTransceiverNoTrackDoesntPair_and_both_sections_carry_media(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkAddTransceiverNoTrackDoesntPair; the other's is negotiated after it."""
    pc1, pc2 = make.pair()
    pc1.add_transceiver(make.audio())
    pc2.add_transceiver(make.audio())
    await negotiate(pc1, pc2)
    await receives(pc2.get_transceivers()[1])
    await negotiate(pc2, pc1)
    await receives(pc2.get_transceivers()[1], pc1.get_transceivers()[1])


async def test_checkStopAfterSetRemoteOffer_and_the_other_section_carries_media(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkStopAfterSetRemoteOffer; of two sections, the first is rejected."""
    pc1, pc2 = make.pair()
    pc1.add_track(make.audio())
    pc1.add_track(make.video())
    await pc2.set_remote_description(await pc1.set_local_description())
    pc2.get_transceivers()[0].stop()
    await pc1.set_remote_description(await pc2.set_local_description())
    [transceiver] = pc2.get_transceivers()
    await receives(transceiver)
    # And a new section after it.
    pc2.add_track(make.audio())
    await negotiate(pc2, pc1)
    await receives(transceiver, pc1.get_transceivers()[1])


async def test_checkMute_and_media_comes_back_after_each_direction(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: checkMute; read, not only told of."""
    pc1, pc2 = make.pair()
    pc1.add_track(make.video())
    pc2.add_track(make.video())
    await negotiate(pc1, pc2)
    [one], [two] = pc1.get_transceivers(), pc2.get_transceivers()
    await receives(one, two)
    for direction, receiving in [("sendonly", [two]), ("recvonly", [one]), ("inactive", []), ("sendrecv", [one, two])]:
        one.direction = direction
        await negotiate(pc1, pc2)
        await receives(*receiving)
        for transceiver in {one, two} - set(receiving):
            assert transceiver.receiver.track.muted


async def test_glare_rolled_back_implicitly_and_media_flows(make: Maker) -> None:
    """webrtc/RTCRtpTransceiver.https.html: (with an implicit rollback) both sides offer at once; all tracks arrive."""
    pc1, pc2 = make.pair()
    for pc in (pc1, pc2):
        pc.add_track(make.audio())
        pc.add_transceiver(make.video())
    offer = await pc1.set_local_description()
    await pc2.set_local_description()
    await pc2.set_remote_description(offer)
    await pc1.set_remote_description(await pc2.set_local_description())
    await negotiate(pc2, pc1)
    assert [t.current_direction for t in pc1.get_transceivers()] == ["sendrecv", "sendonly", "recvonly"]
    await receives(pc1.get_transceivers()[0], pc1.get_transceivers()[2])
    assert [t.current_direction for t in pc2.get_transceivers()] == ["sendrecv", "sendonly", "recvonly"]
    await receives(pc2.get_transceivers()[0], pc2.get_transceivers()[2])
