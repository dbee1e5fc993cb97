"""Validity: do dimensions measure different things, and do values lie on Schwartz's circle?"""

from __future__ import annotations

from itertools import permutations
from math import factorial
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "CircleFit",
    "CircleProfile",
    "Indistinguishable",
    "UniqueVariance",
    "circle_fit",
    "circle_profile",
    "first_component_share",
    "indistinguishable",
    "unique_variance",
]

Vector = NDArray[np.float64]

PENALTIES = np.append(np.logspace(-3, 2, 11), np.inf)
"""Ridge penalties tried, in units of the number of respondents (predictors have variance 1)."""


class UniqueVariance(NamedTuple):
    """What each of D dimensions adds beyond the others.

    Attributes:
        share: (D,) in [0, 1], share of the variance of true scores across respondents that the
            other dimensions do not predict; NaN where `within_error`.
        reliability: (D,) in [0, 1], share of the observed variance that is not measurement error;
            NaN when no standard errors were given.
        within_error: (D,) True where respondents differ no more than their standard errors let
            expect (Cochran's Q at .05), so that nothing can be said about the dimension.
        n: number of respondents used.
    """

    share: Vector
    reliability: Vector
    within_error: NDArray[np.bool_]
    n: int


class Indistinguishable(NamedTuple):
    """Dimensions that cannot be told apart across respondents.

    Attributes:
        groups: indices of two or more dimensions, every pair's lower limit above the threshold.
        correlation: (D, D) correlations without measurement error, in [-1, 1]; NaN where a
            dimension's variance is not significantly beyond its error.
        low, high: (D, D) limits.
        n: number of respondents used.
    """

    groups: tuple[tuple[int, ...], ...]
    correlation: Vector
    low: Vector
    high: Vector
    n: int


class CircleFit(NamedTuple):
    """Fit of relations between D values to a circular order.

    Attributes:
        correspondence: index in [-1, 1]: (order relations met - violated) / all; 1 is the perfect
            circle, 0 what chance gives on average.
        p_value: share of orders of the values that fit at least as well.
        relations: number of order relations that the circle implies.
        mean: mean correlation around the circle.
        amplitude: half the difference between neighbours' and opposites' correlation in a perfect
            cosine; negative when the circle is inside out.
        cosine_share: share of the variance of correlations that the cosine explains, in [0, 1].
    """

    correspondence: float
    p_value: float
    relations: int
    mean: float
    amplitude: float
    cosine_share: float


class CircleProfile(NamedTuple):
    """Sinusoid through one respondent's profile.

    Attributes:
        mean, amplitude: of the sinusoid, in the unit of the scores; amplitude >= 0.
        angle: of the peak, in wedges, in [0, wedges): what the respondent stands for.
        share: share of the profile's variance explained, in [0, 1]; noise gives 2 / (n - 1).
        p_value: of the F test against no sinusoid, under independent normal noise.
    """

    mean: float
    amplitude: float
    angle: float
    share: float
    p_value: float


def unique_variance(table: ArrayLike, standard_errors: ArrayLike | None = None) -> UniqueVariance:
    """Share of each dimension's variance across respondents that the other dimensions miss.

    With few respondents and many dimensions 1 - R^2 is far too small (nine random predictors of
    16 respondents already explain 60 %), and its adjusted form still varies wildly. So each
    respondent's score is predicted from the others' by ridge regression, whose penalty is chosen
    by cross-validation without that respondent (or, beyond 20, without its twentieth of the
    rows); the share is the squared error of these predictions over that of the others' mean.

    With standard errors the error variance is taken out of the dimension itself. Error in the
    predictors remains and raises the share, so `indistinguishable` is the test of redundancy.

    Args:
        table: (respondents, D) scores; a respondent with a NaN is dropped.
        standard_errors: (respondents, D) of the scores, >= 0, or None; NaN is left out of means.

    Returns:
        See `UniqueVariance`; NaN shares with fewer than four respondents or a constant dimension.

    Raises:
        ValueError: if shapes do not fit, D < 2, or a number is infinite or out of range.

    Source: Hoerl & Kennard (1970), Technometrics 12, 55-67; Allen (1974), Technometrics 16,
    125-127 (PRESS); Varma & Simon (2006), BMC Bioinformatics 7, 91 (choice within the folds);
    Cochran (1954), Biometrics 10, 101-129 (Q).
    """
    scores, kept = _complete(table)
    n, size = scores.shape
    share = np.full(size, np.nan)
    varies = np.ptp(scores, axis=0) > 0 if n > 3 else np.zeros(size, dtype=bool)
    standard = scores - scores.mean(axis=0) if n else scores
    standard = standard[:, varies] / standard[:, varies].std(axis=0)
    for place, d in enumerate(np.flatnonzero(varies)):
        share[d] = _unpredicted(np.delete(standard, place, axis=1), standard[:, place])
    if standard_errors is None:
        return UniqueVariance(share, np.full(size, np.nan), np.zeros(size, dtype=bool), n)
    errors = np.asarray(standard_errors, dtype=np.float64)
    if errors.shape != (len(kept), size) or (errors < 0).any() or np.isinf(errors).any():
        raise ValueError(f"standard_errors {errors.shape} must be >= 0 or NaN, shaped as table")
    reliability, within = _reliability(scores, errors[kept])
    with np.errstate(invalid="ignore", divide="ignore"):
        corrected = ((share - (1 - reliability)) / reliability).clip(0, 1)
    return UniqueVariance(np.where(within, np.nan, corrected), reliability, within, n)


