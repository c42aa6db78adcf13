"""What one view of 1280x720 at 30 pictures a second costs the kernel, and how many arrive; beside stock aiortc."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from tests.bench import report
from tests.bench._views import received, view

ROUNDS = 3
SECONDS = 8.0
CASES = (("VP8", (1280, 720), 30.0), ("H264", (1280, 720), 30.0), ("VP8", (640, 480), 60.0))


def run(side: str, codec: str, size: tuple[int, int], fps: float) -> dict[str, float]:
    """Return the kernel's share of a core, and what was decoded, over some seconds of one view."""
    with view(side, codec=codec, size=size, fps=fps) as notebook:
        pid = notebook.kernel_pid()
        notebook.page.wait_for_timeout(5000)
        before, cpu, began = received(notebook)[0], notebook.cpu_seconds(pid), time.monotonic()
        notebook.page.wait_for_timeout(SECONDS * 1000)
        share = (notebook.cpu_seconds(pid) - cpu) / (time.monotonic() - began)
        after = received(notebook)[0]
    seconds = after["seconds"] - before["seconds"]
    return {
        "cpu_of_a_core": share,
        "delivered_fps": (after["frames"] - before["frames"]) / seconds,
        "kbit_s": (after["bytes"] - before["bytes"]) * 8 / 1000 / seconds,
    }


def main() -> None:
    """Print the medians of both, measured in turn."""
    for codec, size, fps in CASES:
        runs: dict[str, list[dict[str, Any]]] = {"ours": [], "stock": []}
        for _ in range(ROUNDS):
            for side, results in runs.items():
                results.append(run(side, codec, size, fps))
        medians = {
            f"{side}_{name}": round(median(result[name] for result in results), 3)
            for side, results in runs.items()
            for name in results[0]
        }
        wanted = {"VP8": 0.35, "H264": 0.30}[codec]
        report("encode cpu", codec=codec, size=size, fps=fps, **medians, wanted_cpu=wanted, wanted_fps=fps * 0.98)


if __name__ == "__main__":
    main()
