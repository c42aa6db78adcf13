"""Live WebRTC media in Jupyter notebooks.

A camera, a microphone, a numpy array or a remote peer is a track; tracks are read, mapped, shown inline, and sent with
`PeerConnection`.
"""

from importlib.metadata import PackageNotFoundError as _PackageNotFoundError
from importlib.metadata import version as _version

from .border import draw as _draw_border
from .closing import close_all
from .config import configure
from .doctor import doctor
from .errors import (
    CaptureError,
    CaptureTimeout,
    ConnectTimeout,
    InvalidAccessError,
    InvalidStateError,
    NotAllowedError,
    NotFoundError,
    NotReadableError,
    NotSupportedError,
    OperationError,
    OverconstrainedError,
    RtcError,
    SdpError,
    SecurityError,
    SignalingError,
    WrongValueError,
)
from .media.pattern import TestPattern, TestTone, read_stamp
from .media.sound_source import NumpyAudioTrack
from .media.sources import NumpyVideoTrack
from .media.stream import MediaStream
from .media.track import Track
from .rtc.channel import DataChannel
from .rtc.connection import PeerConnection
from .rtc.perfect import Signaling
from .rtc.report import Report
from .rtc.sdp import SessionDescription
from .rtc.transceiver import RtpReceiver, RtpSender, RtpTransceiver, TrackEvent
from .signaling.copypaste import CopyPaste
from .signaling.janus_room import JanusRoom
from .signaling.pair import connect_pair
from .signaling.room_server import serve_rooms
from .signaling.server import WhipServer
from .signaling.turn import SharedSecretTurn
from .signaling.turn_services import CloudflareTurn, HuggingFaceTurn, TwilioTurn
from .signaling.websocket_room import WebSocketRoom
from .signaling.whep import Whep
from .signaling.whip import Whip
from .widgets.camera import Camera
from .widgets.element import Capture
from .widgets.microphone import Microphone
from .widgets.player import Audio, Video
from .widgets.screen import Screen
from .widgets.user_media import get_user_media
from .widgets.views import install as _install_views

try:
    __version__ = _version("jupyter-rtc-media")
except _PackageNotFoundError:  # a source tree that was not installed
    __version__ = "0+unknown"

_install_views()

__all__ = [
    "Audio",
    "Camera",
    "Capture",
    "CaptureError",
    "CaptureTimeout",
    "CloudflareTurn",
    "ConnectTimeout",
    "CopyPaste",
    "DataChannel",
    "HuggingFaceTurn",
    "InvalidAccessError",
    "InvalidStateError",
    "JanusRoom",
    "MediaStream",
    "Microphone",
    "NotAllowedError",
    "NotFoundError",
    "NotReadableError",
    "NotSupportedError",
    "NumpyAudioTrack",
    "NumpyVideoTrack",
    "OperationError",
    "OverconstrainedError",
    "PeerConnection",
    "Report",
    "RtcError",
    "RtpReceiver",
    "RtpSender",
    "RtpTransceiver",
    "Screen",
    "SdpError",
    "SecurityError",
    "SessionDescription",
    "SharedSecretTurn",
    "Signaling",
    "SignalingError",
    "TestPattern",
    "TestTone",
    "Track",
    "TrackEvent",
    "TwilioTurn",
    "Video",
    "WebSocketRoom",
    "Whep",
    "Whip",
    "WhipServer",
    "WrongValueError",
    "close_all",
    "configure",
    "connect_pair",
    "doctor",
    "get_user_media",
    "read_stamp",
    "serve_rooms",
]

_draw_border(globals(), __all__)


def __dir__() -> list[str]:
    """Return what completion offers: what is public, not the modules that it comes from."""
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
