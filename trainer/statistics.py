"""What can be said for sure about a mean of few items: a bootstrap. Pure, and the same for the same seed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and where the true one lies with the confidence asked for (each side by itself)."""

    low: float
    mean: float
    high: float

    def exponential(self) -> "Interval":
        """Of logarithms of ratios: by which share the ratios are above 1."""
        return Interval(*(math.expm1(min(value, 50.0)) for value in (self.low, self.mean, self.high)))


def bootstrap(values: Sequence[float], *, samples: int, confidence: float, seed: int) -> Interval:
    """The mean of paired differences and its interval.

    Args:
        values: one per item, such as how much better one model is than another on it. At least one.
        samples: resamplings.
        confidence: that the true mean is above `low`; likewise below `high`.
        seed: of the resampling.
    """
    items = numpy.asarray(values, dtype=float)
    draws = numpy.random.default_rng(seed).integers(0, len(items), size=(samples, len(items)))
    means = items[draws].mean(axis=1)
    low, high = numpy.quantile(means, [1 - confidence, confidence])
    return Interval(float(low), float(items.mean()), float(high))


def bootstrap_ratios(
    sums: Sequence[float], weights: Sequence[float], *, samples: int, confidence: float, seed: int
) -> Interval:
    """The mean over everything that the items are made of, such as tokens, and its interval; items stay whole.

    Args:
        sums: one per item, over its parts.
        weights: how many parts each item has; not all zero.
        samples: resamplings.
        confidence: as of `bootstrap`.
        seed: of the resampling.
    """
    tops, bottoms = numpy.asarray(sums, dtype=float), numpy.asarray(weights, dtype=float)
    draws = numpy.random.default_rng(seed).integers(0, len(tops), size=(samples, len(tops)))
    drawn = bottoms[draws].sum(axis=1)
    ratios = tops[draws].sum(axis=1)[drawn > 0] / drawn[drawn > 0]
    low, high = numpy.quantile(ratios, [1 - confidence, confidence])
    return Interval(float(low), float(tops.sum() / bottoms.sum()), float(high))
