"""From a picture painted in a page to the kernel, through `map`, and back to the page; beside stock aiortc."""

from __future__ import annotations

from statistics import median, quantiles
from typing import Any

from tests.bench import report
from tests.bench._kernel import kernel_end
from tests.bench.receive_delay import CODECS, PAGE
from tests.browser.chromium import Browsers, PageOptions

ROUNDS = 3
SECONDS = 10

# Reads the stamps of what comes back when the page's compositor has it, with their checksum.
BACK = """
globalThis.trips = [];
globalThis.play = (track) => {
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  video.srcObject = new MediaStream([track]);
  document.body.append(video);
  video.play();
  const strip = new OffscreenCanvas(WIDTH, 32).getContext("2d", { willReadFrequently: true });
  const look = () => {
    video.requestVideoFrameCallback(look);
    strip.drawImage(video, 0, 0);
    const now = performance.timeOrigin + performance.now();
    const { data } = strip.getImageData(0, 0, WIDTH, 32);
    let value = 0n;
    for (let i = 79; i >= 0; i -= 1) {
      const [x, y] = [((i % 40) + 0.5) * (WIDTH / 40), Math.floor(i / 40) * 16 + 8];
      value = (value << 1n) | (data[4 * (y * WIDTH + Math.floor(x)) + 1] > 128 ? 1n : 0n);
    }
    const said = value & ((1n << 66n) - 1n);
    if (checksum(said) === value >> 66n) trips.push(now - Number((said >> 24n) & ((1n << 42n) - 1n)));
  };
  video.requestVideoFrameCallback(look);
};
"""


def run(page: Any, kind: str, codec: str) -> list[float]:
    """Return the round trips, in milliseconds, of one connection with the kernel's end in a process of its own."""
    page.goto("about:blank")
    page.add_script_tag(content=PAGE + BACK)
    with kernel_end(page, "map", kind, SECONDS + 5, page.evaluate("codec => offer(codec, 'sendrecv')", codec)):
        page.wait_for_timeout(4000)
        page.evaluate("() => { trips.length = 0; }")
        page.wait_for_timeout(1000 * (SECONDS - 4))
        return page.evaluate("() => trips")


def main() -> None:
    """Print the medians of the rounds, which take turns."""
    browsers = Browsers()
    try:
        page = browsers.context(PageOptions()).new_page()
        for codec in CODECS:
            runs: dict[str, list[list[float]]] = {"ours": [], "stock": []}
            for _ in range(ROUNDS):
                for kind, results in runs.items():
                    results.append(run(page, kind, codec))
            figures = {}
            for kind, results in runs.items():
                figures[f"{kind}_median_ms"] = round(median(median(trips) for trips in results), 1)
                figures[f"{kind}_p95_ms"] = round(median(quantiles(trips, n=20)[-1] for trips in results), 1)
                figures[f"{kind}_fps"] = round(median(len(trips) for trips in results) / (SECONDS - 4), 1)
            ratio = round(figures["ours_median_ms"] / figures["stock_median_ms"], 2)
            report("map round trip", codec=codec, size="640x480", **figures, ratio=ratio, wanted_ratio=0.5)
    finally:
        browsers.close()


if __name__ == "__main__":
    main()