def first_component_share(table: ArrayLike) -> float:
    """Share of the first principal component of the correlations between dimensions.

    Near 1, the dimensions are one reported D times; independent ones give somewhat over 1/D.

    Args:
        table: (respondents, D) scores; a respondent with a NaN is dropped.

    Returns:
        In [1/D, 1], NaN with fewer than three respondents or a constant dimension.

    Raises:
        ValueError: if the table is not (respondents, D >= 2) or holds an infinite number.

    Source: Hotelling (1933), Journal of Educational Psychology 24, 417-441.
    """
    scores, _ = _complete(table)
    if len(scores) < 3 or (np.ptp(scores, axis=0) == 0).any():
        return float("nan")
    return float(np.linalg.eigvalsh(np.corrcoef(scores.T))[-1] / scores.shape[1])


def indistinguishable(
    table: ArrayLike, draws: ArrayLike | None = None, *, threshold: float = 0.9, level: float = 0.95
) -> Indistinguishable:
    """Group dimensions whose correlation across respondents is too high to tell them apart.

    Draws give the error covariances between dimensions (they share items, so errors correlate);
    these are subtracted before the correlation is taken. Limits are Fisher's for the observed
    correlation, put through the same correction: they cover the sampling of respondents, and with
    few of them a group needs correlations well above the threshold. Without draws (published
    tables) correlations are taken as they are, which is cautious: error only lowers them.

    Groups come from complete linkage: no chain of neighbours ties its distant ends.

    Args:
        table: (respondents, D) scores; a respondent with a NaN is dropped.
        draws: (draws, respondents, D) joint resamples of the same scores, or None; a draw with a
            NaN is dropped.
        threshold: a pair is indistinguishable when its lower limit is above this, in (0, 1).
        level: confidence level, in (0, 1).

    Returns:
        See `Indistinguishable`; limits are NaN with fewer than four respondents.

    Raises:
        ValueError: if shapes do not fit or a number is infinite or out of range.

    Source: Spearman (1904), American Journal of Psychology 15, 72-101 (attenuation); Hunter &
    Schmidt (2004), Methods of Meta-Analysis, chapter 3 (limits).
    """
    from scipy.special import chdtrc, ndtri

    scores, kept = _complete(table)
    if not (0 < threshold < 1 and 0 < level < 1):
        raise ValueError(f"threshold {threshold} and level {level} must be in (0, 1)")
    n, size = scores.shape
    if n < 4:
        unknown = np.full((size, size), np.nan)
        return Indistinguishable((), unknown, unknown, unknown, n)
    observed = np.cov(scores.T)
    error = np.zeros((size, size)) if draws is None else _error_covariance(draws, kept, size)
    spread = np.sqrt(np.diagonal(observed))
    with np.errstate(divide="ignore", invalid="ignore"):
        # a variance that error explains would be divided by next to nothing
        surplus = (n - 1) * np.diagonal(observed) / np.diagonal(error)
        usable = np.asarray(chdtrc(n - 1, surplus) < 1 - level) & (np.ptp(scores, axis=0) > 0)
        scale = np.sqrt(np.where(usable, np.diagonal(observed - error), np.nan))
        r = observed / np.outer(spread, spread)
        half = ndtri((1 + level) / 2) / np.sqrt(n - 3)
        centre = np.arctanh(r.clip(-1 + 1e-15, 1 - 1e-15))
        limits = [r, np.tanh(centre - half), np.tanh(centre + half)]
        covariances = [x * np.outer(spread, spread) - error for x in limits]
        r, low, high = ((x / np.outer(scale, scale)).clip(-1, 1) for x in covariances)
    for matrix in (r, low, high):
        matrix[usable, usable] = 1.0
    return Indistinguishable(_groups(low, threshold), r, low, high, n)


