"""What was put before the model for a question, and on which bases that was measured to help."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "recalls",
        sa.Column("question_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("candidate_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["question_id"], ["turns.id"], name=op.f("fk_recalls_question_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("question_id", "candidate_id", name=op.f("pk_recalls")),
    )
    op.create_table(
        "recall_measures",
        sa.Column("base_hash", sa.Text(), nullable=False),
        sa.Column("helps", sa.Boolean(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("base_hash", name=op.f("pk_recall_measures")),
    )


def downgrade() -> None:
    """Drop them. Which answers were helped is then forgotten, so an older program may make candidates of them."""
    op.drop_table("recall_measures")
    op.drop_table("recalls")
