"""A notebook in JupyterLab in a browser, driven as a person would."""

from __future__ import annotations

import ast
import base64
import json
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from playwright.sync_api import ConsoleMessage, Error, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.conftest import ROOT, SCALE

from .server import JupyterLab

RESULTS = ROOT / "test-results"
VIDEO = ".jrtc video"

# Console errors that JupyterLab and Jupyter Notebook cause themselves, whatever the notebook does.
JUPYTERLAB_NOISE = (
    # Jupyter Notebook's menu, of settings that it lists before it has them.
    r"^uncaught: .*\(reading 'schema'\)\n.*/static/notebook/",
    # Each page hears the comm messages of every page on its kernel, also of comms that another page opened.
    r"^console: Comm not found for comm id ",
)


class Output(str):
    """What a cell printed and returned, as text.

    Attributes
    ----------
    error : str or None
        The name of the exception that ended the cell.
    raw : list of dict
        The outputs as the notebook's file would hold them.
    """

    error: str | None
    raw: list[dict[str, Any]]

    def __new__(cls, raw: list[dict[str, Any]]) -> Output:
        output = super().__new__(cls, "".join(map(_text, raw)))
        output.error = next((item["ename"] for item in raw if item["output_type"] == "error"), None)
        output.raw = raw
        return output


class CellError(AssertionError):
    """A cell or an expression raised in the kernel; the message is its traceback."""


class Picture(NamedTuple):
    """A decoded picture of a ``<video>``, (height, width, 3), RGB, and the page's wall time."""

    image: np.ndarray
    seconds: float


@dataclass(frozen=True)
class Frame:
    """One presented picture: page's wall time, media time, and its top rows if asked for."""

    seconds: float
    media: float
    strip: np.ndarray | None


@dataclass(frozen=True)
class Frames:
    """What a ``<video>`` presented in `seconds`."""

    seconds: float
    presented: int
    items: list[Frame] = field(repr=False)

    @property
    def times(self) -> list[float]:
        """The page's wall time of each picture seen, in seconds."""
        return [frame.seconds for frame in self.items]

    @property
    def fps(self) -> float:
        """Pictures presented in a second."""
        return self.presented / self.seconds

    @property
    def longest_gap(self) -> float:
        """The longest time between two pictures, in seconds; infinite for fewer than two."""
        return max(np.diff(self.times), default=float("inf"))


class Cell:
    """A cell that was started."""

    def __init__(self, notebook: Notebook, id_: str) -> None:
        self._notebook = notebook
        self.id = id_

    @property
    def done(self) -> bool:
        """Whether the cell has ended."""
        return bool(self._notebook.js("id => harness.done(id)", self.id))

    @property
    def output(self) -> Output:
        """What the cell has put out so far."""
        return Output(self._notebook.js("id => harness.outputs(id)", self.id))

    def wait(self, timeout: float = 60) -> Output:
        """Wait for the cell's end and return its output."""
        try:
            self._notebook.wait_js("id => harness.done(id)", self.id, timeout=timeout)
        except TimeoutError:
            raise TimeoutError(f"the cell still runs after {timeout} s. Output so far:\n{self.output}") from None
        return self.output


