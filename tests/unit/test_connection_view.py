"""What is shown of a connection: a tile for each picture, and what stands under it."""

from __future__ import annotations

import pytest

import jupyter_rtc as rtc


@pytest.fixture
def pc():
    connection = rtc.PeerConnection()
    yield connection
    connection.view.close()
    connection.close()


def titles(pc: rtc.PeerConnection) -> list[str]:
    return [tile["title"] for tile in pc.view._plan("a page").tiles]


def test_one_picture_needs_no_name(pc):
    stream = rtc.MediaStream()
    pc.add_track(rtc.TestTone(), stream)
    pc.add_track(rtc.NumpyVideoTrack(), stream)
    (tile,) = pc.view._plan("a page").tiles
    assert tile["title"] == "local"
    assert len(tile["slots"]) == 2, "its sound is with it"


def test_pictures_of_one_stream_are_told_apart_also_where_their_labels_are_alike(pc):
    stream = rtc.MediaStream()
    for track in (rtc.NumpyVideoTrack(), rtc.TestPattern(), rtc.NumpyVideoTrack()):
        pc.add_track(track, stream)
    assert titles(pc) == ["local · numpy video 1", "local · test pattern", "local · numpy video 2"]


def test_streams_are_numbered(pc):
    for _ in range(2):
        pc.add_track(rtc.NumpyVideoTrack(), rtc.MediaStream())
    assert titles(pc) == ["local 1", "local 2"]
