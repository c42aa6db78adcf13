"""Arguments of a wrong type are a TypeError, wrong values a ValueError, and what the W3C's words are not is both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

import jupyter_rtc as rtc
from jupyter_rtc.checks import flag, number, number_or_none, one_of, string, whole

SIGNALING = SimpleNamespace(send=print, receive=print, close=print)


@pytest.fixture
def pc() -> Iterator[rtc.PeerConnection]:
    connection = rtc.PeerConnection()
    yield connection
    connection.close()


@pytest.fixture
def transceiver(pc) -> rtc.RtpTransceiver:
    return pc.add_transceiver("video")


# -- the checks themselves --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "value", "result"),
    [
        (number, 2, 2.0), (number, np.float32(0.5), 0.5), (number, np.int8(3), 3.0), (number, Fraction(1, 2), 0.5),
        (number, float("inf"), float("inf")), (number_or_none, None, None), (number_or_none, 1, 1.0),
        (whole, 2, 2), (whole, np.int64(-2), -2), (string, "", ""), (flag, True, True), (flag, np.False_, False),
    ],
)  # fmt: skip
def test_what_is_right_is_returned_as_pythons_own(check, value, result):
    checked = check("it", value)
    assert (checked, type(checked)) == (result, type(result))


@pytest.mark.parametrize(
    ("check", "value", "error", "words"),
    [
        (number, "30", TypeError, "it is a number, not '30'"),
        (number, True, TypeError, "it is a number, not True"),
        (number, None, TypeError, "it is a number, not None"),
        (number, 1j, TypeError, "it is a number"),
        (number, float("nan"), ValueError, "it is a number, not nan"),
        (number, 10**400, ValueError, "it is too large"),
        (number_or_none, "30", TypeError, "it is a number, not '30'"),
        (whole, 1.0, TypeError, "it is a whole number, not 1.0"),
        (whole, "1", TypeError, "it is a whole number, not '1'"),
        (whole, False, TypeError, "it is a whole number, not False"),
        (string, 3, TypeError, "it is a str, not int"),
        (flag, "no", TypeError, "it is True or False, not 'no'"),
        (flag, 1, TypeError, "it is True or False, not 1"),
    ],
)
def test_what_is_wrong_is_said_in_words(check, value, error, words):
    with pytest.raises(error, match=words):
        check("it", value)


def test_a_word_that_there_is_not_is_shown_and_anything_else_is_not():
    assert one_of("a", ("a", "b"), "it is a or b") == "a"
    with pytest.raises(rtc.WrongValueError, match="it is a or b, not 'c'"):
        one_of("c", ("a", "b"), "it is a or b")
    with pytest.raises(TypeError, match="it is a or b, not of type dict") as caught:
        one_of({"credential": "secret"}, ("a", "b"), "it is a or b")
    assert not isinstance(caught.value, ValueError)


# -- the W3C's words: TypeError in browsers, ValueError in Python -----------------------------------------------------

WORDS = {
    "policy": lambda t, v: rtc.PeerConnection(ice_transport_policy=v),
    "bundle": lambda t, v: rtc.PeerConnection(bundle_policy=v),
    "set_configuration": lambda t, v: t._connection.set_configuration(ice_transport_policy=v),
    "configure": lambda t, v: rtc.configure(ice_transport_policy=v),
    "kind": lambda t, v: t._connection.add_transceiver(v),
    "direction": lambda t, v: t._connection.add_transceiver("audio", direction=v),
    "set direction": lambda t, v: setattr(t, "direction", v),
    "description": lambda t, v: asyncio.run(t._connection.set_remote_description({"type": v, "sdp": ""})),
    "local description": lambda t, v: asyncio.run(t._connection.set_local_description({"type": v})),
}


@pytest.mark.parametrize("give", WORDS.values(), ids=WORDS)
def test_a_word_that_the_specification_has_not_is_a_wrong_value_and_a_type_error_as_in_browsers(give, transceiver):
    with pytest.raises(rtc.WrongValueError, match="'foo'") as caught:
        give(transceiver, "foo")
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("wrong", [3, b"all", [], {}])
@pytest.mark.parametrize("give", WORDS.values(), ids=WORDS)
def test_what_is_no_word_is_a_type_error_alone(give, wrong, transceiver):
    with pytest.raises(TypeError) as caught:
        give(transceiver, wrong)
    assert not isinstance(caught.value, ValueError)
    assert (transceiver.direction, len(transceiver._connection.get_transceivers())) == ("sendrecv", 1)


# -- connections ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codecs", "words"),
    [
        ("video/H264", "codecs are a list.*not str"),
        ({"mimeType": "video/H264"}, "codecs are a list.*not dict"),
        (3, "codecs are a list.*not int"),
        ([{}], "'mimeType'"),
        ([{"mimeType": 3}], "'mimeType'"),
        (["video/VP8", 3], "a codec is a name"),
    ],
)
def test_preferences_are_a_list_of_names_or_dicts(codecs, words, transceiver):
    with pytest.raises(TypeError, match=words):
        transceiver.set_codec_preferences(codecs)
    transceiver.set_codec_preferences(["video/VP8", {"mimeType": "video/H264"}])
    transceiver.set_codec_preferences([])


@pytest.mark.parametrize("wrong", ["no", 0, 1])
def test_sending_is_on_or_off(wrong, transceiver):
    sender = transceiver.sender
    sender.set_parameters(active=np.False_)
    with pytest.raises(TypeError, match="active is True or False"):
        sender.set_parameters(active=wrong)
    with pytest.raises(TypeError, match="active is True or False"):
        sender.set_parameters({"encodings": [{"active": wrong}]})
    assert sender.get_parameters()["encodings"][0]["active"] is False


@pytest.mark.parametrize("index", ["0", 0.0, True, [0]])
async def test_the_index_of_a_candidates_section_is_a_whole_number(index, pc):
    line = "candidate:1 1 UDP 2122252543 192.0.2.1 50000 typ host"
    with pytest.raises(TypeError, match="sdpMLineIndex is a whole number"):
        await pc.add_ice_candidate({"candidate": line, "sdpMLineIndex": index})


async def test_the_timeout_of_connecting_is_a_number_of_seconds(pc):
    with pytest.raises(TypeError, match="timeout is a number, not 'x'"):
        await pc.connect(SIGNALING, "x")
    assert pc._negotiation is None


# -- rooms and servers ------------------------------------------------------------------------------------------------


def test_a_room_takes_out_tracks_only():
    room = rtc.WebSocketRoom("ws://127.0.0.1:9/", "seminar")
    for wrong in (3, "track", None):
        with pytest.raises(TypeError, match="a track is wanted"):
            room.remove_track(wrong)
    room.remove_track(rtc.TestTone())
    room.close()


@pytest.mark.parametrize("listen", [lambda **a: rtc.WhipServer(**a), lambda **a: rtc.serve_rooms(0, **a)])
@pytest.mark.parametrize(
    ("host", "error", "words"),
    [(3, TypeError, "host is a str, not int"), (None, TypeError, "host is a str"), ("", ValueError, "127.0.0.1")],
)
def test_the_address_to_listen_on_is_a_text(listen, host, error, words):
    with pytest.raises(error, match=words):
        listen(host=host)


def test_what_is_published_has_a_name():
    server = rtc.WhipServer()
    with pytest.raises(TypeError, match="name is a str, not int"):
        server.publish(3, rtc.TestTone())
    server.close()


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: rtc.Video(np.zeros((4, 4, 3), np.uint8)), "make a NumpyVideoTrack of it"),
        (lambda: rtc.Video(lambda seconds: np.zeros((4, 4), np.uint8)), "make a NumpyVideoTrack of it"),
        (lambda: rtc.NumpyVideoTrack(np.zeros((4, 4, 3), np.int64)), r"Try x.astype\(np.uint8\)"),
        (lambda: rtc.NumpyVideoTrack(np.full((4, 4, 3), 200.0)), "Try x / 255"),
        (lambda: rtc.PeerConnection().add_track(rtc.Camera()), "take its .video or .audio"),
    ],
    ids=["an array played", "a function played", "int64", "float", "a camera sent"],
)
def test_an_error_names_the_next_step(call, hint):
    with pytest.raises((TypeError, ValueError), match=hint):
        call()


@pytest.mark.parametrize(
    "options",
    [{"max_retransmits": -1}, {"max_packet_life_time": 70_000}, {"id": 70_000}, {"negotiated": True, "id": 65_535}],
    ids=str,
)
def test_a_channels_wrong_values_are_a_value_error_and_the_browsers_type_error(options):
    for kind in (TypeError, ValueError):
        with pytest.raises(kind):
            rtc.PeerConnection().create_data_channel("x", **options)
