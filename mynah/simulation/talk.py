"""Open dialogue: read, parted into what is said and what is only measured, and dealt to members. Pure but for reading."""

import hashlib
import random
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import as_file, files
from itertools import pairwise
from pathlib import Path

import numpy

from bot.review.lines import BrokenLine, read_conversations
from storage.errors import WrongUsage
from storage.values import Message, Role
from trainer.growing.holding_out import held_out

SHIPPED = "assets/simulation/talk.jsonl"
FEWEST = 16
"""Conversations: with fewer there is nothing to measure by."""
_MOST_READ = 20_000
_MOST_HELD_OUT = 200
_MOST_EXCHANGES = 8
"""Of a conversation; what comes later is left out."""
_HELD_OUT_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a person says, and what they would like to hear."""

    asked: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One conversation of the file."""

    exchanges: tuple[Exchange, ...]
    author: str | None = None

    @property
    def messages(self) -> tuple[Message, ...]:
        """As a model reads it."""
        return tuple(
            message
            for one in self.exchanges
            for message in (Message(Role.USER, one.asked), Message(Role.ASSISTANT, one.wanted))
        )


@dataclass(frozen=True, slots=True)
class Talk:
    """All dialogue of a simulation."""

    said: tuple[Dialogue, ...]
    """What members say, in the order in which it is dealt."""
    held_out: tuple[Dialogue, ...]
    """What nobody ever says: the community's own way of talking, to measure by."""

    def dealt_to(self, seats: int) -> list[list[Dialogue]]:
        """Each member's dialogues: one author's all to one member; those of nobody in turns."""
        dealt: list[list[Dialogue]] = [[] for _ in range(seats)]
        seat_of: dict[str, int] = {}
        for number, one in enumerate(self.said):
            seat = number if one.author is None else seat_of.setdefault(one.author, len(seat_of))
            dealt[seat % seats].append(one)
        return dealt


def read_talk(path: Path | None, seed: int) -> Talk:
    """The dialogue of a file, or what ships with Mynah; always parted and shuffled alike for a seed. Blocks.

    Raises:
        WrongUsage: the file is missing or not text, a line of it is no conversation (it is named), or there are too few.
    """
    if path is None:
        with as_file(files("mynah").joinpath(SHIPPED)) as shipped:
            found = _dialogues(shipped)
    else:
        found = _dialogues(path)
    if len(found) < FEWEST:
        raise WrongUsage(
            f"{path} has {len(found)} conversations that begin with a user and get an answer.",
            advice=f"A community needs {FEWEST} or more.",
        )
    chance = random.Random(f"talk:{seed}")  # noqa: S311 - a repeatable story, not a secret
    shuffled = chance.sample(found, len(found))
    marks = held_out(
        numpy.array([_hash(seed, repr(one.exchanges)) for one in shuffled], dtype=numpy.uint64),
        numpy.array([_hash(seed, one.author) if one.author else 0 for one in shuffled], dtype=numpy.uint64),
        numpy.ones(len(shuffled), dtype=numpy.bool_),
        share=min(_HELD_OUT_SHARE, _MOST_HELD_OUT / len(shuffled)),
    )
    kept = [one for one, is_out in zip(shuffled, marks, strict=True) if is_out]
    return Talk(tuple(one for one, is_out in zip(shuffled, marks, strict=True) if not is_out), tuple(kept))


def _dialogues(path: Path) -> list[Dialogue]:
    found: list[Dialogue] = []
    with closing(read_conversations(path)) as records:
        for record in records:
            if isinstance(record, BrokenLine):
                raise WrongUsage(
                    f"Line {record.line} of {path} is no conversation: {record.reason}.",
                    advice="Mend or remove it; the form is that of `mynah import`.",
                )
            exchanges = _exchanges(record.messages)
            if exchanges:
                found.append(Dialogue(exchanges, record.author))
            if len(found) == _MOST_READ:
                break
    return found


def _exchanges(messages: Sequence[Message]) -> tuple[Exchange, ...]:
    """What a user said right before the assistant did; anything else has nobody to say it here."""
    return tuple(
        Exchange(asked.text, wanted.text)
        for asked, wanted in pairwise(messages)
        if (asked.role, wanted.role) == (Role.USER, Role.ASSISTANT)
    )[:_MOST_EXCHANGES]


def _hash(seed: int, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{text}".encode()).digest()[:8], "big")
