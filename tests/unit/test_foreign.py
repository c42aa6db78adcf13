"""Tracks of aiortc, read as ours: their pictures upright, their sound as loud as it is."""

from __future__ import annotations

import asyncio
import fractions

import aiortc
import av
import numpy as np
import pytest
from aiortc.contrib.media import MediaPlayer

from jupyter_rtc.engine.foreign import as_track
from tests.conftest import SCALE
from tests.film import quarters, write_film

SOON = 10 * SCALE


class Tone(aiortc.MediaStreamTrack):
    """500 Hz at half of full scale, as fast as it is asked for."""

    kind = "audio"

    def __init__(self, rate: int, layout: str, format: str = "s16") -> None:
        super().__init__()
        self._rate, self._layout = rate, layout
        self._format = av.AudioResampler(format, layout, rate)
        self._at = 0

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(0.01)
        times = (self._at + np.arange(self._rate // 50)) / self._rate
        self._at += len(times)
        channels = 1 if self._layout == "mono" else 2
        wave = (0.5 * np.sin(2 * np.pi * 500 * times)).astype(np.float32).repeat(channels).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(wave, "flt", self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._at, fractions.Fraction(1, self._rate)
        return self._format.resample(frame)[0]


@pytest.mark.parametrize(
    ("rate", "layout", "format"),
    [(48_000, "mono", "s16"), (48_000, "stereo", "s16"), (16_000, "mono", "s16"), (44_100, "stereo", "fltp")],
)
def test_the_sound_of_an_aiortc_track_is_as_loud_as_it_is(rate, layout, format):
    track = as_track(Tone(rate, layout, format))
    track.read(0.1, timeout=SOON)
    sound = track.read(0.2, timeout=SOON)
    mono = track.read(0.1, timeout=SOON, sample_rate=16_000, channels=1)
    track.stop()
    assert sound.shape == (9_600, 1 if layout == "mono" else 2)
    assert np.sqrt(2 * np.mean(sound**2)) == pytest.approx(0.5, rel=0.02)
    assert mono.shape == (1_600, 1)
    assert np.sqrt(2 * np.mean(mono[160:] ** 2)) == pytest.approx(0.5, rel=0.05)


def test_a_phones_film_played_by_aiortc_is_upright(tmp_path):
    upright = np.rot90(quarters(), -1)
    path = write_film(tmp_path / "film.mp4", [quarters()] * 30, matrix=(0, 1, -1, 0))
    player = MediaPlayer(str(path))
    track = as_track(player.video)
    picture = track.read(timeout=SOON)
    track.stop()
    player.video.stop()
    assert picture.shape == upright.shape
    for y in (6, -6):
        for x in (6, -6):
            assert abs(picture[y, x].astype(int) - upright[y, x]).max() < 25
