"""RtpSender, after webrtc/RTCRtpSender-replaceTrack.https.html, -setStreams.https.html and RTCRtpSender.https.html."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from jupyter_rtc import InvalidAccessError, InvalidStateError, MediaStream, RtpSender, Track

from .tracks import QUIET, EventLog, Maker, event, eventually, ids, negotiate, track_events

# -- RTCRtpSender-replaceTrack.https.html ---------------------------------------------------------------------------


async def test_replaceTrack_on_closed_connection_throws_InvalidStateError(make: Maker) -> None:
    """webrtc/RTCRtpSender-replaceTrack.https.html:
    Calling replaceTrack on closed connection should reject with InvalidStateError.
    """
    pc = make.pc()
    sender = pc.add_transceiver("audio").sender
    pc.close()
    with pytest.raises(InvalidStateError):
        await sender.replace_track(make.audio())


async def test_replaceTrack_with_track_of_different_kind_throws_TypeError(make: Maker) -> None:
    """webrtc/RTCRtpSender-replaceTrack.https.html:
    Calling replaceTrack with track of different kind should reject with TypeError.
    """
    sender = make.pc().add_transceiver("audio").sender
    with pytest.raises(TypeError):
        await sender.replace_track(make.video())
    assert sender.track is None


async def test_replaceTrack_on_stopped_sender_throws_InvalidStateError(make: Maker) -> None:
    """webrtc/RTCRtpSender-replaceTrack.https.html:
    Calling replaceTrack on stopped sender should reject with InvalidStateError.
    """
    transceiver = make.pc().add_transceiver("audio")
    transceiver.stop()
    with pytest.raises(InvalidStateError):
        await transceiver.sender.replace_track(make.audio())


async def test_replaceTrack_on_sender_without_track_before_a_description(make: Maker) -> None:
    """webrtc/RTCRtpSender-replaceTrack.https.html:
    Calling replaceTrack on sender with null track and not set to session description should resolve with sender.track
    set to given track.
    """
    sender = make.pc().add_transceiver("audio").sender
    assert sender.track is None
    track = make.audio()
    await sender.replace_track(track)
    assert sender.track is track


async def test_replaceTrack_on_sender_with_track_before_a_description(make: Maker) -> None:
    """webrtc/RTCRtpSender-replaceTrack.https.html:
    Calling replaceTrack on sender not set to session description should resolve with sender.track set to given track.
    """
    one, two = make.audio(), make.audio()
    sender = make.pc().add_transceiver(one).sender
    assert sender.track is one
    await sender.replace_track(two)
    assert sender.track is two


async def test_replaceTrack_null_before_a_description(make: Maker) -> None:
    """webrtc/RTCRtpSender-replaceTrack.https.html:
    Calling replaceTrack(null) on sender not set to session description should resolve with sender.track set to null.
    """
    sender = make.pc().add_transceiver(make.audio()).sender
    await sender.replace_track(None)
    assert sender.track is None


async def test_replaceTrack_null_after_a_description(make: Maker) -> None:
    """webrtc/RTCRtpSender-replaceTrack.https.html:
    Calling replaceTrack(null) on sender set to session description should resolve with sender.track set to null.
    """
    pc = make.pc()
    sender = pc.add_transceiver(make.audio()).sender
    await pc.set_local_description(await pc.create_offer())
    await sender.replace_track(None)
    assert sender.track is None


async def test_replaceTrack_of_stopped_track_after_a_description(make: Maker) -> None:
    """webrtc/RTCRtpSender-replaceTrack.https.html:
    Calling replaceTrack on sender with stopped track and and set to session description should resolve with
    sender.track set to given track.
    """
    pc = make.pc()
    one, two = make.audio(), make.audio()
    sender = pc.add_transceiver(one).sender
    one.stop()
    await pc.set_local_description(await pc.create_offer())
    await sender.replace_track(two)
    assert sender.track is two


async def test_replaceTrack_of_similar_track_after_a_description(make: Maker) -> None:
    """webrtc/RTCRtpSender-replaceTrack.https.html:
    Calling replaceTrack on sender with similar track and and set to session description should resolve with
    sender.track set to new track.
    """
    pc = make.pc()
    one, two = make.audio(), make.audio()
    sender = pc.add_transceiver(one).sender
    await pc.set_local_description(await pc.create_offer())
    await sender.replace_track(two)
    assert sender.track is two


async def shows(track: Track[Any], level: int) -> None:
    """Wait until the picture is of this grey."""

    def is_grey() -> bool:
        picture = track.latest()
        return picture is not None and abs(float(np.mean(picture)) - level) < 20

    await eventually(is_grey, f"a picture of {level}", 10)


async def test_replaceTrack_transmits_the_new_track(make: Maker) -> None:
    """webrtc/RTCRtpSender-replaceTrack.https.html: ReplaceTrack transmits the new track not the old track."""
    caller, callee = make.pair()
    sender = caller.add_track(make.grey(40))
    await negotiate(caller, callee)
    track = callee.get_receivers()[0].track
    await shows(track, 40)
    await sender.replace_track(make.grey(220))
    await shows(track, 220)


async def test_replaceTrack_null_and_then_a_track_transmits_the_new_track(make: Maker) -> None:
    """webrtc/RTCRtpSender-replaceTrack.https.html: ReplaceTrack null -> new track transmits the new track."""
    caller, callee = make.pair()
    sender = caller.add_track(make.grey(40))
    await negotiate(caller, callee)
    track = callee.get_receivers()[0].track
    await shows(track, 40)
    await sender.replace_track(None)
    await sender.replace_track(make.grey(220))
    await shows(track, 220)


async def test_replaceTrack_while_offering_keeps_streams_and_the_remote_track(make: Maker) -> None:
    """webrtc/RTCRtpSender-replaceTrack.https.html:
    the sender must retain the original track identifier and stream associations and use these in subsequent
    negotiations.
    """
    caller, callee = make.pair()
    stream, [track] = make.stream("audio")
    sender = caller.add_track(track, stream)
    await negotiate(caller, callee)
    remote = callee.get_receivers()[0].track
    before = remote.id
    await sender.replace_track(make.audio())
    found = await track_events(callee, await caller.set_local_description(), 0)
    await caller.set_remote_description(await callee.set_local_description())
    assert found == []
    assert callee.get_receivers()[0].track is remote
    assert remote.id == before


async def test_replaceTrack_with_no_track_throws_TypeError(make: Maker) -> None:
    """webrtc/RTCRtpSender-replaceTrack.https.html: replaceTrack takes a MediaStreamTrack or null (IDL)."""
    sender = make.pc().add_transceiver("audio").sender
    with pytest.raises(TypeError):
        await sender.replace_track("audio")


# -- RTCRtpSender-setStreams.https.html -----------------------------------------------------------------------------


async def test_setStreams_reports_streams_via_track_on_callee(make: Maker) -> None:
    """webrtc/RTCRtpSender-setStreams.https.html: setStreams causes streams to be reported via ontrack on callee."""
    caller, callee = make.pair()
    stream1, stream2 = MediaStream(), MediaStream()
    sender = caller.add_track(make.audio())
    sender.set_streams(stream1, stream2)
    [found] = await track_events(callee, await caller.create_offer(), 1)
    assert ids(found.streams) == [stream1.id, stream2.id]


async def test_setStreams_of_the_same_streams_can_rebuild_them_remotely(make: Maker) -> None:
    """webrtc/RTCRtpSender-setStreams.https.html:
    setStreams can be used to reconstruct a stream with a track that was added without it.
    """
    caller, callee = make.pair()
    stream, [audio, video] = make.stream("audio", "video")
    for sender in (caller.add_transceiver(audio).sender, caller.add_transceiver(video).sender):
        sender.set_streams(stream)
    first, second = await track_events(callee, await caller.create_offer(), 2)
    assert first.streams == second.streams
    assert ids(first.streams) == [stream.id]
    assert first.streams[0].get_tracks() == [first.track, second.track]


async def test_setStreams_of_an_inactive_transceiver_are_reported_with_its_direction(make: Maker) -> None:
    """webrtc/RTCRtpSender-setStreams.https.html:
    Adding streams and changing direction causes new streams to be reported via ontrack on callee.
    """
    caller, callee = make.pair()
    stream1, stream2 = MediaStream(), MediaStream()
    transceiver = caller.add_transceiver(make.audio(), direction="inactive")
    await negotiate(caller, callee)
    transceiver.direction = "sendrecv"
    transceiver.sender.set_streams(stream1, stream2)
    [found] = await track_events(callee, await caller.create_offer(), 1)
    assert ids(found.streams) == [stream1.id, stream2.id]


async def test_setStreams_on_an_active_transceiver_adds_its_track_to_the_new_stream(make: Maker) -> None:
    """webrtc/RTCRtpSender-setStreams.https.html:
    Adding streams to an active transceiver causes new streams to be reported via ontrack on callee.
    """
    caller, callee = make.pair()
    stream1, stream2 = MediaStream(), MediaStream()
    transceiver = caller.add_transceiver(make.audio(), streams=(stream1,))
    [found] = await track_events(callee, await caller.set_local_description(), 1)
    await caller.set_remote_description(await callee.set_local_description())
    assert ids(found.streams) == [stream1.id]
    transceiver.sender.set_streams(stream1, stream2)
    [again] = await track_events(callee, await caller.create_offer(), 1)
    assert again.track is found.track
    assert ids(again.streams) == [stream1.id, stream2.id]
    assert again.streams[0] is found.streams[0]


async def test_setStreams_moves_the_remote_track_to_the_other_stream(make: Maker) -> None:
    """webrtc/RTCRtpSender-setStreams.https.html:
    replacing the stream: onremovetrack at the old one, and the track is in the new one.
    """
    caller, callee = make.pair()
    stream1, stream2 = MediaStream(), MediaStream()
    sender = caller.add_track(make.audio(), stream1)
    [found] = await track_events(callee, await caller.set_local_description(), 1)
    await caller.set_remote_description(await callee.set_local_description())
    [old] = found.streams
    removed = event(old, "removetrack")
    sender.set_streams(stream2)
    log = EventLog(callee, "track")
    await negotiate(caller, callee)
    assert await removed is found.track
    assert old.get_tracks() == []
    # Process remote tracks, §5.1.1: "track" fires, too, when there is anything to be added to a stream.
    [again] = await log.exactly(1)
    assert ids(again.streams) == [stream2.id]


async def test_setStreams_to_nothing_takes_the_remote_track_out_of_its_stream(make: Maker) -> None:
    """webrtc/RTCRtpSender-setStreams.https.html:
    setStreams() without streams removes the track from all remote streams.
    """
    caller, callee = make.pair()
    sender = caller.add_track(make.audio(), MediaStream())
    [found] = await track_events(callee, await caller.set_local_description(), 1)
    await caller.set_remote_description(await callee.set_local_description())
    removed = event(found.streams[0], "removetrack")
    sender.set_streams()
    await negotiate(caller, callee)
    assert await removed is found.track
    assert found.streams[0].get_tracks() == []
    assert found.track.ready_state == "live"


async def test_setStreams_fires_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCRtpSender-setStreams.https.html: setStreams() fires negotiationneeded if there are new streams."""
    caller, callee = make.pair()
    sender = caller.add_track(make.audio(), MediaStream())
    await negotiate(caller, callee)
    await asyncio.sleep(QUIET)
    log = EventLog(caller, "negotiationneeded")
    sender.set_streams(MediaStream())
    await log.exactly(1)


