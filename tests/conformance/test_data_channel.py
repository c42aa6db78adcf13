"""Data channels, after webrtc/RTCPeerConnection-{createDataChannel,ondatachannel}.html and webrtc/RTCDataChannel-*.html."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from array import array
from typing import Any

import numpy as np
import pytest

from jupyter_rtc import DataChannel, InvalidStateError, OperationError, PeerConnection

from .helpers import EventLog, channel_pair, eventually, exchange, no_event, pattern, peers, settle, state, tone

each_channel = pytest.mark.parametrize(
    "options", [{}, {"negotiated": True, "id": 0}], ids=["datachannel", "negotiated datachannel"]
)
HELLO = "hello"
UNICODE = "世界你好"

# -- createDataChannel.html ---------------------------------------------------------------------------------------


async def test_createDataChannel_with_no_argument_raises_TypeError() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with no argument should throw TypeError."""
    with peers(1) as pc, pytest.raises(TypeError):
        pc.create_data_channel()


async def test_createDataChannel_with_closed_connection_raises_InvalidStateError() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with closed connection should throw InvalidStateError."""
    with peers(1) as pc:
        pc.close()
        assert pc.signaling_state == "closed"
        with pytest.raises(InvalidStateError):
            pc.create_data_channel("")


async def test_createDataChannel_default_values() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel attribute default values."""
    with peers(1) as pc:
        channel = pc.create_data_channel("")
        assert isinstance(channel, DataChannel)
        assert channel.label == ""
        assert channel.ordered is True
        assert channel.max_packet_life_time is None
        assert channel.max_retransmits is None
        assert channel.protocol == ""
        assert channel.negotiated is False
        assert channel.id is None
        assert channel.ready_state == "connecting"
        assert channel.buffered_amount == 0
        assert channel.buffered_amount_low_threshold == 0


async def test_createDataChannel_with_provided_parameters() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with provided parameters should initialize attributes to provided values."""
    with peers(1) as pc:
        channel = pc.create_data_channel(
            "test", ordered=False, max_retransmits=1, protocol="custom", negotiated=True, id=3
        )
        assert channel.label == "test"
        assert channel.ordered is False
        assert channel.max_packet_life_time is None
        assert channel.max_retransmits == 1
        assert channel.protocol == "custom"
        assert channel.negotiated is True
        assert channel.id == 3
        assert channel.ready_state == "connecting"
        assert channel.buffered_amount == 0
        assert channel.buffered_amount_low_threshold == 0
        other = pc.create_data_channel("test2", ordered=False, max_packet_life_time=42)
        assert other.label == "test2"
        assert other.max_packet_life_time == 42
        assert other.max_retransmits is None


async def test_createDataChannel_with_label_foo() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with label "foo" should succeed."""
    with peers(1) as pc:
        assert pc.create_data_channel("foo").label == "foo"


@pytest.mark.parametrize("label", [None, 1, b"bytes"])
async def test_createDataChannel_with_label_of_another_type_raises_TypeError(label: Any) -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with label null / undefined should succeed.

    Python turns nothing into text by itself: API.md has a TypeError for wrong types.
    """
    with peers(1) as pc, pytest.raises(TypeError):
        pc.create_data_channel(label)


async def test_createDataChannel_with_lone_surrogate_is_refused_or_replaced() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with label / protocol lone surrogate should succeed (with U+FFFD in its place; API.md: or a TypeError or ValueError)."""
    with peers(1) as pc:
        for options in ({"label": "\ud800"}, {"label": "", "protocol": "\ud800"}):
            try:
                channel = pc.create_data_channel(**options)
            except (TypeError, ValueError):
                continue
            assert "\ufffd" in (channel.label, channel.protocol)


async def test_createDataChannel_with_ordered_false() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with ordered false should succeed."""
    with peers(1) as pc:
        assert pc.create_data_channel("", ordered=False).ordered is False


async def test_createDataChannel_with_ordered_None() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with ordered null/undefined should succeed."""
    with peers(1) as pc:
        assert pc.create_data_channel("", ordered=None).ordered is False
        assert pc.create_data_channel("").ordered is True


async def test_createDataChannel_with_maxPacketLifeTime_0() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with maxPacketLifeTime 0 should succeed."""
    with peers(1) as pc:
        assert pc.create_data_channel("", max_packet_life_time=0).max_packet_life_time == 0


async def test_createDataChannel_with_maxRetransmits_0() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with maxRetransmits 0 should succeed."""
    with peers(1) as pc:
        assert pc.create_data_channel("", max_retransmits=0).max_retransmits == 0


async def test_createDataChannel_with_neither_limit() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with both maxPacketLifeTime and maxRetransmits undefined should succeed."""
    with peers(1) as pc:
        pc.create_data_channel("", max_packet_life_time=None, max_retransmits=None)


@pytest.mark.parametrize("value", [0, 42])
async def test_createDataChannel_with_both_limits_raises_TypeError(value: int) -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with both maxPacketLifeTime and maxRetransmits should throw TypeError."""
    with peers(1) as pc, pytest.raises(TypeError):
        pc.create_data_channel("", max_packet_life_time=value, max_retransmits=value)


@pytest.mark.parametrize("option", ["max_packet_life_time", "max_retransmits"])
@pytest.mark.parametrize("value", [-1, 65536, "1", 1.5])
async def test_createDataChannel_with_limit_out_of_range_raises_TypeError(option: str, value: Any) -> None:
    """webrtc/RTCDataChannelInit-maxRetransmits-enforce-range.html, -maxPacketLifeTime-enforce-range.html: out of range should throw TypeError."""
    with peers(1) as pc, pytest.raises(TypeError):
        pc.create_data_channel("", **{option: value})


