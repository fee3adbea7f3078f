"""Which bot process answers which message, where several hear the same ones; and what they let through together.

Promise: of the processes that ask for a message, one gets it, and another only once that one is gone or has taken too long.
A row lives for an hour at most.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.bots import is_there
from storage.repository import Repository
from storage.tables import BotRow, ClaimRow

_MINUTE = timedelta(minutes=1)
_KEPT = timedelta(hours=1)


class Claim(StrEnum):
    """What a process may do with a message."""

    OURS = "ours"
    TAKEN = "taken"
    """Another process answers it, or has."""
    TOO_MANY = "too many"
    """Refuse it: the member has sent too many in the last minute."""
    STILL_ANSWERING = "still answering"
    """Refuse it: another process still answers this member in this channel."""


class Claims(Repository):
    """Messages that are being answered, or were in the last hour."""

    async def claim(
        self,
        server: str,
        message: str,
        *,
        channel: str,
        author_key: str,
        holder: str,
        messages_per_minute: int,
        patience_seconds: float,
    ) -> Claim:
        """Ask for a message; whoever refuses it has it too, so that it is refused once.

        Args:
            server: where it was sent.
            message: its id at the face.
            channel: where in the server.
            author_key: whose it is.
            holder: the process that asks, as `Bots` knows it.
            messages_per_minute: what a member may send, to all processes together.
            patience_seconds: after so long nobody answers any more.
        """

        def work(session: Session) -> Claim:
            now = self._clock()
            row = session.get(ClaimRow, (server, message))
            if row is not None and row.holder != holder and (row.ended_at is not None or is_held(session, row, now)):
                return Claim.TAKEN
            theirs = select(ClaimRow).where(
                col(ClaimRow.author_key) == author_key, col(ClaimRow.server) == server, col(ClaimRow.message) != message
            )
            before = session.scalars(theirs).all()
            found = Claim.OURS
            if sum(not one.is_refused and one.claimed_at > now - _MINUTE for one in before) >= messages_per_minute:
                found = Claim.TOO_MANY
            elif any(one.channel == channel and one.holder != holder and is_held(session, one, now) for one in before):
                found = Claim.STILL_ANSWERING
            is_refused = found is not Claim.OURS
            session.merge(
                ClaimRow(
                    server=server,
                    message=message,
                    channel=channel,
                    author_key=author_key,
                    holder=holder,
                    claimed_at=now,
                    ended_at=now if is_refused else None,
                    is_refused=is_refused,
                )
            )
            return found

        def is_held(session: Session, row: ClaimRow, now: datetime) -> bool:
            is_late = row.claimed_at <= now - timedelta(seconds=patience_seconds)
            return row.ended_at is None and not is_late and is_there(session.get(BotRow, row.holder), now)

        return await self._write(work)

    async def end(self, server: str, message: str, *, holder: str) -> None:
        """The answer is out, or will never be."""
        ending = (
            update(ClaimRow)
            .where(col(ClaimRow.server) == server, col(ClaimRow.message) == message, col(ClaimRow.holder) == holder)
            .values(ended_at=self._clock())
        )
        await self._execute(ending)

    async def sweep(self) -> None:
        """Delete what is older than an hour."""
        await self._execute(delete(ClaimRow).where(col(ClaimRow.claimed_at) < self._clock() - _KEPT))

    async def count(self) -> int:
        """Rows there are."""
        return await self._read(lambda session: session.scalar(select(func.count()).select_from(ClaimRow)) or 0)
