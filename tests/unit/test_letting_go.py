"""What no output has any more is closed when nobody holds it, with the layout that ipywidgets made for it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import ipywidgets
import pytest
from ipywidgets.widgets.widget import _instances

import jupyter_rtc as rtc
from jupyter_rtc.engine.loop import engine
from tests.unit.test_captures import Page, until


def shown(widget: ipywidgets.Widget) -> Page:
    """Show it in a page that knows of the cell's output."""
    widget._repr_mimebundle_()
    page = Page(widget)
    del widget.send  # which holds the page, which holds the widget
    until(lambda: widget._pages.seen)
    return page


def clear(page: Page, **how: object) -> None:
    """Take the widget's output away, as `clear_output` and the cell's next run do."""
    page.say({"type": "bye", **how})
    until(lambda: not page.widget._pages.seen)
    engine().call(_nothing(), 10)


async def _nothing() -> None:
    return


def collected(reference: weakref.ref) -> bool:
    gc.collect()
    return reference() is None


MAKERS = {
    "video": lambda: rtc.Video(rtc.TestPattern()),
    "audio": lambda: rtc.Audio(rtc.TestTone()),
    "view of a track": lambda: rtc.TestPattern().view,
    "view of a stream": lambda: rtc.MediaStream([rtc.TestPattern()]).view,
    "camera": lambda: rtc.Camera(audio=True),
    "microphone": rtc.Microphone,
    "screen": rtc.Screen,
    "capture": lambda: rtc.Capture(ipywidgets.IntSlider()),
}


@pytest.mark.parametrize("name", MAKERS)
def test_what_was_cleared_and_nobody_holds_is_closed_with_its_layout(name: str) -> None:
    widget = MAKERS[name]()
    models = {widget.model_id, widget.layout.model_id}
    page, reference, comm = shown(widget), weakref.ref(widget), weakref.ref(widget.comm)
    clear(page, cleared=True)
    del widget, page
    assert collected(reference)
    until(lambda: not models & set(_instances))
    until(lambda: collected(comm))


def test_of_sixty_moves_of_a_slider_nothing_is_left() -> None:
    track = rtc.TestPattern()
    before = len(_instances)
    for _ in range(60):
        clear(shown(rtc.Video(track)), cleared=True)
    gc.collect()
    until(lambda: len(_instances) == before)
    assert all(not listeners for listeners in track._listeners.values())
    assert not rtc.MediaStream([track])._followers


@pytest.mark.parametrize("hold", [lambda widget: [widget], lambda widget: ipywidgets.VBox([widget])])
def test_what_somebody_holds_stays_and_can_be_shown_again(hold: Callable[[object], object]) -> None:
    widget = rtc.Camera()
    model, held, page = widget.model_id, hold(widget), shown(widget)
    clear(page, cleared=True)
    reference = weakref.ref(widget)
    del widget, page
    assert not collected(reference)
    assert _instances[model].state == "stopped", "and a page that is loaded again finds it"
    camera = reference()
    again = shown(camera)
    assert _instances[model] is camera
    camera.start()
    again.capture("live")
    until(lambda: camera.state == "live")
    camera.close()
    assert model not in _instances
    del held


def test_whose_track_is_held_stays() -> None:
    camera = rtc.Camera()
    track, reference, page = camera.video, weakref.ref(camera), shown(camera)
    clear(page, cleared=True)
    del camera, page
    assert not collected(reference)
    assert track.ready_state == "live"
    reference().close()


def test_what_a_closed_notebook_showed_is_there_when_it_is_opened_again() -> None:
    video = rtc.Video(rtc.TestPattern())
    model, page, reference = video.model_id, shown(video), weakref.ref(video)
    clear(page)
    del video, page
    assert not collected(reference)
    assert _instances[model] is reference()
    reference().close()


def test_a_layout_that_somebody_else_uses_stays_open() -> None:
    mine, given = ipywidgets.Layout(width="10px"), rtc.TestPattern()
    first = rtc.Video(given)
    first_of_other = rtc.Video(given)
    second = ipywidgets.IntSlider(layout=first_of_other.layout)
    camera = rtc.Camera()
    camera.layout = mine
    own = first.layout.model_id
    for widget in (first, first_of_other, camera):
        widget.close()
    assert own not in _instances
    assert second.layout.model_id in _instances
    assert mine.model_id in _instances
