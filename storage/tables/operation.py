"""What keeps the processes in order: the audit log, settings and leases."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index

from storage.tables.building import (
    NEVER_REUSE_IDS,
    Row,
    id_field,
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


class ServerSettingRow(Row, table=True):
    """A choice that a server's admins made; what has no row is as the process's settings say."""

    __tablename__ = "server_settings"

    server: str = text_field(key=True)
    name: str = text_field(key=True)
    value: dict[str, Any] = json_field()
    changed_by: str = text_field()
    changed_at: datetime = time_field()
