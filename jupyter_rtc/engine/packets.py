"""What jitter buffers take and give, as plain values, and the numbers of packets without their wrap."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..media.decoder import Colours

#: A number so far from the last one is another sequence: the sender has started afresh.
JUMP = 1000


@dataclass(slots=True)
class Packet:
    """What the buffers need of an RTP packet.

    Attributes
    ----------
    data : bytes
        The encoded media without the payload's header; empty in packets that only probe the bandwidth.
    begins : bool
        Whether a picture surely begins here.
    colours : Colours or None
        What the packet says of its picture's colours: the last one of a key frame does.
    """

    number: int
    timestamp: int
    marker: bool
    data: bytes
    begins: bool
    arrived: float
    colours: Colours | None = None


@dataclass(slots=True)
class Encoded:
    """A whole picture, or a stretch of sound; `lost` counts packets that are missing right before it."""

    data: bytes
    timestamp: int
    arrived: float
    is_key: bool = False
    lost: int = 0
    colours: Colours | None = None


@dataclass(slots=True)
class Outcome:
    """What is to be done: give `media` to the decoder, ask for packets, for a key frame, and poll again at `due`."""

    media: list[Encoded] = field(default_factory=list)
    nack: list[int] = field(default_factory=list)
    key_frame: bool = False
    due: float | None = None


def unwrap(value: int, near: int, bits: int) -> int:
    """Return the number nearest to `near` whose last `bits` are `value`."""
    size = 1 << bits
    return near + (value - near + size // 2) % size - size // 2


class Sequence:
    """Packet numbers without their wrap. One packet from far away may be a stray, two in a row are a new sequence."""

    def __init__(self) -> None:
        self.newest: int | None = None
        self._suspect: int | None = None

    def take(self, number: int) -> int | None:
        """Return the number without its wrap, or None for a stray. `newest` is None when a new sequence has begun."""
        if self.newest is None:
            return number
        unwrapped = unwrap(number, self.newest, 16)
        if abs(unwrapped - self.newest) < JUMP:
            self._suspect = None
            return unwrapped
        if self._suspect is not None and number == (self._suspect + 1) & 0xFFFF:
            self.newest = self._suspect = None
            return number
        self._suspect = number
        return None
