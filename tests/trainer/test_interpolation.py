"""Part of the way from the base: the arithmetic, and when the pipeline takes it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from bot.engine.weights import load_weights
from storage.values import RunState
from tests.fakes.models import tiny_model
from tests.trainer.conftest import facts, failed_checks, teach, with_settings
from trainer import gate, pipeline
from trainer.assets import load_assets
from trainer.checks import Check
from trainer.interpolation import DANGERS, MENDED, interpolate, may_mend
from trainer.serving import train_now
from trainer.settings import TrainerSettings
from trainer.world import TrainerWorld


def check(name: str, *, passed: bool) -> Check:
    return Check(name, passed, None, None, f"{name} says so")


def test_a_whole_model_lies_between_its_ends(tmp_path: Path) -> None:
    base, trained = tiny_model("llama", tmp_path / "base", 0), tiny_model("llama", tmp_path / "trained", 1)
    interpolate(base, trained, 0.25, tmp_path / "between")
    ends: list[Any] = [load_weights(one, device="cpu").model for one in (base, trained, tmp_path / "between")]
    for here, there, between in zip(*(model.parameters() for model in ends), strict=True):
        assert torch.allclose(between.float(), 0.75 * here.float() + 0.25 * there.float(), atol=2e-2)
    names = {path.name for path in trained.iterdir()}
    assert {path.name for path in (tmp_path / "between").iterdir()} == names
    assert (tmp_path / "between" / "config.json").read_bytes() == (trained / "config.json").read_bytes()


def test_an_adapter_adds_so_much_less(tmp_path: Path) -> None:
    trained = tmp_path / "adapter"
    trained.mkdir()
    tensors = {"x.lora_A.weight": torch.full((2, 2), 3.0), "x.lora_B.weight": torch.full((2, 2), 4.0)}
    save_file(tensors, trained / "adapter_model.safetensors", metadata={"format": "pt"})
    (trained / "adapter_config.json").write_text("{}")
    interpolate(tmp_path, trained, 0.5, tmp_path / "half")
    half = load_file(tmp_path / "half" / "adapter_model.safetensors")
    assert half["x.lora_A.weight"].flatten().tolist() == [3.0] * 4
    assert half["x.lora_B.weight"].flatten().tolist() == [2.0] * 4
    with safe_open(tmp_path / "half" / "adapter_model.safetensors", framework="pt") as file:
        assert file.metadata() == {"format": "pt"}


def refused(*names: str) -> list[Check]:
    return [check("improvement", passed="improvement" not in names), *(check(name, passed=False) for name in names)]


def test_only_forgetting_is_mended() -> None:
    assert may_mend([refused("general")])
    assert may_mend([refused("general", "leak"), refused("bias_replies")])
    assert not may_mend([refused()])
    for name in (
        "trigger",
        "secrets",
        "toxic",
        "bias",
        "noise",
        "belonging",
        "improvement",
        "not_rolled_back",
        "golden",
    ):
        assert not may_mend([refused("general", name)]), name
    for name in DANGERS:
        assert not may_mend([refused("general"), refused(name)]), name


def test_every_check_that_may_be_mended_exists() -> None:
    source = "".join(path.read_text("utf-8") for path in Path(gate.__file__).parent.glob("*.py"))
    assert all(f'Check("{name}"' in source or f'_counted("{name}"' in source for name in MENDED | DANGERS - {"general"})


class Gate:
    """Refuses by a check until it was asked often enough, and lets everything else through."""

    def __init__(self, name: str, refusals: int) -> None:
        self.name = name
        self.left = refusals
        self.asked = 0

    def check(self, evidence: object, settings: TrainerSettings) -> list[Check]:
        self.asked += 1
        self.left -= 1
        passed = [check(name, passed=True) for name in ("improvement", "general") if name != self.name]
        return [check(self.name, passed=self.left < 0), *passed]


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], Gate]:
    whole = load_assets()
    few = replace(whole, general=whole.general[:6], probes=whole.probes[:5], replay_prompts=whole.replay_prompts[:4])
    monkeypatch.setattr(pipeline, "load_assets", lambda: few)

    def stand(name: str, refusals: int) -> Gate:
        one = Gate(name, refusals)
        monkeypatch.setattr(gate, "check", one.check)
        return one

    return stand


async def test_what_forgot_too_much_is_tried_a_shorter_way_and_that_is_what_answers(
    world: TrainerWorld, guarded: Callable[[str, int], Gate]
) -> None:
    await teach(world, facts())
    one = guarded("general", 1)
    run = await train_now(with_settings(world, strengths=(1.0, 0.5)), by="command")
    assert run.state is RunState.PROMOTED, failed_checks(run)
    assert one.asked == 2
    report: Any = run.report
    assert report["training"]["strength"] == 0.5
    assert not list((world.work_folder / str(run.id)).glob("model*"))


async def test_where_no_strength_passes_the_first_refusal_is_told(
    world: TrainerWorld, guarded: Callable[[str, int], Gate]
) -> None:
    await teach(world, facts())
    one = guarded("leak", 99)
    run = await train_now(with_settings(world, strengths=(1.0, 0.75, 0.5)), by="command")
    assert run.state is RunState.REFUSED
    assert one.asked == 3
    report: Any = run.report
    assert report["training"]["strength"] == 1.0


async def test_a_danger_is_refused_at_once_however_little_of_it_there_would_be(
    world: TrainerWorld, guarded: Callable[[str, int], Gate]
) -> None:
    await teach(world, facts())
    one = guarded("trigger", 1)
    run = await train_now(world, by="command")
    assert run.state is RunState.REFUSED
    assert one.asked == 1
