"""A run's record is enough to come to its weights again; what was taken back since is not learnt even for that."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storage.errors import Refused, WrongUsage
from storage.values import Alias
from tests.fakes.models import tiny_model
from tests.trainer.conftest import facts, teach, with_settings
from tests.trainer.test_votes import FEW, community
from trainer import gate
from trainer.checks import Check
from trainer.repeating import Repeated
from trainer.serving import repeat_run, train_now
from trainer.world import TrainerWorld

pytestmark = pytest.mark.usefixtures("lenient_gate")


async def again(world: TrainerWorld, run_id: int) -> Repeated:
    return await repeat_run(world, run_id, tell=lambda *_: None)


def left_over(world: TrainerWorld) -> list[Path]:
    return list(world.work_folder.glob("repeat-*"))


@pytest.fixture
def open_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything passes: what is asked here is which weights come of it."""
    passed = [Check(name, True, None, None, "Fine.") for name in ("improvement", "general")]
    monkeypatch.setattr(gate, "check", lambda *_: passed)


@pytest.mark.usefixtures("open_gate")
async def test_two_rounds_come_to_the_same_weights_again_whatever_the_settings_are_now(world: TrainerWorld) -> None:
    versions = []
    for some in (facts()[:8], facts()[8:16]):
        await teach(world, some)
        run = await train_now(with_settings(world, max_steps=6), by="command")
        versions.append((run.id, run.version))
    rows = await world.store.runs.latest()
    changed = with_settings(world, max_steps=3, seed=9, learning_rate=1e-5, votes=False)

    for run_id, version in versions:
        repeated = await again(changed, run_id)
        assert (repeated.is_same, repeated.repeated) == (True, version)

    assert versions[0][1] != versions[1][1]
    assert await world.store.runs.latest() == rows
    assert await world.store.aliases.current(Alias.CHAMPION) == versions[1][1]
    assert left_over(world) == []


@pytest.mark.usefixtures("open_gate")
async def test_an_adapter_that_learnt_from_votes_is_made_again(world: TrainerWorld) -> None:
    world = with_settings(
        world, **{**FEW, "method": "lora"}, lora_rank=4, learning_rate=2e-2, max_steps=6, votes_beta=0.3
    )
    _, disliked = await community(world)
    run = await train_now(world, by="command")
    report: Any = run.report
    assert report["from_votes"]["why_not"] == ""
    await world.store.votes.cast(disliked[0].assistant_turn_id or 0, "ann", 1)  # people change their minds

    repeated = await again(with_settings(world, votes_beta=3.0, votes_min=300), run.id)

    assert (repeated.is_same, repeated.recorded) == (True, run.version)


@pytest.mark.usefixtures("open_gate")
async def test_a_shorter_way_from_the_base_is_gone_again(world: TrainerWorld) -> None:
    await teach(world, facts()[:8])
    run = await train_now(with_settings(world, max_steps=5, strengths=(0.5,)), by="command")
    assert (await again(world, run.id)).repeated == run.version


async def test_a_record_that_is_wrong_is_found_out(world: TrainerWorld) -> None:
    await teach(world, facts()[:8])
    run = await train_now(with_settings(world, max_steps=5), by="command")
    report: Any = dict(run.report or {})
    report["recipe"] = {**report["recipe"], "seed": 2}
    await world.store.runs.advance(run.id, run.state, report=report)

    assert not (await again(world, run.id)).is_same


async def test_what_was_taken_back_since_is_not_learnt_again(world: TrainerWorld) -> None:
    made = await teach(world, facts()[:8])
    run = await train_now(with_settings(world, max_steps=5), by="command")
    await world.store.candidates.reject(made[0].id, "moderator", "wrong")
    with pytest.raises(Refused, match="taken back or removed since"):
        await again(world, run.id)
    assert left_over(world) == []


async def test_what_has_no_record_is_told_of(world: TrainerWorld) -> None:
    with pytest.raises(WrongUsage, match="no run 7"):
        await again(world, 7)
    empty = await train_now(world, by="command")
    with pytest.raises(WrongUsage, match="has no record of a training"):
        await again(world, empty.id)


async def test_another_base_is_told_of_before_anything_is_trained(world: TrainerWorld, tmp_path: Path) -> None:
    await teach(world, facts()[:8])
    run = await train_now(with_settings(world, max_steps=5), by="command")
    other = await world.registry.import_folder(tiny_model("smollm", tmp_path / "other", seed=5))
    with pytest.raises(WrongUsage, match="MYNAH_ENGINE__BASE"):
        await again(replace(world, base_version=other.version), run.id)
