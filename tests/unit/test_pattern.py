"""TestPattern and TestTone: that a stamp comes through what a network does to a picture, and that nothing else does."""

from __future__ import annotations

import itertools
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from jupyter_rtc import TestPattern, TestTone, read_stamp
from jupyter_rtc.media.pattern import write_stamp
from tests.conftest import SCALE

SOON = 5 * SCALE
NOW = 1_700_000_000.123


def noise(width: int = 640, height: int = 480) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)


def stamped(number: int = 123_456, seconds: float = NOW, size: tuple[int, int] = (640, 480)) -> np.ndarray:
    picture = noise(*size)
    write_stamp(picture, number, seconds)
    return picture


@pytest.mark.parametrize("number", [0, 1, 2**23, 2**24 - 1])
@pytest.mark.parametrize("seconds", [0.0, NOW, 4_398_046_511.103])
def test_a_stamp_is_read_as_it_was_written(number, seconds):
    assert read_stamp(stamped(number, seconds)) == (number, pytest.approx(seconds, abs=0.0011))


def test_numbers_begin_again_after_their_last():
    assert read_stamp(stamped(2**24 + 5))[0] == 5


@pytest.mark.parametrize("size", [(80, 60), (160, 120), (321, 243), (640, 480), (1279, 717), (1920, 1080), (480, 640)])
def test_pictures_of_any_size_carry_a_stamp(size):
    assert read_stamp(stamped(77, size=size)) == (77, NOW)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [("x", TypeError), (None, TypeError), (np.zeros(5), ValueError), (np.zeros((5, 5, 1)), ValueError)],
)
def test_what_is_no_picture_is_refused(wrong, error):
    with pytest.raises(error, match="picture"):
        read_stamp(wrong)


def test_a_grey_picture_carries_it_too():
    assert read_stamp(stamped(5)[..., 1]) == (5, NOW)


@pytest.mark.parametrize("size", [(320, 240), (352, 288), (1280, 720), (500, 375)])
def test_a_stamp_survives_scaling(size):
    frame = av.VideoFrame.from_ndarray(stamped()).reformat(*size, format="rgb24")
    assert read_stamp(frame.to_ndarray()) == (123_456, NOW)


def test_a_stamp_survives_a_blur():
    picture = stamped().astype(float)
    for axis in (0, 1):
        picture = (np.roll(picture, 1, axis) + 2 * picture + np.roll(picture, -1, axis)) / 4
    assert read_stamp(picture.astype(np.uint8)) == (123_456, NOW)


@pytest.mark.parametrize("bitrate", [150_000, 1_000_000])
def test_stamps_survive_vp8_and_scaling_to_a_quarter(bitrate):
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 320, 240, "yuv420p"
    encoder.time_base, encoder.bit_rate = Fraction(1, 30), bitrate
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    decoder = av.CodecContext.create("vp8", "r")
    pattern = TestPattern((640, 480))
    seen = []
    for number in range(15):
        frame = av.VideoFrame.from_ndarray(pattern._draw(number / 30)).reformat(320, 240, format="yuv420p")
        frame.pts = number
        for packet in encoder.encode(frame):
            seen += [read_stamp(decoded.to_ndarray(format="rgb24")) for decoded in decoder.decode(packet)]
    assert [stamp[0] for stamp in seen] == list(range(15))


@pytest.mark.parametrize(
    "picture",
    [np.zeros((480, 640, 3), np.uint8), np.full((480, 640, 3), 255, np.uint8), noise(), np.zeros((8, 8, 3), np.uint8)],
    ids=["black", "white", "noise", "tiny"],
)
def test_a_picture_without_a_stamp_gives_none(picture):
    assert read_stamp(picture) is None


@pytest.mark.parametrize("block", range(0, 80, 7))
def test_a_stamp_with_one_wrong_block_gives_none(block):
    picture = stamped()
    row, column = divmod(block, 40)
    patch = picture[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16]
    patch[:] = 251 - patch
    assert read_stamp(picture) is None


def test_a_stamp_upside_down_or_mirrored_gives_none():
    assert read_stamp(stamped()[::-1]) is None
    assert read_stamp(stamped()[:, ::-1]) is None


def test_random_pictures_do_not_pass_for_stamped_ones():
    chance = np.random.default_rng(4)
    bits = chance.integers(0, 2, (500, 2, 40), np.uint8) * 255
    found = sum(read_stamp(np.kron(b, np.ones((2, 2), np.uint8)).repeat(15, axis=0)[:60]) is not None for b in bits)
    assert found <= 1, "a checksum of 14 bits lets 1 of 16384 through"


def test_the_pictures_of_a_pattern_are_numbered_and_timed():
    track = TestPattern((160, 120), fps=100)
    before = time.time()
    stamps = [read_stamp(frame) for frame in itertools.islice(track.frames(drop=False, timeout=SOON), 10)]
    track.stop()
    assert [number for number, _ in stamps] == list(range(10))
    times = [seconds for _, seconds in stamps]
    assert times == sorted(times)
    assert before - 0.01 < times[0] < times[-1] <= time.time()


def test_something_moves_in_a_pattern():
    pattern = TestPattern((160, 120))
    first, later = pattern._draw(0.0), pattern._draw(0.5)
    assert (first[20:] != later[20:]).any()
    assert first.shape == (120, 160, 3)


@pytest.mark.parametrize("size", [(79, 60), (80, 59), (0, 0)])
def test_a_pattern_too_small_for_its_stamp_is_refused(size):
    with pytest.raises(ValueError, match="too small"):
        TestPattern(size)


@pytest.mark.parametrize("size", [(9000, 100), (100, 8193), (100_000, 100_000)])
def test_a_pattern_too_large_for_video_is_refused(size):
    with pytest.raises(ValueError, match="too large.*at most 8192"):
        TestPattern(size)


@pytest.mark.parametrize("size", [(8192, 60), (80, 8192)])
def test_the_widest_and_the_highest_pattern_give_pictures(size):
    pattern = TestPattern(size)
    assert pattern.read(timeout=SOON).shape == (size[1], size[0], 3)
    pattern.stop()


@pytest.mark.parametrize("size", ["ab", 640, None, (640.0, 480.0), ("640", "480"), {640: 480}])
def test_the_size_of_a_pattern_is_two_whole_numbers(size):
    with pytest.raises(TypeError, match="size is|whole number"):
        TestPattern(size)


@pytest.mark.parametrize("hz", ["a", None, [440]])
def test_the_frequency_of_a_tone_is_a_number(hz):
    with pytest.raises(TypeError, match="hz is a number"):
        TestTone(hz)


@pytest.mark.parametrize("hz", [220, 1000])
def test_a_tone_has_its_frequency_and_a_quarter_of_full_scale(hz):
    track = TestTone(hz)
    sound = track.read(0.25, timeout=SOON)[:, 0]
    track.stop()
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert np.argmax(spectrum) * 48_000 / len(sound) == pytest.approx(hz, abs=4)
    assert abs(sound).max() == pytest.approx(0.25, abs=0.01)
    assert track.label == f"{hz} Hz"


@pytest.mark.parametrize("hz", [0, -440, 20_000])
def test_a_tone_that_cannot_be_carried_is_refused(hz):
    with pytest.raises(ValueError, match="hz"):
        TestTone(hz)
