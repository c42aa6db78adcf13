"""The jitter buffer of sound: in order, at once; what is lost is waited for a moment, and then counted."""

from __future__ import annotations

from .packets import Encoded, Outcome, Packet, Sequence

#: Sound waits so long for a packet that has been overtaken.
LEAST_REORDERING, MOST_REORDERING = 0.03, 0.12
#: So many lost packets in a row are concealed; a longer hole is silence, which no one invents.
CONCEALED = 5


class AudioBuffer:
    """Gives stretches of sound in order, at once; a hole is waited for a moment, then it is said how long it was.

    Attributes
    ----------
    lost, late : int
        Packets that did not come, or came when their place was filled.
    """

    def __init__(self) -> None:
        self._sequence = Sequence()
        self._packets: dict[int, Packet] = {}
        self._next: int | None = None
        self._given_up: dict[int, float] = {}
        self._reordering = LEAST_REORDERING
        self.lost = 0
        self.late = 0

    def restart(self) -> None:
        """Forget all that is there."""
        self._sequence = Sequence()
        self._packets.clear()
        self._next = None

    def add(self, packet: Packet, now: float) -> None:
        """Take a packet, in whatever order they come."""
        number = self._sequence.take(packet.number)
        if number is None:
            return
        if self._sequence.newest is None:
            self.restart()
            self._next = number
        self._sequence.newest = max(number, self._sequence.newest or number)
        assert self._next is not None
        if number < self._next:
            given_up = self._given_up.pop(number, None)
            if given_up is not None:  # waiting longer would have helped
                self.late += 1
                wanted = 1.2 * (self._reordering + now - given_up)
                self._reordering = min(MOST_REORDERING, max(self._reordering, wanted))
            return
        self._packets[number] = packet

    def poll(self, now: float) -> Outcome:
        """Return what is to be done now."""
        outcome = Outcome()
        lost = 0
        while self._packets and self._next is not None:
            packet = self._packets.pop(self._next, None)
            if packet is None:
                patience_ends = min(packet.arrived for packet in self._packets.values()) + self._reordering
                if now < patience_ends:
                    outcome.due = patience_ends
                    break
                first = min(self._packets)
                lost += first - self._next
                self._given_up = dict.fromkeys(range(max(self._next, first - CONCEALED), first), now)
                self._next = first
                self._reordering = max(LEAST_REORDERING, 0.95 * self._reordering)
                continue
            self._next += 1
            if not packet.data:
                continue
            outcome.media.append(Encoded(packet.data, packet.timestamp, packet.arrived, lost=lost))
            self.lost += lost
            lost = 0
        return outcome
