"""The "negotiationneeded" event, after webrtc/RTCPeerConnection-onnegotiationneeded.html."""

from __future__ import annotations

import asyncio

from jupyter_rtc import MediaStream, PeerConnection

from .tracks import QUIET, EventLog, Maker, answer_to, event, negotiate


async def settled(make: Maker) -> tuple[PeerConnection, PeerConnection, EventLog]:
    """Return a connection with a negotiated audio track, its other side, and the log of its needs from then on."""
    pc, other = make.pair()
    log = EventLog(pc, "negotiationneeded")
    pc.add_track(make.audio())
    await log.until(1)
    await negotiate(pc, other)
    await log.exactly(1)
    log.clear()
    return pc, other, log


async def test_creating_first_data_channel_fires_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    Creating first data channel should fire negotiationneeded event.
    """
    pc = make.pc()
    needed = event(pc, "negotiationneeded")
    pc.create_data_channel("test")
    await needed


async def test_createDataChannel_twice_fires_negotiationneeded_once(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    calling createDataChannel twice should fire negotiationneeded event once.
    """
    pc = make.pc()
    log = EventLog(pc, "negotiationneeded")
    pc.create_data_channel("one")
    await log.until(1)
    pc.create_data_channel("two")
    await log.exactly(1)


async def test_addTransceiver_fires_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html: addTransceiver() should fire negotiationneeded event."""
    pc = make.pc()
    needed = event(pc, "negotiationneeded")
    pc.add_transceiver("audio")
    await needed


async def test_addTransceiver_twice_fires_negotiationneeded_once(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    Calling addTransceiver() twice should fire negotiationneeded event once.
    """
    pc = make.pc()
    log = EventLog(pc, "negotiationneeded")
    pc.add_transceiver("audio")
    await log.until(1)
    pc.add_transceiver("video")
    await log.exactly(1)


