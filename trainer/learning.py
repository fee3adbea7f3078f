"""From a snapshot to a trained model's files: loads the base, makes what it is to learn, trains. Blocks, in a thread.

It knows the work folder, and nothing of databases, champions or gates.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bot.engine.threads import use_threads
from bot.engine.weights import LoadedWeights, load_weights
from storage.errors import MynahError, Refused
from storage.values import Message
from trainer.evaluation import document_of
from trainer.journal import Journal
from trainer.packing import Document
from trainer.recipe import Recipe, choose, plan
from trainer.replay import ReplayCache, ask_teacher, hash_of
from trainer.settings import TrainerSettings
from trainer.snapshots import DatasetSnapshot
from trainer.training import Lesson, Watch, affordable_steps, save, train
from trainer.wordings import wordings

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


@dataclass(frozen=True, slots=True)
class Learnt:
    """What came of it; the files are the journal's `model`."""

    recipe: Recipe
    losses: tuple[tuple[int, float], ...]
    facts: dict[str, object]
    """`seconds`, `steps`, `resumed_from`, `parameters`, `taught_tokens`, `replay_tokens`, `replay_hash`, `too_long`."""

    @property
    def kind(self) -> str:
        """Of the version that the files are."""
        return "full" if self.recipe.method == "full" else "adapter"


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
    weights = load_weights(task.base_folder, device=task.device)
    use_threads(task.threads, weights)
    parameters = weights.parameters
    check()
    taught, too_long = _documents(weights, [one.messages for one in task.snapshot.train])
    if not taught:
        raise Refused("No approved exchange fits into the model's context.", advice="Approve shorter ones.")
    sizes = [len(versions[0].ids) for versions in taught]
    recipe = choose(task.settings, parameters=parameters, taught_sizes=sizes)
    replay: list[Document] = []
    if recipe.replay_tokens:
        wanted = min(REPLAY_TOKENS, recipe.replay_tokens * recipe.steps)

        def on_piece(share: float) -> None:
            tell(0.02 + 0.15 * share, "Recalling old talk, so that it is not forgotten.")
            check()

        cache = ReplayCache(task.replay_folder, task.replay_prompts, base_version=task.base_version, seed=recipe.seed)
        replay = cache.documents(weights, tokens=wanted, on_piece=on_piece)
    lesson = _lesson(weights, taught, replay, recipe)
    recipe = _within_time(task, weights, lesson, recipe)
    lesson = replace(lesson, steps=lesson.steps[: recipe.steps])
    check()

    def on_step(step: int, steps: int, loss: float) -> None:
        tell(0.2 + 0.78 * step / steps, f"Training: step {step} of {steps}, loss {loss:.2f}.")

    done = train(
        weights,
        lesson,
        recipe,
        task.journal.checkpoints,
        Watch(on_step=on_step, check=check, checkpoint_seconds=task.settings.checkpoint_seconds),
    )
    learnt = Learnt(
        recipe,
        done.losses,
        {
            "seconds": round(done.seconds, 1),
            "steps": done.steps,
            "resumed_from": done.resumed_from,
            "parameters": parameters,
            "taught_tokens": sum(sizes),
            "replay_tokens": sum(len(document.ids) for document in replay),
            "replay_hash": hash_of(replay),
            "too_long": too_long,
        },
    )
    _keep(done.model, weights, task, learnt)
    return learnt


def learnt_before(journal: Journal) -> Learnt | None:
    """What an earlier process of this run trained to the end."""
    told = journal.read("training")
    if told is None or not journal.model.is_dir():
        return None
    losses = tuple((int(step), float(loss)) for step, loss in told["losses"])
    return Learnt(Recipe(**told["recipe"]), losses, told["facts"])


def _documents(weights: LoadedWeights, conversations: Sequence[Sequence[Message]]) -> tuple[list[list[Document]], int]:
    """Each conversation as the model reads it, in several wordings, the given one first; and how many do not fit."""
    taught, too_long = [], 0
    for variants in wordings(conversations):
        documents = [document_of(weights, one) for one in variants]
        if documents[0] is None:
            too_long += 1
        else:
            taught.append([document for document in documents if document is not None])
    return taught, too_long


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


def _within_time(task: Task, weights: LoadedWeights, lesson: Lesson, recipe: Recipe) -> Recipe:
    """The recipe with as many steps as there is time for; decided once for a run, so that a resumed one is the same."""
    noted = task.journal.read("recipe")
    if noted is None:
        seconds = task.settings.max_minutes * 60
        steps = affordable_steps(weights, lesson, recipe, seconds=seconds, now=time.monotonic)
        noted = {"steps": steps}
        task.journal.note("recipe", noted)
    return replace(recipe, steps=min(recipe.steps, int(noted["steps"])))


def _keep(trained: object, weights: LoadedWeights, task: Task, learnt: Learnt) -> None:
    """Write the model's files and what is known of them; they are there when they are whole."""
    beside = task.journal.model.with_suffix(".writing")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    save(trained, weights, learnt.recipe, beside)
    if learnt.kind == "full":
        _copy_other_files(task.base_folder, beside)
    else:
        _name_base(beside / "adapter_config.json", task.base_version)
    task.journal.note("training", {"recipe": asdict(learnt.recipe), "losses": learnt.losses, "facts": learnt.facts})
    shutil.rmtree(task.journal.model, ignore_errors=True)
    os.replace(beside, task.journal.model)


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
