"""What the benchmarks of sending share: pictures, and views of them in a page, by us and by other ways.

The texts run in the kernel; they are the same for all but for who sends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tests.browser.lab import Notebook
from tests.browser.standalone import open_notebook

PICTURES = '''
import time, numpy as np
from jupyter_rtc.media.pattern import write_stamp

def text(width, height):
    """A gradient, and lines of text to move over it."""
    from PIL import Image, ImageDraw, ImageFont
    x, y = np.linspace(0, 255, width)[None, :], np.linspace(0, 255, height)[:, None]
    base = np.stack([x + 0 * y, y + 0 * x, np.full((height, width), 128)], -1).astype(np.uint8)
    line = Image.new("RGB", (900, 40), (255, 255, 255))
    words = "The quick brown fox jumps over the lazy dog 0123456789 & more text"
    ImageDraw.Draw(line).text((4, 2), words, font=ImageFont.load_default(26), fill=(0, 0, 0))
    line = np.asarray(line)
    def draw(number):
        picture = base.copy()
        left = width - number * 4 % (width + 900)
        begin, end = max(0, left), min(width, left + 900)
        for top in range(height // 4, height - 60, height // 4):
            if end > begin:
                picture[top:top + 40, begin:end] = line[:, begin - left:end - left]
        return picture
    return draw

def busy(width, height):
    """A texture with detail of all sizes that moves over the whole picture."""
    random = np.random.default_rng(1)
    texture = np.zeros((height + 256, width + 256, 3))
    for size, weight in ((64, 1), (32, 1), (16, 1), (8, 0.7), (4, 0.5)):
        shape = (-(-(height + 256) // size), -(-(width + 256) // size), 3)
        part = random.random(shape).repeat(size, 0).repeat(size, 1)[:height + 256, :width + 256]
        for axis in (0, 1):
            part = sum(np.roll(part, k, axis) for k in range(size // 2)) / (size // 2)
        texture += weight * (part - 0.5)
    texture = (255 * (texture - texture.min()) / (texture.max() - texture.min())).astype(np.uint8)
    def draw(number):
        down, right = int(120 + 100 * np.sin(number / 31)), int(120 + 100 * np.cos(number / 23))
        return texture[down:down + height, right:right + width].copy()
    return draw

def clip(kind, width, height):
    draw = {"text": text, "busy": busy}[kind](width, height)
    return [draw(number) for number in range(120)]

def pictures(frames, fps, stamped=True):
    """A function of a number: the picture, with its number and the time now."""
    def make(number):
        turn = number % (2 * len(frames) - 2)  # forth and back, without a jump
        picture = frames[turn if turn < len(frames) else 2 * len(frames) - 2 - turn].copy()
        if stamped:
            write_stamp(picture, number, time.time())
        return picture
    return make
'''

STOCK = '''
import asyncio, threading, time, anywidget, traitlets, fractions
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from av import VideoFrame

stock_loop = asyncio.new_event_loop()
threading.Thread(target=stock_loop.run_forever, daemon=True).start()

class Paced(MediaStreamTrack):
    kind = "video"
    def __init__(self, make, fps):
        super().__init__()
        self.make, self.fps, self.number, self.began = make, fps, -1, time.monotonic()
    async def recv(self):
        behind = int((time.monotonic() - self.began) * self.fps)
        self.number = max(self.number + 1, behind)
        await asyncio.sleep(max(0, self.began + self.number / self.fps - time.monotonic()))
        frame = VideoFrame.from_ndarray(self.make(self.number), format="rgb24")
        frame.pts, frame.time_base = int(self.number / self.fps * 90000), fractions.Fraction(1, 90000)
        return frame

class Stock(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
      const pc = new RTCPeerConnection();
      globalThis.connections = globalThis.connections ?? [];
      connections.push(pc);
      const video = document.createElement("video");
      video.className = "stock"; video.muted = video.autoplay = true; video.playsInline = true;
      video.style.width = "640px";
      el.append(video);
      pc.ontrack = (event) => { video.srcObject = new MediaStream([event.track]); video.play(); };
      pc.addTransceiver("video", { direction: "recvonly" });
      model.on("msg:custom", (answer) => pc.setRemoteDescription(answer));
      (async () => {
        await pc.setLocalDescription();
        while (pc.iceGatheringState !== "complete") await new Promise((next) => setTimeout(next, 20));
        model.send({ type: "offer", sdp: pc.localDescription.sdp });
      })();
    } };
    """
    def __init__(self, make, fps, codec):
        super().__init__()
        self.make, self.fps, self.codec, self.connections = make, fps, codec, []
        self.on_msg(self._hear)
    def _hear(self, _widget, offer, _buffers):
        asyncio.run_coroutine_threadsafe(self._answer(offer["sdp"]), stock_loop)
    async def _answer(self, sdp):
        sdp = "\\r\\n".join(line for line in sdp.splitlines() if ".local" not in line and "end-of-cand" not in line)
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connections.append(pc)
        await pc.setRemoteDescription(RTCSessionDescription(sdp + "\\r\\n", "offer"))
        (transceiver,) = pc.getTransceivers()
        known = RTCRtpSender.getCapabilities("video").codecs
        if self.codec == "H264":
            transceiver._codecs.sort(key=lambda c: c.name != "H264")
        transceiver.direction = "sendonly"
        transceiver.sender.replaceTrack(Paced(self.make, self.fps))
        await pc.setLocalDescription(await pc.createAnswer())
        self.send({"type": "answer", "sdp": pc.localDescription.sdp})
