"""Everything there is of one member, as plain values; others' words are left out of it."""

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.blocks import blocks_of
from storage.candidate_rows import messages_from_json
from storage.governance import ConsentDecision, Feedback, MemberExample, MemberExport, MemberSignal, MemberVote
from storage.receipts import receipts_of
from storage.tables import (
    CandidateAuthorRow,
    CandidateRow,
    CandidateTurnRow,
    ConsentRow,
    ConversationRow,
    SignalRow,
    SnapshotCandidateRow,
    TurnRow,
    VoteRow,
)
from storage.turn_rows import turn_of
from storage.values import CandidateState, Role, Source
from storage.waiting import EVERYWHERE


def export_of(session: Session, author_key: str, server: str | None, versions: Sequence[str]) -> MemberExport:
    """What there is of a member in one server, or in all.

    Args:
        session: of one reading transaction, so that the parts belong together.
        author_key: the member.
        server: where; None: everywhere.
        versions: those that have learnt from the member.
    """
    turns = session.scalars(_turns(author_key, server)).all()
    conversations = {turn.conversation_id for turn in turns}
    channels = select(ConversationRow).where(col(ConversationRow.id).in_(conversations))
    return MemberExport(
        author_key=author_key,
        server=server,
        consents=_consents(session, author_key, server),
        turns=tuple(turn_of(row) for row in turns),
        examples=_examples(session, author_key, server),
        votes=_votes(session, author_key, server),
        blocks=tuple(blocks_of(session, author_key, server)),
        receipts=tuple(receipts_of(session, author_key, server)),
        versions=tuple(versions),
        channels={row.id: f"{row.server}/{row.channel}" for row in session.scalars(channels)},
        signals=_signals(session, author_key, server),
    )


def _turns(author_key: str, server: str | None) -> Select[TurnRow]:
    query = select(TurnRow).where(col(TurnRow.author_key) == author_key).order_by(col(TurnRow.id))
    return query if server is None else query.where(col(TurnRow.server) == server)


def _consents(session: Session, author_key: str, server: str | None) -> tuple[ConsentDecision, ...]:
    query = select(ConsentRow).where(col(ConsentRow.author_key) == author_key).order_by(col(ConsentRow.id))
    if server is not None:
        query = query.where(col(ConsentRow.server).in_([server, EVERYWHERE]))
    return tuple(
        ConsentDecision(row.server, row.allowed, row.created_at, row.account_made_on) for row in session.scalars(query)
    )


def _votes(session: Session, author_key: str, server: str | None) -> tuple[MemberVote, ...]:
    query = select(VoteRow).where(col(VoteRow.author_key) == author_key).order_by(col(VoteRow.turn_id))
    if server is not None:
        there = select(col(TurnRow.id)).where(col(TurnRow.server) == server)
        query = query.where(col(VoteRow.turn_id).in_(there))
    return tuple(MemberVote(row.turn_id, row.value, row.created_at) for row in session.scalars(query))


def _signals(session: Session, author_key: str, server: str | None) -> tuple[MemberSignal, ...]:
    said = _turns(author_key, server).with_only_columns(col(TurnRow.id)).order_by(None)
    query = select(SignalRow).where(col(SignalRow.said_turn_id).in_(said)).order_by(col(SignalRow.turn_id))
    return tuple(MemberSignal(row.turn_id, Feedback(row.kind), row.created_at) for row in session.scalars(query))


def _examples(session: Session, author_key: str, server: str | None) -> tuple[MemberExample, ...]:
    theirs = select(col(CandidateAuthorRow.candidate_id)).where(col(CandidateAuthorRow.author_key) == author_key)
    query = select(CandidateRow).where(col(CandidateRow.id).in_(theirs)).order_by(col(CandidateRow.id))
    if server is not None:
        query = query.where(col(CandidateRow.server) == server)
    return tuple(_example(session, author_key, row) for row in session.scalars(query).all())


def _example(session: Session, author_key: str, row: CandidateRow) -> MemberExample:
    snapshots = select(col(SnapshotCandidateRow.snapshot_hash)).where(col(SnapshotCandidateRow.candidate_id) == row.id)
    return MemberExample(
        candidate_id=row.id,
        server=row.server,
        state=CandidateState(row.state),
        source=Source(row.source),
        created_at=row.created_at,
        texts=_own_texts(session, author_key, row),
        snapshots=tuple(sorted(session.scalars(snapshots))),
    )


def _own_texts(session: Session, author_key: str, row: CandidateRow) -> tuple[str, ...]:
    """All of it when nobody else has a part in it; else only the member's own messages: a reply may repeat others'."""
    messages = messages_from_json(row.messages)
    authors = select(col(CandidateAuthorRow.author_key)).where(col(CandidateAuthorRow.candidate_id) == row.id)
    if set(session.scalars(authors)) <= {author_key}:
        return tuple(message.text for message in messages)
    own = set(
        session.scalars(
            select(col(TurnRow.text))
            .join(CandidateTurnRow, col(CandidateTurnRow.turn_id) == col(TurnRow.id))
            .where(col(CandidateTurnRow.candidate_id) == row.id, col(TurnRow.author_key) == author_key)
        )
    )
    return tuple(message.text for message in messages[:-1] if message.role is Role.USER and message.text in own)
