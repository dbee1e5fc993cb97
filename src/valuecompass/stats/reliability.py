"""Reliability: how far scores would come out the same with other items, judges, halves or days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.stats.intervals import Interval

__all__ = [
    "IccKind",
    "Retest",
    "SplitHalf",
    "coefficient_of_variation",
    "cronbach_alpha",
    "icc",
    "split_half",
    "test_retest",
]

Vector = NDArray[np.float64]
IccKind = Literal["1,1", "2,1", "3,1", "1,k", "2,k", "3,k"]
"""Shrout and Fleiss's names: model, then a single column or the mean of all k columns."""

ROUNDING = 1e-12
"""Share of the whole below which a difference or a sum of squares is rounding."""

UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


class SplitHalf(NamedTuple):
    """Split-half reliability.

    Attributes:
        value: reliability of all items together, at most 1; NaN as in `split_half`.
        correlation_sd: standard deviation over splits of the correlation between the halves: how
            much depends on the split. It is not a standard error of `value`.
    """

    value: float
    correlation_sd: float


@dataclass(frozen=True)
class Retest:
    """Agreement of two occasions; limits are NaN where there are too few pairs or no variance.

    Attributes:
        n: number of respondents seen on both occasions.
        pearson: correlation, limits by Fisher's z.
        spearman: rank correlation, limits by Fisher's z with Bonett and Wright's variance.
        consistency: ICC(3,1): agreement up to a shift that all respondents share.
        agreement: ICC(2,1): agreement in absolute level.
        shift: mean of second minus first, in the unit of the scores, limits by Student's t.
    """

    n: int
    pearson: Interval
    spearman: Interval
    consistency: Interval
    agreement: Interval
    shift: Interval


def cronbach_alpha(table: ArrayLike, *, level: float = 0.95) -> Interval:
    """Cronbach's alpha: reliability of the mean over these items, respondents differing.

    Alpha is ICC(3,k) with items as columns; `icc` says what happens to missing cells. The limits
    cover the sampling of respondents and, through the residual, of items; they hold for normal
    scores whose items all correlate alike.

    Args:
        table: (respondents, items), NaN where missing.
        level: confidence level, in (0, 1).

    Returns:
        At most 1, and -inf at the worst; NaN as in `icc`.

    Raises:
        ValueError: as in `icc`.

    Source: Cronbach (1951), Psychometrika 16, 297-334; limits: Feldt (1965), Psychometrika 30,
    357-370.
    """
    return icc(table, "3,k", level=level)


