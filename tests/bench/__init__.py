"""Measurements: each script has a ``main()`` that calls `report`; ``python -m tests.bench`` runs them all."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from typing import Any

PACKAGES = ("jupyter-rtc-media", "aiortc", "aioice", "av", "numpy", "anywidget", "ipykernel", "jupyterlab")


def report(name: str, **figures: Any) -> None:
    """Print one result as a line of JSON, with the machine and the versions it was measured with."""
    print(json.dumps({"name": name, **figures, "machine": _machine(), "versions": _versions()}), flush=True)


def _machine() -> dict[str, Any]:
    return {"system": platform.platform(), "processor": _processor(), "cores": os.cpu_count()}


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
