"""An error of ours in a cell: IPython shows the user's line and the sentence, and nothing of what is between."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import tempfile
import traceback

import pytest

import jupyter_rtc as rtc
from jupyter_rtc import border
from tests.conftest import ROOT

BEFORE = """
import asyncio, os
import numpy as np, ipywidgets
import jupyter_rtc as rtc
pattern = rtc.TestPattern()
written = rtc.NumpyVideoTrack()
tone = rtc.TestTone()
cam = rtc.Camera(audio=True)
mic = rtc.Microphone()
video = rtc.Video(pattern)
pc = rtc.PeerConnection()
sender = pc.add_track(pattern)
transceiver = pc.get_transceivers()[0]
channel = pc.create_data_channel("x")
closed = rtc.PeerConnection()
closed.close()
stream = rtc.MediaStream([pattern])
server = rtc.WhipServer()
ended = rtc.NumpyVideoTrack()
ended.stop()
"""

#: Each is one line of a cell that fails, all over the public surface: called, awaited, iterated, set.
FAILING = """
rtc.Camera(video=False)
rtc.Camera(size="large")
rtc.Camera(0.5)
rtc.Camera(facing="me")
rtc.Microphone({"echoCancelation": False})
rtc.Screen(audio=3)
rtc.Capture(3)
rtc.Capture(ipywidgets.Button(), fps=0)
rtc.Video(3)
rtc.Audio("nothing")
rtc.NumpyVideoTrack(fps=0)
rtc.NumpyVideoTrack(size=(1, 2, 3))
rtc.NumpyAudioTrack(channels=9)
rtc.TestPattern((1, 1))
rtc.read_stamp("no picture")
rtc.MediaStream([3])
rtc.PeerConnection(ice_servers=3)
rtc.configure(codec="AV1")
rtc.configure(bitrate=-5)
rtc.serve_rooms("here")
rtc.WhipServer(port="x")
rtc.Whip("ftp://x")
rtc.Whep(3)
rtc.WebSocketRoom("http://x", 3)
rtc.CopyPaste.decode("no text of ours")
rtc.CopyPaste().paste("no text of ours")
written.write("a picture")
written.write(np.zeros((3, 4, 5)))
tone.read(seconds=-1)
tone.frames(maxsize=0)
pattern.read(timeout="soon")
pattern.read(format="hsv")
pattern.on("click", print)
pattern.on_frame(3)
pattern.map(3)
ended.read()
written.read(timeout=0.01)
cam.read()
cam.wait_connected(0.01)
cam.frames(timeout=-1)
mic.read(seconds=0)
video.snapshot(timeout="x")
stream.add_track(3)
pc.add_track(pattern)
pc.add_track(3)
pc.add_transceiver("smell")
pc.create_data_channel(3)
pc.on("nothing", print)
pc.remove_track(3)
pc.set_configuration(ice_servers=3)
transceiver.direction = "up"
transceiver.set_codec_preferences(3)
sender.set_parameters(max_bitrate=-1)
sender.set_streams(3)
channel.send(3)
channel.send("too early")
closed.add_track(pattern)
server.publish("a/b", pattern)
await pc.set_remote_description({"type": "offer", "sdp": "nonsense"})
await pc.set_remote_description(3)
await pc.add_ice_candidate({"candidate": 3})
await pc.connect(3)
await closed.create_offer()
await sender.replace_track(tone)
await rtc.connect_pair(pc, pc)
await rtc.get_user_media()
await cam.connected(0.01)
for picture in written.frames(timeout=0.01): pass
async for picture in written.frames(timeout=0.01): pass
[picture for picture in cam.frames(timeout=0.01)]
await asyncio.gather(cam.connected(0.01))
rtc.Camera(heigth=3)
pattern.read(1, 2, 3)
await rtc.connect_pair()
await pc.add_ice_candidate({"candidate": "x", "sdpMid": 0})
"""

IN_IPYTHON = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

shell = InteractiveShell.instance(colors="NoColor")
shell.run_cell(sys.argv[1])
told = {}
for line in json.loads(sys.argv[2]):
    with capture_output() as output:
        result = shell.run_cell(f"# a cell\\n{line}\\n# its end")
    told[line] = [type(result.error_in_exec or result.error_before_exec).__name__, output.stdout + output.stderr]
print("\\n" + json.dumps(told))
"""


def run_in_ipython(lines: list[str], **environment: str) -> dict[str, list[str]]:
    command = [sys.executable, "-c", IN_IPYTHON, BEFORE, json.dumps(lines)]
    kept = {name: value for name, value in os.environ.items() if name != "JUPYTER_RTC_TRACEBACKS"}
    with tempfile.TemporaryDirectory() as own:
        kept |= {"IPYTHONDIR": own, **environment}
        run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=100, env=kept, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


