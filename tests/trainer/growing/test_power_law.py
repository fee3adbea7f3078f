"""A law is found again from its own places, and what it foretells is as unsure as the places are few and far off."""

import math
import random

import pytest

from trainer.growing.power_law import Fit, Place, PowerLaw, fit

TRUTH = PowerLaw(floor=2.0, scale=0.8, exponent=0.3, reference=1e6)


def places(count: int, *, noise: float = 0.0, seed: int = 1, start: float = 5e4) -> list[Place]:
    dice = random.Random(seed)
    tokens = [start * (1e6 / start) ** (number / (count - 1)) for number in range(count)]
    return [Place(each, TRUTH.at(each) + noise * dice.gauss(0, 1)) for each in tokens]


def fitted(given: list[Place], noise: float = 0.003) -> Fit:
    found = fit(given, noise=noise)
    assert found is not None
    return found


def test_a_law_is_found_again() -> None:
    law = fitted(places(10)).law
    assert law.floor == pytest.approx(TRUTH.floor, abs=0.05)
    assert law.exponent == pytest.approx(TRUTH.exponent, rel=0.1)
    assert law.at(4e6) == pytest.approx(TRUTH.at(4e6), abs=0.01)


def test_the_order_of_the_places_does_not_matter() -> None:
    assert fitted(places(6)).law == fitted(places(6)[::-1]).law


def test_the_true_gain_lies_in_nine_of_ten_intervals() -> None:
    truth = TRUTH.at(1e6) - TRUTH.at(2e6)
    gains = [fitted(places(10, noise=0.01, seed=seed)).gain(1e6, 2e6) for seed in range(40)]
    assert sum(gain.low <= truth <= gain.high for gain in gains) >= 32


def test_more_noise_makes_the_interval_wider() -> None:
    still, noisy = (fitted(places(10, noise=noise)).gain(1e6, 2e6) for noise in (0.001, 0.05))
    assert noisy.high - noisy.low > 3 * (still.high - still.low)


def test_three_places_are_as_unsure_as_runs_differ_by_chance() -> None:
    sure, unsure = (fitted(places(3, start=2.5e5), noise=noise).gain(1e6, 2e6) for noise in (0.001, 0.05))
    assert unsure.high - unsure.low > 3 * (sure.high - sure.low)


def test_the_same_places_give_the_same_interval() -> None:
    assert fitted(places(5, noise=0.01)).gain(1e6, 2e6) == fitted(places(5, noise=0.01)).gain(1e6, 2e6)


def test_a_law_that_fails_to_foretell_its_own_end_is_unsure() -> None:
    bent = [*places(9), Place(1.2e6, TRUTH.at(1.2e6) + 0.3)]
    assert fitted(bent).missed == pytest.approx(0.3, abs=0.1)
    gain = fitted(bent).gain(1.2e6, 2.4e6)
    assert gain.high - gain.low > 0.4


def test_rising_losses_promise_nothing() -> None:
    rising = [Place(10.0**power, 1.0 + power) for power in range(4)]
    assert fitted(rising).law.scale == 0


@pytest.mark.parametrize(
    "given",
    [
        [],
        [Place(1e6, 2.0)],
        [Place(1e6, 2.0), Place(1e6, 2.1), Place(2e6, 1.9)],
        [Place(1e5, 2.0), Place(2e5, math.nan), Place(4e5, 1.5)],
        [Place(0, 9.0), Place(2e5, 2.0), Place(4e5, 1.5)],
    ],
    ids=["none", "one", "two", "nan", "no tokens"],
)
def test_too_little_is_no_law(given: list[Place]) -> None:
    assert fit(given, noise=0.01) is None
