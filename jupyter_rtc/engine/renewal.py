"""Another transport for everything, which browsers want where the first section of the bundle is rejected.

libwebrtc gives up that section's ICE and DTLS transport with it, and makes a new one for the sections that go on.
aiortc never changes a transport under media that has begun. The private names are those of aiortc 1.16.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiortc import RTCDtlsTransport, RTCIceGatherer, RTCIceTransport

from .compat import gathering, users
from .path import paths


class Renewal:
    """A fresh transport for a connection, on offer until `apply` and final with `settle`.

    Parameters
    ----------
    pc : aiortc.RTCPeerConnection
        Whose ICE credentials it keeps: Firefox takes others for an ICE restart that it has not asked for.
    """

    def __init__(self, pc: Any) -> None:
        self._pc = pc
        self._before: dict[Any, Any] = {}
        self._remote = {"ICE": pc._RTCPeerConnection__remoteIce, "DTLS": pc._RTCPeerConnection__remoteDtls}
        self._known: dict[str, dict[Any, Any]] = {}
        self.applied = False
        servers, policy = gathering(pc)
        _, old = users(pc)[0]
        known = old.transport.iceGatherer.getLocalParameters()
        gatherer = RTCIceGatherer(servers, policy, known.usernameFragment, known.password)
        gatherer.on("statechange", pc._RTCPeerConnection__updateIceGatheringState)
        self._dtls = RTCDtlsTransport(RTCIceTransport(gatherer), pc._RTCPeerConnection__certificates)
        self._dtls.transport.on("statechange", pc._RTCPeerConnection__updateIceConnectionState)
        for emitter in (self._dtls, self._dtls.transport):
            emitter.on("statechange", pc._RTCPeerConnection__updateConnectionState)
        _forgive(self._dtls)

    @contextmanager
    def on_offer(self) -> Iterator[None]:
        """Let a description name this transport, that is made meanwhile and not applied yet."""
        if self.applied:
            yield
            return
        before = dict(users(self._pc))
        for user in before:
            _set_transport(user, self._dtls)
        try:
            yield
        finally:
            for user, transport in before.items():
                _set_transport(user, transport)

    def apply(self) -> None:
        """Let everything go over this transport from now on: what is sent until it is connected is lost."""
        if not self.applied:
            self.applied = True
            self._before = dict(users(self._pc))
            for known, names in self._remote.items():  # it connects with what the other side is about to tell
                self._known[known] = dict(names)
                names.clear()
            self._pc._RTCPeerConnection__iceTransports.add(self._dtls.transport)
            self._pc._RTCPeerConnection__dtlsTransports.add(self._dtls)
            for user in self._before:
                self._move(user, self._dtls)
            paths(self._pc)

    def _move(self, user: Any, to: Any) -> None:
        """Change the transport of a transceiver, or of the data channels, and where its packets are routed to."""
        if not hasattr(user, "receiver"):
            user.transport._unregister_data_receiver(user)
            _set_transport(user, to)
            if user._RTCSctpTransport__started:
                to._register_data_receiver(user)
            return
        old = user.receiver.transport
        old._unregister_rtp_receiver(user.receiver)
        old._unregister_rtp_sender(user.sender)
        _set_transport(user, to)
        if user._get_mline_index() is None:
            return
        if user.receiver._RTCRtpReceiver__started:
            to._register_rtp_receiver(user.receiver, self._pc._RTCPeerConnection__remoteRtp(user))
        if user.sender._RTCRtpSender__started:
            to._register_rtp_sender(user.sender, self._pc._RTCPeerConnection__localRtp(user))

    async def undo(self) -> None:
        """Go back to the transports that there were: the description was taken back."""
        for known, names in self._known.items():
            self._remote[known].update(names)
        for user, transport in self._before.items():
            self._move(user, transport)
        await self._end({self._dtls})

    async def settle(self) -> None:
        """Let the old transports go: the negotiation is complete."""
        await self._end(set(self._before.values()))

    async def _end(self, transports: set[Any]) -> None:
        for dtls in transports:
            await dtls.stop()
            await dtls.transport.stop()
            self._pc._RTCPeerConnection__dtlsTransports.discard(dtls)
            self._pc._RTCPeerConnection__iceTransports.discard(dtls.transport)
        self._pc._RTCPeerConnection__updateIceGatheringState()
        self._pc._RTCPeerConnection__updateIceConnectionState()
        self._pc._RTCPeerConnection__updateConnectionState()


def _set_transport(user: Any, transport: Any) -> None:
    for end in (user.receiver, user.sender) if hasattr(user, "receiver") else (user,):
        end.setTransport(transport)


def _forgive(dtls: Any) -> None:
    """Lose what is sent before the transport is connected: for senders and channels an error would be the end."""

    def forgiving(send: Any) -> Any:
        async def send_if_connected(data: bytes) -> None:
            if dtls.state == "connected":
                await send(data)

        return send_if_connected

    dtls._send_rtp, dtls._send_data = forgiving(dtls._send_rtp), forgiving(dtls._send_data)
