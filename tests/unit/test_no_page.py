"""What is said where no page has answered: by front end, by cell, and by how long it was waited for."""

from __future__ import annotations

import pytest

import jupyter_rtc as rtc
from jupyter_rtc.link import kernel
from jupyter_rtc.widgets.no_page import PATIENCE, Shown


class FakeKernel:
    """ipykernel's, as far as it is asked: which request runs the present cell."""

    def __init__(self, *, names_cells: bool) -> None:
        self._names_cells = names_cells
        self.cell = "first"

    def get_parent(self, channel: str) -> dict:
        assert channel == "shell"
        return {"header": {"msg_id": self.cell}, "metadata": {"cellId": self.cell} if self._names_cells else {}}


@pytest.fixture
def run_by(monkeypatch):
    """Return a function that makes this a kernel of JupyterLab or of nbconvert, in a cell or in a thread."""

    def run(front_end: str, *, handles_messages: bool = False, in_cell: bool = True) -> FakeKernel:
        made = FakeKernel(names_cells=front_end == "JupyterLab")
        monkeypatch.setattr(kernel, "_kernel", lambda: made)
        monkeypatch.setattr(kernel, "_named_cells", False)
        monkeypatch.setattr(kernel, "_last_page", None)
        monkeypatch.setattr(kernel, "handles_messages", lambda _blocking, _waited: handles_messages)
        monkeypatch.setattr(kernel, "cell_waits", lambda: in_cell)
        return made

    return run


def test_the_cell_that_shows_a_widget_is_told_of_the_next_cell(run_by):
    run_by("JupyterLab")
    shown = Shown("camera")
    assert "put this in the next cell" in shown.in_vain(True, 0.2), "not displayed yet"
    shown.display()
    assert "put this in the next cell" in shown.in_vain(True, 0.2)


def test_the_next_cell_is_not_told_of_the_next_cell(run_by):
    front_end = run_by("JupyterLab")
    shown = Shown("camera")
    shown.display()
    front_end.cell = "second"
    words = shown.in_vain(True, 0.2)
    assert "next cell" not in words
    assert "no page had shown the camera when this cell began" in words
    assert "run this cell again" in words
    shown.display()
    assert "put this in the next cell" in shown.in_vain(True, 0.2), "this cell shows it"


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("displayed", [True, False])
@pytest.mark.parametrize("handles_messages", [True, False])
@pytest.mark.parametrize("in_cell", [True, False])
def test_without_a_front_end_no_cell_is_advised_and_no_wait_is_without_end(
    run_by, blocking, displayed, handles_messages, in_cell
):
    run_by("nbconvert", handles_messages=handles_messages, in_cell=in_cell)
    shown = Shown("camera")
    if displayed:
        shown.display()
    words = shown.in_vain(blocking, PATIENCE + 0.1)
    assert "With nbconvert, papermill or a grader there is none" in words
    assert "cell" not in words
    assert ("the camera is not displayed" in words) is not displayed
    assert PATIENCE < 30


def test_a_page_that_may_still_come_is_waited_for(run_by):
    run_by("JupyterLab", handles_messages=True)
    shown = Shown("camera")
    shown.display()
    assert shown.in_vain(False, PATIENCE - 1) == ""
    assert "its widgets do not work" in shown.in_vain(False, PATIENCE + 1), "the cell would wait for ever"
    assert shown.in_vain(False, PATIENCE + 1, patient=True) == "", "a wait that has an end of its own"
    run_by("JupyterLab", handles_messages=True, in_cell=False)
    assert shown.in_vain(True, PATIENCE + 1) == "", "a thread may begin long before the widget is shown"


@pytest.mark.parametrize("handles_messages", [True, False])
def test_a_cell_of_voila_is_told_at_once_and_its_threads_wait(run_by, monkeypatch, handles_messages):
    monkeypatch.setenv("VOILA_REQUEST_URL", "http://localhost:8866/")
    run_by("Voila", handles_messages=handles_messages)
    shown = Shown("camera")
    shown.display()
    assert "Voilà shows the page when all cells have been run" in shown.in_vain(True, 0.2)
    run_by("Voila", handles_messages=True, in_cell=False)
    assert shown.in_vain(True, PATIENCE + 1) == ""


def test_what_no_page_shows_any_more_says_so(run_by):
    run_by("JupyterLab", handles_messages=True)
    shown = Shown("camera")
    shown.display()
    shown.seen = True
    assert shown.in_vain(True, 2.0) == (
        "no page shows the camera any more: put it on the last line of a cell again, and this in the next one"
    )


def test_a_widget_in_no_kernel_says_so_at_once():
    cam = rtc.Camera()
    try:
        with pytest.raises(rtc.ConnectTimeout, match="there is no notebook page: this is not a Jupyter kernel"):
            cam.read(timeout=5)
    finally:
        cam.close()
