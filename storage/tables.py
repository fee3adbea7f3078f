"""The tables. Only storage knows them; everyone else sees the plain values of `storage.values`.

Ids of SQLite tables are never used twice (`sqlite_autoincrement`): lineage must not point to a newer row that
inherited a deleted row's id. The migrations in `storage/migrations` are what makes these tables; a test compares both.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, text
from sqlmodel import Field, SQLModel

from storage.columns import StorableJson, StorableText, UtcDateTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
_NEVER_REUSE_IDS = {"sqlite_autoincrement": True}


def _id() -> Any:
    return Field(default=None, sa_column=Column(Integer, primary_key=True))


def _text(*, key: bool = False, optional: bool = False) -> Any:
    column: Column[str] = Column(StorableText, primary_key=key, nullable=optional)
    return Field(default=None, sa_column=column) if optional else Field(sa_column=column)


def _integer(*, key: bool = False, optional: bool = False, default: int | None = None) -> Any:
    column: Column[int] = Column(Integer, primary_key=key, nullable=optional, autoincrement=False)
    return Field(default=default, sa_column=column)


def _float(*, optional: bool = False) -> Any:
    return Field(default=None, sa_column=Column(Float, nullable=optional))


def _time(*, optional: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=optional))


def _json(*, optional: bool = False) -> Any:
    return Field(default=None, sa_column=Column(StorableJson, nullable=optional))


def _link(target: str, *, on_delete: str, key: bool = False, optional: bool = False) -> Any:
    column: Column[int] = Column(
        Integer, ForeignKey(target, ondelete=on_delete), primary_key=key, nullable=optional, autoincrement=False
    )
    return Field(default=None, sa_column=column)


class Row(SQLModel):
    """What every table shares: one metadata with names for its constraints, so that migrations can drop them."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


class ConversationRow(Row, table=True):
    """Turns in order; at most one is open in a channel."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index(
            "ix_conversations_open",
            "server",
            "channel",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        _NEVER_REUSE_IDS,
    )

    id: int = _id()
    server: str = _text()
    channel: str = _text()
    started_at: datetime = _time()
    closed_at: datetime | None = _time(optional=True)


class TurnRow(Row, table=True):
    """One message; `server` repeats the conversation's so that a face's message id is found by one index."""

    __tablename__ = "turns"
    __table_args__ = (
        Index("ix_turns_conversation_id_id", "conversation_id", "id"),
        Index("ix_turns_server_external_id_role", "server", "external_id", "role", unique=True),
        Index("ix_turns_author_key_id", "author_key", "id"),
        Index("ix_turns_reply_to", "reply_to"),
        _NEVER_REUSE_IDS,
    )

    id: int = _id()
    conversation_id: int = _link("conversations.id", on_delete="CASCADE")
    server: str = _text()
    role: str = _text()
    text: str = _text()
    source: str = _text()
    outcome: str = _text()
    screen_version: str = _text()
    verdict: dict[str, Any] = _json()
    author_key: str | None = _text(optional=True)
    external_id: str | None = _text(optional=True)
    model_version: str | None = _text(optional=True)
    latency_seconds: float | None = _float(optional=True)
    reply_to: int | None = _link("turns.id", on_delete="SET NULL", optional=True)
    created_at: datetime = _time()


class ConsentRow(Row, table=True):
    """A member's decision; the newest row of a server and member stands, the older ones are its history."""

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_author_key_server_id", "author_key", "server", "id"), _NEVER_REUSE_IDS)

    id: int = _id()
    server: str = _text()
    author_key: str = _text()
    allowed: bool = Field(sa_column=Column(Boolean, nullable=False))
    created_at: datetime = _time()


class VoteRow(Row, table=True):
    """A member's vote on an answer."""

    __tablename__ = "votes"
    __table_args__ = (Index("ix_votes_author_key", "author_key"),)

    turn_id: int = _link("turns.id", on_delete="CASCADE", key=True)
    author_key: str = _text(key=True)
    value: int = _integer()
    created_at: datetime = _time()


class CandidateRow(Row, table=True):
    """An exchange that could be learnt from."""

    __tablename__ = "candidates"
    __table_args__ = (
        Index("ix_candidates_state_id", "state", "id"),
        Index("ix_candidates_server_content_hash", "server", "content_hash", unique=True),
        _NEVER_REUSE_IDS,
    )

    id: int = _id()
    server: str = _text()
    channel: str = _text()
    source: str = _text()
    state: str = _text()
    messages: list[dict[str, str]] = _json()
    content_hash: str = _text()
    outcome: str = _text()
    screen_version: str = _text()
    verdict: dict[str, Any] = _json()
    user_turn_id: int | None = _integer(optional=True)
    assistant_turn_id: int | None = _integer(optional=True)
    created_at: datetime = _time()


class CandidateAuthorRow(Row, table=True):
    """Whose consent a candidate needs."""

    __tablename__ = "candidate_authors"
    __table_args__ = (Index("ix_candidate_authors_author_key", "author_key"),)

    candidate_id: int = _link("candidates.id", on_delete="CASCADE", key=True)
    author_key: str = _text(key=True)


