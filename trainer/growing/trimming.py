"""One conversation into the form that is learnt: roles in turn, no turn that may not be there.

A bad turn ends the conversation: what stands before it is kept where it still is one, and what comes after would answer
words that are gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from trainer.growing.sources_values import ASSISTANT, SYSTEM, USER, Turn

FEWEST_TURNS = 2
EMPTY = "a turn without words"
JOINED = "messages of one speaker joined"
OPENING = "opening turns of the assistant left out"
LATE_SYSTEM = "a system message in the middle"
TOO_SHORT = "fewer than two turns"


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What is left of a conversation."""

    turns: tuple[Turn, ...]
    """Perhaps one system message, then user and assistant in turn; none when too little is left."""
    cut_at: str | None = None
    """Why it ends early."""
    joined: int = 0
    """Messages that were joined to the one before."""
    without_opening: bool = False

    @property
    def is_conversation(self) -> bool:
        """Whether enough is left."""
        return bool(self.turns)


def in_turn(turns: Sequence[Turn], *, longest_turn: int) -> Trimmed:
    """The turns with their roles in order, up to the first one that is bad.

    Args:
        turns: cleaned.
        longest_turn: in characters.
    """
    opening: tuple[Turn, ...] = ()
    kept: list[Turn] = []
    joined = 0
    without_opening = False
    cut_at: str | None = None
    for turn in turns:
        if turn.role == SYSTEM:
            if not turn.text:
                continue
            cut_at = LATE_SYSTEM if kept or opening else _wrong_with(turn, longest_turn)
            if cut_at is None:
                opening = (turn,)
        elif turn.role == ASSISTANT and not kept:
            without_opening = True
        elif kept and kept[-1].role == turn.role:
            if not turn.text:  # a picture, sent after some words
                continue
            kept[-1] = Turn(turn.role, f"{kept[-1].text}\n{turn.text}")
            joined += 1
            cut_at = _wrong_with(kept[-1], longest_turn)
            if cut_at is not None:
                kept.pop()
        else:
            cut_at = _wrong_with(turn, longest_turn)
            if cut_at is None:
                kept.append(turn)
        if cut_at is not None:
            break
    return Trimmed(opening + tuple(kept) if len(kept) >= FEWEST_TURNS else (), cut_at, joined, without_opening)


def up_to(turns: Sequence[Turn], first_bad: int) -> tuple[Turn, ...]:
    """The turns before a bad one; none when they are no conversation any more."""
    kept = tuple(turns[:first_bad])
    return kept if sum(turn.role != SYSTEM for turn in kept) >= FEWEST_TURNS else ()


def sides_of(messages: Sequence[dict[str, str]]) -> tuple[str, str]:
    """All that the user says, and all that the assistant says."""
    user, assistant = (
        "\n".join(message["content"] for message in messages if message["role"] == role) for role in (USER, ASSISTANT)
    )
    return user, assistant


def _wrong_with(turn: Turn, longest_turn: int) -> str | None:
    if turn.role not in (USER, ASSISTANT, SYSTEM):
        return f"a turn of a {turn.role}"
    if not turn.text:
        return EMPTY
    if len(turn.text) > longest_turn:
        return f"a turn longer than {longest_turn} characters"
    return None
