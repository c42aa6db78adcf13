"""The report: from facts to the reason, by a table; and what it looks like."""

from __future__ import annotations

import time
from typing import Any

import pytest

import jupyter_rtc as rtc
from jupyter_rtc.engine.routes import Candidate, Counts, Pair, Route
from jupyter_rtc.engine.statistics import Codec, Facts, Stream, Transport
from jupyter_rtc.rtc import report as report_module
from jupyter_rtc.rtc.diagnosis import PATIENCE, Gathered, explain
from jupyter_rtc.rtc.report import History, Report, describe_media
from jupyter_rtc.rtc.stats import ChannelCounts, shape

STUN, TURN = "stun:stun.example:3478", "turn:turn.example:3478?transport=udp"


def candidate(key: int, address: str = "192.0.2.1", type: str = "host", server: str | None = None) -> Candidate:
    return Candidate(key, address, 5000 + key, "udp", type, 1, "f", None, None, server, True)


OURS, THEIRS = candidate(0), candidate(1, "198.51.100.7")


def pair(state: str = "in-progress", key: int = 0, *, selected: bool = False, **counts: Any) -> Pair:
    return Pair(key, 0, 1, state, selected, selected, Counts(**counts))


def facts(
    *pairs: Pair,
    local: tuple[Candidate, ...] = (OURS,),
    remote: tuple[Candidate, ...] = (THEIRS,),
    failures: dict[str, str] | None = None,
    **values: Any,
) -> Facts:
    given = {
        "key": 0, "ice_state": "checking", "dtls_state": "new", "ice_role": "controlling", "dtls_role": None,
        "tls_version": None, "dtls_cipher": None, "srtp_cipher": None, "local_certificate": None,
        "remote_certificate": None, "changes": 0,
        "route": Route(list(local), list(remote), list(pairs), failures or {}),
    }  # fmt: skip
    return Facts(time.time(), [Transport(**(given | values))])


NOTHING = Facts(0.0)
BOTH: dict[str, Any] = {"local": "offer", "remote": "answer", "age": 2 * PATIENCE, "told": 1}
SENT = {"requests_sent": 5}
#: Both sides are on one machine.
SAME = facts(pair(**SENT, requests_received=1), remote=(candidate(1),))


