"""A minute of a tone from one process of ours to another: clicks and holes in it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np

from tests.bench import report
from tests.tone import examine

SECONDS = 60


async def run() -> np.ndarray:
    """Return what came of a tone."""
    import jupyter_rtc as rtc

    a, b = rtc.PeerConnection(), rtc.PeerConnection()
    tone = rtc.TestTone(440)
    a.add_track(tone)
    await rtc.connect_pair(a, b)
    parts: list[Any] = []
    stop = b.get_receivers()[0].track.on_frame(lambda sound: parts.append(sound[:, 0]))
    began = time.monotonic()
    await asyncio.sleep(SECONDS)
    took = time.monotonic() - began
    stop()
    a.close()
    b.close()
    tone.stop()
    sound = np.concatenate(parts)
    report("tone", received_of_sent=round(len(sound) / took / 48_000, 4), **vars(examine(sound[48_000:], 440)))
    return sound


def main() -> None:
    """Print what was found."""
    asyncio.run(run())
