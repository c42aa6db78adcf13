"""Pictures a second each way while a cell computes in pure Python: with our switch interval, and with Python's."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.bench import report
from tests.bench.both_ways import DECODED, KEEP
from tests.browser.standalone import open_notebook

ROUNDS = 2
SECONDS = 8

BUSY = f"""
began, turns = time.monotonic(), 0
before = len(received)
while time.monotonic() - began < {SECONDS}:
    turns += 1
    x = 0
    for i in range(1000):
        x += i * i % 7
took = time.monotonic() - began
came = len(received) - before
"""


def run(interval: float | None) -> dict[str, Any]:
    """Return what came each way meanwhile, and how far the cell got."""
    with open_notebook(viewport=(1280, 1600)) as notebook:
        notebook.js(KEEP)
        notebook.do("import time, jupyter_rtc as rtc")
        if interval is not None:
            notebook.do(f"rtc.configure(switch_interval={interval})")
        notebook.do("cam = rtc.Camera(fps=30)\ncam")
        notebook.do("pattern = rtc.TestPattern(fps=30)\nrtc.Video(pattern)")
        notebook.do(
            "received = []\nstop = cam.on_frame(lambda frame: received.append(time.time())); picture = cam.read()"
        )
        notebook.js("() => document.querySelectorAll('.jrtc video').forEach((v, i) => { v.id = 'v' + i })")
        notebook.frames(3, "#v1")
        decoded = notebook.js(DECODED)
        notebook.do(BUSY)
        decoded = np.subtract(notebook.js(DECODED), decoded)
        return {
            "to_kernel_fps": round(notebook.value("came / took"), 1),
            "to_page_fps": round(decoded[0] / decoded[1], 1),
            "turns_per_s": round(notebook.value("turns / took"), 1),
        }


def main() -> None:
    """Print the runs, in turn."""
    for number in range(ROUNDS):
        for side, interval in (("ours", None), ("ours with Python's interval", 0.0)):
            report("busy cell", side=side, round=number, **run(interval), wanted_fps=28)


if __name__ == "__main__":
    main()