@pytest.mark.parametrize(
    ("reason", "advice", "gathered"),
    [
        ("nothing to negotiate", "add_track", Gathered("new", NOTHING, wanted=False)),
        ("nothing was negotiated", "connect_pair", Gathered("new", NOTHING)),
        (
            "our offer was made, and there is no answer",
            "set_remote_description",
            Gathered("new", NOTHING, local="offer"),
        ),
        (
            "our offer was made, and there is no answer",
            "the other end of Whip https://media.example/whip,",
            Gathered("new", NOTHING, local="offer", signaling="Whip https://media.example/whip"),
        ),
        ("offer was set, and is not answered", "set_local_description", Gathered("new", NOTHING, remote="offer")),
        ("no network address", "network", Gathered("new", facts(local=()), **BOTH)),
        (
            "no TURN server is named",
            "turn:",
            Gathered("new", facts(local=()), relay_only=True, servers=(STUN,), **BOTH),
        ),
        (
            f"{TURN} is of no help: it refused",
            "password",
            Gathered("new", facts(local=(), failures={TURN: "it refused"}), relay_only=True, servers=(TURN,), **BOTH),
        ),
        ("told no address", "add_ice_candidate", Gathered("connecting", facts(remote=()), **BOTH | {"told": 0})),
        ("media.example", "right name", Gathered("connecting", facts(remote=()), named=("media.example",), **BOTH)),
        (".local names", "camera", Gathered("connecting", facts(remote=()), hidden=1, **BOTH)),
        ("IPv6", "TURN", Gathered("connecting", facts(), **BOTH)),
        ("still trying: the only way", "", Gathered("connecting", facts(pair(**SENT)), **BOTH | {"age": 0.0})),
        ("the only way between the two sides did not answer", "TURN", Gathered("failed", facts(pair(**SENT)), **BOTH)),
        (
            "none of the 2 ways between the two sides answered",
            "firewall",
            Gathered("failed", facts(pair("failed", **SENT), pair("failed", 1, **SENT)), **BOTH),
        ),
        (
            f"did not answer, and {STUN} is of no help: it did not answer",
            "Check that server",
            Gathered("failed", facts(pair("failed", **SENT), failures={STUN: "it did not answer"}), **BOTH),
        ),
        (
            "the only way",
            "We have a relay",
            Gathered("failed", facts(pair("failed"), local=(OURS, candidate(2, type="relay", server=TURN))), **BOTH),
        ),
        ("reaches us, and does not answer", "direction", Gathered("failed", facts(pair(requests_received=3)), **BOTH)),
        ("refuses our checks", "old answer", Gathered("failed", facts(pair(**SENT, responses_received=1)), **BOTH)),
        ("not agreed on one", "UDP", Gathered("connecting", facts(pair("succeeded")), **BOTH)),
        (
            "DTLS",
            "applied our description",
            Gathered("connecting", facts(pair("succeeded"), ice_state="completed", dtls_state="connecting"), **BOTH),
        ),
        (
            "the way is there, and the certificate is another",
            "same attempt",
            Gathered("failed", facts(dtls_state="failed", failure="the certificate is another"), **BOTH),
        ),
        (
            "connected, 192.0.2.1:5000 (direct) → 198.51.100.7:5001 (direct), round trip 20 ms",
            "",
            Gathered("connected", facts(pair("succeeded", selected=True, round_trip=0.02)), **BOTH),
        ),
        ("has been silent for 12 s", "sleeps", Gathered("disconnected", facts(), was_connected=True, **BOTH)),
        ("fell silent, and did not come back", "new", Gathered("failed", facts(), was_connected=True, **BOTH)),
        ("silent for 12 s", "its program is busy", Gathered("disconnected", SAME, was_connected=True, **BOTH)),
        ("did not come back", "its program is busy", Gathered("failed", SAME, was_connected=True, **BOTH)),
        ("did not answer so far", "no network is between", Gathered("connecting", SAME, **BOTH)),
        ("did not answer so far", "no network is between", Gathered("failed", SAME, **BOTH)),
        ("still trying: the only way", "", Gathered("connecting", SAME, **BOTH | {"age": 0.0})),
        (
            "the other side has closed",
            "reloaded",
            Gathered("failed", facts(), was_connected=True, ended="there", **BOTH),
        ),
        ("the other side said bye", "new", Gathered("closed", facts(), ended="bye", **BOTH)),
        ("was closed here", "new", Gathered("closed", facts(), ended="here", **BOTH)),
        ("the connection is failed", "", Gathered("failed", NOTHING, **BOTH)),
    ],
)
def test_the_reason_follows_from_the_facts(reason: str, advice: str, gathered: Gathered) -> None:
    found = explain(gathered)
    assert reason in found.reason
    assert advice in found.advice
    assert bool(found.advice) == bool(advice)
    assert found.connected == (gathered.state == "connected")
    assert not found.reason.endswith(".")
    assert str(found).startswith("Connected" if found.connected else "Not connected. ")


def test_the_details_stand_below_the_reason() -> None:
    gathered = Gathered(
        "failed",
        facts(
            pair("failed", requests_sent=7), pair("frozen", 1),
            local=(OURS, candidate(2, "2001:db8::1"), candidate(3, "203.0.113.9", "srflx", STUN)),
            failures={TURN: "it did not answer"},
        ),
        servers=("stun:stun.example", "turn:turn.example:3478", "turn:other.example"),
        states=((0.0, "signaling stable"), (31.25, "connection failed")),
        **BOTH,
    )  # fmt: skip
    found = explain(gathered)
    assert found.states == ((0.0, "signaling stable"), (31.25, "connection failed"))
    assert found.local_candidates == (
        "192.0.2.1:5000 (direct)", "[2001:db8::1]:5002 (direct)", "203.0.113.9:5003 (seen by STUN)",
    )  # fmt: skip
    assert found.remote_candidates == ("198.51.100.7:5001 (direct)",)
    assert found.pairs[0].endswith(": failed, 0 of 7 checks answered, 0 came")
    assert ": not tried," in found.pairs[1]
    assert found.servers == (f"{STUN}: it works", f"{TURN}: it did not answer", "turn:other.example: not asked")
    for text in (str(found), found._repr_markdown_()):
        lines = text.splitlines()
        assert "  31.2 s  connection failed" in text
        assert "addresses of the other side:" in lines
        for entries in (found.local_candidates, found.remote_candidates, found.pairs, found.servers):
            assert all(f"  {entry}" in lines for entry in entries)
    assert found._repr_markdown_().startswith(f"**Not connected. {found.reason[0].upper()}{found.reason[1:]}.**")


def test_a_report_cannot_break_out_of_its_markdown() -> None:
    text = Report(False, "x", media=("channel '```': open",))._repr_markdown_()
    assert text.count("```") == 2


def test_the_summary_fits_into_an_exception() -> None:
    assert Report(False, "no way", "Name a server.").summary == "no way. Name a server."
    assert Report(False, "no way").summary == "no way"


