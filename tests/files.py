"""The project's own files: what somebody keeps beside them is not ours to judge."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

#: What is installed, built or kept in a checkout without being part of it, for where there is no git to ask.
NOT_OURS = {"__pycache__", "build", "demo", "dist", "node_modules", "test-results"}


def files_of_the_project(root: Path, below: str = "") -> list[Path]:
    """Return the files that git knows, those below a folder only; outside git all but what is obviously not ours."""
    if shutil.which("git") is None or not (root / ".git").exists():
        return sorted(path for path in (root / below).rglob("*") if path.is_file() and _is_ours(path.relative_to(root)))
    command = ["git", "-c", f"safe.directory={root}", "ls-files", "-z", "--cached", "--", f"./{below}"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=60).stdout
    return sorted(path for name in listed.split("\0") if name and (path := root / name).is_file())


def _is_ours(path: Path) -> bool:
    hidden = {part for part in path.parts[:-1] if part.startswith(".")} - {".ci"}
    return not hidden and NOT_OURS.isdisjoint(path.parts)
