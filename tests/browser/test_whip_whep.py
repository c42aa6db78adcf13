"""npm's whip-whep, a WHIP and WHEP client of other making, in browsers, as a page of another site, with our server."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import jupyter_rtc as rtc
from tests.peers.peer import Missing, node_modules

from .other_side import LOOK, PAGE, TOKEN, looks_like, loudness
from .other_side import page_until as until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

PUBLISH = """async ({ url, token }) => {
  const stream = paint("#30a040");
  const sound = await navigator.mediaDevices.getUserMedia({ audio: true });
  for (const track of [...stream.getTracks(), ...sound.getTracks()]) {
    pc.addTransceiver(track, { direction: "sendonly", streams: [stream] });
  }
  globalThis.client = new WHIPClient();
  await client.publish(pc, url, token);
}"""
PLAY = """async ({ url, token }) => {
  for (const kind of ["audio", "video"]) pc.addTransceiver(kind, { direction: "recvonly" });
  pc.addEventListener("track", ({ track }) => {  // sound that nobody hears is not decoded
    if (track.kind !== "audio") return;
    globalThis.audio = Object.assign(new Audio(), { srcObject: new MediaStream([track]) });
    audio.play();
  });
  globalThis.client = new WHEPClient();
  await client.view(pc, url, token);
}"""
SAMPLES = """async () => {
  for (const entry of (await pc.getStats()).values()) {
    if (entry.type === "inbound-rtp" && entry.kind === "audio") return entry.totalAudioEnergy;
  }
}"""


@pytest.fixture
def client(page: Any, tmp_path: Any) -> Any:
    """Return a page that has whip-whep's two clients."""
    try:
        folder = node_modules("whip-whep") / "whip-whep"
    except Missing as missing:
        pytest.skip(str(missing))
    blank = tmp_path / "blank.html"
    blank.write_text("<!doctype html>")
    page.goto(blank.as_uri())
    page.evaluate(f"() => {{ {PAGE} }}")
    for name in ("WHIPClient", "WHEPClient"):
        code = (folder / f"{name[:4].lower()}.js").read_text().replace("export class", "class")
        page.evaluate(
            "([name, code]) => { globalThis[name] = new Function(`${code}; return ${name};`)(); }", [name, code]
        )
    return page


def test_it_publishes_into_the_kernel_and_leaves(client: Any, server: rtc.WhipServer) -> None:
    client.evaluate(PUBLISH, {"url": f"{server.url}/whip/phone", "token": TOKEN})
    until(client, "() => pc.connectionState", lambda state: state == "connected")
    stream = server.published["phone"]
    (video,), (audio,) = stream.get_video_tracks(), stream.get_audio_tracks()
    looks_like(video, "#30a040")
    assert max(loudness(audio) for _ in range(10)) > 0.05
    # Not its restart of ICE: it puts commas between our candidates, into its own description.
    client.evaluate("() => client.stop()")
    until(client, "() => pc.connectionState", lambda state: state == "closed")
    assert not server.published


def test_it_plays_what_the_kernel_offers(client: Any, server: rtc.WhipServer) -> None:
    plot = rtc.NumpyVideoTrack(np.full((240, 320, 3), (200, 40, 60), np.uint8))
    server.publish("plot", rtc.MediaStream([plot, rtc.TestTone()]))
    client.evaluate(PLAY, {"url": f"{server.url}/whep/plot", "token": TOKEN})
    until(client, LOOK, lambda seen: seen is not None and abs(seen[0] - 200) < 15 and abs(seen[1] - 40) < 15)
    until(client, SAMPLES, lambda energy: energy is not None and energy > 0.001)
    client.evaluate("() => client.stop()")
    assert not server._sessions


def test_it_is_told_that_the_token_is_wrong(client: Any, server: rtc.WhipServer) -> None:
    said = client.evaluate(
        f"async (where) => {{ try {{ await ({PUBLISH})(where); }} catch (error) {{ return error.message; }} }}",
        {"url": f"{server.url}/whip/phone", "token": "wrong"},
    )
    assert "401" in said
    assert not server._sessions
