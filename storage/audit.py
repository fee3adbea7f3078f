"""The audit log: who did what, to what, when. Never message text."""

from collections.abc import Mapping

from storage.values import AuditEntry


class AuditLog:
    """Decisions, kept."""

    async def record(self, actor: str, action: str, subject: str, details: Mapping[str, object] | None = None) -> None:
        """Write an entry."""
        raise NotImplementedError

    async def latest(self, *, limit: int = 50) -> list[AuditEntry]:
        """The newest entries, newest first."""
        raise NotImplementedError
