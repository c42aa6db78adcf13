"""The form in which a reader wants its items."""

from __future__ import annotations

import numpy as np
import pytest

from jupyter_rtc.media.forms import PictureForm, SoundForm
from jupyter_rtc.media.frames import Picture, Sound

LEFT_RIGHT = np.tile(np.float32([0.5, -0.25]), (960, 1))


def stretch(number: int, length: int = 960) -> Sound:
    times = (np.arange(length) + number * length) / 48_000
    return Sound(np.sin(2 * np.pi * 500 * times).astype(np.float32)[:, None], 100 + number * length / 48_000)


@pytest.mark.parametrize(("format", "expected"), [("rgb", (9, 8, 7)), ("bgr", (7, 8, 9)), ("gray", 8)])
def test_pictures_have_their_colours_in_the_order_that_is_wanted(format, expected):
    picture = Picture(np.full((4, 6, 3), (9, 8, 7), np.uint8), "rgb24", 5.0)
    ((time, array),) = PictureForm(format).take(picture)
    assert time == 5.0
    assert (array == expected).all()
    assert array.flags.writeable
    assert not np.shares_memory(array, picture.data)


@pytest.mark.parametrize("format", ["BGR", "bgr24", "", "yuv"])
def test_an_unknown_order_is_refused_with_those_there_are(format):
    with pytest.raises(ValueError, match="format is 'rgb', 'bgr' or 'gray'"):
        PictureForm(format)
    with pytest.raises(TypeError):
        PictureForm(3)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("length", [960, 480, 1024, 2880, 100])
def test_pieces_are_of_20_ms_each_and_know_their_time(rate, length):
    form = SoundForm(rate)
    pieces = [piece for number in range(50) for piece in form.take(stretch(number, length))]
    pieces += form.rest()
    size = round(rate / 50)
    assert {len(piece) for _, piece in pieces} == {size}
    total = sum(len(piece) for _, piece in pieces) / rate
    assert 50 * length / 48_000 - 0.001 <= total <= 50 * length / 48_000 + 0.0201
    for number, (time, piece) in enumerate(pieces[:-1]):
        assert time == pytest.approx(100 + number * size / rate, abs=2 / rate)
        if number:
            at = (np.arange(size) + number * size) / rate
            np.testing.assert_allclose(piece[:, 0], np.sin(2 * np.pi * 500 * at), atol=0.02)


def test_pieces_of_any_length_come_as_soon_as_there_is_something():
    form = SoundForm(16_000, exact=False)
    lengths = [sum(len(piece) for _, piece in form.take(stretch(number))) for number in range(3)]
    assert 890 < sum(lengths) < 900
    assert sum(lengths) + sum(len(piece) for _, piece in form.rest()) == 960


def test_one_channel_is_the_mean_of_both_and_two_are_the_same_twice():
    (piece,) = SoundForm(channels=1).take(Sound(LEFT_RIGHT, 0))
    np.testing.assert_allclose(piece[1], np.full((960, 1), 0.125))
    (piece,) = SoundForm(channels=2).take(Sound(LEFT_RIGHT[:, :1], 0))
    np.testing.assert_allclose(piece[1], np.full((960, 2), 0.5))
    (piece,) = SoundForm().take(Sound(LEFT_RIGHT, 0))
    np.testing.assert_array_equal(piece[1], LEFT_RIGHT)
    assert not np.shares_memory(piece[1], LEFT_RIGHT)


def test_the_number_of_channels_may_change_on_the_way():
    form = SoundForm(16_000)
    shapes = []
    for number in range(6):
        sound = stretch(number)
        shapes += [p.shape for _, p in form.take(sound if number < 3 else Sound(sound.data.repeat(2, 1), sound.time))]
    assert set(shapes) == {(320, 1), (320, 2)}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"sample_rate": "16k"}, TypeError),
        ({"sample_rate": 0}, ValueError),
        ({"sample_rate": 22_050.5}, ValueError),
        ({"sample_rate": float("nan")}, ValueError),
        ({"channels": 3}, ValueError),
        ({"channels": "mono"}, TypeError),
        ({"channels": True}, TypeError),
    ],
)
def test_what_is_no_rate_and_no_number_of_channels_is_refused(options, error):
    with pytest.raises(error, match=next(iter(options))):
        SoundForm(**options)
