"""Pages of a widget, with a wire that only remembers: hello, plans, errors, and when there are too many."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jupyter_rtc import NumpyVideoTrack, config, ice
from jupyter_rtc.engine.loop import engine
from jupyter_rtc.errors import SignalingError
from jupyter_rtc.link.messages import VERSION, Mailbox, Message
from jupyter_rtc.link.pages import MOST_PAGES, Pages
from jupyter_rtc.link.session import Plan
from tests.conftest import SCALE
from tests.unit.test_messages import junk

SOON = 2 * SCALE


class Widget:
    """A host that notes what it is told."""

    def __init__(self) -> None:
        self.track = NumpyVideoTrack()
        self.told: list[tuple[Any, ...]] = []
        self.planned = Plan({"slot": self.track}, [{"title": "t", "slots": ["slot"]}], {"video": True})

    def plan(self, client: str) -> Plan:
        return self.planned

    def page_hello(self, client: str, hello: Message) -> None:
        self.told.append(("hello", client))

    def page_media(self, client: str, kind: str, track: Any) -> None:
        self.told.append(("media", client, kind))

    def page_message(self, client: str, message: dict[str, Any]) -> None:
        self.told.append((message["type"], client))

    def page_state(self, client: str, state: str) -> None:
        self.told.append((state, client))


class Wire:
    """The comm: what the kernel sent, and the other side's mailboxes."""

    def __init__(self) -> None:
        self.widget = Widget()
        self.sent: list[dict[str, Any]] = []
        self.pages = Pages(self.widget, self.sent.append)
        self.mailboxes: dict[str, Mailbox] = {}

    def say(self, client: str, *messages: dict[str, Any]) -> None:
        mailbox = self.mailboxes.setdefault(client, Mailbox())
        for message in messages:
            mailbox.post(message)
        self.pages.receive({**mailbox.envelope(), "client": client})
        settle()

    def heard(self, client: str) -> list[dict[str, Any]]:
        """Return what the kernel told this page since the last call."""
        mailbox = self.mailboxes[client]
        sent, self.sent[:] = list(self.sent), [envelope for envelope in self.sent if envelope["to"] != client]
        return [message for envelope in sent if envelope["to"] == client for message in mailbox.receive(envelope)]

    def hear(self, client: str, kind: str, about: str = "") -> dict[str, Any]:
        """Wait for a message of this kind."""
        deadline = time.monotonic() + SOON
        seen = []
        while time.monotonic() < deadline:
            for message in self.heard(client):
                seen.append(message["type"])
                if message["type"] == kind and about in str(message):
                    return message
            time.sleep(0.01)
        pytest.fail(f"no {kind!r} within {SOON} s, only {seen}")


def settle(rounds: int = 3) -> None:
    """Wait until the engine has done what it was asked for so far."""

    async def nothing() -> None:
        return

    for _ in range(rounds):
        engine().call(nothing(), SOON)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.005)


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.pages.close()
    settle()


def test_a_page_that_was_let_go_is_told_and_goes_on_under_a_new_name(wire):
    wire.say("page", {"type": "hello"})
    wire.heard("page")
    engine().post(wire.pages.drop, "page")
    settle()
    wire.sent.clear()
    wire.say("page", {"type": "failed", "epoch": 1, "reason": "it slept"})
    assert wire.sent == [{"v": VERSION, "to": "page", "ack": 0, "messages": [], "unknown": True}]
    assert not wire.pages.seen
    wire.say("next", {"type": "hello", "resumes": "page"})
    assert wire.hear("next", "plan")
    # One that the kernel had not missed yet is let go then.
    wire.say("third", {"type": "hello", "resumes": "next"})
    assert wire.hear("third", "plan")
    assert wire.pages.clients == ["third"]


def test_a_page_that_says_hello_gets_a_plan(wire):
    wire.say("page", {"type": "hello"})
    (plan,) = wire.heard("page")
    assert plan["type"] == "plan"
    assert plan["tracks"] == [
        {
            "slot": "slot",
            "kind": "video",
            "label": "numpy video",
            "state": "muted",
            "why": "nothing was written to the track yet: call write(frame)",
        }
    ]
    assert plan["tiles"] == [{"title": "t", "slots": ["slot"]}]
    assert plan["capture"] == {"video": True}
    assert plan["iceServers"] == []
    assert wire.widget.told == [("hello", "page")]
    assert wire.pages.seen
    assert not wire.pages.connected
    assert wire.pages.clients == ["page"]


