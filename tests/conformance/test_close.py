"""close, after webrtc/RTCPeerConnection-close.html and webrtc/RTCDataChannel-close.html."""

from __future__ import annotations

import asyncio

import pytest

from jupyter_rtc import InvalidStateError, OperationError

from .helpers import EventLog, channel_pair, connect, eventually, exchange, pattern, peers, settle, tone

CHANNELS = [{}, {"negotiated": True, "id": 0}]
each_channel = pytest.mark.parametrize("options", CHANNELS, ids=["datachannel", "negotiated datachannel"])

# -- RTCPeerConnection-close.html ---------------------------------------------------------------------------------


async def test_closing_closes_all_channels_before_connection_establishment() -> None:
    """webrtc/RTCPeerConnection-close.html: Closing the peer connection should close all channels (before connection establishment)."""
    with peers(1) as pc:
        channels = []
        for number in range(24):
            options = {"negotiated": True, "id": number} if number % 2 == 0 else {}
            channels.append(pc.create_data_channel(f"test-channel-{number}", **options))
        assert all(channel.ready_state != "closed" for channel in channels)
        pc.close()
        assert [channel.ready_state for channel in channels] == ["closed"] * 24


async def test_closing_closes_all_channels_after_connection_establishment() -> None:
    """webrtc/RTCPeerConnection-close.html: Closing the peer connection should close all channels (after connection establishment)."""
    with peers(2) as (a, b):
        channels = list(await channel_pair(a, b))
        for number in range(1, 24):
            options = {"negotiated": True, "id": 100 + number} if number % 2 == 0 else {}
            channels.append(a.create_data_channel(f"test-channel-{number}", **options))
        assert all(channel.ready_state != "closed" for channel in channels)
        a.close()
        b.close()
        assert {channel.ready_state for channel in channels} == {"closed"}


async def test_closing_sets_the_states_at_once() -> None:
    """webrtc/RTCPeerConnection-close.html: Closing the peer connection sets signalingState, iceConnectionState and connectionState (the SCTP transport of the original is no part of the API)."""
    with peers(2) as (a, b):
        await channel_pair(a, b)
        a.close()
        assert a.signaling_state == "closed"
        assert a.connection_state == "closed"
        assert a.ice_connection_state == "closed"


async def test_closing_fires_no_events() -> None:
    """webrtc/RTCPeerConnection-close.html: close() fires none of signalingstatechange, iceconnectionstatechange and connectionstatechange."""
    with peers(2) as (a, b):
        a.add_track(tone())
        await connect(a, b)
        await settle()
        log = EventLog(a, *a._events)
        a.close()
        await log.quiet()


async def test_closing_twice_is_nothing() -> None:
    """webrtc/RTCPeerConnection-close.html: close() on a closed connection does nothing."""
    with peers(1) as pc:
        pc.close()
        pc.close()
        await pc.aclose()
        assert pc.signaling_state == "closed"


async def test_transceivers_are_stopped_after_close() -> None:
    """webrtc/RTCPeerConnection-close.html: (step 5 of §4.4.2 close) the transceivers are stopped, remote tracks ended, local ones go on."""
    with peers(2) as (a, b):
        track = pattern()
        a.add_track(track)
        await connect(a, b)
        ours, theirs = a.get_transceivers()[0], b.get_transceivers()[0]
        remote = theirs.receiver.track
        assert remote.ready_state == "live"
        a.close()
        b.close()
        assert ours.current_direction == theirs.current_direction == "stopped"
        assert ours.direction == theirs.direction == "stopped"
        assert remote.ready_state == "ended"
        assert track.ready_state == "live"
        track.stop()


async def test_everything_is_refused_after_close() -> None:
    """webrtc/RTCPeerConnection-close.html: (methods on a closed connection) InvalidStateError."""
    with peers(1) as pc:
        sender = pc.add_track(tone())
        transceiver = pc.get_transceivers()[0]
        pc.close()
        for call in (
            lambda: pc.add_track(pattern()),
            lambda: pc.add_transceiver("audio"),
            lambda: pc.remove_track(sender),
            lambda: pc.create_data_channel(""),
            lambda: transceiver.stop(),
            lambda: setattr(transceiver, "direction", "inactive"),
        ):
            with pytest.raises(InvalidStateError):
                call()
        for awaitable in (
            pc.create_offer(),
            pc.create_answer(),
            pc.set_local_description(),
            pc.set_remote_description({"type": "offer", "sdp": "v=0"}),
            pc.add_ice_candidate(None),
            sender.replace_track(None),
        ):
            with pytest.raises(InvalidStateError):
                await awaitable


