"""A track whose source can be plugged in and changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .track import Item, Kind, Track


class RelayTrack(Track[Item]):
    """What a camera, a remote peer's track and a clone are: one track for users, whatever is behind it."""

    def __init__(
        self,
        kind: Kind,
        upstream: Track[Item] | None = None,
        *,
        label: str = "",
        id: str | None = None,
        follows_end: bool = True,
        is_clone: bool = False,
    ) -> None:
        super().__init__(kind, label=label, id=id, muted=upstream is None or upstream.muted)
        self._follows_end = follows_end
        self._is_clone = is_clone
        self._generation = 0
        self._upstream: Track[Item] | None = None
        self._stop_upstream: list[Callable[[], None]] = []
        self._stop_muting: list[Callable[[], None]] = []
        #: What the owner knows about silence, and about waiting in vain.
        self.why_silent: Callable[[], str] | None = None
        self.in_vain: Callable[[bool, float], Exception | None] | None = None
        self._plug(upstream)

    @property
    def _keeps_last(self) -> bool:  # type: ignore[override]
        return self._upstream is not None and self._upstream._keeps_last

    def _plug(self, upstream: Track[Item] | None) -> None:
        with self._lock:
            if upstream is self._upstream:
                return
            if self._sinks:
                self._halt()
            self._upstream = upstream
            self._generation += 1
            for stop in self._stop_muting:
                stop()
            self._stop_muting = []
            if upstream is not None:
                self._stop_muting = [
                    upstream.on("mute", lambda: self._follow_mute(upstream)),
                    upstream.on("unmute", lambda: self._follow_mute(upstream)),
                ]
            if self._sinks:
                self._activate()
        if upstream is None:
            self._set_muted(True)
            self._forget()
        else:
            self._follow_mute(upstream)

    def _follow_mute(self, upstream: Track[Item]) -> None:
        if upstream is self._upstream:
            self._set_muted(upstream.muted)
            if upstream.muted and not self._keeps_last:
                self._forget()

    def _relay(self, generation: int, item: Item) -> None:
        if generation == self._generation:  # a source that was unplugged may be about to give a last one
            self._deliver(item)

    def _activate(self) -> None:
        upstream = self._upstream
        if upstream is None:
            return
        if upstream.error is not None:
            self._fail(upstream.error)
        self._stop_upstream = [
            upstream.on("error", self._fail),
            upstream._subscribe(partial(self._relay, self._generation), self._upstream_ended, is_clone=self._is_clone),
        ]

    def _halt(self) -> None:
        stops, self._stop_upstream = self._stop_upstream, []
        for stop in stops:
            stop()

    def _source_stats(self) -> dict[str, Any]:
        return {} if self._upstream is None else self._upstream._source_stats()

    def _upstream_ended(self) -> None:
        if self._follows_end:
            self._end(event=True)
        else:
            self._set_muted(True)

    def _why_silent(self) -> str:
        if self.why_silent is not None:
            return self.why_silent()
        return super()._why_silent() if self._upstream is None else self._upstream._why_silent()

    def _in_vain(self, blocking: bool, waited: float) -> Exception | None:
        if self.in_vain is not None:
            return self.in_vain(blocking, waited)
        return None if self._upstream is None else self._upstream._in_vain(blocking, waited)
