"""From a prepared dataset to a model folder: tokenizer, corpus, training, figures, card. Blocks; resumes.

What an interrupted growth has done lies in a hidden folder beside the one it was to become; the same order goes on
there, another one is refused. The folder appears under its name when all of it is written. It knows nothing of the
registry or of runs: what is grown becomes a base when an operator chooses it.
"""

import contextlib
import copy
import json
import math
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.errors import WrongUsage
from storage.manifest import sync_folder
from trainer.evaluation import Figures
from trainer.growing.advice import Advice, advise_run
from trainer.growing.corpus import Corpus, open_corpus, write_corpus
from trainer.growing.dataset import Dataset
from trainer.growing.estimate import require_fits
from trainer.growing.figures import Sample, figures_by_source, samples
from trainer.growing.model_card import write_card
from trainer.growing.pretraining import Grown, Onlooker, Plan, Point, pretrain
from trainer.growing.sizes import Size
from trainer.growing.tokenising import grow_tokenizer, load_tokenizer
from trainer.growing.variations import Variations
from trainer.machine import Machine, look
from trainer.spread.choice import ONE, Spread
from trainer.spread.growths import group_folder, pretrain_together
from trainer.spread.launching import follow

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

VARIED_PASSES = 3
"""Over talk that is varied, so that a second reading finds it changed; unvaried talk is written once."""
_TRIED_STEPS = 5
_FEWEST_HELDOUT_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Length:
    """How long to train: by one of these."""

    epochs: float | None = None
    """Readings of all the talk."""
    tokens: float | None = None
    minutes: float | None = None
    """On this machine, by trying some steps."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be grown: the same order over the same talk gives the same model on the same machine."""

    dataset: Dataset
    size: Size
    """Its vocabulary and context as well. Without meaning where a model goes on from `start`."""
    plan: Plan
    """Its steps are chosen by `length`."""
    length: Length
    start: Path | None = None
    """A model folder to go on from, with its tokenizer; None: from nothing."""
    variations: Variations = field(default_factory=Variations)
    repeats: Mapping[str, float] = field(default_factory=dict)
    """How often a source's talk is read in an epoch; others once."""
    device: str = "auto"

    def as_record(self) -> dict[str, object]:
        """What decides whether an interrupted growth may go on, and what the card tells."""
        return {
            "dataset": self.dataset.content_hash,
            "size": None if self.start else asdict(self.size),
            "start": str(self.start.resolve()) if self.start else None,
            "plan": {key: value for key, value in self.plan.as_record().items() if key != "steps"},
            "length": asdict(self.length),
            "variations": asdict(self.variations),
            "repeats": dict(sorted(self.repeats.items())),
        }


@dataclass(frozen=True, slots=True)
class Growth:
    """What was grown."""

    folder: Path
    parameters: int
    plan: Plan
    tokens_an_epoch: int
    curve: tuple[Point, ...]
    tokens: int
    """Read in all."""
    seconds: float
    """Of training, in this process."""
    resumed_from: int
    figures: Mapping[str, Figures]
    """On held-out talk, by source and `all`; empty where nothing was held out."""
    samples: tuple[Sample, ...]
    advice: Advice
    """What would make it better."""

    @property
    def epochs(self) -> float:
        """How often all the talk was read."""
        return self.tokens / max(1, self.tokens_an_epoch)


