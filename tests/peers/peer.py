"""Other WebRTC stacks, each in a process of its own that speaks lines of JSON, and why one of them is not there."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import SCALE

HERE = Path(__file__).parent
SYSTEM_PYTHON = "/usr/bin/python3"
GO_PACKAGES = Path("/usr/share/gocode")
SOON = 20 * SCALE


class Missing(Exception):
    """A stack is not installed; says what to install."""


class Peer:
    """One of them, running."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Peer:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 24
        )
        return self

    async def do(self, what: str, sdp: str = "") -> dict[str, Any]:
        """Carry out a command and return the answer."""
        assert self._process is not None
        self._process.stdin.write(json.dumps({"do": what, "sdp": sdp}).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), SOON)
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise RuntimeError(f"{self._command[-1]}: {reply['error']}")
        if reply.get("picture"):
            width, height, data = reply["picture"]
            rows = np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, -1)
            reply["picture"] = rows[:, : width * 3].reshape(height, width, 3)
        return reply

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        assert process is not None
        process.stdin.close()  # what they read ends, and with it they
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def gstreamer(_folder: Path) -> list[str]:
    """Return the command for GStreamer's webrtcbin."""
    wanted = ("webrtcbin", "nicesink", "dtlssrtpenc", "vp8enc", "vp8dec", "opusenc", "rtpvp8pay", "videotestsrc")
    script = (
        "import gi, sys\nfor name in ('Gst', 'GstSdp', 'GstWebRTC'): gi.require_version(name, '1.0')\n"
        "from gi.repository import Gst, GstSdp, GstWebRTC\nGst.init(None)\n"
        f"sys.exit(' '.join(n for n in {wanted!r} if not Gst.ElementFactory.find(n)) or 0)"
    )
    if (
        not Path(SYSTEM_PYTHON).exists()
        or subprocess.run([SYSTEM_PYTHON, "-c", script], capture_output=True).returncode
    ):
        raise Missing(
            "no GStreamer with webrtcbin for the system's Python: install gstreamer1.0-nice, "
            "gstreamer1.0-plugins-good, gstreamer1.0-plugins-bad, gir1.2-gst-plugins-bad-1.0 and python3-gi"
        )
    return [SYSTEM_PYTHON, str(HERE / "gstreamer_peer.py")]


def libwebrtc(_folder: Path) -> list[str]:
    """Return the command for libwebrtc."""
    if importlib.util.find_spec("wrtc") is None:
        raise Missing("no libwebrtc: pip install wrtc")
    return [sys.executable, str(HERE / "libwebrtc_peer.py")]


def pion(folder: Path) -> list[str]:
    """Build pion's peer, which takes half a minute, and return the command for it."""
    return [str(_build(folder, "pion"))]


def pion_server(folder: Path) -> list[str]:
    """Build pion's media server likewise."""
    return [str(_build(folder, "pion_server"))]


def _build(folder: Path, name: str) -> Path:
    go = shutil.which("go") or next(iter(sorted(map(str, Path("/usr/lib").glob("go-1.*/bin/go")))), None)
    if go is None or not (GO_PACKAGES / "src/github.com/pion/webrtc").exists():
        raise Missing("no pion: install golang-go and golang-github-pion-webrtc.v3-dev")
    source = folder / "src" / name
    if not (source / "peer").exists():
        source.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / name / "main.go", source)
        (source / "go.mod").write_text("module peer\n")  # else ".../v3" in an import is no version
        environment = {
            **os.environ,
            "GO111MODULE": "off",
            "GOFLAGS": "",
            "GOCACHE": str(folder / "cache"),
            "GOPATH": f"{folder}:{GO_PACKAGES}",
        }
        subprocess.run([go, "build", "-o", "peer", "."], cwd=source, env=environment, check=True, timeout=300 * SCALE)
    return source / "peer"


def node_modules(name: str) -> Path:
    """Return the folder of npm's packages, with this one in it."""
    folder = HERE / "node" / "node_modules"
    if not (folder / name).exists():
        raise Missing(f"no {name}: npm ci in tests/peers/node")
    return folder


PEERS: dict[str, Callable[[Path], list[str]]] = {"gstreamer": gstreamer, "libwebrtc": libwebrtc, "pion": pion}


@functools.cache
def command(name: str, folder: Path) -> list[str]:
    """Return the command that starts a peer, which may have to be built in `folder` first.

    Raises
    ------
    Missing
    """
    return PEERS[name](folder)
