"""Curation that is kept: what became of each approved candidate, and since when an account exists.

The bands of near-duplicates are made anew: they are sharper, and the same on every server.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.similarity import Print
from storage.values import Message, Role

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ROWS_AT_ONCE = 500

_CANDIDATES = sa.table("candidates", sa.column("id", sa.Integer), sa.column("messages", sa.JSON))
_BANDS = sa.table("candidate_bands", sa.column("candidate_id", sa.Integer), sa.column("band", sa.BigInteger))


def upgrade() -> None:
    """Make the tables and columns, and the bands."""
    op.add_column("candidates", sa.Column("curated_under", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_candidates_state_curated_under_id", "candidates", ["state", "curated_under", "id"])
    op.drop_index("ix_candidate_authors_author_key", table_name="candidate_authors")
    op.create_index("ix_candidate_authors_author_key_candidate_id", "candidate_authors", ["author_key", "candidate_id"])
    op.add_column("consents", sa.Column("account_made_on", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "curations",
        sa.Column("candidate_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("screen_version", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("messages", sa.JSON(), nullable=True),
        sa.Column("cluster", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("first_cycle", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kept_cycle", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.id"], name=op.f("fk_curations_candidate_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("candidate_id", name=op.f("pk_curations")),
    )
    for column in ("digest", "cluster", "reason"):
        op.create_index(f"ix_curations_{column}", "curations", [column])
    _make_bands()


def downgrade() -> None:
    """Drop them; what only they knew is lost. Bands of this version find each other also in an older program."""
    op.drop_table("curations")
    op.drop_column("consents", "account_made_on")
    op.drop_index("ix_candidate_authors_author_key_candidate_id", table_name="candidate_authors")
    op.create_index("ix_candidate_authors_author_key", "candidate_authors", ["author_key"])
    op.drop_index("ix_candidates_state_curated_under_id", table_name="candidates")
    op.drop_column("candidates", "curated_under")


def _make_bands() -> None:
    connection = op.get_bind()
    connection.execute(sa.delete(_BANDS))
    for page in _pages():
        rows = [
            {"candidate_id": row.id, "band": band}
            for row in page
            for band in Print.of([Message(Role(one["role"]), one["text"]) for one in row.messages]).bands
        ]
        connection.execute(sa.insert(_BANDS), rows)


def _pages() -> Iterator[list[Any]]:
    newest = 0
    c = _CANDIDATES.c
    while True:
        query = sa.select(c.id, c.messages).where(c.id > newest).order_by(c.id).limit(_ROWS_AT_ONCE)
        page = list(op.get_bind().execute(query))
        if not page:
            return
        yield page
        newest = page[-1].id
