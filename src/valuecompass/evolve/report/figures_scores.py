"""How firmly items place models: folds, subsets, another run's items, primed models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.stats import Interval
from valuecompass.stats.reliability import Retest, coefficient_of_variation, cronbach_alpha

__all__ = [
    "Band",
    "Folds",
    "PairedTest",
    "Primed",
    "SwapFigures",
    "curve",
    "five_folds",
    "model_scores",
    "primed",
    "sparse",
    "swapped",
]

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
FOLDS = 5
DIVISIONS = 200
SUBSETS = 200
DRAWS = 1000
FEWEST = 5
"""Models from which on a bootstrap over them says anything."""
RANKED = 4
"""Models from which on a rank correlation says anything."""
SIZES = (5, 10, 25, 50, 100, 200, 300, 500, 700, 1000, 2000, 5000)
TINY = 1e-15
UNKNOWN = Interval(np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Folds:
    """Agreement of scores from five parts of the items.

    Attributes:
        alpha: by dimension, Cronbach's alpha with the folds as items, of the middle one of many
            random divisions, with Feldt's limits.
        pooled_alpha: of all dimensions together, each variance in its formula summed over them;
            limits from drawing models.
        variation: mean over models and dimensions of the coefficient of variation of the five
            scores, limits from drawing models; a fold in which everybody scores 0 has none.
        fold: items in the smallest fold.
    """

    alpha: tuple[Interval, ...]
    pooled_alpha: Interval
    variation: Interval
    fold: int


def five_folds(table: Array, rng: np.random.Generator) -> Folds:
    """Divide the items at random into five and compare the scores, as AdAEM's authors do.

    Args:
        table: (R models, n items, D dimensions) in [0, 1]; NaN is missing.
        rng: generator of divisions and draws.

    Returns:
        See `Folds`; NaN with fewer than ten items or two models. The limits of means over models
        are NaN with fewer than five models.
    """
    models, items, dimensions = table.shape
    nothing = Folds((UNKNOWN,) * dimensions, UNKNOWN, UNKNOWN, items // FOLDS)
    if items < 2 * FOLDS or models < 2:
        return nothing
    parts = [
        np.stack([model_scores(table[:, rows]) for rows in np.array_split(order, FOLDS)], axis=1)
        for order in (rng.permutation(items) for _ in range(DIVISIONS))
    ]  # (R, 5, D) each
    alphas = np.array([_alphas(part) for part in parts])
    middle = [_middle(of) for of in alphas.T]
    own = tuple(
        UNKNOWN if at is None else cronbach_alpha(parts[at][..., d]) for d, at in enumerate(middle)
    )
    # the division with the middle value stands for all when models are drawn
    at = _middle([_pooled(part) for part in parts])
    if at is None:
        return nothing
    part = parts[at]
    drawn = rng.integers(models, size=(DRAWS, models)) if models >= FEWEST else None
    each = coefficient_of_variation(part.transpose(0, 2, 1))
    return Folds(
        own,
        _limited(lambda rows: _pooled(part[rows]), models, drawn),
        _limited(lambda rows: float(_mean(each[rows])), models, drawn),
        items // FOLDS,
    )


@dataclass(frozen=True)
class Band:
    """Rank correlation of scores from `size` items with other scores, over random subsets.

    Attributes:
        size: items in a subset.
        value: mean over subsets, of the mean over dimensions of Spearman's correlation.
        low: 2.5 % of the subsets lie below.
        high: 97.5 % of the subsets lie below.
    """

    size: int
    value: float
    low: float
    high: float


def curve(table: Array, rng: np.random.Generator, *, apart: bool) -> list[Band]:
    """Say how many items are needed to order the models as all of them do.

    Args:
        table: (R models, n items, D dimensions) in [0, 1]; NaN is missing.
        rng: generator of subsets.
        apart: False: subsets against the whole set, which they are part of, as in the paper; True:
            against as many other items, so that nothing is compared with itself.

    Returns:
        One for each size that there are items for, the last of all items (there the whole set
        agrees with itself) or of halves; none with fewer than four models.
    """
    models, items, _ = table.shape
    if models < RANKED:
        return []
    half = items // 2
    sizes = [s for s in SIZES if s < (half if apart else items)]
    whole = _ranks(model_scores(table))
    found: list[Band] = []
    for size in [*sizes, half if apart else items]:
        if size < 1:
            continue
        each: list[float] = []
        for _ in range(SUBSETS):
            order = rng.permutation(items)
            other = _ranks(model_scores(table[:, order[size : 2 * size]])) if apart else whole
            each.append(_correlation(_ranks(model_scores(table[:, order[:size]])), other))
        if not np.isnan(each).all():
            low, high = np.nanquantile(each, [0.025, 0.975])
            found.append(Band(size, float(np.nanmean(each)), float(low), float(high)))
    return found


@dataclass(frozen=True)
class SwapFigures:
    """Agreement of the scores of the same models by the items of two runs, as in AdAEM.

    Attributes:
        cells: scores compared, of all models and dimensions together.
        icc: ICC(2,1), agreement in level; pearson, spearman, alpha: as named. Of all cells
            together, as in the paper; limits from leaving out one model at a time.
        centred: Pearson's correlation after the mean of each dimension is taken off: what agrees
            beyond that some values are shown more than others by all.
        by_dimension: the same for each dimension, limits by the formulas of `stats.reliability`.
    """

    cells: int
    icc: Interval
    pearson: Interval
    spearman: Interval
    alpha: Interval
    centred: Interval
    by_dimension: tuple[Retest, ...]


def swapped(first: Array, second: Array) -> SwapFigures:
    """Compare the scores of two runs' items.

    Args:
        first: (R models, D dimensions) scores, NaN where missing.
        second: the same by the items of the other run.

    Returns:
        See `SwapFigures`; limits are NaN with fewer than five models.
    """
    from valuecompass.stats.reliability import test_retest

    both = np.stack([first, second])
    return SwapFigures(
        int((~np.isnan(both).any(axis=0)).sum()),
        _jackknifed(both, "icc"),
        _jackknifed(both, "pearson"),
        _jackknifed(both, "spearman"),
        _jackknifed(both, "alpha"),
        _jackknifed(both, "centred"),
        tuple(test_retest(a, b) for a, b in zip(first.T, second.T, strict=True)),
    )


class PairedTest(NamedTuple):
    """Scores of primed models against the same model unprimed.

    Attributes:
        n: pairs.
        baseline: mean of the unprimed scores, 0-100.
        primed: mean of the primed ones, 0-100.
        t: Student's t of the paired differences; p: two-sided; d: Cohen's d of paired differences,
            their mean over their standard deviation (t / sqrt(n)). NaN with fewer than two pairs
            or differences that are all equal.
    """

    n: int
    baseline: float
    primed: float
    t: float
    p: float
    d: float


@dataclass(frozen=True)
class Primed:
    """AdAEM's check by priming: target values, values of their group, opposite values."""

    target: PairedTest
    same_group: PairedTest
    opposite: PairedTest


