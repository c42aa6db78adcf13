"""Taking offers back, after three files of webrtc/RTCPeerConnection-*rollback*.html."""

from __future__ import annotations

import pytest

from jupyter_rtc import InvalidStateError, MediaStream

from .helpers import EventLog, connect, exchange, m_lines, pattern, peers, settle, state, tone

# -- setLocalDescription-rollback.html ----------------------------------------------------------------------------


async def test_setLocalDescription_rollback_from_have_local_offer_state_resets_back_to_stable() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-rollback.html: setLocalDescription(rollback) from have-local-offer state should reset back to stable state."""
    with peers(1) as pc:
        log = EventLog(pc, "signalingstatechange", read=lambda pc: pc.signaling_state)
        pc.create_data_channel("")
        await pc.set_local_description(await pc.create_offer())
        assert pc.signaling_state == "have-local-offer"
        assert pc.local_description is not None
        assert pc.pending_local_description is not None
        assert pc.current_local_description is None
        await log.wait(1)
        await pc.set_local_description({"type": "rollback"})
        assert pc.signaling_state == "stable"
        assert pc.local_description is None
        assert pc.pending_local_description is None
        assert pc.current_local_description is None
        await log.wait(2)
        await log.quiet()
        assert log.seen == ["have-local-offer", "stable"]


async def test_setLocalDescription_rollback_from_stable_state_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-rollback.html: setLocalDescription(rollback) from stable state should reject with InvalidStateError."""
    with peers(1) as pc, pytest.raises(InvalidStateError):
        await pc.set_local_description({"type": "rollback"})


async def test_setLocalDescription_rollback_after_setting_answer_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-rollback.html: setLocalDescription(rollback) after setting answer description should reject with InvalidStateError."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await b.set_remote_description(await a.create_offer())
        await b.set_local_description(await b.create_answer())
        with pytest.raises(InvalidStateError):
            await b.set_local_description({"type": "rollback"})


async def test_setLocalDescription_rollback_after_setting_a_remote_offer_takes_it_back() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-rollback.html: setLocalDescription(rollback) after setting a remote offer should reject with InvalidStateError.

    WPT and browsers refuse; WebRTC 1.0 §4.4.1.5 refuses it only in "stable" and the "pranswer" states, and JSEP §4.1.10.2 has it
    that rollback does the same through either call. The package follows the texts.
    """
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await b.set_remote_description(await a.create_offer())
        await b.set_local_description({"type": "rollback"})
        assert b.signaling_state == "stable"
        assert b.remote_description is None
        assert b.get_transceivers() == []


async def test_setLocalDescription_rollback_ignores_invalid_sdp() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-rollback.html: setLocalDescription(rollback) should ignore invalid sdp content and succeed."""
    with peers(1) as pc:
        pc.add_transceiver("audio")
        await pc.set_local_description()
        await pc.set_local_description({"type": "rollback", "sdp": "!<Not SDP>;"})
        assert pc.signaling_state == "stable"


async def test_setLocalDescription_rollback_updates_internal_state_in_the_right_order() -> None:
    """webrtc/RTCPeerConnection-setLocalDescription-rollback.html: setLocalDescription(rollback) should update internal state with a queued task, in the right order."""
    with peers(1) as pc:
        pc.add_transceiver("audio", direction="recvonly")
        await pc.set_local_description()
        await settle()
        log = EventLog(pc, "signalingstatechange", read=lambda pc: (pc.pending_local_description, pc.signaling_state))
        call = pc.set_local_description({"type": "rollback"})
        assert pc.signaling_state == "have-local-offer"
        assert pc.pending_local_description is not None
        await call
        await log.wait()
        assert log.seen == [(None, "stable")]


# -- setRemoteDescription-rollback.html ---------------------------------------------------------------------------


