"""Which camera it is: chosen by name, changed while it runs, remembered, and replaced when it is unplugged."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .lab import Notebook
from .media import IMPORTS, cameras_on, count_cameras

# The second of Chromium's fake cameras gives depth pictures, which no encoder takes: only the others are used.
pytestmark = [pytest.mark.slow, pytest.mark.page(cameras=3)]

# Of the camera in use.
LABEL = "[d['label'] for d in cam.devices if d['deviceId'] == cam.device]"

# What a page sees when a device is pulled out: it is listed no more, cannot be opened, and its tracks end.
UNPLUG = """(id) => {
  const devices = navigator.mediaDevices;
  const [list, open] = [devices.enumerateDevices.bind(devices), devices.getUserMedia.bind(devices)];
  devices.enumerateDevices = async () => (await list()).filter((device) => device.deviceId !== id);
  devices.getUserMedia = async (wish) => {
    if (wish.video?.deviceId?.exact === id) throw new OverconstrainedError("deviceId");
    const others = (await list()).filter((device) => device.kind === "videoinput" && device.deviceId !== id);
    return open({ ...wish, video: { ...wish.video, deviceId: { exact: others.at(-1).deviceId } } });
  };
  devices.dispatchEvent(new Event("devicechange"));
  for (const track of globalThis.cameras.tracks) {
    if (track.readyState !== "live" || track.getSettings().deviceId !== id) continue;
    track.stop();
    track.dispatchEvent(new Event("ended"));
  }
}"""


def labels(notebook: Notebook) -> list[str]:
    return notebook.value("[d['label'] for d in cam.devices if d['kind'] == 'video']")


@pytest.mark.parametrize("by", ["label", "part", "id"])
def test_a_camera_is_chosen_when_it_is_made(notebook: Notebook, by: str) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("cam.read()")
    third = labels(notebook)[2]
    its_id = notebook.value("[d['deviceId'] for d in cam.devices if d['kind'] == 'video'][2]")
    name = {"label": third, "part": "DEVICE_2", "id": its_id}[by]
    notebook.do(f"cam.close()\ncam = rtc.Camera(device={name!r})\ncam")
    notebook.wait_value(f"{LABEL} == [{third!r}] and cam.state == 'live'")
    assert notebook.value("[cam.error, cam.read().shape]") == ["", [480, 640, 3]]


def test_a_camera_that_is_not_there_is_told_of_and_another_taken(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera(device='microscope')\ncam")
    notebook.wait_value("cam.state == 'live' and 'microscope' in cam.error")
    assert notebook.value("cam.read().shape") == [480, 640, 3]


def test_at_the_receiver_another_camera_is_no_break(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do(
        "cam.read(); a, b = rtc.PeerConnection(), rtc.PeerConnection(); sender = a.add_track(cam.video)\n"
        "await rtc.connect_pair(a, b)"
    )
    notebook.do(
        "far = b.get_receivers()[0].track; far.read()\n"
        "events, came = [], []\n"
        "for name in ('mute', 'unmute', 'ended'):\n"
        "    far.on(name, lambda name=name: events.append(name)); cam.video.on(name, lambda n=name: events.append(n))\n"
        "stop = far.on_frame(lambda picture: came.append(time.monotonic()))"
    )
    notebook.do("cam.device = 'device_2'")
    notebook.wait_value(f"'device_2' in str({LABEL})")
    notebook.wait_value("cam.state == 'live'")
    notebook.do("before = len(came)")
    notebook.wait_value("len(came) > before + 30")
    assert notebook.value("events") == []
    assert notebook.value("max(b - a for a, b in zip(came, came[1:]))") < 1.5
    assert notebook.value("sender.track is cam.video")


def test_a_persons_choice_is_remembered_by_the_browser(
    notebook: Notebook, new_notebook: Callable[..., Notebook]
) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("cam.read()")
    first, _, third = labels(notebook)
    assert notebook.value(LABEL) == [first]
    notebook.page.locator(".jrtc select").first.select_option(label=third)
    notebook.wait_value(f"{LABEL} == [{third!r}] and cam.state == 'live'")
    another = new_notebook(context=notebook.page.context)
    another.do(IMPORTS + "cam = rtc.Camera()\ncam")
    another.wait_value("cam.state == 'live'")
    assert another.value(LABEL) == [third]
    # What a program asks for comes first.
    another.do(f"cam.close()\ncam = rtc.Camera(device={first!r})\ncam")
    another.wait_value(f"{LABEL} == [{first!r}] and cam.state == 'live'")


def test_in_place_of_a_camera_that_is_unplugged_another_is_taken(notebook: Notebook) -> None:
    count_cameras(notebook)
    notebook.do(IMPORTS + "cam = rtc.Camera(device='device_0')\ncam")
    notebook.wait_value("cam.state == 'live'")
    notebook.do("cam.read(); track = cam.video; gone = cam.device")
    notebook.wait_value(f"'device_0' in str({LABEL})")
    notebook.js(UNPLUG, notebook.value("cam.device"))
    notebook.wait_value("cam.device != gone and cam.state == 'live' and 'device_0' in cam.error")
    assert notebook.value("[cam.video is track, cam.read().shape]") == [True, [480, 640, 3]]
    # The camera that is counted is the one that was opened after it.
    assert len(labels(notebook)) == 2
    notebook.do("cam.stop()")
    notebook.until(lambda: cameras_on(notebook) == 0)
    notebook.do("cam.start(); cam.read()")


def test_front_and_back_cameras_are_asked_for_by_where_they_face(notebook: Notebook) -> None:
    notebook.js(
        """() => {
          const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          globalThis.wishes = [];
          navigator.mediaDevices.getUserMedia = (wish) => { globalThis.wishes.push(wish); return open(wish); };
        }"""
    )
    notebook.do(IMPORTS + "cam = rtc.Camera(facing='environment')\ncam")
    notebook.wait_value("cam.state == 'live'")
    assert notebook.js("() => wishes[0].video.facingMode") == "environment"
    # A camera that a person then chooses may face anywhere.
    notebook.page.locator(".jrtc select").first.select_option(label=labels(notebook)[2])
    notebook.wait_value(f"'device_2' in str({LABEL})")
    assert "facingMode" not in notebook.js("() => wishes.at(-1).video")
