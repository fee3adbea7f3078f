"""What can be done with everything one member ever said."""

from dataclasses import replace

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.audit import note
from storage.blocks import blocks_of
from storage.candidate_rows import drop
from storage.consents import decision_of, deny
from storage.governance import MemberExport, MemberSummary
from storage.member_export import export_of
from storage.receipts import write_receipt
from storage.retention import has_origin_of
from storage.review_order import rank_those_of_answer
from storage.server_choices import Lines, settings_of
from storage.tables import (
    BlockRow,
    CandidateAuthorRow,
    CandidateRow,
    CandidateTurnRow,
    ClaimRow,
    ConsentRow,
    FirstContactRow,
    ModelVersionRow,
    SnapshotAuthorRow,
    TurnRow,
    VoteRow,
)
from storage.values import CandidateState, ForgetReceipt
from storage.waiting import EVERYWHERE
from storage.withdrawals import Taken, Withdrawal
from storage.withdrawing import WithdrawingRepository


class Members(WithdrawingRepository):
    """A member's rows across the tables."""

    async def forget(
        self, author_key: str, *, server: str | None = None, notify_id: str | None = None
    ) -> ForgetReceipt:
        """Delete a member's turns, candidates and votes (in one server or all), and record the denial.

        Answers to the member's turns go too (they may repeat them), as does every candidate in which the member's
        words are only context, with its bands, words, revisions and what moderators wrote about it. What stays is the
        denial, a block that stands (without its reason), the receipt with its figures, decisions that the member took
        as a moderator, which messages were kept out of learning, and which snapshots had the member's words, so that a
        later receipt can still name the versions. Reports of runs that knew the words lose their quotes.

        Args:
            author_key: who.
            server: where; None: everywhere.
            notify_id: whom to tell when a version without their words answers; kept only until they are told.

        Returns:
            Turns of the member, candidates and votes that were removed, and every version that had learnt from them.
        """
        at = self._clock()

        def work(session: Session) -> ForgetReceipt:
            versions = _versions_learnt_from(session, author_key, server)
            candidates = _drop_candidates(session, author_key, server)
            votes = _drop_votes(session, author_key, server)
            turns = _drop_turns(session, author_key, server)
            _forget_first_contact(session, author_key, server)
            _forget_claims(session, author_key, server)
            _empty_reasons(session, author_key, server)
            _forget_account(session, author_key, server)
            where = EVERYWHERE if server is None else server
            deny(session, at, where, author_key)
            removed = ForgetReceipt(turns=turns, candidates=candidates, votes=votes, versions=versions)
            lines = Lines.now(session, self._defaults)
            receipt_id = write_receipt(session, at, lines, author_key, where, removed, notify_id)
            counts = {"turns": turns, "candidates": candidates, "votes": votes, "versions": list(versions)}
            note(session, at, author_key, "forget", where, counts, server=server)
            return replace(removed, id=receipt_id)

        await self._withdrawals.note(Withdrawal(at, Taken.WORDS, author_key, EVERYWHERE if server is None else server))
        return await self._write(work)

    async def summary(self, author_key: str, *, server: str | None = None) -> MemberSummary:
        """How much there is of a member, in one server or in all."""

        def work(session: Session) -> MemberSummary:
            return MemberSummary(
                allowed=decision_of(session, EVERYWHERE if server is None else server, author_key),
                is_blocked=any(block.lifted_at is None for block in blocks_of(session, author_key, server)),
                turns=_count(session, _turns(author_key, server)),
                candidates=_candidates_by_state(session, author_key, server),
                votes=_count(session, _votes(author_key, server)),
                versions=_versions_learnt_from(session, author_key, server),
            )

        return await self._read(work)

    async def export(self, author_key: str, *, server: str | None = None) -> MemberExport:
        """Everything there is of a member, in one server or in all, as plain values."""

        def work(session: Session) -> MemberExport:
            return export_of(session, author_key, server, _versions_learnt_from(session, author_key, server))

        return await self._read(work)

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


def _forget_claims(session: Session, author_key: str, server: str | None) -> None:
    forgetting = delete(ClaimRow).where(col(ClaimRow.author_key) == author_key)
    if server is not None:
        forgetting = forgetting.where(col(ClaimRow.server) == server)
    session.execute(forgetting.execution_options(synchronize_session=False))


def _empty_reasons(session: Session, author_key: str, server: str | None) -> None:
    """A block outlives forgetting, or it could be shaken off; what a moderator wrote about the member does not."""
    emptying = update(BlockRow).where(col(BlockRow.author_key) == author_key).values(reason="")
    if server is not None:
        emptying = emptying.where(col(BlockRow.server) == server)
    session.execute(emptying.execution_options(synchronize_session=False))


def _forget_account(session: Session, author_key: str, server: str | None) -> None:
    """The decisions stay; since when the account exists is nobody's business then."""
    emptying = update(ConsentRow).where(col(ConsentRow.author_key) == author_key).values(account_made_on=None)
    if server is not None:
        emptying = emptying.where(col(ConsentRow.server) == server)
    session.execute(emptying.execution_options(synchronize_session=False))


def _count(session: Session, query: Select[int]) -> int:
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0


def _turns(author_key: str, server: str | None) -> Select[int]:
    query = select(col(TurnRow.id)).where(col(TurnRow.author_key) == author_key)
    return query if server is None else query.where(col(TurnRow.server) == server)


def _votes(author_key: str, server: str | None) -> Select[int]:
    query = select(col(VoteRow.turn_id)).where(col(VoteRow.author_key) == author_key)
    if server is None:
        return query
    return query.where(col(VoteRow.turn_id).in_(select(col(TurnRow.id)).where(col(TurnRow.server) == server)))


def _candidates_by_state(session: Session, author_key: str, server: str | None) -> dict[CandidateState, int]:
    query = (
        select(col(CandidateRow.state), func.count())
        .join(CandidateAuthorRow, col(CandidateAuthorRow.candidate_id) == col(CandidateRow.id))
        .where(col(CandidateAuthorRow.author_key) == author_key)
        .group_by(col(CandidateRow.state))
    )
    if server is not None:
        query = query.where(col(CandidateRow.server) == server)
    found = {CandidateState(state): count for state, count in session.execute(query)}
    return {state: found.get(state, 0) for state in CandidateState}


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
    which = or_(col(CandidateRow.id).in_(theirs), col(CandidateRow.id).in_(quoting), has_origin_of(author_key))
    return drop(session, which if server is None else which & (col(CandidateRow.server) == server))


def _drop_votes(session: Session, author_key: str, server: str | None) -> int:
    dropping = delete(VoteRow).where(col(VoteRow.author_key) == author_key)
    if server is not None:
        there = select(col(TurnRow.id)).where(col(TurnRow.server) == server)
        dropping = dropping.where(col(VoteRow.turn_id).in_(there))
    answers = session.scalars(dropping.returning(col(VoteRow.turn_id))).all()
    for answer in answers:
        rank_those_of_answer(session, answer)
    return len(answers)


def _drop_turns(session: Session, author_key: str, server: str | None) -> int:
    theirs = _turns(author_key, server)
    turns = _count(session, theirs)
    answers = select(col(TurnRow.id)).where(col(TurnRow.reply_to).in_(theirs))
    made_from_answers = select(col(CandidateTurnRow.candidate_id)).where(col(CandidateTurnRow.turn_id).in_(answers))
    drop(session, col(CandidateRow.id).in_(made_from_answers))
    session.execute(delete(TurnRow).where(col(TurnRow.reply_to).in_(theirs)))
    session.execute(delete(TurnRow).where(col(TurnRow.id).in_(theirs)))
    return turns
