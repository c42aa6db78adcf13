"""Fixtures for tests with other WebRTC stacks. What is not installed is skipped, by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .peer import Missing, Peer, command


@pytest.fixture(scope="session")
def build_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("peers")


@pytest.fixture
def peer(build_folder: Path) -> Callable[[str], Peer]:
    """Return a function that gives a peer by its name, to be entered by ``async with``."""

    def give(name: str) -> Peer:
        try:
            return Peer(command(name, build_folder))
        except Missing as missing:
            pytest.skip(str(missing))

    return give