def icc(table: ArrayLike, kind: IccKind, *, level: float = 0.95) -> Interval:
    """Intraclass correlation of targets rated by judges (or respondents by items, by occasions).

    Model 1: each row has other judges. Model 2: the same random judges, absolute agreement.
    Model 3: the same fixed judges, consistency. Negative estimates are kept.

    Missing cells: nothing is dropped but empty rows and columns. Mean squares come from the
    additive model fitted to the cells that are there, each adjusted for the other side, with the
    numbers of ratings per row and column that make the variance components unbiased (Henderson's
    method 3). Cells must be missing at random given row and column. For a full table this is
    Shrout & Fleiss exactly; otherwise the F distributions are approximate.

    Args:
        table: (targets, judges), NaN where missing.
        kind: model and number of ratings; k is the number of columns.
        level: confidence level, in (0, 1).

    Returns:
        At most 1; NaN when there are fewer than two rows or columns, no degree of freedom is left
        for the residual, all cells are equal, or, in models 2 and 3, all rows are: columns differ
        and nothing else does.

    Raises:
        ValueError: if the table is not two-dimensional or holds an infinite number, or `kind` or
            `level` is unknown.

    Source: Shrout & Fleiss (1979), Psychological Bulletin 86, 420-428, table 4 and appendix;
    Henderson (1953), Biometrics 9, 226-252 (method 3).
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), not {level}")
    if kind not in ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k"):
        raise ValueError(f"kind must be one of 1,1 2,1 3,1 1,k 2,k 3,k, not {kind!r}")
    found = _analysis_of_variance(_table(table))
    if found is None or (kind[0] != "1" and found.rows == found.residual == 0):
        return UNKNOWN
    tail, k = (1 - level) / 2, found.columns
    if kind[0] == "2":
        single = _absolute(found, tail)
        return Interval(*(_stepped_up(r, k) for r in single)) if kind[2] == "k" else single
    if kind[0] == "1":
        means, dfs, per_row = found.one_way, found.one_way_df, found.per_row_one_way
    else:
        means, dfs, per_row = (found.rows, found.residual), found.two_way_df, found.per_row
    ratios = _f_limits(*means, *dfs, tail)
    single = Interval(*(_from_f(f, per_row, 1) for f in ratios))
    return Interval(*(_from_f(f, per_row, k) for f in ratios)) if kind[2] == "k" else single


def split_half(
    table: ArrayLike,
    rng: np.random.Generator,
    *,
    splits: int = 1000,
    clusters: ArrayLike | None = None,
) -> SplitHalf:
    """Correlation of two random halves of the items, stepped up to the full length.

    Clusters (topics, parents of paraphrases) go into one half as a whole, so that near-copies do
    not inflate the result. The mean over splits is taken before the step-up, which has a pole
    at -1.

    Missing cells: items are centred over the respondents who have them, and a half's score is the
    mean over the items a respondent has, so who met the harder items is not penalised. A
    respondent without any item in a half is left out of that split.

    Args:
        table: (respondents, items), NaN where missing.
        rng: generator of the splits.
        splits: number of random splits, >= 1.
        clusters: (items,) labels of any sortable type; None: each item by itself.

    Returns:
        Spearman-Brown reliability; NaN with fewer than two clusters, fewer than three respondents
        or halves without variance.

    Raises:
        ValueError: if shapes do not fit, the table holds an infinite number, or `splits` < 1.

    Source: Spearman (1910) and Brown (1910), British Journal of Psychology 3, 271-322.
    """
    cells = _table(table)
    labels = np.asarray(range(cells.shape[1]) if clusters is None else clusters)
    if labels.shape != cells.shape[1:]:
        raise ValueError(f"clusters {labels.shape} must be one label an item, ({cells.shape[1]},)")
    if splits < 1:
        raise ValueError(f"splits must be >= 1, not {splits}")
    names, index = np.unique(labels, return_inverse=True)
    seen = ~np.isnan(cells)
    means = np.where(seen, cells, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    centred = np.where(seen, cells - means, 0.0)
    order = index.argsort(kind="stable")
    starts = np.searchsorted(index[order], np.arange(len(names)))
    totals, counts = (np.add.reduceat(x[:, order], starts, axis=1) for x in (centred, seen * 1.0))
    # each row of ranks is a random order of the clusters
    first = rng.random((splits, len(names))).argsort(axis=1) < len(names) // 2
    halves = [_half(totals, counts, half) for half in (first, ~first)]
    r = _row_correlations(*halves)
    if np.isnan(r).all():
        return SplitHalf(float("nan"), float("nan"))
    return SplitHalf(_stepped_up(float(np.nanmean(r)), 2), float(np.nanstd(r)))


def test_retest(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Retest:
    """Compare the scores of the same respondents on two occasions (or forms, or generator pools).

    A correlation does not see a shift that all share, ICC(2,1) does; `shift` says how large it is.

    Args:
        first: (n,) scores, NaN where missing.
        second: (n,) scores of the same respondents in the same order; pairs with a missing score
            are dropped.
        level: confidence level of all limits, in (0, 1).

    Returns:
        See `Retest`. The limits cover the sampling of respondents.

    Raises:
        ValueError: if shapes differ, a score is infinite, or `level` is out of range.

    Source: Shrout & Fleiss (1979); Bonett & Wright (2000), Psychometrika 65, 23-28, equation 3.
    """
    from scipy.special import stdtrit
    from scipy.stats import rankdata  # pyright: ignore[reportUnknownVariableType]

    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"first {a.shape} and second {b.shape} must both be (n,)")
    pairs = _table(np.column_stack([a, b]))
    pairs = pairs[~np.isnan(pairs).any(axis=1)]
    consistency, agreement = icc(pairs, "3,1", level=level), icc(pairs, "2,1", level=level)
    n, change = len(pairs), pairs[:, 1] - pairs[:, 0]
    shift = UNKNOWN
    if n > 1:
        half = float(stdtrit(n - 1, (1 + level) / 2) * change.std(ddof=1) / np.sqrt(n))
        mean = float(change.mean())
        shift = Interval(mean, mean - half, mean + half)
    pearson = _correlation(pairs, level, ranked=False)
    spearman = _correlation(rankdata(pairs, axis=0), level, ranked=True)
    return Retest(n, pearson, spearman, consistency, agreement, shift)


def coefficient_of_variation(values: ArrayLike) -> Vector:
    """Standard deviation over the absolute mean along the last axis.

    Only for a ratio scale: adding a constant to the scores changes it.

    Args:
        values: (..., n), NaN where missing.

    Returns:
        (...), >= 0; NaN with fewer than two values or a mean of 0. The deviation has n - 1 in its
        denominator.

    Source: Pearson (1896), Philosophical Transactions A 187, 253-318.
    """
    cells = np.asarray(values, dtype=np.float64)
    seen = ~np.isnan(cells)
    n = seen.sum(axis=-1)
    mean = np.where(seen, cells, 0.0).sum(axis=-1) / np.maximum(n, 1)
    squares = (np.where(seen, cells - mean[..., None], 0.0) ** 2).sum(axis=-1)
    usable = (n > 1) & (mean != 0)
    sd = np.sqrt(squares / np.maximum(n - 1, 1))
    return np.where(usable, sd / np.where(usable, np.abs(mean), 1.0), np.nan)


class _Anova(NamedTuple):
    """Mean squares of a table with their degrees of freedom and effective numbers of ratings."""

    columns: int
    rows: float
    judges: float
    residual: float
    two_way_df: tuple[float, float]
    per_row: float
    per_column: float
    one_way: tuple[float, float]
    one_way_df: tuple[float, float]
    per_row_one_way: float


def _analysis_of_variance(table: Vector) -> _Anova | None:
    """Mean squares adjusted for missing cells; None when they do not exist."""
    seen = ~np.isnan(table)
    table = table[seen.any(axis=1)][:, seen.any(axis=0)]
    seen = ~np.isnan(table)
    rows, columns = table.shape
    if min(rows, columns) < 2:
        return None
    cells = np.where(seen, table - table[seen].mean(), 0.0)
    row_n, column_n, n = seen.sum(axis=1), seen.sum(axis=0), int(seen.sum())
    by_row = float((cells.sum(axis=1) ** 2 / row_n).sum())
    by_column = float((cells.sum(axis=0) ** 2 / column_n).sum())
    total = float((cells**2).sum())
    explained, rank = _additive_fit(cells, seen)
    free = n - max(rows, columns) - rank
    row_df, column_df = n - columns - free, n - rows - free
    low, high = table[seen].min(), table[seen].max()
    if min(free, row_df, column_df) < 1 or high - low <= ROUNDING * max(-low, high):
        return None
    of_rows, rest = (
        x if x > ROUNDING * total else 0.0 for x in (explained - by_column, total - explained)
    )
    return _Anova(
        columns,
        of_rows / row_df,
        (explained - by_row) / column_df,
        rest / free,
        (row_df, free),
        (n - columns) / row_df,
        (n - rows) / column_df,
        (by_row / (rows - 1), (total - by_row) / (n - rows)),
        (rows - 1, n - rows),
        (n - float((row_n**2).sum()) / n) / (rows - 1),
    )


def _additive_fit(cells: Vector, seen: NDArray[np.bool_]) -> tuple[float, int]:
    """Sum of squares of row plus column effects, and the rank that the shorter side adds."""
    if cells.shape[0] > cells.shape[1]:
        cells, seen = cells.T, seen.T
    weights = seen / seen.sum(axis=0)
    normal = np.diag(seen.sum(axis=1)) - weights @ seen.T
    right = cells.sum(axis=1) - weights @ cells.sum(axis=0)
    scales, axes = np.linalg.eigh(normal)
    kept = scales > 1e-10 * scales.max()
    of_short = float((((right @ axes) ** 2)[kept] / scales[kept]).sum())
    of_long = float((cells.sum(axis=0) ** 2 / seen.sum(axis=0)).sum())
    return of_long + of_short, int(kept.sum())


def _f_limits(
    top: float, bottom: float, df: float, rest_df: float, tail: float
) -> tuple[float, float, float]:
    """Observed F, then F over its upper and lower quantile."""
    from scipy.special import fdtri

    f = top / bottom if bottom else float("inf")
    return f, f / float(fdtri(df, rest_df, 1 - tail)), f / float(fdtri(df, rest_df, tail))


def _from_f(f: float, per_row: float, k: float) -> float:
    """Reliability of the mean of k ratings from F of rows with `per_row` ratings each."""
    if np.isinf(f):
        return 1.0
    signal = k * (f - 1) / per_row
    return signal / (1 + signal) if signal > -1 else float("-inf")


def _absolute(found: _Anova, tail: float) -> Interval:
    """ICC(2,1) with the limits of Shrout & Fleiss's appendix, cleared of divisions by the residual.

    k and n there are the effective numbers of ratings in a row and in a column here.
    """
    from scipy.special import fdtri

    b, j, e, k, n = found.rows, found.judges, found.residual, found.per_row, found.per_column
    row_df, free = found.two_way_df
    rest = k * j + (k * n - k - n) * e
    value = n * (b - e) / (n * b + rest)
    of_judges, of_rest = k * value * j, e * (n * (1 + (k - 1) * value) - k * value)
    spread = row_df * of_judges**2 + of_rest**2
    if spread == 0:
        return Interval(value, value, value)
    df = free * (of_judges + of_rest) ** 2 / spread
    above, below = float(fdtri(row_df, df, 1 - tail)), float(fdtri(df, row_df, 1 - tail))
    return Interval(
        value,
        n * (b - above * e) / (above * rest + n * b),
        n * (below * b - e) / (rest + n * below * b),
    )


def _stepped_up(r: float, k: float) -> float:
    """Spearman-Brown: reliability of k parts of reliability r each."""
    below = 1 + (k - 1) * r
    return k * r / below if below > 0 else float("-inf")


def _half(totals: Vector, counts: Vector, half: NDArray[np.bool_]) -> Vector:
    """(splits, respondents) mean over the items of a half; NaN without any."""
    n = half @ counts.T
    return np.where(n > 0, (half @ totals.T) / np.maximum(n, 1), np.nan)


def _row_correlations(a: Vector, b: Vector) -> Vector:
    """Correlation of each row of a with that of b over the columns both have."""
    both = ~np.isnan(a) & ~np.isnan(b)
    n = np.maximum(both.sum(axis=1, keepdims=True), 1)
    left, right = np.where(both, a, 0.0), np.where(both, b, 0.0)
    left = np.where(both, left - left.sum(axis=1, keepdims=True) / n, 0.0)
    right = np.where(both, right - right.sum(axis=1, keepdims=True) / n, 0.0)
    scale = np.sqrt((left**2).sum(axis=1) * (right**2).sum(axis=1))
    usable = (both.sum(axis=1) > 2) & (scale > 1e-12)
    return np.where(usable, (left * right).sum(axis=1) / np.where(usable, scale, 1.0), np.nan)


def _correlation(pairs: Vector, level: float, *, ranked: bool) -> Interval:
    """Correlation with limits by Fisher's z; NaN limits with fewer than four pairs."""
    from scipy.special import ndtri

    r = float(_row_correlations(pairs[:, :1].T, pairs[:, 1:].T)[0])
    if len(pairs) < 4 or np.isnan(r):
        return Interval(r, float("nan"), float("nan"))
    half = ndtri((1 + level) / 2) * np.sqrt((1 + ranked * r**2 / 2) / (len(pairs) - 3))
    centre = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15))
    return Interval(r, min(r, float(np.tanh(centre - half))), max(r, float(np.tanh(centre + half))))


def _table(table: ArrayLike) -> Vector:
    cells = np.asarray(table, dtype=np.float64)
    if cells.ndim != 2:
        raise ValueError(f"table must be two-dimensional, not of shape {cells.shape}")
    if np.isinf(cells).any():
        raise ValueError("table must be finite or NaN")
    return cells
