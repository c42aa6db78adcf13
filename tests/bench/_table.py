"""The figures that matter, side by side: from the lines that the benchmarks print to one table in Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

#: The columns, and what the benchmarks call them.
SIDES = {"jupyter_rtc": "ours", "stock aiortc": "stock", "JPEG by comm": "jpeg", "jupyter_rfb": "rfb"}


@dataclass(frozen=True)
class Row:
    """One figure: `key` in the lines of the benchmark `name` that have what `where` says."""

    title: str
    name: str
    key: str
    wanted: str
    where: dict[str, Any] = field(default_factory=dict)


VP8, H264 = {"codec": "VP8"}, {"codec": "H264"}
HD, SMALL = {"size": [1280, 720]}, {"size": [640, 480]}
TEXT, BUSY = {"kind": "text"}, {"kind": "busy"}

ROWS = (
    Row("page to kernel, 640x480, VP8: ms", "receive delay", "median_ms", "0.25 of stock", VP8),
    Row("page to kernel, 640x480, H264: ms", "receive delay", "median_ms", "0.25 of stock", H264),
    Row("kernel to page, 1280x720, VP8: ms", "send delay", "median_ms", "0.7 of stock", VP8),
    Row("kernel to page, 1280x720, H264: ms", "send delay", "median_ms", "0.7 of stock", H264),
    Row("page to page through map, 640x480, VP8: ms", "map round trip", "median_ms", "0.5 of stock", VP8),
    Row("page to page through map, 640x480, H264: ms", "map round trip", "median_ms", "0.5 of stock", H264),
    Row("sound from page to page: ms", "sound round trip", "median_ms", ""),
    Row("delivered of 1280x720 at 30: a second", "encode cpu", "delivered_fps", "29.5", VP8 | HD),
    Row("delivered of 640x480 at 60: a second", "encode cpu", "delivered_fps", "58", SMALL),
    Row("one view, 1280x720 at 30, VP8: cores", "encode cpu", "cpu_of_a_core", "0.35", VP8 | HD),
    Row("one view, 1280x720 at 30, H264: cores", "encode cpu", "cpu_of_a_core", "0.30", H264 | HD),
    Row("each further view: of the first", "encode once", "further_view_of_first", "0.1"),
    Row("moving texture after 5 s, VP8: SSIM", "sharpness", "ssim_5s", "0.95", BUSY | VP8),
    Row("gradient and text, H264: dB", "sharpness", "psnr_5s", "38", TEXT | H264),
    Row("camera at full size after: s", "camera quality", "median_full_size_after_s", "2"),
    Row("camera at full size, from Firefox, after: s", "firefox camera", "median_full_size_after_s", "2"),
    Row("moving text, 1280x720 at 29: delay, ms", "other ways", "median_ms", "", TEXT),
    Row("moving text: cores", "other ways", "cpu_of_a_core", "", TEXT),
    Row("moving text: Mbit/s", "other ways", "mbit_s", "", TEXT),
    Row("moving text, while a cell computes: a second", "other ways", "busy_fps", "28", TEXT),
    Row("moving text, while a cell computes: delay, ms", "other ways", "busy_median_ms", "", TEXT),
    Row("moving texture, 1280x720 at 29: delay, ms", "other ways", "median_ms", "", BUSY),
    Row("moving texture: cores", "other ways", "cpu_of_a_core", "", BUSY),
    Row("moving texture: Mbit/s", "other ways", "mbit_s", "", BUSY),
    Row("busy cell, 640x480, to the kernel: a second", "busy cell", "to_kernel_fps", "28"),
    Row("busy cell, 640x480, to the page: a second", "busy cell", "to_page_fps", "28"),
    Row("3 % loss, 50 ms: longest freeze, s", "loss", "longest_freeze_s", "0.4"),
    Row("3 % loss: picture delay before, ms", "loss", "picture_delay_ms.before", ""),
    Row("3 % loss: picture delay afterwards, ms", "loss", "picture_delay_ms.after", "as before"),
    Row("3 % loss: sound delay before, ms", "loss", "sound_delay_ms.before", ""),
    Row("3 % loss: sound delay afterwards, ms", "loss", "sound_delay_ms.after", "as before"),
    Row("4 to 0.5 Mbit/s: picture delay before, s", "rate drop", "before_delay_s", ""),
    Row("4 to 0.5 Mbit/s: picture delay within, s", "rate drop", "within_delay_s", "0.5"),
    Row("4 to 0.5 Mbit/s: picture delay afterwards, s", "rate drop", "after_delay_s", "as before"),
    Row("kernel with camera and view, above numpy: MiB", "memory", "above_numpy_mib", "150, flat"),
    Row("1000 forgotten maps: MiB", "forgotten maps", "added_mib", "20", {"read": False}),
    Row("1000 forgotten maps that were read: MiB", "forgotten maps", "added_mib", "20", {"read": True}),
    Row("first picture: s", "first picture", "median_s", "0.5"),
    Row("both ways, 640x480 at 30, to the page: a second", "both ways", "to_page_fps", "29"),
    Row("both ways, to the kernel: a second", "both ways", "to_kernel_fps", "29"),
    Row("both ways: cores", "both ways", "kernel_cpu_of_a_core", "0.45"),
    Row("write of 1920x1080, RGBA: of RGB", "write", "rgba_of_rgb", "6"),
    Row("write of 1920x1080, a BGR view: of RGB", "write", "bgr_view_of_rgb", "6"),
    Row("write of 1920x1080, grey: of RGB", "write", "grey_of_rgb", "6"),
    Row("write of 1920x1080, float32: of RGB", "write", "float32_of_rgb", "15"),
    Row("import, above aiortc: s", "import", "difference_s", "0.6"),
    Row("publish, first packet at the server: s", "publish", "packet_median_s", "0.5"),
    Row("eight viewers through a media server: of one", "viewers", "eight_to_one", "1"),
)


def table(lines: list[dict[str, Any]]) -> str:
    """Return the rows for which there are figures; of several rounds the median."""
    head = ["", *SIDES, "to reach"]
    rows = [head, ["---"] + ["--:"] * (len(head) - 1)]
    for row in ROWS:
        values = [value(row, side, lines) for side in SIDES.values()]
        if any(found is not None for found in values):
            rows.append([row.title, *("" if found is None else f"{found:.3g}" for found in values), row.wanted])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def value(row: Row, side: str, lines: list[dict[str, Any]]) -> float | None:
    """Return one side's figure. A line is one side's, or has both, or is about ours alone."""
    found = []
    for line in lines:
        if line["name"] != row.name or any(line.get(key) != wanted for key, wanted in row.where.items()):
            continue
        if f"{side}_{row.key}" in line:
            found.append(line[f"{side}_{row.key}"])
        elif line.get("side", "ours") == side:
            inner: Any = line
            for part in row.key.split("."):
                inner = inner.get(part) if isinstance(inner, dict) else None
            found.append(inner)
    numbers = [number for number in found if number is not None]
    return median(numbers) if numbers else None
