"""Encoders: sizes, colours, rates and key frames, decoded by FFmpeg."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from jupyter_rtc.media.arrays import picture_from_array
from jupyter_rtc.media.decoder import DecodedPicture
from jupyter_rtc.media.encoder import VideoEncoder, encoder_for
from jupyter_rtc.media.frames import Picture, picture_from_frame

CODECS = ("VP8", "H264")
FPS = 30


class Stream:
    """An encoder with a decoder behind it."""

    def __init__(self, codec: str) -> None:
        self.encoder: VideoEncoder = encoder_for(codec)
        self.decoder = av.CodecContext.create("libvpx" if codec == "VP8" else "h264", "r")
        self.number = 0
        self.sizes: list[int] = []

    def send(self, picture: Picture, bitrate: float = 2e6, **options: object) -> list[np.ndarray]:
        data = self.encoder.encode(picture, self.number / FPS, bitrate, **options)
        self.number += 1
        self.sizes.append(len(data))
        return [
            frame.to_ndarray(format="rgb24", src_colorspace=Colorspace.ITU601)
            for frame in self.decoder.decode(av.Packet(data))
        ]


def noise(number: int, size: tuple[int, int] = (640, 360), amount: int = 256) -> Picture:
    width, height = size
    generator = np.random.default_rng(number)
    small = generator.integers(0, amount, (height // 8, width // 8, 3), np.uint8)
    return picture_from_array(small.repeat(8, axis=0).repeat(8, axis=1), 0)


def plain(width: int, height: int, colour: tuple[int, int, int] = (200, 50, 120)) -> Picture:
    return picture_from_array(np.full((height, width, 3), colour, np.uint8), 0)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("layout", ["rgb24", "bgr24", "rgba", "bgra", "gray"])
@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_a_picture_of_any_layout_is_sent_in_its_colours(codec, layout, size):
    width, height = size
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([40 + 3 * x, 200 - 3 * y, 90 + x + y], axis=-1).astype(np.uint8)
    if layout == "gray":
        pixels = pixels[..., :1].repeat(3, axis=2)
    data = {
        "rgb24": pixels,
        "bgr24": pixels[..., ::-1],
        "rgba": np.dstack([pixels, x.astype(np.uint8)]),
        "bgra": np.dstack([pixels[..., ::-1], x.astype(np.uint8)]),
        "gray": pixels[..., 0],
    }[layout]
    (got,) = Stream(codec).send(Picture(np.ascontiguousarray(data), layout, 0.0), 8e6)
    assert abs(got[:height, :width].astype(int) - pixels).mean() < 3


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 5), (16, 16), (101, 77), (640, 481), (641, 480), (1280, 720)])
def test_a_picture_of_any_size_comes_out_at_once_in_its_colour(codec, size):
    stream = Stream(codec)
    (picture,) = stream.send(plain(*size))
    width, height = size
    if codec == "H264":  # has even sizes only: a row and a column are repeated
        width, height = width + width % 2, height + height % 2
    assert picture.shape == (height, width, 3)
    assert (stream.encoder.width, stream.encoder.height) == (width, height)
    assert np.abs(picture.astype(int) - (200, 50, 120)).max() <= (5 if min(size) > 2 else 20)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (128, 128, 128), (255, 255, 255)]
)
def test_colours_are_kept(codec, colour):
    stream = Stream(codec)
    for _ in range(12):
        (picture,) = stream.send(plain(64, 64, colour), still=stream.number > 0)
    assert np.abs(picture.astype(int) - colour).max() <= 3


def test_h264_says_how_its_colours_are_meant():
    encoder = encoder_for("H264")
    data = encoder.encode(plain(64, 64), 0, 1e6)
    (frame,) = av.CodecContext.create("h264", "r").decode(av.Packet(data))
    assert frame.colorspace == Colorspace.SMPTE170M
    assert frame.color_range == av.video.reformatter.ColorRange.MPEG
    assert frame.color_primaries == av.video.reformatter.ColorPrimaries.BT709


@pytest.mark.parametrize("codec", CODECS)
def test_a_received_picture_is_encoded_as_it_is(codec):
    original = plain(64, 64)
    frame = av.VideoFrame.from_ndarray(original.data, format="rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU601
    )
    received = picture_from_frame(frame, 0)
    assert received.format == "yuv420p"
    (picture,) = Stream(codec).send(received)
    assert np.abs(picture.astype(int) - (200, 50, 120)).max() <= 5


@pytest.mark.parametrize("take", [picture_from_frame, DecodedPicture])
@pytest.mark.parametrize("codec", CODECS)
def test_another_matrix_and_range_is_converted(codec, take):
    frame = av.VideoFrame.from_ndarray(plain(64, 64).data, format="rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.JPEG
    )
    frame.colorspace, frame.color_range = Colorspace.ITU709, ColorRange.JPEG
    (picture,) = Stream(codec).send(take(frame, 0))
    assert np.abs(picture.astype(int) - (200, 50, 120)).max() <= 5


@pytest.mark.parametrize("codec", CODECS)
def test_the_size_may_change_in_the_stream(codec):
    stream = Stream(codec)
    for size in ((320, 240), (160, 120), (321, 241), (320, 240)):
        (picture,) = stream.send(plain(*size))
        assert picture.shape[1] - size[0] in (0, 1)
        (picture,) = stream.send(plain(*size))
    assert stream.encoder.key_frames == 4


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(("scale", "size"), [(1, (320, 240)), (2, (160, 120)), (1.5, (212, 160)), (1000, (2, 2))])
def test_the_size_is_divided_by_the_scale(codec, scale, size):
    (picture,) = Stream(codec).send(plain(320, 240), scale=scale)
    assert picture.shape[1::-1] == size


@pytest.mark.parametrize("codec", CODECS)
def test_a_key_frame_is_made_when_it_is_asked_for_and_only_then(codec):
    stream = Stream(codec)
    for number in range(40):
        stream.send(noise(number), key=number == 25)
    assert stream.encoder.key_frames == 2


@pytest.mark.parametrize("codec", CODECS)
def test_the_rate_is_kept_and_can_be_set_anew_without_a_storm_of_key_frames(codec):
    stream = Stream(codec)
    for bitrate in (2e6, 5e5, 2e6, 1e6, 1.1e6, 0.9e6, 1e6, 3e6):
        for _ in range(2 * FPS):
            stream.send(noise(stream.number // 8), bitrate)
        kept = sum(stream.sizes[-FPS:]) * 8
        assert kept < 1.5 * bitrate, f"{kept} bits instead of {bitrate}"
    assert stream.encoder.key_frames <= (1 if codec == "VP8" else 5)


@pytest.mark.parametrize("bitrate", [1, 500, 1000])
@pytest.mark.parametrize("codec", CODECS)
def test_a_rate_that_shows_nothing_still_shows_something(codec, bitrate):
    stream = Stream(codec)
    assert sum(len(stream.send(plain(64, 64), bitrate)) for _ in range(10)) == 10


@pytest.mark.parametrize("codec", CODECS)
def test_a_picture_that_stands_still_gets_sharp(codec):
    stream, original = Stream(codec), noise(1)
    errors = []
    for _ in range(10):
        (picture,) = stream.send(original, 1e6, still=True)
        errors.append(float(np.abs(picture.astype(int) - original.data).mean()))
        stream.number += 3  # as it is sent again: every 0.1 s
    assert errors[-1] < 0.7 * errors[0]
    assert errors[-1] < 6


@pytest.mark.parametrize("codec", CODECS)
def test_slow_pictures_have_more_bits_each(codec):
    def bits(fps: float) -> float:
        encoder = encoder_for(codec)
        sizes = [len(encoder.encode(noise(number // 4), number / fps, 1e6)) for number in range(90)]
        return sum(sizes[60:]) / 30

    assert bits(12) > 1.5 * bits(30)


@pytest.mark.parametrize("codec", CODECS)
def test_what_it_did_is_counted(codec):
    stream = Stream(codec)
    for number in range(5):
        stream.send(noise(number))
    encoder = stream.encoder
    assert (encoder.frames, encoder.key_frames, encoder.bytes) == (5, 1, sum(stream.sizes))
    assert encoder.seconds > 0
