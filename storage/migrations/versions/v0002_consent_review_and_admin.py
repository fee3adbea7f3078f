"""Consent, review and admin work inside Discord: settings of servers, quorum and undo, lines, canaries, receipts.

Tables are only added to, never made anew: SQLite would drop the old one, and its children with it.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.similarity import prompt_of, reply_of, word_keys
from storage.values import Message, Role

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROWS_AT_ONCE = 500


def upgrade() -> None:
    """Make the new tables and columns, and fill them; the bands of near-duplicates are filled by the next step."""
    _add_columns()
    _make_tables_of_people()
    _make_tables_of_examples()
    op.create_table(
        "canaries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("champion", sa.Text(), nullable=True),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("figures", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canaries")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_canaries_open",
        "canaries",
        ["line"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    _fill()


def downgrade() -> None:
    """Drop them; what only they knew is lost."""
    for table in (
        "canaries",
        "review_cards",
        "revisions",
        "candidate_words",
        "candidate_bands",
        "candidate_origins",
        "receipts",
        "blocks",
        "first_contacts",
        "server_settings",
    ):
        op.drop_table(table)
    op.drop_index("ix_reviews_reviewer_key_id", table_name="reviews")
    op.drop_index("ix_reviews_server_created_at", table_name="reviews")
    op.drop_index("ix_turns_model_version_created_at", table_name="turns")
    op.drop_index("ix_turns_server_created_at", table_name="turns")
    op.drop_index("ix_candidates_assistant_turn_id", table_name="candidates")
    op.drop_index("ix_candidates_server_state_review_rank_id", table_name="candidates")
    op.drop_index("ix_candidates_server_content_hash_authors_hash", table_name="candidates")
    op.execute("DELETE FROM candidates WHERE id NOT IN (SELECT MIN(id) FROM candidates GROUP BY server, content_hash)")
    op.create_index("ix_candidates_server_content_hash", "candidates", ["server", "content_hash"], unique=True)
    op.drop_index("ix_alias_changes_line_alias_id", table_name="alias_changes")
    op.create_index("ix_alias_changes_alias_id", "alias_changes", ["alias", "id"], unique=False)
    op.drop_index("ix_audit_server_id", table_name="audit")
    op.drop_index("ix_audit_action_id", table_name="audit")
    for table, columns in (
        ("candidates", ("authors_hash", "feedback", "is_novel", "review_rank")),
        ("reviews", ("server", "batch", "undone_at")),
        ("snapshots", ("line",)),
        ("runs", ("line",)),
        ("alias_changes", ("line",)),
        ("audit", ("server",)),
    ):
        for column in columns:
            op.drop_column(table, column)


def _add_columns() -> None:
    candidates: tuple[sa.Column[Any], ...] = (
        sa.Column("authors_hash", sa.Text(), nullable=False, server_default=""),
        sa.Column("feedback", sa.Text(), nullable=False, server_default=""),
        sa.Column("is_novel", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("review_rank", sa.Integer(), nullable=False, server_default="0"),
    )
    for column in candidates:
        op.add_column("candidates", column)
    reviews: tuple[sa.Column[Any], ...] = (
        sa.Column("server", sa.Text(), nullable=False, server_default=""),
        sa.Column("batch", sa.Integer(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
    )
    for column in reviews:
        op.add_column("reviews", column)
    for table in ("snapshots", "runs", "alias_changes"):
        op.add_column(table, sa.Column("line", sa.Text(), nullable=False, server_default=""))
    op.add_column("audit", sa.Column("server", sa.Text(), nullable=True))
    op.drop_index("ix_candidates_server_content_hash", table_name="candidates")
    op.create_index("ix_candidates_server_state_review_rank_id", "candidates", ["server", "state", "review_rank", "id"])
    op.create_index("ix_candidates_assistant_turn_id", "candidates", ["assistant_turn_id"])
    op.create_index("ix_reviews_reviewer_key_id", "reviews", ["reviewer_key", "id"])
    op.create_index("ix_reviews_server_created_at", "reviews", ["server", "created_at"])
    op.create_index("ix_turns_model_version_created_at", "turns", ["model_version", "created_at"])
    op.create_index("ix_turns_server_created_at", "turns", ["server", "created_at"])
    op.drop_index("ix_alias_changes_alias_id", table_name="alias_changes")
    op.create_index("ix_alias_changes_line_alias_id", "alias_changes", ["line", "alias", "id"])
    op.create_index("ix_audit_server_id", "audit", ["server", "id"])
    op.create_index("ix_audit_action_id", "audit", ["action", "id"])


def _make_tables_of_people() -> None:
    op.create_table(
        "server_settings",
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("server", "name", name=op.f("pk_server_settings")),
    )
    op.create_table(
        "first_contacts",
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("author_key", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("server", "author_key", name=op.f("pk_first_contacts")),
    )
    op.create_index("ix_first_contacts_author_key", "first_contacts", ["author_key"])
    op.create_table(
        "blocks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("author_key", sa.Text(), nullable=False),
        sa.Column("blocked_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocks")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_blocks_author_key_server", "blocks", ["author_key", "server"])
    op.create_table(
        "receipts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("author_key", sa.Text(), nullable=False),
        sa.Column("notify_id", sa.Text(), nullable=True),
        sa.Column("turns", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("candidates", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("votes", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clean_version", sa.Text(), nullable=True),
        sa.Column("clean_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_receipts_author_key_id", "receipts", ["author_key", "id"])


def _make_tables_of_examples() -> None:
    for table, column in (("candidate_bands", "band"), ("candidate_words", "word")):
        op.create_table(
            table,
            sa.Column("candidate_id", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column(column, sa.BigInteger(), autoincrement=False, nullable=False),
            sa.ForeignKeyConstraint(
                ["candidate_id"], ["candidates.id"], name=op.f(f"fk_{table}_candidate_id"), ondelete="CASCADE"
            ),
            sa.PrimaryKeyConstraint("candidate_id", column, name=op.f(f"pk_{table}")),
        )
        op.create_index(f"ix_{table}_{column}_candidate_id", table, [column, "candidate_id"])
    op.create_table(
        "candidate_origins",
        sa.Column("candidate_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("turn_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("author_key", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.id"], name=op.f("fk_candidate_origins_candidate_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("candidate_id", "turn_id", name=op.f("pk_candidate_origins")),
    )
    op.create_index("ix_candidate_origins_server_external_id", "candidate_origins", ["server", "external_id"])
    op.create_index("ix_candidate_origins_author_key", "candidate_origins", ["author_key"])
    op.create_table(
        "revisions",
        sa.Column("review_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("candidate_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.id"], name=op.f("fk_revisions_candidate_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("review_id", name=op.f("pk_revisions")),
    )
    op.create_index("ix_revisions_candidate_id", "revisions", ["candidate_id"])
    op.create_table(
        "review_cards",
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("candidate_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shown_state", sa.Text(), nullable=False),
        sa.Column("shown_hash", sa.Text(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("message", name=op.f("pk_review_cards")),
    )
    op.create_index("ix_review_cards_candidate_id", "review_cards", ["candidate_id"])
    op.create_index("ix_review_cards_server", "review_cards", ["server"])


_CANDIDATES = sa.table(
    "candidates",
    sa.column("id", sa.Integer),
    sa.column("server", sa.Text),
    sa.column("state", sa.Text),
    sa.column("messages", sa.JSON),
    sa.column("authors_hash", sa.Text),
    sa.column("review_rank", sa.Integer),
    sa.column("created_at", sa.DateTime(timezone=True)),
)
_AUTHORS = sa.table("candidate_authors", sa.column("candidate_id", sa.Integer), sa.column("author_key", sa.Text))
_WORDS = sa.table("candidate_words", sa.column("candidate_id", sa.Integer), sa.column("word", sa.BigInteger))


def _fill() -> None:
    """Bring the rows that are there to what a new one would have."""
    op.execute(
        "UPDATE reviews SET server = (SELECT candidates.server FROM candidates WHERE candidates.id = reviews.candidate_id)"
        " WHERE EXISTS (SELECT 1 FROM candidates WHERE candidates.id = reviews.candidate_id)"
    )
    for page in _pages():
        for row in page:
            _fill_candidate(row)
    op.create_index(
        "ix_candidates_server_content_hash_authors_hash",
        "candidates",
        ["server", "content_hash", "authors_hash"],
        unique=True,
    )


def _pages() -> Iterator[list[Any]]:
    newest = 0
    c = _CANDIDATES.c
    while True:
        page = list(
            op.get_bind().execute(
                sa.select(c.id, c.server, c.state, c.messages, c.created_at)
                .where(c.id > newest)
                .order_by(c.id)
                .limit(_ROWS_AT_ONCE)
            )
        )
        if not page:
            return
        yield page
        newest = page[-1].id


def _hours(created_at: datetime) -> int:
    """The place in the queue of what only waited: the oldest first."""
    return int((created_at.replace(tzinfo=UTC) - datetime(2020, 1, 1, tzinfo=UTC)).total_seconds() // 3600)


def _fill_candidate(row: Any) -> None:
    connection = op.get_bind()
    keys = connection.scalars(sa.select(_AUTHORS.c.author_key).where(_AUTHORS.c.candidate_id == row.id)).all()
    authors = hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest() if keys else ""
    messages = [Message(Role(message["role"]), message["text"]) for message in row.messages]
    connection.execute(
        sa.update(_CANDIDATES)
        .where(_CANDIDATES.c.id == row.id)
        .values(authors_hash=authors, review_rank=_hours(row.created_at))
    )
    if row.state == "approved":
        text = f"{prompt_of(messages)} {reply_of(messages)}"
        words = [{"candidate_id": row.id, "word": word} for word in word_keys(row.server, text)]
        if words:
            connection.execute(sa.insert(_WORDS), words)
