"""What callbacks print appears in the cell that gave them to us, in real kernels of each kind."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty

import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec

from tests.conftest import ROOT, SCALE

SOON = 10 * SCALE
numbers = itertools.count()

#: The tests' own, and those of `make test-all`.
ENVIRONMENTS = ("", "ipykernel-6.31", "ipykernel-7.3")

IMPORTS = """
import asyncio, sys, threading, time
import numpy as np
import jupyter_rtc as rtc
def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.005)
go = threading.Event()
picture = np.zeros((8, 8, 3), np.uint8)
"""


class StuckError(Exception):
    """The kernel answers nothing any more: ipykernel 7.3 does so once in several hundred cells, also without us."""


class Kernel:
    """A kernel, and what its cells have put out so far."""

    def __init__(self, python: Path, folder: Path) -> None:
        argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self._spec = KernelSpec(argv=argv, language="python", display_name="tests'")
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython")}
        self._start()

    def _start(self) -> None:
        self._manager = KernelManager()
        self._manager._kernel_spec = self._spec
        self._manager.start_kernel(env=self._environment, stdout=subprocess.DEVNULL)
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=6 * SOON)
        self._texts: defaultdict[str, str] = defaultdict(str)
        self._idle: set[str] = set()
        self.run(IMPORTS)

    def attempt(self, test: Callable[[], None]) -> None:
        """Run a test, again in another kernel when this one is stuck."""
        for _ in range(3):
            try:
                return test()
            except StuckError:
                self.close()
                self._start()
        raise StuckError

    def run(self, code: str) -> str:
        """Run a cell to its end, and return its name."""
        cell = str(self._client.execute(code, store_history=False))
        self.until(lambda: cell in self._idle)
        assert "Traceback" not in self._texts[cell] or "traceback is wanted" in code, self._texts[cell]
        return cell

    def text(self, cell: str) -> str:
        """Return what a cell has put out."""
        return self._texts[cell]

    def until(self, condition: Callable[[], object]) -> None:
        """Take in what the kernel sends until `condition` holds."""
        deadline = time.monotonic() + 3 * SOON
        while not condition():
            assert time.monotonic() < deadline, f"did not come about in time: {dict(self._texts)}"
            try:
                message = self._client.get_iopub_msg(timeout=1)
            except Empty:
                try:
                    self._client.kernel_info(reply=True, timeout=SOON)
                except TimeoutError:
                    raise StuckError from None
                continue
            cell, content = str(message["parent_header"].get("msg_id")), message["content"]
            match message["msg_type"]:
                case "stream":
                    self._texts[cell] += content["text"]
                case "error":
                    self._texts[cell] += "\n".join(content["traceback"])
                case "display_data":
                    self._texts[cell] += content["data"]["text/plain"] + "\n"
                case "status" if content["execution_state"] == "idle":
                    self._idle.add(cell)

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module", params=ENVIRONMENTS, ids=lambda name: name or "own")
def kernel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    python = Path(sys.prefix, "front-ends", request.param, "bin", "python") if request.param else Path(sys.executable)
    if not python.exists():
        pytest.skip(f"no environment {request.param}: `make test-all` makes it")
    kernel = Kernel(python, tmp_path_factory.mktemp("kernel"))
    yield kernel
    kernel.close()


def assert_own(kernel: Kernel, make: str, later: str, words: str = "called", least: int = 3) -> None:
    """Run a cell that gives us code, and others; all that the code prints is in the first."""
    kernel.attempt(lambda: run_cells(kernel, make, later, words, least))


def run_cells(kernel: Kernel, make: str, later: str, words: str, least: int) -> None:
    kernel.run("go.clear()")
    word, words = words, words if words != "called" else f"called{next(numbers)}"  # callbacks of others go on
    first = kernel.run(make.replace(word, words))
    second = kernel.run("print('second'); time.sleep(0.1)")
    third = kernel.run(later)
    kernel.run("pass")
    kernel.until(lambda: kernel.text(first).count(words) >= least)
    assert kernel.text(second) == "second\n"
    assert words not in kernel.text(third)
    stray = {cell: text for cell, text in kernel._texts.items() if words in text and cell != first}
    assert stray == {}
    kernel.run("go.clear(); globals().pop('stop', lambda: None)()")
    kernel._texts.clear()


MAKERS = {
    "on_frame": "rtc.TestPattern().on_frame(lambda frame: go.is_set() and print('called'))",
    "map": (
        "mapped = rtc.TestPattern().map(lambda frame: (go.is_set() and print('called'), frame)[1])\n"
        "stop = mapped.on_frame(lambda frame: None)"
    ),
    "asynchronous map": (
        "async def function(frame):\n"
        "    await asyncio.sleep(0)\n    go.is_set() and print('called')\n    return frame\n"
        "mapped = rtc.TestPattern().map(function); stop = mapped.on_frame(lambda frame: None)"
    ),
    "video source": (
        "video = rtc.NumpyVideoTrack(lambda seconds: (go.is_set() and print('called'), picture)[1])\n"
        "stop = video.on_frame(lambda frame: None)"
    ),
    "iterator": (
        "def pictures():\n    while True:\n        go.is_set() and print('called')\n        yield picture\n"
        "video = rtc.NumpyVideoTrack(pictures()); stop = video.on_frame(lambda frame: None)"
    ),
    "sound source": (
        "sound = rtc.NumpyAudioTrack(lambda times: (go.is_set() and print('called'), np.zeros(len(times)))[1])\n"
        "stop = sound.on_frame(lambda frame: None)"
    ),
    "aiortc track": (
        "from aiortc import VideoStreamTrack\n"
        "class Theirs(VideoStreamTrack):\n"
        "    async def recv(self):\n        go.is_set() and print('called')\n        return await super().recv()\n"
        "theirs = rtc.Video(Theirs())\n"
        "stop = theirs._stream.get_tracks()[0].on_frame(lambda frame: None)"
    ),
    "a thread of the user": (
        "started = threading.Thread(target=lambda: globals().update(\n"
        "    stop=rtc.TestPattern().on_frame(lambda frame: go.is_set() and print('called'))))\n"
        "started.start(); started.join()"
    ),
    "a callback of a callback": (
        "made = threading.Event()\ndef outer(frame):\n    made.wait(); stop()\n"
        "    rtc.TestPattern().on_frame(lambda frame: go.is_set() and print('called'))\n"
        "stop = rtc.TestPattern().on_frame(outer); made.set(); time.sleep(0.2)"
    ),
    "awaited in a cell": (
        "await asyncio.sleep(0.01)\nstop = rtc.TestPattern().on_frame(lambda frame: go.is_set() and print('called'))"
    ),
    "displayed": "stop = rtc.TestPattern().on_frame(lambda frame: go.is_set() and display('called'))",
    "displayed by a coroutine": (
        "async def show(frame):\n    go.is_set() and display('called')\nstop = rtc.TestPattern().on_frame(show)"
    ),
    "displayed by a source": (
        "video = rtc.NumpyVideoTrack(lambda seconds: (go.is_set() and display('called'), picture)[1])\n"
        "stop = video.on_frame(lambda frame: None)"
    ),
    "on stderr": "stop = rtc.TestPattern().on_frame(lambda frame: go.is_set() and print('called', file=sys.stderr))",
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_what_is_called_for_each_item_prints_into_its_cell(kernel, make):
    assert_own(kernel, make, "go.set(); print('third'); time.sleep(0.5); go.clear()")


def test_a_map_that_is_shown_in_another_cell_prints_into_its_own(kernel):
    kernel.attempt(lambda: map_and_show(kernel))


def map_and_show(kernel: Kernel) -> None:
    kernel.run("go.clear()")
    made = kernel.run("mapped = rtc.TestPattern().map(lambda frame: (go.is_set() and print('mapped'), frame)[1])")
    first = kernel.run("one = rtc.TestPattern().on_frame(lambda frame: go.is_set() and print('one'))")
    shown = kernel.run("two = mapped.on_frame(lambda frame: go.is_set() and print('two'))")
    last = kernel.run("go.set(); time.sleep(0.5); go.clear()")
    kernel.run("one(); two()")
    for cell, word in ((made, "mapped"), (first, "one"), (shown, "two")):
        kernel.until(lambda cell=cell: kernel.text(cell))
        assert set(kernel.text(cell).split()) == {word}
        assert kernel.text(cell).count(word) > 5
    assert kernel.text(last) == ""


EVENTS = {
    "connection": (
        "pc = rtc.PeerConnection()\npc.on('signalingstatechange', lambda: print('called'))",
        "pc.add_transceiver('video'); await pc.set_local_description()",
    ),
    "coroutine": (
        (
            "pc = rtc.PeerConnection()\n@pc.on('signalingstatechange')\n"
            "async def changed():\n    await asyncio.sleep(0.01)\n    print('called')"
        ),
        "pc.add_transceiver('video'); await pc.set_local_description()",
    ),
    "observer": (
        "pc = rtc.PeerConnection()\npc.observe(lambda change: print('called'), 'signaling_state')",
        "pc.add_transceiver('video'); await pc.set_local_description()",
    ),
    "track": (
        "video = rtc.NumpyVideoTrack()\nvideo.on('unmute', lambda: print('called'))",
        "video.write(picture)",
    ),
    "channel": (
        (
            "a, b = rtc.PeerConnection(), rtc.PeerConnection()\n"
            "channel = a.create_data_channel('x')\n"
            "b.on('datachannel', lambda theirs: theirs.on('message', lambda message: print('called')))"
        ),
        "await rtc.connect_pair(a, b); await asyncio.sleep(0.2); channel.send('hello')",
    ),
    "stream": (
        (
            "a, b = rtc.PeerConnection(), rtc.PeerConnection()\n"
            "b.on('track', lambda event: event.streams[0].on('removetrack', lambda track: print('called')))"
        ),
        (
            "sender = a.add_track(rtc.TestPattern(), rtc.MediaStream()); await rtc.connect_pair(a, b)\n"
            "a.remove_track(sender); await asyncio.sleep(0.5)"
        ),
    ),
    "server": (
        "server = rtc.WhipServer()\nserver.on('publish', lambda *_: print('called'))",
        (
            "await server.start(); pc = rtc.PeerConnection(); pc.add_track(rtc.TestPattern())\n"
            "await pc.connect(rtc.Whip(server.url + '/whip/x')); await asyncio.sleep(0.3); server.close()"
        ),
    ),
    "widget": (
        "cam = rtc.Camera()\ncam.observe(lambda change: print('called'), 'state')",
        "cam.stop(); time.sleep(0.1)",
    ),
}


@pytest.mark.parametrize(("make", "later"), EVENTS.values(), ids=EVENTS)
def test_a_callback_of_an_event_prints_into_the_cell_that_listens(kernel, make, later):
    assert_own(kernel, make, later, least=1)


RAISERS = {
    "on_frame": "def wrong(frame):\n    go.wait(); 1 / 0\nstop = rtc.TestPattern().on_frame(wrong)",
    "map": (
        "def wrong(frame):\n    go.wait(); 1 / 0\n"
        "mapped = rtc.TestPattern().map(wrong); stop = mapped.clone().on_frame(lambda frame: None)"
    ),
    "source": (
        "def wrong(seconds):\n    go.wait(); 1 / 0\n"
        "video = rtc.NumpyVideoTrack(wrong); stop = video.on_frame(lambda frame: None)"
    ),
    "event": (
        "def wrong():\n    1 / 0\nvideo = rtc.NumpyVideoTrack(); video.on('unmute', wrong)\n"
        "threading.Thread(target=lambda: (go.wait(), video.write(picture))).start()"
    ),
    "observer": (
        "def wrong(change):\n    1 / 0\ncam = rtc.Camera(); cam.observe(wrong, 'state')\n"
        "threading.Thread(target=lambda: (go.wait(), cam.stop())).start()"
    ),
}


@pytest.mark.parametrize("make", RAISERS.values(), ids=RAISERS)
def test_the_traceback_of_a_callback_is_printed_in_its_cell(kernel, make):
    make += "\n# a traceback is wanted"
    assert_own(kernel, make, "go.set(); time.sleep(0.2)", words="ZeroDivisionError: division by zero", least=1)
