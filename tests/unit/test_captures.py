"""What Camera, Microphone, Screen and Capture ask of a page, and what a page's word makes of them."""

from __future__ import annotations

import gc
import inspect
import threading
import time
from collections.abc import Callable, Iterator

import ipywidgets
import numpy as np
import pytest

import jupyter_rtc as rtc
from jupyter_rtc.engine.loop import engine
from jupyter_rtc.link.messages import Mailbox
from jupyter_rtc.widgets.capturing import CaptureWidget

SOON = 10.0


class Page:
    """The page's side of a widget's comm."""

    def __init__(self, widget: CaptureWidget, name: str = "page") -> None:
        self.widget, self.name, self.mailbox = widget, name, Mailbox()
        self.heard: list[dict] = []
        self.sent: list[dict] = []
        widget.send = self.sent.append  # in place of the comm, which nobody hears here
        self.say({"type": "hello", "secure": True, "origin": "http://localhost", "agent": "test"})

    def say(self, *messages: dict) -> None:
        for message in messages:
            self.mailbox.post(message)
        self.widget._pages.receive({**self.mailbox.envelope(), "client": self.name})

    def capture(self, state: str, by: str = "page", **more: object) -> None:
        self.say({"type": "capture", "state": state, "by": by, **more})

    def listen(self, kind: str) -> dict:
        """Wait for the next message of this kind."""

        def found() -> dict | None:
            while self.sent:
                self.heard += self.mailbox.receive(self.sent.pop(0))
            while self.heard:
                message = self.heard.pop(0)
                if message["type"] == kind:
                    return message
            return None

        return until(found)


def until(condition: Callable[[], object]) -> object:
    deadline = time.monotonic() + SOON
    while not (found := condition()):
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.005)
    return found


@pytest.fixture
def made() -> Iterator[list[CaptureWidget]]:
    widgets: list[CaptureWidget] = []
    yield widgets
    for widget in widgets:
        widget.close()
    engine().call(_nothing(), SOON)


async def _nothing() -> None:
    return


def test_a_screen_is_asked_for_by_start_only_and_lives_by_a_click(made):
    screen = rtc.Screen(audio=True)
    made.append(screen)
    page = Page(screen)
    assert page.listen("plan")["capture"] == {"source": "screen", "video": True, "audio": True}
    assert (screen.state, [track.kind for track in screen.stream.get_tracks()]) == ("idle", ["video", "audio"])
    with pytest.raises(TimeoutError, match="press Share"):
        screen.read(timeout=0.1)
    screen.start()
    assert page.listen("capture")["command"] == "start"
    assert screen.state == "starting"
    page.capture("starting")
    page.capture("live", settings={"video": {"width": 800}})
    until(lambda: screen.state == "live")
    assert screen.settings == {"video": {"width": 800}}
    # By the browser's own button.
    page.capture("stopped")
    until(lambda: screen.state == "stopped")
    assert screen.error == ""
    assert screen.video.ready_state == "live"


@pytest.mark.parametrize("forgotten", ["before it is stopped", "after it is stopped"])
def test_a_forgotten_clone_does_not_keep_a_camera_on(made, forgotten):
    camera = rtc.Camera()
    made.append(camera)
    page = Page(camera)  # which turns it on
    page.capture("live", by="kernel")
    until(lambda: camera.state == "live")
    clones = [camera.video.clone(), camera.video.clone().clone()]
    if forgotten == "before it is stopped":
        clones.clear()
        gc.collect()
    camera.video.stop()
    assert camera.state == ("live" if clones else "stopped")
    clones.clear()
    gc.collect()
    until(lambda: camera.state == "stopped")
    until(lambda: page.listen("capture")["command"] == "stop")


def test_a_screen_is_asked_for_at_most_so_many_pictures_a_second(made):
    screen = rtc.Screen(fps=10)
    made.append(screen)
    video = Page(screen).listen("plan")["capture"]["video"]
    # getDisplayMedia takes "max" and "ideal", and throws at "min" and "exact" (Screen Capture §5.1).
    assert video == {"frameRate": {"max": 10.0}}


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ({}, {"width": {"ideal": 640}, "height": {"ideal": 480}}),
        ({"size": (1280, 720)}, {"width": {"ideal": 1280}, "height": {"ideal": 720}}),
        ({"width": 1280, "height": 720}, {"width": {"ideal": 1280}, "height": {"ideal": 720}}),
        ({"width": 1280}, {"width": {"ideal": 1280}}),
        ({"height": 720}, {"height": {"ideal": 720}}),
    ],
)
def test_a_cameras_size_may_be_given_in_two_ways(made, arguments, asked):
    camera = rtc.Camera(**arguments)
    made.append(camera)
    video = Page(camera).listen("plan")["capture"]["video"]
    assert {name: video[name] for name in ("width", "height") if name in video} == asked


