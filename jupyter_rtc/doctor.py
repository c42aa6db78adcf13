"""What is wrong with an installation, a front end or a network, and what to do about it."""

from __future__ import annotations

import asyncio
import html
import logging
import platform
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal
from urllib.parse import urlsplit

from .config import bitrate, codec, ice_servers, ice_transport_policy, keep_awake, switch_interval
from .engine.loop import engine
from .engine.servers import WORKS, Checked, check
from .errors import RtcError
from .link import kernel, lab
from .rtc.connection import PeerConnection
from .signaling.pair import connect_pair
from .signaling.proxy import proxy_for
from .widgets.base import LiveWidget, script_is_fresh

logger = logging.getLogger(__name__)

DISTRIBUTION = "jupyter-rtc-media"
#: The network's checks, each of which waits for what may never answer.
PATIENCE = 6.0

State = Literal["good", "note", "bad"]
_SIGNS = {"good": "✓", "note": "·", "bad": "✗"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    topic, text : str
        What it is, and what was found.
    state : {"good", "note", "bad"}
    advice : str
        What to do, if anything.
    """

    topic: str
    state: State
    text: str
    advice: str = ""


@dataclass(frozen=True)
class Checkup:
    """What `doctor` has found. Print it, or let it be a cell's last line."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not any(finding.state == "bad" for finding in self.findings)

    @property
    def _headline(self) -> str:
        bad = [finding.topic for finding in self.findings if finding.state == "bad"]
        if bad:
            return f"To be mended: {', '.join(bad)}"
        if any(finding.topic == "page" and finding.state == "note" for finding in self.findings):
            return "Nothing wrong was found in the kernel, and no page has shown a widget yet"
        return "Nothing is wrong here"

    def __str__(self) -> str:
        lines = [f"{self._headline}.", ""]
        for finding in self.findings:
            lines.append(f"{_SIGNS[finding.state]} {finding.topic}: {finding.text}")
            if finding.advice:
                lines.append(f"    {finding.advice}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = []
        for finding in self.findings:
            advice = f"<br><b>{html.escape(finding.advice)}</b>" if finding.advice else ""
            cells = (_SIGNS[finding.state], html.escape(finding.topic), html.escape(finding.text) + advice)
            rows.append("<tr>" + "".join(f'<td style="text-align: left">{cell}</td>' for cell in cells) + "</tr>")
        return f"<p><b>{html.escape(self._headline)}.</b></p><table>{''.join(rows)}</table>"


def doctor() -> Checkup:
    """Check the installation, the front end and the network, and say what to do.

    Takes a few seconds where a server does not answer. Only the servers that are configured are asked.

    Returns
    -------
    Checkup
        To be printed or shown; `ok` is False where something is wrong.
    """
    settings = tuple(_settings())
    # With wrong ones no connection can be made.
    front_end = [] if settings else _front_end()
    return Checkup((*_installation(), *settings, *_proxies(), *front_end, *_network(bool(settings))))


# -- the installation -------------------------------------------------------------------------------------------------


def _installation() -> Iterator[Finding]:
    yield Finding("Python", "good", f"{platform.python_version()} on {platform.platform(terse=True)}")
    try:
        yield Finding(DISTRIBUTION, "good", metadata.version(DISTRIBUTION))
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        yield Finding(DISTRIBUTION, "bad", "imported from a folder, and not installed", "pip install .")
        requirements = []
    for requirement in requirements:
        if ";" not in requirement:
            yield _package(requirement)
    if _version("jupyter-rtc"):
        yield Finding(
            "jupyter-rtc",
            "bad",
            "another project, whose import name is the same",
            f"pip uninstall jupyter-rtc, then pip install --force-reinstall {DISTRIBUTION}",
        )
    yield _script()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _package(requirement: str) -> Finding:
    """Return whether a package is there, in a version that was asked for."""
    match = re.match(r"([\w.-]+)\s*(.*)", requirement)
    assert match is not None
    name, wanted = match.groups()
    version = _version(name)
    if not version:
        return Finding(name, "bad", "not installed", f"pip install '{requirement}'")
    if not _admits(wanted, version):
        return Finding(name, "bad", f"{version}, and {wanted} is needed", f"pip install '{requirement}'")
    return Finding(name, "good", version)


def _admits(specifiers: str, version: str) -> bool:
    """Return whether a version is within bounds as this project's metadata has them: >=, <."""
    for bound in filter(None, specifiers.replace(" ", "").split(",")):
        if bound.startswith(">=") and _numbers(version) < _numbers(bound[2:]):
            return False
        if re.match(r"<\d", bound) and _numbers(version) >= _numbers(bound[1:]):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])