@pytest.mark.parametrize("protocol", ["foo", ""])
async def test_createDataChannel_with_protocol(protocol: str) -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with protocol "foo" / undefined should succeed."""
    with peers(1) as pc:
        assert pc.create_data_channel("", protocol=protocol).protocol == protocol


async def test_createDataChannel_with_protocol_None_raises_TypeError() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with protocol null should succeed (API.md: a TypeError for wrong types)."""
    with peers(1) as pc, pytest.raises(TypeError):
        pc.create_data_channel("", protocol=None)


@pytest.mark.parametrize("number", [0, 1, 65534, 65535])
async def test_createDataChannel_with_id_but_not_negotiated_ignores_it(number: int) -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with id {number} and negotiated not set should succeed, but not set the channel's id."""
    with peers(1) as pc:
        assert pc.create_data_channel("", id=number).id is None


@pytest.mark.parametrize("number", [0, 1, 65534])
async def test_createDataChannel_with_id_and_negotiated_sets_it(number: int) -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with id {number} and negotiated true should succeed, and set the channel's id."""
    with peers(1) as pc:
        assert pc.create_data_channel("", negotiated=True, id=number).id == number


@pytest.mark.parametrize("number", [-1, 65536])
async def test_createDataChannel_with_impossible_id_and_not_negotiated_raises_TypeError(number: int) -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with id {number} and negotiated not set should throw TypeError."""
    with peers(1) as pc, pytest.raises(TypeError):
        pc.create_data_channel("", id=number)


@pytest.mark.parametrize("number", [-1, 65535, 65536])
async def test_createDataChannel_with_impossible_id_raises_TypeError(number: int) -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with id {number} should throw TypeError."""
    with peers(1) as pc, pytest.raises(TypeError):
        pc.create_data_channel("", negotiated=True, id=number)


@pytest.mark.parametrize("name", ["label", "protocol"])
@pytest.mark.parametrize("text", ["l" * 65536, "\u00b5" * 32768], ids=["ascii", "2 byte unicode"])
@pytest.mark.parametrize("options", [{}, {"negotiated": True, "id": 42}], ids=["in-band", "negotiated"])
async def test_createDataChannel_with_too_long_text_raises_TypeError(
    name: str, text: str, options: dict[str, Any]
) -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with too long label / protocol (2 byte unicode) should throw TypeError."""
    with peers(1) as pc, pytest.raises(TypeError):
        pc.create_data_channel(**{"label": "", **options, name: text})


async def test_createDataChannel_with_same_label_twice() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with same label used twice should not throw."""
    with peers(1) as pc:
        assert pc.create_data_channel("test") is not pc.create_data_channel("test")


async def test_createDataChannel_with_negotiated_true_and_id() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with negotiated true and id should succeed."""
    with peers(1) as pc:
        assert pc.create_data_channel("", negotiated=True, id=42).negotiated is True


async def test_createDataChannel_with_maximum_length_label_and_protocol() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with maximum length label and protocol should succeed."""
    with peers(1) as pc:
        channel = pc.create_data_channel("l" * 65535, protocol="p" * 65535)
        assert channel.label == "l" * 65535
        assert channel.protocol == "p" * 65535


async def test_createDataChannel_with_negotiated_false() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with negotiated false should succeed."""
    with peers(1) as pc:
        assert pc.create_data_channel("", negotiated=False).negotiated is False


async def test_createDataChannel_with_negotiated_false_and_id_42_ignores_the_id() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with negotiated false and id 42 should ignore the id."""
    with peers(1) as pc:
        channel = pc.create_data_channel("", negotiated=False, id=42)
        assert channel.negotiated is False
        assert channel.id is None


async def test_createDataChannel_with_negotiated_true_and_no_id_raises_TypeError() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: createDataChannel with negotiated true and id not defined should throw TypeError."""
    with peers(1) as pc, pytest.raises(TypeError):
        pc.create_data_channel("test", negotiated=True)


async def test_channels_have_an_id_once_connected() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: Channels created (after SCTP connected) should have id assigned."""
    with peers(2) as (a, b):
        negotiated = a.create_data_channel("negotiated-channel", negotiated=True, id=42)
        first = a.create_data_channel("channel")
        assert negotiated.id == 42
        assert first.id is None
        await exchange(a, b)
        await eventually(lambda: first.ready_state == "open")
        assert first.id is not None
        assert 0 <= first.id < 65535
        second = a.create_data_channel("channel")
        assert second.id is not None
        assert 0 <= second.id < 65535
        assert second.label == first.label
        assert second.id != first.id
        assert negotiated.id == 42


async def test_channels_have_an_id_after_setRemoteDescription() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: Channels created (after setRemoteDescription) should have id assigned."""
    with peers(2) as (a, b):
        first = a.create_data_channel("channel")
        await exchange(a, b)
        await eventually(lambda: first.id is not None, what="an id")
        second = a.create_data_channel("channel")
        await eventually(lambda: second.id is not None, what="an id")
        assert first.id != second.id


async def test_reusing_an_id_raises_OperationError() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: Reusing a data channel id that is in use should throw OperationError."""
    with peers(1) as pc:
        assert pc.create_data_channel("channel-1", negotiated=True, id=42).id == 42
        assert pc.create_data_channel("channel-2", negotiated=True, id=43).id == 43
        with pytest.raises(OperationError):
            pc.create_data_channel("channel-3", negotiated=True, id=42)


async def test_reusing_an_id_after_setRemoteDescription_raises_OperationError() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: Reusing a data channel id that is in use (after setRemoteDescription) should throw OperationError."""
    with peers(2) as (a, b):
        first = a.create_data_channel("channel-1", negotiated=True, id=42)
        second = a.create_data_channel("channel-2", negotiated=True, id=43)
        await exchange(a, b)
        assert (first.id, second.id) == (42, 43)
        with pytest.raises(OperationError):
            a.create_data_channel("channel-3", negotiated=True, id=42)


async def test_reusing_an_id_of_DCEP_raises_OperationError() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: Reusing a data channel id that is in use (after setRemoteDescription, negotiated via DCEP) should throw OperationError."""
    with peers(2) as (a, b):
        first = a.create_data_channel("channel-1")
        await exchange(a, b)
        await eventually(lambda: first.ready_state == "open")
        with pytest.raises(OperationError):
            a.create_data_channel("channel-2", negotiated=True, id=first.id)


