"""What doctor() finds, and how it is shown."""

from __future__ import annotations

import re

import pytest

import jupyter_rtc as rtc
from jupyter_rtc import config, ice
from jupyter_rtc.link import kernel

# The name jupyter_rtc.doctor is the function's.
doctor = __import__("sys").modules["jupyter_rtc.doctor"]
Checkup, Finding = doctor.Checkup, doctor.Finding


@pytest.fixture
def no_network(monkeypatch):
    monkeypatch.setattr(doctor, "_network", lambda _only_within: [])


def topics(checkup) -> dict[str, str]:
    return {finding.topic: finding.state for finding in checkup.findings}


def test_here_nothing_is_wrong_and_two_ends_find_each_other():
    checkup = rtc.doctor()
    assert checkup.ok, str(checkup)
    found = topics(checkup)
    assert found["aiortc"] == found["connections"] == found["UDP"] == found["the page's script"] == "good"
    assert found["servers"] == "note"


def test_a_server_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr(config, "_configured", ice.parse_ice_servers(["stun:127.0.0.1:9"]))
    monkeypatch.setattr(doctor, "_own_pair", nothing)
    (finding,) = [f for f in doctor._network(False) if f.topic == "server"]
    assert finding.state == "bad"
    assert "127.0.0.1:9" in finding.text
    assert finding.advice


async def nothing() -> list[Finding]:
    return []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ICE_SERVERS", "stun:example.org", "is not JSON"),
        ("ICE_SERVERS", '"stun:example.org"', "is wrong: ice_servers is a list"),
        ("ICE_TRANSPORT_POLICY", "none", "is 'all' or 'relay', not 'none'"),
        ("BITRATE", "-5", "is wrong: the bitrate's ceiling is in bits a second"),
        ("CODEC", "AV1", "is wrong: codec is 'VP8' or 'H264', not 'AV1'"),
        ("SWITCH_INTERVAL", "fast", "is seconds, or 0, not 'fast'"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch, name, value, words):
    monkeypatch.setenv(f"JUPYTER_RTC_{name}", value)
    checkup = rtc.doctor()
    assert not checkup.ok
    (finding,) = [finding for finding in checkup.findings if finding.topic == "settings"]
    assert finding.text.startswith(f"JUPYTER_RTC_{name} {words}")
    assert f"mend the environment variable JUPYTER_RTC_{name}" in finding.advice


def test_proxies_are_named_and_their_passwords_are_not(no_network, monkeypatch):
    for name in ("HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://ada:secret@proxy.example:3128")
    monkeypatch.setenv("HTTP_PROXY", "socks5://ada:secret@proxy.example")
    found = [finding for finding in rtc.doctor().findings if finding.topic == "proxy"]
    assert [finding.state for finding in found] == ["note", "note"]
    assert "go through the proxy http://proxy.example:3128 (HTTPS_PROXY)" in found[0].text
    assert "HTTP_PROXY names a SOCKS proxy" in found[1].text
    assert "secret" not in str(found)
    monkeypatch.setenv("HTTP_PROXY", "")
    monkeypatch.setenv("NO_PROXY", "*")
    assert "proxy" not in topics(rtc.doctor())


def test_a_check_that_breaks_is_not_taken_for_good(monkeypatch, caplog):
    async def broken() -> list[Finding]:
        raise OSError("no sockets")

    monkeypatch.setattr(doctor, "_own_pair", broken)
    checkup = rtc.doctor()
    assert topics(checkup)["connections"] == "bad"
    assert "no sockets" in str(checkup)
    caplog.clear()


def test_a_package_that_is_missing_or_too_old_says_how_to_install_it(no_network, monkeypatch):
    versions = {"aiortc": "1.3.0", "av": ""}
    known = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: versions.get(name, known(name)))
    checkup = rtc.doctor()
    assert not checkup.ok
    text = str(checkup)
    assert re.search(r"✗ aiortc: 1.3.0, and .*1\.16.* is needed\n\s+pip install 'aiortc", text)
    assert re.search(r"✗ av: not installed\n\s+pip install 'av", text)
    assert text.startswith("To be mended: aiortc, av.")


def test_the_other_project_of_that_name_is_told_of(no_network, monkeypatch):
    known = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: "1.0" if name == "jupyter-rtc" else known(name))
    assert "pip uninstall jupyter-rtc" in str(rtc.doctor())


@pytest.mark.parametrize(("fresh", "words"), [(None, "missing"), (False, "restart the kernel")])
def test_a_script_that_is_missing_or_changed_is_told_of(no_network, monkeypatch, fresh, words):
    monkeypatch.setattr(doctor, "script_is_fresh", lambda: fresh)
    assert words in str(rtc.doctor())


@pytest.mark.parametrize(
    ("hello", "words"),
    [
        (None, "no widget of this kernel was heard of yet"),
        ({"origin": "http://10.1.2.3:8888", "secure": False, "agent": "B"}, "ssh -L 8888"),
        ({"origin": "https://hub.example.org", "secure": True, "agent": "B"}, "TURN"),
        ({"origin": "http://localhost:8888", "secure": True, "agent": "A browser"}, "localhost:8888, A browser"),
    ],
)
def test_the_page_is_judged_by_what_it_said(no_network, monkeypatch, hello, words):
    monkeypatch.setattr(kernel, "in_kernel", lambda: True)
    monkeypatch.setattr(kernel, "_last_page", None)
    monkeypatch.setattr(kernel, "_displayed_in", "")
    if hello:
        kernel.note_page(hello)
    assert words in str(rtc.doctor())


def test_in_a_cell_it_is_a_table_and_nothing_in_it_is_markup():
    checkup = Checkup((Finding("a<b>", "bad", "<script>", "do & be"), Finding("c", "good", "fine")))
    shown = checkup._repr_html_()
    assert "<script>" not in shown
    assert "a&lt;b&gt;" in shown
    assert "do &amp; be" in shown
    assert shown.count("<tr>") == 2
    assert not checkup.ok


@pytest.mark.parametrize(
    ("bounds", "version", "admitted"),
    [
        (">=1.16,<1.17", "1.16.4", True),
        ("<1.17,>=1.16", "1.17.0", False),
        (">=14", "13.9", False),
        (">=8", "8", True),
        ("", "0.1", True),
    ],
)
def test_versions_are_compared_by_number(bounds, version, admitted):
    assert doctor._admits(bounds, version) is admitted
