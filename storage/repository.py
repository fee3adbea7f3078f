"""What every repository stands on: reads, writes and the time."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy import Executable
from sqlalchemy.orm import Session

from storage.database import Database, Work
from storage.server_settings import ServerSettings
from storage.writer import Writer

T = TypeVar("T")


class Repository:
    """Runs units of work for one group of tables.

    Args:
        database: reads go here, each in a session of its own.
        writer: writes go here, to share commits.
        clock: the time, aware.
        defaults: what holds for a server that chose nothing.
    """

    def __init__(
        self, database: Database, writer: Writer, clock: Callable[[], datetime], defaults: ServerSettings
    ) -> None:
        self._database = database
        self._writer = writer
        self._clock = clock
        self._defaults = defaults

    async def _read(self, work: Work[T]) -> T:
        return await self._database.read(work)

    async def _write(self, work: Work[T]) -> T:
        return await self._writer.write(work)

    async def _execute(self, statement: Executable) -> None:
        """Write what one statement says."""

        def work(session: Session) -> None:
            session.execute(statement)

        await self._write(work)


def chunks(items: Iterable[T], size: int = 500) -> Iterator[list[T]]:
    """The items in lists short enough to be parameters of one statement."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
