"""Advice on curves whose truth is known: what is missing is found, and where it cannot be told, that is said."""

import math
import random
from collections.abc import Callable

import pytest

from trainer.growing.advice import Lack, advise_parts, advise_run
from trainer.growing.power_law import Place, PowerLaw
from trainer.growing.pretraining import Point

LAW = PowerLaw(floor=1.5, scale=0.5, exponent=0.4, reference=1e7)
"""What an endless text would teach: 2.0 nats after ten million tokens."""
STEADY = 0.4


def run(
    *,
    tokens: float = 1e7,
    points: int = 20,
    law: PowerLaw = LAW,
    heldout_more: Callable[[float], float] = lambda tokens: 0.0,
    train_more: Callable[[float], float] = lambda tokens: 0.0,
    noise: float = 0.0,
    seed: int = 1,
) -> list[Point]:
    """A run over so many tokens; its rate falls over the last 60 %, which lowers both losses by up to 0.2 nats."""
    dice = random.Random(seed)
    curve = []
    for number in range(1, points + 1):
        read = tokens * number / points
        middle = read - tokens / points / 2
        fallen = [0.2 * max(0.0, at / tokens - STEADY) / (1 - STEADY) for at in (read, middle)]
        heldout = law.at(read) - fallen[0] + heldout_more(read) + noise * dice.gauss(0, 1)
        loss = law.at(middle) - fallen[1] + train_more(read) + noise * dice.gauss(0, 1)
        curve.append(Point(number, round(read), loss, heldout))
    return curve


def by_heart(epoch: float, nats: float) -> Callable[[float], float]:
    """What is learnt by heart, growing from the second reading on."""
    return lambda tokens: nats * max(0.0, tokens / epoch - 1)


def test_a_run_that_still_falls_on_fresh_talk_should_be_longer() -> None:
    advice = advise_run(run(), tokens_an_epoch=4e7, steady_share=STEADY)
    truth = LAW.at(1e7) - LAW.at(2e7)
    assert advice.lack == Lack.TIME
    assert advice.sentence.startswith("Train longer")
    assert advice.longer is not None
    assert advice.longer.mean == pytest.approx(truth, rel=0.1)
    assert advice.more_talk is None


@pytest.mark.parametrize("seed", range(8))
def test_with_noise_the_true_gain_lies_in_the_interval_and_no_other_lack_is_claimed(seed: int) -> None:
    advice = advise_run(run(noise=0.005, seed=seed), tokens_an_epoch=4e7, steady_share=STEADY, seed=seed)
    assert advice.lack in (Lack.TIME, Lack.UNKNOWN)
    assert advice.longer is not None
    assert advice.longer.low <= LAW.at(1e7) - LAW.at(2e7) <= advice.longer.high


def test_mild_noise_does_not_hide_a_clear_answer() -> None:
    found = [
        advise_run(run(noise=0.002, seed=seed), tokens_an_epoch=4e7, steady_share=STEADY).lack for seed in range(8)
    ]
    assert found.count(Lack.TIME) >= 6


@pytest.mark.parametrize("seed", range(8))
def test_noise_alone_is_never_taken_for_a_trend(seed: int) -> None:
    flat = PowerLaw(2.0, 0.0, 0.4, 1e7)
    advice = advise_run(run(law=flat, noise=0.02, seed=seed), tokens_an_epoch=4e7, steady_share=STEADY, seed=seed)
    assert advice.lack in (Lack.SETTINGS, Lack.UNKNOWN)


def test_talk_learnt_by_heart_wants_more_talk_and_fewer_readings() -> None:
    curve = run(heldout_more=by_heart(1e6, 0.1), train_more=by_heart(1e6, -0.05))
    advice = advise_run(curve, tokens_an_epoch=1e6, steady_share=STEADY)
    lowest = min(curve, key=lambda point: point.heldout_loss or 0.0)
    assert advice.lack == Lack.DATA
    assert f"read it {lowest.tokens / 1e6:.2g} times" in advice.sentence


@pytest.mark.parametrize("seed", range(4))
def test_a_growing_gap_wants_more_talk_before_the_heldout_loss_rises(seed: int) -> None:
    almost_done = PowerLaw(1.5, 0.02, 0.5, 1e7)
    curve = run(
        law=almost_done,
        heldout_more=by_heart(2e6, 0.03),
        train_more=by_heart(2e6, -0.05),
        noise=0.002,
        seed=seed,
    )
    advice = advise_run(curve, tokens_an_epoch=2e6, steady_share=STEADY)
    assert advice.lack == Lack.DATA
    assert advice.more_talk is not None


