"""Resampling: no aliases, no shift, no sample too many or too few."""

from __future__ import annotations

import av
import numpy as np
import pytest

from jupyter_rtc.media.resampling import FrameResampler, Resampler

PAIRS = [(48_000, 16_000), (48_000, 8_000), (48_000, 44_100), (48_000, 11_025), (48_000, 22_222), (44_100, 48_000),
         (8_000, 48_000), (48_000, 96_000)]  # fmt: skip


def tone(hz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate).astype(np.float32)[:, None]


def resampled(samples: np.ndarray, rate: int, to: int, block: int = 960) -> np.ndarray:
    resample = Resampler(rate, samples.shape[1], to)
    parts = [resample(samples[at : at + block]) for at in range(0, len(samples), block)]
    return np.concatenate([*parts, resample.flush()])


def level(samples: np.ndarray) -> float:
    """Return the level of a tone in dB, of full scale."""
    middle = samples[len(samples) // 8 : -len(samples) // 8]
    return float(20 * np.log10(np.sqrt(2 * np.mean(middle**2)) + 1e-12))


@pytest.mark.parametrize("hz", [8_250, 8_500, 9_000, 10_000, 12_000, 15_000, 20_000])
def test_what_is_above_half_the_lower_rate_does_not_come_back_as_another_tone(hz):
    """10 kHz taken at every third sample is a full 6 kHz."""
    assert level(resampled(tone(hz, 48_000), 48_000, 16_000)) < -80
    assert level(tone(hz, 48_000)[::3]) > -1


@pytest.mark.parametrize("hz", [50, 1_000, 4_000, 6_000, 7_000, 7_400])
def test_what_is_below_it_is_whole(hz):
    assert abs(level(resampled(tone(hz, 48_000), 48_000, 16_000))) < 0.2


@pytest.mark.parametrize(("rate", "to"), PAIRS)
@pytest.mark.parametrize("block", [960, 441, 1])
def test_each_sample_is_where_it_was_and_there_are_as_many_as_there_should_be(rate, to, block):
    samples = tone(1_000, rate, 0.5 if block > 1 else 0.05)
    out = resampled(samples, rate, to, block)
    assert len(out) == pytest.approx(len(samples) * to / rate, abs=1)
    edge = len(out) // 4
    np.testing.assert_allclose(out[edge:-edge], tone(1_000, to)[edge : len(out) - edge], atol=2e-3)


def test_what_is_held_back_is_a_few_milliseconds_and_known():
    resample = Resampler(48_000, 1, 16_000)
    given = len(resample(np.zeros((960, 1), np.float32)))
    assert 0.003 < resample.held < 0.006
    assert resample.held == pytest.approx(0.02 - given / 16_000)
    assert given + len(resample.flush()) == 320
    assert len(resample.flush()) == 0


def test_left_and_right_stay_apart():
    sound = np.concatenate([tone(1_000, 48_000), np.zeros((48_000, 1), np.float32)], axis=1)
    out = resampled(sound, 48_000, 16_000)
    assert abs(out[:, 1]).max() < 1e-6
    assert abs(level(out[:, 0])) < 0.1


@pytest.mark.parametrize("format", ["s16", "s16p", "s32", "flt", "fltp", "dbl", "u8"])
@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize("rate", [48_000, 16_000])
def test_frames_of_any_kind_are_as_loud_as_they_are(format, layout, rate):
    """Mono is not made stereo, which would take 3 dB off it."""
    channels = 1 if layout == "mono" else 2
    source = av.AudioFrame.from_ndarray((0.5 * tone(1_000, rate)).repeat(channels, 1).reshape(1, -1), "flt", layout)
    source.sample_rate = rate
    resample = FrameResampler()
    out = np.concatenate([resample(f) for f in av.AudioResampler(format, layout, rate).resample(source)])
    assert out.shape[1] == channels
    assert abs(level(out[:, -1]) + 6.02) < 0.1


def test_frames_may_change_in_the_middle():
    resample = FrameResampler()
    for rate, layout, channels in ((48_000, "mono", 1), (16_000, "stereo", 2), (44_100, "mono", 1), (48_000, "5.1", 2)):
        width = 6 if layout == "5.1" else channels
        frame = av.AudioFrame.from_ndarray(np.full((1, rate // 10 * width), 0.25, np.float32), "flt", layout)
        frame.sample_rate = rate
        out = resample(frame)
        assert out.shape[1] == channels
        assert 4_300 < len(out) <= 4_800
