"""A page's messages in a real kernel: they change nothing for the cells around them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

LAST = {"method": "custom", "content": {"last": True}}
HELLO = {"v": 1, "client": "page", "ack": 0, "messages": [{"n": 1, "type": "hello"}]}

SETUP = """
import threading, time
import ipywidgets
import jupyter_rtc as rtc
fired = []
for name in ("pre_execute", "post_execute", "pre_run_cell", "post_run_cell"):
    get_ipython().events.register(name, lambda *_, name=name: fired.append(name))
video = rtc.Video(rtc.TestPattern())
slider = ipywidgets.IntSlider()
handled = threading.Event()
video.on_msg(lambda _widget, content, _buffers: "last" in content and handled.set())
"""


class Kernel:
    """A kernel, its client, and a widget of ours in it."""

    def __init__(self) -> None:
        self.manager, self.client = start_new_kernel()
        self.run(SETUP)
        self.comm_id = self.value("video.comm.comm_id")

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def start(self, code: str, **options: Any) -> str:
        return str(self.client.execute(code, **options))

    def wait(self, cell: str) -> str:
        """Return what a cell put out, once it has ended."""
        printed = []
        for message in self._outputs(cell):
            content = message["content"]
            if message["msg_type"] == "stream":
                printed.append(content["text"])
            elif message["msg_type"] == "error":
                raise AssertionError("\n".join(content["traceback"]))
            elif content.get("execution_state") == "idle":
                break
        return "".join(printed)

    def wait_printed(self, cell: str) -> str:
        """Return what a cell prints next."""
        return next(m["content"]["text"] for m in self._outputs(cell) if m["msg_type"] == "stream")

    def _outputs(self, cell: str) -> Iterator[dict[str, Any]]:
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            if message["parent_header"].get("msg_id") == cell:
                yield message

    def run(self, code: str) -> str:
        return self.wait(self.start(code))

    def value(self, expression: str) -> Any:
        reply = self.client.execute("", silent=True, user_expressions={"value": expression}, reply=True, timeout=30)
        return eval(reply["content"]["user_expressions"]["value"]["data"]["text/plain"])

    def subshell(self) -> str:
        """Return a subshell, as JupyterLab makes one for all comms of a page."""
        self.client.control_channel.send(self.client.session.msg("create_subshell_request", {}))
        return str(self.client.get_control_msg(timeout=30)["content"]["subshell_id"])

    def say(self, data: dict[str, Any], subshell: str | None = None, comm_id: str = "") -> None:
        """Send to the widget, or to another, as a page would."""
        message = self.client.session.msg("comm_msg", {"comm_id": comm_id or self.comm_id, "data": data})
        message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.close()


MESSAGES = {
    "an envelope": {"method": "custom", "content": HELLO},
    "no envelope": {"method": "custom", "content": {"nonsense": True}},
    "a trait": {"method": "update", "state": {"muted": False}},
    "a question for its state": {"method": "request_state"},
    "an unknown method": {"method": "sing"},
}


@pytest.mark.parametrize("data", MESSAGES.values(), ids=MESSAGES)
def test_a_message_that_is_handled_while_a_cell_runs_fires_no_events_of_cells(
    kernel: Kernel, data: dict[str, Any]
) -> None:
    subshell = kernel.subshell()
    kernel.run("handled.clear()")
    cell = kernel.start("before = len(fired); came = handled.wait(20); print(came, fired[before:])")
    kernel.say(data, subshell)
    kernel.say(LAST, subshell)
    assert kernel.wait(cell) == "True []\n"


@pytest.mark.parametrize("data", MESSAGES.values(), ids=MESSAGES)
def test_a_message_between_cells_fires_no_events_of_cells(kernel: Kernel, data: dict[str, Any]) -> None:
    kernel.run("before = len(fired)")
    kernel.say(data)
    events = "['post_execute', 'post_run_cell', 'pre_execute', 'pre_run_cell']"
    assert kernel.run("print(fired[before:])") == events + "\n"


def test_messages_of_other_widgets_go_on_firing_them(kernel: Kernel) -> None:
    kernel.run("before = len(fired)")
    kernel.say({"method": "update", "state": {"value": 7}}, comm_id=kernel.value("slider.comm.comm_id"))
    printed = kernel.run("print(slider.value, fired[before:].count('post_execute'))")
    assert printed == "7 3\n"  # of the first cell, of the question for the name, of the slider


def test_what_threads_print_stays_in_their_cell_whatever_pages_say(kernel: Kernel) -> None:
    subshell = kernel.subshell()
    cell = kernel.start(
        "def work():\n"
        "    for i in range(40):\n"
        "        time.sleep(0.02); print(f'line {i}\\n', end='')\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()"
    )
    for _ in range(20):
        kernel.say(LAST, subshell)
        time.sleep(0.03)
    assert kernel.wait(cell) == "".join(f"line {i}\n" for i in range(40))


def test_what_a_thread_prints_after_its_cell_goes_to_the_cell_that_ran_last(kernel: Kernel) -> None:
    kernel.run("handled.clear(); thread = threading.Thread(target=lambda: handled.wait(20) and print('late'))")
    last = kernel.start("thread.start()")
    kernel.wait(last)
    kernel.say({"method": "custom", "content": HELLO}, comm_id="closed by now")
    kernel.say(LAST)
    assert kernel.wait_printed(last) == "late\n"
