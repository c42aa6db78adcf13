"""From a numpy picture in the kernel to the page: 1280x720 at 29 pictures a second, beside stock aiortc."""

from __future__ import annotations

from statistics import median, quantiles

from tests.bench import report
from tests.bench._views import view
from tests.browser.media import numbers_and_delays

ROUNDS = 4
SECONDS = 6.0
FPS = 29.0
SIZE = (1280, 720)


def run(side: str, codec: str) -> list[float]:
    """Return the delays, in seconds, of the pictures of one connection."""
    with view(side, codec=codec, size=SIZE, fps=FPS) as notebook:
        notebook.page.wait_for_timeout(4000)
        frames = notebook.frames(SECONDS, "#v0", strip=60)
        _, delays, _ = numbers_and_delays(frames, SIZE[1])
    return delays


def main() -> None:
    """Print medians of connections, measured in turn."""
    for codec in ("VP8", "H264"):
        runs: dict[str, list[list[float]]] = {"ours": [], "stock": []}
        for _ in range(ROUNDS):
            for side, results in runs.items():
                results.append(run(side, codec))
        figures = {}
        for side, results in runs.items():
            readable = [delays for delays in results if len(delays) > 20]
            figures[f"{side}_median_ms"] = round(1000 * median(median(delays) for delays in readable), 1)
            figures[f"{side}_p95_ms"] = round(1000 * median(quantiles(delays, n=20)[-1] for delays in readable), 1)
        ratio = round(figures["ours_median_ms"] / figures["stock_median_ms"], 2)
        report("send delay", codec=codec, size=SIZE, fps=FPS, **figures, ratio=ratio, wanted_ratio=0.7)


if __name__ == "__main__":
    main()
