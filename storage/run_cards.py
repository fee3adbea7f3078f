"""Messages that show runs: found again after a restart, brought up to date, and cleared when their quotes must go.

Promise: a run is announced at most once in a server, whoever looks and however often the bot restarts in between: the row is
written before the message is sent, and a message that may have been sent is looked for before another one is.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.governance import RunCard
from storage.repository import Repository
from storage.runs import run_of
from storage.tables import RunCardRow, RunRow
from storage.values import Run

BY_ITSELF = ("schedule", "approvals")
"""Who asks for a run that nobody asked for."""


class RunCards(Repository):
    """Which message shows which run."""

    async def to_announce(self, since: datetime, *, limit: int = 20) -> list[tuple[Run, frozenset[str]]]:
        """Runs that began by themselves and are not over, or not before a time; with the servers that were told.

        Oldest first, of the newest `limit`.
        """
        query = (
            select(RunRow)
            .where(
                col(RunRow.requested_by).in_(BY_ITSELF),
                or_(col(RunRow.finished_at).is_(None), col(RunRow.finished_at) >= since),
            )
            .order_by(col(RunRow.id).desc())
            .limit(limit)
        )

        def work(session: Session) -> list[tuple[Run, frozenset[str]]]:
            return [(run_of(row), _told(session, row.id)) for row in session.scalars(query).all()][::-1]

        return await self._read(work)

    async def claim(self, run_id: int, server: str, channel: str) -> RunCard | None:
        """Take it on to announce a run in a server's channel; None: somebody did, or the channel shows the run."""
        at = self._clock()

        def work(session: Session) -> RunCard | None:
            of_run = select(RunCardRow).where(col(RunCardRow.run_id) == run_id, col(RunCardRow.server) == server)
            taken = or_(col(RunCardRow.is_announced).is_(True), col(RunCardRow.channel) == channel)
            if session.scalar(of_run.where(taken).limit(1)) is not None:
                return None
            row = RunCardRow(run_id=run_id, server=server, channel=channel, is_announced=True, created_at=at)
            session.add(row)
            session.flush()
            return _card(row)

        return await self._write(work)

    async def asked_for(self, run_id: int, server: str, channel: str, message: str) -> RunCard:
        """Note a message that shows a run to whoever asked for it."""
        at = self._clock()

        def work(session: Session) -> RunCard:
            row = RunCardRow(
                run_id=run_id, server=server, channel=channel, message=message, is_announced=False, created_at=at
            )
            session.add(row)
            session.flush()
            return _card(row)

        return await self._write(work)

    async def posted(self, card_id: int, message: str) -> RunCard | None:
        """A claimed run is announced by a message now."""
        return await self._change(card_id, message=message)

    async def shown(self, card_id: int, *, shows_quotes: bool) -> RunCard | None:
        """A card shows how its run ended."""
        return await self._change(card_id, is_open=False, shows_quotes=shows_quotes)

    async def close(self, card_id: int) -> RunCard | None:
        """A card's message or run is gone."""
        return await self._change(card_id, is_open=False, shows_quotes=False)

    async def fail(self, card_id: int, problem: str) -> bool:
        """A run cannot be shown in its channel; returns whether that is news: neither it nor the last one there had it."""

        def work(session: Session) -> bool:
            row = session.get(RunCardRow, card_id)
            if row is None:
                return False
            before = session.scalar(
                select(RunCardRow)
                .where(
                    col(RunCardRow.server) == row.server,
                    col(RunCardRow.channel) == row.channel,
                    col(RunCardRow.is_announced).is_(True),
                    col(RunCardRow.id) < row.id,
                )
                .order_by(col(RunCardRow.id).desc())
                .limit(1)
            )
            is_news = row.problem != problem and (before is None or before.problem != problem)
            row.is_open, row.shows_quotes, row.problem = False, False, problem
            return is_news

        return await self._write(work)

    async def open(self) -> list[RunCard]:
        """Those whose run is not over, as far as they show; oldest first."""
        return await self._cards(select(RunCardRow).where(col(RunCardRow.is_open).is_(True)))

    async def quoting_what_is_gone(self) -> list[RunCard]:
        """Those that quote words which somebody took back since: show them anew; oldest first."""
        cleared = select(col(RunRow.id)).where(col(RunRow.quotes_cleared).is_(True))
        quoting = select(RunCardRow).where(col(RunCardRow.shows_quotes).is_(True))
        return await self._cards(quoting.where(col(RunCardRow.run_id).in_(cleared)))

    async def _change(self, card_id: int, **changes: Any) -> RunCard | None:
        def work(session: Session) -> RunCard | None:
            row = session.get(RunCardRow, card_id)
            if row is None:
                return None
            for name, value in changes.items():
                setattr(row, name, value)
            session.flush()
            return _card(row)

        return await self._write(work)

    async def _cards(self, query: Select[RunCardRow]) -> list[RunCard]:
        ordered = query.order_by(col(RunCardRow.id))
        return await self._read(lambda session: [_card(row) for row in session.scalars(ordered).all()])


def _told(session: Session, run_id: int) -> frozenset[str]:
    announced = select(col(RunCardRow.server)).where(
        col(RunCardRow.run_id) == run_id, col(RunCardRow.is_announced).is_(True)
    )
    return frozenset(session.scalars(announced))


def _card(row: RunCardRow) -> RunCard:
    return RunCard(row.id, row.run_id, row.server, row.channel, row.message, row.is_announced, row.is_open, row.problem)
