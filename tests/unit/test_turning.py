"""A phone's film is turned as players turn it."""

from __future__ import annotations

import av
import numpy as np
import pytest

from jupyter_rtc.media.frames import picture_from_frame
from tests.film import quarters, write_film

PICTURE = quarters()
#: As a display matrix has it, and what is done to the picture: ISO 14496-12 §6.2.2.
MATRICES = {
    (1, 0, 0, 1): PICTURE,
    (0, 1, -1, 0): np.rot90(PICTURE, -1),  # a phone, held upright
    (-1, 0, 0, -1): np.rot90(PICTURE, 2),
    (0, -1, 1, 0): np.rot90(PICTURE, 1),
    (-1, 0, 0, 1): PICTURE[:, ::-1],  # a front camera, mirrored
    (1, 0, 0, -1): PICTURE[::-1],
    (0, 1, 1, 0): PICTURE.swapaxes(0, 1),
    (0, -1, -1, 0): PICTURE.swapaxes(0, 1)[::-1, ::-1],
}


@pytest.mark.parametrize(("matrix", "upright"), MATRICES.items())
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p"])
def test_a_frame_is_turned_as_its_display_matrix_says(tmp_path, matrix, upright, pix_fmt):
    path = write_film(tmp_path / "film.mp4", [PICTURE] * 2, matrix=matrix, pix_fmt=pix_fmt)
    with av.open(str(path)) as container:
        picture = picture_from_frame(next(container.decode(video=0)), 1.0)
    assert picture.format == ("yuv420p" if pix_fmt == "yuv420p" else "rgb24")
    assert picture.size == (upright.shape[1], upright.shape[0])
    assert picture.data.flags.c_contiguous
    for y in (6, -6):
        for x in (6, -6):
            assert abs(picture.array()[y, x].astype(int) - upright[y, x]).max() < 25, (y, x)
    assert (picture.frame(0).width, picture.frame(0).height) == picture.size


def test_sizes_that_planes_do_not_have_when_they_are_turned_are_turned_too(tmp_path):
    picture = quarters((50, 48))
    path = write_film(tmp_path / "film.mp4", [picture], matrix=(0, 1, -1, 0))
    with av.open(str(path)) as container:
        turned = picture_from_frame(next(container.decode(video=0)), 0.0)
    assert turned.size == (48, 50)
    assert abs(turned.array()[5, 5].astype(int) - np.rot90(picture, -1)[5, 5]).max() < 25
