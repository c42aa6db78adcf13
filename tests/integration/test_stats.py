"""Statistics over real sockets: with packets lost and sent again, the two sides' numbers side by side."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

import jupyter_rtc as rtc
from jupyter_rtc.engine.counting import parse
from jupyter_rtc.engine.loop import engine
from tests.conftest import SCALE

#: How often a report of the other side is due, at the longest.
RTCP = 1.5


class Lossy:
    """A socket that loses what `loses(ssrc, sequence)` says, and counts it. The header of SRTP is in the clear."""

    def __init__(self, transport: Any, loses: Callable[[int, int], bool]) -> None:
        self._transport = transport
        self._loses = loses
        self.lost = self.lost_bytes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def sendto(self, data: bytes, address: Any = None) -> None:
        if 127 < data[0] < 192 and not 192 <= data[1] <= 223:
            packet = parse(data)
            if self._loses(packet.ssrc, packet.sequence):
                self.lost += 1
                # SRTP's tag stands behind the payload: 16 bytes with the AEAD ciphers that both sides prefer.
                self.lost_bytes += packet.payload - 16
                return
        self._transport.sendto(data, address)


async def make_lossy(pc: rtc.PeerConnection, loses: Callable[[int, int], bool]) -> Lossy:
    """Put a lossy socket under a connected `pc`."""

    async def put() -> Lossy:
        peer = pc._session.peer
        (watch,) = {w for w in peer._statistics._routes.values() if w._active._nominated}
        (pair,) = watch._active._nominated.values()
        lossy = pair.protocol.transport = Lossy(pair.protocol.transport, loses)
        return lossy

    return await engine().run(put())


def one(stats: dict[str, dict[str, Any]], kind: str, media: str | None = None) -> dict[str, Any]:
    """Return the only entry of a type, and of a kind of media."""
    found = [e for e in stats.values() if e["type"] == kind and (media is None or e.get("kind") == media)]
    assert len(found) == 1, f"{len(found)} entries of type {kind}: {[e['id'] for e in found]}"
    return found[0]


async def until(condition: Callable[[Any, Any], bool], a: Any, b: Any, seconds: float, what: str) -> tuple[Any, Any]:
    """Return both sides' statistics once they fulfil `condition`."""
    end = time.monotonic() + seconds * SCALE
    while True:
        ours, theirs = await a.get_stats(), await b.get_stats()
        if condition(ours, theirs):
            return ours, theirs
        assert time.monotonic() < end, f"not within {seconds} s: {what}\n{ours}\n{theirs}"
        await asyncio.sleep(0.05)


def has(stats: dict[str, dict[str, Any]], kind: str, media: str, **members: Any) -> bool:
    """Return whether there is an entry of this type with these values."""
    return any(
        entry["type"] == kind and entry["kind"] == media and members.items() <= entry.items()
        for entry in stats.values()
    )


async def lossy_call(loses_every: int, losses: int, munge: Callable[[str], str]) -> tuple[Any, Any, Lossy]:
    """Send pictures, lose some packets once each, stop; return both sides' numbers when all has come to rest."""
    a, b = rtc.PeerConnection(), rtc.PeerConnection()
    try:
        sender = a.add_track(rtc.TestPattern(size=(640, 480), fps=30))
        offer = await a.set_local_description()
        await b.set_remote_description({"type": "offer", "sdp": munge(offer.sdp)})
        await a.set_remote_description(await b.set_local_description())
        stop = b.get_receivers()[0].track.on_frame(lambda _picture: None)
        ours, _ = await until(
            lambda ours, theirs: (
                has(ours, "remote-inbound-rtp", "video")
                and has(theirs, "inbound-rtp", "video")
                and one(theirs, "inbound-rtp")["framesDecoded"] > 5
            ),
            a, b, 20, "a report of the receiver",
        )  # fmt: skip
        main = one(ours, "outbound-rtp")["ssrc"]
        chosen: set[int] = set()

        def loses(ssrc: int, sequence: int) -> bool:
            if ssrc != main or sequence in chosen or sequence % loses_every or len(chosen) >= losses:
                return False
            chosen.add(sequence)
            return True

        lossy = await make_lossy(a, loses)
        await until(lambda _a, _b: len(chosen) >= losses, a, b, 40, "enough losses")
        # A few pictures more, so that the last loss is noticed and healed; then quiet, and a last report.
        sent = one(await a.get_stats(), "outbound-rtp")["framesSent"]
        await until(lambda ours, _b: one(ours, "outbound-rtp")["framesSent"] > sent + 30, a, b, 20, "more pictures")
        await sender.replace_track(None)

        def rests(ours: Any, theirs: Any) -> bool:
            out, into = one(ours, "outbound-rtp"), one(theirs, "inbound-rtp")
            if "remoteId" not in into:
                return False
            told, said = ours[out["remoteId"]], theirs[into["remoteId"]]
            return (
                into["packetsReceived"] == out["packetsSent"] - lossy.lost
                and told["packetsLost"] == into["packetsLost"]
                and said["packetsSent"] == out["packetsSent"] - out["retransmittedPacketsSent"]
                and told["timestamp"] > out.get("lastPacketSentTimestamp", 0)
            )

        result = await until(rests, a, b, 10 * RTCP, "the two sides to agree")
        stop()
        return (*result, lossy)
    finally:
        a.close()
        b.close()


