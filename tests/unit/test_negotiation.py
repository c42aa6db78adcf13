"""The decisions of the negotiation, row by row."""

from __future__ import annotations

import pytest

from jupyter_rtc.rtc.negotiation import (
    SenderState,
    Wanted,
    add_sending,
    intersect,
    negotiation_needed,
    recycled,
    reusable_sender,
    reverse,
)
from jupyter_rtc.rtc.sdp import MediaSection

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


def section(direction: str, *streams: str, mid: str = "0", port: int = 9) -> MediaSection:
    return MediaSection(mid, "video", direction, streams, "t", port)


@pytest.mark.parametrize(
    ("direction", "expected"), list(zip(DIRECTIONS, ("sendrecv", "recvonly", "sendonly", "inactive"), strict=True))
)
def test_the_other_side_sees_a_direction_reversed(direction, expected):
    assert reverse(direction) == expected
    assert reverse(reverse(direction)) == direction


@pytest.mark.parametrize("a", DIRECTIONS)
@pytest.mark.parametrize("b", DIRECTIONS)
def test_an_intersection_sends_and_receives_what_both_do(a, b):
    both = intersect(a, b)
    assert both in DIRECTIONS
    for does in (("sendrecv", "sendonly"), ("sendrecv", "recvonly")):
        assert (both in does) == (a in does and b in does)


@pytest.mark.parametrize(
    ("direction", "expected"), list(zip(DIRECTIONS, ("sendrecv", "sendonly", "sendrecv", "sendonly"), strict=True))
)
def test_adding_a_track_adds_sending(direction, expected):
    assert add_sending(direction) == expected


def test_nothing_wanted_needs_nothing():
    assert not negotiation_needed([], None, [], [])
    assert not negotiation_needed([], "offer", [section("sendrecv")], [section("sendrecv")])


@pytest.mark.parametrize(
    ("wanted", "kind", "local", "remote", "needed", "why"),
    [
        (Wanted(None, "sendrecv"), None, [], [], True, "nothing was negotiated"),
        (Wanted(None, "sendrecv"), "offer", [section("sendrecv")], [section("sendrecv")], True, "a new transceiver"),
        (
            Wanted("1", "sendrecv"),
            "offer",
            [section("sendrecv")],
            [section("sendrecv")],
            True,
            "not in the description",
        ),
        (Wanted("0", "sendrecv"), "offer", [section("sendrecv")], [section("sendrecv")], False, "as negotiated"),
        (Wanted("0", "sendrecv"), "offer", [section("sendrecv")], [section("recvonly")], False, "as offered"),
        (Wanted("0", "sendonly"), "offer", [section("sendrecv")], [section("recvonly")], False, "as answered"),
        (Wanted("0", "recvonly"), "offer", [section("sendrecv")], [section("recvonly")], True, "neither of both"),
        (Wanted("0", "inactive"), "offer", [section("sendrecv")], [section("sendrecv")], True, "to be stopped"),
        (Wanted("0", "sendrecv"), "answer", [section("sendrecv")], [section("sendrecv")], False, "as negotiated"),
        (
            Wanted("0", "sendrecv"),
            "answer",
            [section("recvonly")],
            [section("sendonly")],
            False,
            "all that was offered",
        ),
        (Wanted("0", "sendrecv"), "answer", [section("recvonly")], [section("sendrecv")], True, "more was offered"),
        (Wanted("0", "recvonly"), "answer", [section("sendrecv")], [section("sendrecv")], True, "less is wanted"),
        (
            Wanted("0", "inactive"),
            "answer",
            [section("inactive")],
            [section("sendrecv")],
            False,
            "nothing, as answered",
        ),
        (Wanted("0", "sendrecv", ("s",)), "offer", [section("sendrecv", "s")], [section("sendrecv")], False, "same"),
        (Wanted("0", "sendrecv", ("s",)), "offer", [section("sendrecv")], [section("sendrecv")], True, "a stream more"),
        (
            Wanted("0", "sendrecv", ()),
            "offer",
            [section("sendrecv", "s")],
            [section("sendrecv")],
            True,
            "a stream less",
        ),
        (Wanted("0", "sendonly", ("s",)), "offer", [section("sendonly", "t")], [section("recvonly")], True, "another"),
        (
            Wanted("0", "sendonly", ("s", "t")),
            "offer",
            [section("sendonly", "t", "s")],
            [section("recvonly")],
            False,
            "the order of streams means nothing",
        ),
        (
            Wanted("0", "recvonly", ("s",)),
            "offer",
            [section("recvonly")],
            [section("sendonly")],
            False,
            "streams of what is not sent do not matter",
        ),
    ],
)
def test_whether_negotiation_is_needed(wanted, kind, local, remote, needed, why):
    assert negotiation_needed([wanted], kind, local, remote) is needed, why


def test_one_transceiver_in_need_is_enough():
    local, remote = [section("sendrecv")], [section("sendrecv")]
    assert negotiation_needed([Wanted("0", "sendrecv"), Wanted(None, "sendrecv")], "offer", local, remote)
    assert negotiation_needed([Wanted(None, "sendrecv"), Wanted("0", "sendrecv")], "offer", local, remote)


def test_remote_sections_are_found_by_mid_and_not_by_place():
    local = [section("sendrecv", mid="a"), section("sendrecv", mid="b")]
    remote = [section("inactive", mid="b"), section("sendrecv", mid="a")]
    assert not negotiation_needed([Wanted("b", "inactive")], "offer", local, remote)
    assert negotiation_needed([Wanted("a", "inactive")], "offer", local, remote)


@pytest.mark.parametrize(
    ("senders", "expected"),
    [
        ([], None),
        ([SenderState("video", False, False)], 0),
        ([SenderState("audio", False, False)], None),
        ([SenderState("video", True, False)], None),
        ([SenderState("video", False, True)], None),
        (
            [SenderState("video", False, True), SenderState("audio", False, False), SenderState("video", False, False)],
            2,
        ),
        ([SenderState("video", False, False), SenderState("video", False, False)], 0),
    ],
)
def test_the_first_sender_of_the_kind_that_never_sent_is_used_again(senders, expected):
    assert reusable_sender("video", senders) == expected


def part(kind: str, mid: str, *, rejected: bool = False) -> MediaSection:
    return MediaSection(mid, kind, "sendrecv", None, None, rejected)


AUDIO, VIDEO = part("audio", "0"), part("video", "1")
NO_AUDIO, NO_VIDEO = part("audio", "0", rejected=True), part("video", "1", rejected=True)


@pytest.mark.parametrize(
    ("wanted", "local", "remote", "places"),
    [
        ([], [NO_AUDIO], [NO_AUDIO], []),
        (["audio"], [], [], [None]),
        (["audio"], [AUDIO], [AUDIO], [None]),
        (["audio"], [NO_AUDIO], [NO_AUDIO], [0]),
        (["audio"], [AUDIO], [NO_AUDIO], [0]),
        (["audio"], [NO_AUDIO], [AUDIO], [0]),
        (["video"], [NO_AUDIO], [NO_AUDIO], [None]),
        (["video", "audio"], [NO_AUDIO, NO_VIDEO], [NO_AUDIO, NO_VIDEO], [1, 0]),
        (["audio", "audio"], [NO_AUDIO, VIDEO], [NO_AUDIO, VIDEO], [0, None]),
    ],
)
def test_rejected_sections_are_used_again_by_new_transceivers_of_their_kind(wanted, local, remote, places):
    assert recycled(wanted, local, remote) == places
