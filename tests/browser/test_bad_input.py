"""What goes wrong is said, in the widget and in Python, with what to do; nothing is lost and nothing hangs."""

from __future__ import annotations

import time

import pytest

from .lab import Notebook
from .media import IMPORTS, cameras_on, count_cameras


def sentence(notebook: Notebook, index: int = 0) -> str:
    """Return the state line of a widget."""
    return notebook.page.locator(".jrtc [role=status]").nth(index).inner_text()


@pytest.mark.page(permission="denied")
def test_a_refused_camera_says_so_and_can_be_allowed_later(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.wait_value("cam.state == 'error'")
    assert "permission" in sentence(notebook).lower()
    assert "allow" in notebook.value("cam.error")
    output = notebook.run("cam.read()")
    assert output.error == "CaptureTimeout"
    assert "allow the camera" in output
    assert notebook.value(
        "(lambda e: [isinstance(e, rtc.CaptureError), isinstance(e, TimeoutError)])(cam._reading_in_vain(True, 0))"
    ) == [True, True]

    output = notebook.run("await rtc.get_user_media(video=True)")
    assert output.error == "NotAllowedError"

    notebook.page.context.grant_permissions(["camera", "microphone"])
    notebook.page.get_by_role("button", name="Start").first.click()
    notebook.wait_value("cam.state == 'live' and cam.error == ''")
    assert notebook.value("cam.read().shape") == [480, 640, 3]


@pytest.mark.page(cameras=0)
def test_without_a_camera_the_error_is_not_found(notebook: Notebook) -> None:
    output = notebook.run(IMPORTS + "await rtc.get_user_media(video=True)")
    assert output.error == "NotFoundError"
    assert "plug one in" in output
    assert "no camera" in sentence(notebook).lower()


@pytest.mark.page(args=("--host-resolver-rules=MAP notebook.example 127.0.0.1",))
def test_an_insecure_page_is_told_what_a_secure_one_is(notebook: Notebook) -> None:
    address = notebook.page.url.replace("127.0.0.1", "notebook.example")
    notebook.page.goto(address)
    notebook.wait_js("path => harness.ready(path)", notebook.path, timeout=60)
    assert notebook.js("() => isSecureContext") is False
    output = notebook.run(IMPORTS + "await rtc.get_user_media(video=True)")
    assert output.error == "SecurityError"
    assert "ssh -L" in output
    assert "https" in sentence(notebook)
    # Receiving needs no secure page.
    notebook.do("rtc.Video(rtc.TestPattern())")
    notebook.wait_js("() => [...document.querySelectorAll('.jrtc video')].some((v) => v.videoWidth === 640)")


def test_without_a_path_for_udp_it_is_said_within_five_seconds(notebook: Notebook) -> None:
    # A browser that may only use relays, of which there are none, has no path.
    notebook.js(
        """() => {
          const Original = RTCPeerConnection;
          globalThis.RTCPeerConnection = class extends Original {
            constructor(configuration) { super({ ...configuration, iceTransportPolicy: "relay" }); }
          };
        }"""
    )
    notebook.do(IMPORTS + "video = rtc.Video(rtc.TestPattern())\nvideo")
    began = time.monotonic()
    notebook.until(lambda: "UDP" in sentence(notebook), timeout=12)
    assert time.monotonic() - began < 8, "5 s, and what showing the widget takes"
    output = notebook.run("video.wait_connected(timeout=1)")
    assert output.error == "ConnectTimeout"
    assert "UDP" in output or "connection" in output
    assert notebook.value("video.transport") == ""


def test_reading_a_camera_that_is_not_shown_says_so(notebook: Notebook) -> None:
    began = time.monotonic()
    output = notebook.run(IMPORTS + "cam = rtc.Camera()\ncam.read(timeout=20)")
    assert time.monotonic() - began < 15
    assert output.error == "ConnectTimeout"
    assert "not displayed" in output
    assert notebook.run("cam.read(timeout=0.5)").error in ("TimeoutError", "ConnectTimeout")


def test_a_camera_that_is_off_says_how_to_turn_it_on(notebook: Notebook) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS + "cam = rtc.Camera(autostart=False)\ncam")
    notebook.do("cam.wait_connected()")
    output = notebook.run("cam.read(timeout=1)")
    assert output.error == "TimeoutError"
    assert "start()" in output
    assert cameras_on(notebook) == 0
    notebook.do("cam.start(); cam.read()")
    assert cameras_on(notebook) == 1


def test_a_map_that_raises_shows_its_traceback_once_and_the_picture_goes_on(notebook: Notebook) -> None:
    notebook.do(
        IMPORTS + "calls = 0\n"
        "def clumsy(picture):\n"
        "    global calls; calls += 1\n"
        "    return picture / 'two'\n"
        "broken = rtc.TestPattern().map(clumsy)\n"
        "broken"
    )
    notebook.grab()
    details = notebook.page.locator(".jrtc details")
    notebook.until(lambda: details.count() == 1)
    details.locator("summary").click()
    assert "clumsy" in details.inner_text()
    assert "return picture / 'two'" in details.inner_text()
    before = notebook.value("calls")
    assert notebook.frames(1.5).presented > 10
    assert notebook.value("calls") > before + 10
    assert details.count() == 1
    assert notebook.page.locator(".jrtc details").inner_text().count("Traceback") == 1


def test_a_frame_of_a_wrong_shape_is_refused_where_it_is_written(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "plot = rtc.NumpyVideoTrack()\nrtc.Video(plot)")
    for frame, error, words in [
        ("np.zeros((4, 5, 6), np.uint8)", "ValueError", ["(4, 5, 6)", "uint8", "(height, width, 3)"]),
        ("np.zeros((4, 5), np.int64)", "TypeError", ["int64", "(4, 5)", "uint8"]),
        ("np.full((4, 5), 255.0)", "ValueError", ["255", "[0, 1]"]),
        ("'picture.png'", "TypeError", ["str"]),
    ]:
        output = notebook.run(f"plot.write({frame})")
        assert output.error == error
        assert all(word in output for word in words), output
    notebook.do("plot.write(np.full((120, 160), 128, np.uint8))")
    assert abs(int(notebook.grab().image.mean()) - 128) < 6


def test_nonsense_on_the_comm_harms_nothing(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "video = rtc.Video(rtc.TestPattern())\nvideo")
    notebook.grab()
    notebook.do(
        "hello = {'n': 1, 'type': 'hello'}\n"
        "unknown = {'n': 2, 'type': '?'}\n"
        "empty = {'n': 3, 'type': 'description', 'epoch': 1, 'description': {'sdp': 'v=0'}, 'slots': {},\n"
        "         'capture': {}}\n"
        "cut = {'n': 4, 'type': 'candidate'}\n"
        "envelope = lambda messages: {'v': 1, 'client': 'c', 'ack': 0, 'messages': messages}\n"
        "for junk in [None, 1, 'x', [], {}, {'v': 1}, envelope('x'), envelope([hello, unknown, empty, cut])]:\n"
        "    video._pages.receive(junk)"
    )
    assert notebook.frames(1.5).presented > 10
