"""What was taken back is off the trainer's disk at its next look."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from storage.store import Store
from storage.values import Candidate, RunState, Snapshot
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER, approved, example, say
from trainer.taking_back import TakenBack

QUOTES: dict[str, Any] = {"verdict": "No.", "replies": [{"prompt": "where do gulls sleep", "after": "on the water"}]}


async def trained(store: Store, clock: FakeClock, work: Path, name: str, *candidates: Candidate) -> int:
    """A run whose snapshot and report lie in the work folder; its number."""
    await store.snapshots.add(Snapshot(name, "f", 1, 0, clock.now), [one.id for one in candidates])
    run = await store.runs.request("schedule")
    await store.runs.advance(run.id, RunState.TRAINING, snapshot_hash=name)
    await store.runs.advance(run.id, RunState.REFUSED, report=QUOTES)
    (work / "snapshots" / name).mkdir(parents=True)
    (work / "snapshots" / name / "examples").write_text("where do gulls sleep")
    (work / str(run.id)).mkdir()
    (work / str(run.id) / "report.json").write_text(json.dumps(QUOTES))
    return run.id


async def example_of(store: Store, author: str, message: str) -> Candidate:
    turn = await say(store, f"where do gulls sleep, {author}", author=author, external_id=message)
    return await approved(store, example(turn.text, authors=(author,), turn_ids=(turn.id,)))


async def test_only_what_held_the_words_is_cleared_and_only_once(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    theirs = await trained(store, clock, work, "s-ada", await example_of(store, "ada", "m-1"))
    other = await trained(store, clock, work, "s-bob", await example_of(store, "bob", "m-2"))
    taken_back = TakenBack(store, work)
    assert await taken_back.clear() == 0
    await store.conversations.delete(SERVER, ["m-1"])
    assert await taken_back.clear() == 2
    assert not (work / "snapshots" / "s-ada").exists()
    assert (work / "snapshots" / "s-bob").exists()
    replies = [json.loads((work / str(run) / "report.json").read_text())["replies"] for run in (theirs, other)]
    assert replies == [[], QUOTES["replies"]]
    assert await taken_back.clear() == 0
    assert await TakenBack(store, work).clear() == 0, "another process finds nothing left either"


async def test_what_cannot_be_removed_now_is_tried_again(
    store: Store, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    await trained(store, clock, work, "s-ada", await example_of(store, "ada", "m-1"))
    await store.members.forget("ada")
    taken_back = TakenBack(store, work)

    def busy(_: Path) -> None:
        raise OSError("The disk is busy.")

    with monkeypatch.context() as failing:
        failing.setattr(shutil, "rmtree", busy)
        assert await taken_back.clear() == 1, "the report is cleared though the snapshot is not"
    assert await taken_back.clear() == 1
    assert not (work / "snapshots" / "s-ada").exists()


async def test_a_trainer_that_has_no_such_files_has_nothing_to_do(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    await trained(store, clock, tmp_path / "another machine", "s-ada", await example_of(store, "ada", "m-1"))
    await store.members.forget("ada")
    assert await TakenBack(store, tmp_path / "work").clear() == 0
