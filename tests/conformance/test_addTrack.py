"""addTrack, after webrtc/RTCPeerConnection-addTrack.https.html."""

from __future__ import annotations

import asyncio

import pytest

from jupyter_rtc import InvalidAccessError, InvalidStateError, MediaStream, RtpSender

from .tracks import Maker, negotiate


async def test_addTrack_when_pc_is_closed_throws_InvalidStateError(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTrack.https.html: addTrack when pc is closed should throw InvalidStateError."""
    pc = make.pc()
    stream, [track] = make.stream("audio")
    pc.close()
    with pytest.raises(InvalidStateError):
        pc.add_track(track, stream)


async def test_addTrack_with_single_track_and_no_stream_succeeds(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTrack.https.html:
    addTrack with single track argument and no stream should succeed.
    """
    pc = make.pc()
    track = make.audio()
    sender = pc.add_track(track)
    assert isinstance(sender, RtpSender)
    assert sender.track is track
    [transceiver] = pc.get_transceivers()
    assert transceiver.sender is sender
    assert pc.get_senders() == [sender]
    assert transceiver.receiver.track.kind == "audio"
    assert pc.get_receivers() == [transceiver.receiver]


async def test_addTrack_with_single_track_and_single_stream_succeeds(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTrack.https.html:
    addTrack with single track argument and single stream should succeed.
    """
    pc = make.pc()
    stream, [track] = make.stream("audio")
    sender = pc.add_track(track, stream)
    assert isinstance(sender, RtpSender)
    assert sender.track is track


async def test_addTrack_with_single_track_and_multiple_streams_succeeds(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTrack.https.html:
    addTrack with single track argument and multiple streams should succeed.
    """
    pc = make.pc()
    stream, [track] = make.stream("audio")
    sender = pc.add_track(track, stream, MediaStream([track]))
    assert isinstance(sender, RtpSender)
    assert sender.track is track


async def test_adding_the_same_track_twice_throws_InvalidAccessError(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTrack.https.html:
    Adding the same track multiple times should throw InvalidAccessError.
    """
    pc = make.pc()
    stream, [track] = make.stream("audio")
    pc.add_track(track, stream)
    with pytest.raises(InvalidAccessError):
        pc.add_track(track, stream)
    assert len(pc.get_senders()) == 1


async def test_addTrack_reuses_recvonly_sender_of_same_kind_without_track(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTrack.https.html:
    addTrack with existing sender with null track, same kind, and recvonly direction should reuse sender.
    """
    pc = make.pc()
    transceiver = pc.add_transceiver("audio", direction="recvonly")
    assert transceiver.sender.track is None
    assert transceiver.direction == "recvonly"
    track = make.audio()
    sender = pc.add_track(track)
    assert sender is transceiver.sender
    assert sender.track is track
    assert transceiver.direction == "sendrecv"
    assert pc.get_senders() == [sender]


async def test_addTrack_reuses_sendrecv_sender_of_same_kind_without_track(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTrack.https.html:
    addTrack with existing sender with null track, same kind, and sendrecv direction should reuse sender.
    """
    pc = make.pc()
    transceiver = pc.add_transceiver("audio")
    assert transceiver.sender.track is None
    assert transceiver.direction == "sendrecv"
    track = make.audio()
    sender = pc.add_track(track)
    assert sender is transceiver.sender
    assert sender.track is track


async def test_addTrack_reuses_sender_that_was_never_used_to_send(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTrack.https.html:
    addTrack with existing sender that has not been used to send should reuse the sender.
    """
    caller, callee = make.pair()
    transceiver = caller.add_transceiver("audio", direction="recvonly")
    await negotiate(caller, callee)
    assert transceiver.current_direction == "inactive"
    track = make.audio()
    sender = caller.add_track(track)
    assert sender is transceiver.sender
    assert sender.track is track
    assert transceiver.direction == "sendrecv"
    assert len(caller.get_senders()) == 1


async def test_addTrack_makes_new_sender_when_the_other_was_used_to_send(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTrack.https.html:
    addTrack with existing sender that has been used to send should create new sender.
    """
    caller, callee = make.pair()
    track = make.audio()
    transceiver = caller.add_transceiver(track)
    await negotiate(caller, callee)
    assert transceiver.current_direction == "sendonly"
    caller.remove_track(transceiver.sender)
    await negotiate(caller, callee)
    assert transceiver.direction == "recvonly"
    assert transceiver.current_direction == "inactive"
    sender = caller.add_track(track)
    assert sender is not transceiver.sender
    assert sender.track is track
    assert len(caller.get_senders()) == 2


async def test_addTrack_makes_new_sender_for_another_kind(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTrack.https.html:
    addTrack with existing sender with null track, different kind, and recvonly direction should create new sender.
    """
    pc = make.pc()
    transceiver = pc.add_transceiver("video", direction="recvonly")
    assert transceiver.sender.track is None
    track = make.audio()
    sender = pc.add_track(track)
    assert sender.track is track
    assert sender is not transceiver.sender
    assert pc.get_senders() == [transceiver.sender, sender]


async def test_adding_more_tracks_gathers_no_more_candidates_if_bundled(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTrack.https.html: Adding more tracks does not generate more candidates if bundled."""
    caller, callee = make.pair()
    stream, [first, second] = make.stream("audio", "video")
    caller.add_track(first, stream)
    await negotiate(caller, callee)
    seen: list[object] = []
    caller.on("icecandidate", lambda candidate: seen.append(candidate))
    caller.add_track(second, stream)
    await negotiate(caller, callee)
    await asyncio.sleep(0.15)
    assert [candidate for candidate in seen if candidate is not None] == []


async def test_addTrack_while_a_remote_offer_is_applied_makes_the_transceiver_for_it(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTrack.https.html:
    Calling addTrack while sRD(offer) is pending should allow the new remote transceiver to be the same one that
    addTrack creates.
    """
    caller, callee = make.pair()
    stream, [track] = make.stream("audio")
    caller.add_track(track, stream)
    offer = await caller.create_offer()
    applying = asyncio.ensure_future(callee.set_remote_description(offer))
    sender = callee.add_track(track, stream)
    await applying
    [transceiver] = callee.get_transceivers()
    assert transceiver.sender is sender
    assert transceiver.mid is not None


async def test_addTrack_while_a_remote_offer_of_another_kind_is_applied_comes_first(make: Maker) -> None:
    """webrtc/RTCPeerConnection-addTrack.https.html:
    When addTrack is called while sRD is in progress, and both addTrack and sRD add a transceiver of different types,
    the addTrack transceiver should come first, and then the sRD transceiver.
    """
    caller, callee = make.pair()
    stream, [audio, video] = make.stream("audio", "video")
    caller.add_track(video, stream)
    offer = await caller.create_offer()
    applying = asyncio.ensure_future(callee.set_remote_description(offer))
    callee.add_track(audio, stream)
    await applying
    first, second = callee.get_transceivers()
    assert (first.receiver.track.kind, first.mid) == ("audio", None)
    assert second.receiver.track.kind == "video"
    assert second.mid is not None
