"""What can be said for sure about a mean of few items: a bootstrap. Pure, and the same for the same seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and where the true one lies with the confidence asked for (each side by itself)."""

    low: float
    mean: float
    high: float


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
