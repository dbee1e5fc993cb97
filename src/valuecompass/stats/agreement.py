"""How well graded verdicts agree with 0/1 labels, and how sure this is when items repeat."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.stats.intervals import Interval

__all__ = ["ClusterBootstrap", "auc", "cohen_kappa"]

Vector = NDArray[np.float64]

PRIOR = 0.25
"""Weight of the prior of an AUC, in clusters. A full one, as means have, is too much here: its
wrong pair spoils every pair that either of its rows enters. With a quarter the 95 % interval
covers a planted AUC of .60, .85 and .97 in 92 to 97 % of simulations from 15 clusters of 3 rows up
(without a prior: 78 to 97 %)."""


def auc(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Area under the ROC curve: the chance that a row labelled 1 outscores one labelled 0.

    A tie counts one half (Mann-Whitney U over the number of pairs).

    Args:
        scores: (n,) any finite scale.
        labels: (n,) 0 or 1.
        weights: (n,) >= 0; None: all 1.

    Returns:
        In [0, 1]; NaN when a class has no weight.

    Raises:
        ValueError: shapes differ, a score is not finite, a label is neither 0 nor 1, or a weight
            is negative.

    Source: Hanley & McNeil (1982), Radiology 143, 29-36.
    """
    scores, labels = _checked(scores, labels)
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weights.shape != scores.shape:
        raise ValueError(f"weights {weights.shape} must be (n,) as scores {scores.shape}")
    if not (weights >= 0).all():
        raise ValueError("weights must be >= 0")
    return float(_weighted_auc(scores, labels, weights[None])[0])


def cohen_kappa(a: ArrayLike, b: ArrayLike) -> float:
    """Cohen's kappa of two 0/1 codings: agreement beyond what their base rates give by chance.

    Args:
        a: (n,) 0 or 1.
        b: (n,) 0 or 1.

    Returns:
        At most 1; NaN when chance alone agrees always (both codings constant and equal) or n = 0.

    Raises:
        ValueError: shapes differ or a code is neither 0 nor 1.

    Source: Cohen (1960), Educational and Psychological Measurement 20, 37-46, equation 1.
    """
    first, second = _checked(a, b)
    _check_binary(first)
    if not len(first):
        return float("nan")
    observed = float((first == second).mean())
    p, q = float(first.mean()), float(second.mean())
    chance = p * q + (1 - p) * (1 - q)
    return float("nan") if chance == 1 else (observed - chance) / (1 - chance)


class ClusterBootstrap:
    """Bayesian bootstrap over clusters, its draws shared by every statistic of the same rows.

    Statistics of one object may be subtracted draw by draw: their difference has the interval of
    a paired comparison. As in `cluster_bootstrap_mean` each cluster has an Exp(1) weight and a
    prior joins them (`PRIOR`), half of it a pair of rows in the right order, half one in the wrong
    order. An AUC of 1 thus has a lower limit below 1.

    Args:
        clusters: (n,) labels of any sortable type, the item each row belongs to.
        rng: generator of the weights.
        draws: number of draws, >= 1.

    Source: Rubin (1981), Annals of Statistics 9, 130-134; Ferguson (1973), Annals of Statistics 1,
    209-230.
    """

    def __init__(self, clusters: ArrayLike, rng: np.random.Generator, draws: int = 2000) -> None:
        names, self._index = np.unique(np.asarray(clusters), return_inverse=True)
        self._weights = rng.standard_exponential((draws, len(names)))
        self._prior = PRIOR * rng.standard_gamma(0.5, (draws, 2))

    def auc(
        self, scores: ArrayLike, labels: ArrayLike, use: NDArray[np.bool_] | None = None
    ) -> Vector:
        """Return the AUC of each draw.

        Args:
            scores: (n,) finite.
            labels: (n,) 0 or 1.
            use: (n,) rows to take; None: all.

        Returns:
            (draws,) in [0, 1]; NaN when a class is absent.
        """
        values, labels = _checked(scores, labels)
        use = np.ones(len(values), bool) if use is None else use
        values, labels, index = values[use], labels[use], self._index[use]
        if len(np.unique(labels)) < 2:
            return np.full(len(self._weights), np.nan)
        # the two prior pairs, each row as heavy as its class in a cluster of average size
        values = np.concatenate([values, [np.inf, -np.inf, -np.inf, np.inf]])
        sizes = [(labels == c).sum() / len(np.unique(index[labels == c])) for c in (1, 0)]
        labels = np.concatenate([labels, [1, 0, 1, 0]])
        found: list[Vector] = []
        for block in range(0, len(self._weights), 200):  # bounds memory: 200 x n numbers
            rows = slice(block, block + 200)
            prior = (self._prior[rows][:, [0, 0, 1, 1]]) * np.tile(sizes, 2)
            weights = np.hstack([self._weights[rows][:, index], prior])
            found.append(_weighted_auc(values, labels, weights))
        return np.concatenate(found)

    @staticmethod
    def interval(value: float, draws: Vector, level: float = 0.95) -> Interval:
        """Return an estimate with percentiles of its draws, widened to hold it."""
        if not np.isfinite(value) or not np.isfinite(draws).all():
            return Interval(value, float("nan"), float("nan"))
        tail = (1 - level) / 2
        low, high = (float(q) for q in np.quantile(draws, [tail, 1 - tail]))
        return Interval(value, min(low, value), max(high, value))


def _weighted_auc(scores: Vector, labels: Vector, weights: Vector) -> Vector:
    """AUC for each row of weights, shape (k, n)."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], scores[order][1:] != scores[order][:-1]]))
    if not len(scores):
        return np.full(len(weights), np.nan)
    positive = np.add.reduceat((weights * labels)[:, order], starts, axis=1)
    negative = np.add.reduceat((weights * (1 - labels))[:, order], starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(pairs > 0, (positive * below).sum(axis=1) / pairs, np.nan)


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[Vector, Vector]:
    values, classes = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if values.ndim != 1 or values.shape != classes.shape:
        raise ValueError(f"{values.shape} and {classes.shape} must both be (n,)")
    if not np.isfinite(values).all():
        raise ValueError("scores must be finite")
    _check_binary(classes)
    return values, classes


def _check_binary(codes: Vector) -> None:
    if not np.isin(codes, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
