"""The two-parameter logistic item response model: one dimension, any respondents and items.

P(expressed) = 1 / (1 + exp(-a (theta - b) - u)): `a` is an item's slope (discrimination), `b` its
difficulty, `theta` the respondent's position and u ~ N(0, quirk_sd^2) what one respondent makes of
one item beyond its position. All opinions of a response share u, which is integrated out.

`irt_fit.fit_2pl` estimates items and respondents together, `irt_scores.score` places respondents
on items that are already known, `adaptive` chooses the next item.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import ArrayLike, NDArray

__all__ = ["Noise", "expected_score", "information", "outcome_terms", "outcome_weights"]

Array = NDArray[np.float64]

NODES = 11
"""Gauss-Hermite nodes of the quirk. The largest error of P over logits in [-8, 8] is 1e-11, 2e-7
and 2e-4 at quirk_sd 0.5, 1 and 2. Rescaling the logit by 1 / sqrt(1 + pi sd^2 / 8) is wrong by
.001, .005 and .010, and cannot say that the opinions of one response go together."""


TINY = float(np.finfo(np.float64).tiny)
"""Smallest chance told apart from 0: e^-708."""


@dataclass(frozen=True)
class Noise:
    """What stands between a position and an observed verdict.

    Attributes:
        quirk_sd: standard deviation of a respondent-by-item quirk, in logits, >= 0.
        sensitivity: chance that an expressed value is found, in (0, 1].
        specificity: chance that an absent value is not found, in (0, 1];
            sensitivity + specificity > 1.

    Raises:
        ValueError: if a number is out of range.

    Source: quirk: Stout (1990) on essential dimensionality, Psychometrika 55, 293-325; error rates:
    Rogan & Gladen (1978), American Journal of Epidemiology 107, 71-76, equation 1.
    """

    quirk_sd: float = 0.0
    sensitivity: float = 1.0
    specificity: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if not 0 <= self.quirk_sd < np.inf:
            raise ValueError(f"quirk_sd must be finite and >= 0, not {self.quirk_sd}")
        for name, rate in (("sensitivity", self.sensitivity), ("specificity", self.specificity)):
            if not 0 < rate <= 1:
                raise ValueError(f"{name} must be in (0, 1], not {rate}")
        if not self.sensitivity + self.specificity > 1:
            raise ValueError(
                "sensitivity + specificity must be > 1, not "
                f"{self.sensitivity} + {self.specificity}: such a judge tells nothing"
            )

    def quirks(self) -> Iterator[tuple[float, float]]:
        """Yield nodes and weights of the quirk's distribution; the weights sum to 1."""
        if self.quirk_sd == 0:
            yield 0.0, 1.0
            return
        nodes, weights = hermegauss(NODES)
        for node, weight in zip(nodes, weights / weights.sum(), strict=True):
            yield self.quirk_sd * float(node), float(weight)


PLAIN = Noise()


def expected_score(theta: ArrayLike, a: ArrayLike, b: ArrayLike, noise: Noise = PLAIN) -> Array:
    """Expected rate over a form, which shows a position as a share of responses.

    Give the quirk but no error rates to get the rate that a perfect judge would see.

    Args:
        theta: any shape, positions; NaN gives NaN.
        a: (n,) slopes; items with a NaN are left out.
        b: (n,) difficulties.
        noise: quirk and judge error.

    Returns:
        Shape of `theta`, in [0, 1]; NaN where no item has parameters.

    Raises:
        ValueError: if `a` and `b` are not both (n,).

    Source: Lord (1980), Applications of Item Response Theory, equation 4-5 (test characteristic
    curve).
    """
    theta, (a, b) = np.asarray(theta, dtype=np.float64), checked_items(a, b)
    known = ~np.isnan(a + b)
    if not known.any():
        return np.full(theta.shape, np.nan)
    a, b = a[known], b[known]
    # one row at a time: a whole bank times a whole grid would not fit
    rates = [_probability(a * (t - b), noise).mean() for t in theta.ravel()]
    return np.array(rates).reshape(theta.shape)


def information(
    theta: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    noise: Noise = PLAIN,
    *,
    opinions: int = 1,
) -> Array:
    """Fisher information about theta in one response to each item.

    Without a quirk it is `opinions` times that of one opinion; with a quirk it is less.

    Args:
        theta: (t,) positions.
        a: (n,) slopes; NaN gives NaN.
        b: (n,) difficulties.
        noise: quirk and judge error.
        opinions: opinions judged in a response, >= 1.

    Returns:
        (t, n), >= 0, in 1 / theta^2.

    Raises:
        ValueError: if shapes are wrong or `opinions` < 1.

    Source: Birnbaum (1968) in Lord & Novick, Statistical Theories of Mental Test Scores, equation
    20.2.2; a^2 P (1 - P) for one opinion without noise.
    """
    theta, (a, b) = np.asarray(theta, dtype=np.float64), checked_items(a, b)
    if theta.ndim != 1:
        raise ValueError(f"theta must be (t,), not of shape {theta.shape}")
    if opinions < 1:
        raise ValueError(f"opinions must be >= 1, not {opinions}")
    outcomes = np.array([(k, opinions) for k in range(opinions + 1)])
    log_chance, slope = outcome_terms(a * (theta[:, None] - b), outcomes, noise)[:2]
    ways = np.array([math.comb(opinions, k) for k in range(opinions + 1)], dtype=np.float64)
    return a**2 * (ways[:, None, None] * np.exp(log_chance) * slope**2).sum(axis=0)


