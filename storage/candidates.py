"""Candidate examples, and the reviews that decide them.

Promise: consent is looked at when a candidate is written, when it is approved, and again in `learnable`; deleted or
edited words leave no candidate behind. Deciding which of them a snapshot takes is the trainer's business.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.audit import note
from storage.consents import forbids, may_learn_from
from storage.errors import Refused, WrongUsage
from storage.repository import Repository, chunks
from storage.tables import CandidateAuthorRow, CandidateRow, CandidateTurnRow, ReviewRow, TurnRow
from storage.text import storable
from storage.values import (
    Candidate,
    CandidateState,
    Decision,
    Message,
    NewCandidate,
    Outcome,
    Review,
    Role,
    Source,
    Verdict,
)
from storage.verdicts import verdict_from_json, verdict_to_json


def content_hash(messages: Sequence[Message]) -> str:
    """SHA-256 of the messages' roles and texts, hexadecimal."""
    return hashlib.sha256(json.dumps(_messages_to_json(messages)).encode("ascii")).hexdigest()


def _messages_to_json(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role.value, "text": storable(message.text)} for message in messages]


def _messages_from_json(kept: Sequence[dict[str, str]]) -> tuple[Message, ...]:
    return tuple(Message(Role(message["role"]), message["text"]) for message in kept)


def drop_made_from(session: Session, turn_ids: Sequence[int]) -> int:
    """Delete the candidates that contain any of these turns; returns how many."""
    made = select(col(CandidateTurnRow.candidate_id)).where(col(CandidateTurnRow.turn_id).in_(turn_ids))
    return len(
        session.scalars(
            delete(CandidateRow).where(col(CandidateRow.id).in_(made)).returning(col(CandidateRow.id))
        ).all()
    )


def _lacks_consent() -> ColumnElement[bool]:
    """A condition on candidates: some author's yes is missing (for an import: some author said no)."""
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


