"""The audit log: who did what, to what, when. Never message text."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.repository import Repository
from storage.tables import AuditRow
from storage.values import AuditEntry


def note(
    session: Session,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, object] | None = None,
    *,
    server: str | None = None,
) -> None:
    """Add an entry to the transaction of what it tells about."""
    session.add(
        AuditRow(actor=actor, action=action, subject=subject, details=dict(details or {}), created_at=at, server=server)
    )


class AuditLog(Repository):
    """Decisions, kept."""

    async def record(
        self,
        actor: str,
        action: str,
        subject: str,
        details: Mapping[str, object] | None = None,
        *,
        server: str | None = None,
    ) -> None:
        """Write an entry; `server`: where it was decided."""
        at = self._clock()
        await self._write(lambda session: note(session, at, actor, action, subject, details, server=server))

    async def latest(
        self,
        *,
        limit: int = 50,
        server: str | None = None,
        before_id: int | None = None,
        action: str | None = None,
        actor: str | None = None,
    ) -> list[AuditEntry]:
        """The newest entries, newest first: of one server, of one kind, by one actor, from before a key."""
        query = select(AuditRow).order_by(col(AuditRow.id).desc()).limit(limit)
        if server is not None:
            query = query.where(col(AuditRow.server) == server)
        if before_id is not None:
            query = query.where(col(AuditRow.id) < before_id)
        if action is not None:
            query = query.where(col(AuditRow.action) == action)
        if actor is not None:
            query = query.where(col(AuditRow.actor) == actor)
        return await self._read(lambda session: [_entry(row) for row in session.scalars(query)])


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(row.id, row.actor, row.action, row.subject, dict(row.details), row.created_at, row.server)
