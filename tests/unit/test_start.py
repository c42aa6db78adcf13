"""The start bitrate in the kernel's answer to a page."""

from __future__ import annotations

import pytest

from jupyter_rtc.link.start import with_start_bitrate

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n"
VIDEO = (
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103\r\na=mid:1\r\na={direction}\r\n"
    "a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n"
    "a=fmtp:97 apt=96\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1\r\na=rtpmap:103 rtx/90000\r\n"
    "a=fmtp:103 apt=102\r\n"
)


def test_each_codec_of_video_that_is_received_begins_high():
    text = with_start_bitrate(HEAD + AUDIO + VIDEO.format(direction="recvonly"), 2500)
    assert "a=rtpmap:96 VP8/90000\r\na=fmtp:96 x-google-start-bitrate=2500\r\n" in text
    assert "a=fmtp:102 packetization-mode=1;x-google-start-bitrate=2500\r\n" in text
    assert text.count("x-google") == 2
    assert text.startswith(HEAD + AUDIO)
    assert text.endswith("\r\n")


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_what_is_not_received_is_left_alone(direction):
    text = HEAD + AUDIO + VIDEO.format(direction=direction)
    assert with_start_bitrate(text) == text
