"""What is refused is told with a remedy that works; other layouts are copied as they lie; no other error escapes."""

from __future__ import annotations

import contextlib
import re
import sys
import time

import av
import numpy as np
import pytest

from jupyter_rtc import NumpyAudioTrack, NumpyVideoTrack
from jupyter_rtc.media.arrays import picture_from_array, samples_from_array

RNG = np.random.default_rng(3)
RGB = RNG.integers(0, 256, (12, 20, 3), np.uint8)
GREY = RNG.integers(0, 256, (12, 20), np.uint8)
CHW = np.ascontiguousarray(np.moveaxis(RGB, -1, 0))


def pixels(value, **options):
    return picture_from_array(value, 0.0, **options).array()


def refusal(function, value):
    """Return the error and the remedy it names, an expression of `x`."""
    with pytest.raises((TypeError, ValueError)) as caught:
        function(value)
    found = re.search(r"\. Try (.*)$", str(caught.value))
    return caught.value, found[1] if found else ""


# -- remedies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "remedy", "expected"),
    [
        (CHW, "np.moveaxis(x, 0, -1)", RGB),
        (CHW[None], "np.moveaxis(x[0], 0, -1)", RGB),
        (CHW / 255, "np.moveaxis(x, 0, -1)", RGB),
        (CHW.astype(np.float32), "np.moveaxis(x, 0, -1) / 255", RGB),
        (CHW / 127.5 - 1, "(np.moveaxis(x, 0, -1) + 1) / 2", RGB),
        (CHW.astype(np.int64), "np.moveaxis(x, 0, -1).astype(np.uint8)", RGB),
        (np.moveaxis(RGB, -1, 1), "np.moveaxis(x, 1, -1)", RGB),
        (GREY[None], "x[0]", np.dstack([GREY] * 3)),
        (GREY[None, None], "x[0][0]", np.dstack([GREY] * 3)),
        (RGB[None], "x[0]", RGB),
        (RGB[None].astype(float), "x[0] / 255", RGB),
        (np.dstack([GREY, GREY // 2]), "x[..., 0]", np.dstack([GREY] * 3)),
        (np.dstack([RGB, RGB, GREY, GREY]), "x[..., :3]", RGB),
        (RGB.astype(np.int64), "x.astype(np.uint8)", RGB),
        (RGB.astype(float), "x / 255", RGB),
        (RGB.astype(np.uint16) * 257, "x / 65535", RGB),
        (RGB.astype(np.uint16) * 16, "x / 4095", None),
        (RGB.astype(np.uint16) * 4, "x / 1023", None),
        (RGB.astype(np.int32) * 257, "x / 65535", RGB),
        (RGB.astype(np.float32) * 257, "x / 65535", RGB),
        ((RGB > 127).astype(np.int64), "x.astype(bool)", np.where(RGB > 127, 255, 0)),
        (np.clip(RGB / 255, 0, 1) * 1.2, "np.clip(x, 0, 1)", None),
        (RGB - 20.0, "np.clip(x, 0, 255) / 255", None),
        (RGB.astype(np.int16) - 20, "np.clip(x, 0, 255).astype(np.uint8)", None),
        (GREY.astype(np.int32) * 100_000, "np.interp(x, [x.min(), x.max()], [0, 1])", None),
        (GREY.astype(np.int16) * 200 - 30_000, "np.interp(x, [x.min(), x.max()], [0, 1])", None),
        (GREY * 1e4 - 5e5, "np.interp(x, [x.min(), x.max()], [0, 1])", None),
        (RGB.astype(complex) / 255, "np.abs(x)", RGB),
    ],
)  # fmt: skip
def test_a_picture_is_refused_with_what_makes_one_of_it(x, remedy, expected):
    error, told = refusal(pixels, x)
    assert told == remedy
    assert f"shape {x.shape}" in str(error)
    assert x.dtype.name in str(error)
    result = pixels(eval(remedy, {"np": np, "x": x}))
    assert result.max() > 60, "no black"
    if expected is not None:
        np.testing.assert_allclose(result, expected, atol=1)


def test_pictures_of_16_bits_are_not_wrapped_around():
    _, remedy = refusal(pixels, np.full((4, 4), 40_000, np.uint16))
    assert "uint8" not in remedy
    assert (pixels(eval(remedy, {"x": np.full((4, 4), 40_000, np.uint16)})) == 156).all()


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((9, 12, 20, 3), "NumpyVideoTrack(x), or for frame in x: track.write(frame)"),
        ((9, 3, 12, 20), "NumpyVideoTrack(np.moveaxis(x, 1, -1))"),
        ((30, 12, 20), "NumpyVideoTrack(iter(frames)), each frame (height, width)"),
        ((720,), "x.reshape(height, width, 3)"),
        ((), ""),
        ((0, 3), ""),
        ((2, 2, 2, 2, 2), ""),
    ],
)
def test_what_wants_more_than_an_expression_is_told_too(shape, remedy):
    assert refusal(pixels, np.zeros(shape, np.uint8))[1] == remedy


