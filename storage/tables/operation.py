"""What keeps the processes in order: the audit log, settings, leases and marks of commits."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index

from storage.tables.building import (
    NEVER_REUSE_IDS,
    Row,
    boolean_field,
    id_field,
    integer_field,
    json_field,
    text_field,
    time_field,
)


class AuditRow(Row, table=True):
    """Who did what, to what, when."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_server_id", "server", "id"),
        Index("ix_audit_action_id", "action", "id"),
        NEVER_REUSE_IDS,
    )

    id: int = id_field()
    actor: str = text_field()
    action: str = text_field()
    subject: str = text_field()
    details: dict[str, Any] = json_field()
    created_at: datetime = time_field()
    server: str | None = text_field(optional=True)


class LeaseRow(Row, table=True):
    """Who does a piece of work, and until when."""

    __tablename__ = "leases"

    name: str = text_field(key=True)
    holder: str = text_field()
    expires_at: datetime = time_field()


class CommitRow(Row, table=True):
    """The number of a process's last commit on PostgreSQL: one that lost its connection meanwhile can look."""

    __tablename__ = "commits"

    process: str = text_field(key=True)
    number: int = integer_field(big=True)
    committed_at: datetime = time_field()


class BotRow(Row, table=True):
    """A bot process that runs, and the version that it answers with."""

    __tablename__ = "bots"

    name: str = text_field(key=True)
    version: str = text_field()
    shards: str = text_field()
    started_at: datetime = time_field()
    seen_at: datetime = time_field()


class ClaimRow(Row, table=True):
    """Which bot process answers a message, while several run; kept for an hour."""

    __tablename__ = "claims"
    __table_args__ = (Index("ix_claims_author_key_server", "author_key", "server"),)

    server: str = text_field(key=True)
    message: str = text_field(key=True)
    channel: str = text_field()
    author_key: str = text_field()
    holder: str = text_field()
    claimed_at: datetime = time_field()
    ended_at: datetime | None = time_field(optional=True)
    is_refused: bool = boolean_field()


class ServerSettingRow(Row, table=True):
    """A choice that a server's admins made; what has no row is as the process's settings say."""

    __tablename__ = "server_settings"

    server: str = text_field(key=True)
    name: str = text_field(key=True)
    value: dict[str, Any] = json_field()
    changed_by: str = text_field()
    changed_at: datetime = time_field()
