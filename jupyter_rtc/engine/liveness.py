"""Whether the other side is still there: aiortc knows no "disconnected", and closes for good after half a minute."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from .path import Path

logger = logging.getLogger(__name__)

#: How often a connected peer is asked for a sign of life, and after how much silence it is "disconnected".
PROBE = 0.5
SILENCE = 2.2
#: After so much silence nothing may be sent any more: RFC 7675 §5.1.
CONSENT = 30.0
#: How long an answer is waited for: aioice's time for a request that is not repeated, and a little.
ANSWER = 0.7


async def listen(
    ways: Callable[[], list[Path]], answered: Callable[[float, bool], None], tell: Callable[[bool], None]
) -> None:
    """Ask for signs of life, until there is nobody left to ask or the ways have failed.

    Silence is what was listened to: while this process is held up, or hardly gets a processor, the other side is not
    to blame. Consent ends by the clock.

    Parameters
    ----------
    ways : callable
        Returns what data goes over; nothing: there is no connection any more.
    answered : callable
        ``answered(seconds, in_time)`` after each question.
    tell : callable
        ``tell(silent)`` after each question.
    """
    heard = listened = time.monotonic()
    while used := ways():
        began, over = time.monotonic(), [path.active for path in used]
        alive = all(await asyncio.gather(*(path.is_alive() for path in used)))
        now = time.monotonic()
        answered(now - began, alive)
        listened += max(0.0, now - began - ANSWER)
        if alive or over != [path.active for path in used]:  # or restarted meanwhile
            heard = listened = now
        if now - heard > CONSENT:
            logger.debug("no sign of life for %g s", now - heard)
            for path in used:
                path.withdraw_consent()
            return
        tell(now - listened > SILENCE)
        pause = max(0.0, PROBE - (now - began))
        await asyncio.sleep(pause)
        listened += max(0.0, time.monotonic() - now - pause)
