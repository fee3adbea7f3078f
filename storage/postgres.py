"""PostgreSQL over asyncpg; writers queue for one advisory lock, which makes them as orderly as SQLite's.

Promise: a restart of the server, or a lost connection, loses no write and does none twice, as long as it takes no longer
than the patience. Each transaction that writes also writes its number into the row of this process; when the connection is
lost while a commit is on its way, that row says later whether it stands. The lock is taken before looking, so that the
lost transaction has ended by then.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL, BigInteger, Connection, TextClause, bindparam, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from storage.database import EVERYTHING, Done, Work, explained, run_together, told
from storage.errors import WrongUsage
from storage.faults import means_busy
from storage.outages import Outages

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

logger = logging.getLogger(__name__)

T = TypeVar("T")

_CHANNEL = "mynah"
"""Where the triggers of the tables tell of changes."""
_STILL_THERE_SECONDS = 30.0
"""So often a connection that only listens is asked whether it is alive."""
_LOCK = 0x6D796E6168
"""The word mynah: the key of the advisory lock that every writer takes."""

_BEGIN = text("SELECT pg_advisory_xact_lock(:key)")
_BEGIN_MARKED = text(
    "WITH begun AS MATERIALIZED (SELECT pg_advisory_xact_lock(:key))"
    " INSERT INTO commits (process, number, committed_at) SELECT :process, :number, now() FROM begun"
    " ON CONFLICT (process) DO UPDATE SET number = excluded.number, committed_at = excluded.committed_at"
).bindparams(bindparam("number", type_=BigInteger))
"""The same, and the number in the row of this process, in one trip to the server."""
_MARKED = text("SELECT number FROM commits WHERE process = :process")
_CLEAR_MARKS = text("DELETE FROM commits WHERE committed_at < now() - interval '7 days'")
"""Of processes that ended: none looks for its commit as late as that."""


@dataclass
class _Attempt:
    """Works on their way to the disk, over as many connections as it takes."""

    works: Sequence[Work[Any]]
    number: int
    outcomes: list[Done] | None = None
    """What will have become of them, from the moment on which their commit may have been sent."""


class PostgresDatabase:
    """One database of a PostgreSQL server.

    Args:
        url: its address, with asyncpg as the driver.
        busy_timeout_seconds: how long to wait for another writer, and for a connection.
        outage_seconds: how long to wait for a server that went away.
    """

    def __init__(self, url: URL, *, busy_timeout_seconds: float, outage_seconds: float = 0.0) -> None:
        try:
            from asyncpg import InterfaceError, PostgresError
            from sqlalchemy.ext.asyncio import create_async_engine

            self._engine: AsyncEngine = create_async_engine(
                url,
                hide_parameters=True,  # errors are logged, and parameters are people's words
                pool_pre_ping=True,
                connect_args={"timeout": max(busy_timeout_seconds, 1.0)},
            )
        except ImportError as error:
            raise WrongUsage(
                "PostgreSQL needs a driver that is not installed.",
                advice="Install it with: pip install 'mynah[postgres]'",
            ) from error
        self.address = url
        self._url = url.render_as_string(hide_password=True)
        self._lock_timeout = text(f"SET LOCAL lock_timeout = {int(busy_timeout_seconds * 1000)}")
        self._outages = Outages(outage_seconds)
        self._process = secrets.token_hex(8)
        self._commits = 0
        # A server that is starting or refuses the user says so while connecting, where SQLAlchemy leaves errors as they are.
        self._faults = (SQLAlchemyError, OSError, InterfaceError, PostgresError)

    @property
    def url(self) -> str:
        """The address without its password."""
        return self._url

    async def read(self, work: Work[T]) -> T:
        """Run work in a transaction of its own that only reads; again after a lost connection."""
        return await self._on_connection(lambda connection: _read_with(connection, work))

    async def write(self, works: Sequence[Work[Any]]) -> list[Done]:
        """Run works in one transaction, on disk when this returns; one that raises is undone alone.

        Raises:
            DatabaseBusy: another process held the database for too long; nothing was written.
            MynahError: the server went away for longer than the patience; when it went while it committed, the works may stand.
        """
        self._commits += 1
        attempt = _Attempt(works, self._commits)
        return explained(await self._on_connection(lambda connection: self._write_with(connection, attempt)), self.url)

    async def _on_connection(self, run: Callable[[Connection], T]) -> T:
        async def once() -> T:
            async with self._engine.connect() as connection:
                return await connection.run_sync(run)

        try:
            return await self._outages.outlast(once)
        except self._faults as error:
            raise told(error, self.url) from error

    def _write_with(self, connection: Connection, attempt: _Attempt) -> list[Done]:
        @contextmanager
        def begun() -> Iterator[Session]:
            with Session(connection) as session:
                self._lock(session.connection(), _BEGIN_MARKED, process=self._process, number=attempt.number)
                if attempt.number == 1:
                    session.execute(_CLEAR_MARKS)
                yield session

        def end(session: Session, outcomes: list[Done]) -> None:
            attempt.outcomes = outcomes
            session.commit()

        if attempt.outcomes is not None:
            if self._stands(connection, attempt.number):
                return attempt.outcomes
            attempt.outcomes = None
        return run_together(begun, attempt.works, end)

    def _stands(self, connection: Connection, number: int) -> bool:
        """Whether the commit of that number, whose connection was lost, came to be.

        Raises:
            ConnectionError: that cannot be said yet, since somebody holds the lock: it may be that very transaction.
        """
        with connection.begin():
            try:
                self._lock(connection)
            except SQLAlchemyError as error:
                if means_busy(error):
                    raise ConnectionError("a commit cannot be looked up") from error
                raise
            stands: bool = connection.scalar(_MARKED, {"process": self._process}) == number
        logger.info("commit looked up", extra={"stands": stands})
        return stands

    def _lock(self, connection: Connection, begin: TextClause = _BEGIN, **marks: object) -> None:
        connection.execute(self._lock_timeout)
        connection.execute(begin, {"key": _LOCK, **marks})

    async def migrate(self, upgrade: Callable[[Connection], None]) -> None:
        """Run schema changes in one transaction under the lock of the writers."""

        def run(connection: Connection) -> None:
            self._lock(connection)
            upgrade(connection)

        try:
            async with self._engine.begin() as connection:
                await connection.run_sync(run)
        except self._faults as error:
            raise told(error, self.url) from error

    async def listen(self, on_change: Callable[[str], None]) -> None:
        """Tell of each change of a table, by its name, until the task is cancelled; first of everything.

        Raises:
            MynahError: the connection is lost.
        """
        try:
            async with self._engine.connect() as connection:
                await _listen(connection, on_change)
        except self._faults as error:
            raise told(error, self.url) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _read_with(connection: Connection, work: Work[T]) -> T:
    with Session(connection) as session:
        return work(session)


async def _listen(connection: "AsyncConnection", on_change: Callable[[str], None]) -> None:
    ended = asyncio.Event()

    def heard(_connection: object, _process: int, _channel: str, table: object) -> None:
        on_change(str(table))

    listening: Any = (await connection.get_raw_connection()).driver_connection
    listening.add_termination_listener(lambda _: ended.set())
    try:
        await listening.add_listener(_CHANNEL, heard)
        on_change(EVERYTHING)
        while not await _is_set_within(ended, _STILL_THERE_SECONDS):
            await connection.execute(text("SELECT 1"))
            await connection.rollback()
        raise ConnectionResetError("the connection that listens ended")
    finally:
        await connection.invalidate()  # not for others: it would go on listening


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()
