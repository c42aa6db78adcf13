"""Capture of other people's canvases: their owners keep them, whoever comes first, and what is said of them is true."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from .lab import Notebook
from .media import IMPORTS

RED, BLUE = (200, 20, 20), (20, 20, 200)

# Notes who asks which canvas for a context: the owners' are of class "foreign", and they say when they ask.
WATCH = """() => {
  globalThis.asked = [];
  for (const name of ["getContext", "transferControlToOffscreen"]) {
    const original = HTMLCanvasElement.prototype[name];
    HTMLCanvasElement.prototype[name] = function (...args) {
      if (this.classList.contains("foreign") && !globalThis.owner) asked.push([name, ...args]);
      return original.apply(this, args);
    };
  }
}"""

# Draws one colour over all: once, `after` milliseconds, and again when the colour is another. `moves`: in every frame.
FOREIGN = """
import anywidget, traitlets
class Foreign(anywidget.AnyWidget):
    _esm = '''
const paint = {
  "2d": (context, [r, g, b]) => {
    context.fillStyle = `rgb(${r}, ${g}, ${b})`;
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  },
  webgl: (context, [r, g, b]) => {
    context.clearColor(r / 255, g / 255, b / 255, 1);
    context.clear(context.COLOR_BUFFER_BIT);
  },
};
paint.webgl2 = paint.webgl;
const worker = (kind) => new Worker(URL.createObjectURL(new Blob([`
  const paint = { "2d": ${paint["2d"]}, webgl: ${paint.webgl} };
  let context;
  onmessage = ({ data }) => {
    context ??= data.canvas.getContext("${kind}");
    paint["${kind}"](context, data.colour);
  };
`])));
const owners = {
  "2d": (canvas) => context(canvas, "2d"),
  webgl: (canvas) => context(canvas, "webgl"),
  "webgl-opaque": (canvas) => context(canvas, "webgl", { alpha: false }),
  webgl2: (canvas) => context(canvas, "webgl2"),
  bitmaprenderer: (canvas) => {
    const target = canvas.getContext("bitmaprenderer");
    return (colour) => {
      const off = new OffscreenCanvas(canvas.width, canvas.height);
      paint["2d"](off.getContext("2d"), colour);
      target.transferFromImageBitmap(off.transferToImageBitmap());
    };
  },
  offscreen: (canvas) => context(canvas.transferControlToOffscreen(), "2d"),
  "worker-2d": (canvas) => inWorker(canvas, "2d"),
  "worker-webgl": (canvas) => inWorker(canvas, "webgl"),
};
function context(canvas, kind, options) {
  const made = canvas.getContext(kind, options);
  return (colour) => paint[kind](made, colour);
}
function inWorker(canvas, kind) {
  const thread = worker(kind);
  let off = canvas.transferControlToOffscreen();
  return (colour) => {
    thread.postMessage({ canvas: off, colour }, off ? [off] : []);
    off = undefined;
  };
}
export default { render({ model, el }) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: 160, height: 120, className: "foreign" });
  el.append(canvas);
  setTimeout(() => {
    globalThis.owner = true;
    const draw = owners[model.get("kind")](canvas);
    globalThis.owner = false;
    const now = () => draw(model.get("colour"));
    now();
    model.on("change:colour", () => requestAnimationFrame(now));
    const again = () => { now(); requestAnimationFrame(again); };
    if (model.get("moves")) requestAnimationFrame(again);
  }, model.get("after"));
} }
'''
    kind = traitlets.Unicode().tag(sync=True)
    colour = traitlets.List([200, 20, 20]).tag(sync=True)
    after = traitlets.Int(0).tag(sync=True)
    moves = traitlets.Bool(False).tag(sync=True)
def is_near(picture, colour):
    return np.abs(np.median(picture, axis=(0, 1)) - colour).max() < 12