def circle_fit(
    relations: ArrayLike,
    positions: ArrayLike,
    wedges: int,
    rng: np.random.Generator,
    *,
    draws: int = 10_000,
) -> CircleFit:
    """Test whether values that are closer on the circle are also more alike.

    The circle implies for each two pairs of values at different distances which of them is more
    alike. The index counts relations met and violated (a tie is neither), and is compared with
    that of all D! orders of the values, or of `draws` random ones when there are more than that.

    Schwartz's circle has 9 wedges: Self-direction 0, Stimulation 1, Hedonism 2, Achievement 3,
    Power 4, Security 5, Conformity 6, Tradition 6, Benevolence 7, Universalism 8. Correlate
    scores centred within each respondent: a common level of answering hides the circle.

    Args:
        relations: (D, D) symmetric similarities, larger = more alike (correlations, or negative
            distances); the diagonal is not used. Leave a value that is missing out.
        positions: (D,) wedge of each value, in [0, wedges); values may share one.
        wedges: number of wedges of the whole circle, >= 3.
        rng: generator of the random orders.
        draws: number of random orders, >= 1.

    Returns:
        See `CircleFit`; NaN cosine numbers when all relations are equal.

    Raises:
        ValueError: if shapes do not fit, a relation is not finite or not symmetric, a position is
            outside the circle, or the circle implies no relation (fewer than three values).

    Source: Hubert & Arabie (1987), Psychological Bulletin 102, 172-178; Schwartz (1992), Advances
    in Experimental Social Psychology 25, 1-65 (the circle); Browne (1992), Psychometrika 57,
    469-497 (cosine).
    """
    matrix, angles = np.asarray(relations, dtype=np.float64), _angles(positions, wedges)
    size = len(angles)
    if matrix.shape != (size, size) or not np.isfinite(matrix).all():
        raise ValueError(f"relations {matrix.shape} must be finite and ({size}, {size})")
    if not np.allclose(matrix, matrix.T):
        raise ValueError("relations must be symmetric")
    upper = np.triu_indices(size, 1)
    cosine = np.cos(angles[:, None] - angles)[upper].round(9)
    closer, farther = np.nonzero(cosine[:, None] > cosine)
    if not len(closer):
        raise ValueError(f"positions {np.asarray(positions)} imply no order among their distances")
    index = float(np.sign(matrix[upper][closer] - matrix[upper][farther]).mean())
    if exact := factorial(size) <= draws:
        orders = np.array(list(permutations(range(size))))
    else:
        orders = rng.random((draws, size)).argsort(axis=1)
    as_good = 0
    for block in range(0, len(orders), 500):  # bounds memory: 500 x relations
        rows = orders[block : block + 500]
        values = matrix[rows[:, upper[0]], rows[:, upper[1]]]
        fits = np.sign(values[:, closer] - values[:, farther]).mean(axis=1)
        as_good += int((fits > index - 1e-9).sum())
    p_value = as_good / len(orders) if exact else (1 + as_good) / (1 + len(orders))
    design = np.column_stack([np.ones(len(cosine)), cosine])
    (mean, amplitude), share = _least_squares(design, matrix[upper])
    return CircleFit(index, p_value, len(closer), float(mean), float(amplitude), share)


def circle_profile(profile: ArrayLike, positions: ArrayLike, wedges: int) -> CircleProfile:
    """Fit a sinusoid around the circle to the profile of one respondent.

    Scores must share a scale across dimensions (the trade-off scale, not salience rates).

    Args:
        profile: (D,) scores, NaN where missing.
        positions: (D,) wedge of each value, as in `circle_fit`.
        wedges: number of wedges of the whole circle, >= 3.

    Returns:
        See `CircleProfile`; NaN with fewer than four values seen or no variance.

    Raises:
        ValueError: if shapes differ, a score is infinite, or a position is outside the circle.

    Source: Gurtman (1992), Journal of Personality and Social Psychology 63, 105-118 (structural
    summary of a circumplex profile).
    """
    from scipy.special import fdtrc

    scores, angles = np.asarray(profile, dtype=np.float64), _angles(positions, wedges)
    if scores.shape != angles.shape or np.isinf(scores).any():
        raise ValueError(f"profile must be finite or NaN and of shape {angles.shape}")
    seen = ~np.isnan(scores)
    n, angles = int(seen.sum()), angles[seen]
    design = np.column_stack([np.ones(n), np.cos(angles), np.sin(angles)])
    if n < 4 or np.linalg.matrix_rank(design) < 3 or np.ptp(scores[seen]) == 0:
        return CircleProfile(*[float("nan")] * 5)
    (mean, x, y), share = _least_squares(design, scores[seen])
    angle = float(np.arctan2(y, x) / (2 * np.pi) * wedges % wedges)
    f = share / 2 / ((1 - share) / (n - 3)) if share < 1 else float("inf")
    p_value = float(fdtrc(2, n - 3, f))
    return CircleProfile(float(mean), float(np.hypot(x, y)), angle, share, p_value)