async def test_setRemoteDescription_rollback_in_have_remote_offer_state_reverts_to_stable_state() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: setRemoteDescription(rollback) in have-remote-offer state should revert to stable state."""
    with peers(2) as (a, b):
        log = EventLog(b, "signalingstatechange", read=lambda pc: pc.signaling_state)
        a.create_data_channel("")
        await b.set_remote_description(await a.create_offer())
        assert b.signaling_state == "have-remote-offer"
        assert b.remote_description is not None
        assert b.pending_remote_description is not None
        assert b.current_remote_description is None
        await log.wait(1)
        await b.set_remote_description({"type": "rollback"})
        assert b.signaling_state == "stable"
        assert b.remote_description is None
        assert b.pending_remote_description is None
        assert b.current_remote_description is None
        await log.wait(2)
        assert log.seen == ["have-remote-offer", "stable"]


async def test_setRemoteDescription_rollback_from_stable_state_rejects_with_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: setRemoteDescription(rollback) from stable state should reject with InvalidStateError."""
    with peers(1) as pc, pytest.raises(InvalidStateError):
        await pc.set_remote_description({"type": "rollback"})


async def test_setRemoteDescription_rollback_after_setting_a_local_offer_takes_it_back() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: setRemoteDescription(rollback) after setting a local offer should reject with InvalidStateError.

    As for setLocalDescription: the specification's texts allow it, and the package follows them.
    """
    with peers(1) as pc:
        transceiver = pc.add_transceiver("audio")
        await pc.set_local_description()
        await pc.set_remote_description({"type": "rollback"})
        assert pc.signaling_state == "stable"
        assert pc.local_description is None
        assert transceiver.mid is None


async def test_setRemoteDescription_rollback_ignores_invalid_sdp() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: setRemoteDescription(rollback) should ignore invalid sdp content and succeed."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        await b.set_remote_description(await a.create_offer())
        await b.set_remote_description({"type": "rollback", "sdp": "!<Not SDP>;"})
        assert b.signaling_state == "stable"


async def test_local_offer_created_before_remote_offer_then_rollback_is_still_usable() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: local offer created before setRemoteDescription(remote offer) then rollback should still be usable."""
    with peers(2) as (a, b):
        a.add_transceiver("video")
        b.add_track(pattern())
        offer = await b.create_offer()
        await b.set_remote_description(await a.create_offer())
        await b.set_remote_description({"type": "rollback"})
        await b.set_local_description(offer)
        assert b.signaling_state == "have-local-offer"
        assert b.get_transceivers()[0].mid is not None


async def test_local_offer_with_different_level_assignments_then_rollback_is_still_usable() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: local offer created before setRemoteDescription(remote offer) with different transceiver level assignments then rollback should still be usable."""
    with peers(2) as (a, b):
        b.add_track(tone())
        b.add_track(pattern())
        a.add_track(pattern())
        a.add_track(tone())
        offer = await b.create_offer()
        assert m_lines(offer) == ["audio", "video"]
        await b.set_remote_description(await a.create_offer())
        await b.set_remote_description({"type": "rollback"})
        applied = await b.set_local_description(offer)
        assert m_lines(applied) == ["audio", "video"]
        assert [t.kind for t in b.get_transceivers()] == ["audio", "video"]
        assert all(t.mid is not None for t in b.get_transceivers())


async def test_rollback_of_a_local_offer_disassociates_the_transceiver() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: rollback of a local offer to a transceiver added with addTrack unsets its mid."""
    with peers(1) as pc:
        pc.add_track(pattern())
        await pc.set_local_description()
        transceiver = pc.get_transceivers()[0]
        assert transceiver.mid is not None
        await pc.set_local_description({"type": "rollback"})
        assert pc.get_transceivers() == [transceiver]
        assert transceiver.mid is None


