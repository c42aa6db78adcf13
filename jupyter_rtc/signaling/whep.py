"""Playing from a media server: WHEP, draft-ietf-wish-whep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.loop import engine
from ..errors import InvalidStateError
from . import http
from .exchange import Exchange
from .http import SDP, Reply
from .tokens import Credentials

if TYPE_CHECKING:
    from ..rtc.connection import PeerConnection
    from ..rtc.transceiver import RtpTransceiver


class Whep(Exchange):
    """Play from a media server: ``await pc.connect(Whep(url, token=token))``.

    A connection that has no transceivers that receive is given one for sound and one for pictures. The tracks come with
    the connection's "track" events. Closing the connection ends the session on the server.

    Parameters
    ----------
    url : str
        The endpoint's address, ``https://...``.
    token : str or (str, str), optional
        A bearer token, or a user and a password, sent with each request and shown nowhere.

    Raises
    ------
    TypeError, ValueError
        When the address or the token is none.
    """

    _what = "WHEP"

    def __init__(self, url: str, *, token: Credentials = None) -> None:
        super().__init__(url, token=token)
        self._added: list[RtpTransceiver] = []
        self._was_offered = False

    async def _adapt(self, connection: PeerConnection) -> None:
        transceivers = [t for t in connection.get_transceivers() if t.direction not in ("stopped", "inactive")]
        for transceiver in transceivers:
            if transceiver.sender.track is not None or transceiver.direction == "sendonly":
                raise InvalidStateError(f"WHEP only plays, and {transceiver!r} is to send: use another connection")
            await engine().run(transceiver._set_direction("recvonly"))
        if not transceivers:
            for kind in ("audio", "video"):
                adding = connection._add_transceiver(kind, None, kind, "recvonly", ())
                self._added.append(await engine().run(adding))

    async def _counter_offer(self, reply: Reply) -> dict[str, Any]:
        # Its sections are not ours: those that nobody has asked for go, the others are matched by kind.
        for transceiver in self._added:
            await engine().run(transceiver._stop())
        self._added = []
        self._was_offered = True
        return {"type": "offer", "sdp": reply.text}

    async def _begin_anew(self) -> None:
        await super()._begin_anew()
        if self._was_offered:  # and will be again, with other sections than ours
            assert self._connection is not None
            self._added = self._connection.get_transceivers()

    async def _agree(self, answer: str) -> None:
        self._answer = answer
        self._can_restart = False  # the credentials that a restart would renew were the server's to begin with
        headers = self._patch_headers(SDP, self._etag)
        token = self._token_for(self._session)
        reply = await http.ask("PATCH", self._session, token, body=answer, headers=headers)
        if reply.status not in (200, 201, 204):
            raise http.refusal(reply, self._token, self._what)
