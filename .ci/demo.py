"""Copy the example notebooks to a folder that is the user's, and leave alone what they changed there.

python .ci/demo.py FROM TO
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

#: Below the copy: the originals as they were copied last. Whatever differs from them was changed by the user.
ORIGINALS = ".originals"


def is_left_out(path: Path) -> bool:
    """Return whether a path, from the folder of the notebooks on, is of those that Jupyter makes beside notebooks."""
    return any(part.startswith(".") for part in path.parts)


def copy(source: Path, target: Path) -> list[Path]:
    """Copy what is new in `source`, and what is newer there and was not changed in `target`.

    Returns
    -------
    list of Path
        The files that were changed on both sides, from the folder on. Nothing was done to them.
    """
    on_both_sides = []
    for file in sorted(source.rglob("*")):
        name = file.relative_to(source)
        if not file.is_file() or is_left_out(name):
            continue
        own, last, new = target / name, target / ORIGINALS / name, file.read_bytes()
        untouched = not own.exists() or (last.exists() and own.read_bytes() == last.read_bytes())
        if untouched or own.read_bytes() == new:
            for to in (own, last):
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, to)
        elif not last.exists() or last.read_bytes() != new:
            on_both_sides.append(name)
    return on_both_sides


def main(source: Path, target: Path) -> None:
    """Copy, and say where the copy is."""
    on_both_sides = copy(source, target)
    print(f"The notebooks are copies, in {target.resolve()}: change them as you like.")
    for name in on_both_sides:
        print(f"{target / name} has changes of yours, and is left as it is; the newer one is {source / name}")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