def test_pictures_that_differ_in_size_go_by_an_iterator():
    error, _ = refusal(pixels, [RGB, RGB[:5]])
    assert "iter(frames)" in str(error)
    assert "iter(x)" in refusal(pixels, (frame for frame in [RGB]))[1]


@pytest.mark.parametrize(
    "source",
    [CHW, GREY[None], np.zeros((12, 20, 2)), np.zeros((12, 20, 8), np.uint8), np.zeros((30, 12, 20), np.uint8),
     np.zeros((9, 3, 12, 20), np.uint8), np.zeros((5, 12, 20, 3), np.uint16), np.full((5, 12, 20, 3), 200.0),
     np.full((12, 20), 200.0), np.zeros((12, 20, 3), np.int64)],
)  # fmt: skip
def test_what_write_refuses_no_source_takes(source):
    with pytest.raises((TypeError, ValueError)) as written:
        NumpyVideoTrack().write(source)
    with pytest.raises((TypeError, ValueError)) as given:
        NumpyVideoTrack(source)
    if source.ndim < 4:
        assert str(given.value) == str(written.value)


WAVE = np.sin(np.arange(2000) / 7)


@pytest.mark.parametrize(
    ("x", "remedy"),
    [
        (WAVE * 32767, "x / 32768"),
        (np.rint(WAVE * 900).astype(np.float32), "x / 32768"),
        (WAVE * 2**31, "x / 2**31"),
        (WAVE * 2**22, "x / 2**23"),
        (WAVE * 1.4, "np.clip(x, -1, 1)"),
        (np.r_[WAVE, np.inf], "np.clip(x, -1, 1)"),
        (WAVE * 1e12, "x / np.abs(x).max()"),
        ((WAVE * 2**30).astype(np.int32), "x / 2**31"),
        ((WAVE * 2**22).astype(np.int32), "x / 2**23"),
        ((WAVE * 32767).astype(np.int64), "x / 32768"),
        (np.zeros(10, np.int32), "x / 2**31"),
        ((WAVE * 127 + 128).astype(np.uint8), "(x - 128.0) / 128"),
        ((WAVE * 32767 + 32768).astype(np.uint16), "(x - 32768.0) / 32768"),
        ((WAVE * 127).astype(np.int8), "x / 128"),
        (np.stack([WAVE, WAVE]), "x.T"),
        (WAVE[None], "x.T"),
        (np.stack([WAVE, WAVE])[None], "x[0].T"),
        (np.stack([WAVE] * 6), "x[:2].T"),
        (np.stack([WAVE] * 6, axis=1), "x[:, :2]"),
        (np.stack([WAVE, WAVE]) * 32767, "x.T / 32768"),
        ((np.stack([WAVE, WAVE]) * 2**30).astype(np.int32), "x.T / 2**31"),
        (WAVE.astype(complex), "x.real"),
    ],
)
def test_sound_is_refused_with_what_makes_some_of_it(x, remedy):
    error, told = refusal(samples_from_array, x)
    assert told == remedy
    assert f"shape {x.shape}" in str(error)
    assert x.dtype.name in str(error)
    samples = samples_from_array(eval(remedy, {"np": np, "x": x}))
    assert len(samples) == max(x.shape)


