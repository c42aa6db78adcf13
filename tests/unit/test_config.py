"""ICE servers: parsed, from code and from the environment, and never with their credential in a text."""

from __future__ import annotations

import json
import traceback

import pytest

import jupyter_rtc
from jupyter_rtc import config
from jupyter_rtc.config import ice_servers
from jupyter_rtc.ice import IceServer, parse_ice_servers

SECRET = "s3cr3t"
TURN = {"urls": ["turn:turn.example.org:3478", "turns:turn.example.org"], "username": "u", "credential": SECRET}


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_configured", None)
    monkeypatch.setattr(config, "_bitrate", None)
    monkeypatch.setattr(config, "_codec", None)
    monkeypatch.delenv("JUPYTER_RTC_ICE_SERVERS", raising=False)


def test_by_default_there_is_no_server():
    assert ice_servers() == ()


def test_an_address_is_a_server():
    (server,) = parse_ice_servers(["stun:stun.example.org:3478"])
    assert server == IceServer(("stun:stun.example.org:3478",))
    assert server.to_json() == {"urls": ["stun:stun.example.org:3478"]}


def test_a_dictionary_is_a_server_as_in_browsers():
    (server,) = parse_ice_servers([TURN])
    assert server.to_json() == TURN
    assert parse_ice_servers([{"urls": "stun:a"}])[0].urls == ("stun:a",)


def test_parsed_servers_may_be_parsed_again():
    servers = parse_ice_servers(["stun:a", TURN])
    assert parse_ice_servers(servers) == servers


@pytest.mark.parametrize("wrong", ["stun:a", TURN, None, 7])
def test_one_server_is_no_list_of_servers(wrong):
    with pytest.raises(TypeError, match="list"):
        parse_ice_servers(wrong)


@pytest.mark.parametrize("wrong", [None, 7, {"url": "stun:a"}, ["stun:a"]])
def test_something_else_is_no_server(wrong):
    with pytest.raises(TypeError):
        parse_ice_servers([wrong])


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://example.org", r" \(http://example.org...\) is no ICE server address"),
        ("stun.example.org", " is no ICE server address"),
        ("", " is no ICE server address"),
        ("STUN", " is no ICE server address"),
        (7, " is of type int"),
        ({"urls": "turn:h", "credential": SECRET}, " is of type dict"),
        (f"turn:u:{SECRET}@h", r" \(turn:...\) has an @ in it"),
        (f"turn:u:p@{SECRET}", r" \(turn:...\) has an @ in it"),
        (f"turn:h?token={SECRET}", r" \(turn:h...\) is no ICE server address"),
        (f"turn:[::1]:99?token={SECRET}", r" \(turn:\[::1\]...\) is no ICE server address"),
        (f"https://u:{SECRET}@h/", r" \(https://...\) has an @ in it"),
        (f"turn:u:{SECRET}", r" \(turn:...\) is no ICE server address"),
        (SECRET, " is no ICE server address"),
        (f"{SECRET}:h", " is no ICE server address"),
    ],
)
def test_what_is_no_address_is_refused_with_its_place_and_at_most_scheme_and_host(address, words):
    for urls, place in (([address], r"urls\[0\]"), (("turn:h", address), r"urls\[1\]")):
        with pytest.raises(ValueError, match=rf"^ice_servers\[1\].{place}{words}.*stun:HOST:PORT") as caught:
            parse_ice_servers(["stun:a", {"urls": urls, "username": "u", "credential": SECRET}])
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        SECRET,
        [SECRET],
        [{"url": SECRET}],
        [{"urls": {"turn:h": SECRET}}],
        [{"urls": SECRET.encode()}],
        [{"urls": "turn:h", "credential": SECRET}],
        [{"urls": "turn:h", "username": [SECRET], "credential": SECRET}],
        [{"urls": "turn:h", "username": SECRET, "credential": SECRET + "\ud800"}],
    ],
)
def test_no_error_has_what_was_given_from_code_or_from_the_environment(wrong, monkeypatch):
    with pytest.raises((TypeError, ValueError)) as caught:
        jupyter_rtc.PeerConnection(ice_servers=wrong)
    assert SECRET not in _shown(caught)
    monkeypatch.setenv("JUPYTER_RTC_ICE_SERVERS", json.dumps(wrong, default=str))
    with pytest.raises((TypeError, ValueError), match="^JUPYTER_RTC_ICE_SERVERS is wrong: ") as caught:
        ice_servers()
    assert SECRET not in _shown(caught)


