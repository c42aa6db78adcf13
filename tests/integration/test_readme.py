"""The README's cells run as they stand: those that need no page, in IPython, one after the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cells import CELLS, ENVIRONMENT, needs_a_broker, needs_a_page, undefined
from tests.conftest import ROOT, SCALE

# As a kernel runs them: in a running event loop.
RUN = """
import asyncio, json, os, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

async def run(shell, cells):
    await shell.run_cell_async("import jupyter_rtc as rtc", transformed_cell="import jupyter_rtc as rtc")
    for cell in cells:
        with capture_output() as output:
            done = await shell.run_cell_async(cell, transformed_cell=shell.transform_cell(cell))
        print("DONE", json.dumps(["" if done.success else output.stdout + output.stderr]), flush=True)
    os._exit(0)  # a text was never pasted

asyncio.run(run(InteractiveShell.instance(colors="NoColor"), json.loads(sys.stdin.read())))
"""

PAGELESS = [cell for cell in CELLS if not needs_a_page(cell) and not needs_a_broker(cell)]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what each cell failed with, by its source."""
    # No port is taken from who serves rooms on this machine.
    cells = [cell.replace("8765", "0") for cell in PAGELESS]
    folder: Path = tmp_path_factory.mktemp("readme")
    environment = {**os.environ, **ENVIRONMENT, "IPYTHONDIR": str(folder), "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", RUN], input=json.dumps(cells), capture_output=True, text=True, cwd=folder,
        timeout=90 * SCALE, env=environment, check=False,
    )  # fmt: skip
    failed = [json.loads(line.removeprefix("DONE "))[0] for line in run.stdout.splitlines() if line.startswith("DONE ")]
    assert len(failed) == len(PAGELESS), run.stdout + run.stderr
    return dict(zip(PAGELESS, failed, strict=True))


@pytest.mark.timeout(150)
@pytest.mark.parametrize("cell", PAGELESS, ids=[cell.strip().splitlines()[0][:40] for cell in PAGELESS])
def test_a_cell_runs_as_it_stands(told, cell):
    assert told[cell] == ""


def test_no_cell_uses_a_name_that_no_cell_before_it_makes():
    assert undefined(CELLS) == []


def test_a_name_that_was_never_made_is_found():
    assert undefined(["import time", "plot.write(render(3))"]) == [
        "plot in plot.write(render(3))",
        "render in plot.write(render(3))",
    ]
    assert len(PAGELESS) > 8
