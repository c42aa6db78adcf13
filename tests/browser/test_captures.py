"""Microphone, Screen and Capture: what else a page can give, and how it begins and ends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from .lab import Notebook
from .media import IMPORTS, cameras_on, count_cameras

# A canvas of one colour, drawn once: nothing moves, and it is to arrive all the same.
CANVAS = """
import anywidget, traitlets
class Canvas(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width: 160, height: 120 });
      const draw = () => {
        const context = canvas.getContext("2d");
        context.fillStyle = model.get("colour");
        context.fillRect(0, 0, 160, 120);
      };
      draw();
      model.on("change:colour", draw);
      el.append(canvas);
    } }'''
    colour = traitlets.Unicode("rgb(200, 20, 20)").tag(sync=True)
canvas = Canvas()
canvas
"""

# Counts the screens that the page has asked for, and gives the tab's own fake one.
COUNT_SCREENS = """() => {
  const devices = navigator.mediaDevices;
  globalThis.screens = { asked: 0, tracks: [] };
  const original = devices.getDisplayMedia.bind(devices);
  devices.getDisplayMedia = async (wish) => {
    globalThis.screens.asked += 1;
    const stream = await original(wish);
    globalThis.screens.tracks.push(...stream.getTracks());
    return stream;
  };
}"""


def test_a_microphone_is_heard_in_the_kernel(notebook: Notebook) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS + "mic = rtc.Microphone()\nmic")
    # The fake one beeps once a second.
    assert notebook.value("float(np.abs(mic.read(seconds=2)).max())") > 0.05
    assert notebook.value("[mic.video, len(mic.read(0.1)), mic.audio.kind]") == [None, 4800, "audio"]
    assert notebook.value("[d['kind'] for d in mic.devices if d['deviceId'] == mic.device]") == ["audio"]
    assert notebook.value("mic.settings['audio']['sampleRate'] > 0")
    track = notebook.value("mic.audio.id")
    notebook.page.get_by_role("button", name="Stop the microphone").click()
    notebook.wait_value("mic.state == 'stopped' and mic.audio.muted")
    assert cameras_on(notebook) == 0
    notebook.do("mic.start(); mic.read()")
    assert notebook.value("mic.audio.id") == track
    notebook.screenshot("microphone")
    notebook.do("mic.close()")
    notebook.until(lambda: cameras_on(notebook) == 0)


def test_a_screen_is_shared_by_a_click_and_by_nothing_else(notebook: Notebook) -> None:
    notebook.js(COUNT_SCREENS)
    notebook.do(IMPORTS + "screen = rtc.Screen()\nscreen")
    share = notebook.page.get_by_role("button", name="Share the screen").first
    share.wait_for()
    assert notebook.value("[screen.state, screen.audio]") == ["idle", None]
    notebook.screenshot("screen-idle")
    # Called from Python it asks for the click.
    notebook.do("screen.start()")
    notebook.until(lambda: "choose what is to be seen" in notebook.page.inner_text(".jrtc"))
    assert notebook.js("() => screens.asked") == 0
    share.click()
    notebook.wait_value("screen.state == 'live'")
    assert notebook.value("screen.read().shape[2]") == 3
    assert notebook.value("screen.settings['video']['width'] > 0")
    notebook.screenshot("screen-live")
    notebook.do("screen.stop()")
    notebook.until(lambda: notebook.js("() => screens.tracks.every((t) => t.readyState === 'ended')"))
    assert notebook.value("[screen.state, screen.video.muted]") == ["stopped", True]


def test_the_browsers_own_stop_button_stops_the_sharing(notebook: Notebook) -> None:
    notebook.js(COUNT_SCREENS)
    notebook.do(IMPORTS + "screen = rtc.Screen(audio=True)\nscreen")
    notebook.page.get_by_role("button", name="Share the screen").first.click()
    notebook.wait_value("screen.state == 'live'")
    notebook.do("screen.read()")
    assert notebook.value("[t.kind for t in screen.stream.get_tracks()]") == ["video", "audio"]
    # As the browser's button does: the track ends, and an event tells.
    notebook.js("() => { for (const t of screens.tracks) { t.stop(); t.dispatchEvent(new Event('ended')); } }")
    notebook.wait_value("screen.state == 'stopped' and screen.video.muted and screen.error == ''")
    notebook.until(lambda: "Screen not shared" in notebook.page.inner_text(".jrtc"))


def test_a_canvas_that_stands_still_is_captured(notebook: Notebook) -> None:
    notebook.do(IMPORTS + CANVAS)
    notebook.do("capture = rtc.Capture(canvas)\ncapture")
    picture = np.array(notebook.value("capture.read(timeout=15)"), np.uint8)
    assert picture.shape == (120, 160, 3)
    assert np.abs(picture[60, 80].astype(int) - (200, 20, 20)).max() < 12
    notebook.do("canvas.colour = 'rgb(20, 20, 200)'")
    notebook.wait_value("abs(capture.read()[60, 80].astype(int) - (20, 20, 200)).max() < 12")
    assert notebook.value("[capture.state, capture.audio, len(capture.stream.get_tracks())]") == ["live", None, 1]
    notebook.screenshot("capture")
    notebook.do("canvas.close()")
    notebook.wait_value("capture.state == 'error'")
    assert "not shown in this page" in notebook.value("capture.error") or "closed" in notebook.value("capture.error")


def test_a_video_is_captured_with_its_pictures(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "video = rtc.Video(rtc.TestPattern())\nvideo")
    notebook.grab()
    notebook.do("capture = rtc.Capture(video)\ncapture")
    pictures = notebook.value("[rtc.read_stamp(capture.read()) for _ in range(3)]")
    numbers = [stamp[0] for stamp in pictures if stamp]
    assert len(numbers) == 3
    assert numbers == sorted(set(numbers))


def test_what_cannot_be_captured_says_why(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "import ipywidgets\nslider = ipywidgets.IntSlider()\nslider")
    notebook.do("capture = rtc.Capture(slider)\ncapture")
    notebook.wait_value("capture.state == 'error'")
    assert "no canvas, and no video that plays" in notebook.value("capture.error")
    assert notebook.run("capture.read()").error == "CaptureTimeout"
    notebook.do("other = rtc.Capture(ipywidgets.IntSlider())\nother")
    notebook.wait_value("other.state == 'error'")
    assert "not shown in this page" in notebook.value("other.error")


def test_a_mirrored_camera_is_mirrored_for_its_owner_only(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera(mirror=True)\ncam")
    notebook.do("cam.read()")
    transform = "() => getComputedStyle(document.querySelector('.jrtc video')).transform"
    assert notebook.js(transform) == "matrix(-1, 0, 0, 1, 0, 0)"
    notebook.do("cam.mirror = False")
    notebook.until(lambda: notebook.js(transform) == "none")


@pytest.mark.page(permission="denied")
def test_a_refused_microphone_says_so(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "mic = rtc.Microphone()\nmic")
    notebook.wait_value("mic.state == 'error'")
    assert "allow the microphone" in notebook.value("mic.error")
    assert notebook.run("mic.read()").error == "CaptureTimeout"


def test_a_second_page_sees_what_is_captured(notebook: Notebook, new_notebook: Callable[..., Notebook]) -> None:
    notebook.do(IMPORTS + CANVAS)
    notebook.do("capture = rtc.Capture(canvas)\ncapture")
    notebook.do("capture.read(timeout=15)")
    notebook.save()
    second = new_notebook(show=notebook.path)
    picture = second.grab(".jrtc video").image
    assert np.abs(picture[60, 80].astype(int) - (200, 20, 20)).max() < 12
    button = second.page.get_by_role("button", name="Capture in this page")
    button.wait_for()
    second.screenshot("capture-elsewhere")
