"""What is done when the way to the other side breaks: another way to it, or another connection in its place."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ..engine.loop import engine
from ..errors import ConnectTimeout, OperationError, RtcError, SignalingError

if TYPE_CHECKING:
    from .connection import PeerConnection

logger = logging.getLogger(__name__)

#: A way that has gone silent may come back by itself; after so long another one is looked for, and less often later.
PATIENCE = 4.0
LONGEST_PATIENCE = 30.0
#: So long another connection may take, in seconds; how long to wait before the next attempt, at first and at most; and
#: after how long it is given up.
ATTEMPT = 10.0
FIRST_WAIT = 1.0
LONGEST_WAIT = 30.0
GIVE_UP = 300.0
#: What does not get better by asking again.
_FINAL = (400, 401, 403, 405, 415)


class Recovery:
    """Gets a connection back. On the loop of the signaling.

    Parameters
    ----------
    connection : PeerConnection
    begin_anew : callable, optional
        A coroutine function: begins another session with the other side, and offers. Without one, only another way to
        the same one is looked for.
    can_restart : callable
        Whether the other side could be told of another way.
    """

    def __init__(
        self,
        connection: PeerConnection,
        begin_anew: Callable[[], Awaitable[None]] | None,
        can_restart: Callable[[], bool],
    ) -> None:
        self._connection = connection
        self._begin_anew = begin_anew
        self._can_restart = can_restart
        self._clock = asyncio.get_running_loop().time
        self._changed = asyncio.Event()
        self._refused = False
        self._wait = 0.0
        self._connected_at = 0.0
        self.running = False
        #: Whether the two have been connected through this signaling: else there is nothing to get back.
        self.was_connected = False
        #: Whether another session is being begun, and negotiation is not to be had otherwise.
        self.is_anew = False

    @property
    def _state(self) -> str:
        return self._connection.connection_state

    def state_changed(self) -> None:
        """Whoever waits is to look again."""
        self.was_connected = self.was_connected or self._state == "connected"
        self._changed.set()

    def refuse(self) -> bool:
        """An offer did not get through; return whether it was of another way, and another session is begun now."""
        self._refused = True
        self._changed.set()
        return self.running and self._begin_anew is not None

    async def run(self) -> None:
        """Get the connection back.

        Raises
        ------
        ConnectTimeout
            When that is given up.
        """
        self.running = True
        try:
            if self._begin_anew is None or not self.was_connected:
                await self._restart()
            elif not await self._comes_back():
                await self._connect_anew(self._begin_anew)
        finally:
            self.running = self.is_anew = False

    async def _restart(self) -> None:
        """Restart ICE until the two are connected again, or there is nobody to connect to."""
        patience = PATIENCE if self._state == "disconnected" else 0.0
        while not await self._within(patience, lambda: self._state in ("connected", "closed") or self._is_over):
            await self._look_around()
            patience = min(max(2 * patience, PATIENCE), LONGEST_PATIENCE)

    async def _look_around(self) -> None:
        """Have another way looked for."""
        try:
            await engine().run(self._connection._restart_ice())
        except Exception as error:  # it may have been closed meanwhile
            logger.debug("no other way is looked for: %r", error)

    @property
    def _is_over(self) -> bool:
        return self._connection._ended or self._connection._closed

    async def _within(self, seconds: float, condition: Callable[[], bool]) -> bool:
        """Wait until something is so, and return whether it is."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _comes_back(self) -> bool:
        """Wait for the way, and look for another one where the other side can."""

        def decided() -> bool:
            return self._state != "disconnected" or self._is_over or self._refused

        self._refused = False
        if self._state == "disconnected" and not await self._within(PATIENCE, decided) and self._can_restart():
            await self._look_around()
            await self._within(PATIENCE, decided)
        return self._state == "connected" and not self._is_over

    async def _connect_anew(self, begin_anew: Callable[[], Awaitable[None]]) -> None:
        self.is_anew = True
        lost = self._clock()
        if lost - self._connected_at > LONGEST_WAIT:  # else it is lost again and again: ever more slowly
            self._wait = 0.0
        while True:
            await asyncio.sleep(self._wait * random.uniform(0.8, 1.2))  # noqa: S311 - so that not all come at once
            self._wait = min(max(2 * self._wait, FIRST_WAIT), LONGEST_WAIT)
            error = await self._attempt(begin_anew)
            if self._connection._closed:  # for which the end of an attempt may have been taken
                return
            if error is None:
                self._connection._loss = None
                self._connected_at = self._clock()
                return
            logger.info("%r was lost, and could not be connected anew: %s", self._connection, error)
            took = self._clock() - lost
            if took + self._wait > GIVE_UP or (isinstance(error, SignalingError) and error.status in _FINAL):
                raise ConnectTimeout(
                    f"the connection was lost, and given up after {took:.0f} s: {error}",
                    report=await self._connection._report_loss(str(error), is_final=True),
                ) from error
            await self._connection._report_loss(str(error))

    async def _attempt(self, begin_anew: Callable[[], Awaitable[None]]) -> RtcError | None:
        """Try once, and return why it was in vain."""
        try:
            async with asyncio.timeout(ATTEMPT):
                await begin_anew()
            peer = self._connection._session.peer  # whose state is not yet what the one before had come to
            if await self._within(ATTEMPT, lambda: peer.state in ("connected", "failed")) and peer.state == "connected":
                return None
            return OperationError((await self._connection._report()).reason)
        except RtcError as error:
            return error
        except TimeoutError:
            return OperationError(f"no answer within {ATTEMPT:g} s")
        except Exception as error:  # of a signaling that is not ours, too: none is to end the attempts
            logger.debug("%r", self._connection, exc_info=error)
            return OperationError(f"the signaling failed ({type(error).__name__}: {error})")
