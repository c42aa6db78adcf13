"""Notebooks that a server of its own shows as an application: Voilà's and marimo's.

Both programs show a test pattern, a camera and two buttons, and write into a file what the kernel sees.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from .server import end, free_port

COMMON = """
import json, threading, time
from pathlib import Path
import jupyter_rtc as rtc

def tell(camera, seen):
    came = []
    camera.on_frame(lambda picture: came.append(picture.shape))
    def write():
        while True:
            told = dict(pictures=len(came), shape=came[-1:], state=camera.state, **seen)
            Path(STATUS + ".new").write_text(json.dumps(told))
            Path(STATUS + ".new").replace(STATUS)
            time.sleep(0.1)
    threading.Thread(target=write, daemon=True).start()

def be_busy(seen):
    seen["busy"] = True
    time.sleep(5)
    seen["busy"] = False
"""

VOILA = [
    COMMON + "import ipywidgets\nseen = {'busy': False}\nrtc.Video(rtc.TestPattern())",
    "camera = rtc.Camera()\ntell(camera, seen)\ncamera",
    (
        "buttons = [ipywidgets.Button(description=text) for text in ('Be busy', 'Close it')]\n"
        "buttons[0].on_click(lambda _: be_busy(seen))\n"
        "buttons[1].on_click(lambda _: camera.close())\n"
        "ipywidgets.HBox(buttons)"
    ),
]

MARIMO = [
    "import marimo as mo\nimport helpers\nfrom helpers import be_busy, rtc, tell",
    "rtc.Video(rtc.TestPattern())",
    "camera = rtc.Camera()\nseen = {'busy': False}\ntell(camera, seen)\ncamera",
    "try:\n    camera.read(timeout=20)\nexcept rtc.ConnectTimeout as error:\n    seen['said'] = str(error)",
    (
        "busily = mo.ui.button(label='Be busy', on_click=lambda _: be_busy(seen))\n"
        "closing = mo.ui.button(label='Close it', on_click=lambda _: camera.close())\n"
        "[busily, closing]"
    ),
]


class App:
    """An application that is served.

    Attributes
    ----------
    name, url : str
    """

    def __init__(self, name: str, folder: Path, log: Path, url: str) -> None:
        self.name, self.url = name, url
        self._status = folder / "status.json"
        self._log = log

    def status(self) -> dict[str, Any]:
        """Return what the kernel told last: ``pictures``, ``shape``, ``state``, ``busy``, ``said``."""
        return json.loads(self._status.read_text()) if self._status.exists() else {}

    def tail(self) -> str:
        """Return the end of what the server printed."""
        return self._log.read_text(errors="replace")[-6000:]


def write_voila(folder: Path) -> Path:
    """Write the notebook and return it."""
    sources = [f"STATUS = {str(folder / 'status.json')!r}\n{VOILA[0]}", *VOILA[1:]]
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": s, "outputs": [], "execution_count": None}
        for i, s in enumerate(sources)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    file = folder / "app.ipynb"
    file.write_text(
        json.dumps({"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})
    )
    return file


def write_marimo(folder: Path) -> Path:
    """Write the program and return it."""
    (folder / "helpers.py").write_text(f"STATUS = {str(folder / 'status.json')!r}\n{COMMON}")
    file = folder / "app.py"
    # marimo finds out by itself which names a cell takes and gives.
    cells = "".join(f"\n@app.cell\ndef _():\n{_indented(source)}\n" for source in MARIMO)
    file.write_text(f"import marimo\n\napp = marimo.App()\n{cells}")
    return file


def _indented(source: str) -> str:
    return "\n".join("    " + line for line in source.splitlines())


@contextmanager
def serve(name: str, command: Sequence[str | Path], folder: Path, timeout: float) -> Iterator[App]:
    """Run a server, with `PORT` in `command` replaced, until the end of the block."""
    port = str(free_port())
    log = folder / "server.log"
    homes = {name: str(folder / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    homes |= {name: str(folder / name.lower()) for name in ("JUPYTER_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    with log.open("wb") as out:
        process = psutil.Popen(
            [str(part).replace("PORT", port) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder,
            env=os.environ | homes,
            start_new_session=True,
        )
    app = App(name, folder, log, f"http://127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + timeout
        while not _listens(int(port)):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} serves nothing:\n{app.tail()}")
            time.sleep(0.1)
        yield app
    finally:
        end([process], patience=10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
