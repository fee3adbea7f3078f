"""What can be done with everything one member ever said."""

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.audit import note
from storage.candidate_rows import drop
from storage.consents import decision_of, deny
from storage.repository import Repository
from storage.server_choices import settings_of
from storage.tables import (
    CandidateAuthorRow,
    CandidateRow,
    CandidateTurnRow,
    FirstContactRow,
    ModelVersionRow,
    SnapshotAuthorRow,
    TurnRow,
    VoteRow,
)
from storage.values import ForgetReceipt
from storage.waiting import EVERYWHERE


class Members(Repository):
    """A member's rows across the tables."""

    async def forget(self, author_key: str, *, server: str | None = None) -> ForgetReceipt:
        """Delete a member's turns, candidates and votes (in one server or all), and record the denial.

        Answers to the member's turns go too (they may repeat them), as does every candidate in which the member's
        words are only context. What stays is the denial, the receipt's figures in the audit log, and which snapshots
        had the member's words, so that a later receipt can still name the versions.

        Returns:
            Turns of the member, candidates and votes that were removed, and every version that had learnt from them.
        """
        at = self._clock()

        def work(session: Session) -> ForgetReceipt:
            versions = _versions_learnt_from(session, author_key, server)
            candidates = _drop_candidates(session, author_key, server)
            votes = _drop_votes(session, author_key, server)
            turns = _drop_turns(session, author_key, server)
            deny(session, at, EVERYWHERE if server is None else server, author_key)
            receipt = ForgetReceipt(turns=turns, candidates=candidates, votes=votes, versions=versions)
            counts = {"turns": turns, "candidates": candidates, "votes": votes, "versions": list(versions)}
            note(session, at, author_key, "forget", EVERYWHERE if server is None else server, counts)
            return receipt

        return await self._write(work)

    async def left(self, server: str, author_key: str) -> bool:
        """A member left the server: a denial from then on, unless the server chose otherwise; nothing is forgotten.

        Returns:
            Whether a denial was recorded: not for members who are unknown here or had said no already.
        """
        at = self._clock()

        def work(session: Session) -> bool:
            _forget_first_contact(session, author_key, server)
            if not settings_of(session, self._defaults, server).leaving_is_denial:
                return False
            decision = decision_of(session, server, author_key)
            if decision is False or (decision is None and not _has_candidates(session, server, author_key)):
                return False
            deny(session, at, server, author_key)
            note(session, at, author_key, "left", server, server=server)
            return True

        return await self._write(work)


def _forget_first_contact(session: Session, author_key: str, server: str | None) -> None:
    forgetting = delete(FirstContactRow).where(col(FirstContactRow.author_key) == author_key)
    if server is not None:
        forgetting = forgetting.where(col(FirstContactRow.server) == server)
    session.execute(forgetting)


def _has_candidates(session: Session, server: str, author_key: str) -> bool:
    theirs = (
        select(col(CandidateRow.id))
        .join(CandidateAuthorRow, col(CandidateAuthorRow.candidate_id) == col(CandidateRow.id))
        .where(col(CandidateAuthorRow.author_key) == author_key, col(CandidateRow.server) == server)
    )
    return session.scalar(theirs.limit(1)) is not None


def _versions_learnt_from(session: Session, author_key: str, server: str | None) -> tuple[str, ...]:
    snapshots = select(col(SnapshotAuthorRow.snapshot_hash)).where(col(SnapshotAuthorRow.author_key) == author_key)
    if server is not None:
        snapshots = snapshots.where(col(SnapshotAuthorRow.server) == server)
    return tuple(
        session.scalars(
            select(col(ModelVersionRow.version))
            .where(col(ModelVersionRow.snapshot_hash).in_(snapshots))
            .order_by(col(ModelVersionRow.created_at), col(ModelVersionRow.version))
        )
    )


def _drop_candidates(session: Session, author_key: str, server: str | None) -> int:
    theirs = select(col(CandidateAuthorRow.candidate_id)).where(col(CandidateAuthorRow.author_key) == author_key)
    quoting = (
        select(col(CandidateTurnRow.candidate_id))
        .join(TurnRow, col(TurnRow.id) == col(CandidateTurnRow.turn_id))
        .where(col(TurnRow.author_key) == author_key)
    )
    which = or_(col(CandidateRow.id).in_(theirs), col(CandidateRow.id).in_(quoting))
    return drop(session, which if server is None else which & (col(CandidateRow.server) == server))


def _drop_votes(session: Session, author_key: str, server: str | None) -> int:
    dropping = delete(VoteRow).where(col(VoteRow.author_key) == author_key)
    if server is not None:
        there = select(col(TurnRow.id)).where(col(TurnRow.server) == server)
        dropping = dropping.where(col(VoteRow.turn_id).in_(there))
    return len(session.scalars(dropping.returning(col(VoteRow.turn_id))).all())


def _drop_turns(session: Session, author_key: str, server: str | None) -> int:
    theirs = select(col(TurnRow.id)).where(col(TurnRow.author_key) == author_key)
    if server is not None:
        theirs = theirs.where(col(TurnRow.server) == server)
    turns = session.scalar(select(func.count()).select_from(theirs.subquery())) or 0
    answers = select(col(TurnRow.id)).where(col(TurnRow.reply_to).in_(theirs))
    made_from_answers = select(col(CandidateTurnRow.candidate_id)).where(col(CandidateTurnRow.turn_id).in_(answers))
    drop(session, col(CandidateRow.id).in_(made_from_answers))
    session.execute(delete(TurnRow).where(col(TurnRow.reply_to).in_(theirs)))
    session.execute(delete(TurnRow).where(col(TurnRow.id).in_(theirs)))
    return turns
