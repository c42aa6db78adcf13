"""What unit tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from jupyter_rtc.link import kernel


@pytest.fixture(autouse=True)
def unknown_front_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each test where no front end was heard of, and forget those of the test."""
    monkeypatch.setattr(kernel, "_last_page", None)
    monkeypatch.setattr(kernel, "_named_cells", False)
    monkeypatch.setattr(kernel, "_seen_on_subshell", False)


@pytest.fixture
async def sender() -> AsyncIterator[Any]:
    """Return a sender of aiortc's for video."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    yield pc.addTransceiver("video").sender
    await pc.close()
