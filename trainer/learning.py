"""From a snapshot to a trained model's files: loads the base, makes what it is to learn, trains. Blocks, in a thread.

It knows the work folder, and nothing of databases, champions or gates.
"""

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bot.engine.threads import use_threads
from bot.engine.weights import LoadedWeights, load_weights
from storage.errors import MynahError, Refused
from storage.values import Message
from trainer.evaluation import document_of
from trainer.journal import Journal
from trainer.packing import Document
from trainer.quantising import QLORA
from trainer.recipe import Recipe, choose, passes, plan
from trainer.replay import ReplayCache, ask_teacher, hash_of
from trainer.room import with_room
from trainer.settings import TrainerSettings
from trainer.snapshots import DatasetSnapshot
from trainer.spread.lessons import train_together
from trainer.training import Lesson, Watch, affordable_steps, in_half, save, train
from trainer.wordings import WORDINGS, wordings

REPLAY_TOKENS = 24_000
"""Of old talk, at most: more of it is hardly read more than once in the time that a training has."""
_NOT_FILES_OF_THE_BASE = {"manifest.json", "config.json"}


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be learnt, from which base, where."""

    base_folder: Path
    base_version: str
    device: str
    threads: int | None
    snapshot: DatasetSnapshot
    settings: TrainerSettings
    replay_prompts: Sequence[str]
    replay_folder: Path
    journal: Journal
    recipe: Recipe | None = None
    """To be followed as it is, such as that of an earlier run; None: chosen from the settings, time and memory."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What came of it; the files are the journal's `model`."""

    recipe: Recipe
    losses: tuple[tuple[int, float], ...]
    facts: dict[str, object]
    """`seconds`, `steps`, `resumed_from`, `processes`, `base`, `parameters`, `device`, `precision`, `taught_tokens`,
    `replay_tokens`, `replay_hash`, `too_long`."""

    @property
    def kind(self) -> str:
        """Of the version that the files are."""
        return self.recipe.kind

    def as_note(self) -> dict[str, object]:
        """For the journal."""
        return {"recipe": asdict(self.recipe), "losses": self.losses, "facts": self.facts}

    @classmethod
    def of_note(cls, told: Mapping[str, Any]) -> "Learnt":
        """From the journal."""
        losses = tuple((int(step), float(loss)) for step, loss in told["losses"])
        return cls(Recipe(**told["recipe"]), losses, told["facts"])


def learn(task: Task, *, tell: Callable[[float, str], None], check: Callable[[], None]) -> Learnt:
    """Train on the snapshot, or go on where a dead process stopped; a model already trained is not trained again.

    Args:
        task: what to do.
        tell: told how far it is, 0 to 1, and what it does.
        check: asked often; raises to stop, after a checkpoint when there is something to keep.

    Raises:
        Refused: nothing of the snapshot fits into the model's context.
    """
    known = learnt_before(task.journal)
    if known is not None:
        return known
    tell(0.0, "Loading the base model.")
    weights = load_base(task)
    parameters = weights.parameters
    check()
    taught, too_long = _documents(weights, [one.messages for one in task.snapshot.train])
    if not taught:
        raise Refused("No approved exchange fits into the model's context.", advice="Approve shorter ones.")
    sizes = [len(versions[0].ids) for versions in taught]
    recipe = task.recipe
    if recipe is None:
        recipe = _with_room(task, weights, taught, choose(task.settings, parameters=parameters, taught_sizes=sizes))

    def on_piece(share: float) -> None:
        tell(0.02 + 0.15 * share, "Recalling old talk, so that it is not forgotten.")
        check()

    replay = old_talk(task, weights, recipe, on_piece=on_piece)
    lesson = _lesson(weights, taught, replay, recipe)
    if task.recipe is None:
        recipe = _within_time(task, weights, lesson, recipe)
    lesson = replace(lesson, steps=lesson.steps[: recipe.steps])
    check()

    def on_step(step: int, steps: int, loss: float) -> None:
        tell(0.2 + 0.78 * step / steps, f"Training: step {step} of {steps}, loss {loss:.2f}.")

    watch = Watch(on_step=on_step, check=check, checkpoint_seconds=task.settings.checkpoint_seconds)
    checkpoints, spread = task.journal.checkpoints, task.settings.spread
    if spread.is_alone:
        done = train(weights, lesson, recipe, checkpoints, watch)
    else:
        done = train_together(weights, task.base_folder, lesson, recipe, checkpoints, watch, spread)
    learnt = Learnt(
        recipe,
        done.losses,
        {
            "seconds": round(done.seconds, 1),
            "steps": done.steps,
            "resumed_from": done.resumed_from,
            "processes": spread.processes,
            "base": task.base_version,
            "parameters": parameters,
            "device": weights.device.type,
            "precision": "bfloat16" if in_half(weights) else "float32",
            "taught_tokens": sum(sizes),
            "replay_tokens": sum(len(document.ids) for document in replay),
            "replay_hash": hash_of(replay),
            "too_long": too_long,
        },
    )
    task.journal.note("training", learnt.as_note())
    write_model(done.model, weights, task, recipe, task.journal.model)
    return learnt


