"""What a WHIP and WHEP server answers: RFC 9725, draft-ietf-wish-whep."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from aiohttp import web

from ..errors import RtcError, SdpError
from . import fragment
from .guard import OTHER_SITES
from .http import FRAGMENT, LONGEST_BODY, SDP
from .served import Role, Served, Unprocessable

if TYPE_CHECKING:
    from .server import WhipServer

logger = logging.getLogger(__name__)

_PAGE = Path(__file__).with_name("watch.html")
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; media-src blob:"
)

#: Seconds for the body of a request to arrive.
_BODY = 15.0
#: What a proxy in front of the server adds to requests.
_OF_PROXIES = re.compile(r"(?i)forwarded|via|x-(forwarded|original|real|proxy).*")

_OVER = {
    "whip": "somebody else publishes under this name by now",
    "whep": "what was to be watched has ended",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Refusal(Exception):
    """An answer other than the one that was hoped for."""

    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__(text)
        self.response = web.Response(
            status=status, text=text, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )


class Routes:
    """The handlers of a server. On the loop of HTTP."""

    def __init__(self, server: WhipServer) -> None:
        self._server = server

    def application(self) -> web.Application:
        """Return them as aiohttp wants them."""
        application = web.Application(middlewares=[self._guard], client_max_size=LONGEST_BODY)
        application.add_routes(
            [
                web.post("/{role:whip|whep}/{name}{_:/?}", self._begin),
                web.options("/{role:whip|whep}/{name}{_:/?}", self._options),
                web.patch("/session/{id}{_:/?}", self._patch),
                web.delete("/session/{id}{_:/?}", self._end),
                web.options("/session/{id}{_:/?}", self._options),
                web.get("/streams", self._list),
                web.get("/", self._page),
                web.get("/watch/{name}", self._page),
            ]
        )
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        guard = self._server._guard
        is_page = request.method in ("GET", "HEAD") and (request.path == "/" or request.path.startswith("/watch/"))
        admitted = is_page or await guard.admits(request)  # there is nothing secret in the page itself
        try:
            if not admitted:
                raise _Refusal(403, OTHER_SITES)
            if not (is_page or request.method == "OPTIONS" or guard.has_token(request.headers)):
                raise _Refusal(401, "the server's token is wanted", WWW_Authenticate="Bearer")
            response = await handler(request)
        except _Refusal as refusal:
            response = refusal.response
        except web.HTTPException as error:  # no such path, not this method, too long
            response = _misplaced(request, error)
        except SdpError as error:
            response = web.Response(status=422 if isinstance(error, Unprocessable) else 400, text=str(error))
        except RtcError as error:
            response = web.Response(status=409, text=str(error))
        response.headers.update(guard.cors(request.headers, admitted=admitted))
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def _body(self, request: web.Request, content_type: str) -> str:
        if request.content_type != content_type:
            raise _Refusal(415, f"{content_type} is wanted", Accept_Post=SDP, Accept_Patch=f"{FRAGMENT}, {SDP}")
        try:
            async with asyncio.timeout(_BODY):
                return await request.text()
        except TimeoutError:
            raise _Refusal(408, f"the request did not arrive within {_BODY:g} s") from None
        except web.RequestPayloadError:
            raise _Refusal(400, "the body is not encoded as its headers say") from None
        except (UnicodeDecodeError, LookupError):
            raise _Refusal(400, "this is no text") from None

    # -- sessions -------------------------------------------------------------------------------------------------

    async def _begin(self, request: web.Request) -> web.Response:
        server, name = self._server, request.match_info["name"]
        role = cast(Role, request.match_info["role"])
        offer = await self._body(request, SDP)
        if role == "whip" and not server._is_name(name):
            raise _Refusal(404, "a stream's name has letters, digits, dots, dashes and underscores, 64 at most")
        if role == "whep" and name not in server._offered:
            raise _Refusal(404, "nothing of this name is to be watched here")
        offered = server._offered.get(name)
        while role == "whip" and (there := server._publisher(name)) is not None:
            if await there.is_taken():
                raise _Refusal(409, "this name is taken: somebody publishes under it")
            there.end()  # the publisher has dialled again, or is lost
        if server._is_full:
            raise _Refusal(503, "as many are connected as this server takes", Retry_After="10")
        served = server._admit(role, name)
        try:
            if role == "whip":
                text, stream = await served.take(offer)
                server._published_by(served, stream)
            else:
                assert offered is not None
                text = await served.play(offer, offered.stream) or await served.offer(offered.stream)
            if served.is_over:
                raise self._over(role)
            return self._created(request, served, text, status=406 if served.is_offering else 201)
        except BaseException as error:
            was_over = served.is_over
            served.end()
            if was_over and isinstance(error, RtcError):  # because it is
                raise self._over(role) from None
            raise

    def _over(self, role: Role) -> _Refusal:
        return _Refusal(503, "the server is closed") if self._server._closed else _Refusal(409, _OVER[role])

    def _created(self, request: web.Request, served: Served, text: str, status: int) -> web.Response:
        headers = {
            "Location": _location(request, f"session/{served.id}"),
            "ETag": served.etag,
            "Accept-Patch": f"{FRAGMENT}, {SDP}" if served.is_offering else FRAGMENT,
            "Content-Type": SDP,
        }
        if served.refusals:  # RFC 7234 §5.5.7: what its user should know
            words = "; ".join(served.refusals).encode("ascii", "replace").decode().replace('"', "'")
            headers["Warning"] = f'299 jupyter_rtc "{words}"'
        return web.Response(status=status, body=text.encode(), headers=headers)

    def _find(self, request: web.Request) -> Served:
        served = self._server._sessions.get(request.match_info["id"])
        if served is None:
            raise _Refusal(404, "this session is over")
        return served

    async def _patch(self, request: web.Request) -> web.Response:
        served = self._find(request)
        if request.content_type == SDP:
            answer = await self._body(request, SDP)
            if not served.is_offering:
                raise _Refusal(409, "this session was answered already")
            await served.accept(answer)
            return web.Response(status=204)
        piece = fragment.parse(await self._body(request, FRAGMENT))
        if served.restarts(piece):
            answer = await served.restart(piece)
            return web.Response(body=answer.encode(), headers={"Content-Type": FRAGMENT, "ETag": served.etag})
        if not _matches(request.headers.get("If-Match", "*"), served.etag):
            raise _Refusal(412, "the session has been restarted since", ETag=served.etag)
        await served.add_candidates(piece)
        return web.Response(status=204, headers={"ETag": served.etag})

    async def _end(self, request: web.Request) -> web.Response:
        await self._find(request).end()
        return web.Response(status=200)

    async def _options(self, request: web.Request) -> web.Response:
        patched = "id" in request.match_info
        headers = (
            {"Allow": "PATCH, DELETE, OPTIONS", "Accept-Patch": FRAGMENT}
            if patched
            else {"Allow": "POST, OPTIONS", "Accept-Post": SDP}
        )
        return web.Response(status=204, headers=headers)

    # -- the page -------------------------------------------------------------------------------------------------

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"whep": sorted(self._server._offered)})

    async def _page(self, request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
        return web.Response(text=_PAGE.read_text(encoding="utf-8"), content_type="text/html", headers=headers)


def _location(request: web.Request, path: str) -> str:
    """Return the address of a path of this server, as seen from who asks."""
    host = request.headers.get("Host", "")
    if any(_OF_PROXIES.fullmatch(name) for name in request.headers) or not re.fullmatch(r"[\w.:\[\]%-]+", host):
        # Of a proxy we know neither the scheme nor what it puts before the path; what its headers say may be made up.
        return "../" * (request.path.count("/") - 1) + path
    scheme = "https" if request.headers.get("Origin") == f"https://{host}" else "http"
    return f"{scheme}://{host}/{path}"


def _matches(header: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return "*" in tags or etag.strip('"') in tags


def _misplaced(request: web.Request, error: web.HTTPException) -> web.Response:
    """Return the answer to what is no request of ours, with what would be one."""
    headers, text = {}, error.reason
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = sorted({*error.allowed_methods, "OPTIONS"})
        headers["Allow"] = ", ".join(allowed)
        if request.method == "OPTIONS":  # what a page of another site asks first
            return web.Response(status=204, headers=headers)
        text = f"{request.method} is not for this address, but {headers['Allow']}: open the server's root in a browser"
    elif isinstance(error, web.HTTPNotFound):
        text = "there is nothing at this address: publish to /whip/NAME, play from /whep/NAME, or open / in a browser"
    return web.Response(status=error.status, text=text, headers=headers)
