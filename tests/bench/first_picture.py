"""From the cell that shows a track to its first picture in the page, kernel and page on one machine."""

from __future__ import annotations

from statistics import median

from tests.bench import report
from tests.browser.standalone import open_notebook

ROUNDS = 15

# The time of the cell's last line against that of the first presented picture of the newest video.
WATCH = """() => {
  globalThis.firstPictures = [];
  const known = new WeakSet();
  new MutationObserver(() => {
    for (const video of document.querySelectorAll(".jrtc video")) {
      if (known.has(video)) continue;
      known.add(video);
      video.requestVideoFrameCallback(() => {
        globalThis.firstPictures.push((performance.timeOrigin + performance.now()) / 1000);
      });
    }
  }).observe(document.body, { childList: true, subtree: true });
}"""


def main() -> None:
    """Print the times in seconds: the first display of all, and the median and the extremes of those that follow."""
    with open_notebook() as notebook:
        notebook.js(WATCH)
        notebook.do("import time, numpy as np, jupyter_rtc as rtc\nshown = []")
        times = []
        for number in range(ROUNDS + 1):
            notebook.do("track = rtc.TestPattern()\nshown.append(time.time())\ntrack")
            notebook.wait_js("count => firstPictures.length === count", number + 1)
            times.append(notebook.js("() => firstPictures.at(-1)") - notebook.value("shown[-1]"))
            notebook.do("track.view.close(); track.stop()")
    first, *others = times
    report(
        "first picture",
        cold_s=round(first, 3),
        median_s=round(median(others), 3),
        least_s=round(min(others), 3),
        most_s=round(max(others), 3),
        rounds=len(others),
        wanted_median_s=0.5,
    )
