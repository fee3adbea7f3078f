"""Candidates between rows and values, and what every transaction that touches one must look at.

Knows nothing of who may decide what: see `storage.decisions`.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.consents import forbids, may_learn_from
from storage.curation_marks import look_behind
from storage.errors import Refused, WrongUsage
from storage.repository import chunks
from storage.run_quotes import take_back_quotes
from storage.server_choices import Lines
from storage.tables import CandidateAuthorRow, CandidateRow, CandidateTurnRow, ReviewRow, TurnRow
from storage.text import storable
from storage.values import Candidate, CandidateState, Message, Outcome, Role, Source, Verdict
from storage.verdicts import verdict_from_json, verdict_to_json


def content_hash(messages: Sequence[Message]) -> str:
    """SHA-256 of the messages' roles and texts, hexadecimal."""
    return hashlib.sha256(json.dumps(messages_to_json(messages)).encode("ascii")).hexdigest()


def authors_hash(author_keys: Iterable[str]) -> str:
    """SHA-256 of the members a candidate is of, hexadecimal; empty for nobody."""
    keys = sorted(set(author_keys))
    return hashlib.sha256("\n".join(keys).encode()).hexdigest() if keys else ""


def messages_to_json(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Messages as a row keeps them."""
    return [{"role": message.role.value, "text": storable(message.text)} for message in messages]


def messages_from_json(kept: Sequence[dict[str, str]]) -> tuple[Message, ...]:
    """Messages that a row kept."""
    return tuple(Message(Role(message["role"]), message["text"]) for message in kept)


def set_verdict(row: CandidateRow, verdict: Verdict) -> None:
    """Keep a verdict in a row."""
    row.outcome = verdict.outcome.value
    row.screen_version = verdict.screen_version
    row.verdict = verdict_to_json(verdict)


def verdict_of(row: CandidateRow) -> Verdict:
    """The verdict that a row keeps."""
    return verdict_from_json(row.outcome, row.screen_version, row.verdict)


def existing(session: Session, candidate_id: int) -> CandidateRow:
    """A candidate's row.

    Raises:
        WrongUsage: there is none.
    """
    row = session.get(CandidateRow, candidate_id)
    if row is None:
        raise WrongUsage(f"There is no candidate {candidate_id}.", advice="It may have been deleted with its message.")
    return row


def lacks_consent() -> ColumnElement[bool]:
    """A condition on candidates: some author may not be learnt from (for an import: said no, or is blocked)."""
    forbidden = forbids(
        col(CandidateRow.server),
        col(CandidateAuthorRow.author_key),
        needs_yes=col(CandidateRow.source) != Source.IMPORT,
    )
    return (
        select(col(CandidateAuthorRow.candidate_id))
        .where(col(CandidateAuthorRow.candidate_id) == col(CandidateRow.id), forbidden)
        .correlate(CandidateRow)
        .exists()
    )


def is_learnable(lines: Lines, line: str) -> ColumnElement[bool]:
    """A condition on candidates: approved, and a line may learn them now.

    It is what decides, in every query that decides. State and server are hidden from the planner: where a query names
    the candidates that it is about, SQLite would otherwise go through all that are approved, or all of a server.
    """
    server = func.coalesce(col(CandidateRow.server), "")
    return and_(
        func.coalesce(col(CandidateRow.state), "") == CandidateState.APPROVED,
        col(CandidateRow.outcome) != Outcome.REFUSE,
        lines.may_learn(server, col(CandidateRow.source), line),
        ~lacks_consent(),
    )


def may_be_learnt(session: Session, row: CandidateRow) -> bool:
    """Whether every author of a candidate may be learnt from now."""
    authors = select(col(CandidateAuthorRow.author_key)).where(col(CandidateAuthorRow.candidate_id) == row.id)
    needs_yes = row.source != Source.IMPORT
    return all(may_learn_from(session, row.server, key, needs_yes=needs_yes) for key in session.scalars(authors).all())


def has_words_of(author_key: str) -> ColumnElement[bool]:
    """A condition on candidates: a member's words are in it, be it only as context."""
    author = (
        select(col(CandidateAuthorRow.candidate_id))
        .where(col(CandidateAuthorRow.candidate_id) == col(CandidateRow.id))
        .where(col(CandidateAuthorRow.author_key) == author_key)
        .correlate(CandidateRow)
    )
    quoted = (
        select(col(CandidateTurnRow.candidate_id))
        .join(TurnRow, col(TurnRow.id) == col(CandidateTurnRow.turn_id))
        .where(col(CandidateTurnRow.candidate_id) == col(CandidateRow.id), col(TurnRow.author_key) == author_key)
        .correlate(CandidateRow)
    )
    return or_(author.exists(), quoted.exists())


def is_unfit(verdict: Verdict) -> bool:
    """Whether screening lets nobody learn these words."""
    return verdict.outcome is Outcome.REFUSE or verdict.is_crisis


def refuse_unfit(verdict: Verdict) -> None:
    """Raise `Refused` for words that nobody may learn."""
    if refusal := unfitness(verdict):
        raise refusal


def unfitness(verdict: Verdict) -> Refused | None:
    """Why nobody may learn these words."""
    if not is_unfit(verdict):
        return None
    reasons = ", ".join(verdict.reasons) or verdict.outcome.value
    return Refused(f"Screening refused these words for learning ({reasons}).")


def no_consent() -> Refused:
    """Somebody in an exchange may not be learnt from."""
    return Refused("Somebody in this exchange has not agreed to be learnt from.", advice="They can with /privacy.")


def drop(session: Session, which: ColumnElement[bool]) -> int:
    """Delete the candidates of a condition, what moderators wrote about them, and what reports quote; returns how many."""
    look_behind(session, which)
    gone = session.scalars(delete(CandidateRow).where(which).returning(col(CandidateRow.id))).all()
    take_back_quotes(session, gone)
    for some in chunks(gone):
        session.execute(
            update(ReviewRow)
            .where(col(ReviewRow.candidate_id).in_(some), col(ReviewRow.reason) != "")
            .values(reason="")
            .execution_options(synchronize_session=False)
        )
    return len(gone)


def drop_made_from(session: Session, turn_ids: Sequence[int]) -> int:
    """Delete the candidates that contain any of these turns; returns how many."""
    made = select(col(CandidateTurnRow.candidate_id)).where(col(CandidateTurnRow.turn_id).in_(turn_ids))
    return drop(session, col(CandidateRow.id).in_(made))


def candidates_of(session: Session, rows: Sequence[CandidateRow]) -> list[Candidate]:
    """The rows as values, with their authors and turns."""
    authors = authors_of(session, [row.id for row in rows])
    turns: dict[int, list[int]] = {row.id: [] for row in rows}
    for ids in chunks(turns):
        for candidate_id, turn_id in session.execute(
            select(col(CandidateTurnRow.candidate_id), col(CandidateTurnRow.turn_id))
            .where(col(CandidateTurnRow.candidate_id).in_(ids))
            .order_by(col(CandidateTurnRow.turn_id))
        ):
            turns[candidate_id].append(turn_id)
    return [candidate_with(row, authors[row.id], turns[row.id]) for row in rows]


def authors_of(session: Session, candidate_ids: Sequence[int]) -> dict[int, list[str]]:
    """The authors of some candidates, in order."""
    authors: dict[int, list[str]] = {candidate_id: [] for candidate_id in candidate_ids}
    for ids in chunks(authors):
        for candidate_id, author_key in session.execute(
            select(col(CandidateAuthorRow.candidate_id), col(CandidateAuthorRow.author_key))
            .where(col(CandidateAuthorRow.candidate_id).in_(ids))
            .order_by(col(CandidateAuthorRow.author_key))
        ):
            authors[candidate_id].append(author_key)
    return authors


def candidate_with(row: CandidateRow, author_keys: Sequence[str], turn_ids: Sequence[int]) -> Candidate:
    """A row as a value, where its authors and turns are known; both in order."""
    return replace(_candidate(row), author_keys=tuple(author_keys), turn_ids=tuple(turn_ids))


def candidate_of(session: Session, row: CandidateRow) -> Candidate:
    """A row as a value."""
    return candidates_of(session, [row])[0]


def _candidate(row: CandidateRow) -> Candidate:
    return Candidate(
        id=row.id,
        messages=messages_from_json(row.messages),
        server=row.server,
        channel=row.channel,
        source=Source(row.source),
        verdict=verdict_of(row),
        author_keys=(),
        state=CandidateState(row.state),
        content_hash=row.content_hash,
        created_at=row.created_at,
        user_turn_id=row.user_turn_id,
        assistant_turn_id=row.assistant_turn_id,
    )
