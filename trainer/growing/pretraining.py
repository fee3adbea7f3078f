"""A model grown from a corpus: the loop. Blocks; one call is one run, resumed or new.

The loop is transformers' own, so checkpoints hold optimiser, schedule, random states and position, and an interrupted
run goes on to the same weights, bit by bit, on the same machine. All words are learnt, the user's as well: they are
talk too. It knows nothing of how the talk was prepared or where the model goes.
"""

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from storage.errors import WrongUsage
from trainer.growing.corpus import Corpus
from trainer.machine import keep_freed_memory, trains_in_half
from trainer.progress import Interrupted, Why
from trainer.spread.group import ALONE, Group
from trainer.training import last_checkpoint, mark_whole, wish_of

_POINT_TOKENS = 16_384


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is grown. Recorded with it."""

    steps: int
    tokens_a_step: int = 2048
    matrix_rate: float = 0.02
    """Muon's learning rate, at its highest."""
    other_rate: float = 0.008
    """AdamW's learning rate, of embeddings and norms, at its highest."""
    weight_decay: float = 0.05
    warmup_steps: int = 20
    decay_share: float = 0.6
    """The learning rate falls over this share of the steps, at the end."""
    least_rate: float = 0.0
    """What it falls to, of the highest: nothing, unless another stage goes on from there."""
    short_share: float = 0.75
    """For this share of the steps, at the beginning, rows are read by halves: attention costs less."""
    tokens_at_once: int | None = None
    """Of a step, in one forward and backward pass, where memory is short; None: all."""
    evaluations: int = 20
    """How often the held-out loss is taken."""
    compiled: bool = False
    """Whether torch compiles the model first: minutes of waiting for faster steps."""
    seed: int = 1

    def rate(self, step: int) -> float:
        """What the learning rates are multiplied with at a step, counted from 0."""
        rising = (step + 1) / max(1, self.warmup_steps)
        left = (self.steps - step) / max(1.0, self.decay_share * self.steps)
        falling = self.least_rate + (1.0 - self.least_rate) * max(0.0, left)
        return min(1.0, rising, falling)

    def as_record(self) -> dict[str, object]:
        """For the model's card."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Point:
    """One place of a learning curve."""

    step: int
    tokens: int
    """Read so far."""
    loss: float
    """Mean over the steps since the last point, in nats a token."""
    heldout_loss: float | None
    """In nats a token, all words; None where nothing is held out."""

    @property
    def perplexity(self) -> float | None:
        """On held-out talk."""
        return None if self.heldout_loss is None else math.exp(min(self.heldout_loss, 50.0))


@dataclass(frozen=True, slots=True)
class Grown:
    """What came of a run."""

    model: Any
    curve: tuple[Point, ...]
    tokens: int
    """Read in all, also before an interruption."""
    resumed_from: int
    """The step that a checkpoint brought back; 0 for a fresh start."""
    seconds: float
    """Of this process alone."""


@dataclass(frozen=True, slots=True)
class Onlooker:
    """How the outside follows a run and stops it."""

    on_step: Callable[[int, int, float], None] = lambda step, steps, loss: None
    """Called with the step, the number of steps and the loss, in nats a token."""
    on_point: Callable[[Point], None] = lambda point: None
    check: Callable[[], None] = lambda: None
    """Asked after each step; may raise `Interrupted`, after which a checkpoint is written, or what ends the run."""
    checkpoint_seconds: float = 120.0
    now: Callable[[], float] = time.monotonic


def pretrain(
    model: Any,
    corpus: Corpus,
    heldout: Corpus | None,
    plan: Plan,
    folder: Path,
    onlooker: Onlooker,
    group: Group = ALONE,
) -> Grown:
    """Train `model` in place, from the last whole checkpoint in `folder` if there is one.

    Args:
        model: a causal language model, in float32, wherever it is to be trained.
        corpus: as many passes over its rows as the steps need.
        heldout: never trained on.
        plan: all that the weights depend on besides model and corpus.
        folder: for checkpoints; whoever calls removes it.
        onlooker: the outside.
        group: those that train it together, each with its part of every step's rows.

    Raises:
        Interrupted: it was asked to stop; there is a checkpoint to go on from.
    """
    import torch
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]  # it would write over the onlooker's
    keep_freed_memory()
    started = onlooker.now()
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = last_checkpoint(folder)
    watch = _watch(heldout, plan, folder, onlooker, group)
    loop = _loop(model, Rows(corpus, plan, group.size), plan, folder, watch)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), _attention_for(model, plan):
        warnings.simplefilter("ignore")  # the loop warns of options that are meant as they are
        loop.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if watch.interrupted is not None:
        raise watch.interrupted
    model.train(False)
    curve = tuple(Point(**entry["point"]) for entry in loop.state.log_history if "point" in entry)
    resumed_from = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    tokens = loop.state.global_step * plan.tokens_a_step
    return Grown(model, curve, tokens, resumed_from, onlooker.now() - started)


def heldout_loss(model: Any, heldout: Corpus) -> float:
    """Mean loss of the first rows, in nats a token: enough for a curve, cheap beside the steps between. Blocks."""
    import torch

    was_training = model.training
    model.train(False)
    rows = [heldout.row(index) for index in range(min(heldout.rows, max(1, _POINT_TOKENS // heldout.width)))]
    losses = []
    with torch.inference_mode():
        for start in range(0, len(rows), 4):
            ids = torch.from_numpy(numpy.stack(rows[start : start + 4])).to(model.device)
            losses += [float(_loss(model, ids))] * len(ids)
    model.train(was_training)
    return sum(losses) / len(losses)


class Rows:
    """The rows of each step, as a dataset of the loop: item `n` is the n-th row of the whole run."""

    def __init__(self, corpus: Corpus, plan: Plan, processes: int = 1) -> None:
        """Rows of some talk, read by so many processes together: the loop gives each its part of a step.

        Raises:
            WrongUsage: a step's rows cannot be shared evenly.
        """
        self._corpus = corpus
        self._seed = plan.seed
        self._order: tuple[int, NDArray[numpy.int64]] = (-1, numpy.empty(0, numpy.int64))
        self.rows_a_step = max(1, plan.tokens_a_step // corpus.width)
        if self.rows_a_step % processes:
            raise WrongUsage(
                f"{processes} processes cannot share the {self.rows_a_step} rows of a step evenly.",
                advice=f"Read a multiple of {processes * corpus.width} tokens a step: --tokens-a-step.",
            )
        at_once = max(1, (plan.tokens_at_once or plan.tokens_a_step) // corpus.width)
        self.parts = max(1, self.rows_a_step // (at_once * processes))
        self.rows_a_step -= self.rows_a_step % (self.parts * processes)
        self.rows_at_once = self.rows_a_step // (self.parts * processes)
        self._length = plan.steps * self.rows_a_step

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> NDArray[numpy.int64]:
        pass_number, place = divmod(index, self._corpus.rows)
        if self._order[0] != pass_number:
            self._order = (pass_number, self._corpus.order(pass_number, self._seed))
        return self._corpus.row(int(self._order[1][place]))


def _loss(model: Any, ids: Any) -> Any:
    """Mean cross-entropy of each row's next tokens. `ids` has shape (rows, width)."""
    return model(input_ids=ids, labels=ids, use_cache=False).loss