LINES = FAILING.strip().splitlines()


@pytest.fixture(scope="module")
def told() -> dict[str, list[str]]:
    return run_in_ipython(LINES)


@pytest.mark.parametrize("line", LINES)
def test_ipython_shows_the_users_line_and_the_sentence(told, line):
    kind, output = told[line]
    assert kind != "NoneType", "nothing was raised"
    assert line in output
    assert output.strip().splitlines()[-1].startswith(f"{kind}: "), output
    assert "jupyter_rtc/" not in output, output
    assert "skipping hidden" not in output
    assert output.count("Traceback") == 1, output


def test_the_whole_traceback_is_shown_when_it_is_asked_for():
    ((_, output),) = run_in_ipython(["rtc.Camera(video=False)"], JUPYTER_RTC_TRACEBACKS="full").values()
    assert "widgets/camera.py" in output


def test_a_users_own_error_keeps_its_frames_and_a_bug_of_ours_too():
    lines = [
        "rtc.NumpyVideoTrack(rtc.Camera.mro()[1].nothing)",
        "def hand(): rtc.Camera(video=False)\nhand()",
        "try:\n    {}['own']\nexcept KeyError:\n    rtc.Camera(video=False)",
        "from jupyter_rtc.media import sources; sources.checked_fps = None; rtc.NumpyVideoTrack(fps=3)",
    ]
    told = [output for _, output in run_in_ipython(lines).values()]
    assert "AttributeError" in told[0]
    assert "def hand(): rtc.Camera(video=False)" in told[1]
    assert "KeyError: 'own'" in told[2], "what the user tried before"
    assert "media/sources.py" in told[3], "a bug: nothing of it is hidden"


@pytest.mark.parametrize("reading", ["mapped.read()", "next(mapped.frames())"])
def test_of_a_map_that_raises_the_line_of_its_function_is_shown_and_none_of_ours(reading):
    lines = [f"mapped = pattern.map(lambda picture: 1 / 0)\n{reading}"]
    ((kind, output),) = run_in_ipython(lines).values()
    assert kind == "ZeroDivisionError"
    assert "in <lambda>(" in output
    assert f"> 3 {reading}" in output
    assert "jupyter_rtc/" not in output, output


def test_what_the_function_of_a_map_has_called_is_shown():
    lines = ["def parse(_): return json.loads('{')\nimport json\npattern.map(parse).read()"]
    ((_, output),) = run_in_ipython(lines).values()
    assert "json/decoder.py" in output.rpartition("----\n")[2]
    assert "jupyter_rtc/" not in output, output


def test_wrong_arguments_of_a_call_of_ours_are_a_bug_of_which_nothing_is_hidden(monkeypatch):
    monkeypatch.delenv("JUPYTER_RTC_TRACEBACKS")
    ours: dict = {"rtc": rtc}
    exec(compile("def make(): rtc.Camera(heigth=3)", border.__file__, "exec"), ours)
    with pytest.raises(TypeError, match="heigth") as caught:
        ours["make"]()
    assert not hasattr(caught.value, "_render_traceback_")


def test_debuggers_are_told_which_frames_are_ours(monkeypatch):
    monkeypatch.delenv("JUPYTER_RTC_TRACEBACKS")
    with pytest.raises(ValueError, match="nothing to capture") as caught:
        rtc.Camera(video=False)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    ours = [frame for frame in frames if "/jupyter_rtc/" in frame.f_code.co_filename]
    assert len(ours) >= 2
    assert all(frame.f_locals.get("__tracebackhide__") for frame in ours)


def test_an_error_does_not_hold_itself(monkeypatch):
    """A cycle would keep pictures and connections alive until the collector comes."""
    monkeypatch.delenv("JUPYTER_RTC_TRACEBACKS")
    with pytest.raises(TypeError) as caught:
        rtc.NumpyVideoTrack().write("a picture")
    assert caught.value._render_traceback_ is border._render_last


def test_the_border_leaves_signatures_names_and_kinds_alone():
    assert list(inspect.signature(rtc.Camera).parameters)[:2] == ["video", "audio"]
    assert rtc.PeerConnection.connect.__qualname__ == "PeerConnection.connect"
    assert inspect.iscoroutinefunction(rtc.PeerConnection.connect)
    assert inspect.iscoroutinefunction(rtc.connect_pair)
    assert rtc.configure.__doc__
