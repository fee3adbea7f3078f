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
    session: Session, at: datetime, actor: str, action: str, subject: str, details: Mapping[str, object] | None = None
) -> None:
    """Add an entry to the transaction of what it tells about."""
    session.add(AuditRow(actor=actor, action=action, subject=subject, details=dict(details or {}), created_at=at))


class AuditLog(Repository):
    """Decisions, kept."""

    async def record(self, actor: str, action: str, subject: str, details: Mapping[str, object] | None = None) -> None:
        """Write an entry."""
        at = self._clock()
        await self._write(lambda session: note(session, at, actor, action, subject, details))

    async def latest(self, *, limit: int = 50) -> list[AuditEntry]:
        """The newest entries, newest first."""

        def work(session: Session) -> list[AuditEntry]:
            rows = session.scalars(select(AuditRow).order_by(col(AuditRow.id).desc()).limit(limit))
            return [
                AuditEntry(row.id, row.actor, row.action, row.subject, dict(row.details), row.created_at)
                for row in rows
            ]

        return await self._read(work)