def _unpredicted(x: Vector, y: Vector) -> float:
    """Cross-validated squared error of ridge over that of the mean; x, y standardised."""
    n, errors = len(y), _left_out(x, y)
    chosen = np.empty(n)
    for part in np.array_split(np.arange(n), min(n, 20)):
        squares = np.square(_left_out(np.delete(x, part, axis=0), np.delete(y, part)))
        chosen[part] = errors[squares.sum(axis=1).argmin(), part]
    return float(min((chosen**2).sum() / (errors[-1] ** 2).sum(), 1.0))


def _left_out(x: Vector, y: Vector) -> Vector:
    """(penalties, n) errors of leaving one out, from x (n, predictors) and y (n,)."""
    n = len(y)
    left, singular, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    shrunk = singular**2 / (singular**2 + n * PENALTIES[:, None])
    y = y - y.mean()
    fitted, leverage = (shrunk * (left.T @ y)) @ left.T, shrunk @ (left**2).T + 1 / n
    return (y - fitted) / np.maximum(1 - leverage, 1e-9)


def _reliability(scores: Vector, errors: Vector) -> tuple[Vector, NDArray[np.bool_]]:
    """(D,) share of variance that is not error, and whether Cochran's Q fails to see any."""
    from scipy.special import chdtrc

    seen = ~np.isnan(errors)
    noise = np.where(seen, errors, 0.0) ** 2
    mean_noise = noise.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    noise = np.where(seen, noise, mean_noise).clip(min=1e-300)
    weighted_mean = (scores / noise).sum(axis=0) / (1 / noise).sum(axis=0)
    q = ((scores - weighted_mean) ** 2 / noise).sum(axis=0)
    # the computed variance of equal scores may be above 0 by rounding
    variance = np.where(np.ptp(scores, axis=0) > 0, scores.var(axis=0, ddof=1), np.nan)
    reliability = (1 - mean_noise / variance).clip(0, 1)
    within = np.logical_not((chdtrc(len(scores) - 1, q) <= 0.05) & (reliability > 0))
    return reliability, np.asarray(within, dtype=bool)


def _error_covariance(draws: ArrayLike, kept: NDArray[np.bool_], size: int) -> Vector:
    """(D, D) covariance of the draws of a respondent, averaged over respondents."""
    sample = np.asarray(draws, dtype=np.float64)
    if sample.ndim != 3 or sample.shape[1:] != (len(kept), size) or np.isinf(sample).any():
        raise ValueError(f"draws {sample.shape} must be finite and (draws, {len(kept)}, {size})")
    sample = sample[:, kept]
    sample = sample[~np.isnan(sample).any(axis=(1, 2))]
    if len(sample) < 2:
        raise ValueError(f"{len(sample)} complete draws: at least 2 are needed")
    flat = (sample - sample.mean(axis=0)).reshape(-1, size)
    return flat.T @ flat / ((len(sample) - 1) * sample.shape[1])


def _groups(low: Vector, threshold: float) -> tuple[tuple[int, ...], ...]:
    """Groups of two or more within which every lower limit is above the threshold."""
    from scipy.cluster.hierarchy import (
        fcluster,  # pyright: ignore[reportUnknownVariableType]
        linkage,  # pyright: ignore[reportUnknownVariableType]
    )

    distance = 1 - np.where(np.isnan(low), -1.0, low)
    tree = cast("Vector", linkage(distance[np.triu_indices(len(low), 1)], method="complete"))
    labels = fcluster(tree, np.nextafter(1 - threshold, 0), criterion="distance")
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return tuple(sorted(tuple(int(d) for d in group) for group in members if len(group) > 1))


def _least_squares(design: Vector, values: Vector) -> tuple[Vector, float]:
    """Coefficients and explained share of variance, NaN without any."""
    coefficients = np.linalg.pinv(design) @ values
    total = float(((values - values.mean()) ** 2).sum())
    rest = float(((values - design @ coefficients) ** 2).sum())
    return coefficients, max(1 - rest / total, 0.0) if total > 0 else float("nan")


def _angles(positions: ArrayLike, wedges: int) -> Vector:
    where = np.asarray(positions, dtype=np.float64)
    if wedges < 3:
        raise ValueError(f"wedges must be >= 3, not {wedges}")
    if where.ndim != 1 or not ((where >= 0) & (where < wedges)).all():
        raise ValueError(f"positions must be (D,) numbers in [0, {wedges}), not {where}")
    return 2 * np.pi * where / wedges


def _complete(table: ArrayLike) -> tuple[Vector, NDArray[np.bool_]]:
    """Respondents without a missing score, and which these are."""
    scores = np.asarray(table, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ValueError(f"table {scores.shape} must be (respondents, two or more dimensions)")
    if np.isinf(scores).any():
        raise ValueError("table must be finite or NaN")
    kept = np.asarray(~np.isnan(scores).any(axis=1), dtype=bool)
    return scores[kept], kept
