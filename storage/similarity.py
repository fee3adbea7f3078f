"""Which exchanges say nearly the same: by the letters they share, without a model.

Two exchanges are near-duplicates when both what the person said and what was answered are alike. Another wording of a
question is not a near-duplicate, even when the answer is the same: such wordings are what teaches a fact.
"""

import hashlib
import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from storage.values import Message, Role

if TYPE_CHECKING:  # loading it takes a tenth of a second, which a command that compares nothing need not wait for
    from numpy import uint64
    from numpy.typing import NDArray

ALIKE = 0.8
"""Share of common letter triples (Jaccard) from which two texts are nearly the same."""
_BANDS, _ROWS = 16, 4
"""Of the MinHash: pairs that are alike meet in some band with a probability above 0.999."""
_COMPARED = 8
"""Exchanges of one bucket that a newcomer is compared with; more would be quadratic in copies of one exchange."""
_PRIME = (1 << 61) - 1
_NOT_WORDS = re.compile(r"[\W_]+")
_ASCII_WORDS = {code: " " for code in range(128) if not chr(code).isalnum()}


def normalised(text: str) -> str:
    """The text's words in lower case, single spaces between them, no punctuation."""
    if text.isascii():  # the same, ten times as fast
        return " ".join(text.lower().translate(_ASCII_WORDS).split())
    return _NOT_WORDS.sub(" ", text.casefold()).strip()


def reply_of(messages: Sequence[Message]) -> str:
    """The assistant's last words."""
    return next((message.text for message in reversed(messages) if message.role is Role.ASSISTANT), "")


def prompt_of(messages: Sequence[Message]) -> str:
    """What the person said last before the assistant's last words."""
    answered = max((i for i, message in enumerate(messages) if message.role is Role.ASSISTANT), default=0)
    return next((message.text for message in reversed(messages[:answered]) if message.role is Role.USER), "")


def similarity(left: frozenset[int], right: frozenset[int]) -> float:
    """Jaccard similarity of two sets of letter triples; 1 for two empty ones."""
    return len(left & right) / len(left | right) if left or right else 1.0


def shingles(text: str) -> frozenset[int]:
    """Hashes of the letter triples of a text, spaces at its ends included."""
    padded = f" {normalised(text)} "
    return frozenset(zlib.crc32(padded[at : at + 3].encode()) for at in range(max(1, len(padded) - 2)))


def clusters(exchanges: Sequence[Sequence[Message]]) -> list[int]:
    """For each exchange the index of the first one that it is, directly or through others, a near-duplicate of."""
    prints = [Print.of(messages) for messages in exchanges]
    groups = Groups(len(prints))
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for index, one in enumerate(prints):
        for band, key in enumerate(one.bands):
            bucket = buckets[band, key]
            for other in bucket:
                if groups.find(other) != groups.find(index) and one.is_like(prints[other]):
                    groups.join(other, index)
            if len(bucket) < _COMPARED:
                bucket.append(index)
    return [groups.find(index) for index in range(len(prints))]


class Groups:
    """A union-find: things that belong together, named by the first of them."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))

    def find(self, index: int) -> int:
        """The first thing of the group that this one belongs to."""
        while self._parents[index] != index:
            self._parents[index] = self._parents[self._parents[index]]
            index = self._parents[index]
        return index

    def join(self, left: int, right: int) -> None:
        """Put two things, and all that belongs with them, together."""
        first, second = sorted((self.find(left), self.find(right)))
        self._parents[second] = first


@dataclass(frozen=True, slots=True)
class Print:
    """What of an exchange is compared: its letter triples, and the bands in which near-duplicates meet."""

    prompt: frozenset[int]
    reply: frozenset[int]
    bands: tuple[bytes, ...]

    @classmethod
    def of(cls, messages: Sequence[Message]) -> "Print":
        """The print of an exchange."""
        import numpy

        prompt, reply = shingles(prompt_of(messages)), shingles(reply_of(messages))
        # A triple of the prompt must not pass for the same one of the reply.
        both = numpy.fromiter((*(2 * h for h in prompt), *(2 * h + 1 for h in reply)), dtype=numpy.uint64)
        factors, offsets = _constants(1), _constants(2)
        lowest = ((both[:, None] * factors + offsets) % numpy.uint64(_PRIME)).min(axis=0)
        return cls(prompt, reply, tuple(row.tobytes() for row in lowest.reshape(_BANDS, _ROWS)))

    def is_like(self, other: "Print") -> bool:
        """Whether both what was said and what was answered are nearly the same."""
        return similarity(self.reply, other.reply) >= ALIKE and similarity(self.prompt, other.prompt) >= ALIKE

    def keys(self, server: str) -> tuple[int, ...]:
        """The bands as numbers of 64 bits, signed, that differ from those of other servers."""
        return tuple(
            sorted({_number(f"{server}\n{band}\n".encode() + lowest) for band, lowest in enumerate(self.bands)})
        )


def word_keys(server: str, text: str) -> tuple[int, ...]:
    """The words of a text, each once, as numbers of 64 bits, signed, that differ from those of other servers."""
    return tuple(sorted({_number(f"{server}\n{word}".encode()) for word in normalised(text).split()}))


def _number(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big", signed=True)


@cache
def _constants(seed: int) -> "NDArray[uint64]":
    import numpy

    return numpy.random.default_rng(seed).integers(1, 1 << 30, size=_BANDS * _ROWS, dtype=numpy.uint64)
