"""What the tests of a group train: the smallest model, and talk enough for some steps."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from tests.trainer.growing.conftest import exchange
from trainer.growing.corpus import Corpus, open_corpus, write_corpus
from trainer.growing.dataset import Talk
from trainer.growing.sizes import choose_size
from trainer.growing.tokenising import grow_tokenizer
from trainer.growing.variations import Variations

WIDTH = 32


def small_corpus(folder: Path) -> Corpus:
    """Rows of talk about animals, in a file."""
    tokenizer = grow_tokenizer([], 300, WIDTH)
    write_corpus(_animals, tokenizer, folder / "tokens", repeats={}, variations=Variations(), seed=1)
    return open_corpus(folder / "tokens", tokenizer, WIDTH)


def small_model() -> Any:
    """The same one each time."""
    from transformers import AutoModelForCausalLM

    automatic: Any = AutoModelForCausalLM
    size = choose_size("nano", layers=1, hidden=16, heads=2, feed_forward=32, vocabulary=300, context=WIDTH)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return automatic.from_config(size.configuration())


def _animals() -> Iterable[Talk]:
    for number in range(60):
        yield exchange(f"What does animal {number} do?", f"Animal {number} sings {number % 7} songs.")
