"""What each further view of one source costs the kernel, as a share of the first; beside stock aiortc.

At ten pictures a second, so that the browser's decoding leaves the cores some room.
"""

from __future__ import annotations

import time
from statistics import median

from tests.bench import report
from tests.bench._views import received, view

ROUNDS = 2
SECONDS = 8.0
MORE = 5
FPS = 10.0


def run(side: str, views: int) -> tuple[float, float]:
    """Return the kernel's share of a core with so many views, and the pictures a second that each has decoded."""
    with view(side, fps=FPS, views=views) as notebook:
        pid = notebook.kernel_pid()
        notebook.page.wait_for_timeout(5000)
        before, cpu, began = received(notebook), notebook.cpu_seconds(pid), time.monotonic()
        notebook.page.wait_for_timeout(SECONDS * 1000)
        share = (notebook.cpu_seconds(pid) - cpu) / (time.monotonic() - began)
        after = received(notebook)
        rates = [
            (b["frames"] - a["frames"]) / (b["seconds"] - a["seconds"]) for a, b in zip(before, after, strict=True)
        ]
    return share, min(rates)


def main() -> None:
    """Print the medians of both, measured in turn; what the kernel uses with no view at all is in both."""
    for side in ("ours", "stock"):
        ones, many = [], []
        for _ in range(ROUNDS):
            ones.append(run(side, 1))
            many.append(run(side, MORE))
        one, more = (median(share for share, _ in runs) for runs in (ones, many))
        report(
            "encode once",
            side=side,
            cpu_of_a_core_one_view=round(one, 3),
            cpu_of_a_core_more_views=round(more, 3),
            views=MORE,
            further_view_of_first=round((more - one) / (MORE - 1) / one, 3),
            slowest_fps=round(min(rate for _, rate in many), 1),
            wanted_further_view=0.1,
        )


if __name__ == "__main__":
    main()
