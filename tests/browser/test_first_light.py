"""A camera, numpy video and a peer connection, inline, judged by decoded pixels and by numbers from stamps."""

from __future__ import annotations

import numpy as np
import pytest

import jupyter_rtc as rtc

from .lab import Notebook
from .media import IMPORTS, numbers_and_delays

# Chromium's fake camera is green with a moving pie.
GREEN = np.array([0, 135, 0])


def name_videos(notebook: Notebook, count: int) -> None:
    """Name the page's videos #v0, #v1, ... as soon as there are `count`."""
    notebook.wait_js("count => document.querySelectorAll('.jrtc video').length === count", count)
    notebook.js("() => document.querySelectorAll('.jrtc video').forEach((video, i) => { video.id = 'v' + i })")


def test_the_camera_is_seen_in_the_page_and_read_in_the_kernel(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    page = notebook.grab()
    assert page.image.shape == (480, 640, 3)
    assert np.abs(np.median(page.image, axis=(0, 1)) - GREEN).max() < 30

    notebook.do("frame = cam.read()")
    assert notebook.value("[list(frame.shape), str(frame.dtype), frame.flags.owndata]") == [
        [480, 640, 3],
        "uint8",
        True,
    ]
    assert np.abs(np.array(notebook.value("np.median(frame, axis=(0, 1))")) - GREEN).max() < 30
    assert notebook.value("cam.state") == "live"
    assert notebook.value("cam.settings")["video"]["width"] == 640
    # Each read waits for a picture of its own.
    notebook.do("before = cam.stats['frames_in']; pictures = [cam.read() for _ in range(10)]")
    assert notebook.value("cam.stats['frames_in'] - before") >= 9
    assert notebook.value("max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(pictures, pictures[1:]))") > 50


def test_a_camera_can_be_read_in_the_cell_that_shows_it(notebook: Notebook) -> None:
    output = notebook.do(IMPORTS + "cam = rtc.Camera(); display(cam); print(cam.read().shape)")
    assert "(480, 640, 3)" in output


def test_a_map_of_the_camera_is_live_inline(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("negative = cam.map(lambda f: 255 - f)\nnegative")
    name_videos(notebook, 2)
    camera, negative = notebook.grab("#v0").image, notebook.grab("#v1").image
    assert np.abs(np.median(camera, axis=(0, 1)) - GREEN).max() < 30
    assert np.abs(np.median(negative, axis=(0, 1)) - (255 - GREEN)).max() < 40
    assert notebook.frames(2, "#v1").fps > 15


def test_written_pictures_move_while_the_cell_that_writes_them_runs(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "plot = rtc.NumpyVideoTrack(fps=30)\nrtc.Video(plot)")
    notebook.until(lambda: "call write(frame)" in notebook.page.inner_text(".jrtc [role=status]"))
    cell = notebook.start(
        "pattern = rtc.TestPattern()\n"
        "for step in range(120):\n"
        "    plot.write(pattern._draw(step / 30)); time.sleep(1 / 30)\n"
    )
    frames = notebook.frames(2.5, ".jrtc video", strip=40)
    assert not cell.done, "the pictures were to be seen while the cell runs"
    numbers, delays, unreadable = numbers_and_delays(frames, 480)
    assert unreadable == 0
    assert len(set(numbers)) > 40
    assert numbers == sorted(numbers)
    assert np.median(delays) < 0.25
    cell.wait()
    # The last picture stays, and a view that comes later shows it.
    notebook.do("rtc.Video(plot)")
    name_videos(notebook, 2)
    stamp = rtc.read_stamp(notebook.grab("#v1").image)
    assert stamp is not None
    assert stamp[0] == 119


def test_both_ways_at_thirty_pictures_a_second_nothing_is_lost(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("pattern = rtc.TestPattern()\nrtc.Video(pattern)")
    notebook.do("received = []; stop = cam.on_frame(lambda f: received.append(time.time())); cam.read()")
    name_videos(notebook, 2)
    notebook.grab("#v1")
    notebook.do("received.clear()")
    frames = notebook.frames(4, "#v1", strip=40)
    numbers, _, unreadable = numbers_and_delays(frames, 480)
    kernel_rate = notebook.value("(len(received) - 1) / (received[-1] - received[0])")
    notebook.do("stop()")
    assert unreadable == 0
    # Not a benchmark: room for a busy machine, and none for a path that loses every second picture.
    assert (numbers[-1] - numbers[0]) / (frames.times[-1] - frames.times[0]) > 24
    assert len(set(numbers)) > 0.75 * (numbers[-1] - numbers[0])
    assert kernel_rate > 20


def test_a_pair_of_connections_shows_the_remote_stream_with_its_state(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "cam = rtc.Camera()\ncam")
    notebook.do("plot = rtc.NumpyVideoTrack(fps=30)\nplot.write(np.full((240, 320, 3), (200, 40, 90), np.uint8))")
    notebook.do(
        "a, b = rtc.PeerConnection(), rtc.PeerConnection()\n"
        "stream = rtc.MediaStream([cam.video, plot])\n"
        "for track in stream.get_tracks():\n"
        "    a.add_track(track, stream)\n"
        "await rtc.connect_pair(a, b)\n"
        "b"
    )
    name_videos(notebook, 3)
    camera, written = notebook.grab("#v1").image, notebook.grab("#v2").image
    assert np.abs(np.median(camera, axis=(0, 1)) - GREEN).max() < 30
    assert np.abs(np.median(written, axis=(0, 1)) - (200, 40, 90)).max() < 12
    notebook.until(lambda: "connected" in notebook.page.inner_text(".jrtc >> nth=1").lower())
    assert notebook.value("[s.id == stream.id for r in b.get_receivers() for s in r._streams]") == [True, True]
    notebook.do("a.close()")
    notebook.until(lambda: "The other side has closed" in notebook.page.inner_text(".jrtc >> nth=1"))


def test_get_user_media_gives_a_stream_with_picture_and_sound(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "stream = await rtc.get_user_media(audio=True, video=True)")
    assert notebook.value("[t.kind for t in stream.get_tracks()]") == ["video", "audio"]
    notebook.do("picture = stream.get_video_tracks()[0].read(); sound = stream.get_audio_tracks()[0].read(2.0)")
    assert notebook.value("picture.shape") == [480, 640, 3]
    assert notebook.value("[sound.shape, str(sound.dtype)]") == [[96000, 2], "float32"]
    # The fake microphone beeps once a second.
    assert notebook.value("float(np.abs(sound).max())") > 0.05


def test_the_example_of_add_track_answers_a_remote_offer(notebook: Notebook) -> None:
    notebook.do(
        IMPORTS + "remote = rtc.PeerConnection(name='remote')\n"
        "remote.add_transceiver('audio', direction='recvonly')\n"
        "remote.add_transceiver('video', direction='recvonly')\n"
        "offer = await remote.set_local_description()"
    )
    notebook.do(
        "pc = rtc.PeerConnection()\n"
        "await pc.set_remote_description(offer)\n"
        "stream = await rtc.get_user_media(audio=True, video=True)\n"
        "senders = [pc.add_track(track, stream) for track in stream.get_tracks()]\n"
        "answer = await pc.set_local_description(await pc.create_answer())"
    )
    notebook.do("arrived = []\nremote.on('track', arrived.append)\nawait remote.set_remote_description(answer)")
    notebook.do("picture = remote.get_receivers()[1].track.read()")
    assert np.abs(np.array(notebook.value("np.median(picture, axis=(0, 1))")) - GREEN).max() < 30
    notebook.wait_value("len(arrived) == 2")
    assert notebook.value("[[s.id for s in event.streams] == [stream.id] for event in arrived]") == [True, True]


def test_sound_made_in_the_kernel_is_heard_in_the_page(notebook: Notebook) -> None:
    notebook.do(IMPORTS + "rtc.Audio(rtc.TestTone(1000))")
    loudest = notebook.js(
        """async () => {
          const find = () => [...document.querySelectorAll('.jrtc audio, .jrtc video')].find((m) => m.srcObject);
          while (!find()) await new Promise((resolve) => setTimeout(resolve, 50));
          const context = new AudioContext({ sampleRate: 48000 });
          await context.resume();
          const analyser = new AnalyserNode(context, { fftSize: 8192 });
          context.createMediaStreamSource(find().srcObject).connect(analyser);
          const bins = new Float32Array(analyser.frequencyBinCount);
          for (let i = 0; i < 100; i++) {
            await new Promise((resolve) => setTimeout(resolve, 50));
            analyser.getFloatFrequencyData(bins);
            const peak = bins.indexOf(Math.max(...bins));
            if (bins[peak] > -40) return (peak * 48000) / 8192;
          }
          return null;
        }"""
    )
    assert loudest == pytest.approx(1000, abs=12)
