"""The jitter buffer of video: from packets to whole pictures, as a function of values and times.

A picture leaves when its last packet is there. What is missing is asked for again (RFC 4585 NACK), as long as that can
help, and waited for no longer than the round trip gives reason to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .packets import Encoded, Outcome, Packet, Sequence

#: Packets that a buffer holds at most: three seconds at 8 Mbit/s.
CAPACITY = 2048
#: More missing packets than these are not worth asking for: a key frame is smaller.
WORTH_ASKING = 300
#: A packet is asked for so often, then no more.
TRIES = 10
#: The round trip that is assumed until one was measured.
ROUND_TRIP = 0.1
#: A hole is waited for so many round trips: two retransmissions, and what each takes more.
PATIENCE = 2.3
LEAST_PATIENCE = 0.06
#: From then on a key frame is asked for as well, and from here on nothing but a key frame will do.
GIVE_UP = 1.0
#: Key frames are asked for no more often than this: each is as large as a dozen other pictures.
KEY_FRAME_INTERVAL = 0.25


@dataclass(slots=True)
class _Missing:
    noticed: float
    due: float
    asked: float = 0.0
    tries: int = 0


class VideoBuffer:
    """Gives whole pictures in order, from a key frame on.

    Parameters
    ----------
    is_key : callable
        Whether encoded data begins a picture that needs none before it.

    Attributes
    ----------
    round_trip : float
        Seconds, as far as known; retransmissions that arrive refine it.
    dropped : int
        Pictures, or parts of some, that came and were of no use.
    late : int
        Packets that came twice, or when nothing waited for them any more.
    """

    def __init__(self, is_key: Callable[[bytes], bool]) -> None:
        self._is_key = is_key
        self._sequence = Sequence()
        self._packets: dict[int, Packet] = {}
        self._missing: dict[int, _Missing] = {}
        self._keys: list[int] = []
        self._next: int | None = None
        #: Whether `_next` begins a picture.
        self._at_start = False
        self._started = False
        self._key_frame_due: float | None = None
        self._measured = False
        self.needs_key = True
        self.round_trip = ROUND_TRIP
        self.dropped = 0
        self.late = 0

    def restart(self) -> None:
        """Forget all that is there and what was heard: what follows begins with a key frame."""
        self._sequence = Sequence()
        self._forget()
        self._next = None
        self._started = False

    def _forget(self) -> None:
        self.dropped += len({packet.timestamp for packet in self._packets.values() if packet.data})
        self._packets.clear()
        self._missing.clear()
        self._keys.clear()
        self._at_start = False
        self.needs_key = True
        self._key_frame_due = None

    def asked(self, now: float) -> None:
        """Take note that a key frame was asked for."""
        self._key_frame_due = now + max(KEY_FRAME_INTERVAL, 1.5 * self.round_trip)

    def add(self, packet: Packet, now: float) -> None:
        """Take a packet, in whatever order they come."""
        number = self._sequence.take(packet.number)
        if number is None:
            return
        newest = self._sequence.newest
        if newest is None:
            if self._next is not None:
                self._forget()
            self._next, self._started = number, False
            self._sequence.newest = number
        elif number > newest:
            for missed in range(newest + 1, number):
                self._missing[missed] = _Missing(now, now)
            self._sequence.newest = number
            if len(self._missing) > WORTH_ASKING:
                self._skip_all()
                self._next = number
        assert self._next is not None
        if number < self._next:
            if self._started:
                self.late += 1
                return  # a duplicate, or too late
            for missed in range(number + 1, self._next):
                self._missing[missed] = _Missing(now, now)
            self._next = number  # overtaken by the very first
        missing = self._missing.pop(number, None)
        if missing is not None and missing.tries == 1:
            self.measure(now - missing.asked)
        self._packets[number] = packet
        if packet.begins and packet.data and self._is_key(packet.data):
            self._keys.append(number)
        if len(self._packets) > CAPACITY:
            self._skip_all()

    def measure(self, trip: float) -> None:
        """Take note of a round trip. It rises at once and falls slowly: asking too early asks twice."""
        first, self._measured = not self._measured, True
        slowly = 0.9 * self.round_trip + 0.1 * trip
        self.round_trip = trip if first else max(trip, slowly)

    def _skip_all(self) -> None:
        newest = self._sequence.newest
        assert newest is not None
        self._forget()
        self._next = newest + 1

    def poll(self, now: float) -> Outcome:
        """Return what is to be done now."""
        outcome = Outcome()
        if self._next is None:
            return outcome
        while True:
            outcome.media += self._release()
            if not self._jump_to_key():
                break
        blocked = min(self._missing, default=None)
        patience = max(LEAST_PATIENCE, PATIENCE * self.round_trip)
        broken = False
        if blocked is not None:
            waited = now - self._missing[blocked].noticed
            if waited >= max(GIVE_UP, 2 * patience):
                self._skip_all()
            else:
                broken = waited >= patience
                outcome.due = self._missing[blocked].noticed + (max(GIVE_UP, 2 * patience) if broken else patience)
                self._ask(outcome, now)
        if broken or (self.needs_key and not self._keys):  # else one is on its way
            if self._key_frame_due is None or now >= self._key_frame_due:
                outcome.key_frame = True
                self.asked(now)
            outcome.due = min(due for due in (outcome.due, self._key_frame_due) if due is not None)
        else:
            self._key_frame_due = None
        return outcome

    def _ask(self, outcome: Outcome, now: float) -> None:
        interval = 1.1 * self.round_trip + 0.01
        for number, missing in self._missing.items():
            if missing.tries >= TRIES:
                continue
            if missing.due <= now:
                outcome.nack.append(number & 0xFFFF)
                missing.asked, missing.due = now, now + interval
                missing.tries += 1
            if outcome.due is None or missing.due < outcome.due:
                outcome.due = missing.due

    def _release(self) -> list[Encoded]:
        """Return the pictures that are whole and next."""
        out = []
        while (packets := self._whole()) is not None:
            for _ in packets:
                self._pop()
            first = packets[0]
            data = b"".join(packet.data for packet in packets)
            is_key = self._is_key(data)
            if self.needs_key and not is_key:
                self.dropped += 1
                continue
            self.needs_key = False
            arrived = min(packet.arrived for packet in packets)
            out.append(Encoded(data, first.timestamp, arrived, is_key, colours=packets[-1].colours))
        return out

    def _pop(self) -> Packet:
        """Take the next packet away."""
        assert self._next is not None
        packet = self._packets.pop(self._next)
        if self._next in self._keys:
            self._keys.remove(self._next)
        self._next += 1
        self._started = True
        return packet

    def _whole(self) -> list[Packet] | None:
        """Return the packets of the next picture if they are all there."""
        assert self._next is not None
        while (first := self._packets.get(self._next)) is not None:
            if not first.data:
                # A probe of the bandwidth, with the timestamp of the picture before: no picture of its own. A decoder
                # takes empty data for the end.
                if first.marker:
                    self._at_start = True
                self._pop()
            elif self._at_start or first.begins:
                break
            else:  # the rest of a picture whose beginning is lost, or still to come
                following = self._packets.get(self._next + 1)
                if not self._started and not first.marker and following is None:
                    return None
                self._pop()
                if first.marker or (following is not None and following.timestamp != first.timestamp):
                    self._at_start = True
                    self.dropped += 1
        if first is None:
            return None
        self._at_start = True
        packets = [first]
        number = self._next + 1
        while not packets[-1].marker:
            packet = self._packets.get(number)
            if packet is None:
                return None
            if packet.timestamp != first.timestamp:  # of a sender that sets no marker
                break
            packets.append(packet)
            number += 1
        return packets

    def _jump_to_key(self) -> bool:
        """Pass over a hole if a whole key frame follows it. Return whether it was so."""
        if not self._missing:
            return False
        for key in reversed(self._keys):
            number = key
            while (packet := self._packets.get(number)) is not None and not packet.marker:
                number += 1
            if packet is None or not any(missing < key for missing in self._missing):
                continue
            assert self._next is not None
            passed = {self._packets.pop(n).timestamp for n in list(self._packets) if n < key}
            self.dropped += len(passed)
            self._missing = {n: missing for n, missing in self._missing.items() if n > key}
            self._keys = [n for n in self._keys if n >= key]
            self._next, self._at_start, self._started = key, True, True
            return True
        return False
