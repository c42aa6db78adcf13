"""Whose certificates are trusted: the system's, or those of ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``."""

from __future__ import annotations

import functools
import os
import ssl

_EXPIRED, _NOT_YET, _OTHER_NAME = 10, 9, 62
_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def context() -> ssl.SSLContext | bool:
    """Return what aiohttp takes as ``ssl``. The variables may be set at any time, also in the notebook."""
    values = tuple(os.environ.get(name, "") for name in _VARIABLES)
    # aiohttp's own was made when it was imported.
    return _context(*values, *(_changed(value) for value in values)) if any(values) else True


def _changed(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


@functools.lru_cache(1)
def _context(*_key: object) -> ssl.SSLContext:
    made = ssl.create_default_context()
    made.set_alpn_protocols(("http/1.1",))
    return made


def why(error: Exception) -> str:
    """Return in words why a certificate is not trusted, and what to do."""
    code = getattr(error, "verify_code", 0)
    said = getattr(error, "verify_message", "") or "it cannot be verified"
    if code == _EXPIRED:
        return "its certificate has expired: it is to be renewed on the server, or this machine's clock is wrong"
    if code == _NOT_YET:
        return "its certificate is not valid yet: is this machine's clock right?"
    if code == _OTHER_NAME:
        return f"its certificate is for another host ({said}): check the address"
    return (
        f"its certificate is not trusted ({said}). If an authority of your own or your company's proxy has signed it, "
        "set SSL_CERT_FILE in the environment to the file with that authority's certificate, as in "
        'os.environ["SSL_CERT_FILE"] = "/path/to/ca.pem"' + _unreadable()
    )


def _unreadable() -> str:
    path = os.environ.get("SSL_CERT_FILE")
    if not path:
        return ""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return f". Now it names {path}, which has no certificate in PEM format"
    except OSError as error:
        return f". Now it names {path}, which cannot be read ({error.strerror})"
    return f". Now it names {path}, in which that authority is not"
