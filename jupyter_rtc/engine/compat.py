"""What aiortc does wrong, and the private hooks that cure it. Nothing else touches aiortc's private names.

Each cure names the version and the reason; `tests/unit/test_compat.py` fails when upstream no longer needs it or a hook
has gone. All for aiortc 1.16 and aioice 0.13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from aioice.stun import TransactionError
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    rtcpeerconnection,
    rtp,
)
from aiortc.codecs import CODECS, opus, vpx
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtcpByePacket

from ..config import IceServer
from ..media import track as media_track

# VP8's limits are module globals, and 0.5 Mbit/s to start with shows text as mud for seconds. No per-sender API.
vpx.MIN_BITRATE = 500_000
vpx.DEFAULT_BITRATE = 1_500_000
vpx.MAX_BITRATE = 4_000_000

# Sound in a notebook is more than speech, for which aiortc tunes its encoder.
_opus_encoder = opus.OpusEncoder.__init__


def _for_all_sound(self: Any) -> None:
    _opus_encoder(self)
    self.codec.options = {"application": "audio"}


opus.OpusEncoder.__init__ = _for_all_sound  # type: ignore[method-assign]


def audio_level(frame: Any) -> int:
    """Return how loud a frame is, in dB below full scale (RFC 6465); aiortc does so sample by sample, on the loop."""
    samples = frame.to_ndarray().astype(np.float32)
    power = float(np.square(samples).mean()) if samples.size else 0.0
    return -127 if power <= 0 else max(-127, min(0, round(10 * np.log10(power / 32767**2))))


rtp.compute_audio_level_dbov = audio_level

# Our tracks are accepted wherever aiortc takes a MediaStreamTrack, and end as its own do.
MediaStreamTrack.register(media_track.Track)
media_track.end_of_track = MediaStreamError


def connection(ice_servers: Iterable[IceServer], transport_policy: str) -> RTCPeerConnection:
    """Return a new connection, to be called on the engine's loop.

    The list of servers is always given: for None aiortc asks a public STUN server (rtcicetransport.py).
    """
    servers = [RTCIceServer(list(s.urls), s.username, s.credential) for s in ice_servers]
    configuration = RTCConfiguration(iceServers=servers)
    if transport_policy != "all":
        configuration.iceTransportPolicy = type(configuration.iceTransportPolicy)(transport_policy)
    return RTCPeerConnection(configuration)


def listen_for_errors(emitter: Any, report: Callable[[BaseException], None]) -> None:
    """Keep an exception in a listener from ending the connection: pyee raises it where there is no "error" listener."""
    emitter.on("error", report)


def guard(pc: Any) -> None:
    """Drop empty datagrams: one of them, from anybody, ends the connection (IndexError in rtcdtlstransport.py).

    Called again after whatever may have made a transport.
    """
    for transport in pc._RTCPeerConnection__iceTransports:
        ice = transport._connection
        if "data_received" not in vars(ice):
            received = ice.data_received

            def data_received(data: bytes, component: int, received: Any = received) -> None:
                if data:
                    received(data, component)

            ice.data_received = data_received


def sanitize(sdp: str) -> str:
    """Return a remote description without what aiortc stumbles over.

    ``.local`` candidates are looked up by multicast for a second each, in vain on most machines; the other side's
    checks reach us all the same. A section with ``a=end-of-candidates`` and no candidate left is never tried at all.
    """
    out: list[str] = []
    for section in ("\nm=" + part if i else part for i, part in enumerate(sdp.replace("\r\n", "\n").split("\nm="))):
        lines = [line for line in section.split("\n") if not is_mdns(line)]
        if not any(line.startswith("a=candidate:") for line in lines):
            lines = [line for line in lines if line != "a=end-of-candidates"]
        out.append("\n".join(lines))
    return "".join(out).rstrip("\n").replace("\n", "\r\n") + "\r\n"


def common_codecs(media: Any) -> list[Any]:
    """Return the codecs of a remote section that aiortc has, too."""
    common = rtcpeerconnection.find_common_codecs(CODECS[media.kind], media.rtp.codecs)
    return [codec for codec in common if not codec.mimeType.lower().endswith("/rtx")]


def is_mdns(candidate: str) -> bool:
    """Return whether this is a candidate line with a multicast name for an address."""
    fields = candidate.split()
    return "candidate:" in candidate and len(fields) > 4 and fields[4].endswith(".local")


def associate(pc: Any, transceiver: Any, mid: str, index: int) -> None:
    """Give a transceiver the media section that a remote offer has for it.

    aiortc's own choice is any of the kind that has none, in its own order. It looks for one with the section's mid
    first if that comes first.
    """
    transceiver._set_mid(mid)
    transceiver._set_mline_index(index)
    everyone = pc._RTCPeerConnection__transceivers
    everyone.sort(key=lambda t: t.mid is None)
    for other in everyone:
        if other.mid is None:  # left by an offer that was made and not applied
            other._set_mline_index(None)


def leave_out_unassociated(pc: Any) -> None:
    """Let an answer pass over transceivers that the offer had nothing for.

    aiortc computes a direction for each, and raises where there was no offered one.
    """
    for transceiver in pc.getTransceivers():
        if transceiver._offerDirection is None:
            transceiver._offerDirection = "inactive"


def _users(pc: Any) -> list[tuple[Any, Any]]:
    """Return each transceiver and the data transport with its DTLS transport."""
    users = [(t, t.receiver.transport) for t in pc._RTCPeerConnection__transceivers]
    return users + ([(pc.sctp, pc.sctp.transport)] if pc.sctp is not None else [])


def _primary(pc: Any, sdp: str) -> tuple[str, Any] | None:
    """Return the mid, and the transport, that a description's bundle shares."""
    line = next((line for line in sdp.splitlines() if line.startswith("a=group:BUNDLE ")), "")
    for mid in line.split()[1:2]:
        for user, transport in _users(pc):
            if user.mid == mid:
                return mid, transport
    return None


