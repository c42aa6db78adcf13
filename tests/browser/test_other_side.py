"""A real Chromium as the other side of a `PeerConnection`, in both roles: streams, and changes in mid-call."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

import jupyter_rtc as rtc
from jupyter_rtc.engine.loop import engine
from tests.conftest import SCALE

from .chromium import Browsers, PageOptions

# The page's end: what arrives is noted and shown, and descriptions go out with all candidates in them.
PAGE = """
globalThis.pc = new RTCPeerConnection();
globalThis.arrived = [];
globalThis.left = [];
pc.ontrack = ({ track, streams, transceiver }) => {
  arrived.push({ kind: track.kind, streams: streams.map(({ id }) => id), mid: transceiver.mid });
  for (const stream of streams) stream.onremovetrack = () => left.push(stream.id);
  if (track.kind !== "video") return;
  const video = document.body.appendChild(document.createElement("video"));
  Object.assign(video, { muted: true, autoplay: true, className: transceiver.mid });
  video.srcObject = new MediaStream([track]);
};
const gathered = () => new Promise((resolve) => {
  const look = () => pc.iceGatheringState === "complete" && resolve();
  pc.addEventListener("icegatheringstatechange", look);
  look();
});
globalThis.local = async () => {
  await pc.setLocalDescription();
  await gathered();
  return { type: pc.localDescription.type, sdp: pc.localDescription.sdp };
};
globalThis.remote = (description) => pc.setRemoteDescription(description);
globalThis.paint = (colour) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  const context = canvas.getContext("2d");
  setInterval(() => { context.fillStyle = colour; context.fillRect(0, 0, 320, 240); }, 40);
  return canvas.captureStream(25);
};
"""


#: Levels of 255. A first picture may be coarse, and chroma has half the luma's depth.
TOLERANCE = 16
SETTLED = 5


def call(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine where no loop can be run: Playwright has one on this thread."""
    return engine().submit(coroutine).result(15 * SCALE)


