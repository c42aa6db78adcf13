"""What a connection has counted, as plain data: hooks at the edge of aiortc's transports, beside `compat`.

aiortc 1.16 has few counters, with one name for all SSRCs of a receiver, so that the retransmissions replace the stream.
Here every packet is counted where it passes: `RTCDtlsTransport._handle_rtp_data` and `RtpRouter` see all that arrives,
deciphered, `_send_rtp` all that leaves. `tests/unit/test_statistics.py` fails when a hook has gone.
"""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from aiortc.rtcdtlstransport import certificate_digest
from aiortc.rtp import RtcpPacket, is_rtcp
from aiortc.sdp import parameters_to_sdp
from cryptography.hazmat.primitives.serialization import Encoding

from .counting import Inbound, Outbound, Packet, Streams, parse
from .routes import Route, RouteWatch

logger = logging.getLogger(__name__)

#: OpenSSL's names of the cipher suites that aiortc offers, and IANA's.
_CIPHERS = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-SHA": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "ECDHE-ECDSA-AES256-SHA": "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
}
_PROFILES = {"SRTP_AES128_CM_SHA1_80": "SRTP_AES128_CM_HMAC_SHA1_80"}


@dataclass(frozen=True)
class Codec:
    """A codec as it was negotiated."""

    payload_type: int
    mime_type: str
    clock_rate: int
    channels: int | None
    fmtp: str


@dataclass(frozen=True)
class Certificate:
    """A certificate of either side; both know it."""

    fingerprint: str
    algorithm: str
    base64: str


@dataclass(frozen=True)
class Transport:
    """What carries the streams. `failure`: why DTLS has failed, in words."""

    key: int
    ice_state: str
    dtls_state: str
    ice_role: str
    dtls_role: str | None
    tls_version: str | None
    dtls_cipher: str | None
    srtp_cipher: str | None
    local_certificate: Certificate | None
    remote_certificate: Certificate | None
    changes: int
    route: Route
    failure: str = ""
    closed: bool = False


@dataclass(frozen=True)
class Stream:
    """One RTP stream. `members` and `remote` have the W3C's names and units; `section` is the transceiver's key."""

    direction: Literal["inbound", "outbound"]
    section: int
    mid: str | None
    kind: str
    ssrc: int
    transport: int
    codec: Codec | None
    members: Mapping[str, Any]
    remote: Mapping[str, Any] = field(default_factory=dict)
    #: When the other side has told `remote`, in seconds of `time.time()`.
    reported: float | None = None


@dataclass(frozen=True)
class Facts:
    """What is known of a connection at one moment, in seconds of `time.time()`."""

    time: float
    transports: list[Transport] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    #: What feeds a sender, by the transceiver's key, with the W3C's names.
    sources: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)


