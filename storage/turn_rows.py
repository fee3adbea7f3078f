"""Turns between rows and values."""

from storage.tables import TurnRow
from storage.values import Role, Source, Turn, Verdict
from storage.verdicts import verdict_from_json, verdict_to_json


def turn_of(row: TurnRow) -> Turn:
    """A row as a value."""
    return Turn(
        id=row.id,
        conversation_id=row.conversation_id,
        role=Role(row.role),
        text=row.text,
        source=Source(row.source),
        verdict=verdict_from_json(row.outcome, row.screen_version, row.verdict),
        created_at=row.created_at,
        author_key=row.author_key,
        external_id=row.external_id,
        model_version=row.model_version,
        latency_seconds=row.latency_seconds,
        reply_to=row.reply_to,
    )


def set_verdict(row: TurnRow, verdict: Verdict) -> None:
    """Keep a verdict in a row."""
    row.outcome = verdict.outcome.value
    row.screen_version = verdict.screen_version
    row.verdict = verdict_to_json(verdict)
