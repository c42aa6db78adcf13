"""Sound from one connection to another: a tone stays whole."""

from __future__ import annotations

import asyncio

import numpy as np

from jupyter_rtc import PeerConnection, TestTone, connect_pair
from tests.tone import examine

SECONDS = 6


async def test_a_tone_comes_without_clicks_and_without_holes():
    a, b = PeerConnection(), PeerConnection()
    tone = TestTone(440)
    a.add_track(tone)
    await connect_pair(a, b)
    parts: list[np.ndarray] = []
    stop = b.get_receivers()[0].track.on_frame(lambda sound: parts.append(sound[:, 0]))
    await asyncio.sleep(SECONDS)
    stop()
    for connection in (a, b):
        connection.close()
    tone.stop()
    sound = np.concatenate(parts)
    assert abs(len(sound) / 48_000 - SECONDS) < 1
    found = examine(sound[24_000:], 440)
    assert abs(found.level - 0.25) < 0.03
    assert found.clicks <= 5, "of more than 500 blocks, on a machine that may be busy"
    assert found.holes <= 5