def test_learning_by_heart_eats_up_what_a_longer_run_would_gain() -> None:
    fresh = advise_run(run(), tokens_an_epoch=4e7, steady_share=STEADY)
    repeated = advise_run(
        run(heldout_more=by_heart(5e6, 0.01), train_more=by_heart(5e6, -0.2)), tokens_an_epoch=5e6, steady_share=STEADY
    )
    assert fresh.longer is not None
    assert repeated.longer is not None
    assert repeated.longer.mean < fresh.longer.mean - 0.05
    assert repeated.longer.low < 0 < repeated.longer.high


def test_a_gap_that_was_there_from_the_start_is_no_reason_for_more_talk() -> None:
    curve = run(heldout_more=lambda _: 0.4)
    assert advise_run(curve, tokens_an_epoch=2.5e6, steady_share=STEADY).lack == Lack.TIME


def test_a_plateau_wants_other_settings_or_a_larger_size() -> None:
    flat = PowerLaw(2.0, 0.001, 0.5, 1e7)
    advice = advise_run(run(law=flat), tokens_an_epoch=4e7, steady_share=STEADY)
    assert advice.lack == Lack.SETTINGS
    assert "larger size" in advice.sentence


@pytest.mark.parametrize("jump", [1.0, math.nan, math.inf])
def test_a_run_that_was_thrown_off_wants_a_lower_learning_rate(jump: float) -> None:
    curve = run(train_more=lambda tokens: jump if tokens > 9e6 else 0.0, heldout_more=lambda tokens: 1.0)
    advice = advise_run(curve, tokens_an_epoch=4e7, steady_share=STEADY)
    assert advice.lack == Lack.SETTINGS
    assert "learning rate is too high" in advice.sentence


@pytest.mark.parametrize("points", [1, 3, 8])
def test_a_run_with_few_places_cannot_tell(points: int) -> None:
    advice = advise_run(run(points=points), tokens_an_epoch=4e7, steady_share=STEADY)
    assert advice.lack == Lack.UNKNOWN
    assert "too short" in advice.sentence
    assert advice.longer is None


def test_a_run_whose_rate_was_never_steady_cannot_tell() -> None:
    assert advise_run(run(), tokens_an_epoch=4e7, steady_share=0.1).lack == Lack.UNKNOWN


def test_without_anything_held_out_it_cannot_tell() -> None:
    curve = [Point(point.step, point.tokens, point.loss, None) for point in run()]
    advice = advise_run(curve, tokens_an_epoch=4e7, steady_share=STEADY)
    assert advice.lack == Lack.UNKNOWN
    assert "held out" in advice.sentence


def parts(both: PowerLaw, shares: tuple[float, ...] = (0.25, 0.5, 1.0), noise: float = 0.0) -> list[Place]:
    dice = random.Random(3)
    return [Place(1e6 * share, both.at(1e6 * share) + noise * dice.gauss(0, 1)) for share in shares]


STEEP = PowerLaw(1.5, 1.0, 0.3, 1e6)


@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_where_time_alone_brings_nothing_more_talk_is_missing(noise: float) -> None:
    advice = advise_parts(parts(STEEP, noise=noise), shorter_loss=STEEP.at(1e6) + 0.01)
    assert advice.lack == Lack.DATA
    assert advice.more_talk is not None
    assert advice.more_talk.low <= STEEP.at(1e6) - STEEP.at(2e6) <= advice.more_talk.high


def test_where_time_alone_brings_all_of_it_time_is_missing() -> None:
    advice = advise_parts(parts(STEEP), shorter_loss=STEEP.at(5e5))
    assert advice.lack == Lack.TIME
    assert advice.longer is not None
    assert advice.longer.mean == pytest.approx(STEEP.at(1e6) - STEEP.at(2e6), rel=0.1)


def test_where_neither_brings_anything_settings_are_missing() -> None:
    flat = PowerLaw(2.0, 0.0, 0.3, 1e6)
    assert advise_parts(parts(flat), shorter_loss=2.0).lack in (Lack.SETTINGS, Lack.UNKNOWN)
    assert advise_parts(parts(flat, (0.1, 0.2, 0.4, 0.7, 1.0)), shorter_loss=2.0).lack == Lack.SETTINGS


def test_two_parts_cannot_tell() -> None:
    assert advise_parts(parts(STEEP, (0.5, 1.0)), shorter_loss=2.6).lack == Lack.UNKNOWN


def test_a_part_whose_run_failed_cannot_tell() -> None:
    places = [*parts(STEEP, (0.25, 0.5)), Place(1e6, math.nan)]
    assert advise_parts(places, shorter_loss=2.6).lack == Lack.UNKNOWN


def test_advice_can_be_written_down() -> None:
    record = advise_run(run(), tokens_an_epoch=4e7, steady_share=STEADY).as_record()
    assert record["lack"] == "time"
    assert set(record) == {"lack", "sentence", "longer", "more_talk"}
