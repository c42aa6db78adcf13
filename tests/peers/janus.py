"""A Janus of our own, with nothing but its echo test and its video rooms, spoken to by HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import shutil
import socket
import time
import urllib.request
from pathlib import Path
from typing import Any

from .peer import SOON, Missing

WEBSOCKETS = """
general: {{
  json = "compact"
  ws = true
  ws_port = {port}
  ws_ip = "127.0.0.1"
  wss = false
}}
admin: {{ admin_ws = false, admin_wss = false }}
"""
PLUGINS = ("echotest", "videoroom")
MAIN = """
general: {{
  configs_folder = "{folder}"
  debug_level = 3
  disable_stun = true
}}
media: {{ rtp_port_range = "20000-21000" }}
nat: {{ full_trickle = {full_trickle} }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
loggers: {{ }}
events: {{ broadcast = false }}
"""
HTTP = """
general: {{
  json = "compact"
  base_path = "/janus"
  http = true
  port = {port}
  ip = "127.0.0.1"
  https = false
}}
admin: {{ admin_http = false }}
"""
ROOMS = """
room-1234: { publishers = 3, videocodec = "vp8", audiocodec = "opus", fir_freq = 1 }
room-264: {
  publishers = 2, videocodec = "h264", audiocodec = "opus", notify_joining = true, pin = "sesame", secret = "boss"
}
"""


class Janus:
    """The server, with one plugin's handle for each `attach`."""

    def __init__(self, folder: Path, *, full_trickle: bool = False, websockets: bool = False) -> None:
        program = shutil.which("janus")
        if program is None:
            raise Missing("no Janus: install janus")
        self._program = program
        self._folder = folder
        self._full_trickle = full_trickle
        self._websockets = websockets
        self._process: asyncio.subprocess.Process | None = None
        self._names = itertools.count()
        self.url = ""
        self.websocket_url = ""

    def _configure(self, port: int, websocket_port: int) -> None:
        libraries = next(Path("/usr/lib").glob("*/janus"), self._folder)

        def others(kind: str, kept: tuple[str, ...]) -> str:
            names = [path.name for path in (libraries / kind).glob("libjanus_*.so")]
            return ",".join(name for name in names if name.removeprefix("libjanus_").removesuffix(".so") not in kept)

        self._folder.mkdir(parents=True, exist_ok=True)
        main = MAIN.format(
            folder=self._folder,
            full_trickle=str(self._full_trickle).lower(),
            plugins=others("plugins", PLUGINS),
            transports=others("transports", ("http", "websockets") if self._websockets else ("http",)),
        )
        (self._folder / "janus.jcfg").write_text(main)
        (self._folder / "janus.transport.http.jcfg").write_text(HTTP.format(port=port))
        (self._folder / "janus.plugin.videoroom.jcfg").write_text(ROOMS)
        (self._folder / "janus.transport.websockets.jcfg").write_text(WEBSOCKETS.format(port=websocket_port))
        self.url = f"http://127.0.0.1:{port}/janus"
        self.websocket_url = f"ws://127.0.0.1:{websocket_port}"

    async def __aenter__(self) -> Janus:
        with socket.socket() as one, socket.socket() as other:
            for probe in (one, other):
                probe.bind(("127.0.0.1", 0))
            self._configure(one.getsockname()[1], other.getsockname()[1])
        await self.start()
        return self

    async def start(self) -> None:
        """Start it, also again."""
        with (self._folder / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                self._program, "-F", str(self._folder), "-C", str(self._folder / "janus.jcfg"),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
        deadline = time.monotonic() + SOON
        while True:
            try:
                await self.request("/info")
                return
            except OSError:
                if time.monotonic() > deadline or self._process.returncode is not None:
                    raise RuntimeError((self._folder / "log").read_text(errors="replace")[-3000:]) from None
                await asyncio.sleep(0.1)

    async def request(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask its HTTP interface."""

        def ask() -> Any:
            data = None
            if body is not None:
                data = json.dumps({**body, "transaction": f"t{next(self._names)}"}).encode()
            with urllib.request.urlopen(self.url + path, data, timeout=SOON) as response:
                return json.loads(response.read())

        return await asyncio.to_thread(ask)

    async def attach(self, plugin: str) -> Handle:
        """Return a fresh session with a plugin."""
        session = (await self.request("", {"janus": "create"}))["data"]["id"]
        handle = (await self.request(f"/{session}", {"janus": "attach", "plugin": f"janus.plugin.{plugin}"}))["data"]
        return Handle(self, session, handle["id"])

    async def participants(self, room: int) -> dict[str, int]:
        """Return the names of those in a video room, with their numbers."""
        handle = await self.attach("videoroom")
        data = await handle.ask({"request": "listparticipants", "room": room})
        return {one["display"]: one["id"] for one in data["participants"]}

    async def kick(self, room: int, name: str, secret: str) -> None:
        """Put somebody out of a video room."""
        number = (await self.participants(room))[name]
        handle = await self.attach("videoroom")
        await handle.ask({"request": "kick", "room": room, "secret": secret, "id": number})

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self, *, kill: bool = False) -> None:
        """Stop it; `kill`: it is to have no time to say so."""
        process = self._process
        assert process is not None
        with contextlib.suppress(ProcessLookupError):
            process.kill() if kill else process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()


class Handle:
    """A session with a plugin."""

    def __init__(self, janus: Janus, session: int, handle: int) -> None:
        self._janus = janus
        self._session = session
        self._handle = handle

    async def message(self, body: dict[str, Any], jsep: dict[str, str] | None = None) -> dict[str, Any]:
        """Send a message and return the event that answers it."""
        request: dict[str, Any] = {"janus": "message", "body": body}
        if jsep is not None:
            request["jsep"] = jsep
        await self._janus.request(f"/{self._session}/{self._handle}", request)
        while True:
            event: dict[str, Any] = await self._janus.request(f"/{self._session}?rid={time.time_ns()}")
            if event["janus"] == "event":
                return event

    async def ask(self, body: dict[str, Any]) -> dict[str, Any]:
        """Send a message that is answered at once."""
        request = {"janus": "message", "body": body}
        return (await self._janus.request(f"/{self._session}/{self._handle}", request))["plugindata"]["data"]
