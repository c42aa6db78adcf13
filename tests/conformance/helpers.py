"""What the translations of web-platform-tests share: logs of events, exchanges, samples of SDP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import jupyter_rtc
from jupyter_rtc import DataChannel, PeerConnection, SessionDescription

from ..conftest import SCALE

#: An event that is to come has so many seconds; one that is not to come is waited for so long.
SOON = 5.0 * SCALE
SILENCE = 0.15


@dataclass(frozen=True)
class Entry:
    """One event: its name, what the callback got, and what was read meanwhile."""

    name: str
    payload: Any = None
    seen: Any = None


class EventLog:
    """What a target fires from now on, in order.

    Parameters
    ----------
    target : Emitter
        Anything with `on`.
    *names : str
        The events to write down.
    read : callable, optional
        Called within the callback with the target; what it returns is kept as `Entry.seen`.
    """

    def __init__(self, target: Any, *names: str, read: Callable[[Any], Any] | None = None) -> None:
        self.entries: list[Entry] = []
        self._target = target
        self._read = read
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._stops = [target.on(name, partial(self._take, name)) for name in names]

    def _take(self, name: str, *payload: Any) -> None:
        seen = None if self._read is None else self._read(self._target)
        self.entries.append(Entry(name, payload[0] if payload else None, seen))
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed.set)

    @property
    def names(self) -> list[str]:
        return [entry.name for entry in self.entries]

    @property
    def payloads(self) -> list[Any]:
        return [entry.payload for entry in self.entries]

    @property
    def seen(self) -> list[Any]:
        return [entry.seen for entry in self.entries]

    def count(self, name: str | None = None) -> int:
        return len(self.entries) if name is None else self.names.count(name)

    def clear(self) -> None:
        self.entries.clear()

    def stop(self) -> None:
        for stop in self._stops:
            stop()

    async def wait(self, count: int = 1, name: str | None = None, timeout: float = SOON) -> Any:
        """Wait until there are `count` events (of that name), and return the payload of the last."""
        await self.until(lambda: self.count(name) >= count, timeout, f"{count} of {name or 'any event'}")
        found = [entry for entry in self.entries if name is None or entry.name == name]
        return found[count - 1].payload

    async def until(self, condition: Callable[[], bool], timeout: float = SOON, what: str = "a condition") -> None:
        """Wait until `condition()`, asked after each event."""
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    self._changed.clear()
                    if not condition():
                        await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"waited {timeout:g} s for {what}; there were {self.names}") from None

    async def quiet(self, seconds: float = SILENCE) -> None:
        """Fail if there is another event within `seconds`."""
        before = len(self.entries)
        await asyncio.sleep(seconds)
        assert len(self.entries) == before, f"fired although it should not: {self.names[before:]}"


async def event(target: Any, name: str, timeout: float = SOON) -> Any:
    """Wait for the next such event and return its payload. Listen with an `EventLog` if it may come earlier."""
    log = EventLog(target, name)
    try:
        return await log.wait(timeout=timeout)
    finally:
        log.stop()


async def no_event(target: Any, *names: str, seconds: float = SILENCE) -> None:
    """Fail if one of these fires within `seconds`."""
    log = EventLog(target, *names)
    try:
        await log.quiet(seconds)
    finally:
        log.stop()


async def eventually(condition: Callable[[], bool], timeout: float = SOON, what: str = "the condition") -> None:
    """Wait until `condition()` is true."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 - states have no event of asyncio
            await asyncio.sleep(0.01)


async def state(pc: PeerConnection, *wanted: str, trait: str = "connection_state", timeout: float = SOON) -> str:
    """Wait until a state of `pc` is one of `wanted`, and return it."""
    try:
        await eventually(lambda: getattr(pc, trait) in wanted, timeout)
    except TimeoutError:
        raise AssertionError(f"{trait} is {getattr(pc, trait)!r} after {timeout:g} s, not {wanted}") from None
    return str(getattr(pc, trait))


@contextmanager
def peers(count: int = 2, **options: Any) -> Iterator[Any]:
    """Give `count` new connections, closed afterwards; a single one as itself."""
    made = [PeerConnection(**options) for _ in range(count)]
    try:
        yield made[0] if count == 1 else tuple(made)
    finally:
        for pc in made:
            pc.close()


