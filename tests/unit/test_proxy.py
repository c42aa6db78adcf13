"""Which proxy a request goes through."""

from __future__ import annotations

import os

import pytest

from jupyter_rtc.signaling.proxy import proxy_for

ONE, TWO = "http://one.example:3128", "http://two.example:8080"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, "https://media.example/", None),
        ({"HTTPS_PROXY": ONE}, "https://media.example/", ONE),
        ({"https_proxy": ONE}, "https://media.example/", ONE),
        ({"HTTPS_PROXY": TWO, "https_proxy": ONE}, "https://media.example/", ONE),
        ({"HTTPS_PROXY": ONE, "HTTP_PROXY": TWO}, "HTTPS://media.example/", ONE),
        ({"HTTPS_PROXY": ONE, "HTTP_PROXY": TWO}, "http://media.example/", TWO),
        ({"HTTPS_PROXY": ONE}, "http://media.example/", None),
        ({"ALL_PROXY": ONE}, "https://media.example/", ONE),
        ({"all_proxy": ONE}, "http://media.example/", ONE),
        ({"ALL_PROXY": "socks5://one.example", "HTTPS_PROXY": TWO}, "https://media.example/", TWO),
        ({"HTTPS_PROXY": ""}, "https://media.example/", None),
        ({"HTTPS_PROXY": " "}, "https://media.example/", None),
        ({"HTTPS_PROXY": "one.example:3128"}, "https://media.example/", ONE),
        ({"HTTPS_PROXY": "http://one.example"}, "https://media.example/", "http://one.example:80"),
        ({"HTTPS_PROXY": "https://one.example/"}, "https://media.example/", "https://one.example:443"),
        ({"HTTPS_PROXY": "http://[fd00::1]:3128"}, "https://media.example/", "http://[fd00::1]:3128"),
        # This machine itself is never asked through another one.
        ({"ALL_PROXY": ONE}, "http://127.0.0.1:8000/", None),
        ({"ALL_PROXY": ONE}, "http://127.9.9.9:8000/", None),
        ({"ALL_PROXY": ONE}, "http://[::1]:8000/", None),
        ({"ALL_PROXY": ONE}, "http://LocalHost:8000/", None),
        ({"ALL_PROXY": ONE}, "http://lab.localhost:8000/", None),
        ({"ALL_PROXY": ONE}, "http://0.0.0.0:8000/", None),
        ({"ALL_PROXY": ONE}, "http://localhost.example:8000/", ONE),
    ],
)
def test_the_proxy_of_an_address_is_what_the_environment_says(monkeypatch, variables, url, proxy):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(url)
    assert (found.url if found else None) == proxy


@pytest.mark.parametrize(
    ("excluded", "host", "direct"),
    [
        ("*", "media.example", True),
        ("media.example", "media.example", True),
        ("media.example", "MEDIA.example.", True),
        ("example", "media.example", True),
        (".example", "media.example", True),
        ("*.example", "media.example", True),
        ("a.example, media.example", "media.example", True),
        ("a.example media.example", "media.example", True),
        ("dia.example", "media.example", False),
        ("media.example:8443", "media.example:8443", True),
        ("media.example:8443", "media.example", False),
        ("media.example:443", "media.example", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "media.example", False),
        ("fd00::/8", "[fd77::4]", True),
        ("[fd77::4]", "[fd77::4]:8443", True),
        ("[fd77::4]:8443", "[fd77::4]:8443", True),
        ("fd77::4", "10.1.2.3", False),
        ("", "media.example", False),
        (",", "media.example", False),
        (".", "media.example", False),
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_what_is_excluded_is_asked_directly(monkeypatch, name, excluded, host, direct):
    monkeypatch.setenv("HTTPS_PROXY", ONE)
    monkeypatch.setenv(name, excluded)
    assert (proxy_for(f"https://{host}/x") is None) is direct


@pytest.mark.parametrize(
    ("login", "header"),
    [
        ("ada:secret", "Basic YWRhOnNlY3JldA=="),
        ("ada:s%40%3A%2Fecret", "Basic YWRhOnNAOi9lY3JldA=="),
        ("ada", "Basic YWRhOg=="),
        ("ad%C3%A4:x", "Basic YWTDpDp4"),
    ],
)
def test_the_login_of_a_proxy_is_told_to_it_alone(monkeypatch, login, header):
    monkeypatch.setenv("ALL_PROXY", f"http://{login}@one.example:3128")
    tunnel, plain = proxy_for("https://media.example/"), proxy_for("http://media.example/")
    own = {"Authorization": "Bearer x"}
    assert tunnel.options("https://media.example/", own) == {
        "proxy": ONE,
        "proxy_headers": {"Proxy-Authorization": header},
        "headers": own,
    }
    assert plain.options("http://media.example/", own) == {
        "proxy": ONE,
        "headers": {**own, "Proxy-Authorization": header},
    }
    assert "ada" not in f"{tunnel!r}{tunnel}"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("socks5://ada:secret@one.example:1080", "ALL_PROXY names a SOCKS proxy"),
        ("socks5h://one.example:1080", "SOCKS"),
        ("ftp://ada:secret@one.example", "no proxy that can be used"),
        ("http://", "no proxy that can be used"),
        ("http://one.example:port", "no proxy that can be used"),
        ("http://one.example:0", "no proxy that can be used"),
        ("http://one.example:99999", "no proxy that can be used"),
        ("http://ada:secret#1@one.example", "%23"),
        ("http://ada:secret/1@one.example", "%2F"),
        ("http://[::1", "no proxy that can be used"),
        ("http://a b", "no proxy that can be used"),
    ],
)
def test_what_is_no_proxy_is_told_without_its_password(monkeypatch, value, words):
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(ValueError) as caught:
        proxy_for("https://media.example/")
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "ada" not in str(caught.value)
