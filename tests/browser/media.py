"""What the browser tests share: stamps of pictures seen in the page, and what the page's cameras are doing."""

from __future__ import annotations

import numpy as np

import jupyter_rtc as rtc

from .lab import Frame, Frames, Notebook

IMPORTS = "import asyncio, time, numpy as np, jupyter_rtc as rtc\n"

# Counts the cameras that are on in the page: every track that getUserMedia gave and that was not stopped.
COUNT_CAMERAS = """() => {
  const devices = navigator.mediaDevices;
  const original = devices.getUserMedia.bind(devices);
  globalThis.cameras = { asked: 0, tracks: [] };
  devices.getUserMedia = async (wish) => {
    globalThis.cameras.asked += 1;
    const stream = await original(wish);
    globalThis.cameras.tracks.push(...stream.getTracks());
    return stream;
  };
}"""


def count_cameras(notebook: Notebook) -> None:
    """Begin to count the page's cameras; see `cameras_on` and `cameras_asked`."""
    notebook.js(COUNT_CAMERAS)


def cameras_on(notebook: Notebook) -> int:
    """Return how many of the page's cameras and microphones are on."""
    return notebook.js("() => cameras.tracks.filter((track) => track.readyState === 'live').length")


def cameras_asked(notebook: Notebook) -> int:
    """Return how often the page has asked for a camera."""
    return notebook.js("() => cameras.asked")


def stamp_of(frame: Frame, height: int) -> tuple[int, float] | None:
    """Return the stamp of a picture of which only the top strip was kept."""
    assert frame.strip is not None
    picture = np.zeros((height, *frame.strip.shape[1:]), np.uint8)
    picture[: len(frame.strip)] = frame.strip
    return rtc.read_stamp(picture)


def numbers_and_delays(frames: Frames, height: int) -> tuple[list[int], list[float], int]:
    """Return the pictures' numbers, their delays in seconds, and how many stamps were unreadable."""
    stamps = [(stamp_of(frame, height), frame.seconds) for frame in frames.items]
    readable = [(stamp, seconds) for stamp, seconds in stamps if stamp is not None]
    numbers = [stamp[0] for stamp, _ in readable]
    return numbers, [seconds - stamp[1] for stamp, seconds in readable], len(stamps) - len(readable)