async def test_reusing_an_id_of_the_other_sides_channel_raises_OperationError() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: Reusing a data channel id that is in use should throw OperationError (by a channel the other side made)."""
    with peers(2) as (a, b):
        _, theirs = await channel_pair(a, b)
        with pytest.raises(OperationError):
            b.create_data_channel("channel-2", negotiated=True, id=theirs.id)


@each_channel
async def test_new_channel_is_connecting_after_connection_establishment(options: dict[str, Any]) -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: New (negotiated) datachannel should be in the connecting state after creation (after connection establishment).

    API.md: events and states come from another thread, so it may be open when it is looked at; "open" still fires.
    """
    with peers(2) as (a, b):
        await channel_pair(a, b, **options)
        channel = a.create_data_channel("")
        log = EventLog(channel, "open")
        assert channel.ready_state in ("connecting", "open")
        await log.wait()


async def test_open_fires_for_a_negotiated_channel_made_on_a_connected_connection() -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: New negotiated datachannel should be in the connecting state after creation (after connection establishment): so whoever listens then hears "open"."""
    with peers(2) as (a, b):
        await channel_pair(a, b)
        channel = a.create_data_channel("late", negotiated=True, id=42)
        log = EventLog(channel, "open")
        await log.wait()
        assert channel.ready_state == "open"


@each_channel
async def test_addTrack_then_creating_a_channel_negotiates(options: dict[str, Any]) -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: addTrack, then creating (negotiated) datachannel, should negotiate properly."""
    with peers(2) as (a, b):
        a.add_track(tone())
        a.add_track(pattern())
        await channel_pair(a, b, **options)


@each_channel
async def test_addTrack_then_creating_a_channel_negotiates_with_max_bundle(options: dict[str, Any]) -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: addTrack, then creating (negotiated) datachannel, should negotiate properly when max-bundle is used."""
    with peers(1, bundle_policy="max-bundle") as a, peers(1) as b:
        a.add_track(tone())
        a.add_track(pattern())
        await channel_pair(a, b, **options)


@each_channel
async def test_stopping_the_first_section_leaves_the_channel(options: dict[str, Any]) -> None:
    """webrtc/RTCPeerConnection-createDataChannel.html: Stopping the bundle-tag when there is a (negotiated) datachannel in the bundle should kill the DataChannel.

    The original has the channel closed, as the section that carries the bundle is refused. The package lets the bundle go
    on with the next section: then the channel works. What it may not do is to be dead without "close".
    """
    with peers(2) as (a, b):
        a.add_track(tone())
        a.add_track(pattern())
        ours, theirs = await channel_pair(a, b, **options)
        log = EventLog(ours, "close")
        b.get_transceivers()[0].stop()
        await exchange(a, b)
        if ours.ready_state == "open":
            messages = EventLog(theirs, "message")
            ours.send(HELLO)
            assert await messages.wait() == HELLO
        else:
            await log.wait()


# -- ondatachannel.html -------------------------------------------------------------------------------------------


async def test_datachannel_fires_when_a_new_channel_is_announced() -> None:
    """webrtc/RTCPeerConnection-ondatachannel.html: Data channel event should fire when new data channel is announced to the remote peer."""
    with peers(2) as (a, b):
        log = EventLog(b, "datachannel")
        a.create_data_channel("fire-me!")
        await exchange(a, b)
        channel = await log.wait()
        assert isinstance(channel, DataChannel)
        assert channel.ready_state == "open"
        assert channel.label == "fire-me!"
        await log.quiet()


async def test_data_can_be_sent_in_a_datachannel_callback() -> None:
    """webrtc/RTCPeerConnection-ondatachannel.html: Should be able to send data in a datachannel event handler."""
    with peers(2) as (a, b):
        b.on("datachannel", lambda channel: channel.send("meow meow!"))
        ours = a.create_data_channel("fire-me!")
        log = EventLog(ours, "message")
        await exchange(a, b)
        assert await log.wait() == "meow meow!"


async def test_open_does_not_fire_when_closed_in_the_datachannel_callback() -> None:
    """webrtc/RTCPeerConnection-ondatachannel.html: Open event should not be raised when closing the channel in the datachannel event."""
    with peers(2) as (a, b):
        opened: list[str] = []
        seen: list[DataChannel] = []

        def take(channel: DataChannel) -> None:
            channel.on("open", lambda: opened.append("open"))
            channel.close()
            seen.append(channel)

        b.on("datachannel", take)
        a.create_data_channel("fire-me!")
        await exchange(a, b)
        await eventually(lambda: bool(seen) and seen[0].ready_state == "closed")
        await asyncio.sleep(0.2)
        assert opened == []


async def test_open_fires_when_closed_later_than_the_datachannel_callback() -> None:
    """webrtc/RTCPeerConnection-ondatachannel.html: Open event should be raised when closing the channel in the datachannel event after enqueuing a task."""
    with peers(2) as (a, b):
        loop = asyncio.get_running_loop()
        opened: list[str] = []

        def take(channel: DataChannel) -> None:
            channel.on("open", lambda: opened.append("open"))
            loop.call_soon_threadsafe(loop.call_later, 0.05, channel.close)

        b.on("datachannel", take)
        a.create_data_channel("fire-me!")
        await exchange(a, b)
        await eventually(lambda: opened == ["open"])


async def test_open_does_not_fire_when_sending_and_closing_in_the_datachannel_callback() -> None:
    """webrtc/RTCPeerConnection-ondatachannel.html: Open event should not be raised when sending and immediately closing the channel in the datachannel event."""
    with peers(2) as (a, b):
        opened: list[str] = []

        def take(channel: DataChannel) -> None:
            channel.on("open", lambda: opened.append("open"))
            channel.send("meow meow!")
            channel.close()

        b.on("datachannel", take)
        ours = a.create_data_channel("fire-me!")
        log = EventLog(ours, "message", "close")
        await exchange(a, b)
        assert await log.wait(1, "message") == "meow meow!"
        await log.wait(1, "close")
        assert opened == []


async def test_nothing_is_lost_while_the_datachannel_callback_runs() -> None:
    """webrtc/RTCPeerConnection-ondatachannel.html: Should be able to send data in a datachannel event handler (§6.2: "open" and messages are tasks after that of "datachannel", so a handler that takes its time misses none)."""
    with peers(2) as (a, b):
        received: list[Any] = []

        def take(channel: DataChannel) -> None:
            time.sleep(0.2)
            channel.on("open", lambda: received.append("open"))
            channel.on("message", received.append)

        b.on("datachannel", take)
        ours = a.create_data_channel("")
        ours.on("open", lambda: [ours.send(str(number)) for number in range(3)])
        await exchange(a, b)
        await eventually(lambda: len(received) == 4, what="an event and three messages")
        assert received == ["open", "0", "1", "2"]


async def test_channel_of_the_other_side_matches_the_configuration() -> None:
    """webrtc/RTCPeerConnection-ondatachannel.html: In-band negotiated channel created on remote peer should match the same configuration as local peer."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, "test", ordered=False, max_retransmits=1, protocol="custom")
        for channel in (ours, theirs):
            assert channel.label == "test"
            assert channel.ordered is False
            assert channel.max_retransmits == 1
            assert channel.max_packet_life_time is None
            assert channel.protocol == "custom"
            assert channel.negotiated is False
        assert ours.id == theirs.id


