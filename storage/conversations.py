"""Conversations and their turns."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.candidates import drop_made_from
from storage.errors import WrongUsage
from storage.repository import Repository, chunks
from storage.tables import ConversationRow, TurnRow
from storage.text import storable
from storage.values import Conversation, NewTurn, Role, Source, Turn, Verdict
from storage.verdicts import verdict_from_json, verdict_to_json


class Conversations(Repository):
    """Turns in order, in one channel or thread of one server."""

    async def current(self, server: str, channel: str) -> Conversation:
        """The conversation now open in a channel; a new one if there is none."""
        known = await self._read(lambda session: _open(session, server, channel))
        if known is not None:
            return known
        at = self._clock()

        def work(session: Session) -> Conversation:
            opened = _open(session, server, channel)
            if opened is not None:
                return opened
            row = ConversationRow(server=storable(server), channel=storable(channel), started_at=at)
            session.add(row)
            session.flush()
            return _conversation(row)

        return await self._write(work)

    async def reset(self, server: str, channel: str) -> None:
        """Close a channel's conversation: the next turn starts a new one. Nothing is deleted."""
        at = self._clock()
        closing = (
            update(ConversationRow)
            .where(
                col(ConversationRow.server) == server,
                col(ConversationRow.channel) == channel,
                col(ConversationRow.closed_at).is_(None),
            )
            .values(closed_at=at)
        )
        await self._execute(closing)

    async def add_turn(self, new: NewTurn) -> Turn:
        """Write a turn; an `external_id` already written for that role in that server returns the row there is.

        Raises:
            WrongUsage: no such conversation.
        """
        at = self._clock()
        return await self._write(lambda session: _add_turn(session, at, new))

    async def turn(self, turn_id: int) -> Turn | None:
        """One turn by id."""

        def work(session: Session) -> Turn | None:
            row = session.get(TurnRow, turn_id)
            return None if row is None else _turn(row)

        return await self._read(work)

    async def turn_by_external_id(self, server: str, external_id: str) -> Turn | None:
        """The turn that a face's message became."""
        query = select(TurnRow).where(col(TurnRow.server) == server, col(TurnRow.external_id) == external_id).limit(1)

        def work(session: Session) -> Turn | None:
            row = session.scalar(query.order_by(col(TurnRow.id)))
            return None if row is None else _turn(row)

        return await self._read(work)

    async def set_external_id(self, turn_id: int, external_id: str) -> None:
        """Note the message that carries a turn (the bot's answer is sent before its id is known).

        Raises:
            WrongUsage: another turn of the server carries this message already.
        """

        def work(session: Session) -> None:
            row = session.get(TurnRow, turn_id)
            if row is None:
                return  # deleted while it was being sent
            twin = _by_external_id(session, row.server, external_id, row.role)
            if twin is not None and twin.id != turn_id:
                raise WrongUsage(f"Message {external_id} is turn {twin.id} already.")
            row.external_id = external_id

        await self._write(work)

    async def conversation(self, conversation_id: int) -> Conversation | None:
        """One conversation by id."""

        def work(session: Session) -> Conversation | None:
            row = session.get(ConversationRow, conversation_id)
            return None if row is None else _conversation(row)

        return await self._read(work)

    async def history(self, conversation_id: int, *, limit: int) -> list[Turn]:
        """The newest `limit` turns, oldest first."""
        query = select(TurnRow).where(col(TurnRow.conversation_id) == conversation_id)
        newest = query.order_by(col(TurnRow.id).desc()).limit(max(limit, 0))
        return await self._read(lambda session: [_turn(row) for row in session.scalars(newest)][::-1])

    async def exchange_before(self, assistant_turn_id: int, *, limit: int) -> list[Turn]:
        """The newest `limit` turns up to and with an answer, oldest first: what a candidate is made of."""

        def work(session: Session) -> list[Turn]:
            answer = session.get(TurnRow, assistant_turn_id)
            if answer is None:
                return []
            rows = session.scalars(
                select(TurnRow)
                .where(col(TurnRow.conversation_id) == answer.conversation_id, col(TurnRow.id) <= answer.id)
                .order_by(col(TurnRow.id).desc())
                .limit(max(limit, 0))
            )
            return [_turn(row) for row in rows][::-1]

        return await self._read(work)

    async def edit(self, server: str, external_id: str, text: str, verdict: Verdict) -> bool:
        """A person edited their message: replace the text, and drop candidates made from the old one.

        Returns:
            Whether there was such a message of a person.
        """

        def work(session: Session) -> bool:
            row = _by_external_id(session, server, external_id, Role.USER)
            if row is None:
                return False
            row.text = storable(text)
            _set_verdict(row, verdict)
            drop_made_from(session, [row.id])
            return True

        return await self._write(work)

    async def delete(self, server: str, external_ids: Sequence[str]) -> int:
        """Messages were deleted: delete the rows and every candidate made from them; returns turns removed."""

        def work(session: Session) -> int:
            removed = 0
            for some in chunks(external_ids):
                doomed = session.scalars(
                    select(col(TurnRow.id)).where(col(TurnRow.server) == server, col(TurnRow.external_id).in_(some))
                ).all()
                drop_made_from(session, doomed)
                session.execute(delete(TurnRow).where(col(TurnRow.id).in_(doomed)))
                removed += len(doomed)
            return removed

        return await self._write(work)

    async def count(self) -> int:
        """Turns stored."""
        return await self._read(lambda session: session.scalar(select(func.count()).select_from(TurnRow)) or 0)


