"""How well verdicts agree with labels and with each other, and how sure this is on few items."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.stats.intervals import Interval

__all__ = ["ClusterBootstrap", "Level", "auc", "cohen_kappa", "krippendorff_alpha"]

Vector = NDArray[np.float64]
Level = Literal["nominal", "interval"]
"""Of measurement: categories, or numbers whose squared differences count."""

PRIOR = 0.25
"""Weight of the prior of an AUC, in clusters. A full one, as means have, is too much here: its
wrong pair spoils every pair that either of its rows enters. With a quarter the 95 % interval
covers a planted AUC of .60, .85 and .97 in 92 to 97 % of simulations from 15 clusters of 3 rows up
(without a prior: 78 to 97 %)."""


def auc(
    scores: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None = None,
    groups: ArrayLike | None = None,
) -> float:
    """Area under the ROC curve: the chance that a row labelled 1 outscores one labelled 0.

    A tie counts one half (Mann-Whitney U over the number of pairs).

    Args:
        scores: (n,) any finite scale.
        labels: (n,) 0 or 1.
        weights: (n,) >= 0; None: all 1.
        groups: (n,) labels of any sortable type; rows of one group tie, whatever their scores.

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
    return float(_weighted_auc(scores, labels, weights[None], _codes(groups))[0])


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


def krippendorff_alpha(ratings: ArrayLike, level: Level = "nominal") -> float:
    """Krippendorff's alpha: agreement of any number of raters beyond chance.

    Args:
        ratings: (raters, units), NaN where a rater said nothing; units with fewer than two
            ratings do not count.
        level: of measurement.

    Returns:
        At most 1, 0 for agreement by chance; NaN when no unit has two ratings or all ratings that
        count are equal (then chance alone agrees always).

    Raises:
        ValueError: not two-dimensional, or a rating is infinite.

    Source: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, University of
    Pennsylvania, sections C and D.
    """
    return float(_alpha(_unit_sums(ratings, level).sum(axis=0)[None], level)[0])


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
        self,
        scores: ArrayLike,
        labels: ArrayLike,
        use: NDArray[np.bool_] | None = None,
        groups: ArrayLike | None = None,
    ) -> Vector:
        """Return the AUC of each draw.

        Args:
            scores: (n,) finite.
            labels: (n,) 0 or 1.
            use: (n,) rows to take; None: all.
            groups: (n,) as in `auc`.

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
        codes = _codes(groups)
        if codes is not None:
            codes = np.concatenate([codes[use], np.full(4, -1)])
        found: list[Vector] = []
        for block in range(0, len(self._weights), 200):  # bounds memory: 200 x n numbers
            rows = slice(block, block + 200)
            prior = (self._prior[rows][:, [0, 0, 1, 1]]) * np.tile(sizes, 2)
            weights = np.hstack([self._weights[rows][:, index], prior])
            found.append(_weighted_auc(values, labels, weights, codes))
        return np.concatenate(found)

    def alpha(self, ratings: ArrayLike, level: Level = "nominal") -> Vector:
        """Return Krippendorff's alpha of each draw.

        The prior is one cluster of average size and of an alpha of 0: half of its pairs agree,
        half differ by twice what chance expects. The 95 % interval covers planted alphas up to .8
        in 93 to 95 % of simulations from 20 clusters up, at interval level in 92 to 94 %. Beyond
        .95, at interval level, it lies too low, by about a hundredth.

        Args:
            ratings: (raters, n), NaN where a rater said nothing; columns are the rows of the
                clusters.
            level: of measurement.

        Returns:
            (draws,) at most 1; NaN where `krippendorff_alpha` is.

        Raises:
            ValueError: as there, or n is not the number of rows.
        """
        sums = _unit_sums(ratings, level)
        if len(sums) != len(self._index):
            raise ValueError(f"{len(sums)} units for {len(self._index)} rows")
        # sums over clusters first: memory grows with the clusters, not with the units
        of_cluster = np.zeros((self._weights.shape[1], sums.shape[1]))
        np.add.at(of_cluster, self._index, sums)
        used = of_cluster[:, 0] > 0
        size = of_cluster[used, 0].mean() if used.any() else 0.0
        # weights of mean 1 keep the correction for small samples at the true number of ratings
        weights = self._weights[:, used]
        weights /= weights.mean(axis=1, keepdims=True) if used.any() else 1.0
        return _alpha(weights @ of_cluster[used], level, size * self._prior / PRIOR)

    @staticmethod
    def interval(value: float, draws: Vector, level: float = 0.95) -> Interval:
        """Return an estimate with percentiles of its draws, widened to hold it."""
        if not np.isfinite(value) or not np.isfinite(draws).all():
            return Interval(value, float("nan"), float("nan"))
        tail = (1 - level) / 2
        low, high = (float(q) for q in np.quantile(draws, [tail, 1 - tail]))
        return Interval(value, min(low, value), max(high, value))


def _unit_sums(ratings: ArrayLike, level: Level) -> Vector:
    """Return for each unit the sums that alpha is made of: (units, 2 + k).

    First the number of ratings, then their disagreement (over ordered pairs, divided by one less
    than the number), then how often each category occurs or, at interval level, the sums of the
    ratings and of their squares.
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"ratings {table.shape} must be (raters, units)")
    if np.isinf(table).any():
        raise ValueError("ratings must be finite or NaN")
    seen = ~np.isnan(table)
    seen &= seen.sum(axis=0) > 1
    counts = seen.sum(axis=0).astype(np.float64)
    if level == "interval":
        # shifted to their mean: squares of large numbers would lose the differences
        values = np.where(seen, table - (table[seen].mean() if seen.any() else 0.0), 0.0)
        totals, squares = values.sum(axis=0), (values**2).sum(axis=0)
        unequal = 2 * (counts * squares - totals**2)
        kinds = np.stack([totals, squares], axis=1)
    else:
        counted = np.where(seen, table, np.nan)
        kinds = (counted[..., None] == np.unique(table[seen])).sum(axis=0, dtype=np.float64)
        unequal = counts**2 - (kinds**2).sum(axis=1)
    disagreement = unequal.clip(min=0) / np.maximum(counts - 1, 1)
    return np.column_stack([counts, disagreement, kinds])


