"""The review queue: which candidate a moderator should look at next, what to know about it, and who waits how long.

Promises: nobody is shown their own words, words they approved already, or words of somebody who said no; places are
keys, so that a queue of any length is walked without counting off. See `storage.review_order` for what comes first.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from statistics import median

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from storage.candidate_rows import candidate_of, candidates_of, existing, has_words_of, is_unfit, lacks_consent
from storage.decisions import approvals
from storage.feedback import feedback_in
from storage.governance import Feedback, QueueItem, QueuePlace, ReviewerDay, ReviewStats
from storage.likeness import alike
from storage.repository import Repository
from storage.review_order import rank_those_of_answer, votes_on
from storage.server_choices import settings_of
from storage.signals import answered_before, keep_signal, signal_on
from storage.tables import CandidateRow, ReviewRow
from storage.values import Candidate, CandidateState, Decision, Role, Turn

_YES = [Decision.APPROVE, Decision.EDIT]


class ReviewQueue(Repository):
    """Candidates that wait, best first."""

    async def next(
        self,
        server: str | None,
        reviewer_key: str,
        *,
        after: QueuePlace | None = None,
        may_review_own: bool = False,
    ) -> QueueItem | None:
        """The next candidate that this reviewer may decide; None at the end of the queue.

        Args:
            server: only of this server; None: of all.
            reviewer_key: who looks.
            after: go on after this place; None: from the beginning.
            may_review_own: whether this person may decide about their own words.
        """
        page = await self.page(server, reviewer_key, after=after, limit=1, may_review_own=may_review_own)
        return page[0] if page else None

    async def page(
        self,
        server: str | None,
        reviewer_key: str,
        *,
        after: QueuePlace | None = None,
        limit: int = 20,
        may_review_own: bool = False,
    ) -> list[QueueItem]:
        """The next candidates that this reviewer may decide, best first; see `next`."""
        query = in_order(server).where(~_approved_by(reviewer_key)).limit(limit)
        if not may_review_own:
            query = query.where(~has_words_of(reviewer_key))
        if after is not None:
            query = query.where(_after(after))

        def work(session: Session) -> list[QueueItem]:
            return [self._item(session, row) for row in session.scalars(query).all()]

        return await self._read(work)

    async def listed(
        self, server: str | None = None, *, after_id: int | None = None, limit: int = 20
    ) -> list[Candidate]:
        """All that wait and may be learnt from, best first, whoever looks.

        Args:
            server: only of this server; None: of all.
            after_id: go on after this candidate, be it decided since; None: from the beginning.
            limit: how many at most.

        Raises:
            WrongUsage: there is no candidate to go on after.
        """
        query = in_order(server).limit(limit)

        def work(session: Session) -> list[Candidate]:
            if after_id is None:
                return candidates_of(session, session.scalars(query).all())
            last = existing(session, after_id)
            after = _after(QueuePlace(last.review_rank, last.id))
            return candidates_of(session, session.scalars(query.where(after)).all())

        return await self._read(work)

    async def item(self, candidate_id: int) -> QueueItem:
        """One candidate with what a reviewer wants to know, whatever its state.

        Raises:
            WrongUsage: no such candidate.
        """
        return await self._read(lambda session: self._item(session, existing(session, candidate_id)))

    async def waiting(self, server: str | None = None) -> int:
        """How many wait, in one server or in all."""
        query = select(func.count()).select_from(in_order(server).order_by(None).subquery())
        return await self._read(lambda session: session.scalar(query) or 0)

    async def heard(self, turn: Turn) -> Feedback | None:
        """Keep what a member says next as a hint about the answer they got; returns the hint.

        It moves a card in the queue and is counted, and nothing else: nobody's approval hangs on it.

        Args:
            turn: a member's turn, as it was just written.

        Returns:
            None where there was no answer of late to this member, or it was heard already.
        """
        if turn.role is not Role.USER or turn.author_key is None or is_unfit(turn.verdict):
            return None
        found = await self._read(lambda session: answered_before(session, turn))
        if found is None:
            return None
        answer_id, question = found
        feedback = feedback_in(question, turn.text) or Feedback.WENT_ON

        def work(session: Session) -> Feedback | None:
            if not keep_signal(session, answer_id, turn, feedback):
                return None
            rank_those_of_answer(session, answer_id)
            return feedback

        return await self._write(work)

    async def stats(self, server: str | None = None, *, days: int = 7) -> ReviewStats:
        """Who waits how long, and who decided what in the last days, in one server or in all."""
        now = self._clock()
        begin = datetime.combine((now - timedelta(days=days - 1)).date(), datetime.min.time(), now.tzinfo)
        return await self._read(lambda session: _stats(session, server, now, begin))

    def _item(self, session: Session, row: CandidateRow) -> QueueItem:
        up, down = votes_on(session, row.assistant_turn_id)
        near = list(alike(session, row, [CandidateState.WAITING]))
        return QueueItem(
            candidate=candidate_of(session, row),
            place=QueuePlace(row.review_rank, row.id),
            approvals=tuple(approvals(session, row.id)),
            quorum=settings_of(session, self._defaults, row.server).quorum,
            votes_up=up,
            votes_down=down,
            near_duplicates=len(near),
            newest_near_duplicate=max([row.id, *(other.id for other in near)]),
            feedback=signal_on(session, row.assistant_turn_id),
            is_novel=row.is_novel,
        )


def in_order(server: str | None) -> Select[CandidateRow]:
    """The candidates that wait and may be learnt from, best first."""
    query = select(CandidateRow).where(col(CandidateRow.state) == CandidateState.WAITING, ~lacks_consent())
    if server is not None:
        query = query.where(col(CandidateRow.server) == server)
    return query.order_by(col(CandidateRow.review_rank), col(CandidateRow.id))


def _after(place: QueuePlace) -> ColumnElement[bool]:
    return or_(
        col(CandidateRow.review_rank) > place.rank,
        and_(col(CandidateRow.review_rank) == place.rank, col(CandidateRow.id) > place.candidate_id),
    )


def _approved_by(reviewer_key: str) -> ColumnElement[bool]:
    """Whether this person approved the words that a candidate holds now."""
    edit = aliased(ReviewRow)
    last_edit = (
        select(func.coalesce(func.max(col(edit.id)), 0))
        .where(
            col(edit.candidate_id) == col(CandidateRow.id),
            col(edit.decision) == Decision.EDIT,
            col(edit.undone_at).is_(None),
        )
        .correlate(CandidateRow)
        .scalar_subquery()
    )
    return (
        select(col(ReviewRow.id))
        .where(
            col(ReviewRow.candidate_id) == col(CandidateRow.id),
            col(ReviewRow.reviewer_key) == reviewer_key,
            col(ReviewRow.decision).in_(_YES),
            col(ReviewRow.undone_at).is_(None),
            col(ReviewRow.id) >= last_edit,
        )
        .correlate(CandidateRow)
        .exists()
    )


def _stats(session: Session, server: str | None, now: datetime, begin: datetime) -> ReviewStats:
    waiting = in_order(server).order_by(None).subquery()
    written: Sequence[datetime] = session.scalars(select(waiting.c.created_at)).all()
    approved = select(col(ReviewRow.candidate_id)).where(
        col(ReviewRow.decision).in_(_YES), col(ReviewRow.undone_at).is_(None)
    )
    half = select(func.count()).where(waiting.c.id.in_(approved))
    decided = select(ReviewRow).where(col(ReviewRow.created_at) >= begin, col(ReviewRow.undone_at).is_(None))
    if server is not None:
        decided = decided.where(col(ReviewRow.server) == server)
    counts: Counter[tuple[date, str, str]] = Counter(
        (review.created_at.date(), review.reviewer_key, review.decision) for review in session.scalars(decided)
    )
    days = sorted({(day, reviewer) for day, reviewer, _ in counts}, key=lambda one: (-one[0].toordinal(), one[1]))
    return ReviewStats(
        waiting=len(written),
        oldest_at=min(written, default=None),
        median_age_seconds=median((now - one).total_seconds() for one in written) if written else None,
        half_approved=session.scalar(half) or 0,
        days=tuple(
            ReviewerDay(
                reviewer,
                day,
                counts[day, reviewer, Decision.APPROVE],
                counts[day, reviewer, Decision.EDIT],
                counts[day, reviewer, Decision.REJECT],
            )
            for day, reviewer in days
        ),
    )
