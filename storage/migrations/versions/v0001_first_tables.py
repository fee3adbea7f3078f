"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "alias_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("from_version", sa.Text(), nullable=True),
        sa.Column("to_version", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alias_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alias_changes_alias_id", "alias_changes", ["alias", "id"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "candidates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("messages", sa.JSON(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("screen_version", sa.Text(), nullable=False),
        sa.Column("verdict", sa.JSON(), nullable=False),
        sa.Column("user_turn_id", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("assistant_turn_id", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candidates")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_candidates_server_content_hash", "candidates", ["server", "content_hash"], unique=True)
    op.create_index("ix_candidates_state_id", "candidates", ["state", "id"], unique=False)
    op.create_table(
        "consents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("author_key", sa.Text(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_consents_author_key_server_id", "consents", ["author_key", "server", "id"], unique=False)
    op.create_table(
        "conversations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_conversations_open",
        "conversations",
        ["server", "channel"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "evaluations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("set_name", sa.Text(), nullable=False),
        sa.Column("items", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tokens", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("perplexity", sa.Float(), nullable=True),
        sa.Column("token_accuracy", sa.Float(), nullable=True),
        sa.Column("bits_per_byte", sa.Float(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluations")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_evaluations_version_id", "evaluations", ["version", "id"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "model_versions",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=True),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("snapshot_hash", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_model_versions")),
    )
    op.create_index("ix_model_versions_snapshot_hash", "model_versions", ["snapshot_hash"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("candidate_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reviewer_key", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_reviews_candidate_id", "reviews", ["candidate_id"], unique=False)
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("snapshot_hash", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("newest_review_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_runs_state_id", "runs", ["state", "id"], unique=False)
    op.create_table(
        "snapshots",
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("train_examples", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("heldout_examples", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("content_hash", name=op.f("pk_snapshots")),
    )
    op.create_table(
        "candidate_authors",
        sa.Column("candidate_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("author_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.id"], name=op.f("fk_candidate_authors_candidate_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("candidate_id", "author_key", name=op.f("pk_candidate_authors")),
    )
    op.create_index("ix_candidate_authors_author_key", "candidate_authors", ["author_key"], unique=False)
    op.create_table(
        "snapshot_authors",
        sa.Column("snapshot_hash", sa.Text(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("author_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_hash"],
            ["snapshots.content_hash"],
            name=op.f("fk_snapshot_authors_snapshot_hash"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("snapshot_hash", "server", "author_key", name=op.f("pk_snapshot_authors")),
    )
    op.create_index("ix_snapshot_authors_author_key", "snapshot_authors", ["author_key"], unique=False)
    op.create_table(
        "snapshot_candidates",
        sa.Column("snapshot_hash", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("candidate_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_hash"],
            ["snapshots.content_hash"],
            name=op.f("fk_snapshot_candidates_snapshot_hash"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("snapshot_hash", "position", name=op.f("pk_snapshot_candidates")),
    )
    op.create_index("ix_snapshot_candidates_candidate_id", "snapshot_candidates", ["candidate_id"], unique=False)
    op.create_table(
        "turns",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("screen_version", sa.Text(), nullable=False),
        sa.Column("verdict", sa.JSON(), nullable=False),
        sa.Column("author_key", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("model_version", sa.Text(), nullable=True),
        sa.Column("latency_seconds", sa.Float(), nullable=True),
        sa.Column("reply_to", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_turns_conversation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["reply_to"], ["turns.id"], name=op.f("fk_turns_reply_to"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turns")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_turns_author_key_id", "turns", ["author_key", "id"], unique=False)
    op.create_index("ix_turns_conversation_id_id", "turns", ["conversation_id", "id"], unique=False)
    op.create_index("ix_turns_reply_to", "turns", ["reply_to"], unique=False)
    op.create_index("ix_turns_server_external_id_role", "turns", ["server", "external_id", "role"], unique=True)
    op.create_table(
        "candidate_turns",
        sa.Column("candidate_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("turn_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.id"], name=op.f("fk_candidate_turns_candidate_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name=op.f("fk_candidate_turns_turn_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("candidate_id", "turn_id", name=op.f("pk_candidate_turns")),
    )
    op.create_index("ix_candidate_turns_turn_id", "candidate_turns", ["turn_id"], unique=False)
    op.create_table(
        "votes",
        sa.Column("turn_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("author_key", sa.Text(), nullable=False),
        sa.Column("value", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name=op.f("fk_votes_turn_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("turn_id", "author_key", name=op.f("pk_votes")),
    )
    op.create_index("ix_votes_author_key", "votes", ["author_key"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_votes_author_key", table_name="votes")
    op.drop_table("votes")
    op.drop_index("ix_candidate_turns_turn_id", table_name="candidate_turns")
    op.drop_table("candidate_turns")
    op.drop_index("ix_turns_server_external_id_role", table_name="turns")
    op.drop_index("ix_turns_reply_to", table_name="turns")
    op.drop_index("ix_turns_conversation_id_id", table_name="turns")
    op.drop_index("ix_turns_author_key_id", table_name="turns")
    op.drop_table("turns")
    op.drop_index("ix_snapshot_candidates_candidate_id", table_name="snapshot_candidates")
    op.drop_table("snapshot_candidates")
    op.drop_index("ix_snapshot_authors_author_key", table_name="snapshot_authors")
    op.drop_table("snapshot_authors")
    op.drop_index("ix_candidate_authors_author_key", table_name="candidate_authors")
    op.drop_table("candidate_authors")
    op.drop_table("snapshots")
    op.drop_index("ix_runs_state_id", table_name="runs")
    op.drop_table("runs")
    op.drop_index("ix_reviews_candidate_id", table_name="reviews")
    op.drop_table("reviews")
    op.drop_index("ix_model_versions_snapshot_hash", table_name="model_versions")
    op.drop_table("model_versions")
    op.drop_table("leases")
    op.drop_index("ix_evaluations_version_id", table_name="evaluations")
    op.drop_table("evaluations")
    op.drop_index(
        "ix_conversations_open",
        table_name="conversations",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_table("conversations")
    op.drop_index("ix_consents_author_key_server_id", table_name="consents")
    op.drop_table("consents")
    op.drop_index("ix_candidates_state_id", table_name="candidates")
    op.drop_index("ix_candidates_server_content_hash", table_name="candidates")
    op.drop_table("candidates")
    op.drop_table("audit")
    op.drop_index("ix_alias_changes_alias_id", table_name="alias_changes")
    op.drop_table("alias_changes")