def test_sound_a_little_beyond_the_range_is_clipped_and_a_source_refuses_what_write_does():
    np.testing.assert_array_equal(samples_from_array(np.array([1.1, -1.1])), [[1], [-1]])
    for value in ([1.2], [-1.2], [np.inf], [20_000.0]):
        with pytest.raises(ValueError, match=r"values from .* sound is in \[-1, 1\]"):
            NumpyAudioTrack().write(value)
        with pytest.raises(ValueError, match="values from"):
            NumpyAudioTrack(np.array(value))


# -- objects whose conversion fails -----------------------------------------------------------------------------------


class Tensor:
    """As torch's, which is on a graphics card, or has a gradient."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __array__(self, dtype=None, copy=None):
        raise self._error

    def detach(self):
        return self


class Device:
    """As CuPy's or JAX's, which gives its memory by DLPack only, and not that of a graphics card."""

    shape = (4, 4)

    def __dlpack__(self, **_options):
        raise BufferError("not on this device")

    def __dlpack_device__(self):
        return (2, 0)


class Hostile:
    def __getattr__(self, name):
        raise OSError(name)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Tensor(RuntimeError("Can't call numpy() on Tensor that requires grad.")),
        lambda: Tensor(BufferError("busy")),
        lambda: Tensor(AttributeError("gone")),
        lambda: Tensor(KeyError("x")),
        lambda: Tensor(MemoryError()),
        lambda: [Tensor(RuntimeError("grad"))],
        Device,
        Hostile,
        object,
        lambda: iter([]),
        lambda: range,
        lambda: 3j,
        lambda: "x",
        lambda: b"",
        dict,
        set,
        lambda: None,
    ],
)
@pytest.mark.parametrize("take", [pixels, samples_from_array, NumpyVideoTrack().write, NumpyAudioTrack().write])
def test_whatever_a_conversion_raises_is_a_type_or_value_error(make, take):
    with pytest.raises((TypeError, ValueError)):
        take(make())


def test_a_tensors_own_words_are_told_with_the_way_out():
    error, remedy = refusal(pixels, Tensor(RuntimeError("Can't call numpy() on Tensor that requires grad.")))
    assert "requires grad" in str(error)
    assert remedy == "x.detach().cpu().numpy()"


def test_a_remedy_for_what_is_no_array_begins_with_making_one():
    class Planes:
        """As a torch tensor, whose `transpose` is not numpy's."""

        def __array__(self, dtype=None, copy=None):
            return CHW

    _, remedy = refusal(pixels, Planes())
    assert remedy == "np.moveaxis(np.asarray(x), 0, -1)"
    assert refusal(pixels, [[0, 255], [3, 4]])[1] == "np.asarray(x).astype(np.uint8)"
    assert refusal(samples_from_array, [0, 20_000])[1] == "np.asarray(x) / 32768"


def test_what_only_gives_its_memory_by_dlpack_is_a_picture():
    class OnThisMachine:
        def __dlpack__(self, **options):
            return RGB.__dlpack__(**options)

        def __dlpack_device__(self):
            return RGB.__dlpack_device__()

    np.testing.assert_array_equal(pixels(OnThisMachine()), RGB)


def test_arrays_by_protocol_are_pictures_and_sound():
    class Interface:
        __array_interface__ = RGB.__array_interface__
        held = RGB

    class Array:
        def __array__(self, dtype=None, copy=None):
            return RGB / 255

    np.testing.assert_array_equal(pixels(Interface()), RGB)
    np.testing.assert_array_equal(pixels(Array()), RGB)
    np.testing.assert_array_equal(pixels(memoryview(RGB)), RGB)
    np.testing.assert_array_equal(samples_from_array(memoryview(np.int16([16384]))), [[0.5]])


