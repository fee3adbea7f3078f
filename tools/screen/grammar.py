"""Composes talk from templates: `(this|that|)` is a choice, `{word}` is drawn from `phrases/words.toml`.

It knows no labels. The templates were written for this project; how often one is used grows with how much it can say.
"""

import hashlib
import math
import random
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PHRASES = Path(__file__).parent / "phrases"
_SYLLABLES = ["ba", "be", "bo", "cha", "da", "di", "do", "el", "en", "fa", "fi", "ga", "go", "ha", "hi", "in", "ja", "ji", "ka", "ke", "ki", "ko", "la", "le", "li", "lo", "ma", "me", "mi", "mo", "na", "ne", "ni", "no", "nu", "or", "pa", "po", "qi", "ra", "re", "ri", "ro", "sa", "se", "shi", "so", "ta", "te", "ti", "to", "tsu", "ul", "va", "ve", "vi", "wa", "xi", "ya", "yo", "za", "ze", "zu"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """The words of each slot; `randomname` is made up anew each time, so that an unknown name means nothing."""

    slots: dict[str, list[str]]

    @classmethod
    def read(cls) -> "Words":
        """The words that come with this package."""
        raw = tomllib.loads((PHRASES / "words.toml").read_text(encoding="utf-8"))
        return cls({name: [word.strip() for word in " ".join(body.split()).split("|")] for name, body in raw.items()})

    def draw(self, slot: str, dice: random.Random) -> str:
        """One word of a slot."""
        if slot == "randomname" or (slot in {"name", "oddname"} and dice.random() < 0.15):
            return "".join(dice.choices(_SYLLABLES, k=dice.randint(2, 4)))
        return dice.choice(self.slots[slot])


Part = str | tuple["Sequence[Part]", ...]
"""A piece of text with slots, or alternatives, each of them a sequence of parts."""


@dataclass(frozen=True)
class Template:
    """One line of a phrase file."""

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

    def choices(self, words: Words) -> float:
        """How many different sentences it can make."""
        return _choices(self.parts, words)

    def filled(self, words: Words, dice: random.Random) -> str:
        """One sentence of it."""
        text = _chosen(self.parts, dice)
        while "{" in text:  # a word may have slots of its own
            text = re.sub(r"\{(\w+)\}", lambda match: words.draw(match.group(1), dice), text)
        text = re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", re.sub(r"\b([Aa])n (?=[^aeiouh\W])", r"\1 ", text))
        return re.sub(r" +([,.!?])", r"\1", " ".join(text.split()))

    def is_held_out(self, every: int = 12) -> bool:
        """Whether it is never learnt, but checks what was learnt from the others."""
        return int(hashlib.sha256(self.line.encode()).hexdigest(), 16) % every == 0


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


def _choices(parts: Sequence[Part], words: Words) -> float:
    count = 1.0
    for part in parts:
        if isinstance(part, str):
            for slot in re.findall(r"\{(\w+)\}", part):
                count *= len(words.slots.get(slot, "." * 1000))
        else:
            count *= sum(_choices(alternative, words) for alternative in part)
    return count


class Grammar:
    """The templates of one or more phrase files."""

    def __init__(self, names: Sequence[str], words: Words) -> None:
        """Read them."""
        lines = [line for name in names for line in (PHRASES / f"{name}.txt").read_text(encoding="utf-8").splitlines()]
        self._words = words
        self.templates = [Template(line) for line in dict.fromkeys(lines) if line and not line.startswith("#")]

    def composed(self, count: int, dice: random.Random, *, held_out: bool = False) -> list[str]:
        """That many sentences, from the templates that are learnt or from those that only check."""
        templates = [template for template in self.templates if template.is_held_out() == held_out]
        # A line that says a million things is worth more than one that says one thing, but not a million times.
        weights = [math.sqrt(min(template.choices(self._words), 900)) for template in templates]
        return [chosen.filled(self._words, dice) for chosen in dice.choices(templates, weights, k=count)]