def test_a_plan_names_the_configured_servers(wire, monkeypatch):
    monkeypatch.setattr(config, "_configured", ice.parse_ice_servers(["stun:stun.example.org"]))
    wire.say("page", {"type": "hello"})
    (plan,) = wire.heard("page")
    assert plan["iceServers"] == [{"urls": ["stun:stun.example.org"]}]
    assert plan["iceTransportPolicy"] == "all"
    wire.say("page", {"type": "failed", "epoch": 1, "reason": "no way"})
    assert not wire.heard("page"), "what does not end is told once"


class Source(ice.IceServerSource):
    """Servers that a service gives, another name each time; while `refused` there are none."""

    name = "a service"

    def __init__(self) -> None:
        self.asked = 0
        self.refused = False

    def _known(self) -> None:
        return None

    async def _fresh(self) -> tuple[ice.IceServer, ...]:
        self.asked += 1
        if self.refused:
            raise SignalingError("it answered 401")
        return (ice.IceServer(("turn:t",), f"name {self.asked}", "open-sesame"),)


def test_a_page_gets_fresh_credentials_and_others_when_it_does_not_connect(wire, monkeypatch):
    monkeypatch.setattr(config, "_configured", (source := Source(),))
    monkeypatch.setattr(config, "_policy", "relay")
    wire.say("page", {"type": "hello"})
    plan = wire.hear("page", "plan")
    assert plan["iceServers"] == [{"urls": ["turn:t"], "username": "name 1", "credential": "open-sesame"}]
    assert plan["iceTransportPolicy"] == "relay"
    wire.say("page", {"type": "failed", "epoch": 1, "reason": "they have ended"})
    assert wire.hear("page", "plan")["iceServers"][0]["username"] == "name 2"
    source.refused = True
    wire.say("page", {"type": "failed", "epoch": 2, "reason": "again"})
    assert wire.hear("page", "plan")["iceServers"] == [], "it is told what to play all the same"
    assert "a service: it answered 401" in wire.pages.describe()[0]


def test_each_page_has_its_own_session(wire):
    wire.say("a", {"type": "hello"})
    wire.say("b", {"type": "hello"})
    assert {envelope["to"] for envelope in wire.sent} == {"a", "b"}
    assert [message["type"] for message in wire.heard("a")] == ["plan"]
    wire.pages.post({"type": "only"}, "b")
    settle()
    assert [message["type"] for message in wire.heard("b")] == ["plan", "only"]
    assert wire.heard("a") == []


def test_who_does_not_say_hello_is_no_page(wire):
    wire.say("stranger", {"type": "failed", "reason": "x"})
    assert not wire.pages.seen
    assert [envelope["messages"] for envelope in wire.sent] == [[]]
    assert wire.widget.told == []


def test_a_repeated_hello_is_heard_once(wire):
    wire.say("page", {"type": "hello"})
    wire.say("page")
    wire.say("page")
    assert wire.widget.told == [("hello", "page")]


def test_what_was_not_acknowledged_comes_again_with_the_next_word(wire):
    wire.say("page", {"type": "hello"})
    wire.sent.clear()  # lost on the way
    wire.say("page")
    assert wire.hear("page", "plan")
    wire.say("page")
    assert wire.heard("page") == [], "but not after it was acknowledged"


def test_all_pages_are_told_of_a_new_plan(wire):
    wire.say("a", {"type": "hello"})
    wire.say("b", {"type": "hello"})
    wire.heard("a")
    wire.heard("b")
    wire.widget.planned = Plan()
    wire.pages.replan()
    settle()
    for client in "ab":
        (plan,) = wire.heard(client)
        assert (plan["type"], plan["tracks"]) == ("plan", [])


def test_a_notice_reaches_the_pages_that_are_there_and_those_that_come(wire):
    wire.say("early", {"type": "hello"})
    wire.heard("early")
    wire.pages.notice("camera", "it is blocked", detail="why")
    wire.pages.notice("camera", "it is blocked", detail="why")
    settle()
    (notice,) = wire.heard("early")
    assert (notice["type"], notice["text"], notice["detail"]) == ("notice", "it is blocked", "why")
    wire.say("late", {"type": "hello"})
    assert [message["type"] for message in wire.heard("late")] == ["notice", "plan"]
    wire.pages.notice("camera", "")
    wire.say("last", {"type": "hello"})
    assert [message["type"] for message in wire.heard("last")] == ["plan"], "what is over is not told any more"


