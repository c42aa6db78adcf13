"""The "track" event, after webrtc/RTCPeerConnection-ontrack.https.html."""

from __future__ import annotations

import pytest

from jupyter_rtc import Track

from .tracks import EventLog, Maker, event, ids, track_events

AUDIO = "\r\n".join(
    [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=msid-semantic:WMS *",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=ice-ufrag:ufrag",
        "a=ice-pwd:apasswordwithtwentytwoormore",
        "a=fingerprint:sha-256 " + ":".join(["A5"] * 32),
        "a=setup:actpass",
        "a=rtcp-mux",
        "a=mid:first",
        "a=sendonly",
        "a=rtpmap:111 opus/48000/2",
        "a=msid:their-stream their-track",
        "a=ssrc:1001 cname:them",
        "",
    ]
)


async def test_setRemoteDescription_fires_track_with_the_stream_of_the_msid(make: Maker) -> None:
    """webrtc/RTCPeerConnection-ontrack.https.html:
    setRemoteDescription should trigger ontrack event when the MSID of the stream is is parsed.
    """
    pc = make.pc()
    [found] = await track_events(pc, {"type": "offer", "sdp": AUDIO}, 1)
    assert ids(found.streams) == ["their-stream"]
    assert found.track.kind == "audio"
    assert isinstance(found.track, Track)
    assert found.transceiver.direction == "recvonly"
    assert found.transceiver.mid == "first"


async def test_setRemoteDescription_with_recvonly_section_fires_no_track(make: Maker) -> None:
    """webrtc/RTCPeerConnection-ontrack.https.html:
    setRemoteDescription() with m= line of recvonly direction should not trigger track event.
    """
    pc = make.pc()
    sdp = AUDIO.replace("a=sendonly", "a=recvonly")
    await track_events(pc, {"type": "offer", "sdp": sdp}, 0)


async def test_addTrack_causes_remote_connection_to_fire_track(make: Maker) -> None:
    """webrtc/RTCPeerConnection-ontrack.https.html:
    addTrack() should cause remote connection to fire ontrack when setRemoteDescription().
    """
    pc1, pc2 = make.pair()
    stream, [track] = make.stream("audio")
    pc1.add_track(track, stream)
    [found] = await track_events(pc2, await pc1.create_offer(), 1)
    assert found.track.kind == "audio"


@pytest.mark.parametrize("kind", ["video", "audio"])
async def test_addTransceiver_causes_remote_connection_to_fire_track(make: Maker, kind: str) -> None:
    """webrtc/RTCPeerConnection-ontrack.https.html:
    addTransceiver('video') should cause remote connection to fire ontrack when setRemoteDescription().
    """
    pc1, pc2 = make.pair()
    pc1.add_transceiver(kind)
    [found] = await track_events(pc2, await pc1.create_offer(), 1)
    assert found.track.kind == kind


async def test_addTransceiver_inactive_fires_no_track_at_the_remote_connection(make: Maker) -> None:
    """webrtc/RTCPeerConnection-ontrack.https.html:
    addTransceiver() with inactive direction should not cause remote connection to fire ontrack when
    setRemoteDescription().
    """
    pc1, pc2 = make.pair()
    pc1.add_transceiver("audio", direction="inactive")
    await track_events(pc2, await pc1.create_offer(), 0)


async def test_track_fires_on_pranswer_and_not_again_on_answer(make: Maker) -> None:
    """webrtc/RTCPeerConnection-ontrack.https.html:
    Using offer/pranswer should fire ontrack; the answer with the same track does not fire it again.
    """
    pc1, pc2 = make.pair()
    pc1.add_track(make.audio())
    pc2.add_track(make.audio())
    await pc2.set_remote_description(await pc1.set_local_description())
    answer = await pc2.set_local_description()
    coming = event(pc1, "track")
    await pc1.set_remote_description({"type": "pranswer", "sdp": answer.sdp})
    assert (await coming).track.kind == "audio"
    assert pc1.signaling_state == "have-remote-pranswer"
    log = EventLog(pc1, "track")
    await pc1.set_remote_description(answer)
    await log.exactly(0)
