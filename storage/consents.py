"""Consent: a member's own yes to learning, per server; absent means no."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ScalarSelect, select, update
from sqlalchemy.orm import Mapped, Session
from sqlmodel import col

from storage.audit import note
from storage.repository import Repository
from storage.tables import CandidateAuthorRow, CandidateRow, ConsentRow
from storage.values import CandidateState

EVERYWHERE = "*"
"""Stands for all servers in a decision; a later decision for one server stands above it there."""


def newest_decision(server: Mapped[str] | str, author_key: Mapped[str] | str) -> ScalarSelect[bool]:
    """A query for what a member decided last in a server: allowed, denied, or NULL."""
    return (
        select(col(ConsentRow.allowed))
        .where(col(ConsentRow.author_key) == author_key)
        .where((col(ConsentRow.server) == server) | (col(ConsentRow.server) == EVERYWHERE))
        .order_by(col(ConsentRow.id).desc())
        .limit(1)
        .scalar_subquery()
    )


def decision_of(session: Session, server: str, author_key: str) -> bool | None:
    """What a member decided last in a server."""
    return session.scalar(select(newest_decision(server, author_key)))


def deny(session: Session, at: datetime, server: str, author_key: str) -> None:
    """Record a denial, and reject the candidates that wait for a review with this member's words."""
    session.add(ConsentRow(server=server, author_key=author_key, allowed=False, created_at=at))
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


class Consents(Repository):
    """Who may be learnt from."""

    async def get(self, server: str, author_key: str) -> bool | None:
        """True: allowed, False: denied, None: never asked."""
        return await self._read(lambda session: decision_of(session, server, author_key))

    async def set(self, server: str, author_key: str, *, allowed: bool) -> None:
        """Record a member's decision; a denial also rejects their waiting candidates."""
        at = self._clock()

        def work(session: Session) -> None:
            if allowed:
                session.add(ConsentRow(server=server, author_key=author_key, allowed=True, created_at=at))
            else:
                deny(session, at, server, author_key)
            note(session, at, author_key, "consent", server, {"allowed": allowed})

        await self._write(work)

    async def all_allow(self, server: str, author_keys: Iterable[str]) -> bool:
        """Whether every one of these members has said yes here; True for none."""
        keys = sorted(set(author_keys))
        return await self._read(lambda session: all(decision_of(session, server, key) is True for key in keys))
