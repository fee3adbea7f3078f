"""Snapshots, runs, model versions, and the names that point to them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, text
from sqlmodel import Field

from storage.columns import StorableText
from storage.tables.building import (
    NEVER_REUSE_IDS,
    Row,
    boolean_field,
    float_field,
    id_field,
    integer_field,
    json_field,
    text_field,
    time_field,
)


class SnapshotRow(Row, table=True):
    """The exact set of examples that one run used."""

    __tablename__ = "snapshots"

    content_hash: str = text_field(key=True)
    folder: str = text_field()
    train_examples: int = integer_field()
    heldout_examples: int = integer_field()
    created_at: datetime = time_field()
    line: str = text_field(default="")
    is_incomplete: bool = boolean_field(default=False)


class SnapshotCandidateRow(Row, table=True):
    """Lineage: which candidate a row of a snapshot was, also those deleted since; `position` counts the rows of its file."""

    __tablename__ = "snapshot_candidates"
    __table_args__ = (Index("ix_snapshot_candidates_candidate_id", "candidate_id"),)

    snapshot_hash: str = Field(
        sa_column=Column(StorableText, ForeignKey("snapshots.content_hash", ondelete="CASCADE"), primary_key=True)
    )
    position: int = integer_field(key=True)
    candidate_id: int = integer_field()


class SnapshotAuthorRow(Row, table=True):
    """Whose words a snapshot had: a receipt can name the versions even after the candidates are gone."""

    __tablename__ = "snapshot_authors"
    __table_args__ = (Index("ix_snapshot_authors_author_key", "author_key"),)

    snapshot_hash: str = Field(
        sa_column=Column(StorableText, ForeignKey("snapshots.content_hash", ondelete="CASCADE"), primary_key=True)
    )
    server: str = text_field(key=True)
    author_key: str = text_field(key=True)


class RunRow(Row, table=True):
    """One pass of the trainer."""

    __tablename__ = "runs"
    __table_args__ = (Index("ix_runs_state_id", "state", "id"), NEVER_REUSE_IDS)

    id: int = id_field()
    state: str = text_field()
    requested_by: str = text_field()
    progress: float = float_field()
    note: str = text_field()
    snapshot_hash: str | None = text_field(optional=True)
    version: str | None = text_field(optional=True)
    report: dict[str, Any] | None = json_field(optional=True)
    newest_review_id: int = integer_field(default=0)
    cancel_requested: bool = boolean_field(default=False)
    created_at: datetime = time_field()
    updated_at: datetime = time_field()
    finished_at: datetime | None = time_field(optional=True)
    line: str = text_field(default="")
    quotes_cleared: bool = boolean_field(default=False)


class RunCardRow(Row, table=True):
    """A message that shows a run; without a message it is claimed, and about to be posted."""

    __tablename__ = "run_cards"
    __table_args__ = (
        Index(
            "ix_run_cards_announced",
            "run_id",
            "server",
            unique=True,
            sqlite_where=text("is_announced"),
            postgresql_where=text("is_announced"),
        ),
        Index("ix_run_cards_server_channel_id", "server", "channel", "id"),
        NEVER_REUSE_IDS,
    )

    id: int = id_field()
    run_id: int = integer_field()
    server: str = text_field()
    channel: str = text_field()
    message: str | None = text_field(optional=True)
    is_announced: bool = boolean_field()
    is_open: bool = boolean_field(default=True)
    shows_quotes: bool = boolean_field(default=False)
    problem: str = text_field(default="")
    created_at: datetime = time_field()


class EvaluationRow(Row, table=True):
    """Figures of a version on a set; a figure that is no number (a diverged model) is NULL."""

    __tablename__ = "evaluations"
    __table_args__ = (Index("ix_evaluations_version_id", "version", "id"), NEVER_REUSE_IDS)

    id: int = id_field()
    run_id: int | None = integer_field(optional=True)
    version: str = text_field()
    set_name: str = text_field()
    items: int = integer_field()
    tokens: int = integer_field()
    perplexity: float | None = float_field(optional=True)
    token_accuracy: float | None = float_field(optional=True)
    bits_per_byte: float | None = float_field(optional=True)
    created_at: datetime = time_field()


class ModelVersionRow(Row, table=True):
    """A model folder in the registry."""

    __tablename__ = "model_versions"
    __table_args__ = (Index("ix_model_versions_snapshot_hash", "snapshot_hash"),)

    version: str = text_field(key=True)
    content_hash: str = text_field()
    kind: str = text_field()
    base: str | None = text_field(optional=True)
    parent: str | None = text_field(optional=True)
    snapshot_hash: str | None = text_field(optional=True)
    run_id: int | None = integer_field(optional=True)
    created_at: datetime = time_field()
    note: str = text_field()


class RecallMeasureRow(Row, table=True):
    """Whether recalled exchanges help a base; its newest measurement."""

    __tablename__ = "recall_measures"

    base_hash: str = text_field(key=True)
    """The base's content hash."""
    helps: bool = boolean_field()
    figures: dict[str, Any] = json_field()
    measured_at: datetime = time_field()


class AliasChangeRow(Row, table=True):
    """One move of an alias."""

    __tablename__ = "alias_changes"
    __table_args__ = (Index("ix_alias_changes_line_alias_id", "line", "alias", "id"), NEVER_REUSE_IDS)

    id: int = id_field()
    alias: str = text_field()
    action: str = text_field()
    from_version: str | None = text_field(optional=True)
    to_version: str | None = text_field(optional=True)
    actor: str = text_field()
    reason: str = text_field()
    created_at: datetime = time_field()
    line: str = text_field(default="")


class CanaryRow(Row, table=True):
    """A version that answers a share of a line's channels until it is decided; at most one is open on a line."""

    __tablename__ = "canaries"
    __table_args__ = (
        Index(
            "ix_canaries_open",
            "line",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        NEVER_REUSE_IDS,
    )

    id: int = id_field()
    line: str = text_field()
    version: str = text_field()
    champion: str | None = text_field(optional=True)
    share: float = float_field()
    started_by: str = text_field()
    started_at: datetime = time_field()
    ended_at: datetime | None = time_field(optional=True)
    ended_by: str | None = text_field(optional=True)
    outcome: str | None = text_field(optional=True)
    figures: dict[str, Any] | None = json_field(optional=True)
