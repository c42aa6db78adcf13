"""What stands between our `PeerConnection` and a real browser's: descriptions, messages, and looking at pictures."""

from __future__ import annotations

import asyncio
import base64
import queue
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

import numpy as np
from playwright.sync_api import Page

import jupyter_rtc as rtc
from jupyter_rtc.engine.loop import engine
from tests.conftest import SCALE

from .firefox import FirefoxPage

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


#: Levels of 255, for pictures that are just beginning.
TOLERANCE = 12
SOON = 15 * SCALE


def call(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine where no loop can be run: Playwright has one on this thread."""
    return engine().submit(coroutine).result(SOON)


class Sides:
    """Our connection, and the page's."""

    def __init__(self, page: Page | FirefoxPage) -> None:
        self.page = page
        self.pc = rtc.PeerConnection(name="ours")

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
        deadline = time.monotonic() + SOON
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


def looks_like(track: rtc.Track[Any], colour: str) -> None:
    """See that a track's pictures are of one colour, given as ``"#rrggbb"``; those of before may be under way."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    deadline = time.monotonic() + SOON
    while np.abs((seen := np.median(track.read(timeout=SOON), axis=(0, 1))) - wanted).max() >= TOLERANCE:
        assert time.monotonic() < deadline, f"the colour is {seen}, not {colour}"


def loudness(track: rtc.Track[Any]) -> float:
    """Return the peak of what is heard next."""
    return float(np.abs(track.read(0.2, timeout=SOON)).max())


# Perfect negotiation as WebRTC 1.0 §10.7 has it, with a mailbox that the test empties.
NEGOTIATE = """(polite) => {
  globalThis.outbox = [];
  globalThis.problems = [];
  let making = false, ignoring = false;
  pc.onnegotiationneeded = async () => {
    making = true;
    try {
      await pc.setLocalDescription();
      outbox.push({ type: pc.localDescription.type, sdp: pc.localDescription.sdp });
    } catch (error) { problems.push(String(error)); } finally { making = false; }
  };
  pc.onicecandidate = ({ candidate }) => outbox.push({ type: "candidate", candidate });
  globalThis.deliver = async (message) => {
    try {
      if (message.type === "offer" || message.type === "answer") {
        const collision = message.type === "offer" && (making || pc.signalingState !== "stable");
        ignoring = !polite && collision;
        if (ignoring) return;
        await pc.setRemoteDescription(message);
        if (message.type === "offer") {
          await pc.setLocalDescription();
          outbox.push({ type: pc.localDescription.type, sdp: pc.localDescription.sdp });
        }
      } else if (message.type === "candidate") {
        try { await pc.addIceCandidate(message.candidate); } catch (error) { if (!ignoring) throw error; }
      }
    } catch (error) { problems.push(String(error)); }
  };
}"""


class Mailbox:
    """A signaling whose other end is the page; `pump` carries the messages, for a page is of the test's thread only."""

    def __init__(self, page: Page | FirefoxPage) -> None:
        self.sent: list[str] = []
        self._page = page
        self._out: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def connect(self, pc: rtc.PeerConnection, *, polite: bool) -> Future[None]:
        """Begin to negotiate, on both sides."""
        self._page.evaluate(NEGOTIATE, not polite)
        return engine().submit(pc.connect(self, SOON, polite=polite))

    def pump(self) -> None:
        """Carry all messages that wait."""
        while not self._out.empty():
            self._page.evaluate("message => deliver(message)", self._out.get())
        for message in self._page.evaluate("() => outbox.splice(0)"):
            call(self._in.put(message))

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message["type"])
        self._out.put(message)

    async def receive(self) -> dict[str, Any]:
        return await self._in.get()

    async def close(self) -> None:
        return None


#: What `WhipServer` wants of the pages.
TOKEN = "class-42"
# The middle of what is shown.
LOOK = """() => {
  const video = document.querySelector("video");
  if (!video.videoWidth) return null;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  return [...context.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data].slice(0, 3);
}"""


def page_until(page: Any, expression: str, wanted: Callable[[Any], bool]) -> Any:
    """Wait until what the page says is as wanted, and return it."""
    deadline = time.monotonic() + SOON
    while not wanted(found := page.evaluate(expression)):
        assert time.monotonic() < deadline, f"the page says {found!r}"
        time.sleep(0.05)
    return found
