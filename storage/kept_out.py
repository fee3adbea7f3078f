"""Messages that somebody asked not to be learnt, marked by their ids: what becomes of their rows does not matter.

Promise: a marked message is behind no candidate. What was made from it is dropped when it is marked, `Candidates.add`
refuses what would be made from it later, and a turn that is written or edited later carries the refusal in its verdict, so
that no model is shown it again either. A mark stays when the message is edited, deleted, or too old to be kept.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.audit import note
from storage.candidate_rows import drop_made_from
from storage.repository import chunks
from storage.retention import drop_kept_from
from storage.review_order import unhear
from storage.tables import KeptOutRow, TurnRow
from storage.turn_rows import set_verdict, turn_of
from storage.values import Outcome, Role, Verdict
from storage.withdrawals import Taken, Withdrawal
from storage.withdrawing import WithdrawingRepository

KEPT_OUT = "kept-out:asked"
"""The reason in the verdict of words that somebody asked not to be learnt."""


class KeptOut(WithdrawingRepository):
    """Messages that make no example."""

    async def mark(self, server: str, messages: Sequence[str], actor: str, *, turn_ids: Sequence[int] = ()) -> None:
        """Keep messages out of learning, whether or not anything of them is stored; with an answer goes its question.

        Args:
            server: where.
            messages: their ids at the face.
            actor: who asked for it.
            turn_ids: turns that are no message at the face, such as what was said by a slash command.
        """
        at = self._clock()

        def work(session: Session) -> None:
            wanted = dict.fromkeys([*messages, *(_name_of(session, turn_id) for turn_id in turn_ids)])
            keep_out(session, at, server, [one for one in wanted if one is not None], actor)

        noted = [Withdrawal(at, Taken.MESSAGE, actor, server, message=message) for message in dict.fromkeys(messages)]
        noted += [Withdrawal(at, Taken.MESSAGE, actor, server, turn_id=turn_id) for turn_id in turn_ids]
        await self._write_noted(work, noted)

    async def among(self, server: str, messages: Sequence[str]) -> set[str]:
        """Those of some messages that are kept out."""
        return await self._read(lambda session: marked(session, server, messages))


def keep_out(session: Session, at: datetime, server: str, messages: Sequence[str], actor: str) -> None:
    """Mark messages, and see that nothing is left of them to learn."""
    turns = _turns(session, server, messages)
    asked = [turn.reply_to for turn in turns if turn.role == Role.ASSISTANT and turn.reply_to is not None]
    questions = [message for turn_id in asked if (message := _name_of(session, turn_id)) is not None]
    known = marked(session, server, [*messages, *questions])
    for message in dict.fromkeys([*messages, *questions]):
        if message not in known:
            session.add(KeptOutRow(server=server, message=message, kept_out_by=actor, created_at=at))
    session.flush()
    turns = _turns(session, server, [*messages, *questions])
    for turn in turns:
        set_verdict(turn, refused(turn_of(turn).verdict))
    session.flush()
    drop_made_from(session, [turn.id for turn in turns])
    unhear(session, [turn.id for turn in turns])
    drop_kept_from(session, server, [*messages, *questions])
    for subject in [f"turn {turn.id}" for turn in turns] or [f"message {message}" for message in messages]:
        note(session, at, actor, "keep out", subject, server=server)


def marked(session: Session, server: str, messages: Sequence[str]) -> set[str]:
    """Those of some messages that are kept out."""
    found: set[str] = set()
    for some in chunks(messages):
        found.update(
            session.scalars(
                select(col(KeptOutRow.message)).where(
                    col(KeptOutRow.server) == server, col(KeptOutRow.message).in_(some)
                )
            )
        )
    return found


def refused(verdict: Verdict) -> Verdict:
    """A verdict that also says that nobody may learn these words."""
    reasons = tuple(dict.fromkeys((*verdict.reasons, KEPT_OUT)))
    return replace(verdict, outcome=Outcome.REFUSE, reasons=reasons)


def _turns(session: Session, server: str, messages: Sequence[str]) -> list[TurnRow]:
    return [
        turn
        for some in chunks(dict.fromkeys(messages))
        for turn in session.scalars(
            select(TurnRow)
            .where(col(TurnRow.server) == server, col(TurnRow.external_id).in_(some))
            .order_by(col(TurnRow.id))
        )
    ]


def _name_of(session: Session, turn_id: int) -> str | None:
    """The message of a turn; one that is none gets a name of its own, which no face gives."""
    turn = session.get(TurnRow, turn_id)
    if turn is None:
        return None
    if turn.external_id is None:
        turn.external_id = f"kept-out-{turn.id}"
        session.flush()
    return turn.external_id
