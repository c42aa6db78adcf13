"""What a saved notebook keeps of a widget: pictures made in the kernel, and never what was filmed."""

from __future__ import annotations

import base64
import io

import av
import ipywidgets
import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter

import jupyter_rtc as rtc
from jupyter_rtc.engine.loop import engine
from jupyter_rtc.media.frames import to_png
from jupyter_rtc.media.relay import RelayTrack
from jupyter_rtc.widgets.still import BOUND, small_png

RED = np.full((48, 64, 3), (200, 20, 20), np.uint8)


def bundle(shown):
    data, _metadata = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    return data


def picture(data) -> np.ndarray:
    with av.open(io.BytesIO(base64.b64decode(data["image/png"]))) as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb24")


def test_a_picture_of_numpy_is_kept():
    assert (picture(bundle(rtc.Video(rtc.NumpyVideoTrack(RED)))) == RED).all()


def test_a_function_makes_a_picture_for_it():
    assert (picture(bundle(rtc.Video(rtc.NumpyVideoTrack(lambda _t: RED)))) == RED).all()


def test_what_was_written_is_kept_and_before_that_a_card():
    track = rtc.NumpyVideoTrack()
    video = rtc.Video(track)
    assert "image/png" not in bundle(video)
    assert "Live video" in bundle(video)["text/html"]
    track.write(RED)
    assert (picture(bundle(video)) == RED).all()


def test_a_still_takes_no_picture_from_an_iterator():
    pictures = iter([RED, RED // 2])
    track = rtc.NumpyVideoTrack(pictures)
    assert "image/png" not in bundle(rtc.Video(track))
    assert (track.read() == RED).all()


def test_what_is_made_of_numpy_is_kept_too():
    track = rtc.NumpyVideoTrack(RED).map(lambda frame: 255 - frame)
    assert (picture(bundle(track)) == 255 - RED).all()


def test_a_track_that_is_off_leaves_no_picture():
    track = rtc.NumpyVideoTrack()
    track.write(RED)
    track.enabled = False
    assert "image/png" not in bundle(rtc.Video(track))


@pytest.mark.parametrize(
    "make", [lambda track: track, lambda track: track.map(lambda f: f), lambda track: track.clone()]
)
def test_what_was_filmed_is_never_kept_without_asking(make):
    """A camera's track is a relay of what a page sends; here with a picture already."""
    filmed = rtc.NumpyVideoTrack(RED)
    filmed._stills = "never"
    track = make(RelayTrack("video", filmed))
    track.read()
    data = bundle(rtc.Video(track))
    assert "image/png" not in data
    assert "Live video" in data["text/html"]


def test_a_camera_has_a_card():
    camera = rtc.Camera(autostart=False)
    data = bundle(camera)
    assert "image/png" not in data
    assert "Live camera" in data["text/html"]
    camera.close()


def test_a_snapshot_is_kept_where_the_widget_is_shown_next():
    filmed = rtc.NumpyVideoTrack(RED)
    filmed._stills = "never"
    video = rtc.Video(filmed)
    assert "image/png" not in bundle(video)
    image = video.snapshot()
    assert type(image).__module__.startswith("IPython.")
    assert (picture(image._repr_mimebundle_()[0]) == RED).all()
    assert (picture(bundle(video)) == RED).all()


def test_sound_and_connections_have_cards():
    assert "Live sound" in bundle(rtc.Audio(rtc.TestTone()))["text/html"]
    pc = rtc.PeerConnection(name="<b>us</b>")
    assert "WebRTC connection &lt;b&gt;us" in bundle(pc)["text/html"]
    engine().call(pc.aclose(), 10)


def test_a_source_that_raises_or_hangs_leaves_a_card(caplog):
    def broken(_time):
        raise RuntimeError("no picture")

    assert "text/html" in bundle(rtc.Video(rtc.NumpyVideoTrack(broken)))
    caplog.clear()


def test_a_large_picture_is_made_small():
    noise = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8)
    assert len(to_png(noise)) > 10 * BOUND
    assert len(small_png(noise)) <= BOUND
    flat = np.zeros((720, 1280, 3), np.uint8)
    with av.open(io.BytesIO(small_png(flat))) as file:
        assert next(file.decode(video=0)).width == 640


def exported(*shown, with_state=()) -> str:
    """Return the page that nbconvert makes of a notebook that shows these."""
    notebook = nbformat.v4.new_notebook()
    for each in shown:
        output = nbformat.v4.new_output("display_data", data=bundle(each))
        notebook.cells.append(nbformat.v4.new_code_cell("shown", outputs=[output]))
    state = {each.model_id: {"model_name": "AnyModel", "model_module": "anywidget", "state": {}} for each in with_state}
    states = {"version_major": 2, "version_minor": 0, "state": state}
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": states}
    html, _resources = HTMLExporter(template_name="lab").from_notebook_node(notebook)
    return html[html.index("<main") :]


def test_nbconvert_shows_stills_and_cards_where_no_widget_state_was_saved():
    camera = rtc.Camera(autostart=False)
    html = exported(rtc.Video(rtc.NumpyVideoTrack(RED)), camera)
    assert "data:image/png;base64," in html
    assert "Live camera" in html
    assert "widget-view" not in html
    camera.close()


def test_nbconvert_shows_the_widget_itself_where_its_state_was_saved():
    """As `jupyter nbconvert --execute` saves it; what has no state, another kernel's, is still a still."""
    camera = rtc.Camera(autostart=False)
    video = rtc.Video(rtc.NumpyVideoTrack(RED))
    html = exported(video, camera, with_state=[video])
    assert video.model_id in html
    assert camera.model_id not in html
    assert "Live camera" in html
    camera.close()


def test_a_box_with_a_closed_widget_can_still_be_asked_for_its_state():
    """A page that is loaded again asks for the state of all; one that raises would leave it with none."""
    video = rtc.Video(rtc.TestPattern())
    box = ipywidgets.VBox([video])
    shown = video.model_id
    video.close()
    assert box.get_state()["children"] == [f"IPY_MODEL_{shown}"]
    box.close()
