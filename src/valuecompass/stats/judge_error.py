"""What the errors of a 0/1 judge do to a share that it reports, and the share corrected for them.

The share of responses that a judge calls 1 is ``p = prevalence * se + (1 - prevalence) * (1 - sp)``
with sensitivity ``se`` and specificity ``sp``; labels tell both, with an uncertainty of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.stats.intervals import (
    Interval,
    beta_interval,
    cluster_bootstrap_mean,
    cluster_weights,
)

__all__ = [
    "CERTAIN",
    "ErrorRates",
    "design_effect",
    "error_rates",
    "partly_pooled",
    "rogan_gladen",
]

CERTAIN = 0.975
"""Least probability that a judge is better than guessing, below which nothing is corrected."""
_NODES = 4000
_MEANS, _SPREADS = 200, 50

Vector = NDArray[np.float64]
Beta = tuple[float, float]


@dataclass(frozen=True)
class ErrorRates:
    """Confusion of a 0/1 judge with labels.

    Sensitivity and specificity have Beta posteriors: Jeffreys' on counts divided by their design
    effects, or those of `partly_pooled`.

    Attributes:
        tp: rows labelled 1 that the judge calls 1.
        fn: rows labelled 1 that it calls 0.
        tn: rows labelled 0 that it calls 0.
        fp: rows labelled 0 that it calls 1.
        deff_sensitivity: design effect of the rows labelled 1, >= 1.
        deff_specificity: design effect of the rows labelled 0, >= 1.
        posteriors: (a, b) of sensitivity and of specificity; None: Jeffreys'.
    """

    tp: int
    fn: int
    tn: int
    fp: int
    deff_sensitivity: float = 1.0
    deff_specificity: float = 1.0
    posteriors: tuple[Beta, Beta] | None = None

    @property
    def sensitivity(self) -> Interval:
        """Share of 1 among the rows labelled 1, with 95 % limits; NaN without such rows.

        With `posteriors` the mean and quantiles of the first.
        """
        if self.posteriors is not None:
            return _of_beta(self.posteriors[0])
        return _share(self.tp, self.tp + self.fn, self.deff_sensitivity)

    @property
    def specificity(self) -> Interval:
        """Share of 0 among the rows labelled 0, with 95 % limits; NaN without such rows.

        With `posteriors` the mean and quantiles of the second.
        """
        if self.posteriors is not None:
            return _of_beta(self.posteriors[1])
        return _share(self.tn, self.tn + self.fp, self.deff_specificity)

    @property
    def certainty(self) -> float:
        """Posterior probability that sensitivity + specificity - 1 is above 0, in [0, 1]."""
        from scipy.special import betainc, betaincinv

        (a, b), (c, d) = self._posteriors()
        # P(1 - sp < se): the distribution function of one at the quantiles of the other
        quantiles = betaincinv(a, b, (np.arange(_NODES) + 0.5) / _NODES)
        return float(betainc(d, c, quantiles).mean())

    @property
    def usable(self) -> bool:
        """Whether the judge is better than guessing, with 97.5 % certainty and in these labels."""
        better = self.sensitivity.value + self.specificity.value > 1  # not so without labels: NaN
        return better and self.certainty >= CERTAIN

    def draws(self, rng: np.random.Generator, count: int) -> tuple[Vector, Vector]:
        """Return draws of sensitivity and of specificity, each (count,) in [0, 1]."""
        of_se, of_sp = self._posteriors()
        return rng.beta(*of_se, size=count), rng.beta(*of_sp, size=count)

    def _posteriors(self) -> tuple[Beta, Beta]:
        if self.posteriors is not None:
            return self.posteriors
        se, sp = self.deff_sensitivity, self.deff_specificity
        return (
            (self.tp / se + 0.5, self.fn / se + 0.5),
            (self.tn / sp + 0.5, self.fp / sp + 0.5),
        )


def error_rates(verdicts: ArrayLike, labels: ArrayLike, clusters: ArrayLike) -> ErrorRates:
    """Count a judge's hits and misses and estimate how much their clusters take from them.

    Args:
        verdicts: (n,) 0 or 1.
        labels: (n,) 0 or 1.
        clusters: (n,) labels of any sortable type, the item each row belongs to.

    Raises:
        ValueError: shapes differ, or a verdict or label is neither 0 nor 1.
    """
    verdicts, labels, clusters = np.asarray(verdicts), np.asarray(labels), np.asarray(clusters)
    if verdicts.ndim != 1 or not verdicts.shape == labels.shape == clusters.shape:
        raise ValueError(f"{verdicts.shape}, {labels.shape}, {clusters.shape} must all be (n,)")
    _check_binary(verdicts)
    _check_binary(labels)
    ones, said = labels == 1, verdicts == 1
    return ErrorRates(
        tp=int((said & ones).sum()),
        fn=int((~said & ones).sum()),
        tn=int((~said & ~ones).sum()),
        fp=int((said & ~ones).sum()),
        deff_sensitivity=design_effect(said[ones], clusters[ones]),
        deff_specificity=design_effect(said[~ones], clusters[~ones]),
    )


@lru_cache(maxsize=64)
def partly_pooled(dimensions: tuple[ErrorRates, ...]) -> tuple[ErrorRates, ...]:
    """Let a judge's errors on each dimension lean on its errors on the others.

    Sensitivities of the dimensions are draws from one Beta distribution, specificities from
    another. A dimension with many labels keeps nearly its own rates. One with few or none takes
    the mean of all, with an interval that holds how far the dimensions lie apart. Integrated over
    a grid of the Beta's mean and of its spread (1 / sqrt(a + b + 1), its SD as a share of the
    largest that the mean allows), both uniform in (0, 1); the posterior of each dimension's rate is
    given as the Beta of equal mean and variance.

    Args:
        dimensions: own counts of each dimension of one system.

    Returns:
        The same counts with `posteriors`.

    Source: Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 5.3 (beta-binomial model
    of the rat tumours).
    """
    of_se = _one_rate([(r.tp, r.fn, r.deff_sensitivity) for r in dimensions])
    of_sp = _one_rate([(r.tn, r.fp, r.deff_specificity) for r in dimensions])
    return tuple(
        replace(rates, posteriors=both)
        for rates, both in zip(dimensions, zip(of_se, of_sp, strict=True), strict=True)
    )


def _one_rate(counts: list[tuple[int, int, float]]) -> list[Beta]:
    """Beta posterior of a rate on each dimension from its hits, misses and design effect."""
    from scipy.special import betaln

    means = (np.arange(_MEANS) + 0.5) / _MEANS
    spreads = (np.arange(_SPREADS) + 0.5) / _SPREADS
    size = (1 / spreads**2 - 1)[:, None]
    a, b = (size * means).ravel(), (size * (1 - means)).ravel()
    found = np.array(counts, dtype=np.float64)
    hits, misses = (found[:, :2] / found[:, 2:]).T[:, :, None]
    likelihood = (betaln(a + hits, b + misses) - betaln(a, b)).sum(axis=0)
    given = np.exp(likelihood - likelihood.max())
    given /= given.sum()
    n = a + b + hits + misses
    value = (a + hits) / n
    mean = value @ given
    variance = (value * (1 - value) / (n + 1) + (value - mean[:, None]) ** 2) @ given
    total = mean * (1 - mean) / variance - 1
    return [(float(m * t), float((1 - m) * t)) for m, t in zip(mean, total, strict=True)]


def design_effect(values: ArrayLike, clusters: ArrayLike) -> float:
    """How many times larger clusters make the variance of a proportion than independent rows.

    The cluster-robust variance of the mean over p (1 - p) / (n - 1), at least 1: chance alone makes
    it smaller at times, and a gain from clusters is nothing to rely on. At most n: one row. Where
    all values are alike nothing can be estimated: the clusters count as the rows (n over their
    number), as in `cluster_bootstrap_mean`.

    Args:
        values: (n,) 0 or 1.
        clusters: (n,) labels of any sortable type.

    Returns:
        In [1, max(1, n)].

    Source: Kish (1965), Survey Sampling, sections 5.4 and 8.2; variance of a ratio by
    linearisation, Cochran (1977), Sampling Techniques, equation 6.9 (m / (m - 1) for m clusters).
    """
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    if n == 0:
        return 1.0
    _, index = np.unique(np.asarray(clusters), return_inverse=True)
    m, p = int(index.max()) + 1, float(values.mean())
    if m == 1 or p in (0.0, 1.0):
        return n / m
    residuals = np.bincount(index, weights=values - p)
    # both variances unbiased, so that n independent rows have exactly 1
    ratio = m / (m - 1) * float((residuals**2).sum()) / n**2 / (p * (1 - p) / (n - 1))
    return min(float(n), max(1.0, ratio))


def rogan_gladen(
    positive: ArrayLike,
    clusters: ArrayLike,
    rates: ErrorRates,
    rng: np.random.Generator,
    *,
    known: ArrayLike | None = None,
    level: float = 0.95,
    draws: int = 4000,
) -> Interval:
    """Share of true 1 behind a judge's verdicts, corrected for its errors.

    (p + sp - 1) / (se + sp - 1), clipped to [0, 1]. The limits are percentiles over draws of the
    observed share p (the Bayesian bootstrap of `cluster_bootstrap_mean`) and, independently, of
    both error rates; the few draws in which the judge is worse than guessing are left out. They
    are widened to hold the estimate.

    It holds when the judge errs on these responses as on the labelled ones. There is no estimate
    where the judge is not better than guessing with 97.5 % certainty (an observed share then says
    nothing about the true one), nor where the observed share lies beyond what any true share would
    give, below 1 - sp or above se, with that certainty: then it errs otherwise than on the labels.

    Args:
        positive: (n,) 0 or 1, the judge's verdicts.
        clusters: (n,) labels of any sortable type, the item each response belongs to.
        rates: the judge's errors on labels.
        rng: generator of all draws.
        known: (n,) rows whose value needed no judge and is taken as it is; None: none.
        level: confidence level, in (0, 1).
        draws: number of draws, >= 1.

    Returns:
        Corrected share and its limits, in [0, 1]; NaN without rows or without an estimate.

    Raises:
        ValueError: shapes differ, a verdict is neither 0 nor 1, or `level` is out of range.

    Source: Rogan & Gladen (1978), American Journal of Epidemiology 107, 71-76, equation 1; that
    the error rates are estimates, too, must enter the interval: Lang & Reiczigel (2014),
    Preventive Veterinary Medicine 113, 13-22.
    """
    values, clusters = np.asarray(positive, dtype=np.float64), np.asarray(clusters)
    sure = np.zeros(len(values), bool) if known is None else np.asarray(known, dtype=bool)
    if values.ndim != 1 or not values.shape == clusters.shape == sure.shape:
        raise ValueError(f"{values.shape}, {clusters.shape}, {sure.shape} must all be (n,)")
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), not {level}")
    _check_binary(values)
    if sure.all():  # no rows, or none that a judge has touched
        return cluster_bootstrap_mean(values, clusters, rng, level=level, draws=draws)
    if not rates.usable:
        return Interval(np.nan, np.nan, np.nan)
    certain, judged = float((values * sure).sum()), float((~sure).sum())
    se, sp = rates.sensitivity.value, rates.specificity.value
    share = _corrected(float(values[~sure].mean()), se, sp)
    value = float((certain + judged * share) / len(values))
    shares, possible = _draws(values, clusters, sure, rates, rng, draws)
    if possible <= 1 - CERTAIN:
        return Interval(np.nan, np.nan, np.nan)
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, min(float(low), value), max(float(high), value))


def _draws(
    values: Vector,
    clusters: NDArray[np.generic],
    sure: NDArray[np.bool_],
    rates: ErrorRates,
    rng: np.random.Generator,
    draws: int,
) -> tuple[Vector, float]:
    """Corrected shares, and how probable it is that some true share would give the observed one.

    The rows of the prior cluster count as judged.
    """
    columns = np.column_stack([values * ~sure, ~sure, values * sure, np.ones(len(values))])
    size = len(values) / len(np.unique(clusters))
    prior = [[0, size, 0, size], [size, size, 0, size]]
    weights, kinds = cluster_weights(columns, clusters, prior, rng, draws)
    se, sp = rates.draws(rng, draws)
    better = se + sp > 1
    positive, judged, certain, rows = (weights[better] @ kinds).T
    se, sp, p = se[better], sp[better], positive / judged
    below, above = float((p < 1 - sp).mean()), float((p > se).mean())
    return (certain + judged * _corrected(p, se, sp)) / rows, 1 - max(below, above)


def _corrected(p: float | Vector, se: float | Vector, sp: float | Vector) -> Vector:
    return np.clip((p + sp - 1) / (se + sp - 1), 0.0, 1.0)


def _share(hits: float, n: float, deff: float) -> Interval:
    if not n:
        return Interval(np.nan, np.nan, np.nan)
    return beta_interval(hits / deff, n / deff)


def _of_beta(posterior: Beta) -> Interval:
    from scipy.special import betaincinv

    a, b = posterior
    return Interval(a / (a + b), *(float(betaincinv(a, b, q)) for q in (0.025, 0.975)))


def _check_binary(codes: NDArray[np.generic]) -> None:
    if not np.isin(codes, (0, 1)).all():
        raise ValueError("verdicts and labels must be 0 or 1")