def _script() -> Finding:
    fresh = script_is_fresh()
    if fresh is None:
        return Finding(
            "the page's script", "bad", "missing", f"pip install --force-reinstall {DISTRIBUTION}, or make build"
        )
    if not fresh:
        return Finding(
            "the page's script", "bad", "it was changed since this kernel began to use it", "restart the kernel"
        )
    return Finding("the page's script", "good", f"{len(str(LiveWidget._esm)) // 1024} kB, the one this kernel uses")


# -- the settings -----------------------------------------------------------------------------------------------------


def _settings() -> Iterator[Finding]:
    """Yield what is wrong with the environment's settings: what `configure` is given it has checked itself."""
    for setting in (ice_servers, ice_transport_policy, bitrate, codec, switch_interval, keep_awake):
        try:
            setting()
        except (TypeError, ValueError) as error:
            variable = str(error).split()[0]
            yield Finding("settings", "bad", str(error), f"mend the environment variable {variable}, or unset it")


def _proxies() -> Iterator[Finding]:
    """Yield which proxies requests to servers go through, if any, or why they cannot."""
    texts: dict[str, None] = {}
    for scheme in ("https", "http"):
        try:
            proxy = proxy_for(f"{scheme}://media.example/")
        except ValueError as error:
            texts[str(error)] = None
        else:
            if proxy is not None:
                texts[f"requests to {scheme}:// addresses go through {proxy}, but for what NO_PROXY names"] = None
    for text in texts:
        yield Finding("proxy", "note", text)


# -- the front end ----------------------------------------------------------------------------------------------------


def _front_end() -> Iterator[Finding]:
    if kernel.in_marimo():
        yield Finding("marimo", "good", f"{_version('marimo')}: cells hear of the page when none of them runs")
    elif kernel.in_kernel():
        yield _ipykernel()
    else:
        yield Finding("notebook", "note", "none: this is a script, so there are connections but no widgets")
        return
    page = kernel.last_page()
    if page is None:
        yield _no_page()
        return
    yield Finding("page", "good", f"{page.origin or 'a page'}, {page.agent or 'an unknown browser'}")
    if not page.secure:
        yield Finding(
            "cameras",
            "bad",
            "browsers give them to pages at https: or localhost only, and this page is neither",
            "serve Jupyter by https, or open it through a tunnel: ssh -L 8888:localhost:8888 HOST",
        )
    host = urlsplit(page.origin).hostname or ""
    if host and not _is_this_machine(host) and not ice_servers():
        yield Finding(
            "way to the page",
            "note",
            f"{host} is not this machine's own name, so media travel by UDP between two machines",
            "where that is blocked, name a TURN server: jupyter_rtc.configure(ice_servers=[...])",
        )


def _no_page() -> Finding:
    lacking = lab.lack()
    if lacking is not None:
        return Finding("widgets", "bad", lacking.text, lacking.advice)
    elsewhere = "If nothing is drawn, install jupyterlab_widgets and anywidget where JupyterLab itself is installed"
    if kernel.displayed_before():
        return Finding(
            "page",
            "bad",
            "a widget was displayed in an earlier cell, and no page has shown it",
            f"run that cell again in a browser. {elsewhere}, and reload the page",
        )
    return Finding(
        "page",
        "note",
        "no widget of this kernel was heard of yet",
        f"show one, e.g. rtc.Video(rtc.TestPattern()), and ask again in the next cell. {elsewhere}",
    )


def _ipykernel() -> Finding:
    version = _version("ipykernel")
    number = _numbers(version)
    if number >= (7, 4):
        able = "a cell can await and, where the front end uses subshells, wait for a page"
    elif number >= (7,):
        able = "a cell can wait for a page where the front end uses subshells"
    else:
        able = "no cell can wait for a page: display in one cell, read in the next"
    return Finding("ipykernel", "good" if number >= (7,) else "note", f"{version}: {able}")


