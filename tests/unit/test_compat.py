"""The cures for aiortc: that each is still needed, that its hook is still there, and that it does what it says.

A `test_upstream_still_needs_...` that fails is good news: the cure in `engine/compat.py` can go.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import inspect
import re

import aioice
import aiortc
import aiortc.codecs.opus
import aiortc.codecs.vpx
import av
import numpy as np
import pytest
from aiortc import (
    MediaStreamTrack,
    RTCCertificate,
    RTCConfiguration,
    RTCIceGatherer,
    RTCIceServer,
    RTCIceTransport,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcdtlstransport import SRTP_PROFILES, RTCDtlsTransport
from aiortc.sdp import candidate_from_sdp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from jupyter_rtc import NumpyVideoTrack
from jupyter_rtc.engine import compat, numbers
from jupyter_rtc.engine.path import paths
from jupyter_rtc.ice import parse_ice_servers
from jupyter_rtc.jsep.reading import read
from tests.conftest import SCALE

SOON = 5 * SCALE


def dtls() -> RTCDtlsTransport:
    return RTCDtlsTransport(RTCIceTransport(RTCIceGatherer([])), [RTCCertificate.generateCertificate()])


def readable(text: str) -> str:
    return compat.readable(read(text))


def gatherers(pc: RTCPeerConnection) -> list[RTCIceGatherer]:
    return [transport.iceGatherer for transport in pc._RTCPeerConnection__iceTransports]


# -- a STUN server that nobody asked for ------------------------------------------------------------------------------


async def test_upstream_still_needs_a_list_of_servers_to_ask_no_public_one():
    pc = RTCPeerConnection(RTCConfiguration(iceServers=None))
    pc.addTransceiver("video")
    assert [gatherer._connection.stun_server for gatherer in gatherers(pc)] == [("stun.l.google.com", 19302)]
    await pc.close()


async def test_our_connections_ask_no_server_that_was_not_named():
    pc = compat.connection((), "all")
    pc.addTransceiver("video")
    (gatherer,) = gatherers(pc)
    assert gatherer._connection.stun_server is None
    assert gatherer._connection.turn_server is None
    await pc.close()


async def test_named_servers_reach_the_engine():
    servers = parse_ice_servers(
        ["stun:stun.invalid:1", {"urls": "turn:turn.invalid:2", "username": "u", "credential": "c"}]
    )
    pc = compat.connection(servers, "relay")
    pc.addTransceiver("video")
    (connection,) = (gatherer._connection for gatherer in gatherers(pc))
    assert connection.stun_server._servers == connection.turn_server._servers == servers
    assert connection._transport_policy == aioice.TransportPolicy.RELAY
    await pc.close()


# -- an empty datagram ------------------------------------------------------------------------------------------------


def test_upstream_still_needs_the_guard_against_empty_datagrams():
    """It looks at the first byte of what may have none."""
    source = inspect.getsource(RTCDtlsTransport)
    recv_next = source[source.index("# receive next datagram") :]
    assert "first_byte = data[0]" in recv_next
    assert "if not data" not in recv_next[: recv_next.index("first_byte = data[0]")]


async def test_a_path_drops_empty_datagrams_and_nothing_else():
    pc = compat.connection((), "all")
    pc.addTransceiver("video")
    paths(pc)
    paths(pc)
    (gatherer,) = gatherers(pc)
    ice = gatherer._connection
    for data in (b"", b"x", b"", b"yz"):
        ice.data_received(data, 1)
    received = [ice._queue.get_nowait() for _ in range(ice._queue.qsize())]
    assert received == [(b"x", 1), (b"yz", 1)]
    await pc.close()


async def test_transports_of_tracks_added_later_have_a_path_too():
    pc = compat.connection((), "all")
    pc.addTransceiver("video")
    paths(pc)
    pc.addTransceiver("audio")
    paths(pc)
    assert len(gatherers(pc)) == 2
    assert all("data_received" in vars(gatherer._connection) for gatherer in gatherers(pc))
    await pc.close()


def test_upstream_still_hands_every_datagram_to_a_replaceable_method():
    assert "self.receiver.data_received(data" in inspect.getsource(aioice.ice.StunProtocol.datagram_received)
    assert "data_received" in vars(aioice.Connection)
    assert isinstance(inspect.getattr_static(RTCIceTransport(RTCIceGatherer([])), "_connection"), aioice.Connection)


# -- errors in listeners ----------------------------------------------------------------------------------------------


async def test_upstream_still_needs_a_listener_for_errors():
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.on("signalingstatechange", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pc.emit("signalingstatechange")
    await asyncio.sleep(0)
    pc.remove_all_listeners()
    await pc.close()


async def test_an_error_in_a_listener_is_reported_and_ends_nothing(caplog):
    pc = compat.connection((), "all")
    compat.listen_for_errors(pc)

    async def wrong() -> None:
        raise KeyError("x")

    pc.on("signalingstatechange", wrong)
    pc.emit("signalingstatechange")
    for _ in range(5):
        await asyncio.sleep(0)
    assert [record.exc_info[0] for record in caplog.records] == [KeyError]
    pc.remove_all_listeners()
    await pc.close()


# -- candidates with a multicast name ---------------------------------------------------------------------------------

MDNS = "candidate:1 1 udp 2113937151 6e3a1b0c-7a1f-4c56-9f4e-0d3c2b1a0f9e.local 54321 typ host generation 0"
HOST = "candidate:2 1 udp 2113937151 192.0.2.7 54321 typ host"
REFLEXIVE = "candidate:3 1 udp 1677729535 203.0.113.9 40000 typ srflx raddr 0.0.0.0 rport 0"
SECTION = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{mid}\r\na={candidate}\r\na=end-of-candidates\r\n"
HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"


def test_upstream_still_needs_descriptions_without_multicast_names():
    """It asks the network for them, a second each."""
    source = inspect.getsource(aioice.Connection)
    assert "mdns_protocol.resolve(remote_candidate.host)" in source


def test_candidates_with_multicast_names_are_taken_out_and_the_others_stay():
    text = HEAD + SECTION.format(mid="0", candidate=MDNS) + SECTION.format(mid="1", candidate=HOST)
    clean = readable(text)
    assert ".local" not in clean
    first, second = clean.split("m=video")[1:]
    assert "a=end-of-candidates" not in first, "a section without a candidate would never be tried"
    assert f"a={HOST}\r\na=end-of-candidates\r\n" in second
    assert clean.startswith(HEAD)


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_a_description_without_such_candidates_is_left_as_it_is(ending):
    text = HEAD + SECTION.format(mid="0", candidate=HOST) + SECTION.format(mid="1", candidate=REFLEXIVE)
    assert readable(text.replace("\r\n", ending)) == text
    assert readable(readable(text)) == text


def test_section_borders_are_kept():
    assert readable(HEAD + "m=audio 9 RTP 0\r\na=m=x\r\nm=video 9 RTP 0\r\n").count("\r\nm=") == 2


async def test_upstream_still_never_tries_a_section_that_ended_without_a_candidate():
    connection = aioice.Connection(ice_controlling=True)
    await connection.add_remote_candidate(None)
    connection.remote_username, connection.remote_password = "u", "p"
    connection._local_candidates_end = True
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(connection.connect(), SOON)
    await connection.close()


# -- senders ----------------------------------------------------------------------------------------------------------


async def test_upstream_still_needs_to_be_told_of_a_key_frame_request():
    """It waits for the next picture, which a still source gives half a second later."""
    sender = RTCRtpSender("video", dtls())
    assert "self._send_keyframe()" in inspect.getsource(RTCRtpSender._handle_rtcp_packet)
    asked = []
    compat.on_key_frame_request(sender, lambda: asked.append(True))
    sender._send_keyframe()
    assert asked == [True]
    assert sender._RTCRtpSender__force_keyframe is True


# -- sound ------------------------------------------------------------------------------------------------------------


def test_upstream_still_tunes_its_encoder_for_speech():
    source = inspect.getsource(aiortc.codecs.opus)
    assert '"application": "voip"' in source
    assert aiortc.codecs.opus.OpusEncoder().codec.options == {"application": "audio"}


def test_upstream_still_measures_loudness_sample_by_sample():
    source = inspect.getsource(aiortc.rtp)
    assert "for unpacked in s.iter_unpack(buf)" in source
    assert "rtp.compute_audio_level_dbov(" in inspect.getsource(aiortc.rtcrtpsender)
    assert aiortc.rtp.compute_audio_level_dbov is compat.audio_level


@pytest.mark.parametrize(("value", "expected"), [(0, -127), (32767, 0), (3277, -20), (1, -90)])
def test_loudness_is_as_the_specification_has_it(value, expected):
    frame = av.AudioFrame.from_ndarray(np.full((1, 1920), value, np.int16), format="s16", layout="stereo")
    assert compat.audio_level(frame) == pytest.approx(expected, abs=1)


# -- tracks -----------------------------------------------------------------------------------------------------------


def test_our_tracks_are_aiortcs_and_end_as_its_own_do():
    from jupyter_rtc.media import track

    assert isinstance(NumpyVideoTrack(), MediaStreamTrack)
    assert isinstance(track.end_of_track(), MediaStreamError)


def test_a_server_of_ours_is_a_server_of_aiortcs():
    assert RTCIceServer(["stun:a"], None, None).urls == ["stun:a"]


# -- certificates that are not like ours ------------------------------------------------------------------------------


def rsa_context() -> SSL.Context:
    """Return the DTLS server of somebody with an RSA certificate, as GStreamer's are."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "GStreamer")])
    now = dt.datetime.now(tz=dt.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    context = SSL.Context(SSL.DTLS_METHOD)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    return context


def shakes_hands(client_context: SSL.Context, server_context: SSL.Context) -> bool:
    """Return whether the two agree, passing their datagrams by hand."""
    client, server = SSL.Connection(client_context), SSL.Connection(server_context)
    client.set_connect_state()
    server.set_accept_state()
    ready: set[SSL.Connection] = set()
    for _ in range(20):
        for own, other in ((client, server), (server, client)):
            try:
                own.do_handshake()
                ready.add(own)
            except SSL.WantReadError:
                pass
            except SSL.Error:
                return False
            while True:
                try:
                    other.bio_write(own.bio_read(1500))
                except SSL.WantReadError:
                    break
    return len(ready) == 2


def test_upstream_still_needs_ciphers_for_rsa_certificates():
    certificate = RTCCertificate.generateCertificate()
    assert not shakes_hands(compat._create_ssl_context(certificate, SRTP_PROFILES), rsa_context())


def test_a_peer_with_an_rsa_certificate_is_understood():
    context = RTCCertificate.generateCertificate()._create_ssl_context(srtp_profiles=SRTP_PROFILES)
    assert shakes_hands(context, rsa_context())


# -- candidates that cannot be tried ----------------------------------------------------------------------------------

USABLE = "candidate:1 1 udp 2113937151 198.51.100.7 9 typ host"
HIDDEN = "candidate:1 1 UDP 2113937151 0c4f914a-c763-404b-bc69-37a2257c8296.local 46078 typ host"
TCP = "candidate:2 1 TCP 2105458943 198.51.100.7 9 typ host tcptype active"


@pytest.mark.parametrize("line", [HIDDEN, TCP])
def test_the_end_of_candidates_is_left_out_where_none_can_be_tried(line):
    section = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"
    assert "end-of" not in readable(f"{HEAD}{section}a={line}\r\na=end-of-candidates\r\n")
    assert "end-of" in readable(f"{HEAD}{section}a={line}\r\na={USABLE}\r\na=end-of-candidates\r\n")


async def test_upstream_still_needs_not_to_be_told_the_end_of_nothing():
    connection = aioice.Connection(ice_controlling=False)
    await connection.gather_candidates()
    connection.remote_username, connection.remote_password = "name", "p" * 22
    await connection.add_remote_candidate(None)
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(connection.connect(), SOON)
    await connection.close()


@pytest.mark.parametrize(("line", "told"), [(HIDDEN, False), (TCP, False), (USABLE, True)])
async def test_a_transport_hears_the_end_of_candidates_if_it_had_one_to_try(line, told):
    pc = compat.connection((), "all")
    pc.addTransceiver("audio")
    (transport,) = pc._RTCPeerConnection__iceTransports
    if line is not HIDDEN:
        candidate = candidate_from_sdp(line.removeprefix("candidate:"))
        await transport.addRemoteCandidate(candidate)
    await compat.end_candidates(pc)
    assert transport._connection._remote_candidates_end is told
    await pc.close()


# -- numbers of codecs ------------------------------------------------------------------------------------------------


def rtpmaps(sdp: str) -> dict[str, str]:
    return dict(re.findall(r"a=rtpmap:(\d+) ([^/]+)/", sdp))


OTHER_NUMBERS = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 97\r\n"
    "c=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:97 opus/48000/2\r\n"
    "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=ice-ufrag:name\r\na=ice-pwd:" + "p" * 22 + "\r\n"
    "a=fingerprint:sha-256 " + ":".join(["00"] * 32) + "\r\na=setup:actpass\r\n"
)