def load_base(task: Task) -> LoadedWeights:
    """The base to train from, with as many threads as it shall have; in four bits for QLoRA. Blocks."""
    method = task.settings.method if task.recipe is None else task.recipe.method
    weights = load_weights(task.base_folder, device=task.device, in_four_bits=method == QLORA)
    use_threads(task.threads, weights)
    return weights


def learnt_before(journal: Journal) -> Learnt | None:
    """What an earlier process of this run trained to the end."""
    told = journal.read("training")
    if told is None or not journal.model.is_dir():
        return None
    return Learnt.of_note(told)


def old_talk(
    task: Task, weights: LoadedWeights, recipe: Recipe, *, on_piece: Callable[[float], None]
) -> list[Document]:
    """What the base says by itself, as much as the recipe's steps read. Blocks.

    Args:
        task: whose base.
        weights: the base, as it is.
        recipe: how much.
        on_piece: told how much there is, 0 to 1; may raise to stop.
    """
    if not recipe.replay_tokens:
        return []
    wanted = min(REPLAY_TOKENS, recipe.replay_tokens * recipe.steps)
    speaker = f"{task.base_version} in four bits" if recipe.method == QLORA else task.base_version
    cache = ReplayCache(task.replay_folder, task.replay_prompts, base_version=speaker, seed=recipe.seed)
    return cache.documents(weights, tokens=wanted, on_piece=on_piece)


def _documents(weights: LoadedWeights, conversations: Sequence[Sequence[Message]]) -> tuple[list[list[Document]], int]:
    """Each conversation as the model reads it, in several wordings, the given one first; and how many do not fit.

    No more wordings than the conversation is read in passes: of much talk that would fill the memory for nothing.
    """
    given = [document_of(weights, one) for one in conversations]
    fits = [(one, document) for one, document in zip(conversations, given, strict=True) if document is not None]
    tokens = sum(len(document.ids) for _, document in fits)
    worded = wordings([one for one, _ in fits], most=min(WORDINGS, math.ceil(passes(tokens))))
    taught = []
    for (_, first), (_, *others) in zip(fits, worded, strict=True):
        read = [document_of(weights, one) for one in others]
        taught.append([first, *(document for document in read if document is not None)])
    return taught, len(given) - len(fits)


def _lesson(
    weights: LoadedWeights, taught: Sequence[Sequence[Document]], replay: Sequence[Document], recipe: Recipe
) -> Lesson:
    steps = plan(
        recipe,
        taught_sizes=[[len(document.ids) for document in versions] for versions in taught],
        replay_sizes=[len(document.ids) for document in replay],
    )
    return Lesson(
        taught=[document for versions in taught for document in versions],
        replay=replay,
        teacher=ask_teacher(weights, replay) if replay else None,
        steps=steps,
    )


def _with_room(task: Task, weights: LoadedWeights, taught: Sequence[Sequence[Document]], recipe: Recipe) -> Recipe:
    """The recipe as memory allows; decided once for a run, like its steps."""
    noted = task.journal.read("room")
    if noted is None:
        longest = [max(len(document.ids) for document in versions) for versions in taught]
        noted = {"checkpointing": with_room(recipe, weights, longest, task.settings).checkpointing}
        task.journal.note("room", noted)
    return replace(recipe, checkpointing=bool(noted["checkpointing"]))


def _within_time(task: Task, weights: LoadedWeights, lesson: Lesson, recipe: Recipe) -> Recipe:
    """The recipe with as many steps as there is time for; decided once for a run, so that a resumed one is the same."""
    noted = task.journal.read("recipe")
    if noted is None:
        seconds = task.settings.max_minutes * 60
        steps = affordable_steps(weights, lesson, recipe, seconds=seconds, now=time.monotonic)
        noted = {"steps": steps}
        task.journal.note("recipe", noted)
    return replace(recipe, steps=min(recipe.steps, int(noted["steps"])))


def write_model(trained: object, weights: LoadedWeights, task: Task, recipe: Recipe, folder: Path) -> None:
    """Write a trained model as a version's files; they are there when they are whole."""
    beside = folder.with_suffix(".writing")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    save(trained, weights, recipe, beside, like=task.base_folder)
    if recipe.kind == "full":
        _copy_other_files(task.base_folder, beside)
    else:
        _name_base(beside / "adapter_config.json", task.base_version)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(beside, folder)


def _copy_other_files(base: Path, model: Path) -> None:
    """The base's tokenizer and endings, byte by byte, so that a version differs from its base in its weights only."""
    for path in base.iterdir():
        is_weights = path.suffix == ".safetensors" or path.name.endswith(".safetensors.index.json")
        if path.is_file() and not is_weights and path.name not in _NOT_FILES_OF_THE_BASE:
            shutil.copyfile(path, model / path.name)


def _name_base(config: Path, base_version: str) -> None:
    """Name the base by its version: peft writes the folder it happened to lie in."""
    try:
        told = json.loads(config.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise MynahError("The adapter's configuration was not written.", advice="Is the disk full?") from error
    told["base_model_name_or_path"] = base_version
    config.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", "utf-8")