class Sides:
    """Our connection, and the page's."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pc = rtc.PeerConnection(name="chromium")

    def we_offer(self) -> None:
        """Negotiate with an offer of ours."""
        offer = call(self.pc.set_local_description())
        self.page.evaluate("d => remote(d)", {"type": offer.type, "sdp": offer.sdp})
        call(self.pc.set_remote_description(self.page.evaluate("() => local()")))

    def they_offer(self) -> None:
        """Negotiate with an offer of the page's."""
        call(self.pc.set_remote_description(self.page.evaluate("() => local()")))
        answer = call(self.pc.set_local_description())
        self.page.evaluate("d => remote(d)", {"type": answer.type, "sdp": answer.sdp})

    def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until something is so, and return it."""
        deadline = time.monotonic() + 15 * SCALE
        while not (found := condition()):
            assert time.monotonic() < deadline, f"did not come about: {found!r}"
            self.page.wait_for_timeout(50)
        return found

    def stamp(self, mid: str) -> tuple[int, float] | None:
        """Return the stamp of what the page shows of a section."""
        self.until(lambda: self.page.evaluate("s => harness.hasPicture(s)", f"video[class='{mid}']"))
        picture = self.page.evaluate("s => harness.grab(s)", f"video[class='{mid}']")
        rgba = np.frombuffer(base64.b64decode(picture["rgba"]), np.uint8)
        return rtc.read_stamp(rgba.reshape(picture["height"], picture["width"], 4)[:, :, :3])

    def moves(self, mid: str) -> None:
        """See that pictures go on arriving in the page."""
        first = self.until(lambda: self.stamp(mid))[0]
        self.until(lambda: (stamp := self.stamp(mid)) and stamp[0] > first + 5)


@pytest.fixture
def sides(browsers: Browsers) -> Iterator[Sides]:
    context = browsers.context(PageOptions())
    page = context.new_page()
    page.goto("about:blank")
    page.evaluate(f"() => {{ {PAGE} }}")
    both = Sides(page)
    yield both
    both.pc.close()
    context.close()


def test_chromium_answers_and_sees_streams_come_change_and_go(sides: Sides) -> None:
    first, second = rtc.MediaStream(id="first"), rtc.MediaStream(id="second")
    pattern, other = rtc.TestPattern((320, 240)), rtc.TestPattern((320, 240))
    sender = sides.pc.add_track(pattern, first, second)
    sides.we_offer()
    sides.until(lambda: sides.pc.connection_state == "connected")
    assert sides.page.evaluate("() => arrived") == [{"kind": "video", "streams": ["first", "second"], "mid": "0"}]
    sides.moves("0")

    sides.pc.add_track(rtc.TestTone(), first)  # added in mid-call
    sides.we_offer()
    assert sides.page.evaluate("() => arrived.at(-1)") == {"kind": "audio", "streams": ["first"], "mid": "1"}

    call(sender.replace_track(other))  # replaced: nothing to negotiate
    before = sides.until(lambda: sides.stamp("0"))
    assert before is not None
    sides.moves("0")

    sides.pc.remove_track(sender)
    sides.we_offer()
    assert sorted(sides.page.evaluate("() => left")) == ["first", "second"]

    sides.pc.add_track(pattern, second)  # and again
    sides.we_offer()
    assert sides.page.evaluate("() => arrived.at(-1)") == {"kind": "video", "streams": ["second"], "mid": "2"}
    sides.moves("2")


def test_chromium_offers_and_its_streams_come_change_and_go_here(sides: Sides) -> None:
    events: list[rtc.TrackEvent] = []
    sides.pc.on("track", events.append)
    pattern = rtc.TestPattern((320, 240))
    stream_id = sides.page.evaluate(
        "() => { globalThis.stream = paint('#c03060'); globalThis.sender = pc.addTrack(stream.getTracks()[0], stream);"
        " return stream.id; }"
    )
    sides.pc.add_track(pattern, rtc.MediaStream(id="ours"))
    sides.they_offer()
    sides.until(lambda: len(events) == 1)
    assert [stream.id for stream in events[0].streams] == [stream_id]
    colour = np.median(events[0].track.read(timeout=15 * SCALE), axis=(0, 1))
    assert np.abs(colour - (0xC0, 0x30, 0x60)).max() < TOLERANCE
    assert sides.page.evaluate("() => arrived") == [{"kind": "video", "streams": ["ours"], "mid": "0"}]
    sides.moves("0")

    removed: list[rtc.Track] = []
    events[0].streams[0].on("removetrack", removed.append)
    sides.page.evaluate("() => pc.removeTrack(sender)")
    sides.they_offer()
    sides.until(lambda: removed == [events[0].track])
    assert events[0].track.muted
    assert events[0].track.ready_state == "live"

    sides.page.evaluate("() => { globalThis.sender = pc.addTrack(paint('#2050b0').getTracks()[0], stream); }")
    sides.they_offer()
    sides.until(lambda: len(events) == 2)
    colour = np.median(events[1].track.read(timeout=15 * SCALE), axis=(0, 1))
    assert np.abs(colour - (0x20, 0x50, 0xB0)).max() < TOLERANCE


COLOURS = ["#ff0000", "#00ff00", "#0000ff", "#c03060", "#2050b0", "#30a040", "#808080", "#ffff00"]
CHART = """([codec, colours]) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  const context = canvas.getContext("2d");
  setInterval(() => colours.forEach((colour, i) => {
    context.fillStyle = colour;
    context.fillRect(i * 40, 0, 40, 240);
  }), 40);
  const transceiver = pc.addTransceiver(canvas.captureStream(25).getTracks()[0], { direction: "sendonly" });
  const all = RTCRtpSender.getCapabilities("video").codecs;
  transceiver.setCodecPreferences(all.filter(({ mimeType }) => mimeType === `video/${codec}`));
}"""


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_colours_arrive_as_they_were_painted(sides: Sides, codec: str) -> None:
    sides.page.evaluate(CHART, [codec, COLOURS])
    sides.they_offer()
    track = sides.pc.get_receivers()[0].track
    wanted = np.array([[int(colour[n : n + 2], 16) for n in (1, 3, 5)] for colour in COLOURS])

    def error() -> float:
        picture = track.read(timeout=15 * SCALE)
        got = np.array(
            [np.median(picture[20:-20, i * 40 + 10 : i * 40 + 30], axis=(0, 1)) for i in range(len(COLOURS))]
        )
        return float(np.abs(got - wanted).max())

    sides.until(lambda: error() <= SETTLED)


def test_both_sides_offer_at_once_and_nothing_breaks(sides: Sides) -> None:
    events: list[rtc.TrackEvent] = []
    sides.pc.on("track", events.append)
    sides.pc.add_track(rtc.TestPattern((320, 240)), rtc.MediaStream(id="ours"))
    sides.page.evaluate("() => { const s = paint('#30a040'); pc.addTrack(s.getTracks()[0], s); }")
    call(sides.pc.set_local_description())  # ours, which never leaves: theirs was first
    sides.they_offer()
    assert sides.pc.signaling_state == "stable"
    sides.until(lambda: sides.pc.connection_state == "connected")
    sides.moves("0")
    assert events
    assert (
        np.abs(np.median(events[0].track.read(timeout=15 * SCALE), axis=(0, 1)) - (0x30, 0xA0, 0x40)).max() < TOLERANCE
    )


def test_messages_of_any_language_go_both_ways(sides: Sides) -> None:
    channel = sides.pc.create_data_channel("Gespräch 会話")
    got: list[Any] = []
    channel.on("message", got.append)
    sides.page.evaluate(
        "() => { pc.ondatachannel = ({ channel }) => { channel.binaryType = 'arraybuffer';"
        " globalThis.label = channel.label; channel.onmessage = ({ data }) => channel.send(data); } }"
    )
    sides.we_offer()
    sides.until(lambda: channel.ready_state == "open")
    channel.send("Grüße, 世界")
    channel.send(np.arange(5, dtype=np.uint8))
    sides.until(lambda: len(got) == 2)
    assert got == ["Grüße, 世界", bytes(range(5))]
    assert sides.page.evaluate("() => label") == "Gespräch 会話"
