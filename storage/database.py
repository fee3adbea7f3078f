"""One open database: units of work in, their results out.

A unit of work is a plain function of a synchronous SQLAlchemy session. SQLite runs it in threads of its own (one that
writes, a few that read), so that a statement costs no hop between threads; PostgreSQL runs it on asyncpg through
SQLAlchemy's greenlets. Both allow one writing transaction at a time over all processes, so that a unit of work may
check and then write without a race. Knows nothing of what the work does.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from storage.faults import explain, means_away

logger = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[Session], T]

EVERYTHING = "*"
"""Stands for all tables, where some changes may have been missed."""
_READERS = 4


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one unit of work: its value, or its error."""

    value: Any = None
    error: Exception | None = None


class Database(Protocol):
    """Runs units of work; errors of the driver come out as errors of `storage.errors`."""

    @property
    def url(self) -> str:
        """The address without its password."""
        ...

    async def read(self, work: Work[T]) -> T:
        """Run work in a transaction of its own that only reads."""
        ...

    async def write(self, works: Sequence[Work[Any]]) -> list[Done]:
        """Run works in one transaction, on disk when this returns; one that raises is undone alone."""
        ...

    async def migrate(self, upgrade: Callable[[Connection], None]) -> None:
        """Run schema changes in one transaction under the lock of the writers."""
        ...

    async def listen(self, on_change: Callable[[str], None]) -> None:
        """Tell of each change of a table, by its name, until the task is cancelled; first of everything.

        Returns at once where the database tells nobody.

        Raises:
            MynahError: the connection is lost.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


def commit(session: Session, _: list[Done]) -> None:
    """End a transaction whose works went as told."""
    session.commit()


def run_together(
    begun: Callable[[], AbstractContextManager[Session]],
    works: Sequence[Work[Any]],
    end: Callable[[Session, list[Done]], None] = commit,
) -> list[Done]:
    """Run works in one transaction, so that each stands or falls alone.

    Most groups have no failure, so the first try does without savepoints, which cost more than a row. When a work
    raises, all is undone and done again with one savepoint each: a work must depend on its session alone.

    Args:
        begun: opens a session whose transaction holds the lock of the writers, and undoes what was not committed.
        works: what to run.
        end: commits a session, told what will have become of the works.

    Raises:
        Exception: the transaction could not begin or be committed, or the server went away. Nothing of the group stands,
            unless it went away while it committed.
    """
    with begun() as session:
        try:
            outcomes = [Done(_run(session, work)) for work in works]
        except Exception as error:
            if means_away(error):
                raise
            if len(works) == 1:
                return [Done(error=error)]
        else:
            end(session, outcomes)
            return outcomes
    with begun() as session:
        outcomes = [_run_apart(session, work) for work in works]
        end(session, outcomes)
        return outcomes


def _run(session: Session, work: Work[Any]) -> Any:
    value = work(session)
    session.flush()
    session.expunge_all()
    return value


def _run_apart(session: Session, work: Work[Any]) -> Done:
    savepoint = session.begin_nested()
    try:
        value = _run(session, work)
        savepoint.commit()
    except Exception as error:
        if means_away(error):
            raise
        savepoint.rollback()
        session.expunge_all()
        return Done(error=error)
    return Done(value)


def explained(outcomes: list[Done], url: str) -> list[Done]:
    """The outcomes with driver errors logged and told in our words; a programmer's error stays what it is."""
    return [Done(o.value, told(o.error, url) if isinstance(o.error, DBAPIError) else o.error) for o in outcomes]


def told(error: Exception, url: str) -> Exception:
    """A driver's error in our words, and a line in the log: every one passes here, since alarms count these lines."""
    in_our_words = explain(error, url)
    logger.warning("database error", extra={"database": url, "error": type(error).__name__})
    return in_our_words


class SqliteDatabase:
    """SQLite with a rollback journal.

    Not WAL: the SQLite that ships with Python 3.11 can corrupt a WAL that two processes reset at once. The journal is
    truncated rather than deleted, since only then `synchronous=FULL` also makes the end of the transaction durable.
    What is deleted is overwritten, which is the default of some builds only: forgotten words must not lie in free pages.
    """

    def __init__(self, path: Path, *, busy_timeout_seconds: float) -> None:
        self.path = path
        self._busy_timeout_seconds = busy_timeout_seconds
        self._writing = self._engine("BEGIN IMMEDIATE", read_only=False, connections=1)
        self._reading = self._engine("BEGIN", read_only=True, connections=_READERS)
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="storage-write")
        self._readers = ThreadPoolExecutor(max_workers=_READERS, thread_name_prefix="storage-read")

    @property
    def url(self) -> str:
        """The address, for people."""
        return f"sqlite:///{self.path}"

    def _engine(self, begin: str, *, read_only: bool, connections: int) -> Any:
        engine = create_engine(
            URL.create("sqlite", database=str(self.path)),
            hide_parameters=True,  # errors are logged, and parameters are people's words
            connect_args={
                "check_same_thread": False,
                "isolation_level": None,  # the driver must not begin transactions behind our back
                "timeout": self._busy_timeout_seconds,
            },
            pool_size=connections,
            max_overflow=0,
        )

        @event.listens_for(engine, "connect")
        def prepare(connection: Any, _: object) -> None:
            connection.execute("PRAGMA journal_mode=TRUNCATE")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA secure_delete=ON")
            if read_only:
                connection.execute("PRAGMA query_only=ON")

        @event.listens_for(engine, "begin")
        def begin_transaction(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    async def read(self, work: Work[T]) -> T:
        """Run work in a transaction of its own that only reads."""

        def run() -> T:
            with Session(self._reading) as session:
                return work(session)

        return await self._in_thread(self._readers, run)

    async def write(self, works: Sequence[Work[Any]]) -> list[Done]:
        """Run works in one transaction, on disk when this returns; one that raises is undone alone."""

        @contextmanager
        def begun() -> Iterator[Session]:
            with Session(self._writing) as session:
                session.connection()
                yield session

        return explained(await self._in_thread(self._writer, lambda: run_together(begun, works)), self.url)

    async def migrate(self, upgrade: Callable[[Connection], None]) -> None:
        """Run schema changes in one transaction under the lock of the writers."""

        def run() -> None:
            with self._writing.begin() as connection:
                upgrade(connection)

        await self._in_thread(self._writer, run)

    async def listen(self, on_change: Callable[[str], None]) -> None:
        """Return: it tells nobody."""

    async def _in_thread(self, threads: ThreadPoolExecutor, run: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, run)
        except SQLAlchemyError as error:
            raise told(error, self.url) from error

    async def close(self) -> None:
        """Close every connection."""

        def shut() -> None:
            self._writer.shutdown()
            self._readers.shutdown()
            self._writing.dispose()
            self._reading.dispose()

        await asyncio.to_thread(shut)
