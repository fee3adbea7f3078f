"""Which candidates say nearly the same, found by bands that they share, and compared one by one.

Likeness is between two candidates, not a membership in a group: a chain of small differences must not let a moderator
approve words far from those they saw, and forgetting one member must not change what another one's words are near to.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from storage.candidate_rows import messages_from_json
from storage.similarity import Print
from storage.tables import CandidateBandRow, CandidateRow
from storage.values import CandidateState

MOST_AT_ONCE = 200
"""Near-duplicates that are looked at together; more wait for the next look."""


def index_bands(session: Session, row: CandidateRow, *, is_new: bool = False) -> None:
    """Write the bands under which others find a candidate; a new one has none yet."""
    if not is_new:
        session.execute(delete(CandidateBandRow).where(col(CandidateBandRow.candidate_id) == row.id))
    keys = _print(row).keys(row.server)
    session.execute(insert(CandidateBandRow), [{"candidate_id": row.id, "band": key} for key in keys])


def alike(
    session: Session, row: CandidateRow, states: Collection[CandidateState], *, limit: int = MOST_AT_ONCE
) -> Sequence[CandidateRow]:
    """Other candidates of the same server, in some states, that are near-duplicates of this one; oldest first."""
    own = aliased(CandidateBandRow)
    bands = select(col(own.band)).where(col(own.candidate_id) == row.id)
    near = select(col(CandidateBandRow.candidate_id)).where(
        col(CandidateBandRow.band).in_(bands), col(CandidateBandRow.candidate_id) != row.id
    )
    rows = session.scalars(
        select(CandidateRow)
        .where(col(CandidateRow.id).in_(near), col(CandidateRow.server) == row.server)
        .where(col(CandidateRow.state).in_(list(states)))
        .order_by(col(CandidateRow.id))
        .limit(limit)
    ).all()
    if not rows:
        return []
    mine = _print(row)
    return [other for other in rows if mine.is_like(_print(other))]


def _print(row: CandidateRow) -> Print:
    return Print.of(messages_from_json(row.messages))