async def test_channel_of_the_other_side_matches_the_default_configuration() -> None:
    """webrtc/RTCPeerConnection-ondatachannel.html: In-band negotiated channel created on remote peer should match the same (default) configuration as local peer."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b)
        for channel in (ours, theirs):
            assert channel.label == ""
            assert channel.ordered is True
            assert channel.max_retransmits is None
            assert channel.max_packet_life_time is None
            assert channel.protocol == ""
            assert channel.negotiated is False
        assert ours.id == theirs.id


async def test_negotiated_channel_does_not_fire_datachannel() -> None:
    """webrtc/RTCPeerConnection-ondatachannel.html: Negotiated channel should not fire datachannel event on remote peer."""
    with peers(2) as (a, b):
        a.create_data_channel("test", negotiated=True, id=42)
        log = EventLog(b, "datachannel")
        await exchange(a, b)
        await state(a, "connected")
        await log.quiet(0.3)


# -- RTCDataChannel-send.html, -send-receive.html -----------------------------------------------------------------


async def test_send_in_connecting_state_raises_InvalidStateError() -> None:
    """webrtc/RTCDataChannel-send.html: Calling send() when data channel is in connecting state should throw InvalidStateError."""
    with peers(1) as pc:
        channel = pc.create_data_channel("test")
        assert channel.ready_state == "connecting"
        with pytest.raises(InvalidStateError):
            channel.send(HELLO)


VARIANTS = pytest.mark.parametrize(
    ("options", "other"),
    [
        ({}, None),
        ({"negotiated": True, "id": 42}, None),
        ({"negotiated": True, "id": 42}, {"negotiated": True, "id": 42, "ordered": False}),
    ],
    ids=["in-band", "negotiated", "asymmetric negotiated"],
)


@VARIANTS
async def test_send_when_not_open_raises_InvalidStateError(options: dict[str, Any], other: dict[str, Any]) -> None:
    """webrtc/RTCDataChannel-send-receive.html: {variant}: Calling send() when not open should throw InvalidStateError."""
    with peers(1) as pc, pytest.raises(InvalidStateError):
        pc.create_data_channel("test", **options).send(HELLO)


@VARIANTS
@pytest.mark.parametrize(
    "message",
    [
        pytest.param(HELLO, id="simple string"),
        pytest.param(UNICODE, id="unicode string"),
        pytest.param("", id="empty string"),
    ],
)
async def test_text_is_received_as_text(options: dict[str, Any], other: dict[str, Any], message: str) -> None:
    """webrtc/RTCDataChannel-send-receive.html: {variant}: Should be able to send simple / unicode / an empty string and receive as string."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, "", other, **options)
        log = EventLog(theirs, "message")
        ours.send(message)
        received = await log.wait()
        assert isinstance(received, str)
        assert received == message


@VARIANTS
async def test_text_of_the_other_side_is_received(options: dict[str, Any], other: dict[str, Any]) -> None:
    """webrtc/RTCDataChannel-send-receive.html: {variant}: Should be able to send (remote) simple string and receive (local) as string."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, "", other, **options)
        log = EventLog(ours, "message")
        theirs.send(HELLO)
        assert await log.wait() == HELLO


@VARIANTS
@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"hello", id="bytes"),
        pytest.param(bytearray(b"hello"), id="bytearray"),
        pytest.param(memoryview(b"-hello-")[1:6], id="memoryview"),
        pytest.param(array("B", b"hello"), id="array"),
        pytest.param(np.frombuffer(b"hello", np.uint8), id="ndarray"),
        pytest.param(np.frombuffer(b"h.e.l.l.o.", np.uint8)[::2], id="ndarray with strides"),
        pytest.param(b"", id="empty"),
    ],
)
async def test_bytes_are_received_as_bytes(options: dict[str, Any], other: dict[str, Any], message: Any) -> None:
    """webrtc/RTCDataChannel-send-receive.html: {variant}: Should be able to send Uint8Array / ArrayBuffer / DataView / an empty message and receive as ArrayBuffer (API.md: bytes-like or ndarray, received as bytes)."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, "", other, **options)
        log = EventLog(theirs, "message")
        ours.send(message)
        received = await log.wait()
        assert isinstance(received, bytes)
        assert received == (b"" if len(message) == 0 else b"hello")


