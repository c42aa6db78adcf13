"""The border between users' code and ours: an error in words ends at the user's line.

IPython shows every frame of a traceback, and of those with ``__tracebackhide__`` still the innermost. So what crosses
the border carries that name in each of our frames, for debuggers and pytest, and is rendered for IPython without them.

`JUPYTER_RTC_TRACEBACKS=full` leaves everything as it is.
"""

from __future__ import annotations

import dis
import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import FrameType, FunctionType, TracebackType
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_OURS = str(Path(__file__).parent) + os.sep
#: Raises the errors of users' functions again.
_FAILED = str(Path(__file__).parent / "media" / "failed.py")
#: Below a frame of ours these are our means; anything else is the user's, whom we called.
_MEANS = tuple(
    {path + os.sep for name, path in sysconfig.get_paths().items() if name in ("stdlib", "purelib", "platlib")}
)
_RAISE = dis.opmap["RAISE_VARARGS"]

#: Special methods that users' syntax calls.
_SYNTAX = {
    "__init__", "__call__", "__iter__", "__next__", "__aiter__", "__anext__", "__getitem__",
    "__enter__", "__exit__", "__aenter__", "__aexit__",
}  # fmt: skip


def _wants_all() -> bool:
    return os.environ.get("JUPYTER_RTC_TRACEBACKS") == "full"


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_OURS)


def _innermost(tb: TracebackType) -> TracebackType:
    while tb.tb_next is not None:
        tb = tb.tb_next
    return tb


def _is_in_words(error: BaseException) -> bool:
    """Return whether the error is for the user; else it is a bug of ours, of which every frame is wanted."""
    if error.__traceback__ is None:
        return False
    last = _innermost(error.__traceback__)
    if _is_ours(last.tb_frame):
        raised = last.tb_frame.f_code.co_code[last.tb_lasti] == _RAISE
        return raised or (isinstance(error, TypeError) and _is_called_wrongly(last.tb_frame))
    return _is_raised_again(error.__traceback__)


def _is_called_wrongly(frame: FrameType) -> bool:
    """Return whether the user's arguments are not those of the function: Python refuses them in our wrapper."""
    is_wrapper = frame.f_code.co_filename == __file__ and frame.f_code.co_name == "wrapper"
    return is_wrapper and frame.f_back is not None and not _is_ours(frame.f_back)


def _is_raised_again(tb: TracebackType | None) -> bool:
    """Return whether the error is one of the user's own function, which each reader gets."""
    while tb is not None:
        if tb.tb_frame.f_code.co_filename == _FAILED:
            return True
        tb = tb.tb_next
    return False


def _without_ours(tb: TracebackType | None) -> TracebackType | None:
    """Return a traceback without our frames, and without those of the libraries that they have called."""
    kept = []
    inside = False
    while tb is not None:
        # What a user's function calls is the user's, though we have called the function.
        inside = _is_ours(tb.tb_frame) or (inside and tb.tb_frame.f_code.co_filename.startswith(_MEANS))
        if not inside:
            kept.append(tb)
        tb = tb.tb_next
    shown: TracebackType | None = None
    for part in reversed(kept):
        shown = TracebackType(shown, part.tb_frame, part.tb_lasti, part.tb_lineno)
    return shown


def render(error: BaseException) -> list[str]:
    """Return an error as IPython shows it, without our frames. IPython calls it by ``_render_traceback_``."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    known = error.__traceback__
    shown = known if _wants_all() else _without_ours(known)
    chain = [] if _wants_all() else _inner_chain(error)
    try:
        for other, own in chain:
            other.__traceback__ = _without_ours(own)
        if shell is None:
            return traceback.format_exception(type(error), error, shown)
        return cast("list[str]", shell.InteractiveTB.structured_traceback(type(error), error, shown, tb_offset=1))
    finally:
        for other, own in chain:
            other.__traceback__ = own


def _inner_chain(error: BaseException) -> list[tuple[BaseException, TracebackType | None]]:
    """Return the errors behind an error that came about in our frames, each with its traceback."""
    chain: list[tuple[BaseException, TracebackType | None]] = []
    seen = {id(error)}
    at = error.__cause__ or error.__context__
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        if at.__traceback__ is not None and _is_ours(at.__traceback__.tb_frame):
            chain.append((at, at.__traceback__))
        at = at.__cause__ or at.__context__
    return chain


def _render_last() -> list[str]:
    # Not bound to its error, which would then hold itself. IPython has set this before it renders.
    return render(cast(BaseException, sys.last_value))


def _mark(error: BaseException) -> None:
    """Let an error that crosses the border end there, if it is in words."""
    if _wants_all() or not _is_in_words(error):
        return
    tb = error.__traceback__
    while tb is not None:
        if _is_ours(tb.tb_frame):
            tb.tb_frame.f_locals["__tracebackhide__"] = True  # kept by the frame, of which nothing runs any more
        tb = tb.tb_next
    context = error.__context__
    if error.__cause__ is None and context is not None and context.__traceback__ is not None:
        # What we tried before we found the words says nothing to the user; what the user tried does.
        error.__suppress_context__ = error.__suppress_context__ or _is_ours(context.__traceback__.tb_frame)
    error._render_traceback_ = _render_last  # type: ignore[attr-defined]


def border(function: F) -> F:
    """Let the errors of a function that users call end at the user's line."""
    if inspect.isasyncgenfunction(function):
        return function
    wrapper: Any
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            try:
                return await function(*args, **kwargs)
            except (StopAsyncIteration, GeneratorExit):
                raise
            except Exception as error:
                _mark(error)
                raise

    else:

        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            try:
                return function(*args, **kwargs)
            except StopIteration:
                raise
            except Exception as error:
                _mark(error)
                raise

    wrapper._jupyter_rtc_border = True
    return cast(F, wrapper)


def _each(function: Any) -> Any:
    return None if function is None else border(function)


def _is_bordered(value: object) -> bool:
    return hasattr(value, "_jupyter_rtc_border")


def draw_around(kind: type[T]) -> type[T]:
    """Put the border around what users call of a class, and of all classes of ours that it is made from."""
    for owner in kind.__mro__:
        if not owner.__module__.startswith(f"{__package__}.") or "__border_drawn" in vars(owner):
            continue
        for name, value in list(vars(owner).items()):
            if name.startswith("_") and name not in _SYNTAX:
                continue
            new: Any = None
            if isinstance(value, FunctionType) and not _is_bordered(value):
                new = border(value)
            elif isinstance(value, (staticmethod, classmethod)) and isinstance(value.__func__, FunctionType):
                new = type(value)(border(value.__func__))
            elif type(value) is property:
                new = property(_each(value.fget), _each(value.fset), _each(value.fdel), value.__doc__)
            if new is not None:
                setattr(owner, name, new)
        type.__setattr__(owner, "__border_drawn", True)
    return kind


def draw(names: dict[str, Any], public: list[str]) -> None:
    """Put the border around everything public of a module: `names` are its globals."""
    for name in public:
        value = names[name]
        if isinstance(value, FunctionType):
            names[name] = border(value)
        elif (
            isinstance(value, type)
            and not issubclass(value, BaseException)
            and not getattr(value, "_is_protocol", False)
        ):
            for kind in (value, *_made_from(value)):
                draw_around(kind)


def _made_from(kind: type) -> list[type[Any]]:
    """Return the classes of ours that users get as one of this class: mapped and remote tracks, for instance."""
    made: list[type[Any]] = type.__subclasses__(kind)
    return made + [each for one in made for each in _made_from(one)]