def stream(direction: Any, **members: Any) -> Stream:
    codec = Codec(97, "video/VP8", 90_000, None, "")
    told = {"packetsLost": 4, "roundTripTime": 0.0123}
    return Stream(direction, 0, "0", "video", 7, 0, codec, members, told, 1.0)


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (stream("outbound", packetsSent=90), "sends video: VP8, 90 packets, 4 lost, round trip 12 ms"),
        (
            stream("inbound", packetsReceived=90, packetsLost=0, framesReceived=9, framesDecoded=0),
            "receives video: VP8, 90 packets, not decoded, for nobody reads it",
        ),
        (
            stream(
                "inbound", packetsReceived=90, packetsLost=2, framesReceived=9, framesDecoded=6, framesDropped=3,
                frameWidth=640, frameHeight=480, framesPerSecond=29,
            ),
            "receives video: VP8, 640x480, 29/s, 90 packets, 2 lost, 3 of 9 pictures dropped",
        ),
        (
            stream(
                "inbound", packetsReceived=90, packetsLost=0, framesReceived=185, framesDecoded=95, framesDropped=90,
                jitterBufferEmittedCount=95,
            ),
            "receives video: VP8, 90 packets, 90 of 185 pictures not read",
        ),
        (
            stream(
                "inbound", packetsReceived=90, packetsLost=4, framesReceived=185, framesDecoded=95, framesDropped=93,
                jitterBufferEmittedCount=95,
            ),
            "receives video: VP8, 90 packets, 4 lost, 3 of 185 pictures dropped, 90 of 185 pictures not read",
        ),
    ],
)  # fmt: skip
def test_media_is_told_with_codec_size_and_losses(entry: Stream, line: str) -> None:
    assert describe_media(shape(Facts(0.0, streams=[entry]))) == (line,)


def test_channels_are_told() -> None:
    counts = ChannelCounts("chat", "", 1, "open", True, 3, 4, 0, 0)
    assert describe_media(shape(NOTHING, [counts])) == ("channel 'chat': open, 3 messages sent, 4 received",)


# -- the history ------------------------------------------------------------------------------------------------------


def test_history_has_seconds_since_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(report_module.time, "monotonic", lambda: now)
    history = History()
    now = 101.5
    history.add("connection_state", "connecting")
    history.add("ice_connection_state", "checking")
    now = 104.0
    assert history.entries == ((1.5, "connection connecting"), (1.5, "ICE checking"))
    assert history.age == 2.5
    assert history.was("connecting")
    assert not history.was("checking")


def test_history_is_bounded() -> None:
    history = History()
    for number in range(1000):
        history.add("connection_state", str(number))
    assert len(history.entries) == 100


@pytest.mark.parametrize(
    ("states", "dtls", "bye", "ended"),
    [
        (["connected", "failed"], "closed", False, "there"),
        (["connected", "disconnected", "failed"], "closed", False, ""),
        (["connected"], "connected", False, ""),
        (["connecting"], "new", True, "bye"),
    ],
)
def test_an_end_by_the_other_side_is_told_from_silence(states: list[str], dtls: str, bye: bool, ended: str) -> None:
    history = History()
    for state in states:
        history.add("connection_state", state)
    if bye:
        history.said_bye()
    assert history.ended(facts(dtls_state=dtls)) == ended


# -- where reports come from ------------------------------------------------------------------------------------------


def test_a_new_connection_says_what_to_do_first() -> None:
    pc = rtc.PeerConnection()
    assert "nothing to negotiate" in pc.report().reason
    pc.create_data_channel("x")
    assert "nothing was negotiated" in pc.report().reason
    pc.close()
    assert "closed here" in pc.report().reason


def test_a_widget_without_a_page_says_so() -> None:
    tone = rtc.TestTone()
    player = rtc.Audio(tone)
    found = player.report()
    assert isinstance(found, rtc.Report)
    assert "no notebook page" in found.reason
    player.close()
    tone.stop()


async def test_the_report_of_a_view_is_that_of_its_connection() -> None:
    pc = rtc.PeerConnection()
    assert pc.view.report().reason == pc.report().reason
    pc.view.close()
    pc.close()


async def test_a_timeout_carries_the_report() -> None:
    class Nobody:
        async def send(self, message: dict[str, Any]) -> None: ...

        async def receive(self) -> dict[str, Any]:
            import asyncio

            return await asyncio.get_running_loop().create_future()

        async def close(self) -> None: ...

    pc = rtc.PeerConnection()
    pc.create_data_channel("x")
    with pytest.raises(rtc.ConnectTimeout, match="no answer from the other side") as raised:
        await pc.connect(Nobody(), timeout=0.3)
    assert raised.value.report.local_candidates
    pc.close()
