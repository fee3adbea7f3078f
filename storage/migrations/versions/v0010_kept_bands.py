"""The bands of what snapshots take, by themselves: curation no longer reads past all that was left out."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and fill it with what is taken."""
    op.create_table(
        "kept_bands",
        sa.Column("candidate_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("band", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.id"], name=op.f("fk_kept_bands_candidate_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("candidate_id", "band", name=op.f("pk_kept_bands")),
    )
    op.execute(
        "INSERT INTO kept_bands (candidate_id, band) SELECT candidate_bands.candidate_id, candidate_bands.band "
        "FROM candidate_bands JOIN curations ON curations.candidate_id = candidate_bands.candidate_id "
        "WHERE curations.reason = ''"
    )
    op.create_index("ix_kept_bands_band_candidate_id", "kept_bands", ["band", "candidate_id"])


def downgrade() -> None:
    """Drop it; all of it follows from the other tables."""
    op.drop_table("kept_bands")
