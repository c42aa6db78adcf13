"""Small things that are wished for often: remote media and an open channel in one step."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

import jupyter_rtc as rtc

from .waiting import SOON, until


async def test_the_first_remote_track_of_a_kind_is_there_and_can_be_read_at_once():
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        assert (a.remote_video, a.remote_audio, b.remote_video, b.remote_audio) == (None, None, None, None)
        a.add_track(rtc.TestPattern((80, 60)))
        a.add_track(rtc.TestPattern((160, 120)))
        b.add_track(rtc.TestTone())
        assert (a.remote_video, a.remote_audio) == (None, None)
        events: list[rtc.TrackEvent] = []
        b.on("track", events.append)
        await rtc.connect_pair(a, b, SOON)
        assert (await asyncio.to_thread(b.remote_video.read, timeout=SOON)).shape == (60, 80, 3)
        assert np.abs(await asyncio.to_thread(a.remote_audio.read, 0.5, timeout=SOON)).max() > 0.05
        assert (a.remote_video, b.remote_audio) == (None, None)
        await until(lambda: len(events) == 2)
        assert b.remote_video is events[0].track


async def test_what_is_to_be_received_and_was_not_offered_is_no_remote_track():
    async with rtc.PeerConnection() as pc:
        pc.add_transceiver("video", direction="recvonly")
        assert pc.remote_video is None


async def test_a_track_that_comes_later_and_goes_again():
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.create_data_channel("x")
        await rtc.connect_pair(a, b, SOON)
        assert b.remote_video is None
        sender = a.add_track(rtc.TestPattern((80, 60)))
        track = await until(lambda: b.remote_video)
        assert (await asyncio.to_thread(track.read, timeout=SOON)).shape == (60, 80, 3)
        a.remove_track(sender)
        await until(lambda: b.remote_video is None)


async def test_opened_returns_when_messages_can_be_sent():
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        channel = a.create_data_channel("x")
        theirs: list[rtc.DataChannel] = []
        b.on("datachannel", theirs.append)
        waiting = [asyncio.create_task(channel.opened(SOON)) for _ in range(3)]
        await rtc.connect_pair(a, b, SOON)
        assert await asyncio.gather(*waiting) == [None] * 3
        channel.send("at once")
        await channel.opened()
        await until(lambda: theirs)
        await theirs[0].opened()


async def test_opened_says_why_the_channel_is_not_open_in_time():
    async with rtc.PeerConnection() as pc:
        channel = pc.create_data_channel("chat")
        with pytest.raises(rtc.ConnectTimeout, match=r"the channel 'chat' is not open after 0\.05 s: .") as caught:
            await channel.opened(timeout=0.05)
        assert isinstance(caught.value, TimeoutError)
        assert isinstance(caught.value.report, rtc.Report)


@pytest.mark.parametrize("what", ["channel", "connection"])
@pytest.mark.parametrize("when", ["before", "meanwhile"])
async def test_opened_ends_when_the_channel_is_closed(what: str, when: str):
    pc = rtc.PeerConnection()
    channel = pc.create_data_channel("chat")
    if when == "meanwhile":
        waiting = asyncio.create_task(channel.opened(None))
        await asyncio.sleep(0)
        (channel if what == "channel" else pc).close()
    else:
        (channel if what == "channel" else pc).close()
        waiting = asyncio.create_task(channel.opened(None))
    with pytest.raises(rtc.InvalidStateError, match="'chat' is clos"):
        await asyncio.wait_for(waiting, SOON)
    pc.close()


@pytest.mark.parametrize("wrong", ["5", object()])
async def test_opened_refuses_what_is_no_number(wrong: object):
    async with rtc.PeerConnection() as pc:
        with pytest.raises(TypeError, match="timeout"):
            await pc.create_data_channel("x").opened(wrong)
