"""What a size costs is about what it takes, and what does not fit is refused with what would."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from storage.errors import WrongUsage
from trainer.growing.estimate import (
    file_bytes,
    fits,
    in_bytes,
    in_count,
    in_time,
    require_fits,
    serving_memory,
    training_memory,
    training_seconds,
)
from trainer.growing.optimiser import MuonWithAdamW
from trainer.growing.sizes import SIZES, Size, choose_size
from trainer.machine import Machine, Speed

SPEED = Speed({512: 1e11})
LAPTOP = Machine("cpu", "CPU, 2 threads", 23 * 10**9, 25 * 10**9)
CARD = Machine("cuda", "a large card", 139 * 10**9, 140 * 10**9, trains_in_half=True)


def tiny(architecture: str) -> Size:
    return choose_size(
        "nano", architecture=architecture, vocabulary=300, context=64, layers=2, hidden=64, heads=2, feed_forward=176
    )


def learn(size: Size) -> tuple[Any, int]:
    """One step's loss, and the bytes that it keeps for the way back."""
    model = AutoModelForCausalLM.from_config(size.configuration())  # type: ignore[no-untyped-call]
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids = torch.zeros(4, size.context, dtype=torch.long)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
    loss.backward()
    return model, sum(kept.values())


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_activations_are_what_a_model_keeps_for_the_way_back(architecture: str) -> None:
    size = tiny(architecture)
    _, kept = learn(size)
    scores = 8 * 4 * size.context * size.vocabulary  # of 12 bytes a score, 4 are kept and 8 come on the way back
    assert training_memory(size, tokens_a_step=4 * size.context).activations - scores == pytest.approx(kept, rel=0.15)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_the_optimiser_keeps_what_it_is_said_to_keep(architecture: str) -> None:
    size = tiny(architecture)
    model, _ = learn(size)
    optimiser = MuonWithAdamW(model, matrix_rate=0.01, other_rate=0.01, weight_decay=0.0)
    optimiser.step()
    states = [item for state in optimiser.state.values() for item in state.values() if isinstance(item, torch.Tensor)]
    kept = sum(item.nbytes for item in states if item.ndim)
    largest = 4 * 3 * max(size.vocabulary, 4 * size.hidden) * size.hidden
    assert training_memory(size).optimiser == kept + largest


def test_half_precision_keeps_fewer_activations_and_a_second_copy_of_the_weights() -> None:
    whole, half = (training_memory(SIZES["gpt2"], in_half=in_half) for in_half in (False, True))
    assert half.activations < whole.activations
    assert half.weights == whole.weights * 3 // 2


def test_more_tokens_a_step_need_more_memory_and_never_less_than_a_row() -> None:
    size = SIZES["mini"]
    assert training_memory(size, tokens_a_step=8192).total > training_memory(size, tokens_a_step=2048).total
    assert training_memory(size, tokens_a_step=1) == training_memory(size, tokens_a_step=size.context)


def test_a_file_has_two_bytes_for_each_number() -> None:
    assert file_bytes(SIZES["micro"]) == 2 * SIZES["micro"].parameters


def test_serving_in_half_precision_takes_half_beside_the_process() -> None:
    process = training_memory(SIZES["gpt2"]).process
    whole, half = (serving_memory(SIZES["gpt2"], in_half=in_half) - process for in_half in (False, True))
    assert whole == 2 * half > 4 * SIZES["gpt2"].parameters


def test_time_grows_with_the_tokens_and_falls_with_the_speed() -> None:
    size = SIZES["micro"]
    seconds = training_seconds(size, 1e6, SPEED, LAPTOP)
    assert training_seconds(size, 2e6, SPEED, LAPTOP) == pytest.approx(2 * seconds)
    assert training_seconds(size, 1e6, Speed({512: 2e11}), LAPTOP) == pytest.approx(seconds / 2)


def test_larger_steps_leave_the_optimiser_less_to_do() -> None:
    size = SIZES["micro"]
    small, large = (training_seconds(size, 1e6, SPEED, LAPTOP, tokens_a_step=tokens) for tokens in (1024, 8192))
    assert small > 1.2 * large


def test_a_card_that_is_endlessly_fast_still_waits_for_each_step() -> None:
    endless = Speed({512: 1e30})
    assert training_seconds(SIZES["micro"], 2048 * 1000, endless, CARD) > 1
    assert training_seconds(SIZES["micro"], 2048 * 1000, endless, LAPTOP) < 1e-6


def test_of_faster_products_alone_a_cpu_gains_less() -> None:
    in_half = replace(LAPTOP, trains_in_half=True)
    faster = Speed({width: 4 * flops for width, flops in SPEED.flops.items()})
    in_float, half = (training_seconds(SIZES["micro"], 1e6, *on) for on in ((SPEED, LAPTOP), (faster, in_half)))
    assert in_float / 4 < half < in_float


def test_what_fits_may_begin() -> None:
    assert fits(SIZES["gpt2-medium"], LAPTOP)
    require_fits(SIZES["gpt2-medium"], LAPTOP)


def test_what_does_not_fit_is_refused_before_it_begins_with_what_would() -> None:
    assert not fits(SIZES["gpt2-xl"], LAPTOP)
    with pytest.raises(
        WrongUsage,
        match=r"gpt2-xl needs about \d+ GB to train and this machine has 23 GB free; .*gpt2-large or smaller",
    ):
        require_fits(SIZES["gpt2-xl"], LAPTOP)


def test_the_advised_size_really_fits() -> None:
    for free in (10**9, 2 * 10**9, 5 * 10**9, 50 * 10**9, 500 * 10**9):
        machine = Machine("cpu", "CPU", free, free)
        with pytest.raises(WrongUsage) as refused:
            require_fits(SIZES["gpt3-175b"], machine)
        advised = str(refused.value).rpartition("take ")[2].partition(" ")[0]
        require_fits(SIZES[advised], machine)


def test_a_card_is_named() -> None:
    with pytest.raises(WrongUsage, match=r"this machine's a large card has 139 GB free"):
        require_fits(SIZES["gpt3-175b"], CARD)


def test_where_only_the_step_is_too_large_a_smaller_step_is_advised() -> None:
    with pytest.raises(WrongUsage, match=r"at most 131072 tokens at once"):
        require_fits(SIZES["micro"], LAPTOP, tokens_a_step=2**20)
    require_fits(SIZES["micro"], LAPTOP, tokens_a_step=131_072)


def test_where_nothing_fits_it_says_so() -> None:
    with pytest.raises(WrongUsage, match="no smaller size fits"):
        require_fits(SIZES["micro"], Machine("cpu", "CPU", 10**6, 10**9))


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (in_bytes(11_737_600), "12 MB"),
        (in_bytes(1.25e9), "1.2 GB"),
        (in_bytes(2.4e12), "2.4 TB"),
        (in_bytes(900), "1 kB"),
        (in_count(5_868_800), "5.87 M"),
        (in_count(999), "999"),
        (in_count(174.6e9), "175 B"),
        (in_time(0.2), "1 seconds"),
        (in_time(89), "89 seconds"),
        (in_time(91), "1.5 minutes"),
        (in_time(86_400 * 3), "3.0 days"),
        (in_time(1e13), "over 10,000 years"),
    ],
)
def test_figures_are_shown_as_people_read_them(shown: str, expected: str) -> None:
    assert shown == expected
