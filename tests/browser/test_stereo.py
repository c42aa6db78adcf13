"""Sound in stereo stays so between the kernel and a browser, both ways, and in both kinds of connection."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

import jupyter_rtc as rtc
from tests.conftest import SCALE

from .firefox import FirefoxPage
from .lab import Notebook
from .media import IMPORTS
from .other_side import Sides, call

SOON = 20 * SCALE

#: A tone on the left, and nothing on the right.
LEFT = """
def left(t):
    return np.stack([0.5 * np.sin(2 * np.pi * 440 * t), np.zeros_like(t)], axis=1).astype(np.float32)
"""

#: In a page: how loud both channels of a stream are; and a stream like `LEFT`.
PAGE = """
globalThis.channels = async (stream, seconds = 15) => {
  const element = Object.assign(new Audio(), { muted: true, srcObject: stream });  // else nothing is decoded
  await element.play();
  const context = new AudioContext();
  await context.resume();
  const splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
  const analysers = [0, 1].map((i) => {
    const analyser = new AnalyserNode(context, { fftSize: 4096 });
    splitter.connect(analyser, i);
    return analyser;
  });
  context.createMediaStreamSource(stream).connect(splitter);
  const samples = new Float32Array(4096);
  const loudness = (analyser) => {
    analyser.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
  };
  let found = [0, 0];
  for (let i = 0; i < seconds * 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    found = analysers.map(loudness);
    if (found[0] > 0.1) {  // what comes next is surely sound, and no beginning
      await new Promise((resolve) => setTimeout(resolve, 300));
      found = analysers.map(loudness);
      break;
    }
  }
  await context.close();
  return found;
};
globalThis.leftOnly = async () => {
  const context = new AudioContext();
  await context.resume();
  const tone = new OscillatorNode(context);
  const merger = new ChannelMergerNode(context, { numberOfInputs: 2 });
  const out = new MediaStreamAudioDestinationNode(context, { channelCount: 2 });
  tone.connect(merger, 0, 0);
  merger.connect(out);
  tone.start();
  return out.stream;
};
"""


def is_left(levels: Any) -> bool:
    return bool(levels[0] > 0.1 and levels[1] < 0.1 * levels[0])


def kernel_levels(track: rtc.Track[Any]) -> list[float]:
    """Return how loud both channels of what is received are."""
    end = time.monotonic() + SOON
    while True:
        levels = [float(level) for level in np.sqrt((track.read(0.2, timeout=SOON) ** 2).mean(axis=0))]
        if max(levels) > 0.1 or time.monotonic() > end:
            return [float(level) for level in np.sqrt((track.read(0.3, timeout=SOON) ** 2).mean(axis=0))]


def test_a_stereo_source_of_the_kernel_is_stereo_in_the_page(notebook: Notebook) -> None:
    notebook.do(f"{IMPORTS}{LEFT}\nrtc.Audio(rtc.NumpyAudioTrack(left, channels=2))")
    levels = notebook.js(
        f"""async () => {{ {PAGE}
          const find = () => [...document.querySelectorAll('.jrtc audio, .jrtc video')].find((m) => m.srcObject);
          while (!find()) await new Promise((resolve) => setTimeout(resolve, 50));
          return channels(find().srcObject);
        }}"""
    )
    assert is_left(levels), levels


def test_a_stereo_source_of_the_page_is_stereo_in_the_kernel(notebook: Notebook) -> None:
    notebook.js(f"() => {{ {PAGE} navigator.mediaDevices.getUserMedia = leftOnly; }}")
    notebook.do(f"{IMPORTS}mic = rtc.Microphone()\nmic")
    notebook.do("mic.start()")
    notebook.wait_value("mic.state == 'live'")
    notebook.do("mic.read(0.5)")
    levels = notebook.value("np.sqrt((mic.read(0.5) ** 2).mean(axis=0)).tolist()")
    assert is_left(levels), levels


@pytest.mark.parametrize("who", ["we", "they"])
def test_what_a_browser_sends_to_a_connection_in_stereo_is_stereo_here(sides: Sides, who: str) -> None:
    if isinstance(sides.page, FirefoxPage):
        pytest.skip("Firefox sends what its page's sound graph gives, and has none without a sound device")
    sides.page.evaluate(f"() => {{ {PAGE} }}")
    if who == "we":
        sides.pc.add_transceiver("audio", direction="recvonly")
        offer = """async (d) => {
          await remote(d);
          const transceiver = pc.getTransceivers()[0];
          transceiver.direction = "sendonly";
          await transceiver.sender.replaceTrack((await leftOnly()).getTracks()[0]);
        }"""
        ours = call(sides.pc.set_local_description())
        sides.page.evaluate(offer, {"type": ours.type, "sdp": ours.sdp})
        call(sides.pc.set_remote_description(sides.page.evaluate("() => local()")))
    else:
        sides.page.evaluate("async () => { pc.addTrack((await leftOnly()).getTracks()[0]); }")
        sides.they_offer()
    (receiver,) = sides.pc.get_receivers()
    levels = kernel_levels(receiver.track)
    assert is_left(levels), levels


def test_what_a_connection_sends_is_stereo_in_a_browser_that_says_so_of_itself(sides: Sides) -> None:
    """A page of somebody else's asks for it as ours does, with stereo=1 in its own description."""
    if isinstance(sides.page, FirefoxPage):
        pytest.skip("Firefox plays nothing without a sound device")
    namespace: dict[str, Any] = {"np": np}
    exec(LEFT, namespace)
    sides.page.evaluate(
        f"""() => {{ {PAGE}
          const set = pc.setLocalDescription.bind(pc);
          pc.setLocalDescription = async () => {{
            const {{ type, sdp }} = await pc.createAnswer();
            await set({{ type, sdp: sdp.includes("stereo=1") ? sdp : sdp.replace("useinbandfec=1", "$&;stereo=1") }});
          }};
        }}"""
    )
    sides.pc.add_track(rtc.NumpyAudioTrack(namespace["left"], channels=2))
    sides.we_offer()
    assert "stereo=1;sprop-stereo=1" in sides.pc.local_description.sdp  # type: ignore[union-attr]
    levels = sides.page.evaluate("() => channels(new MediaStream([pc.getReceivers()[0].track]))")
    assert is_left(levels), levels
