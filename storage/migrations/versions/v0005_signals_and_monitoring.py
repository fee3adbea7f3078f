"""What members said next, by answer instead of by candidate; and how versions wear, by day.

Who said the hints that candidates had is not known any more: those go with the answer only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COUNTS = (
    *("answers", "held", "refused", "asked", "asked_held", "asked_refused", "votes_up", "votes_down"),
    *("thanked", "corrected", "asked_again", "went_on", "left"),
)


def upgrade() -> None:
    """Make the tables, and take over the hints."""
    op.create_table(
        "signals",
        sa.Column("turn_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("said_turn_id", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name=op.f("fk_signals_turn_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["said_turn_id"], ["turns.id"], name=op.f("fk_signals_said_turn_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("turn_id", name=op.f("pk_signals")),
    )
    op.create_index("ix_signals_said_turn_id", "signals", ["said_turn_id"])
    op.execute(
        "INSERT INTO signals (turn_id, kind, created_at) "
        "SELECT turns.id, MIN(candidates.feedback), MIN(turns.created_at) FROM candidates "
        "JOIN turns ON turns.id = candidates.assistant_turn_id WHERE candidates.feedback <> '' GROUP BY turns.id"
    )
    op.drop_column("candidates", "feedback")
    op.create_table(
        "monitored_days",
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), autoincrement=False, nullable=False) for name in _COUNTS),
        *(sa.Column(name, sa.Integer(), autoincrement=False, nullable=True) for name in ("items", "tokens")),
        *(sa.Column(name, sa.Float(), nullable=True) for name in ("nats", "loss_sum", "loss_squares")),
        sa.Column("measures", sa.JSON(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("line", "version", "day", name=op.f("pk_monitored_days")),
    )
    op.create_table(
        "proposals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("after_run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_proposals_line_after_run", "proposals", ["line", "after_run"], unique=True)
    op.create_table(
        "proposal_notes",
        sa.Column("proposal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposals.id"], name=op.f("fk_proposal_notes_proposal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("proposal_id", "server", name=op.f("pk_proposal_notes")),
    )


def downgrade() -> None:
    """Give the hints back to the candidates that an older program knows them of; the figures are lost."""
    for table in ("proposal_notes", "proposals", "monitored_days"):
        op.drop_table(table)
    op.add_column("candidates", sa.Column("feedback", sa.Text(), nullable=False, server_default=""))
    op.execute(
        "UPDATE candidates SET feedback = COALESCE((SELECT kind FROM signals "
        "WHERE signals.turn_id = candidates.assistant_turn_id AND kind <> 'went-on'), '')"
    )
    op.drop_table("signals")
