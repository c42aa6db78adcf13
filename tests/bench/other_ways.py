"""A moving picture of the kernel in the page, by four ways: ours, stock aiortc, JPEG over the comm, and jupyter_rfb."""

from __future__ import annotations

import time
from statistics import median, quantiles
from typing import Any

from tests.bench import report
from tests.bench._views import received, view
from tests.browser.media import numbers_and_delays

SIDES = ("ours", "stock", "jpeg", "rfb")
BY_COMM = {"jpeg": "Jpeg", "rfb": "Remote"}
ROUNDS = 3
SECONDS = 6.0
FPS = 29.0
SIZE = (1280, 720)

BUSY = f"""
import time
began, turns = time.monotonic(), 0
while time.monotonic() - began < {SECONDS + 4}:
    x = 0
    for i in range(1000):
        x += i * i % 7
"""


def followed(notebook: Any, name: str) -> dict[str, float]:
    """Return the delays and the pictures a second that the page presents now."""
    frames = notebook.frames(SECONDS, "#v0", strip=60)
    _, delays, _ = numbers_and_delays(frames, SIZE[1])
    enough = len(delays) > 20
    return {
        f"{name}fps": len(frames.items) / SECONDS,
        f"{name}median_ms": 1000 * median(delays) if enough else float("inf"),
        f"{name}p95_ms": 1000 * quantiles(delays, n=20)[-1] if enough else float("inf"),
    }


def run(side: str, kind: str) -> dict[str, float]:
    """Return what one way costs and gives, while the kernel has nothing else to do and while a cell computes."""
    with view(side, kind=kind, size=SIZE, fps=FPS) as notebook:
        pid = notebook.kernel_pid()
        notebook.page.wait_for_timeout(4000)
        before, cpu, began = bytes_received(notebook, side), notebook.cpu_seconds(pid), time.monotonic()
        notebook.page.wait_for_timeout(SECONDS * 1000)
        seconds = time.monotonic() - began
        figures = {
            "cpu_of_a_core": (notebook.cpu_seconds(pid) - cpu) / seconds,
            "mbit_s": (bytes_received(notebook, side) - before) * 8e-6 / seconds,
        }
        figures |= followed(notebook, "")
        cell = notebook.start(BUSY)
        notebook.page.wait_for_timeout(2000)
        figures |= followed(notebook, "busy_")
        cell.wait()
    return figures


def bytes_received(notebook: Any, side: str) -> int:
    """Return the bytes of the pictures so far: as the page counts them, or as the kernel sent them by the comm."""
    if side in BY_COMM:
        return notebook.value(f"{BY_COMM[side]}.bytes_sent")
    return received(notebook)[0]["bytes"]


def main() -> None:
    """Print the medians of each way, measured in turn."""
    for kind in ("text", "busy"):
        runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
        for _ in range(ROUNDS):
            for side, results in runs.items():
                results.append(run(side, kind))
        for side, results in runs.items():
            medians = {name: round(median(result[name] for result in results), 3) for name in results[0]}
            report("other ways", side=side, kind=kind, size=SIZE, **medians)


if __name__ == "__main__":
    main()
