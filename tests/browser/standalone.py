"""A notebook in a browser without pytest, for benchmarks and for looking at things by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .chromium import Browsers, PageOptions
from .lab import Notebook
from .server import JupyterLab


@contextmanager
def open_notebook(**options: Any) -> Iterator[Notebook]:
    """Start JupyterLab and a browser, and yield an empty notebook; `options` are those of `PageOptions`."""
    browsers = Browsers()
    with tempfile.TemporaryDirectory(prefix="lab") as folder:
        lab = JupyterLab(Path(folder))
        try:
            lab.start()
            notebook = Notebook(browsers.context(PageOptions(**options)).new_page(), lab)
            notebook.create()
            yield notebook
        finally:
            try:
                browsers.close()
            finally:
                lab.stop()
