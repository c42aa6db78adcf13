"""Sleep, a lost network, a killed browser, a kernel that stops: it comes back by itself, or says what to do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.conftest import SCALE

from .lab import Notebook
from .media import IMPORTS, cameras_asked, cameras_on, count_cameras

pytestmark = pytest.mark.slow

# A browser of its own, that a test may stop and kill.
OWN = "--jupyter-rtc-test=own-browser"

# Drops what the connections to all pages send and receive, until `lost` is set to False; new ones are spared.
LOSE_THE_NETWORK = """
from jupyter_rtc.engine.loop import engine
class Lost:
    on = True
    def __init__(self, transport):
        self._transport = transport
    def sendto(self, data, address):
        if not self.on:
            self._transport.sendto(data, address)
    def __getattr__(self, name):
        return getattr(self._transport, name)
async def lose():
    for widget in (cam, video):
        for session in widget._pages._sessions.values():
            for route in session._peer._statistics._routes.values():
                for pair in route._active._nominated.values():
                    protocol = pair.protocol
                    protocol.transport = Lost(protocol.transport)
                    protocol.datagram_received = lambda data, address: None
                    protocol.transport._transport._protocol = protocol
engine().call(lose(), 10)
"""


def own_browser() -> list[psutil.Process]:
    """Return the processes of the browser with the switch `OWN`, the first of all first."""
    driven = psutil.Process().children(recursive=True)
    mains = [process for process in driven if OWN in process.cmdline() and "--type=" not in str(process.cmdline())]
    return [process for main in mains for process in (main, *main.children(recursive=True))]


@contextmanager
def held_up(processes: Iterable[psutil.Process]) -> Iterator[None]:
    """Stop processes, as the computer does that sleeps."""
    processes = list(processes)
    assert processes
    try:
        for process in processes:
            process.suspend()
        yield
    finally:
        for process in processes:
            process.resume()


def show_camera_and_video(notebook: Notebook) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("video = rtc.Video(rtc.TestPattern())\nvideo")
    notebook.do("track = cam.video; cam.read()")
    notebook.js("() => document.querySelectorAll('.jrtc video').forEach((video, i) => { video.id = 'v' + i })")
    notebook.grab("#v1")


def sentences(notebook: Notebook) -> list[str]:
    return notebook.page.locator(".jrtc [role=status]").all_inner_texts()


def all_live(notebook: Notebook) -> bool:
    return sentences(notebook) == ["Live", "Live"] and notebook.value("cam.state") == "live"


def pictures_come(notebook: Notebook) -> None:
    """Look whether both ways have pictures."""
    assert notebook.value("[cam.video is track, cam.read().shape]") == [True, [480, 640, 3]]
    assert notebook.frames(1, "#v1").presented > 10


@pytest.mark.page(args=(OWN,))
def test_a_computer_that_slept_goes_on_with_the_camera_as_it_was(notebook: Notebook) -> None:
    show_camera_and_video(notebook)
    with held_up(own_browser()):
        # Longer than the kernel waits for the page, and the page for the kernel.
        time.sleep(7)
    began = time.monotonic()
    notebook.until(lambda: all_live(notebook))
    assert time.monotonic() - began < 5 * SCALE
    pictures_come(notebook)
    assert (cameras_asked(notebook), cameras_on(notebook)) == (1, 1), "the light was on all the time"


@pytest.mark.page(args=(OWN,))
def test_a_camera_that_was_stopped_while_the_computer_slept_goes_off_when_it_wakes(notebook: Notebook) -> None:
    show_camera_and_video(notebook)
    notebook.do("import threading\nthreading.Timer(5, cam.stop).start()")
    with held_up(own_browser()):
        time.sleep(7)
    notebook.until(lambda: cameras_on(notebook) == 0)
    notebook.until(lambda: sentences(notebook) == ["Camera off", "Live"])
    assert notebook.value("cam.state") == "stopped"
    assert cameras_asked(notebook) == 1


def test_a_network_that_was_lost_is_replaced(notebook: Notebook) -> None:
    show_camera_and_video(notebook)
    notebook.do(LOSE_THE_NETWORK)
    notebook.wait_value("cam.state == 'stopped'", timeout=6)
    notebook.until(lambda: all_live(notebook), timeout=20)
    pictures_come(notebook)
    assert cameras_on(notebook) == 1


@pytest.mark.page(args=(OWN,))
def test_of_a_killed_browser_the_kernel_is_rid_in_three_seconds_and_a_new_one_connects_at_once(
    notebook: Notebook, new_notebook: Callable[..., Notebook]
) -> None:
    second = new_notebook(args=())
    second.show(notebook.path)
    show_camera_and_video(notebook)
    notebook.save()
    notebook.do(
        "gone = []\ncam.observe(lambda change: gone.append(time.time()), 'state')\n"
        "from jupyter_rtc.link.session import Session"
    )
    for process in own_browser():
        process.kill()
    killed = time.time()
    second.wait_value("gone and not cam._pages.seen and not video._pages.seen", timeout=10)
    assert second.value("gone[0]") - killed < 3 + 1.5 * SCALE
    assert second.value("[cam.state, cam.video.muted]") == ["stopped", True]
    second.reload()
    assert second.grab("[data-tone=live] video", timeout=5).image.shape == (480, 640, 3)
    second.page.get_by_role("button", name="Start the camera").first.click()
    second.wait_value("cam.state == 'live'")
    assert second.value("cam.read().shape") == [480, 640, 3]


def greyed(notebook: Notebook) -> list[bool]:
    """Return of each view whether its last picture is kept, and grey."""
    return notebook.js(
        """() => [...document.querySelectorAll('.jrtc-still')].map((still) =>
          getComputedStyle(still).filter.includes('grayscale') && still.width === 640)"""
    )


def test_a_kernel_that_is_killed_leaves_a_grey_picture_a_sentence_and_no_camera(notebook: Notebook) -> None:
    show_camera_and_video(notebook)
    pid = notebook.kernel_pid()
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    notebook.until(lambda: cameras_on(notebook) == 0, timeout=10)
    notebook.until(lambda: all("Kernel gone" in sentence for sentence in sentences(notebook)))
    assert time.monotonic() - began < 5 + 1.5 * SCALE
    assert greyed(notebook) == [True, True]
    notebook.screenshot("kernel-gone")
    # JupyterLab starts another, which knows nothing of the widgets.
    notebook.wait_js("path => harness.ready(path)", notebook.path, timeout=30)
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("cam.read()")
    assert cameras_on(notebook) == 1


def test_a_kernel_that_is_restarted_likewise(notebook: Notebook) -> None:
    show_camera_and_video(notebook)
    (session,) = [s for s in notebook.lab.request("GET", "/api/sessions") if s["path"] == notebook.path]
    began = time.monotonic()
    notebook.lab.request("POST", f"/api/kernels/{session['kernel']['id']}/restart", timeout=30)
    notebook.until(lambda: cameras_on(notebook) == 0, timeout=10)
    notebook.until(lambda: all("Kernel gone" in sentence for sentence in sentences(notebook)))
    assert time.monotonic() - began < 5 + 3 * SCALE, "5 s, and the restart itself"
    assert greyed(notebook) == [True, True]


def test_a_kernel_that_was_held_up_goes_on_with_everything(notebook: Notebook) -> None:
    show_camera_and_video(notebook)
    kernel = psutil.Process(notebook.kernel_pid())
    with held_up([kernel]):
        notebook.until(lambda: cameras_on(notebook) == 0, timeout=10)
        notebook.until(lambda: all("Kernel gone" in sentence for sentence in sentences(notebook)))
        assert greyed(notebook) == [True, True]
    notebook.until(lambda: all_live(notebook), timeout=30)
    assert cameras_on(notebook) == 1
    pictures_come(notebook)


@pytest.mark.timeout(300)
def test_fifty_rounds_of_running_a_cell_again_leave_nothing_behind(notebook: Notebook) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS + "import ctypes, gc, threading, psutil\nme = psutil.Process()")
    cell = notebook.start(
        "cam = rtc.Camera(); negative = rtc.TestPattern().map(lambda p: 255 - p)\ndisplay(cam, negative)"
    )
    cell.wait()
    counts = []
    for round_ in range(50):
        notebook.wait_value("cam.state == 'live' and cam.latest() is not None and negative.stats['frames_out'] > 3")
        if round_ in (19, 49):
            notebook.until(lambda: cameras_on(notebook) == 1)
            notebook.page.wait_for_timeout(3000)  # for the last round's connections to close
            notebook.do("gc.collect(); ctypes.CDLL(None).malloc_trim(0)")
            counts.append(notebook.value("[threading.active_count(), me.num_fds(), me.memory_info().rss / 1e6]"))
        notebook.js("id => harness.start(id)", cell.id)
        notebook.wait_js("id => harness.done(id)", cell.id)
    (threads, files, memory), (threads_then, files_then, memory_then) = counts
    # ipykernel has a descriptor for each thread that has ended within the last seconds.
    assert threads_then <= threads + 4
    assert files_then <= files + 20
    assert memory_then <= memory + 60, counts
    notebook.until(lambda: cameras_on(notebook) == 1)