def test_a_screen_that_was_not_chosen_is_an_error_that_says_what_to_do(made):
    screen = rtc.Screen()
    made.append(screen)
    page = Page(screen)
    page.capture("starting")
    page.capture("error", error={"name": "NotAllowedError", "message": "the screen was not shared: press Share"})
    until(lambda: screen.state == "error")
    with pytest.raises(rtc.CaptureTimeout, match="press Share"):
        screen.read(timeout=5)


def test_a_capture_names_the_widget_and_begins_when_it_is_shown(made):
    slider = ipywidgets.IntSlider()
    capture = rtc.Capture(slider, fps=12)
    made.append(capture)
    page = Page(capture)
    start = page.listen("capture")
    assert start["wish"] == {"source": "element", "video": True, "model": slider.model_id, "fps": 12.0}
    page.capture("error", by="kernel", error={"name": "NotFoundError", "message": "no canvas"})
    until(lambda: capture.state == "error")
    assert capture.error == "no canvas", "without what helps with devices"


def test_a_microphone_is_read_as_sound_and_finds_its_device_by_a_part_of_its_name(made):
    microphone = rtc.Microphone({"echoCancellation": False}, device="usb")
    made.append(microphone)
    page = Page(microphone)
    assert page.listen("capture")["wish"] == {"audio": {"echoCancellation": False}}
    devices = [
        {"deviceId": "a", "kind": "audio", "label": "Built in"},
        {"deviceId": "b", "kind": "audio", "label": "USB microphone"},
    ]
    page.capture("live", by="kernel", device="a", devices=devices)
    # Its name is told only now that there is a permission.
    assert page.listen("capture")["wish"] == {"audio": {"echoCancellation": False, "deviceId": {"exact": "b"}}}
    page.capture("live", by="kernel", device="b", devices=devices)
    until(lambda: microphone.device == "b")
    assert (microphone.video, microphone.audio.kind) == (None, "audio")
    assert microphone.latest() is None


def test_what_the_track_says_of_its_silence_is_that_of_the_state_it_fell_silent_in(made):
    camera = rtc.Camera()
    made.append(camera)
    page = Page(camera)
    page.listen("capture")
    page.capture("live", by="kernel")
    until(lambda: camera.state == "live")
    camera._page_media(page.name, "video", rtc.TestPattern())
    assert not camera.video.muted
    said = []
    emit = camera.video._emit
    camera.video._emit = lambda event, *rest: (said.append((event, camera._why_silent())), emit(event, *rest))
    camera.stop()
    assert said == [("mute", "the camera is off: press Start under the picture, or call start()")]


def test_with_its_last_track_a_capture_is_over(made):
    screen = rtc.Screen()
    made.append(screen)
    page = Page(screen)
    page.capture("starting")
    page.capture("live")
    until(lambda: screen.state == "live")
    screen.video.stop()
    until(lambda: screen.state == "stopped")
    with pytest.raises(rtc.InvalidStateError, match="make a new Screen"):
        screen.start()


def test_arguments_that_make_no_sense_are_refused():
    with pytest.raises(TypeError, match="not ndarray"):
        rtc.Capture(np.zeros(3))
    with pytest.raises(ValueError, match="at most 240, not 0"):
        rtc.Capture(ipywidgets.IntSlider(), fps=0)
    with pytest.raises(ValueError, match="nothing to capture"):
        rtc.Microphone(False)
    with pytest.raises(TypeError, match="device is a label"):
        rtc.Microphone(device=1)


def test_a_page_that_is_connected_is_not_said_to_be_connecting(made):
    camera = rtc.Camera()
    made.append(camera)
    page = Page(camera)
    page.capture("live")
    until(lambda: camera.state == "live")
    with pytest.raises(TimeoutError, match="the page is connecting"):
        camera.read(timeout=0.1)
    camera._pages._sessions["page"].connected = True
    with pytest.raises(TimeoutError, match="the page is connected, and nothing has come from it yet"):
        camera.read(timeout=0.1)


def test_what_a_capture_waits_for_is_said_in_the_pages_words(made):
    capture = rtc.Capture(ipywidgets.IntSlider())
    made.append(capture)
    page = Page(capture)
    capture.start()
    page.listen("capture")
    with pytest.raises(TimeoutError, match="the page is asked for it"):
        capture.read(timeout=0.1)
    page.capture("starting", "kernel", why="waiting until the widget draws")
    until(lambda: capture._waits_for)
    assert capture.state == "starting"
    with pytest.raises(TimeoutError, match="waiting until the widget draws"):
        capture.read(timeout=0.1)


