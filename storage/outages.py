"""Patience with a database server that went away, such as for a restart.

What is asked meanwhile waits and is tried again, until the server has been away for longer than the patience lasts; what
is asked after that fails at once, until the server is back. A server that was never reached is not waited for: its
address may be wrong, and whoever starts something wants to know.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from storage.faults import means_away

logger = logging.getLogger(__name__)

T = TypeVar("T")

_AGAIN_SECONDS = 0.25
"""Between two tries: a restart takes a second or two."""


class Outages:
    """Whether one server is there, and who waits for it.

    Args:
        patience_seconds: how long an outage is sat out.
    """

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._was_reached = False
        self._away_since: float | None = None

    async def outlast(self, act: Callable[[], Awaitable[T]]) -> T:
        """What `act` gives, tried again while the server is away; it must be something that may be done again.

        Raises:
            Exception: what the last try raised.
        """
        while True:
            try:
                value = await act()
            except Exception as error:
                if not means_away(error) or not self._waits(error):
                    raise
            else:
                self._is_here()
                return value
            await asyncio.sleep(_AGAIN_SECONDS)

    def _waits(self, error: Exception) -> bool:
        """Note that the server is away; whether it is worth waiting for."""
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            if self._was_reached:
                logger.warning("database away", extra={"error": type(error).__name__})
        return self._was_reached and now - self._away_since < self._patience_seconds

    def _is_here(self) -> None:
        if self._away_since is not None:
            seconds = time.monotonic() - self._away_since
            logger.info("database back", extra={"seconds": round(seconds, 1)})
        self._was_reached, self._away_since = True, None
