"""A media server made with pion: WHIP at ``/whip/NAME``, WHEP at ``/whep/NAME``."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess

from .peer import SOON

TOKEN = "sesame"


class Pion:
    """One, running.

    Parameters
    ----------
    program : str
        As `peer.pion_server` has built it.
    ice : {"full", "lite"}
        Whether its ICE asks, or only answers.
    """

    def __init__(self, program: str, ice: str) -> None:
        self._command = [program, ice]
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    async def __aenter__(self) -> Pion:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start it; again where it was before."""
        port = self.url.rpartition(":")[2]
        self._process = await asyncio.create_subprocess_exec(
            *self._command, *([port] if port else []), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.url = (await asyncio.wait_for(self._process.stdout.readline(), SOON)).decode().strip()

    async def kill(self) -> None:
        """End it without a word to anybody."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        self._process.stdin.close()

    async def stop(self) -> None:
        """End it."""
        self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), 5)
        await self.kill()
