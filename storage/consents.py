"""Consent: a member's own yes to learning, per server; absent means no."""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, ScalarSelect, select
from sqlalchemy.orm import Mapped, Session
from sqlmodel import col

from storage.audit import note
from storage.blocks import is_blocked
from storage.curation_marks import look_again_at, look_behind, with_words_of
from storage.tables import ConsentRow
from storage.waiting import EVERYWHERE, reject_waiting_of
from storage.withdrawals import Taken, Withdrawal
from storage.withdrawing import WithdrawingRepository


def newest_decision(server: Mapped[str] | str, author_key: Mapped[str] | str) -> ScalarSelect[bool]:
    """A query for what a member decided last in a server: allowed, denied, or NULL."""
    return (
        select(col(ConsentRow.allowed))
        .where(col(ConsentRow.author_key) == author_key)
        .where((col(ConsentRow.server) == server) | (col(ConsentRow.server) == EVERYWHERE))
        .order_by(col(ConsentRow.id).desc())
        .limit(1)
        .scalar_subquery()
        .correlate_except(ConsentRow)
    )


def decision_of(session: Session, server: str, author_key: str) -> bool | None:
    """What a member decided last in a server."""
    return session.scalar(select(newest_decision(server, author_key)))


def forbids(server: Mapped[str], author_key: Mapped[str], *, needs_yes: ColumnElement[bool]) -> ColumnElement[bool]:
    """A condition on rows: this member may not be learnt from there.

    Args:
        server: the column with the server.
        author_key: the column with the member.
        needs_yes: whether silence means no (for an import it does not).
    """
    decision = newest_decision(server, author_key)
    return decision.is_(False) | (needs_yes & decision.is_(None)) | is_blocked(server, author_key)


def may_learn_from(session: Session, server: str, author_key: str, *, needs_yes: bool = True) -> bool:
    """Whether a member may be learnt from: they said yes (or, for an import, not no), and are not blocked."""
    asked = select(newest_decision(server, author_key), is_blocked(server, author_key))
    decision, blocked = session.execute(asked).one()
    return not blocked and decision is not False and (decision is True or not needs_yes)


def deny(session: Session, at: datetime, server: str, author_key: str) -> None:
    """Record a denial, and reject the candidates that wait for a review with this member's words."""
    session.add(ConsentRow(server=server, author_key=author_key, allowed=False, created_at=at))
    reject_waiting_of(session, server, author_key)
    look_behind(session, with_words_of(server, author_key))


class Consents(WithdrawingRepository):
    """Who may be learnt from."""

    async def get(self, server: str, author_key: str) -> bool | None:
        """True: allowed, False: denied, None: never asked."""
        return await self._read(lambda session: decision_of(session, server, author_key))

    async def set(
        self, server: str, author_key: str, *, allowed: bool, account_made_at: datetime | None = None
    ) -> None:
        """Record a member's decision; a denial also rejects their waiting candidates.

        Args:
            server: where.
            author_key: who.
            allowed: what they said.
            account_made_at: since when their account exists, where that is known. Only the day is kept, and only of
                those who agree.
        """
        at = self._clock()
        made_on = None if account_made_at is None else account_made_at.astimezone(UTC)

        def work(session: Session) -> None:
            if allowed:
                is_news = server == EVERYWHERE or decision_of(session, server, author_key) is not True
                day = None if made_on is None else made_on.replace(hour=0, minute=0, second=0, microsecond=0)
                session.add(
                    ConsentRow(server=server, author_key=author_key, allowed=True, created_at=at, account_made_on=day)
                )
                if is_news:
                    look_again_at(session, with_words_of(server, author_key))
            else:
                deny(session, at, server, author_key)
            note(session, at, author_key, "consent", server, {"allowed": allowed}, server=server)

        await self._write_noted(work, [] if allowed else [Withdrawal(at, Taken.CONSENT, author_key, server)])

    async def all_allow(self, server: str, author_keys: Iterable[str]) -> bool:
        """Whether every one of these members may be learnt from here: said yes, and not blocked; True for none."""
        keys = sorted(set(author_keys))
        return await self._read(lambda session: all(may_learn_from(session, server, key) for key in keys))
