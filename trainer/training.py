"""Training proper: a base, a plan and a recipe in; a better model out. Blocks; one call is one run, resumed or new.

The loop is transformers' own, so checkpoints hold optimiser, schedule, random states and position, and a run that was
killed goes on as if it had not been: the same weights, bit by bit, on the same machine. What is ours is one row of
packed documents for each step, and a loss of two parts: learning the taught answers' words, and staying where the base
was on old talk.
"""

import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.engine.weights import LoadedWeights
from trainer.packing import Document, Rows, keeps_apart, logits_at, packed
from trainer.progress import Interrupted, Why
from trainer.recipe import Recipe, Step
from trainer.replay import Taught, forgetting

if TYPE_CHECKING:
    import torch

KEEPING = 2.5
"""How much a nat of forgetting weighs against a nat of what is to be learnt, at equal shares."""
_WHOLE = "whole"
"""A file that a checkpoint gets when all of it is on the disk."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a run learns, as the model reads it."""

    taught: Sequence[Document]
    replay: Sequence[Document]
    teacher: Taught | None
    """What the base expects in the replay; None without replay."""
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training."""

    model: Any
    """Trained; with its adapter, if it has one."""
    losses: tuple[tuple[int, float], ...]
    """Step and loss."""
    steps: int
    resumed_from: int
    """The step that a checkpoint brought back; 0 for a fresh start."""
    seconds: float
    """Of this process, the time before a kill not counted."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How the outside follows a training and stops it."""

    on_step: Callable[[int, int, float], None]
    """Called with the step, the number of steps and the loss."""
    check: Callable[[], None]
    """Asked after each step; may raise to stop: `Interrupted` lets a checkpoint be written first."""
    checkpoint_seconds: float
    now: Callable[[], float] = time.monotonic


def train(weights: LoadedWeights, lesson: Lesson, recipe: Recipe, folder: Path, watch: Watch) -> Trained:
    """Train `weights.model` in place; on a resume, from the last whole checkpoint in `folder`.

    Checkpoints stay in `folder`; whoever calls removes it.

    Raises:
        Interrupted: it was asked to stop; unless another process took over, there is a checkpoint to go on from.
    """
    import torch

    started = watch.now()
    apart = keeps_apart(weights.model, weights.renderer.pad_id)
    model = prepared(weights, recipe)
    follow = _follower(watch, folder)
    loop = _loop(model, _Losses(lesson, recipe, apart, weights), recipe, folder, follow, weights)
    checkpoint = last_checkpoint(folder)
    resumed_from = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    devices = [weights.device] if weights.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the loop warns of options that are meant as they are
        loop.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if follow.interrupted is not None:
        raise follow.interrupted
    model.train(False)
    history = loop.state.log_history
    losses = tuple((int(entry["step"]), float(entry["loss"])) for entry in history if "loss" in entry)
    return Trained(model, losses, loop.state.global_step, resumed_from, watch.now() - started)


def prepared(weights: LoadedWeights, recipe: Recipe) -> Any:
    """The model ready to be trained: float32, and with an adapter when only that is trained."""
    import torch

    model: Any = weights.model
    if recipe.method == "full":
        return model.float()
    from peft import LoraConfig, TaskType, get_peft_model

    config = LoraConfig(
        r=recipe.lora_rank,
        lora_alpha=2 * recipe.lora_rank,
        target_modules="all-linear",
        task_type=TaskType.CAUSAL_LM,
    )
    devices = [weights.device] if weights.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the libraries have renamed among themselves
        torch.manual_seed(recipe.seed)
        return get_peft_model(model, config)


def save(trained: Any, weights: LoadedWeights, recipe: Recipe, folder: Path) -> None:
    """Write a trained model as a version's files: whole weights, or the adapter, with what it takes to serve it."""
    import torch

    if recipe.method == "full":
        trained.to(torch.bfloat16 if weights.dtype == torch.bfloat16 else torch.float32)
        trained.save_pretrained(folder, safe_serialization=True)
        weights.tokenizer.save_pretrained(folder)
    else:
        trained.save_pretrained(folder, safe_serialization=True)
        for unwanted in folder.glob("*.md"):
            unwanted.unlink()


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written whole."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{_WHOLE}")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def affordable_steps(
    weights: LoadedWeights, lesson: Lesson, recipe: Recipe, *, seconds: float, now: Callable[[], float]
) -> int:
    """How many of the recipe's steps fit into some time, by trying two of them; at least one. Blocks.

    The weights are left as they are.
    """
    model = weights.model
    trial = _Losses(lesson, recipe, keeps_apart(model, weights.renderer.pad_id), weights)
    started = now()
    for step in lesson.steps[:2]:
        trial.of(model, step).backward()  # type: ignore[no-untyped-call]
    model.zero_grad(set_to_none=True)
    each = (now() - started) / max(1, len(lesson.steps[:2]))
    return max(1, min(recipe.steps, int(seconds / max(each, 1e-6))))


