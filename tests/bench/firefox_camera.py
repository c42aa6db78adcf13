"""When a camera of 1280x720 arrives from Firefox at its full size and rate, asked as the widget asks it."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import jupyter_rtc as rtc
from jupyter_rtc.engine.loop import engine
from tests.bench import report
from tests.browser.firefox import Firefox, FirefoxPage, executable
from tests.conftest import ROOT

ROUNDS = 3
SECONDS = 8.0
SIZE = (1280, 720)

# A secure page that needs no server: Firefox gives cameras to local files.
OFFER = """async ([width, height]) => {
  %s
  globalThis.pc = new RTCPeerConnection();
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width, height, frameRate: 30 } });
  const [track] = stream.getTracks();
  const { sender } = pc.addTransceiver("video", { direction: "sendonly" });
  await sender.replaceTrack(track);
  await preferQuality(sender, track);
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== "complete") await new Promise((done) => setTimeout(done, 20));
  return pc.localDescription.sdp;
}"""


def run(page: FirefoxPage) -> dict[str, Any]:
    """Return when the full size was there, in seconds after the answer, and the pictures a second at the end."""
    code = (ROOT / "js/src/transport/quality.js").read_text(encoding="utf-8").replace("export ", "")
    pc = rtc.PeerConnection()
    try:
        offer = page.evaluate(OFFER % code, list(SIZE))
        engine().submit(pc.set_remote_description({"type": "offer", "sdp": offer})).result(10)
        answer = engine().submit(pc.set_local_description()).result(10)
        seen: list[tuple[float, tuple[int, int]]] = []
        began = time.monotonic()
        track = pc.get_receivers()[0].track
        stop = track.on_frame(lambda frame: seen.append((time.monotonic() - began, frame.shape[1::-1])))
        page.evaluate("sdp => pc.setRemoteDescription({ type: 'answer', sdp })", answer.sdp)
        time.sleep(SECONDS)
        stop()
        return {
            "full_size_after_s": round(next(when for when, size in seen if size == SIZE), 2),
            "fps_at_the_end": round(sum(when > SECONDS - 3 for when, _ in seen) / 3, 1),
        }
    finally:
        pc.close()
        page.evaluate("() => pc.close()")


def main() -> None:
    """Print the rounds, and the median."""
    if executable() is None:
        report("firefox camera", skipped="there is no Firefox")
        return
    with tempfile.TemporaryDirectory(prefix="firefox") as folder:
        firefox = Firefox(Path(folder))
        firefox.start()
        try:
            empty = Path(folder) / "empty.html"
            empty.write_text("<!doctype html>", encoding="utf-8")
            times = []
            for number in range(ROUNDS):
                page = firefox.new_page()
                page.goto(empty.as_uri())
                result = run(page)
                page.close()
                times.append(result["full_size_after_s"])
                report("firefox camera", round=number, **result)
            report("firefox camera", median_full_size_after_s=median(times), wanted_s=2.0)
        finally:
            firefox.close()


if __name__ == "__main__":
    main()
