"""Decoding: whole pictures at once, their colours, who owns the memory; sound, and what stands in for lost sound."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from jupyter_rtc.media.decoder import (
    Colours,
    DecodedPicture,
    SoundDecoder,
    VideoDecoder,
    begins_picture,
    starts_picture,
)
from jupyter_rtc.media.encoder import encoder_for
from jupyter_rtc.media.frames import Picture

KEY, DELTA = b"\x10key", b"\x11delta"
SIZE = (64, 48)
ENCODERS = {"VP8": "libvpx", "H264": "libx264"}


def encode(codec: str, pictures: list[np.ndarray], *, bt709: bool = False) -> list[av.Packet]:
    """Return the packets of a real encoder, tuned as for a call."""
    height, width = pictures[0].shape[:2]
    context = av.CodecContext.create(ENCODERS[codec], "w")
    context.width, context.height, context.pix_fmt, context.time_base = width, height, "yuv420p", Fraction(1, 30)
    context.gop_size = 4
    context.bit_rate = 4_000_000
    context.options = {"tune": "zerolatency"} if codec == "H264" else {"lag-in-frames": "0", "deadline": "realtime"}
    if bt709:
        context.colorspace = Colorspace.ITU709
    packets = []
    for number, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture)
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709" if bt709 else None)
        frame.pts = number
        packets += context.encode(frame)
    return packets


def chart() -> np.ndarray:
    """Return fields of strong colours, each of 16 pixels."""
    colours = [
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 0),
        (0, 255, 255),
        (255, 0, 255),
        (128, 128, 128),
        (0, 0, 0),
    ]
    row = np.repeat(np.array(colours, np.uint8), 16, axis=0)
    return np.tile(row, (64, 1, 1))


@pytest.mark.parametrize(
    ("codec", "data", "expected"),
    [
        ("VP8", KEY, True), ("VP8", DELTA, False), ("VP8", b"", False), ("H264", b"", False),
        ("H264", b"\0\0\0\1\x67\x42\0\0\0\1\x68\0\0\0\1\x65xxxx", True),
        ("H264", b"\0\0\0\1\x65" + b"x" * 20, True),
        ("H264", b"\0\0\0\1\x41" + b"x" * 20, False),
        ("H264", b"\0\0\1\x06\x05xx\0\0\1\x25" + b"x" * 20, True),
        ("H264", b"x" * 20, False),
        ("H264", b"\0\0\1", False),
    ],
)  # fmt: skip
def test_a_key_frame_is_known_by_its_first_bytes(codec, data, expected):
    assert starts_picture(codec, data) is expected


@pytest.mark.parametrize(
    ("codec", "payload", "expected"),
    [
        ("VP8", b"\x10\x00", True), ("VP8", b"\x90\x80\x81\x02\x00", True), ("VP8", b"\x00\x00", False),
        ("VP8", b"\x11\x00", False), ("VP8", b"", False), ("H264", b"", False),
        ("H264", b"\x67\x42", True), ("H264", b"\x09\x10", True), ("H264", b"\x41\x9a", False),
        ("H264", b"\x78\x00\x10\x67\x42", True), ("H264", b"\x78\x00\x10\x41\x9a", False), ("H264", b"\x7c\x85", False),
    ],
)  # fmt: skip
def test_the_beginning_of_a_picture_is_known_by_its_packet(codec, payload, expected):
    assert begins_picture(codec, payload) is expected


@pytest.mark.parametrize("codec", ENCODERS)
def test_key_frames_of_a_real_encoder_are_known(codec):
    packets = encode(codec, [np.full((48, 64, 3), number * 20, np.uint8) for number in range(8)])
    known = [(starts_picture(codec, bytes(packet)), packet.is_keyframe) for packet in packets]
    assert len(known) >= 6
    assert all(ours == real for ours, real in known)
    assert {real for _, real in known} == {True, False}


@pytest.mark.parametrize("codec", ENCODERS)
def test_each_picture_comes_out_at_once(codec):
    decoder = VideoDecoder(codec)
    packets = encode(codec, [np.full((48, 64, 3), number * 20, np.uint8) for number in range(8)])
    for number, packet in enumerate(packets):
        (frame,) = decoder.decode(bytes(packet), 3000 * number)
        assert frame.pts == 3000 * number


@pytest.mark.parametrize(
    ("codec", "bt709", "beside"),
    [("VP8", False, None), ("VP8", True, Colours(1, 1)), ("H264", False, None), ("H264", True, None)],
)
def test_colours_are_right_whatever_their_matrix(codec, bt709, beside):
    """H264 tells its matrix itself, of VP8 it is said beside the data."""
    (packet,) = encode(codec, [chart()], bt709=bt709)
    (frame,) = VideoDecoder(codec).decode(bytes(packet), 0, beside)
    got = DecodedPicture(frame, 0.0).array().astype(int)
    centres = (slice(8, None, 16), slice(8, None, 16))
    assert np.abs(got[centres] - chart()[centres].astype(int)).max() <= 6


def test_what_was_said_of_colours_holds_for_the_pictures_that_follow():
    decoder = VideoDecoder("VP8")
    packets = encode("VP8", [chart()] * 4)
    said = [None, Colours(1, 2), None, Colours(6, 1)]
    frames = [decoder.decode(bytes(packet), 0, colours)[0] for packet, colours in zip(packets, said, strict=True)]
    assert [(frame.colorspace, frame.color_range) for frame in frames[1:]] == [(1, 2), (1, 2), (6, 1)]


@pytest.mark.parametrize("size", [(64, 48), (66, 50), (33, 17), (322, 242), (1280, 720)])
def test_the_array_is_its_readers_own(size):
    width, height = size
    frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 100, np.uint8)).reformat(format="yuv420p")
    picture = DecodedPicture(frame, 1.5)
    first, second = picture.array(), picture.array()
    assert first.shape == (height, width, 3)
    assert first.flags.c_contiguous
    assert first.flags.writeable
    assert np.abs(first.astype(int) - 100).max() <= 3
    first[:] = 0
    assert second.min() > 90
    assert picture.array().min() > 90
    assert (picture.size, picture.time) == (size, 1.5)
    assert isinstance(picture, Picture)


@pytest.mark.parametrize("size", [(64, 48), (66, 50), (33, 17), (1280, 720)])
@pytest.mark.parametrize("full_range", [False, True])
def test_a_decoded_picture_has_the_order_of_colours_that_is_wanted(size, full_range):
    width, height = size
    pixels = np.full((height, width, 3), (220, 120, 20), np.uint8)
    pixels[: height // 2] = (250, 250, 250)
    colours = ColorRange.JPEG if full_range else ColorRange.MPEG
    frame = av.VideoFrame.from_ndarray(pixels).reformat(format="yuv420p", dst_color_range=colours)
    picture = DecodedPicture(frame, 0.0)
    rgb, grey = picture.array(), picture.array("gray")
    np.testing.assert_array_equal(picture.array("bgr"), rgb[..., ::-1])
    assert grey.shape == (height, width)
    assert grey.flags.owndata
    np.testing.assert_allclose(grey[[1, -2], 3], [250, 138], atol=3)


def test_reading_a_picture_keeps_no_copy_of_it():
    frame = av.VideoFrame.from_ndarray(np.zeros((720, 1280, 3), np.uint8)).reformat(format="yuv420p")
    picture = DecodedPicture(frame, 0.0)
    assert picture.array().flags.owndata
    assert picture.size == (1280, 720)
    assert "data" not in vars(picture), "its planes are copied for an encoder only"


@pytest.mark.parametrize("size", [(64, 48), (66, 50)])
def test_each_encoder_gets_a_frame_of_its_own_with_the_right_colours(size):
    width, height = size
    frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 100, np.uint8)).reformat(format="yuv420p")
    frame.colorspace = Colorspace.ITU709
    picture = DecodedPicture(frame, 0.0)
    first, second = picture.frame(1), picture.frame(2)
    assert first is not second
    assert (first.pts, second.pts) == (1, 2)
    assert (first.width, first.height) == size
    if first.format.name == "yuv420p":
        assert first.colorspace == Colorspace.ITU709
    assert np.abs(first.to_ndarray(format="rgb24").astype(int) - picture.array()).max() <= 2
    black = picture.blank()
    assert black.size == size
    assert black.array().max() == 0


# -- sound ------------------------------------------------------------------------------------------------------------


def tone(seconds: float) -> np.ndarray:
    return np.sin(2 * np.pi * 440 * np.arange(int(48_000 * seconds)) / 48_000).astype(np.float32) * 0.4


def opus(sound: np.ndarray) -> list[bytes]:
    context = av.CodecContext.create("libopus", "w")
    context.bit_rate, context.format, context.layout, context.sample_rate = 96_000, "s16", "stereo", 48_000
    packets = []
    for start in range(0, len(sound) - 959, 960):
        stereo = (sound[start : start + 960, None].repeat(2, 1) * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(stereo, format="s16", layout="stereo")
        frame.sample_rate, frame.pts = 48_000, start
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets


def test_lost_sound_is_concealed_without_a_click():
    decoder = SoundDecoder("opus")
    parts = []
    for number, packet in enumerate(opus(tone(1.0))):
        parts.append(decoder.conceal() if number in (20, 30, 31) else decoder.decode(packet))
        assert parts[-1].shape == (960, 2)
    sound = np.concatenate(parts)[4800:, 0]
    assert np.abs(np.diff(sound)).max() < 1.3 * 0.4 * 2 * np.pi * 440 / 48_000
    assert np.abs(parts[20]).max() > 0.3, "no hole"


def test_concealed_sound_fades():
    decoder = SoundDecoder("opus")
    for packet in opus(tone(0.5)):
        decoder.decode(packet)
    levels = [float(np.abs(decoder.conceal()).max()) for _ in range(20)]
    assert levels[0] > 0.3
    assert levels[-1] < 0.05


@pytest.mark.parametrize(("codec", "encoder", "rate"), [("PCMU", "pcm_mulaw", 8000), ("PCMA", "pcm_alaw", 8000)])
def test_telephony_comes_at_48_khz(codec, encoder, rate):
    context = av.CodecContext.create(encoder, "w")
    context.sample_rate, context.layout, context.format = rate, "mono", "s16"
    samples = (np.sin(2 * np.pi * 440 * np.arange(rate) / rate) * 10_000).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate
    data = b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
    decoder = SoundDecoder(codec)
    sound = np.concatenate([decoder.decode(data[n : n + 160]) for n in range(0, len(data), 160)])
    assert sound.shape[1] == 1
    assert abs(len(sound) - 48_000) < 1000
    peak = np.abs(np.fft.rfft(sound[:, 0])).argmax() * 48_000 / len(sound)
    assert abs(peak - 440) <= 2
    assert len(decoder.conceal()) > 0


def test_nothing_is_concealed_before_the_first_sound():
    assert len(SoundDecoder("opus").conceal()) == 0


@pytest.mark.parametrize("bt709", [False, True])
@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_a_received_picture_is_sent_on_in_its_colours_whatever_their_matrix(codec, bt709):
    (packet,) = encode("H264", [chart()], bt709=bt709)
    (frame,) = VideoDecoder("H264").decode(bytes(packet), 0)
    sent_on = encoder_for(codec).encode(DecodedPicture(frame, 0.0), 0.0, 8e6, key=True)
    (frame,) = VideoDecoder(codec).decode(sent_on, 0)
    got = DecodedPicture(frame, 0.0).array().astype(int)
    centres = (slice(8, None, 16), slice(8, None, 16))
    assert np.abs(got[centres] - chart()[centres].astype(int)).max() <= 10
