"""A server that stops idle kernels, also those with an open page: live media keep theirs awake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .lab import Notebook
from .media import IMPORTS
from .server import JupyterLab

IDLE = 6  # seconds, in place of a hub's hour


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, scale: float) -> Iterator[JupyterLab]:
    options = {"cull_idle_timeout": IDLE, "cull_interval": 1, "cull_connected": True}
    server = JupyterLab(
        tmp_path_factory.mktemp("culling"),
        options={f"MappingKernelManager.{name}": value for name, value in options.items()},
    )
    try:
        server.start(60 * scale)
        yield server
    finally:
        server.stop()


def kernels(notebook: Notebook) -> int:
    return len(notebook.lab.request("GET", "/api/kernels"))


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param("cam = rtc.Camera(); cam", id="camera"),
        pytest.param("rtc.Video(rtc.TestPattern())", id="video", marks=pytest.mark.slow),
    ],
)
def test_live_media_keep_the_kernel_awake_unless_that_is_turned_off(notebook: Notebook, shown: str) -> None:
    notebook.do(IMPORTS + "from jupyter_rtc.link import keep_awake; keep_awake.PERIOD = 2")
    notebook.do(shown)
    notebook.grab()
    notebook.page.wait_for_timeout(2.5 * IDLE * 1000)
    assert kernels(notebook) == 1
    notebook.do("rtc.configure(keep_awake=False)")
    notebook.until(lambda: kernels(notebook) == 0, timeout=3 * IDLE)


@pytest.mark.slow
def test_a_camera_that_is_off_keeps_nothing_awake(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "from jupyter_rtc.link import keep_awake; keep_awake.PERIOD = 2")
    notebook.do("cam = rtc.Camera(); cam")
    notebook.grab()
    notebook.do("cam.stop()")
    notebook.until(lambda: kernels(notebook) == 0, timeout=3 * IDLE)
