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
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bot.engine.weights import LoadedWeights, load_weights
from trainer.machine import trains_in_half
from trainer.packing import Document, Rows, keeps_apart, logits_at, packed
from trainer.progress import Interrupted, Why
from trainer.quantising import QLORA
from trainer.recipe import Recipe, Step
from trainer.replay import Taught, forgetting, weight_of, weights_of
from trainer.spread.dealing import dealt
from trainer.spread.group import ALONE, Group
from trainer.storing import precision_to_store

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


def train(
    weights: LoadedWeights, lesson: Lesson, recipe: Recipe, folder: Path, watch: Watch, group: Group = ALONE
) -> Trained:
    """Train `weights.model` in place; on a resume, from the last whole checkpoint in `folder`.

    Checkpoints stay in `folder`; whoever calls removes it. Where a group trains, each process calls this with the same.

    Raises:
        Interrupted: it was asked to stop; unless another process took over, there is a checkpoint to go on from.
    """
    apart = keeps_apart(weights.model, weights.renderer.pad_id)
    model = prepared(weights, recipe)
    losses = _Losses(lesson, recipe, apart, weights, group)
    return go_through(model, losses, recipe, folder, watch, weights, group)


class StepLosses(Protocol):
    """What a training makes of its steps; a step is whatever the one who made it understands."""

    @property
    def steps(self) -> Sequence[Any]:
        """One for each of the optimiser's."""

    def of(self, model: Any, step: Any) -> "torch.Tensor":
        """The loss of one, to be learnt from."""


def go_through(
    model: Any,
    losses: StepLosses,
    recipe: Recipe,
    folder: Path,
    watch: Watch,
    weights: LoadedWeights,
    group: Group = ALONE,
) -> Trained:
    """Train a prepared model through its steps, in place; on a resume, from the last whole checkpoint in `folder`.

    Args:
        model: in training precision.
        losses: of `recipe.steps` steps at least.
        recipe: learning rate, steps and seed.
        folder: of the checkpoints.
        watch: who follows.
        weights: for their device.
        group: the processes that train together; each goes through every step.

    Raises:
        Interrupted: as `train`.
    """
    import torch

    started = watch.now()
    follow = _follower(watch, folder, group)
    loop = _loop(model, losses, recipe, folder, follow, weights, group)
    checkpoint = last_checkpoint(folder)
    resumed_from = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    devices = [weights.device] if weights.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the loop warns of options that are meant as they are
        if recipe.checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        loop.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if follow.interrupted is not None:
        raise follow.interrupted
    model.train(False)
    history = loop.state.log_history
    curve = tuple((int(entry["step"]), float(entry["loss"])) for entry in history if "loss" in entry)
    return Trained(model, curve, loop.state.global_step, resumed_from, watch.now() - started)


def prepared(weights: LoadedWeights, recipe: Recipe) -> Any:
    """The model ready to be trained: float32, and with an adapter when only that is trained."""
    import torch

    model: Any = weights.model
    if recipe.method == "full":
        return model.float()
    from peft import LoraConfig, TaskType, get_peft_model, prepare_model_for_kbit_training

    if recipe.method == QLORA:
        prepare: Any = prepare_model_for_kbit_training
        model = prepare(model, use_gradient_checkpointing=False)  # where it is wanted, the loop turns it on

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


def prepared_again(base: LoadedWeights, recipe: Recipe, trained: Path) -> Any:
    """What `save` wrote, ready to be trained on: what it was prepared to before, with the weights that it had then.

    Args:
        base: as it is on the disk; the adapter of `trained` is put on it. Not read where all weights are trained.
        recipe: as for `prepared`.
        trained: the folder of `save`.
    """
    if recipe.method == "full":
        whole: Any = load_weights(trained, device=base.device.type).model
        return whole.float()
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    model = prepared(base, recipe)
    set_peft_model_state_dict(model, load_file(trained / "adapter_model.safetensors"))
    return model


def save(trained: Any, weights: LoadedWeights, recipe: Recipe, folder: Path, *, like: Path) -> None:
    """Write a trained model as a version's files: whole weights, or the adapter, with what it takes to serve it.

    Args:
        trained: the model; whole weights are rounded in place.
        weights: the base that it began from, as it was loaded.
        recipe: how it was trained.
        folder: where to.
        like: the base's folder, whose precision whole weights get. An adapter keeps the precision it was trained in.
    """
    if recipe.method == "full":
        trained.to(precision_to_store(like, weights.dtype))
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
    were_learnt = [one for one in model.parameters() if one.requires_grad]
    if recipe.method != "full":
        # Gradients of all matrices are what an adapter is there to avoid; those of norms go the same way back.
        for one in were_learnt:
            one.requires_grad_(one.ndim < 2)
    try:
        return steps_within(model, trial, recipe.steps, seconds=seconds, now=now, precision=training_precision(weights))
    finally:
        for one in were_learnt:
            one.requires_grad_(True)


def steps_within(
    model: Any,
    losses: StepLosses,
    most: int,
    *,
    seconds: float,
    now: Callable[[], float],
    precision: AbstractContextManager[None],
) -> int:
    """How many steps fit into some time, as `affordable_steps`, in the precision that the training will have."""
    some = losses.steps[:2]
    started = now()
    for step in some:
        with precision:
            loss = losses.of(model, step)
        loss.backward()  # type: ignore[no-untyped-call]
    model.zero_grad(set_to_none=True)
    each = (now() - started) / max(1, len(some))
    return max(1, min(most, int(seconds / max(each, 1e-6))))


