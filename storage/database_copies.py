"""Whole copies of a database: made while others write, and put where none is.

SQLite's own online backup copies page by page and begins again when another process writes between two of them; where
that never ends, one step holds the writers off. Deleted rows stay in a SQLite file's free pages, so the copy is written
anew without them: what somebody had forgotten must not lie in an archive. PostgreSQL's copies are `pg_dump`'s. What the
rows mean is not known here. Everything blocks or waits for a program, and is called from one task.
"""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Protocol

from sqlalchemy import Column, Connection, Integer, MetaData, Table, text
from sqlalchemy.orm import Session

from storage.database import Database, SqliteDatabase
from storage.errors import MynahError, WrongUsage
from storage.faults import explain
from storage.postgres import PostgresDatabase
from storage.postgres_programs import PostgresPrograms

_PAGES_A_STEP = 2000
_PAUSE_SECONDS = 0.02
_PATIENCE_SECONDS = 60.0
_BETWEEN_TRIES_SECONDS = 0.001
_MOST_ROUNDS = 4
"""How many times as many steps as the database has before the copy is made in one."""

_MARK = Table("mynah_restoring", MetaData(), Column("nothing", Integer))
"""In PostgreSQL as long as a restore is under way, so that no other database is ever emptied."""
_DROP_FUNCTIONS = text("DROP FUNCTION IF EXISTS mynah_tell()")
"""What the migrations make besides tables: it outlives those that call it."""
_TABLES = text(
    "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
)


class DatabaseCopies(Protocol):
    """Copies of one database."""

    kind: str
    """`sqlite` or `postgresql`: a copy of one cannot be put into the other."""

    @property
    def address(self) -> str:
        """The database's, without its password."""
        ...

    async def copy(self, target: Path) -> None:
        """Write a copy to a file that does not exist.

        Raises:
            MynahError: the database is damaged, cannot be reached, or the programs for it are missing or too old.
        """
        ...

    async def check_unused(self) -> None:
        """Nothing, where a copy may be put.

        Raises:
            WrongUsage: there are tables, or somebody is connected.
        """
        ...

    async def fill(self, source: Path) -> None:
        """Put a copy into the empty database, whole or not at all."""
        ...

    async def empty(self) -> None:
        """Take everything out again that was put in; again is harmless.

        Raises:
            WrongUsage: what is there was not put in by a restore that is under way.
        """
        ...

    async def finished(self) -> None:
        """What was put in stays; again is harmless."""
        ...


class SqliteCopies:
    """Copies of a SQLite file."""

    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def address(self) -> str:
        """The file's."""
        return f"sqlite:///{self.path}"

    async def copy(self, target: Path) -> None:
        """Write a copy to a file that does not exist."""
        await asyncio.to_thread(self._copy, target)

    def _copy(self, target: Path) -> None:
        draft = target.with_name(f"{target.name}.pages")
        try:
            with (
                closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=rw", uri=True, timeout=0)) as source,
                closing(sqlite3.connect(draft)) as copy,
            ):
                _copy_pages(source, copy)
                [(state,)] = copy.execute("PRAGMA integrity_check(1)").fetchall()
                if state != "ok":
                    raise sqlite3.DatabaseError("malformed")
                copy.execute("VACUUM INTO ?", (str(target),))
        except sqlite3.Error as error:
            raise explain(error, self.address) from error
        finally:
            draft.unlink(missing_ok=True)

    async def check_unused(self) -> None:
        """Nothing, where there is no such file."""
        if self.path.exists():
            raise WrongUsage(
                f"There is a database already: {self.path}.",
                advice="Restore into an empty home, or move it aside first (with its -journal, if there is one).",
            )

    async def fill(self, source: Path) -> None:
        """Move a copy to its place."""
        await asyncio.to_thread(source.replace, self.path)

    async def empty(self) -> None:
        """Remove the file."""
        await asyncio.to_thread(self.path.unlink, missing_ok=True)

    async def finished(self) -> None:
        """Nothing is to be done."""


def _copy_pages(source: sqlite3.Connection, copy: sqlite3.Connection) -> None:
    """Copy in small steps, or in one if others write so often that small steps never come to an end."""
    steps = 0

    def watch(_: int, __: int, total: int) -> None:
        nonlocal steps
        steps += 1
        if steps > _MOST_ROUNDS * (total // _PAGES_A_STEP + 1):
            raise _TooLively

    try:
        source.backup(copy, pages=_PAGES_A_STEP, progress=watch, sleep=_PAUSE_SECONDS)
    except _TooLively:
        _hold_writers_off(source)
        source.backup(copy)
        source.execute("COMMIT")


def _hold_writers_off(source: sqlite3.Connection) -> None:
    """Begin to read: nobody commits until it ends. SQLite's own waiting asks too seldom to meet a busy writer's pauses."""
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            source.rollback()
            if "locked" not in str(error) or time.monotonic() > give_up_at:
                raise
            time.sleep(_BETWEEN_TRIES_SECONDS)
        else:
            return


class _TooLively(Exception):
    """Others write faster than small steps copy."""


class PostgresCopies:
    """Copies of a PostgreSQL database, by PostgreSQL's own programs."""

    kind = "postgresql"

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._programs = PostgresPrograms(database.address)

    @property
    def address(self) -> str:
        """The database's, without its password."""
        return self._database.url

    async def copy(self, target: Path) -> None:
        """Write a copy to a file that does not exist."""
        await asyncio.to_thread(self._programs.dump, target)

    async def check_unused(self) -> None:
        """Nothing, where the database has no tables and nobody else is connected."""
        tables, others = await self._database.read(_tables_and_others)
        if tables:
            raise WrongUsage(
                f"The database {self._database.url} is not empty.",
                advice="Restore into a new one: createdb, then name it in MYNAH_STORE__URL.",
            )
        if others:
            raise WrongUsage(
                f"Somebody is connected to the database {self._database.url}.",
                advice="Stop every bot and trainer on every machine first: they must not see half of it.",
            )

    async def fill(self, source: Path) -> None:
        """Put a copy into the empty database, in one transaction, beside a mark."""
        await self._database.migrate(lambda connection: _MARK.create(connection))
        await asyncio.to_thread(self._programs.restore, source)

    async def empty(self) -> None:
        """Drop every table; there were none before the mark."""
        await self._database.migrate(_drop_tables)

    async def finished(self) -> None:
        """Take the mark away."""
        await self._database.migrate(lambda connection: _MARK.drop(connection, checkfirst=True))


def _drop_tables(connection: Connection) -> None:
    found = MetaData()
    found.reflect(connection)
    if found.tables and _MARK.name not in found.tables:
        raise WrongUsage(
            "The database holds something that no interrupted restore put there.",
            advice="Name an empty one in MYNAH_STORE__URL.",
        )
    found.drop_all(connection)
    connection.execute(_DROP_FUNCTIONS)


def _tables_and_others(session: Session) -> tuple[int, int]:
    tables = len(session.execute(_TABLES).all())
    others = session.scalar(
        text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    )
    return tables, others or 0


def copies_of(database: Database) -> DatabaseCopies:
    """How copies of a database are made.

    Raises:
        MynahError: nobody knows how.
    """
    if isinstance(database, SqliteDatabase):
        return SqliteCopies(database.path)
    if isinstance(database, PostgresDatabase):
        return PostgresCopies(database)
    raise MynahError(f"{database.url} cannot be copied.")
