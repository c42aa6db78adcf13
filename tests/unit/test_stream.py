"""MediaStream: which tracks belong together."""

from __future__ import annotations

import threading

import pytest

from jupyter_rtc import MediaStream, NumpyAudioTrack, NumpyVideoTrack
from tests.conftest import SCALE

SOON = 5 * SCALE


def settle(stream: MediaStream) -> None:
    over = threading.Event()
    stream._serial.submit(over.set)
    assert over.wait(SOON)


def test_a_stream_holds_tracks_in_their_order_once_each():
    video, audio, other = NumpyVideoTrack(), NumpyAudioTrack(), NumpyVideoTrack()
    stream = MediaStream([video, audio, video])
    stream.add_track(other)
    stream.add_track(audio)
    assert stream.get_tracks() == [video, audio, other]
    assert stream.get_video_tracks() == [video, other]
    assert stream.get_audio_tracks() == [audio]
    assert stream.get_track_by_id(other.id) is other
    assert stream.get_track_by_id("nobody") is None


def test_a_list_of_tracks_is_a_copy():
    stream = MediaStream([NumpyVideoTrack()])
    stream.get_tracks().clear()
    assert len(stream.get_tracks()) == 1


def test_streams_have_ids_of_their_own_or_the_one_they_are_given():
    assert MediaStream().id != MediaStream().id
    assert MediaStream(id="mine").id == "mine"


@pytest.mark.parametrize("id", ["two words", "", "line\r\nbreak", "-"])
def test_an_id_that_no_description_can_carry_is_refused(id):
    """It travels in ``a=msid:``, where a space ends it and "-" means none (RFC 8830 §2)."""
    with pytest.raises(ValueError, match="id"):
        MediaStream(id=id)


def test_removing_takes_out_that_track_and_tolerates_strangers():
    video, audio = NumpyVideoTrack(), NumpyAudioTrack()
    stream = MediaStream([video, audio])
    stream.remove_track(video)
    stream.remove_track(video)
    stream.remove_track(NumpyVideoTrack())
    assert stream.get_tracks() == [audio]
    assert video.ready_state == "live"


def test_a_stream_is_active_while_any_track_is_live():
    assert not MediaStream().active
    video, audio = NumpyVideoTrack(), NumpyAudioTrack()
    stream = MediaStream([video, audio])
    video.stop()
    assert stream.active
    audio.stop()
    assert not stream.active
    assert "inactive" in repr(stream)


def test_a_clone_holds_clones_under_another_id():
    video, audio = NumpyVideoTrack(), NumpyAudioTrack()
    stream = MediaStream([video, audio])
    clone = stream.clone()
    assert clone.id != stream.id
    assert [track.kind for track in clone.get_tracks()] == ["video", "audio"]
    assert not {track.id for track in clone.get_tracks()} & {video.id, audio.id}
    for track in clone.get_tracks():
        track.stop()
    assert stream.active
    assert not clone.active


def test_one_track_may_be_in_several_streams():
    track = NumpyVideoTrack()
    assert MediaStream([track]).get_tracks() == MediaStream([track]).get_tracks() == [track]


def test_events_tell_only_what_the_other_side_did():
    heard = []
    stream = MediaStream()
    stream.on("addtrack", lambda track: heard.append(("addtrack", track)))
    stream.on("removetrack", lambda track: heard.append(("removetrack", track)))
    own, remote = NumpyVideoTrack(), NumpyVideoTrack()
    stream.add_track(own)
    stream.remove_track(own)
    stream._change("addtrack", remote)
    stream._change("addtrack", remote)
    assert stream.get_tracks() == [remote]
    stream._change("removetrack", remote)
    stream._change("removetrack", remote)
    assert stream.get_tracks() == []
    settle(stream)
    assert heard == [("addtrack", remote), ("removetrack", remote)]


@pytest.mark.parametrize("wrong", [None, "track", 7])
def test_what_is_no_track_is_refused(wrong):
    with pytest.raises(TypeError, match=type(wrong).__name__):
        MediaStream([wrong])
    with pytest.raises(TypeError, match=type(wrong).__name__):
        MediaStream().add_track(wrong)
    with pytest.raises(TypeError, match=type(wrong).__name__):
        MediaStream().remove_track(wrong)


@pytest.mark.parametrize("wrong", [3, b"mine"])
def test_an_id_is_a_text(wrong):
    with pytest.raises(TypeError, match=f"id is a str, not {type(wrong).__name__}"):
        MediaStream(id=wrong)
