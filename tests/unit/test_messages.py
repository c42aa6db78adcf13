"""The wire between page and kernel: the mailbox, by the vectors shared with the page's tests; what is no envelope."""

from __future__ import annotations

import json
import random
import threading
from pathlib import Path

import pytest

from jupyter_rtc.link.messages import UNACKNOWLEDGED_BOUND, VERSION, Mailbox, parse

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "mailbox.json").read_text())


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_the_mailbox_does_as_the_shared_vectors_say(case):
    mailbox = Mailbox()
    for step in case["steps"]:
        match step["do"]:
            case "post":
                mailbox.post(step["message"])
            case "envelope":
                assert mailbox.envelope() == {"v": VERSION, **step["expect"]}
            case "receive":
                assert [message["type"] for message in mailbox.receive(step["envelope"])] == step["expect"]
            case other:
                pytest.fail(f"unknown step {other}")


def test_a_posted_message_is_not_changed():
    message = {"type": "a"}
    Mailbox().post(message)
    assert message == {"type": "a"}


def test_an_envelope_is_a_snapshot():
    mailbox = Mailbox()
    mailbox.post({"type": "a"})
    envelope = mailbox.envelope()
    mailbox.post({"type": "b"})
    assert [message["type"] for message in envelope["messages"]] == ["a"]
    assert mailbox.unacknowledged == 2


def test_what_a_silent_side_does_not_acknowledge_is_bounded():
    mailbox = Mailbox()
    for _ in range(UNACKNOWLEDGED_BOUND + 50):
        mailbox.post({"type": "a"})
    numbers = [message["n"] for message in mailbox.envelope()["messages"]]
    assert numbers == list(range(51, UNACKNOWLEDGED_BOUND + 51))


@pytest.mark.parametrize("seed", range(5))
def test_over_a_wire_that_loses_repeats_and_reorders_everything_arrives_once_and_in_order(seed):
    chance = random.Random(seed)
    a, b = Mailbox(), Mailbox()
    wires: dict[str, list] = {"a": [], "b": []}
    got: dict[str, list] = {"a": [], "b": []}
    for number in range(200):
        a.post({"type": "x", "number": number})
        b.post({"type": "y", "number": number})
        for name, mailbox, other in (("a", a, b), ("b", b, a)):
            wires[name] += [mailbox.envelope()] * chance.randrange(3)
            for _ in range(chance.randrange(3)):
                if wires[name]:
                    envelope = wires[name].pop(chance.randrange(len(wires[name])))
                    got[name] += [message["number"] for message in other.receive(json.loads(json.dumps(envelope)))]
    for _ in range(2):
        got["a"] += [message["number"] for message in b.receive(a.envelope())]
        got["b"] += [message["number"] for message in a.receive(b.envelope())]
    assert got["a"] == got["b"] == list(range(200))
    assert a.unacknowledged == b.unacknowledged == 0


def test_messages_posted_by_many_threads_have_each_a_number():
    mailbox = Mailbox()
    threads = [threading.Thread(target=lambda: [mailbox.post({"type": "a"}) for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [message["n"] for message in mailbox.envelope()["messages"]] == list(range(1, 161))


GOOD = {"v": VERSION, "client": "page", "ack": 0, "messages": [{"type": "hello", "n": 1}]}


def test_an_envelope_of_a_page_is_taken_as_it_is():
    assert parse(GOOD) is GOOD
    assert parse({**GOOD, "messages": [], "new in a later version": 1}) is not None


@pytest.mark.parametrize(
    "content",
    [
        None, "hello", 7, [], {}, [GOOD], {**GOOD, "v": 2}, {**GOOD, "v": None}, {**GOOD, "client": None},
        {**GOOD, "client": ""}, {**GOOD, "client": "x" * 65}, {**GOOD, "client": 7}, {**GOOD, "ack": None},
        {**GOOD, "ack": "1"}, {**GOOD, "ack": 0.5}, {**GOOD, "messages": None}, {**GOOD, "messages": {}},
        {**GOOD, "messages": ["hello"]}, {**GOOD, "messages": [{"type": "hello"}]}, {**GOOD, "messages": [{"n": 1}]},
        {**GOOD, "messages": [{"type": 1, "n": 1}]}, {**GOOD, "messages": [{"type": "hello", "n": "1"}]},
        {**GOOD, "messages": [*GOOD["messages"], None]},
    ],
)  # fmt: skip
def test_what_is_no_envelope_is_refused(content):
    assert parse(content) is None


def junk(chance: random.Random, depth: int = 0) -> object:
    """Return something that JSON can carry."""
    simple = [None, True, False, 0, 1, -1, 2**70, 1.5, "", "hello", "v", "n", "x" * 100, "\0\ud83d"]
    if depth > 2 or chance.random() < 0.4:
        return chance.choice(simple)
    if chance.random() < 0.5:
        return [junk(chance, depth + 1) for _ in range(chance.randrange(4))]
    keys = ["v", "client", "ack", "messages", "type", "n", "other"]
    return {chance.choice(keys): junk(chance, depth + 1) for _ in range(chance.randrange(5))}


@pytest.mark.parametrize("seed", range(20))
def test_junk_raises_nothing_and_what_passes_can_be_received(seed):
    chance = random.Random(seed)
    passed = 0
    for _ in range(300):
        content = junk(chance)
        if chance.random() < 0.7:
            content = {**GOOD, chance.choice([*GOOD, "other"]): junk(chance)}
        envelope = parse(content)
        if envelope is not None:
            passed += 1
            assert all(isinstance(message["type"], str) for message in Mailbox().receive(envelope))
    assert passed
