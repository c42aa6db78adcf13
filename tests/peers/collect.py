"""Write the descriptions in tests/vectors/sdp anew: ``python -m tests.peers.collect``. Needs all peers and browsers."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Any

import jupyter_rtc as rtc
from tests.browser.chromium import Browsers, PageOptions
from tests.browser.firefox import Firefox
from tests.browser.other_side import PAGE, call

from .janus import Janus
from .peer import PEERS, Peer

FOLDER = Path(__file__).parent.parent / "vectors" / "sdp"
#: Every address becomes one of those that are for documentation (RFC 5737, RFC 3849), and no machine is named.
ADDRESSES = (
    (re.compile(r"(?<![\w.:])(?!0\.0\.0\.0|127\.0\.0\.1)\d+\.\d+\.\d+\.\d+(?![\w.:])"), "198.51.100.7"),
    (re.compile(r"(?<![\w:.])[0-9a-f]{1,4}(:[0-9a-f]{0,4}){2,7}(?![\w:.])(?= \d+ typ)"), "2001:db8::7"),
    (re.compile(r"user(\d+)@host-\w+"), r"user\1@host"),
)


def keep(name: str, text: str) -> None:
    for pattern, replacement in ADDRESSES:
        text = pattern.sub(replacement, text)
    (FOLDER / f"{name}.sdp").write_bytes(text.encode())
    print(name, len(text))


def ours() -> rtc.PeerConnection:
    """Return what makes the offer that every answer in the folder is for."""
    pc = rtc.PeerConnection()
    stream = rtc.MediaStream()
    pc.add_track(rtc.TestTone(), stream)
    pc.add_track(rtc.TestPattern(), stream)
    return pc


def from_browser(name: str, page: Any) -> None:
    page.goto((FOLDER / "blank.html").as_uri())
    page.evaluate(f"() => {{ {PAGE} }}")
    page.evaluate(
        "() => { const stream = paint('#30a040'); pc.addTransceiver('audio', { streams: [stream] });"
        " pc.addTrack(stream.getTracks()[0], stream);"
        " pc.addTransceiver('video', { direction: 'recvonly' }); pc.createDataChannel('data'); }"
    )
    offer = page.evaluate("() => local()")
    keep(f"{name}-offer", offer["sdp"])
    with_us = rtc.PeerConnection()
    call(with_us.set_remote_description(offer))
    answer = call(with_us.set_local_description())
    page.evaluate("d => remote(d)", {"type": "answer", "sdp": answer.sdp})
    page.evaluate("() => { pc.getTransceivers()[2].stop(); pc.removeTrack(pc.getSenders()[1]); }")
    keep(f"{name}-offer-stopped", page.evaluate("() => local()")["sdp"])
    with_us.close()

    page.goto((FOLDER / "blank.html").as_uri())
    page.evaluate(f"() => {{ {PAGE} }}")
    page.evaluate("() => { const stream = paint('#30a040'); pc.addTrack(stream.getTracks()[0], stream); }")
    pc = ours()
    offer = call(pc.set_local_description())
    page.evaluate("d => remote(d)", {"type": "offer", "sdp": offer.sdp})
    keep(f"{name}-answer", page.evaluate("() => local()")["sdp"])
    pc.close()


def browsers() -> None:
    (FOLDER / "blank.html").write_text("<!doctype html>")
    with tempfile.TemporaryDirectory() as folder:
        firefox = Firefox(Path(folder))
        try:
            firefox.start()
            from_browser("firefox", firefox.new_page())
        finally:
            firefox.close()
    chromium = Browsers()
    try:
        from_browser("chromium", chromium.context(PageOptions()).new_page())
    finally:
        chromium.close()
        (FOLDER / "blank.html").unlink()


async def peers(folder: Path) -> None:
    for name, find in PEERS.items():
        command = find(folder)
        async with Peer(command) as other:
            keep(f"{name}-offer", (await other.do("offer"))["sdp"])
        async with Peer(command) as other, ours() as pc:
            offer = await pc.set_local_description()
            keep(f"{name}-answer", (await other.do("answer", offer.sdp))["sdp"])


async def janus(folder: Path) -> None:
    async with Janus(folder / "janus") as server:
        async with ours() as pc:
            echo = await server.attach("echotest")
            offer = await pc.set_local_description()
            jsep = {"type": "offer", "sdp": offer.sdp}
            keep("janus-answer", (await echo.message({"audio": True, "video": True}, jsep))["jsep"]["sdp"])
        async with ours() as pc:
            here = await server.attach("videoroom")
            joined = await here.message({"request": "join", "ptype": "publisher", "room": 1234})
            offer = await pc.set_local_description()
            event = await here.message({"request": "publish"}, {"type": "offer", "sdp": offer.sdp})
            await pc.set_remote_description(event["jsep"])
            there = await server.attach("videoroom")
            feed = {"feed": joined["plugindata"]["data"]["id"]}
            join = {"request": "join", "ptype": "subscriber", "room": 1234, "streams": [feed]}
            while "jsep" not in (event := await there.message(join)):
                await asyncio.sleep(0.1)
            keep("janus-offer", event["jsep"]["sdp"])


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    browsers()
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(peers(Path(name)))
        asyncio.run(janus(Path(name)))