async def test_all_calls_under_way_end_on_close() -> None:
    """webrtc/RTCPeerConnection-close.html: (operations in flight) never resolve; API.md: they end with InvalidStateError."""
    with peers(1) as pc:
        pc.add_transceiver("audio")
        calls = [asyncio.ensure_future(pc.create_offer()) for _ in range(4)]
        calls.append(asyncio.ensure_future(pc.set_local_description()))
        pc.close()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [InvalidStateError] * 5


# -- RTCDataChannel-close.html ------------------------------------------------------------------------------------


@each_channel
async def test_close_causes_closing_and_close_on_the_other_side(options: dict[str, object]) -> None:
    """webrtc/RTCDataChannel-close.html: Close (negotiated) datachannel causes closing and close event to be called."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, **options)
        here = EventLog(ours, "closing")
        there = EventLog(theirs, "closing", "close", "error", read=lambda channel: channel.ready_state)
        ours.close()
        assert ours.ready_state == "closing"
        await there.wait(1, "close")
        assert theirs.ready_state == "closed"
        assert there.names == ["closing", "close"]
        assert here.names == []


@each_channel
async def test_close_fires_onclosing_on_the_other_side_with_state_closing(options: dict[str, object]) -> None:
    """webrtc/RTCDataChannel-close.html: Close (negotiated) datachannel causes onclosing and onclose to be called.

    The state within the callback may already be the one that follows: callbacks come a moment later.
    """
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, **options)
        there = EventLog(theirs, "closing", "close", read=lambda channel: channel.ready_state)
        ours.close()
        await there.wait(1, "close")
        assert there.names == ["closing", "close"]
        assert there.seen[0] in ("closing", "closed")
        assert there.seen[1] == "closed"


@each_channel
async def test_close_causes_close_event_on_both_sides(options: dict[str, object]) -> None:
    """webrtc/RTCDataChannel-close.html: Close (negotiated) datachannel causes onclose to be called (on both sides, with no error)."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, **options)
        here, there = EventLog(ours, "close", "error"), EventLog(theirs, "close", "error")
        ours.close()
        await there.wait(1)
        await here.wait(1)
        assert ours.ready_state == theirs.ready_state == "closed"
        assert here.names == there.names == ["close"]


@each_channel
async def test_close_peerconnection_causes_error_and_close_on_the_other_side(options: dict[str, object]) -> None:
    """webrtc/RTCDataChannel-close.html: Close peerconnection causes close event and error to be called on (negotiated) datachannel."""
    with peers(2) as (a, b):
        _, theirs = await channel_pair(a, b, **options)
        log = EventLog(theirs, "close", "error")
        a.close()
        await log.wait(1, "close")
        assert log.names == ["error", "close"]
        assert isinstance(log.payloads[0], OperationError)


@each_channel
async def test_close_peerconnection_after_datachannel_close_causes_no_events(options: dict[str, object]) -> None:
    """webrtc/RTCDataChannel-close.html: Close peerconnection after (negotiated) datachannel close causes no events."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, **options)
        here, there = EventLog(ours, "close", "error"), EventLog(theirs, "close", "error")
        ours.close()
        await there.wait(1, "close")
        await here.wait(1, "close")
        a.close()
        await settle()
        assert here.names == there.names == ["close"]


@each_channel
async def test_closed_id_can_be_used_again(options: dict[str, object]) -> None:
    """webrtc/RTCDataChannel-close.html: (RFC 8831 §6.7) the number of a closed channel is free again."""
    with peers(2) as (a, b):
        ours, theirs = await channel_pair(a, b, **options)
        number = ours.id
        ours.close()
        await eventually(lambda: ours.ready_state == theirs.ready_state == "closed")
        again = a.create_data_channel("again", negotiated=True, id=number)
        other = b.create_data_channel("again", negotiated=True, id=number)
        await eventually(lambda: again.ready_state == other.ready_state == "open")
        log = EventLog(other, "message")
        again.send("hello")
        assert await log.wait() == "hello"


async def test_close_before_connection_is_established() -> None:
    """webrtc/RTCDataChannel-close.html: (close of a connecting channel, §6.2) it is closed and never opens."""
    with peers(2) as (a, b):
        channel = a.create_data_channel("")
        other = a.create_data_channel("other")
        log = EventLog(channel, "open", "close")
        channel.close()
        assert channel.ready_state in ("closing", "closed")
        await exchange(a, b)
        await eventually(lambda: other.ready_state == "open")
        await eventually(lambda: channel.ready_state == "closed", what="closed")
        assert "open" not in log.names
