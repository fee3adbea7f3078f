"""What Alembic runs: on the connection that `storage.migrate` hands over, inside its transaction.

For a new step, `alembic -x url=sqlite:///scratch.db revision --autogenerate` compares a database at `HEAD` with the
tables. Logging is left as it is.
"""

from alembic import context
from sqlalchemy import Connection, create_engine

from storage.tables import Row


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Row.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


_given = context.config.attributes.get("connection")
if _given is not None:
    _migrate(_given)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).begin() as _own:
        _migrate(_own)
