"""Two connections in one kernel, for demonstrations and tests."""

from __future__ import annotations

import asyncio
import logging
import weakref

from ..engine.loop import engine
from ..errors import ConnectTimeout, InvalidStateError
from ..rtc import sdp
from ..rtc.connection import PeerConnection

logger = logging.getLogger(__name__)


class _Pair:
    """Keeps two connections negotiated. On the engine's loop."""

    def __init__(self, a: PeerConnection, b: PeerConnection) -> None:
        self._lock = asyncio.Lock()
        # Weakly: it is kept for as long as one of them is there.
        self._sides = (weakref.ref(a), weakref.ref(b))

    def __contains__(self, connection: object) -> bool:
        return connection in [side() for side in self._sides]

    async def negotiate(self) -> None:
        """Negotiate until neither side needs to."""
        async with self._lock:
            a, b = [side() for side in self._sides]
            for offerer, answerer in ((a, b), (b, a)):
                if offerer is None or answerer is None or offerer._closed or answerer._closed:
                    return
                if offerer._session.is_needed():
                    await answerer.set_remote_description(await offerer.set_local_description())
                    await offerer.set_remote_description(await answerer.set_local_description())

    async def renegotiate(self) -> None:
        """As a callback of "negotiationneeded"."""
        try:
            await engine().run(self.negotiate())
        except InvalidStateError:
            logger.debug("a side was closed while negotiating")


async def connect_pair(a: PeerConnection, b: PeerConnection, timeout: float = 10.0) -> None:
    """Connect two connections of this kernel, and keep them negotiated when tracks change.

    Returns once both are connected; at once if neither has anything to send or receive yet.

    Raises
    ------
    TypeError
        When `a` or `b` is no PeerConnection.
    ValueError
        When `a` and `b` are the same.
    InvalidStateError
        When one of them is closed.
    ConnectTimeout
        When they are not connected within `timeout` seconds.
    """
    for side in (a, b):
        if not isinstance(side, PeerConnection):
            raise TypeError(f"connect_pair takes two PeerConnections, not {type(side).__name__}")
    if a is b:
        raise ValueError("connect_pair takes two different connections")
    for side in (a, b):
        side._assert_open()
    changed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wake() -> None:
        loop.call_soon_threadsafe(changed.set)

    pair = await engine().run(_make_pair(a, b))
    for side in (a, b):
        side._watchers.add(wake)
    try:
        async with asyncio.timeout(timeout):
            await engine().run(pair.negotiate())
            while _has_transport(a) and not all(_is_connected(side) for side in (a, b)):
                for side in (a, b):
                    side._assert_open()
                await changed.wait()
                changed.clear()
    except TimeoutError:
        report = await next((side for side in (a, b) if not _is_connected(side)), a)._report()
        raise ConnectTimeout(f"not connected within {timeout:g} s: {report.summary}", report=report) from None
    finally:
        for side in (a, b):
            side._watchers.discard(wake)
            side._tell_states()


def _has_transport(side: PeerConnection) -> bool:
    """Return whether something was negotiated that needs a connection, be it a data channel alone."""
    negotiated = side.current_local_description
    return negotiated is not None and any(not s.rejected for s in sdp.media_sections(negotiated.sdp))


def _is_connected(side: PeerConnection) -> bool:
    return side.connection_state == "connected"


_pairs: weakref.WeakKeyDictionary[PeerConnection, _Pair] = weakref.WeakKeyDictionary()


async def _make_pair(a: PeerConnection, b: PeerConnection) -> _Pair:
    """Return the pair of these two, however often they are connected: two would cross each other's offers."""
    known = _pairs.get(a)
    if known is not None and b in known:
        return known
    pair = _pairs[a] = _pairs[b] = _Pair(a, b)
    for side in (a, b):
        side.on("negotiationneeded", pair.renegotiate)
    return pair