class CandidateTurnRow(Row, table=True):
    """The turns whose words are in a candidate, its context included."""

    __tablename__ = "candidate_turns"
    __table_args__ = (Index("ix_candidate_turns_turn_id", "turn_id"),)

    candidate_id: int = _link("candidates.id", on_delete="CASCADE", key=True)
    turn_id: int = _link("turns.id", on_delete="CASCADE", key=True)


class ReviewRow(Row, table=True):
    """A moderator's decision; it outlives its candidate, so that ids of reviews keep counting."""

    __tablename__ = "reviews"
    __table_args__ = (Index("ix_reviews_candidate_id", "candidate_id"), _NEVER_REUSE_IDS)

    id: int = _id()
    candidate_id: int = _integer()
    reviewer_key: str = _text()
    decision: str = _text()
    reason: str = _text()
    created_at: datetime = _time()


class SnapshotRow(Row, table=True):
    """The exact set of examples that one run used."""

    __tablename__ = "snapshots"

    content_hash: str = _text(key=True)
    folder: str = _text()
    train_examples: int = _integer()
    heldout_examples: int = _integer()
    created_at: datetime = _time()


class SnapshotCandidateRow(Row, table=True):
    """Lineage: which candidates a snapshot had, also those deleted since."""

    __tablename__ = "snapshot_candidates"
    __table_args__ = (Index("ix_snapshot_candidates_candidate_id", "candidate_id"),)

    snapshot_hash: str = Field(
        sa_column=Column(StorableText, ForeignKey("snapshots.content_hash", ondelete="CASCADE"), primary_key=True)
    )
    position: int = _integer(key=True)
    candidate_id: int = _integer()


class SnapshotAuthorRow(Row, table=True):
    """Whose words a snapshot had: a receipt can name the versions even after the candidates are gone."""

    __tablename__ = "snapshot_authors"
    __table_args__ = (Index("ix_snapshot_authors_author_key", "author_key"),)

    snapshot_hash: str = Field(
        sa_column=Column(StorableText, ForeignKey("snapshots.content_hash", ondelete="CASCADE"), primary_key=True)
    )
    server: str = _text(key=True)
    author_key: str = _text(key=True)


class RunRow(Row, table=True):
    """One pass of the trainer."""

    __tablename__ = "runs"
    __table_args__ = (Index("ix_runs_state_id", "state", "id"), _NEVER_REUSE_IDS)

    id: int = _id()
    state: str = _text()
    requested_by: str = _text()
    progress: float = _float()
    note: str = _text()
    snapshot_hash: str | None = _text(optional=True)
    version: str | None = _text(optional=True)
    report: dict[str, Any] | None = _json(optional=True)
    newest_review_id: int = _integer(default=0)
    cancel_requested: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    created_at: datetime = _time()
    updated_at: datetime = _time()
    finished_at: datetime | None = _time(optional=True)


class EvaluationRow(Row, table=True):
    """Figures of a version on a set; a figure that is no number (a diverged model) is NULL."""

    __tablename__ = "evaluations"
    __table_args__ = (Index("ix_evaluations_version_id", "version", "id"), _NEVER_REUSE_IDS)

    id: int = _id()
    run_id: int | None = _integer(optional=True)
    version: str = _text()
    set_name: str = _text()
    items: int = _integer()
    tokens: int = _integer()
    perplexity: float | None = _float(optional=True)
    token_accuracy: float | None = _float(optional=True)
    bits_per_byte: float | None = _float(optional=True)
    created_at: datetime = _time()


class ModelVersionRow(Row, table=True):
    """A model folder in the registry."""

    __tablename__ = "model_versions"
    __table_args__ = (Index("ix_model_versions_snapshot_hash", "snapshot_hash"),)

    version: str = _text(key=True)
    content_hash: str = _text()
    kind: str = _text()
    base: str | None = _text(optional=True)
    parent: str | None = _text(optional=True)
    snapshot_hash: str | None = _text(optional=True)
    run_id: int | None = _integer(optional=True)
    created_at: datetime = _time()
    note: str = _text()


class AliasChangeRow(Row, table=True):
    """One move of an alias."""

    __tablename__ = "alias_changes"
    __table_args__ = (Index("ix_alias_changes_alias_id", "alias", "id"), _NEVER_REUSE_IDS)

    id: int = _id()
    alias: str = _text()
    action: str = _text()
    from_version: str | None = _text(optional=True)
    to_version: str | None = _text(optional=True)
    actor: str = _text()
    reason: str = _text()
    created_at: datetime = _time()


class AuditRow(Row, table=True):
    """Who did what, to what, when."""

    __tablename__ = "audit"
    __table_args__ = (_NEVER_REUSE_IDS,)

    id: int = _id()
    actor: str = _text()
    action: str = _text()
    subject: str = _text()
    details: dict[str, Any] = _json()
    created_at: datetime = _time()


class LeaseRow(Row, table=True):
    """Who does a piece of work, and until when."""

    __tablename__ = "leases"

    name: str = _text(key=True)
    holder: str = _text()
    expires_at: datetime = _time()