async def test_rollback_of_a_remote_offer_removes_the_transceiver() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: rollback of a remote offer should remove a transceiver."""
    with peers(2) as (a, b):
        a.add_transceiver("video")
        await b.set_remote_description(await a.create_offer())
        assert len(b.get_transceivers()) == 1
        removed = b.get_transceivers()[0]
        await b.set_remote_description({"type": "rollback"})
        assert b.get_transceivers() == []
        assert removed.mid is None
        assert removed.current_direction == "stopped"


async def test_rollback_of_a_remote_offer_removes_a_touched_transceiver() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: rollback of a remote offer should remove touched transceiver."""
    with peers(2) as (a, b):
        a.add_transceiver("video")
        await b.set_remote_description(await a.create_offer())
        b.get_transceivers()[0].direction = "inactive"
        await b.set_remote_description({"type": "rollback"})
        assert b.get_transceivers() == []


async def test_rollback_of_a_remote_offer_keeps_a_transceiver() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: rollback of a remote offer should keep a transceiver."""
    with peers(2) as (a, b):
        a.add_transceiver("video")
        await b.set_remote_description(await a.create_offer())
        b.add_track(pattern())
        transceiver = b.get_transceivers()[0]
        assert len(b.get_transceivers()) == 1
        await b.set_remote_description({"type": "rollback"})
        assert b.get_transceivers() == [transceiver]
        assert transceiver.mid is None


async def test_rollback_of_a_remote_offer_keeps_a_transceiver_created_by_addtrack() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: rollback of a remote offer should keep a transceiver created by addtrack."""
    with peers(2) as (a, b):
        a.add_transceiver("video")
        b.add_track(pattern())
        transceiver = b.get_transceivers()[0]
        await b.set_remote_description(await a.create_offer())
        assert transceiver.mid is not None
        await b.set_remote_description({"type": "rollback"})
        assert b.get_transceivers() == [transceiver]
        assert transceiver.mid is None


async def test_rollback_of_a_remote_offer_keeps_a_transceiver_without_tracks() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: rollback of a remote offer should keep a transceiver without tracks."""
    with peers(2) as (a, b):
        a.add_transceiver("video")
        await b.set_remote_description(await a.create_offer())
        b.add_track(pattern())
        transceiver = b.get_transceivers()[0]
        await transceiver.sender.replace_track(None)
        await b.set_remote_description({"type": "rollback"})
        assert b.get_transceivers() == [transceiver]
        assert transceiver.mid is None


async def test_explicit_rollback_of_local_offer_leaves_nothing_negotiated() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: explicit rollback of local offer should remove transceivers and transport.

    The transport objects are no part of the API: that the offer has left no trace is seen by negotiating afterwards.
    """
    with peers(2) as (a, b):
        a.add_transceiver("video")
        await a.set_local_description()
        await a.set_local_description({"type": "rollback"})
        assert [t.mid for t in a.get_transceivers()] == [None]
        assert a.connection_state == "new"
        await connect(a, b)


async def test_with_addTransceiver_implicit_rollback_visits_stable_without_negotiationneeded() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: when using addTransceiver, implicit rollback of a local offer should visit stable state, but not fire negotiationneeded until we reach stable state."""
    with peers(2) as (a, b):
        b.add_transceiver("video")
        await settle()
        await b.set_local_description()
        await settle()
        log = EventLog(b, "negotiationneeded", "signalingstatechange")
        a.add_transceiver("audio")
        await b.set_remote_description(await a.create_offer())
        await log.wait(2)
        assert log.names == ["signalingstatechange", "signalingstatechange"]
        assert b.signaling_state == "have-remote-offer"
        await log.quiet()
        await b.set_local_description(await b.create_answer())
        await log.wait(1, "negotiationneeded")
        assert log.names == ["signalingstatechange"] * 3 + ["negotiationneeded"]


async def test_with_addTrack_implicit_rollback_visits_stable_without_negotiationneeded() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: when using addTrack, implicit rollback of a local offer should visit stable state, but not fire negotiationneeded until we reach stable state."""
    with peers(2) as (a, b):
        b.add_track(pattern())
        await settle()
        await b.set_local_description()
        await settle()
        log = EventLog(b, "negotiationneeded", "signalingstatechange")
        a.add_track(tone())
        await b.set_remote_description(await a.create_offer())
        await log.wait(2)
        assert log.names == ["signalingstatechange", "signalingstatechange"]
        await log.quiet()
        await b.set_local_description(await b.create_answer())
        await log.wait(1, "negotiationneeded")
        assert log.names == ["signalingstatechange"] * 3 + ["negotiationneeded"]


