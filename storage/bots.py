"""The bot processes that run on this database, by the notes that they leave every few seconds."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.governance import BotProcess
from storage.processes import is_dead
from storage.repository import Repository
from storage.tables import BotRow

SILENT_SECONDS = 20.0
"""Who has left no note for so long is not there any more."""


class Bots(Repository):
    """Who is there."""

    async def seen(self, name: str, *, version: str, shards: str) -> list[BotProcess]:
        """Note that a process is there and what it answers with; returns the others that are there. Clears away who is not."""

        def work(session: Session) -> list[BotProcess]:
            now = self._clock()
            known = session.get(BotRow, name)
            started_at = now if known is None else known.started_at
            session.merge(BotRow(name=name, version=version, shards=shards, started_at=started_at, seen_at=now))
            others = [row for row in session.scalars(select(BotRow).order_by(col(BotRow.name))) if row.name != name]
            gone = [row.name for row in others if not is_there(row, now)]
            session.execute(delete(BotRow).where(col(BotRow.name).in_(gone)))
            return [_process(row) for row in others if row.name not in gone]

        return await self._write(work)

    async def left(self, name: str) -> None:
        """A process ends."""
        await self._execute(delete(BotRow).where(col(BotRow.name) == name))

    async def there(self) -> list[BotProcess]:
        """All that are there, the oldest first."""
        now = self._clock()

        def work(session: Session) -> list[BotProcess]:
            rows = session.scalars(select(BotRow).order_by(col(BotRow.started_at), col(BotRow.name)))
            return [_process(row) for row in rows if is_there(row, now)]

        return await self._read(work)


def is_there(row: BotRow | None, now: datetime) -> bool:
    """Whether a process left a note lately, and is not known to be dead."""
    return row is not None and row.seen_at > now - timedelta(seconds=SILENT_SECONDS) and not is_dead(row.name)


def _process(row: BotRow) -> BotProcess:
    return BotProcess(row.name, row.version, row.shards, row.started_at, row.seen_at)