def _is_this_machine(host: str) -> bool:
    return host in ("localhost", "127.0.0.1", "::1", socket.gethostname())


# -- the network ------------------------------------------------------------------------------------------------------


def _network(only_within: bool) -> list[Finding]:
    """Return what is found of the network, or only of the part of it that is within this machine."""
    found: list[Finding] = [_udp()]
    if only_within:
        return found

    def run() -> None:
        try:
            found.extend(asyncio.run(_connections()))
        except Exception as error:
            found.append(Finding("connections", "bad", f"none could be made: {error}", "see the traceback in the log"))
            logger.exception("the network could not be checked")

    # A cell has a running event loop already.
    thread = threading.Thread(target=run, name="jupyter-rtc doctor", daemon=True)
    thread.start()
    thread.join(4 * PATIENCE)
    if thread.is_alive():
        found.append(Finding("connections", "bad", "the engine does not answer", "restart the kernel"))
    return found


def _udp() -> Finding:
    """Return whether a datagram comes back on this machine."""
    try:
        with _datagrams() as one, _datagrams() as two:
            one.settimeout(1)
            one.bind(("127.0.0.1", 0))
            two.sendto(b"jupyter_rtc", one.getsockname())
            one.recv(64)
    except OSError as error:
        return Finding("UDP", "bad", f"not even within this machine ({error})", "see its firewall, or its sandbox")
    return Finding("UDP", "good", "works within this machine")


def _datagrams() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


async def _connections() -> list[Finding]:
    return [*await _own_pair(), *await _servers()]


async def _own_pair() -> list[Finding]:
    """Connect two ends in this kernel, over real sockets and without servers."""
    async with PeerConnection() as a, PeerConnection() as b:
        for pc in (a, b):
            pc.set_configuration()  # without those that are configured for all
        a.create_data_channel("doctor")
        began = time.monotonic()
        try:
            await connect_pair(a, b, timeout=PATIENCE)
        except (RtcError, TimeoutError) as error:
            return [Finding("connections", "bad", f"two ends in this kernel do not find each other: {error}")]
        taken = time.monotonic() - began
        report = a.report()
        addresses = ", ".join(report.local_candidates) or "none but the loopback's"
        return [
            Finding("connections", "good", f"two ends in this kernel found each other in {taken:.2f} s"),
            Finding("addresses", "good", addresses),
        ]


async def _servers() -> list[Finding]:
    """Ask each configured server, each by itself."""
    servers, policy = ice_servers(), ice_transport_policy()
    if not servers:
        if policy == "relay":
            return [Finding("servers", "bad", "only relayed ways are allowed, and no TURN server is named", _NAME_ONE)]
        return [Finding("servers", "note", "none is configured, so none is asked")]
    return _judge(await engine().run(check(servers)), policy)


_NAME_ONE = "name one: jupyter_rtc.configure(ice_servers=[...])"
_ADVICE = {
    "stun": "see that the address is right and that the firewall lets UDP to it pass",
    "turn": "see that the address, the user name and the password are right, and that the firewall lets it pass: where "
    "UDP is blocked, TURN over TLS may pass, as turns:HOST:443",
    "certificate": "let this machine trust who has signed it: in its own store, or with SSL_CERT_FILE=... in the "
    "kernel's environment",
    "source": "see that the credentials are right and still valid, and that this machine reaches the service",
}


def _judge(checked: list[Checked], policy: str) -> list[Finding]:
    """Return a finding about each server; that one fails is bad where no other of its kind works."""
    found = []
    works = {one.kind for one in checked if one.words == WORKS}
    for one in checked:
        if one.words == WORKS:
            found.append(Finding("server", "good", f"{one.server}: it works, after {one.seconds:.2f} s"))
            continue
        advice = "certificate" if "certificate" in one.words else one.kind
        state: State = "note" if one.kind in works or one.kind == "unused" else "bad"
        other = "; another one is used" if one.kind in works else ""
        found.append(Finding("server", state, f"{one.server}: {one.words}{other}", _ADVICE.get(advice, "")))
    if policy == "relay" and "turn" not in works:
        found.append(Finding("servers", "bad", "only relayed ways are allowed, and no TURN server works"))
    return found
