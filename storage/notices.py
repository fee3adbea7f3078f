"""Word from one process to another that a table has changed: PostgreSQL's LISTEN and NOTIFY.

Promise: it only wakes, and never instead of looking. Whoever waits looks at the rows as soon as something may have changed, and after
a while in any case: a lost notice, a lost connection, or a database that tells nobody (SQLite) costs that while.
"""

import asyncio
import logging
from contextlib import suppress

from storage.database import EVERYTHING, Database
from storage.errors import MynahError

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0
"""After a lost connection."""


class Changes:
    """What one waiter wants to hear of."""

    def __init__(self, tables: frozenset[str]) -> None:
        self._tables = tables
        self._event = asyncio.Event()

    async def wait(self, seconds: float, *, stop: asyncio.Event | None = None) -> None:
        """Return when one of the tables may have changed since the last time, after so many seconds, or when `stop` is set."""
        waits = [asyncio.ensure_future(self._event.wait())]
        if stop is not None:
            waits.append(asyncio.ensure_future(stop.wait()))
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        self._event.clear()

    def heard(self, table: str) -> None:
        """Wake the waiter if it wants to hear of this table."""
        if table in self._tables or table == EVERYTHING:
            self._event.set()


class Notices:
    """All the waiters of one process, over one connection that is opened for the first of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiters: list[Changes] = []
        self._task: asyncio.Task[None] | None = None

    def of(self, *tables: str) -> Changes:
        """What a waiter waits with; it hears of changes from now on, in this process and in others."""
        changes = Changes(frozenset(tables))
        self._waiters.append(changes)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._listen(), name="notices")
        return changes

    async def close(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _listen(self) -> None:
        while True:
            try:
                await self._database.listen(self._heard)
            except MynahError as error:
                logger.warning("not listening for changes", extra={"error": type(error).__name__})
                await asyncio.sleep(AGAIN_SECONDS)
            else:  # a database that tells nobody
                return

    def _heard(self, table: str) -> None:
        for changes in self._waiters:
            changes.heard(table)
