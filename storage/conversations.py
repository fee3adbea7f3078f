"""Conversations and their turns."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, and_, bindparam, delete, func, insert, literal_column, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import col

from storage.candidate_rows import drop, drop_made_from
from storage.errors import WrongUsage
from storage.kept_out import keep_out, marked, refused
from storage.repository import Repository, chunks
from storage.retention import drop_kept_from
from storage.review_order import unhear
from storage.tables import CandidateOriginRow, CandidateRow, ConversationRow, KeptOutRow, TurnRow
from storage.text import storable
from storage.turn_rows import set_verdict, turn_of
from storage.values import Conversation, NewTurn, Role, Turn, Verdict
from storage.verdicts import verdict_from_json, verdict_to_json

_AT_ONCE = 500
"""Turns deleted by one statement."""


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
            return None if row is None else turn_of(row)

        return await self._read(work)

    async def turn_by_external_id(self, server: str, external_id: str) -> Turn | None:
        """The turn that a face's message became."""
        query = select(TurnRow).where(col(TurnRow.server) == server, col(TurnRow.external_id) == external_id).limit(1)

        def work(session: Session) -> Turn | None:
            row = session.scalar(query.order_by(col(TurnRow.id)))
            return None if row is None else turn_of(row)

        return await self._read(work)

    async def answer_to(self, question_id: int) -> Turn | None:
        """The newest answer to a person's turn."""
        query = select(TurnRow).where(col(TurnRow.reply_to) == question_id, col(TurnRow.role) == Role.ASSISTANT)

        def work(session: Session) -> Turn | None:
            row = session.scalar(query.order_by(col(TurnRow.id).desc()).limit(1))
            return None if row is None else turn_of(row)

        return await self._read(work)

    async def set_external_id(self, turn_id: int, external_id: str) -> None:
        """Note the message that carries a turn (the bot's answer is sent before its id is known).

        Where somebody asked meanwhile that the message is not learnt, what was made of it already is dropped.

        Raises:
            WrongUsage: another turn of the server carries this message already.
        """
        at = self._clock()

        def work(session: Session) -> None:
            row = session.get(TurnRow, turn_id)
            if row is None:
                return  # deleted while it was being sent
            twin = _by_external_id(session, row.server, external_id, row.role)
            if twin is not None and twin.id != turn_id:
                raise WrongUsage(f"Message {external_id} is turn {twin.id} already.")
            row.external_id = external_id
            session.flush()
            if (mark := session.get(KeptOutRow, (row.server, external_id))) is not None:
                keep_out(session, at, row.server, [external_id], mark.kept_out_by)

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
        return await self._read(lambda session: [turn_of(row) for row in session.scalars(newest)][::-1])

    async def newest(self, *, limit: int) -> list[Turn]:
        """The newest `limit` turns of all conversations, newest first."""
        query = select(TurnRow).order_by(col(TurnRow.id).desc()).limit(max(limit, 0))
        return await self._read(lambda session: [turn_of(row) for row in session.scalars(query)])

    async def channels(self, server: str, *, since: datetime) -> list[str]:
        """The channels of a server in which something was said since then; the newest conversation first."""
        spoken = select(col(TurnRow.conversation_id)).where(
            col(TurnRow.server) == server, col(TurnRow.created_at) >= since
        )
        query = (
            select(col(ConversationRow.channel))
            .where(col(ConversationRow.id).in_(spoken))
            .group_by(col(ConversationRow.channel))
            .order_by(func.max(ConversationRow.id).desc())
        )
        return await self._read(lambda session: list(session.scalars(query)))

    async def messages(self, server: str, channel: str, *, since: datetime) -> list[str]:
        """The face's ids of what was stored of a channel since then, people's and the bot's, oldest first."""
        there = select(col(ConversationRow.id)).where(
            col(ConversationRow.server) == server, col(ConversationRow.channel) == channel
        )
        query = (
            select(col(TurnRow.external_id))
            .where(
                col(TurnRow.server) == server,
                col(TurnRow.created_at) >= since,
                col(TurnRow.conversation_id).in_(there),
                col(TurnRow.external_id).is_not(None),
            )
            .order_by(col(TurnRow.id))
        )
        return await self._read(lambda session: [message for message in session.scalars(query) if message is not None])

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
            return [turn_of(row) for row in rows][::-1]

        return await self._read(work)

    async def edit(self, server: str, external_id: str, text: str, verdict: Verdict) -> bool:
        """A person edited their message: replace the text, and drop candidates made from the old one.

        Returns:
            Whether there was such a message of a person.
        """

        def work(session: Session) -> bool:
            row = _by_external_id(session, server, external_id, Role.USER)
            if row is None:  # too old to be kept, but an example of it may be
                drop_kept_from(session, server, [external_id])
                return False
            row.text = storable(text)
            set_verdict(row, refused(verdict) if marked(session, server, [external_id]) else verdict)
            drop_made_from(session, [row.id])
            unhear(session, [row.id])
            drop_kept_from(session, server, [external_id])
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
                drop_kept_from(session, server, some)
                unhear(session, doomed)
                session.execute(delete(TurnRow).where(col(TurnRow.id).in_(doomed)))
                removed += len(doomed)
            return removed

        return await self._write(work)

    async def delete_channel(self, server: str, channel: str) -> int:
        """A channel was deleted: delete its turns and every candidate from there; returns turns removed."""

        def work(session: Session) -> int:
            conversations = select(col(ConversationRow.id)).where(
                col(ConversationRow.server) == server, col(ConversationRow.channel) == channel
            )
            there = select(col(TurnRow.id)).where(col(TurnRow.conversation_id).in_(conversations))
            drop(session, and_(col(CandidateRow.server) == server, col(CandidateRow.channel) == channel))
            removed = 0
            while doomed := session.scalars(there.limit(_AT_ONCE)).all():
                drop_made_from(session, doomed)
                session.execute(delete(TurnRow).where(col(TurnRow.id).in_(doomed)))
                removed += len(doomed)
            return removed

        return await self._write(work)

    async def edited_long_ago(self, server: str, external_id: str) -> int:
        """A message was edited of which no turn is left: delete the examples kept from it; returns how many."""
        kept = select(col(CandidateOriginRow.candidate_id)).where(
            col(CandidateOriginRow.server) == server, col(CandidateOriginRow.external_id) == external_id
        )
        if await self._read(lambda session: session.scalar(kept.limit(1))) is None:
            return 0
        return await self._write(lambda session: drop_kept_from(session, server, [external_id]))

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
    if new.external_id is not None:
        new = replace(new, external_id=storable(new.external_id))
    kept = verdict_to_json(new.verdict)
    values = {
        "conversation_id": new.conversation_id,
        "role": new.role.value,
        "text": storable(new.text),
        "source": new.source.value,
        "outcome": new.verdict.outcome.value,
        "screen_version": storable(new.verdict.screen_version),
        "verdict": kept,
        "author_key": new.author_key,
        "external_id": new.external_id,
        "model_version": new.model_version,
        "latency_seconds": new.latency_seconds,
        "reply_to": new.reply_to,
        "created_at": at,
    }
    written = session.connection().execute(_INSERT, values).one_or_none()
    if written is None:
        return _known_turn(session, new)
    if written.is_kept_out:
        return _kept_out(session, written.id)
    return Turn(
        id=written.id,
        conversation_id=new.conversation_id,
        role=new.role,
        text=storable(new.text),
        source=new.source,
        verdict=verdict_from_json(new.verdict.outcome, storable(new.verdict.screen_version), kept),
        created_at=at,
        author_key=new.author_key,
        external_id=new.external_id,
        model_version=new.model_version,
        latency_seconds=new.latency_seconds,
        reply_to=written.reply_to,
    )


