"""The space of a sweep suits the budget, the talk and the memory, and its settings are runs that can be typed again."""

import math

import pytest

from trainer.growing.pretraining import Plan
from trainer.growing.sweep_material import Pace
from trainer.growing.sweep_settings import FEWEST_STEPS, Settings, Space, Trial, TrialState, evaluations, space


def searched(*, tokens: float = 1e6, an_epoch: int = 4_000_000, width: int = 512, at_once: int = 16_384) -> Space:
    return space(tokens=tokens, tokens_an_epoch=an_epoch, width=width, most_at_once=at_once)


def test_the_usual_settings_are_those_of_a_plain_run() -> None:
    plan = searched().usual.plan(tokens_an_epoch=4_000_000, seed=1)
    usual = Plan(steps=plan.steps, evaluations=plan.evaluations)
    assert plan == usual
    assert plan.steps == math.ceil(1e6 / usual.tokens_a_step)


def test_other_rates_keep_their_share_of_the_learning_rate() -> None:
    usual = Plan(steps=1)
    plan = Settings(2 * usual.matrix_rate, 2048, 0.6, 1.0).plan(tokens_an_epoch=10_000, seed=1)
    assert plan.other_rate == pytest.approx(2 * usual.other_rate)


def test_the_usual_settings_are_within_the_space() -> None:
    found = searched()
    low, high = found.learning_rates
    assert low < found.usual.learning_rate < high
    assert found.usual.tokens_a_step in found.tokens_a_step
    assert found.usual.decay in found.decays
    assert found.usual.epochs in found.epochs


def test_steps_are_whole_rows() -> None:
    assert all(batch % 384 == 0 for batch in searched(width=384).tokens_a_step)


def test_a_row_longer_than_the_usual_step_is_one_step() -> None:
    assert searched(width=4096, tokens=1e7).tokens_a_step[0] == 4096


def test_short_runs_try_no_large_steps() -> None:
    short = searched(tokens=FEWEST_STEPS * 2048)
    assert max(short.tokens_a_step) <= 2 * 2048
    assert max(searched(tokens=1e7).tokens_a_step) > max(short.tokens_a_step)


def test_little_memory_allows_no_large_steps() -> None:
    assert max(searched(at_once=2048).tokens_a_step) == 2048


def test_fewer_readings_are_tried_only_where_talk_is_read_again() -> None:
    assert len(searched(tokens=1e6, an_epoch=4_000_000).epochs) == 1
    assert searched(tokens=4e6, an_epoch=1_000_000).epochs == (1.0, 2.0, 4.0)


def test_longer_runs_are_judged_more_often_within_bounds() -> None:
    found = [evaluations(tokens) for tokens in (0, 1e5, 5e5, 1e6, 1e9)]
    assert found == sorted(found)
    assert found[0] >= 3
    assert found[-1] <= 20


@pytest.mark.parametrize("seconds", [1.0, 10.0, 60.0, 600.0, 6000.0])
@pytest.mark.parametrize("judging", [0.0, 0.5, 5.0])
def test_a_run_fits_the_time_it_was_given(seconds: float, judging: float) -> None:
    pace = Pace(tokens_a_second=2000, judging_seconds=judging)
    tokens = pace.tokens_in(seconds)
    assert tokens >= 0
    if tokens:
        assert pace.seconds_for(tokens) <= seconds * 1.0001
        assert pace.seconds_for(tokens) > seconds - judging - 0.001


def test_perplexity_is_of_the_loss_and_none_without_one() -> None:
    settings = Settings(0.02, 2048, 0.6, 1.0)
    assert Trial(0, settings, TrialState.DONE, math.log(7), 1, 1.0).perplexity == pytest.approx(7)
    assert Trial(0, settings, TrialState.DIVERGED, None, 1, 1.0).perplexity is None
