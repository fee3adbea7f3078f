"""Which candidates say nearly the same, found by bands that they share, and compared one by one.

Likeness is between two candidates, not a membership in a group: a chain of small differences must not let a moderator
approve words far from those they saw, and forgetting one member must not change what another one's words are near to.
"""

from collections.abc import Collection, Iterator

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.candidate_rows import messages_from_json
from storage.repository import chunks
from storage.similarity import Print
from storage.tables import CandidateBandRow, CandidateRow
from storage.values import CandidateState

MOST_AT_ONCE = 200
"""Near-duplicates that are looked at together; more wait for the next look."""
_MOST_MET = 4_000
"""Candidates of one bucket that are looked up: a greeting that everybody sends has as many copies."""


def print_of(row: CandidateRow) -> Print:
    """What of a candidate is compared."""
    return Print.of(messages_from_json(row.messages))


def index_bands(session: Session, row: CandidateRow) -> None:
    """Write the bands under which others find a candidate anew."""
    session.execute(delete(CandidateBandRow).where(col(CandidateBandRow.candidate_id) == row.id))
    bands = [{"candidate_id": row.id, "band": band} for band in print_of(row).bands]
    session.execute(insert(CandidateBandRow), bands)


def alike(
    session: Session,
    row: CandidateRow,
    states: Collection[CandidateState],
    *,
    limit: int = MOST_AT_ONCE,
) -> Iterator[CandidateRow]:
    """Other candidates of the same server, in some states, that are near-duplicates of this one; oldest first."""
    mine = print_of(row)
    met = select(col(CandidateBandRow.candidate_id)).where(col(CandidateBandRow.band).in_(mine.bands))
    # Two steps: in one, SQLite may go through every candidate of the state instead of those that were met.
    ids = set(session.scalars(met.limit(_MOST_MET))) - {row.id}
    rows: list[CandidateRow] = []
    for some in chunks(sorted(ids)):
        rows += session.scalars(
            select(CandidateRow)
            .where(col(CandidateRow.id).in_(some), col(CandidateRow.server) == row.server)
            .where(col(CandidateRow.state).in_(list(states)))
            .order_by(col(CandidateRow.id))
        )
    for other in rows[:limit]:
        if mine.is_like(print_of(other)):
            yield other
