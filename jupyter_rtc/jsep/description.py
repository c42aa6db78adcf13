"""What a session description says, as frozen values, and the text that says it in one canonical form."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import cached_property

SENDING = ("sendrecv", "sendonly")
RECEIVING = ("sendrecv", "recvonly")
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


@dataclass(frozen=True)
class Codec:
    """One format of a media section: ``a=rtpmap`` with its ``a=fmtp`` and ``a=rtcp-fb``."""

    payload_type: int
    name: str
    clock_rate: int
    #: Of sound; None where the description does not say.
    channels: int | None = None
    #: In their order; None where a parameter has no value.
    parameters: tuple[tuple[str, str | None], ...] = ()
    feedback: tuple[str, ...] = ()

    @property
    def is_rtx(self) -> bool:
        """Whether it carries retransmissions of another codec."""
        return self.name.lower() == "rtx"

    def parameter(self, name: str) -> str | None:
        """Return a parameter's value, or None."""
        return dict(self.parameters).get(name)

    @property
    def lines(self) -> list[str]:
        """The lines that say so."""
        number = self.payload_type
        channels = "" if self.channels is None else f"/{self.channels}"
        said = [f"a=rtpmap:{number} {self.name}/{self.clock_rate}{channels}"]
        said += [f"a=rtcp-fb:{number} {value}" for value in self.feedback]
        if self.parameters:
            values = (name if value is None else f"{name}={value}" for name, value in self.parameters)
            said.append(f"a=fmtp:{number} {';'.join(values)}")
        return said


@dataclass(frozen=True)
class Extension:
    """A header extension of RTP packets: ``a=extmap``, without attributes of its own."""

    id: int
    uri: str
    direction: str = ""

    @property
    def line(self) -> str:
        """The line that says so."""
        return f"a=extmap:{self.id}{'/' if self.direction else ''}{self.direction} {self.uri}"


@dataclass(frozen=True)
class Candidate:
    """An address at which the other side may be reached: ``a=candidate``, RFC 8839 §5.1."""

    foundation: str
    component: int
    transport: str
    priority: int
    address: str
    port: int
    type: str
    #: What follows the type.
    rest: str = ""

    @property
    def is_mdns(self) -> bool:
        """Whether its address is a name of multicast DNS, which hides an address."""
        return self.address.lower().rstrip(".").endswith(".local")

    @property
    def is_name(self) -> bool:
        """Whether it names a host instead of an address, other than by multicast DNS."""
        return not self.is_mdns and not is_address(self.address)

    @property
    def is_usable(self) -> bool:
        """Whether it can be tried: UDP, RTP and RTCP on one port, an address or a name that can be looked up."""
        known = self.type in ("host", "srflx", "relay")
        return self.transport == "udp" and self.component == 1 and known and not self.is_mdns and self.port > 0

    @property
    def line(self) -> str:
        """The line that says so."""
        return (
            f"a=candidate:{self.foundation} {self.component} {self.transport} {self.priority} "
            f"{self.address} {self.port} typ {self.type}{' ' if self.rest else ''}{self.rest}"
        )


@dataclass(frozen=True)
class Section:
    """One media section.

    Attributes
    ----------
    number, text : int, str
        Its first line as it was given, for error messages.
    mid : str
        Its name; its place where it has none.
    attributes : tuple of (str, str)
        Its own, in their order, without codecs, header extensions and candidates. Flags have the value "".
    others : tuple of str
        Its lines that are no attributes.
    direction : str
        Its own, that of the session, or sendrecv.
    streams : tuple of str or None
        None where it names none at all, () where it says that the track is in no stream.
    rejected : bool
        Port 0 outside a bundle.
    """

    number: int
    text: str
    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    mid: str
    direction: str
    attributes: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()
    codecs: tuple[Codec, ...] = ()
    extensions: tuple[Extension, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    ended: bool = False
    streams: tuple[str, ...] | None = None
    track_id: str | None = None
    rejected: bool = False

    @property
    def is_media(self) -> bool:
        """Whether it is sound or video."""
        return self.kind in ("audio", "video")

    @property
    def is_foreign(self) -> bool:
        """Whether it is neither sound, video nor data channels: text, fax, BFCP. It is always rejected."""
        return not self.is_media and not (self.kind == "application" and "SCTP" in self.protocol)

    def get(self, name: str) -> str | None:
        """Return the first value of an attribute of its own, or None."""
        return next((value for found, value in self.attributes if found == name), None)

    @property
    def lines(self) -> list[str]:
        """The canonical lines, the first begins with ``m=``."""
        return [
            f"m={self.kind} {self.port} {self.protocol} {' '.join(self.formats)}",
            *self.others,
            *(attribute(name, value) for name, value in self.attributes),
            *(extension.line for extension in self.extensions),
            *(line for codec in self.codecs for line in codec.lines),
            *(candidate.line for candidate in self.candidates),
            *(["a=end-of-candidates"] if self.ended else []),
        ]


@dataclass(frozen=True)
class Description:
    """A whole description; `reading.read` makes it.

    Attributes
    ----------
    attributes : tuple of (str, str)
        Those of the session.
    others : tuple of str
        Lines of the session that are no attributes.
    """

    attributes: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()

    def get(self, name: str) -> str | None:
        """Return the first value of an attribute of the session, or None."""
        return next((value for found, value in self.attributes if found == name), None)

    def effective(self, section: Section, name: str) -> str | None:
        """Return an attribute of a section, or of the session where the section does not have it."""
        own = section.get(name)
        return self.get(name) if own is None else own

    @cached_property
    def bundle(self) -> tuple[str, ...]:
        """The mids of the sections that share a transport, that of the first."""
        group = next((value for name, value in self.attributes if name == "group" and value.startswith("BUNDLE")), "")
        return tuple(group.split()[1:])

    @property
    def is_bundled(self) -> bool:
        """Whether sections may share a transport."""
        return any(name == "group" and value.startswith("BUNDLE") for name, value in self.attributes)

    @cached_property
    def text(self) -> str:
        """The canonical text, with CRLF."""
        session = [*self.others, *(attribute(name, value) for name, value in self.attributes)]
        return "\r\n".join([*session, *(line for section in self.sections for line in section.lines)]) + "\r\n"


def attribute(name: str, value: str) -> str:
    """Return an attribute's line."""
    return f"a={name}:{value}" if value else f"a={name}"


def is_address(text: str) -> bool:
    """Return whether this is an IP address, which may have a zone."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
