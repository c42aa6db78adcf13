"""The ICE path below a DTLS transport: consent and ICE restarts, which aiortc does not have.

aiortc ties a transport to one aioice connection, for ever. Here the connection that carries the data can be replaced by
a fresh one with other credentials: DTLS above never notices, so that keys, channels and media live on (RFC 8445 §9).
The private names are those of aiortc 1.16 and aioice 0.13; `tests/integration/test_restart.py` fails when they go.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aioice.ice import Connection
from aioice.stun import TransactionError
from aiortc import RTCIceGatherer, RTCIceParameters

from . import compat_ice, datagrams

logger = logging.getLogger(__name__)

#: The old way stays open for so long after a restart: the other side may still send on it.
LINGER = 3.0


class Path:
    """What carries the datagrams of one `RTCIceTransport`. On the engine's thread.

    Attributes
    ----------
    active : aioice.Connection
        What data goes over.
    consent : bool
        Whether the other side lets us send: without a sign of life for long nothing may be sent (RFC 7675 §5.1).
    """

    def __init__(self, ice: Any) -> None:
        self._ice = ice
        self.active: Connection = ice._connection
        self.consent = True
        self._closed = False
        self._queue = self.active._queue
        #: What is offered, and what both sides have agreed upon and is being tried.
        self._fresh: Connection | None = None
        self._tried: Connection | None = None
        self._old: set[Any] = set()
        self._lingering: set[asyncio.Task[None]] = set()
        self._adopt(self.active)
        self._stop = ice.stop
        ice.stop = self._stop_all
        ice._send = self._send
        ice._recv = self._recv

    def _adopt(self, connection: Any) -> None:
        """Take what `connection` receives, but for empty datagrams: one ends DTLS (IndexError in rtcdtlstransport.py).

        Its own watch over consent would close it for good; that is ours now.
        """
        queue = connection._queue = self._queue

        def data_received(data: bytes, component: int) -> None:
            if data and connection._queue is queue:
                queue.put_nowait((data, component))

        async def query_consent() -> None:
            """Nothing."""

        connection.data_received = data_received
        connection.query_consent = query_consent
        compat_ice.adopt(connection)

    async def _send(self, data: bytes) -> None:
        if self.consent and self.active._nominated:  # else it is lost, and DTLS tries again: a restart may come
            await self.active.send(data)

    async def _recv(self) -> bytes:
        while not self._closed:
            item = await self._queue.get()
            if item is not None:
                data: bytes = item[0]
                return data
        raise ConnectionError("the transport is closed")

    async def _stop_all(self) -> None:
        self._closed = True  # aiortc's own state goes from "closed" to "failed" where it is closed while connecting
        for task in self._lingering:
            task.cancel()
        self._monitor(None)
        await self._stop()
        for connection in {self.active, self._tried, self._fresh, *self._old} - {None, self._ice._connection}:
            await connection.close()

    def _monitor(self, coroutine: Any) -> None:
        """Let aiortc's own watch over the end of a connection go, or set it on another one."""
        name = "_RTCIceTransport__monitor_task"
        if getattr(self._ice, name) is not None:
            getattr(self._ice, name).cancel()
        setattr(self._ice, name, None if coroutine is None else asyncio.ensure_future(coroutine))

    @property
    def pair(self) -> Any:
        """The candidate pair in use, aioice's object, or None."""
        return next(iter(self.active._nominated.values()), None)

    async def is_alive(self) -> bool:
        """Ask the other side for a sign of life (STUN), as consent checks do every five seconds."""
        pair, connection = self.pair, self.active
        if pair is None or connection.remote_password is None:
            return False
        request = connection.build_request(pair, nominate=False)
        try:
            await pair.protocol.request(
                request, pair.remote_addr, integrity_key=connection.remote_password.encode(), retransmissions=0
            )
        except (TransactionError, ConnectionError, OSError, AttributeError):
            return False
        return True

    def withdraw_consent(self) -> None:
        """Send nothing any more, until a restart."""
        self.consent = False
        self._set_state("failed")

    # -- restart --------------------------------------------------------------------------------------------------

    @property
    def restarting(self) -> bool:
        """Whether fresh credentials are offered, and not agreed upon yet."""
        return self._fresh is not None

    def begin_restart(self, servers: list[Any], policy: Any, name: str, password: str) -> None:
        """Have the next description carry these credentials, and gather anew for it."""
        self.abandon_restart()
        self._fresh = RTCIceGatherer(servers, policy, name, password)._connection
        self._adopt(self._fresh)
        self._gather_with(self._fresh, "new")

    def abandon_restart(self) -> None:
        """Stay with the connection that there is: the other side wants no restart, or the offer was taken back."""
        fresh, self._fresh = self._fresh, None
        if fresh is not None:
            agreed = self._tried or self.active
            self._gather_with(agreed, "completed" if agreed._local_candidates_end else "new")
            self._ice._connection = agreed
            self._retire(fresh, 0)

    def _gather_with(self, connection: Any, state: str) -> None:
        gatherer = self._ice.iceGatherer
        gatherer._connection = connection
        gatherer._RTCIceGatherer__state = state

    def expect_restart(self, controlling: bool) -> None:
        """Let the candidates of the remote description that is applied next belong to the fresh connection.

        Whose offer begins the restart controls it.
        """
        assert self._fresh is not None
        self._fresh.ice_controlling = controlling
        self._ice._connection = self._fresh
        self._ice.iceGatherer._remote_candidates_end = False
        self._ice._role_set = True

    async def restart(self, remote: RTCIceParameters) -> None:
        """Connect with the fresh credentials, and change over. What there was carries on meanwhile."""
        fresh, superseded = self._fresh, self._tried
        if fresh is None:
            return
        self._fresh, self._tried = None, fresh
        if superseded is not None:
            self._retire(superseded, 0)
        fresh.remote_is_lite = remote.iceLite
        fresh.remote_username = remote.usernameFragment
        fresh.remote_password = remote.password
        if not (self.pair and self.consent):
            self._set_state("checking")
        try:
            await fresh.connect()
        except ConnectionError:
            if fresh is self._tried:
                logger.debug("the ICE restart failed")
                self._set_state("failed")
            return
        if fresh is self._tried and not self._closed:
            await self._change_to(fresh)

    async def _change_to(self, fresh: Connection) -> None:
        old, self.active, self._tried, self.consent = self.active, fresh, None, True
        started = self._ice._RTCIceTransport__start
        if started is not None and not started.is_set():  # the first attempt is still under way: it has come true
            old._check_list_done = True
            old._check_list_state.put_nowait(1)
            await started.wait()
        self._monitor(self._ice._monitor())
        self._set_state("completed")
        self._retire(old, LINGER)

    def _retire(self, connection: Connection, after: float) -> None:
        self._old.add(connection)
        task = asyncio.get_running_loop().create_task(self._close_later(connection, after))
        self._lingering.add(task)
        task.add_done_callback(self._lingering.discard)

    async def _close_later(self, connection: Any, after: float) -> None:
        await asyncio.sleep(after)
        connection._queue = asyncio.Queue()  # its end is not the end of the transport
        await connection.close()
        self._old.discard(connection)

    def _set_state(self, state: str) -> None:
        if not self._closed:
            self._ice._RTCIceTransport__setState(state)


def paths(pc: Any) -> dict[Any, Path]:
    """Return the path of each ICE transport, by aiortc's object.

    Called after whatever may have made a transport: each is given its path at once.
    """
    for ice in pc._RTCPeerConnection__iceTransports:
        if not hasattr(ice, "_path"):
            ice._path = Path(ice)
    for dtls in pc._RTCPeerConnection__dtlsTransports:
        datagrams.limit(dtls)
    return {ice: ice._path for ice in pc._RTCPeerConnection__iceTransports}


def remote_parameters(pc: Any, ice: Any) -> RTCIceParameters | None:
    """Return the ICE credentials that the newest remote description has for a transport."""
    users = [(t, t.receiver.transport) for t in pc.getTransceivers()]
    users += [(pc.sctp, pc.sctp.transport)] if pc.sctp is not None else []
    users.sort(key=lambda user: getattr(user[0], "_bundled", False))
    remote = pc._RTCPeerConnection__remoteIce
    return next((remote[user] for user, dtls in users if dtls.transport is ice and user in remote), None)