'''

# What there is without WebRTC: one JPEG picture after the other by the widget's comm, from a thread of its own.
JPEG = '''
import threading, time, anywidget, simplejpeg

class Jpeg(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
      const image = new Image();
      image.className = "jpeg"; image.width = 640;
      el.append(image);
      model.on("msg:custom", (_message, [data]) => {
        const url = URL.createObjectURL(new Blob([data], { type: "image/jpeg" }));
        image.onload = () => URL.revokeObjectURL(url);
        image.src = url;
      });
    } };
    """
    bytes_sent = 0
    def __init__(self, make, fps):
        super().__init__()
        threading.Thread(target=self._run, args=(make, fps), daemon=True).start()
    def _run(self, make, fps):
        began, number = time.monotonic(), -1
        while True:
            number = max(number + 1, int((time.monotonic() - began) * fps))
            time.sleep(max(0, began + number / fps - time.monotonic()))
            data = simplejpeg.encode_jpeg(make(number), quality=80)
            Jpeg.bytes_sent += len(data)
            self.send({}, [data])
'''

# jupyter_rfb asks for a picture in the kernel's main loop, when it is told to and the page has shown the last one.
RFB = """
import asyncio, time, jupyter_rfb

class Remote(jupyter_rfb.RemoteFrameBuffer):
    bytes_sent = 0
    def __init__(self, make, fps):
        super().__init__(css_width="640px", css_height="360px", quality=80)
        self.make, self.fps, self.began = make, fps, time.monotonic()
        self.drive = asyncio.ensure_future(self._drive())
    def get_frame(self):
        return self.make(int((time.monotonic() - self.began) * self.fps))
    async def _drive(self):
        number = -1
        while True:
            number = max(number + 1, int((time.monotonic() - self.began) * self.fps))
            await asyncio.sleep(max(0, self.began + number / self.fps - time.monotonic()))
            self.request_draw()
    def send(self, content, buffers=None):
        Remote.bytes_sent += sum(map(len, buffers or ()))
        super().send(content, buffers)
"""

OURS = """
import jupyter_rtc as rtc
def numbered(make, fps):
    return rtc.NumpyVideoTrack(lambda seconds: make(round(seconds * fps)), fps=fps)
"""

SHOWN = ".jrtc video, video.stock, img.jpeg, .renderview-wrapper img"

# Keeps the page's connections, to ask the browser itself what it has decoded.
KEEP = """() => {
  const Original = RTCPeerConnection;
  globalThis.connections = [];
  globalThis.RTCPeerConnection = class extends Original {
    constructor(configuration) { super(configuration); connections.push(this); }
  };
}"""
RECEIVED = """async () => {
  const all = [];
  for (const connection of connections) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type === "inbound-rtp" && report.kind === "video" && report.framesDecoded) {
        all.push({ frames: report.framesDecoded, bytes: report.bytesReceived, keys: report.keyFramesDecoded,
          seconds: report.timestamp / 1000 });
      }
    }
  }
  return all;
}"""


@contextmanager
def view(
    side: str,
    *,
    kind: str = "text",
    size: tuple[int, int] = (1280, 720),
    fps: float = 30,
    codec: str = "VP8",
    views: int = 1,
) -> Iterator[Notebook]:
    """Show a moving picture in a page by ``"ours"``, ``"stock"``, ``"jpeg"`` or ``"rfb"``; the first is ``#v0``."""
    with open_notebook(viewport=(1500, 1400)) as notebook:
        notebook.js(KEEP)
        notebook.do(PICTURES + f"\nframes = clip({kind!r}, {size[0]}, {size[1]})\nmake = pictures(frames, {fps})")
        if side == "ours":
            notebook.do(OURS + f"\nrtc.configure(codec={codec!r})\ntrack = numbered(make, {fps})")
            shown = "rtc.Video(track, width=640)"
        elif side == "stock":
            notebook.do(STOCK)
            shown = f"Stock(make, {fps}, {codec!r})"
        else:
            text, name = {"jpeg": (JPEG, "Jpeg"), "rfb": (RFB, "Remote")}[side]
            notebook.do(text)
            shown = f"{name}(make, {fps})"
        for _ in range(views):
            notebook.do(shown)
        notebook.wait_js("([all, count]) => document.querySelectorAll(all).length === count", [SHOWN, views])
        notebook.js("all => document.querySelectorAll(all).forEach((shown, i) => { shown.id = 'v' + i })", SHOWN)
        # jupyter_rfb does not begin out of view.
        notebook.js("() => document.getElementById('v0').scrollIntoView({ block: 'center' })")
        for number in range(views):
            notebook.wait_js("selector => harness.hasPicture(selector)", f"#v{number}", timeout=30)
        yield notebook


def received(notebook: Notebook) -> list[dict[str, Any]]:
    """Return what the page's connections have decoded so far."""
    return notebook.js(RECEIVED)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in dB, over all three colours."""
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def ssim(a: np.ndarray, b: np.ndarray, window: int = 8) -> float:
    """Return the mean structural similarity of the brightness, in windows of 8x8."""
    x, y = (np.asarray(picture, np.float64) @ (0.299, 0.587, 0.114) for picture in (a, b))
    height, width = (side // window * window for side in x.shape)

    def mean(values: np.ndarray) -> np.ndarray:
        return values[:height, :width].reshape(height // window, window, width // window, window).mean((1, 3))

    mx, my = mean(x), mean(y)
    vx, vy, covariance = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(np.mean((2 * mx * my + c1) * (2 * covariance + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))))