class _Losses:
    """The loss of a step."""

    def __init__(
        self, lesson: Lesson, recipe: Recipe, apart: bool, weights: LoadedWeights, group: Group = ALONE
    ) -> None:
        self._lesson = lesson
        self._share = recipe.replay_share
        self._apart = apart
        self._group = group
        self.steps = lesson.steps
        self._pad_id = weights.renderer.pad_id
        self._device = weights.device

    def of(self, model: Any, step: Step) -> "torch.Tensor":
        """Both parts, weighed; both in one forward pass. The mean over a group's processes is the whole step's loss."""
        import torch

        mine = self._mine(step)
        documents = [self._lesson.taught[index] for index in mine.taught]
        read = documents + [self._lesson.replay[index] for index in mine.replay]
        if not read:  # more processes than documents: the others wait for gradients nevertheless
            rows = self._rows([self._lesson.taught[step.taught[0]]])
            return 0.0 * logits_at(model, rows, rows.targets >= 0).sum()
        rows = self._rows(read)
        is_replay = rows.documents >= len(documents)
        learnt = rows.is_learnt & ~is_replay
        kept = (rows.targets >= 0) & is_replay
        logits = logits_at(model, rows, learnt | kept)
        is_kept = kept[learnt | kept]
        loss = torch.zeros((), device=logits.device)
        if mine.taught:
            loss = torch.nn.functional.cross_entropy(logits[~is_kept], rows.targets[learnt])
            loss = loss * self._weight(mine.taught, step.taught, lambda index: self._lesson.taught[index].learnt_tokens)
        if not step.replay or self._lesson.teacher is None:
            return loss
        if not mine.replay:
            return (1 - self._share) * loss
        choices, log_probabilities = self._lesson.teacher.places(mine.replay, self._lesson.replay)
        weights = weights_of(rows.is_learnt[kept])
        moved = forgetting(logits[is_kept], choices.to(self._device), log_probabilities.to(self._device), weights)
        moved = moved * self._weight(mine.replay, step.replay, lambda index: weight_of(self._lesson.replay[index]))
        return (1 - self._share) * loss + self._share * KEEPING * moved

    def _mine(self, step: Step) -> Step:
        """What this process reads of a step."""
        if self._group.size == 1:
            return step
        taught = {index: len(self._lesson.taught[index].ids) for index in step.taught}
        replay = {index: len(self._lesson.replay[index].ids) for index in step.replay}
        return dealt(step, taught, replay, self._group.size)[self._group.rank]

    def _weight(self, mine: Sequence[int], everyone: Sequence[int], weight: Callable[[int], float]) -> float:
        """Of a mean over this process's places, such that the group's mean is that over everyone's."""
        return self._group.size * sum(map(weight, mine)) / max(1, sum(map(weight, everyone)))

    def _rows(self, documents: Sequence[Document]) -> Rows:
        return packed(documents, apart=self._apart, pad_id=self._pad_id, device=self._device)


def _follower(watch: Watch, folder: Path, group: Group) -> Any:
    """The loop's callback: tells the outside, saves by the clock, and stops when it is asked to."""
    from transformers import TrainerCallback

    class Follow(TrainerCallback):
        saved_at = watch.now()
        interrupted: Interrupted | None = None

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            control.should_log = True
            is_due = group.is_first and watch.now() - self.saved_at >= watch.checkpoint_seconds
            why, is_due = group.agree(wish_of(watch.check), saves=is_due)
            if why is not None:
                self.interrupted = Interrupted(why)
                control.should_training_stop = True
                is_due = why is Why.STOPPING
            control.should_save = is_due and state.global_step < state.max_steps
            return control

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            mark_whole(folder / f"checkpoint-{state.global_step}", group)
            self.saved_at = watch.now()
            return control

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> Any:
            if logs and "loss" in logs and group.is_first:
                watch.on_step(state.global_step, state.max_steps, float(logs["loss"]))
            return control

    return Follow()


def in_half(weights: LoadedWeights) -> bool:
    """Whether a training multiplies matrices in bfloat16, next to weights in float32."""
    config: Any = weights.model.config.get_text_config()
    return trains_in_half(weights.device.type, getattr(config, "hidden_size", None))


def training_precision(weights: LoadedWeights) -> AbstractContextManager[None]:
    """In which a model computes while it is trained: for what is to be compared with that. May be entered again."""
    import torch

    context: Any = torch.autocast(weights.device.type, torch.bfloat16, enabled=in_half(weights))
    return context  # type: ignore[no-any-return]  # torch's own has no types


def _loop(
    model: Any,
    losses: StepLosses,
    recipe: Recipe,
    folder: Path,
    follow: Any,
    weights: LoadedWeights,
    group: Group,
) -> Any:
    """Transformers' loop over the plan's steps; it gives a group's processes one item each, and all get the same step."""
    from torch.utils.data import Dataset
    from transformers import PrinterCallback, Trainer, TrainingArguments

    class Steps(Dataset[Any]):
        def __len__(self) -> int:
            return recipe.steps * group.size

        def __getitem__(self, index: int) -> Any:
            return losses.steps[index // group.size]

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
        bf16=in_half(weights),
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
        ddp_find_unused_parameters=False,
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


def wish_of(check: Callable[[], None]) -> Why | None:
    """Why a training shall stop, of a check that raises then."""
    try:
        check()
    except Interrupted as interrupted:
        return interrupted.why
    return None


def mark_whole(checkpoint: Path, group: Group = ALONE) -> None:
    """Say on the disk that a checkpoint is all there, once all of a group have written their parts of it."""
    group.wait()
    if group.is_first:
        for path in checkpoint.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        (checkpoint / _WHOLE).touch()
    group.wait()
