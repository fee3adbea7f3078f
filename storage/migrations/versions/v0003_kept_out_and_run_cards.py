"""Messages kept out of learning for good, messages that show runs, and quotes that left with their words."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.kept_out import KEPT_OUT
from storage.run_quotes import without_quotes

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns, and bring the rows that are there to what a new one would have."""
    op.create_table(
        "kept_out",
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("kept_out_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("server", "message", name=op.f("pk_kept_out")),
    )
    op.create_table(
        "run_cards",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("is_announced", sa.Boolean(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("shows_quotes", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_cards")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_run_cards_announced",
        "run_cards",
        ["run_id", "server"],
        unique=True,
        sqlite_where=sa.text("is_announced"),
        postgresql_where=sa.text("is_announced"),
    )
    op.create_index("ix_run_cards_server_channel_id", "run_cards", ["server", "channel", "id"])
    op.add_column("snapshots", sa.Column("is_incomplete", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("runs", sa.Column("quotes_cleared", sa.Boolean(), nullable=False, server_default=sa.false()))
    _mark_what_was_kept_out()
    _clear_old_quotes()


def downgrade() -> None:
    """Drop them; what only they knew is lost."""
    op.drop_column("runs", "quotes_cleared")
    op.drop_column("snapshots", "is_incomplete")
    op.drop_table("run_cards")
    op.drop_table("kept_out")


_TURNS = sa.table(
    "turns",
    sa.column("server", sa.Text),
    sa.column("external_id", sa.Text),
    sa.column("outcome", sa.Text),
    sa.column("verdict", sa.JSON),
    sa.column("created_at", sa.DateTime(timezone=True)),
)
_KEPT_OUT = sa.table(
    "kept_out",
    sa.column("server", sa.Text),
    sa.column("message", sa.Text),
    sa.column("kept_out_by", sa.Text),
    sa.column("created_at", sa.DateTime(timezone=True)),
)
_RUNS = sa.table(
    "runs",
    sa.column("id", sa.Integer),
    sa.column("snapshot_hash", sa.Text),
    sa.column("report", sa.JSON(none_as_null=True)),
    sa.column("quotes_cleared", sa.Boolean),
)
_VERSIONS = sa.table("model_versions", sa.column("version", sa.Text), sa.column("snapshot_hash", sa.Text))
_SNAPSHOTS = sa.table("snapshots", sa.column("content_hash", sa.Text), sa.column("is_incomplete", sa.Boolean))


def _mark_what_was_kept_out() -> None:
    """So far only the verdict of a turn said so."""
    connection, turns = op.get_bind(), _TURNS.c
    rows = connection.execute(
        sa.select(turns.server, turns.external_id, turns.verdict, turns.created_at).where(
            turns.outcome == "refuse", turns.external_id.is_not(None)
        )
    ).all()
    marks = {
        (row.server, row.external_id): {
            "server": row.server,
            "message": row.external_id,
            "kept_out_by": "migration",
            "created_at": row.created_at,
        }
        for row in rows
        if KEPT_OUT in (row.verdict or {}).get("reasons", [])
    }
    if marks:
        connection.execute(sa.insert(_KEPT_OUT), list(marks.values()))


def _clear_old_quotes() -> None:
    """Examples that were deleted before today are still quoted."""
    connection = op.get_bind()
    op.execute(
        "UPDATE snapshots SET is_incomplete = (1 = 1) WHERE content_hash IN (SELECT lineage.snapshot_hash "
        "FROM snapshot_candidates AS lineage LEFT JOIN candidates ON candidates.id = lineage.candidate_id "
        "WHERE candidates.id IS NULL)"
    )
    broken = set(connection.scalars(sa.select(_SNAPSHOTS.c.content_hash).where(_SNAPSHOTS.c.is_incomplete)))
    versions = _versions_of(connection, broken)
    for row in connection.execute(sa.select(_RUNS.c.id, _RUNS.c.snapshot_hash, _RUNS.c.report)).all():
        report: Any = row.report
        if report is not None and (row.snapshot_hash in broken or report.get("champion") in versions):
            cleared = {"report": without_quotes(report), "quotes_cleared": True}
            connection.execute(sa.update(_RUNS).where(_RUNS.c.id == row.id).values(**cleared))


def _versions_of(connection: sa.Connection, snapshots: set[str]) -> set[str]:
    """The versions that were made from some snapshots."""
    rows = connection.execute(sa.select(_VERSIONS.c.version, _VERSIONS.c.snapshot_hash)).all()
    return {row.version for row in rows if row.snapshot_hash in snapshots}