class Statistics:
    """Counts for one aiortc connection. On the engine's thread."""

    def __init__(self, pc: Any) -> None:
        self._pc = pc
        self._streams = Streams(self._clock_rate)
        self._transports: dict[Any, int] = {}
        self._routes: dict[Any, RouteWatch] = {}
        #: Which receiver an incoming stream belongs to.
        self._owners: dict[int, Any] = {}
        self._arriving = b""
        self._last: Facts | None = None

    def watch(self) -> None:
        """Count for all transports there are. Called after whatever may have made one, or gathered."""
        for dtls in self._pc._RTCPeerConnection__dtlsTransports:
            if dtls not in self._transports:
                self._transports[dtls] = len(self._transports)
                self._hook(dtls)
            route = self._routes.get(dtls.transport)
            if route is None:
                self._routes[dtls.transport] = RouteWatch(dtls.transport)
            else:
                route.look()

    def _hook(self, dtls: Any) -> None:
        router, handle, send = dtls._rtp_router, dtls._handle_rtp_data, dtls._send_rtp
        route_rtp, route_rtcp = router.route_rtp, router.route_rtcp

        async def note_arriving(data: bytes, arrival_time_ms: int) -> None:
            self._arriving = data  # it is routed before anything else is awaited
            await handle(data, arrival_time_ms)

        def count_rtp(packet: Any) -> Any:
            receiver = route_rtp(packet)
            if receiver is not None and self._arriving:
                self._arrived(parse(self._arriving), receiver)
            return receiver

        def count_rtcp(packet: Any) -> Any:
            self._streams.control_arrived(packet)
            return route_rtcp(packet)

        async def count_sent(data: bytes) -> None:
            await send(data)
            if is_rtcp(data):
                for packet in RtcpPacket.parse(data):
                    self._streams.control_sent(packet)
            else:
                self._sent(parse(data))

        dtls._handle_rtp_data, dtls._send_rtp = note_arriving, count_sent
        router.route_rtp, router.route_rtcp = count_rtp, count_rtcp

    # -- packets --------------------------------------------------------------------------------------------------

    def _sent(self, packet: Packet) -> None:
        streams = self._streams
        if packet.ssrc not in streams.outbound and packet.ssrc not in streams.repeats:
            for transceiver in self._pc.getTransceivers():
                streams.repeats[transceiver.sender._rtx_ssrc] = transceiver.sender._ssrc
        main = streams.repeats.get(packet.ssrc)
        streams.outgoing(packet.ssrc if main is None else main).sent(packet, rtx=main is not None)

    def _arrived(self, packet: Packet, receiver: Any) -> None:
        codec = receiver._RTCRtpReceiver__codecs.get(packet.payload_type)
        if codec is None or not receiver._enabled:
            return
        if codec.name.lower() != "rtx":
            self._owners[packet.ssrc] = receiver
            self._streams.incoming(packet.ssrc, codec.clockRate).arrived(packet)
            return
        main = receiver._RTCRtpReceiver__rtx_ssrc.get(packet.ssrc)
        repeated = [
            stream
            for ssrc, stream in self._streams.inbound.items()
            if self._owners.get(ssrc) is receiver and main in (None, ssrc)
        ]
        if repeated:
            repeated[-1].rtx_ssrc = packet.ssrc
            repeated[-1].arrived(packet, rtx=True)

    def _clock_rate(self, ssrc: int) -> int:
        stream = self._streams.outbound[ssrc]
        for transceiver in self._pc.getTransceivers():
            if transceiver.sender._ssrc == ssrc:
                codec = _codec(transceiver, stream.payload_type)
                return 90_000 if codec is None else codec.clock_rate
        return 90_000

    # -- facts ----------------------------------------------------------------------------------------------------

    def facts(self, transceivers: Sequence[Any], slots: Mapping[int, Any], tracks: Mapping[int, Any]) -> Facts:
        """Return what is known; of a closed connection, what was known last.

        Parameters
        ----------
        transceivers : sequence
            aiortc's, in the order of their keys.
        slots, tracks : mapping
            The `SlotTrack`, and the `ReceivedTrack`, of a transceiver's key.
        """
        if self._last is not None:
            return self._last
        self.watch()
        streams = []
        for key, transceiver in enumerate(transceivers):
            streams += self._sent_by(key, transceiver, slots.get(key))
            streams += self._received_by(key, transceiver, tracks.get(key))
        current = self._pc._RTCPeerConnection__dtlsTransports
        transports = [self._transport(key, dtls) for dtls, key in self._transports.items() if dtls in current]
        sources = {key: source for key, slot in slots.items() if (source := slot.source()) is not None}
        return Facts(time.time(), transports, streams, sources)

    def freeze(self, transceivers: Sequence[Any], slots: Mapping[int, Any], tracks: Mapping[int, Any]) -> None:
        """Keep what is known: the connection is about to be closed, which forgets it."""
        try:
            facts = self.facts(transceivers, slots, tracks)
        except Exception:  # nothing that is counted may keep a connection from closing
            logger.exception("the statistics were lost")
            facts = Facts(time.time())
        self._last = replace(facts, transports=[replace(transport, closed=True) for transport in facts.transports])

    def _sent_by(self, key: int, transceiver: Any, slot: Any) -> list[Stream]:
        sender = transceiver.sender
        active = transceiver.currentDirection in ("sendrecv", "sendonly")
        stream = self._streams.outbound.get(sender._ssrc)
        if stream is None and not active:
            return []
        stream = stream or Outbound(sender._ssrc)
        members = {**stream.members(), "active": active}
        if transceiver.kind == "video":
            members |= stream.video_members()
            members |= {"framesEncoded": stream.frames, "rtxSsrc": sender._rtx_ssrc}
        if slot is not None:
            members |= slot.counters()
        codec = _codec(transceiver, stream.payload_type)
        return [self._stream("outbound", key, transceiver, sender.transport, codec, stream, members)]

    def _received_by(self, key: int, transceiver: Any, track: Any) -> list[Stream]:
        receiver = transceiver.receiver
        owned = [s for ssrc, s in self._streams.inbound.items() if self._owners.get(ssrc) is receiver]
        streams = []
        for stream in owned:
            members = {**stream.members(), "packetsDiscarded": 0}
            if track is not None:
                members["trackIdentifier"] = track.id
            if transceiver.kind == "video":
                members |= stream.video_members()
            if track is not None and stream is owned[-1]:  # an earlier one ended before the track was fed by this one
                members |= track.counters()
            codec = _codec(transceiver, stream.payload_type)
            streams.append(self._stream("inbound", key, transceiver, receiver.transport, codec, stream, members))
        return streams

    def _stream(
        self,
        direction: Literal["inbound", "outbound"],
        key: int,
        transceiver: Any,
        dtls: Any,
        codec: Codec | None,
        stream: Inbound | Outbound,
        members: Mapping[str, Any],
    ) -> Stream:
        return Stream(
            direction,
            key,
            transceiver.mid,
            transceiver.kind,
            stream.ssrc,
            self._transports[dtls],
            codec,
            members,
            dict(stream.remote),
            stream.reported,
        )

    def _transport(self, key: int, dtls: Any) -> Transport:
        ssl, ice = dtls._ssl, dtls.transport
        secure = ssl is not None and dtls.encrypted
        profile = (ssl.get_selected_srtp_profile() or b"").decode() if secure else ""
        cipher = ssl.get_cipher_name() or "" if secure else ""
        return Transport(
            key,
            ice.state,
            dtls.state,
            ice.role,
            dtls._role if dtls._role in ("client", "server") else None,
            f"{ssl.get_protocol_version():04X}" if secure else None,
            _CIPHERS.get(cipher, cipher) or None,
            _PROFILES.get(profile, profile) or None,
            _certificate(dtls._RTCDtlsTransport__local_certificate._cert),
            _certificate(ssl.get_peer_certificate(as_cryptography=True)) if secure else None,
            self._routes[ice].changes,
            self._routes[ice].route(),
            failure=_failure(dtls, secure, profile),
        )


def _failure(dtls: Any, secure: bool, profile: str) -> str:
    """Return why DTLS has failed: aiortc only writes it to its log."""
    if dtls.state != "failed":
        return ""
    if not secure:
        return "the DTLS handshake failed"
    if not profile:
        return "the two sides have no SRTP cipher in common"
    return "the other side's certificate is not the one whose fingerprint its description has"


def _codec(transceiver: Any, payload_type: int | None) -> Codec | None:
    """Return the codec of a payload type; of None, the one that would be sent first."""
    for codec in transceiver._codecs:
        if codec.payloadType == payload_type or payload_type is None:
            return Codec(
                codec.payloadType,
                codec.mimeType,
                codec.clockRate,
                codec.channels,
                parameters_to_sdp(codec.parameters),
            )
    return None


def _certificate(certificate: Any) -> Certificate | None:
    if certificate is None:
        return None
    return Certificate(
        certificate_digest(certificate, "sha-256"),
        "sha-256",
        base64.b64encode(certificate.public_bytes(Encoding.DER)).decode(),
    )