def test_a_capture_that_stands_still_in_a_hidden_page_is_muted_until_it_is_seen(made):
    capture = rtc.Capture(ipywidgets.IntSlider())
    made.append(capture)
    page = Page(capture)
    track = rtc.NumpyVideoTrack(np.full((8, 8, 3), 9, np.uint8))
    page.capture("live")
    until(lambda: capture.state == "live")
    engine().call(_nothing(), SOON)
    capture._page_media("page", "video", track)
    assert capture.read(timeout=5)[0, 0, 0] == 9
    assert list(capture._plan("other").tracks) == [capture.video.id]
    page.capture("starting", "kernel", why="the page that captures is hidden")
    until(lambda: capture.state == "starting")
    until(lambda: capture.video.muted)
    with pytest.raises(TimeoutError, match="the page that captures is hidden"):
        capture.read(timeout=0.1)
    page.capture("live", "kernel")
    until(lambda: capture.state == "live")
    assert capture.read(timeout=5)[0, 0, 0] == 9
    track.stop()


def test_a_page_may_ask_for_the_report(made):
    screen = rtc.Screen()
    made.append(screen)
    page = Page(screen)
    page.listen("plan")
    page.say({"type": "report"})
    assert page.listen("report")["text"].startswith("Not connected.")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: rtc.Camera("x"), "video is True, False, or a dict of constraints, not 'x'"),
        (lambda: rtc.Camera(3), "video is True, False, or a dict"),
        (lambda: rtc.Camera(0), "video is True, False, or a dict"),
        (lambda: rtc.Camera(audio="usb"), "audio is True, False, or a dict"),
        (lambda: rtc.Camera({"width": object()}), "a constraint is a number"),
        (lambda: rtc.Camera(fps="x"), "fps is a number, not 'x'"),
        (lambda: rtc.Camera(0), r"not 0: browsers do not number devices.*by device=, see \.devices"),
        (lambda: rtc.Camera("HD Webcam"), "a device is named by device='HD Webcam'"),
        (lambda: rtc.Microphone(1), "browsers do not number devices"),
        (lambda: rtc.Camera(width="wide"), "width is a whole number, not 'wide'"),
        (lambda: rtc.Screen(fps="x"), "fps is a number, not 'x'"),
        (lambda: rtc.Camera(facing=3), "facing is a str, not int"),
        (lambda: rtc.Camera(size=640), "size is"),
        (lambda: rtc.Camera(mirror="x"), "mirror is True or False"),
        (lambda: rtc.Camera(autostart="x"), "autostart is True or False"),
        (lambda: rtc.Microphone("usb"), "audio is True, False, or a dict"),
        (lambda: rtc.Screen(audio=3), "audio is True, False, or a dict"),
        (lambda: rtc.Capture(ipywidgets.IntSlider(), fps="x"), "fps is a number"),
        (lambda: rtc.Video(rtc.TestPattern(), muted="x"), "muted is True or False, not 'x'"),
        (lambda: rtc.Video(rtc.TestPattern(), controls=None), "controls is True or False"),
        (lambda: rtc.Video(rtc.TestPattern(), mirror=1), "mirror is True or False"),
        (lambda: rtc.Video(rtc.TestPattern(), show_stats="x"), "show_stats is True or False"),
        (lambda: rtc.Audio(rtc.TestTone(), muted="x"), "muted is True or False"),
        (lambda: rtc.Screen().wait_connected("x"), "timeout is a number, not 'x'"),
    ],
)
def test_arguments_of_a_wrong_type_are_refused_in_words(make, words):
    with pytest.raises(TypeError, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: rtc.Microphone({"echoCancelation": False}), "'echoCancelation': did you mean 'echoCancellation'"),
        (lambda: rtc.Microphone({"noise_suppression": False}), "did you mean 'noiseSuppression'"),
        (lambda: rtc.Camera({"widht": 640}), "video has no constraint 'widht': did you mean 'width'"),
        (lambda: rtc.Camera({"fps": 15}), "did you mean 'frameRate'"),
        (lambda: rtc.Camera(audio={"autoGain": False}), "did you mean 'autoGainControl'"),
        (lambda: rtc.Screen({"suppressLocalAudio": True}), "did you mean 'suppressLocalAudioPlayback'"),
        (lambda: rtc.Camera({"colour": 3}), "video has no constraint 'colour': there are advanced, aspectRatio, "),
        (lambda: rtc.Camera({"advanced": [{"wdith": 640}]}), "'wdith': did you mean 'width'"),
        (lambda: rtc.Camera({"advanced": [{"advanced": []}]}), "video has no constraint 'advanced'"),
        (lambda: rtc.Camera({"width": {"idael": 640}}), "width takes no 'idael': did you mean 'ideal'"),
        (lambda: rtc.Camera({"advanced": [{"width": {"maximum": 640}}]}), "width takes no 'maximum'"),
        (lambda: rtc.Camera({"facingMode": {"min": "user"}}), "facingMode takes no 'min': there are exact, ideal"),
        (lambda: rtc.Camera({"facingMode": "front"}), "facingMode is 'user' or 'environment' or .*, not 'front'"),
        (lambda: rtc.Camera({"echoCancellation": True}), "constraint of audio, not of video: give it in audio={"),
        (lambda: rtc.Microphone({"width": 640}), "constraint of video, not of audio: give it in video={"),
    ],
)
def test_a_constraint_that_browsers_would_ignore_is_refused_with_the_right_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: rtc.Camera({"width": "640"}), "width is a number, not '640'"),
        (lambda: rtc.Camera({"width": {"ideal": True}}), "width: ideal is a number, not True"),
        (lambda: rtc.Microphone({"autoGainControl": 0}), "autoGainControl is True or False, not 0"),
        (lambda: rtc.Microphone({"deviceId": 1}), "deviceId is a str, or a list of them, not 1"),
        (lambda: rtc.Camera({"advanced": {"width": 640}}), "advanced is a list of dicts"),
    ],
)
def test_a_constraint_of_a_wrong_type_is_refused(make, words):
    with pytest.raises(TypeError, match=words):
        make()


