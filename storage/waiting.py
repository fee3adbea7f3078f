"""What happens to candidates that wait when a member may no longer be learnt from."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.tables import CandidateAuthorRow, CandidateRow
from storage.values import CandidateState

EVERYWHERE = "*"
"""Stands for all servers in a decision; a later decision for one server stands above it there."""


def reject_waiting_of(session: Session, server: str, author_key: str) -> None:
    """Reject what waits with a member's words, without a review: the same words may wait again after a new yes."""
    theirs = select(col(CandidateAuthorRow.candidate_id)).where(col(CandidateAuthorRow.author_key) == author_key)
    rejecting = (
        update(CandidateRow)
        .where(col(CandidateRow.state) == CandidateState.WAITING, col(CandidateRow.id).in_(theirs))
        .values(state=CandidateState.REJECTED)
        .execution_options(synchronize_session=False)
    )
    if server != EVERYWHERE:
        rejecting = rejecting.where(col(CandidateRow.server) == server)
    session.execute(rejecting)
