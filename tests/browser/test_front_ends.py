"""The same in every notebook front end and kernel: pictures both ways, while a cell runs, too, and an end to them.

Each is installed in an environment of its own, by ``make test-all``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from playwright.sync_api import Locator

from tests.conftest import ROOT, SCALE

from .apps import MARIMO, App, serve, write_marimo, write_voila
from .chromium import Browsers, PageOptions
from .lab import RESULTS, Notebook
from .media import COUNT_CAMERAS, IMPORTS, cameras_on, count_cameras, numbers_and_delays
from .server import JupyterLab
from .test_around import CELLS, PLOTS, SHOWN, without_widgets

pytestmark = pytest.mark.slow

ENVIRONMENTS = ROOT / ".venv" / "front-ends"
NO_SUBSHELLS = {"@jupyterlab/apputils-extension/kernels-settings": {"commsOverSubshells": "disabled"}}
GREEN = (0, 135, 0)  # of Chromium's fake camera


def python_of(name: str) -> Path:
    """Return the Python of an environment, or skip the test."""
    python = ENVIRONMENTS / name / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no {python.relative_to(ROOT)}: `make test-all` installs it")
    return python


@dataclass(frozen=True)
class FrontEnd:
    """A front end with a kernel.

    Attributes
    ----------
    environment, kernel : str
        In which environments the front end and its kernels are; empty: the tests' own.
    blocking, awaiting : bool
        Whether the cell that shows a camera can read it, and can await its connection.
    """

    name: str
    app: Literal["jupyterlab", "notebook"] = "jupyterlab"
    environment: str = ""
    kernel: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    blocking: bool = True
    awaiting: bool = True


FRONT_ENDS = [
    FrontEnd("lab-ipykernel-7.4"),
    FrontEnd("lab-ipykernel-7.4-no-subshells", settings=NO_SUBSHELLS, blocking=False),
    FrontEnd("lab-ipykernel-7.3", kernel="ipykernel-7.3"),
    FrontEnd(
        "lab-ipykernel-7.3-no-subshells",
        kernel="ipykernel-7.3",
        settings=NO_SUBSHELLS,
        blocking=False,
        awaiting=False,
    ),
    FrontEnd("lab-ipykernel-6.31", kernel="ipykernel-6.31", blocking=False, awaiting=False),
    FrontEnd("notebook", app="notebook", environment="notebook"),
]


@pytest.fixture(scope="module", params=FRONT_ENDS, ids=lambda front_end: front_end.name)
def front_end(request: pytest.FixtureRequest) -> FrontEnd:
    return request.param


@pytest.fixture(scope="module")
def lab(front_end: FrontEnd, tmp_path_factory: pytest.TempPathFactory, scale: float) -> Iterator[JupyterLab]:
    """Run one server for each front end, in place of the one of all other tests."""
    pythons = {
        role: python_of(name)
        for role, name in {"python": front_end.environment, "kernel": front_end.kernel}.items()
        if name
    }
    server = JupyterLab(tmp_path_factory.mktemp(front_end.name), front_end.settings, app=front_end.app, **pythons)
    try:
        server.start(60 * scale)
        yield server
    finally:
        server.stop()


def test_it_is_what_it_is_called(notebook: Notebook, front_end: FrontEnd) -> None:
    version = notebook.value("__import__('ipykernel').__version__")
    expected = front_end.kernel.removeprefix("ipykernel-") or "7.4"
    assert version.startswith(expected + ".")


def test_a_numpy_track_moves_also_while_a_cell_runs(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "rtc.Video(rtc.TestPattern())")
    notebook.grab()
    busy = notebook.start("time.sleep(4)")
    frames = notebook.frames(2, strip=40)
    assert not busy.done
    numbers, delays, unreadable = numbers_and_delays(frames, 480)
    assert unreadable == 0
    assert len(set(numbers)) > 20
    assert numbers == sorted(numbers)
    assert np.median(delays) < 0.5
    busy.wait()


def test_a_camera_reaches_the_kernel_also_while_a_cell_runs_until_it_is_closed(notebook: Notebook) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    shown = notebook.grab().image
    assert np.abs(np.median(shown, axis=(0, 1)) - GREEN).max() < 30
    notebook.do(f"picture = cam.read(timeout={30 * SCALE})")
    assert np.abs(np.array(notebook.value("np.median(picture, axis=(0, 1))")) - GREEN).max() < 30
    notebook.do("came = []\nstop = cam.on_frame(lambda picture: came.append(time.monotonic()))")
    notebook.do("before = len(came); time.sleep(3); during = len(came) - before")
    assert notebook.value("during") > 20
    assert notebook.value("[cam.state, cam.transport]") == ["live", "webrtc"]
    notebook.do("cam.close()")
    notebook.until(lambda: cameras_on(notebook) == 0)
    assert notebook.value("[cam.state, cam.video.ready_state]") == ["closed", "ended"]


def test_the_cell_that_shows_a_camera_reads_it_or_says_at_once_that_the_next_one_can(
    notebook: Notebook, front_end: FrontEnd
) -> None:
    notebook.do(IMPORTS)
    output = notebook.run("cam = rtc.Camera(); display(cam); began = time.monotonic()\npicture = cam.read(timeout=30)")
    if front_end.blocking:
        assert output.error is None, output
    else:
        assert output.error == "ConnectTimeout", output
        assert "put this in the next cell" in output
        assert notebook.value("time.monotonic() - began") < 10
        notebook.do(f"picture = cam.read(timeout={30 * SCALE})")
    assert notebook.value("picture.shape") == [480, 640, 3]

    output = notebook.run("video = rtc.Video(cam); display(video); began = time.monotonic()\nawait video.connected(30)")
    if front_end.awaiting:
        assert output.error is None, output
    else:
        assert output.error == "ConnectTimeout", output
        assert "put this in the next cell" in output
        assert notebook.value("time.monotonic() - began") < 10
        notebook.do("await video.connected()")
    assert notebook.value("video.transport") == "webrtc"


def test_what_cannot_connect_while_a_cell_runs_says_so_and_connects_after_it(
    notebook: Notebook, front_end: FrontEnd
) -> None:
    notebook.do(IMPORTS)
    cell = notebook.start("display(rtc.Video(rtc.TestPattern()))\ntime.sleep(5)")
    line = notebook.page.locator(".jrtc [role=status]")
    if front_end.blocking:
        notebook.until(lambda: line.inner_text() == "Live")
        assert not cell.done
        return
    notebook.until(lambda: line.inner_text() == "Waiting for the kernel: a cell is running")
    assert not cell.done
    cell.wait()
    notebook.until(lambda: line.inner_text() == "Live")
    notebook.grab()


def test_figures_and_what_threads_print_are_the_same_beside_a_widget(notebook: Notebook) -> None:
    notebook.do(PLOTS)
    for name in ("a figure", "threads that print", "IPython's events"):
        alone = without_widgets(notebook.do(CELLS[name]))
        for show in SHOWN.values():
            assert without_widgets(notebook.do(f"{show}\n{CELLS[name]}")) == alone, name


def test_get_user_media_gives_a_stream_or_says_at_once_that_the_next_cell_can(
    notebook: Notebook, front_end: FrontEnd
) -> None:
    output = notebook.run(IMPORTS + "stream = await rtc.get_user_media(video=True)", timeout=30)
    if front_end.awaiting:
        assert output.error is None, output
        assert notebook.value("stream.get_video_tracks()[0].ready_state") == "live"
    else:
        assert output.error is not None, output
        assert "next cell" in output


# -- notebooks as applications: nobody can add a cell, so there are buttons, and a file that tells what the kernel sees


@pytest.fixture(scope="module", params=["voila", "marimo-run", "marimo-edit"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, scale: float) -> Iterator[App]:
    folder = tmp_path_factory.mktemp(request.param)
    name, _, mode = request.param.partition("-")
    python = python_of(name)
    if name == "voila":
        command = ["voila", write_voila(folder), "--no-browser", "--port=PORT", "--Voila.ip=127.0.0.1"]
    else:
        command = ["marimo", mode, write_marimo(folder), "--headless", "--no-token", "--port=PORT"]
    with serve(request.param, [python, "-m", *command], folder, 60 * scale) as served:
        yield served


def test_an_application_has_pictures_both_ways_also_while_it_is_busy_until_the_camera_is_closed(
    app: App, browsers: Browsers, scale: float
) -> None:
    context = browsers.context(PageOptions(viewport=(1280, 1400)))
    page = context.new_page()
    page.add_init_script(f"({COUNT_CAMERAS})()")

    def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
        deadline = time.monotonic() + seconds * scale
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{app.status()}\n{app.tail()}"
            page.wait_for_timeout(50)
        return found

    try:
        page.goto(app.url)
        if app.name == "marimo-edit":
            # The editor runs nothing by itself. The last of these buttons is for all cells; each cell has two.
            buttons = page.get_by_test_id("run-button")
            until(lambda: buttons.count() > 2 * len(MARIMO), 60)
            buttons.last.click()
        videos = page.locator(".jrtc video")
        until(lambda: videos.count() == 2, 60)
        until(lambda: app.status().get("pictures", 0) > 10)
        assert app.status()["shape"] == [[480, 640, 3]]
        assert app.status()["state"] == "live"
        colours = [_median(video) for video in videos.all()]
        assert min(np.abs(np.subtract(colour, GREEN)).max() for colour in colours) < 40, "the camera's own picture"

        page.get_by_role("button", name="Be busy").click()
        until(lambda: app.status()["busy"])
        before, pictures = _times(videos), app.status()["pictures"]
        page.wait_for_timeout(2000)
        assert app.status()["busy"]
        assert all(after - then > 1 for then, after in zip(before, _times(videos), strict=True))
        assert app.status()["pictures"] > pictures + 20
        page.screenshot(path=RESULTS / f"{app.name}.png")
        until(lambda: not app.status()["busy"])

        page.get_by_role("button", name="Close it").click()
        until(lambda: app.status()["state"] == "closed")
        until(lambda: page.evaluate("() => cameras.tracks.every((track) => track.readyState === 'ended')"))
        until(lambda: videos.count() == 1)
        if app.name.startswith("marimo"):
            assert "marimo hears of the page only when no cell runs" in app.status()["said"]
    finally:
        context.close()


def _median(video: Locator) -> list[float]:
    """Return the most usual colour of a picture."""
    pixels = video.evaluate(
        """video => {
          const canvas = new OffscreenCanvas(64, 48);
          const context = canvas.getContext("2d");
          context.drawImage(video, 0, 0, 64, 48);
          return [...context.getImageData(0, 0, 64, 48).data];
        }"""
    )
    return np.median(np.reshape(pixels, (-1, 4))[:, :3], axis=0).tolist()


def _times(videos: Locator) -> list[float]:
    return [video.evaluate("video => video.currentTime") for video in videos.all()]