def without_rtx(sdp: str) -> str:
    """Return a description of a side that has no RTX."""
    payloads = re.findall(r"a=rtpmap:(\d+) rtx/", sdp)
    lines = []
    for line in sdp.split("\r\n"):
        if re.match(rf"a=(rtpmap|fmtp|rtcp-fb):({'|'.join(payloads)})\b", line) or line.startswith("a=ssrc-group:FID"):
            continue
        if line.startswith("m=video"):
            line = " ".join(word for i, word in enumerate(line.split(" ")) if i < 3 or word not in payloads)
        lines.append(line)
    return "\r\n".join(lines)


async def test_lost_packets_are_counted_once_where_they_are_sent_again_on_a_stream_of_their_own() -> None:
    ours, theirs, lossy = await lossy_call(17, 12, lambda sdp: sdp)
    out, into = one(ours, "outbound-rtp"), one(theirs, "inbound-rtp")
    assert lossy.lost == 12
    assert into["packetsLost"] == lossy.lost, "what was sent again was lost all the same"
    assert into["packetsReceived"] == out["packetsSent"] - lossy.lost
    assert into["bytesReceived"] == out["bytesSent"] - lossy.lost_bytes
    assert into["headerBytesReceived"] < out["headerBytesSent"]
    assert into["retransmittedPacketsReceived"] == out["retransmittedPacketsSent"] >= lossy.lost
    assert into["retransmittedBytesReceived"] == out["retransmittedBytesSent"] > 0
    assert into["rtxSsrc"] == out["rtxSsrc"] != into["ssrc"] == out["ssrc"]
    assert out["nackCount"] == into["nackCount"] > 0
    assert into["framesReceived"] >= into["framesDecoded"] > 0
    remote = ours[out["remoteId"]]
    assert remote["localId"] == out["id"]
    assert remote["packetsLost"] == lossy.lost
    assert 0 <= remote["roundTripTime"] < 0.5 * SCALE


async def test_what_is_sent_again_on_the_same_stream_is_lost_no_more() -> None:
    ours, theirs, lossy = await lossy_call(17, 8, without_rtx)
    out, into = one(ours, "outbound-rtp"), one(theirs, "inbound-rtp")
    assert out["retransmittedPacketsSent"] >= lossy.lost
    # RFC 3550: sent less received, and a repetition counts as received, also a needless one.
    assert into["packetsLost"] == lossy.lost - out["retransmittedPacketsSent"]
    assert into["packetsReceived"] == out["packetsSent"] - lossy.lost
    assert "rtxSsrc" not in into
    assert "retransmittedPacketsReceived" not in into


