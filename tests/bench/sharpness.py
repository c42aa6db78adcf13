"""How like the original a view is: a busy moving texture, and a gradient with text; beside stock aiortc.

Pictures are numbered, so that what the page shows is compared with the very picture that was sent.
"""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np

from jupyter_rtc import read_stamp
from tests.bench import report
from tests.bench._views import PICTURES, psnr, ssim, view

ROUNDS = 2
SECONDS = (1, 5, 9)
FPS = 29.0
SIZE = (1280, 720)
CASES = (("busy", "VP8"), ("text", "VP8"), ("text", "H264"), ("busy", "H264"))


def run(side: str, kind: str, codec: str) -> dict[str, float]:
    """Return PSNR and SSIM of pictures taken out of the page, so many seconds after the first."""
    names: dict[str, Any] = {}
    exec(PICTURES, names)
    frames = names["clip"](kind, *SIZE)
    original = names["pictures"](frames, FPS, stamped=False)
    figures: dict[str, float] = {}
    with view(side, kind=kind, codec=codec, size=SIZE, fps=FPS) as notebook:
        passed = 0.0
        for second in SECONDS:
            notebook.page.wait_for_timeout(max(0.0, second - passed) * 1000)
            passed = second
            for _ in range(20):
                picture = notebook.grab("#v0").image
                stamp = read_stamp(picture)
                if stamp is not None and picture.shape[1::-1] == SIZE:
                    break
            else:
                continue
            below = slice(80, None)  # the stamp is no part of the picture
            sent = original(stamp[0])[below]
            figures[f"psnr_{second}s"] = psnr(picture[below], sent)
            figures[f"ssim_{second}s"] = ssim(np.asarray(picture[below]), sent)
    return figures


def main() -> None:
    """Print the medians of both, measured in turn."""
    for kind, codec in CASES:
        runs: dict[str, list[dict[str, float]]] = {"ours": [], "stock": []}
        for _ in range(ROUNDS):
            for side, results in runs.items():
                results.append(run(side, kind, codec))
        for side, results in runs.items():
            names = {name for result in results for name in result}
            medians = {
                name: round(median(result[name] for result in results if name in result), 3) for name in sorted(names)
            }
            report("sharpness", side=side, kind=kind, codec=codec, **medians, wanted="busy SSIM 0.95, text PSNR 38")


if __name__ == "__main__":
    main()