def test_an_unknown_message_gets_an_error_for_an_answer(wire):
    wire.say("page", {"type": "hello"}, {"type": "telepathy"})
    assert "telepathy" in wire.hear("page", "error")["message"]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "candidate"},
        {"type": "candidate", "epoch": 1},
        {"type": "failed"},
        {"type": "description"},
        {"type": "description", "epoch": 1},
        {"type": "description", "epoch": "1", "description": {"type": "offer", "sdp": "v=0"}, "slots": {}},
        {"type": "description", "epoch": 1, "description": None, "slots": {}, "capture": {}},
        {"type": "description", "epoch": 1, "description": {"type": "offer"}, "slots": {}, "capture": {}},
        {"type": "description", "epoch": 1, "description": {"sdp": 7}, "slots": {}, "capture": {}},
    ],
    ids=str,
)
def test_a_message_that_is_not_as_it_should_be_gets_an_error_for_an_answer(wire, message, caplog):
    wire.say("page", {"type": "hello"}, message)
    assert wire.hear("page", "error")["message"]
    wire.say("page", {"type": "again"})
    assert wire.hear("page", "error", about="again"), "and the page is still listened to"
    assert "Task exception was never retrieved" not in caplog.text


def test_a_pages_error_is_logged_and_not_answered(wire, caplog):
    wire.say("page", {"type": "hello"})
    wire.heard("page")
    with caplog.at_level(logging.WARNING, logger="jupyter_rtc"):
        wire.say("page", {"type": "error", "message": "what was that?"})
    assert "what was that?" in caplog.text
    assert wire.heard("page") == [], "two sides must not answer each other's errors for ever"


def test_what_a_page_says_of_its_camera_reaches_the_widget(wire):
    wire.say("page", {"type": "hello"}, {"type": "capture", "state": "live"}, {"type": "failed", "reason": "no ICE"})
    assert wire.widget.told[1:] == [("capture", "page"), ("failed", "page")]
    assert "no ICE" in "\n".join(wire.pages.describe())


@pytest.mark.parametrize("seed", range(5))
def test_junk_raises_nothing_and_leaves_a_page_in_peace(wire, seed, caplog):
    chance = random.Random(seed)
    wire.say("page", {"type": "hello"})
    wire.hear("page", "plan")
    for _ in range(100):
        wire.pages.receive(junk(chance))
    for _ in range(40):
        kind = chance.choice(["candidate", "failed", "capture", "error", "pong", "hello", ""])
        message = {"type": kind, **{key: junk(chance) for key in ("epoch", "candidate", "reason", "state", "slot")}}
        wire.say("page", message)
    wire.say("page", {"type": "still there?"})
    assert wire.hear("page", "error", about="still there?")
    assert "Traceback" not in caplog.text


def test_a_page_that_says_bye_is_gone(wire):
    wire.say("page", {"type": "hello"})
    wire.say("page", {"type": "bye"})
    assert not wire.pages.seen
    assert wire.widget.told == [("hello", "page"), ("gone", "page")]


def test_of_too_many_pages_the_one_that_was_silent_longest_is_let_go(wire):
    for number in range(MOST_PAGES):
        wire.say(f"page {number}", {"type": "hello"})
    wire.say("page 0")  # is heard of again: page 1 is the oldest now
    for number in range(MOST_PAGES, 20):
        wire.say(f"page {number}", {"type": "hello"})
    gone = [client for state, client in wire.widget.told if state == "gone"]
    assert gone == [f"page {number}" for number in range(1, 1 + 20 - MOST_PAGES)]
    assert len(wire.pages.describe()) == MOST_PAGES
    assert wire.pages.clients[-1] == "page 19"


def test_after_close_nothing_is_sent_and_nobody_is_let_in(wire):
    wire.say("page", {"type": "hello"})
    wire.pages.close()
    settle()
    wire.sent.clear()
    wire.say("page", {"type": "x"})
    wire.say("other", {"type": "hello"})
    wire.pages.post({"type": "x"})
    wire.pages.replan()
    settle()
    assert wire.sent == []
    assert wire.widget.told[-1] == ("gone", "page")


def test_waiting_for_a_page_ends_after_a_glance(wire):
    began = time.monotonic()
    assert not wire.pages.wait_connected(0.02)
    assert time.monotonic() - began < SOON


def test_messages_may_come_on_any_thread(wire):
    threads = [
        threading.Thread(
            target=wire.pages.receive,
            args=({"v": VERSION, "client": f"p{n}", "ack": 0, "messages": [{"type": "hello", "n": 1}]},),
        )
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for(lambda: len(wire.widget.told) == 8)
    assert sorted(envelope["to"] for envelope in wire.sent) == sorted([f"p{n}" for n in range(8)] * 2)
