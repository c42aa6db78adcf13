"""Fixtures of the conformance tests, and their known deviations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .known import KNOWN
from .tracks import Maker


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect the known deviations, and no other, to fail."""
    for item in items:
        if item.path.parent != Path(__file__).parent:
            continue
        reason = KNOWN.get(item.name) or KNOWN.get(item.name.partition("[")[0])
        if reason:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.fixture
def make() -> Iterator[Maker]:
    """Make connections and tracks that are closed and stopped when the test is over."""
    maker = Maker()
    yield maker
    maker.end()
