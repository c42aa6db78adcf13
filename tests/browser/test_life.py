"""When the camera is on, and when it is off; pages that go and come again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import psutil
import pytest

import jupyter_rtc as rtc

from .lab import Notebook
from .media import COUNT_CAMERAS, IMPORTS, cameras_asked, cameras_on, count_cameras


def test_a_camera_goes_off_with_stop_and_its_tracks_stay(notebook: Notebook) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("before = cam.video; cam.read()")
    assert cameras_on(notebook) == 1
    notebook.do("cam.stop()")
    assert notebook.value("cam.state") == "stopped"
    notebook.until(lambda: cameras_on(notebook) == 0)
    assert notebook.value("[cam.video is before, cam.video.muted, cam.video.ready_state]") == [True, True, "live"]
    notebook.do("cam.start(); picture = cam.read()")
    assert notebook.value("[cam.video is before, cam.video.muted]") == [True, False]
    assert cameras_on(notebook) == 1
    notebook.page.get_by_role("button", name="Stop the camera").click()
    notebook.wait_value("cam.state == 'stopped'")
    assert cameras_on(notebook) == 0
    notebook.page.get_by_role("button", name="Start the camera").first.click()
    notebook.wait_value("cam.state == 'live'")
    notebook.do("cam.close(); cam.close()")
    notebook.until(lambda: cameras_on(notebook) == 0)
    assert notebook.value("[cam.state, cam.video.ready_state]") == ["closed", "ended"]
    assert notebook.run("cam.start()").error == "InvalidStateError"


def test_a_camera_goes_off_when_its_cell_is_run_again_and_only_one_is_on(notebook: Notebook) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS)
    notebook.do("cam = rtc.Camera()\ncam")
    notebook.do("first = cam; cam.read()")
    notebook.js("() => harness.start(harness.cells()[1])")
    notebook.wait_value("cam is not first and cam.state == 'live'")
    notebook.until(lambda: cameras_on(notebook) == 1)
    assert cameras_asked(notebook) == 2
    notebook.wait_value("first.state == 'stopped' and not first._pages.seen")


def test_a_reload_brings_the_pictures_back_but_not_the_camera(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("pattern = rtc.TestPattern()\nrtc.Video(pattern)")
    notebook.do("cam.read()")
    notebook.save()
    notebook.page.add_init_script(f"({COUNT_CAMERAS})()")
    notebook.reload()
    # By itself within 2 s; twice that for machines that do other things meanwhile.
    shown = "() => [...document.querySelectorAll('.jrtc video')].some((v) => v.videoWidth === 640)"
    notebook.wait_js(shown, timeout=4)
    notebook.wait_value("cam.state == 'stopped'")
    notebook.until(lambda: "Camera off" in notebook.page.inner_text(".jp-Notebook"))
    assert cameras_asked(notebook) == 0
    notebook.page.get_by_role("button", name="Start the camera").first.click()
    notebook.wait_value("cam.state == 'live'")
    assert notebook.value("cam.read().shape") == [480, 640, 3]


def test_a_second_page_shows_the_picture_and_can_take_the_camera_over(
    notebook: Notebook, new_notebook: Callable[..., Notebook]
) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("cam.read()")
    notebook.save()
    second = new_notebook(show=notebook.path)
    count_cameras(second)
    picture = second.grab(".jrtc video").image
    assert np.abs(np.median(picture, axis=(0, 1)) - (0, 135, 0)).max() < 40
    assert (cameras_on(notebook), cameras_on(second)) == (1, 0)
    second.page.get_by_role("button", name="Use this page's camera").click()
    second.until(lambda: cameras_on(second) == 1)
    notebook.until(lambda: cameras_on(notebook) == 0)
    notebook.wait_value("cam.state == 'live'")
    assert notebook.value("cam.read().shape") == [480, 640, 3]
    # With its page, the camera is off.
    second.page.close()
    notebook.wait_value("cam.state == 'stopped' and cam.video.muted", timeout=6)


def test_the_camera_goes_off_with_the_kernel(notebook: Notebook) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("cam.read()")
    assert cameras_on(notebook) == 1
    notebook.shutdown()
    notebook.until(lambda: cameras_on(notebook) == 0, timeout=10)


def test_one_widget_shown_twice_has_one_camera_and_one_connection(notebook: Notebook) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("cam.read()")
    notebook.do("cam")
    notebook.wait_js(
        "() => { const all = [...document.querySelectorAll('.jrtc video')];"
        " return all.length === 2 && all.every((video) => video.videoWidth === 640); }"
    )
    assert cameras_asked(notebook) == 1
    assert notebook.value("len(cam._pages._sessions)") == 1


@pytest.mark.page(cameras=3)  # the second gives depth pictures, which no encoder takes
def test_another_camera_is_chosen_by_a_part_of_its_name_while_live(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("cam.read()")
    labels = notebook.value("[d['label'] for d in cam.devices if d['kind'] == 'video']")
    assert len(labels) == 3
    notebook.do("track, before = cam.video, cam.device\ncam.device = 'device_2'")
    notebook.wait_value("cam.state == 'live' and cam.device not in (before, 'device_2')")
    assert notebook.value("[d['label'] for d in cam.devices if d['deviceId'] == cam.device]") == [labels[2]]
    assert notebook.value("[cam.read().shape, cam.video is track]") == [[480, 640, 3], True]
    notebook.do("cam.device = 'no such camera'")
    notebook.wait_value("'no such camera' in cam.error and cam.device != 'no such camera'")
    # The choice outlives stop, start and the widget's own list.
    notebook.do("cam.stop(); cam.start(); cam.read()")
    assert notebook.value("[d['label'] for d in cam.devices if d['deviceId'] == cam.device]") == [labels[2]]
    notebook.page.locator(".jrtc select").first.select_option(label=labels[0])
    notebook.wait_value("cam.device == before and cam.state == 'live'")


def test_closing_a_video_leaves_what_it_played(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "pattern = rtc.TestPattern()\nvideo = rtc.Video(pattern)\nvideo")
    assert rtc.read_stamp(notebook.grab().image) is not None
    notebook.do("video.close(); video.close()")
    notebook.wait_js("() => document.querySelectorAll('.jrtc video').length === 0")
    notebook.wait_value("not pattern._sinks and pattern.ready_state == 'live'")
    assert notebook.value("rtc.read_stamp(pattern.read())[0]") > 0


def test_a_kernel_ends_in_good_time_with_everything_open(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("cam.map(lambda f: f)")
    notebook.do(
        "a, b = rtc.PeerConnection(), rtc.PeerConnection(); a.add_track(cam.video)\nawait rtc.connect_pair(a, b)\nb"
    )
    notebook.do("cam.read()")
    pid = notebook.kernel_pid()
    notebook.shutdown()
    notebook.until(lambda: not running(pid), timeout=10)


def running(pid: int) -> bool:
    """Return whether a process lives."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_what_is_made_of_a_camera_says_why_it_stands_still(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("negative = cam.map(lambda f: 255 - f)\nnegative")
    line = notebook.page.locator(".jrtc [role=status]").last
    notebook.until(lambda: line.inner_text() == "Live")
    notebook.do("cam.stop()")
    notebook.until(lambda: line.inner_text().startswith("Paused: the camera is off"))
    notebook.do("cam.start(); cam.read()")
    notebook.until(lambda: line.inner_text() == "Live")
    notebook.do("cam.close()")
    notebook.until(lambda: line.inner_text() == "Ended")


