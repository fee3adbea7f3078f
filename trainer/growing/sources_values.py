"""What readers of all formats hand on: a conversation as it was found, or why something is none."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_TURNS = 200
"""In one conversation; a longer one is read as several."""
MAX_NAME_CHARACTERS = 80
"""Of a source or a licence."""

USER, ASSISTANT, SYSTEM = "user", "assistant", "system"
ROLES = {
    **dict.fromkeys(("user", "human", "prompter", "person", "customer", "client", "q"), USER),
    **dict.fromkeys(("assistant", "bot", "gpt", "chatgpt", "model", "ai", "chatbot", "agent", "mynah", "a"), ASSISTANT),
    **dict.fromkeys(("system", "developer"), SYSTEM),
}
"""What files call the roles, in lower case."""
TOOLS = frozenset({"tool", "function", "observation", "ipython", "tool_call", "tool_response"})
"""Roles that no person and no chat model plays."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message as it was found."""

    role: str
    """`user`, `assistant`, `system`, or one of `TOOLS`."""
    text: str


@dataclass(frozen=True, slots=True)
class FoundTalk:
    """One conversation as it was found."""

    turns: tuple[Turn, ...]
    source: str
    licence: str | None = None
    author: str | None = None
    """Whoever wrote it; never leaves the process, only decides about sides."""
    unit: str | None = None
    """What it was cut from: the same unit stays on one side. None: it stands for itself."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A line, row or message that is no conversation."""

    where: str
    """File and line."""
    reason: str


@dataclass
class Reading:
    """What readers noticed on their way."""

    bytes_read: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    """What was changed while reading, and how often."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Messages that were left out while reading, by reason."""


def by_role(turns: Sequence[tuple[str, str]]) -> tuple[Turn, ...] | None:
    """The turns, when every speaker's name is that of a role; None when some are people's names."""
    names = {speaker: speaker.strip().casefold() for speaker, _ in turns}
    if not all(name in ROLES or name in TOOLS for name in names.values()):
        return None
    return tuple(Turn(ROLES.get(names[speaker], names[speaker]), text) for speaker, text in turns)


def views(said: Sequence[tuple[str, str]]) -> list[tuple[Turn, ...]]:
    """The talk of some people as conversations of two roles, so that everybody's words are once the assistant's.

    What one person says in a row is one turn. Then every second turn is the assistant's: those at even places in one
    view, those at odd places in the other. So two people each play the assistant once, and so does a whole channel,
    without the talk growing with the number of its people.
    """
    turns: list[tuple[str, list[str]]] = []
    for speaker, text in said:
        if turns and turns[-1][0] == speaker:
            turns[-1][1].append(text)
        else:
            turns.append((speaker, [text]))
    joined = ["\n".join(texts) for _, texts in turns]
    alternating = [
        tuple(Turn(ASSISTANT if place % 2 else USER, text) for place, text in enumerate(joined[first:]))
        for first in (0, 1)
    ]
    return [view for view in alternating if len(view) > 1]


def conversations_of(said: Sequence[tuple[str, str]]) -> list[tuple[Turn, ...]]:
    """One conversation where speakers are named by their roles, otherwise both views of it."""
    told = by_role(said)
    return views(said) if told is None else [told] if told else []
