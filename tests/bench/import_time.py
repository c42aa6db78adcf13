"""What importing jupyter_rtc costs more than importing aiortc, in turn, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from tests.bench import report

ROUNDS = 7


def main() -> None:
    """Print medians in seconds."""
    times: dict[str, list[float]] = {"aiortc": [], "jupyter_rtc": []}
    for number in range(ROUNDS + 1):
        for module, seconds in times.items():
            began = time.monotonic()
            subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
            if number:  # the first fills the file cache
                seconds.append(time.monotonic() - began)
    report(
        "import",
        aiortc_s=round(median(times["aiortc"]), 3),
        jupyter_rtc_s=round(median(times["jupyter_rtc"]), 3),
        difference_s=round(median(b - a for a, b in zip(*times.values(), strict=True)), 3),
        wanted_difference_s=0.6,
    )
