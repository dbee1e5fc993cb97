"""Items and respondents of the two-parameter logistic model, estimated together."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.stats.irt import PLAIN, Array, Noise, outcome_terms, outcome_weights

__all__ = ["Fit2PL", "fit_2pl"]

DIFFICULTIES = np.arange(-8, 8.01, 0.25)
SLOPES = np.arange(-3, 3.01, 0.75)
"""Nodes of log a, in prior standard deviations. Half the steps and wider grids move no theta by
more than .0003 (16 respondents, 25 and 200 items)."""

PSEUDO_ITEM = np.array([0.0, 4.0])
"""Mean and mean square of one imagined difficulty: keeps the distribution of difficulties proper
when all responses agree."""

CHUNK = 256
"""Items worked on at once, which bounds the memory."""


@dataclass(frozen=True)
class Fit2PL:
    """Posterior of R respondents and n items; NaN for whatever has no response at all.

    The unit is the logit of an item of average slope: the geometric mean of `a` is about 1. The
    zero is the mean of the respondents. Both are conventions of this fit: compare fits through
    common items or respondents only.

    Attributes:
        theta: (R,) positions, with mean 0 over the observed respondents.
        covariance: (R, R) of `theta`; its rows sum to 0. It includes that items are estimated.
        theta_se: (R,) root of its diagonal. A difference of two respondents has variance
            c[i, i] + c[k, k] - 2 c[i, k].
        influence: (R, n) how far each item as a whole draws `theta`; 0 of one without responses.
            Sums of products over items estimate the covariance of `theta` whatever makes responses
            to one item go together or apart, which `covariance` takes from the model.
        a: (n,) slopes, > 0 (exponential of the posterior mean of log a).
        log_a_se: (n,) posterior standard deviation of log a, given `theta`.
        b: (n,) posterior mean difficulties.
        b_se: (n,) posterior standard deviation of b, given `theta`.
        log_posterior: at the mode, items integrated out. Fits of the same responses with another
            `noise` or `slope_sd` compare by it.
        converged: whether the optimiser says so.
    """

    theta: Array
    covariance: Array
    theta_se: Array
    influence: Array
    a: Array
    log_a_se: Array
    b: Array
    b_se: Array
    log_posterior: float
    converged: bool


def fit_2pl(
    responses: ArrayLike,
    *,
    opinions: ArrayLike = 1,
    noise: Noise = PLAIN,
    slope_sd: float = 0.3,
) -> Fit2PL:
    """Fit the two-parameter logistic model to few respondents and many items.

    Few respondents say little about any one item, so items are the random side: each is integrated
    over log a ~ N(0, slope_sd^2) and over a difficulty distribution estimated from all items,
    normal on a grid of [-8, 8] logits. What remains, the positions with prior N(0, 1) and the two
    numbers of that distribution, takes its posterior mean, by Laplace's method to second order,
    and the curvature there as its precision; or the mode and its curvature, where the posterior is
    so far from normal that the mean has none (seen only with slope_sd of 1.2 and more). Intervals
    so carry the uncertainty of items and of their distribution, but not that `noise` or `slope_sd`
    may be wrong.

    It is made for dozens of respondents. From about 200 on the standard errors of positions are too
    small by a tenth, and a fit that integrates respondents out is better and faster
    (benchmarks/validity/libraries.py).

    The order of respondents and items does not matter. Time is linear in items and in respondents
    up to the curvature, which is quadratic in respondents.

    Args:
        responses: (R, n) share of a response's opinions that express the value, in [0, 1], graded
            ones as fractional successes; NaN is missing.
        opinions: how many opinions stand behind each response, whole numbers >= 1, of any shape
            that broadcasts to (R, n); ignored in missing cells.
        noise: quirk and judge error, taken as known.
        slope_sd: standard deviation of log a, >= 0; 0 fixes all slopes to 1 (1PL, Rasch).

    Returns:
        The posterior; see the attributes.

    Raises:
        ValueError: if an argument is out of range or has the wrong shape.

    Source: model: Birnbaum (1968) in Lord & Novick, Statistical Theories of Mental Test Scores,
    chapter 17; random items: De Boeck (2008), Psychometrika 73, 533-559; information with
    integrated items: Louis (1982), JRSS B 44, 226-233; mean from the mode: Tierney, Kass & Kadane
    (1989), JASA 84, 710-716.
    """
    if not 0 <= slope_sd < np.inf:
        raise ValueError(f"slope_sd must be finite and >= 0, not {slope_sd}")
    weights, outcomes = outcome_weights(responses, opinions, noise)
    seen = weights.sum(axis=2) > 0
    answered, asked = np.flatnonzero(seen.sum(axis=1)), np.flatnonzero(seen.sum(axis=0))
    theta, items = np.full(len(seen), np.nan), np.full((4, seen.shape[1]), np.nan)
    covariance = np.full((len(seen), len(seen)), np.nan)
    influence = np.where(seen.any(axis=1)[:, None], np.zeros(seen.shape), np.nan)
    log_posterior, converged = float("nan"), False
    if len(answered):
        model = _Model(weights[np.ix_(answered, asked)], outcomes, noise, slope_sd)
        mode, log_posterior, converged = _mode(model)
        mean = _mean(model, mode)
        curvature = model.curvature(mean)
        if np.linalg.eigvalsh(curvature)[0] <= 0:
            mean, curvature = mode, model.curvature(mode)
        centre = np.eye(len(answered)) - 1 / len(answered)
        spread = np.linalg.inv(curvature)[:-2]
        theta[answered] = centre @ mean[:-2]
        covariance[np.ix_(answered, answered)] = centre @ spread[:, :-2] @ centre
        influence[np.ix_(answered, asked)] = centre @ spread @ model.scores(mean)
        items[:, asked] = model.item_posterior(mean)
        items[2] -= mean[:-2].mean()
    return Fit2PL(
        theta=theta,
        covariance=covariance,
        theta_se=np.sqrt(np.diagonal(covariance)),
        influence=influence,
        a=np.exp(items[0]),
        log_a_se=items[1],
        b=items[2],
        b_se=items[3],
        log_posterior=log_posterior,
        converged=converged,
    )


def _mode(model: "_Model") -> tuple[Array, float, bool]:
    """Posterior mode, the log-posterior there and whether the optimiser is content."""
    from scipy.optimize import minimize  # pyright: ignore[reportUnknownVariableType]

    def loss(x: Array) -> tuple[float, Array]:
        value, gradient = model.posterior(x)
        return -value / model.items, -gradient / model.items

    options = {"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-7, "maxcor": 30}
    found = cast(Any, minimize(loss, model.start, jac=True, method="L-BFGS-B", options=options))
    x = np.asarray(found.x, dtype=np.float64)
    return x, -float(found.fun) * model.items, bool(found.success)


def _mean(model: "_Model", mode: Array) -> Array:
    """Posterior mean to second order.

    The mode alone draws all positions together: their common scale is uncertain, and each step out
    opens more room in R dimensions. With 16 respondents and 25 items that costs 5 % of the scale.
    """
    covariance = np.linalg.inv(model.curvature(mode))
    # principal axes: unlike a triangular root they do not depend on the order of respondents
    sizes, axes = np.linalg.eigh(covariance)
    steps = (axes * np.sqrt(sizes)).T
    slope, bend = model.posterior(mode)[1], np.zeros(len(mode))
    # second differences along one standard deviation stand for the third derivatives
    for step in steps:
        bend += model.posterior(mode + step)[1] + model.posterior(mode - step)[1] - 2 * slope
    # the slope is what the optimiser left: one Newton step takes it away
    return mode + covariance @ (slope + bend / 2)


class _Model:
    """Log-posterior of x = (theta (R,), natural parameters (2,) of the normal of difficulties).

    All that depends on theta is a table (outcomes x R, grid), to which items only add by matrix
    products.
    """

    def __init__(
        self, weights: Array, outcomes: NDArray[np.int64], noise: Noise, slope_sd: float
    ) -> None:
        self.respondents, self.items, _ = weights.shape
        self._outcomes, self._noise = outcomes, noise
        # (n, outcomes x R), as the rows of the table
        self._weights = weights.transpose(1, 2, 0).reshape(self.items, -1)
        z = SLOPES if slope_sd else np.zeros(1)
        steps, self.b = (axis.ravel() for axis in np.meshgrid(z, DIFFICULTIES, indexing="ij"))
        self.log_a, self._slope_prior = slope_sd * steps, -0.5 * steps**2
        self._powers = np.stack([self.b, self.b**2])
        rates = (weights @ (outcomes[:, 0] / outcomes[:, 1])).sum(axis=1) + 0.5
        rates /= weights.sum(axis=(1, 2)) + 1
        level = np.log(rates / (1 - rates))
        # difficulties start at a standard deviation of 2
        self.start = np.append(level - level.mean(), [-level.mean() / 4, -1 / 8])

    def posterior(self, x: Array) -> tuple[float, Array]:
        """Value and gradient (R + 2,)."""
        theta, natural = x[:-2], x[-2:]
        table, (prior, normaliser) = self._table(theta), self._prior(natural)
        value = float(natural @ PSEUDO_ITEM - normaliser - theta @ theta / 2)
        counts, used = np.zeros(table[0].shape), np.zeros(len(self.b))
        for weights, marginal, nodes in self._chunks(table[0], prior):
            value += float(marginal.sum())
            counts += weights.T @ nodes
            used += nodes.sum(axis=0)
        by_theta = self._each((counts * table[1]).sum(axis=1)).sum(axis=0) - theta
        by_natural = self._powers @ (used - (self.items + 1) * np.exp(prior)) + PSEUDO_ITEM
        return value, np.append(by_theta, by_natural)

    def curvature(self, x: Array) -> Array:
        """Minus the second derivative, (R + 2, R + 2)."""
        table, (prior, _) = self._table(x[:-2]), self._prior(x[-2:])
        slopes = self._each(table[1]).swapaxes(0, 1)
        size = self.respondents + 2
        total, own = np.zeros((size, size)), np.zeros(len(table[2]))
        for weights, _, nodes in self._chunks(table[0], prior):
            scores = np.empty((size, *nodes.shape))
            # (R, items, K) @ (R, K, grid)
            np.matmul(self._each(weights.T).transpose(1, 2, 0), slopes, out=scores[:-2])
            scores[-2:] = self._powers[:, None]
            weighted = scores * nodes
            mean = weighted.sum(axis=2)
            total += np.tensordot(weighted, scores, ([1, 2], [1, 2])) - mean @ mean.T
            own += ((weights.T @ nodes) * table[2]).sum(axis=1)
        chance = np.exp(prior)
        result = -total
        result[:-2, :-2] += np.diag(1 - self._each(own).sum(axis=0))
        centred = self._powers - (self._powers @ chance)[:, None]
        result[-2:, -2:] += (self.items + 1) * (centred * chance) @ centred.T
        return result

    def scores(self, x: Array) -> Array:
        """Gradient of each item's log marginal likelihood, (R + 2, n)."""
        table, (prior, _) = self._table(x[:-2]), self._prior(x[-2:])
        expected = self._powers @ np.exp(prior)
        parts = [
            np.vstack(
                [
                    self._each(weights.T * (table[1] @ nodes.T)).sum(axis=0),
                    self._powers @ nodes.T - expected[:, None],
                ]
            )
            for weights, _, nodes in self._chunks(table[0], prior)
        ]
        return np.hstack(parts)

    def item_posterior(self, x: Array) -> Array:
        """Mean and standard deviation of log a, then of b, given theta: (4, n)."""
        table, (prior, _) = self._table(x[:-2]), self._prior(x[-2:])
        columns = np.stack([self.log_a, self.log_a**2, self.b, self.b**2], axis=1)
        moments = np.vstack([nodes @ columns for _, _, nodes in self._chunks(table[0], prior)]).T
        moments[1::2] = np.sqrt(np.maximum(moments[1::2] - moments[::2] ** 2, 0))
        return moments

    def _table(self, theta: Array) -> Array:
        """Log-likelihood of outcomes and its derivatives by theta: (3, outcomes x R, grid)."""
        a = np.exp(self.log_a)
        terms = outcome_terms(a * (theta[:, None] - self.b), self._outcomes, self._noise)
        terms[1] *= a
        terms[2] *= a**2
        return terms.reshape(3, -1, len(a))

    def _prior(self, natural: Array) -> tuple[Array, float]:
        """Log-prior of each grid point, and its normaliser."""
        raw = self._slope_prior + natural @ self._powers
        normaliser = float(np.logaddexp.reduce(raw))
        return raw - normaliser, normaliser

    def _chunks(self, table: Array, prior: Array) -> Iterator[tuple[Array, Array, Array]]:
        """Weights (c, outcomes x R), log marginal likelihood (c,), posterior (c, grid) of items."""
        for first in range(0, self.items, CHUNK):
            weights = self._weights[first : first + CHUNK]
            joint = weights @ table + prior
            top = joint.max(axis=1, keepdims=True)
            nodes = np.exp(joint - top)
            sums = nodes.sum(axis=1, keepdims=True)
            yield weights, (top + np.log(sums))[:, 0], nodes / sums

    def _each(self, rows: Array) -> Array:
        """Split (outcomes x R, ...) into (outcomes, R, ...)."""
        return rows.reshape(-1, self.respondents, *rows.shape[1:])
