"""Fragments of SDP, ICE servers in Link headers, addresses and tokens."""

from __future__ import annotations

import pytest

from jupyter_rtc import SdpError, SignalingError, Whep, Whip
from jupyter_rtc.signaling import fragment, http
from jupyter_rtc.signaling.exchange import ice_servers
from jupyter_rtc.signaling.http import Reply, Token

ANSWER = """v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=ice-ufrag:old
a=ice-pwd:oldoldoldoldoldoldold1
a=candidate:1 1 udp 1 198.51.100.7 9 typ host
a=end-of-candidates
a=sendonly
m=video 9 UDP/TLS/RTP/SAVPF 97
c=IN IP4 0.0.0.0
a=mid:1
a=ice-ufrag:old
a=ice-pwd:oldoldoldoldoldoldold1
a=sendonly
""".replace("\n", "\r\n")
FRESH = (
    "a=ice-ufrag:new\r\na=ice-pwd:newnewnewnewnewnewnew1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
    "a=candidate:2 1 udp 2 198.51.100.8 10 typ host\r\na=end-of-candidates\r\n"
)


def test_a_fragment_tells_credentials_and_candidates_of_the_bundle():
    piece = fragment.parse(fragment.of(ANSWER))
    assert (piece.ufrag, piece.password, piece.ended) == ("old", "oldoldoldoldoldoldold1", True)
    assert piece.candidates == [
        {"candidate": "candidate:1 1 udp 1 198.51.100.7 9 typ host", "sdpMid": "0", "sdpMLineIndex": None}
    ]


@pytest.mark.parametrize("ice_in_session", [False, True])
def test_a_restart_renews_ice_and_nothing_else(ice_in_session):
    text = ANSWER
    if ice_in_session:
        ice = "a=ice-ufrag:old\r\na=ice-pwd:oldoldoldoldoldoldold1\r\n"
        text = text.replace(ice, "").replace("c=IN IP4 0.0.0.0\r\n", "").replace("m=audio", f"{ice}m=audio")
    renewed = fragment.renewed(text, fragment.parse(FRESH))
    assert "old" not in renewed
    assert renewed.count("a=ice-ufrag:new") == renewed.count("a=ice-pwd:newnewnewnewnewnewnew1") == 2 - ice_in_session
    assert renewed.count("candidate:2") == 1
    audio, video = renewed.split("m=video")
    assert "candidate:2" in audio
    assert "a=end-of-candidates" in audio
    strip = ("a=ice", "a=candidate", "a=end-of")
    kept = [[line for line in t.split("\r\n") if not line.startswith(strip)] for t in (text, renewed)]
    assert kept[0] == kept[1]
    assert fragment.parse(fragment.of(renewed)).ufrag == "new"
    assert "a=mid:1" in video


@pytest.mark.parametrize("text", ["<html>", "a=ice-ufrag:x\r\nhello", "a=candidate:1\r\n" * 101])
def test_what_is_no_fragment_is_refused(text):
    with pytest.raises(SdpError):
        fragment.parse(text)


def test_a_fragment_without_credentials_restarts_nothing():
    with pytest.raises(SdpError):
        fragment.renewed(ANSWER, fragment.parse("a=mid:0\r\n"))


def test_ice_servers_are_read_from_links():
    turn = '<turn:turn.example.net:443?transport=tcp>; rel="ice-server"; username="a,b;c"; credential="x\\"y"'
    plain = "<turn:plain>;rel=ice-server;username=u;credential=p"
    links = [
        '<stun:stun.example.net>; rel="ice-server"',
        f'{turn}, <https://example.net/a,b>; rel="other", {plain}',
        '<turn:no-credentials>; rel="ice-server"',
        "nonsense",
    ]
    assert [(s.urls, s.username, s.credential) for s in ice_servers(links)] == [
        (("stun:stun.example.net",), None, None),
        (("turn:turn.example.net:443?transport=tcp",), "a,b;c", 'x"y'),
        (("turn:plain",), "u", "p"),
    ]


@pytest.mark.parametrize("client", [Whip, Whep])
@pytest.mark.parametrize(
    ("url", "error"),
    [(7, TypeError), ("", ValueError), ("media.example/whip", ValueError), ("ftp://a/b", ValueError),
     ("https://", ValueError), ("https://a:0/b", ValueError), ("https://a:99999/b", ValueError),
     ("https://user:secret@a/b", ValueError)],
)  # fmt: skip
def test_what_is_no_address_is_refused(client, url, error):
    with pytest.raises(error) as caught:
        client(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "with blank", "line\nbreak", "naïve"])
def test_what_is_no_token_is_refused_without_showing_it(token):
    with pytest.raises(ValueError) as caught:
        Whip("https://a/b", token=token)
    assert not token or token not in str(caught.value)
    with pytest.raises(TypeError):
        Whip("https://a/b", token=7)


def test_secrets_are_not_shown():
    whip = Whip("https://media.example/live?key=secret#secret", token="secret")
    shown = [repr(whip), str(whip), whip.url, repr(whip._token), str(vars(whip)["_token"])]
    assert not any("secret" in text for text in shown)
    assert whip.url.startswith("https://media.example/live")


def reply(status: int, text: str = "", **headers: str) -> Reply:
    from multidict import CIMultiDict

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, CIMultiDict(named), text, "https://media.example/live?key=secret")


@pytest.mark.parametrize(
    ("answer", "token", "words"),
    [
        (reply(401), None, "pass token="),
        (reply(403), "secret", "is refused"),
        (reply(404), None, "nothing at this address"),
        (reply(405), None, "no WHIP endpoint"),
        (reply(409, "taken", Content_Type="text/plain"), None, "it says: taken"),
        (reply(503, Retry_After="7"), None, "in 7 s"),
        (reply(302, Location="/elsewhere"), None, "use https://media.example/elsewhere"),
        (reply(500, "<h1>secret</h1>", Content_Type="text/html"), None, "server failed"),
        (reply(418, "your token secret", Content_Type="text/plain"), "secret", "your token …"),
        (reply(599), None, "server failed"),
    ],
)
def test_a_refusal_says_what_to_do(answer, token, words):
    error = http.refusal(answer, Token(token), "WHIP")
    assert isinstance(error, SignalingError)
    assert isinstance(error, ConnectionError)
    assert error.status == answer.status
    assert words in str(error)
    assert "secret" not in str(error) + error.url
