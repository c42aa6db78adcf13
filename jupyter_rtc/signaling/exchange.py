"""One offer and one answer over HTTP, what WHIP and WHEP have in common."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import InvalidStateError, NotSupportedError, RtcError, SignalingError
from ..ice import IceServer, IceServerSource, parse_ice_servers
from ..media.display import Displayable
from ..rtc import sdp
from . import fragment, http, loop
from .http import FRAGMENT, SDP, Reply
from .tokens import Credentials, Token, credentials

if TYPE_CHECKING:
    from ..rtc.connection import PeerConnection

logger = logging.getLogger(__name__)

#: Seconds in which a server has to hear that a session is over.
FAREWELL = 5.0


class Exchange(Displayable):
    """A signaling whose other side is an HTTP server that answers one offer.

    Parameters
    ----------
    url : str
        The endpoint's address.
    token : str or (str, str), optional
        A bearer token, or a user and a password, sent with each request and shown nowhere.
    """

    #: The protocol's name.
    _what = "HTTP"
    #: Where the server makes an offer of its own, ours gives way.
    polite = True

    def __init__(self, url: str, *, token: Credentials = None) -> None:
        self._url = http.checked(url)
        self._token = credentials(token)
        self._connection: PeerConnection | None = None
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._session = ""
        #: Whether the server that was named has named the session, and none that it has redirected to.
        self._is_named = True
        self._etag = ""
        self._answer = ""
        self._offer = ""
        self._can_restart = True
        self._closed = False
        #: Counts the sessions that were begun: one that comes late is not the present one.
        self._number = 0

    def __dir__(self) -> list[str]:
        inner = ("prepare", "polite", "negotiates_once", "can_restart", "begin_anew")  # for `connect`
        return [name for name in super().__dir__() if name not in inner]

    def __repr__(self) -> str:
        return f"<{self._name}>"

    @property
    def url(self) -> str:
        """The endpoint's address, without what may be secret in it."""
        return http.public(self._url)

    @property
    def _name(self) -> str:
        return f"{type(self).__name__} {self.url}"

    @property
    def negotiates_once(self) -> str:
        """Why nothing can be added once it is connected."""
        return (
            f"{self._what} has one offer and one answer, and a track more would need another: make a new "
            "PeerConnection with all tracks; sender.replace_track(track) changes what is sent without negotiation"
        )

    @property
    def can_restart(self) -> bool:
        """Whether the server may take a restart of ICE."""
        return self._can_restart and bool(self._session)

    async def prepare(self, connection: PeerConnection) -> None:
        """Make a connection ready for the offer.

        Raises
        ------
        InvalidStateError
            When it, or this signaling, was used before, or it cannot do what is wanted.
        """
        if self._connection is not None:
            raise InvalidStateError(f"this {self._what} was used already: make a new one for each connection")
        if connection.current_remote_description is not None:
            raise InvalidStateError(
                f"{self._what} needs a PeerConnection that was not negotiated before: make a new one"
            )
        await self._adapt(connection)
        self._connection = connection
        loop.on_exit(self, partial(self._leave, at_exit=True))

    async def _adapt(self, connection: PeerConnection) -> None:
        """Give the transceivers the directions that the protocol has."""

    # -- Signaling ------------------------------------------------------------------------------------------------

    async def send(self, message: dict[str, Any]) -> None:
        """Offer, or restart ICE; candidates are in the descriptions, and `close` says bye.

        Raises
        ------
        SignalingError
            When the server cannot be reached or refuses.
        """
        if message["type"] == "offer":
            if self._answer:
                answer = await loop.run(self._restart(message["sdp"]))
            else:
                self._offer = message["sdp"]
                # Not given up with the caller: a session that the server has made is to be ended.
                beginning = asyncio.ensure_future(loop.run(self._begin(message["sdp"])))
                beginning.add_done_callback(lambda done: done.cancelled() or done.exception())  # heard by nobody then
                answer = await asyncio.shield(beginning)
            await self._messages.put(answer)
        elif message["type"] == "answer":
            await loop.run(self._agree(message["sdp"]))

    async def receive(self) -> dict[str, Any]:
        """Wait for the server's answer."""
        return await self._messages.get()

    async def begin_anew(self) -> None:
        """Forget the session, which is lost: the next offer begins another one."""
        await loop.run(self._begin_anew())

    async def close(self) -> None:
        """Tell the server that the session is over."""
        self._closed = True
        with contextlib.suppress(RtcError):
            await loop.run(self._leave())

    # -- on the loop of HTTP --------------------------------------------------------------------------------------

    async def _begin(self, offer: str) -> dict[str, Any]:
        number, headers = self._number, {"Content-Type": SDP, "Accept": SDP}
        reply = await http.ask("POST", self._url, self._token, body=offer, headers=headers)
        session = ""
        if "Location" in reply.headers and reply.status in (200, 201, 406):
            session = http.named(reply.url, reply.headers, reply.status)
            self._is_named = not reply.is_elsewhere
            if self._token and http.is_downgrade(self._url, session):
                where = http.public(session)
                logger.warning("%s names a session that is not encrypted: %s is not told the token", self.url, where)
        if self._closed or number != self._number:  # meanwhile
            await self._delete(session)
            raise InvalidStateError("the signaling was closed meanwhile, or has begun anew")
        # Before all else, for a session is to be ended whatever is wrong with it.
        self._session = session
        self._etag = str(reply.headers.get("ETag", ""))
        if reply.status == 406 and self._session and _is_sdp(reply):
            return await self._counter_offer(reply)
        if reply.status not in (200, 201):
            raise http.refusal(reply, self._token, self._what)
        if not _is_sdp(reply):
            raise SignalingError(
                f"{http.public(reply.url)} answered with {reply.content_type or 'something'} rather than SDP: "
                f"is this the address for {self._what}?",
                status=reply.status,
                url=http.public(reply.url),
            )
        if not self._session:
            logger.warning("%s names no session: it cannot be told when it is over", self.url)
        patches = reply.headers.getall("Accept-Patch", [])
        self._can_restart = bool(self._session) and (not patches or any(FRAGMENT in value for value in patches))
        await self._heed_links(reply)
        for words in reply.headers.getall("Warning", []):
            logger.warning("%s: %s", http.public(reply.url), words)
        self._answer = reply.text
        return {"type": "answer", "sdp": reply.text}

    async def _begin_anew(self) -> None:
        await self._leave()  # the server may not have noticed, and take nobody else meanwhile
        self._answer, self._can_restart, self._number = "", True, self._number + 1
        loop.on_exit(self, partial(self._leave, at_exit=True))

    async def _heed_links(self, reply: Reply) -> None:
        """Use the server's ICE servers from the next gathering on, where the user has named none."""
        connection = self._connection
        assert connection is not None
        servers = ice_servers(reply.headers.getall("Link", []))
        configuration = connection.get_configuration()
        if servers and not configuration["ice_servers"]:
            policy = configuration["ice_transport_policy"]
            with contextlib.suppress(InvalidStateError):
                await asyncio.to_thread(connection.set_configuration, ice_servers=servers, ice_transport_policy=policy)

    async def _counter_offer(self, reply: Reply) -> dict[str, Any]:
        raise http.refusal(reply, self._token, self._what)

    async def _agree(self, answer: str) -> None:
        """Answer the server's own offer."""
        raise NotSupportedError(f"in {self._what} the server makes no offers")

    def _token_for(self, session: str) -> Token:
        """Return the token, unless it would be sent in clear, or to a server that we were only redirected to."""
        if http.is_downgrade(self._url, session):
            return Token(None)
        return self._token if self._is_named or http.is_same_origin(self._url, session) else Token(None)

    def _patch_headers(self, content_type: str, match: str) -> dict[str, str]:
        return {"Content-Type": content_type, **({"If-Match": match} if match else {})}

    async def _restart(self, offer: str) -> dict[str, Any]:
        """Tell fresh ICE credentials and candidates: RFC 9725 §4.3.3."""
        if [s.mid for s in sdp.media_sections(offer)] != [s.mid for s in sdp.media_sections(self._offer)]:
            raise NotSupportedError(self.negotiates_once)
        if not self._can_restart:
            raise SignalingError(f"{self.url} cannot restart ICE: connect anew", url=self.url)
        headers = self._patch_headers(FRAGMENT, "*")
        token = self._token_for(self._session)
        reply = await http.ask("PATCH", self._session, token, body=fragment.of(offer), headers=headers)
        if reply.status in (405, 415, 422, 501):
            self._can_restart = False
        if reply.status != 200:
            raise http.refusal(reply, self._token, self._what)
        self._etag = str(reply.headers.get("ETag", self._etag))
        self._answer = fragment.renewed(self._answer, fragment.parse(reply.text))
        return {"type": "answer", "sdp": self._answer}

    async def _leave(self, *, at_exit: bool = False) -> None:
        loop.forget(self)
        session, self._session = self._session, ""
        await self._delete(session, at_exit=at_exit)

    async def _delete(self, session: str, *, at_exit: bool = False) -> None:
        if not session:
            return
        try:
            reply = await http.ask("DELETE", session, self._token_for(session), timeout=FAREWELL, at_exit=at_exit)
        except SignalingError as error:
            logger.debug("the end was not told: %s", error)
            return
        if reply.status >= 400 and reply.status not in (404, 410):
            logger.debug("%s: the end was answered with %d", self.url, reply.status)


