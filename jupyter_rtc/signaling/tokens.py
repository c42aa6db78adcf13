"""What tells a server who asks: a bearer token, or a user and a password. Nothing prints them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

#: What `credentials` takes.
Credentials = str | tuple[str, str] | None


class Token:
    """A bearer token, which nothing prints."""

    __slots__ = ("_value",)

    def __init__(self, value: str | None) -> None:
        if value is not None and not isinstance(value, str):
            raise TypeError(f"a token is a str, not {type(value).__name__}")
        if value is not None and not re.fullmatch(r"[!-~]+", value):
            raise ValueError("a token has printable ASCII characters, no blanks, and at least one")
        self._value = value

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __bool__(self) -> bool:
        return self._value is not None

    def header(self) -> dict[str, str]:
        """Return the header that carries it, if there is one."""
        return {} if self._value is None else {"Authorization": f"Bearer {self._value}"}

    def hide(self, text: str) -> str:
        """Return a text without it."""
        return text if self._value is None else text.replace(self._value, "…")

    @property
    def value(self) -> str | None:
        """The token itself."""
        return self._value

    def advice(self, offered: Iterable[str], *, takes_login: bool = True) -> str:
        """Return what to do where a server refuses it, by the values of the ``WWW-Authenticate`` of its answer."""
        schemes = schemes_of(offered)
        if schemes and "Bearer" not in schemes:
            if not takes_login:
                return f"a login by {' or '.join(schemes)} is wanted, which is not supported here"
            if "Basic" in schemes:
                return 'a user and a password are wanted: pass token=("USER", "PASSWORD")'
            return f"a login by {' or '.join(schemes)} is wanted, and only bearer tokens and Basic are supported"
        return "the token is refused: is it right, and still valid?" if self else "a token is wanted: pass token=..."


class Login(Token):
    """A user name and a password: RFC 7617."""

    __slots__ = ("_password",)

    def __init__(self, user: str, password: str) -> None:
        if not all(isinstance(value, str) for value in (user, password)):
            raise TypeError("token is a str, or a user and a password, both str")
        if ":" in user or not (user + password).isprintable():
            raise ValueError("a user has no colon, and a user and a password have printable characters only")
        super().__init__(base64.b64encode(f"{user}:{password}".encode()).decode())
        self._password = password

    def header(self) -> dict[str, str]:
        """Return the header that carries it."""
        return {"Authorization": f"Basic {self._value}"}

    def hide(self, text: str) -> str:
        """Return a text without it."""
        text = super().hide(text)
        return text.replace(self._password, "…") if self._password else text

    def advice(self, offered: Iterable[str], *, takes_login: bool = True) -> str:
        """Return what to do where a server refuses it."""
        schemes = schemes_of(offered)
        if not schemes or "Basic" in schemes:
            return "the user or the password is refused"
        if "Bearer" in schemes:
            return 'a bearer token is wanted, and no user and password: pass token="..."'
        return super().advice(offered, takes_login=takes_login)


def credentials(given: Credentials) -> Token:
    """Return what a user passes as ``token``: a bearer token, or a user and a password.

    Raises
    ------
    TypeError, ValueError
        Without what was given.
    """
    if isinstance(given, tuple):
        if len(given) != 2:
            raise TypeError(f"token is a str, or a user and a password, not {len(given)} values")
        return Login(*given)
    return Token(given)


def schemes_of(offered: Iterable[str]) -> list[str]:
    """Return the ways to log in that the values of ``WWW-Authenticate`` or ``Proxy-Authenticate`` name."""
    found: dict[str, None] = {}
    for value in offered:
        for part in re.sub(r'"(?:[^"\\]|\\.)*"', "", value).split(","):
            first = part.split()[0] if part.split() else ""
            if re.fullmatch(r"[A-Za-z][\w-]{0,30}", first):  # with a = it is a parameter of the one before
                found[first.capitalize() if first.lower() in ("basic", "bearer") else first] = None
    return list(found)
