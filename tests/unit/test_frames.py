"""Pictures and sound: what is accepted, what is refused, and that nothing is shared."""

from __future__ import annotations

import struct

import av
import numpy as np
import pytest

from jupyter_rtc.media.arrays import picture_from_array, samples_from_array
from jupyter_rtc.media.frames import (
    Sound,
    picture_from_frame,
    to_png,
)
from jupyter_rtc.media.resampling import FrameResampler

RNG = np.random.default_rng(1)
RGB = RNG.integers(0, 256, (6, 8, 3), np.uint8)
GREY = RNG.integers(0, 256, (6, 8), np.uint8)
BITS = RNG.integers(0, 2, (6, 8)).astype(bool)
# Colours that YUV with 4:2:0 subsampling keeps: one for the whole picture.
FLAT = np.full((48, 64, 3), (200, 60, 90), np.uint8)


def pixels(value, size=None):
    return picture_from_array(value, 0.0, size).array()


# -- accepted ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (RGB, RGB),
        (np.dstack([RGB, GREY]), RGB),
        (GREY, np.dstack([GREY] * 3)),
        (GREY[..., None], np.dstack([GREY] * 3)),
        (BITS, np.dstack([BITS * np.uint8(255)] * 3)),
        (np.dstack([BITS] * 4), np.dstack([BITS * np.uint8(255)] * 3)),
        ((RGB / 255), RGB),
        ((RGB / 255).astype(np.float32), RGB),
        ((GREY / 255).astype(np.float32), np.dstack([GREY] * 3)),
        ((BITS * 1.0).astype(np.float16), np.dstack([BITS * np.uint8(255)] * 3)),
        ((BITS * 1.0).astype(">f4"), np.dstack([BITS * np.uint8(255)] * 3)),
        ([[0.0, 1.0], [0.5, 0.25]], np.array([[[0] * 3, [255] * 3], [[128] * 3, [64] * 3]])),
        (np.asfortranarray(RGB), RGB),
        (np.repeat(RGB, 2, axis=1)[:, ::2], RGB),
        (RGB[::-1, ::-1], np.ascontiguousarray(RGB[::-1, ::-1])),
        (RGB[..., ::-1], np.ascontiguousarray(RGB[..., ::-1])),
        (RGB.transpose(1, 0, 2), np.ascontiguousarray(RGB.transpose(1, 0, 2))),
        (np.broadcast_to(np.uint8(7), (6, 8)), np.full((6, 8, 3), 7)),
        (RGB[:1, :1], RGB[:1, :1]),
        (RGB[:5, :7], RGB[:5, :7]),
        (np.ma.masked_array(RGB), RGB),
        (memoryview(np.ascontiguousarray(GREY)), np.dstack([GREY] * 3)),
    ],
    ids=[
        "rgb", "rgba", "grey", "grey with an axis", "bool", "bool rgba", "float64", "float32", "grey float",
        "half float", "big endian", "lists", "fortran", "gaps", "upside down", "bgr view", "transposed",
        "no strides", "one pixel", "odd size", "masked", "buffer",
    ],
)  # fmt: skip
def test_every_form_of_a_picture_becomes_rgb(value, expected):
    result = pixels(value)
    assert result.dtype == np.uint8
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, expected)


def test_nan_is_black():
    np.testing.assert_array_equal(pixels(np.array([[np.nan, 1.0]])), [[[0] * 3, [255] * 3]])
    assert not pixels(np.full((4, 4), np.nan)).any()


def test_rounding_errors_around_zero_and_one_are_forgiven():
    np.testing.assert_array_equal(pixels(np.array([[-1e-6, 1 + 1e-6]])), [[[0] * 3, [255] * 3]])


@pytest.mark.parametrize("size", [(32, 24), (33, 25), (128, 96), (1, 1)])
def test_size_is_width_and_height(size):
    result = pixels(FLAT, size)
    assert result.shape == (size[1], size[0], 3)
    assert abs(result.astype(int) - FLAT[0, 0]).max() <= 3


def test_a_picture_of_the_right_size_is_not_scaled():
    np.testing.assert_array_equal(pixels(RGB, (8, 6)), RGB)


