"""How versions wear: figures by day, and the retrains that were proposed because of them. Numbers only, never words."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index

from storage.tables.building import (
    NEVER_REUSE_IDS,
    Row,
    float_field,
    id_field,
    integer_field,
    json_field,
    link_field,
    text_field,
    time_field,
)


class MonitoredDayRow(Row, table=True):
    """What was seen of a version on one line on one day (UTC); see `storage.monitoring_values`."""

    __tablename__ = "monitored_days"

    line: str = text_field(key=True)
    version: str = text_field(key=True)
    day: str = text_field(key=True)
    """As `2026-01-31`."""
    answers: int = integer_field()
    held: int = integer_field()
    refused: int = integer_field()
    asked: int = integer_field()
    asked_held: int = integer_field()
    asked_refused: int = integer_field()
    votes_up: int = integer_field()
    votes_down: int = integer_field()
    thanked: int = integer_field()
    corrected: int = integer_field()
    asked_again: int = integer_field()
    went_on: int = integer_field()
    left: int = integer_field()
    items: int | None = integer_field(optional=True)
    tokens: int | None = integer_field(optional=True)
    nats: float | None = float_field(optional=True)
    loss_sum: float | None = float_field(optional=True)
    loss_squares: float | None = float_field(optional=True)
    measures: list[dict[str, Any]] = json_field()
    measured_at: datetime = time_field()


class ProposalRow(Row, table=True):
    """A retrain that was proposed, at most one between two runs of a line."""

    __tablename__ = "proposals"
    __table_args__ = (Index("ix_proposals_line_after_run", "line", "after_run", unique=True), NEVER_REUSE_IDS)

    id: int = id_field()
    line: str = text_field()
    version: str = text_field()
    after_run: int = integer_field()
    """The newest run of the line when it was proposed; 0: there was none."""
    reasons: list[str] = json_field()
    created_at: datetime = time_field()


class ProposalNoteRow(Row, table=True):
    """A server's admins are told of a proposal; claimed before it is posted, so that they are told once."""

    __tablename__ = "proposal_notes"

    proposal_id: int = link_field("proposals.id", on_delete="CASCADE", key=True)
    server: str = text_field(key=True)
    channel: str = text_field()
    created_at: datetime = time_field()
