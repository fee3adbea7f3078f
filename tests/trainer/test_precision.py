"""Training in bfloat16 keeps weights in float32, and trying how long it takes changes nothing."""

from pathlib import Path

import pytest

from bot.engine.weights import LoadedWeights, load_weights
from storage.values import Message, Role
from tests.fakes.models import tiny_model
from trainer import training
from trainer.evaluation import document_of
from trainer.packing import Document
from trainer.recipe import Recipe, plan
from trainer.training import Lesson, Watch, affordable_steps, in_half, train, training_precision


@pytest.fixture
def weights(tmp_path: Path) -> LoadedWeights:
    return load_weights(tiny_model("smollm", tmp_path / "base"), device="cpu")


@pytest.fixture
def can_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """Like a processor with the instructions, and a model that is wide enough."""
    monkeypatch.setattr(training, "trains_in_half", lambda device, width: (device, width) == ("cpu", 32))


def recipe(method: str = "full", steps: int = 12) -> Recipe:
    return Recipe(method, 1e-2, 4, steps, 160, 0, 0.0, 1)


def lesson(weights: LoadedWeights, how: Recipe) -> Lesson:
    said = [(Message(Role.USER, f"what of {n}?"), Message(Role.ASSISTANT, f"it is {n}.")) for n in range(6)]
    documents: list[Document] = [one for messages in said if (one := document_of(weights, messages))]
    return Lesson(documents, [], None, plan(how, taught_sizes=[[len(one.ids)] for one in documents], replay_sizes=[]))


def test_a_narrow_model_is_trained_in_float32(weights: LoadedWeights) -> None:
    assert not in_half(weights)


@pytest.mark.usefixtures("can_half")
def test_in_bfloat16_matrices_are_multiplied_and_weights_stay_whole(weights: LoadedWeights, tmp_path: Path) -> None:
    import torch

    seen: list[torch.dtype] = []
    weights.model.model.layers[0].mlp.up_proj.register_forward_hook(lambda _, __, output: seen.append(output.dtype))
    how = recipe()
    watch = Watch(on_step=lambda *_: None, check=lambda: None, checkpoint_seconds=1e9)
    done = train(weights, lesson(weights, how), how, tmp_path / "checkpoints", watch)
    assert seen[-1] == torch.bfloat16
    assert {parameter.dtype for parameter in done.model.parameters()} == {torch.float32}
    assert done.losses[-1][1] < done.losses[0][1] / 2


@pytest.mark.usefixtures("can_half")
def test_what_is_compared_with_a_training_is_computed_as_it_computes(weights: LoadedWeights) -> None:
    import torch

    some = torch.ones(2, 2)
    precision = training_precision(weights)
    for _ in range(2):
        with precision:
            assert (some @ some).dtype == torch.bfloat16
    assert (some @ some).dtype == torch.float32


@pytest.mark.parametrize("method", ["full", "lora"])
def test_trying_how_long_a_step_takes_leaves_the_model_as_it_was(weights: LoadedWeights, method: str) -> None:
    before = {name: one.clone() for name, one in weights.model.named_parameters()}
    ticks = iter([0.0, 4.0])
    how = recipe(method)
    assert affordable_steps(weights, lesson(weights, how), how, seconds=10.0, now=lambda: next(ticks)) == 5
    for name, one in weights.model.named_parameters():
        assert one.requires_grad
        assert one.grad is None
        assert bool((one == before[name]).all())
