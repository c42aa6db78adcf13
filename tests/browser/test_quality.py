"""A camera arrives as it was asked for, soon, and the page is told that it may send that much."""

from __future__ import annotations

from tests.bench.both_ways import KEEP

from .lab import Notebook

SENT = """async () => {
  for (const connection of globalThis.connections) {
    for (const { type, kind, targetBitrate } of (await connection.getStats()).values()) {
      if (type === "outbound-rtp" && kind === "video" && targetBitrate) return targetBitrate;
    }
  }
  return 0;
}"""


def test_a_large_camera_is_large_at_once_and_sharp(notebook: Notebook) -> None:
    notebook.js(KEEP)
    notebook.do("import jupyter_rtc as rtc\nsizes = []\ncam = rtc.Camera(size=(1280, 720), fps=30)")
    notebook.do("stop = cam.on_frame(lambda frame: sizes.append(frame.shape[:2]))\ncam")
    notebook.wait_value("len(sizes) > 30")
    assert notebook.value("sizes.index((720, 1280))") <= 15, "half a second"
    notebook.until(lambda: notebook.js(SENT) > 2_000_000, "the page may send two megabits a second")
    assert notebook.value("cam.stats['key_frames'] <= 4"), "and no storm of key frames"
