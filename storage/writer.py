"""The one writer of a process: writes that wait together share one commit.

Promise: `write` returns after its rows are on disk. A write that fails fails alone; a waiter that is cancelled takes
nobody with it (its own write is left out if it has not begun, and stands if it has).
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any, TypeVar

from storage.database import Database, Work
from storage.errors import MynahError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Work[Any]
    done: asyncio.Future[Any]


class Writer:
    """Takes writes from any task and commits them in groups, in the order they came.

    Args:
        database: where to.
        group_commit_rows: at most this many writes share one commit.
    """

    def __init__(self, database: Database, *, group_commit_rows: int) -> None:
        self._database = database
        self._group_commit_rows = group_commit_rows
        self._waiting: deque[_Waiting] = deque()
        self._something = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._run(), name="storage-writer")

    async def write(self, work: Work[T]) -> T:
        """Run work in a transaction, and give what it returned once that is on disk.

        Raises:
            DatabaseBusy: another process held the database for too long; nothing was written.
            MynahError: the store is closed.
        """
        if self._closing:
            raise MynahError("The store is closed.", advice="Nothing was written.")
        waiting = _Waiting(work, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._something.set()
        value: T = await waiting.done
        return value

    async def close(self) -> None:
        """Commit what waits, then stop."""
        self._closing = True
        self._something.set()
        await self._task

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            if not self._waiting:
                self._something.clear()
                await self._something.wait()
                continue
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._group_commit_rows))]
            await self._commit([waiting for waiting in group if not waiting.done.done()])

    async def _commit(self, group: list[_Waiting]) -> None:
        if not group:
            return
        try:
            outcomes = await self._database.write([waiting.work for waiting in group])
        except Exception as error:  # noqa: BLE001 - handed to those who wait for it
            for waiting in group:
                if not waiting.done.done():
                    waiting.done.set_exception(error)
            return
        for waiting, outcome in zip(group, outcomes, strict=True):
            if waiting.done.done():
                continue
            if outcome.error is None:
                waiting.done.set_result(outcome.value)
            else:
                waiting.done.set_exception(outcome.error)