@contextlib.contextmanager
def _attention_for(model: Any, plan: Plan) -> Iterator[None]:
    """While it trains, attention as the device does it fastest.

    Written out and compiled, it is 1.6 times faster on a CPU of two cores than torch's own kernel, whose way back hardly
    gains from a second core.
    """
    usual = model.config._attn_implementation
    if plan.compiled and model.device.type == "cpu":
        model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(usual)


def _watch(heldout: Corpus | None, plan: Plan, folder: Path, onlooker: Onlooker, group: Group) -> Any:
    """The loop's callback: tells the outside, takes the held-out loss, saves by the clock, and stops when asked to."""
    from transformers import TrainerCallback

    every = max(1, plan.steps // max(1, plan.evaluations))

    class Watch(TrainerCallback):
        saved_at = onlooker.now()
        interrupted: Interrupted | None = None

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            control.should_log = True
            is_due = group.is_first and onlooker.now() - self.saved_at >= onlooker.checkpoint_seconds
            why, is_due = group.agree(wish_of(onlooker.check), saves=is_due)
            if why is not None:
                self.interrupted = Interrupted(why)
                control.should_training_stop = True
                is_due = why is not Why.LOST
            control.should_save = is_due and state.global_step < state.max_steps
            return control

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            mark_whole(folder / f"checkpoint-{state.global_step}", group)
            self.saved_at = onlooker.now()
            return control

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, model: Any = None, **_: Any) -> Any:
            if not logs or "loss" not in logs:
                return control
            step = state.global_step
            if group.is_first:
                onlooker.on_step(step, state.max_steps, float(logs["loss"]))
            if step % every == 0 or step == state.max_steps:
                recent = [entry["loss"] for entry in state.log_history[-every:] if "loss" in entry]
                judged = None if heldout is None else heldout_loss(model, heldout)
                point = Point(step, step * plan.tokens_a_step, sum(recent) / len(recent), judged)
                state.log_history.append({"point": asdict(point), "step": step})
                if group.is_first:
                    onlooker.on_point(point)
            return control

    return Watch()


def _loop(model: Any, rows: Rows, plan: Plan, folder: Path, watch: Any) -> Any:
    """Transformers' loop over the plan's steps."""
    import torch
    from transformers import PrinterCallback, Trainer, TrainingArguments

    from trainer.growing.optimiser import MuonWithAdamW

    short_steps = int(plan.short_share * plan.steps)

    class Loop(Trainer):
        def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
            ids = inputs["ids"]
            if self.state.global_step < short_steps:
                ids = ids.reshape(2 * ids.shape[0], -1)
            return _loss(model, ids)

    on_gpu = model.device.type == "cuda"
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=rows.rows_at_once,
        gradient_accumulation_steps=rows.parts,
        max_steps=plan.steps,
        max_grad_norm=1.0,
        bf16=trains_in_half(model.device.type, model.config.hidden_size),
        use_cpu=not on_gpu,
        torch_compile=plan.compiled,
        logging_strategy="no",
        save_strategy="no",
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
        log_level="error",
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        train_sampling_strategy="sequential",
        ddp_find_unused_parameters=False,
        seed=plan.seed,
    )
    optimiser = MuonWithAdamW(
        model, matrix_rate=plan.matrix_rate, other_rate=plan.other_rate, weight_decay=plan.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, plan.rate)
    loop = Loop(
        model=model,
        args=arguments,
        train_dataset=rows,
        data_collator=lambda rows: {"ids": torch.from_numpy(numpy.stack(rows))},
        optimizers=(optimiser, schedule),
        callbacks=[watch],
    )
    loop.remove_callback(PrinterCallback)
    return loop
