"""What the tests of hooks into aiortc share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection


@pytest.fixture
async def sender() -> AsyncIterator[Any]:
    """Return a sender of aiortc's for video."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    yield pc.addTransceiver("video").sender
    await pc.close()
