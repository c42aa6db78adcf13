"""Reports of connections that really fail: nobody at the address, a wrong fingerprint, a server's refusal, silence."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from aioice import stun

import jupyter_rtc as rtc
from jupyter_rtc.engine.loop import engine
from jupyter_rtc.rtc import diagnosis
from tests.conftest import SCALE

SECRET = "a-secret-that-is-in-no-report"


async def reported(pc: rtc.PeerConnection, condition: Callable[[rtc.Report], bool], seconds: float = 10) -> rtc.Report:
    """Return the first report that fulfils `condition`."""
    end = time.monotonic() + seconds * SCALE
    while not condition(report := pc.report()):
        assert time.monotonic() < end, f"not within {seconds} s; the last report is:\n{report}"
        await asyncio.sleep(0.05)
    return report


def elsewhere(sdp: str, host: str = "198.51.100.7") -> str:
    """Return a description with addresses at which nobody is."""
    return re.sub(r"(a=candidate:\S+ \d udp \d+) \S+ \d+", rf"\1 {host} 9", sdp)


async def negotiate(
    a: rtc.PeerConnection,
    b: rtc.PeerConnection,
    offer: Callable[[str], str] = str,
    answer: Callable[[str], str] = str,
) -> None:
    """Negotiate, with what is done to the descriptions on their way."""
    made = await a.set_local_description()
    await b.set_remote_description({"type": "offer", "sdp": offer(made.sdp)})
    made = await b.set_local_description()
    await a.set_remote_description({"type": "answer", "sdp": answer(made.sdp)})


@pytest.fixture
def pair() -> Any:
    a, b = rtc.PeerConnection(), rtc.PeerConnection()
    a.create_data_channel("x")
    yield a, b
    a.close()
    b.close()


async def test_addresses_at_which_nobody_is(pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "PATIENCE", 1.0)
    await negotiate(*pair, elsewhere, elsewhere)
    report = await reported(pair[0], lambda report: "still trying" not in report.reason)
    assert re.search(
        r"(the only way|none of the \d ways) between the two sides (did not answer|answered)", report.reason
    )
    assert "TURN" in report.advice
    assert report.remote_candidates == ("198.51.100.7:9 (direct)",)
    assert all("0 of" in way for way in report.pairs)
    assert any(what == "connection connecting" for _, what in report.states)


async def test_a_timeout_of_connect_pair_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "PATIENCE", 0.2)
    a, b = rtc.PeerConnection(), rtc.PeerConnection(ice_transport_policy="relay")
    try:
        a.add_track(rtc.TestPattern((160, 120)))
        with pytest.raises(rtc.ConnectTimeout) as raised:
            await rtc.connect_pair(a, b, timeout=1)
        assert isinstance(raised.value.report, rtc.Report)
        assert raised.value.report.reason in str(raised.value)
        assert "no TURN server is named" in b.report().reason
    finally:
        a.close()
        b.close()


async def test_a_wrong_fingerprint(pair: Any) -> None:
    def other(sdp: str) -> str:
        return re.sub(r"(a=fingerprint:\S+ )\w\w", lambda match: match[1] + "00", sdp)

    await negotiate(*pair, answer=other)
    report = await reported(pair[0], lambda report: "fingerprint" in report.reason)
    assert "not the one" in report.reason
    assert "same attempt" in report.advice
    assert not report.connected


async def test_a_wrong_password(pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "PATIENCE", 1.0)

    def other(sdp: str) -> str:
        return re.sub(r"a=ice-pwd:\S+", "a=ice-pwd:" + "x" * 22, sdp)

    await negotiate(*pair, other, other)
    report = await reported(pair[0], lambda report: "still" not in report.reason and bool(report.pairs))
    assert report.reason == "the two sides reach each other, and the other side refuses our checks"
    assert "attempt" in report.advice
    assert any("refused" in way for way in report.pairs)


async def test_names_that_mean_nothing_here(pair: Any) -> None:
    await negotiate(*pair, lambda sdp: elsewhere(sdp, "6e3a1b0c-7a1f.local"), elsewhere)
    report = await reported(pair[1], lambda report: ".local" in report.reason)
    assert "camera" in report.advice
    assert report.remote_candidates == ()


async def test_no_address_of_the_other_side(pair: Any) -> None:
    def without(sdp: str) -> str:
        return re.sub(r"a=(candidate:.*|end-of-candidates)\r\n", "", sdp)

    await negotiate(*pair, without, elsewhere)
    report = await reported(pair[1], lambda report: "no address" in report.reason)
    assert "add_ice_candidate" in report.advice


class Refusing(asyncio.DatagramProtocol):
    """A TURN server that knows nobody."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        asked = stun.parse_message(data)
        answer = stun.Message(asked.message_method, stun.Class.ERROR, transaction_id=asked.transaction_id)
        answer.attributes["ERROR-CODE"] = (403, "Forbidden")
        self.transport.sendto(bytes(answer), address)


