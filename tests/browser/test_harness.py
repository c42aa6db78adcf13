"""The harness itself, with plain things: before a test of the package may fail, these must pass."""

from __future__ import annotations

import json
import time

import numpy as np
import psutil
import pytest

from .lab import CellError

CANVAS_VIDEO = """
from IPython.display import HTML, display
display(HTML('<div class="plain"><video autoplay muted playsinline></video></div>'))
"""
PAINT = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  const context = canvas.getContext("2d");
  const paint = () => {
    context.fillStyle = "rgb(255, 0, 0)"; context.fillRect(0, 0, 160, 240);
    context.fillStyle = "rgb(0, 0, 255)"; context.fillRect(160, 0, 160, 240);
  };
  paint();
  setInterval(paint, 40);
  document.querySelector(".plain video").srcObject = canvas.captureStream(25);
}"""


def test_cells_give_their_output(notebook):
    assert notebook.run("print('hello'); 6 * 7") == "hello\n42\n"
    failed = notebook.run("def f():\n    raise ValueError('no such thing')\nf()")
    assert failed.error == "ValueError"
    assert "ValueError: no such thing" in failed
    assert "in f()" in failed
    with pytest.raises(CellError, match="ZeroDivisionError"):
        notebook.do("1 / 0")


def test_a_started_cell_is_waited_for(notebook):
    cell = notebook.start("import time\nprint('begun', flush=True)\ntime.sleep(1)\nprint('done')")
    notebook.until(lambda: "begun" in cell.output, "the cell's first output")
    assert not cell.done
    assert cell.wait() == "begun\ndone\n"
    with pytest.raises(TimeoutError, match="still runs"):
        notebook.start("time.sleep(2)").wait(timeout=0.2)


def test_values_come_from_the_kernel(notebook):
    notebook.do("import numpy as np\nx = {'a': [1, 2.5, None], 'b': 'é\\'\"\\n', 'c': np.arange(3)}")
    assert notebook.value("x") == {"a": [1, 2.5, None], "b": "é'\"\n", "c": [0, 1, 2]}
    with pytest.raises(CellError, match="NameError"):
        notebook.value("nothing")
    assert psutil.Process(notebook.kernel_pid()).is_running()
    assert notebook.cpu_seconds() > 0


def test_a_widget_is_shown_and_reaches_the_kernel(notebook):
    notebook.do("import ipywidgets\nslider = ipywidgets.IntSlider(value=7)\nslider")
    handle = notebook.page.locator(".jupyter-widgets.widget-slider .noUi-handle")
    handle.wait_for()
    handle.press("ArrowRight")
    notebook.wait_value("slider.value == 8")


def test_a_video_is_grabbed_and_followed(notebook):
    notebook.do(CANVAS_VIDEO)
    notebook.js(PAINT)
    notebook.until(lambda: notebook.grab(".plain video").image.any(), "a picture that was painted")
    image, seconds = notebook.grab(".plain video")
    assert abs(time.time() - seconds) < 5
    assert image.shape == (240, 320, 3)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image[120, 60], (255, 0, 0), atol=8)
    np.testing.assert_allclose(image[120, 260], (0, 0, 255), atol=8)
    frames = notebook.frames(1, ".plain video", strip=16)
    assert frames.presented > 10
    assert frames.longest_gap < 0.5
    assert frames.items[0].strip.shape == (16, 320, 3)
    np.testing.assert_allclose(frames.items[-1].strip[8, 60], (255, 0, 0), atol=8)


def test_page_errors_are_collected(notebook):
    notebook.js("() => { console.error('said'); setTimeout(() => { throw new Error('thrown') }) }")
    notebook.until(lambda: len(notebook.errors) == 2, "two errors")
    assert len(notebook.unexpected_errors()) == 2
    notebook.expect_errors("said", "Error: thrown")
    assert not notebook.unexpected_errors()


ASK = """() => Promise.race([
  navigator.mediaDevices.getUserMedia({ video: true })
    .then(async (stream) => {
      const devices = await navigator.mediaDevices.enumerateDevices();
      stream.getTracks().forEach((track) => track.stop());
      return devices.filter((device) => device.kind === "videoinput").length;
    }, (error) => error.name),
  new Promise((resolve) => setTimeout(resolve, 1500, "no answer")),
])"""


@pytest.mark.parametrize("cameras", [1, 2])
def test_cameras_are_granted(new_notebook, cameras):
    assert new_notebook(cameras=cameras).js(ASK) == cameras


@pytest.mark.page(permission="denied")
def test_cameras_are_denied_until_granted(notebook):
    assert notebook.js(ASK) == "NotAllowedError"
    notebook.page.context.grant_permissions(["camera"])
    assert notebook.js(ASK) == 1


def test_two_pages_share_a_kernel(notebook, new_notebook):
    notebook.do("shared = 5")
    second = new_notebook(show=notebook.path)
    assert second.value("shared") == 5


def test_a_notebook_file_is_run(new_notebook, tmp_path):
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# Title", "id": "a"},
        *(
            {
                "cell_type": "code",
                "metadata": {},
                "source": s,
                "outputs": [],
                "execution_count": None,
                "id": f"c{i}",
            }
            for i, s in enumerate(["x = 2", "x + 1", "1 / 0"])
        ),
    ]
    file = tmp_path / "example.ipynb"
    file.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    file.write_text(
        file.read_text().replace(
            '"metadata": {}, "nbf',
            '"metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}}, "nbf',
        )
    )
    outputs = new_notebook(open=file).run_all()
    assert outputs[:2] == ["", "3\n"]
    assert outputs[2].error == "ZeroDivisionError"


def test_the_kernel_is_shut_down(notebook):
    kernel = psutil.Process(notebook.kernel_pid())
    notebook.shutdown()
    notebook.until(lambda: not kernel.is_running(), "the kernel's end")