# -- layouts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "layout"),
    [
        (RGB, "rgb24"),
        (RGB[::-1], "rgb24"),
        (RGB[..., ::-1], "bgr24"),
        ((RGB / 255)[..., ::-1], "bgr24"),
        (np.dstack([RGB, GREY]), "rgba"),
        (np.dstack([RGB, GREY])[..., :3], "rgb24"),
        (np.moveaxis(CHW, 0, -1), "rgb24"),
        (GREY, "gray"),
        (GREY[..., None], "gray"),
        (GREY > 9, "gray"),
    ],
)
def test_a_picture_is_kept_in_the_layout_in_which_it_came(value, layout):
    picture = picture_from_array(value, 0.0)
    assert picture.format == layout
    assert picture.data.flags.c_contiguous
    assert not np.shares_memory(picture.data, value)


@pytest.mark.parametrize("value", [RGB, np.dstack([RGB, GREY]), RGB[..., ::-1], GREY, RGB / 255, GREY > 9])
def test_each_layout_reaches_readers_and_encoders_with_the_same_colours(value):
    picture = picture_from_array(value, 0.0)
    rgb = picture.array()
    flat = value if value.ndim == 3 else np.dstack([value] * 3)
    expected = flat[..., :3] if flat.dtype == np.uint8 else flat[..., :3] * 255.0
    np.testing.assert_allclose(rgb, expected, atol=0.51)
    np.testing.assert_array_equal(picture.array("bgr"), rgb[..., ::-1])
    np.testing.assert_allclose(picture.array("gray"), rgb @ [0.299, 0.587, 0.114], atol=1.5)
    encoded = picture.frame(0).reformat(format="yuv420p").reformat(format="yuv444p")
    whole = av.VideoFrame.from_ndarray(rgb).reformat(format="yuv420p").reformat(format="yuv444p")
    assert abs(encoded.to_ndarray().astype(int) - whole.to_ndarray()).max() <= 2
    scaled = picture.scaled((10, 6))
    assert scaled.array().shape == (6, 10, 3)
    assert abs(scaled.array().mean() - rgb.mean()) < 6


def test_no_form_costs_the_writer_much_more_than_contiguous_rgb():
    """Figures are in tests/bench/write.py; here the best of several rounds, so that a busy machine does not matter."""
    rgb = RNG.integers(0, 256, (1080, 1920, 3), np.uint8)
    forms = {
        "rgb": (rgb, 1),
        "rgba": (np.dstack([rgb, rgb[..., 0]]), 6),
        "bgr view": (rgb[..., ::-1], 6),
        "grey": (rgb[..., 0].copy(), 6),
        "float32": ((rgb / 255).astype(np.float32), 15),
    }
    track = NumpyVideoTrack()
    least = dict.fromkeys(forms, 1e9)
    for _ in range(8):
        for name, (value, _) in forms.items():
            began = time.perf_counter()
            track.write(value)
            least[name] = min(least[name], time.perf_counter() - began)
    for name, (_, most) in forms.items():
        assert least[name] <= most * least["rgb"], name


def test_the_order_of_colours_is_said_with_format():
    np.testing.assert_array_equal(pixels(RGB, format="bgr"), RGB[..., ::-1])
    np.testing.assert_array_equal(pixels(RGB[..., ::-1], format="bgr"), RGB)
    np.testing.assert_array_equal(pixels(np.dstack([RGB, GREY]), format="bgr"), RGB[..., ::-1])
    np.testing.assert_array_equal(pixels(RGB / 255, format="bgr"), RGB[..., ::-1])
    np.testing.assert_array_equal(pixels(GREY, format="bgr"), np.dstack([GREY] * 3))
    np.testing.assert_array_equal(pixels(GREY, format="gray"), np.dstack([GREY] * 3))
    with pytest.raises(ValueError, match=r"shape \(12, 20, 3\).*format='gray'"):
        pixels(RGB, format="gray")


# -- Pillow -----------------------------------------------------------------------------------------------------------

PIL = pytest.importorskip("PIL.Image")
SMOOTH = np.dstack([np.tile(np.linspace(a, b, 32), (24, 1)) for a, b in ((20, 220), (200, 60), (90, 140))])
SMOOTH = SMOOTH.astype(np.uint8)


