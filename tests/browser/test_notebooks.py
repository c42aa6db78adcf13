"""The example notebooks, run in JupyterLab as a reader runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT

from .lab import Notebook

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_runs_and_shows_its_pictures(new_notebook: Callable[..., Notebook], path: Path) -> None:
    notebook = new_notebook(open=path, viewport=(1280, 1400))
    outputs = notebook.run_all(but_last=1)
    assert [str(output) for output in outputs if output.error] == []
    ours = [output for output in outputs if "<jupyter_rtc." in str(output.raw)]
    shown = sum("widget-view" in str(output.raw) for output in ours)
    views = "() => document.querySelectorAll('.jrtc:not(.jrtc-plain .jrtc), .jrtc-plain').length"
    assert notebook.js(views) == shown > 0
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
