"""The operations chain, after webrtc/RTCPeerConnection-operations.https.html.

A coroutine begins when it is awaited or made a task: "synchronously" of the originals is here "before anything that
was started later", and whether the chain is used is seen by the order in which calls end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from jupyter_rtc import InvalidStateError, OperationError

from .helpers import EventLog, eventually, exchange, offer_of, pattern, peers, state, tone


def started(call: Coroutine[Any, Any, Any], name: str, ended: list[str]) -> asyncio.Task[Any]:
    """Start a call whose end is written to `ended`."""

    async def run() -> Any:
        try:
            return await call
        finally:
            ended.append(name)

    return asyncio.ensure_future(run())


async def test_createOffer_detects_InvalidStateError_when_chain_is_empty() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: createOffer must detect InvalidStateError synchronously when chain is empty (prerequisite)."""
    with peers(1) as pc:
        await pc.set_remote_description(await offer_of("audio"))
        ended: list[str] = []
        first = started(pc.create_offer(), "createOffer", ended)
        second = started(pc.create_answer(), "createAnswer", ended)
        with pytest.raises(InvalidStateError):
            await first
        await second
        assert ended == ["createOffer", "createAnswer"]


async def test_createAnswer_detects_InvalidStateError_when_chain_is_empty() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: createAnswer must detect InvalidStateError synchronously when chain is empty (prerequisite)."""
    with peers(1) as pc:
        ended: list[str] = []
        first = started(pc.create_answer(), "createAnswer", ended)
        second = started(pc.create_offer(), "createOffer", ended)
        with pytest.raises(InvalidStateError):
            await first
        await second
        assert ended == ["createAnswer", "createOffer"]


async def test_SLD_rollback_detects_InvalidStateError_when_chain_is_empty() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: SLD(rollback) must detect InvalidStateError synchronously when chain is empty."""
    with peers(1) as pc:
        ended: list[str] = []
        first = started(pc.set_local_description({"type": "rollback"}), "rollback", ended)
        second = started(pc.create_offer(), "createOffer", ended)
        with pytest.raises(InvalidStateError):
            await first
        await second
        assert ended == ["rollback", "createOffer"]


async def test_addIceCandidate_without_remote_description_is_kept_when_chain_is_empty() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: addIceCandidate must detect InvalidStateError synchronously when chain is empty.

    API.md: a candidate may arrive before the description; a wrong one is refused all the same.
    """
    with peers(1) as pc:
        await pc.add_ice_candidate({"candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host", "sdpMid": "0"})
        with pytest.raises(TypeError):
            await pc.add_ice_candidate({"candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host"})


async def test_replaceTrack_detects_InvalidStateError_when_chain_is_empty_and_transceiver_is_stopped() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: replaceTrack must detect InvalidStateError synchronously when chain is empty and transceiver is stopped."""
    with peers(1) as pc:
        transceiver = pc.add_transceiver("audio")
        transceiver.stop()
        with pytest.raises(InvalidStateError):
            await transceiver.sender.replace_track(tone())


async def test_replaceTrack_detects_InvalidStateError_even_when_chain_is_not_empty() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: replaceTrack must detect InvalidStateError when chain is not empty and transceiver is stopped (and rejects at once, before what is under way)."""
    with peers(1) as pc:
        transceiver = pc.add_transceiver("audio")
        pc.add_transceiver("video")
        transceiver.stop()
        ended: list[str] = []
        first = started(pc.set_local_description(), "SLD", ended)
        second = started(transceiver.sender.replace_track(tone()), "replaceTrack", ended)
        with pytest.raises(InvalidStateError):
            await second
        await first
        assert ended == ["replaceTrack", "SLD"]


@pytest.mark.parametrize("signaling", ["stable", "have-local-offer", "have-remote-offer"])
async def test_isOperationsChainEmpty_detects_empty(signaling: str) -> None:
    """webrtc/RTCPeerConnection-operations.https.html: isOperationsChainEmpty detects empty in stable / have-local-offer / have-remote-offer."""
    with peers(1) as pc:
        pc.add_transceiver("audio")
        if signaling == "have-local-offer":
            await pc.set_local_description()
        if signaling == "have-remote-offer":
            await pc.set_remote_description(await offer_of("audio"))
        assert pc.signaling_state == signaling
        wrong = pc.create_offer() if signaling == "have-remote-offer" else pc.create_answer()
        with pytest.raises(InvalidStateError):
            async with asyncio.timeout(1):
                await wrong


async def test_createOffer_uses_operations_chain() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: createOffer uses operations chain."""
    with peers(1) as pc:
        pc.add_transceiver("audio")
        ended: list[str] = []
        calls = [
            started(pc.set_local_description(), "SLD", ended),
            started(pc.create_offer(), "createOffer", ended),
            started(pc.set_local_description({"type": "rollback"}), "rollback", ended),
        ]
        await asyncio.gather(*calls)
        assert ended == ["SLD", "createOffer", "rollback"]


async def test_createAnswer_uses_operations_chain() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: createAnswer uses operations chain."""
    with peers(1) as pc:
        offer = await offer_of("audio")
        ended: list[str] = []
        calls = [
            started(pc.set_remote_description(offer), "SRD", ended),
            started(pc.create_answer(), "createAnswer", ended),
            started(pc.set_local_description(), "SLD", ended),
        ]
        await asyncio.gather(*calls)
        assert ended == ["SRD", "createAnswer", "SLD"]
        assert pc.signaling_state == "stable"


async def test_setLocalDescription_uses_operations_chain() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: setLocalDescription uses operations chain."""
    with peers(1) as pc:
        pc.add_transceiver("audio")
        ended: list[str] = []
        calls = [
            started(pc.create_offer(), "createOffer", ended),
            started(pc.set_local_description(), "SLD", ended),
            started(pc.create_offer(), "createOffer again", ended),
        ]
        await asyncio.gather(*calls)
        assert ended == ["createOffer", "SLD", "createOffer again"]


