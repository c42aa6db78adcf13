"""The README's cells run as they stand, in JupyterLab, one after the other; those with a camera have its pictures."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cells import CELLS, ENVIRONMENT, needs_a_broker

from .lab import Notebook


@pytest.mark.timeout(240)
def test_every_cell_of_the_readme_runs_as_it_stands(new_notebook: Callable[..., Notebook]) -> None:
    notebook = new_notebook(viewport=(1280, 1400))
    notebook.do(f"import os\nos.environ.update({ENVIRONMENT!r})")
    for cell in CELLS:
        if not needs_a_broker(cell):
            # No port is taken from who serves rooms on this machine.
            notebook.do(cell.replace("8765", "0"))
    notebook.do("""
assert frame.shape == (480, 640, 3), frame.shape
assert b.get_receivers()[0].track.read().shape[2] == 3
assert server.published["robot"].get_video_tracks()[0].read().shape == (240, 320, 3)
""")
    notebook.do("connecting.cancel(); rooms.close(); server.close(); cam.close()")
