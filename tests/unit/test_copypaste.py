"""Descriptions as texts, and what becomes of them in chat programs."""

from __future__ import annotations

import random
import string
import time
import zlib
from pathlib import Path

import pytest

from jupyter_rtc import CopyPaste, InvalidStateError, SdpError, SessionDescription
from jupyter_rtc.signaling import text
from jupyter_rtc.signaling.text import Note

VECTORS = sorted((Path(__file__).parent.parent / "vectors" / "sdp").glob("*.sdp"))
SDP = next(path for path in VECTORS if path.stem == "firefox-offer").read_bytes().decode()


@pytest.mark.parametrize("path", VECTORS, ids=[path.stem for path in VECTORS])
def test_a_description_comes_back_as_it_was_and_is_short(path):
    sdp = path.read_bytes().decode()
    for kind in ("offer", "answer"):
        sent = CopyPaste.encode({"type": kind, "sdp": sdp})
        assert CopyPaste.decode(sent) == {"type": kind, "sdp": sdp}
        assert len(sent) < 0.4 * len(sdp)
        assert sent.isascii()
        assert sent.isalnum()
    assert CopyPaste().encode(SessionDescription("offer", sdp)) == CopyPaste.encode({"type": "offer", "sdp": sdp})


@pytest.mark.parametrize(
    "carry",
    [
        lambda t: f"  {t}\n\n",
        lambda t: f"here you are: {t} -- bye!",
        lambda t: "\r\n".join(t[i : i + 40] for i in range(0, len(t), 40)),
        lambda t: "".join(f"> {t[i : i + 72]}\n" for i in range(0, len(t), 72)),
        lambda t: f"“{t}”",
        lambda t: f"```\n{t}\n```",
        lambda t: "\u200b".join(t),
        lambda t: t + t,
    ],
)
def test_what_chat_programs_do_to_a_text_does_no_harm(carry):
    assert CopyPaste.decode(carry(CopyPaste.encode({"type": "offer", "sdp": SDP})))["sdp"] == SDP


