"""Growing a model by a group: what `mynah pretrain` asks of it, and a process's part. Blocks."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy

from storage.errors import WrongUsage
from trainer.growing.corpus import Corpus
from trainer.growing.pretraining import Grown, Onlooker, Plan, Point, Rows, pretrain
from trainer.spread.choice import Spread
from trainer.spread.group import Group
from trainer.spread.launching import carry_out
from trainer.spread.order import Folder
from trainer.spread.weights import save_trained, take_trained


def group_folder(checkpoints: Path) -> Path:
    """Where a growth's processes tell each other what to do, beside its checkpoints."""
    return checkpoints / "group"


def pretrain_together(
    model: Any, corpus: Corpus, heldout: Corpus | None, plan: Plan, folder: Path, onlooker: Onlooker, spread: Spread
) -> Grown:
    """As `trainer.growing.pretraining.pretrain`, by several processes; `model` has the trained weights afterwards.

    Raises:
        WrongUsage: a step's rows cannot be shared evenly.
        Interrupted: it was asked to stop; there is a checkpoint to go on from.
        MynahError: the processes could not finish it.
    """
    import torch

    Rows(corpus, plan, spread.processes)  # told here, before anything starts
    started = onlooker.now()
    place = group_folder(folder)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    device = model.device
    model.to("cpu")  # its GPU is needed by one of the others
    model.save_pretrained(place / "start")
    order = {
        "kind": "growth",
        "device": device.type,
        "plan": asdict(plan),
        "corpus": _record(corpus),
        "heldout": None if heldout is None else _record(heldout),
        "checkpoints": str(folder),
        "checkpoint_seconds": onlooker.checkpoint_seconds,
    }

    def on_told(told: Mapping[str, Any]) -> None:
        if "point" in told:
            onlooker.on_point(Point(**told["point"]))
        else:
            onlooker.on_step(int(told["step"]), plan.steps, float(told["loss"]))

    done = carry_out(order, place, spread, threads=torch.get_num_threads(), on_told=on_told, check=onlooker.check)
    take_trained(model, Folder(place).weights)
    model.to(device)
    model.train(False)
    curve = tuple(Point(**point) for point in done["curve"])
    return Grown(model, curve, int(done["tokens"]), int(done["resumed_from"]), onlooker.now() - started)


def train_part(order: dict[str, Any], place: Folder, group: Group, check: Callable[[], None]) -> dict[str, object]:
    """One process's part of a growth; what came of it. Only the first one tells and writes."""
    import torch
    from transformers import AutoModelForCausalLM

    automatic: Any = AutoModelForCausalLM
    model = automatic.from_pretrained(place.path / "start", dtype=torch.float32).to(order["device"])
    onlooker = Onlooker(
        on_step=lambda step, steps, loss: place.tell({"step": step, "loss": loss}),
        on_point=lambda point: place.tell({"point": asdict(point)}),
        check=check,
        checkpoint_seconds=order["checkpoint_seconds"],
    )
    heldout = None if order["heldout"] is None else _corpus(order["heldout"])
    grown = pretrain(
        model, _corpus(order["corpus"]), heldout, Plan(**order["plan"]), Path(order["checkpoints"]), onlooker, group
    )
    if group.is_first:
        save_trained(grown.model, place.weights)
    return {
        "curve": [asdict(point) for point in grown.curve],
        "tokens": grown.tokens,
        "resumed_from": grown.resumed_from,
    }


def _record(corpus: Corpus) -> dict[str, object]:
    tokens = corpus.tokens
    if not isinstance(tokens, numpy.memmap):
        raise WrongUsage("Only talk that lies in a file can be read by several processes.")
    return {"path": str(tokens.filename), "kind": tokens.dtype.str, "width": corpus.width}


def _corpus(record: dict[str, Any]) -> Corpus:
    return Corpus(numpy.memmap(record["path"], dtype=numpy.dtype(record["kind"]), mode="r"), int(record["width"]))
