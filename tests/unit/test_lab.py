"""A JupyterLab in another environment than the kernel: what it lacks, and how that is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_rtc as rtc
from jupyter_rtc.link import kernel, lab
from jupyter_rtc.widgets.no_page import Shown

doctor = sys.modules["jupyter_rtc.doctor"]


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch) -> Path:
    """Return the environment in which JupyterLab is, with all that widgets need."""
    folder = tmp_path / "lab-env"
    (folder / "share" / "jupyter" / "lab").mkdir(parents=True)
    for name in lab.EXTENSIONS:
        (folder / "share" / "jupyter" / "labextensions" / name).mkdir(parents=True)
    monkeypatch.setattr(lab, "server_python", lambda: folder / "bin" / "python")
    monkeypatch.setattr(lab, "_shared_folders", list)
    for variable in ("JUPYTER_CONFIG_DIR", "JUPYTER_PATH"):
        monkeypatch.setenv(variable, str(tmp_path / "nothing"))
    return folder


@pytest.fixture
def in_a_kernel(monkeypatch) -> None:
    monkeypatch.setattr(doctor, "_network", lambda _only_within: [])
    monkeypatch.setattr(kernel, "in_kernel", lambda: True)
    monkeypatch.setattr(kernel, "has_front_end", lambda: True)
    monkeypatch.setattr(kernel, "_last_page", None)
    monkeypatch.setattr(kernel, "_displayed_in", "")


def remove(prefix: Path, name: str) -> None:
    (prefix / "share" / "jupyter" / "labextensions" / name).rmdir()


def test_nothing_is_lacking_where_everything_is_installed(prefix):
    assert lab.lack() is None


@pytest.mark.parametrize(("name", "package"), lab.EXTENSIONS.items())
def test_what_is_missing_is_the_headline_with_the_command_that_installs_it(prefix, in_a_kernel, name, package):
    remove(prefix, name)
    checkup = rtc.doctor()
    assert not checkup.ok
    text = str(checkup)
    assert text.startswith("To be mended: widgets.")
    assert f"JupyterLab, which is installed in {prefix}, has no {name} there" in text
    assert f"{prefix}/bin/python -m pip install {package}, then restart JupyterLab" in text


def test_the_error_of_a_wait_says_what_is_missing(prefix, in_a_kernel):
    shown = Shown("camera")
    shown.display()
    assert "no page has answered yet" in shown.why_not()
    remove(prefix, "anywidget")
    assert f"has no anywidget there. {prefix}/bin/python -m pip install anywidget" in shown.why_not()


def test_an_extension_in_a_folder_that_all_environments_share_is_enough(prefix, tmp_path, monkeypatch):
    remove(prefix, "anywidget")
    (tmp_path / "shared" / "labextensions" / "anywidget").mkdir(parents=True)
    monkeypatch.setattr(lab, "_shared_folders", lambda: [str(tmp_path / "shared")])
    assert lab.lack() is None


def test_an_extension_that_is_disabled_is_told(prefix):
    settings = prefix / "etc" / "jupyter" / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"disabledExtensions": {"anywidget": True, "other:plugin": True}}))
    lacking = lab.lack()
    assert lacking is not None
    assert lacking.text == "in JupyterLab anywidget is disabled"
    assert "labextension enable anywidget" in lacking.advice


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"disabledExtensions": 3}'])
def test_settings_that_cannot_be_read_disable_nothing(prefix, content):
    settings = prefix / "etc" / "jupyter" / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(content)
    assert lab.lack() is None


def test_where_no_page_was_heard_of_the_headline_says_so(prefix, in_a_kernel, monkeypatch):
    checkup = rtc.doctor()
    assert checkup.ok
    assert str(checkup).startswith("Nothing wrong was found in the kernel, and no page has shown a widget yet.")
    monkeypatch.setattr(kernel, "_displayed_in", "an earlier cell")
    checkup = rtc.doctor()
    assert str(checkup).startswith("To be mended: page.")
    assert "install jupyterlab_widgets and anywidget where JupyterLab itself is installed" in str(checkup)
    kernel.note_page({"origin": "http://localhost:8888", "secure": True, "agent": "A browser"})
    assert str(rtc.doctor()).startswith("Nothing is wrong here.")


def test_the_server_is_known_by_the_process_that_started_the_kernel():
    look = "from jupyter_rtc.link import lab; print(lab.server_python())"
    for parent, known in (("jupyter-lab", True), ("something", False)):
        code = f"import os, subprocess, sys; subprocess.run([sys.executable, '-c', {look!r}], check=True)"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", f"import os; os.environ['JPY_PARENT_PID'] = str(os.getpid()); {code}", parent]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=True)
        assert run.stdout.strip() == (sys.executable if known else "None"), run.stderr


@pytest.mark.parametrize("pid", ["", "0", "x", "999999999"])
def test_where_the_server_is_not_known_nothing_is_said_of_it(monkeypatch, pid):
    monkeypatch.setenv("JPY_PARENT_PID", pid)
    lab.server_python.cache_clear()
    try:
        assert lab.lack() is None
    finally:
        lab.server_python.cache_clear()