def _kept_out(session: Session, turn_id: int) -> Turn:
    """A turn of a message that was marked before it was written."""
    row = session.get_one(TurnRow, turn_id)
    set_verdict(row, refused(turn_of(row).verdict))
    session.flush()
    return turn_of(row)


def _known_turn(session: Session, new: NewTurn) -> Turn:
    """The turn that was there already."""
    conversation = session.get(ConversationRow, new.conversation_id)
    if conversation is None:
        raise WrongUsage(f"There is no conversation {new.conversation_id}.")
    known = _by_external_id(session, conversation.server, new.external_id or "", new.role)
    if known is None:
        raise WrongUsage(f"Turn of message {new.external_id} cannot be written.")
    return turn_of(known)


def _insert_turn() -> ReturningInsert[Any]:
    """One statement that looks up the server, sees whether the message is known or kept out, and writes.

    A turn is the one row that is written at the speed of talk, and each further statement costs more than the row.
    """
    turns = TurnRow.metadata.tables["turns"]
    known = turns.alias("known")
    asked = turns.alias("asked")
    conversations = ConversationRow.metadata.tables["conversations"]
    given: dict[str, ColumnElement[Any]] = {
        column.name: bindparam(column.name, type_=column.type) for column in turns.columns if column.name != "id"
    }
    # An answer may outlive its question: then it answers nothing.
    given["reply_to"] = select(asked.c.id).where(asked.c.id == given["reply_to"]).scalar_subquery().label("reply_to")
    given["server"] = conversations.c.server
    is_known = (
        select(known.c.id)
        .where(known.c.server == conversations.c.server)
        .where(known.c.external_id == bindparam("external_id", type_=turns.c.external_id.type))
        .where(known.c.role == bindparam("role", type_=turns.c.role.type))
        .correlate(conversations)
        .exists()
    )
    rows = select(*given.values()).where(conversations.c.id == given["conversation_id"]).where(~is_known)
    # Written out, because SQLAlchemy names no table in what SQLite returns, and both tables have a `server`.
    is_kept_out: ColumnElement[bool] = literal_column(
        "EXISTS (SELECT 1 FROM kept_out WHERE kept_out.server = turns.server AND kept_out.message = turns.external_id)",
        Boolean(),
    ).label("is_kept_out")
    return insert(turns).from_select(list(given), rows).returning(turns.c.id, turns.c.reply_to, is_kept_out)


_INSERT = _insert_turn()


def _conversation(row: ConversationRow) -> Conversation:
    return Conversation(row.id, row.server, row.channel, row.started_at)