def grow(order: Order, folder: Path, onlooker: Onlooker, *, restart: bool = False, spread: Spread = ONE) -> Growth:
    """Grow a model into `folder`.

    Args:
        order: what to grow.
        folder: must not exist; where the model will be.
        onlooker: follows and may stop it.
        restart: throw away what an interrupted growth left, instead of going on.
        spread: over how many processes; one that was interrupted goes on with as many.

    Raises:
        WrongUsage: the folder exists, the size does not fit this machine, the talk is too little, or an interrupted
            growth of another order is in the way.
        Interrupted: it was asked to stop; the same call goes on.
    """
    if folder.exists():
        raise WrongUsage(f"{folder} exists already.", advice="Give another name, or remove it first.")
    _check_sources(order)
    work = _Work(_hidden(folder), order)
    if not order.start:
        require_fits(
            order.size, _share_of(look(order.device), spread), tokens_a_step=_tokens_at_once(order.plan, spread)
        )
    work.open(restart=restart)
    tokenizer = work.tokenizer()
    model = _model(order, tokenizer)
    corpus, heldout = work.corpora(tokenizer, int(model.config.max_position_embeddings))
    an_epoch = len(corpus.tokens) // _passes(order)
    plan = work.plan(model, corpus, an_epoch, spread)
    checkpoints = _checkpoints(folder)
    if spread.is_alone:
        grown = pretrain(model, corpus, heldout, plan, checkpoints, onlooker)
    else:
        grown = pretrain_together(model, corpus, heldout, plan, checkpoints, onlooker, spread)
    draft = work.folder / "model"
    shutil.rmtree(draft, ignore_errors=True)
    _save(grown, tokenizer, draft)
    from bot.engine.weights import load_weights

    weights = load_weights(draft, device=order.device)
    growth = Growth(
        folder=folder,
        parameters=weights.parameters,
        plan=plan,
        tokens_an_epoch=an_epoch,
        curve=grown.curve,
        tokens=grown.tokens,
        seconds=grown.seconds,
        resumed_from=grown.resumed_from,
        figures=figures_by_source(weights, order.dataset.heldout()),
        samples=tuple(samples(weights, order.dataset.heldout())),
        advice=advise_run(grown.curve, tokens_an_epoch=an_epoch, steady_share=1 - plan.decay_share),
    )
    write_card(draft, order.as_record(), growth, order.dataset)
    sync_folder(draft)
    draft.rename(folder)
    shutil.rmtree(work.folder)
    return growth


def help_grow(folder: Path) -> None:
    """Take part, as any but the first of torchrun's processes, in the growth that the first one leads. Blocks.

    Args:
        folder: where the model will be; on a disk that all share.
    """
    follow(group_folder(_checkpoints(folder)))


def _hidden(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.growing")


def _checkpoints(folder: Path) -> Path:
    return _hidden(folder) / "checkpoints"


def _check_sources(order: Order) -> None:
    """Complain about a source that the talk does not have: its weight would do nothing."""
    known = set(order.dataset.licences)
    unknown = sorted({*order.repeats, *order.variations.symmetric} - known)
    if unknown and known:
        raise WrongUsage(
            f"There is no source {unknown[0]!r} in {order.dataset.folder.name}.",
            advice=f"Its sources are: {', '.join(sorted(known))}.",
        )


class _Work:
    """The hidden folder of one growth: what is in it need not be done again."""

    def __init__(self, folder: Path, order: Order) -> None:
        self.folder = folder
        self._order = order
        self._note = folder / "order.json"

    def open(self, *, restart: bool) -> None:
        if restart:
            shutil.rmtree(self.folder, ignore_errors=True)
        wanted = json.loads(json.dumps(self._order.as_record()))
        left = self._read(self._note)
        if left is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            _write(self._note, wanted)
        elif left != wanted:
            differing = ", ".join(key for key in wanted if left.get(key) != wanted[key])
            raise WrongUsage(
                f"{self.folder} holds an interrupted growth that differs in: {differing}.",
                advice="Repeat the command as it was to go on with it, or add --restart to throw it away.",
            )

    def tokenizer(self) -> "PreTrainedTokenizerBase":
        """The model's to go on from, or a grown one."""
        place = self.folder / "tokenizer"
        if self._order.start is not None:
            return load_tokenizer(self._order.start)
        if not (place / "tokenizer.json").is_file():
            talks = self._order.dataset.train()
            texts = (message["content"] for talk in talks for message in talk.messages)
            grow_tokenizer(texts, self._order.size.vocabulary, self._order.size.context).save_pretrained(place)
        return load_tokenizer(place)

    def corpora(self, tokenizer: "PreTrainedTokenizerBase", width: int) -> tuple[Corpus, Corpus | None]:
        """What is learnt, and what is held out; None where that is less than a row."""
        order, seed = self._order, self._order.plan.seed
        train, heldout = self.folder / "train.tokens", self.folder / "heldout.tokens"
        whole = self.folder / "corpora.whole"
        if not whole.is_file():
            passes = _passes(order)
            talk, repeats, variations = order.dataset.train, order.repeats, order.variations
            write_corpus(talk, tokenizer, train, repeats=repeats, variations=variations, seed=seed, passes=passes)
            write_corpus(order.dataset.heldout, tokenizer, heldout, repeats={}, variations=Variations(), seed=seed)
            whole.touch()
        corpus = open_corpus(train, tokenizer, width)
        for narrower in (width, _FEWEST_HELDOUT_TOKENS):
            with contextlib.suppress(WrongUsage):
                return corpus, open_corpus(heldout, tokenizer, narrower)
        return corpus, None

    def plan(self, model: Any, corpus: Corpus, an_epoch: int, spread: Spread) -> Plan:
        """The order's, with as many steps as its length asks for; decided once."""
        note = self.folder / "plan.json"
        decided = self._read(note)
        if decided is None:
            decided = {"steps": _steps(model, corpus, an_epoch, self._order.plan, self._order.length, spread)}
            _write(note, decided)
        return replace(self._order.plan, steps=int(decided["steps"]))

    @staticmethod
    def _read(path: Path) -> dict[str, Any] | None:
        try:
            record = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) else None