async def test_setStreams_on_closed_connection_throws_InvalidStateError(make: Maker) -> None:
    """webrtc/RTCRtpSender-setStreams.https.html: setStreams() fires InvalidStateError on a closed peer connection."""
    pc = make.pc()
    sender = pc.add_track(make.audio())
    pc.close()
    with pytest.raises(InvalidStateError):
        sender.set_streams(MediaStream())


async def test_setStreams_with_something_else_throws_TypeError(make: Maker) -> None:
    """webrtc/RTCRtpSender-setStreams.https.html: setStreams takes MediaStreams (IDL)."""
    sender = make.pc().add_track(make.audio())
    with pytest.raises(TypeError):
        sender.set_streams("stream")  # type: ignore[arg-type]


# -- RTCRtpSender.https.html ----------------------------------------------------------------------------------------


async def test_sender_keeps_its_track_when_the_track_ends(make: Maker) -> None:
    """webrtc/RTCRtpSender.https.html: an ended track stays the sender's track, and cannot be added twice."""
    pc = make.pc()
    track = make.audio()
    sender = pc.add_track(track)
    track.stop()
    assert sender.track is track
    with pytest.raises(InvalidAccessError):
        pc.add_track(track)


async def test_sender_track_can_be_sent_by_another_connection(make: Maker) -> None:
    """webrtc/RTCRtpSender.https.html: one track can be sent by several connections."""
    pc1, pc2 = make.pair()
    track = make.audio()
    first, second = pc1.add_track(track), pc2.add_track(track)
    assert isinstance(first, RtpSender)
    assert first is not second
    assert first.track is second.track is track


async def test_sender_of_a_removed_transceiver_keeps_its_track(make: Maker) -> None:
    """webrtc/RTCRtpSender.https.html: the sender of a stopped transceiver leaves getSenders() and keeps its track."""
    pc1, pc2 = make.pair()
    track = make.audio()
    sender = pc1.add_track(track)
    await negotiate(pc1, pc2)
    pc1.get_transceivers()[0].stop()
    await negotiate(pc1, pc2)
    assert pc1.get_senders() == []
    assert sender.track is track
    # It is no longer sent: it may be added again.
    again = pc1.add_track(track)
    assert again is not sender


async def test_senders_track_stays_live_when_the_connection_is_closed(make: Maker) -> None:
    """webrtc/RTCRtpSender.https.html: closing does not stop the track."""
    pc = make.pc()
    track = make.audio()
    sender = pc.add_track(track)
    pc.close()
    assert sender.track is track
    assert track.ready_state == "live"
