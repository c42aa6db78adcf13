"""Media through a real TURN server, by all its ways, where nothing else is allowed; judged by what arrives."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jupyter_rtc as rtc
from jupyter_rtc import config, ice
from jupyter_rtc.engine import servers
from tests.conftest import SCALE
from tests.coturn import PASSWORD, RELAY_PORTS, SECRET, USER, Coturn, coturn
from tests.integration.test_restart import Wire
from tests.integration.waiting import until

from .peer import SOON
from .test_peers import read, tracks_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
WAYS = ("udp", "tcp", "tls")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    with coturn(tmp_path_factory.mktemp("coturn")) as running:
        yield running


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    """Run one that shares a secret."""
    with coturn(tmp_path_factory.mktemp("sharing"), shared_secret=True) as running:
        yield running


@pytest.fixture
def trusted(server: Coturn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))


async def relayed(*given: Any) -> str:
    """Send pictures and sound between two that may use a relay alone, look at them, and return the first's report."""
    events: list[rtc.TrackEvent] = []
    options: dict[str, Any] = {"ice_servers": given, "ice_transport_policy": "relay"}
    async with rtc.PeerConnection(**options) as a, rtc.PeerConnection(**options) as b:
        b.on("track", events.append)
        stream = rtc.MediaStream()
        a.add_track(rtc.TestTone(), stream)
        a.add_track(rtc.TestPattern((320, 240)), stream)
        await rtc.connect_pair(a, b, timeout=SOON)
        assert " typ relay" in a.local_description.sdp
        assert " typ host" not in a.local_description.sdp
        await until(lambda: len(events) == 2)
        here = tracks_of(events)
        assert (await read(here["video"])).shape == (240, 320, 3)
        first, _ = rtc.read_stamp(await read(here["video"]))
        while rtc.read_stamp(await read(here["video"]))[0] < first + 20:
            pass
        assert np.abs(await read(here["audio"], 0.2)).max() > 0.05
        for pc in (a, b):
            assert pc.report().connected
            assert all("TURN relay" in address for address in pc.report().local_candidates)
        stats = (await a.get_stats()).values()
        (used,) = [s for s in stats if s["type"] == "local-candidate"]
        assert used["candidateType"] == "relay"
        return f"{used['relayProtocol']}\n{a.report()}"


@pytest.mark.parametrize("way", WAYS)
async def test_pictures_and_sound_through_a_relay(server: Coturn, trusted: None, way: str) -> None:
    told = await relayed(server.server(way))
    assert told.startswith(f"{way}\n")
    assert f"{server.url(way)}: it works" in told
    assert PASSWORD not in told
    assert USER not in told


@pytest.mark.parametrize("way", WAYS)
async def test_a_secret_shared_with_the_server(sharing: Coturn, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(sharing.certificate))
    told = await relayed(rtc.SharedSecretTurn(sharing.url(way), SECRET, user="class"))
    assert told.startswith(f"{way}\n")
    assert SECRET not in told


async def described(**options: Any) -> tuple[rtc.Report, float]:
    """Return what became of gathering, and how long it took."""
    async with rtc.PeerConnection(**options) as pc:
        pc.create_data_channel("x")
        began = time.monotonic()
        await pc.set_local_description()
        return pc.report(), time.monotonic() - began


async def test_a_name_that_has_ended_is_refused_and_a_fresh_one_is_made_for_the_next_connection(
    sharing: Coturn,
) -> None:
    source = rtc.SharedSecretTurn(sharing.url("udp"), SECRET, ttl=60)
    source._ttl = -60  # what it makes has ended a minute ago
    (ended,) = source._known()
    report, _ = await described(ice_servers=[ended], ice_transport_policy="relay")
    assert "it refused the user name or the password (401" in report.reason
    source._ttl = 60
    report, _ = await described(ice_servers=[source], ice_transport_policy="relay")
    assert report.servers == (f"{sharing.url('udp')}: it works",)


async def test_a_wrong_secret_is_refused(sharing: Coturn) -> None:
    source = rtc.SharedSecretTurn(sharing.url("tcp"), "another")
    report, _ = await described(ice_servers=[source], ice_transport_policy="relay")
    assert "it refused the user name or the password (401" in report.reason


async def test_a_certificate_that_nobody_knows_is_not_trusted(server: Coturn) -> None:
    report, _ = await described(ice_servers=[server.server("tls")], ice_transport_policy="relay")
    assert (
        f"{server.url('tls')} is of no help: its certificate is not trusted (self-signed certificate)" in report.reason
    )
    report, _ = await described(
        ice_servers=[{**server.server("tls"), "urls": f"turns:{server.host}:{server.port}"}],
        ice_transport_policy="relay",
    )
    assert "is of no help" in report.reason


