"""What a widget reports of its page in a real JupyterLab."""

from __future__ import annotations

from .lab import Notebook
from .media import IMPORTS


def test_a_shown_widget_reports_its_page_s_connection(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "pattern = rtc.TestPattern()\nvideo = rtc.Video(pattern)")
    assert notebook.value("'is not displayed' in video.report().reason")
    notebook.do("video")
    notebook.wait_value("video.transport == 'webrtc'")
    notebook.wait_value("any('sends video: VP8, 640x480' in line for line in video.report().media)")
    notebook.do("report = video.report()")
    assert notebook.value("[report.connected, report.reason, len(report.pages)]") == [True, "connected", 1]
    assert notebook.value("sum('in use' in way for way in report.pairs)") == 1
    notebook.do("report")
    notebook.wait_js("() => [...document.querySelectorAll('strong')].some((s) => s.textContent === 'Connected.')")


def test_the_view_of_a_connection_reports_the_connection(notebook: Notebook) -> None:
    notebook.do(
        IMPORTS + "a, b = rtc.PeerConnection(), rtc.PeerConnection()\n"
        "pattern = rtc.TestPattern()\na.add_track(pattern)\nawait rtc.connect_pair(a, b)\nb"
    )
    notebook.wait_value("b.view.transport == 'webrtc'")
    assert notebook.value("[b.view.report().reason.startswith('connected, '), len(b.view.report().pages)]") == [True, 1]
