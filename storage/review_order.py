"""The order of the review queue: the most useful and most doubtful first, and nothing waits for ever.

A candidate's rank is kept in its row, lower comes first, so that the queue is read by an index. It is the hour of its
writing, moved up by its points: a point is worth some hours of waiting, and the time of today does not matter.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.governance import Feedback
from storage.likeness import alike
from storage.repository import chunks
from storage.signals import signal_on
from storage.tables import CandidateRow, SignalRow, VoteRow
from storage.values import CandidateState, Outcome, Source

_HOURS_PER_POINT = 6
_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)

_CORRECTION = 30
"""A person took the trouble to write better words."""
_DOUBTFUL = 20
"""The screens want a person to look."""
_NOVEL = 10
"""Nothing like it was approved yet."""
_VOTE, _MOST_VOTES = 5, 6
"""Of either sign: somebody cared, and a bad answer with better words teaches most."""
_DISPUTED = 10
"""Members disagree."""
_FEEDBACK = {Feedback.CORRECTED: 25, Feedback.ASKED_AGAIN: 12, Feedback.THANKED: 8, Feedback.WENT_ON: -1}
"""What a member said next. Where they left without a word nothing is known, so that stays a little ahead of going on."""


def points(
    *, source: str, outcome: str, feedback: Feedback | None, is_novel: bool, votes_up: int, votes_down: int
) -> int:
    """How much sooner than others a candidate should be looked at."""
    return (
        (_CORRECTION if source == Source.CORRECTION else 0)
        + (_DOUBTFUL if outcome == Outcome.HOLD else 0)
        + (_NOVEL if is_novel else 0)
        + _VOTE * min(votes_up + votes_down, _MOST_VOTES)
        + (_DISPUTED if votes_up and votes_down else 0)
        + (0 if feedback is None else _FEEDBACK[feedback])
    )


def votes_on(session: Session, assistant_turn_id: int | None) -> tuple[int, int]:
    """Votes up and down on an answer; none on none."""
    if assistant_turn_id is None:
        return 0, 0
    rows = session.execute(
        select(col(VoteRow.value), func.count())
        .where(col(VoteRow.turn_id) == assistant_turn_id)
        .group_by(col(VoteRow.value))
    )
    counts: dict[int, int] = {value: count for value, count in rows}  # noqa: C416 - rows are not tuples to mypy
    return counts.get(1, 0), counts.get(-1, 0)


def rank(session: Session, row: CandidateRow) -> None:
    """Put a candidate where it belongs."""
    up, down = votes_on(session, row.assistant_turn_id)
    worth = points(
        source=row.source,
        outcome=row.outcome,
        feedback=signal_on(session, row.assistant_turn_id),
        is_novel=row.is_novel,
        votes_up=up,
        votes_down=down,
    )
    hours = int((row.created_at - _BEGIN).total_seconds() // 3600)
    row.review_rank = hours - worth * _HOURS_PER_POINT


def rank_those_of_answer(session: Session, assistant_turn_id: int) -> None:
    """Put the candidates of an answer where they belong, after a vote or the next words."""
    for row in session.scalars(
        select(CandidateRow).where(
            col(CandidateRow.assistant_turn_id) == assistant_turn_id, col(CandidateRow.state) == CandidateState.WAITING
        )
    ).all():
        rank(session, row)


def unhear(session: Session, turn_ids: Iterable[int]) -> None:
    """Some turns are deleted or say something else now: forget what they said about the answers before them."""
    for some in chunks(turn_ids):
        forgetting = delete(SignalRow).where(col(SignalRow.said_turn_id).in_(some)).returning(col(SignalRow.turn_id))
        for answer_id in session.scalars(forgetting).all():
            rank_those_of_answer(session, answer_id)


def look_at_novelty(session: Session, row: CandidateRow) -> bool:
    """Note whether anything near a candidate is approved, and rank it; returns whether that changed."""
    is_novel = next(alike(session, row, [CandidateState.APPROVED]), None) is None
    has_changed = row.is_novel != is_novel
    row.is_novel = is_novel
    rank(session, row)
    return has_changed


def look_at_those_near(session: Session, row: CandidateRow) -> list[int]:
    """After a candidate was approved, or is so no more: note it at those near; returns whom it changed."""
    return [
        other.id for other in list(alike(session, row, [CandidateState.WAITING])) if look_at_novelty(session, other)
    ]


def look_again(session: Session, candidate_ids: Iterable[int]) -> None:
    """Note the novelty of some candidates, if they are still there."""
    for candidate_id in candidate_ids:
        row = session.get(CandidateRow, candidate_id)
        if row is not None:
            look_at_novelty(session, row)
