"""getStats, after webrtc/RTCPeerConnection-getStats.https.html and -mandatory-getStats.https.html."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from jupyter_rtc import MediaStream, PeerConnection

from .helpers import SOON, channel_pair, connect, eventually, pattern, peers, state, tone


def types(stats: dict[str, dict[str, Any]]) -> set[str]:
    return {entry["type"] for entry in stats.values()}


def of_type(stats: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [entry for entry in stats.values() if entry["type"] == kind]


def validate(stats: dict[str, dict[str, Any]]) -> None:
    """Check what every entry must have, and that each "...Id" leads to an entry."""
    now = time.time() * 1000
    for name, entry in stats.items():
        assert entry["id"] == name
        assert isinstance(entry["type"], str)
        assert abs(entry["timestamp"] - now) < 60_000
    for entry in stats.values():
        for member in ("transportId", "codecId", "localId", "localCandidateId", "remoteCandidateId", "mediaSourceId"):
            if member in entry:
                assert entry[member] in stats, f"{entry['type']}.{member} leads nowhere: {entry[member]}"


async def measured(pc: PeerConnection, *kinds: str, seconds: float = SOON) -> dict[str, dict[str, Any]]:
    """Return statistics once there are entries of all `kinds`."""
    stats: dict[str, dict[str, Any]] = {}

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        stats = await pc.get_stats()
        if set(kinds) <= types(stats):
            break
        await asyncio.sleep(0.1)
    return stats


# -- getStats.https.html ------------------------------------------------------------------------------------------


async def test_getStats_with_no_argument_succeeds() -> None:
    """webrtc/RTCPeerConnection-getStats.https.html: getStats() with no argument should succeed."""
    with peers(1) as pc:
        assert isinstance(await pc.get_stats(), dict)


async def test_getStats_on_an_empty_connection_has_peer_connection_stats() -> None:
    """webrtc/RTCPeerConnection-getStats.https.html: getStats() with no argument should return stats report containing peer-connection stats on an empty PC."""
    with peers(1) as pc:
        stats = await pc.get_stats()
        validate(stats)
        [entry] = of_type(stats, "peer-connection")
        assert entry["dataChannelsOpened"] == entry["dataChannelsClosed"] == 0


@pytest.mark.parametrize("streams", [1, 0], ids=["with a stream", "no-stream track"])
async def test_getStats_of_a_sending_connection_has_outbound_rtp(streams: int) -> None:
    """webrtc/RTCPeerConnection-getStats.https.html: getStats() with no argument should return stats report containing peer-connection stats and outbound-rtp / for no-stream tracks."""
    with peers(2) as (a, b):
        a.add_track(tone(), *[MediaStream() for _ in range(streams)])
        await connect(a, b)
        stats = await measured(a, "outbound-rtp")
        validate(stats)
        assert {"peer-connection", "outbound-rtp"} <= types(stats)


async def test_getStats_after_close() -> None:
    """webrtc/RTCPeerConnection-getStats.https.html: getStats() on a closed connection returns the last that is known."""
    with peers(2) as (a, b):
        await channel_pair(a, b)
        a.close()
        stats = await a.get_stats()
        [entry] = of_type(stats, "peer-connection")
        assert entry["dataChannelsOpened"] == 1
        assert entry["dataChannelsClosed"] == 1


async def test_sender_getStats_has_outbound_rtp() -> None:
    """webrtc/RTCPeerConnection-getStats.https.html: getStats() on track associated with RTCRtpSender should return stats report containing outbound-rtp stats (API.md: RtpSender.get_stats)."""
    with peers(2) as (a, b):
        sender = a.add_track(tone(), MediaStream())
        a.add_track(pattern())
        await connect(a, b)
        await measured(a, "outbound-rtp")
        stats = await sender.get_stats()
        validate(stats)
        assert [entry["kind"] for entry in of_type(stats, "outbound-rtp")] == ["audio"]
        assert of_type(stats, "inbound-rtp") == []


async def test_receiver_getStats_has_inbound_rtp() -> None:
    """webrtc/RTCPeerConnection-getStats.https.html: getStats() on track associated with RTCRtpReceiver should return stats report containing inbound-rtp stats (API.md: RtpReceiver.get_stats)."""
    with peers(2) as (a, b):
        a.add_track(tone(), MediaStream())
        a.add_track(pattern())
        await connect(a, b)
        await measured(b, "inbound-rtp")
        [receiver] = [r for r in b.get_receivers() if r.track.kind == "audio"]
        await eventually(lambda: not receiver.track.muted)
        stats = await receiver.get_stats()
        validate(stats)
        assert [entry["kind"] for entry in of_type(stats, "inbound-rtp")] == ["audio"]
        assert of_type(stats, "outbound-rtp") == []


async def test_inbound_rtp_of_audio_and_video() -> None:
    """webrtc/RTCPeerConnection-getStats.https.html: getStats() inbound-rtp contains all kinds that are received."""
    with peers(2) as (a, b):
        a.add_track(tone())
        a.add_track(pattern())
        await connect(a, b)

        for _ in range(50):
            stats = await measured(b, "inbound-rtp")
            kinds = {entry["kind"] for entry in of_type(stats, "inbound-rtp")}
            if kinds == {"audio", "video"}:
                break
        assert kinds == {"audio", "video"}
        validate(stats)


# -- mandatory-getStats.https.html --------------------------------------------------------------------------------

#: WebRTC 1.0 §8.6: what must be there, by type. Members that are of one kind only are named "kind:member".
MANDATORY = {
    "peer-connection": ["dataChannelsOpened", "dataChannelsClosed"],
    "data-channel": [
        "label",
        "protocol",
        "dataChannelIdentifier",
        "state",
        "messagesSent",
        "bytesSent",
        "messagesReceived",
        "bytesReceived",
    ],
    "inbound-rtp": [
        "ssrc",
        "kind",
        "transportId",
        "codecId",
        "packetsReceived",
        "packetsLost",
        "jitter",
        "packetsDiscarded",
        "bytesReceived",
        "trackIdentifier",
        "remoteId",
        "nackCount",
        "video:framesDecoded",
        "video:framesReceived",
        "video:framesDropped",
        "audio:totalAudioEnergy",
        "audio:totalSamplesDuration",
    ],
    "outbound-rtp": [
        "ssrc",
        "kind",
        "transportId",
        "codecId",
        "packetsSent",
        "bytesSent",
        "remoteId",
        "nackCount",
        "video:framesEncoded",
        "video:framesSent",
    ],
    "remote-inbound-rtp": ["ssrc", "kind", "transportId", "packetsLost", "jitter", "localId", "roundTripTime"],
    "remote-outbound-rtp": ["ssrc", "kind", "transportId", "packetsSent", "bytesSent", "localId", "remoteTimestamp"],
    "media-source": ["trackIdentifier", "kind", "video:width", "video:height", "video:framesPerSecond"],
    "codec": ["payloadType", "mimeType", "clockRate", "audio:channels", "sdpFmtpLine"],
    "transport": [
        "bytesSent",
        "bytesReceived",
        "selectedCandidatePairId",
        "localCertificateId",
        "remoteCertificateId",
    ],
    "candidate-pair": [
        "transportId",
        "localCandidateId",
        "remoteCandidateId",
        "state",
        "nominated",
        "bytesSent",
        "bytesReceived",
        "totalRoundTripTime",
        "currentRoundTripTime",
    ],
    "local-candidate": ["address", "port", "protocol", "candidateType"],
    "remote-candidate": ["address", "port", "protocol", "candidateType"],
    "certificate": ["fingerprint", "fingerprintAlgorithm", "base64Certificate"],
}


async def gathered() -> dict[str, dict[str, Any]]:
    """Return the statistics of a connection that sends, receives and has a channel; waits for RTCP as the original."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, "dummy", negotiated=True, id=0)
        for pc in (a, b):
            stream = MediaStream()
            pc.add_track(tone(), stream)
            pc.add_track(pattern(), stream)
        for transceiver in a.get_transceivers():
            if transceiver.kind == "video":  # a codec with an a=fmtp line, which Opus and VP8 have not here
                transceiver.set_codec_preferences(["video/H264"])
        await connect(a, b)
        ours.send("hello")
        theirs.send("hello")
        stats = await a.get_stats()
        for _ in range(40):
            stats = await a.get_stats()
            remote = of_type(stats, "remote-inbound-rtp")
            if {e.get("kind") for e in remote if "roundTripTime" in e} == {"audio", "video"}:
                break
            await asyncio.sleep(0.2)
        return stats


