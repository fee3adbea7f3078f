"""A run once more, from what its record says: the same snapshot, recipe, old talk and votes give the same weights.

Nothing is judged, published or written down: it answers whether a record is to be believed. Promised for the same
machine and the same libraries; others add numbers in another order. What was taken back since is not learnt again, not
even to look.
"""

import asyncio
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from storage.errors import Refused, WrongUsage
from storage.values import Run
from trainer.examples import Approved
from trainer.interpolation import interpolate
from trainer.journal import Journal
from trainer.learning import Task, learn
from trainer.pipeline import task_for
from trainer.progress import Interrupted, Why
from trainer.publication import foreseen_version
from trainer.recipe import Recipe
from trainer.votes import Ballot, again
from trainer.voting import learn_votes
from trainer.world import TrainerWorld


@dataclass(frozen=True, slots=True)
class Repeated:
    """What came of a run and of its repetition, each by the name that its files have as a version."""

    run_id: int
    recorded: str
    repeated: str
    device: str
    """Where it was trained first: another one comes to other weights."""

    @property
    def is_same(self) -> bool:
        """Whether all weights are equal, bit by bit."""
        return self.recorded == self.repeated


async def repeat(world: TrainerWorld, run_id: int, *, tell: Callable[[float, str], None]) -> Repeated:
    """Train what a run trained, in a folder of its own, and compare.

    The caller holds the trainer's lease.

    Args:
        world: where.
        run_id: of a run that trained something, whatever became of it.
        tell: told from a thread how far it is, 0 to 1, and what it does.

    Raises:
        WrongUsage: there is no such run, it has no record of a training, or another base is chosen now.
        Refused: something that it learnt from was taken back since, or is no longer on this disk.
    """
    run = await world.store.runs.get(run_id)
    record = _record(run, run_id)
    if record["training"]["base"] != world.base_version:
        raise WrongUsage(
            f"Run {run_id} began from base {record['training']['base']}, and the settings name {world.base_version}.",
            advice="Set MYNAH_ENGINE__BASE to what it was then.",
        )
    approved = Approved(world, run.line if run else "")
    snapshot = await approved.kept_snapshot(record["snapshot"]["hash"])
    if snapshot is None:
        raise _gone(run_id)
    ballot = Ballot()
    if record["from_votes"].get("offered"):
        noted = Journal(world.work_folder / str(run_id)).read("votes") or {"exchanges": []}
        ballot = await again(world, snapshot, [int(candidate) for candidate, _ in noted["exchanges"]])
        if ballot.digest != record["from_votes"]["hash"]:
            raise _gone(run_id)
    journal = Journal(world.work_folder / f"repeat-{run_id}")
    task = await task_for(world, snapshot, journal, Recipe(**record["recipe"]))
    return await _in_thread(lambda check: _again(task, ballot, record, run_id, tell, check))


def _record(run: Run | None, run_id: int) -> dict[str, Any]:
    """What is known of a run's training."""
    if run is None:
        raise WrongUsage(f"There is no run {run_id}.", advice="`mynah status` shows the latest.")
    report: Mapping[str, Any] = run.report or {}
    parts = {name: report.get(name) or {} for name in ("snapshot", "recipe", "training", "from_votes")}
    if not parts["recipe"] or "weights" not in parts["training"]:
        raise WrongUsage(f"Run {run_id} has no record of a training.", advice="Choose one that was judged by the gate.")
    return parts


def _gone(run_id: int) -> Refused:
    return Refused(
        f"Something that run {run_id} learnt from was taken back or removed since, so it is not learnt again."
    )


def _again(
    task: Task,
    ballot: Ballot,
    record: Mapping[str, Any],
    run_id: int,
    tell: Callable[[float, str], None],
    check: Callable[[], None],
) -> Repeated:
    journal, training = task.journal, record["training"]
    shutil.rmtree(journal.folder, ignore_errors=True)
    journal.folder.mkdir(parents=True)
    try:
        learnt = learn(task, tell=tell, check=check)
        model = journal.model
        if ballot.exchanges:
            # How many steps there was time for, and how sure it was to be of a liking.
            journal.note("vote-recipe", {"steps": record["from_votes"]["steps"], "ballot": ballot.digest})
            beta = float(record["from_votes"]["beta"])
            learn_votes(task, learnt.recipe, ballot, beta=beta, tell=tell, check=check)
            model = journal.voted_model
        elif training["strength"] != 1:
            model = journal.model_at(training["strength"])
            interpolate(task.base_folder, journal.model, training["strength"], model)
        name = foreseen_version(model, learnt.kind, task.base_version)
    finally:
        shutil.rmtree(journal.folder, ignore_errors=True)
    return Repeated(run_id, training["weights"], name, training["device"])


async def _in_thread(work: Callable[[Callable[[], None]], Repeated]) -> Repeated:
    """Work beside the event loop; told to stop, and waited for, when we are cancelled."""
    stopped = threading.Event()

    def check() -> None:
        if stopped.is_set():
            raise Interrupted(Why.LOST)

    task = asyncio.create_task(asyncio.to_thread(work, check))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stopped.set()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