def test_a_text_that_is_cut_short_anywhere_says_so():
    sent = CopyPaste.encode({"type": "offer", "sdp": SDP})
    for end in (8, 9, 20, len(sent) // 2, len(sent) - 1):
        with pytest.raises(SdpError, match=f"cut short: {end} of its {len(sent)} characters"):
            CopyPaste.decode(sent[:end])
    for end in (6, 7):
        with pytest.raises(SdpError, match="cut short"):
            CopyPaste.decode(sent[:end])
    with pytest.raises(SdpError, match="beginning is missing"):
        CopyPaste.decode(sent[1:])


def test_a_text_that_was_changed_anywhere_says_so():
    sent = CopyPaste.encode({"type": "offer", "sdp": SDP})
    for at in random.Random(1).sample(range(8, len(sent)), 60):
        changed = sent[:at] + ("A" if sent[at] != "A" else "B") + sent[at + 1 :]
        with pytest.raises(SdpError):
            CopyPaste.decode(changed)
    with pytest.raises(SdpError):
        CopyPaste.decode(sent.lower())


@pytest.mark.parametrize(
    "wrong", ["", " \n", "hello", "JRTC", "JRTC1", "JRTC1000", "JRTC1001A", "JRTC1zzz", "JRTC1003abc"]
)
def test_what_is_no_such_text_says_so(wrong):
    with pytest.raises(SdpError):
        CopyPaste.decode(wrong)
    with pytest.raises(SdpError):
        CopyPaste().paste(wrong)


def test_of_several_texts_the_last_one_counts():
    first, second = (CopyPaste.encode({"type": kind, "sdp": SDP}) for kind in ("offer", "answer"))
    for before in (first, first[:100]):
        assert CopyPaste.decode(before + second)["type"] == "answer"


def test_a_text_that_unpacks_to_no_end_is_refused():
    with pytest.raises(ValueError, match="longer than any"):
        CopyPaste.encode({"type": "offer", "sdp": "a" * (text.LONGEST + 1)})


def test_wrong_types_are_told():
    with pytest.raises(TypeError):
        CopyPaste.decode(7)
    with pytest.raises(TypeError):
        CopyPaste.encode("v=0")
    with pytest.raises(ValueError):
        CopyPaste.encode({"type": "rollback"})


async def test_who_pastes_a_text_that_is_not_meant_for_them_is_told_so():
    paste = CopyPaste()
    with pytest.raises(SdpError, match="nothing was offered"):
        paste.paste(CopyPaste.encode({"type": "answer", "sdp": SDP}))
    await paste.send({"type": "offer", "sdp": SDP})
    with pytest.raises(SdpError, match="your own text"):
        paste.paste(paste.text)
    with pytest.raises(SdpError, match="answers another one"):
        paste.paste(text.encode(Note("answer", SDP, 7)))
    await paste.close()
    with pytest.raises(InvalidStateError):
        paste.paste(CopyPaste.encode({"type": "answer", "sdp": SDP}))


# -- hostile texts, and long ones ------------------------------------------------------------------------------------

BOOK = text.LONGEST_PASTE


@pytest.mark.parametrize(
    ("hostile", "words"),
    [
        ("JRTC1zzz" + "7" * 238_327, "would have 238327 characters, and 89000 are the most"),
        ("JRTC1zzz", "would have 238327 characters"),
        ("JRTC1N9T" + "z" * 89_000, "changed on its way"),
        ("JRTC1N9T" + "0" * 89_000, "changed on its way"),
        ("JRTC1" * (BOOK // 5), "are the most|changed|cut short"),
        ("JRTC1N9T" * (BOOK // 8), "cut short"),
        ("-" * BOOK, "there is no text"),
        ("\ud800" * BOOK, "there is no text"),
        ("x" * BOOK, "not such a text"),
        ("7" * (BOOK + 1), f"{BOOK + 1} characters were pasted, and {BOOK} are the most"),
        ("\N{ARABIC-INDIC DIGIT FIVE}" * 100_000, "there is no text"),
    ],
    ids=range(11),
)
def test_hostile_texts_are_refused_at_once_and_in_words(hostile, words):
    began = time.process_time()
    with pytest.raises(SdpError, match=words):
        CopyPaste().paste(hostile)
    assert time.process_time() - began < 1


def test_the_longest_description_is_carried_in_little_time():
    sdp = "v=0\r\n" + "".join(random.Random(1).choices(string.printable[:94], k=text.LONGEST - 5))
    began = time.process_time()
    sent = CopyPaste.encode({"type": "offer", "sdp": sdp})
    assert text.decode(sent).sdp == sdp
    assert len(sent) <= text.LONGEST_TEXT + 8
    assert time.process_time() - began < 2
    with pytest.raises(ValueError, match="longer than any"):
        CopyPaste.encode({"type": "offer", "sdp": sdp + "x"})


def test_a_description_that_is_blown_up_is_refused():
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, text._DICTIONARY)
    data = b"\1" + bytes(4) + squeeze.compress(b"v=0\r\n" * 1_000_000) + squeeze.flush()
    body = text._digits(int.from_bytes(data + zlib.crc32(data).to_bytes(4)))
    with pytest.raises(SdpError, match="longer than 65536 bytes"):
        text.decode(text.START + text._digits(len(body)).rjust(3, "0") + body)


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 127, 128, 129, 500, 1025])
def test_numbers_of_any_length_come_back(length):
    chance = random.Random(length)
    for _ in range(5):
        digits = chance.choice(text._DIGITS[1:]) + "".join(chance.choices(text._DIGITS, k=length - 1))
        number = text._number(digits)
        assert number == sum(text._VALUES[d] * 62**place for place, d in enumerate(reversed(digits)))
        assert text._digits(number) == digits
    assert text._digits(0) == ""