@pytest.fixture(scope="module")
def mandatory() -> dict[str, dict[str, Any]]:
    return asyncio.run(gathered())


def test_mandatory_getStats_succeeds(mandatory: dict[str, dict[str, Any]]) -> None:
    """webrtc/RTCPeerConnection-mandatory-getStats.https.html: getStats succeeds; Validating stats."""
    assert mandatory
    validate(mandatory)


@pytest.mark.parametrize("kind", MANDATORY)
def test_mandatory_type(mandatory: dict[str, dict[str, Any]], kind: str) -> None:
    """webrtc/RTCPeerConnection-getStats.https.html: getStats() with connected peer connections having tracks and data channel should return all mandatory to implement stats."""
    assert of_type(mandatory, kind)


@pytest.mark.parametrize("kind", MANDATORY)
def test_mandatory_members(mandatory: dict[str, dict[str, Any]], kind: str) -> None:
    """webrtc/RTCPeerConnection-mandatory-getStats.https.html: {dictionary}'s {member} (all members of a dictionary in one test, as an entry of the type has them)."""
    entries = of_type(mandatory, kind)
    assert entries, f"there is no entry of type {kind}"
    missing = []
    for member in MANDATORY[kind]:
        media, _, name = member.rpartition(":")
        fitting = [entry for entry in entries if not media or entry.get("kind", media) == media]
        if not any(entry.get(name) is not None for entry in fitting):
            missing.append(member)
    assert missing == []


def test_channel_statistics_count(mandatory: dict[str, dict[str, Any]]) -> None:
    """webrtc/RTCPeerConnection-getStats.https.html: data-channel stats are those of the channel."""
    [entry] = of_type(mandatory, "data-channel")
    assert entry["label"] == "dummy"
    assert entry["dataChannelIdentifier"] == 0
    assert entry["state"] == "open"
    assert entry["messagesSent"] == 1
    assert entry["bytesSent"] == 5


async def test_units_of_rtp_statistics() -> None:
    """webrtc/RTCPeerConnection-getStats.https.html: (webrtc-stats) jitter and roundTripTime are in seconds, timestamps in milliseconds, counters are whole."""
    with peers(2) as (a, b):
        a.add_track(tone())
        a.add_track(pattern())
        await connect(a, b)
        await state(b, "connected")
        stats = await measured(b, "inbound-rtp")
        for entry in of_type(stats, "inbound-rtp"):
            assert 0 <= entry["jitter"] < 5
            assert isinstance(entry["packetsReceived"], int)
            assert isinstance(entry["packetsLost"], int)
