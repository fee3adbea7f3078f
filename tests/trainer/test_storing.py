"""A version is as large as its base, and what is judged is what is stored."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from bot.engine.weights import load_weights
from storage.values import Alias, RunState
from tests.fakes.models import tiny_model
from tests.trainer.conftest import QUICK, facts, failed_checks, opened, teach
from trainer import pipeline
from trainer.interpolation import interpolate
from trainer.judging import Contestants, Judged, judge
from trainer.recipe import Recipe
from trainer.serving import train_now
from trainer.storing import precision_to_store
from trainer.training import prepared, save

RECIPE = Recipe("full", 1e-2, 4, 1, 160, 0, 0.0, 1)


def stored_as(precision: torch.dtype, folder: Path, seed: int = 0) -> Path:
    """A tiny model whose files have a precision."""
    path = tiny_model("smollm", folder, seed) / "model.safetensors"
    save_file({name: one.to(precision) for name, one in load_file(path).items()}, path, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "dtype": str(precision).removeprefix("torch.")}), "utf-8")
    return folder


def precisions(folder: Path) -> set[torch.dtype]:
    return {one.dtype for one in load_file(folder / "model.safetensors").values()}


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16, torch.float32], ids=str)
def test_whole_weights_are_stored_as_their_base_is(precision: torch.dtype, tmp_path: Path) -> None:
    base = stored_as(precision, tmp_path / "base")
    weights = load_weights(base, device="cpu")
    save(prepared(weights, RECIPE), weights, RECIPE, tmp_path / "trained", like=base)
    assert precisions(tmp_path / "trained") == {precision}
    said = json.loads((tmp_path / "trained" / "config.json").read_text("utf-8"))["dtype"]
    assert f"torch.{said}" == str(precision)


def test_digits_that_nothing_was_computed_with_are_not_stored(tmp_path: Path) -> None:
    base = stored_as(torch.float32, tmp_path / "base")
    assert precision_to_store(base, torch.bfloat16) == torch.bfloat16


def test_most_numbers_decide_and_packed_ones_do_not_count(tmp_path: Path) -> None:
    some = {"large": torch.zeros(9, 9, dtype=torch.bfloat16), "norm": torch.zeros(9), "packed": torch.zeros(999).char()}
    save_file(some, tmp_path / "model.safetensors")
    assert precision_to_store(tmp_path, torch.float32) == torch.bfloat16
    save_file({"packed": some["packed"]}, tmp_path / "model.safetensors")
    assert precision_to_store(tmp_path, torch.float32) == torch.float32


def test_what_lies_between_is_stored_as_its_ends_are(tmp_path: Path) -> None:
    start, end = (stored_as(torch.bfloat16, tmp_path / str(seed), seed) for seed in (0, 1))
    interpolate(start, end, 0.5, tmp_path / "between")
    assert precisions(tmp_path / "between") == {torch.bfloat16}


@pytest.mark.usefixtures("lenient_gate")
async def test_the_very_numbers_that_are_stored_are_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[dict[str, torch.Tensor]] = []

    def look(contestants: Contestants, *given: Any, **named: Any) -> Judged:
        judged.append(dict(contestants.challenger.model.named_parameters()))
        return judge(contestants, *given, **named)

    monkeypatch.setattr(pipeline, "judge", look)
    stored_as(torch.bfloat16, tmp_path / "base")
    async with opened(tmp_path, QUICK.model_copy(update={"method": "full"})) as world:
        await teach(world, facts())
        run = await train_now(world, by="command")
        assert run.state is RunState.PROMOTED, failed_checks(run)
        champion = await world.store.aliases.current(Alias.CHAMPION) or ""
        base, version = (world.registry.folder(one) for one in (world.base_version, champion))
    assert _size(version) == _size(base)
    served = dict(load_weights(version, device="cpu").model.named_parameters())
    assert served.keys() == judged[-1].keys()
    assert all(torch.equal(one, served[name]) for name, one in judged[-1].items())


def _size(folder: Path) -> int:
    return (folder / "model.safetensors").stat().st_size // 1000
