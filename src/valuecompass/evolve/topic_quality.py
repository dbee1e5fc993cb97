"""How good the questions of each topic are: a hierarchical normal model, learned as rewards come.

    seed score   s_i  = mu_i - delta + e,  e ~ N(0, sigma^2)
    reward       r_ij = mu_i + e
    topic        mu_i ~ N(m_c, tau^2),     c the topic's class
    class        m_c  ~ N(m_0, omega^2)

delta is what evolved questions gain on the seeds, one number for all topics. Everything but the
three variances is integrated out exactly; those are their posterior modes (empirical Bayes;
Morris 1983, Journal of the American Statistical Association 78, 47-55). A likelihood, unlike
moments, stays right although topics are pulled because they looked good.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SPLIT = (0.5, 0.5, 0.1)
"""Where the variances sigma^2, tau^2, omega^2 are sought first, as parts of the scores' variance:
from one seed score a topic nobody can tell them apart."""
VAGUE = 1.0
"""Standard deviation of that guess, of the logarithm of a variance."""
SHIFT = 1.0
"""Prior standard deviation of delta, in standard deviations of the scores."""
LEVEL = 10.0
"""Prior standard deviation of m_0 about the mean of all scores, in the same unit."""


class Variances(NamedTuple):
    """Of single questions about their topic, of topics about their class, of classes."""

    question: float
    topic: float
    topic_class: float


class _Sums(NamedTuple):
    """Sums over topics that the likelihood needs at given variances (module docstring)."""

    matrix: Floats
    """(2 + classes,) squared: precision of (m_0, class deviations ..., delta), prior included."""
    right: Floats
    square: float
    log_determinants: float


class TopicQuality:
    """Posterior of the topics' qualities.

    Args:
        classes: (n,) class of each topic, 0 and up.
        seed_scores: (n,) reward of each topic's seed, NaN where it has none.
    """

    def __init__(self, classes: ArrayLike, seed_scores: ArrayLike) -> None:
        self.classes = np.asarray(classes, np.int64)
        scores = np.asarray(seed_scores, np.float64)
        self._seeded = np.isfinite(scores).astype(np.float64)
        self._seed = np.where(self._seeded > 0, scores, 0.0)
        self._n = np.zeros(len(scores))
        self._sum = np.zeros(len(scores))
        self._square = np.zeros(len(scores))
        self._centre, self._scale = 0.0, 1.0
        self.variances = Variances(*SPLIT)
        self._fitted = np.log(SPLIT)
        self.fit()

    def score_seed(self, topic: int, score: float) -> None:
        """Take in a seed's reward, found after the start."""
        self._seeded[topic], self._seed[topic] = 1.0, score

    def add(self, topic: int, rewards: Sequence[float]) -> None:
        """Take in the rewards of questions of one topic."""
        self._n[topic] += len(rewards)
        self._sum[topic] += float(np.sum(rewards))
        self._square[topic] += float(np.sum(np.square(rewards)))

    @property
    def observations(self) -> int:
        """Rewards and seed scores so far."""
        return int(self._n.sum() + self._seeded.sum())

    def fit(self) -> Variances:
        """Find the variances anew and return them; costs some 10 ms for 1,500 topics."""
        from scipy import optimize

        scipy: Any = optimize  # untyped
        self._standardise()
        if self.observations < 2:
            self.variances = Variances(*(float(v) for v in np.array(SPLIT) * self._scale**2))
            return self.variances
        guess = np.log(SPLIT)

        def loss(logs: Floats) -> float:
            return -self._log_likelihood(np.exp(logs)) + 0.5 * float(
                np.sum(((logs - guess) / VAGUE) ** 2)
            )

        found = scipy.minimize(
            loss, self._fitted, method="Nelder-Mead", options={"xatol": 0.01, "fatol": 0.01}
        )
        self._fitted = np.asarray(found.x, np.float64)
        self.variances = Variances(*(float(v) for v in np.exp(self._fitted) * self._scale**2))
        return self.variances

    def posterior(self) -> tuple[Floats, Floats]:
        """Return the mean and the standard deviation of every topic's quality, (n,) each."""
        centre, covariance = self._top()
        jacobian, spread = self._jacobian()
        mean = self._own_mean() + self._times(jacobian, centre)
        variance = spread + np.einsum(
            "ij,jk,ik->i", dense := self._dense(jacobian), covariance, dense
        )
        return self._centre + self._scale * mean, self._scale * np.sqrt(variance)

    def sample(self, rng: np.random.Generator, draws: int = 1) -> Floats:
        """Return draws from the joint posterior of all qualities, (draws, n)."""
        centre, covariance = self._top()
        jacobian, spread = self._jacobian()
        tops = rng.multivariate_normal(centre, covariance, size=draws, method="cholesky")
        own = self._own_mean() + np.sqrt(spread) * rng.standard_normal((draws, len(spread)))
        moved = np.stack([self._times(jacobian, top) for top in tops])
        return self._centre + self._scale * (own + moved)

    def _standardise(self) -> None:
        """Put scores on a scale of their own, so that priors and tolerances fit any reward."""
        seeds = self._seed[self._seeded > 0]
        means = (self._sum / np.maximum(self._n, 1))[self._n > 0]
        # the first of both: seeds are scored one by one, so their variance is a question's
        firsts = seeds if len(seeds) >= 2 else np.concatenate([seeds, means])
        if len(firsts):
            self._centre = float(firsts.mean())
        spread = float(firsts.std()) if len(firsts) >= 2 else 0.0
        self._scale = spread if spread > 1e-9 else 1.0

    def _data(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return, standardised: observations, their sum and sum of squares, and seed scores."""
        seed = self._seeded * (self._seed - self._centre) / self._scale
        total = (self._sum - self._n * self._centre) / self._scale
        square = (
            self._square - 2 * self._centre * self._sum + self._n * self._centre**2
        ) / self._scale**2
        return self._n + self._seeded, total + seed, square + seed**2, seed

    def _sums(self, variances: Floats) -> _Sums:
        question, topic, topic_class = variances
        number, total, square, seed = self._data()
        weight = 1 / question
        shrunk = 1 + topic * weight * number
        # inverse of sigma^2 I + tau^2 11' (Sherman and Morrison), summed over a topic's rows
        ones, on_seed = weight * number / shrunk, weight * self._seeded / shrunk
        pulled = topic * weight / shrunk
        at_seed = weight * self._seeded * (1 - pulled)
        right, right_seed = weight * total / shrunk, weight * (seed - self._seeded * pulled * total)
        classes = int(self.classes.max()) + 1 if len(self.classes) else 0

        def by_class(values: Floats) -> Floats:
            return np.bincount(self.classes, values, classes).astype(np.float64)

        prior = np.concatenate([[1 / LEVEL**2], np.full(classes, 1 / topic_class), [1 / SHIFT**2]])
        matrix = np.diag(prior)
        inner = slice(1, classes + 1)
        own = by_class(ones)
        matrix[0, 0] += ones.sum()
        matrix[0, inner] = matrix[inner, 0] = own
        matrix[inner, inner] += np.diag(own)
        matrix[0, -1] = matrix[-1, 0] = -on_seed.sum()
        matrix[inner, -1] = matrix[-1, inner] = -by_class(on_seed)
        matrix[-1, -1] += at_seed.sum()
        return _Sums(
            matrix,
            np.concatenate([[right.sum()], by_class(right), [-right_seed.sum()]]),
            float(np.sum(weight * (square - pulled * total**2))),
            float(
                np.sum(number) * np.log(question) + np.sum(np.log(shrunk)) - np.sum(np.log(prior))
            ),
        )

    def _log_likelihood(self, variances: Floats) -> float:
        sums = self._sums(variances)
        _, determinant = np.linalg.slogdet(sums.matrix)
        explained = float(sums.right @ np.linalg.solve(sums.matrix, sums.right))
        return -0.5 * (sums.log_determinants + sums.square - explained + float(determinant))

    def _standard_variances(self) -> Floats:
        return np.array(self.variances) / self._scale**2

    def _top(self) -> tuple[Floats, Floats]:
        """Return the posterior of (m_0, class deviations ..., delta)."""
        sums = self._sums(self._standard_variances())
        covariance = np.asarray(np.linalg.inv(sums.matrix), np.float64)
        return covariance @ sums.right, covariance

    def _own_mean(self) -> Floats:
        question, topic, _ = self._standard_variances()
        number, total, _, _ = self._data()
        return (total / question) / (1 / topic + number / question)

    def _jacobian(self) -> tuple[tuple[Floats, Floats], Floats]:
        """Return how a topic's mean moves with its class's mean and with delta; its variance."""
        question, topic, _ = self._standard_variances()
        precision = 1 / topic + (self._n + self._seeded) / question
        variance = np.asarray(1 / precision, np.float64)
        return (variance / topic, variance * self._seeded / question), variance

    def _times(self, jacobian: tuple[Floats, Floats], top: Floats) -> Floats:
        by_class, by_shift = jacobian
        return by_class * (top[0] + top[1:-1][self.classes]) + by_shift * top[-1]

    def _dense(self, jacobian: tuple[Floats, Floats]) -> Floats:
        by_class, by_shift = jacobian
        found = np.zeros((len(by_class), int(self.classes.max()) + 3))
        found[:, 0] = by_class
        found[np.arange(len(by_class)), 1 + self.classes] = by_class
        found[:, -1] = by_shift
        return found
