"""Headless Chromium for the tests, with cameras that need no hardware."""

from __future__ import annotations

import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import psutil
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from .server import end

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PAGE_SCRIPT = Path(__file__).with_name("page.js")


@dataclass(frozen=True)
class PageOptions:
    """How a page is opened: the arguments of ``@pytest.mark.page(...)``.

    Attributes
    ----------
    permission : "granted" or "denied"
        What becomes of a page that asks for a camera. What is denied can be granted during a test:
        ``notebook.page.context.grant_permissions(["camera", "microphone"])``.
    cameras : int
        How many fake cameras there are.
    fps : int
        Of the fake cameras.
    viewport : (int, int)
        Width and height of the page in CSS pixels.
    args : tuple of str
        More switches for Chromium.
    """

    permission: str = "granted"
    cameras: int = 1
    fps: int = 30
    viewport: tuple[int, int] = (1280, 1000)
    args: tuple[str, ...] = ()

    def flags(self) -> list[str]:
        """Return the switches Chromium is started with."""
        flags = [*FLAGS, f"--use-fake-device-for-media-stream=device-count={self.cameras},fps={self.fps}"]
        if self.permission == "granted":
            flags.append("--use-fake-ui-for-media-stream")  # else a headless browser denies what it cannot ask
        return [*flags, *self.args]


class Browsers:
    """The browsers of a test run: one for each set of switches, started when first needed."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._driver: list[psutil.Process] = []
        self._running: dict[tuple[str, ...], Browser] = {}

    def context(self, options: PageOptions) -> BrowserContext:
        """Return a fresh profile in a browser with `options`; the caller closes it."""
        width, height = options.viewport
        context = self._browser(options).new_context(viewport={"width": width, "height": height})
        context.add_init_script(path=PAGE_SCRIPT)
        return context

    def close(self) -> None:
        """End every browser and what drives them, in vain or not."""
        try:
            for browser in self._running.values():
                browser.close()
            if self._playwright is not None:
                self._playwright.stop()
        finally:
            self._running.clear()
            self._playwright = None
            end(self._driver, patience=2)

    def _browser(self, options: PageOptions) -> Browser:
        key = tuple(options.flags())
        browser = self._running.get(key)
        if browser is None or not browser.is_connected():
            browser = self._start_playwright().chromium.launch(
                executable_path=executable(),
                headless=True,
                chromium_sandbox=False,  # it does not start for root, nor in most containers
                args=list(key),
                ignore_default_args=["--mute-audio"],
                handle_sigint=False,
            )
            self._running[key] = browser
        return browser

    def _start_playwright(self) -> Playwright:
        if self._playwright is None:
            before = set(psutil.Process().children())
            # The driver inherits that Ctrl-C is not for it: the tests close what they opened, in order.
            handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
            try:
                self._playwright = sync_playwright().start()
            finally:
                signal.signal(signal.SIGINT, handler)
            self._driver = [child for child in psutil.Process().children() if child not in before]
        return self._playwright


def executable() -> str | None:
    """Return the system's Chromium, or `None` for Playwright's own."""
    return next((path for path in map(shutil.which, NAMES) if path), None)
