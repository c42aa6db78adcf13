"""What all tests share: their order, their deadlines, the project's folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# How much slower than a quiet two-core machine this one is; all deadlines are multiplied with it.
SCALE = float(os.environ.get("JUPYTER_RTC_TEST_SCALE", "1"))

# Quick answers first. Browser tests last: Playwright keeps an event loop on the main thread while they run.
ORDER = ("unit", "conformance", "integration", "peers", "browser")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the user's settings of the package out of the tests."""
    for name in list(os.environ):
        if name.startswith("JUPYTER_RTC_") and name != "JUPYTER_RTC_TEST_SCALE":
            del os.environ[name]
    # Who looks for a failure's reason wants to see our own frames.
    os.environ["JUPYTER_RTC_TRACEBACKS"] = "full"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the tests by their folder and scale the time each may take."""

    def rank(item: pytest.Item) -> int:
        parts = item.path.relative_to(ROOT / "tests").parts if item.path.is_relative_to(ROOT / "tests") else ()
        return ORDER.index(parts[0]) if parts and parts[0] in ORDER else len(ORDER)

    items.sort(key=rank)
    if SCALE != 1:
        for item in items:
            own = item.get_closest_marker("timeout")
            seconds = own.args[0] if own and own.args else float(config.getini("timeout"))
            item.add_marker(pytest.mark.timeout(seconds * SCALE), append=False)


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def scale() -> float:
    """Return the factor that deadlines are multiplied with."""
    return SCALE
