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
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import URL, Connection, create_engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from storage.errors import WrongUsage
from storage.faults import explain

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

logger = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[Session], T]

_READERS = 4
_WRITE_LOCK = 0x6D796E6168  # "mynah": the key of PostgreSQL's advisory lock that every writer takes


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

    async def close(self) -> None:
        """Close every connection."""
        ...


def run_together(begun: Callable[[], AbstractContextManager[Session]], works: Sequence[Work[Any]]) -> list[Done]:
    """Run works in one transaction, so that each stands or falls alone.

    Most groups have no failure, so the first try does without savepoints, which cost more than a row. When a work
    raises, all is undone and done again with one savepoint each: a work must depend on its session alone.

    Args:
        begun: opens a session whose transaction holds the lock of the writers, and undoes what was not committed.
        works: what to run.

    Raises:
        Exception: the transaction could not begin or be committed; nothing of the group stands.
    """
    with begun() as session:
        try:
            values = [_run(session, work) for work in works]
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
            if len(works) == 1:
                return [Done(error=error)]
        else:
            session.commit()
            return [Done(value) for value in values]
    with begun() as session:
        outcomes = [_run_apart(session, work) for work in works]
        session.commit()
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
    except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
        savepoint.rollback()
        session.expunge_all()
        return Done(error=error)
    return Done(value)


def _explained(outcomes: list[Done], url: str) -> list[Done]:
    """The outcomes with driver errors told in our words; a programmer's error stays what it is."""
    return [Done(o.value, explain(o.error, url) if isinstance(o.error, DBAPIError) else o.error) for o in outcomes]


class SqliteDatabase:
    """SQLite with a rollback journal.

    Not WAL: the SQLite that ships with Python 3.11 can corrupt a WAL that two processes reset at once. The journal is
    truncated rather than deleted, since only then `synchronous=FULL` also makes the end of the transaction durable.
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

        return _explained(await self._in_thread(self._writer, lambda: run_together(begun, works)), self.url)

    async def migrate(self, upgrade: Callable[[Connection], None]) -> None:
        """Run schema changes in one transaction under the lock of the writers."""

        def run() -> None:
            with self._writing.begin() as connection:
                upgrade(connection)

        await self._in_thread(self._writer, run)

    async def _in_thread(self, threads: ThreadPoolExecutor, run: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, run)
        except SQLAlchemyError as error:
            raise self._told(error) from error

    def _told(self, error: SQLAlchemyError) -> Exception:
        told = explain(error, self.url)
        logger.warning("database error", extra={"database": self.url, "error": type(error).__name__})
        return told

    async def close(self) -> None:
        """Close every connection."""

        def shut() -> None:
            self._writer.shutdown()
            self._readers.shutdown()
            self._writing.dispose()
            self._reading.dispose()

        await asyncio.to_thread(shut)


class PostgresDatabase:
    """PostgreSQL over asyncpg; writers queue for one advisory lock, which makes them as orderly as SQLite's."""

    def __init__(self, url: URL, *, busy_timeout_seconds: float) -> None:
        try:
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
        self._url = url.render_as_string(hide_password=True)
        self._lock_timeout = text(f"SET LOCAL lock_timeout = {int(busy_timeout_seconds * 1000)}")

    @property
    def url(self) -> str:
        """The address without its password."""
        return self._url

    async def read(self, work: Work[T]) -> T:
        """Run work in a transaction of its own that only reads."""
        try:
            async with self._engine.connect() as connection:
                return await connection.run_sync(lambda bound: _read_with(bound, work))
        except (SQLAlchemyError, OSError) as error:
            raise self._told(error) from error

    async def write(self, works: Sequence[Work[Any]]) -> list[Done]:
        """Run works in one transaction, on disk when this returns; one that raises is undone alone."""
        try:
            async with self._engine.connect() as connection:
                return _explained(await connection.run_sync(self._write_with, works), self.url)
        except (SQLAlchemyError, OSError) as error:
            raise self._told(error) from error

    def _write_with(self, connection: Connection, works: Sequence[Work[Any]]) -> list[Done]:
        @contextmanager
        def begun() -> Iterator[Session]:
            with Session(connection) as session:
                self._lock(session.connection())
                yield session

        return run_together(begun, works)

    def _lock(self, connection: Connection) -> None:
        connection.execute(self._lock_timeout)
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITE_LOCK})

    async def migrate(self, upgrade: Callable[[Connection], None]) -> None:
        """Run schema changes in one transaction under the lock of the writers."""

        def run(connection: Connection) -> None:
            self._lock(connection)
            upgrade(connection)

        try:
            async with self._engine.begin() as connection:
                await connection.run_sync(run)
        except (SQLAlchemyError, OSError) as error:
            raise self._told(error) from error

    def _told(self, error: SQLAlchemyError | OSError) -> Exception:
        told = explain(error, self.url)
        logger.warning("database error", extra={"database": self.url, "error": type(error).__name__})
        return told

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _read_with(connection: Connection, work: Work[T]) -> T:
    with Session(connection) as session:
        return work(session)
