"""Perfect negotiation over a signaling: WebRTC 1.0 §10.7, for two sides that may offer at any time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import ConnectTimeout, InvalidStateError, OperationError, RtcError, SignalingError
from .attempt import Attempt
from .recovery import Recovery

if TYPE_CHECKING:
    from .connection import PeerConnection

logger = logging.getLogger(__name__)

#: So long the other side's server may take to hear of the end, where one waits for it.
FAREWELL = 3.0
#: And so long, while nobody waits.
LONGEST_CLOSING = 10.0
#: So long the engine may take to undo an attempt.
LONGEST_CLEANING = 10.0


class Signaling(Protocol):
    """How the two sides of a connection exchange messages.

    A message is a dict: ``{"type": "offer" | "answer", "sdp": ...}``, ``{"type": "bye"}``, or
    ``{"type": "candidate", "candidate": dict or None}``. The methods are called on the event loop on which
    ``PeerConnection.connect`` was awaited. What a method raises before the two are connected, `connect` raises. It is
    closed once: when the connection is closed, or `connect` fails or is cancelled.

    A signaling may also have any of: a coroutine ``prepare(connection)``, awaited before all else; ``polite``, a bool,
    whether our offer gives way; ``negotiates_once``, a str: why nothing can be added once there was an answer, as with
    WHIP, whose offers after the first one only restart ICE, while the bool ``can_restart`` says that they can; a
    coroutine ``begin_anew()``: what was agreed is lost, and the next offer is again a first one; ``failed(error)``,
    called before it is closed where `connect` has failed.
    """

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message to the other side."""

    async def receive(self) -> dict[str, Any]:
        """Wait for the next message of the other side."""

    async def close(self) -> None:
        """End it. A pending `receive` may raise."""


def yields(own: str, theirs: str) -> bool:
    """Return whether our offer gives way to theirs where both came at once and nobody has said who is polite.

    Both sides know both texts and come to opposite answers: the ICE names in them are random.
    """
    return _name(own) < _name(theirs)


def _name(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("a=ice-ufrag:", "a=ice-pwd:"))][:2] or [text]


#: Who uses a signaling, by its id.
_in_use: weakref.WeakValueDictionary[int, PerfectNegotiation] = weakref.WeakValueDictionary()


#: Held, for the loop alone holds its tasks weakly.
_dismissing: set[asyncio.Task[None]] = set()


async def dismiss(signaling: Signaling, error: BaseException) -> None:
    """Close a signaling that no negotiation has taken, and wait for it for a bounded time. One in use goes on."""
    if id(signaling) in _in_use:
        return
    _tell(signaling, error)
    closing = asyncio.get_running_loop().create_task(_close(signaling))
    _dismissing.add(closing)
    closing.add_done_callback(_dismissing.discard)
    await asyncio.wait({closing}, timeout=FAREWELL)


def _tell(signaling: Signaling, error: BaseException) -> None:
    failed = getattr(signaling, "failed", None)
    if failed is not None:
        try:
            failed(error)
        except Exception:
            logger.exception("the signaling could not be told why the attempt failed")


async def _close(signaling: Signaling) -> None:
    try:
        async with asyncio.timeout(LONGEST_CLOSING):
            await signaling.close()
    except Exception as error:  # nobody waits for it
        logger.warning("the signaling could not be closed: %r", error)


