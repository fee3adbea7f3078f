"""Members whom moderators keep out of learning. Their own consent is another matter, and is left as it is."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Mapped, Session
from sqlmodel import col

from storage.audit import note
from storage.curation_marks import look_again_at, look_behind, with_words_of
from storage.errors import Refused
from storage.governance import Block
from storage.repository import Repository
from storage.tables import BlockRow
from storage.text import storable
from storage.waiting import reject_waiting_of


def is_blocked(server: Mapped[str] | str, author_key: Mapped[str] | str) -> ColumnElement[bool]:
    """A condition: moderators keep this member out of learning there."""
    return (
        select(col(BlockRow.id))
        .where(
            col(BlockRow.author_key) == author_key, col(BlockRow.server) == server, col(BlockRow.lifted_at).is_(None)
        )
        .correlate_except(BlockRow)
        .exists()
    )


class Blocks(Repository):
    """Blocks, and their history."""

    async def block(self, server: str, author_key: str, *, by: str, reason: str = "") -> Block:
        """Keep a member out of learning; their waiting candidates are rejected, their approved ones not learnt.

        Raises:
            Refused: they are blocked already.
        """
        at = self._clock()

        def work(session: Session) -> Block:
            if session.scalar(_active(server, author_key)) is not None:
                raise Refused("This member is kept out of learning already.")
            row = BlockRow(server=server, author_key=author_key, blocked_by=by, reason=storable(reason), created_at=at)
            session.add(row)
            session.flush()
            reject_waiting_of(session, server, author_key)
            look_behind(session, with_words_of(server, author_key))
            note(session, at, by, "block", author_key, server=server)
            return _block(row)

        return await self._write(work)

    async def lift(self, server: str, author_key: str, *, by: str) -> Block:
        """Let a member be learnt from again, if they themselves allow it.

        Raises:
            Refused: they are not blocked.
        """
        at = self._clock()

        def work(session: Session) -> Block:
            row = session.scalar(_active(server, author_key))
            if row is None:
                raise Refused("This member is not kept out of learning.")
            row.lifted_by, row.lifted_at = by, at
            look_again_at(session, with_words_of(server, author_key))
            note(session, at, by, "lift block", author_key, server=server)
            session.flush()
            return _block(row)

        return await self._write(work)

    async def is_blocked(self, server: str, author_key: str) -> bool:
        """Whether a member is kept out of learning now."""
        return await self._read(lambda session: session.scalar(_active(server, author_key)) is not None)

    async def active(self, server: str, *, after_id: int = 0, limit: int = 100) -> list[Block]:
        """The blocks of a server that stand, by id, from after a key."""
        query = (
            select(BlockRow)
            .where(col(BlockRow.server) == server, col(BlockRow.lifted_at).is_(None), col(BlockRow.id) > after_id)
            .order_by(col(BlockRow.id))
            .limit(limit)
        )
        return await self._read(lambda session: _blocks(session.scalars(query).all()))

    async def history(self, author_key: str, *, server: str | None = None) -> list[Block]:
        """All blocks of a member, oldest first."""
        return await self._read(lambda session: blocks_of(session, author_key, server))


def blocks_of(session: Session, author_key: str, server: str | None) -> list[Block]:
    """All blocks of a member in a server, or in all, oldest first."""
    query = select(BlockRow).where(col(BlockRow.author_key) == author_key).order_by(col(BlockRow.id))
    return _blocks(session.scalars(query if server is None else query.where(col(BlockRow.server) == server)).all())


def _active(server: str, author_key: str) -> Select[BlockRow]:
    return select(BlockRow).where(
        col(BlockRow.server) == server, col(BlockRow.author_key) == author_key, col(BlockRow.lifted_at).is_(None)
    )


def _blocks(rows: Sequence[BlockRow]) -> list[Block]:
    return [_block(row) for row in rows]


def _block(row: BlockRow) -> Block:
    return Block(
        row.id, row.server, row.author_key, row.blocked_by, row.reason, row.created_at, row.lifted_by, row.lifted_at
    )
