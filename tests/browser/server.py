"""A server of JupyterLab, or of Jupyter Notebook, for the tests, apart from every other on this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import psutil

SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}


class JupyterLab:
    """A JupyterLab server whose folders are all below `folder`.

    Parameters
    ----------
    folder : Path
        Empty; notebooks go into its ``notebooks``.
    settings : dict
        JupyterLab settings by plugin, beside those in `SETTINGS`.
    app : {"jupyterlab", "notebook"}
        The latter is Jupyter Notebook 7, which is made of the same parts.
    python, kernel : path
        The Pythons of the server and of its kernels, by default this one and the server's.
    options : dict
        The server's own settings, as ``MappingKernelManager.cull_idle_timeout``, beside those of the tests.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, Any] | None = None,
        *,
        app: Literal["jupyterlab", "notebook"] = "jupyterlab",
        python: str | Path = sys.executable,
        kernel: str | Path | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.notebooks = folder / "notebooks"
        self.log = folder / "jupyterlab.log"
        self.url = ""
        self._folder = folder
        self._settings = {**SETTINGS, **(settings or {})}
        self._options = options or {}
        self._app, self._python, self._kernel = app, str(python), str(kernel or python)
        self._process: psutil.Popen | None = None

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._process is not None
        return int(self._process.pid)

    def page(self, path: str) -> str:
        """Return the address of a notebook."""
        return f"{self.url}/lab/tree/{path}?reset" if self._app == "jupyterlab" else f"{self.url}/notebooks/{path}"

    def start(self, timeout: float = 60) -> None:
        """Start the server and return once it answers."""
        self._write_folders()
        deadline = time.monotonic() + timeout
        for _attempt in range(3):  # another program may take the port between its choice and its use
            self._launch(free_port())
            while self._process.poll() is None:
                try:
                    self.request("GET", "/api")
                except OSError:
                    if time.monotonic() > deadline:
                        self.stop()
                        raise TimeoutError(f"JupyterLab did not answer in {timeout} s:\n{self.tail()}") from None
                    time.sleep(0.05)
                else:
                    return
        raise RuntimeError(f"JupyterLab ended with {self._process.returncode}:\n{self.tail()}")

    def stop(self) -> None:
        """End the server with its kernels. May be called twice."""
        if self._process is not None:
            end([self._process], patience=10)
            self._process = None

    def request(self, method: str, path: str, body: Any = None, timeout: float = 10) -> Any:
        """Ask the server's REST API and return its answer, decoded."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=timeout) as response:
            text = response.read()
        return json.loads(text) if text else None

    def tail(self, start: int = 0, size: int = 8000) -> str:
        """Return what the server and its kernels printed after byte `start`, its last `size` bytes."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(start, self.log.stat().st_size - size))
            return file.read().decode(errors="replace")

    def _launch(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": port,
            "ServerApp.port_retries": 0,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "ServerApp.root_dir": self.notebooks,
            "ServerApp.password": "",
            "ServerApp.disable_check_xsrf": True,
            "ServerApp.allow_remote_access": True,  # a test opens the page by another name
            "IdentityProvider.token": "",
            f"{'LabApp' if self._app == 'jupyterlab' else 'JupyterNotebookApp'}.expose_app_in_browser": True,
            **self._options,
        }
        command = [
            self._python,
            "-m",
            self._app,
            *(f"--{name}={value}" for name, value in options.items()),
        ]
        with self.log.open("ab") as log:
            self._process = psutil.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.notebooks,
                env=self._environment(),
                start_new_session=True,  # Ctrl-C is for the tests, which then stop the server
            )

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON"))}
        own = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        own = {name: str(self._folder / folder) for name, folder in own.items()}
        # Else the kernel of the server's environment would hide the one in JUPYTER_DATA_DIR.
        return kept | own | {"JUPYTER_PREFER_ENV_PATH": "0"}

    def _write_folders(self) -> None:
        self.notebooks.mkdir(parents=True, exist_ok=True)
        for plugin, values in self._settings.items():
            _write_json(self._folder / "settings" / f"{plugin}.jupyterlab-settings", values)
        argv = [self._kernel, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        kernel = {"argv": argv, "display_name": "Python 3", "language": "python"}
        _write_json(self._folder / "data" / "kernels" / "python3" / "kernel.json", kernel)


def end(processes: Iterable[psutil.Process], patience: float) -> None:
    """Ask `processes` to end, wait, then kill what is left of them and of their children."""
    family: dict[int, psutil.Process] = {}
    for process in processes:
        try:
            family |= {child.pid: child for child in process.children(recursive=True)} | {process.pid: process}
            process.terminate()
        except psutil.NoSuchProcess:
            continue
    _gone, alive = psutil.wait_procs(family.values(), timeout=patience)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=5)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