class Notebook:
    """A notebook shown in a page of its own.

    Made by the fixtures ``notebook`` and ``new_notebook``. All timeouts are in seconds, before scaling.

    Attributes
    ----------
    page : playwright.sync_api.Page
    lab : JupyterLab
    errors : list of str
        Uncaught exceptions and console errors of the page; must be empty at the end, but for those expected.
    """

    def __init__(self, page: Page, lab: JupyterLab) -> None:
        self.page = page
        self.lab = lab
        self.path = ""
        self.console: list[str] = []
        self.errors: list[str] = []
        self._expected = list(JUPYTERLAB_NOISE)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error.stack or error}"))

    # --- opening and closing

    def create(self, name: str = "test.ipynb", timeout: float = 60) -> None:
        """Write an empty notebook into the server's folder and show it."""
        content = {
            "cells": [],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.lab.notebooks / name).write_text(json.dumps(content))
        self._start_kernel(name)
        self.show(name, timeout)

    def open(self, file: Path, timeout: float = 60) -> None:
        """Copy an existing notebook into the server's folder and show the copy."""
        shutil.copy(file, self.lab.notebooks / file.name)
        self._start_kernel(file.name)
        self.show(file.name, timeout)

    def show(self, path: str, timeout: float = 60) -> None:
        """Show a notebook of the server's folder and wait for its kernel."""
        self.path = path
        self.page.goto(self.lab.page(path), timeout=timeout * SCALE * 1000)
        self.wait_js("path => harness.ready(path)", path, timeout=timeout)

    def reload(self, timeout: float = 60) -> None:
        """Load the page again, as its reload button does."""
        self.page.reload(timeout=timeout * SCALE * 1000)
        self.wait_js("path => harness.ready(path)", self.path, timeout=timeout)

    def _start_kernel(self, path: str) -> None:
        """Let the kernel start while the page loads; the page finds it."""
        session = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
        self.lab.request("POST", "/api/sessions", session)

    def save(self) -> None:
        """Save the notebook; its file is ``lab.notebooks / path``."""
        self.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")

    # --- cells

    def run(self, code: str, wait: bool = True, timeout: float = 60) -> Output:
        """Append a cell, run it and return its output, also when it raised: look at ``.error``."""
        cell = self.start(code)
        return cell.wait(timeout) if wait else cell.output

    def do(self, code: str, timeout: float = 60) -> Output:
        """Run a cell that must not raise."""
        output = self.run(code, timeout=timeout)
        if output.error:
            raise CellError(str(output))
        return output

    def start(self, code: str) -> Cell:
        """Append a cell and run it without waiting for its end."""
        cell = Cell(self, self.js("code => harness.append(code)", code))
        self.js("id => harness.start(id)", cell.id)
        return cell

    def run_all(self, *, first: int = 0, but_last: int = 0, timeout: float = 60) -> list[Output]:
        """Run the code cells one after another, as a reader does, and return their outputs.

        Parameters
        ----------
        first, but_last : int
            How many cells to leave out at the beginning and at the end.
        """
        outputs = []
        cells = self.js("() => harness.cells()")
        for id_ in cells[first : len(cells) - but_last]:
            self.js("id => harness.start(id)", id_)
            outputs.append(Cell(self, id_).wait(timeout))
        return outputs

    def value(self, expression: str, timeout: float = 60) -> Any:
        """Return what a Python expression gives in the kernel, by way of JSON, once no cell runs."""
        plain = "lambda o: o.tolist() if hasattr(o, 'tolist') else str(o)"
        question = f"__import__('json').dumps(({expression}), default={plain})"
        reply = self.js("([q, seconds]) => harness.evaluate(q, seconds)", [question, timeout * SCALE])
        if reply is None:
            raise TimeoutError(f"the kernel did not evaluate {expression!r} in {timeout} s")
        answer = reply.get("user_expressions", {}).get("value", reply)
        if answer["status"] != "ok":
            raise CellError(f"{expression}\n{_traceback(answer)}")
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def wait_value(self, expression: str, timeout: float = 15) -> Any:
        """Wait until a Python expression is true in the kernel, and return what it gives."""
        return self.until(lambda: self.value(expression), expression, timeout)

    # --- the page

    def js(self, function: str, argument: Any = None) -> Any:
        """Call a JavaScript function in the page; it must end by itself."""
        return self.page.evaluate(function, argument)

    def wait_js(self, function: str, argument: Any = None, timeout: float = 15) -> None:
        """Wait until a JavaScript function returns something true."""
        try:
            self.page.wait_for_function(function, arg=argument, timeout=timeout * SCALE * 1000, polling=50)
        except PlaywrightTimeout:
            raise TimeoutError(f"not true in the page after {timeout} s: {function} of {argument!r}") from None

    def until(self, condition: Callable[[], Any], what: str = "", timeout: float = 15) -> Any:
        """Wait until `condition` returns something true, and return that."""
        deadline = time.monotonic() + timeout * SCALE
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not true after {timeout} s: {what or condition}; last: {found!r}")
            self.page.wait_for_timeout(50)  # lets the page's events through, as time.sleep would not
        return found

    def grab(self, selector: str = VIDEO, timeout: float = 15) -> Picture:
        """Return the picture that a ``<video>`` shows now, waiting for its first."""
        self.wait_js("selector => harness.hasPicture(selector)", selector, timeout=timeout)
        picture = self.js("selector => harness.grab(selector)", selector)
        return Picture(_pixels(picture), picture["seconds"])

    def frames(self, seconds: float, selector: str = VIDEO, strip: int = 0, timeout: float = 15) -> Frames:
        """Follow what a ``<video>`` or an ``<img>`` presents for `seconds` (not scaled), waiting for its first picture.

        Parameters
        ----------
        strip : int
            How many of the top rows of each picture to keep.
        """
        self.wait_js("selector => harness.hasPicture(selector)", selector, timeout=timeout)
        follow = """([s, t, rows]) => document.querySelector(s).matches("img")
          ? harness.images(s, t, rows) : harness.frames(s, t, rows)"""
        seen = self.js(follow, [selector, seconds, strip])
        presented = seen[-1]["presented"] - seen[0]["presented"] + 1 if seen else 0
        items = [Frame(f["seconds"], f["media"], _pixels(f["strip"]) if f["strip"] else None) for f in seen]
        return Frames(seconds, presented, items)

    def screenshot(self, name: str) -> Path:
        """Save what the page looks like below ``test-results/`` and return the file."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / (re.sub(r"[^\w.-]+", "-", name) + ".png")
        self.page.screenshot(path=path)
        return path

    # --- the kernel

    def kernel_pid(self) -> int:
        """Return the kernel's process."""
        return int(self.value("__import__('os').getpid()"))

    def cpu_seconds(self, pid: int | None = None) -> float:
        """Return the processor time that the kernel, or process `pid`, has used, in seconds."""
        times = psutil.Process(pid or self.kernel_pid()).cpu_times()
        return times.user + times.system

    def shutdown(self) -> None:
        """Shut the kernel down, as JupyterLab's list of running kernels does."""
        for session in self.lab.request("GET", "/api/sessions"):
            if session["path"] == self.path and session["kernel"]:
                self.lab.request("DELETE", f"/api/kernels/{session['kernel']['id']}")

    # --- errors

    def expect_errors(self, *patterns: str) -> None:
        """Let page errors and console errors pass that match one of the regular expressions."""
        self._expected.extend(patterns)

    def unexpected_errors(self) -> Sequence[str]:
        """Return the page errors and console errors that no pattern expects."""
        return [error for error in self.errors if not any(re.search(p, error) for p in self._expected)]

    def _on_console(self, message: ConsoleMessage) -> None:
        where = f"{message.location.get('url', '')}:{message.location.get('lineNumber', '')}"
        self.console.append(f"{message.type}: {message.text}")
        if message.type == "error":
            self.errors.append(f"console: {message.text} ({where})")

    def describe(self) -> str:
        """Return what a failed test should tell: the cells' outputs and the console."""
        try:
            code = "id => [harness.source(id), harness.outputs(id)]"
            cells = [self.js(code, id_) for id_ in self.js("() => harness.cells()")]
            text = "\n".join(f"In: {source}\nOut: {Output(raw)}" for source, raw in cells)
        except (Error, TypeError) as error:
            text = f"(no cells: {error})"
        return text + "\nConsole:\n" + "\n".join(self.console[-40:])


def _pixels(picture: dict[str, Any]) -> np.ndarray:
    rgba = np.frombuffer(base64.b64decode(picture["rgba"]), np.uint8)
    return rgba.reshape(picture["height"], picture["width"], 4)[:, :, :3].copy()


def _text(output: dict[str, Any]) -> str:
    if output["output_type"] == "stream":
        return "".join(output["text"])
    if output["output_type"] == "error":
        return _traceback(output)
    return "".join(output["data"].get("text/plain", "")) + "\n"


def _traceback(error: dict[str, Any]) -> str:
    lines = "\n".join(error.get("traceback", []))
    return f"{error.get('ename')}: {error.get('evalue')}\n" + re.sub(r"\x1b\[[0-9;]*m", "", lines) + "\n"
