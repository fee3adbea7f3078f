"""Silent feedback: what members said right after an answer, one row an answer, without their words.

Promise: a signal is kept only about stored turns and goes with either of them; it is read to order the review queue and
to count, and by nothing that decides what is learnt.
"""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.governance import Feedback
from storage.tables import SignalRow, TurnRow
from storage.values import Role, Turn

HEARD_WITHIN = timedelta(minutes=30)
"""Later words are about something else; who says nothing in this time has left."""
_TURNS_BACK = 12
"""In a busy channel others talk in between."""


def signal_on(session: Session, answer_id: int | None) -> Feedback | None:
    """What was said next about an answer; None: nothing (yet)."""
    row = None if answer_id is None else session.get(SignalRow, answer_id)
    return None if row is None else Feedback(row.kind)


def answered_before(session: Session, turn: Turn) -> tuple[int, str] | None:
    """The last answer to this member in their conversation, if it is of late, and what they had asked."""
    before = session.scalars(
        select(TurnRow)
        .where(col(TurnRow.conversation_id) == turn.conversation_id, col(TurnRow.id) < turn.id)
        .order_by(col(TurnRow.id).desc())
        .limit(_TURNS_BACK)
    ).all()
    for answer in before:
        question = session.get(TurnRow, answer.reply_to) if answer.reply_to is not None else None
        if answer.role == Role.ASSISTANT and question is not None and question.author_key == turn.author_key:
            is_of_late = turn.created_at - answer.created_at <= HEARD_WITHIN
            return (answer.id, question.text) if is_of_late else None
    return None


def keep_signal(session: Session, answer_id: int, said: Turn, kind: Feedback) -> bool:
    """Keep what a turn says about an answer; False where an earlier one has said it, or either is gone."""
    if session.get(SignalRow, answer_id) is not None:
        return False
    if session.get(TurnRow, answer_id) is None or session.get(TurnRow, said.id) is None:
        return False
    session.add(SignalRow(turn_id=answer_id, said_turn_id=said.id, kind=kind.value, created_at=said.created_at))
    session.flush()
    return True
