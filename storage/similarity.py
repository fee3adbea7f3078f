"""Which exchanges say nearly the same: by the letters they share, without a model.

Two exchanges are near-duplicates when both what the person said and what was answered are alike. Another wording of a
question is not a near-duplicate, even when the answer is the same: such wordings are what teaches a fact.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from storage.values import Message, Role

if TYPE_CHECKING:  # loading it takes a tenth of a second, which a command that compares nothing need not wait for
    from numpy import uint32
    from numpy.typing import NDArray

    from storage.minhash import Hashes

ALIKE = 0.8
"""Share of common letter triples (Jaccard) from which two texts are nearly the same."""
_LETTERS = 3
_BANDS, _ROWS = 20, 7
"""Of the MinHash. Of pairs that just count as alike 99 % meet in some band, of those that share nine tenths all; of
strangers, who share a tenth, two in a million: looking one up among a million costs no more than among a thousand."""
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


def alikeness(one: str, other: str) -> float:
    """Share of letter triples that two texts have in common (Jaccard), 0 to 1."""
    from storage import minhash

    left, right = (minhash.set_of(minhash.runs(normalised(text), _LETTERS)) for text in (one, other))
    return minhash.similarity(left, right)


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


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """What of an exchange is compared: its letter triples, and the bands in which near-duplicates meet."""

    prompt: "Hashes"
    reply: "Hashes"
    bands: tuple[int, ...]
    """Numbers of 64 bits, signed, sorted."""

    @classmethod
    def of(cls, messages: Sequence[Message]) -> "Print":
        """The print of an exchange."""
        import numpy

        from storage import minhash

        prompt, reply = (
            minhash.set_of(minhash.runs(normalised(side), _LETTERS))
            for side in (prompt_of(messages), reply_of(messages))
        )
        two = numpy.uint64(2)
        # A triple of the prompt must not pass for the same one of the reply.
        both = numpy.concatenate([prompt * two, reply * two + numpy.uint64(1)])
        figures = minhash.lowest(both, _factors()).reshape(_BANDS, _ROWS)
        numbers = numpy.arange(1, _BANDS + 1, dtype=numpy.uint64)  # the same figures in two bands are no meeting
        bands = minhash.mixed(minhash.folded(figures) ^ minhash.mixed(numbers)).astype(numpy.int64)
        return cls(prompt, reply, tuple(sorted(set(bands.tolist()))))

    def is_like(self, other: "Print") -> bool:
        """Whether both what was said and what was answered are nearly the same."""
        from storage import minhash

        return all(
            minhash.similarity(mine, theirs, at_least=ALIKE) >= ALIKE
            for mine, theirs in ((self.reply, other.reply), (self.prompt, other.prompt))
        )


def word_keys(server: str, text: str) -> tuple[int, ...]:
    """The words of a text, each once, as numbers of 64 bits, signed, that differ from those of other servers."""
    return tuple(sorted({_number(f"{server}\n{word}".encode()) for word in normalised(text).split()}))


def _number(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big", signed=True)


@cache
def _factors() -> "NDArray[uint32]":
    from storage import minhash

    return minhash.factors(_BANDS * _ROWS, seed=3)
