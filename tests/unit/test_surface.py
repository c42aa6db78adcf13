"""What tab completion and Shift-Tab show of everything public: what is documented, and how it is called."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import ipywidgets
import pytest
from IPython.core.oinspect import Inspector

import jupyter_rtc as rtc

READING = "read latest frames map on_frame"
TRACK = f"{READING} id kind label enabled muted ready_state readyState error stats view on clone stop recv get_settings"
WIDGET = """
    aclose connected wait_connected transport stats report
    label controls disabled muted mirror width height show_stats
"""
CAPTURE = f"{WIDGET} {READING} video audio stream start stop state error settings"
#: What else a signaling may have is for `connect`, and not offered: see the docstring of `Signaling`.
SIGNALING = "send receive close"
ROOM = "add_track remove_track join close aclose roster members on name room view"

#: Everything public of an instance, but for what ipywidgets, anywidget and traitlets bring.
DOCUMENTED = {
    "Audio": WIDGET,
    "Camera": f"{CAPTURE} device devices",
    "Capture": CAPTURE,
    "Microphone": f"{CAPTURE} device devices",
    "Screen": CAPTURE,
    "Video": f"{WIDGET} snapshot",
    "ConnectionView": f"{WIDGET} connection_state ice_connection_state signaling_state statistics left",
    "PeerConnection": """
        add_track remove_track add_transceiver get_senders get_receivers get_transceivers create_offer create_answer
        set_local_description set_remote_description add_ice_candidate create_data_channel get_stats connect
        restart_ice get_configuration set_configuration report close aclose on view name error
        signaling_state connection_state ice_connection_state ice_gathering_state local_description remote_description
        current_local_description pending_local_description current_remote_description pending_remote_description
        can_trickle_ice_candidates
    """,
    "RtpSender": "track replace_track set_streams get_parameters set_parameters get_stats",
    "RtpReceiver": "track get_stats",
    "RtpTransceiver": "mid kind direction current_direction sender receiver stop set_codec_preferences",
    "DataChannel": """
        label id protocol ordered ready_state buffered_amount buffered_amount_low_threshold max_packet_life_time
        max_retransmits negotiated send drain on close aclose
    """,
    "MediaStream": """
        id active get_tracks get_audio_tracks get_video_tracks get_track_by_id add_track remove_track clone on view
    """,
    "NumpyVideoTrack": f"{TRACK} write",
    "NumpyAudioTrack": f"{TRACK} write clear",
    "TestPattern": f"{TRACK} write",
    "TestTone": f"{TRACK} write clear",
    "MappedTrack": TRACK,
    "RelayTrack": TRACK,
    "FrameIterator": "close",
    "WhipServer": "url published publish start close aclose on view",
    "Whip": f"{SIGNALING} url view",
    "Whep": f"{SIGNALING} url view",
    "CopyPaste": f"{SIGNALING} encode decode text next_text paste view",
    "WebSocketRoom": ROOM,
    "JanusRoom": f"{ROOM} connection",
    "RoomServer": "url close aclose view",
    "CloudflareTurn": "ice_servers name",
    "TwilioTurn": "ice_servers name",
    "HuggingFaceTurn": "ice_servers name",
    "SharedSecretTurn": "ice_servers name",
    "Report": "connected reason advice summary states local_candidates remote_candidates pairs servers pages media",
    "SessionDescription": "type sdp",
}

#: Documented, and not there in every version.
LATER = {
    "PeerConnection": {"remote_video", "remote_audio"},
    "DataChannel": {"opened"},
    "WebSocketRoom": {"send"},
    "JanusRoom": {"send"},  # refuses, in words
    "NumpyVideoTrack": {"close"},
}


def instances() -> Iterator[Any]:
    """Yield one object of each class whose instances users hold."""
    pattern, connection = rtc.TestPattern((160, 120)), rtc.PeerConnection()
    sender, (transceiver,) = connection.add_track(pattern), connection.get_transceivers()
    yield from (pattern, connection, sender, transceiver, transceiver.receiver, connection.view, connection.report())
    yield from (connection.create_data_channel("x"), rtc.MediaStream([pattern]), rtc.SessionDescription("offer", ""))
    yield from (rtc.NumpyVideoTrack(), rtc.NumpyAudioTrack(), rtc.TestTone(), pattern.clone(), pattern.frames())
    yield pattern.map(lambda picture: picture)
    yield from (rtc.Camera(), rtc.Microphone(), rtc.Screen(), rtc.Capture(ipywidgets.Button()))
    yield from (rtc.Video(pattern), rtc.Audio(rtc.TestTone()))
    yield from (rtc.WhipServer(), rtc.Whip("http://127.0.0.1:9/x"), rtc.Whep("http://127.0.0.1:9/x"), rtc.CopyPaste())
    yield from (rtc.WebSocketRoom("ws://127.0.0.1:9", "x"), rtc.JanusRoom("http://127.0.0.1:9/janus", 1))
    yield from (rtc.CloudflareTurn("id", "token"), rtc.TwilioTurn("id", "token"), rtc.HuggingFaceTurn("token"))
    yield rtc.SharedSecretTurn(["turn:turn.example"], "secret")
    server = rtc.serve_rooms(0)
    yield server
    server.close()


@pytest.fixture(scope="module")
def objects() -> dict[str, Any]:
    found = list(instances())
    return {type(one).__name__: one for one in found}


def of_others(kind: type) -> set[str]:
    """Return what the classes of other packages bring."""
    others = (owner for owner in kind.__mro__ if not owner.__module__.startswith("jupyter_rtc"))
    return {name for owner in others for name in dir(owner)}


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_tab_completion_offers_what_is_documented_and_nothing_else(objects, name):
    offered = {each for each in dir(objects[name]) if not each.startswith("_")} - of_others(type(objects[name]))
    documented, later = set(DOCUMENTED[name].split()), LATER.get(name, set())
    # close of a widget is there in ipywidgets, too.
    assert sorted(offered - documented - later) == []
    assert sorted(documented - offered - of_others(type(objects[name]))) == []


def test_every_class_that_users_make_is_looked_at():
    made = {
        name
        for name in rtc.__all__
        if inspect.isclass(kind := getattr(rtc, name)) and not issubclass(kind, BaseException)
    }
    assert made - set(DOCUMENTED) <= {"Signaling", "Track", "TrackEvent"}, "the last three are made by nobody"


def test_tab_completion_of_the_module_offers_what_is_public_and_every_module_can_be_imported():
    assert [name for name in dir(rtc) if not name.startswith("__")] == sorted(rtc.__all__)
    assert {"__version__", "__doc__", "__all__"} <= set(dir(rtc))
    assert inspect.ismodule(rtc.border)


# -- signatures and docstrings ------------------------------------------------------------------------------------


def callables() -> Iterator[tuple[str, Any]]:
    """Yield everything of ours that users call, by its dotted name."""
    for name in rtc.__all__:
        value = getattr(rtc, name)
        if inspect.isclass(value) and issubclass(value, BaseException):
            continue
        if name != "Signaling":  # is never made
            yield name, value
        if inspect.isclass(value):
            for each in dir(value):
                owner = next((kind for kind in value.__mro__ if each in vars(kind)), None)
                if each.startswith("_") or owner is None or not owner.__module__.startswith("jupyter_rtc"):
                    continue
                member = getattr(value, each)
                if callable(member):
                    yield f"{name}.{each}", member
                elif isinstance(member, property):
                    yield f"{name}.{each}", member.fget


CALLABLES = dict(callables())


@pytest.mark.parametrize("name", CALLABLES)
def test_shift_tab_tells_the_real_arguments_and_what_it_does(name):
    parameters = inspect.signature(CALLABLES[name]).parameters.values()
    # The W3C's own: addTrack(track, ...streams).
    vague = [each.name for each in parameters if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    assert [each for each in vague if each not in ("streams", "tracks")] == []
    assert (inspect.getdoc(CALLABLES[name]) or "").strip()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Camera.read", ["timeout", "format"]),
        ("Camera.frames", ["maxsize", "drop", "timestamps", "timeout"]),
        ("Microphone.read", ["seconds", "timeout", "sample_rate", "channels"]),
        ("NumpyAudioTrack.read", ["seconds", "timeout", "sample_rate", "channels"]),
        ("NumpyVideoTrack.latest", ["format"]),
        ("Screen.map", ["function"]),
        ("PeerConnection.connect", ["signaling", "timeout"]),
    ],
)
def test_ipython_shows_the_arguments_of_an_objects_methods(objects, name, wanted):
    kind, method = name.split(".")
    theme = {"theme_name": "linux"} if "theme_name" in inspect.signature(Inspector).parameters else {}  # IPython 9
    shown = Inspector(**theme).info(getattr(objects[kind], method), method)
    assert shown["docstring"]
    for parameter in wanted:
        assert parameter in shown["definition"]
    assert "**" not in shown["definition"]
