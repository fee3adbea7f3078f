import torch

from bot.engine.protocol import Sampling
from bot.engine.sampler import choose_tokens

SCORES = torch.tensor([[0.0, 3.0, 2.9, 1.0, -5.0]])


def drawn(sampling: Sampling, times: int = 400) -> set[int]:
    chance = torch.Generator().manual_seed(1)
    return set(choose_tokens(SCORES.repeat(times, 1), [sampling] * times, chance))


def test_temperature_zero_takes_the_best() -> None:
    assert drawn(Sampling(temperature=0)) == {1}


def test_a_tiny_temperature_takes_the_best_without_overflowing() -> None:
    assert drawn(Sampling(temperature=1e-30, top_k=0, top_p=1)) == {1}


def test_a_high_temperature_draws_everything() -> None:
    assert drawn(Sampling(temperature=50, top_k=0, top_p=1)) == {0, 1, 2, 3, 4}


def test_top_k_keeps_the_likeliest() -> None:
    assert drawn(Sampling(temperature=50, top_k=2, top_p=1)) == {1, 2}


def test_more_than_the_vocabulary_is_the_vocabulary() -> None:
    assert drawn(Sampling(temperature=50, top_k=1000, top_p=1)) == {0, 1, 2, 3, 4}


def test_top_p_keeps_as_many_as_make_it_up_and_never_none() -> None:
    assert drawn(Sampling(temperature=1, top_k=0, top_p=0.6)) == {1, 2}
    assert drawn(Sampling(temperature=1, top_k=0, top_p=0.001)) == {1}


def test_each_row_keeps_to_its_own_options() -> None:
    chance = torch.Generator().manual_seed(1)
    samplings = [Sampling(temperature=0), Sampling(temperature=50, top_k=0, top_p=1), Sampling(temperature=9, top_k=1)]
    rounds = [choose_tokens(SCORES.repeat(3, 1), samplings, chance) for _ in range(200)]
    assert {tokens[0] for tokens in rounds} == {1}
    assert {tokens[1] for tokens in rounds} == {0, 1, 2, 3, 4}
    assert {tokens[2] for tokens in rounds} == {1}


def test_one_seed_draws_the_same() -> None:
    sampling = [Sampling(temperature=2)] * 50
    first, again = (choose_tokens(SCORES.repeat(50, 1), sampling, torch.Generator().manual_seed(4)) for _ in range(2))
    assert first == again