async def test_array_of_several_bytes_an_item_is_sent_in_C_order() -> None:
    """webrtc/RTCDataChannel-send.html: should be able to send ArrayBufferView (API.md: the bytes of an ndarray)."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b)
        log = EventLog(theirs, "message")
        array = np.arange(6, dtype="<f4").reshape(2, 3).T
        ours.send(array)
        received = np.frombuffer(await log.wait(), "<f4").reshape(3, 2)
        assert np.array_equal(received, array)


async def test_sending_another_type_raises_TypeError() -> None:
    """webrtc/RTCDataChannel-send.html: (WebIDL) send() of anything else throws TypeError."""
    with peers(2) as (a, b):
        ours, _ = await channel_pair(a, b)
        for wrong in (None, 1, [1, 2], {"a": 1}):
            with pytest.raises(TypeError):
                ours.send(wrong)  # type: ignore[arg-type]


@VARIANTS
async def test_messages_of_different_types_arrive_in_order(options: dict[str, Any], other: dict[str, Any]) -> None:
    """webrtc/RTCDataChannel-send-receive.html: {variant}: Sending / Receiving multiple messages with different types should succeed."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, "", other, **options)
        log = EventLog(theirs, "message")
        sent: list[Any] = [b"hello", UNICODE, b"hello", HELLO]
        for message in sent:
            ours.send(message)
        await log.wait(4)
        assert log.payloads == sent


@each_channel
async def test_send_up_to_max_size_succeeds_and_above_raises_TypeError(options: dict[str, Any]) -> None:
    """webrtc/RTCDataChannel-send.html: (Negotiated d)atachannel send() up to max size should succeed, above max size should fail."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, **options)
        log = EventLog(theirs, "message")
        message, count = "hello888", 0
        while len(message) <= 262_144:
            ours.send(message)
            count += 1
            assert len(await log.wait(count)) == len(message)
            message += message
        with pytest.raises(TypeError):
            ours.send(message)
        with pytest.raises(TypeError):
            ours.send(b"x" * 262_145)
        assert ours.ready_state == theirs.ready_state == "open"


@pytest.mark.parametrize("size", [1024, 16384, 65536, 131072, 262144, 524288, 1048576])
async def test_sending_and_receiving_so_many_bytes(size: int) -> None:
    """webrtc/RTCDataChannel-send-receive.html: Sending and receiving {size} bytes should succeed or raise TypeError."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, "╯°□°）╯︵ ┻━┻")
        log, closed = EventLog(theirs, "message"), EventLog(ours, "close")
        message = np.random.default_rng(size).bytes(size)
        try:
            ours.send(message)
        except TypeError:
            assert size > 262_144
        else:
            assert await log.wait() == message
        assert closed.count() == 0


@pytest.mark.parametrize("size", [1024, 65536])
async def test_sending_more_than_the_other_side_takes_raises_TypeError(size: int) -> None:
    """webrtc/RTCDataChannel-send-receive.html: Sending and receiving {size} +1 bytes should raise TypeError (a=max-message-size of the answer)."""
    with peers(2) as (a, b):
        ours = a.create_data_channel("╯°□°）╯︵ ┻━┻")
        log = EventLog(b, "datachannel")
        await b.set_remote_description(await a.set_local_description())
        answer = await b.set_local_description()
        sdp, count = re.subn(r"a=max-message-size:\d+", f"a=max-message-size:{size}", answer.sdp)
        assert count == 1
        await a.set_remote_description({"type": "answer", "sdp": sdp})
        theirs = await log.wait()
        await eventually(lambda: ours.ready_state == "open")
        messages = EventLog(theirs, "message", "close")
        with pytest.raises(TypeError):
            ours.send(b"\xfe" * (size + 1))
        await messages.quiet()
        ours.send(b"\xfe" * size)
        assert len(await messages.wait()) == size


@VARIANTS
@pytest.mark.parametrize("closer", ["local", "remote"])
async def test_closing_with_outstanding_data_transfers_it(
    options: dict[str, Any], other: dict[str, Any], closer: str
) -> None:
    """webrtc/RTCDataChannel-send-receive.html: {variant}: Closing a channel (local/remote) with outstanding data should transfer that data before becoming closed."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, "", other, **options)
        log = EventLog(theirs, "message", "close")
        message = b"\xfe" * 65536
        for _ in range(16):
            ours.send(message)
        if closer == "remote":
            await asyncio.sleep(0.01)
            theirs.close()
        else:
            ours.close()
        await log.wait(1, "close", timeout=15)
        assert log.names == ["message"] * 16 + ["close"]
        assert all(payload == message for payload in log.payloads[:-1])


async def test_sending_in_onopen_works() -> None:
    """webrtc/RTCDataChannel-send.html: Sending in onopen should work."""
    with peers(2) as (a, b):
        channels = EventLog(b, "datachannel")
        received: list[Any] = []
        b.on("datachannel", lambda channel: channel.on("message", received.append))
        ours = a.create_data_channel("")
        ours.on("open", lambda: ours.send(HELLO))
        await exchange(a, b)
        await channels.wait()
        await eventually(lambda: received == [HELLO])


async def test_sending_before_the_other_side_is_open_works() -> None:
    """webrtc/RTCDataChannel-send.html: Sending before the other side is open should work (negotiated on one side later than on the other)."""
    with peers(2) as (a, b):
        await channel_pair(a, b)
        ours = a.create_data_channel("late", negotiated=True, id=42)
        await eventually(lambda: ours.ready_state == "open")
        theirs = b.create_data_channel("late", negotiated=True, id=42)
        log = EventLog(theirs, "message")
        ours.send(HELLO)
        assert await log.wait() == HELLO


async def test_unordered_mode_works_reliably() -> None:
    """webrtc/RTCDataChannel-send.html: unordered mode works reliably."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, ordered=False)
        log = EventLog(theirs, "message")
        for number in range(100):
            ours.send(str(number))
        await log.wait(100)
        assert sorted(map(int, log.payloads)) == list(range(100))


