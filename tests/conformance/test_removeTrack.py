"""removeTrack, after webrtc/RTCPeerConnection-removeTrack and -setRemoteDescription-remove-tracks."""

from __future__ import annotations

import pytest

from jupyter_rtc import InvalidAccessError, InvalidStateError, RtpSender

from .tracks import Maker, answer_to, event, negotiate


def sender_of(make: Maker, pc: object, way: str) -> RtpSender:
    """Return the sender of a new audio track, added in one of the two ways."""
    stream, [track] = make.stream("audio")
    if way == "addTrack":
        return pc.add_track(track, stream)  # type: ignore[attr-defined,no-any-return]
    return pc.add_transceiver(track).sender  # type: ignore[attr-defined,no-any-return]


ways = pytest.mark.parametrize("way", ["addTransceiver", "addTrack"])


@ways
async def test_removeTrack_when_connection_is_closed_throws_InvalidStateError(make: Maker, way: str) -> None:
    """webrtc/RTCPeerConnection-removeTrack.https.html:
    Calling removeTrack when connection is closed should throw InvalidStateError.
    """
    pc = make.pc()
    sender = sender_of(make, pc, way)
    pc.close()
    with pytest.raises(InvalidStateError):
        pc.remove_track(sender)


@ways
async def test_removeTrack_on_different_closed_connection_throws_InvalidStateError(make: Maker, way: str) -> None:
    """webrtc/RTCPeerConnection-removeTrack.https.html:
    Calling removeTrack on different connection that is closed should throw InvalidStateError.
    """
    pc, other = make.pair()
    sender = sender_of(make, pc, way)
    other.close()
    with pytest.raises(InvalidStateError):
        other.remove_track(sender)


@ways
async def test_removeTrack_on_different_connection_throws_InvalidAccessError(make: Maker, way: str) -> None:
    """webrtc/RTCPeerConnection-removeTrack.https.html:
    Calling removeTrack on different connection should throw InvalidAccessError.
    """
    pc, other = make.pair()
    sender = sender_of(make, pc, way)
    with pytest.raises(InvalidAccessError):
        other.remove_track(sender)


@ways
async def test_removeTrack_with_valid_sender_sets_track_to_null(make: Maker, way: str) -> None:
    """webrtc/RTCPeerConnection-removeTrack.https.html:
    Calling removeTrack with valid sender should set sender.track to null.
    """
    pc = make.pc()
    sender = sender_of(make, pc, way)
    [transceiver] = pc.get_transceivers()
    assert sender.track is not None
    assert transceiver.direction == "sendrecv"
    pc.remove_track(sender)
    assert sender.track is None
    assert transceiver.direction == "recvonly"
    assert pc.get_senders() == [sender]


@pytest.mark.parametrize(
    ("before", "current", "after"),
    [
        ("sendrecv", "sendrecv", "recvonly"),
        ("sendonly", "sendonly", "inactive"),
        ("recvonly", "recvonly", "recvonly"),
        ("inactive", "inactive", "inactive"),
    ],
)
async def test_removeTrack_changes_direction_by_what_was_negotiated(
    make: Maker, before: str, current: str, after: str
) -> None:
    """webrtc/RTCPeerConnection-removeTrack.https.html:
    Calling removeTrack with currentDirection sendrecv (sendonly, recvonly, inactive) should set direction to recvonly
    (set it to inactive, not change it, not change it).
    """
    caller, callee = make.pair()
    track = make.audio()
    transceiver = caller.add_transceiver(track, direction=before)  # type: ignore[arg-type]
    callee.add_track(make.audio())
    assert transceiver.sender.track is track
    assert transceiver.direction == before
    assert transceiver.current_direction is None
    await negotiate(caller, callee)
    assert transceiver.current_direction == current
    caller.remove_track(transceiver.sender)
    assert transceiver.sender.track is None
    assert transceiver.direction == after
    assert transceiver.current_direction == current


async def test_removeTrack_after_an_answer_without_a_track_of_its_own(make: Maker) -> None:
    """webrtc/RTCPeerConnection-removeTrack.https.html:
    Calling removeTrack with currentDirection sendonly should set direction to inactive; here by an answer from
    elsewhere.
    """
    pc = make.pc()
    transceiver = pc.add_transceiver(make.audio(), direction="sendonly")
    offer = await pc.set_local_description(await pc.create_offer())
    await pc.set_remote_description(await answer_to(offer))
    assert transceiver.current_direction == "sendonly"
    pc.remove_track(transceiver.sender)
    assert transceiver.sender.track is None
    assert transceiver.direction == "inactive"
    assert transceiver.current_direction == "sendonly"


async def test_removeTrack_on_stopped_transceiver_does_nothing(make: Maker) -> None:
    """webrtc/RTCPeerConnection-removeTrack.https.html:
    Calling removeTrack on a stopped transceiver should be a no-op.
    """
    pc = make.pc()
    track = make.audio()
    transceiver = pc.add_transceiver(track)
    transceiver.stop()
    pc.remove_track(transceiver.sender)
    assert transceiver.sender.track is track


async def test_removeTrack_on_sender_without_track_has_no_effect(make: Maker) -> None:
    """webrtc/RTCPeerConnection-removeTrack.https.html: Calling removeTrack on a null track should have no effect."""
    pc = make.pc()
    transceiver = pc.add_transceiver(make.audio())
    await transceiver.sender.replace_track(None)
    pc.remove_track(transceiver.sender)
    assert transceiver.sender.track is None
    assert transceiver.direction == "sendrecv"


async def test_removeTrack_after_rollback_that_removed_the_sender_does_nothing(make: Maker) -> None:
    """webrtc/RTCPeerConnection-removeTrack.https.html:
    removeTrack, if sender is not in senders (removed by rollback), then abort.
    """
    caller, callee = make.pair()
    caller.add_transceiver("audio")
    await callee.set_remote_description(await caller.create_offer())
    [sender] = callee.get_senders()
    await callee.set_remote_description({"type": "rollback"})
    assert callee.get_senders() == []
    callee.remove_track(sender)
    assert callee.get_senders() == []


async def test_removeTrack_causes_mute_and_the_track_to_be_muted(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-remove-tracks.https.html:
    removeTrack() causes onmute and the track to be muted.
    """
    caller, callee = make.pair()
    sender = caller.add_track(make.video())
    coming = event(callee, "track")
    await negotiate(caller, callee)
    track = (await coming).track
    await event(track, "unmute")
    muting = event(track, "mute")
    caller.remove_track(sender)
    await negotiate(caller, callee)
    assert track.muted
    await muting
