"""Publishing to a media server: WHIP, RFC 9725."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.loop import engine
from ..errors import InvalidStateError
from .exchange import Exchange

if TYPE_CHECKING:
    from ..rtc.connection import PeerConnection


class Whip(Exchange):
    """Publish to a media server: ``await pc.connect(Whip(url, token=token))``.

    The tracks that the connection has are sent, and nothing is received. Tracks cannot be added later, but
    ``sender.replace_track`` changes what is sent at any time. Closing the connection ends the session on the server.

    Parameters
    ----------
    url : str
        The endpoint's address, ``https://...``.
    token : str, optional
        Sent as a bearer token with each request, and shown nowhere.

    Raises
    ------
    TypeError, ValueError
        When the address or the token is none.
    """

    what = "WHIP"

    async def _adapt(self, connection: PeerConnection) -> None:
        transceivers = [t for t in connection.get_transceivers() if t.direction != "stopped"]
        if not any(t.direction in ("sendrecv", "sendonly") for t in transceivers):
            raise InvalidStateError("there is nothing to publish: pc.add_track(track) first")
        for transceiver in transceivers:
            if transceiver.direction in ("recvonly", "inactive"):  # RFC 9725 §4.2
                raise InvalidStateError(
                    f"WHIP publishes only, and {transceiver!r} is to receive: use another connection"
                )
            await engine().run(transceiver._set_direction("sendonly"))
