"""How loss falls with tokens: a floor, and a power of the tokens above it (Hestness et al. 2017). Pure.

Fitted to few places, such a law can be far off. So what it foretells comes as an interval: the law is fitted again to
places moved at random by as much as they stray from it, and where there are enough of them it must foretell their last
one from the first half.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from trainer.statistics import Interval

FEWEST = 3
"""Places that a law with three numbers needs."""
_EXPONENTS = numpy.geomspace(0.05, 2.0, 60)
"""Known laws of language models lie between 0.05 and 0.5; single runs fall faster at their beginning."""
_SAMPLES = 400
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Place:
    """A loss after some tokens, in nats a token."""

    tokens: float
    loss: float


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """`floor + scale * (tokens / reference) ** -exponent`."""

    floor: float
    scale: float
    exponent: float
    reference: float

    def at(self, tokens: float) -> float:
        """The loss after so many tokens, in nats a token."""
        return self.floor + self.scale * float((tokens / self.reference) ** -self.exponent)


@dataclass(frozen=True, slots=True)
class Fit:
    """A law, and how well it is known."""

    law: PowerLaw
    places: tuple[Place, ...]
    stray: float
    """How far the places are from the law, in nats: its standard deviation, at least what was asked for."""
    missed: float
    """How far it is off for the last place when it knows the first half only; 0 where that could not be tried."""
    seed: int

    def gain(self, start: float, end: float) -> Interval:
        """How much the loss falls between two numbers of tokens, in nats, and between which figures that surely lies."""
        losses = numpy.array([self.law.at(place.tokens) for place in self.places])
        moved = losses + self.stray * numpy.random.default_rng(self.seed).standard_normal((_SAMPLES, len(losses)))
        tokens = numpy.array([place.tokens for place in self.places]) / self.law.reference
        _, scale, exponent = _fitted(tokens, moved)
        first, second = start / self.law.reference, end / self.law.reference
        gains = scale * (first**-exponent - second**-exponent)
        low, high = numpy.quantile(gains, [1 - _CONFIDENCE, _CONFIDENCE])
        mean = self.law.at(start) - self.law.at(end)
        return Interval(min(float(low), mean - self.missed), mean, max(float(high), mean + self.missed))


def fit(places: Sequence[Place], *, noise: float, seed: int = 1) -> Fit | None:
    """The law that is nearest to some places; None for fewer than three, or for figures that are no losses.

    Args:
        places: each with another number of tokens.
        noise: how far a loss may be off for no reason, in nats, such as by another seed.
        seed: of the interval.
    """
    ordered = sorted(places, key=lambda place: place.tokens)
    tokens = numpy.array([place.tokens for place in ordered], dtype=float)
    losses = numpy.array([place.loss for place in ordered], dtype=float)
    if len(set(tokens.tolist())) < FEWEST or not numpy.isfinite(losses).all() or tokens[0] <= 0:
        return None
    law = _law(tokens, losses)
    off = losses - numpy.array([law.at(each) for each in tokens])
    free = len(ordered) - 3
    stray = float(numpy.sqrt((off**2).sum() / free)) if free > 0 else noise
    return Fit(law, tuple(ordered), max(noise, stray), _missed(tokens, losses), seed)


def _missed(tokens: NDArray[Any], losses: NDArray[Any]) -> float:
    known = tokens <= tokens[-1] / 2
    if known.sum() <= FEWEST:
        return 0.0
    return abs(_law(tokens[known], losses[known]).at(float(tokens[-1])) - float(losses[-1]))


def _law(tokens: NDArray[Any], losses: NDArray[Any]) -> PowerLaw:
    reference = float(tokens[-1])
    floor, scale, exponent = _fitted(tokens / reference, losses[None, :])
    return PowerLaw(float(floor[0]), float(scale[0]), float(exponent[0]), reference)


def _fitted(tokens: NDArray[Any], losses: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The best law of each row of `losses`, shape (rows, places): floors, scales and exponents, each of shape (rows,).

    For a given exponent floor and scale are a straight line's; neither may be negative.
    """
    best = numpy.full(len(losses), numpy.inf)
    found = numpy.zeros((3, len(losses)))
    for exponent in _EXPONENTS:
        powers = tokens**-exponent
        centred = powers - powers.mean()
        scale = numpy.maximum(0.0, (losses @ centred) / (centred @ centred))
        floor = losses.mean(axis=1) - scale * powers.mean()
        through_zero = numpy.maximum(0.0, (losses @ powers) / (powers @ powers))
        scale, floor = numpy.where(floor < 0, through_zero, scale), numpy.maximum(0.0, floor)
        error = ((losses - floor[:, None] - scale[:, None] * powers) ** 2).sum(axis=1)
        better = error < best
        best = numpy.where(better, error, best)
        found = numpy.where(better, numpy.stack([floor, scale, numpy.full(len(losses), exponent)]), found)
    return found[0], found[1], found[2]
