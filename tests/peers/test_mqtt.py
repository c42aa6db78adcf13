"""The signaling over MQTT that the README shows, word for word, over a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

import jupyter_rtc as rtc
from tests.integration.waiting import SOON, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
README = Path(__file__).parents[2] / "README.md"


def words() -> str:
    """Return what the README has."""
    (text,) = (t for t in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "class Mqtt" in t)
    return text


@pytest.fixture
def signaling() -> Any:
    pytest.importorskip("aiomqtt", reason="no MQTT client: pip install aiomqtt")
    names: dict[str, Any] = {}
    exec(words(), names)
    return names["Mqtt"]


@pytest_asyncio.fixture
async def broker(tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin")
    if program is None:
        pytest.skip("no MQTT broker: install mosquitto")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program, "-c", str(tmp_path / "conf"), stdout=log, stderr=subprocess.STDOUT
        )
    try:
        await until(lambda: process.returncode is not None or listens(port))
        assert process.returncode is None, (tmp_path / "log").read_text()
        yield {"broker": "127.0.0.1", "port": port}
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def test_it_is_as_short_as_is_said() -> None:
    assert len([line for line in words().splitlines() if line.strip()]) <= 22


@pytest.mark.parametrize("both_send", [True, False])
async def test_two_find_each_other_whoever_comes_first(signaling: Any, broker: dict[str, Any], both_send: bool) -> None:
    async with rtc.PeerConnection() as ada, rtc.PeerConnection() as bo:
        events: list[rtc.TrackEvent] = []
        bo.on("track", events.append)
        ada.add_track(rtc.TestPattern((320, 240)))
        if both_send:
            bo.add_track(rtc.TestTone())
        first = asyncio.create_task(ada.connect(signaling(mine="lab/ada", theirs="lab/bo", **broker), SOON))
        await until(lambda: ada.signaling_state == "have-local-offer")
        await bo.connect(signaling(mine="lab/bo", theirs="lab/ada", **broker), SOON)
        await first
        await until(lambda: events)
        assert (await asyncio.to_thread(events[0].track.read, timeout=SOON)).shape == (240, 320, 3)
        ada.add_track(rtc.TestTone())
        await until(lambda: len(events) == 2)
        await ada.aclose()
        await until(lambda: "bye" in bo.report().reason)
    async with rtc.PeerConnection() as cy:  # nothing is left for who comes next
        cy.add_track(rtc.TestTone())
        with pytest.raises(rtc.ConnectTimeout):
            await cy.connect(signaling(mine="lab/cy", theirs="lab/ada", **broker), 1.0)


OTHER = """
import asyncio, sys, jupyter_rtc as rtc
exec(sys.argv[1])
async def main():
    pc = rtc.PeerConnection()
    pc.add_track(rtc.TestPattern((160, 120)))
    await pc.connect(Mqtt("127.0.0.1", "lab/bo", "lab/ada", port=int(sys.argv[2])), 60)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_who_is_killed_has_said_bye(signaling: Any, broker: dict[str, Any]) -> None:
    """By the will that the broker has of each."""
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", OTHER, words(), str(broker["port"]))
    try:
        async with rtc.PeerConnection() as pc:
            events: list[rtc.TrackEvent] = []
            pc.on("track", events.append)
            await pc.connect(signaling(mine="lab/ada", theirs="lab/bo", **broker), SOON)
            await until(lambda: events)
            assert (await asyncio.to_thread(events[0].track.read, timeout=SOON)).shape == (120, 160, 3)
            other.kill()
            await until(lambda: "bye" in pc.report().reason)
    finally:
        if other.returncode is None:
            other.kill()
        await other.wait()
