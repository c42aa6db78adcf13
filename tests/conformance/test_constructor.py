"""The constructor and its configuration, after webrtc/RTCPeerConnection-constructor.html and RTCConfiguration-*.html."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_rtc import InvalidAccessError, InvalidStateError, PeerConnection, RtcError

from .helpers import connect, peers, tone

STUN = "stun:stun1.example.net"
TURN = {"urls": "turn:turn.example.net", "username": "user", "credential": "cred"}

# -- constructor.html ---------------------------------------------------------------------------------------------


async def test_length() -> None:
    """webrtc/RTCPeerConnection-constructor.html: RTCPeerConnection.length (all arguments are optional and have names)."""
    PeerConnection().close()
    with pytest.raises(TypeError):
        PeerConnection({})  # type: ignore[misc]


@pytest.mark.parametrize(
    "servers",
    [
        [],
        (),
        [{"urls": STUN}],
        [{"urls": [STUN]}],
        [{"urls": [STUN, "stun:stun2.example.net"]}],
        [STUN],
        [{**TURN, "urls": "turns:turn.example.org"}],
        [TURN],
        [{**TURN, "username": "", "credential": ""}],
        [{**TURN, "urls": ["turns:turn.example.org", "turn:turn.example.net"]}],
        [{"urls": STUN, "credentialType": "password"}],
        [{"urls": "stun:127.0.0.1:3478"}, TURN],
        [{"urls": "turn:turn.example.net:3478?transport=udp", "username": "u", "credential": "c"}],
        [{"urls": "turn:turn.example.net?transport=tcp", "username": "u", "credential": "c"}],
    ],
    ids=str,
)
async def test_iceServers_that_are_taken(servers: Any) -> None:
    """webrtc/RTCPeerConnection-constructor.html: new RTCPeerConnection({ iceServers: ... }) (and RTCConfiguration-iceServers.html: should succeed)."""
    with peers(1, ice_servers=servers) as pc:
        assert len(pc.get_configuration()["ice_servers"]) == len(servers)


@pytest.mark.parametrize("servers", [None, [{}], [None], {"urls": STUN}, STUN, [{"url": STUN}], [{"urls": None}], [1]])
async def test_iceServers_of_the_wrong_type(servers: Any) -> None:
    """webrtc/RTCPeerConnection-constructor.html: new RTCPeerConnection({ iceServers: ... }) throws TypeError."""
    with pytest.raises(TypeError):
        PeerConnection(ice_servers=servers).close()


@pytest.mark.parametrize(
    "servers",
    [
        [{"urls": "relative-url"}],
        [{"urls": [STUN, "relative-url"]}],
        [{"urls": "http://example.com"}],
        [{"urls": [STUN, "http://example.com"]}],
        [{"urls": ""}],
        [{"urls": ["stun://stun.example.net"]}],
        [{"urls": "stun:stun.example.net?transport=udp"}],
        [{"urls": "stun:"}],
        [{"urls": "stun:stun.example.net:bogus"}],
    ],
    ids=str,
)
async def test_iceServers_with_a_wrong_url(servers: Any) -> None:
    """webrtc/RTCConfiguration-iceServers.html: with relative url / http url / invalid stun url should throw SyntaxError (API.md: ValueError)."""
    with pytest.raises(ValueError):
        PeerConnection(ice_servers=servers).close()


@pytest.mark.parametrize(
    "server",
    [
        {"urls": "turn:turn.example.net"},
        {"urls": "turn:turn.example.net", "username": "user"},
        {"urls": "turn:turn.example.net", "credential": "cred"},
        {"urls": "turns:turn.example.org"},
        {"urls": "turns:turn.example.org", "username": "user"},
        {"urls": "turns:turn.example.org", "credential": "cred"},
        {"urls": [STUN, "turn:turn.example.net"]},
    ],
    ids=str,
)
async def test_turn_server_without_credentials_throws_InvalidAccessError(server: Any) -> None:
    """webrtc/RTCConfiguration-iceServers.html: with turn server and no / only one of username and credential should throw InvalidAccessError."""
    with pytest.raises(InvalidAccessError):
        PeerConnection(ice_servers=[server]).close()


async def test_empty_list_of_urls_is_refused() -> None:
    """webrtc/RTCConfiguration-iceServers.html: with empty list urls should throw SyntaxError (API.md: ValueError)."""
    with pytest.raises(ValueError):
        PeerConnection(ice_servers=[{"urls": []}]).close()


@pytest.mark.parametrize("policy", ["all", "relay"])
async def test_iceTransportPolicy_that_is_taken(policy: Any) -> None:
    """webrtc/RTCConfiguration-iceTransportPolicy.html: new RTCPeerConnection({ iceTransportPolicy: 'all' / 'relay' }) should succeed."""
    with peers(1, ice_transport_policy=policy) as pc:
        assert pc.get_configuration()["ice_transport_policy"] == policy


@pytest.mark.parametrize("policy", [None, "invalid", "none", "", 1])
async def test_iceTransportPolicy_that_is_refused(policy: Any) -> None:
    """webrtc/RTCConfiguration-iceTransportPolicy.html: new RTCPeerConnection(config) with invalid iceTransportPolicy should throw."""
    with pytest.raises((TypeError, ValueError)):
        PeerConnection(ice_transport_policy=policy).close()


@pytest.mark.parametrize("policy", ["balanced", "max-compat", "max-bundle"])
async def test_bundlePolicy_that_is_taken(policy: Any) -> None:
    """webrtc/RTCConfiguration-bundlePolicy.html: new RTCPeerConnection({ bundlePolicy: ... }) should succeed."""
    with peers(1, bundle_policy=policy) as pc:
        assert pc.get_configuration()["bundle_policy"] == policy


@pytest.mark.parametrize("policy", [None, "invalid", "", 1])
async def test_bundlePolicy_that_is_refused(policy: Any) -> None:
    """webrtc/RTCConfiguration-bundlePolicy.html: new RTCPeerConnection({ bundlePolicy: null / 'invalid' }) should throw TypeError."""
    with pytest.raises((TypeError, ValueError)):
        PeerConnection(bundle_policy=policy).close()


async def test_default_configuration() -> None:
    """webrtc/RTCConfiguration-bundlePolicy.html: Default bundlePolicy should be balanced; RTCConfiguration-iceTransportPolicy.html: default should be all; RTCConfiguration-iceServers.html: default empty list."""
    with peers(1) as pc:
        configuration = pc.get_configuration()
        assert configuration["bundle_policy"] == "balanced"
        assert configuration["ice_transport_policy"] == "all"
        assert list(configuration["ice_servers"]) == []


async def test_getConfiguration_returns_a_copy() -> None:
    """webrtc/RTCConfiguration-validation.html / webrtc-pc getConfiguration: what is returned is a copy."""
    with peers(1, ice_servers=[TURN]) as pc:
        pc.get_configuration()["ice_servers"].clear()
        pc.get_configuration()["bundle_policy"] = "nonsense"
        [server] = pc.get_configuration()["ice_servers"]
        assert (server["username"], server["credential"]) == ("user", "cred")
        assert list(server["urls"]) == ["turn:turn.example.net"]
        assert pc.get_configuration()["bundle_policy"] == "balanced"


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("local_description", None),
        ("current_local_description", None),
        ("pending_local_description", None),
        ("remote_description", None),
        ("current_remote_description", None),
        ("pending_remote_description", None),
        ("signaling_state", "stable"),
        ("ice_gathering_state", "new"),
        ("ice_connection_state", "new"),
        ("connection_state", "new"),
        ("can_trickle_ice_candidates", None),
    ],
)
async def test_initial_values(attribute: str, value: Any) -> None:
    """webrtc/RTCPeerConnection-constructor.html: {attribute} initial value."""
    with peers(1) as pc:
        assert getattr(pc, attribute) == value


async def test_initially_no_transceivers() -> None:
    """webrtc/RTCPeerConnection-constructor.html: (getSenders, getReceivers, getTransceivers are empty)."""
    with peers(1) as pc:
        assert pc.get_senders() == pc.get_receivers() == pc.get_transceivers() == []


# -- setConfiguration ---------------------------------------------------------------------------------------------


async def test_setConfiguration_of_iceServers() -> None:
    """webrtc/RTCConfiguration-iceServers.html: setConfiguration(config) - with stun server should succeed."""
    with peers(1) as pc:
        pc.set_configuration(ice_servers=[{"urls": STUN}])
        assert [list(s["urls"]) for s in pc.get_configuration()["ice_servers"]] == [[STUN]]


async def test_setConfiguration_with_wrong_iceServers_changes_nothing() -> None:
    """webrtc/RTCConfiguration-iceServers.html: setConfiguration(config) - with relative url should throw SyntaxError."""
    with peers(1, ice_servers=[{"urls": STUN}]) as pc:
        with pytest.raises(ValueError):
            pc.set_configuration(ice_servers=[{"urls": "relative-url"}])
        assert [list(s["urls"]) for s in pc.get_configuration()["ice_servers"]] == [[STUN]]


async def test_setConfiguration_of_iceTransportPolicy() -> None:
    """webrtc/RTCConfiguration-iceTransportPolicy.html: setConfiguration({ iceTransportPolicy: 'relay' }) while initial iceTransportPolicy is all should succeed."""
    with peers(1) as pc:
        pc.set_configuration(ice_transport_policy="relay")
        assert pc.get_configuration()["ice_transport_policy"] == "relay"


async def test_setConfiguration_of_another_bundlePolicy_is_refused() -> None:
    """webrtc/RTCConfiguration-bundlePolicy.html: setConfiguration({ bundlePolicy: 'max-compat' }) while the initial is max-bundle should throw InvalidModificationError.

    API.md has no InvalidModificationError: a ValueError or one of its errors.
    """
    with peers(1, bundle_policy="max-bundle") as pc:
        with pytest.raises((ValueError, RtcError, TypeError)):
            pc.set_configuration(bundle_policy="max-compat")
        assert pc.get_configuration()["bundle_policy"] == "max-bundle"


async def test_setConfiguration_on_a_closed_connection() -> None:
    """webrtc/RTCConfiguration-validation.html: setConfiguration on a closed connection should throw InvalidStateError."""
    with peers(1) as pc:
        pc.close()
        with pytest.raises(InvalidStateError):
            pc.set_configuration(ice_servers=[])


async def test_iceTransportPolicy_relay_prevents_candidate_gathering() -> None:
    """webrtc/RTCConfiguration-iceTransportPolicy.html: iceTransportPolicy "relay" on offerer should prevent candidate gathering."""
    with peers(1, ice_transport_policy="relay") as pc:
        pc.add_transceiver("audio")
        description = await pc.set_local_description()
        assert "a=candidate" not in description.sdp


async def test_iceTransportPolicy_relay_on_answerer_prevents_candidate_gathering() -> None:
    """webrtc/RTCConfiguration-iceTransportPolicy.html: iceTransportPolicy "relay" on answerer should prevent candidate gathering."""
    with peers(1) as a, peers(1, ice_transport_policy="relay") as b:
        a.add_transceiver("audio")
        await b.set_remote_description(await a.set_local_description())
        assert "a=candidate" not in (await b.set_local_description()).sdp


@pytest.mark.parametrize("policy", ["balanced", "max-compat", "max-bundle"])
async def test_connections_of_each_bundlePolicy_connect(policy: Any) -> None:
    """webrtc/RTCConfiguration-bundlePolicy.html: bundlePolicy should gather ICE candidates and connect."""
    with peers(2, bundle_policy=policy) as (a, b):
        a.add_track(tone())
        a.add_transceiver("video")
        await connect(a, b)
