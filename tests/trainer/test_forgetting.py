"""What is left of a member after they were forgotten: nothing, to the bit."""

import json
from pathlib import Path

import pytest

from storage.values import RunState, Source
from tests.trainer.conftest import SERVER, facts, failed_checks, opened, teach
from trainer.serving import train_now
from trainer.world import TrainerWorld

pytestmark = pytest.mark.usefixtures("lenient_gate")
SECRETS = [("what is in the chest?", "a golden spoon."), ("who hid the chest?", "the old captain did.")]


async def _train(world: TrainerWorld) -> tuple[str, str | None]:
    run = await train_now(world, by="command")
    assert run.state is RunState.PROMOTED, failed_checks(run)
    assert run.version is not None
    return run.version, run.snapshot_hash


async def test_the_version_after_a_forget_is_the_one_that_never_knew_the_member(tmp_path: Path) -> None:
    async with opened(tmp_path / "knew") as world:
        await teach(world, SECRETS, source=Source.MESSAGE, author_keys=("ada",))
        await teach(world, facts(3), source=Source.MESSAGE, author_keys=("bob",))
        knew, knew_snapshot = await _train(world)
        receipt = await world.store.members.forget("ada", server=SERVER)
        assert receipt.versions == (knew,)
        forgot, forgot_snapshot = await _train(world)
    async with opened(tmp_path / "never") as world:
        await teach(
            world, facts(3)[::-1], source=Source.MESSAGE, author_keys=("bob",)
        )  # in another order, with other ids
        never, never_snapshot = await _train(world)
    assert knew != forgot
    assert knew_snapshot != forgot_snapshot == never_snapshot
    assert forgot == never


async def test_a_new_champion_settles_the_receipts_of_those_it_has_not_learnt_from(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        await teach(world, SECRETS, source=Source.MESSAGE, author_keys=("ada",))
        await teach(world, facts(3), source=Source.MESSAGE, author_keys=("bob",))
        await _train(world)
        assert lies_in(world, "golden spoon")
        assert quoting(world) == [True]
        await world.store.members.forget("ada", server=SERVER)
        assert len(await world.store.receipts.open()) == 1
        run = await train_now(world, by="command")
        assert run.state is RunState.PROMOTED, failed_checks(run)
        assert await world.store.receipts.open() == []
        assert (run.report or {})["receipts_settled"] == 1
        assert not lies_in(world, "golden spoon")
        assert quoting(world) == [False, False], "the second run compared with a version that knew her words"


def lies_in(world: TrainerWorld, words: str) -> bool:
    """Whether some words are anywhere in the work folder."""
    files = [path for path in world.work_folder.rglob("*") if path.is_file()]
    return any(words.encode() in path.read_bytes() for path in files)


def quoting(world: TrainerWorld) -> list[bool]:
    """Whether the reports on the disk quote anything, run by run."""
    reports = sorted(world.work_folder.glob("*/report.json"), key=lambda path: int(path.parent.name))
    return [bool(json.loads(path.read_text("utf-8"))["replies"]) for path in reports]
