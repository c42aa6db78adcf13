"""A notebook that was saved, read by somebody without a kernel."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Page

from .lab import Notebook
from .media import IMPORTS

RED = "np.full((48, 64, 3), (200, 20, 20), np.uint8)"


@pytest.fixture
def saved(notebook: Notebook) -> Path:
    """Save a notebook that shows a numpy picture, a camera, a copy of it, and a snapshot."""
    notebook.do(IMPORTS + f"rtc.Video(rtc.NumpyVideoTrack({RED}))")
    notebook.do("cam = rtc.Camera()\ncam")
    notebook.do("cam.read()\ncam.map(lambda f: f)")
    notebook.do("video = rtc.Video(cam); video.snapshot()")
    notebook.save()
    return notebook.lab.notebooks / notebook.path


def test_a_reader_without_kernel_sees_stills_and_cards(saved: Path, chromium_page: Page, tmp_path: Path) -> None:
    content = nbformat.reads(saved.read_text(), as_version=4)
    kept = ["image/png" in str(cell["outputs"]) for cell in content["cells"] if cell["source"]]
    assert kept == [True, False, False, True], "a camera's picture is kept when asked for, and only then"
    html, _resources = HTMLExporter().from_notebook_node(content)
    page = chromium_page
    file = tmp_path / "saved.html"
    file.write_text(html)
    page.route("http*://**", lambda route: route.abort())
    page.goto(file.as_uri())
    assert page.locator(".jp-OutputArea-output img").count() == 2
    assert page.locator("img").first.evaluate("image => image.naturalWidth") == 64
    text = page.inner_text("body")
    assert "Live camera" in text
    assert "Live video" in text
    assert "model not found" not in text.lower()
    page.screenshot(path="test-results/saved.png", full_page=True)
