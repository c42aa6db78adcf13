"""When the size and the frame rate that were asked of a camera arrive in the kernel."""

from __future__ import annotations

from itertools import groupby
from statistics import median
from typing import Any

from tests.bench import report
from tests.browser.standalone import open_notebook

ROUNDS = 3
SECONDS = 8.0
SIZE, FPS = (1280, 720), 30

START = f"""
import time, jupyter_rtc as rtc
arrived, states = [], []
cam = rtc.Camera(size={SIZE}, fps={FPS})
cam.observe(lambda change: states.append((time.time(), change.new)), "state")
def take(frame):
    arrived.append((time.time(), frame.shape[1], frame.shape[0], cam.video.stats.get("bitrate", 0)))
stop = cam.on_frame(take)
shown = time.time()
cam
"""


def run(notebook: Any) -> dict[str, Any]:
    """Return the sizes that came in turn, and when all was as asked for, in seconds after the camera was on."""
    notebook.do(START)
    notebook.wait_js("seconds => new Promise(done => setTimeout(() => done(true), 1000 * seconds))", SECONDS)
    arrived = notebook.value("arrived")
    shown = notebook.value("shown")
    live = notebook.value("[when for when, state in states if state == 'live'][0]")
    settings, stats = notebook.value("cam.settings['video']"), notebook.value("cam.video.stats")
    notebook.do("stop(); cam.close()")
    sizes = [(size, next(pictures)[0]) for size, pictures in groupby(arrived, key=lambda picture: tuple(picture[1:3]))]
    full = [when for when, width, height, _ in arrived if (width, height) == SIZE]
    rate = [b - a for a, b in zip(full, full[FPS:], strict=False)]
    steady = next((full[i] for i, took in enumerate(rate) if FPS / took >= 0.95 * settings.get("frameRate", FPS)), None)
    return {
        "camera_on_after_s": round(live - shown, 2),
        "sizes": [[*size, round(when - live, 2)] for size, when in sizes],
        "full_size_after_s": round(full[0] - live, 2) if full else None,
        "full_rate_from_s": round(steady - live, 2) if steady else None,
        "fps_at_the_end": round(sum(arrived[-1][0] - when < 3 for when, *_ in arrived) / 3, 1),
        "asked_for": {name: settings.get(name) for name in ("width", "height", "frameRate")},
        "mbit_per_s": {at: _mbit(arrived, live + at) for at in (1, 2, 4, 8)},
        "dropped": stats["dropped"],
    }


def _mbit(arrived: list[Any], when: float) -> float | None:
    return next((round(bitrate / 1e6, 2) for at, _, _, bitrate in arrived if at >= when), None)


def main() -> None:
    """Print each round, and the median of when the full size was there."""
    times = []
    for number in range(ROUNDS):
        with open_notebook() as notebook:
            result = run(notebook)
        times.append(result["full_size_after_s"] or SECONDS)
        report("camera quality", round=number, **result)
    report("camera quality", median_full_size_after_s=median(times), wanted_s=2.0)