async def test_send_after_close_raises_InvalidStateError() -> None:
    """webrtc/RTCDataChannel-send-close-*.window.js: send() on a closing or closed channel throws InvalidStateError."""
    with peers(2) as (a, b):
        ours, _ = await channel_pair(a, b)
        ours.close()
        with pytest.raises(InvalidStateError):
            ours.send(HELLO)
        await eventually(lambda: ours.ready_state == "closed")
        with pytest.raises(InvalidStateError):
            ours.send(HELLO)


async def test_async_iteration_gives_what_message_events_give() -> None:
    """webrtc/RTCDataChannel-send-receive.html: (API.md: async iteration) messages in order, until the channel is closed."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b)
        for message in ("1", b"2", "3"):
            ours.send(message)
        ours.close()
        assert [message async for message in theirs] == ["1", b"2", "3"]


async def test_what_a_callback_was_told_is_not_kept_for_an_iteration() -> None:
    """webrtc/RTCDataChannel-send-receive.html: (API.md: async iteration) messages are either told or kept until somebody iterates."""
    with peers() as (a, b):
        ours, theirs = await channel_pair(a, b)
        ours.send("kept")
        await eventually(lambda: theirs._messages_received == 1)
        await settle()
        told = threading.Event()
        theirs._serial.submit(told.set)
        await asyncio.to_thread(told.wait, 5)
        log = EventLog(theirs, "message")
        ours.send("told")
        await log.wait()
        messages = aiter(theirs)
        assert await anext(messages) == "kept"
        ours.send("both")
        assert await log.wait(2) == await anext(messages) == "both"
        assert log.payloads == ["told", "both"]


async def test_aclose_waits_until_the_last_message_is_sent() -> None:
    """webrtc/RTCDataChannel-close.html: (API.md: two endings) aclose() and ``async with`` return once the channel is closed."""
    with peers() as (a, b):
        ours, theirs = await channel_pair(a, b)
        async with ours:
            ours.send(bytes(200_000))
            ours.send("last")
        assert ours.ready_state == "closed"
        assert [len(message) async for message in theirs] == [200_000, 4]
        await ours.aclose()
        await a.create_data_channel("never connected").aclose()


# -- bufferedAmount.html ------------------------------------------------------------------------------------------


@each_channel
async def test_bufferedAmount_is_initially_0_for_both(options: dict[str, Any]) -> None:
    """webrtc/RTCDataChannel-bufferedAmount.html: (negotiated) datachannel bufferedAmount initial value should be 0 for both peers."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, **options)
        assert ours.buffered_amount == theirs.buffered_amount == 0


@each_channel
@pytest.mark.parametrize("message", [UNICODE, b"hello"], ids=["unicode string", "buffer"])
async def test_bufferedAmount_is_at_most_the_length_and_falls_to_0(options: dict[str, Any], message: Any) -> None:
    """webrtc/RTCDataChannel-bufferedAmount.html: (negotiated) datachannel bufferedAmount should increase to byte length of encoded unicode string / buffer sent; bufferedamount is data.length on send(data).

    There are no tasks in Python between which the network stands still: what is sent at once is buffered no more.
    """
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, **options)
        log = EventLog(theirs, "message")
        ours.send(message)
        size = len(message.encode() if isinstance(message, str) else message)
        assert 0 <= ours.buffered_amount <= size
        await log.wait()
        await eventually(lambda: ours.buffered_amount == 0)


@each_channel
async def test_bufferedAmount_increases_with_each_message(options: dict[str, Any]) -> None:
    """webrtc/RTCDataChannel-bufferedAmount.html: (negotiated) datachannel bufferedAmount should increase by byte length for each message sent (of so much that the network cannot take it at once)."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, **options)
        log = EventLog(theirs, "message")
        for _ in range(16):
            ours.send(b"x" * 262_144)
        assert 1_000_000 < ours.buffered_amount <= 16 * 262_144
        await log.wait(16, timeout=20)
        await eventually(lambda: ours.buffered_amount == 0)


@each_channel
async def test_bufferedAmount_does_not_fall_at_once_when_closing(options: dict[str, Any]) -> None:
    """webrtc/RTCDataChannel-bufferedAmount.html: (negotiated) datachannel bufferedAmount should not decrease immediately after initiating closure."""
    with peers(2) as (a, b):
        ours, _ = await channel_pair(a, b, **options)
        for _ in range(16):
            ours.send(b"x" * 262_144)
        before = ours.buffered_amount
        ours.close()
        assert ours.buffered_amount > before / 2


@each_channel
async def test_bufferedAmount_does_not_fall_to_0_when_the_connection_is_closed(options: dict[str, Any]) -> None:
    """webrtc/RTCDataChannel-bufferedAmount.html: (negotiated) datachannel bufferedAmount should not decrease after closing the peer connection."""
    with peers(2) as (a, b):
        ours, _ = await channel_pair(a, b, **options)
        for _ in range(16):
            ours.send(b"x" * 262_144)
        assert ours.buffered_amount > 0
        a.close()
        assert ours.buffered_amount > 0


@each_channel
async def test_bufferedamountlow_fires_after_send_is_complete(options: dict[str, Any]) -> None:
    """webrtc/RTCDataChannel-bufferedAmount.html: (negotiated) datachannel bufferedamountlow event fires after send() is complete."""
    with peers(2) as (a, b):
        ours, _ = await channel_pair(a, b, **options)
        log = EventLog(ours, "bufferedamountlow", read=lambda channel: channel.buffered_amount)
        ours.send(HELLO)
        await log.wait()
        assert log.seen == [0]


@each_channel
async def test_bufferedamountlow_fires_after_each_sent_message(options: dict[str, Any]) -> None:
    """webrtc/RTCDataChannel-bufferedAmount.html: (negotiated) datachannel bufferedamountlow event fires after each sent message."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, **options)
        log, messages = EventLog(ours, "bufferedamountlow"), EventLog(theirs, "message")
        ours.send(HELLO)
        await log.wait(1)
        assert await messages.wait(1) == HELLO
        ours.send(HELLO)
        await log.wait(2)
        assert await messages.wait(2) == HELLO


