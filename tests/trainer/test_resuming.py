"""A run whose process died goes on, and comes to the same weights as one that was never disturbed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from storage.values import Alias, Run, RunState
from tests.trainer.conftest import facts, failed_checks, opened, teach, with_settings
from trainer.pipeline import work_on
from trainer.progress import Progress, Why
from trainer.serving import train_now
from trainer.world import TrainerWorld

pytestmark = pytest.mark.usefixtures("lenient_gate")


async def stopped_while_training(world: TrainerWorld, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that was asked to make way after its twentieth step."""
    tell = Progress.tell

    def stop_there(progress: Progress, fraction: float, note: str) -> None:
        tell(progress, fraction, note)
        if note.startswith("Training: step 20 "):
            progress._why = Why.STOPPING

    run = await world.store.runs.request("command")
    with monkeypatch.context() as patched:
        patched.setattr(Progress, "tell", stop_there)
        return await work_on(world, run)


async def test_a_run_that_made_way_goes_on_and_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions, resumed_from = [], 0
    for name in ("straight", "interrupted"):
        async with opened(tmp_path / name) as plain:
            world = with_settings(plain, max_steps=40)
            await teach(world, facts())
            if name == "interrupted":
                left = await stopped_while_training(world, monkeypatch)
                assert left.state is RunState.TRAINING
                assert list((world.work_folder / str(left.id)).glob("checkpoints/checkpoint-*/whole"))
            run = await train_now(world, by="command")
            unfinished = await world.store.runs.unfinished()
            assert unfinished is None
            runs = await world.store.runs.latest()
            promoted = next(one for one in runs if one.state is RunState.PROMOTED)
            report: Any = promoted.report
            versions.append(promoted.version)
            resumed_from = report["training"]["resumed_from"]
            assert run.state in {RunState.PROMOTED, RunState.REFUSED}, failed_checks(run)

    assert resumed_from > 0
    assert versions[0] == versions[1]


async def test_a_checkpoint_that_was_cut_off_is_not_gone_on_from(
    world: TrainerWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = with_settings(world, max_steps=40)
    await teach(world, facts())
    left = await stopped_while_training(world, monkeypatch)
    for mark in (world.work_folder / str(left.id)).glob("checkpoints/*/whole"):
        mark.unlink()

    run = await train_now(with_settings(world, max_steps=20), by="command")

    runs = await world.store.runs.latest()
    first = next(one for one in runs if one.id == left.id)
    report: Any = first.report
    assert first.state is RunState.PROMOTED, failed_checks(first)
    assert report["training"]["resumed_from"] == 0
    assert run.state is RunState.REFUSED  # nothing new is left for it


async def test_a_run_that_was_left_is_not_gone_on_with_when_its_words_were_taken_back(
    world: TrainerWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = with_settings(world, max_steps=40)
    made = await teach(world, facts())
    left = await stopped_while_training(world, monkeypatch)
    await world.store.candidates.reject(made[0].id, "moderator", "wrong")

    await train_now(with_settings(world, max_steps=20), by="command")

    first = await world.store.runs.get(left.id)
    assert first is not None
    assert first.snapshot_hash != left.snapshot_hash
    assert made[0].id not in await world.store.snapshots.candidate_ids(first.snapshot_hash or "")


CHILD = """
import asyncio, pathlib, sys
from tests.trainer.conftest import few, lenient, opened, with_settings
from trainer import gate, pipeline
from trainer.serving import train_now

gate.check = lenient(gate.check)
pipeline.load_assets = few(pipeline.load_assets)

async def main():
    async with opened(pathlib.Path(sys.argv[1])) as world:
        await train_now(
            with_settings(world, checkpoint_seconds=0.05, max_steps=60),
            by="command",
            on_progress=lambda run: print(run.state.value, flush=True),
        )

asyncio.run(main())
"""


def killed_in(home: Path, state: RunState, after_seconds: float) -> None:
    """Start a trainer as a process of its own and kill it with signal 9 in some state of its run."""
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", CHILD, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert child.stdout is not None
    try:
        for line in child.stdout:
            if line.strip() == state.value:
                time.sleep(after_seconds)
                break
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()


WITHOUT_ROW = "has no row in the database: the trainer's next start adds it"
"""What is said of a version whose trainer died between its folder and its row; it is whole."""


@pytest.mark.parametrize(
    ("state", "after_seconds"),
    [(RunState.TRAINING, 0.8), (RunState.EVALUATING, 0.1), (RunState.PUBLISHING, 0.01)],
    ids=["training", "evaluating", "publishing"],
)
async def test_a_killed_trainer_leaves_everything_whole_and_the_next_one_finishes(
    tmp_path: Path, state: RunState, after_seconds: float
) -> None:
    async with opened(tmp_path) as world:
        taught = await teach(world, facts())
    await asyncio.to_thread(killed_in, tmp_path, state, after_seconds)

    async with opened(tmp_path) as world:
        assert set((await world.registry.verify_all()).values()) <= {"ok", WITHOUT_ROW}
        assert len(await world.store.candidates.learnable(limit=1000)) == len(taught)
        await train_now(with_settings(world, max_steps=60), by="command")

        assert await world.store.runs.unfinished() is None
        outcomes = {run.state for run in await world.store.runs.latest()}
        assert RunState.PROMOTED in outcomes
        assert RunState.FAILED not in outcomes
        champion = await world.store.aliases.current(Alias.CHAMPION)
        assert champion != world.base_version
        assert set((await world.registry.verify_all()).values()) == {"ok"}