def _open(session: Session, server: str, channel: str) -> Conversation | None:
    row = session.scalar(
        select(ConversationRow).where(
            col(ConversationRow.server) == server,
            col(ConversationRow.channel) == channel,
            col(ConversationRow.closed_at).is_(None),
        )
    )
    return None if row is None else _conversation(row)


def _by_external_id(session: Session, server: str, external_id: str, role: str) -> TurnRow | None:
    return session.scalar(
        select(TurnRow).where(
            col(TurnRow.server) == server, col(TurnRow.external_id) == external_id, col(TurnRow.role) == role
        )
    )


def _add_turn(session: Session, at: datetime, new: NewTurn) -> Turn:
    conversation = session.get(ConversationRow, new.conversation_id)
    if conversation is None:
        raise WrongUsage(f"There is no conversation {new.conversation_id}.")
    if new.external_id is not None:
        known = _by_external_id(session, conversation.server, new.external_id, new.role)
        if known is not None:
            return _turn(known)
    reply_to = new.reply_to
    if reply_to is not None and session.get(TurnRow, reply_to) is None:
        reply_to = None  # the question was deleted while its answer was made
    row = TurnRow(
        conversation_id=new.conversation_id,
        server=conversation.server,
        role=new.role.value,
        text=storable(new.text),
        source=new.source.value,
        outcome=new.verdict.outcome.value,
        screen_version=new.verdict.screen_version,
        verdict=verdict_to_json(new.verdict),
        author_key=new.author_key,
        external_id=new.external_id,
        model_version=new.model_version,
        latency_seconds=new.latency_seconds,
        reply_to=reply_to,
        created_at=at,
    )
    session.add(row)
    session.flush()
    return _turn(row)


def _set_verdict(row: TurnRow, verdict: Verdict) -> None:
    row.outcome = verdict.outcome.value
    row.screen_version = verdict.screen_version
    row.verdict = verdict_to_json(verdict)


def _turn(row: TurnRow) -> Turn:
    return Turn(
        id=row.id,
        conversation_id=row.conversation_id,
        role=Role(row.role),
        text=row.text,
        source=Source(row.source),
        verdict=verdict_from_json(row.outcome, row.screen_version, row.verdict),
        created_at=row.created_at,
        author_key=row.author_key,
        external_id=row.external_id,
        model_version=row.model_version,
        latency_seconds=row.latency_seconds,
        reply_to=row.reply_to,
    )


def _conversation(row: ConversationRow) -> Conversation:
    return Conversation(row.id, row.server, row.channel, row.started_at)
