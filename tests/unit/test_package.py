"""The package as a whole: its inner order, its table of contents, its quietness, its files."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
import types
from collections.abc import Iterator
from pathlib import Path

from tests.files import files_of_the_project

# A package imports only from its own line and from those above it.
LAYERS = (
    {"border"},
    {"errors"},
    {"threads"},
    {"checks", "registry"},
    {"ice"},
    {"config"},
    {"media"},
    {"jsep"},
    {"engine"},
    {"rtc"},
    {"signaling"},
    {"link"},
    {"widgets"},
    {"testing", "doctor", "closing", "__init__"},
)
RANKS = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def modules(root: Path) -> list[Path]:
    return sorted((root / "jupyter_rtc").rglob("*.py"))


def layer(parts: tuple[str, ...]) -> str:
    """Return which line of `LAYERS` a dotted name, without its first part, is on."""
    return parts[0] if parts else "__init__"


def imports(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Yield line and absolute dotted name of everything that a file imports, wherever in it."""
    package = path.relative_to(root).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join((*base, *([node.module] if node.module else [])))
            if origin == "jupyter_rtc":  # from jupyter_rtc import media, from . import media
                for alias in node.names:
                    yield node.lineno, f"{origin}.{alias.name}" if alias.name in RANKS else origin
            else:
                yield node.lineno, origin


def test_packages_import_only_from_those_above(root):
    wrong = []
    for path in modules(root):
        own = layer(path.relative_to(root / "jupyter_rtc").with_suffix("").parts)
        where = path.relative_to(root)
        if own not in RANKS:
            wrong.append(f"{where}: {own} has no place in LAYERS of {Path(__file__).name}")
            continue
        for line, name in imports(path, root):
            first, *rest = name.split(".")
            other = layer(tuple(rest))
            if first == "jupyter_rtc" and other != own and RANKS.get(other, len(LAYERS)) > RANKS[own]:
                wrong.append(f"{where}:{line}: {own} may not import {name}")
    assert not wrong, "\n".join(wrong)


def test_only_the_engine_imports_aiortc(root):
    wrong = [
        f"{path.relative_to(root)}:{line}: {name}"
        for path in modules(root)
        if path.relative_to(root / "jupyter_rtc").parts[0] != "engine"
        for line, name in imports(path, root)
        if name.split(".")[0] in ("aiortc", "aioice")
    ]
    assert not wrong, "\n".join(wrong)


def test_all_is_complete_and_sorted():
    import jupyter_rtc

    public = [
        name
        for name, value in vars(jupyter_rtc).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType) and name != "annotations"
    ]
    assert sorted(public) == list(jupyter_rtc.__all__)


def test_the_version_is_the_distributions(root):
    import tomllib

    import jupyter_rtc

    with (root / "pyproject.toml").open("rb") as file:
        assert jupyter_rtc.__version__ == tomllib.load(file)["project"]["version"]


def test_what_checks_are_run_with_is_pinned_and_every_supported_python_is_tested(root):
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [wanted for wanted in project["optional-dependencies"]["lint"] if "==" not in wanted] == []
    named = {name.rsplit(" ")[-1] for name in project["classifiers"] if "Python :: 3." in name}
    tested = re.search(r"^PYTHONS := (.*)$", (root / "Makefile").read_text(), re.MULTILINE).group(1).split()
    assert named <= set(tested)
    locked = json.loads((root / "js" / "package-lock.json").read_text())["packages"]
    assert {"node_modules/@biomejs/biome", "node_modules/typescript"} <= set(locked)


# Sockets and programs are told by audit events; third parties are imported first, for theirs are not meant.
IMPORT = """
import json, sys, threading
import aiortc, anywidget, av, ipywidgets, numpy
seen = []
events = ("socket.__new__", "socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.posix_spawn")
before = threading.active_count()
sys.addaudithook(lambda event, args: event in events and seen.append(event))
import jupyter_rtc
print(json.dumps({"events": seen, "threads": threading.active_count() - before,
                  "handlers": len(__import__("logging").getLogger().handlers)}))
"""


def test_importing_starts_nothing(root):
    run = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, cwd=root, timeout=60)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {"events": [], "threads": 0, "handlers": 0}


def test_no_file_names_this_machine(root):
    """Paths below the home and the checkout, this Python's own, and home folders in general."""
    own = {str(root), str(Path.home()), sysconfig.get_paths()["data"], os.path.dirname(root)}
    own = {path for path in own if path not in ("/", "/tmp")}
    pattern = re.compile("|".join(re.escape(path) + r"(?=/)" for path in own) + r"|/(?:home|Users)/\w+/")
    found = [
        f"{path.relative_to(root)}:{number}: {match.group()}"
        for path in files_of_the_project(root)
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if (match := pattern.search(line))
    ]
    assert not found, "\n".join(found)


def test_no_lock_file_names_a_registry(root):
    """A lock file with addresses would not install from a mirror."""
    for path in files_of_the_project(root):
        if path.name == "package-lock.json":
            assert '"resolved"' not in path.read_text(), path
