"""Which languages talk is in, and how much of it is in one that the base cannot read. Pure.

Other letters and made-up words are noise, and the gate knows them by that. Sensible talk in another language is not: its replies
belong to what they answer, and a model learns them well, at the expense of the language that it had.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

_ENOUGH_LETTERS = 40
"""Shorter texts are told apart together with those beside them."""
_SURE = 0.8
"""A probability from which a language counts as told."""
_AT_HOME = 0.05
"""The share of known talk from which its language is one of its own."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Texts that are told apart together."""

    places: tuple[int, ...]
    letters: int
    language: str | None
    """By ISO 639; None where nobody could say."""


def languages_of(texts: Sequence[str]) -> frozenset[str]:
    """The languages that make up more than a trifle of some texts."""
    letters: Counter[str | None] = Counter()
    for piece in _pieces(texts):
        letters[piece.language] += piece.letters
    enough = _AT_HOME * letters.total()
    return frozenset(name for name, count in letters.items() if name is not None and count > enough)


def foreign_shares(
    texts: Sequence[str], bits: Sequence[float], *, home: Collection[str], most_bits: float
) -> dict[str, float]:
    """Shares of the letters, by language, that are in a language which the base cannot read; the largest first.

    Args:
        texts: what is taught.
        bits: a byte of each, as the base reads it.
        home: languages that it surely reads.
        most_bits: the median from which a language is not readable to it.
    """
    pieces = list(_pieces(texts))
    letters: Counter[str] = Counter()
    read: dict[str, list[float]] = {}
    for piece in pieces:
        if piece.language is not None and piece.language not in home:
            letters[piece.language] += piece.letters
            read.setdefault(piece.language, []).extend(bits[place] for place in piece.places)
    every = sum(piece.letters for piece in pieces)
    return {name: count / every for name, count in letters.most_common() if median(read[name]) > most_bits}


def _pieces(texts: Sequence[str]) -> Iterator[_Piece]:
    places: list[int] = []
    letters = 0
    for place, text in enumerate(texts):
        places.append(place)
        letters += sum(map(str.isalpha, text))
        if letters >= _ENOUGH_LETTERS or (place == len(texts) - 1 and letters):
            yield _Piece(tuple(places), letters, _language(" ".join(texts[one] for one in places)))
            places, letters = [], 0


def _language(text: str) -> str | None:
    name, probability = _identifier().classify(text)
    return str(name) if probability >= _SURE else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
