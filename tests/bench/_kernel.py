"""The kernel's end of a benchmark, in a process of its own, connected to a page's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def kernel_end(page: Any, role: str, kind: str, seconds: float, offer: Any) -> Iterator[Callable[[], Any]]:
    """Connect `tests.far` to the page's `offer`, and yield what returns the next value that it prints.

    The page has ``answer(description)``, and ``pc``, which is closed at the end.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.far", role, kind, str(seconds)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    lines = process.stdout

    def hear() -> Any:
        return json.loads(lines.readline())

    try:
        process.stdin.write(json.dumps(offer) + "\n")
        process.stdin.flush()
        page.evaluate("d => answer(d)", hear())
        assert "connected" in hear()
        yield hear
    finally:
        page.evaluate("() => pc.close()")
        process.kill()
        process.communicate()
