"""What callbacks print is shown below the cell that made them, while a page shows their track and plays its part."""

from __future__ import annotations

from .lab import Cell, Notebook
from .media import IMPORTS


def lines(cell: Cell) -> list[str]:
    """Return the lines below a cell, but for those of widgets."""
    return [line for line in cell.output.splitlines() if line.startswith("from ")]


def test_each_callback_prints_below_its_own_cell(notebook: Notebook) -> None:
    notebook.do(
        IMPORTS + "most = {}\ndef say(word):\n    most[word] = most.get(word, 0) + 1\n"
        "    if most[word] <= 20: print('from', word)"
    )
    cells = {
        "map": notebook.start(
            "pattern = rtc.TestPattern()\nmapped = pattern.map(lambda frame: (say('map'), 255 - frame)[1])"
        ),
        "on_frame": notebook.start("one = pattern.on_frame(lambda frame: say('on_frame'))"),
        "second": notebook.start("two = mapped.on_frame(lambda frame: say('second'))"),
        "shown": notebook.start("mapped"),
        "camera": notebook.start(
            "cam = rtc.Camera(); cam.observe(lambda change: say('camera'), 'state')\n"
            "cam.video.on('unmute', lambda: say('camera'))"
        ),
        "turned on": notebook.start("cam"),
        "last": notebook.start("import time; time.sleep(1); print('the last')"),
    }
    for cell in cells.values():
        cell.wait()
    notebook.grab()
    notebook.wait_value("cam.state == 'live' and len(most) == 4 and min(most[w] for w in ('map', 'second')) >= 20")
    notebook.until(lambda: len(lines(cells["second"])) == 20)
    notebook.do("one(); two(); cam.close()")
    assert {name: lines(cell).count(f"from {name}") for name, cell in cells.items()} == {
        "map": 20,
        "on_frame": 20,
        "second": 20,
        "shown": 0,
        "camera": notebook.value("most['camera']"),
        "turned on": 0,
        "last": 0,
    }
    strangers = {name: set(lines(cell)) - {f"from {name}"} for name, cell in cells.items()}
    assert not any(strangers.values()), strangers
    assert "the last" in cells["last"].output