async def test_get_user_media_takes_what_a_camera_takes():
    with pytest.raises(ValueError, match="did you mean 'echoCancellation'"):
        await rtc.get_user_media(audio={"echoCancelation": False})
    for wrong in ("x", 3):
        with pytest.raises(TypeError, match="video is True, False, or a dict"):
            await rtc.get_user_media(video=wrong)


def test_what_is_documented_is_taken(made):
    made += [
        rtc.Camera(None, True),
        rtc.Camera(np.True_, {"echoCancellation": np.False_}),
        rtc.Camera({"width": {"min": np.int64(640)}}, size=(320, 240), fps=np.float32(15), facing="user", mirror=True),
        rtc.Microphone({}),
        rtc.Screen({"suppressLocalAudioPlayback": True}),
        rtc.Screen(None),
        rtc.Microphone({"echoCancellation": {"exact": False}, "sampleRate": 16000, "advanced": [{"latency": 0.01}]}),
        rtc.Camera({"deviceId": {"exact": "x"}, "facingMode": ["user", "left"], "zoom": True, "pan": {"max": 2}}),
    ]
    assert [[track.kind for track in widget.stream.get_tracks()] for widget in made] == [
        ["audio"], ["video", "audio"], ["video"], ["audio"], ["video", "audio"], ["video"],
        ["audio"], ["video"],
    ]  # fmt: skip
    with pytest.raises(ValueError, match="facing is 'user' or 'environment', not 'up'"):
        rtc.Camera(facing="up")
    with pytest.raises(ValueError, match="nothing to capture"):
        rtc.Camera(False)


def test_a_widget_is_read_with_the_arguments_of_its_track():
    camera, microphone = rtc.Camera(), rtc.Microphone()
    for name in ("read", "latest", "frames", "on_frame", "map"):
        for widget, track in ((camera, camera.video), (microphone, microphone.audio)):
            assert inspect.signature(getattr(widget, name)) == inspect.signature(getattr(track, name))
        assert getattr(rtc.Camera, name).__doc__
    assert camera.latest(format="bgr") is None
    with pytest.raises(TypeError, match="unexpected keyword argument 'seconds'"):
        camera.read(seconds=1)
    camera.close()
    microphone.close()


def test_a_camera_without_a_picture_says_so_when_it_is_read():
    camera = rtc.Camera(video=False, audio=True)
    assert hasattr(camera, "read"), "looking is no reading"
    with pytest.raises(rtc.InvalidStateError, match=r"read \.audio"):
        camera.read()
    camera.close()


def test_a_slow_observer_leaves_no_older_state_and_no_older_error(made):
    camera = rtc.Camera()
    made.append(camera)
    reached, go_on = threading.Event(), threading.Event()

    def slow(_change: object) -> None:
        reached.set()
        go_on.wait(SOON)

    camera.observe(slow, "state")
    camera._tell(state="error", error="the first one")
    assert reached.wait(SOON)
    camera._told["error"] = "the second one"
    setting = threading.Thread(target=camera._set_traits)
    setting.start()
    go_on.set()
    setting.join()
    until(lambda: not camera._serial._running)
    assert (camera.state, camera.error) == ("error", "the second one")
    camera.close()
    assert camera.state == "closed"