def _write(path: Path, record: Mapping[str, object]) -> None:
    staged = path.with_suffix(".new")
    staged.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    staged.replace(path)


def _passes(order: Order) -> int:
    return 1 if order.variations == Variations() else VARIED_PASSES


def _model(order: Order, tokenizer: "PreTrainedTokenizerBase") -> Any:
    """In float32, where it is to be trained."""
    import torch
    from transformers import AutoModelForCausalLM

    from bot.engine.weights import find_device, load_weights

    if order.start is not None:
        loaded: Any = load_weights(order.start, device=order.device).model
        return loaded.float()
    automatic: Any = AutoModelForCausalLM
    device = find_device(order.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(order.plan.seed)
        config = order.size.configuration(vocabulary=len(tokenizer))
        return automatic.from_config(config).float().to(device)


def _tokens_at_once(plan: Plan, spread: Spread) -> int:
    """In one forward and backward pass of one process."""
    return min(plan.tokens_at_once or plan.tokens_a_step, max(1, plan.tokens_a_step // spread.processes))


def _share_of(machine: Machine, spread: Spread) -> Machine:
    """What one process has of this machine: on a CPU all share the memory."""
    if machine.device == "cuda":
        return machine
    return replace(machine, free_bytes=machine.free_bytes // spread.processes)


def _steps(model: Any, corpus: Corpus, an_epoch: int, plan: Plan, length: Length, spread: Spread) -> int:
    if length.minutes is not None:
        mine = replace(plan, tokens_a_step=max(corpus.width, plan.tokens_a_step // spread.processes))
        return max(1, int(60 * length.minutes / _seconds_a_step(model, corpus, mine)))
    tokens = length.tokens if length.tokens is not None else (length.epochs or 1.0) * an_epoch
    return max(1, math.ceil(tokens / plan.tokens_a_step))


def _seconds_a_step(model: Any, corpus: Corpus, plan: Plan) -> float:
    """By the quickest of some steps of a copy, which is thrown away, without what processes wait for each other."""
    times: list[float] = []
    onlooker = Onlooker(on_step=lambda *_: times.append(time.perf_counter()))
    with tempfile.TemporaryDirectory() as folder:
        pretrain(copy.deepcopy(model), corpus, None, replace(plan, steps=_TRIED_STEPS), Path(folder), onlooker)
    return min(later - sooner for sooner, later in pairwise(times))


def _save(grown: Grown, tokenizer: "PreTrainedTokenizerBase", folder: Path) -> None:
    import torch
    from transformers import GenerationConfig

    model = grown.model
    ids: dict[str, Any] = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    model.generation_config = GenerationConfig(**ids)  # type: ignore[no-untyped-call]
    model.config.use_cache = True  # the loop has no use for it, whoever answers has
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
