"""What `write` costs the thread that calls it, for 1920x1080 in the forms that people have; in turns."""

from __future__ import annotations

import time
from statistics import median

import numpy as np

from jupyter_rtc import NumpyVideoTrack
from tests.bench import report

ROUNDS = 40
WIDTH, HEIGHT = 1920, 1080
#: Times the cost of contiguous RGB, at most.
WANTED = {"rgb": 1, "rgba": 6, "bgr_view": 6, "grey": 6, "float32": 15, "rgba_without_alpha": 6, "planes": 6}


def forms() -> dict[str, np.ndarray]:
    """Return the same picture in every form."""
    rgb = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    rgba = np.dstack([rgb, rgb[..., 0]])
    return {
        "rgb": rgb,
        "rgba": rgba,
        "bgr_view": rgb[..., ::-1],
        "grey": rgb[..., 0].copy(),
        "float32": (rgb / 255).astype(np.float32),
        "rgba_without_alpha": rgba[..., :3],
        "planes": np.moveaxis(np.ascontiguousarray(np.moveaxis(rgb, -1, 0)), 0, -1),
    }


def main() -> None:
    """Print the medians in milliseconds, and each as a multiple of the first."""
    track = NumpyVideoTrack()
    pictures = forms()
    took: dict[str, list[float]] = {name: [] for name in pictures}
    for _ in range(ROUNDS):
        for name, picture in pictures.items():
            began = time.perf_counter()
            track.write(picture)
            took[name].append(1000 * (time.perf_counter() - began))
    track.stop()
    medians = {name: median(times) for name, times in took.items()}
    report(
        "write",
        size=[WIDTH, HEIGHT],
        **{f"{name}_ms": round(value, 2) for name, value in medians.items()},
        **{f"{name}_of_rgb": round(value / medians["rgb"], 2) for name, value in medians.items()},
        wanted_of_rgb=WANTED,
    )


if __name__ == "__main__":
    main()
