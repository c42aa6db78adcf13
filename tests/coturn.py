"""A TURN server of our own (coturn), on this machine's own addresses only."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aioice.ice
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import SCALE

USER, PASSWORD, SECRET = "somebody", "open-sesame", "a-secret-that-both-know"
# Each test run has its own, below those that are given to anybody.
_FIRST = 22_000 + os.getpid() * 64 % 10_000
RELAY_PORTS = range(_FIRST, _FIRST + 64)


@dataclass(frozen=True)
class Coturn:
    """Where it listens."""

    host: str
    port: int
    tls_port: int
    #: The certificate that its own is signed by itself with: who trusts this file trusts the server.
    certificate: Path

    def url(self, way: str) -> str:
        """Return the address for ``"udp"``, ``"tcp"`` or ``"tls"``."""
        if way == "tls":
            return f"turns:{self.host}:{self.tls_port}?transport=tcp"
        return f"turn:{self.host}:{self.port}?transport={way}"

    def server(self, way: str) -> dict[str, Any]:
        """Return it as browsers take it."""
        return {"urls": self.url(way), "username": USER, "credential": PASSWORD}


@contextmanager
def coturn(folder: Path, *, shared_secret: bool = False) -> Iterator[Coturn]:
    """Run one, with a user or with a shared secret; skips the test where it is not installed."""
    program = shutil.which("turnserver")
    if program is None:
        pytest.skip("no TURN server: install coturn")
    addresses = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
    if not addresses:
        pytest.skip("no network address but the loopback's, to which nothing is relayed")
    (host, *_) = addresses
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = _certificate(folder, host)
    running = Coturn(host, *_free_ports(host), certificate)
    access = ["--use-auth-secret", "--static-auth-secret", SECRET]
    if not shared_secret:
        access = ["--lt-cred-mech", "--user", f"{USER}:{PASSWORD}"]
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                program, "-n", "--listening-ip", host, "--relay-ip", host, "--listening-port", str(running.port),
                "--tls-listening-port", str(running.tls_port), "--min-port", str(RELAY_PORTS[0]),
                "--max-port", str(RELAY_PORTS[-1]), *access, "--realm", "test", "--no-cli", "--no-dtls",
                "--cert", str(certificate), "--pkey", str(key), "--userdb", str(folder / "users"),
                "--pidfile", str(folder / "pid"), "--log-file", "stdout", "--simple-log",
            ],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        for port in (running.port, running.tls_port):
            _wait_for(host, port, process, log)
        yield running
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_ports(host: str) -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind((host, 0))
        two.bind((host, 0))
        return one.getsockname()[1], two.getsockname()[1]


def _wait_for(host: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20 * SCALE
    while True:
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(log.read_text(errors="replace")[-3000:]) from None
            time.sleep(0.1)


def _certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Write a certificate for an address, signed with its own key, and that."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a TURN server of the tests")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    paths[1].touch(0o600)
    paths[1].write_bytes(pem)
    return paths