# -- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (8,), (6, 8, 2), (6, 8, 5), (2, 6, 8, 3), (0, 8), (6, 0, 3), (3, 6, 8)])
def test_a_wrong_shape_is_named_with_the_dtype_and_what_is_accepted(shape):
    with pytest.raises(ValueError) as caught:
        pixels(np.zeros(shape, np.uint8))
    text = str(caught.value)
    assert f"shape {shape}" in text
    assert "uint8" in text
    assert "(height, width, 3) RGB" in text


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "complex64", "datetime64[s]", "U3", "O"])
def test_a_wrong_dtype_is_named_with_the_shape_and_what_is_accepted(dtype):
    with pytest.raises(TypeError) as caught:
        pixels(np.zeros((6, 8, 3), dtype))
    text = str(caught.value)
    assert np.dtype(dtype).name.split("[")[0] in text or np.dtype(dtype).str in text
    assert "shape (6, 8, 3)" in text
    assert "uint8, bool, or float" in text


@pytest.mark.parametrize("value", [None, "picture", b"bytes", {"a": 1}, [[1], [1, 2]], object(), 7])
def test_what_is_no_array_is_no_picture(value):
    with pytest.raises((TypeError, ValueError), match="picture"):
        pixels(value)


@pytest.mark.parametrize(("low", "high"), [(0, 255), (-1, 1), (0, np.inf), (-np.inf, 0), (0, 1.5)])
def test_a_float_picture_out_of_range_is_refused_with_its_range(low, high):
    with pytest.raises(ValueError, match=r"shape \(1, 2\) with dtype float64 has values from") as caught:
        pixels(np.array([[low, high]], float))
    assert f"{low:g}" in str(caught.value)
    assert f"{high:g}" in str(caught.value)


def test_a_picture_too_large_for_any_encoder_is_refused():
    with pytest.raises(ValueError, match="8192"):
        pixels(np.broadcast_to(np.uint8(0), (2, 10_000)))


# -- ownership --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [RGB.copy(), np.dstack([RGB, GREY]), GREY.copy(), RGB / 255])
def test_later_changes_of_the_input_do_not_reach_the_picture(value):
    picture = picture_from_array(value, 0.0)
    before = picture.array()
    value[:] = 0
    np.testing.assert_array_equal(picture.array(), before)
    assert before.any()


@pytest.mark.parametrize("format", ["rgb24", "yuv420p"])
def test_what_a_reader_does_with_a_picture_does_not_reach_another(format):
    frame = av.VideoFrame.from_ndarray(FLAT).reformat(format=format)
    picture = picture_from_frame(frame, 0.0)
    assert picture.format == format
    first = picture.array()
    first[:] = 0
    assert picture.array().any()
    assert first.flags.writeable
    assert first.flags.owndata


def test_a_decoders_memory_may_be_used_again_at_once():
    frame = av.VideoFrame.from_ndarray(FLAT).reformat(format="yuv420p")
    picture = picture_from_frame(frame, 0.0)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    assert abs(picture.array().astype(int) - FLAT).max() <= 3


# -- frames -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 48), (63, 47), (64, 47), (2, 2), (1, 1)])
@pytest.mark.parametrize("format", ["rgb24", "yuv420p"])
def test_a_decoded_frame_of_any_size_is_a_picture(size, format):
    frame = av.VideoFrame.from_ndarray(FLAT).reformat(*size, format=format)
    picture = picture_from_frame(frame, 1.5)
    assert picture.size == size
    assert picture.time == 1.5
    assert picture.array().shape == (size[1], size[0], 3)
    if min(size) > 1:
        assert abs(picture.array().astype(int) - FLAT[0, 0]).max() <= 4


@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_a_picture_is_a_frame_with_its_own_timestamp(size):
    picture = picture_from_array(FLAT, 0.0, size)
    first, second = picture.frame(10), picture.frame(20)
    assert (first.pts, second.pts) == (10, 20)
    assert first.time_base.denominator == 90_000
    assert (first.width, first.height) == size
    assert abs(second.to_ndarray(format="rgb24").astype(int) - FLAT[0, 0]).max() <= 3


@pytest.mark.parametrize("format", ["rgb24", "yuv420p"])
def test_a_blank_picture_is_black_and_of_the_same_size(format):
    picture = picture_from_frame(av.VideoFrame.from_ndarray(FLAT).reformat(format=format), 3.0)
    blank = picture.blank()
    assert (blank.size, blank.time) == (picture.size, 3.0)
    assert not blank.array().any()
    assert picture.array().any()