def prepare_bundle(pc: Any, sdp: str) -> None:
    """Say which sections use the shared transport already, before a remote description is applied.

    aiortc marks them in the order in which they were made. Where the other side's first section is that of a later
    one, the next negotiation would stop the very transport that is shared (rtcpeerconnection.py, "remove bundled").
    """
    primary = _primary(pc, sdp)
    if primary is not None:
        mid, shared = primary
        for user, transport in _users(pc):
            user._bundled = transport is shared and user.mid != mid


async def join_bundle(pc: Any, sdp: str) -> None:
    """Move what has no section yet to the shared transport, after a remote description was applied."""
    primary = _primary(pc, sdp)
    if primary is None:
        return
    left = set()
    for user, transport in _users(pc):
        if user.mid is None and transport is not primary[1]:
            left.add(transport)
            for end in (user.receiver, user.sender) if hasattr(user, "receiver") else (user,):
                end.setTransport(primary[1])
            user._bundled = True
    for transport in left - {transport for _, transport in _users(pc)}:
        await transport.stop()
        await transport.transport.stop()
        pc._RTCPeerConnection__dtlsTransports.discard(transport)
        pc._RTCPeerConnection__iceTransports.discard(transport.transport)


def on_bye(receiver: Any, heard: Callable[[], None]) -> None:
    """Call `heard` at an RTCP BYE, which a browser sends whenever it pauses: for aiortc the track ends with it."""
    handle = receiver._handle_rtcp_packet

    async def handle_rtcp_packet(packet: Any) -> None:
        if isinstance(packet, RtcpByePacket):
            heard()
        else:
            await handle(packet)

    receiver._handle_rtcp_packet = handle_rtcp_packet


async def say_bye(sender: Any) -> None:
    """Tell the other side that nothing more is sent."""
    await sender._send_rtcp([RtcpByePacket(sources=[sender._ssrc])])


async def start_late(pc: Any) -> None:
    """Start what was negotiated before the transport was up: aiortc passes it over, and it would never be sent."""
    await pc._RTCPeerConnection__connect()


def place(transceiver: Any, index: int) -> None:
    """Set a transceiver's place among the media sections, which a rollback may have taken from it."""
    transceiver._set_mline_index(index)


def disassociate(transceiver: Any) -> None:
    """Take its media section from a transceiver: the description that gave it one is rolled back."""
    transceiver._set_mid(None)
    transceiver._set_mline_index(None)


def bury(transceiver: Any) -> None:
    """Leave a transceiver that a rolled back offer has made out of all that comes: aiortc cannot remove it."""
    transceiver._set_mid(f"rolled-back-{id(transceiver)}")
    transceiver._set_mline_index(None)
    transceiver.direction = "inactive"


def rollback(pc: Any) -> None:
    """Forget the pending descriptions: aiortc has no rollback. Candidates that were gathered stay good."""
    pc._RTCPeerConnection__signalingState = "stable"
    pc._RTCPeerConnection__pendingLocalDescription = None
    pc._RTCPeerConnection__pendingRemoteDescription = None
    if pc._RTCPeerConnection__currentLocalDescription is None:
        for transport in pc._RTCPeerConnection__iceTransports:
            transport._role_set = False
        sctp = pc.sctp
        if sctp is not None:
            sctp.mid = None
            pc._RTCPeerConnection__sctp_mline_index = None


class Label(str):
    """A data channel's label or protocol, as long as its bytes.

    aiortc writes the number of characters where the receiver reads the number of bytes, and one "é" ends the
    connection (rtcsctptransport.py, DCEP).
    """

    def __len__(self) -> int:
        return len(self.encode())


def selected_pair(pc: Any) -> Any:
    """Return aioice's connection and the pair in use, or None."""
    for transport in pc._RTCPeerConnection__iceTransports:
        for pair in transport._connection._nominated.values():
            return transport._connection, pair
    return None


async def is_there(connection: Any, pair: Any) -> bool:
    """Ask the other side for a sign of life (STUN), as consent checks do every five seconds."""
    request = connection.build_request(pair, nominate=False)
    try:
        await pair.protocol.request(
            request, pair.remote_addr, integrity_key=connection.remote_password.encode(), retransmissions=0
        )
    except (TransactionError, ConnectionError, OSError, AttributeError):
        return False
    return True


def on_key_frame_request(sender: Any, request: Callable[[], None]) -> None:
    """Call `request` when the receiver asks for a key frame, which aiortc gives with the next picture only."""
    original = sender._send_keyframe

    def send_keyframe() -> None:
        original()
        request()

    sender._send_keyframe = send_keyframe


def set_stream_id(sender: RTCRtpSender, stream_id: str) -> None:
    """Set the stream in the sender's ``a=msid`` line; aiortc has one for the whole connection."""
    sender._stream_id = stream_id
