"""How far members' talk has moved from what a version learnt. Pure, and the same for the same texts.

Both sides are distributions of hashed words; the distance is the Jensen-Shannon divergence, in bits, 0 to 1. Few words
are never distributed like many, so a bare distance says little: what counts is by how much it exceeds that of the same
messages dealt out by chance to two sides of the same sizes (a permutation test; whole messages are dealt out, because the
words of one belong together).
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from storage.similarity import normalised

_BUCKETS = 4096
_DEALS = 200
_SURE = 0.99


@dataclass(frozen=True, slots=True)
class Drift:
    """How far apart two lots of messages are, in bits."""

    divergence: float
    by_chance: float
    """What the same messages show on average when they are dealt out by chance."""
    by_chance_at_most: float
    """What they exceed in one of a hundred deals."""

    @property
    def excess(self) -> float:
        """How much of the divergence chance does not explain."""
        return self.divergence - self.by_chance

    @property
    def sure_excess(self) -> float:
        """Above 0: chance alone hardly ever gives that much."""
        return self.divergence - self.by_chance_at_most


def words_of(text: str) -> list[int]:
    """The words of a text as numbers of buckets."""
    return [zlib.crc32(word.encode()) % _BUCKETS for word in normalised(text).split()]


def drift(recent: Sequence[Sequence[int]], learnt: Sequence[Sequence[int]], *, seed: int) -> Drift:
    """How far recent messages are from learnt ones, each as `words_of` gives it. Blocks for some tenths of a second.

    Raises:
        ValueError: one of both has no words.
    """
    messages = [numpy.asarray(one, dtype=numpy.int64) for one in (*recent, *learnt)]
    words = numpy.concatenate(messages) if messages else numpy.zeros(0, dtype=numpy.int64)
    owners = numpy.repeat(numpy.arange(len(messages)), [len(one) for one in messages])
    whole = numpy.bincount(words, minlength=_BUCKETS)
    is_recent = numpy.arange(len(messages)) < len(recent)
    measured = _divergence(_part(words, owners, is_recent), whole)
    if measured is None:
        raise ValueError("There are no words on one side.")
    random = numpy.random.default_rng(seed)
    dealt = (_divergence(_part(words, owners, random.permutation(is_recent)), whole) for _ in range(_DEALS))
    by_chance = [one for one in dealt if one is not None]
    return Drift(measured, float(numpy.mean(by_chance)), float(numpy.quantile(by_chance, _SURE)))


def _part(words: Any, owners: Any, is_in: Any) -> Any:
    return numpy.bincount(words[is_in[owners]], minlength=_BUCKETS)


def _divergence(part: Any, whole: Any) -> float | None:
    """Between a part and the rest of a whole; None where one of them is empty."""
    rest = whole - part
    if not part.sum() or not rest.sum():
        return None
    first, other = part / part.sum(), rest / rest.sum()
    middle = (first + other) / 2
    return float((_relative(first, middle) + _relative(other, middle)) / 2)


def _relative(of: Any, to: Any) -> Any:
    """The Kullback-Leibler divergence, in bits."""
    has = of > 0
    return (of[has] * numpy.log2(of[has] / to[has])).sum()
