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
from pathlib import Path

from tools.grammar import Template, tidy

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

    def count(self, slot: str) -> int:
        """How many there are; `randomname` has no end."""
        return len(self.slots[slot]) if slot in self.slots else 1000

    def filled(self, template: Template, dice: random.Random) -> str:
        """One sentence of a template."""
        text = template.chosen(dice)
        while "{" in text:  # a word may have slots of its own
            text = re.sub(r"\{(\w+)\}", lambda match: self.draw(match.group(1), dice), text)
        text = re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", re.sub(r"\b([Aa])n (?=[^aeiouh\W])", r"\1 ", text))
        return tidy(text)


def is_held_out(template: Template, every: int = 12) -> bool:
    """Whether it is never learnt, but checks what was learnt from the others."""
    return int(hashlib.sha256(template.line.encode()).hexdigest(), 16) % every == 0


class Grammar:
    """The templates of one or more phrase files."""

    def __init__(self, names: Sequence[str], words: Words) -> None:
        """Read them."""
        lines = [line for name in names for line in (PHRASES / f"{name}.txt").read_text(encoding="utf-8").splitlines()]
        self._words = words
        self.templates = [Template(line) for line in dict.fromkeys(lines) if line and not line.startswith("#")]

    def composed(self, count: int, dice: random.Random, *, held_out: bool = False) -> list[str]:
        """That many sentences, from the templates that are learnt or from those that only check."""
        templates = [template for template in self.templates if is_held_out(template) == held_out]
        # A line that says a million things is worth more than one that says one thing, but not a million times.
        weights = [math.sqrt(min(template.choices(self._words.count), 900)) for template in templates]
        return [self._words.filled(chosen, dice) for chosen in dice.choices(templates, weights, k=count)]
