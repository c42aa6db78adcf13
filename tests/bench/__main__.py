"""Run the benchmarks, each in a process of its own, and print the table: ``python -m tests.bench [NAME ...]``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ._table import table


def main(wanted: list[str]) -> int:
    """Run the scripts of this folder, or those named, and return how many failed."""
    scripts = [path.stem for path in sorted(Path(__file__).parent.glob("*.py")) if not path.stem.startswith("_")]
    unknown = set(wanted) - set(scripts)
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(scripts)}", file=sys.stderr)
        return 2
    lines: list[dict[str, Any]] = []
    failed = [name for name in wanted or scripts if run(name, lines)]
    if lines:
        print("\n" + table(lines))
        print("\n" + json.dumps({key: lines[-1][key] for key in ("machine", "versions")}))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


def run(name: str, lines: list[dict[str, Any]]) -> int:
    """Run one, pass on what it prints, and add its lines of figures."""
    print(f"--- {name}", file=sys.stderr, flush=True)
    code = f"from tests.bench import {name}; {name}.main()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.startswith("{"):
                lines.append(json.loads(line))
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