def primed(baseline: Array, scores: Array, group: Flags, opposite: Flags) -> Primed:
    """Compare primed models with the same ones unprimed.

    A pair is one score of a model primed to one value and the unprimed score of the same dimension,
    as in the paper. Pairs of one model are not independent, so t and p flatter.

    Args:
        baseline: (E models, D) unprimed scores, 0-100.
        scores: (E, P, D) scores of the models primed to each of P dimensions, here P = D.
        group: (P, D) which dimensions share a group with the primed one, itself left out.
        opposite: (P, D) which dimensions the theory places across.
    """
    same = np.eye(scores.shape[1], scores.shape[2], dtype=bool)
    return Primed(*(_paired(baseline, scores, mask) for mask in (same, group, opposite)))


def _paired(baseline: Array, scores: Array, mask: Flags) -> PairedTest:
    from scipy.stats import ttest_rel  # pyright: ignore[reportUnknownVariableType]

    wanted = np.broadcast_to(mask, scores.shape)
    before = np.broadcast_to(baseline[:, None], scores.shape)[wanted]
    after = scores[wanted]
    seen = ~np.isnan(before + after)
    before, after = before[seen], after[seen]
    n = len(before)
    means = (float(before.mean()), float(after.mean())) if n else (np.nan, np.nan)
    change = after - before
    if n < 2 or np.ptp(change) == 0:
        return PairedTest(n, *means, np.nan, np.nan, np.nan)
    statistic, p = cast("tuple[float, float]", ttest_rel(after, before))
    t = float(statistic)
    return PairedTest(n, *means, t, float(p), t / n**0.5)


def _agreement(both: Array, name: str) -> float:
    """One index of (2, R, D) scores over all models and dimensions together."""
    from scipy.stats import rankdata  # pyright: ignore[reportUnknownVariableType]

    from valuecompass.stats.reliability import icc

    if name == "centred":
        seen = np.isnan(both).any(axis=0)
        both = np.where(seen, np.nan, both)
        both = both - _mean(both, axis=1)[:, None]
    pairs = both.reshape(2, -1).T
    pairs = pairs[~np.isnan(pairs).any(axis=1)]
    if len(pairs) < 3:
        return float("nan")
    if name == "icc":
        return icc(pairs, "2,1").value
    if name == "alpha":
        return cronbach_alpha(pairs).value
    return _pearson(*(rankdata(pairs, axis=0) if name == "spearman" else pairs).T)


