"""What aiortc does wrong, and the private hooks that cure it.

What takes more than a few lines has a module of its own beside this one: `path` and `renewal` (transports),
`recycling`, `numbers` and `formats` (media sections), `compat_ice`, `compat_receiving`, `compat_sending`, `routes` and
`statistics`. Each cure names the version and the reason; `tests/unit/test_compat*.py` fail when upstream no longer
needs it or a hook has gone. All for aiortc 1.16 and aioice 0.13.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCCertificate,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    rtp,
)
from aiortc.codecs import opus
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcsctptransport import LOCAL_MAX_MESSAGE_SIZE
from aiortc.rtp import RtcpByePacket

from ..ice import IceServer, IceServerSource
from ..jsep.description import Description, Section
from ..media import track as media_track
from ..threads import says_process_ends
from .formats import plain

logger = logging.getLogger(__name__)

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


CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:"
    b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305"
)
_create_ssl_context = RTCCertificate._create_ssl_context


def _context_for_rsa_too(self: Any, srtp_profiles: Any) -> Any:
    """Offer ciphers for RSA certificates, too, which GStreamer's peers have: aiortc's client knows ECDSA's alone."""
    context = _create_ssl_context(self, srtp_profiles)
    context.set_cipher_list(CIPHERS)
    return context


RTCCertificate._create_ssl_context = _context_for_rsa_too  # type: ignore[method-assign]


def connection(ice_servers: Iterable[IceServer | IceServerSource], transport_policy: str) -> RTCPeerConnection:
    """Return a new connection, to be called on the engine's loop.

    The list of servers is always given: for None aiortc asks a public STUN server (rtcicetransport.py).
    """
    pc: Any = RTCPeerConnection(_configuration(ice_servers, transport_policy))
    pc._RTCPeerConnection__connect = partial(start, pc)
    return cast(RTCPeerConnection, pc)


def _configuration(ice_servers: Iterable[IceServer | IceServerSource], transport_policy: str) -> RTCConfiguration:
    # Ours, which `servers` chooses from: aiortc only hands the list on.
    configuration = RTCConfiguration(iceServers=cast(list[RTCIceServer], list(ice_servers)))
    if transport_policy != "all":
        configuration.iceTransportPolicy = type(configuration.iceTransportPolicy)(transport_policy)
    return configuration


def configure(pc: Any, ice_servers: Iterable[IceServer | IceServerSource], transport_policy: str) -> None:
    """Let what is gathered from now on use other servers: aiortc has no setConfiguration."""
    pc._RTCPeerConnection__configuration = _configuration(ice_servers, transport_policy)


def gathering(pc: Any) -> tuple[list[RTCIceServer], Any]:
    """Return the servers and the transport policy for a gatherer."""
    configuration = pc._RTCPeerConnection__configuration
    return configuration.iceServers, configuration.iceTransportPolicy


def listen_for_errors(emitter: Any) -> None:
    """Keep an exception in a listener from ending the connection: pyee raises it where there is no "error" listener."""
    emitter.on("error", lambda error: logger.error("a listener of the engine raised", exc_info=error))


def readable(description: Description) -> str:
    """Return a remote description as aiortc can read it, with what it can try.

    It knows no names of hosts, and of H264 two profiles. ``.local`` candidates are looked up by multicast for a second
    each, which fails on most machines; the other side's checks reach us all the same. A section with
    ``a=end-of-candidates`` and no candidate to try is never connected at all, and no candidate counts that comes after.
    """
    return replace(description, sections=tuple(_readable(section) for section in description.sections)).text


def _readable(section: Section) -> Section:
    usable = tuple(candidate for candidate in section.candidates if candidate.is_usable and not candidate.is_name)
    waits = any(candidate.is_name for candidate in section.candidates)
    return replace(plain(section), candidates=usable, ended=section.ended and bool(usable) and not waits)


async def end_candidates(pc: Any) -> None:
    """Say that no more remote candidates come, where there was one to try.

    A transport that has none, and hears that there will be none, fails at once. The other side's checks reach it all
    the same, from behind a multicast name for one.
    """
    for ice in pc._RTCPeerConnection__iceTransports:
        if any(candidate.transport.lower() == "udp" for candidate in ice._connection.remote_candidates):
            await ice.addRemoteCandidate(None)


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


def users(pc: Any) -> list[tuple[Any, Any]]:
    """Return each transceiver and the data transport with its DTLS transport."""
    users = [(t, t.receiver.transport) for t in pc._RTCPeerConnection__transceivers]
    return users + ([(pc.sctp, pc.sctp.transport)] if pc.sctp is not None else [])


def _primary(pc: Any, description: Description) -> tuple[str, Any] | None:
    """Return the mid, and the transport, that a description's bundle shares."""
    for mid in description.bundle[:1]:
        for user, transport in users(pc):
            if user.mid == mid:
                return mid, transport
    return None


def prepare_bundle(pc: Any, description: Description) -> None:
    """Say which sections use the shared transport already, before a remote description is applied.

    aiortc marks them in the order in which they were made. Where the other side's first section is that of a later
    one, the next negotiation would stop the very transport that is shared (rtcpeerconnection.py, "remove bundled").
    """
    primary = _primary(pc, description)
    if primary is not None:
        mid, shared = primary
        for user, transport in users(pc):
            user._bundled = transport is shared and user.mid != mid


