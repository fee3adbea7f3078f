"""Templates of sentences: `(this|that|)` is a choice, and choices nest. It knows no words of its own."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

Part = str | tuple["Sequence[Part]", ...]
"""A piece of text with slots, or alternatives, each of them a sequence of parts."""


@dataclass(frozen=True)
class Template:
    """One line: text, choices, and slots in braces that somebody else fills."""

    line: str

    @cached_property
    def parts(self) -> Sequence[Part]:
        """The line, taken apart.

        Raises:
            ValueError: a bracket is not closed or not opened.
        """
        tokens = re.findall(r"[()|]|[^()|]+", self.line)
        parts, end = _sequence(tokens, 0, depth=0)
        if end != len(tokens):
            raise ValueError(f"A bracket is not opened in the template: {self.line}")
        return parts

    def choices(self, words_of: Callable[[str], int]) -> float:
        """How many different sentences it can make.

        Args:
            words_of: how many words a slot has.
        """
        return _choices(self.parts, words_of)

    def chosen(self, dice: random.Random) -> str:
        """One sentence of it, with its slots."""
        return _chosen(self.parts, dice)


def tidy(text: str) -> str:
    """The text without the spaces that choices leave behind."""
    return re.sub(r" +([,.!?])", r"\1", " ".join(text.split()))


def _sequence(tokens: list[str], start: int, depth: int) -> tuple[list[Part], int]:
    parts: list[Part] = []
    position = start
    while position < len(tokens) and tokens[position] not in ("|", ")")[: 2 if depth else 0]:
        if tokens[position] == "(":
            alternatives: list[Sequence[Part]] = []
            while position < len(tokens) and tokens[position] != ")":
                inner, position = _sequence(tokens, position + 1, depth + 1)
                alternatives.append(inner)
            if position == len(tokens):
                raise ValueError(f"A bracket is not closed in the template: {''.join(tokens)}")
            parts.append(tuple(alternatives))
        elif tokens[position] == ")":
            break
        else:
            parts.append(tokens[position])
        position += 1
    return parts, position


def _chosen(parts: Sequence[Part], dice: random.Random) -> str:
    return "".join(part if isinstance(part, str) else _chosen(dice.choice(part), dice) for part in parts)


def _choices(parts: Sequence[Part], words_of: Callable[[str], int]) -> float:
    count = 1.0
    for part in parts:
        if isinstance(part, str):
            for slot in re.findall(r"\{(\w+)\}", part):
                count *= words_of(slot)
        else:
            count *= sum(_choices(alternative, words_of) for alternative in part)
    return count
