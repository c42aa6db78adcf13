"""Settings for the whole process, from `configure` and from the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .checks import bits_per_second, flag
from .ice import (
    IceServer,
    IceServers,
    IceServerSource,
    IceTransportPolicy,
    parse_ice_servers,
    parse_ice_transport_policy,
)

_configured: tuple[IceServer | IceServerSource, ...] | None = None
_policy: IceTransportPolicy | None = None


def ice_transport_policy() -> IceTransportPolicy:
    """Return the policy of widgets, and of connections that are not stricter themselves."""
    text = os.environ.get("JUPYTER_RTC_ICE_TRANSPORT_POLICY", "")
    if _policy is not None or not text:
        return _policy or "all"
    try:
        return parse_ice_transport_policy(text)
    except TypeError:
        raise ValueError(f"JUPYTER_RTC_ICE_TRANSPORT_POLICY is 'all' or 'relay', not {text!r}") from None


def ice_servers() -> tuple[IceServer | IceServerSource, ...]:
    """Return the servers for connections that name none: configured, from the environment, else none."""
    if _configured is not None:
        return _configured
    text = os.environ.get("JUPYTER_RTC_ICE_SERVERS", "")
    if not text:
        return ()
    value = _from_json("JUPYTER_RTC_ICE_SERVERS", text)
    try:
        return parse_ice_servers(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"JUPYTER_RTC_ICE_SERVERS is wrong: {error}") from None


def _from_json(variable: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        wrong = f"line {error.lineno}, column {error.colno}"
    except ValueError:
        wrong = "a number is too long"
    except RecursionError:
        wrong = "too many brackets in each other"
    # Outside of the handlers: the decoder's own error has the whole text.
    raise ValueError(f"{variable} is not JSON: {wrong}")


#: Seconds; CPython's own is ten times as long.
SWITCH_INTERVAL = 0.0005
_switch_interval: float | None = None


def switch_interval() -> float | None:
    """Return how long a busy thread may keep the interpreter while media flow; None: as it is."""
    seconds = _switch_interval
    if seconds is None:
        text = os.environ.get("JUPYTER_RTC_SWITCH_INTERVAL", "")
        try:
            seconds = _checked_interval(float(text)) if text else SWITCH_INTERVAL
        except ValueError:
            raise ValueError(f"JUPYTER_RTC_SWITCH_INTERVAL is seconds, or 0, not {text!r}") from None
    return seconds or None


def _checked_interval(seconds: float) -> float:
    if not 0 <= seconds <= 1:
        raise ValueError(f"switch_interval is in seconds, at most 1, or 0 to leave Python's alone; not {seconds!r}")
    return seconds


_keep_awake: bool | None = None


def keep_awake() -> bool:
    """Return whether a page with live media keeps this kernel from being culled as idle."""
    text = os.environ.get("JUPYTER_RTC_KEEP_AWAKE", "")
    if _keep_awake is not None or not text:
        return _keep_awake is not False
    values = {"1": True, "true": True, "0": False, "false": False}
    if text.lower() not in values:
        raise ValueError(f"JUPYTER_RTC_KEEP_AWAKE is true or false, not {text!r}")
    return values[text.lower()]


@dataclass(frozen=True)
class Bitrate:
    """The limits of a video stream, in bits a second: it begins with `start` and stays between the other two."""

    floor: int = 150_000
    start: int = 4_000_000
    ceiling: int = 8_000_000


def parse_bitrate(value: Any) -> Bitrate:
    """Return the limits that `value` stands for.

    Parameters
    ----------
    value : number, dict or Bitrate
        The ceiling in bits a second; or a dictionary with any of ``floor``, ``start`` and ``ceiling``.

    Raises
    ------
    TypeError, ValueError
    """
    if isinstance(value, Bitrate):
        return value
    usual = Bitrate()
    given = dict(value) if isinstance(value, Mapping) else {"ceiling": value}
    unknown = set(given) - {"floor", "start", "ceiling"}
    if unknown:
        raise ValueError(f"a bitrate has 'floor', 'start' and 'ceiling', not {', '.join(map(repr, sorted(unknown)))}")
    for name, bits in given.items():
        bits_per_second(f"the bitrate's {name}", bits)
        if not 1_000 <= bits <= 1_000_000_000:
            raise ValueError(f"the bitrate's {name} is in bits a second, from 1000 to 1e9, not {bits!r}")
    # What was not given gives way to what was.
    ceiling = int(given.get("ceiling", max(usual.ceiling, given.get("start", 0), given.get("floor", 0))))
    floor = int(given.get("floor", min(usual.floor, given.get("start", ceiling), ceiling)))
    start = int(given.get("start", min(max(usual.start, floor), ceiling)))
    if not floor <= start <= ceiling:
        raise ValueError(f"a bitrate's floor {floor} must not be above its start {start}, nor that above {ceiling}")
    return Bitrate(floor, start, ceiling)


def parse_codec(value: Any) -> str:
    """Return ``"VP8"`` or ``"H264"`` for this, or ``"video/VP8"``, in any case.

    Raises
    ------
    TypeError, ValueError
    """
    if not isinstance(value, str):
        raise TypeError(f"codec is 'VP8' or 'H264', not {value!r}")
    name = value.upper().removeprefix("VIDEO/")
    if name not in ("VP8", "H264"):
        raise ValueError(f"codec is 'VP8' or 'H264', not {value!r}")
    return name


_bitrate: Bitrate | None = None
_codec: str | None = None


def bitrate() -> Bitrate:
    """Return the limits of video streams that are made from now on."""
    if _bitrate is not None:
        return _bitrate
    text = os.environ.get("JUPYTER_RTC_BITRATE", "")
    if not text:
        return Bitrate()
    value = _from_json("JUPYTER_RTC_BITRATE", text)
    try:
        return parse_bitrate(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"JUPYTER_RTC_BITRATE is wrong: {error}") from None


def codec() -> str | None:
    """Return the name of the video codec that is preferred, if the settings name one."""
    text = os.environ.get("JUPYTER_RTC_CODEC", "")
    if _codec is not None or not text:
        return _codec
    try:
        return parse_codec(text)
    except ValueError as error:
        raise ValueError(f"JUPYTER_RTC_CODEC is wrong: {error}") from None


def configure(
    *,
    ice_servers: IceServers | None = None,
    ice_transport_policy: IceTransportPolicy | None = None,
    bitrate: float | Mapping[str, float] | Bitrate | None = None,
    codec: str | None = None,
    switch_interval: float | None = None,
    keep_awake: bool | None = None,
) -> None:
    """Set what connections made from now on use.

    Parameters
    ----------
    ice_servers : list, optional
        STUN and TURN servers, as addresses or as dictionaries as in browsers, or what fetches fresh ones, as
        `CloudflareTurn`. Also from the environment variable ``JUPYTER_RTC_ICE_SERVERS``, as JSON. Without either
        nothing leaves the local network.
    ice_transport_policy : {"all", "relay"}, optional
        ``"relay"``: only through a TURN server, in the kernel and in its pages. A connection may be stricter than
        this, and not less strict. Also from ``JUPYTER_RTC_ICE_TRANSPORT_POLICY``.
    bitrate : number or dict, optional
        The most that a video stream may have, in bits a second; or a dictionary with any of ``floor``, ``start``
        and ``ceiling``: 150 000, 4 000 000 and 8 000 000 without it. Between them it follows what the receiver can
        take. Also from ``JUPYTER_RTC_BITRATE``, as JSON.
    codec : {"VP8", "H264"}, optional
        The video codec that is preferred where the other side has it, too; without it VP8 is offered first, and the
        other side's order is kept. Also from ``JUPYTER_RTC_CODEC``.
    switch_interval : float, optional
        How many seconds a thread that computes in pure Python may keep the interpreter while media flow
        (`sys.setswitchinterval`; restored afterwards). 0.0005 unless set, here or as ``JUPYTER_RTC_SWITCH_INTERVAL``:
        pictures stay smooth, and such a cell is about a tenth slower. 0 leaves Python's own, 0.005.
    keep_awake : bool, optional
        Whether a page with live media keeps an idle kernel from being culled, by a message a minute to the page; True
        unless set, here or as ``JUPYTER_RTC_KEEP_AWAKE``. Media themselves make no traffic that a Jupyter server sees.
    """
    global _configured, _policy, _bitrate, _codec, _switch_interval, _keep_awake
    policy = None if ice_transport_policy is None else parse_ice_transport_policy(ice_transport_policy)
    limits = None if bitrate is None else parse_bitrate(bitrate)
    preferred = None if codec is None else parse_codec(codec)
    awake = keep_awake if keep_awake is None else flag("keep_awake", keep_awake)
    if switch_interval is not None:
        _switch_interval = _checked_interval(float(switch_interval))
    if ice_servers is not None:
        _configured = parse_ice_servers(ice_servers)
    if keep_awake is not None:
        _keep_awake = awake
    _policy = _policy if policy is None else policy
    _bitrate = _bitrate if limits is None else limits
    _codec = _codec if preferred is None else preferred
