"""Numbers over seeds: where a curve gets somewhere, and intervals by drawing seeds again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from scipy.special import ndtr, stdtrit

DRAWS = 4000
Numbers = Sequence[float]


def first_at(along: Numbers, values: Numbers, goal: float) -> float:
    """Return where a falling curve first is at the goal, between points in a straight line."""
    if values[0] <= goal:
        return along[0]
    for (a, high), (b, low) in pairwise(zip(along, values, strict=True)):
        if low <= goal:
            return a + (b - a) * (high - goal) / (high - low)
    return along[-1]


def interval(
    statistic: Callable[..., float], *samples: Numbers, seed: int = 0
) -> tuple[float, float, float]:
    """Return a statistic of samples over the same seeds, and its 95 % interval.

    Seeds are drawn with replacement, the same for all samples: they are paired. Percentiles lie
    farther out than 2.5 and 97.5 by what few seeds leave unknown, as Student's t does (Hesterberg
    2015, "What teachers should know about the bootstrap", expanded percentiles): with eight, plain
    ones hold the mean 89 times in 100.
    """
    given = [np.asarray(sample, dtype=float) for sample in samples]
    n = len(given[0])
    drawn = np.random.default_rng(seed).integers(0, n, (DRAWS, n))
    again = [statistic(*(sample[at] for sample in given)) for at in drawn]
    out = 100 * ndtr(stdtrit(n - 1, 0.025) * (n / (n - 1)) ** 0.5)
    low, high = np.percentile(again, [out, 100 - out])
    return float(statistic(*given)), float(low), float(high)


def mean_of(one: Numbers) -> float:
    """Return the mean."""
    return float(np.mean(one))


def difference(one: Numbers, other: Numbers) -> float:
    """Return how much the first is above the second, in the mean."""
    return float(np.mean(one) - np.mean(other))


def times(one: Numbers, other: Numbers) -> float:
    """Return how many times the second the first is: ratio of geometric means."""
    return float(np.exp(np.mean(np.log(one)) - np.mean(np.log(other))))


def wider(one: Numbers, other: Numbers) -> float:
    """Return how much wider the first spreads: difference of standard deviations."""
    return float(np.std(one, ddof=1) - np.std(other, ddof=1))


def said(below: str, above: str, value: tuple[float, float, float], zero: float = 0.0) -> str:
    """Return which of two claims the interval is wholly for; "open" where for neither."""
    _, low, high = value
    return below if high < zero else above if low > zero else "open"