async def take_offer(pc: RTCPeerConnection) -> None:
    await pc.setRemoteDescription(RTCSessionDescription(OTHER_NUMBERS, "offer"))
    numbers.remember(pc, read(OTHER_NUMBERS))
    pc._RTCPeerConnection__signalingState = "stable"
    pc.addTransceiver("video")


async def test_upstream_still_needs_to_be_told_the_numbers_that_were_agreed():
    pc = compat.connection((), "all")
    await take_offer(pc)
    named = rtpmaps((await pc.createOffer()).sdp)
    assert (named["96"], named["97"]) == ("opus", "VP8")
    await pc.close()


async def test_an_offer_after_theirs_keeps_their_numbers_and_gives_none_of_them_away():
    pc = compat.connection((), "all")
    await take_offer(pc)
    offer = numbers.keep(pc, (await pc.createOffer()).sdp)
    named = rtpmaps(offer)
    assert named["97"] == "opus"
    video = offer.split("\r\nm=video")[1]
    (vp8,) = (number for number, name in named.items() if name == "VP8")
    assert vp8 != "97"
    assert video.split("\r\n")[0].split()[2] == vp8
    assert re.search(rf"a=fmtp:\d+ apt={vp8}\r", video)
    assert "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid" in video
    assert next(codec.payloadType for codec in pc.getTransceivers()[1]._codecs) == int(vp8)
    await pc.close()


async def test_a_first_offer_is_aiortcs_own():
    pc = compat.connection((), "all")
    pc.addTransceiver("audio")
    offer = (await pc.createOffer()).sdp
    assert numbers.keep(pc, offer) == offer
    await pc.close()