@each_channel
async def test_bufferedamountlow_fires_no_more_often_than_messages(options: dict[str, Any]) -> None:
    """webrtc/RTCDataChannel-bufferedAmount.html: (negotiated) datachannel bufferedamountlow event fires only once after multiple consecutive send() calls.

    Between two calls of send the network may have taken the first message, and the event is due for each.
    """
    with peers(2) as (a, b):
        ours, _ = await channel_pair(a, b, **options)
        log = EventLog(ours, "bufferedamountlow")
        ours.send(HELLO)
        ours.send(HELLO)
        await log.wait()
        await settle()
        assert 1 <= log.count() <= 2


# -- bufferedAmountLowThreshold.html ------------------------------------------------------------------------------

MESSAGES = pytest.mark.parametrize("message", ["meow", b"\xde" * 65536], ids=["str of 4 bytes", "65536 bytes"])


async def sent_on_open(
    a: PeerConnection, b: PeerConnection, message: Any, times: int, threshold: int | None
) -> tuple[DataChannel, EventLog]:
    channel = a.create_data_channel("test")
    assert channel.buffered_amount_low_threshold == 0
    if threshold is not None:
        channel.buffered_amount_low_threshold = threshold
        assert channel.buffered_amount_low_threshold == threshold
    log = EventLog(channel, "bufferedamountlow", read=lambda channel: channel.buffered_amount)
    channel.on("open", lambda: [channel.send(message) for _ in range(times)])
    await exchange(a, b)
    return channel, log


@MESSAGES
async def test_bufferedamountlow_at_0_by_default(message: Any) -> None:
    """webrtc/RTCDataChannel-bufferedAmountLowThreshold.html: {message}: bufferedamountlow event should fire once bufferedAmount <= 0 (default)."""
    with peers(2) as (a, b):
        _, log = await sent_on_open(a, b, message, 1, None)
        await log.wait()
        assert log.seen == [0]


@MESSAGES
@pytest.mark.parametrize("share", [0.5, 1, 2])
@pytest.mark.parametrize("times", [1, 10])
async def test_bufferedamountlow_at_a_custom_threshold(message: Any, share: float, times: int) -> None:
    """webrtc/RTCDataChannel-bufferedAmountLowThreshold.html: {message} (x 10): bufferedamountlow event should fire once bufferedAmount <= {threshold} (custom).

    Where the network takes everything before it is more than the threshold, nothing falls below it: then it may not fire.
    """
    threshold = int(len(message) * share)
    with peers(2) as (a, b):
        channel, log = await sent_on_open(a, b, message, times, threshold)
        await eventually(lambda: channel.ready_state == "open")
        if share < 1 or (times == 10 and len(message) > 4):
            await log.wait()
        await eventually(lambda: channel.buffered_amount <= threshold)
        await settle()
        assert times > 1 or all(seen <= threshold for seen in log.seen)


@MESSAGES
async def test_bufferedamountlow_does_not_fire_on_other_channels(message: Any) -> None:
    """webrtc/RTCDataChannel-bufferedAmountLowThreshold.html: {message}: bufferedamountlow event should not fire on other channels."""
    with peers(2) as (a, b):
        other = a.create_data_channel("test-2")
        quiet = EventLog(other, "bufferedamountlow")
        _, log = await sent_on_open(a, b, message, 1, None)
        await log.wait()
        await settle()
        assert quiet.count() == 0


# -- id.html ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("maker", ["DTLS server", "DTLS client"])
async def test_ids_are_odd_for_the_DTLS_server_and_even_for_the_client(maker: str) -> None:
    """webrtc/RTCDataChannel-id.html: DTLS client uses even data channel IDs / DTLS server uses odd data channel IDs."""
    with peers(2) as (a, b):
        a.create_data_channel("opens the section")
        await exchange(a, b)
        assert "a=setup:active" in a.remote_description.sdp
        pc, rest = (a, 1) if maker == "DTLS server" else (b, 0)
        first = pc.create_data_channel("one")
        second = pc.create_data_channel("another")
        await eventually(lambda: first.id is not None and second.id is not None, what="ids")
        assert first.id % 2 == second.id % 2 == rest
        assert second.id != first.id


async def test_answer_that_makes_the_offerer_the_DTLS_client() -> None:
    """webrtc/RTCDataChannel-id.html: DTLS client uses even data channel IDs (where the offerer is the client, after a=setup:passive)."""
    with peers(2) as (a, b):
        first = a.create_data_channel("")
        offer = await a.set_local_description()
        sdp = offer.sdp.replace("a=setup:actpass", "a=setup:active")
        await b.set_remote_description({"type": "offer", "sdp": sdp})
        answer = await b.set_local_description()
        assert "a=setup:passive" in answer.sdp
        await a.set_remote_description(answer)
        await eventually(lambda: first.ready_state == "open", what="an open channel")
        assert first.id % 2 == 0


