"""Intervals for proportions and for means of values in [0, 1], honest at 0, at 1 and at small n.

Why this bootstrap and not another, with the measured coverage: `design/intervals.md`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Interval", "beta_interval", "cluster_bootstrap_mean", "cluster_weights"]


class Interval(NamedTuple):
    """A point estimate with its limits, in the unit of the data; NaN where nothing was observed.

    Attributes:
        value: the estimate; `low <= value <= high`.
        low: lower limit.
        high: upper limit.
    """

    value: float
    low: float
    high: float


def beta_interval(successes: float, n: float, level: float = 0.95, prior: float = 0.5) -> Interval:
    """Equal-tailed interval of a proportion under a symmetric Beta prior (Jeffreys by default).

    The limits are widened to hold the observed proportion, so that no success gives a lower
    limit of 0 and no failure an upper limit of 1.

    Args:
        successes: number of successes, in [0, n]; may be fractional.
        n: number of independent trials, > 0.
        level: credible level, in (0, 1).
        prior: both parameters of the Beta prior, > 0; 0.5 is Jeffreys, 1 is uniform.

    Returns:
        Observed proportion and limits, in [0, 1].

    Raises:
        ValueError: if an argument is out of range.

    Source: Brown, Cai & DasGupta (2001), Statistical Science 16, section 3.1.3 and, for the
    edges, section 4.1.2.
    """
    from scipy.special import betaincinv

    _check_counts(successes, n)
    if not prior > 0:
        raise ValueError(f"prior must be > 0, not {prior}")
    tail = _tail(level)
    a, b = successes + prior, n - successes + prior
    return _holding(successes / n, float(betaincinv(a, b, tail)), float(betaincinv(a, b, 1 - tail)))


def cluster_bootstrap_mean(
    values: ArrayLike,
    clusters: ArrayLike,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    draws: int = 2000,
) -> Interval:
    """Pooled mean of responses with a Bayesian bootstrap over clusters (items).

    Each draw gives every cluster an independent Exp(1) weight and takes the weighted mean of all
    responses. One prior cluster of average size joins them, half of its weight on 0 and half on
    1. The limits are thus percentiles of a Dirichlet-process posterior. For one binary response
    per cluster, and for clusters of equal size whose values are all 0 or all 1, that posterior
    *is* Jeffreys' with n the number of clusters: the edges and a single cluster need no special
    case, and nothing jumps on the way there. Clusters of unequal size act as a few less.

    The result does not depend on the order of responses nor on the labels of clusters. The Monte
    Carlo error of a limit is 1 to 2 % of the interval's width at 2000 draws. Memory: 8 bytes x
    draws x distinct (sum, size) of clusters.

    Args:
        values: (n,) in [0, 1]; NaN is missing and dropped.
        clusters: (n,) labels of any sortable type, the item each response belongs to.
        rng: generator of the weights.
        level: confidence level, in (0, 1).
        draws: number of bootstrap draws, >= 1.

    Returns:
        Pooled mean over all observed responses and its limits, in [0, 1]; NaN if all are missing.

    Raises:
        ValueError: if shapes differ, a value is outside [0, 1], or `level` is out of range.

    Source: Rubin (1981), Annals of Statistics 9, 130-134 (Bayesian bootstrap); Ferguson (1973),
    Annals of Statistics 1, 209-230 (prior measure); Brown, Cai & DasGupta (2001) (edges).
    """
    values, clusters = np.asarray(values, dtype=np.float64), np.asarray(clusters)
    if values.ndim != 1 or values.shape != clusters.shape:
        raise ValueError(f"values {values.shape} and clusters {clusters.shape} must both be (n,)")
    if ((values < 0) | (values > 1)).any():
        raise ValueError("values must be in [0, 1] or NaN")
    tail = _tail(level)
    seen = ~np.isnan(values)
    if not seen.any():
        return Interval(np.nan, np.nan, np.nan)

    values = values[seen]
    _, index = np.unique(clusters[seen], return_inverse=True)
    total, size = np.bincount(index, weights=values).sum(), len(values) / (1 + index.max())
    columns = np.column_stack([values, np.ones(len(values))])
    weights, kinds = cluster_weights(columns, index, [[0, size], [size, size]], rng, draws)
    means = weights @ kinds[:, 0] / (weights @ kinds[:, 1])
    low, high = np.quantile(means, [tail, 1 - tail])
    return _holding(float(total / len(values)), float(low), float(high))


def cluster_weights(
    columns: ArrayLike,
    clusters: ArrayLike,
    prior: ArrayLike,
    rng: np.random.Generator,
    draws: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights of a Bayesian bootstrap over clusters, and what they weigh.

    ``weights @ sums`` is one draw a row of the weighted totals of every column.

    Args:
        columns: (n, c) numbers of each response.
        clusters: (n,) labels of any sortable type.
        prior: (2, c) totals of the two halves of the prior cluster.
        rng: generator of the weights.
        draws: number of draws, >= 1.

    Returns:
        Weights (draws, k) and totals (k, c): one row for each kind of cluster.
    """
    columns = np.asarray(columns, dtype=np.float64)
    _, index = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.column_stack([np.bincount(index, weights=column) for column in columns.T])
    # k equal clusters share one Gamma(k) weight: the same distribution, far fewer numbers to draw.
    # Rounding keeps clusters equal whose sums were added in another order.
    kinds, repeats = np.unique(sums.round(12), axis=0, return_counts=True)
    kinds = np.vstack([kinds, prior])
    return rng.standard_gamma(np.append(repeats, [0.5, 0.5]), size=(draws, len(kinds))), kinds


def _holding(value: float, low: float, high: float) -> Interval:
    """The interval, widened to hold its estimate where a prior or rounding left that outside."""
    return Interval(value, min(low, value), max(high, value))


def _tail(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), not {level}")
    return (1 - level) / 2


def _check_counts(successes: float, n: float) -> None:
    if not n > 0:
        raise ValueError(f"n must be > 0, not {n}")
    if not 0 <= successes <= n:
        raise ValueError(f"successes must be in [0, n = {n}], not {successes}")
