"""Publishing to a media server: WHIP, RFC 9725."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..engine.loop import engine
from ..errors import InvalidStateError
from .exchange import Exchange

if TYPE_CHECKING:
    from ..rtc.connection import PeerConnection

logger = logging.getLogger(__name__)


class Whip(Exchange):
    """Publish to a media server: ``await pc.connect(Whip(url, token=token))``.

    The tracks that the connection has are sent, and nothing is received. Tracks cannot be added later, but
    ``sender.replace_track`` changes what is sent at any time. Closing the connection ends the session on the server.

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

    _what = "WHIP"

    async def _adapt(self, connection: PeerConnection) -> None:
        transceivers = [t for t in connection.get_transceivers() if t.direction != "stopped"]
        if not any(t.direction in ("sendrecv", "sendonly") for t in transceivers):
            raise InvalidStateError("there is nothing to publish: pc.add_track(track) first")
        # What `remove_track` has left would receive, which nobody has asked for.
        left = [
            t
            for t in transceivers
            if t._from_add_track and t.direction == "recvonly" and t.sender.track is None and t.mid is None
        ]
        # RFC 9725 §4.2: sendonly, all of them.
        transceivers = [t for t in transceivers if t.direction != "inactive" and t not in left]
        for transceiver in transceivers:
            if transceiver.direction == "recvonly":
                raise InvalidStateError(
                    f"WHIP publishes only, and {transceiver!r} is to receive: use another connection"
                )
            if transceiver.direction == "sendonly" or transceiver._from_add_track:
                continue
            if transceiver.sender.track is None:
                raise InvalidStateError(
                    f"WHIP publishes only, and {transceiver!r} has no track to send, but would receive: use another "
                    'connection to receive, or add_transceiver(..., direction="sendonly") for a track that comes later'
                )
        for transceiver in transceivers:
            if transceiver.direction == "sendrecv" and not transceiver._from_add_track:
                logger.warning(
                    "WHIP publishes only: %r is sendonly from now on, and will receive nothing. "
                    'add_transceiver(track, direction="sendonly") says so at once',
                    transceiver,
                )
            await engine().run(transceiver._set_direction("sendonly"))
        for transceiver in left:
            await engine().run(transceiver._set_direction("inactive"))
