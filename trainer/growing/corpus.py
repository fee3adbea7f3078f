"""Prepared talk as one long line of tokens on the disk, and rows cut from it. Memory does not grow with the talk.

Conversations follow one another, each with its opening mark, and rows are cut wherever they are full: nothing is
padded, and a row may begin in the middle of a conversation. Which rows a step reads is a matter of the seed alone.
"""

import random
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from storage.errors import WrongUsage
from trainer.growing.dataset import Talk
from trainer.growing.variations import Variations

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_AT_ONCE = 512
"""Conversations given to the tokenizer in one call."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Tokens on the disk."""

    tokens: NDArray[Any]
    """Shape (tokens,), mapped from the file."""
    width: int
    """Of a row."""

    @property
    def rows(self) -> int:
        """How many whole rows there are."""
        return len(self.tokens) // self.width

    def row(self, index: int) -> NDArray[numpy.int64]:
        """Shape (width,)."""
        start = index * self.width
        return self.tokens[start : start + self.width].astype(numpy.int64)

    def order(self, pass_number: int, seed: int) -> NDArray[numpy.int64]:
        """All rows, shuffled in a way of their own in each pass."""
        return numpy.random.default_rng([seed, pass_number]).permutation(self.rows)


def write_corpus(
    talks: Callable[[], Iterable[Talk]],
    tokenizer: "PreTrainedTokenizerBase",
    path: Path,
    *,
    repeats: Mapping[str, float],
    variations: Variations,
    seed: int,
    passes: int = 1,
) -> int:
    """Tokenise some talk into a file; how many tokens it holds. Blocks.

    Args:
        talks: opens the talk anew, once for each pass.
        tokenizer: with a chat template.
        path: of the file; written anew.
        repeats: how often a source's conversations are taken in a pass (1.5: half of them twice); the others once.
        variations: how a conversation may be changed; each pass changes it differently.
        seed: of the variations and of the halves.
        passes: over the talk.
    """
    code = _code(tokenizer)
    size = 0
    with path.open("wb") as file:
        for pass_number in range(passes):
            dice = random.Random(f"{seed} {pass_number}")  # noqa: S311 - an order, not a secret
            taken = _repeated(talks(), repeats, dice)
            for ids in _encoded(variations.of(taken, dice), tokenizer):
                array(code, ids).tofile(file)
                size += len(ids)
    return size


def open_corpus(path: Path, tokenizer: "PreTrainedTokenizerBase", width: int) -> Corpus:
    """The rows of a written file.

    Raises:
        WrongUsage: it has not enough tokens for one row.
    """
    code = _code(tokenizer)
    size = path.stat().st_size // array(code).itemsize
    if size < width or not size:
        raise WrongUsage(f"{size} tokens of talk do not fill one row of {width}: prepare more talk")
    return Corpus(numpy.memmap(path, dtype=numpy.dtype(code), mode="r"), width)


def _code(tokenizer: "PreTrainedTokenizerBase") -> str:
    """Type of a token on the disk: two bytes where that is enough."""
    return "H" if len(tokenizer) <= 2**16 else "I"


def _repeated(talks: Iterable[Talk], repeats: Mapping[str, float], dice: random.Random) -> Iterator[Talk]:
    for talk in talks:
        times = repeats.get(talk.source, 1.0)
        whole = int(times)
        for _ in range(whole + (dice.random() < times - whole)):
            yield talk


def _encoded(talks: Iterable[Talk], tokenizer: "PreTrainedTokenizerBase") -> Iterator[list[int]]:
    texts: list[str] = []
    marks = re.compile("|".join(re.escape(mark) for mark in tokenizer.all_special_tokens))
    for talk in talks:
        # Whoever types a mark must not end a turn, or begin one of the assistant's.
        messages = [{**message, "content": marks.sub("", message["content"])} for message in talk.messages]
        texts.append(str(tokenizer.apply_chat_template(messages, tokenize=False)))
        if len(texts) == _AT_ONCE:
            yield from tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
            texts.clear()
    if texts:
        yield from tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