async def test_setRemoteDescription_uses_operations_chain() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: setRemoteDescription uses operations chain."""
    with peers(1) as pc:
        offer = await offer_of("audio")
        ended: list[str] = []
        calls = [
            started(pc.create_offer(), "createOffer", ended),
            started(pc.set_remote_description(offer), "SRD", ended),
            started(pc.create_answer(), "createAnswer", ended),
        ]
        await asyncio.gather(*calls)
        assert ended == ["createOffer", "SRD", "createAnswer"]


async def test_addIceCandidate_uses_operations_chain() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: addIceCandidate uses operations chain."""
    with peers(1) as pc:
        offer = await offer_of("audio")
        ended: list[str] = []
        calls = [
            started(pc.set_remote_description(offer), "SRD", ended),
            started(pc.add_ice_candidate(None), "addIceCandidate", ended),
        ]
        await asyncio.gather(*calls)
        assert ended == ["SRD", "addIceCandidate"]


async def test_replaceTrack_uses_operations_chain() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: replaceTrack uses operations chain."""
    with peers(1) as pc:
        transceiver = pc.add_transceiver("audio", direction="sendonly")
        track = tone()
        ended: list[str] = []
        calls = [
            started(pc.set_local_description(), "SLD", ended),
            started(transceiver.sender.replace_track(track), "replaceTrack", ended),
        ]
        await asyncio.gather(*calls)
        assert ended == ["SLD", "replaceTrack"]
        assert transceiver.sender.track is track


async def test_addIceCandidate_chains_onto_SRD_and_fails_if_SRD_failed() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: addIceCandidate chains onto SRD, fails before.

    Before there is a description, API.md keeps a candidate; after SRD in the chain, the section must be there.
    """
    with peers(1) as pc:
        offer = await offer_of("audio")
        candidate = {"candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host", "sdpMid": "nowhere"}
        await pc.add_ice_candidate(candidate)
        srd = asyncio.ensure_future(pc.set_remote_description(offer))
        late = asyncio.ensure_future(pc.add_ice_candidate(candidate))
        await srd
        with pytest.raises(OperationError):
            await late


async def test_operations_queue_not_vulnerable_to_recursion_by_chained_negotiationneeded() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: Operations queue not vulnerable to recursion by chained negotiationneeded."""
    with peers(1) as pc:
        pc.add_transceiver("video")
        results = await asyncio.gather(
            *(pc.set_local_description(d) for d in [None, {"type": "rollback"}] * 25), return_exceptions=True
        )
        assert [r for r in results if isinstance(r, BaseException)] == []
        assert pc.signaling_state == "stable"
        await pc.set_local_description()
        assert pc.signaling_state == "have-local-offer"


async def test_pack_operations_queue_with_implicit_offer_and_answer() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: Pack operations queue with implicit offer and answer."""
    with peers(2) as (a, b):
        a.create_data_channel("")
        log = EventLog(b, "signalingstatechange")
        offer = await a.set_local_description()
        _, answer = await asyncio.gather(b.set_remote_description(offer), b.set_local_description())
        await a.set_remote_description(answer)
        assert a.signaling_state == b.signaling_state == "stable"
        await state(a, "connected")
        await log.wait(2)
        assert log.count() == 2


async def test_negotiate_solely_by_operations_queue_and_negotiationneeded() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: Negotiate solely by operations queue and negotiationneeded."""
    with peers(2) as (a, b):

        async def offer() -> None:
            await b.set_remote_description(await a.set_local_description())
            await a.set_remote_description(await b.set_local_description())

        a.on("negotiationneeded", offer)
        a.add_track(pattern())
        await eventually(lambda: a.signaling_state == "stable" and a.current_local_description is not None)
        await state(a, "connected")
        a.add_track(tone())
        await eventually(lambda: len(b.get_transceivers()) == 2 and a.signaling_state == "stable")
        await eventually(lambda: a.get_transceivers()[1].current_direction == "sendonly")


async def test_negotiationneeded_does_not_fire_while_operations_are_chained() -> None:
    """webrtc/RTCPeerConnection-onnegotiationneeded.html: negotiationneeded event should not fire if operations chain is not empty (its place in the chain: WebRTC 1.0 §4.7.3)."""
    with peers(1) as pc:
        calls = [asyncio.ensure_future(pc.create_offer()) for _ in range(3)]
        log = EventLog(pc, "negotiationneeded", read=lambda _: [call.done() for call in calls])
        pc.add_transceiver("audio")
        await asyncio.gather(*calls)
        await log.wait()
        await log.quiet()
        assert log.count() == 1


async def test_exchange_of_both_sides_in_tasks_is_in_order() -> None:
    """webrtc/RTCPeerConnection-operations.https.html: Pack operations queue with implicit offer and answer (both ways, twice)."""
    with peers(2) as (a, b):
        a.add_transceiver("audio")
        b.add_transceiver("audio")
        await exchange(a, b)
        await exchange(b, a)
        assert a.signaling_state == b.signaling_state == "stable"
