"""The example notebooks, run in JupyterLab as a reader runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.files import files_of_the_project

from .lab import Notebook

#: How ours look in plain text: widgets, and the boxes in which servers and rooms are shown.
OURS = ("<jupyter_rtc.", "jrtc-plain", "HTML(value='Room ")


def is_shown(output: str) -> bool:
    """Return whether this is the output of one of our widgets; there may be others."""
    return "widget-view" in output and any(text in output for text in OURS)


NOTEBOOKS = [path for path in files_of_the_project(ROOT, "notebooks") if path.suffix == ".ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_runs_and_shows_its_pictures(new_notebook: Callable[..., Notebook], path: Path) -> None:
    notebook = new_notebook(open=path, viewport=(1280, 1400))
    outputs = notebook.run_all(but_last=1)
    assert [str(output) for output in outputs if output.error] == []
    shown = sum(is_shown(str(output.raw)) for output in outputs)
    views = "() => document.querySelectorAll('.jrtc:not(.jrtc-plain .jrtc), .jrtc-plain').length"
    assert notebook.js(views) == shown > 0
    # A plot in the cell of a camera is the plot that it is without one.
    plots = [cell for cell in json.loads(path.read_text())["cells"] if "plt." in "".join(cell["source"])]
    assert sum("image/png" in item.get("data", {}) for output in outputs for item in output.raw) >= len(plots)
    for button in notebook.page.get_by_role("button", name="Share the screen").all()[:1]:
        button.click()  # nothing else can
    # Every player has a picture, that of sound has none to show.
    notebook.wait_js(
        "() => [...document.querySelectorAll('.jrtc video')].filter((video) => video.checkVisibility())"
        ".every((video) => video.videoWidth > 0 || video.srcObject?.getVideoTracks().length === 0)"
    )
    notebook.screenshot(path.stem)
    assert [str(output) for output in notebook.run_all(first=len(outputs)) if output.error] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    content = json.loads(path.read_text())
    assert "widgets" not in content["metadata"]
    for cell in content["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
