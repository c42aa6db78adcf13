"""Two connections, and nothing between them but texts; and what is shown of it."""

from __future__ import annotations

import asyncio

import pytest

import jupyter_rtc as rtc

from .waiting import SOON, until


@pytest.mark.parametrize("both_send", [True, False])
async def test_two_people_connect_by_pasting(both_send):
    """Also where both have a text to send: who pastes first answers."""
    here, there = rtc.CopyPaste(), rtc.CopyPaste()
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.add_track(rtc.TestPattern((320, 240)))
        if both_send:
            b.add_track(rtc.TestPattern((160, 120)))
        connecting = asyncio.gather(a.connect(here, SOON), b.connect(there, SOON))
        offer = await until(lambda: here.text)
        await until(lambda: there.text or not both_send)
        before = there.text
        assert "send it to the other person" in here.words
        there.paste(offer)
        answer = await until(lambda: there.text if there.text != before else "")
        assert "send it back" in there.words
        if both_send:
            with pytest.raises(rtc.SdpError, match="nothing was offered"):  # any more
                there.paste(answer)
        here.paste(answer)
        await connecting
        await until(lambda: here.words == there.words == "Connected.")
        video = b.get_receivers()[0].track
        assert (await asyncio.to_thread(video.read, timeout=SOON)).shape == (240, 320, 3)
        if both_send:
            back = a.get_receivers()[0].track
            assert (await asyncio.to_thread(back.read, timeout=SOON)).shape == (120, 160, 3)
        with pytest.raises(rtc.NotSupportedError, match="replace_track"):
            a.add_track(rtc.TestTone())
        with pytest.raises(rtc.SdpError, match="no text is wanted"):
            here.paste(answer)
    await until(lambda: here.words == there.words and "is closed" in here.words)


async def test_a_text_that_was_pasted_early_is_not_lost():
    here, there = rtc.CopyPaste(), rtc.CopyPaste()
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.create_data_channel("chat")
        connecting = asyncio.create_task(a.connect(here, SOON))
        there.paste(await until(lambda: here.text))
        joining = asyncio.create_task(b.connect(there, SOON))
        here.paste(await there.next_text(SOON))
        await asyncio.gather(connecting, joining)
        with pytest.raises(TimeoutError, match="Connected"):
            await there.next_text(0.01)


async def test_the_boxes_do_as_the_words_say():
    here, there = rtc.CopyPaste(), rtc.CopyPaste()
    words, ours, theirs, problem = here.view.children
    _, ours_there, theirs_there, _ = there.view.children
    assert "connect" in words.value
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.add_track(rtc.TestTone())
        connecting = asyncio.gather(a.connect(here, SOON), b.connect(there, SOON))
        await until(lambda: ours.value)
        theirs.value = ours.value[:100]
        assert "cut short" in problem.value
        theirs.value = ours.value
        assert "your own text" in problem.value
        theirs.value = "<b>hello</b>"
        assert "<b>" not in problem.value
        theirs.value = ""
        assert problem.value == ""
        shown = ours.value
        ours.value = "typed by mistake"
        assert ours.value == shown
        theirs_there.value = shown
        theirs.value = await until(lambda: ours_there.value)
        await connecting
        await until(lambda: "Connected" in words.value)
