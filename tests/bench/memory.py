"""What a kernel with a camera and a view of 1280x720 takes, above one that has only numpy, and whether it grows."""

from __future__ import annotations

import psutil

from tests.bench import report
from tests.browser.standalone import open_notebook

MINUTES = 3


def mebibytes(pid: int) -> float:
    """Return what only this process has in memory."""
    return psutil.Process(pid).memory_full_info().uss / 2**20


def main() -> None:
    """Print mebibytes, from the time when all has come up, and the same after some minutes."""
    with open_notebook(viewport=(1500, 1400)) as notebook:
        notebook.do("import numpy as np; np.ones((3, 3)) @ np.ones((3, 3))")
        pid = notebook.kernel_pid()
        numpy_only = mebibytes(pid)
        notebook.do("import jupyter_rtc as rtc\nimported = True")
        imported = mebibytes(pid)
        notebook.do("cam = rtc.Camera(size=(640, 480), fps=30)\ncam")
        notebook.do("pattern = rtc.TestPattern((1280, 720), 30)\nrtc.Video(pattern, width=640)")
        notebook.do("stop = cam.on_frame(lambda frame: None); picture = cam.read()")
        notebook.js("() => document.querySelectorAll('.jrtc video').forEach((v, i) => { v.id = 'v' + i })")
        notebook.grab("#v1")
        notebook.page.wait_for_timeout(15_000)
        taken = [mebibytes(pid)]
        for _ in range(MINUTES):
            notebook.page.wait_for_timeout(60_000)
            taken.append(mebibytes(pid))
        first, *later = [round(value - numpy_only, 1) for value in taken]
        report(
            "memory",
            above_numpy_mib=first,
            of_that_imports_mib=round(imported - numpy_only, 1),
            each_minute_later_mib=later,
            wanted_mib=150,
        )


if __name__ == "__main__":
    main()
