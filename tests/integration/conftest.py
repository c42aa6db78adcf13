"""What all integration tests watch."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from jupyter_rtc.engine.loop import Engine


@pytest.fixture(autouse=True)
def no_blocking_call_on_the_http_loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail where the loop of all servers and rooms waits for the engine: when one stalls, all answers would."""
    blocking: list[str] = []
    call = Engine.call

    def watched(self: Engine, *arguments: Any) -> Any:
        if threading.current_thread().name == "jupyter-rtc-signaling":
            blocking.append("".join(traceback.format_stack(limit=6)))
        return call(self, *arguments)

    monkeypatch.setattr(Engine, "call", watched)
    yield
    assert not blocking, "\n".join(blocking)
