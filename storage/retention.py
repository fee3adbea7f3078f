"""Deleting talk by its age, server by server, a little at a time so that nobody waits for the lock.

Approved examples stay until they are forgotten, unless asked for: people chose them to be kept. Of such an example the
messages behind it are remembered by their ids, so that deleting, editing or forgetting one still takes it out.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, select, true
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from storage.audit import note
from storage.candidate_rows import drop
from storage.governance import Purged
from storage.repository import Repository
from storage.server_choices import settings_of
from storage.tables import (
    CandidateOriginRow,
    CandidateRow,
    CandidateTurnRow,
    ConversationRow,
    ServerSettingRow,
    TurnRow,
    VoteRow,
)
from storage.values import CandidateState

ACTOR = "retention"
_AT_ONCE = 200


class Retention(Repository):
    """What is too old."""

    async def due(self, now: datetime) -> list[tuple[str, datetime]]:
        """The servers whose old talk is to be deleted, and up to which time."""

        def work(session: Session) -> list[tuple[str, datetime]]:
            known = select(col(ConversationRow.server)).union(select(col(ServerSettingRow.server)))
            found = []
            for server in sorted(session.scalars(known)):
                days = settings_of(session, self._defaults, server).retention_days
                if days is not None:
                    found.append((server, now - timedelta(days=days)))
            return found

        return await self._read(work)

    async def purge(self, server: str, *, older_than: datetime, also_approved: bool = False) -> Purged:
        """Delete a server's turns from before a time, the answers to them, the votes on them, and candidates.

        Args:
            server: where.
            older_than: an aware time.
            also_approved: whether approved examples go too.

        Returns:
            What was removed; some in the audit log, too.
        """
        turns = candidates = votes = 0
        while True:
            some = await self._write(lambda session: _purge_turns(session, server, older_than, also_approved))
            turns, candidates, votes = turns + some.turns, candidates + some.candidates, votes + some.votes
            if not some.turns:
                break
        while dropped := await self._write(lambda session: _purge_examples(session, server, older_than, also_approved)):
            candidates += dropped
        purged = Purged(turns, candidates, votes)
        if any((turns, candidates, votes)):
            at = self._clock()
            counts = {"turns": turns, "candidates": candidates, "votes": votes}
            await self._write(lambda session: note(session, at, ACTOR, "purge", server, counts, server=server))
        return purged


def _purge_turns(session: Session, server: str, older_than: datetime, also_approved: bool) -> Purged:
    old = session.scalars(
        select(col(TurnRow.id))
        .where(col(TurnRow.server) == server, col(TurnRow.created_at) < older_than)
        .order_by(col(TurnRow.created_at), col(TurnRow.id))
        .limit(_AT_ONCE)
    ).all()
    if not old:
        _close_empty(session, server, older_than)
        return Purged(0, 0, 0)
    answers = session.scalars(select(col(TurnRow.id)).where(col(TurnRow.reply_to).in_(old))).all()
    doomed = sorted({*old, *answers})
    made = select(col(CandidateTurnRow.candidate_id)).where(col(CandidateTurnRow.turn_id).in_(doomed))
    candidates = drop(session, and_(col(CandidateRow.id).in_(made), _may_go(also_approved)))
    _remember_origins(session, doomed)
    votes = session.scalar(select(func.count()).where(col(VoteRow.turn_id).in_(doomed))) or 0
    session.execute(delete(TurnRow).where(col(TurnRow.id).in_(doomed)))
    return Purged(len(doomed), candidates, votes)


def _may_go(also_approved: bool) -> ColumnElement[bool]:
    return true() if also_approved else col(CandidateRow.state) != CandidateState.APPROVED


def _remember_origins(session: Session, turn_ids: Sequence[int]) -> None:
    """Note which messages of whom the candidates that stay were made from; of an answer, who had asked."""
    question = aliased(TurnRow)
    rows = session.execute(
        select(
            col(CandidateTurnRow.candidate_id),
            col(TurnRow.id),
            col(TurnRow.server),
            col(TurnRow.external_id),
            func.coalesce(col(TurnRow.author_key), col(question.author_key)),
        )
        .join(TurnRow, col(TurnRow.id) == col(CandidateTurnRow.turn_id))
        .join(question, col(question.id) == col(TurnRow.reply_to), isouter=True)
        .where(col(CandidateTurnRow.turn_id).in_(turn_ids))
    ).all()
    session.add_all(
        CandidateOriginRow(
            candidate_id=candidate_id, turn_id=turn_id, server=server, external_id=external_id, author_key=author_key
        )
        for candidate_id, turn_id, server, external_id, author_key in rows
    )
    session.flush()


def _purge_examples(session: Session, server: str, older_than: datetime, also_approved: bool) -> int:
    old = session.scalars(
        select(col(CandidateRow.id))
        .where(col(CandidateRow.server) == server, col(CandidateRow.created_at) < older_than, _may_go(also_approved))
        .limit(_AT_ONCE)
    ).all()
    return drop(session, col(CandidateRow.id).in_(old)) if old else 0


def _close_empty(session: Session, server: str, older_than: datetime) -> None:
    """Delete the closed conversations of which nothing is left."""
    has_turns = select(col(TurnRow.id)).where(col(TurnRow.conversation_id) == col(ConversationRow.id))
    session.execute(
        delete(ConversationRow).where(
            col(ConversationRow.server) == server,
            col(ConversationRow.closed_at) < older_than,
            ~has_turns.correlate(ConversationRow).exists(),
        )
    )


def drop_kept_from(session: Session, server: str, external_ids: Sequence[str]) -> int:
    """Delete the candidates that were kept although a message behind them was purged; returns how many."""
    made = select(col(CandidateOriginRow.candidate_id)).where(
        col(CandidateOriginRow.server) == server, col(CandidateOriginRow.external_id).in_(external_ids)
    )
    return drop(session, col(CandidateRow.id).in_(made))


def has_origin_of(author_key: str) -> ColumnElement[bool]:
    """A condition on candidates: a purged message of a member, or an answer to one, is behind it."""
    made = select(col(CandidateOriginRow.candidate_id)).where(col(CandidateOriginRow.author_key) == author_key)
    return col(CandidateRow.id).in_(made)