async def test_rollback_of_a_remote_offer_to_negotiated_stable_enables_a_local_offer() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: rollback of a remote offer to negotiated stable state should enable applying of a local offer."""
    with peers(2) as (a, b):
        a.add_track(tone())
        await exchange(a, b)
        a.add_track(pattern())
        await b.set_remote_description(await a.set_local_description())
        await a.set_local_description({"type": "rollback"})
        await b.set_remote_description({"type": "rollback"})
        assert len(b.get_transceivers()) == 1
        b.add_track(tone())
        await exchange(b, a)
        assert a.signaling_state == b.signaling_state == "stable"
        assert b.get_transceivers()[0].current_direction is not None


async def test_rollback_of_a_local_offer_to_negotiated_stable_enables_a_remote_offer() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: rollback of a local offer to negotiated stable state should enable applying of a remote offer."""
    with peers(2) as (a, b):
        a.add_track(tone())
        await exchange(a, b)
        a.add_track(pattern())
        await a.set_local_description()
        await a.set_local_description({"type": "rollback"})
        b.add_track(pattern())
        await exchange(b, a)
        assert a.signaling_state == b.signaling_state == "stable"
        assert [t.kind for t in a.get_transceivers()] == ["audio", "video"]
        assert a.get_transceivers()[1].current_direction == "sendrecv"


async def test_rollback_a_local_offer_with_audio_direction_change_then_add_video_receiver() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: rollback a local offer with audio direction change to negotiated stable state and then add video receiver."""
    with peers(2) as (a, b):
        a.add_track(tone())
        b.add_track(tone())
        await exchange(a, b)
        assert a.get_transceivers()[0].current_direction == "sendrecv"
        a.get_transceivers()[0].direction = "inactive"
        await a.set_local_description()
        await a.set_local_description({"type": "rollback"})
        assert a.get_transceivers()[0].direction == "inactive"
        assert a.get_transceivers()[0].current_direction == "sendrecv"
        b.add_track(pattern())
        await exchange(b, a)
        assert [t.kind for t in a.get_transceivers()] == ["audio", "video"]
        assert a.get_transceivers()[1].current_direction == "recvonly"
        assert a.get_transceivers()[0].current_direction == "inactive"


async def test_two_transceivers_with_same_mids() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: two transceivers with same mids."""
    with peers(2) as (a, b):
        a.add_transceiver("video")
        b.add_transceiver("video")
        ours = b.get_transceivers()[0]
        await b.set_local_description()
        mid = ours.mid
        await b.set_remote_description(await a.create_offer())
        assert len(b.get_transceivers()) == 2
        assert ours.mid is None
        assert b.get_transceivers()[1].mid == mid
        await b.set_remote_description({"type": "rollback"})
        assert b.get_transceivers() == [ours]
        await b.set_local_description()
        assert ours.mid is not None


