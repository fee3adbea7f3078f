"""PostgreSQL tells whoever listens that routes or runs have changed; SQLite has nobody to tell."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TELLING = {
    "alias_changes": "INSERT",
    "canaries": "INSERT OR UPDATE OR DELETE",
    "server_settings": "INSERT OR UPDATE OR DELETE",
    "runs": "INSERT",
}


def upgrade() -> None:
    """Make a trigger for each table: one that no writer can forget."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        "CREATE FUNCTION mynah_tell() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN PERFORM pg_notify('mynah', TG_TABLE_NAME); RETURN NULL; END $$"
    )
    for table, changes in _TELLING.items():
        op.execute(
            f"CREATE TRIGGER mynah_tell AFTER {changes} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION mynah_tell()"
        )


def downgrade() -> None:
    """Drop them."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in _TELLING:
        op.execute(f"DROP TRIGGER mynah_tell ON {table}")
    op.execute("DROP FUNCTION mynah_tell()")