async def test_addTransceiver_and_createDataChannel_fire_negotiationneeded_once(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    Calling both addTransceiver() and createDataChannel() should fire negotiationneeded event once.
    """
    pc = make.pc()
    log = EventLog(pc, "negotiationneeded")
    pc.create_data_channel("test")
    await log.until(1)
    pc.add_transceiver("video")
    await log.exactly(1)


async def test_addTransceiver_and_createDataChannel_at_once_fire_negotiationneeded_once(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    Calling both addTransceiver() and createDataChannel() should fire negotiationneeded event once; without a pause
    between.
    """
    pc = make.pc()
    log = EventLog(pc, "negotiationneeded")
    for number in range(5):
        pc.create_data_channel(f"test {number}")
        pc.add_transceiver("video")
    await log.exactly(1)


async def test_negotiationneeded_does_not_fire_unless_signaling_state_is_stable(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    negotiationneeded event should not fire if signaling state is not stable.
    """
    pc = make.pc()
    pc.add_transceiver("audio")
    await asyncio.sleep(QUIET)
    await pc.set_local_description(await pc.create_offer())
    assert pc.signaling_state == "have-local-offer"
    log = EventLog(pc, "negotiationneeded")
    pc.create_data_channel("test")
    await log.exactly(0)


async def test_negotiationneeded_fires_after_setRemoteDescription_back_to_stable(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    negotiationneeded event should fire only after signaling state goes back to stable after setRemoteDescription.
    """
    pc = make.pc()
    pc.add_transceiver("audio")
    await asyncio.sleep(QUIET)
    offer = await pc.set_local_description(await pc.create_offer())
    log = EventLog(pc, "negotiationneeded", look=lambda *_: pc.signaling_state)
    pc.create_data_channel("test")
    answer = await answer_to(offer)
    await log.exactly(0)
    await pc.set_remote_description(answer)
    assert await log.exactly(1) == ["stable"]


async def test_negotiationneeded_fires_after_setLocalDescription_back_to_stable(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    negotiationneeded event should fire only after signaling state goes back to stable after setLocalDescription.
    """
    pc, other = make.pair()
    other.add_transceiver("audio")
    await pc.set_remote_description(await other.set_local_description())
    log = EventLog(pc, "negotiationneeded", look=lambda *_: pc.signaling_state)
    pc.create_data_channel("test")
    await log.exactly(0)
    await pc.set_local_description(await pc.create_answer())
    assert await log.exactly(1) == ["stable"]


async def test_negotiationneeded_fires_after_signalingstatechange_of_setRemoteDescription(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    negotiationneeded event should fire only after signalingstatechange event fires from setRemoteDescription.
    """
    pc = make.pc()
    pc.add_transceiver("audio")
    await asyncio.sleep(QUIET)
    offer = await pc.set_local_description(await pc.create_offer())
    await asyncio.sleep(QUIET)
    log = EventLog(pc, "signalingstatechange", "negotiationneeded")
    pc.create_data_channel("test")
    await pc.set_remote_description(await answer_to(offer))
    await log.exactly(2)
    assert log.names == ["signalingstatechange", "negotiationneeded"]


async def test_negotiationneeded_fires_after_signalingstatechange_of_setLocalDescription(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    negotiationneeded event should fire only after signalingstatechange event fires from setLocalDescription.
    """
    pc, other = make.pair()
    other.add_transceiver("audio")
    await pc.set_remote_description(await other.set_local_description())
    await asyncio.sleep(QUIET)
    log = EventLog(pc, "signalingstatechange", "negotiationneeded")
    pc.create_data_channel("test")
    await pc.set_local_description(await pc.create_answer())
    await log.exactly(2)
    assert log.names == ["signalingstatechange", "negotiationneeded"]


async def test_two_transceivers_with_a_negotiation_between_fire_negotiationneeded_twice(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    Adding two transceivers, one at a time, results in the expected number of negotiationneeded events.
    """
    pc, other = make.pair()
    log = EventLog(pc, "negotiationneeded")
    pc.add_transceiver("audio")
    await log.until(1)
    await negotiate(pc, other)
    pc.add_transceiver("video")
    await log.until(2)
    await negotiate(pc, other)
    await log.exactly(2)


async def test_changing_direction_fires_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    Updating the direction of the transceiver should cause negotiationneeded to fire.
    """
    pc, _, log = await settled(make)
    pc.get_transceivers()[0].direction = "recvonly"
    await log.exactly(1)


async def test_setting_the_same_direction_fires_no_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    Updating the direction of the transceiver (to what it is) should not cause negotiationneeded to fire.
    """
    pc, _, log = await settled(make)
    pc.get_transceivers()[0].direction = "sendrecv"
    await log.exactly(0)


async def test_setStreams_fires_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html: Calling setStreams should cause negotiationneeded to fire."""
    pc, _, log = await settled(make)
    pc.get_senders()[0].set_streams(MediaStream())
    await log.exactly(1)


async def test_setStreams_with_the_same_stream_fires_no_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    Calling setStreams with the same stream as before should not cause negotiationneeded to fire.
    """
    pc, other = make.pair()
    stream, [track] = make.stream("audio")
    sender = pc.add_track(track, stream)
    await negotiate(pc, other)
    await asyncio.sleep(QUIET)
    log = EventLog(pc, "negotiationneeded")
    sender.set_streams(stream)
    await log.exactly(0)


async def test_setStreams_with_duplicates_of_the_same_stream_fires_no_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    Calling setStreams with duplicate stream as before should not cause negotiationneeded to fire.
    """
    pc, other = make.pair()
    stream, [track] = make.stream("audio")
    sender = pc.add_track(track, stream)
    await negotiate(pc, other)
    await asyncio.sleep(QUIET)
    log = EventLog(pc, "negotiationneeded")
    sender.set_streams(stream, stream)
    await log.exactly(0)


async def test_addTrack_fires_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html: addTrack, update the negotiation-needed flag."""
    pc, _, log = await settled(make)
    pc.add_track(make.audio())
    await log.exactly(1)


async def test_addTrack_to_a_section_that_received_only_fires_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    addTrack, update the negotiation-needed flag; for a section that exists already.
    """
    pc, other = make.pair()
    pc.add_transceiver("audio", direction="recvonly")
    await negotiate(pc, other)
    await asyncio.sleep(QUIET)
    log = EventLog(pc, "negotiationneeded")
    pc.add_track(make.audio())
    await log.exactly(1)


async def test_removeTrack_fires_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html: removeTrack, update the negotiation-needed flag."""
    pc, _, log = await settled(make)
    pc.remove_track(pc.get_senders()[0])
    await log.exactly(1)


async def test_removeTrack_on_sender_without_track_fires_no_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html: removeTrack, abort if the sender has no track."""
    pc, _, log = await settled(make)
    await pc.get_senders()[0].replace_track(None)
    pc.remove_track(pc.get_senders()[0])
    await log.exactly(0)


async def test_replaceTrack_fires_no_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html: replaceTrack does not negotiate."""
    pc, _, log = await settled(make)
    await pc.get_senders()[0].replace_track(make.audio())
    await log.exactly(0)


async def test_stop_fires_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html: stop, update the negotiation-needed flag."""
    pc, _, log = await settled(make)
    pc.get_transceivers()[0].stop()
    await log.exactly(1)


async def test_a_need_that_is_taken_back_is_needed_again_later(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    if the result of checking if negotiation is needed is false, clear the flag.
    """
    pc, _, log = await settled(make)
    [transceiver] = pc.get_transceivers()
    transceiver.direction = "inactive"
    await log.until(1)
    transceiver.direction = "sendrecv"
    await log.exactly(1)
    transceiver.direction = "recvonly"
    await log.exactly(2)


async def test_second_data_channel_after_negotiation_fires_no_negotiationneeded(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    createDataChannel, only the first channel updates the negotiation-needed flag.
    """
    pc, other = make.pair()
    pc.create_data_channel("one")
    await negotiate(pc, other)
    await asyncio.sleep(QUIET)
    log = EventLog(pc, "negotiationneeded")
    pc.create_data_channel("two")
    await log.exactly(0)


async def test_answerer_without_a_wish_of_its_own_needs_no_negotiation(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    check if negotiation is needed, type answer: direction intersected with the offered direction.
    """
    pc, other = make.pair()
    other.add_transceiver("audio", direction="recvonly")
    pc.add_track(make.audio())
    await asyncio.sleep(QUIET)
    log = EventLog(pc, "negotiationneeded")
    await negotiate(other, pc)
    assert pc.get_transceivers()[0].current_direction == "sendonly"
    assert pc.get_transceivers()[0].direction == "sendrecv"
    await log.exactly(0)


async def test_negotiationneeded_waits_until_the_operations_chain_is_empty(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    update the negotiation-needed flag, wait until the operations chain is empty.
    """
    pc, other = make.pair()
    other.add_transceiver("video")
    offer = await other.set_local_description()
    log = EventLog(pc, "negotiationneeded", look=lambda *_: pc.signaling_state)
    # Both are in the chain before the transceiver is added: at no time is it empty and the state stable.
    applying = [
        asyncio.ensure_future(pc.set_remote_description(offer)),
        asyncio.ensure_future(pc.set_local_description()),
    ]
    await asyncio.sleep(0)
    pc.add_transceiver("audio")
    await asyncio.gather(*applying)
    assert await log.exactly(1) == ["stable"]


async def test_rollback_of_a_local_offer_fires_negotiationneeded_again(make: Maker) -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html:
    back in stable by rollback, what was to be negotiated is needed again.
    """
    pc = make.pc()
    pc.add_transceiver("audio")
    await asyncio.sleep(QUIET)
    await pc.set_local_description()
    log = EventLog(pc, "negotiationneeded")
    await pc.set_local_description({"type": "rollback"})
    await log.exactly(1)
