"""Publishing to simple-whip-server, which passes it on into a room of Janus', where we see it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import pytest_asyncio

import jupyter_rtc as rtc
from tests.integration.waiting import SOON, until

from .janus import Janus
from .peer import Missing, node_modules

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
PLACES = (Path("/usr/share/simple-whip-server"), Path(sys.prefix) / "simple-whip-server/usr/share/simple-whip-server")
TOKEN = "sesame"


@pytest_asyncio.fixture
async def janus(tmp_path: Path) -> AsyncIterator[Janus]:
    try:
        server = Janus(tmp_path / "janus", websockets=True)
    except Missing as missing:
        pytest.skip(str(missing))
    async with server:
        yield server


@pytest_asyncio.fixture
async def endpoint(janus: Janus, tmp_path: Path) -> AsyncIterator[str]:
    """Return the address of an endpoint for each room: of VP8 in 1234, of H264 in 264."""
    source = next((place for place in PLACES if (place / "src/server.js").exists()), None)
    if source is None or shutil.which("node") is None:
        pytest.skip("no simple-whip-server: unpack Debian's package, and install node")
    try:
        modules = node_modules("express")
    except Missing as missing:
        pytest.skip(str(missing))
    for name in ("server.js", "whip-janus.js"):
        shutil.copy(source / "src" / name, tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "janus": {"address": janus.websocket_url},
        "port": port,
        "rest": "/whip",
        "allowTrickle": True,
        "strictETags": True,
        "iceServers": [],
    }
    (tmp_path / "config.js").write_text(f"module.exports = {json.dumps(settings)};")
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "node", str(tmp_path / "server.js"), cwd=tmp_path, env={**os.environ, "NODE_PATH": str(modules)},
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    base = f"http://127.0.0.1:{port}/whip"
    try:
        async with aiohttp.ClientSession() as http, asyncio.timeout(SOON):
            while True:
                assert process.returncode is None, (tmp_path / "log").read_text()
                try:
                    for room in (1234, 264):
                        body = {"id": str(room), "room": room, "pin": "sesame", "token": TOKEN, "label": "plot"}
                        async with http.post(f"{base}/create", json=body) as reply:
                            assert reply.status == 200
                    break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)
        yield f"{base}/endpoint"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.parametrize(("codec", "number"), [("video/VP8", 1234), ("video/H264", 264)])
async def test_what_is_published_is_seen_in_the_room(janus: Janus, endpoint: str, codec: str, number: int) -> None:
    async with rtc.JanusRoom(janus.url, number, pin="sesame") as room, rtc.PeerConnection() as pc:
        stream = rtc.MediaStream()
        pc.add_track(rtc.TestTone(), stream)
        pc.add_track(rtc.TestPattern((320, 240)), stream)
        pc.get_transceivers()[1].set_codec_preferences([codec])
        await pc.connect(rtc.Whip(f"{endpoint}/{number}", token=TOKEN), SOON)
        (member,) = await until(lambda: list(room.members.values()))
        tracks = await until(lambda: {t.kind: t for t in member.tracks} if len(member.tracks) == 2 else None)
        assert (await asyncio.to_thread(tracks["video"].read, timeout=SOON)).shape == (240, 320, 3)
        assert np.abs(await asyncio.to_thread(tracks["audio"].read, 0.5, timeout=SOON)).max() > 0.05
        await pc.aclose()
        await until(lambda: not room.members)


@pytest.mark.parametrize("token", [None, "wrong"])
async def test_a_wrong_token_is_told(endpoint: str, token: str | None) -> None:
    async with rtc.PeerConnection() as pc:
        pc.add_track(rtc.TestTone())
        with pytest.raises(rtc.SignalingError, match="token") as caught:
            await pc.connect(rtc.Whip(f"{endpoint}/1234", token=token), SOON)
        assert caught.value.status == 403
        await pc.connect(rtc.Whip(f"{endpoint}/1234", token=TOKEN), SOON)