def _is_sdp(reply: Reply) -> bool:
    return reply.content_type == SDP or (not reply.content_type and reply.text.startswith("v=0"))


# A target may have commas, semicolons and question marks in it, so it is not split at those.
_LINK = re.compile(r"<([^>]*)>((?:\s*;\s*[\w-]+\s*(?:=\s*(?:\"(?:[^\"\\]|\\.)*\"|[^\s;,\"]*))?)*)")
_PARAMETER = re.compile(r";\s*([\w-]+)\s*(?:=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;,\"]*)))?")


def ice_servers(links: list[str]) -> list[IceServer | IceServerSource]:
    """Return the STUN and TURN servers in the values of ``Link`` headers: RFC 9725 §4.6. Others are left out."""
    found: list[IceServer | IceServerSource] = []
    for header in links:
        for target, rest in _LINK.findall(header):
            parameters = {
                name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain
                for name, quoted, plain in _PARAMETER.findall(rest)
            }
            if parameters.get("rel", "").lower() != "ice-server":
                continue
            server = {"urls": target} | {
                name: parameters[name] for name in ("username", "credential") if name in parameters
            }
            try:
                found += parse_ice_servers([server])
            except (TypeError, ValueError) as error:
                logger.warning("an ICE server of the other side is left out: %s", error)
    return found