def outcome_weights(
    responses: ArrayLike, opinions: ArrayLike, noise: Noise
) -> tuple[Array, NDArray[np.int64]]:
    """Split responses into outcomes whose log-likelihoods `outcome_terms` tells.

    Without a quirk opinions are independent: a response is `opinions * y` successes and the rest
    failures. With one, the outcome is "k of m together"; a graded response that falls between two
    whole k counts for both, by nearness, which without a quirk is the same thing.

    Args:
        responses: (R, n) share of opinions that express the value, in [0, 1]; NaN is missing.
        opinions: whole numbers >= 1, of any shape that broadcasts to (R, n).
        noise: quirk and judge error.

    Returns:
        Weights (R, n, K), all 0 in missing cells, and outcomes (K, 2): successes, opinions.

    Raises:
        ValueError: if `responses` is not (R, n), or a number is out of range.
    """
    y = np.asarray(responses, dtype=np.float64)
    if y.ndim != 2:
        raise ValueError(f"responses must be (R, n), not of shape {y.shape}")
    if ((y < 0) | (y > 1)).any():
        raise ValueError(f"responses must be in [0, 1] or NaN, not {y[(y < 0) | (y > 1)][0]}")
    seen = ~np.isnan(y)
    m = np.broadcast_to(np.asarray(opinions, dtype=np.float64), y.shape)
    wrong = seen & ~((m >= 1) & (m == np.floor(m)))
    if wrong.any():
        raise ValueError(f"opinions must be whole numbers >= 1, not {m[wrong][0]}")
    k = np.where(seen, y * m, 0.0)
    if noise.quirk_sd == 0:
        return np.stack([np.where(seen, m - k, 0.0), k], axis=2), np.array([(0, 1), (1, 1)])
    sizes = np.unique(m[seen]).astype(np.int64)
    outcomes = [(s, int(size)) for size in sizes for s in range(size + 1)]
    near = [np.where(seen & (m == size), np.maximum(0, 1 - abs(k - s)), 0) for s, size in outcomes]
    return (
        np.stack(near, axis=2) if near else np.zeros((*y.shape, 0)),
        np.array(outcomes, dtype=np.int64).reshape(-1, 2),
    )


def outcome_terms(logit: Array, outcomes: NDArray[np.int64], noise: Noise) -> Array:
    """Log-likelihood of each outcome, and its first two derivatives by the logit.

    The binomial coefficient is left out. Takes 3 x 8 bytes x K x the size of `logit`.

    Args:
        logit: any shape, a (theta - b).
        outcomes: (K, 2) successes and opinions.
        noise: quirk and judge error.

    Returns:
        (3, K, ...): logarithm, first and second derivative.
    """
    from scipy.special import expit

    total = np.zeros((3, len(outcomes), *logit.shape))
    slope = noise.sensitivity + noise.specificity - 1
    for quirk, weight in noise.quirks():
        rise, fall = expit(logit + quirk), expit(-logit - quirk)
        hit = 1 - noise.specificity + slope * rise
        miss = 1 - noise.sensitivity + slope * fall
        # beyond logits of 745 a chance is 0
        per_hit, per_miss = (slope * rise * fall / np.maximum(p, TINY) for p in (hit, miss))
        for index, (k, m) in enumerate(outcomes):
            chance = weight * hit**k * miss ** (m - k)
            first = k * per_hit - (m - k) * per_miss
            second = first * (first + fall - rise) - k * per_hit**2 - (m - k) * per_miss**2
            total[0, index] += chance
            total[1, index] += chance * first
            total[2, index] += chance * second
    likelihood = np.maximum(total[0], TINY)
    first = total[1] / likelihood
    return np.stack([np.log(likelihood), first, total[2] / likelihood - first**2])


def checked_items(a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    """Slopes and difficulties as arrays of one length.

    Raises:
        ValueError: if they are not both (n,).
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"a {a.shape} and b {b.shape} must both be (n,)")
    return a, b


def _probability(logit: Array, noise: Noise) -> Array:
    """Chance that one opinion is found to express the value."""
    from scipy.special import expit

    chance = sum((w * expit(logit + u) for u, w in noise.quirks()), np.zeros(logit.shape))
    return 1 - noise.specificity + (noise.sensitivity + noise.specificity - 1) * chance
