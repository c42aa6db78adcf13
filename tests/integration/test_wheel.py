"""The wheel: built once, looked into, installed where there is neither the source nor Node.js."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

SCRIPTS = ("jupyter_rtc/static/widget.js", "jupyter_rtc/static/widget.css")


@pytest.fixture(scope="module")
def dist(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source archive, and the wheel from it, as a release does."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, root]
    run = subprocess.run(command, capture_output=True, text=True, env=without_node(folder), timeout=100)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


def without_node(folder: Path) -> dict[str, str]:
    """Return an environment whose path holds no Node.js, nor anything else."""
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": str(empty)}


def test_the_wheel_holds_the_package_and_nothing_else(wheel, root):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert wheel.name == "jupyter_rtc_media-0.1.0-py3-none-any.whl"
    assert {*SCRIPTS, "jupyter_rtc/py.typed", "jupyter_rtc/__init__.py"} <= names
    assert {name.split("/")[0] for name in names} == {"jupyter_rtc", "jupyter_rtc_media-0.1.0.dist-info"}
    assert {str(path.relative_to(root)) for path in (root / "jupyter_rtc").rglob("*.py")} <= names
    assert not [name for name in names if "test_" in name or "node_modules" in name or "__pycache__" in name]


def test_the_source_archive_is_enough_to_build_and_test(dist):
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    wanted = {
        *SCRIPTS,
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "Makefile",
        "pyproject.toml",
        "js/package-lock.json",
    }
    assert wanted <= names
    assert "tests/integration/test_wheel.py" in names
    assert any(name.startswith("notebooks/") for name in names)
    assert not [name for name in names if "node_modules" in name or name.startswith(".venv")]


LOOK = """
import hashlib, importlib.metadata, json, pathlib, shutil
import jupyter_rtc
folder = pathlib.Path(jupyter_rtc.__file__).parent
print(json.dumps({
    "folder": str(folder),
    "version": jupyter_rtc.__version__,
    "node": shutil.which("node"),
    "scripts": [hashlib.sha256((folder.parent / name).read_bytes()).hexdigest() for name in NAMES],
}))
"""


@pytest.mark.timeout(300)
def test_the_installed_wheel_works_without_the_source_and_without_node(wheel, root, tmp_path):
    import hashlib

    environment = without_node(tmp_path)
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=60)
    python = venv / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", wheel]
    run = subprocess.run(install, capture_output=True, text=True, env=environment, timeout=240)
    assert run.returncode == 0, run.stdout + run.stderr

    code = f"NAMES = {SCRIPTS!r}\n{LOOK}"
    run = subprocess.run(
        [python, "-W", "error::DeprecationWarning:jupyter_rtc", "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert Path(found["folder"]).is_relative_to(venv)
    assert found["version"] == "0.1.0"
    assert found["node"] is None
    assert found["scripts"] == [hashlib.sha256((root / name).read_bytes()).hexdigest() for name in SCRIPTS]
