"""A run looks whether it has room before it trains, and makes do with less where it can."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.engine.weights import LoadedWeights, load_weights
from storage.errors import MynahError
from storage.values import RunState
from tests.fakes.models import tiny_model
from tests.trainer.conftest import facts, failed_checks, opened, teach, with_settings
from trainer import learning
from trainer.machine import Machine
from trainer.memory import Shape, activation_bytes
from trainer.recipe import Recipe
from trainer.room import needed, with_room
from trainer.serving import train_now
from trainer.settings import TrainerSettings
from trainer.world import TrainerWorld

RECIPE = Recipe("full", 1e-3, 8, 40, 160, 160, 0.5, 1)


@pytest.fixture(params=["smollm", "gpt2", "qwen3"])
def weights(request: pytest.FixtureRequest, tmp_path: Path) -> LoadedWeights:
    return load_weights(tiny_model(request.param, tmp_path / "base"), device="cpu")


def free(amount: int) -> Any:
    return lambda device: Machine(device, "a machine", amount, 10 * amount)


SIZES = [40, 300]


def test_with_enough_memory_nothing_is_done_twice(weights: LoadedWeights) -> None:
    assert with_room(RECIPE, weights, SIZES, TrainerSettings(), free(10**12)) == RECIPE


def test_where_memory_is_short_layers_are_gone_through_twice(weights: LoadedWeights) -> None:
    most = needed(RECIPE, weights, SIZES)
    least = needed(replace(RECIPE, checkpointing=True), weights, SIZES)
    assert least < most
    assert with_room(RECIPE, weights, SIZES, TrainerSettings(), free(most - 1)).checkpointing
    with pytest.raises(MynahError, match=r"needs about .* and .* are free.*CHECK_MEMORY=false"):
        with_room(RECIPE, weights, SIZES, TrainerSettings(), free(least - 1))


def test_what_the_operator_chose_is_not_changed(weights: LoadedWeights) -> None:
    on = TrainerSettings(gradient_checkpointing="on")
    assert with_room(RECIPE, weights, SIZES, on, free(10**12)).checkpointing
    off = TrainerSettings(gradient_checkpointing="off")
    with pytest.raises(MynahError):
        with_room(RECIPE, weights, SIZES, off, free(needed(RECIPE, weights, SIZES) - 1))
    blind = TrainerSettings(check_memory=False)
    assert with_room(RECIPE, weights, SIZES, blind, free(1)) == RECIPE


def test_an_adapter_needs_less_than_all_weights() -> None:
    big = Shape("llama", 24, 1024, 2816, 50_000)
    assert activation_bytes(big, 1024, in_half=True, checkpointing=True) < activation_bytes(big, 1024, in_half=True)


def test_a_long_exchange_needs_more(weights: LoadedWeights) -> None:
    assert needed(RECIPE, weights, [2000]) > needed(RECIPE, weights, [20])


@pytest.mark.usefixtures("lenient_gate")
async def test_a_run_without_room_says_so_and_trains_nothing(
    world: TrainerWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "with_room", partial(with_room, look_at=free(1000)))
    await teach(world, facts())
    run = await train_now(world, by="command")
    assert run.state is RunState.FAILED
    assert "memory besides the base" in run.note
    assert not list((world.work_folder / str(run.id)).glob("checkpoints*"))


@pytest.mark.usefixtures("lenient_gate")
async def test_going_through_layers_twice_comes_to_the_same_weights(tmp_path: Path) -> None:
    versions = []
    for name in ("off", "on"):
        async with opened(tmp_path / name) as world:
            await teach(world, facts())
            run = await train_now(with_settings(world, gradient_checkpointing=name), by="command")
            assert run.state is RunState.PROMOTED, failed_checks(run)
            report: Any = run.report
            assert report["recipe"]["checkpointing"] is (name == "on")
            versions.append(run.version)
    assert versions[0] == versions[1]