async def test_a_turn_server_that_refuses() -> None:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Refusing, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    server = {"urls": f"turn:127.0.0.1:{port}", "username": SECRET, "credential": SECRET}
    a, b = rtc.PeerConnection(ice_servers=[server], ice_transport_policy="relay"), rtc.PeerConnection()
    try:
        a.create_data_channel("x")
        await negotiate(a, b)
        report = a.report()
        assert "refused the user name or the password" in report.reason
        assert f"turn:127.0.0.1:{port}" in report.reason
        assert [line.startswith(f"turn:127.0.0.1:{port}") for line in report.servers] == [True]
        assert SECRET not in f"{report}{report._repr_markdown_()}{await a.get_stats()}"
    finally:
        a.close()
        b.close()
        transport.close()


async def test_reports_tell_no_ice_names(pair: Any) -> None:
    await negotiate(*pair)
    report = str(await reported(pair[0], lambda report: report.connected))
    for sdp in (pair[0].local_description.sdp, pair[0].remote_description.sdp):
        for name in re.findall(r"a=ice-(?:ufrag|pwd):(\S+)", sdp):
            assert name not in report


async def test_the_other_side_closes(pair: Any) -> None:
    await negotiate(*pair)
    report = await reported(pair[0], lambda report: report.connected)
    assert report.reason.startswith("connected, ")
    assert any("in use" in way for way in report.pairs)
    pair[1].close()
    report = await reported(pair[0], lambda report: report.reason == "the other side has closed the connection")
    assert not report.connected
    assert report.pairs, "what there was is still told"


async def test_silence(pair: Any) -> None:
    await negotiate(*pair)
    await reported(pair[0], lambda report: report.connected)

    async def cut() -> None:
        """Let nothing leave any more, neither media nor checks."""
        for watch in pair[0]._session.peer._statistics._routes.values():
            for protocol in watch._protocols:
                protocol.transport.sendto = lambda data, address=None: None

    await engine().run(cut())
    report = await reported(pair[0], lambda report: not report.connected)
    assert "has been silent for" in report.reason
    assert any(what == "connection disconnected" for _, what in report.states)


async def test_bye() -> None:
    class Line:
        """A signaling of two queues."""

        def __init__(self, own: Any, other: Any) -> None:
            self.own, self.other = own, other

        async def send(self, message: dict[str, Any]) -> None:
            self.other.put_nowait(message)

        async def receive(self) -> dict[str, Any]:
            message: dict[str, Any] = await self.own.get()
            return message

        async def close(self) -> None: ...

    left: asyncio.Queue[Any] = asyncio.Queue()
    right: asyncio.Queue[Any] = asyncio.Queue()
    a, b = rtc.PeerConnection(), rtc.PeerConnection()
    try:
        a.create_data_channel("x")
        await asyncio.gather(a.connect(Line(left, right)), b.connect(Line(right, left)))
        b.close()
        report = await reported(a, lambda report: "bye" in report.reason)
        assert any(what == "the other side says bye" for _, what in report.states)
    finally:
        a.close()
        b.close()