def _jackknifed(both: Array, name: str) -> Interval:
    """An index with limits by Student's t from leaving out one model at a time.

    On Fisher's scale for correlations, on the logarithm of 1 - alpha for alpha. Drawing few models
    with replacement gives limits that are too narrow: they hold the truth in 80 to 90 of 100.
    """
    from scipy.special import stdtrit  # pyright: ignore[reportUnknownVariableType]

    value, models = _agreement(both, name), both.shape[1]
    to, back = (_of_alpha, _to_alpha) if name == "alpha" else (np.arctanh, np.tanh)
    if models < FEWEST or np.isnan(value) or value >= 1 - 1e-9:
        return Interval(value, np.nan, np.nan)
    rows = range(models)
    each = to([_agreement(np.delete(both, row, axis=1), name) for row in rows])
    if not np.isfinite(each).all():
        return Interval(value, np.nan, np.nan)
    width = float(stdtrit(models - 1, 0.975)) * float(each.var() * (models - 1)) ** 0.5
    low, high = (float(back(to(value) + sign * width)) for sign in (-1, 1))
    return Interval(value, low, high)


def _of_alpha(alpha: ArrayLike) -> Any:
    return -np.log1p(-np.asarray(alpha))


def _to_alpha(value: ArrayLike) -> Any:
    return -np.expm1(-np.asarray(value))


def _pearson(a: Array, b: Array) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 1e-12 else float("nan")


def _limited(
    figure: Callable[[NDArray[np.int64]], float], models: int, drawn: NDArray[np.int64] | None
) -> Interval:
    """A figure of all models, with its percentiles over models drawn with replacement."""
    value = figure(np.arange(models))
    if drawn is None or np.isnan(value):
        return Interval(value, np.nan, np.nan)
    each = np.array([figure(rows) for rows in drawn])
    if np.isnan(each).all():
        return Interval(value, np.nan, np.nan)
    low, high = (float(x) for x in np.nanquantile(each, [0.025, 0.975]))
    return Interval(value, min(low, value), max(high, value))


def _alphas(part: Array) -> Array:
    """(D,) Cronbach's alpha of whole tables (R, 5, D); NaN where nothing varies or is missing."""
    each, total = _variances(part)
    nothing = np.full(total.shape, np.nan)
    share = np.divide(each, total, out=nothing, where=total > TINY)
    return FOLDS / (FOLDS - 1) * (1 - share)


def _pooled(part: Array) -> float:
    """Alpha with the variances summed over the dimensions: few models make single ones unsteady."""
    each, total = _variances(part)
    seen = ~np.isnan(total)
    whole = float(total[seen].sum())
    if whole <= TINY:
        return float("nan")
    return FOLDS / (FOLDS - 1) * (1 - float(each[seen].sum()) / whole)


def _variances(part: Array) -> tuple[Array, Array]:
    """(D,) sum of the variances of the folds, and variance of their sum."""
    return part.var(axis=0, ddof=1).sum(axis=0), part.sum(axis=1).var(axis=0, ddof=1)


def _middle(values: Sequence[float] | Array) -> int | None:
    """Place of the median (the lower of two), NaN left out."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return None
    order = known[np.argsort(np.asarray(values)[known], kind="stable")]
    return int(order[(len(order) - 1) // 2])


def model_scores(table: Array) -> Array:
    """Return means over the items of each model, items centred over the models that have them.

    So a model that missed the items on which all score high does not look low.

    Args:
        table: (R models, n items, D dimensions); NaN is missing.

    Returns:
        (R, D); NaN where a model has nothing.
    """
    level = _mean(table, axis=0)
    return _mean(table - level, axis=1) + _mean(level, axis=0)


def sparse(table: Array) -> Flags:
    """(R,) which models answered fewer than half of the items, in some dimension.

    Parts of the items would lack them, and with them every figure over all models. What nobody
    answered in a dimension does not count.

    Args:
        table: (R models, n items, D dimensions); NaN is missing.
    """
    seen = ~np.isnan(table)
    return (2 * seen.sum(axis=1) < seen.any(axis=0).sum(axis=0)).any(axis=1)


def _ranks(scores: Array) -> Array:
    from scipy.stats import rankdata  # pyright: ignore[reportUnknownVariableType]

    return np.asarray(rankdata(scores, axis=0, nan_policy="omit"), dtype=np.float64)


def _correlation(a: Array, b: Array) -> float:
    """Mean over dimensions of the correlation of ranks (R, D)."""
    pairs = zip(a.T, b.T, strict=True)
    each = [_pearson(x, y) for x, y in pairs if not np.isnan(x + y).any()]
    return float(_mean(np.array(each), axis=0)) if each else float("nan")


def _mean(values: ArrayLike, axis: int | None = None) -> Any:
    """Mean over what is not missing; NaN where all is."""
    cells = np.asarray(values, dtype=np.float64)
    count = np.asarray((~np.isnan(cells)).sum(axis=axis))
    total = np.asarray(np.nansum(cells, axis=axis), dtype=np.float64)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
