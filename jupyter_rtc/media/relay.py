"""A track whose source can be plugged in and changed.

It holds its source; the source does not hold it, so that a clone or a map that everybody has forgotten is freed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from .ties import Ties, weakly
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
        #: Its subscriptions while it is read, and to the source's muting.
        self._reading = Ties()
        self._muting = Ties()
        #: What the owner knows about silence, and about waiting in vain.
        self._told_why_silent: Callable[[], str] | None = None
        self._told_in_vain: Callable[[bool, float], Exception | None] | None = None
        self._plug(upstream)

    def clone(self) -> RelayTrack[Item]:
        """Return a track of the same source that is stopped and enabled on its own."""
        if self._is_clone and self._upstream is not None and self._ready_state == "live":
            return self._upstream.clone()  # this one is not to be held, and its device on, for the sake of the other
        return super().clone()

    @property
    def _keeps_last(self) -> bool:  # type: ignore[override]
        return self._upstream is not None and self._upstream._keeps_last

    @property
    def _stills(self) -> Literal["never", "seen", "made"]:  # type: ignore[override]
        return "never" if self._upstream is None else self._upstream._stills

    def _plug(self, upstream: Track[Item] | None) -> None:
        with self._lock:
            if upstream is self._upstream:
                return
            if self._sinks:
                self._halt()
            self._upstream = upstream
            self._generation += 1
            self._muting.cut()
            if upstream is not None:
                follow = partial(weakly(self._follow_mute), self._generation)
                self._muting.add(upstream.on("mute", follow), upstream.on("unmute", follow))
            if self._sinks:
                self._activate()
        if upstream is None:
            self._set_muted(True)
            self._forget()
        else:
            self._follow_mute(self._generation)

    def _follow_mute(self, generation: int) -> None:
        upstream = self._upstream
        if generation == self._generation and upstream is not None:
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
        relay = partial(weakly(self._relay), self._generation)
        self._reading.add(
            upstream.on("error", weakly(self._fail)),
            upstream._subscribe(relay, weakly(self._upstream_ended), is_clone=self._is_clone),
        )

    def _halt(self) -> None:
        self._reading.cut()

    def _source_stats(self) -> dict[str, Any]:
        return {} if self._upstream is None else self._upstream._source_stats()

    def _upstream_ended(self) -> None:
        if self._follows_end:
            self._end(event=True)
        else:
            self._set_muted(True)

    def _why_silent(self) -> str:
        if self._told_why_silent is not None:
            return self._told_why_silent()
        return super()._why_silent() if self._upstream is None else self._upstream._why_silent()

    def _in_vain(self, blocking: bool, waited: float) -> Exception | None:
        if self._told_in_vain is not None:
            return self._told_in_vain(blocking, waited)
        return None if self._upstream is None else self._upstream._in_vain(blocking, waited)