class Candidates(Repository):
    """Exchanges that could be learnt from."""

    async def add(self, new: NewCandidate) -> Candidate:
        """Write a candidate; the same messages in the same server return the row there is.

        A row that was rejected only because consent was taken back waits again.

        Raises:
            Refused: its verdict is `refuse`, or an author's consent is missing (when it names authors and its
                source is not `import`; for an import, when an author has denied), or a turn it was made from is gone.
            WrongUsage: it does not end with an assistant's words.
        """
        if not new.messages or new.messages[-1].role is not Role.ASSISTANT or not new.messages[-1].text.strip():
            raise WrongUsage("A candidate example must end with an assistant's words.")
        _refuse_unfit(new.verdict)
        at = self._clock()
        return await self._write(lambda session: _add(session, at, new))

    async def known_hashes(self, server: str, hashes: Sequence[str]) -> set[str]:
        """Those of these content hashes that a server has candidates for: what an import would add twice."""

        def work(session: Session) -> set[str]:
            found: set[str] = set()
            for some in chunks(hashes):
                found.update(
                    session.scalars(
                        select(col(CandidateRow.content_hash)).where(
                            col(CandidateRow.server) == server, col(CandidateRow.content_hash).in_(some)
                        )
                    )
                )
            return found

        return await self._read(work)

    async def get(self, candidate_id: int) -> Candidate | None:
        """One candidate by id."""

        def work(session: Session) -> Candidate | None:
            row = session.get(CandidateRow, candidate_id)
            return None if row is None else _candidates(session, [row])[0]

        return await self._read(work)

    async def by_state(self, state: CandidateState, *, after_id: int = 0, limit: int = 100) -> list[Candidate]:
        """Candidates of a state by id, from after a key."""
        query = _page(after_id, limit).where(col(CandidateRow.state) == state)
        return await self._read(lambda session: _candidates(session, session.scalars(query).all()))

    async def approve(self, candidate_id: int, reviewer_key: str) -> Candidate:
        """A moderator says yes.

        Raises:
            Refused: it was decided already, its verdict is `refuse`, or consent is gone.
            WrongUsage: no such candidate.
        """
        at = self._clock()

        def work(session: Session) -> Candidate:
            row = _waiting(session, candidate_id)
            return _decide(session, at, row, CandidateState.APPROVED, Decision.APPROVE, reviewer_key)

        return await self._write(work)

    async def edit(self, candidate_id: int, reviewer_key: str, reply: str, verdict: Verdict) -> Candidate:
        """A moderator approves with other words for the last assistant message, screened again.

        The words kept are the verdict's `text` (personal data scrubbed), or `reply` if it has none.

        Raises:
            Refused: as for `approve`, or the new words' verdict is `refuse`, or another candidate says just this.
            WrongUsage: no such candidate, or no words.
        """
        _refuse_unfit(verdict)
        words = storable(verdict.text or reply)
        if not words.strip():
            raise WrongUsage("The better answer is empty.", advice="Write some words, or reject the candidate.")
        at = self._clock()

        def work(session: Session) -> Candidate:
            row = _waiting(session, candidate_id)
            messages = (*_messages_from_json(row.messages)[:-1], Message(Role.ASSISTANT, words))
            digest = content_hash(messages)
            twin = _same_words(session, row.server, digest)
            if twin is not None and twin.id != row.id:
                raise Refused(
                    f"Candidate {twin.id} says just this already.", advice="Reject this one, or decide that one."
                )
            row.messages = _messages_to_json(messages)
            row.content_hash = digest
            _set_verdict(row, verdict)
            return _decide(session, at, row, CandidateState.APPROVED, Decision.EDIT, reviewer_key)

        return await self._write(work)

    async def reject(self, candidate_id: int, reviewer_key: str, reason: str = "") -> Candidate:
        """A moderator says no. Also allowed for an approved one, which then leaves the next snapshot.

        Raises:
            WrongUsage: no such candidate.
        """
        at = self._clock()

        def work(session: Session) -> Candidate:
            row = _existing(session, candidate_id)
            return _decide(session, at, row, CandidateState.REJECTED, Decision.REJECT, reviewer_key, reason)

        return await self._write(work)

    async def learnable(self, *, after_id: int = 0, limit: int = 1000) -> list[Candidate]:
        """Approved candidates whose authors' consent stands now, by id, from after a key."""
        query = _page(after_id, limit).where(
            col(CandidateRow.state) == CandidateState.APPROVED,
            col(CandidateRow.outcome) != Outcome.REFUSE,
            ~_lacks_consent(),
        )
        return await self._read(lambda session: _candidates(session, session.scalars(query).all()))

    async def counts(self) -> dict[CandidateState, int]:
        """How many there are of each state."""

        def work(session: Session) -> dict[CandidateState, int]:
            rows = session.execute(select(col(CandidateRow.state), func.count()).group_by(col(CandidateRow.state)))
            found = {CandidateState(state): count for state, count in rows}
            return {state: found.get(state, 0) for state in CandidateState}

        return await self._read(work)

    async def approved_after(self, review_id: int) -> int:
        """How many candidates were approved after a review's id and still are: what a retrain would add."""
        query = (
            select(func.count(col(ReviewRow.candidate_id).distinct()))
            .join(CandidateRow, col(CandidateRow.id) == col(ReviewRow.candidate_id))
            .where(
                col(ReviewRow.id) > review_id,
                col(ReviewRow.decision).in_([Decision.APPROVE, Decision.EDIT]),
                col(CandidateRow.state) == CandidateState.APPROVED,
            )
        )
        return await self._read(lambda session: session.scalar(query) or 0)

    async def newest_review_id(self) -> int:
        """The newest review's id; 0 if there is none."""
        return await self._read(lambda session: session.scalar(select(func.max(col(ReviewRow.id)))) or 0)

    async def reviews(self, candidate_id: int) -> list[Review]:
        """The decisions on a candidate, oldest first."""
        query = select(ReviewRow).where(col(ReviewRow.candidate_id) == candidate_id).order_by(col(ReviewRow.id))

        def work(session: Session) -> list[Review]:
            return [
                Review(row.id, row.candidate_id, row.reviewer_key, Decision(row.decision), row.reason, row.created_at)
                for row in session.scalars(query)
            ]

        return await self._read(work)


def _page(after_id: int, limit: int) -> Select[CandidateRow]:
    return select(CandidateRow).where(col(CandidateRow.id) > after_id).order_by(col(CandidateRow.id)).limit(limit)


def _refuse_unfit(verdict: Verdict) -> None:
    if verdict.outcome is Outcome.REFUSE or verdict.is_crisis:
        reasons = ", ".join(verdict.reasons) or verdict.outcome.value
        raise Refused(f"Screening refused these words for learning ({reasons}).")


def _refuse_without_consent(session: Session, server: str, source: Source, author_keys: Iterable[str]) -> None:
    for key in author_keys:
        if not may_learn_from(session, server, key, needs_yes=source is not Source.IMPORT):
            raise Refused(
                "Somebody in this exchange has not agreed to be learnt from.", advice="They can with /privacy."
            )


def _same_words(session: Session, server: str, digest: str) -> CandidateRow | None:
    return session.scalar(
        select(CandidateRow).where(col(CandidateRow.server) == server, col(CandidateRow.content_hash) == digest)
    )


def _set_verdict(row: CandidateRow, verdict: Verdict) -> None:
    row.outcome = verdict.outcome.value
    row.screen_version = verdict.screen_version
    row.verdict = verdict_to_json(verdict)


