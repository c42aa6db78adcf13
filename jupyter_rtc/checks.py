"""What arguments are, checked: a wrong type is a `TypeError`, a wrong value a `ValueError`, both in words."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Collection
from contextlib import suppress
from numbers import Real
from typing import Any

import numpy as np

from .errors import WrongValueError


def number(name: str, value: Any) -> float:
    """Return a number, Python's or numpy's."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is a number, not {value!r}")
    try:
        found = float(value)
    except OverflowError:
        raise ValueError(f"{name} is too large") from None
    if math.isnan(found):
        raise ValueError(f"{name} is a number, not nan")
    return found


_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


def bits_per_second(name: str, value: Any) -> float:
    """Return a bit rate; of ``"2M"`` the error says what that is as a number."""
    match = isinstance(value, str) and re.fullmatch(
        r"\s*(\d+\.?\d*)\s*([kmg]?)(?:bits?|bps|bit/s)?\s*", value, re.IGNORECASE
    )
    if match:
        meant = round(float(match[1]) * _UNITS[match[2].lower()])
        raise TypeError(f"{name} is a number of bits a second, not {value!r}: write {meant:_}")
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is a number of bits a second, as 2_000_000, not {value!r}")
    return number(name, value)


def number_or_none(name: str, value: Any) -> float | None:
    """Return a number, or None, which is no limit."""
    return None if value is None else number(name, value)


def whole(name: str, value: Any) -> int:
    """Return a whole number, Python's or numpy's."""
    if not isinstance(value, bool):
        with suppress(TypeError):
            return operator.index(value)
    raise TypeError(f"{name} is a whole number, not {value!r}")


def string(name: str, value: Any) -> str:
    """Return a str."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is a str, not {type(value).__name__}")
    return value


def flag(name: str, value: Any) -> bool:
    """Return True or False, Python's or numpy's."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is True or False, not {value!r}")
    return bool(value)


def one_of(value: Any, choices: Collection[str], said: str) -> str:
    """Return `value`, one of the W3C's words in `choices`; the error begins with what is `said`."""
    if not isinstance(value, str):
        raise TypeError(f"{said}, not of type {type(value).__name__}")
    if value not in choices:
        raise WrongValueError(f"{said}, not {value!r}")
    return value
