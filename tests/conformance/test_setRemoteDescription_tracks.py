"""Remote tracks and their streams, after webrtc/RTCPeerConnection-setRemoteDescription-tracks and its kin."""

from __future__ import annotations

import asyncio
import threading

import pytest
from aiortc.rtp import RtcpByePacket

from jupyter_rtc import InvalidStateError, MediaStream, PeerConnection, RtpTransceiver, Track, TrackEvent
from jupyter_rtc.engine.loop import engine

from .test_ontrack import AUDIO
from .tracks import (
    QUIET,
    EventLog,
    Maker,
    event,
    eventually,
    ice_connected,
    ids,
    negotiate,
    track_events,
)

# -- RTCPeerConnection-setRemoteDescription-tracks.https.html -------------------------------------------------------


async def test_addTrack_without_stream_fires_track_without_stream(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-tracks.https.html:
    addTrack() with a track and no stream makes ontrack fire with a track and no stream.
    """
    caller, callee = make.pair()
    caller.add_track(make.audio())
    [found] = await track_events(callee, await caller.create_offer(), 1)
    assert found.streams == ()


async def test_addTrack_with_stream_fires_track_with_stream(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-tracks.https.html:
    addTrack() with a track and a stream makes ontrack fire with a track and a stream.
    """
    caller, callee = make.pair()
    stream, [track] = make.stream("audio")
    caller.add_track(track, stream)
    [found] = await track_events(callee, await caller.create_offer(), 1)
    [remote] = found.streams
    assert remote.id == stream.id
    assert remote.get_tracks() == [found.track]


async def test_addTrack_with_two_tracks_and_one_stream_fires_track_twice_with_one_stream(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-tracks.https.html:
    addTrack() with two tracks and one stream makes ontrack fire twice with the tracks and shared stream.
    """
    caller, callee = make.pair()
    stream, tracks = make.stream("audio", "video")
    for track in tracks:
        caller.add_track(track, stream)
    log = EventLog(callee, "track", look=lambda _name, e: (e, len(e.streams[0].get_tracks())))
    await callee.set_remote_description(await caller.create_offer())
    (first, seen1), (second, seen2) = await log.exactly(2)
    assert len(first.streams) == len(second.streams) == 1
    assert first.streams[0] is second.streams[0]
    # The stream has both by the time of the first event.
    assert (seen1, seen2) == (2, 2)
    assert first.streams[0].get_tracks() == [first.track, second.track]


async def test_addTrack_with_two_streams_fires_track_with_two_streams(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-tracks.https.html:
    addTrack() with a track and two streams makes ontrack fire with a track and two streams.
    """
    caller, callee = make.pair()
    streams = [MediaStream(), MediaStream()]
    caller.add_track(make.audio(), *streams)
    [found] = await track_events(callee, await caller.create_offer(), 1)
    assert ids(found.streams) == ids(streams)
    for remote in found.streams:
        assert remote.get_tracks() == [found.track]


async def test_track_receiver_is_that_of_getReceivers(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-tracks.https.html: ontrack's receiver matches getReceivers()."""
    caller, callee = make.pair()
    caller.add_track(make.audio())
    [found] = await track_events(callee, await caller.create_offer(), 1)
    assert callee.get_receivers() == [found.receiver]


async def test_effects_of_setRemoteDescription_are_visible_when_it_returns(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-tracks.https.html:
    ontrack (onaddtrack, onremovetrack, onmute) fires before setRemoteDescription resolves; here: what they tell of is
    there.
    """
    caller, callee = make.pair()
    stream, [audio, video] = make.stream("audio", "video")
    sender = caller.add_track(audio, stream)
    caller.add_track(video, stream)
    coming = event(callee, "track")
    await negotiate(caller, callee)
    remote = (await coming).streams[0]
    first, second = (receiver.track for receiver in callee.get_receivers())
    assert remote.get_tracks() == [first, second]
    await eventually(lambda: not first.muted, "sound")
    caller.remove_track(sender)
    await callee.set_remote_description(await caller.set_local_description())
    assert remote.get_tracks() == [second]
    assert first.muted


async def test_addTrack_for_an_existing_stream_fires_addtrack(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-tracks.https.html:
    addTrack() for an existing stream makes stream.onaddtrack fire.
    """
    caller, callee = make.pair()
    stream, [audio, video] = make.stream("audio", "video")
    caller.add_track(audio, stream)
    coming = event(callee, "track")
    await negotiate(caller, callee)
    remote = (await coming).streams[0]
    added = event(remote, "addtrack")
    coming = event(callee, "track")
    caller.add_track(video, stream)
    await negotiate(caller, callee)
    track = await added
    found = await coming
    assert found.track is track
    assert found.streams == (remote,)
    assert remote.get_tracks()[1] is track


async def test_addTrack_fires_addtrack_before_track(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-tracks.https.html: stream.onaddtrack fires before ontrack."""
    caller, callee = make.pair()
    stream, [audio, video] = make.stream("audio", "video")
    caller.add_track(audio, stream)
    coming = event(callee, "track")
    await negotiate(caller, callee)
    remote = (await coming).streams[0]
    order: list[str] = []
    lock = threading.Lock()

    def note(what: str) -> None:
        with lock:
            order.append(what)

    remote.on("addtrack", lambda _track: note("addtrack"))
    callee.on("track", lambda _event: note("track"))
    caller.add_track(video, stream)
    await negotiate(caller, callee)
    await eventually(lambda: len(order) == 2, "both events")
    assert order == ["addtrack", "track"]


async def test_removeTrack_does_not_remove_the_receiver(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-tracks.https.html: removeTrack() does not remove the receiver."""
    caller, callee = make.pair()
    sender = caller.add_track(make.audio())
    await negotiate(caller, callee)
    receivers = callee.get_receivers()
    assert len(receivers) == 1
    caller.remove_track(sender)
    await negotiate(caller, callee)
    assert callee.get_receivers() == receivers
    assert receivers[0].track.ready_state == "live"


async def test_removeTrack_removes_the_track_from_the_stream(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-tracks.https.html:
    removeTrack() makes stream.onremovetrack fire and the track to be removed from the stream.
    """
    caller, callee = make.pair()
    stream, [track] = make.stream("audio")
    sender = caller.add_track(track, stream)
    coming = event(callee, "track")
    await negotiate(caller, callee)
    found = await coming
    [remote] = found.streams
    assert remote.get_tracks() == [found.track]
    removed = event(remote, "removetrack")
    caller.remove_track(sender)
    await negotiate(caller, callee)
    assert await removed is found.track
    assert remote.get_tracks() == []


async def test_removeTrack_mutes_the_track(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-tracks.https.html:
    removeTrack() makes track.onmute fire and the track to be muted.
    """
    caller, callee = make.pair()
    sender = caller.add_track(make.audio(), MediaStream())
    coming = event(callee, "track")
    await negotiate(caller, callee)
    track = (await coming).track
    await eventually(lambda: not track.muted, "sound")
    muted = event(track, "mute")
    caller.remove_track(sender)
    await negotiate(caller, callee)
    await muted
    assert track.muted


async def test_removeTrack_twice_is_safe(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-tracks.https.html: removeTrack() twice is safe."""
    caller, callee = make.pair()
    sender = caller.add_track(make.audio())
    await negotiate(caller, callee)
    caller.remove_track(sender)
    caller.remove_track(sender)
    await negotiate(caller, callee)
    caller.remove_track(sender)
    assert caller.get_transceivers()[0].direction == "recvonly"


async def test_two_tracks_of_which_one_leaves_the_stream_stays(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-tracks.https.html:
    removing one of two tracks leaves the other in the stream.
    """
    caller, callee = make.pair()
    stream, [audio, video] = make.stream("audio", "video")
    sender = caller.add_track(audio, stream)
    caller.add_track(video, stream)
    found = await track_events(callee, await caller.set_local_description(), 2)
    await caller.set_remote_description(await callee.set_local_description())
    remote = found[0].streams[0]
    log = EventLog(remote, "addtrack", "removetrack")
    caller.remove_track(sender)
    await negotiate(caller, callee)
    assert await log.exactly(1) == [found[0].track]
    assert log.names == ["removetrack"]
    assert remote.get_tracks() == [found[1].track]


# -- RTCPeerConnection-setRemoteDescription-nomsid.html -------------------------------------------------------------


async def test_sdp_without_msid_fires_track_with_a_default_stream(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-nomsid.html:
    setRemoteDescription with an SDP without a=msid lines triggers ontrack with a default stream.
    """
    pc = make.pc()
    lines = [line for line in AUDIO.split("\r\n") if not line.startswith(("a=msid", "a=ssrc"))]
    sdp = "\r\n".join(lines).replace("a=sendonly", "a=sendrecv")
    [found] = await track_events(pc, {"type": "offer", "sdp": sdp}, 1)
    assert len(found.streams) == 1


# -- RTCPeerConnection-setRemoteDescription-replaceTrack.https.html -------------------------------------------------


async def test_replaceTrack_sets_the_track(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-replaceTrack.https.html:
    replaceTrack() sets the track attribute to a new track.
    """
    pc = make.pc()
    sender = pc.add_track(make.audio(), MediaStream())
    track = make.audio()
    await sender.replace_track(track)
    assert sender.track is track


async def test_replaceTrack_sets_the_track_to_null(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-replaceTrack.https.html:
    replaceTrack() sets the track attribute to null.
    """
    sender = make.pc().add_track(make.audio(), MediaStream())
    await sender.replace_track(None)
    assert sender.track is None


async def test_replaceTrack_does_not_set_the_track_synchronously(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-replaceTrack.https.html:
    replaceTrack() does not set the track synchronously.
    """
    one, two = make.audio(), make.audio()
    sender = make.pc().add_track(one, MediaStream())
    replacing = asyncio.ensure_future(sender.replace_track(two))
    assert sender.track is one
    await replacing
    assert sender.track is two


async def test_replaceTrack_when_the_connection_is_closed_throws_InvalidStateError(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-replaceTrack.https.html:
    replaceTrack() rejects when the peer connection is closed.
    """
    pc = make.pc()
    one = make.audio()
    sender = pc.add_track(one, MediaStream())
    pc.close()
    with pytest.raises(InvalidStateError):
        await sender.replace_track(make.audio())
    assert sender.track is one


async def test_replaceTrack_after_removeTrack_is_no_error(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-replaceTrack.https.html:
    replaceTrack() does not reject when invoked after removeTrack().
    """
    pc = make.pc()
    sender = pc.add_track(make.audio(), MediaStream())
    pc.remove_track(sender)
    track = make.audio()
    await sender.replace_track(track)
    assert sender.track is track


async def test_replaceTrack_before_removeTrack_is_no_error(make: Maker) -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-replaceTrack.https.html:
    replaceTrack() does not reject after a subsequent removeTrack().
    """
    pc = make.pc()
    sender = pc.add_track(make.audio(), MediaStream())
    replacing = asyncio.ensure_future(sender.replace_track(make.audio()))
    pc.remove_track(sender)
    await replacing


# -- RTCPeerConnection-remote-track-mute.https.html -----------------------------------------------------------------


async def flowing(make: Maker, kind: str) -> tuple[PeerConnection, PeerConnection, RtpTransceiver, Track[object]]:
    """Return a caller, a callee, the caller's transceiver and the callee's track, to which something flows."""
    caller, callee = make.pair()
    stream, [track] = make.stream(kind)
    caller.add_track(track, stream)
    coming = event(callee, "track")
    await negotiate(caller, callee)
    remote = (await coming).track
    unmuted = event(remote, "unmute")  # the event, and not the state: it is not to come when others are waited for
    await ice_connected(caller, callee)
    await unmuted
    return caller, callee, caller.get_transceivers()[0], remote


kinds = pytest.mark.parametrize("kind", ["audio", "video"])


@kinds
async def test_remote_track_goes_from_muted_to_unmuted(make: Maker, kind: str) -> None:
    """webrtc/RTCPeerConnection-remote-track-mute.https.html: ontrack: track goes from muted to unmuted."""
    caller, callee = make.pair()
    caller.add_track(make.track(kind))
    seen: list[bool] = []

    def listen(found: TrackEvent) -> None:
        seen.append(found.track.muted)
        found.track.on("unmute", lambda: seen.append(found.track.muted))

    callee.on("track", listen)
    await negotiate(caller, callee)
    await eventually(lambda: len(seen) == 2, "unmute")
    assert seen == [True, False]


@kinds
async def test_inactive_direction_mutes_the_remote_track(make: Maker, kind: str) -> None:
    """webrtc/RTCPeerConnection-remote-track-mute.https.html:
    Changing transceiver direction to 'inactive' mutes the remote track.
    """
    caller, callee, transceiver, remote = await flowing(make, kind)
    muted = event(remote, "mute")
    transceiver.direction = "inactive"
    await negotiate(caller, callee)
    await muted
    assert remote.muted


@kinds
async def test_sendrecv_direction_unmutes_the_remote_track(make: Maker, kind: str) -> None:
    """webrtc/RTCPeerConnection-remote-track-mute.https.html:
    Changing transceiver direction to 'sendrecv' unmutes the remote track.
    """
    caller, callee, transceiver, remote = await flowing(make, kind)
    transceiver.direction = "inactive"
    await negotiate(caller, callee)
    assert remote.muted
    await asyncio.sleep(QUIET)
    unmuted = event(remote, "unmute")
    transceiver.direction = "sendrecv"
    await negotiate(caller, callee)
    await unmuted
    assert not remote.muted


@kinds
async def test_stop_without_negotiation_mutes_the_remote_track(make: Maker, kind: str) -> None:
    """webrtc/RTCPeerConnection-remote-track-mute.https.html:
    transceiver.stop() on one side (without renegotiation) causes mute events on the other.
    """
    _, _, transceiver, remote = await flowing(make, kind)
    muted = event(remote, "mute")
    transceiver.stop()
    await muted
    assert remote.muted
    assert remote.ready_state == "live"


@kinds
async def test_close_mutes_the_remote_track(make: Maker, kind: str) -> None:
    """webrtc/RTCPeerConnection-remote-track-mute.https.html: pc.close() on one side causes mute events on the other."""
    caller, _, _, remote = await flowing(make, kind)
    muted = event(remote, "mute")
    caller.close()
    await muted
    assert remote.muted
    assert remote.ready_state == "live"


async def send_bye(pc: PeerConnection) -> None:
    """Have all senders of `pc` say RTCP BYE and go on, as a browser does that stops sending for a while."""
    for transceiver in pc._session.peer._transceivers:
        sender = transceiver.sender
        await engine().run(sender._send_rtcp([RtcpByePacket(sources=[sender._ssrc])]))


@kinds
@pytest.mark.parametrize("read", [False, True], ids=["unread", "read"])
async def test_bye_mutes_and_media_unmutes_again(make: Maker, kind: str, read: bool) -> None:
    """webrtc/RTCPeerConnection-remote-track-mute.https.html: (what it rests on) RTCP BYE mutes, RTP unmutes (§5.3)."""
    caller, _, _, remote = await flowing(make, kind)
    if read:
        remote.latest()
        await eventually(lambda: remote.stats["frames_in"] > 3, "media")
    log = EventLog(remote, "mute", "unmute", "ended")
    await send_bye(caller)
    await log.until(2)
    assert log.names[:2] == ["mute", "unmute"]
    assert remote.ready_state == "live"
    before = remote.stats["frames_in"]
    remote.latest()
    await eventually(lambda: remote.stats["frames_in"] > before + 3, "media after BYE")


@kinds
async def test_direction_off_with_bye_and_on_again_brings_media(make: Maker, kind: str) -> None:
    """webrtc/RTCPeerConnection-remote-track-mute.https.html:
    'inactive' and 'sendrecv' again, by a peer that says BYE.
    """
    caller, callee, transceiver, remote = await flowing(make, kind)
    transceiver.direction = "inactive"
    await send_bye(caller)
    await negotiate(caller, callee)
    assert remote.muted
    transceiver.direction = "sendrecv"
    await negotiate(caller, callee)
    before = remote.stats["frames_in"]
    remote.latest()
    await eventually(lambda: remote.stats["frames_in"] > before + 3, "media after BYE")
    assert not remote.muted


# -- RTCPeerConnection-remote-track-properties.https.html -----------------------------------------------------------


@kinds
async def test_remote_track_and_stream(make: Maker, kind: str) -> None:
    """webrtc/RTCPeerConnection-remote-track-properties.https.html:
    Remote video (audio) track and stream: Stream id, Track label.
    """
    caller, callee = make.pair()
    stream, [track] = make.stream(kind)
    caller.add_track(track, stream)
    coming = event(callee, "track")
    await negotiate(caller, callee)
    found = await coming
    assert ids(found.streams) == [stream.id]
    assert found.track.label == f"remote {kind}"


@kinds
async def test_remote_track_ids_are_their_own(make: Maker, kind: str) -> None:
    """webrtc/RTCPeerConnection-remote-track-properties.https.html: Remote audio (video) track ID."""
    stream, [track] = make.stream(kind)
    found = set()
    for _ in range(3):
        caller, callee = make.pair()
        caller.add_track(track, stream)
        await callee.set_remote_description(await caller.create_offer())
        found.add(callee.get_receivers()[0].track.id)
    assert len(found) > 1