class _Losses:
    """The loss of a step."""

    def __init__(self, lesson: Lesson, recipe: Recipe, apart: bool, weights: LoadedWeights) -> None:
        self._lesson = lesson
        self._share = recipe.replay_share
        self._apart = apart
        self.steps = lesson.steps
        self._pad_id = weights.renderer.pad_id
        self._device = weights.device

    def of(self, model: Any, step: Step) -> "torch.Tensor":
        """Both parts, weighed; both in one forward pass."""
        import torch

        documents = [self._lesson.taught[index] for index in step.taught]
        rows = self._rows(documents + [self._lesson.replay[index] for index in step.replay])
        is_replay = rows.documents >= len(documents)
        learnt = rows.is_learnt & ~is_replay
        kept = (rows.targets >= 0) & is_replay
        logits = logits_at(model, rows, learnt | kept)
        is_kept = kept[learnt | kept]
        loss = torch.nn.functional.cross_entropy(logits[~is_kept], rows.targets[learnt])
        if not step.replay or self._lesson.teacher is None:
            return loss
        choices, log_probabilities = self._lesson.teacher.places(step.replay, self._lesson.replay)
        moved = forgetting(logits[is_kept], choices.to(self._device), log_probabilities.to(self._device))
        return (1 - self._share) * loss + self._share * KEEPING * moved

    def _rows(self, documents: Sequence[Document]) -> Rows:
        return packed(documents, apart=self._apart, pad_id=self._pad_id, device=self._device)


def _follower(watch: Watch, folder: Path) -> Any:
    """The loop's callback: tells the outside, saves by the clock, and stops when it is asked to."""
    from transformers import TrainerCallback

    class Follow(TrainerCallback):
        saved_at = watch.now()
        interrupted: Interrupted | None = None

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            control.should_log = True
            is_due = watch.now() - self.saved_at >= watch.checkpoint_seconds
            try:
                watch.check()
            except Interrupted as interrupted:
                self.interrupted = interrupted
                control.should_training_stop = True
                is_due = interrupted.why is Why.STOPPING
            control.should_save = is_due and state.global_step < state.max_steps
            return control

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            mark_whole(folder / f"checkpoint-{state.global_step}")
            self.saved_at = watch.now()
            return control

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> Any:
            if logs and "loss" in logs:
                watch.on_step(state.global_step, state.max_steps, float(logs["loss"]))
            return control

    return Follow()


def _loop(model: Any, losses: _Losses, recipe: Recipe, folder: Path, follow: Any, weights: LoadedWeights) -> Any:
    """Transformers' loop over the plan's steps."""
    import torch
    from torch.utils.data import Dataset
    from transformers import PrinterCallback, Trainer, TrainingArguments

    class Steps(Dataset[Step]):
        def __len__(self) -> int:
            return recipe.steps

        def __getitem__(self, index: int) -> Step:
            return losses.steps[index]

    class OurTrainer(Trainer):
        def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
            return losses.of(model, inputs["step"])

    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=1,
        max_steps=recipe.steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=min(10, max(1, recipe.steps // 20)),
        weight_decay=0.0,
        max_grad_norm=1.0,
        bf16=weights.device.type == "cuda" and torch.cuda.is_bf16_supported(),
        use_cpu=weights.device.type == "cpu",
        logging_strategy="no",
        save_strategy="no",
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
        log_level="error",
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        train_sampling_strategy="sequential",
        seed=recipe.seed,
    )
    loop = OurTrainer(
        model=model,
        args=arguments,
        train_dataset=Steps(),
        data_collator=lambda steps: {"step": steps[0]},
        callbacks=[follow],
    )
    loop.remove_callback(PrinterCallback)
    return loop


def mark_whole(checkpoint: Path) -> None:
    """Say on the disk that a checkpoint is all there."""
    for path in checkpoint.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    (checkpoint / _WHOLE).touch()
