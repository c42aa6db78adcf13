"""Our statistics beside Chromium's of the same call, with packets lost on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

import jupyter_rtc as rtc
from jupyter_rtc.engine.loop import engine
from tests.conftest import SCALE
from tests.integration.test_stats import make_lossy, one

from .chromium import Browsers, PageOptions

PAGE = """
globalThis.pc = new RTCPeerConnection();
pc.ontrack = ({ track }) => {
  const media = document.body.appendChild(document.createElement(track.kind));
  Object.assign(media, { muted: true, autoplay: true, srcObject: new MediaStream([track]) });
};
globalThis.answer = async (offer) => {
  await pc.setRemoteDescription(offer);
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  const context = canvas.getContext("2d");
  let hue = 0;
  setInterval(() => { context.fillStyle = `hsl(${hue++ % 360} 80% 50%)`; context.fillRect(0, 0, 320, 240); }, 40);
  pc.addTrack(canvas.captureStream(25).getVideoTracks()[0]);
  const audio = new AudioContext();
  const tone = new OscillatorNode(audio);
  const out = new MediaStreamAudioDestinationNode(audio);
  tone.connect(out);
  tone.start();
  pc.addTrack(out.stream.getAudioTracks()[0]);
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== "complete") await new Promise((resolve) => setTimeout(resolve, 20));
  return { type: "answer", sdp: pc.localDescription.sdp };
};
globalThis.stats = async () => Object.fromEntries([...(await pc.getStats()).entries()]);
"""

Numbers = dict[str, dict[str, Any]]


def call(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine where no loop can be run: Playwright has one on this thread."""
    return engine().submit(coroutine).result(15 * SCALE)


@pytest.fixture(scope="module")
def page(browsers: Browsers) -> Iterator[Page]:
    context = browsers.context(PageOptions())
    page = context.new_page()
    page.goto("about:blank")
    page.evaluate(f"() => {{ {PAGE} }}")
    yield page
    context.close()


@pytest.fixture(scope="module")
def numbers(page: Page) -> Iterator[tuple[Numbers, Numbers, int]]:
    """Ours, Chromium's, and how many of our video's packets were lost."""
    pc = rtc.PeerConnection()
    tracks = [rtc.TestPattern((640, 480)), rtc.TestTone()]
    senders = [pc.add_track(track) for track in tracks]
    offer = call(pc.set_local_description())
    call(pc.set_remote_description(page.evaluate("d => answer(d)", {"type": offer.type, "sdp": offer.sdp})))
    for receiver in pc.get_receivers():
        receiver.track.on_frame(lambda _item: None)

    def until(condition: Callable[[Numbers, Numbers], bool], seconds: float = 30) -> tuple[Numbers, Numbers]:
        end = time.monotonic() + seconds * SCALE
        while True:
            ours, theirs = call(pc.get_stats()), page.evaluate("() => stats()")
            if condition(ours, theirs):
                return ours, theirs
            assert time.monotonic() < end, f"{ours}\n{theirs}"
            page.wait_for_timeout(50)

    def complete(stats: Numbers) -> bool:
        kinds = ("inbound-rtp", "outbound-rtp", "remote-inbound-rtp", "remote-outbound-rtp")
        found = [(entry["type"], entry.get("kind")) for entry in stats.values()]
        return all((kind, media) in found for kind in kinds for media in ("audio", "video"))

    ours, _ = until(lambda ours, theirs: complete(ours) and complete(theirs))
    main = one(ours, "outbound-rtp", "video")["ssrc"]
    chosen: set[int] = set()

    def loses(ssrc: int, sequence: int) -> bool:
        if ssrc != main or sequence in chosen or sequence % 13 or len(chosen) >= 6:
            return False
        chosen.add(sequence)
        return True

    lossy = call(make_lossy(pc, loses))
    until(lambda _ours, _theirs: len(chosen) >= 6)
    page.wait_for_timeout(1500)
    call(senders[0].replace_track(None))  # quiet in this direction, so that both count the same

    def rests(ours: Numbers, theirs: Numbers) -> bool:
        out, into = one(ours, "outbound-rtp", "video"), one(theirs, "inbound-rtp", "video")
        told = ours[out["remoteId"]]
        return (
            into["packetsReceived"] == out["packetsSent"] - lossy.lost
            and told["packetsLost"] == into["packetsLost"] > 0
        )

    yield (*until(rests), lossy.lost)
    pc.close()
    for track in tracks:
        track.stop()


