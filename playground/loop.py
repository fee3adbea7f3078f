"""What Mynah made of it all, for the page's side panel: asked for now and then, told of when it changed.

Knows no database: whoever starts the playground says how to look.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from playground.events import EventLog

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0

Look = Callable[[], Awaitable[Mapping[str, Any]]]
NOTHING: Mapping[str, Any] = {
    "status": None,
    "turns": [],
    "waiting": [],
    "runs": [],
    "versions": [],
    "moves": [],
}


async def see_nothing() -> Mapping[str, Any]:
    """For a playground without Mynah's home folder."""
    return NOTHING


class LoopWatch:
    """Looks, and tells the people at the page.

    Args:
        look: gives the document of `GET /play/loop`.
        log: of events.
    """

    def __init__(self, look: Look, log: EventLog) -> None:
        self._look = look
        self._log = log
        self._last: Mapping[str, Any] | None = None

    async def look(self) -> Mapping[str, Any]:
        """How things stand; nothing while the database cannot be read."""
        try:
            return await self._look()
        except Exception as error:  # noqa: BLE001 - the panel is a convenience, and the talk goes on without it
            logger.warning("the loop cannot be looked at", extra={"error": type(error).__name__})
            return NOTHING

    async def watch(self) -> None:
        """Tell of each change, until cancelled."""
        while True:
            seen = await self.look()
            if seen != self._last:
                self._last = seen
                self._log.add("PLAY_LOOP", seen)
            await asyncio.sleep(LOOK_SECONDS)
