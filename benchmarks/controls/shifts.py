"""How far scores of the same questions lie apart, and how alike two boards rank: pure functions.

Everything is paired on the questions, which are the units of all resampling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from scipy.stats import rankdata  # pyright: ignore[reportUnknownVariableType]

from valuecompass.stats import Interval, cluster_bootstrap_mean

Floats = NDArray[np.float64]


def mean_shift(differences: Floats, rng: np.random.Generator) -> Interval:
    """Return the mean of paired differences with a bootstrap interval clustered on questions.

    Args:
        differences: (questions, pairs of respondents) in [-1, 1]; NaN is missing.
        rng: generator of the weights.

    Returns:
        Mean and 95 % limits in [-1, 1]. As the package's intervals of scores this one has a prior
        question, half of its weight on -1 and half on 1: too wide rather than too narrow.
    """
    questions = np.repeat(np.arange(len(differences)), differences.shape[1])
    found = cluster_bootstrap_mean((differences.ravel() + 1) / 2, questions, rng)
    return Interval(*(2 * limit - 1 for limit in found))


def simultaneous_shifts(
    differences: Floats, rng: np.random.Generator, *, level: float = 0.95, draws: int = 4_000
) -> list[Interval]:
    """Return mean paired differences with intervals that hold for all dimensions at once.

    Wild bootstrap of the largest |t|: each draw turns the sign of every question's deviations with
    probability one half, for all dimensions together, so that their correlation is kept. A
    dimension is apart from 0 when its interval leaves 0 out; the chance that any of them does
    although nothing moved is 1 - level.

    Args:
        differences: (n questions, dimensions); a question with a missing value is left out.
        rng: generator of the signs.
        level: simultaneous confidence level, in (0, 1).
        draws: number of draws.

    Returns:
        One interval a dimension, in the unit of `differences`; NaN limits with under 3 questions.
        A dimension whose differences are all equal has an interval without width.

    Source: Mammen (1993), Annals of Statistics 21, 255-285 (wild bootstrap); Romano & Wolf (2005),
    Econometrica 73, 1237-1282 (largest |t|).
    """
    whole = differences[~np.isnan(differences).any(axis=1)]
    n = len(whole)
    if n < 3:
        return [Interval(float("nan"), float("nan"), float("nan"))] * differences.shape[1]
    means = whole.mean(axis=0)
    apart = whole - means
    signs = rng.choice([-1.0, 1.0], size=(draws, n))
    moved = signs @ apart / n
    squares = (apart**2).sum(axis=0) / n
    errors = np.sqrt(np.maximum(squares - moved**2, 0) / (n - 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(squares > 0, np.abs(moved) / errors, 0)
    half = np.quantile(ratio.max(axis=1), level) * np.sqrt(squares / (n - 1))
    return [
        Interval(float(m), float(m - h), float(m + h)) for m, h in zip(means, half, strict=True)
    ]


def rank_agreement(
    first: Floats, second: Floats, rng: np.random.Generator, draws: int = 2_000
) -> tuple[Interval, Interval]:
    """Return how alike two judges rank the boards that their verdicts make.

    Args:
        first: (respondents, questions, dimensions), NaN missing.
        second: the same answers judged by another judge.
        rng: generator of the bootstrap's weights.
        draws: number of draws of a Bayesian bootstrap over questions (Rubin 1981).

    Returns:
        Spearman's correlation over all cells of the boards (respondent by dimension), which shares
        whatever is common to a dimension for both judges; and the mean over dimensions of
        Spearman's correlation over respondents, which does not. A dimension in which a board is
        constant counts in the first only. The 95 % intervals are for what boards of as many
        questions give on average; boards of more questions would agree better.
    """
    questions = first.shape[1]
    weights = np.vstack([np.ones(questions), rng.standard_exponential((draws, questions))])
    boards = [_boards(values, weights) for values in (first, second)]
    cells = _spearman(*(b.reshape(draws + 1, -1) for b in boards))
    within = _spearman(*(b.transpose(0, 2, 1) for b in boards))
    of_all = ~np.isnan(within[0])
    mean = within[:, of_all].mean(axis=1) if of_all.any() else np.full(draws + 1, np.nan)
    return _centred(cells, questions), _centred(mean, questions)


def _centred(found: Floats, questions: int) -> Interval:
    """Interval about the first of some correlations, as wide as the others scatter.

    Resampling adds noise to boards that have some already, so that percentiles would lie too low:
    of the draws only the scatter is used, on Fisher's scale, with a t quantile for few questions.
    """
    z = np.arctanh(np.clip(found, -0.999, 0.999))
    few = float(stdtrit(questions - 1, 0.975)) * np.sqrt((questions + 1) / (questions - 1))
    low, high = np.tanh(z[0] + np.array([-1, 1]) * few * z[1:].std())
    return Interval(float(found[0]), float(np.fmin(low, found[0])), float(np.fmax(high, found[0])))


def _boards(values: Floats, weights: Floats) -> Floats:
    """Weighted means over questions: (draws, respondents, dimensions)."""
    seen = ~np.isnan(values)
    sums = np.einsum("bq,rqd->brd", weights, np.nan_to_num(values))
    # rounding keeps equal cells equal, whatever the order of addition
    with np.errstate(invalid="ignore"):
        return (sums / np.einsum("bq,rqd->brd", weights, seen.astype(float))).round(12)


def _spearman(first: Floats, second: Floats) -> Floats:
    """Spearman's rank correlation along the last axis; NaN where one side is constant."""
    a, b = (rankdata(x, axis=-1) - (x.shape[-1] + 1) / 2 for x in (first, second))
    with np.errstate(invalid="ignore"):
        return (a * b).sum(axis=-1) / np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
