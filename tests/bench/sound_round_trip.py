"""Sound from a page to the kernel, and from there back to the page, beside stock aiortc."""

from __future__ import annotations

from statistics import median
from typing import Any

from tests.bench import report
from tests.bench._kernel import kernel_end
from tests.browser.chromium import Browsers, PageOptions

ROUNDS = 2
SECONDS = 15

# Bursts go out and are listened for in one callback of one audio clock; without the devices, which a page cannot hear.
PAGE = """
globalThis.start = async () => {
  globalThis.pc = new RTCPeerConnection();
  globalThis.trips = [];
  const context = new AudioContext({ latencyHint: 0 });
  const out = context.createMediaStreamDestination();
  const node = context.createScriptProcessor(256, 1, 1);
  let position = 0, sent = 0, quiet = 0;
  node.onaudioprocess = ({ inputBuffer, outputBuffer }) => {
    const input = inputBuffer.getChannelData(0), output = outputBuffer.getChannelData(0);
    for (let i = 0; i < input.length; i += 1, position += 1) {
      const since = position % (context.sampleRate / 2);
      if (since === 0) sent = position;
      const tone = 0.5 * Math.sin((2 * Math.PI * 1000 * since) / context.sampleRate);
      output[i] = since < context.sampleRate / 25 ? tone : 0;
      if (Math.abs(input[i]) < 0.1) quiet += 1;
      else {
        if (quiet > context.sampleRate / 10) trips.push((position - sent) / context.sampleRate);
        quiet = 0;
      }
    }
  };
  node.connect(out);
  node.connect(context.destination);
  pc.ontrack = ({ track }) => {
    const stream = new MediaStream([track]);
    globalThis.heard = Object.assign(new Audio(), { srcObject: stream, muted: true });
    heard.play();
    context.createMediaStreamSource(stream).connect(node);
  };
  pc.addTransceiver(out.stream.getAudioTracks()[0], { direction: "sendrecv" });
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== "complete") await new Promise((done) => setTimeout(done, 10));
  return { type: "offer", sdp: pc.localDescription.sdp };
};
globalThis.answer = (description) => pc.setRemoteDescription(description);
"""


def run(page: Any, kind: str) -> dict[str, Any]:
    """Return the round trips of one connection, whose kernel's end is a process of its own."""
    page.goto("about:blank")
    page.add_script_tag(content=PAGE)
    with kernel_end(page, "echo", kind, SECONDS + 5, page.evaluate("() => start()")):
        page.wait_for_timeout(5000)
        page.evaluate("() => { trips.length = 0; }")
        page.wait_for_timeout(1000 * (SECONDS - 5))
        trips = page.evaluate("() => trips")
    return {
        "median_ms": round(1000 * median(trips)),
        "most_ms": round(1000 * max(trips)),
        "heard": f"{len(trips)} of {2 * (SECONDS - 5)}",
    }


def main() -> None:
    """Print the rounds of both, in turn."""
    browsers = Browsers()
    try:
        page = browsers.context(PageOptions(args=("--autoplay-policy=no-user-gesture-required",))).new_page()
        for number in range(ROUNDS):
            for kind in ("ours", "stock"):
                report("sound round trip", side=kind, round=number, **run(page, kind))
    finally:
        browsers.close()
