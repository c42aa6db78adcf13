"""A bad network on this machine: two network namespaces, joined by a link that loses, delays and narrows.

It needs neither ``netem`` nor any kernel module but TUN: packets pass through this process. ::

    with Link(loss=0.03, delay=0.05) as link:
        sender = link.a.popen([sys.executable, "-m", "tests.peer", "send"], stdin=PIPE, stdout=PIPE, text=True)
        ...
        link.set(loss=0.2)            # both ways, while it runs
        link.ab.set(rate=500_000)     # only from a to b

The processes at the two ends reach each other, and nothing else, at `A` and `B`. Signaling goes by their pipes.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import random
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

A, B = "10.77.0.1", "10.77.0.2"
MTU = 1400

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_numbers = iter(range(1 << 30))


def why_not() -> str | None:
    """Return why there can be no link here, or None."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "network namespaces want root"
    if shutil.which("ip") is None:
        return "no `ip` command (iproute2)"
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun"
    try:
        with Link():
            return None
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no network namespace: {error}"


@dataclass
class Impairment:
    """What happens to packets one way.

    Attributes
    ----------
    loss : float
        The share that is lost, at random.
    delay, jitter : float
        Seconds; the jitter is equally distributed up and down, and may change the order.
    rate : float or None
        Bits a second.
    queue : float
        How many seconds wait before a narrow link; what comes then is lost.
    """

    loss: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    rate: float | None = None
    queue: float = 0.3


class Direction:
    """One way over the link. Its counters are `packets`, `lost` (at random) and `overflowed` (before a narrow link)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, impairment: Impairment) -> None:
        self._loop = loop
        self._impairment = impairment
        self._random = random.Random(1)
        self._free = 0.0
        self.out = -1
        self.packets = self.lost = self.overflowed = self.bytes = 0
        #: Called with each packet (IPv4, from its header on); true loses it.
        self.lose: Callable[[bytes], bool] = lambda _packet: False

    def set(self, **changes: Any) -> None:
        """Change what happens from now on: the fields of `Impairment`."""
        self._impairment = Impairment(**{**vars(self._impairment), **changes})

    def take(self, packet: bytes) -> None:
        how, now = self._impairment, self._loop.time()
        self.packets += 1
        self.bytes += len(packet)
        if self._random.random() < how.loss or self.lose(packet):
            self.lost += 1
            return
        if how.rate is not None:
            start = max(now, self._free)
            if start - now > how.queue:
                self.overflowed += 1
                return
            now = self._free = start + len(packet) * 8 / how.rate
        due = now + how.delay + self._random.uniform(-how.jitter, how.jitter)
        if due <= self._loop.time():
            self._give(packet)
        else:
            self._loop.call_at(due, self._give, packet)

    def _give(self, packet: bytes) -> None:
        with suppress(OSError):  # its end was closed, or its queue is full
            os.write(self.out, packet)


class End:
    """A network namespace with one interface, the link."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.fd = -1

    def popen(self, command: list[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a process in it; as `subprocess.Popen`."""
        return subprocess.Popen(["ip", "netns", "exec", self.name, *command], **options)

    def open(self) -> None:
        """Make it. On a thread of its own, for the namespace is entered by the calling thread for good."""
        _run("ip", "netns", "add", self.name)
        errors: list[OSError | subprocess.CalledProcessError] = []

        def enter() -> None:
            try:
                self._make_interface()
            except (OSError, subprocess.CalledProcessError) as error:
                errors.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]

    def _make_interface(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/run/netns/{self.name}", "rb") as namespace:
            if libc.setns(namespace.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(self.fd, _TUNSETIFF, struct.pack("16sH22x", b"link0", _IFF_TUN | _IFF_NO_PI))
        _run("ip", "address", "add", f"{self.address}/24", "dev", "link0")
        _run("ip", "link", "set", "link0", "mtu", str(MTU), "up")
        _run("ip", "link", "set", "lo", "up")

    def close(self) -> None:
        """Take it away. Processes in it keep it alive without its interface."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        subprocess.run(["ip", "netns", "delete", self.name], check=False, stderr=subprocess.DEVNULL)


class Link:
    """Two ends, `a` and `b`, and the ways between them, `ab` and `ba`. The arguments are those of `Impairment`."""

    def __init__(self, **impairment: Any) -> None:
        name = f"jrtc{os.getpid()}x{next(_numbers)}"
        self.a, self.b = End(f"{name}a", A), End(f"{name}b", B)
        self._loop = asyncio.new_event_loop()
        self.ab = Direction(self._loop, Impairment(**impairment))
        self.ba = Direction(self._loop, Impairment(**impairment))
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)

    def set(self, **changes: Any) -> None:
        """Change what happens both ways from now on."""
        self.ab.set(**changes)
        self.ba.set(**changes)

    def __enter__(self) -> Self:
        try:
            self.a.open()
            self.b.open()
        except BaseException:
            self._close()
            raise
        self.ab.out, self.ba.out = self.b.fd, self.a.fd
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._close()

    def _close(self) -> None:
        self.a.close()
        self.b.close()
        self._loop.close()

    def _run(self) -> None:
        for end, way in ((self.a, self.ab), (self.b, self.ba)):
            self._loop.add_reader(end.fd, _drain, end.fd, way)
        self._loop.run_forever()


def _drain(fd: int, way: Direction) -> None:
    with suppress(BlockingIOError):
        while True:
            way.take(os.read(fd, 65536))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
