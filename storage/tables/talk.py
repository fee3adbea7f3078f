"""Conversations, their turns, votes on them, and what was recalled for an answer."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text

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
        NEVER_REUSE_IDS,
    )

    id: int = id_field()
    server: str = text_field()
    channel: str = text_field()
    started_at: datetime = time_field()
    closed_at: datetime | None = time_field(optional=True)


class TurnRow(Row, table=True):
    """One message; `server` repeats the conversation's so that a face's message id is found by one index."""

    __tablename__ = "turns"
    __table_args__ = (
        Index("ix_turns_conversation_id_id", "conversation_id", "id"),
        Index("ix_turns_server_external_id_role", "server", "external_id", "role", unique=True),
        Index("ix_turns_author_key_id", "author_key", "id"),
        Index("ix_turns_reply_to", "reply_to"),
        Index("ix_turns_model_version_created_at", "model_version", "created_at"),
        Index("ix_turns_server_created_at", "server", "created_at"),
        NEVER_REUSE_IDS,
    )

    id: int = id_field()
    conversation_id: int = link_field("conversations.id", on_delete="CASCADE")
    server: str = text_field()
    role: str = text_field()
    text: str = text_field()
    source: str = text_field()
    outcome: str = text_field()
    screen_version: str = text_field()
    verdict: dict[str, Any] = json_field()
    author_key: str | None = text_field(optional=True)
    external_id: str | None = text_field(optional=True)
    model_version: str | None = text_field(optional=True)
    latency_seconds: float | None = float_field(optional=True)
    reply_to: int | None = link_field("turns.id", on_delete="SET NULL", optional=True)
    created_at: datetime = time_field()


class KeptOutRow(Row, table=True):
    """A message that somebody asked not to be learnt; it outlives its turn, so that no later row forgets it."""

    __tablename__ = "kept_out"

    server: str = text_field(key=True)
    message: str = text_field(key=True)
    kept_out_by: str = text_field()
    created_at: datetime = time_field()


class SignalRow(Row, table=True):
    """What the next words of whoever was answered say about the answer: their kind, never the words.

    It goes with either message.
    """

    __tablename__ = "signals"
    __table_args__ = (Index("ix_signals_said_turn_id", "said_turn_id"),)

    turn_id: int = link_field("turns.id", on_delete="CASCADE", key=True)
    said_turn_id: int | None = link_field("turns.id", on_delete="CASCADE", optional=True)
    """Unknown of those from before there was this table."""
    kind: str = text_field()
    created_at: datetime = time_field()


class VoteRow(Row, table=True):
    """A member's vote on an answer."""

    __tablename__ = "votes"
    __table_args__ = (Index("ix_votes_author_key", "author_key"),)

    turn_id: int = link_field("turns.id", on_delete="CASCADE", key=True)
    author_key: str = text_field(key=True)
    value: int = integer_field()
    created_at: datetime = time_field()


class RecallRow(Row, table=True):
    """An approved exchange that was put before the model for a question.

    It outlives its candidate: that an answer was helped by words which are gone must stay known.
    """

    __tablename__ = "recalls"

    question_id: int = link_field("turns.id", on_delete="CASCADE", key=True)
    candidate_id: int = integer_field(key=True)