async def exchange(a: PeerConnection, b: PeerConnection) -> None:
    """One round of offer and answer, begun by `a`; all candidates are in the descriptions."""
    await b.set_remote_description(await a.set_local_description())
    await a.set_remote_description(await b.set_local_description())


async def connect(a: PeerConnection, b: PeerConnection) -> None:
    """Negotiate, and wait until both are connected."""
    await exchange(a, b)
    await state(a, "connected")
    await state(b, "connected")


async def answer_to(offer: SessionDescription, *kinds: str) -> SessionDescription:
    """Return a stranger's answer to `offer`."""
    with peers(1) as stranger:
        for kind in kinds:
            stranger.add_transceiver(kind)
        await stranger.set_remote_description(offer)
        return await stranger.set_local_description()


async def offer_of(*kinds: str, channel: bool = False) -> SessionDescription:
    """Return a stranger's offer with these sections."""
    with peers(1) as stranger:
        for kind in kinds:
            stranger.add_transceiver(kind)
        if channel:
            stranger.create_data_channel("stranger")
        return await stranger.create_offer()


def m_lines(description: Any) -> list[str]:
    """Return the kinds of the media sections, in order."""
    return re.findall(r"^m=(\w+)", description.sdp, re.MULTILINE)


def count_m_lines(description: Any, kind: str) -> int:
    return m_lines(description).count(kind)


def similar(one: Any, other: Any) -> bool:
    """Whether two descriptions have the same type and the same media sections, as WPT compares them."""
    return one is not None and other is not None and one.type == other.type and m_lines(one) == m_lines(other)


FINGERPRINT = "a=fingerprint:sha-256 " + ":".join(f"{byte:02X}" for byte in range(32))


def sample_sdp(
    *sections: dict[str, Any], session: tuple[str, ...] = (), bundle: bool = True, newline: str = "\r\n"
) -> str:
    """Return an offer's SDP written by hand.

    Parameters
    ----------
    *sections : dict
        ``kind``, ``mid``, and if not the defaults ``direction``, ``ufrag``, ``pwd``, ``msid`` (a list), ``lines``.
    session : tuple of str
        Further lines of the session part.
    """
    mids = " ".join(str(section["mid"]) for section in sections)
    lines = ["v=0", "o=- 4711 2 IN IP4 127.0.0.1", "s=-", "t=0 0", *session]
    if bundle:
        lines.append(f"a=group:BUNDLE {mids}")
    codecs = {"audio": ("111", "a=rtpmap:111 opus/48000/2"), "video": ("96", "a=rtpmap:96 VP8/90000")}
    for section in sections:
        payload, rtpmap = codecs[section["kind"]]
        lines += [
            f"m={section['kind']} 9 UDP/TLS/RTP/SAVPF {payload}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{section['mid']}",
            f"a={section.get('direction', 'sendrecv')}",
            "a=rtcp-mux",
            f"a=ice-ufrag:{section.get('ufrag', 'ufra')}",
            f"a=ice-pwd:{section.get('pwd', 'passwordpasswordpassword')}",
            FINGERPRINT,
            "a=setup:actpass",
            rtpmap,
            *(f"a=msid:{msid}" for msid in section.get("msid", ())),
            *section.get("lines", ()),
        ]
    return newline.join([*lines, ""])


def pattern() -> Any:
    """Return a small picture that moves, in place of a camera."""
    return jupyter_rtc.TestPattern(size=(160, 120), fps=15)


def tone() -> Any:
    """Return a sound, in place of a microphone."""
    return jupyter_rtc.TestTone()


async def settle() -> None:
    """Let the events arrive that are on their way."""
    await asyncio.sleep(0.06)


async def channel_pair(
    a: PeerConnection, b: PeerConnection, label: str = "", other: dict[str, Any] | None = None, **options: Any
) -> tuple[DataChannel, DataChannel]:
    """Return the two ends of an open channel; where it is negotiated both sides make it, `b` with options `other`."""
    log = EventLog(b, "datachannel")
    ours = a.create_data_channel(label, **options)
    theirs = (
        b.create_data_channel(label, **(options if other is None else other)) if options.get("negotiated") else None
    )
    await exchange(a, b)
    theirs = theirs or await log.wait()
    log.stop()
    await eventually(lambda: ours.ready_state == theirs.ready_state == "open", what="open channels")
    return ours, theirs
