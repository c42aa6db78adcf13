"""Run the benchmarks, each in a process of its own: ``python -m tests.bench [NAME ...]``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main(wanted: list[str]) -> int:
    """Run the scripts of this folder, or those named, and return how many failed."""
    scripts = [path.stem for path in sorted(Path(__file__).parent.glob("*.py")) if not path.stem.startswith("_")]
    unknown = set(wanted) - set(scripts)
    if unknown:
        print(
            f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(scripts) or 'none'}",
            file=sys.stderr,
        )
        return 2
    failed = [name for name in wanted or scripts if run(name)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


def run(name: str) -> int:
    print(f"--- {name}", file=sys.stderr, flush=True)
    code = f"from tests.bench import {name}; {name}.main()"
    return subprocess.run([sys.executable, "-c", code], stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
