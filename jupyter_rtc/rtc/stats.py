"""getStats: the statistics of webrtc-stats, with the W3C's names and units, from aiortc's."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

#: Ticks of the RTP clock in a second.
_CLOCK = {"audio": 48_000, "video": 90_000}


def convert(reports: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Return aiortc's statistics as a browser would give them.

    jitter is in seconds (aiortc: clock ticks), fractionLost from 0 to 1 (aiortc: 0 to 255), timestamps in milliseconds.
    """
    stats: dict[str, dict[str, Any]] = {}
    for report in reports:
        entry = {name: value for name, value in vars(report).items() if value is not None}
        timestamp = entry.get("timestamp")
        if isinstance(timestamp, datetime):
            entry["timestamp"] = timestamp.timestamp() * 1000
        remote = entry.get("remoteTimestamp")
        if isinstance(remote, datetime):
            entry["remoteTimestamp"] = remote.timestamp() * 1000
        if "jitter" in entry:
            entry["jitter"] = entry["jitter"] / _CLOCK.get(entry.get("kind", ""), 1)
        if "fractionLost" in entry:
            entry["fractionLost"] = entry["fractionLost"] / 256
        entry.pop("trackId", None)
        stats[entry["id"]] = entry
    return stats
