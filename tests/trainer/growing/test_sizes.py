"""Named sizes are the shapes they claim to be, and shapes that cannot be built are refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

import bot.engine
from storage.errors import WrongUsage
from trainer.growing.sizes import SIZES, Size, choose_size

EMBEDDED = Path(bot.engine.__file__).parent / "embedded" / "config.json"


def built(size: Size, device: str = "meta") -> Any:
    with torch.device(device):
        return AutoModelForCausalLM.from_config(size.configuration())  # type: ignore[no-untyped-call]


def counted(size: Size) -> int:
    return sum(parameter.numel() for parameter in built(size).parameters())


@pytest.mark.parametrize("name", [name for name in SIZES if name != "gpt3-175b"])
def test_a_named_size_counts_its_parameters_as_the_model_does(name: str) -> None:
    assert SIZES[name].parameters == counted(SIZES[name])


@pytest.mark.parametrize(("name", "architecture"), [("micro", "gpt2"), ("gpt2", "llama"), ("nano", "gpt2")])
def test_the_count_holds_in_the_other_architecture_and_stays_about_the_same(name: str, architecture: str) -> None:
    size = choose_size(name, architecture=architecture)
    assert size.parameters == counted(size)
    assert size.parameters == pytest.approx(SIZES[name].parameters, rel=0.07)


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("nano", 1.07),
        ("micro", 6.27),
        ("mini", 23.5),
        ("gpt1", 116.5),
        ("gpt2", 124.4),
        ("gpt2-medium", 354.8),
        ("gpt2-large", 774.0),
        ("gpt2-xl", 1557.6),
        ("gpt3-175b", 174_600),
    ],
)
def test_the_sizes_are_as_large_as_they_are_known_to_be(name: str, millions: float) -> None:
    assert SIZES[name].parameters / 1e6 == pytest.approx(millions, rel=0.005)


def test_sizes_are_listed_from_the_smallest_to_the_largest_within_each_family() -> None:
    ours = [size.parameters for name, size in SIZES.items() if not name.startswith("gpt3")]
    gpt3 = [size.parameters for name, size in SIZES.items() if name.startswith("gpt3")]
    assert ours == sorted(ours)
    assert gpt3 == sorted(gpt3)


def test_a_configuration_says_all_that_the_embedded_models_own_says() -> None:
    embedded = json.loads(EMBEDDED.read_text())
    size = choose_size(
        "micro",
        layers=embedded["num_hidden_layers"],
        hidden=embedded["hidden_size"],
        heads=embedded["num_attention_heads"],
        feed_forward=embedded["intermediate_size"],
        vocabulary=embedded["vocab_size"],
    )
    ours = size.configuration().to_dict()
    telling = embedded.keys() - {"architectures", "dtype", "transformers_version"}
    assert {key: ours[key] for key in telling} == {key: embedded[key] for key in telling}


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_a_built_model_ties_its_embeddings_and_knows_the_chats_own_tokens(architecture: str) -> None:
    size = choose_size("nano", architecture=architecture, vocabulary=300, context=32)
    model = built(size, "cpu")
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    assert (model.config.pad_token_id, model.config.bos_token_id, model.config.eos_token_id) == (0, 1, 2)
    assert model(torch.zeros(1, 32, dtype=torch.long)).logits.shape == (1, 32, 300)


def test_another_width_brings_fitting_heads_and_feed_forward() -> None:
    size = choose_size("micro", hidden=320, layers=5)
    assert (size.name, size.layers, size.hidden, size.heads) == ("custom", 5, 320, 5)
    assert size.feed_forward == pytest.approx(320 * 8 / 3, abs=32)
    assert size.parameters == counted(size)


def test_a_shape_of_ones_own_keeps_every_figure_that_was_given() -> None:
    size = choose_size(
        "nano", architecture="gpt2", vocabulary=400, context=64, layers=2, hidden=32, heads=2, feed_forward=48
    )
    assert size == Size("custom", "gpt2", 2, 32, 2, 48, 64, 400)
    assert size.parameters == counted(size)


def test_learning_a_token_costs_about_six_operations_a_parameter() -> None:
    assert SIZES["gpt2"].flops_a_token(1) == pytest.approx(6 * SIZES["gpt2"].parameters, rel=0.01)
    assert SIZES["gpt2"].flops_a_token() > SIZES["gpt2"].flops_a_token(256)


def test_an_unknown_size_is_refused_with_a_guess_and_the_list() -> None:
    with pytest.raises(WrongUsage, match=r"'gpt2-medum'.*mean gpt2-medium.*nano, micro.*gpt3-175b"):
        choose_size("gpt2-medum")


def test_an_unknown_architecture_is_refused_with_the_list() -> None:
    with pytest.raises(WrongUsage, match=r"'mamba'.*llama, gpt2"):
        choose_size("micro", architecture="mamba")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"vocabulary": 0}, "vocabulary of 0"),
        ({"vocabulary": 261}, "262"),
        ({"vocabulary": 10**9}, "1,000,000,000"),
        ({"context": 0}, "context of 0"),
        ({"context": 10**7}, "131,072"),
        ({"layers": 0}, "0 layers"),
        ({"hidden": -64}, "-64 hidden"),
        ({"heads": 0}, "0 heads"),
        ({"feed_forward": 0}, "0 feed-forward"),
        ({"heads": 6}, "320 cannot be shared among 6"),
        ({"hidden": 36, "heads": 4}, "even share"),
    ],
    ids=lambda value: str(value),
)
def test_shapes_that_cannot_be_built_are_refused(given: dict[str, int], told: str) -> None:
    with pytest.raises(WrongUsage, match=told):
        choose_size("micro", **given)  # type: ignore[arg-type]  # only numbers are given


def test_an_odd_share_of_a_head_is_fine_where_positions_are_learnt() -> None:
    assert choose_size("micro", architecture="gpt2", hidden=36, heads=4).heads == 4
