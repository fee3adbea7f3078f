"""Screening one text after another against batches, and what normalising costs: `python -m benchmarks.screening`.

The whole chain and detoxify's model alone, over the same texts, side by side; medians of several passes. "Bare" is
detoxify's own `predict`, a call for each text or one for the whole batch: what one would write without the chain.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence

from bot.screening.bounds import prepare
from bot.screening.build import build_screening
from bot.screening.chain import Screening
from bot.screening.checkpoint import DetoxifyReader
from bot.screening.folding import Folder
from bot.screening.toxicity import Toxicity
from bot.settings import ScreeningSettings

BATCHES = (1, 8, 64)
TEXTS = 256
PASSES = 5
_WORDS = [
    "the",
    "a",
    "my",
    "our",
    "this",
    "that",
    "game",
    "server",
    "friend",
    "dinner",
    "movie",
    "music",
    "update",
    "patch",
    "map",
    "team",
    "score",
    "idea",
    "code",
    "train",
    "weather",
    "please",
    "thanks",
    "really",
    "maybe",
    "tomorrow",
    "tonight",
    "together",
    "sometimes",
    "plays",
    "builds",
    "likes",
    "wants",
    "finds",
    "shows",
    "brings",
    "good",
    "new",
    "slow",
    "funny",
    "bright",
    "purple",
    "and",
    "but",
    "because",
    "with",
    "about",
    "after",
    "before",
    "into",
    "over",
    "under",
    "again",
    "soon",
]


def talk(count: int, dice: random.Random) -> list[str]:
    """Texts of as many different lengths as chat has: most have under twenty words, a few have hundreds."""
    lengths = [min(400, max(1, int(dice.lognormvariate(2.0, 0.9)))) for _ in range(count)]
    return [" ".join(dice.choices(_WORDS, k=length)) for length in lengths]


def seconds(work: Callable[[], object]) -> float:
    """The median duration of a few passes, after one that warms up."""
    work()
    durations = []
    for _ in range(PASSES):
        began = time.perf_counter()
        work()
        durations.append(time.perf_counter() - began)
    return statistics.median(durations)


def in_batches(texts: Sequence[str], size: int) -> list[list[str]]:
    """The texts in lists of one size."""
    return [list(texts[start : start + size]) for start in range(0, len(texts), size)]


def main() -> None:
    """Print the tables."""
    began = time.perf_counter()
    screening = build_screening(ScreeningSettings())
    print(f"built in {time.perf_counter() - began:.1f} s, imports included")
    texts = talk(TEXTS, random.Random(1))
    folder = Folder()
    plain = seconds(lambda: [prepare(text, folder, 4000) for text in texts]) / TEXTS
    accented = [text.replace("e", "é").replace("o", "о") for text in texts]
    folded = seconds(lambda: [prepare(text, folder, 4000) for text in accented]) / TEXTS
    print(f"normalising: {1e6 * plain:.0f} µs a message of ASCII, {1e6 * folded:.0f} µs with accents and look-alikes\n")
    reader = _reader(screening)
    print("| texts a call | chain, texts/s | against one by one | bare detoxify, texts/s | against one by one |")
    print("|---|---|---|---|---|")
    first_chain = first_bare = 0.0
    for size in BATCHES:
        lists = in_batches(texts, size)
        chain = TEXTS / seconds(lambda lists=lists: [screening.screen(batch) for batch in lists])  # type: ignore[misc]
        bare = TEXTS / seconds(lambda lists=lists: [reader.predict(batch) for batch in lists])  # type: ignore[misc]
        first_chain, first_bare = first_chain or chain, first_bare or bare
        print(f"| {size} | {chain:,.0f} | {chain / first_chain:.1f}x | {bare:,.0f} | {bare / first_bare:.1f}x |")


def _reader(screening: Screening) -> "_Bare":
    [toxicity] = [screen for screen in screening.screens if isinstance(screen, Toxicity)]
    assert isinstance(toxicity.reader, DetoxifyReader)
    return _Bare(toxicity.reader)


class _Bare:
    """detoxify's own call, without windows, readings or order by length."""

    def __init__(self, reader: DetoxifyReader) -> None:
        self._reader = reader

    def predict(self, texts: list[str]) -> object:
        return self._reader.score(texts)


if __name__ == "__main__":
    main()