async def test_ids_of_both_sides_differ_in_parity() -> None:
    """webrtc/RTCDataChannel-id.html: In-band negotiation with a specific ID should not be allowed / Odd/even role should not be violated when mixing with negotiated channels."""
    with peers(2) as (a, b):
        log = EventLog(b, "datachannel")
        zero = a.create_data_channel("negotiated", negotiated=True, id=0)
        one = a.create_data_channel("negotiated", negotiated=True, id=1)
        ours = a.create_data_channel("ours")
        await exchange(a, b)
        await eventually(lambda: ours.ready_state == "open")
        assert ours.id not in (zero.id, one.id)
        await log.wait()
        back = EventLog(a, "datachannel")
        b.create_data_channel("negotiated", negotiated=True, id=0)
        b.create_data_channel("negotiated", negotiated=True, id=1)
        theirs = b.create_data_channel("theirs")
        assert (await back.wait()).id == theirs.id
        assert theirs.id % 2 != ours.id % 2


async def test_an_id_is_skipped_if_a_negotiated_channel_has_it() -> None:
    """webrtc/RTCDataChannel-id.html: ID being used by a negotiated channel should not be used."""
    with peers(2) as (a, b):
        taken = [a.create_data_channel(f"n{number}", negotiated=True, id=number) for number in range(4)]
        channels = [a.create_data_channel(f"c{number}") for number in range(3)]
        await exchange(a, b)
        await eventually(lambda: all(c.ready_state == "open" for c in channels))
        numbers = [c.id for c in [*taken, *channels]]
        assert len(set(numbers)) == len(numbers)


async def test_ids_of_all_channels_differ() -> None:
    """webrtc/RTCDataChannel-id.html: In-band negotiation should allocate different IDs (of many channels from both sides)."""
    with peers(2) as (a, b):
        await channel_pair(a, b)
        ours = [a.create_data_channel(str(number)) for number in range(20)]
        theirs = [b.create_data_channel(str(number)) for number in range(20)]
        await eventually(lambda: all(c.ready_state == "open" for c in ours + theirs))
        numbers = [c.id for c in ours + theirs]
        assert len(set(numbers)) == 40


# -- onopen.html --------------------------------------------------------------------------------------------------


async def test_open_fires_locally_when_the_channel_opens() -> None:
    """webrtc/RTCDataChannel-onopen.html: In-band channel: Open event should be fired (local) when the data channel opens."""
    with peers(2) as (a, b):
        channel = a.create_data_channel("onopen")
        log = EventLog(channel, "open", read=lambda channel: channel.ready_state)
        await exchange(a, b)
        await log.wait()
        assert log.seen == ["open"]
        await log.quiet()


async def test_open_fires_at_the_other_side_when_the_channel_opens() -> None:
    """webrtc/RTCDataChannel-onopen.html: In-band channel: Open event should be fired (remote) when the data channel opens."""
    with peers(2) as (a, b):
        a.create_data_channel("onopen")
        opened: list[str] = []
        b.on("datachannel", lambda channel: channel.on("open", lambda: opened.append(channel.ready_state)))
        await exchange(a, b)
        await eventually(lambda: bool(opened))
        await settle()
        assert opened == ["open"]


async def test_open_fires_on_both_ends_of_a_negotiated_channel() -> None:
    """webrtc/RTCDataChannel-onopen.html: Negotiated channel: Open event should be fired when the channels open."""
    with peers(2) as (a, b):
        channels = [pc.create_data_channel("onopen", negotiated=True, id=42) for pc in (a, b)]
        logs = [EventLog(channel, "open", read=lambda channel: channel.ready_state) for channel in channels]
        await exchange(a, b)
        for log in logs:
            await log.wait()
            assert log.seen == ["open"]


# -- dcep.html ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ordered", [True, False])
async def test_reliable_channel_is_created_via_DCEP(ordered: bool) -> None:
    """webrtc/RTCDataChannel-dcep.html: Ordered / Unordered and reliable channel should be created via DCEP."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, ordered=ordered)
        assert ours.ordered is theirs.ordered is ordered


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("option", ["max_retransmits", "max_packet_life_time"])
@pytest.mark.parametrize("value", [None, 0, 1, 65535])
async def test_unreliable_channel_is_created_via_DCEP(ordered: bool, option: str, value: int | None) -> None:
    """webrtc/RTCDataChannel-dcep.html: Ordered / Unordered and unreliable ({option}={value}) channel should be created via DCEP."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, ordered=ordered, **{option: value})
        for channel in (ours, theirs):
            assert channel.ordered is ordered
            assert getattr(channel, option) == value
            other = {"max_retransmits": "max_packet_life_time", "max_packet_life_time": "max_retransmits"}[option]
            assert getattr(channel, other) is None


async def test_ids_are_the_same_when_created_via_DCEP() -> None:
    """webrtc/RTCDataChannel-dcep.html: Channel IDs should be synchronized when created via DCEP."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b)
        assert ours.id is not None
        assert 0 <= ours.id < 65535
        assert ours.id == theirs.id


@pytest.mark.parametrize(
    ("label", "protocol"),
    [
        pytest.param("", "", id="zero length"),
        pytest.param("l" * 65535, "p" * 65535, id="maximum length"),
        pytest.param("\u2022" * 21845, "\u20ac" * 21845, id="maximum length, 3 byte unicode"),
    ],
)
async def test_label_and_protocol_are_transmitted_via_DCEP(label: str, protocol: str) -> None:
    """webrtc/RTCDataChannel-dcep.html: Zero length / Maximum length (3 byte unicode) label and protocol option should be transmitted via DCEP."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, label, protocol=protocol)
        assert ours.label == theirs.label == label
        assert ours.protocol == theirs.protocol == protocol


async def test_channels_of_a_connection_without_listeners_do_not_fire() -> None:
    """webrtc/RTCPeerConnection-ondatachannel.html: (no event on the side that made the channel)."""
    with peers(2) as (a, b):
        listening = asyncio.ensure_future(no_event(a, "datachannel", seconds=0.3))
        await channel_pair(a, b)
        await listening
