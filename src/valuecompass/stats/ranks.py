"""Ranks that say how sure they are: all respondents' rank sets hold at once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["RankSets", "rank_sets"]

ROUNDING = 1e-10
"""Differences and standard deviations below this share of the largest number are rounding."""


class RankSets(NamedTuple):
    """Ranks of R respondents, 1 = highest value; NaN where a respondent has no value.

    Attributes:
        rank: (R,) rank of the estimate; equal values share the lowest rank ("1, 2, 2, 4").
        low: (R,) best rank that the data leave possible; `low <= rank <= high`.
        high: (R,) worst rank that the data leave possible.
    """

    rank: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def rank_sets(
    values: ArrayLike,
    draws: ArrayLike | None = None,
    *,
    level: float = 0.95,
    n: int | None = None,
) -> RankSets:
    """Ranks with sets that cover the true ranks of all respondents together.

    Every pair's difference gets a confidence interval `value +- c * sd`, with sd over the draws
    and c the quantile of the largest |deviation / sd| of any pair in a draw: all intervals hold
    together with probability `level`. A respondent's best possible rank is one more than the
    number of respondents surely above, the worst is R less the number surely below. True ties
    have every rank of their group, and the sets hold them.

    Resampling few items gives too narrow sets; with `n` they are widened for it. Where 16
    respondents are truly equal at .5 on binary items, the hardest case, the sets of level .95
    then hold all ranks in .93 of simulations from 20 to 300 items (without: .70 to .92), at .2 in
    .94 to .99; draws with a prior cluster of each respondent's own (`design/comparisons.md`).

    Without draws (a published table without intervals) nothing but equality is known: the sets
    are the places that equal values share.

    Values equal up to 1e-10 of the largest are equal. A pair whose difference never varies over
    the draws is a tie when its values are equal and surely different otherwise. Memory: 8 bytes
    x draws x R; time: draws x R^2 / 2, about 1 s for 200 respondents and 2000 draws.

    Args:
        values: (R,) estimates, larger is better; NaN: no score, takes no part.
        draws: (B, R) joint bootstrap or posterior draws of the same scores, B >= 2 (resample the
            items once for all respondents, not for each anew); None: no uncertainty is known.
            Columns of respondents without a value are ignored.
        level: joint coverage of the rank sets, in (0, 1).
        n: number of items (clusters) that were resampled, >= 2, the fewest of any respondent;
            None: draws need no correction (a posterior, or very many items).

    Returns:
        Ranks and rank sets among respondents that have a value.

    Raises:
        ValueError: if shapes do not fit, a value is infinite, a draw of a respondent with a value
            is not finite, or `level` or `n` is out of range.

    Source: Mogstad, Romano, Shaikh & Wilhelm (2024), Review of Economic Studies 91, 476-518,
    section 3 (rank sets from simultaneous intervals of all differences; single step). For
    `n`: Rubin (1981), Annals of Statistics 9, 130-134 (variance of the Bayesian bootstrap).
    """
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or np.isinf(scores).any():
        raise ValueError(f"values {scores.shape} must be (R,), each finite or NaN")
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), not {level}")
    if n is not None and n < 2:
        raise ValueError(f"n must be >= 2, not {n}")
    seen = ~np.isnan(scores)
    known = scores[seen]
    samples = np.zeros((2, len(known))) if draws is None else _checked_draws(draws, seen)

    tolerance = ROUNDING * max(_largest(known), _largest(samples))
    order = np.argsort(known)
    group = np.empty(len(known), dtype=np.intp)
    group[order] = np.cumsum(np.diff(known[order], prepend=known[order[:1]]) > tolerance)
    counts = np.bincount(group)
    last = counts[::-1].cumsum()[::-1]
    rank = (last - counts + 1)[group]
    if draws is None:
        low, high = rank, last[group]
    else:
        sure = _surely_greater(known, samples, level, tolerance, n)
        low, high = 1 + sure.sum(axis=0), len(known) - sure.sum(axis=1)

    full = np.full((3, len(scores)), np.nan)
    full[:, seen] = rank, low, high
    return RankSets(full[0], full[1], full[2])


def _surely_greater(
    values: NDArray[np.float64],
    draws: NDArray[np.float64],
    level: float,
    tolerance: float,
    n: int | None,
) -> NDArray[np.bool_]:
    """(R, R): whether row is greater than column in the simultaneous intervals."""
    count = len(values)
    deviations = draws - draws.mean(axis=0)
    sd, farthest = np.zeros((count, count)), np.zeros(len(draws))
    for i in range(count - 1):  # one respondent's pairs at a time bound the memory
        apart = deviations[:, i + 1 :] - deviations[:, i, None]
        sd[i, i + 1 :] = sd[i + 1 :, i] = apart.std(axis=0, ddof=1)
        # below the tolerance a spread is rounding and must not decide how far is far
        ratio = np.abs(apart) / np.maximum(sd[i, i + 1 :], tolerance)
        np.maximum(farthest, ratio.max(axis=1), out=farthest)
    critical = float(np.quantile(farthest, level, method="higher"))
    if n is not None:
        critical = _small_sample(critical, n)
    return values[:, None] - values > np.maximum(critical * sd, tolerance)


def _small_sample(critical: float, n: int) -> float:
    """The critical value for a standard deviation that a Bayesian bootstrap of n items gave.

    Its variance is (n - 1) / (n + 1) of the unbiased one, itself known with n - 1 degrees of
    freedom only.
    """
    from scipy.special import ndtr, stdtrit

    return float(-stdtrit(n - 1, ndtr(-critical)) * np.sqrt((n + 1) / (n - 1)))


def _largest(x: NDArray[np.float64]) -> float:
    return float(np.abs(x).max(initial=np.finfo(np.float64).tiny))


def _checked_draws(draws: ArrayLike, seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Draws of the respondents that have a value, (B, seen)."""
    samples = np.asarray(draws, dtype=np.float64)
    if samples.ndim != 2 or samples.shape[1] != len(seen) or len(samples) < 2:
        raise ValueError(f"draws {samples.shape} must be (B >= 2, {len(seen)})")
    if not np.isfinite(samples[:, seen]).all():
        raise ValueError("draws of respondents with a value must be finite")
    return samples[:, seen]
