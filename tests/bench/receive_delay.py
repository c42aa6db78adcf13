"""From a picture painted in a page to the kernel that has its pixels, beside stock aiortc."""

from __future__ import annotations

import time
from statistics import median, quantiles
from typing import Any

from tests.bench import report
from tests.bench._kernel import kernel_end
from tests.browser.chromium import Browsers, PageOptions

ROUNDS = 3
SECONDS = 12
CODECS = ("VP8", "H264")

# Stamps as in media/pattern.py, over colours and a moving square, at 29 pictures a second: at 30 the phase against the
# screen's 60 Hz shifts medians from connection to connection.
PAGE = """
const WIDTH = 640, HEIGHT = 480, FPS = 29;
const table = Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k += 1) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});
const checksum = (value) => {
  let crc = 0xffffffff;
  for (let i = 0n; i < 9n; i += 1n) crc = table[(crc ^ Number((value >> (8n * i)) & 255n)) & 255] ^ (crc >>> 8);
  return BigInt(((crc ^ 0xffffffff) >>> 0) % 2 ** 14);
};
const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
document.body.append(canvas);
const context = canvas.getContext("2d");
const stream = canvas.captureStream(0);
let number = 0;
const paint = () => {
  for (let i = 0; i < 8; i += 1) {
    context.fillStyle = `hsl(${i * 45} 70% 50%)`;
    context.fillRect((i * WIDTH) / 8, 32, WIDTH / 8, HEIGHT);
  }
  context.fillStyle = "white";
  context.fillRect((number * 7) % WIDTH, 200, 60, 60);
  let value = BigInt(number) | (BigInt(Math.floor(performance.timeOrigin + performance.now())) << 24n);
  value |= checksum(value) << 66n;
  for (let i = 0; i < 80; i += 1) {
    context.fillStyle = (value >> BigInt(i)) & 1n ? "rgb(235 235 235)" : "rgb(16 16 16)";
    context.fillRect((i % 40) * (WIDTH / 40), Math.floor(i / 40) * 16, WIDTH / 40, 16);
  }
  number += 1;
  stream.getVideoTracks()[0].requestFrame();
};
setInterval(paint, 1000 / FPS);
globalThis.offer = async (codec, direction = "sendonly") => {
  globalThis.pc = new RTCPeerConnection();
  pc.ontrack = ({ track }) => globalThis.play?.(track);
  const transceiver = pc.addTransceiver(stream.getVideoTracks()[0], { direction });
  const all = RTCRtpSender.getCapabilities("video").codecs;
  transceiver.setCodecPreferences(all.filter(({ mimeType }) => mimeType === `video/${codec}` || /rtx/.test(mimeType)));
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== "complete") await new Promise((done) => setTimeout(done, 10));
  return { type: "offer", sdp: pc.localDescription.sdp };
};
globalThis.answer = (description) => pc.setRemoteDescription(description);
"""


def run(page: Any, kind: str, codec: str) -> dict[str, Any]:
    """Return the delays of one connection, with the kernel's end in a process of its own."""
    with kernel_end(page, "receive", kind, SECONDS, page.evaluate("codec => offer(codec)", codec)) as hear:
        began = time.time()
        page.wait_for_timeout(1000 * SECONDS)
        got = hear()
    pictures = got["pictures"]
    delays = [when - taken for when, _, taken in pictures if when > began + 4]
    return {
        "median_ms": round(1000 * median(delays), 1),
        "p95_ms": round(1000 * quantiles(delays, n=20)[-1], 1),
        "fps": round(len(delays) / (SECONDS - 4), 1),
        "cpu_of_a_core": round(got["cpu_of_a_core"], 3),
    }


def main() -> None:
    """Print the rounds of both, in turn, and their medians."""
    browsers = Browsers()
    try:
        page = browsers.context(PageOptions()).new_page()
        page.add_script_tag(content=PAGE)
        for codec in CODECS:
            medians: dict[str, list[float]] = {"ours": [], "stock": []}
            for number in range(ROUNDS):
                for kind, values in medians.items():
                    result = run(page, kind, codec)
                    values.append(result["median_ms"])
                    report("receive delay", codec=codec, size="640x480", side=kind, round=number, **result)
            ours, stock = (median(values) for values in medians.values())
            share = round(ours / stock, 3)
            report(
                "receive delay", codec=codec, ours_median_ms=ours, stock_median_ms=stock, ratio=share, wanted_ratio=0.25
            )
    finally:
        browsers.close()


if __name__ == "__main__":
    main()