"""
KINDS = ["2d", "webgl", "webgl-opaque", "webgl2", "bitmaprenderer", "offscreen", "worker-2d", "worker-webgl"]


def seen(notebook: Notebook) -> tuple[int, ...]:
    """Return the colour that a person sees in the middle of the foreign canvas."""
    png = notebook.page.locator("canvas.foreign").first.screenshot()
    return tuple(
        notebook.page.evaluate(
            """async (bytes) => {
              const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
              const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
              context.drawImage(bitmap, 0, 0);
              return [...context.getImageData(bitmap.width / 2, bitmap.height / 2, 1, 1).data].slice(0, 3);
            }""",
            list(png),
        )
    )


def line(notebook: Notebook) -> str:
    return notebook.page.locator(".jrtc [role=status]").last.inner_text()


def near(colour: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return bool(np.abs(np.subtract(colour, other)).max() < 12)


def some_slow(kinds: Iterable[str], *quick: str) -> list[Any]:
    """Leave all but the `quick` ones to `make test-all`: each takes a page of its own."""
    return [kind if kind in quick else pytest.param(kind, marks=pytest.mark.slow) for kind in kinds]


@pytest.mark.parametrize("kind", some_slow(KINDS, "webgl", "offscreen"))
def test_a_canvas_whose_owner_comes_late_stays_the_owners_and_is_read(notebook: Notebook, kind: str) -> None:
    notebook.js(WATCH)
    notebook.do(IMPORTS + FOREIGN)
    notebook.do(f"w = Foreign(kind={kind!r}, after=1500)\ncapture = rtc.Capture(w)\ndisplay(capture, w)")
    assert notebook.value(f"is_near(capture.read(timeout=20), {RED})")
    assert notebook.js("() => asked") == [], "a foreign canvas was asked"
    assert near(seen(notebook), RED)
    notebook.do(f"w.colour = {list(BLUE)}")
    notebook.wait_value(f"is_near(capture.read(timeout=20), {BLUE})")
    notebook.until(lambda: line(notebook) == "Live")
    assert notebook.js("() => asked") == []
    assert near(seen(notebook), BLUE)


@pytest.mark.parametrize("kind", some_slow(["2d", "bitmaprenderer", "offscreen", "worker-webgl"], "2d"))
def test_a_scene_that_was_drawn_long_before_is_read(notebook: Notebook, kind: str) -> None:
    notebook.js(WATCH)
    notebook.do(IMPORTS + FOREIGN + f"w = Foreign(kind={kind!r})\nw")
    notebook.until(lambda: near(seen(notebook), RED))
    notebook.do("capture = rtc.Capture(w)\ncapture")
    assert notebook.value(f"is_near(capture.read(timeout=20), {RED})")
    assert notebook.js("() => asked") == []


@pytest.mark.parametrize("kind", some_slow(["webgl", "webgl-opaque"], "webgl"))
def test_a_webgl_scene_of_before_is_never_called_live_until_it_is_drawn_again(notebook: Notebook, kind: str) -> None:
    notebook.do(IMPORTS + FOREIGN + f"w = Foreign(kind={kind!r})\nw")
    notebook.until(lambda: near(seen(notebook), RED))
    notebook.do("capture = rtc.Capture(w)\ncapture")
    notebook.until(lambda: line(notebook).startswith("Waiting until the widget draws"))
    assert notebook.value("capture.state") == "starting"
    output = notebook.run("capture.read(timeout=1)")
    assert output.error == "TimeoutError"
    assert "a WebGL scene that was drawn before the capture began" in output
    notebook.do(f"w.colour = {list(BLUE)}")
    assert notebook.value(f"is_near(capture.read(timeout=20), {BLUE})")
    assert notebook.value("capture.state") == "live"
    notebook.until(lambda: line(notebook) == "Live")
    # Nothing moves any more, and who comes later sees it.
    notebook.do("stop = capture.on_frame(lambda picture: None); stop()")
    assert notebook.value(f"is_near(capture.read(timeout=20), {BLUE})")


def test_a_scene_that_moves_is_read_in_order(notebook: Notebook) -> None:
    notebook.do(IMPORTS + FOREIGN + "w = Foreign(kind='webgl', moves=True)\nw")
    notebook.do("capture = rtc.Capture(w, fps=10)\ncapture")
    assert notebook.value(f"is_near(capture.read(timeout=20), {RED})")
    notebook.do("before = capture.stats['frames_in']; time.sleep(3); came = capture.stats['frames_in'] - before")
    assert 12 < notebook.value("came") < 40


# A transparent drawing on a green page, below an overlay that is larger, and beside a canvas that cannot be seen.
LAYERS = """
class Layers(anywidget.AnyWidget):
    _esm = '''
export default { render({ model, el }) {
  el.style.background = "rgb(20, 160, 20)";
  const add = (width, height, style) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height, style });
    el.append(canvas);
    return canvas.getContext("2d");
  };
  const context = add(160, 120, "");
  context.fillRect(0, 0, 80, 120);
  add(170, 130, "position: absolute; left: 0; top: 0");
  for (const hidden of ["visibility: hidden", "opacity: 0", "display: none"]) {
    const other = add(320, 240, `position: absolute; left: 0; top: 0; ${hidden}`);
    other.fillStyle = "red";
    other.fillRect(0, 0, 320, 240);
  }
} }
'''
"""


def test_what_is_seen_of_several_canvases_is_captured_as_it_is_seen(notebook: Notebook) -> None:
    notebook.do(IMPORTS + FOREIGN + LAYERS + "w = Layers()\nw")
    notebook.do("capture = rtc.Capture(w)\ncapture")
    notebook.do("picture = capture.read(timeout=20)")
    assert notebook.value("picture.shape") == [120, 160, 3]
    assert near(tuple(notebook.value("picture[60, 20]")), (0, 0, 0))
    assert near(tuple(notebook.value("picture[60, 140]")), (20, 160, 20)), "transparent: the page is seen through it"


def test_a_drawing_by_svg_says_that_it_is_one(notebook: Notebook) -> None:
    notebook.do(
        IMPORTS
        + "import anywidget\nclass Drawing(anywidget.AnyWidget):\n    _esm = '''export default { render({ el }) {"
        ' el.innerHTML = `<svg width="200" height="150"><rect width="99" height="99"/></svg>`'
        " + `<canvas width=200 height=150></canvas>`; } }'''\nw = Drawing()\nw"
    )
    notebook.do("capture = rtc.Capture(w)\ncapture")
    notebook.until(lambda: "The widget draws by SVG" in line(notebook))
    output = notebook.run("capture.read(timeout=1)")
    assert "the widget draws by SVG" in output
    assert notebook.value("capture.state") == "starting"


def test_a_page_that_is_hidden_says_that_nothing_comes(notebook: Notebook) -> None:
    notebook.do(IMPORTS + FOREIGN + "w = Foreign(kind='2d', moves=True)\nw")
    notebook.do("capture = rtc.Capture(w)\ncapture")
    notebook.do("capture.read(timeout=20)")
    hide = """(hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    notebook.js(hide, True)
    notebook.wait_value("capture.state == 'starting' and capture.video.muted")
    output = notebook.run("capture.read(timeout=1)")
    assert "the page that captures is hidden" in output
    notebook.js(hide, False)
    notebook.wait_value("capture.state == 'live'")
    assert notebook.value(f"is_near(capture.read(timeout=20), {RED})")
