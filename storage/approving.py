"""Approving many candidates in one transaction: the same questions as for one, asked once for all of them.

Only where they are plain: nobody has reviewed the candidate, one approval is enough, and nothing that waits may be near
to it. All others are for `storage.decisions`, one by one.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from storage.audit import note
from storage.candidate_rows import has_words_of, is_unfit, lacks_consent, verdict_of
from storage.repository import chunks
from storage.review_order import rank
from storage.tables import CandidateBandRow, CandidateRow, ReviewRow, RevisionRow, Row
from storage.values import CandidateState, Decision
from storage.word_index import words_of


def approve_plain_ones(
    session: Session,
    at: datetime,
    candidate_ids: Sequence[int],
    reviewer_key: str,
    *,
    may_review_own: bool,
    quorum_of: Callable[[str], int],
) -> list[CandidateRow]:
    """Approve those of some candidates that are plain; returns them, approved."""
    rows: list[CandidateRow] = []
    for some in chunks(candidate_ids):
        query = select(CandidateRow).where(
            col(CandidateRow.id).in_(some),
            func.coalesce(col(CandidateRow.state), "") == CandidateState.WAITING,
            ~lacks_consent(),
        )
        rows += session.scalars(query if may_review_own else query.where(~has_words_of(reviewer_key)))
    rows = [row for row in rows if not is_unfit(verdict_of(row)) and quorum_of(row.server) == 1]
    special = _reviewed(session, rows) | _near_what_waits(session, rows)
    plain = [row for row in rows if row.id not in special]
    if plain:
        _approve(session, at, plain, reviewer_key)
    return plain


def _approve(session: Session, at: datetime, rows: Sequence[CandidateRow], reviewer_key: str) -> None:
    reviews = [
        ReviewRow(
            candidate_id=row.id,
            reviewer_key=reviewer_key,
            decision=Decision.APPROVE.value,
            reason="",
            created_at=at,
            server=row.server,
        )
        for row in rows
    ]
    session.add_all(reviews)
    session.flush()
    for row, review in zip(rows, reviews, strict=True):
        before = {"state": row.state, "touched": []}
        session.add(RevisionRow(review_id=review.id, candidate_id=row.id, before=before))
        note(session, at, reviewer_key, Decision.APPROVE.value, f"candidate {row.id}", server=row.server)
        row.state, row.curated_under = CandidateState.APPROVED.value, ""
        rank(session, row)
    words = [{"candidate_id": row.id, "word": word} for row in rows for word in words_of(row)]
    session.flush()
    if words:
        session.connection().execute(insert(Row.metadata.tables["candidate_words"]), words)


def _reviewed(session: Session, rows: Sequence[CandidateRow]) -> set[int]:
    found: set[int] = set()
    for some in chunks(row.id for row in rows):
        found.update(session.scalars(select(col(ReviewRow.candidate_id)).where(col(ReviewRow.candidate_id).in_(some))))
    return found


def _near_what_waits(session: Session, rows: Sequence[CandidateRow]) -> set[int]:
    """Those that share a band with another one that waits."""
    found: set[int] = set()
    other = aliased(CandidateBandRow)
    for some in chunks(row.id for row in rows):
        query = (
            select(col(CandidateBandRow.candidate_id))
            .join(other, col(other.band) == col(CandidateBandRow.band))
            .join(CandidateRow, col(CandidateRow.id) == col(other.candidate_id))
            .where(
                col(CandidateBandRow.candidate_id).in_(some),
                col(other.candidate_id) != col(CandidateBandRow.candidate_id),
                func.coalesce(col(CandidateRow.state), "") == CandidateState.WAITING,
            )
        )
        found.update(session.scalars(query))
    return found