async def test_what_works_best_is_used_of_a_list_as_services_give_it(server: Coturn, trusted: None) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind((server.host, 0))
        blocked = f"turn:{server.host}:{silent.getsockname()[1]}?transport=udp"
        listed = {**server.server("udp"), "urls": [server.url("tls"), server.url("tcp"), blocked]}
        report, taken = await described(ice_servers=[listed])
        assert taken < 1.4 * SCALE, "UDP is silent here: TCP is tried meanwhile"
        assert f"{server.url('tcp')}: it works" in report.servers
        assert any(line.startswith(f"{server.url('tls')}: not needed") for line in report.servers)
        listed["urls"] = [*listed["urls"], server.url("udp")]
        report, _ = await described(ice_servers=[listed, f"stun:{server.host}:{server.port}"])
        assert f"{server.url('udp')}: it works" in report.servers
        assert f"stun:{server.host}:{server.port}: it works" in report.servers


async def test_a_relay_is_taken_in_mid_call(server: Coturn) -> None:
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        received: list[Any] = []
        channel = a.create_data_channel("x")

        def listen(there: rtc.DataChannel) -> None:
            there.on("message", received.append)

        b.on("datachannel", listen)
        await rtc.connect_pair(a, b, timeout=SOON)
        await until(lambda: a.report().connected)
        assert "TURN relay" not in a.report().reason
        a.set_configuration(ice_servers=[server.server("tcp")], ice_transport_policy="relay")
        a.restart_ice()
        await until(lambda: "TURN relay" in a.report().reason)
        await until(lambda: channel.ready_state == "open")
        channel.send("through the relay")
        await until(lambda: received == ["through the relay"])


async def test_a_connection_closes_in_time_and_in_order_when_its_relay_is_dead(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with coturn(tmp_path / "dying") as dying:
        pc = rtc.PeerConnection(ice_servers=[dying.server("udp")], ice_transport_policy="relay")
        pc.create_data_channel("x")
        await pc.set_local_description()
        assert f"{dying.url('udp')}: it works" in pc.report().servers
    began = time.monotonic()
    await pc.aclose()
    assert time.monotonic() - began < 1.8 * SCALE
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


async def test_when_the_relay_dies_in_mid_call_another_one_is_taken(server: Coturn, tmp_path: Path) -> None:
    with contextlib.ExitStack() as mortal:
        dying = mortal.enter_context(coturn(tmp_path / "dying"))
        options: dict[str, Any] = {
            "ice_servers": [dying.server("udp"), server.server("tcp")], "ice_transport_policy": "relay",
        }  # fmt: skip
        one, other = Wire(), Wire()
        one.other, other.other = other, one
        async with rtc.PeerConnection(**options) as a, rtc.PeerConnection(**options) as b:
            channel = a.create_data_channel("x")
            received: list[Any] = []

            def listen(there: rtc.DataChannel) -> None:
                there.on("message", received.append)

            b.on("datachannel", listen)
            await asyncio.gather(a.connect(one, SOON), b.connect(other, SOON))
            assert f"{dying.url('udp')}: it works" in a.report().servers
            mortal.close()
            await until(lambda: a.connection_state == "disconnected")
            await until(lambda: a.connection_state == b.connection_state == "connected")
            assert f"{server.url('tcp')}: it works" in a.report().servers
            await until(lambda: channel.ready_state == "open")
            channel.send("through the other one")
            await until(lambda: received == ["through the other one"])


async def test_relays_that_lost_the_race_are_given_back(server: Coturn, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken() -> int:
        """Return how many relay ports are in use."""
        lines = Path("/proc/net/udp").read_text().splitlines()[1:]
        return sum(int(line.split()[1].partition(":")[2], 16) in RELAY_PORTS for line in lines)

    monkeypatch.setattr(servers, "STAGGER", 0.0)
    async with rtc.PeerConnection(ice_servers=[server.server("udp"), server.server("tcp")]) as pc:
        pc.create_data_channel("x")
        await pc.set_local_description()
        await until(lambda: not servers._leftover)
        await until(lambda: taken() == 1)
    await until(lambda: taken() == 0)


async def test_the_doctor_asks_each_way_by_itself(
    server: Coturn, trusted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {**server.server("udp"), "credential": "wrong"}
    listed = [f"stun:{server.host}:{server.port}", *(server.server(way) for way in WAYS), wrong]
    monkeypatch.setattr(config, "_configured", ice.parse_ice_servers(listed))
    text = str(await asyncio.to_thread(rtc.doctor))
    for url in (f"stun:{server.host}:{server.port}", *(server.url(way) for way in WAYS)):
        assert f"✓ server: {url}: it works, after" in text
    assert f"· server: {server.url('udp')}: it refused the user name or the password (401" in text
    assert "another one is used" in text
    assert "Nothing is wrong here" in text
    assert PASSWORD not in text
