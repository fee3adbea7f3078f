"""Which candidates curation must look at again, because something that their outcome rests on has changed.

Promise: whatever an outcome rests on, its words, its members' yes, and what it was left out in favour of, a change of it
is marked in the transaction that changes it. A mark only says "look again": whether somebody may be learnt from is
asked of the rows themselves whenever a snapshot is made, and never of a mark.
"""

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from storage.curation_values import NEEDS_ROOM, LeftOutBecause
from storage.repository import chunks
from storage.tables import CandidateAuthorRow, CandidateRow, CurationRow, KeptBandRow
from storage.values import CandidateState
from storage.waiting import EVERYWHERE


def with_words_of(server: str, author_key: str) -> ColumnElement[bool]:
    """A condition on candidates: a member is an author of it, in a server or everywhere.

    The server is hidden from the planner, as states and reasons are below: SQLite would rather read all there is of one.
    """
    theirs = select(col(CandidateAuthorRow.candidate_id)).where(col(CandidateAuthorRow.author_key) == author_key)
    found = col(CandidateRow.id).in_(theirs)
    return found if server == EVERYWHERE else and_(found, func.coalesce(col(CandidateRow.server), "") == server)


def look_again_at(session: Session, which: ColumnElement[bool]) -> None:
    """These candidates may be learnt again, or under other settings."""
    session.execute(
        update(CandidateRow)
        .where(which, func.coalesce(col(CandidateRow.state), "") == CandidateState.APPROVED)
        .values(curated_under="")
        .execution_options(synchronize_session=False)
    )


def look_behind(session: Session, which: ColumnElement[bool]) -> None:
    """These candidates are learnt no more: what was left out in their favour gets its chance.

    That is what says the same or nearly the same, and what else their members said.
    """
    gone = (
        select(col(CurationRow.candidate_id))
        .join(CandidateRow, col(CandidateRow.id) == col(CurationRow.candidate_id))
        .where(which, func.coalesce(col(CurationRow.reason), "x") == "")
    )
    if session.scalar(gone.limit(1)) is None:
        return
    kept, theirs = aliased(CurationRow), aliased(CandidateAuthorRow)
    authors = select(col(CandidateAuthorRow.author_key)).where(col(CandidateAuthorRow.candidate_id).in_(gone))
    found: set[int] = set()
    for same in (
        col(CurationRow.digest).in_(select(col(kept.digest)).where(col(kept.candidate_id).in_(gone))),
        col(CurationRow.cluster).in_(select(col(kept.cluster)).where(col(kept.candidate_id).in_(gone))),
        col(CurationRow.candidate_id).in_(select(col(theirs.candidate_id)).where(col(theirs.author_key).in_(authors))),
    ):
        reason = func.coalesce(col(CurationRow.reason), "")
        found.update(session.scalars(select(col(CurationRow.candidate_id)).where(same, reason.in_(list(NEEDS_ROOM)))))
    for some in chunks(sorted(found)):
        look_again_at(session, col(CandidateRow.id).in_(some))


def forget_outcome(session: Session, candidate_id: int) -> None:
    """This candidate says something else now: whatever became of the earlier words is not about these."""
    for table in (CurationRow, KeptBandRow):
        session.execute(delete(table).where(col(table.candidate_id) == candidate_id))


def look_again_at_distrusted(session: Session, candidate_id: int) -> None:
    """A decision on this candidate was taken back: its members may be trusted again."""
    theirs = aliased(CandidateAuthorRow)
    authors = select(col(CandidateAuthorRow.author_key)).where(col(CandidateAuthorRow.candidate_id) == candidate_id)
    distrusted = (
        select(col(CurationRow.candidate_id))
        .join(theirs, col(theirs.candidate_id) == col(CurationRow.candidate_id))
        .where(
            col(theirs.author_key).in_(authors),
            func.coalesce(col(CurationRow.reason), "") == LeftOutBecause.DISTRUSTED,
        )
    )
    for some in chunks(session.scalars(distrusted).all()):
        look_again_at(session, col(CandidateRow.id).in_(some))
