"""Widgets among others: in boxes and outputs, linked, shown again, scrolled away, and for those who cannot see them."""

from __future__ import annotations

import numpy as np
import pytest

import jupyter_rtc as rtc

from .lab import Notebook
from .media import IMPORTS, cameras_asked, count_cameras

pytestmark = pytest.mark.slow

# How many pictures each video of the page has presented so far.
PRESENTED = (
    "() => [...document.querySelectorAll('.jrtc video')].map((v) => v.getVideoPlaybackQuality().totalVideoFrames)"
)
# Connections that the page has opened and not closed.
COUNT_CONNECTIONS = """() => {
  const Original = RTCPeerConnection;
  globalThis.connections = [];
  globalThis.RTCPeerConnection = class extends Original {
    constructor(...args) { super(...args); globalThis.connections.push(this); }
  };
}"""
OPEN = "() => connections.filter((pc) => pc.connectionState !== 'closed').length"


def all_move(notebook: Notebook, count: int) -> bool:
    """Return whether there are `count` videos, all in motion."""
    before = notebook.js(PRESENTED)
    notebook.page.wait_for_timeout(400)
    after = notebook.js(PRESENTED)
    return len(before) == len(after) == count and all(b > a for a, b in zip(before, after, strict=True))


def test_views_that_come_and_go_share_one_connection(notebook: Notebook) -> None:
    notebook.js(COUNT_CONNECTIONS)
    notebook.do(IMPORTS + "video = rtc.Video(rtc.TestPattern(), width=160)\nvideo")
    notebook.do("video")
    notebook.until(lambda: all_move(notebook, 2))
    # In a new view beside the notebook, as the cell's menu has it; then back to the notebook.
    notebook.js(
        """async (path) => {
          const { commands, shell } = jupyterapp;
          const { id } = shell.currentWidget;
          await commands.execute("notebook:create-output-view", { path, index: 1 });
          shell.activateById(id);
        }""",
        notebook.path,
    )
    notebook.until(lambda: all_move(notebook, 3))
    notebook.screenshot("new-view")
    # Collapsed for longer than a view may be missing, and opened again.
    notebook.js("() => jupyterapp.commands.execute('notebook:hide-all-cell-outputs')")
    notebook.page.wait_for_timeout(2000)
    notebook.js("() => jupyterapp.commands.execute('notebook:show-all-cell-outputs')")
    notebook.until(lambda: all_move(notebook, 3))
    assert notebook.js(OPEN) == 1
    assert notebook.value("len(video._pages.clients)") == 1


def test_what_was_scrolled_away_is_live_when_it_is_seen_again(notebook: Notebook) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS + "cam = rtc.Camera(); video = rtc.Video(rtc.TestPattern())\ndisplay(cam, video)")
    notebook.do("cam.read()")
    notebook.do("print('\\n' * 300)")
    notebook.js("() => jupyterapp.shell.currentWidget.content.scrollToItem(9)")
    notebook.js("() => document.querySelectorAll('.jp-Cell')[2].scrollIntoView({ block: 'end' })")
    notebook.page.wait_for_timeout(3000)
    assert notebook.value("[cam.state, cam.transport, video.transport]") == ["live", "webrtc", "webrtc"]
    assert notebook.value("cam.read().shape") == [480, 640, 3]
    notebook.js("() => document.querySelectorAll('.jrtc')[1].scrollIntoView()")
    notebook.until(lambda: all_move(notebook, 2))
    assert cameras_asked(notebook) == 1


def test_the_picture_fills_the_screen_and_comes_back(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "rtc.Video(rtc.TestPattern())")
    notebook.grab()
    notebook.page.get_by_role("button", name="Full screen").click()
    notebook.wait_js("() => document.fullscreenElement?.classList.contains('jrtc-stage')")
    notebook.until(lambda: all_move(notebook, 1))
    notebook.js("() => document.exitFullscreen()")
    notebook.wait_js("() => !document.fullscreenElement")
    notebook.until(lambda: all_move(notebook, 1))


