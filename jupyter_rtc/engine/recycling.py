"""Media sections that are used again after their transceiver was stopped: JSEP §5.2.2. aiortc only ever adds sections.

The private names are those of aiortc 1.16.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any


class Recycling:
    """What was moved out of, and into, rejected sections since the last negotiation, until that is settled."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self._vacated: list[Any] = []

    def vacate(self, pc: Any, index: int, keep: Any) -> None:
        """Take the section from whichever transceiver has it, but `keep`."""
        for transceiver in pc._RTCPeerConnection__transceivers:
            if transceiver is not keep and transceiver._get_mline_index() == index:
                self._undo.append(partial(transceiver._set_mid, transceiver.mid))
                self._undo.append(partial(transceiver._set_mline_index, index))
                self._vacated.append(transceiver)
                transceiver._set_mid(f"vacated-{id(transceiver)}")
                transceiver._set_mline_index(None)

    def use_again(self, pc: Any, index: int, transceiver: Any) -> None:
        """Let the next offer have `transceiver` in the rejected section `index`, with a new name."""
        self.vacate(pc, index, transceiver)
        seen = pc._RTCPeerConnection__seenMids
        mid = next(name for name in map(str, range(len(seen) + 1)) if name not in seen)
        seen.add(mid)
        # aiortc's next offer has the sections that the current descriptions name, and finds the transceiver by that.
        current = (pc._RTCPeerConnection__currentLocalDescription, pc._RTCPeerConnection__currentRemoteDescription)
        for description in current:
            if description is not None and index < len(description.media):
                rtp = description.media[index].rtp
                self._undo.append(partial(setattr, rtp, "muxId", rtp.muxId))
                rtp.muxId = mid
        self._undo.append(partial(transceiver._set_mid, None))
        self._undo.append(partial(transceiver._set_mline_index, None))
        transceiver._set_mid(mid)
        transceiver._set_mline_index(index)

    def undo(self) -> None:
        """Put everything back: the offer was not applied, or is rolled back."""
        undo, self._undo, self._vacated = self._undo, [], []
        for step in reversed(undo):
            step()

    async def settle(self, pc: Any) -> None:
        """Let go of the transceivers whose sections have been used again: the negotiation is complete."""
        self._undo, vacated, self._vacated = [], self._vacated, []
        for transceiver in vacated:
            pc._RTCPeerConnection__transceivers.remove(transceiver)
            pc._RTCPeerConnection__remoteIce.pop(transceiver, None)
            pc._RTCPeerConnection__remoteDtls.pop(transceiver, None)
            await transceiver.stop()