def test_what_we_sent_is_what_chromium_received(numbers: tuple[Numbers, Numbers, int]) -> None:
    ours, theirs, lost = numbers
    out, into = one(ours, "outbound-rtp", "video"), one(theirs, "inbound-rtp", "video")
    assert out["ssrc"] == into["ssrc"]
    assert out["packetsSent"] - lost == into["packetsReceived"]
    assert out["retransmittedPacketsSent"] == into["retransmittedPacketsReceived"] >= lost
    assert out["nackCount"] == into["nackCount"]
    assert ours[out["remoteId"]]["packetsLost"] == into["packetsLost"] == lost
    # Chromium drops what came before its first key frame.
    assert 0 <= out["framesSent"] - into["framesReceived"] <= 30 * SCALE
    assert out["keyFramesEncoded"] == pytest.approx(into["keyFramesDecoded"], abs=2)
    assert (out["frameWidth"], out["frameHeight"]) == (into["frameWidth"], into["frameHeight"])
    # Of a retransmission Chromium counts the packet that it repeats: without the two bytes of the original number.
    assert out["bytesSent"] == pytest.approx(into["bytesReceived"], rel=0.05)


def test_what_chromium_sent_is_what_we_received(numbers: tuple[Numbers, Numbers, int]) -> None:
    ours, theirs, _ = numbers
    for media in ("audio", "video"):
        out, into = one(theirs, "outbound-rtp", media), one(ours, "inbound-rtp", media)
        assert out["ssrc"] == into["ssrc"]
        # Chromium was asked a little later, and the call goes on.
        assert into["packetsReceived"] <= out["packetsSent"] <= into["packetsReceived"] + 100 * SCALE
        assert into["bytesReceived"] == pytest.approx(out["bytesSent"], rel=0.2)
        assert into["packetsLost"] == theirs[out["remoteId"]]["packetsLost"] == 0
        assert into["jitter"] == pytest.approx(theirs[out["remoteId"]]["jitter"], abs=0.05 * SCALE)
        assert ours[into["codecId"]]["mimeType"].lower() == theirs[out["codecId"]]["mimeType"].lower()
        assert ours[into["codecId"]]["payloadType"] == theirs[out["codecId"]]["payloadType"]
    out, into = one(theirs, "outbound-rtp", "video"), one(ours, "inbound-rtp", "video")
    assert out["framesSent"] == pytest.approx(into["framesReceived"], abs=10 * SCALE)
    assert (out["frameWidth"], out["frameHeight"]) == (into["frameWidth"], into["frameHeight"])


def test_both_know_the_same_transport(numbers: tuple[Numbers, Numbers, int]) -> None:
    ours, theirs, _ = numbers
    mine, other = one(ours, "transport"), one(theirs, "transport")
    assert mine["tlsVersion"] == other["tlsVersion"]
    assert mine["dtlsCipher"] == other["dtlsCipher"]
    assert {mine["dtlsRole"], other["dtlsRole"]} == {"client", "server"}
    # Chromium does not always tell the other side's certificate.
    seen, own = ours[mine["remoteCertificateId"]], theirs[other["localCertificateId"]]
    for member in ("fingerprint", "fingerprintAlgorithm", "base64Certificate"):
        assert seen[member] == own[member]
    pair = ours[mine["selectedCandidatePairId"]]
    known = [entry.get("port") for entry in theirs.values() if entry["type"] == "remote-candidate"]
    assert ours[pair["localCandidateId"]]["port"] in known
    assert pair["currentRoundTripTime"] < 1 * SCALE
    assert mine["bytesSent"] == pytest.approx(other["bytesReceived"], rel=0.1)


def test_our_members_are_those_of_chromium(numbers: tuple[Numbers, Numbers, int]) -> None:
    """Same name, same type: nothing is spelt otherwise, or is a string where a number belongs."""
    ours, theirs, _ = numbers
    spellings: dict[str, dict[str, type]] = {}
    for entry in theirs.values():
        for member, value in entry.items():
            spellings.setdefault(entry["type"], {})[member] = type(value)
    unknown = set()
    for entry in ours.values():
        known = spellings.get(entry["type"], {})
        for member, value in entry.items():
            if member not in known:
                unknown.add(f"{entry['type']}.{member}")
            elif known[member] in (int, float):
                assert isinstance(value, (int, float)), f"{entry['type']}.{member}"
            else:
                assert isinstance(value, known[member]), f"{entry['type']}.{member}"
    # In webrtc-stats, and not in every Chromium: which ones differs from version to version.
    assert unknown <= {
        "codec.channels", "inbound-rtp.packetsDiscarded", "remote-inbound-rtp.packetsReceived",
        "remote-inbound-rtp.totalRoundTripTime", "remote-inbound-rtp.roundTripTimeMeasurements",
        "candidate-pair.consentRequestsSent", "candidate-pair.lastPacketReceivedTimestamp",
        "candidate-pair.lastPacketSentTimestamp", "local-candidate.url", "local-candidate.relayProtocol",
        "transport.remoteCertificateId", "media-source.droppedSamplesDuration",
    }  # fmt: skip