def _shown(caught):
    return "".join(traceback.format_exception_only(caught.type, caught.value)) + repr(caught.value.args)


@pytest.mark.parametrize(
    "address",
    [
        "stun:127.0.0.1:99999", "stun:h:0", "turn:h:0?transport=tcp", "stun:h:" + "1" * 5000, "stun:h:\u0661",
        "stun:\0", "stun:h\0", "stun:a b", "stun:a\u00a0b", "stun:\x7f", "stun:" + "a" * 300, "stun:a..b",
        "stun:[1.2.3.4]", "stun:[]", "stun:[::1%lo]", "stun:[:::1]", "turn:[g::1]",
    ],
)  # fmt: skip
def test_a_port_or_a_host_that_cannot_be_is_refused(address):
    with pytest.raises(ValueError, match="has a port|has no host|is no ICE server address"):
        parse_ice_servers([{"urls": address, "username": "u", "credential": SECRET}])


def test_hosts_and_ports_that_can_be():
    for url in ("stun:h:1", "stun:h:65535", "stun:[::1]", "stun:[2001:db8::1.2.3.4]:3478", "stun:b\u00fccher.example."):
        assert parse_ice_servers([url]) == (IceServer((url,)),)


@pytest.mark.parametrize("url", ["stun:h", "turn:h"])
@pytest.mark.parametrize("wrong", [{"username": 7}, {"credential": SECRET.encode()}, {"credential": {"a": SECRET}}])
def test_a_name_and_a_credential_are_str(url, wrong):
    server = {"urls": url, "username": "u", "credential": SECRET} | wrong
    with pytest.raises(TypeError, match="(username|credential) is a str") as caught:
        parse_ice_servers([server])
    assert SECRET not in str(caught.value)


def test_the_credential_is_in_no_text():
    servers = parse_ice_servers([TURN])
    for text in (repr(servers), str(servers[0]), f"{servers[0]}"):
        assert SECRET not in text
        assert "turn.example.org" in text


def test_configured_servers_come_before_those_of_the_environment(monkeypatch):
    monkeypatch.setenv("JUPYTER_RTC_ICE_SERVERS", '["stun:environment"]')
    assert [server.urls for server in ice_servers()] == [("stun:environment",)]
    jupyter_rtc.configure(ice_servers=["stun:code"])
    assert [server.urls for server in ice_servers()] == [("stun:code",)]
    jupyter_rtc.configure()
    assert [server.urls for server in ice_servers()] == [("stun:code",)], "what is not named does not change"
    jupyter_rtc.configure(ice_servers=[])
    assert ice_servers() == ()


def test_the_environment_takes_what_browsers_take(monkeypatch):
    monkeypatch.setenv("JUPYTER_RTC_ICE_SERVERS", f'[{{"urls": "turn:t", "username": "u", "credential": "{SECRET}"}}]')
    assert ice_servers()[0].to_json() == {"urls": ["turn:t"], "username": "u", "credential": SECRET}


def test_an_environment_that_is_no_json_says_which_variable(monkeypatch):
    for text in (f"[{SECRET}", "[" * 100_000, "1" * 5000):
        monkeypatch.setenv("JUPYTER_RTC_ICE_SERVERS", text)
        with pytest.raises(ValueError, match="JUPYTER_RTC_ICE_SERVERS is not JSON: ") as caught:
            ice_servers()
        assert SECRET not in str(caught.value)
        assert caught.value.__context__ is None, "which has the whole text"


def test_a_wrong_configuration_changes_nothing():
    jupyter_rtc.configure(ice_servers=["stun:a"])
    with pytest.raises(ValueError):
        jupyter_rtc.configure(ice_servers=["stun:b", "nonsense"])
    assert [server.urls for server in ice_servers()] == [("stun:a",)]


