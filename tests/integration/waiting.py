"""Waiting for what comes about by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tests.conftest import SCALE

#: So many seconds it may take.
SOON = 20 * SCALE


async def until(condition: Callable[[], Any]) -> Any:
    """Wait until `condition()` is true, and return what it is."""
    deadline = time.monotonic() + SOON
    while not (found := condition()):
        assert time.monotonic() < deadline, "did not come about in time"
        await asyncio.sleep(0.01)
    return found
