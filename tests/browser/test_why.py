"""What a widget says when it does not connect, and the numbers when it does."""

from __future__ import annotations

import re

import pytest

from .lab import Notebook
from .media import IMPORTS

# A page whose packets reach nobody: the kernel's addresses are taken out of its answers.
NO_ROUTE = """() => {
  const original = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const sdp = description.sdp.replace(/a=candidate:.*\\r\\n/g, "");
    return original.call(this, { ...description, sdp });
  };
  const add = EventTarget.prototype.addEventListener;
  RTCPeerConnection.prototype.addEventListener = function (name, ...rest) {
    if (name !== "icecandidate") return add.call(this, name, ...rest);
  };
}"""


@pytest.mark.page(viewport=(1280, 900))
def test_without_a_way_to_the_kernel_the_widget_says_so_and_its_report_can_be_copied(notebook: Notebook) -> None:
    notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notebook.js(NO_ROUTE)
    notebook.do(IMPORTS + "video = rtc.Video(rtc.TestPattern())\nvideo")
    line = notebook.page.locator(".jrtc [role=status]").first
    notebook.until(lambda: line.inner_text().startswith("No direct path (UDP) to the kernel"), timeout=20)
    button = notebook.page.get_by_role("button", name="Copy report")
    button.click()
    notebook.until(lambda: notebook.page.get_by_role("button", name="Copied").count() == 1)
    notebook.screenshot("no-route")
    text = notebook.js("() => navigator.clipboard.readText()")
    assert "shown: No direct path" in text
    assert "the kernel says:\nNot connected." in text
    assert "addresses of this side" in text, "of the kernel's own report"
    assert notebook.value("str(video.report())").startswith("Not connected.")


def test_the_statistics_are_one_click_away_and_move(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "video = rtc.Video(rtc.TestPattern())\nvideo")
    notebook.grab()
    assert not notebook.page.locator(".jrtc-stats").is_visible()
    notebook.page.get_by_role("button", name="Show the statistics").click()
    notebook.wait_value("video.show_stats")
    values = notebook.page.locator(".jrtc-stats .jrtc-value")
    shown = r"\d+/s \d+ ms [\d.]+ [kM]b/s \d+"
    notebook.until(lambda: re.fullmatch(shown, " ".join(values.all_inner_texts())))
    assert int(values.first.inner_text().removesuffix("/s")) > 0
    # A second later there is more of a line.
    points = "() => document.querySelector('.jrtc-stats polyline').getAttribute('points').split(' ').length"
    before = notebook.js(points)
    notebook.until(lambda: notebook.js(points) > before)
    notebook.screenshot("statistics")
    notebook.js("() => jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    notebook.wait_js("() => document.body.dataset.jpThemeLight === 'false'")
    notebook.screenshot("statistics-dark")
    # The server keeps the choice for those that come.
    notebook.js("() => jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})")
    notebook.do("video.show_stats = False")
    notebook.until(lambda: not notebook.page.locator(".jrtc-stats").is_visible())


def test_the_doctor_sees_the_page(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "rtc.Video(rtc.TestPattern())")
    notebook.grab()
    output = notebook.do("checkup = rtc.doctor()\ncheckup")
    assert notebook.value("checkup.ok"), str(output)
    assert "Nothing is wrong here" in output
    assert re.search(r"✓ page: http://127.0.0.1:\d+, Mozilla.*Chrom", str(output))
    assert "text/html" in output.raw[0]["data"]
    notebook.screenshot("doctor")
