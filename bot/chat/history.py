"""Which earlier turns a model sees and a candidate keeps: pure functions over stored turns.

History is made of whole exchanges. A question that was never answered (the bot was killed, it failed, the words were
refused) is in no exchange, so the roles always alternate, which the templates of some models insist on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storage.values import Message, Outcome, Role, Turn, Verdict


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and its answer."""

    question: Turn
    answer: Turn

    @property
    def is_fit(self) -> bool:
        """Whether screening refused neither side, and nobody sounded in danger."""
        return is_fit(self.question.verdict) and is_fit(self.answer.verdict)

    @property
    def messages(self) -> tuple[Message, Message]:
        """Both sides as a model sees them."""
        return self.question.message, self.answer.message


def is_fit(verdict: Verdict) -> bool:
    """Whether words with this verdict may be shown to a model again, or kept to be learnt."""
    return verdict.outcome is not Outcome.REFUSE and not verdict.blocks_reply and not verdict.is_crisis


def exchanges(turns: Sequence[Turn]) -> list[Exchange]:
    """The answered questions among some turns, by the order of the questions."""
    questions: Mapping[int | None, Turn] = {turn.id: turn for turn in turns if turn.role is Role.USER}
    found: dict[int, Exchange] = {}
    for turn in turns:
        question = questions.get(turn.reply_to)
        if turn.role is Role.ASSISTANT and question is not None:
            found[question.id] = Exchange(question, turn)
    return [found[key] for key in sorted(found)]


def prompt(persona: str, past: Sequence[Exchange], newest: Message, *, history_turns: int) -> list[Message]:
    """What the model sees: persona, the last fit exchanges (two turns each), the newest message."""
    fit = [exchange for exchange in past if exchange.is_fit]
    kept = fit[max(0, len(fit) - history_turns // 2) :]
    system = [Message(Role.SYSTEM, persona)] if persona else []
    return [*system, *(message for exchange in kept for message in exchange.messages), newest]


def context(past: Sequence[Exchange], *, allowed: frozenset[str], context_turns: int) -> list[Exchange]:
    """The exchanges right before a question that a candidate may keep, oldest first.

    It ends at the first, going back, that is not fit or whose author is not among the allowed: a hole in the middle
    would leave answers that speak of what is not there.
    """
    kept: list[Exchange] = []
    for exchange in reversed(past):
        if len(kept) >= context_turns // 2 or not exchange.is_fit or exchange.question.author_key not in allowed:
            break
        kept.insert(0, exchange)
    return kept
