"""What a question is worth by its own answers alone: AdAEM's rewards, and the variance of labels.

Equations, algorithms and appendices are those of Yao et al., "AdAEM: An Adaptively and Automated
Extensible Measurement of LLMs' Value Difference", arXiv 2505.13531 v2. What nine answers to one
question cannot tell apart, `information` does with the help of all other questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.evolve.labels import Labels
from valuecompass.stats.divergence import generalised_js, js

__all__ = [
    "Objective",
    "Surrogate",
    "SurrogateConfig",
    "label_variance",
    "objective",
    "rate_variance",
    "shrunk_rates",
    "surrogate",
]

Array = NDArray[np.float64]

PRIOR_OPINIONS = 1.0
"""Weight of the prior of a rate, in opinions: that of one more opinion. With three opinions a model
that always or never expressed a value keeps three quarters of its distance from the others."""


@dataclass(frozen=True)
class SurrogateConfig:
    """How to read appendix C.3, where print is garbled or contradicts equation (1).

    Attributes:
        disentanglement: weight of R_Dis. Equation (1) rewards values that are not the question's
            own (+.5, the default); appendix C.3 subtracts the same term (-.5).
        opinions: how two models' opinions are compared, by all pairs ("mean") or by the nearest of
            the other's opinions ("greedy", as BERTScore pairs words, but with the plain mean of
            both directions, for similarities below 0 have no harmonic one); the normaliser in print
            is not legible.
    """

    disentanglement: float = 0.5
    opinions: Literal["mean", "greedy"] = "mean"


@dataclass(frozen=True)
class Surrogate:
    """The reward that AdAEM runs on, and its terms; NaN where the answers do not tell.

    Attributes:
        value_conformity: R_VC >= 0: breadth of a model's values over its opinions, mean of models.
        value_diversity: R_VD >= 0: breadth of two models' values over what they share, mean of
            pairs.
        opinion_diversity: R_OD: 1 less the similarity of two models' opinions, mean of pairs; None
            where no similarity was given, and then not in the score.
        disentanglement: R_Dis >= 0: values in which an opinion differs from the question, mean of
            opinions, then of models; None where no verdict tells of it, and then not in the
            score.
        score: S, the sum of the first three and of the weighted last.
    """

    value_conformity: float
    value_diversity: float
    opinion_diversity: float | None
    disentanglement: float | None
    score: float


def surrogate(
    labels: Labels,
    question: ArrayLike | None = None,
    similarity: ArrayLike | None = None,
    config: SurrogateConfig | None = None,
) -> Surrogate:
    """AdAEM's reward for models without token probabilities.

    Read as follows: "min(., 1)" in print divides by 0 for disjoint sets and else ignores the
    overlap, so it is max(., 1); sums over pairs of models are means, since published scores lie
    below the number of pairs. A model without answer takes no part; of two models, dimensions count
    that were judged in both. The paper compares opinions by BERTScore; here the caller's encoder
    does.

    Args:
        labels: of one answer of each model.
        question: (D,) values that the question's own text expresses, in [0, 1]; NaN is missing.
        similarity: (K, L, K, L) of opinions, 1 for the same; NaN is missing.
        config: the reading; None takes the defaults.

    Returns:
        The terms and their sum; NaN for terms that need two answers, and the sum, with fewer.

    Raises:
        ValueError: if shapes do not fit or a number is out of range.

    Source: appendix C.3; the sum as printed is S = R_VC + R_VD + R_OD - R_Dis / 2.
    """
    config = config or SurrogateConfig()
    models, opinions, dimensions = labels.expressed.shape
    union, shared = labels.unions, labels.intersections
    answered = ~np.isnan(union).all(axis=1)
    breadth = np.nansum(union, axis=1) / np.maximum(np.nansum(shared, axis=1), 1)
    conformity = float(_mean(breadth[answered], axis=0))
    first, second = np.triu_indices(models, 1)
    both = ~np.isnan(union[first] + union[second])
    either = np.where(both, np.maximum(union[first], union[second]), 0).sum(axis=1)
    overlap = np.where(both, np.minimum(union[first], union[second]), 0).sum(axis=1)
    diversity = float(_mean((either / np.maximum(overlap, 1))[both.any(axis=1)], axis=0))
    score, opinion_diversity, disentanglement = conformity + diversity, None, None
    if similarity is not None:
        table = np.asarray(similarity, dtype=np.float64)
        if table.shape != (models, opinions, models, opinions):
            raise ValueError(
                f"similarity must be {(models, opinions) * 2} for these labels, not {table.shape}"
            )
        pairs = zip(first, second, strict=True)
        alike = np.array([_alike(table[i, :, j], config.opinions) for i, j in pairs])
        opinion_diversity = 1 - float(_mean(alike, axis=0))
        score += opinion_diversity
    if question is not None:
        own = _unit("question", question)
        if own.shape != (dimensions,):
            raise ValueError(f"question must be ({dimensions},), not {own.shape}")
        # the mean over opinions dimension by dimension: the judge may be silent on one of them
        distance = _mean(np.abs(labels.binary - own), axis=1)
        away = float(_mean(_total(distance), axis=0))
        if np.isfinite(away) or not answered.any():
            disentanglement = away
            score += config.disentanglement * away
    return Surrogate(conformity, diversity, opinion_diversity, disentanglement, score)


def shrunk_rates(
    rates: ArrayLike, opinions: ArrayLike, prior_opinions: float = PRIOR_OPINIONS
) -> Array:
    """Posterior mean of rates under a Beta prior around the item's mean rate in its dimension.

    Three opinions give a rate of 0, 1/3, 2/3 or 1; taken at its word, chance alone would set models
    apart. Towards the mean of all models, not towards .5: what few opinions do not tell is then
    that models differ, and not that nobody can be sure of a value that all express.

    Args:
        rates: (..., K, D) share of opinions that express the value, in [0, 1]; NaN is missing.
        opinions: how many stand behind each, >= 1, of any shape that broadcasts; ignored where
            missing.
        prior_opinions: opinions that the prior is worth, >= 0; 0 leaves the rates as they are.

    Returns:
        (..., K, D) in [0, 1]; NaN where missing.

    Raises:
        ValueError: if a number is out of range.

    Source: conjugate prior of a binomial rate, Gelman et al., Bayesian Data Analysis, section 2.4.
    """
    if not 0 <= prior_opinions < np.inf:
        raise ValueError(f"prior_opinions must be finite and >= 0, not {prior_opinions}")
    y, m = _unit("rates", rates), np.asarray(opinions, dtype=np.float64)
    seen = ~np.isnan(y)
    m = np.broadcast_to(m, y.shape)
    if (m[seen] < 1).any():
        raise ValueError(f"opinions must be >= 1, not {m[seen].min()}")
    weight = np.where(seen, m, 0.0)
    total = weight.sum(axis=-2, keepdims=True)
    centre = np.nansum(weight * y, axis=-2, keepdims=True) / np.maximum(total, 1)
    return (m * y + prior_opinions * centre) / (m + prior_opinions)


@dataclass(frozen=True)
class Objective:
    """AdAEM's objective of n items; a single item has shape ().

    Attributes:
        distinguishability: (...) Generalised Jensen-Shannon divergence of the models, nats >= 0.
        disentanglement: (...) mean Jensen-Shannon divergence of question and models, nats >= 0.
        score: (...) the first plus beta times the second.
    """

    distinguishability: Array
    disentanglement: Array
    score: Array


def objective(
    rates: ArrayLike,
    question: ArrayLike | None = None,
    *,
    beta: float = 1.0,
    weights: ArrayLike | None = None,
) -> Objective:
    """Equation (1) for vectors of independent Bernoulli dimensions, summed over dimensions.

    The paper goes on from here with total variation as a lower bound of the Jensen-Shannon
    divergence. It is an upper one (up to ln 2), so the divergence itself is taken.

    Args:
        rates: (..., K, D) chance that each model expresses each value; NaN is missing. In a
            dimension with missing models the others' weights are scaled up to sum to 1; with fewer
            than two models there is nothing to tell apart, and the dimension adds 0.
        question: (..., D) chance that the question's own text expresses it, NaN is missing; None
            leaves the second term out, as 0.
        beta: weight of the second term, >= 0; 1 in the paper.
        weights: (K,) alpha, >= 0 with sum 1; None is equal weights.

    Returns:
        Both terms and their sum; NaN for an item without any rate.

    Raises:
        ValueError: if shapes do not fit or a number is out of range.

    Source: equation (1).
    """
    y = _unit("rates", rates)
    models, dimensions = y.shape[-2:]
    alpha = np.full(models, 1 / models) if weights is None else np.asarray(weights, np.float64)
    if alpha.shape != (models,) or (alpha < 0).any() or abs(alpha.sum() - 1) > 1e-6:
        raise ValueError(f"weights must be {models} numbers >= 0 with sum 1")
    if not 0 <= beta < np.inf:
        raise ValueError(f"beta must be finite and >= 0, not {beta}")
    told = _divergence(y, alpha)
    away = np.zeros(told.shape)
    if question is not None:
        own = _unit("question", question)
        if own.shape[-1:] != (dimensions,):
            raise ValueError(f"question must be (..., {dimensions}), not {own.shape}")
        away = np.nansum(_mean(js(own[..., None, :], y, bernoulli=True), axis=-2), axis=-1)
    nothing = np.isnan(y).all(axis=(-2, -1))
    told, away = (np.where(nothing, np.nan, term) for term in (told, away))
    return Objective(told, away, told + beta * away)


def label_variance(unions: ArrayLike) -> Array:
    """Variance over models of the labels "expressed at all", summed over dimensions.

    The simplest reward of all, at no cost beside the labels; it takes chance for difference.

    Args:
        unions: (..., K, D) `Labels.unions`, 0 or 1; NaN is missing.

    Returns:
        (...) sum of p (1 - p) over the dimensions with a label, p the share of models; NaN for an
        item without any label.

    Raises:
        ValueError: if a number is out of range.
    """
    share = _mean(_unit("unions", unions), axis=-2)
    return _total(share * (1 - share))


def rate_variance(rates: ArrayLike, opinions: ArrayLike) -> Array:
    """Unbiased estimate of the variance over models of their true rates, summed over dimensions.

    The variance of observed rates is that of the true ones plus the mean sampling variance, which
    is estimated within models and taken away. For models that are all alike the estimate is 0 on
    average, so half of the time below. Quirks stay in: answers to one item cannot tell them from
    positions, and opinions of one answer share them.

    Args:
        rates: (..., K, D) share of opinions that express the value, in [0, 1]; NaN is missing.
        opinions: how many stand behind each, of any shape that broadcasts. A model with fewer than
            two in a dimension takes no part there: it says nothing of its sampling variance.

    Returns:
        (...) sum over the dimensions with two models or more; NaN for an item without any.

    Raises:
        ValueError: if a rate is out of range.

    Source: one-way random effects with unequal variances, Cochran (1954), Biometrics 10, 101-129.
    """
    y = _unit("rates", rates)
    m = np.broadcast_to(np.asarray(opinions, dtype=np.float64), y.shape)
    y = np.where(m >= 2, y, np.nan)
    models = (~np.isnan(y)).sum(axis=-2)
    squares = np.nansum((y - _mean(y, axis=-2)[..., None, :]) ** 2, axis=-2)
    nothing = np.full(squares.shape, np.nan)
    observed = np.divide(squares, models - 1, out=nothing, where=models >= 2)
    by_chance = _mean(y * (1 - y) / np.maximum(m - 1, 1), axis=-2)
    return _total(observed - by_chance)


def _divergence(rates: Array, alpha: Array) -> Array:
    """Generalised divergence over the models seen in each dimension, summed over dimensions."""
    cells = np.moveaxis(rates, -1, -2)
    flat = cells.reshape(-1, len(alpha))
    result = np.zeros(len(flat))
    patterns, which = np.unique(~np.isnan(flat), axis=0, return_inverse=True)
    for index, seen in enumerate(patterns):
        shares = alpha[seen]
        if shares.sum() > 0:
            rows = np.flatnonzero(which.ravel() == index)
            part = flat[np.ix_(rows, seen)][..., None]
            result[rows] = generalised_js(part, shares / shares.sum(), bernoulli=True)[:, 0]
    return result.reshape(cells.shape[:-1]).sum(axis=-1)


def _alike(similarity: Array, how: Literal["mean", "greedy"]) -> float:
    """Similarity of two models' opinions (L, L); NaN where one of them has none."""
    if how == "mean":
        return float(_mean(similarity.ravel(), axis=0))
    nearest = [np.fmax.reduce(similarity, axis=axis, initial=np.nan) for axis in (0, 1)]
    return float(sum(_mean(one, axis=0) for one in nearest) / 2)


def _mean(values: Array, axis: int) -> Array:
    """Mean over what is not missing; NaN where all is."""
    count = (~np.isnan(values)).sum(axis=axis)
    total = np.asarray(np.nansum(values, axis=axis), dtype=np.float64)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _total(by_dimension: Array) -> Array:
    """Sum over what is not missing; NaN where all is."""
    nothing = np.isnan(by_dimension).all(axis=-1)
    return np.where(nothing, np.nan, np.nansum(by_dimension, axis=-1))


def _unit(name: str, values: ArrayLike) -> Array:
    """Values in [0, 1] or NaN."""
    array = np.asarray(values, dtype=np.float64)
    outside = (array < 0) | (array > 1)
    if outside.any():
        raise ValueError(f"{name} must be in [0, 1] or NaN, not {array[outside][0]}")
    return array
