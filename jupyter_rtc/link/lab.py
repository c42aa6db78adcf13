"""What JupyterLab lacks to show widgets, where it runs in an environment of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

#: JupyterLab's extensions without which no widget of ours is drawn, and the packages that bring them.
EXTENSIONS = {"@jupyter-widgets/jupyterlab-manager": "jupyterlab_widgets", "anywidget": "anywidget"}


@dataclass(frozen=True)
class Lack:
    """What is missing where JupyterLab itself is installed.

    Attributes
    ----------
    text, advice : str
        In words: what is missing, and what to do.
    """

    text: str
    advice: str


@cache
def server_python() -> Path | None:
    """Return the Python that runs the JupyterLab which has started this kernel, as far as can be known."""
    try:
        import psutil

        command = psutil.Process(int(os.environ["JPY_PARENT_PID"])).cmdline()
    except (ImportError, KeyError, ValueError, OSError):
        return None
    except Exception as error:  # psutil's own: the process is gone, or another user's
        if type(error).__module__.startswith("psutil"):
            return None
        raise
    names = [os.path.basename(word) for word in command[:4]]
    if not command or not os.path.isabs(command[0]) or not any(name.startswith("jupyter") for name in names):
        return None
    # The link in the environment's folder, not what it points to.
    return Path(command[0])


def lack() -> Lack | None:
    """Return what is missing for widgets, or None where nothing is, or where JupyterLab is not known."""
    python = server_python()
    if python is None:
        return None
    prefix = python.parent.parent
    if not (prefix / "share" / "jupyter" / "lab").is_dir():
        return None
    folders = [Path(folder) / "labextensions" for folder in (str(prefix / "share" / "jupyter"), *_shared_folders())]
    missing = [name for name in EXTENSIONS if not any((folder / name).is_dir() for folder in folders)]
    if missing:
        packages = " ".join(EXTENSIONS[name] for name in missing)
        return Lack(
            f"JupyterLab, which is installed in {prefix}, has no {' and no '.join(missing)} there",
            f"{python} -m pip install {packages}, then restart JupyterLab and reload the page",
        )
    disabled = [name for name in EXTENSIONS if name in _disabled(prefix)]
    if disabled:
        return Lack(
            f"in JupyterLab {' and '.join(disabled)} is disabled",
            f"{python} -m jupyter labextension enable {' '.join(disabled)}, then reload the page",
        )
    return None


def _shared_folders() -> list[str]:
    """Return where all environments of this machine look."""
    from jupyter_core.paths import SYSTEM_JUPYTER_PATH, jupyter_data_dir

    return [
        *filter(None, os.environ.get("JUPYTER_PATH", "").split(os.pathsep)),
        jupyter_data_dir(),
        *SYSTEM_JUPYTER_PATH,
    ]


def _disabled(prefix: Path) -> set[str]:
    """Return the extensions that JupyterLab's settings disable."""
    return {plugin.split(":")[0] for settings in _settings(prefix) for plugin, off in settings.items() if off is True}


def _settings(prefix: Path) -> Iterator[dict[str, object]]:
    from jupyter_core.paths import SYSTEM_CONFIG_PATH, jupyter_config_dir

    for folder in (str(prefix / "etc" / "jupyter"), jupyter_config_dir(), *SYSTEM_CONFIG_PATH):
        try:
            content = json.loads((Path(folder) / "labconfig" / "page_config.json").read_text(encoding="utf-8"))
            disabled = content["disabledExtensions"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if isinstance(disabled, dict):
            yield disabled