@pytest.mark.parametrize(
    ("mode", "tolerance"),
    [("RGB", 0), ("RGBA", 0), ("RGBX", 0), ("CMYK", 2), ("YCbCr", 3), ("HSV", 12), ("P", 60), ("PA", 60), ("LAB", 12)],
)
def test_an_image_of_any_mode_has_its_colours(mode, tolerance):
    image = PIL.fromarray(SMOOTH)
    if mode == "LAB":
        from PIL import ImageCms

        image = ImageCms.profileToProfile(
            image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    elif mode == "PA":
        image = image.convert("P").convert("PA")
    else:
        image = image.convert(mode)
    assert image.mode == mode
    assert abs(pixels(image).astype(int) - SMOOTH).max() <= tolerance
    assert abs(pixels(image, format="bgr").astype(int) - SMOOTH).max() <= tolerance, "an image knows its colours"


def test_grey_images_are_grey():
    grey = np.dstack([SMOOTH[..., 0]] * 3)
    image = PIL.fromarray(SMOOTH[..., 0])
    for mode in ("L", "LA", "La"):
        np.testing.assert_array_equal(pixels(image.convert("LA").convert(mode)), grey)
    bits = pixels(image.convert("1"))
    assert set(np.unique(bits)) == {0, 255}
    np.testing.assert_array_equal(pixels(PIL.fromarray(SMOOTH[..., 0] / np.float32(255))), grey)


@pytest.mark.parametrize(
    ("array", "remedy"),
    [
        (SMOOTH[..., 0].astype(np.uint16) * 257, "np.asarray(image) / 65535"),
        (SMOOTH[..., 0].astype(np.int32) * 257, "np.asarray(image) / 65535"),
        (SMOOTH[..., 0].astype(np.float32), "np.asarray(image) / 255"),
    ],
)
def test_images_of_other_numbers_are_refused_with_their_scale(array, remedy):
    image = PIL.fromarray(array)
    _, told = refusal(pixels, image)
    assert told == remedy
    np.testing.assert_allclose(
        pixels(eval(remedy, {"np": np, "image": image})), np.dstack([SMOOTH[..., 0]] * 3), atol=1
    )  # fmt: skip


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_as_its_exif_data_ask_for(orientation, tmp_path):
    exif = PIL.Exif()
    exif[0x0112] = orientation
    PIL.fromarray(SMOOTH).save(tmp_path / "phone.png", exif=exif)
    lies = SMOOTH.swapaxes(0, 1) if orientation >= 5 else SMOOTH
    flips, mirrors = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    upright = lies[:: -1 if flips else 1, :: -1 if mirrors else 1]
    with PIL.open(tmp_path / "phone.png") as image:
        np.testing.assert_array_equal(pixels(image), upright)


def test_an_image_that_is_cut_short_is_a_value_error(tmp_path):
    path = tmp_path / "half.png"
    PIL.fromarray(RNG.integers(0, 256, (50, 50, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with PIL.open(path) as image, pytest.raises(ValueError, match="the image cannot be read"):
        pixels(image)


def animated(path, durations=(100, 200, 100)):
    images = [PIL.new("RGB", (8, 6), (value, value, value)) for value in (0, 100, 200)]
    images[0].save(path, save_all=True, append_images=images[1:], duration=list(durations), loop=0)
    return PIL.open(path)


def test_an_animated_image_plays_at_its_own_pace_and_repeats(tmp_path):
    with animated(tmp_path / "a.gif") as image:
        track = NumpyVideoTrack(image, fps=50)
        image.seek(1)
        assert (pixels(image) == 100).all(), "written, it is the picture that it is at"
    source = track._source
    values = [int(source(seconds)[0, 0, 0]) for seconds in (0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.55)]
    assert values == [0, 0, 100, 100, 200, 0, 100]
    assert (track.read(timeout=10) == source(0)).all()
    track.stop()


def test_an_animation_that_is_cut_short_or_too_large_is_a_value_error(tmp_path, monkeypatch):
    animated(tmp_path / "a.gif").close()
    with PIL.open(tmp_path / "a.gif") as image:
        monkeypatch.setattr("jupyter_rtc.media.images._ANIMATION_BOUND", 300)
        with pytest.raises(ValueError, match="ImageSequence"):
            NumpyVideoTrack(image)
    whole = (tmp_path / "a.gif").read_bytes()
    for length in range(40, len(whole) - 1, 7):
        (tmp_path / "cut.gif").write_bytes(whole[:length])
        try:
            image = PIL.open(tmp_path / "cut.gif")
        except PIL.UnidentifiedImageError:
            continue
        with image, contextlib.suppress(ValueError):
            NumpyVideoTrack(image)


def test_pillow_is_not_imported_for_arrays():
    code = "import sys, jupyter_rtc, numpy; jupyter_rtc.NumpyVideoTrack().write(numpy.zeros((4, 4))); "
    code += "assert not {'PIL', 'matplotlib'} & set(sys.modules)"
    import subprocess

    subprocess.run([sys.executable, "-c", code], check=True)


# -- figures and frames -----------------------------------------------------------------------------------------------


def test_a_figure_is_drawn_as_it_is_now():
    figures = pytest.importorskip("matplotlib.figure")
    figure = figures.Figure(figsize=(2, 1), dpi=50, facecolor="white")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    track = NumpyVideoTrack()
    track.write(figure)
    assert track.latest().shape == (50, 100, 3)
    assert (track.latest() == 255).all()
    figure.set_facecolor((1, 0, 0))
    assert (pixels(figure, format="bgr") == (255, 0, 0)).all(), "a figure knows its colours"
    assert (pixels(figure.canvas) == (255, 0, 0)).all()
    axes = figure.subplots()
    assert (pixels(axes)[0, 0] == (255, 0, 0)).all(), "its axes, which pandas and seaborn return, stand for it"


def test_a_figure_that_was_closed_or_is_made_for_files_is_drawn_all_the_same():
    matplotlib = pytest.importorskip("matplotlib")
    from matplotlib import pyplot as plt
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    before = matplotlib.get_backend()
    matplotlib.use("agg")
    try:
        closed, _ = plt.subplots(figsize=(2, 1), dpi=50, facecolor="blue")
        plt.close(closed)
    finally:
        matplotlib.use(before)
    vector = Figure(figsize=(2, 1), dpi=50, facecolor="blue")
    FigureCanvasSVG(vector)
    for figure in (closed, vector, Figure(figsize=(2, 1), dpi=50, facecolor="blue")):
        canvas = figure.canvas
        assert (pixels(figure)[0, 0] == (0, 0, 255)).all()
        assert figure.canvas is canvas


def test_what_cannot_draw_is_a_value_error():
    class Canvas:
        def draw(self):
            raise RuntimeError("no font")

        def buffer_rgba(self):
            return b""

    with pytest.raises(ValueError, match="cannot be drawn: RuntimeError: no font"):
        pixels(Canvas())


def test_a_frame_of_pyav_is_a_picture():
    frame = av.VideoFrame.from_ndarray(RGB)
    np.testing.assert_array_equal(pixels(frame), RGB)


@pytest.mark.parametrize(("low", "high"), [(-3.0, 3.0), (0.0, 2.0)])
def test_the_remedy_of_floats_of_a_small_range_is_no_black_picture(low: float, high: float) -> None:
    from jupyter_rtc.media.remedies import picture_remedy

    x = np.linspace(low, high, 48).reshape(4, 4, 3)
    shown = eval(picture_remedy(x), {"np": np, "x": x})
    assert shown.min() == 0
    assert shown.max() == 1


def test_the_remedy_of_many_pictures_of_16_bits_scales_them() -> None:
    from jupyter_rtc.media.remedies import picture_remedy

    assert picture_remedy(np.full((5, 4, 4, 3), 60000, np.uint16)).startswith("NumpyVideoTrack(x / 65535)")