def test_a_connection_refuses_wrong_servers_when_it_is_made():
    with pytest.raises(ValueError, match=r"ice_servers\[0\]"):
        jupyter_rtc.PeerConnection(ice_servers=["nonsense"])


@pytest.mark.parametrize("address", ["stun:", "turn:host:port", "stun:host?transport=udp"])
def test_an_address_that_the_engine_could_not_use_is_refused_at_once(address):
    """Not only when the first track is added."""
    with pytest.raises(ValueError, match="stun|turn"):
        jupyter_rtc.PeerConnection(ice_servers=[address])


# -- bit rate and codec -----------------------------------------------------------------------------------------------


def test_a_number_is_the_most_that_a_stream_may_have():
    jupyter_rtc.configure(bitrate=2_000_000)
    assert config.bitrate() == config.Bitrate(150_000, 2_000_000, 2_000_000)


def test_what_is_not_given_gives_way_to_what_is():
    assert config.parse_bitrate({"start": 20_000_000}) == config.Bitrate(150_000, 20_000_000, 20_000_000)
    assert config.parse_bitrate({"floor": 6_000_000}) == config.Bitrate(6_000_000, 6_000_000, 8_000_000)
    assert config.parse_bitrate(100_000) == config.Bitrate(100_000, 100_000, 100_000)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ("fast", TypeError),
        (True, TypeError),
        (10, ValueError),
        ({"start": 1e12}, ValueError),
        ({"begin": 1e6}, ValueError),
        ({"floor": 2e6, "ceiling": 1e6}, ValueError),
    ],
)
def test_a_wrong_bitrate_is_refused_and_changes_nothing(wrong, error):
    with pytest.raises(error, match="bitrate"):
        jupyter_rtc.configure(bitrate=wrong, codec="H264")
    assert config.bitrate() == config.Bitrate()
    assert config.codec() is None


def test_the_bitrate_of_the_environment(monkeypatch):
    monkeypatch.setenv("JUPYTER_RTC_BITRATE", '{"ceiling": 3000000}')
    assert config.bitrate().ceiling == 3_000_000
    jupyter_rtc.configure(bitrate=1_000_000)
    assert config.bitrate().ceiling == 1_000_000
    monkeypatch.setattr(config, "_bitrate", None)
    monkeypatch.setenv("JUPYTER_RTC_BITRATE", "much")
    with pytest.raises(ValueError, match="JUPYTER_RTC_BITRATE"):
        config.bitrate()


@pytest.mark.parametrize("name", ["H264", "h264", "video/H264"])
def test_a_codec_is_named_in_any_way(name):
    jupyter_rtc.configure(codec=name)
    assert config.codec() == "H264"


def test_an_unknown_codec_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="AV1"):
        jupyter_rtc.configure(codec="AV1")
    monkeypatch.setenv("JUPYTER_RTC_CODEC", "VP8")
    assert config.codec() == "VP8"


@pytest.mark.parametrize(
    ("said", "meant"), [("2M", "2_000_000"), ("2.5 Mbit/s", "2_500_000"), ("500k", "500_000"), ("800", "800")]
)
def test_a_bit_rate_in_words_is_answered_with_its_number(said, meant):
    words = f"a number of bits a second, not '{said}': write {meant}$"
    with pytest.raises(TypeError, match=words):
        jupyter_rtc.configure(bitrate=said)
    with pytest.raises(TypeError, match=words):
        jupyter_rtc.configure(bitrate={"start": said})
    sender = jupyter_rtc.PeerConnection().add_track(jupyter_rtc.TestPattern())
    with pytest.raises(TypeError, match=words):
        sender.set_parameters(max_bitrate=said)
    assert sender.get_parameters()["encodings"][0].get("maxBitrate") is None


@pytest.mark.parametrize("said", ["fast", "", "2 million", [2]])
def test_what_is_no_bit_rate_at_all_is_answered_with_an_example(said):
    with pytest.raises(TypeError, match="a number of bits a second, as 2_000_000"):
        jupyter_rtc.configure(bitrate=said)