def test_a_png_holds_the_very_same_pixels():
    data = to_png(RGB)
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    assert (data[:8], width, height, depth, colour) == (b"\x89PNG\r\n\x1a\n", 8, 6, 8, 2)
    (frame,) = av.CodecContext.create("png", "r").decode(av.Packet(data))
    np.testing.assert_array_equal(frame.to_ndarray(format="rgb24"), RGB)


# -- sound ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([0, 16384, -32768], np.int16), [[0], [0.5], [-1]]),
        (np.array([[0, 16384]], np.int16), [[0, 0.5]]),
        (np.array([0, 16384], ">i2"), [[0], [0.5]]),
        (np.array([0.5, -0.25]), [[0.5], [-0.25]]),
        (np.array([[0.5, -0.25]], np.float32), [[0.5, -0.25]]),
        (np.array([[0.5], [1.0]], np.float16), [[0.5], [1.0]]),
        ([0.5, -0.5], [[0.5], [-0.5]]),
        (np.array([1.05, -1.1, np.nan]), [[1], [-1], [0]]),
        (np.arange(6, dtype=np.int16)[::-2], [[5 / 32768], [3 / 32768], [1 / 32768]]),
        (np.array([], np.int16), np.zeros((0, 1))),
    ],
    ids=[
        "int16",
        "stereo int16",
        "big endian int16",
        "float64",
        "stereo",
        "column",
        "list",
        "clipped",
        "strides",
        "empty",
    ],
)
def test_every_form_of_sound_becomes_float32_columns(value, expected):
    samples = samples_from_array(value)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(), (10, 3), (10, 0), (2, 10), (4, 2, 1)])
def test_a_wrong_shape_of_sound_is_named(shape):
    with pytest.raises(ValueError) as caught:
        samples_from_array(np.zeros(shape))
    assert f"shape {shape}" in str(caught.value)
    assert "float64" in str(caught.value)
    assert "(samples, channels)" in str(caught.value)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "bool", "complex128", "O"])
def test_a_wrong_dtype_of_sound_is_named(dtype):
    with pytest.raises(TypeError) as caught:
        samples_from_array(np.zeros(10, dtype))
    assert np.dtype(dtype).name in str(caught.value)
    assert "shape (10,)" in str(caught.value)
    assert "int16" in str(caught.value)


@pytest.mark.parametrize("value", [None, "sound", b"\0\0", {}, [[0.5], [0.5, 0.5]]])
def test_what_is_no_array_is_no_sound(value):
    with pytest.raises(TypeError, match="sound"):
        samples_from_array(value)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_later_changes_of_written_sound_do_not_travel(dtype):
    value = np.ones(4, dtype)
    samples = samples_from_array(value)
    value[:] = 0
    assert samples.any()


def test_what_a_reader_does_with_sound_does_not_reach_another():
    sound = Sound(np.ones((4, 1), np.float32), 0.0)
    sound.array()[:] = 0
    assert sound.array().all()


@pytest.mark.parametrize("channels", [1, 2])
def test_sound_survives_being_a_frame(channels):
    data = np.linspace(-1, 1, 960 * channels, dtype=np.float32).reshape(960, channels)
    frame = Sound(data, 0.0).frame(1920)
    assert (frame.pts, frame.sample_rate, frame.samples, frame.format.name) == (1920, 48_000, 960, "s16")
    assert frame.layout.nb_channels == channels
    np.testing.assert_allclose(FrameResampler()(frame), data, atol=1e-4)


def test_full_scale_does_not_wrap_around():
    frame = Sound(np.array([[1.0], [-1.0], [2.0]], np.float32), 0).frame(0)
    assert frame.to_ndarray().ravel().tolist() == [32767, -32767, 32767]


def test_silence_is_as_long_as_what_it_stands_for():
    blank = Sound(np.ones((7, 2), np.float32), 4.0).blank()
    assert blank.data.shape == (7, 2)
    assert not blank.data.any()
    assert blank.time == 4.0


def test_many_readers_of_a_decoded_picture_convert_it_once():
    picture = picture_from_frame(av.VideoFrame.from_ndarray(FLAT).reformat(format="yuv420p"), 0.0)
    assert picture._rgb is picture._rgb
