import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from storage.database import Database
from storage.migrate import MIGRATIONS
from storage.migrations import HEAD
from storage.store import Store
from storage.tables import Row


async def _with_connection(database: Database, look: Callable[[Connection], Any]) -> Any:
    return await database.read(lambda session: look(session.connection()))


async def test_the_migrations_make_just_the_tables_that_the_program_knows(store: Store) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Row.metadata))

    assert await _with_connection(store._database, differences) == []


def test_the_head_named_in_the_program_is_the_head_of_the_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_ids_are_never_used_twice(migrated_home: Path) -> None:
    with contextlib.closing(sqlite3.connect(migrated_home / "mynah.db")) as database:
        made = dict(database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    for name, table in Row.metadata.tables.items():
        if "id" in table.columns:
            assert "AUTOINCREMENT" in made[name], name