@pytest.fixture(scope="module")
def call() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Both sides' statistics of a call in both directions, and the first side's of a second earlier."""

    async def measure() -> tuple[Any, Any, Any]:
        a, b = rtc.PeerConnection(), rtc.PeerConnection()
        try:
            for pc in (a, b):
                pc.add_track(rtc.TestPattern(size=(320, 240), fps=20))
                pc.add_track(rtc.TestTone())
            channel = a.create_data_channel("notes")
            await rtc.connect_pair(a, b)
            for pc in (a, b):
                for receiver in pc.get_receivers():
                    receiver.track.on_frame(lambda _item: None)

            def complete(ours: Any, theirs: Any) -> bool:
                needed = ("inbound-rtp", "outbound-rtp", "remote-inbound-rtp", "remote-outbound-rtp")
                sides = (ours, theirs)
                told = [e for side in sides for e in side.values() if e["type"] == "remote-inbound-rtp"]
                return all(
                    has(side, kind, media) for side in sides for kind in needed for media in ("audio", "video")
                ) and all("roundTripTime" in entry for entry in told)

            before, _ = await until(complete, a, b, 20, "reports of all streams")
            channel.send("one")
            frames = one(before, "inbound-rtp", "video")["framesDecoded"]
            after, theirs = await until(
                lambda ours, theirs: (
                    one(ours, "inbound-rtp", "video")["framesDecoded"] > frames + 25
                    and one(theirs, "data-channel")["messagesReceived"] == 1
                ),
                a, b, 20, "more pictures",
            )  # fmt: skip
            return before, after, theirs
        finally:
            a.close()
            b.close()

    return asyncio.run(measure())


def test_each_id_leads_to_an_entry_and_stays_the_same(call: Any) -> None:
    before, after, theirs = call
    assert before.keys() == after.keys()
    for stats in (after, theirs):
        for entry in stats.values():
            for member, value in entry.items():
                if member.endswith("Id") and member != "trackIdentifier":
                    assert value in stats, f"{entry['id']}.{member}"
        for entry in stats.values():
            if entry["type"].endswith("-rtp"):
                assert stats[entry["codecId"]]["mimeType"].startswith(entry["kind"])
                assert stats[entry["transportId"]]["type"] == "transport"
            if entry["type"] in ("inbound-rtp", "outbound-rtp"):
                assert stats[entry["remoteId"]]["localId"] == entry["id"]
                assert stats[entry["remoteId"]]["ssrc"] == entry["ssrc"]


def test_counters_only_rise_and_times_go_on(call: Any) -> None:
    before, after, _ = call
    rising = ("packets", "bytes", "frames", "total", "headerBytes", "messages", "requests", "responses", "keyFrames")
    for name, entry in before.items():
        assert after[name]["timestamp"] >= entry["timestamp"] > 1_600_000_000_000
        for member, value in entry.items():
            if member.startswith(rising) and member not in ("framesPerSecond", "packetsLost"):
                assert after[name][member] >= value, f"{name}.{member}"


@pytest.mark.parametrize("media", ["audio", "video"])
def test_the_two_sides_count_the_same(call: Any, media: str) -> None:
    _, ours, theirs = call
    for sending, receiving in ((ours, theirs), (theirs, ours)):
        out, into = one(sending, "outbound-rtp", media), one(receiving, "inbound-rtp", media)
        assert out["ssrc"] == into["ssrc"]
        assert out["mid"] == into["mid"]
        # They were asked one after the other, while the call went on.
        assert abs(out["packetsSent"] - into["packetsReceived"]) < 0.3 * out["packetsSent"]
        assert abs(out["bytesSent"] - into["bytesReceived"]) < 0.3 * out["bytesSent"]
        assert into["packetsLost"] == 0
        assert 0 <= into["jitter"] < 0.5 * SCALE
        said = receiving[into["remoteId"]]
        assert said["packetsSent"] <= out["packetsSent"]
        assert abs(said["remoteTimestamp"] - said["timestamp"]) < 5_000 * SCALE
        told = sending[out["remoteId"]]
        assert 0 <= told["roundTripTime"] < 1 * SCALE
        assert told["totalRoundTripTime"] >= told["roundTripTime"]
        assert told["packetsReceived"] <= out["packetsSent"]
        assert sending[out["codecId"]]["mimeType"] == receiving[into["codecId"]]["mimeType"]


def test_pictures_are_counted_from_the_source_to_the_decoder(call: Any) -> None:
    _, ours, theirs = call
    source, out = one(ours, "media-source", "video"), one(ours, "outbound-rtp", "video")
    into = one(theirs, "inbound-rtp", "video")
    assert out["mediaSourceId"] == source["id"]
    assert (source["width"], source["height"]) == (320, 240)
    assert (out["frameWidth"], out["frameHeight"]) == (into["frameWidth"], into["frameHeight"]) == (320, 240)
    assert source["frames"] > 25
    assert abs(out["framesEncoded"] - out["framesSent"]) <= 1
    assert out["framesSent"] >= into["framesReceived"] - 1
    assert into["framesReceived"] >= into["framesDecoded"] > 25
    assert 1 <= out["keyFramesEncoded"] <= out["framesEncoded"]
    assert 1 <= into["keyFramesDecoded"] <= into["framesDecoded"]
    assert 0 < out["totalEncodeTime"] < 60
    assert 0 < into["totalDecodeTime"] < 60
    assert 3 < out["framesPerSecond"] <= 25
    assert 3 < into["framesPerSecond"] <= 25
    assert out["hugeFramesSent"] < out["framesSent"]


def test_sound_has_energy_and_length(call: Any) -> None:
    _, ours, theirs = call
    source, into = one(ours, "media-source", "audio"), one(theirs, "inbound-rtp", "audio")
    for entry in (source, into):
        assert 0 < entry["totalAudioEnergy"] < entry["totalSamplesDuration"]
        assert 0 <= entry["audioLevel"] <= 1
    assert into["totalSamplesReceived"] == pytest.approx(into["totalSamplesDuration"] * 48_000, abs=1)


def test_the_transport_carries_what_the_streams_sent(call: Any) -> None:
    _, ours, theirs = call
    transport = one(ours, "transport")
    pair = ours[transport["selectedCandidatePairId"]]
    assert pair["nominated"]
    assert pair["state"] == "succeeded"
    streams = [entry for entry in ours.values() if entry["type"] == "outbound-rtp"]
    assert transport["bytesSent"] >= sum(e["bytesSent"] + e["headerBytesSent"] for e in streams)
    assert pair["bytesSent"] == transport["bytesSent"]
    assert pair["requestsSent"] >= pair["responsesReceived"] > 0
    assert 0 < pair["currentRoundTripTime"] <= pair["totalRoundTripTime"] < 60
    assert transport["dtlsState"] == "connected"
    assert {transport["iceRole"], one(theirs, "transport")["iceRole"]} == {"controlling", "controlled"}
    assert {transport["dtlsRole"], one(theirs, "transport")["dtlsRole"]} == {"client", "server"}
    assert transport["srtpCipher"].startswith("SRTP_")
    # Each side knows the other's certificate.
    other = one(theirs, "transport")
    assert (
        ours[transport["remoteCertificateId"]]["fingerprint"] == theirs[other["localCertificateId"]]["fingerprint"]
    )  # fmt: skip
    local = ours[pair["localCandidateId"]]
    assert local["candidateType"] == "host"
    assert local["protocol"] == "udp"
    assert 0 < local["port"] < 65536


def test_statistics_tell_no_secret(call: Any) -> None:
    _, ours, _ = call
    text = repr(ours)
    for word in ("ufrag", "usernameFragment", "pwd", "password", "credential"):
        assert word not in text


async def test_an_ice_restart_has_another_pair_and_the_streams_count_on() -> None:
    a, b = rtc.PeerConnection(), rtc.PeerConnection()
    try:
        a.add_track(rtc.TestPattern(size=(160, 120), fps=20))
        await rtc.connect_pair(a, b)
        before, _ = await until(
            lambda ours, _theirs: one(ours, "outbound-rtp").get("framesSent", 0) > 5, a, b, 20, "pictures"
        )
        first, out = one(before, "transport"), one(before, "outbound-rtp")
        a.restart_ice()
        after, theirs = await until(
            lambda ours, _theirs: (
                one(ours, "transport").get("selectedCandidatePairId") not in (None, first["selectedCandidatePairId"])
                and one(ours, "outbound-rtp")["framesSent"] > out["framesSent"] + 10
            ),
            a, b, 20, "another pair",
        )  # fmt: skip
        assert one(after, "outbound-rtp")["id"] == out["id"]
        assert one(after, "transport")["bytesSent"] > first["bytesSent"]
        assert one(after, "transport")["selectedCandidatePairChanges"] > first["selectedCandidatePairChanges"]
        assert one(theirs, "inbound-rtp")["packetsReceived"] > out["packetsSent"]
        assert a.report().connected
    finally:
        a.close()
        b.close()