def test_the_camera_goes_off_with_the_last_of_its_tracks(notebook: Notebook) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS + "stream = await rtc.get_user_media(audio=True, video=True)")
    assert cameras_on(notebook) == 2
    notebook.do("stream.get_audio_tracks()[0].stop()")
    notebook.until(lambda: cameras_on(notebook) == 1)
    assert notebook.value("stream.get_video_tracks()[0].read().shape") == [480, 640, 3]
    notebook.do("stream.get_video_tracks()[0].stop()")
    notebook.until(lambda: cameras_on(notebook) == 0)
    assert notebook.value("stream.active") is False


def test_an_observer_that_raises_keeps_no_camera_on(notebook: Notebook) -> None:
    count_cameras(notebook)
    notebook.do(
        IMPORTS
        + "import logging; logging.getLogger('jupyter_rtc').setLevel(100)\ncam = rtc.Camera(fps=np.int64(15))\ncam"
    )
    notebook.do("cam.read()\ncam.observe(lambda change: 1 / 0, 'state')")
    notebook.do("cam.stop()")
    notebook.until(lambda: cameras_on(notebook) == 0)
    notebook.do("cam.start(); cam.read()")
    assert cameras_on(notebook) == 1
    notebook.do("cam.close()")
    notebook.until(lambda: cameras_on(notebook) == 0)


def test_start_turns_on_the_page_that_had_the_camera_and_no_other(
    notebook: Notebook, new_notebook: Callable[..., Notebook]
) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("cam.read(); cam.stop()")
    notebook.save()
    second = new_notebook(show=notebook.path)
    count_cameras(second)
    second.until(lambda: "Camera off" in second.page.inner_text(".jp-Notebook"))
    notebook.do("cam.start(); cam.read()")
    assert (cameras_on(notebook), cameras_on(second)) == (1, 0)