async def join_bundle(pc: Any, description: Description) -> None:
    """Move what has no section yet to the shared transport, after a remote description was applied."""
    primary = _primary(pc, description)
    if primary is None:
        return
    left = set()
    for user, transport in users(pc):
        if user.mid is None and transport is not primary[1]:
            left.add(transport)
            for end in (user.receiver, user.sender) if hasattr(user, "receiver") else (user,):
                end.setTransport(primary[1])
            user._bundled = True
    for transport in left - {transport for _, transport in users(pc)}:
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


def before_receiving(receiver: Any, prepare: Callable[[], None]) -> None:
    """Call `prepare` before a receiver starts its decoder.

    The "track" event may come after that: whatever finishes connecting meanwhile starts all receivers there are.
    """
    receive = receiver.receive

    async def prepared(parameters: Any) -> None:
        prepare()
        try:
            await receive(parameters)
        except RuntimeError as error:  # its decoder's thread
            if not says_process_ends(error):
                raise

    receiver.receive = prepared


async def say_bye(sender: Any) -> None:
    """Tell the other side that nothing more is sent."""
    await sender._send_rtcp([RtcpByePacket(sources=[sender._ssrc])])


def _has_section(pc: Any, transceiver: Any) -> bool:
    """Return whether the other side's description that is in force has the transceiver.

    An answer that is being applied is not, though aiortc has noted in its transceivers what it says.
    """
    remote, index = pc._RTCPeerConnection__remoteDescription(), transceiver._get_mline_index()
    if remote is None or index is None or index >= len(remote.media):
        return False
    return bool(remote.media[index].rtp.muxId == transceiver.mid)


async def start(pc: Any) -> None:
    """Start what both sides have described, as aiortc does in a task that nobody holds, and that ends in the middle.

    Its own fails where a transceiver has lost its section while a transport was being connected, or passes over what
    was negotiated before the transport was up.
    """

    def described(user: Any) -> bool:
        known = user in pc._RTCPeerConnection__remoteIce and user in pc._RTCPeerConnection__remoteDtls
        return known and not pc._RTCPeerConnection__isClosed

    for user, _ in users(pc):
        dtls = user.receiver.transport if hasattr(user, "receiver") else user.transport
        if not described(user) or not dtls.transport.iceGatherer.getLocalCandidates():
            continue
        if dtls.transport.state != "closed":
            await dtls.transport.start(pc._RTCPeerConnection__remoteIce[user])
        if described(user) and dtls.state == "new" and dtls.transport.state != "closed":
            await dtls.start(pc._RTCPeerConnection__remoteDtls[user])
        if not described(user) or dtls.state != "connected":
            continue
        if user is pc.sctp:
            await user.start(pc._RTCPeerConnection__sctpRemoteCaps, pc._RTCPeerConnection__sctpRemotePort)
        elif _has_section(pc, user):
            if user.currentDirection in ("sendonly", "sendrecv"):
                await user.sender.send(pc._RTCPeerConnection__localRtp(user))
            if user.currentDirection in ("recvonly", "sendrecv"):
                await user.receiver.receive(pc._RTCPeerConnection__remoteRtp(user))


def order(pc: Any, rank: Callable[[Any], int]) -> None:
    """Sort the transceivers by rank: in this order they get media sections."""
    pc._RTCPeerConnection__transceivers.sort(key=rank)


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


def settle(pc: Any) -> None:
    """Make the pending descriptions the current ones, as an answer does: aiortc does so for its own side alone."""
    for side in ("Local", "Remote"):
        pending = getattr(pc, f"_RTCPeerConnection__pending{side}Description")
        if pending is not None:
            setattr(pc, f"_RTCPeerConnection__current{side}Description", pending)
            setattr(pc, f"_RTCPeerConnection__pending{side}Description", None)


def rollback(pc: Any) -> None:
    """Forget the pending descriptions: aiortc has no rollback. Candidates that were gathered stay good."""
    pc._RTCPeerConnection__signalingState = "stable"
    pc._RTCPeerConnection__pendingLocalDescription = None
    pc._RTCPeerConnection__pendingRemoteDescription = None
    if pc._RTCPeerConnection__currentLocalDescription is None:
        for transport in pc._RTCPeerConnection__iceTransports:
            transport._role_set = False
    negotiated = pc._RTCPeerConnection__currentRemoteDescription
    if pc.sctp is not None and not any(m.kind == "application" for m in getattr(negotiated, "media", ())):
        pc.sctp.mid = None
        pc._RTCPeerConnection__sctp_mline_index = None


class Label(str):
    """A data channel's label or protocol, as long as its bytes.

    aiortc writes the number of characters where the receiver reads the number of bytes, and one "é" ends the
    connection (rtcsctptransport.py, DCEP).
    """

    def __len__(self) -> int:
        return len(self.encode())


def max_message_size(channel: Any) -> int:
    """Return how many bytes can be sent in a message: both sides have a limit, 0 is none."""
    remote = channel.transport._remote_max_message_size
    return min(LOCAL_MAX_MESSAGE_SIZE, remote) if remote else LOCAL_MAX_MESSAGE_SIZE


def on_key_frame_request(sender: Any, request: Callable[[], None]) -> None:
    """Call `request` when the receiver asks for a key frame, which aiortc gives with the next picture only."""
    original = sender._send_keyframe

    def send_keyframe() -> None:
        original()
        request()

    sender._send_keyframe = send_keyframe
