"""The notebooks of `make demo`: copies that the user may change."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.files import files_of_the_project

DEMO = ROOT / ".ci" / "demo.py"
copy = runpy.run_path(str(DEMO))["copy"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "notebooks"
    (folder / "images").mkdir(parents=True)
    (folder / "01.ipynb").write_text("first")
    (folder / "02.ipynb").write_text("second")
    (folder / "images" / "camera.png").write_bytes(b"\x89PNG")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "01-checkpoint.ipynb").write_text("old")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "demo"


def visible(folder: Path) -> dict[Path, bytes]:
    files = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in files.items() if not any(part[0] == "." for part in name.parts)}


def test_all_notebooks_are_copied_and_what_jupyter_keeps_beside_them_is_not(source, target):
    assert copy(source, target) == []
    assert visible(target) == visible(source)
    assert not (target / ".ipynb_checkpoints").exists()


def test_what_the_user_changed_or_added_is_never_overwritten_or_removed(source, target):
    copy(source, target)
    (target / "01.ipynb").write_text("first, with outputs")
    (target / "mine.ipynb").write_text("mine")
    assert copy(source, target) == []
    assert (target / "01.ipynb").read_text() == "first, with outputs"
    assert (target / "mine.ipynb").read_text() == "mine"


def test_a_newer_notebook_replaces_a_copy_that_was_not_changed(source, target):
    copy(source, target)
    (source / "01.ipynb").write_text("first, mended")
    assert copy(source, target) == []
    assert (target / "01.ipynb").read_text() == "first, mended"


def test_what_was_changed_on_both_sides_is_left_alone_and_told(source, target):
    copy(source, target)
    (target / "01.ipynb").write_text("first, with outputs")
    (source / "01.ipynb").write_text("first, mended")
    for _ in range(2):
        assert copy(source, target) == [Path("01.ipynb")]
        assert (target / "01.ipynb").read_text() == "first, with outputs"


def test_a_file_of_the_users_that_has_the_name_of_a_new_notebook_is_left_alone(source, target):
    target.mkdir()
    (target / "02.ipynb").write_text("mine")
    assert copy(source, target) == [Path("02.ipynb")]
    assert (target / "02.ipynb").read_text() == "mine"


def test_a_copy_that_was_removed_comes_back(source, target):
    copy(source, target)
    (target / "02.ipynb").unlink()
    copy(source, target)
    assert (target / "02.ipynb").read_text() == "second"


def test_git_does_not_see_the_copies_and_cleaning_leaves_them(root):
    assert "/demo/" in (root / ".gitignore").read_text().splitlines()
    makefile = (root / "Makefile").read_text()
    assert "python .ci/demo.py notebooks demo\n" in makefile
    assert '--ServerApp.root_dir="$(CURDIR)/demo"' in makefile
    clean = makefile.split("\nclean:\n")[1].split("\n\n")[0]
    assert " demo" not in clean


def test_a_notebook_that_somebody_keeps_beside_ours_is_not_taken_for_ours(root):
    theirs = root / "notebooks" / "somebody's own.ipynb"
    if not (root / ".git").exists():
        pytest.skip("without git there is nobody who knows")
    theirs.write_text("not even JSON")
    try:
        assert theirs not in files_of_the_project(root, "notebooks")
        assert root / "notebooks" / "01-camera.ipynb" in files_of_the_project(root, "notebooks")
    finally:
        theirs.unlink()


def test_outside_git_all_notebooks_are_ours_and_what_is_installed_is_not(tmp_path):
    for name in (
        "notebooks/01.ipynb",
        "tests/x.py",
        ".ci/demo.py",
        ".venv/lib/y.py",
        "demo/01.ipynb",
        "js/node_modules/z/package-lock.json",
        "notebooks/.ipynb_checkpoints/01.ipynb",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    ours = {str(path.relative_to(tmp_path)) for path in files_of_the_project(tmp_path)}
    assert ours == {"notebooks/01.ipynb", "tests/x.py", ".ci/demo.py"}
    assert files_of_the_project(tmp_path, "notebooks") == [tmp_path / "notebooks" / "01.ipynb"]
