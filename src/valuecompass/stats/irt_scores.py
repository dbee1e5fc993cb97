"""Positions of respondents on items whose parameters are known."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.stats.irt import (
    PLAIN,
    Array,
    Noise,
    checked_items,
    outcome_terms,
    outcome_weights,
)

__all__ = ["Scores", "score"]

GRID = np.linspace(-6, 6, 121)
"""Where the likelihood is computed, in prior standard deviations."""

INSIDE = 4.0
"""How far from the grid's centre a mode may lie; for one beyond, the grid moves out by as much."""

LOCAL = np.linspace(-8, 8, 161)
"""Where the posterior is summed up, in posterior standard deviations around its mode."""

CHUNK = 1024
"""Items worked on at once, which bounds the memory."""


@dataclass(frozen=True)
class Scores:
    """Positions of R respondents; NaN where nothing was observed.

    Attributes:
        theta: (R,) estimates.
        sd: (R,) posterior standard deviations.
        low: (R,) lower limits.
        high: (R,) upper limits.
    """

    theta: Array
    sd: Array
    low: Array
    high: Array


def score(
    responses: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    opinions: ArrayLike = 1,
    noise: Noise = PLAIN,
    method: Literal["eap", "map"] = "eap",
    prior_mean: float = 0.0,
    prior_sd: float = 1.0,
    level: float = 0.95,
) -> Scores:
    """Place respondents on known items, each on its own, under a normal prior.

    Item parameters count as exact: errors in them that respondents share (a shift of the form) are
    not in the intervals. The likelihood is computed on a fixed grid, `prior_mean` +- 6 `prior_sd`,
    and interpolated, so that the effort does not grow with the precision. For respondents whose
    mode is more than 4 `prior_sd` out (all of thousands of items expressed) the grid moves there.

    Args:
        responses: (R, n) as in `irt_fit.fit_2pl`.
        a: (n,) slopes; an item with a NaN is left out.
        b: (n,) difficulties.
        opinions: as in `irt_fit.fit_2pl`.
        noise: quirk and judge error, taken as known.
        method: "eap", posterior mean with equal-tailed limits; or "map", posterior mode with
            normal limits from the curvature there.
        prior_mean: mean of the positions' prior.
        prior_sd: its standard deviation, > 0.
        level: level of the limits, in (0, 1).

    Returns:
        Estimates with limits.

    Raises:
        ValueError: if an argument is out of range or has the wrong shape.

    Source: Bock & Mislevy (1982), Applied Psychological Measurement 6, 431-444 (EAP); Samejima
    (1969), Psychometrika monograph 17 (MAP).
    """
    if not 0 < prior_sd < np.inf:
        raise ValueError(f"prior_sd must be finite and > 0, not {prior_sd}")
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), not {level}")
    a, b = checked_items(a, b)
    weights, outcomes = outcome_weights(responses, opinions, noise)
    if weights.shape[1] != len(a):
        raise ValueError(f"responses have {weights.shape[1]} items, a and b {len(a)}")
    known = ~np.isnan(a + b)
    weights = weights[:, known]
    a, b, tail = a[known], b[known], (1 - level) / 2
    result, centre = np.full((4, len(weights)), np.nan), np.zeros(len(weights))
    left = np.flatnonzero(weights.sum(axis=(1, 2)))
    while len(left):
        here = left[centre[left] == centre[left[0]]]
        steps = centre[left[0]] + GRID
        grid = prior_mean + prior_sd * steps
        log_posterior = _log_likelihood(weights[here], grid, a, b, outcomes, noise) - steps**2 / 2
        mode = GRID[log_posterior.argmax(axis=1)]
        centre[here] += INSIDE * np.sign(mode) * (np.abs(mode) > INSIDE)
        inside = np.abs(mode) <= INSIDE
        for i, row in zip(here[inside], log_posterior[inside], strict=True):
            result[:, i] = _summary(grid, row, method, tail)
        left = np.setdiff1d(left, here[inside])
    return Scores(*result)


def _log_likelihood(
    weights: Array, grid: Array, a: Array, b: Array, outcomes: NDArray[np.int64], noise: Noise
) -> Array:
    """(R, grid) log-likelihood of all responses of each respondent."""
    total = np.zeros((len(weights), len(grid)))
    for first in range(0, len(a), CHUNK):
        part = slice(first, first + CHUNK)
        logit = a[part, None] * (grid - b[part, None])
        table = outcome_terms(logit, outcomes, noise)[0]
        total += np.einsum("rnk,kng->rg", weights[:, part], table, optimize=True)
    return total


def _summary(
    grid: Array, log_posterior: Array, method: Literal["eap", "map"], tail: float
) -> tuple[float, float, float, float]:
    """Estimate, standard deviation and limits from a log-posterior on a grid."""
    from scipy.interpolate import CubicSpline

    curve = cast(Any, CubicSpline(grid, log_posterior))
    slope, bend = curve.derivative(), curve.derivative(2)
    mode = float(grid[log_posterior.argmax()])
    # the grid starts Newton within half a step of the mode
    for _ in range(4):
        mode -= float(slope(mode) / bend(mode))
    sd = float(-bend(mode)) ** -0.5
    if method == "map":
        half = NormalDist().inv_cdf(1 - tail) * sd
        return mode, sd, mode - half, mode + half
    points: Array = mode + sd * LOCAL
    points = points[(points >= grid[0]) & (points <= grid[-1])]
    chance = np.asarray(np.exp(curve(points) - curve(mode)), dtype=np.float64)
    chance /= chance.sum()
    mean = float(chance @ points)
    below = chance.cumsum() - chance / 2
    limits = np.asarray(np.interp([tail, 1 - tail], below, points), dtype=np.float64)
    spread = float(np.sqrt(chance @ (points - mean) ** 2))
    return mean, spread, float(limits[0]), float(limits[1])