class PerfectNegotiation:
    """Keeps a connection negotiated, until it is closed. On the loop of the signaling."""

    def __init__(self, connection: PeerConnection, signaling: Signaling, polite: bool | None) -> None:
        self._connection = connection
        self._signaling = signaling
        #: What the signaling is called in messages.
        self.name = str(getattr(signaling, "_name", type(signaling).__name__))
        self._polite = getattr(signaling, "polite", None) if polite is None else polite
        #: Why nothing more can be negotiated, or "".
        self.fixed = ""
        self._loop = asyncio.get_running_loop()
        if id(signaling) in _in_use:
            raise InvalidStateError(
                f"this {type(signaling).__name__} is used already, by another connection: make a new one for each"
            )
        _in_use[id(signaling)] = self
        self._making_offer = False
        self._offered = asyncio.Event()
        self._offered.set()
        self._ignored = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = False
        self._attempt = Attempt(connection)
        self._parting: asyncio.Task[None] | None = None
        # Held, for the loop alone holds its tasks weakly.
        self._cleaning: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        anew = getattr(signaling, "begin_anew", None)
        self._recovery = Recovery(
            connection, None if anew is None else self._begin_anew, lambda: getattr(signaling, "can_restart", True)
        )
        self._begun = False
        self._over = asyncio.Event()
        self._outcome: asyncio.Future[None] = self._loop.create_future()
        self._stops = [
            connection.on("negotiationneeded", self._needed),
            connection.on("connectionstatechange", self._state_changed),
        ]

    async def connect(self, timeout: float | None) -> None:
        """Begin, and wait until the two are connected; see `PeerConnection.connect`."""
        try:
            try:
                async with asyncio.timeout(timeout) as deadline:
                    await self._connect()
            except TimeoutError as error:
                if not deadline.expired() or error.args:  # one of the signaling's, which has its own words
                    raise
                raise await self._too_late(timeout) from None
        except BaseException as error:  # a cancellation, too
            self._cleaning = self._loop.create_task(self._clean_up(error))
            await asyncio.shield(self._cleaning)  # which a second cancellation does not end
            raise
        finally:
            if not self._outcome.done():  # nobody waits for it any more
                self._outcome.set_result(None)

    async def _connect(self) -> None:
        prepare = getattr(self._signaling, "prepare", None)
        if prepare is not None:
            await self._wait(self._adopt(prepare(self._connection)), lambda: False)
        self._attempt.prepared()
        self._begun = True
        self.fixed = getattr(self._signaling, "negotiates_once", "")
        self._spawn(self._receive()).add_done_callback(self._received)
        if self._connection._session.is_needed():
            self._spawn(self._offer())
        if not await self._wait(self._outcome, lambda: self._state == "connected"):
            raise OperationError("the other side said bye before it was connected")
        self._recovery.was_connected = True

    async def _wait(self, future: asyncio.Future[None], condition: Callable[[], bool]) -> bool:
        """Wait until the condition is true, and return True, or the future is done, and return False.

        Raises
        ------
        InvalidStateError
            When the connection is closed.
        Exception
            What the future raises.
        """
        connection, changed = self._connection, asyncio.Event()

        def wake() -> None:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(changed.set)

        connection._watchers.add(wake)
        try:
            while not condition():
                connection._assert_open()
                waiting: asyncio.Future[Any] = self._loop.create_task(changed.wait())
                try:
                    await asyncio.wait({waiting, future}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
                if future.done() and not changed.is_set():
                    future.result()
                    return False
                changed.clear()
            return True
        finally:
            connection._watchers.discard(wake)

    async def _too_late(self, timeout: float | None) -> ConnectTimeout:
        """Return what to say of an attempt that took too long."""
        what = f"not connected within {timeout:g} s"
        if not self._begun:
            name = type(self._signaling).__name__
            return ConnectTimeout(f"{what}: {name} was not ready by then (its prepare has not returned)")
        try:
            report = await self._connection._report()
        except TimeoutError:
            return ConnectTimeout(f"{what}, and the engine is too busy to say why")
        return ConnectTimeout(f"{what}: {report.summary}", report=report)

    async def _clean_up(self, error: BaseException) -> None:
        """Leave nothing of an attempt that has failed: the connection can be used for another one."""
        connection = self._connection
        self._stop()
        if self._tasks:  # they may still be doing something with the connection
            await asyncio.wait(set(self._tasks), timeout=FAREWELL)
        if not self._begun:
            self._attempt.prepared()
        try:
            async with asyncio.timeout(LONGEST_CLEANING):
                await connection._chained(self._attempt.take_back())
        except InvalidStateError:
            logger.debug("the connection was closed while it was connected")
        except Exception:
            logger.exception("an attempt to connect could not be taken back")
        if connection._negotiation is self:
            connection._negotiation = None
        if self._parting is None:
            _tell(self._signaling, error)
        await self._part(say=self._begun and connection._closed)

    def _received(self, receiving: asyncio.Task[None]) -> None:
        if receiving.cancelled():
            if not self._outcome.done():
                self._fail(SignalingError("the signaling's receive was cancelled"))
            else:  # most likely by the end of the loop, as of `asyncio.run`
                logger.debug("the signaling's receive was cancelled")
        elif (error := receiving.exception()) is not None:
            self._fail(error)
        elif not self._outcome.done():
            self._outcome.set_result(None)

    def _fail(self, error: BaseException) -> None:
        """Tell who waits for the first connection, or else the log."""
        if not self._outcome.done():
            self._outcome.set_exception(error)
            self._outcome.exception()  # it may be that nobody waits
        elif not self._ended and not self._connection._closed:
            logger.warning("the signaling failed: %s", error)

    def _spawn(self, coroutine: Any) -> asyncio.Task[None]:
        return self._adopt(self._loop.create_task(coroutine))

    def _adopt(self, awaitable: Any) -> asyncio.Task[None]:
        """Have something end with the negotiation, at the latest."""
        task: asyncio.Task[None] = asyncio.ensure_future(awaitable)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # Looked at, whoever else does so: it may have failed as the connection was closed.
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.debug("%r: %r", self._connection, error)

    def _needed(self) -> None:
        """On the thread of callbacks."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(lambda: self._spawn(self._offer()))

    def _state_changed(self) -> None:
        """On the thread of callbacks."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._heed_state)

    def _heed_state(self) -> None:
        self._recovery.state_changed()
        if self._state in ("disconnected", "failed") and not self._recovery.running and not self._ended:
            self._spawn(self._recover())

    @property
    def _state(self) -> str:
        return self._connection.connection_state

    async def _recover(self) -> None:
        try:
            await self._recovery.run()
        except ConnectTimeout as error:
            if self._connection._closed:
                return
            logger.error("%s", error)
            await self.end(say=False)
            await self._connection._give_up(error)
        except Exception:
            if not self._ended:
                logger.exception("%r could not be got back", self._connection)

    async def _begin_anew(self) -> None:
        """Offer to somebody who knows nothing of what was agreed.

        Raises
        ------
        RtcError
        """
        connection, signaling = self._connection, self._signaling
        await self._offered.wait()
        self._making_offer = True
        self._offered.clear()
        try:
            await signaling.begin_anew()  # type: ignore[attr-defined]
            await connection._begin_anew()
            description = await connection.set_local_description()
            await signaling.send({"type": "offer", "sdp": description.sdp})
        except Exception:
            await self._take_back()
            raise
        finally:
            self._making_offer = False
            self._offered.set()

    async def _offer(self) -> None:
        connection = self._connection
        if not self._begun:  # the signaling is still preparing the connection: one offer follows, with all of it
            return
        if self._making_offer or self._ended or connection.signaling_state != "stable":
            return
        if self._recovery.is_anew:  # which offers by itself
            return
        if self.fixed and connection.current_remote_description is not None and not connection._session.restarting:
            return
        self._making_offer = True
        self._offered.clear()
        sending = False
        try:
            description = await connection.set_local_description()
            if description.type == "offer":
                sending = not self._outcome.done()
                await self._signaling.send({"type": "offer", "sdp": description.sdp})
        except asyncio.CancelledError:
            if not self._ended:  # by the signaling itself
                self._fail(SignalingError("the signaling's send was cancelled"))
            raise
        except Exception as error:
            if isinstance(error, InvalidStateError) and not sending:
                logger.debug("an offer was overtaken by the other side's, or by the end")
                return
            waited_for = not self._outcome.done()
            if self._recovery.refuse():
                logger.info("no other way: %s", error)
            else:
                self._fail(error)
            if not waited_for:
                await self._take_back()
        finally:
            self._making_offer = False
            self._offered.set()

    async def _take_back(self) -> None:
        """An offer did not get through: what was agreed before goes on."""
        try:
            await self._connection.set_local_description({"type": "rollback"})
        except RtcError as error:
            logger.debug("the offer could not be taken back: %s", error)

    async def _receive(self) -> None:
        while not self._ended:
            message: Any = await self._signaling.receive()
            kind = message.get("type") if isinstance(message, Mapping) else None
            if kind in ("offer", "answer") and isinstance(message.get("sdp"), str):
                await self._take_description(message)
            elif kind == "candidate":
                await self._take_candidate(message.get("candidate"))
            elif kind == "bye":
                logger.debug("the other side says bye")
                self._connection._history.said_bye()
                await self.end(say=False)
            else:  # whatever another program, or somebody else, has sent: it changes nothing
                # And not what it says: a description, unparsed for instance, has what it takes to listen in.
                of_type = isinstance(message, Mapping)
                what = f"of type {kind!r:.60}" if of_type else f"that is a {type(message).__name__}"
                logger.warning("a message %s is not understood", what)

    async def _take_description(self, message: dict[str, Any]) -> None:
        connection = self._connection
        await self._offered.wait()  # our own offer first, if one is being made: then both are known
        if message["type"] == "answer" and connection.signaling_state == "stable":
            logger.debug("an answer came twice, or to an offer that was taken back")
            return
        collision = message["type"] == "offer" and connection.signaling_state != "stable"
        self._ignored = collision and not self._gives_way(message["sdp"])
        if self._ignored:
            return
        try:
            await connection.set_remote_description(message)
            answer = await connection.set_local_description() if message["type"] == "offer" else None
        except RtcError as error:
            if message["type"] == "answer":
                self._fail(error)
            elif not connection._closed:
                logger.error("the other side's %s was refused: %s", message["type"], error)
            return
        try:
            if answer is not None:
                await self._signaling.send({"type": answer.type, "sdp": answer.sdp})
        except RtcError as error:
            self._fail(error)

    def _gives_way(self, offer: str) -> bool:
        if self._polite is not None:
            return self._polite
        own = self._connection.pending_local_description
        return own is None or yields(own.sdp, offer)

    async def _take_candidate(self, candidate: dict[str, Any] | None) -> None:
        try:
            await self._connection.add_ice_candidate(candidate)
        except (RtcError, TypeError) as error:
            if not self._ignored:
                logger.warning("a candidate was refused: %s", error)

    async def end(self, *, say: bool = True) -> None:
        """Say bye, and close the signaling."""
        if not self._ended:
            self._stop()
            await self._part(say=say and self._begun)

    def _stop(self) -> None:
        """Do nothing any more but to part."""
        self._ended = True
        _in_use.pop(id(self._signaling), None)
        for stop in self._stops:
            stop()
        current = asyncio.current_task()
        for task in tuple(self._tasks):
            if task is not current:
                task.cancel()

    async def _part(self, *, say: bool) -> None:
        """Close the signaling, once, and wait for it for a bounded time."""
        if self._parting is None:
            self._parting = self._loop.create_task(self._say_and_close(say))
        await asyncio.wait({self._parting}, timeout=FAREWELL)

    async def _say_and_close(self, say: bool) -> None:
        try:
            if say:
                async with asyncio.timeout(FAREWELL):
                    await self._signaling.send({"type": "bye"})
        except Exception as error:  # the other side may be gone: then there is nobody to tell
            logger.debug("no bye could be said: %r", error)
        finally:
            try:
                await _close(self._signaling)
            finally:
                self._over.set()

    async def over(self) -> None:
        """Wait for `end`, for a bounded time, where this is its loop: another one may be held up."""
        if asyncio.get_running_loop() is self._loop:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL):
                    await self._over.wait()
                    if self._ending is not None:
                        await asyncio.shield(self._ending)

    def end_soon(self) -> None:
        """`end`, from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._begin_to_end)

    def _begin_to_end(self) -> None:
        if not self._ended:
            self._ending = self._loop.create_task(self.end())
