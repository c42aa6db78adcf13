"""A start that goes on whether or not somebody awaits it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from typing import Any


class Starting(Coroutine[Any, Any, None]):
    """What `WhipServer.start` returns: to be awaited, or not. As the last line of a cell it shows the server.

    A coroutine, for ``asyncio.run`` and ``asyncio.create_task`` take nothing else.
    """

    def __init__(self, begun: Future[None], show: Callable[..., Any]) -> None:
        self._begun = begun
        self._show = show
        self._waiting: Coroutine[Any, Any, None] | None = None

    def __repr__(self) -> str:
        return "<started>" if self._begun.done() else "<starting>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self._show(**kwargs)

    async def _wait(self) -> None:
        # Who waits no longer does not end it for the others.
        await asyncio.shield(asyncio.wrap_future(self._begun))

    def __await__(self) -> Generator[Any, Any, None]:
        return self._wait().__await__()

    def send(self, value: Any) -> Any:
        """Go on."""
        if self._waiting is None:
            self._waiting = self._wait()
        return self._waiting.send(value)

    def throw(self, *error: Any) -> Any:
        """Go on with an error."""
        if self._waiting is None:
            self._waiting = self._wait()
        return self._waiting.throw(*error)

    def close(self) -> None:
        """Wait no longer."""
        if self._waiting is not None:
            self._waiting.close()