def test_a_cleared_output_turns_the_camera_off(notebook: Notebook) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("cam.read()")
    notebook.js("() => jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    notebook.wait_js("() => cameras.tracks.every((track) => track.readyState === 'ended')", timeout=5)
    notebook.wait_value("cam.state == 'stopped' and not cam._pages.seen")


def test_it_sits_in_boxes_outputs_and_layouts(notebook: Notebook) -> None:
    notebook.do(
        IMPORTS + "import ipywidgets as w\n"
        "one, two, three = (rtc.Video(rtc.TestPattern(), width=120) for _ in range(3))\n"
        "out = w.Output()\n"
        "box = w.VBox([w.HBox([one, w.Label('beside')]), w.Tab([two]), out])\n"
        "box"
    )
    notebook.do("with out:\n    display(three)")
    notebook.until(lambda: all_move(notebook, 3))
    assert notebook.value("[v.transport for v in (one, two, three)]") == ["webrtc"] * 3
    notebook.do("one.layout.border = '3px solid rgb(1, 2, 3)'; one.layout.margin = '7px'")
    style = "() => { const { borderTop, margin } = document.querySelector('.jrtc').parentElement.style;"
    notebook.wait_js(style + " return borderTop === '3px solid rgb(1, 2, 3)' && margin === '7px'; }")
    notebook.screenshot("in-boxes")
    notebook.do("one.layout.display = 'none'")
    notebook.wait_js("() => document.querySelector('.jrtc').getBoundingClientRect().width === 0")
    notebook.do("out.clear_output()")
    notebook.wait_value("three.transport == ''")


def test_side_by_side_they_share_the_width(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "import ipywidgets as w\npattern = rtc.TestPattern()")
    notebook.do(
        "w.VBox([w.HBox([rtc.Video(pattern), rtc.Video(pattern)]), w.GridBox([rtc.Video(pattern) for _ in range(4)], "
        "layout=w.Layout(grid_template_columns='repeat(2, 1fr)', width='800px'))])"
    )
    notebook.until(lambda: notebook.js("() => document.querySelectorAll('.jrtc-stage[data-seen]').length") == 6)
    for box in ("hbox", "gridbox"):
        edges, widths = notebook.js(
            """box => {
              const { left, right } = document.querySelector(`.widget-${box}`).getBoundingClientRect();
              const all = [...document.querySelectorAll(`.widget-${box} .jrtc`)].map((e) => e.getBoundingClientRect());
              return [all.every((e) => e.left >= left && e.right <= right), all.map((e) => e.width)];
            }""",
            box,
        )
        assert edges, f"one is cut off in the {box}: {widths}"
        assert min(widths) > 300, widths
    notebook.screenshot("side by side")


def test_traits_are_observed_linked_and_linked_in_the_page(notebook: Notebook) -> None:
    notebook.do(
        IMPORTS + "import ipywidgets as w\n"
        "video = rtc.Video([rtc.TestPattern(), rtc.TestTone()]); cam = rtc.Camera(autostart=False)\n"
        "check, mirrored, wide, text = w.Checkbox(), w.Checkbox(), w.IntText(200), w.Text()\n"
        "link = w.link((video, 'show_stats'), (check, 'value'))\n"
        "js = w.jslink((video, 'mirror'), (mirrored, 'value'))\n"
        "size = w.jslink((wide, 'value'), (video, 'width'))\n"
        "told = w.jslink((cam, 'state'), (text, 'value'))\n"
        "states = []; cam.observe(lambda change: states.append(change['new']), 'state')\n"
        "w.VBox([video, cam, check, mirrored, wide, text])"
    )
    notebook.wait_js("() => document.querySelectorAll('.jrtc video').length === 2")
    notebook.grab(".jrtc video")
    notebook.do("check.value = True")
    notebook.until(lambda: notebook.page.locator(".jrtc-stats").first.is_visible())
    boxes = notebook.page.locator("input[type=checkbox]")
    boxes.nth(1).check()
    notebook.wait_value("video.mirror")
    notebook.wait_js("() => document.querySelector('.jrtc-stage').classList.contains('jrtc-mirror')")
    field = notebook.page.locator("input[type=number]")
    field.fill("320")
    field.press("Tab")
    notebook.wait_js("() => Math.round(document.querySelector('.jrtc').getBoundingClientRect().width) === 320")
    notebook.do("cam.start(); cam.read(); cam.stop()")
    notebook.wait_value("states == ['starting', 'live', 'stopped']")
    notebook.wait_js("() => document.querySelector('.widget-text input[type=text]').value === 'stopped'")
    # A click in the widget is heard in the kernel.
    notebook.page.get_by_role("button", name="Sound on").click()
    notebook.wait_value("not video.muted")


def test_the_room_for_the_picture_is_there_before_it(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "video = rtc.Video(rtc.NumpyVideoTrack(np.zeros((360, 640, 3), np.uint8)))\n")
    notebook.js(
        """() => {
          globalThis.heights = [];
          const sizes = new ResizeObserver((all) => all.forEach((e) => heights.push(Math.round(e.contentRect.height))));
          new MutationObserver(() => {
            const stage = document.querySelector(".jrtc-stage");
            if (stage && !stage.watched) { stage.watched = true; sizes.observe(stage); }
          }).observe(document.body, { childList: true, subtree: true });
        }"""
    )
    notebook.do("video")
    notebook.grab()
    notebook.page.wait_for_timeout(500)
    heights = [height for height in notebook.js("() => heights") if height]
    assert heights
    # The widget is drawn before the kernel has told the size, and never again after that.
    assert max(heights[1:], default=0) - min(heights[1:], default=0) <= 2, heights


def test_it_is_named_and_worked_without_a_mouse(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera(audio=True)\ncam")
    notebook.do("picture = cam.read()")
    group = notebook.page.get_by_role("group", name="camera")
    assert group.count() == 1
    status = group.get_by_role("status")
    assert status.inner_text() == "Live"
    assert status.get_attribute("aria-live") in (None, "polite")
    unnamed = notebook.js(
        """() => [...document.querySelectorAll('.jrtc button, .jrtc select')]
          .filter((e) => !e.hidden && e.offsetParent)
          .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim()) || !(e.title || e.textContent.trim()))
          .map((e) => e.outerHTML)"""
    )
    assert unnamed == []
    stop = group.get_by_role("button", name="Stop the camera")
    stop.focus()
    outline = "e => getComputedStyle(e).outlineStyle"
    notebook.page.keyboard.press("Shift+Tab")
    notebook.page.keyboard.press("Tab")
    assert stop.evaluate("e => e === document.activeElement")
    assert stop.evaluate(outline) != "none"
    notebook.do("cam.disabled = True; cam.tooltip = 'mine'")
    notebook.until(stop.is_disabled)
    notebook.screenshot("disabled")
    notebook.wait_js("() => document.querySelector('[title=mine].jrtc')")
    notebook.do("cam.disabled = False")
    notebook.until(stop.is_enabled)
    stop.focus()
    notebook.page.keyboard.press("Enter")
    notebook.wait_value("cam.state == 'stopped'")
    notebook.until(lambda: status.inner_text().endswith("off"))


def test_a_saved_track_that_was_shown_before_its_first_picture_is_a_card(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "plot = rtc.NumpyVideoTrack()\nrtc.Video(plot)")
    notebook.do("plot.write(np.full((120, 160, 3), (200, 40, 90), np.uint8))")
    assert np.abs(notebook.grab().image[60, 80].astype(int) - (200, 40, 90)).max() < 12
    bundle = notebook.js("() => harness.outputs(harness.cells()[0])")[0]["data"]
    assert "image/png" not in bundle
    assert "Live video" in "".join(bundle["text/html"])


def test_a_source_that_raises_shows_its_traceback_and_is_asked_again(notebook: Notebook) -> None:
    notebook.js(
        """() => {
          globalThis.logged = [];
          jupyterapp.shell.currentWidget.sessionContext.session.kernel.iopubMessage.connect((_, message) => {
            if (message.header.msg_type === "stream") logged.push(message.content.text);
          });
        }"""
    )
    notebook.do(IMPORTS)
    notebook.do(
        "def moody(seconds):\n"
        "    if 1 < seconds < 2:\n"
        "        raise RuntimeError('in a bad mood')\n"
        "    return np.full((120, 160, 3), 128, np.uint8)\n"
        "rtc.Video(rtc.NumpyVideoTrack(moody))"
    )
    details = notebook.page.locator(".jrtc details")
    notebook.until(lambda: details.count() == 1)
    details.locator("summary").click()
    assert "in a bad mood" in details.inner_text()
    notebook.until(lambda: all_move(notebook, 1))
    # And once in the kernel's log, which JupyterLab shows on demand.
    assert notebook.js("() => logged.filter((text) => text.includes('RuntimeError: in a bad mood')).length") == 1


def test_pictures_go_on_in_another_theme_and_words_change_colour(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera(autostart=False); display(cam, rtc.Video(rtc.TestPattern(), width=320))")
    notebook.until(lambda: "Camera off" in notebook.page.inner_text(".jp-Notebook"))
    colour = "() => getComputedStyle(document.querySelector('.jrtc-sentence')).color"
    light = notebook.js(colour)
    notebook.js("() => jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    try:
        notebook.wait_js("() => document.body.dataset.jpThemeLight === 'false'")
        notebook.until(lambda: notebook.js(colour) != light)
        notebook.wait_js("() => !document.getElementById('jupyterlab-splash')")
        notebook.screenshot("camera-off-dark")
        assert rtc.read_stamp(notebook.grab("[data-tone=live] video").image) is not None
    finally:
        notebook.js("() => jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})")
