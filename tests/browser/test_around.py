"""The notebook around a widget: every cell puts out what it puts out without one."""

from __future__ import annotations

from typing import Any

import pytest

from .lab import Notebook, Output
from .media import IMPORTS

PLOTS = IMPORTS + "import matplotlib.pyplot as plt\nfrom concurrent.futures import ThreadPoolExecutor\n"

SHOWN = {"video": "display(rtc.Video(rtc.TestPattern()))", "camera": "cam = rtc.Camera(); display(cam)"}

#: Each takes as long as a page needs to connect, and has something unfinished all the while.
CELLS = {
    "a figure": "plt.figure(); plt.plot([1, 2, 3]); time.sleep(2); plt.title('t');",
    "two figures": (
        "plt.plot([1, 2, 3]); time.sleep(0.7); plt.title('a'); time.sleep(0.7)\n"
        "figure, axes = plt.subplots(); axes.plot([3, 2]); time.sleep(0.7); axes.set_title('b');"
    ),
    "a figure of a cell that awaits": "plt.plot([1, 2, 3]); await asyncio.sleep(2); plt.title('t');",
    "a saved figure": "plt.plot([1, 2, 3]); time.sleep(2); plt.title('t'); plt.savefig('saved.png')",
    "an open figure": (
        "figure = plt.figure(); time.sleep(2); print(plt.get_fignums() == [figure.number])\nplt.close(figure)"
    ),
    "threads that print": (
        "def work(i):\n    time.sleep(0.1); return print(f'line {i}\\n', end='')\n"
        "with ThreadPoolExecutor(1) as pool:\n    done = list(pool.map(work, range(20)))"
    ),
    "IPython's events": (
        "fired = []; note = lambda *_: fired.append(1); events = get_ipython().events\n"
        "for name in ('pre_execute', 'post_execute'): events.register(name, note)\n"
        "time.sleep(2)\n"
        "for name in ('pre_execute', 'post_execute'): events.unregister(name, note)\n"
        "print(len(fired))"
    ),
}


def without_widgets(output: Output) -> list[Any]:
    """Return what a cell put out beside widgets: texts, errors, and pictures to the byte."""
    found: list[Any] = []
    for item in output.raw:
        if item["output_type"] == "stream":
            found.append("".join(item["text"]))
        elif item["output_type"] == "error":
            found.append((item["ename"], item["evalue"]))
        elif "application/vnd.jupyter.widget-view+json" not in item["data"]:
            found.append(item["data"].get("image/png", item["data"].get("text/plain")))
    return found


@pytest.mark.timeout(300)
def test_each_cell_puts_out_the_same_beside_a_widget_as_without_one(notebook: Notebook) -> None:
    notebook.do(PLOTS)
    different = []
    for name, cell in CELLS.items():
        alone = without_widgets(notebook.do(cell))
        assert alone
        for widget, show in SHOWN.items():
            beside = notebook.do(f"{show}\n{cell}")
            assert "widget-view" in str(beside.raw)
            if without_widgets(beside) != alone:
                different.append(f"{name} beside a {widget}: {str(without_widgets(beside))[:300]}")
    assert different == []


def test_two_cells_run_in_a_row_show_the_camera_and_its_picture(notebook: Notebook) -> None:
    notebook.do(PLOTS)
    first = notebook.start("cam = rtc.Camera(); cam")
    second = notebook.start("picture = cam.read(); plt.imshow(picture * 0); plt.title(str(picture.shape));")
    third = notebook.start("plt.imshow(picture * 0); plt.title(str(picture.shape));")
    found = [without_widgets(cell.wait()) for cell in (first, second, third)]
    assert found[0] == []
    assert len(found[1]) == 1
    assert found[1] == found[2]
    notebook.screenshot("a-plot-beside-a-camera")
