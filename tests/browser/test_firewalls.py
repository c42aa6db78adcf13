"""A page and its kernel that may meet at a TURN server alone: by each way, and what is said where none works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import jupyter_rtc as rtc
from tests.coturn import PASSWORD, SECRET, Coturn, coturn

from .lab import Notebook
from .media import IMPORTS
from .other_side import Sides

pytestmark = pytest.mark.slow

# What the page's connections may go over.
RELAYS = """async () => {
  const found = [];
  for (const pc of window.jrtcPeers) {
    for (const { type, candidateType, relayProtocol } of (await pc.getStats()).values()) {
      if (type === "local-candidate") found.push(`${candidateType} ${relayProtocol}`);
    }
  }
  return found;
}"""
KEEP_PEERS = """() => {
  window.jrtcPeers = [];
  const Original = RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(configuration) {
      super(configuration);
      window.jrtcPeers.push(this);
    }
  };
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    with coturn(tmp_path_factory.mktemp("coturn"), shared_secret=True) as running:
        yield running


def configured(server: Coturn, way: str, secret: str = SECRET) -> str:
    return (
        IMPORTS
        + "import os\n"
        + f"os.environ['SSL_CERT_FILE'] = {str(server.certificate)!r}\n"
        + f"server = rtc.SharedSecretTurn({server.url(way)!r}, {secret!r})\n"
        + "rtc.configure(ice_servers=[server], ice_transport_policy='relay')\n"
    )


# A page's own way of trusting a certificate is its browser's matter; here it trusts any.
@pytest.mark.page(args=("--ignore-certificate-errors",))
@pytest.mark.parametrize("way", ["udp", "tcp", "tls"])
def test_pictures_go_both_ways_through_a_relay(notebook: Notebook, server: Coturn, way: str) -> None:
    notebook.js(KEEP_PEERS)
    notebook.do(configured(server, way) + "video = rtc.Video(rtc.TestPattern())\nvideo")
    assert len(notebook.frames(1.0).items) > 5
    notebook.do("video.close()\ncam = rtc.Camera()\ncam")
    notebook.wait_value("cam.read(timeout=20).shape == (480, 640, 3)")
    assert set(notebook.js(RELAYS)) == {f"relay {way}"}
    report = notebook.value("str(cam.report())")
    assert f"{server.url(way)}: it works" in report
    assert "(direct)" not in report.split("addresses of the other side")[0]
    assert SECRET not in report
    notebook.screenshot(f"relay-{way}")


def test_where_no_relay_works_the_page_says_so(notebook: Notebook, server: Coturn) -> None:
    notebook.do(configured(server, "tcp", PASSWORD) + "video = rtc.Video(rtc.TestPattern())\nvideo")
    line = notebook.page.locator(".jrtc [role=status]").first
    notebook.until(lambda: line.inner_text().startswith("No way to the kernel through a TURN server"), timeout=30)
    notebook.screenshot("no-relay")
    report = notebook.value("str(video.report())")
    assert "it refused the user name or the password (401" in report
    assert "it refused (401 Unauthorized)" in report, "the page's own words"
    assert PASSWORD not in report


@pytest.mark.parametrize("way", ["udp", "tcp"])
def test_a_browser_at_the_other_end_of_relays(sides: Sides, server: Coturn, way: str) -> None:
    (given,) = rtc.SharedSecretTurn(server.url(way), SECRET)._known()
    sides.pc.set_configuration(ice_servers=[given], ice_transport_policy="relay")
    sides.page.evaluate(
        "servers => pc.setConfiguration({ iceServers: servers, iceTransportPolicy: 'relay' })", [given.to_json()]
    )
    sides.pc.add_track(rtc.TestPattern((320, 240)))
    sides.we_offer()
    sides.until(lambda: sides.pc.connection_state == "connected")
    sides.moves("0")
    report = sides.pc.report()
    assert report.reason.count("TURN relay") == 2, report.reason
