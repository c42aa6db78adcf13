"""Media sections that are used again: pictures flow through them, in whatever order they were given up."""

from __future__ import annotations

import numpy as np
import pytest

from jupyter_rtc import NumpyVideoTrack, PeerConnection
from jupyter_rtc.rtc import sdp
from tests.conformance.helpers import connect, eventually, exchange, state
from tests.conftest import SCALE

SOON = 10 * SCALE


def still(value: int) -> NumpyVideoTrack:
    """Return a grey picture that can be told by its value."""
    return NumpyVideoTrack(np.full((120, 160, 3), value, np.uint8), fps=10)


async def sees(pc: PeerConnection, value: int) -> None:
    """Wait until one of the tracks that `pc` receives shows this grey."""

    def shown() -> bool:
        tracks = [t.receiver.track for t in pc.get_transceivers() if t.current_direction in ("recvonly", "sendrecv")]
        return any(abs(float(p.mean()) - value) < 12 for p in (track.latest() for track in tracks) if p is not None)

    await eventually(shown, SOON, f"a picture of {value}")


@pytest.mark.parametrize("stopped", [0, 1], ids=["the first section", "the second section"])
@pytest.mark.parametrize("reoffers", ["the same side", "the other side"])
async def test_a_new_track_takes_the_section_of_a_stopped_one(stopped: int, reoffers: str) -> None:
    tracks = [still(60), still(120)]
    async with PeerConnection() as a, PeerConnection() as b:
        for track in tracks:
            a.add_track(track)
        await connect(a, b)
        await sees(b, 60)
        await sees(b, 120)
        mids = [t.mid for t in a.get_transceivers()]
        for round_ in range(3):  # again and again: the description does not grow
            a.get_transceivers()[stopped if round_ == 0 else -1].stop()
            await exchange(a, b)
            new = still(180 + 20 * round_)
            tracks.append(new)
            one, other = (a, b) if reoffers == "the same side" else (b, a)
            one.add_transceiver(new, direction="sendonly")
            await exchange(one, other)
            assert len(sdp.media_sections(a.local_description.sdp)) == 2
            assert len(a.get_transceivers()) == len(b.get_transceivers()) == 2
            await sees(other, 180 + 20 * round_)
        await sees(b, [60, 120][1 - stopped])
        assert len({t.mid for t in a.get_transceivers()} | set(mids)) > 2
        assert (a.connection_state, b.connection_state) == ("connected", "connected")
        # aiortc keeps nothing of those that have gone.
        assert len(a._session.peer._pc.getTransceivers()) == 2
    for track in tracks:
        track.stop()


async def test_an_offer_with_a_section_used_again_can_be_rolled_back() -> None:
    one, two = still(60), still(120)
    async with PeerConnection() as a, PeerConnection() as b:
        a.add_track(one)
        a.create_data_channel("chat")
        await connect(a, b)
        a.get_transceivers()[0].stop()
        await exchange(a, b)
        a.add_track(two)
        await a.create_offer()  # made, and not applied
        await exchange(b, a)
        await a.set_local_description()
        await a.set_local_description({"type": "rollback"})
        await exchange(b, a)
        await exchange(a, b)
        assert len(sdp.media_sections(a.local_description.sdp)) == 2
        await sees(b, 120)
        await state(a, "connected")
    one.stop()
    two.stop()


async def test_stopping_the_first_of_a_bundle_takes_a_new_transport_and_everything_goes_on() -> None:
    one, two, three = still(60), still(120), still(200)
    async with PeerConnection() as a, PeerConnection() as b:
        a.add_track(one)
        a.add_track(two)
        channel = a.create_data_channel("chat")
        got: list[str] = []
        b.on("datachannel", lambda other: other.on("message", got.append))
        await connect(a, b)
        await sees(b, 120)
        await eventually(lambda: channel.ready_state == "open")
        a.get_transceivers()[0].stop()
        # Made and taken back, it changes nothing.
        await a.set_local_description()
        await a.set_local_description({"type": "rollback"})
        channel.send("as before")
        await eventually(lambda: got == ["as before"])
        await exchange(a, b)
        await state(a, "connected", timeout=SOON)
        await state(b, "connected", timeout=SOON)
        channel.send("still here")
        await eventually(lambda: got == ["as before", "still here"], SOON)
        await a.get_senders()[0].replace_track(three)
        await sees(b, 200)
        for pc in (a, b):
            assert len(pc._session.peer._pc._RTCPeerConnection__iceTransports) == 1
    one.stop()
    two.stop()
    three.stop()
