"""A notebook that is run without a browser, by nbconvert: what can never come is told, and no cell waits for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.conftest import ROOT, SCALE

# The waits of a notebook are shortened, so that the test is short.
SETUP = """
import asyncio, threading, time
import ipywidgets
import jupyter_rtc as rtc
from jupyter_rtc.widgets import no_page
assert no_page.PATIENCE < 30
no_page.PATIENCE = 2.0
async def iterate(track):
    async for item in track.frames():
        pass
def in_thread(function, *arguments):
    errors = []
    def run():
        try:
            function(*arguments)
        except Exception as error:
            errors.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    if errors:
        raise errors[0]
cam, mic, screen = rtc.Camera(audio=True), rtc.Microphone(), rtc.Screen()
capture, video = rtc.Capture(ipywidgets.IntSlider()), rtc.Video(rtc.TestPattern())
display(cam, mic, screen, capture, video)
"""

WAITS = [
    "cam.read()",
    "for picture in cam.frames(): pass",
    "mic.read()",
    "screen.read()",
    "capture.read()",
    "rtc.Camera().read()",
    "cam.wait_connected()",
    "video.wait_connected()",
    "await video.connected(2)",
    "await rtc.get_user_media(video=True)",
    "await rtc.get_user_media(audio=True)",
    "await iterate(cam)",
    "await iterate(rtc.Camera())",
    "await iterate(mic)",
    "await iterate(screen)",
    "await iterate(capture)",
    "await iterate(cam.map(lambda picture: picture))",
    "await asyncio.gather(iterate(cam.audio.clone()))",
    "in_thread(lambda: [0 for picture in cam.frames()])",
    "in_thread(cam.read, None)",
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the outputs of each wait, by its source."""
    folder = tmp_path_factory.mktemp("nbconvert")
    cells = [nbformat.v4.new_code_cell(source) for source in [SETUP, *WAITS]]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), folder / "in.ipynb")
    command = [
        sys.executable,
        "-m",
        "nbconvert",
        "--execute",
        "--allow-errors",
        "--to",
        "notebook",
        "--output",
        "out.ipynb",
        "in.ipynb",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON"))}
    environment |= {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython")}
    run = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180 * SCALE,
    )
    assert run.returncode == 0, run.stderr
    return {cell.source: cell.outputs for cell in nbformat.read(Path(folder / "out.ipynb"), 4).cells}


@pytest.mark.parametrize("wait", WAITS)
def test_where_no_page_ever_comes_a_wait_ends_and_says_so(executed: dict[str, Any], wait: str) -> None:
    (error,) = [output for output in executed[wait] if output.output_type == "error"]
    assert error.ename == "ConnectTimeout"
    assert "With nbconvert, papermill or a grader there is none" in error.evalue
    assert "cell" not in error.evalue
