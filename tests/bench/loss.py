"""A network that loses: how long a picture stands still, and whether delays are afterwards what they were before."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import pairwise
from statistics import median
from typing import Any

from tests.bench import report
from tests.link import Link, why_not

ROUNDS = 2
#: Seconds of each phase: delayed only, losing too, and delayed only.
BEFORE, LOSING, AFTER = 6.0, 20.0, 6.0
LOSS, DELAY = 0.03, 0.05


def connect(link: Link, kind: str, seconds: float) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    """Start a sender at the link's one end, and a receiver at the other, and return both, connected."""
    command = [sys.executable, "-m", "tests.far"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    sender = link.a.popen([*command, "send", kind, str(seconds + 5)], **pipes)
    receiver = link.b.popen([*command, "receive", kind, str(seconds)], **pipes)
    for source, target in ((sender, receiver), (receiver, sender)):
        assert source.stdout is not None
        assert target.stdin is not None
        target.stdin.write(source.stdout.readline())
        target.stdin.flush()
    for process in (sender, receiver):
        assert process.stdout is not None
        assert "connected" in json.loads(process.stdout.readline())
    return sender, receiver


def run(kind: str) -> dict[str, Any]:
    """Return what came over a link that begins to lose, and ceases to."""
    with Link(delay=DELAY) as link:
        sender, receiver = connect(link, kind, BEFORE + LOSING + AFTER)
        try:
            time.sleep(BEFORE)
            link.set(loss=LOSS)
            began = time.time()
            time.sleep(LOSING)
            link.set(loss=0.0)
            ended = time.time()
            assert receiver.stdout is not None
            got = json.loads(receiver.stdout.readline())
        finally:
            for process in (sender, receiver):
                process.kill()
                process.communicate()
        return judge(got, began, ended) | {"lost": link.ab.lost}


def judge(got: dict[str, Any], began: float, ended: float) -> dict[str, Any]:
    """Return the figures of one run; the first two seconds of a phase are left for it to settle."""
    pictures, sounds = got["pictures"], got["sounds"]
    gaps = [b[0] - a[0] for a, b in pairwise(pictures) if began <= b[0] <= ended + 1]
    delays = {
        "before": [when - taken for when, _, taken in pictures if began - 3 < when < began],
        "losing": [when - taken for when, _, taken in pictures if began < when < ended],
        "after": [when - taken for when, _, taken in pictures if when > ended + 2],
    }
    heard = {
        "before": [delay for when, delay in sounds if began - 3 < when < began],
        "losing": [delay for when, delay in sounds if began < when < ended],
        "after": [delay for when, delay in sounds if when > ended + 2],
    }
    shown = sum(began <= when <= ended for when, _, _ in pictures)
    return {
        "longest_freeze_s": round(max(gaps, default=LOSING), 3),
        "pictures_per_s": round(shown / (ended - began), 1),
        "picture_delay_ms": {k: round(1000 * median(v)) if v else None for k, v in delays.items()},
        "sound_delay_ms": {k: round(1000 * median(v)) if v else None for k, v in heard.items()},
        "bursts_heard": round(len(heard["losing"]) / (2 * LOSING), 2),
    }


def main() -> None:
    """Print the runs of both, in turn."""
    reason = why_not()
    if reason:
        report("loss", skipped=reason)
        return
    for number in range(ROUNDS):
        for kind in ("ours", "stock"):
            wanted = "a freeze of 0.4 s at most; afterwards delays as before"
            report("loss", side=kind, round=number, loss=LOSS, delay_s=DELAY, **run(kind), wanted=wanted)
