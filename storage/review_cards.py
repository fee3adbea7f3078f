"""Cards posted in a review channel: found again after a restart, and when what they show is not so any more.

A card outlives its candidate on purpose: the face must still know which message holds words that were deleted.
"""

from typing import Any

from sqlalchemy import Select, delete, func, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.candidate_rows import candidates_of, existing
from storage.governance import ReviewCard
from storage.repository import Repository
from storage.review_queue import in_order
from storage.tables import CandidateRow, ReviewCardRow
from storage.values import Candidate, CandidateState


class ReviewCards(Repository):
    """Which message shows which candidate."""

    async def posted(self, candidate_id: int, server: str, channel: str, message: str) -> None:
        """Note a card that shows a candidate as it is now.

        Raises:
            WrongUsage: no such candidate (any more): take the message down.
        """
        at = self._clock()

        def work(session: Session) -> None:
            row = existing(session, candidate_id)
            session.merge(
                ReviewCardRow(
                    message=message,
                    channel=channel,
                    server=server,
                    candidate_id=candidate_id,
                    shown_state=row.state,
                    shown_hash=row.content_hash,
                    posted_at=at,
                )
            )

        await self._write(work)

    async def get(self, message: str) -> ReviewCard | None:
        """The card that a message is."""
        found = await self._cards(_cards().where(col(ReviewCardRow.message) == message))
        return found[0] if found else None

    async def of(self, candidate_id: int) -> list[ReviewCard]:
        """The cards of a candidate, oldest first."""
        return await self._cards(_cards().where(col(ReviewCardRow.candidate_id) == candidate_id))

    async def stale(self, server: str | None = None, *, limit: int = 50) -> list[ReviewCard]:
        """Cards whose candidate was decided or edited since, or is gone; oldest first.

        Edit the message and say so by `shown`; where `state` is None take it down and say so by `remove`.
        """
        query = _cards().where(
            or_(
                col(CandidateRow.id).is_(None),
                col(CandidateRow.state) != col(ReviewCardRow.shown_state),
                col(CandidateRow.content_hash) != col(ReviewCardRow.shown_hash),
            )
        )
        if server is not None:
            query = query.where(col(ReviewCardRow.server) == server)
        return await self._cards(query.limit(limit))

    async def shown(self, message: str) -> None:
        """A card shows what is, now; for a candidate that is gone nothing changes."""

        def work(session: Session) -> None:
            card = session.get(ReviewCardRow, message)
            row = None if card is None else session.get(CandidateRow, card.candidate_id)
            if card is not None and row is not None:
                card.shown_state, card.shown_hash = row.state, row.content_hash

        await self._write(work)

    async def remove(self, message: str) -> None:
        """A card's message is gone."""
        await self._execute(delete(ReviewCardRow).where(col(ReviewCardRow.message) == message))

    async def open(self, server: str) -> int:
        """How many of a server's cards show a candidate that waits."""
        query = (
            select(func.count(col(ReviewCardRow.message)))
            .join(CandidateRow, col(CandidateRow.id) == col(ReviewCardRow.candidate_id))
            .where(col(ReviewCardRow.server) == server, col(CandidateRow.state) == CandidateState.WAITING)
        )
        return await self._read(lambda session: session.scalar(query) or 0)

    async def to_post(self, server: str, *, limit: int = 10) -> list[Candidate]:
        """A server's candidates that wait and have no card, best first."""
        has_card = select(col(ReviewCardRow.candidate_id)).where(
            col(ReviewCardRow.candidate_id) == col(CandidateRow.id)
        )
        query = in_order(server).where(~has_card.correlate(CandidateRow).exists()).limit(limit)
        return await self._read(lambda session: candidates_of(session, session.scalars(query).all()))

    async def _cards(self, query: Select[Any, Any]) -> list[ReviewCard]:
        def work(session: Session) -> list[ReviewCard]:
            return [_card(card, state) for card, state in session.execute(query).all()]

        return await self._read(work)


def _cards() -> Select[Any, Any]:
    return (
        select(ReviewCardRow, col(CandidateRow.state))
        .join(CandidateRow, col(CandidateRow.id) == col(ReviewCardRow.candidate_id), isouter=True)
        .order_by(col(ReviewCardRow.posted_at), col(ReviewCardRow.message))
    )


def _card(row: ReviewCardRow, state: str | None) -> ReviewCard:
    return ReviewCard(
        row.message,
        row.channel,
        row.server,
        row.candidate_id,
        CandidateState(row.shown_state),
        None if state is None else CandidateState(state),
    )
