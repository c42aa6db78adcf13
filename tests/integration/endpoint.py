"""A WHIP and WHEP server that owes nothing to ours: raw aiortc behind aiohttp, which does what a test wants it to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription


class Endpoint:
    """One endpoint at ``/endpoint`` with sessions at ``/session/N``; `on` replaces an answer."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.requests: list[tuple[str, str, dict[str, str], str]] = []
        self.connections: list[RTCPeerConnection] = []
        self.received: list[MediaStreamTrack] = []
        #: What is played to those who ask to receive.
        self.tracks: list[MediaStreamTrack] = []
        self.headers: dict[str, Any] = {"ETag": '"one"'}
        self.on: dict[tuple[str, str], Callable[[web.Request, str], Awaitable[web.StreamResponse]]] = {}
        self.deleted = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Endpoint:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self.connections:
            await connection.close()
        await self.stop()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def said(self, method: str) -> list[tuple[str, str, dict[str, str], str]]:
        return [request for request in self.requests if request[0] == method]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        headers = {name.title(): value for name, value in request.headers.items()}
        self.requests.append((request.method, request.path, headers, body))
        own = self.on.get((request.method, request.path))
        if own is not None:
            return await own(request, body)
        if request.method == "POST":
            return web.Response(
                status=201,
                text=await self.answer(body),
                content_type="application/sdp",
                headers={**self.headers, "Location": f"/session/{len(self.connections)}"},
            )
        if request.method == "DELETE":
            await self.connections[int(request.path.rpartition("/")[2]) - 1].close()
            self.deleted.set()
            return web.Response()
        return web.Response(status=405)

    def connect(self) -> RTCPeerConnection:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connection.on("track", self.received.append)
        self.connections.append(connection)
        return connection

    async def answer(self, offer: str) -> str:
        connection = self.connect()
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        for track in self.tracks:
            connection.addTrack(track)
        await connection.setLocalDescription()
        return connection.localDescription.sdp