def _add(session: Session, at: datetime, new: NewCandidate) -> Candidate:
    authors = sorted(set(new.author_keys))
    _refuse_without_consent(session, new.server, new.source, authors)
    digest = content_hash(new.messages)
    row = _same_words(session, new.server, digest)
    if row is not None:
        if row.state == CandidateState.REJECTED and not _was_reviewed(session, row.id) and _may_return(session, row):
            row.state = CandidateState.WAITING
        return _candidates(session, [row])[0]
    turn_ids = sorted({*new.turn_ids, *(t for t in (new.user_turn_id, new.assistant_turn_id) if t is not None)})
    present = set(session.scalars(select(col(TurnRow.id)).where(col(TurnRow.id).in_(turn_ids))))
    if len(present) != len(turn_ids):
        raise Refused("A message of this exchange was deleted meanwhile.")
    row = CandidateRow(
        server=new.server,
        channel=new.channel,
        source=new.source.value,
        state=CandidateState.WAITING.value,
        messages=_messages_to_json(new.messages),
        content_hash=digest,
        outcome=new.verdict.outcome.value,
        screen_version=new.verdict.screen_version,
        verdict=verdict_to_json(new.verdict),
        user_turn_id=new.user_turn_id,
        assistant_turn_id=new.assistant_turn_id,
        created_at=at,
    )
    session.add(row)
    session.flush()
    session.add_all(CandidateAuthorRow(candidate_id=row.id, author_key=key) for key in authors)
    session.add_all(CandidateTurnRow(candidate_id=row.id, turn_id=turn_id) for turn_id in turn_ids)
    session.flush()
    return _candidates(session, [row])[0]


def _was_reviewed(session: Session, candidate_id: int) -> bool:
    return bool(session.scalar(select(func.count()).where(col(ReviewRow.candidate_id) == candidate_id)))


def _may_return(session: Session, row: CandidateRow) -> bool:
    return not session.scalar(select(func.count()).where(col(CandidateRow.id) == row.id, _lacks_consent()))


def _existing(session: Session, candidate_id: int) -> CandidateRow:
    row = session.get(CandidateRow, candidate_id)
    if row is None:
        raise WrongUsage(f"There is no candidate {candidate_id}.", advice="It may have been deleted with its message.")
    return row


def _waiting(session: Session, candidate_id: int) -> CandidateRow:
    """A candidate that may be approved now."""
    row = _existing(session, candidate_id)
    if row.state != CandidateState.WAITING:
        raise Refused(f"Candidate {candidate_id} was decided already: {row.state}.")
    _refuse_unfit(verdict_from_json(row.outcome, row.screen_version, row.verdict))
    keys = session.scalars(
        select(col(CandidateAuthorRow.author_key)).where(col(CandidateAuthorRow.candidate_id) == candidate_id)
    )
    _refuse_without_consent(session, row.server, Source(row.source), keys.all())
    return row


def _decide(
    session: Session,
    at: datetime,
    row: CandidateRow,
    state: CandidateState,
    decision: Decision,
    reviewer_key: str,
    reason: str = "",
) -> Candidate:
    row.state = state.value
    session.add(
        ReviewRow(
            candidate_id=row.id,
            reviewer_key=reviewer_key,
            decision=decision.value,
            reason=storable(reason),
            created_at=at,
        )
    )
    note(session, at, reviewer_key, decision.value, f"candidate {row.id}", server=row.server)
    session.flush()
    return _candidates(session, [row])[0]


def _candidates(session: Session, rows: Sequence[CandidateRow]) -> list[Candidate]:
    """The rows as values, with their authors and turns."""
    authors: dict[int, list[str]] = {row.id: [] for row in rows}
    turns: dict[int, list[int]] = {row.id: [] for row in rows}
    for ids in chunks(authors):
        for author in session.scalars(
            select(CandidateAuthorRow)
            .where(col(CandidateAuthorRow.candidate_id).in_(ids))
            .order_by(col(CandidateAuthorRow.author_key))
        ):
            authors[author.candidate_id].append(author.author_key)
        for turn in session.scalars(
            select(CandidateTurnRow)
            .where(col(CandidateTurnRow.candidate_id).in_(ids))
            .order_by(col(CandidateTurnRow.turn_id))
        ):
            turns[turn.candidate_id].append(turn.turn_id)
    return [replace(_candidate(row), author_keys=tuple(authors[row.id]), turn_ids=tuple(turns[row.id])) for row in rows]


def _candidate(row: CandidateRow) -> Candidate:
    return Candidate(
        id=row.id,
        messages=_messages_from_json(row.messages),
        server=row.server,
        channel=row.channel,
        source=Source(row.source),
        verdict=verdict_from_json(row.outcome, row.screen_version, row.verdict),
        author_keys=(),
        state=CandidateState(row.state),
        content_hash=row.content_hash,
        created_at=row.created_at,
        user_turn_id=row.user_turn_id,
        assistant_turn_id=row.assistant_turn_id,
    )
