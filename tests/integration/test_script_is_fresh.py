"""The page's script that is committed is the one that its source gives."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("npm") is None, reason="no Node.js: `make test` brings one")
def test_the_committed_script_is_fresh(root, tmp_path):
    shutil.copytree(root / "js", tmp_path / "js", ignore=shutil.ignore_patterns("node_modules", ".git"))
    built = tmp_path / "jupyter_rtc" / "static"
    built.mkdir(parents=True)
    for command in (["npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"], ["npm", "run", "build"]):
        run = subprocess.run(command, cwd=tmp_path / "js", capture_output=True, text=True, timeout=100)
        assert run.returncode == 0, run.stdout + run.stderr

    committed = root / "jupyter_rtc" / "static"
    fresh, old = contents(built), contents(committed)
    assert {"widget.js", "widget.css"} <= fresh.keys()
    stale = sorted(name for name in fresh.keys() | old.keys() if fresh.get(name) != old.get(name))
    assert not stale, "jupyter_rtc/static/ is not what js/ gives: run `make build`"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
