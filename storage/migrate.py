"""Brings a database to the tables this program knows.

Alembic is imported only when there is something to do: looking at the version first makes a second start fast.
Bot and trainer may start together: the look and the upgrade happen under the lock that all writers take.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from storage.database import Database
from storage.errors import MynahError
from storage.migrations import HEAD

MIGRATIONS = Path(__file__).with_name("migrations")


async def migrate(database: Database) -> None:
    """Upgrade the database to `HEAD`, or leave it be if it is there.

    Raises:
        MynahError: a newer Mynah made it, or it cannot be reached.
    """
    if await database.read(_found) != HEAD:
        await database.migrate(lambda connection: upgrade(connection, database.url))


def upgrade(connection: Connection, url: str = "") -> None:
    """Run the missing migrations in the connection's transaction.

    Raises:
        MynahError: the database is at a version that this program does not know.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    found = _version(connection)
    if found is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(found)
        except CommandError as error:
            raise MynahError(
                f"The database {url} was made by a newer Mynah (its version is {found!r}).", advice="Upgrade Mynah."
            ) from error
    command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _found(session: Session) -> str | None:
    """The version, without the catalogue queries of an inspection when all is well."""
    try:
        found: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
    except (OperationalError, ProgrammingError) as error:
        words = str(error.orig).lower()
        if "no such table" in words or "does not exist" in words:
            return None
        raise
    return found
