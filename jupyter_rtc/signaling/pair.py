"""Two connections in one kernel, for demonstrations and tests."""

from __future__ import annotations

import asyncio
import logging

from ..engine.loop import engine
from ..errors import ConnectTimeout, InvalidStateError
from ..rtc.connection import PeerConnection

logger = logging.getLogger(__name__)


class _Pair:
    """Keeps two connections negotiated. On the engine's loop."""

    def __init__(self, a: PeerConnection, b: PeerConnection) -> None:
        self._lock = asyncio.Lock()
        self._sides = (a, b)

    async def negotiate(self) -> None:
        """Negotiate until neither side needs to."""
        async with self._lock:
            for offerer, answerer in (self._sides, self._sides[::-1]):
                if offerer._closed or answerer._closed:
                    return
                if offerer._is_needed():
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
    ValueError
        When `a` and `b` are the same.
    InvalidStateError
        When one of them is closed.
    ConnectTimeout
        When they are not connected within `timeout` seconds.
    """
    if a is b:
        raise ValueError("connect_pair takes two different connections")
    for side in (a, b):
        side._assert_open()
    changed = asyncio.Event()
    loop = asyncio.get_running_loop()
    stops = [side.on("connectionstatechange", lambda: loop.call_soon_threadsafe(changed.set)) for side in (a, b)]
    pair = await engine().run(_make_pair(a, b))
    for side in (a, b):
        side.on("negotiationneeded", pair.renegotiate)
    try:
        async with asyncio.timeout(timeout):
            await engine().run(pair.negotiate())
            while a.get_transceivers() and {a.connection_state, b.connection_state} != {"connected"}:
                await changed.wait()
                changed.clear()
    except TimeoutError:
        raise ConnectTimeout(
            f"not connected within {timeout:g} s: the sides are {a.connection_state} and {b.connection_state}"
        ) from None
    finally:
        for stop in stops:
            stop()


async def _make_pair(a: PeerConnection, b: PeerConnection) -> _Pair:
    return _Pair(a, b)
