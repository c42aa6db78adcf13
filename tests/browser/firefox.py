"""A headless Firefox for the tests, driven by WebDriver BiDi itself: no geckodriver is needed."""

from __future__ import annotations

import base64
import itertools
import json
import os
import queue
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import websocket

from .server import end

NAMES = ("firefox-esr", "firefox")
#: Quiet, offline, and willing to give fake cameras and to play without a click.
PREFERENCES = {
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.region.update.enabled": False,
    "browser.safebrowsing.provider.mozilla.updateURL": "",
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "media.autoplay.blocking_policy": 0,
    "media.autoplay.default": 0,
    "media.gmp-manager.updateEnabled": False,
    "media.gmp-manager.url": "http://127.0.0.1:9/",
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://127.0.0.1:9/",
    "toolkit.telemetry.server": "http://127.0.0.1:9/",
}
PAGE_SCRIPT = Path(__file__).with_name("page.js")


def executable() -> str | None:
    """Return the system's Firefox, or `None`."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class FirefoxError(RuntimeError):
    """Firefox refused a command, or a script in the page raised."""


class Firefox:
    """One Firefox process.

    Parameters
    ----------
    folder : Path
        Empty; becomes its profile and home.
    timeout : float
        Seconds that its start, and each command, may take.
    """

    def __init__(self, folder: Path, timeout: float = 60) -> None:
        self._folder = folder
        self._timeout = timeout
        self._process: psutil.Popen | None = None
        self._socket: websocket.WebSocket | None = None
        self._ids = itertools.count(1)
        self._log: queue.Queue[str] = queue.Queue(1000)

    def start(self) -> None:
        """Start it and open a session."""
        program = executable()
        assert program is not None
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()]
        (self._folder / "user.js").write_text("".join(lines))
        self._process = psutil.Popen(
            [program, "--headless", "--no-remote", "--profile", str(self._folder), "--remote-debugging-port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for the tests, which then close it
            env={**os.environ, "MOZ_DISABLE_CONTENT_SANDBOX": "1", "HOME": str(self._folder)},
        )
        threading.Thread(target=self._read_log, name="firefox log", daemon=True).start()
        # Firefox refuses a connection that names an origin.
        self._socket = websocket.create_connection(
            self._address() + "/session", timeout=self._timeout, suppress_origin=True
        )
        self.command("session.new", capabilities={})
        self.command("script.addPreloadScript", functionDeclaration=f"() => {{ {PAGE_SCRIPT.read_text()} }}")

    def close(self) -> None:
        """End it and what it has started. May be called twice."""
        if self._socket is not None:
            self._socket.close(timeout=1)
            self._socket = None
        if self._process is not None:
            end([self._process], patience=10)
            self._process.stderr.close()
            self._process = None

    def command(self, method: str, **parameters: Any) -> Any:
        """Carry out a command of WebDriver BiDi and return its result."""
        assert self._socket is not None
        id_ = next(self._ids)
        self._socket.send(json.dumps({"id": id_, "method": method, "params": parameters}))
        while (reply := json.loads(self._socket.recv())).get("id") != id_:
            pass  # an event
        if reply["type"] == "error":
            raise FirefoxError(f"{method}: {reply['error']}: {reply['message']}")
        return reply["result"]

    def new_page(self) -> FirefoxPage:
        """Open an empty page in front of the others; the caller closes it."""
        return FirefoxPage(self, self.command("browsingContext.create", type="tab")["context"])

    def _address(self) -> str:
        deadline = time.monotonic() + self._timeout
        seen = []
        while time.monotonic() < deadline:
            try:
                seen.append(self._log.get(timeout=1))
            except queue.Empty:
                if self._process.poll() is not None:
                    break
                continue
            if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", seen[-1]):
                return found[1]
        raise FirefoxError("Firefox did not start:\n" + "".join(seen))

    def _read_log(self) -> None:
        assert self._process is not None
        for line in self._process.stderr:
            if self._log.full():
                self._log.get()
            self._log.put(line)


class FirefoxPage:
    """What the tests need of a Playwright page."""

    def __init__(self, browser: Firefox, context: str) -> None:
        self._browser = browser
        self._context = context

    def on(self, event: str, handler: Any) -> None:
        """Of the console and of errors nothing is heard, unlike in Chromium."""

    def goto(self, url: str, timeout: float | None = None) -> None:
        """Load another page."""
        self._browser.command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, function: str, argument: Any = None) -> Any:
        """Call a JavaScript function; argument and result go by way of JSON."""
        result = self._browser.command(
            "script.callFunction",
            functionDeclaration=f"async (text) => JSON.stringify(await ({function})(JSON.parse(text)))",
            arguments=[{"type": "string", "value": json.dumps(argument)}],
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        if result["type"] == "exception":
            raise FirefoxError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"]) if result["result"]["type"] == "string" else None

    def wait_for_function(self, function: str, *, arg: Any, timeout: float, polling: float) -> None:
        """Wait until a function returns something true, for so many milliseconds."""
        deadline = time.monotonic() + timeout / 1000
        while not self.evaluate(function, arg):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not true in Firefox after {timeout / 1000:g} s: {function} of {arg!r}")
            self.wait_for_timeout(polling)

    def screenshot(self, path: Path) -> None:
        """Save what the page looks like."""
        shown = self._browser.command("browsingContext.captureScreenshot", context=self._context)
        path.write_bytes(base64.b64decode(shown["data"]))

    def wait_for_timeout(self, milliseconds: float) -> None:
        """Let time pass."""
        time.sleep(milliseconds / 1000)

    def close(self) -> None:
        """Close the page."""
        self._browser.command("browsingContext.close", context=self._context)
