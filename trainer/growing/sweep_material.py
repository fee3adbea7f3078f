"""What all runs of a sweep share: tokenizer, corpus, held-out talk, first weights, and how fast this machine reads."""

import math
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from storage.errors import WrongUsage
from trainer.growing.corpus import Corpus, open_corpus, write_corpus
from trainer.growing.dataset import Dataset
from trainer.growing.pretraining import Onlooker, Plan, heldout_loss, pretrain
from trainer.growing.sizes import Size
from trainer.growing.sweep_settings import evaluations, usual_batch
from trainer.growing.tokenising import grow_tokenizer, load_tokenizer
from trainer.growing.variations import Variations

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_TRIED_STEPS = 4


@dataclass(frozen=True, slots=True)
class Part(Corpus):
    """Some rows of a corpus, chosen at random: as if there were less talk of the same kind."""

    chosen: NDArray[Any]
    """Indices of its rows."""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.chosen)

    def row(self, index: int) -> NDArray[numpy.int64]:
        """Shape (width,)."""
        return Corpus.row(self, int(self.chosen[index]))


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast this machine makes a run of a size."""

    tokens_a_second: float
    """Learnt, at the usual tokens a step."""
    judging_seconds: float
    """Of taking the held-out loss once."""

    def seconds_for(self, tokens: float) -> float:
        """Of a whole run."""
        return tokens / self.tokens_a_second + evaluations(tokens) * self.judging_seconds

    def tokens_in(self, seconds: float) -> float:
        """That a whole run can read in some time; 0 if it could not even be judged."""
        for judged in range(evaluations(0), evaluations(math.inf) + 1):
            tokens = max(0.0, (seconds - judged * self.judging_seconds) * self.tokens_a_second)
            if evaluations(tokens) <= judged:
                break
        return tokens


@dataclass(frozen=True, slots=True)
class Material:
    """What all runs share."""

    corpus: Corpus
    heldout: Corpus
    size: Size
    tokenizer: "PreTrainedTokenizerBase"
    device: str
    seed: int
    pace: Pace

    @property
    def tokens_an_epoch(self) -> int:
        """That are read when all the talk is read once."""
        return self.corpus.rows * self.corpus.width

    def part(self, share: float) -> Corpus | None:
        """A share of the talk, the same for the same share; None where that is not a row."""
        if share >= 1:
            return self.corpus
        count = round(share * self.corpus.rows)
        if not count:
            return None
        # The beginning of one order: a smaller part lies within every larger one.
        chosen = numpy.random.default_rng([self.seed, 0]).permutation(self.corpus.rows)[:count]
        return Part(self.corpus.tokens, self.corpus.width, chosen)

    def fresh_model(self) -> Any:
        """The first weights, the same each time, in float32 where they are to be trained."""
        return _fresh_model(self.size, self.tokenizer, self.device, self.seed)


def prepare(dataset: Dataset, size: Size, variations: Variations, folder: Path, *, device: str, seed: int) -> Material:
    """Tokenise the talk into the folder, unless that is done already, and measure the machine for some seconds.

    Raises:
        WrongUsage: there is too little talk, or none is held out.
    """
    tokenizer = _tokenizer(dataset, size, folder)
    train, heldout, whole = folder / "train.tokens", folder / "heldout.tokens", folder / "tokens.whole"
    if not whole.is_file():
        write_corpus(dataset.train, tokenizer, train, repeats={}, variations=variations, seed=seed)
        write_corpus(dataset.heldout, tokenizer, heldout, repeats={}, variations=Variations(), seed=seed)
        whole.touch()
    corpus = open_corpus(train, tokenizer, size.context)
    judged = _judged(heldout, tokenizer, size.context, dataset)
    pace = _pace(_fresh_model(size, tokenizer, device, seed), corpus, judged)
    return Material(corpus, judged, size, tokenizer, device, seed, pace)


def _judged(path: Path, tokenizer: "PreTrainedTokenizerBase", width: int, dataset: Dataset) -> Corpus:
    """Held-out rows, narrower ones where there is less than one."""
    for narrower in (width, width // 4, 16):
        try:
            return open_corpus(path, tokenizer, narrower)
        except WrongUsage:
            continue
    raise WrongUsage(
        f"{dataset.folder} has nothing held out to judge runs by.",
        advice="Prepare more talk, so that some is held out.",
    )


def _tokenizer(dataset: Dataset, size: Size, folder: Path) -> "PreTrainedTokenizerBase":
    place = folder / "tokenizer"
    whole = folder / "tokenizer.whole"
    if not whole.is_file():
        if next(dataset.train(), None) is None:
            raise WrongUsage(f"There is nothing to learn in {dataset.folder}.", advice="Prepare more talk.")
        texts = (message["content"] for talk in dataset.train() for message in talk.messages)
        grow_tokenizer(texts, size.vocabulary, size.context).save_pretrained(place)
        whole.touch()
    return load_tokenizer(place)


def _fresh_model(size: Size, tokenizer: "PreTrainedTokenizerBase", device: str, seed: int) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    from bot.engine.weights import find_device

    automatic: Any = AutoModelForCausalLM
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = automatic.from_config(size.configuration(vocabulary=len(tokenizer)))
    return model.float().to(find_device(device))


def _pace(model: Any, corpus: Corpus, heldout: Corpus) -> Pace:
    """By the quickest of some steps, and of one look at the held-out talk."""
    times: list[float] = []
    plan = Plan(steps=_TRIED_STEPS, tokens_a_step=usual_batch(corpus.width), short_share=0.0)
    with tempfile.TemporaryDirectory() as folder:
        watch = Onlooker(on_step=lambda *_: times.append(time.perf_counter()))
        pretrain(model, corpus, None, plan, Path(folder), watch)
    seconds = max(1e-6, min(later - sooner for sooner, later in pairwise(times)))
    began = time.perf_counter()
    heldout_loss(model, heldout)
    return Pace(plan.tokens_a_step / seconds, time.perf_counter() - began)
