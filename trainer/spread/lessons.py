"""A round's lesson learnt by a group: what the trainer asks of it, and a process's part. Blocks."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.engine.weights import LoadedWeights, load_weights
from trainer.packing import Document
from trainer.recipe import Recipe, Step
from trainer.replay import Taught
from trainer.spread.choice import Spread
from trainer.spread.group import Group
from trainer.spread.launching import carry_out
from trainer.spread.order import Folder
from trainer.spread.weights import save_trained, take_trained
from trainer.training import Lesson, Trained, Watch, prepared, train


def train_together(
    weights: LoadedWeights, base: Path, lesson: Lesson, recipe: Recipe, folder: Path, watch: Watch, spread: Spread
) -> Trained:
    """As `trainer.training.train`, by several processes; the model comes back with what they trained.

    Args:
        weights: of the base.
        base: its folder, which every process reads.
        lesson: what is learnt.
        recipe: how.
        folder: for checkpoints.
        watch: follows and may stop it.
        spread: over how many processes.

    Raises:
        Interrupted: as `train`.
        MynahError: the processes could not finish it.
    """
    import torch

    started = watch.now()
    place = folder / "group"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    _write(lesson, place)
    weights.model.to("cpu")  # type: ignore[arg-type]  # its GPU is needed by one of the others
    order = {
        "kind": "lesson",
        "device": weights.device.type,
        "base": str(base),
        "recipe": asdict(recipe),
        "checkpoints": str(folder),
        "checkpoint_seconds": watch.checkpoint_seconds,
    }
    done = carry_out(
        order,
        place,
        spread,
        threads=torch.get_num_threads(),
        on_told=lambda told: watch.on_step(int(told["step"]), int(told["steps"]), float(told["loss"])),
        check=watch.check,
    )
    model = prepared(weights, recipe)
    take_trained(model, Folder(place).weights)
    model.to(weights.device)
    model.train(False)
    losses = tuple((int(step), float(loss)) for step, loss in done["losses"])
    return Trained(model, losses, int(done["steps"]), int(done["resumed_from"]), watch.now() - started)


def train_part(order: dict[str, Any], place: Folder, group: Group, check: Callable[[], None]) -> dict[str, object]:
    """One process's part of a lesson; what came of it. Only the first one tells and writes."""
    weights = load_weights(Path(order["base"]), device=order["device"])
    watch = Watch(
        on_step=lambda step, steps, loss: place.tell({"step": step, "steps": steps, "loss": loss}),
        check=check,
        checkpoint_seconds=order["checkpoint_seconds"],
    )
    done = train(weights, _read(place.path), Recipe(**order["recipe"]), Path(order["checkpoints"]), watch, group)
    if group.is_first:
        save_trained(done.model, place.weights)
    return {"losses": done.losses, "steps": done.steps, "resumed_from": done.resumed_from}


def _write(lesson: Lesson, folder: Path) -> None:
    from safetensors.torch import save_file

    record: dict[str, object] = {
        "taught": [_documented(document) for document in lesson.taught],
        "replay": [_documented(document) for document in lesson.replay],
        "steps": [[step.taught, step.replay] for step in lesson.steps],
        "starts": None,
    }
    if lesson.teacher is not None:
        record["starts"] = lesson.teacher.starts
        tensors = {"choices": lesson.teacher.choices, "log_probabilities": lesson.teacher.log_probabilities}
        save_file(tensors, folder / "teacher.safetensors")
    (folder / "lesson.json").write_text(json.dumps(record), "utf-8")


def _read(folder: Path) -> Lesson:
    from safetensors.torch import load_file

    record: Mapping[str, Any] = json.loads((folder / "lesson.json").read_text("utf-8"))
    teacher = None
    if record["starts"] is not None:
        teacher = Taught(starts=tuple(record["starts"]), **load_file(folder / "teacher.safetensors"))
    return Lesson(
        taught=_documents(record["taught"]),
        replay=_documents(record["replay"]),
        teacher=teacher,
        steps=[Step(tuple(taught), tuple(replay)) for taught, replay in record["steps"]],
    )


def _documented(document: Document) -> list[list[int]]:
    return [list(document.ids), [place for place, is_learnt in enumerate(document.learnt) if is_learnt]]


def _documents(records: Sequence[Sequence[Sequence[int]]]) -> list[Document]:
    found = []
    for ids, places in records:
        learnt = set(places)
        found.append(Document(tuple(ids), tuple(place in learnt for place in range(len(ids)))))
    return found
