"""getStats: the dictionaries of webrtc-stats, with its names, units and references, from what the engine has counted.

Pure functions. Ids are the same at each call, and every ``...Id`` leads to an entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..engine.routes import Candidate, Pair
from ..engine.statistics import Certificate, Codec, Facts, Stream, Transport

Entry = dict[str, Any]
Stats = dict[str, Entry]


@dataclass(frozen=True)
class ChannelCounts:
    """What is counted of a data channel. `opened`: whether it was ever open."""

    label: str
    protocol: str
    id: int | None
    state: str
    opened: bool
    messages_sent: int
    messages_received: int
    bytes_sent: int
    bytes_received: int


def shape(facts: Facts, channels: Iterable[ChannelCounts] = ()) -> Stats:
    """Return the statistics of a connection by id, as ``getStats()`` of a browser gives them: §8.2."""
    stats = _Stats(facts.time * 1000)
    for transport in facts.transports:
        _add_transport(stats, transport)
    for key, source in facts.sources.items():
        stats.add(f"media-source_{key}", "media-source", source)
    for stream in facts.streams:
        _add_stream(stats, stream)
    channels = list(channels)
    for number, channel in enumerate(channels):
        stats.add(f"data-channel_{number}", "data-channel", _channel(channel))
    left = sum(channel.opened and channel.state in ("closing", "closed") for channel in channels)
    opened = sum(channel.opened for channel in channels)
    stats.add("peer-connection", "peer-connection", {"dataChannelsOpened": opened, "dataChannelsClosed": left})
    return stats.entries


def select(stats: Mapping[str, Entry], kind: str, section: int | None) -> Stats:
    """Return the streams of one transceiver, ``"outbound-rtp"`` or ``"inbound-rtp"``, and all that they refer to: §8.3.

    Parameters
    ----------
    section : int or None
        The transceiver's key; None, of one that the engine does not know yet, has nothing.
    """
    wanted = [name for name in stats if section is not None and name.startswith(f"{kind}_{section}_")]
    found: Stats = {}
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = stats[name]
            wanted += [value for member, value in stats[name].items() if member.endswith("Id") and value in stats]
    return found


class _Stats:
    """Entries in the making."""

    def __init__(self, timestamp: float) -> None:
        self.entries: Stats = {}
        self._timestamp = timestamp

    def add(self, name: str, kind: str, members: Mapping[str, Any], timestamp: float | None = None) -> str:
        """Add an entry without the members that are None, and return its id."""
        head = {"id": name, "type": kind, "timestamp": self._timestamp if timestamp is None else timestamp}
        self.entries[name] = head | {member: value for member, value in members.items() if value is not None}
        return name


def _add_transport(stats: _Stats, transport: Transport) -> None:
    name, route = f"transport_{transport.key}", transport.route
    for candidate in route.local:
        stats.add(_candidate_id("local", transport, candidate.key), "local-candidate", _candidate(candidate, name))
    for candidate in route.remote:
        stats.add(_candidate_id("remote", transport, candidate.key), "remote-candidate", _candidate(candidate, name))
    selected = None
    for pair in route.pairs:
        pair_id = stats.add(f"candidate-pair_{transport.key}_{pair.key}", "candidate-pair", _pair(pair, transport))
        selected = pair_id if pair.selected else selected
    counts = [pair.counts for pair in route.pairs]
    local, remote = (
        None if certificate is None else stats.add(f"{name}_{side}", "certificate", _certificate(certificate))
        for side, certificate in (
            ("local-certificate", transport.local_certificate),
            ("remote-certificate", transport.remote_certificate),
        )
    )
    members = {
        "packetsSent": sum(count.packets_sent for count in counts),
        "packetsReceived": sum(count.packets_received for count in counts),
        "bytesSent": sum(count.bytes_sent for count in counts),
        "bytesReceived": sum(count.bytes_received for count in counts),
        "iceRole": transport.ice_role,
        "iceState": "closed" if transport.closed else transport.ice_state,
        "dtlsState": "closed" if transport.closed else transport.dtls_state,
        "dtlsRole": transport.dtls_role or "unknown",
        "tlsVersion": transport.tls_version,
        "dtlsCipher": transport.dtls_cipher,
        "srtpCipher": transport.srtp_cipher,
        "selectedCandidatePairId": selected,
        "selectedCandidatePairChanges": transport.changes,
        "localCertificateId": local,
        "remoteCertificateId": remote,
    }
    stats.add(name, "transport", members)


def _candidate_id(side: str, transport: Transport, key: int) -> str:
    return f"{side}-candidate_{transport.key}_{key}"


def _candidate(candidate: Candidate, transport: str) -> Entry:
    return {
        "transportId": transport,
        # One that the other side has not named itself stays unnamed, as in browsers.
        "address": candidate.address if candidate.told else None,
        "port": candidate.port,
        "protocol": candidate.protocol,
        "candidateType": candidate.type,
        "priority": candidate.priority,
        "foundation": candidate.foundation,
        "relatedAddress": candidate.related_address,
        "relatedPort": candidate.related_port,
        "url": candidate.server,
        "relayProtocol": _relay_protocol(candidate),
    }


def _relay_protocol(candidate: Candidate) -> str | None:
    if candidate.type != "relay" or candidate.server is None:
        return None
    return "tls" if candidate.server.startswith("turns:") else candidate.server.rpartition("transport=")[2]


def _pair(pair: Pair, transport: Transport) -> Entry:
    counts = pair.counts
    return {
        "transportId": f"transport_{transport.key}",
        "localCandidateId": _candidate_id("local", transport, pair.local),
        "remoteCandidateId": _candidate_id("remote", transport, pair.remote),
        "state": pair.state,
        "nominated": pair.nominated,
        "packetsSent": counts.packets_sent,
        "packetsReceived": counts.packets_received,
        "bytesSent": counts.bytes_sent,
        "bytesReceived": counts.bytes_received,
        "lastPacketSentTimestamp": _milliseconds(counts.last_sent),
        "lastPacketReceivedTimestamp": _milliseconds(counts.last_received),
        "totalRoundTripTime": counts.all_round_trips,
        "currentRoundTripTime": counts.round_trip,
        "requestsSent": counts.requests_sent,
        "requestsReceived": counts.requests_received,
        "responsesSent": counts.responses_sent,
        "responsesReceived": counts.responses_received,
        "consentRequestsSent": counts.consent_requests_sent,
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _certificate(certificate: Certificate) -> Entry:
    return {
        "fingerprint": certificate.fingerprint,
        "fingerprintAlgorithm": certificate.algorithm,
        "base64Certificate": certificate.base64,
    }


def _add_stream(stats: _Stats, stream: Stream) -> None:
    direction = stream.direction
    suffix = f"{stream.section}_{stream.ssrc}"
    name = f"{direction}-rtp_{suffix}"
    transport = f"transport_{stream.transport}"
    codec = None
    if stream.codec is not None:
        codec_id = f"codec_{stream.transport}_{stream.section}_{stream.codec.payload_type}"
        codec = stats.add(codec_id, "codec", _codec(stream.codec, transport))
    common = {"ssrc": stream.ssrc, "kind": stream.kind, "transportId": transport, "codecId": codec}
    source, remote = f"media-source_{stream.section}", None
    if stream.reported is not None:
        other = "remote-outbound-rtp" if direction == "inbound" else "remote-inbound-rtp"
        members = {**common, **stream.remote, "localId": name}
        remote = stats.add(f"{other}_{suffix}", other, members, stream.reported * 1000)
    members = {
        **common,
        "mid": stream.mid,
        **stream.members,
        "remoteId": remote,
        "mediaSourceId": source if direction == "outbound" and source in stats.entries else None,
    }
    stats.add(name, f"{direction}-rtp", members)


def _codec(codec: Codec, transport: str) -> Entry:
    return {
        "payloadType": codec.payload_type,
        "mimeType": codec.mime_type,
        "clockRate": codec.clock_rate,
        "channels": codec.channels,
        "sdpFmtpLine": codec.fmtp or None,
        "transportId": transport,
    }


def _channel(channel: ChannelCounts) -> Entry:
    return {
        "label": channel.label,
        "protocol": channel.protocol,
        "dataChannelIdentifier": channel.id,
        "state": channel.state,
        "messagesSent": channel.messages_sent,
        "messagesReceived": channel.messages_received,
        "bytesSent": channel.bytes_sent,
        "bytesReceived": channel.bytes_received,
    }