def _alpha(sums: Vector, level: Level, prior: Vector | None = None) -> Vector:
    """Alpha of each row of summed `_unit_sums`; prior: (rows, 2) ratings that agree and differ."""
    n, disagreement = sums[:, 0], sums[:, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        if level == "interval":
            chance = 2 * (sums[:, 3] - sums[:, 2] ** 2 / n) / (n - 1)
        else:
            chance = (n**2 - (sums[:, 2:] ** 2).sum(axis=1)) / (n * (n - 1))
        same, different = (0.0, 0.0) if prior is None else prior.T
        observed = (disagreement + 2 * chance * different) / (n + same + different)
        # rounding must not make a difference of equal ratings
        return np.where(chance > 1e-12, 1 - observed / chance, np.nan)


def _weighted_auc(
    scores: Vector, labels: Vector, weights: Vector, codes: NDArray[np.intp] | None = None
) -> Vector:
    """AUC for each row of weights, shape (k, n); rows with one code >= 0 tie."""
    won, pairs = _won(scores, labels, weights)
    if codes is not None:
        for code in range(codes.max(initial=-1) + 1):
            own = codes == code
            within, of_them = _won(scores[own], labels[own], weights[:, own])
            won = won - within + of_them / 2
    with np.errstate(invalid="ignore"):
        return np.where(pairs > 0, won / pairs, np.nan)


def _won(scores: Vector, labels: Vector, weights: Vector) -> tuple[Vector, Vector]:
    """Weight of the pairs in the right order, ties half, and of all pairs; each (k,)."""
    if not len(scores):
        return np.zeros(len(weights)), np.zeros(len(weights))
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], scores[order][1:] != scores[order][:-1]]))
    positive = np.add.reduceat((weights * labels)[:, order], starts, axis=1)
    negative = np.add.reduceat((weights * (1 - labels))[:, order], starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    return (positive * below).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1)


def _codes(groups: ArrayLike | None) -> NDArray[np.intp] | None:
    return None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]


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