async def test_onremovetrack_fires_during_remote_rollback() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: onremovetrack fires during remote rollback."""
    with peers(2) as (a, b):
        stream = MediaStream()
        a.add_track(pattern(), stream)
        tracks = EventLog(b, "track")
        await b.set_remote_description(await a.create_offer())
        fired = await tracks.wait()
        assert [s.id for s in fired.streams] == [stream.id]
        removals = EventLog(fired.streams[0], "removetrack")
        await b.set_remote_description({"type": "rollback"})
        assert await removals.wait() is fired.track
        assert fired.streams[0].get_tracks() == []
        await tracks.quiet()


async def test_rollback_of_a_remote_offer_with_stream_changes() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: rollback of a remote offer with stream changes."""
    with peers(2) as (a, b):
        one, two = MediaStream(), MediaStream()
        sender = a.add_track(pattern(), one)
        tracks = EventLog(b, "track")
        await exchange(a, b)
        fired = await tracks.wait()
        remote = fired.streams[0]
        assert remote.id == one.id
        changes = EventLog(remote, "addtrack", "removetrack")
        sender.set_streams(two)
        await b.set_remote_description(await a.create_offer())
        await changes.wait(1, "removetrack")
        assert fired.track not in remote.get_tracks()
        await b.set_remote_description({"type": "rollback"})
        assert await changes.wait(1, "addtrack") is fired.track
        assert remote.get_tracks() == [fired.track]


async def test_removeTrack_with_a_sender_being_rolled_back_does_not_crash_or_throw() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: removeTrack() with a sender being rolled back does not crash or throw."""
    with peers(2) as (a, b):
        a.add_transceiver("video")
        await b.set_remote_description(await a.create_offer())
        sender = b.get_senders()[0]
        await b.set_remote_description({"type": "rollback"})
        b.remove_track(sender)
        assert b.get_senders() == []


async def test_implicit_rollback_with_only_a_datachannel_works() -> None:
    """webrtc/RTCPeerConnection-setRemoteDescription-rollback.html: Implicit rollback with only a datachannel works."""
    with peers(2) as (a, b):
        a.create_data_channel("a")
        b.create_data_channel("b")
        await b.set_local_description()
        channels = EventLog(b, "datachannel")
        await b.set_remote_description(await a.set_local_description())
        assert b.signaling_state == "have-remote-offer"
        await a.set_remote_description(await b.set_local_description())
        await state(a, "connected")
        assert (await channels.wait()).label == "a"


# -- rollback-receptive.https.html --------------------------------------------------------------------------------


async def test_remote_offer_rollback_restores_receptive_state() -> None:
    """webrtc/RTCPeerConnection-rollback-receptive.https.html?remote: Remote offer rollback restores the transceiver's receptive state."""
    with peers(2) as (a, b):
        a.add_track(pattern(), MediaStream())
        await connect(a, b)
        transceiver = b.get_transceivers()[0]
        track = transceiver.receiver.track
        log = EventLog(track, "mute", "unmute")
        if track.muted:
            await log.wait(1, "unmute")
        assert transceiver.current_direction == "recvonly"
        log.clear()
        a.get_transceivers()[0].direction = "inactive"
        await b.set_remote_description(await a.set_local_description())
        await log.wait(1, "mute")
        assert track.muted
        await b.set_remote_description({"type": "rollback"})
        assert transceiver.current_direction == "recvonly"
        await log.wait(1, "unmute")
        assert not track.muted


async def test_local_offer_rollback_restores_receptive_state() -> None:
    """webrtc/RTCPeerConnection-rollback-receptive.https.html?local: Local offer rollback restores the transceiver's receptive state."""
    with peers(2) as (a, b):
        source = pattern()
        sender = a.add_track(source, MediaStream())
        await connect(a, b)
        theirs = b.get_transceivers()[0]
        track = theirs.receiver.track
        log = EventLog(track, "mute", "unmute")
        if track.muted:
            await log.wait(1, "unmute")
        log.clear()
        await sender.replace_track(None)
        ours = a.get_transceivers()[0]
        ours.direction = "inactive"
        await exchange(a, b)
        if not track.muted:
            await log.wait(1, "mute")
        ours.direction = "sendrecv"
        await exchange(a, b)
        assert theirs.current_direction == "recvonly"
        log.clear()
        assert track.muted
        await log.quiet()
        theirs.direction = "inactive"
        await b.set_local_description()
        await b.set_local_description({"type": "rollback"})
        assert theirs.current_direction == "recvonly"
        await sender.replace_track(source)
        await log.wait(1, "unmute")
        assert not track.muted
