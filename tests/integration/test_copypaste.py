"""Two connections, and nothing between them but texts; and what is shown of it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

import jupyter_rtc as rtc
from jupyter_rtc.rtc.perfect import yields
from jupyter_rtc.signaling import copypaste
from jupyter_rtc.signaling import text as texts

from .waiting import SOON, until


async def test_two_people_connect_by_pasting():
    here, there = rtc.CopyPaste(), rtc.CopyPaste()
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.add_track(rtc.TestPattern((320, 240)))
        connecting = asyncio.gather(a.connect(here, SOON), b.connect(there, SOON))
        offer = await until(lambda: here.text)
        assert "send it to the other person" in here.words
        there.paste(offer)
        answer = await until(lambda: there.text)
        assert "send it back" in there.words
        with pytest.raises(rtc.SdpError, match="your own text"):
            there.paste(answer)
        with pytest.raises(rtc.SdpError, match="taken already"):
            there.paste(offer)
        here.paste(answer)
        await connecting
        await until(lambda: here.words == there.words == "Connected.")
        video = b.get_receivers()[0].track
        assert (await asyncio.to_thread(video.read, timeout=SOON)).shape == (240, 320, 3)
        with pytest.raises(rtc.NotSupportedError, match="replace_track"):
            a.add_track(rtc.TestTone())
        with pytest.raises(rtc.SdpError, match="no text is wanted"):
            here.paste(answer)
    await until(lambda: here.words == there.words and "is closed" in here.words)


@pytest.mark.parametrize(
    "pastes", ["keeper", "other", "keeper, other", "other, keeper", "keeper other", "other keeper"]
)
async def test_where_both_have_a_first_text_the_same_one_is_answered(pastes):
    """In whatever order they are pasted, at once or one when the box has said what came of the other."""
    here, there = rtc.CopyPaste(), rtc.CopyPaste()
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.add_track(rtc.TestPattern((320, 240)))
        b.add_track(rtc.TestPattern((160, 120)))
        connecting = asyncio.gather(a.connect(here, SOON), b.connect(there, SOON))
        firsts = {here: await here.next_text(SOON), there: await there.next_text(SOON)}
        sdps = [rtc.CopyPaste.decode(firsts[box])["sdp"] for box in (here, there)]
        keeper, other = (there, here) if yields(*sdps) else (here, there)
        for who in pastes.replace(",", "").split():
            if who == "keeper":
                keeper.paste(firsts[other])
                assert "yours is the one to be answered" in keeper.words
                assert keeper.text == firsts[keeper]
                keeper.paste(firsts[other])  # once more does no harm
            else:
                other.paste(firsts[keeper])
                if "," in pastes:
                    await until(lambda: "new upper text" in other.words)
        if "other" not in pastes:  # the keeper sends its own, as it was told
            other.paste(firsts[keeper])
        answer = await other.next_text(SOON)
        assert "new upper text" in other.words
        keeper.paste(answer)
        await connecting
        for connection, shape in ((b, (240, 320, 3)), (a, (120, 160, 3))):
            track = connection.get_receivers()[0].track
            assert (await asyncio.to_thread(track.read, timeout=SOON)).shape == shape


async def test_a_first_text_that_nobody_has_seen_gives_way():
    for _ in range(3):  # whose name is the smaller one is chance
        here, there = rtc.CopyPaste(), rtc.CopyPaste()
        async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
            a.create_data_channel("chat")
            b.create_data_channel("chat")
            connecting = asyncio.gather(a.connect(here, SOON), b.connect(there, SOON))
            there.paste(await here.next_text(SOON))
            here.paste(await there.next_text(SOON))
            await connecting


async def test_a_connection_that_fails_says_so_and_what_to_do():
    here, there = rtc.CopyPaste(), rtc.CopyPaste()
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.create_data_channel("chat")
        connecting = [asyncio.create_task(each) for each in (a.connect(here, SOON), b.connect(there, SOON))]
        there.paste(await here.next_text(SOON))
        note = texts.decode(await there.next_text(SOON))
        digest = re.search("sha-256 (.*)", note.sdp)[1].strip()
        before = here.text
        here.paste(texts.encode(replace(note, sdp=note.sdp.replace(digest, digest[::-1][:95]))))
        await until(lambda: "The connection failed." in here.words)
        assert "new PeerConnection" in here.words
        assert here.text == before  # no restart's offer
        with pytest.raises(rtc.InvalidStateError, match="failed"):
            here.paste(before)
        for each in connecting:
            each.cancel()
        await asyncio.wait(connecting)


async def test_a_way_that_is_not_found_is_told(monkeypatch):
    monkeypatch.setattr(copypaste, "PATIENCE", 0.5)
    here, there = rtc.CopyPaste(), rtc.CopyPaste()
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.create_data_channel("chat")
        connecting = [asyncio.create_task(each) for each in (a.connect(here, SOON), b.connect(there, SOON))]
        there.paste(await here.next_text(SOON))
        note = texts.decode(await there.next_text(SOON))
        secret = re.search("a=ice-pwd:(.*)", note.sdp)[1].strip()
        here.paste(texts.encode(replace(note, sdp=note.sdp.replace(secret, secret[::-1]))))
        await until(lambda: "still trying" in here.words)
        assert "new PeerConnection" in here.words
        for each in connecting:
            each.cancel()
        await asyncio.wait(connecting)


async def test_the_other_side_leaving_is_told():
    here, there = rtc.CopyPaste(), rtc.CopyPaste()
    async with rtc.PeerConnection() as a:
        async with rtc.PeerConnection() as b:
            a.create_data_channel("chat")
            connecting = asyncio.gather(a.connect(here, SOON), b.connect(there, SOON))
            there.paste(await here.next_text(SOON))
            here.paste(await there.next_text(SOON))
            await connecting
        await until(lambda: "The other side has closed" in here.words)


async def test_a_connect_that_is_refused_shows_why():
    here, there = rtc.CopyPaste(), rtc.CopyPaste()
    async with rtc.PeerConnection() as a, rtc.PeerConnection() as b:
        a.create_data_channel("chat")
        connecting = [asyncio.create_task(each) for each in (a.connect(here, SOON), b.connect(there, SOON))]
        there.paste(await here.next_text(SOON))
        note = texts.decode(await there.next_text(SOON))
        here.paste(texts.encode(replace(note, sdp="v=0\r\n")))
        with pytest.raises(rtc.SdpError) as refused:
            await connecting[0]
        assert str(refused.value) in here.words
        assert "new CopyPaste" in here.words
        connecting[1].cancel()
        await asyncio.wait(connecting)


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
    words, ours, copy, theirs, problem = here.view.children
    words_there, ours_there, copy_there, theirs_there, _ = there.view.children
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
        assert copy.text == shown
        theirs_there.value = shown
        assert theirs_there.value == ""  # room for another one
        answer = await until(lambda: ours_there.value)
        await until(lambda: copy_there.text == answer)
        theirs.value = answer
        await connecting
        await until(lambda: "Connected" in words.value and "Connected" in words_there.value)
        await until(lambda: copy.layout.display == copy_there.layout.display == theirs.layout.display == "none")
        assert ours.value == ours_there.value == copy.text == ""
