"""The widgets in JupyterLab in Firefox: pictures both ways, whatever a cell does, and a camera that is surely off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SCALE

from .firefox import FirefoxPage
from .lab import Notebook
from .media import IMPORTS, cameras_asked, cameras_on, count_cameras, numbers_and_delays
from .server import JupyterLab

HEIGHT = 480


@pytest.fixture
def in_firefox(lab: JupyterLab, firefox_page: FirefoxPage) -> Iterator[Notebook]:
    """Return an empty notebook in Firefox."""
    notebook = Notebook(firefox_page, lab)
    notebook.create("firefox.ipynb")
    yield notebook
    notebook.shutdown()


@pytest.mark.timeout(180 * SCALE)
def test_pictures_go_both_ways_also_while_a_cell_runs(in_firefox: Notebook, tmp_path: Path) -> None:
    notebook = in_firefox
    count_cameras(notebook)
    notebook.do(IMPORTS)
    notebook.do("cam = rtc.Camera()\ncam")
    assert notebook.value("cam.read(timeout=20).shape") == [HEIGHT, 640, 3]
    notebook.do("pattern = rtc.TestPattern()\nrtc.Video(pattern)")
    notebook.js("() => document.querySelectorAll('.jrtc video').forEach((v, i) => { v.id = 'v' + i })")
    notebook.wait_js("() => harness.hasPicture('#v0')")
    notebook.wait_js("() => harness.hasPicture('#v1')")

    begun, seen = tmp_path / "begun", tmp_path / "seen"
    cell = notebook.start(
        f"from pathlib import Path\nPath({str(begun)!r}).touch()\ncount = 0\n"
        f"while not Path({str(seen)!r}).exists():\n    for _ in range(1_000_000): count += 1"
    )
    notebook.until(begun.exists, "the cell runs")
    frames = notebook.frames(2, "#v1", strip=40)
    assert not cell.done
    seen.touch()
    cell.wait()
    numbers, delays, _ = numbers_and_delays(frames, HEIGHT)
    assert len(set(numbers)) >= 10
    assert sorted(delays)[len(delays) // 2] < 1

    notebook.do("cam.close()")
    notebook.until(lambda: cameras_on(notebook) == 0, "the camera is off")
    assert cameras_asked(notebook) == 1
