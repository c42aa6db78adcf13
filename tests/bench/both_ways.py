"""640x480 at 30 pictures a second from the camera to the kernel and from the kernel to the page, at once."""

from __future__ import annotations

import time

import numpy as np

from tests.bench import report
from tests.browser.standalone import open_notebook

SECONDS = 15

# Keeps the page's connections, to ask the browser itself what it has received and decoded.
KEEP = """() => {
  const Original = RTCPeerConnection;
  globalThis.connections = [];
  globalThis.RTCPeerConnection = class extends Original {
    constructor(configuration) { super(configuration); connections.push(this); }
  };
}"""
DECODED = """async () => {
  for (const connection of connections) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type === "inbound-rtp" && report.kind === "video" && report.framesDecoded) {
        return [report.framesDecoded, report.timestamp / 1000];
      }
    }
  }
}"""


def main() -> None:
    """Print what was delivered each way, the delay from stamps, and the kernel's share of a core.

    Delivered to the page is what it has decoded. What its compositor presents of that, at 60 pictures a second of its
    own, depends on the phase between the two, differently in each connection, and is printed beside it.
    """
    from tests.browser.media import numbers_and_delays

    with open_notebook(viewport=(1280, 1600)) as notebook:
        notebook.js(KEEP)
        notebook.do("import time, numpy as np, jupyter_rtc as rtc\ncam = rtc.Camera(fps=30)\ncam")
        notebook.do("pattern = rtc.TestPattern(fps=30)\nrtc.Video(pattern)")
        notebook.do("received = []\nstop = cam.on_frame(lambda f: received.append(time.time())); picture = cam.read()")
        notebook.js("() => document.querySelectorAll('.jrtc video').forEach((v, i) => { v.id = 'v' + i })")
        notebook.grab("#v1")
        pid = notebook.kernel_pid()
        notebook.frames(3, "#v1")  # let rates settle
        notebook.do("received.clear(); before = pattern.stats['frames_in']")
        cpu, began = notebook.cpu_seconds(pid), time.monotonic()
        decoded = notebook.js(DECODED)
        frames = notebook.frames(SECONDS, "#v1")
        decoded = np.subtract(notebook.js(DECODED), decoded)
        share = (notebook.cpu_seconds(pid) - cpu) / (time.monotonic() - began)
        kernel = notebook.value("(len(received) - 1) / (received[-1] - received[0])")
        stamped = notebook.frames(3, "#v1", strip=40)
        _, delays, unreadable = numbers_and_delays(stamped, 480)
    report(
        "both ways",
        to_page_fps=round(decoded[0] / decoded[1], 2),
        presented_fps=round((frames.presented - 1) / (frames.times[-1] - frames.times[0]), 2),
        to_kernel_fps=round(kernel, 2),
        kernel_cpu_of_a_core=round(share, 3),
        delay_median_ms=round(1000 * sorted(delays)[len(delays) // 2], 1),
        unreadable=unreadable,
        wanted="29 each way, below 0.45 of a core",
    )
