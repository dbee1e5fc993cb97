"""What items tell about the positions of models: the hierarchical two-parameter logistic model.

A response of model k to item i expresses dimension d with chance

    P(y[k, i, d] = 1) = 1 / (1 + exp(-a[i, d] (theta[k, d] - b[i, d]) - u[k, i, d])),

where the quirk u ~ N(0, tau[i, d]^2) is what one model makes of one item beyond its position. A
quirk does not come back in another item, so it tells nothing about a position; and nine models say
too little about any one item to tell its slope from its quirks. Therefore quirks are integrated
out, and the items' a, b and tau have a common distribution that all items so far have shaped. With
no items so far this shrinks as strongly as it should; with a hundred, an item is read in the light
of what is known of the models.

All is kept on grids, where the model is a table and an update a product of matrices: nothing has to
converge item by item, and thousands of items take seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.stats.divergence import generalised_js
from valuecompass.stats.irt import TINY, Noise, outcome_terms, outcome_weights

__all__ = ["InformationConfig", "ItemInformation", "ThetaPosterior"]

Array = NDArray[np.float64]

THETA = np.linspace(-4, 4, 81)
"""Where the posterior of a position is kept, in standard deviations of the prior."""

SLOPES = np.geomspace(0.125, 12, 10)
LEVELS = np.linspace(-6, 6, 17)
"""Nodes of an item's level: the logit of the share of all models that express the value. On
difficulties a flat item that nobody expresses would lie far out; levels are bounded for all. Steps
of .5 instead of .75 change no Spearman's correlation of `benchmarks/evolve_rewards.py` by more than
.001."""

JOINT = Noise(quirk_sd=1.0)
"""Any quirk: the opinions of a model on an item share it, so they are one outcome, k of m."""

SETTLED = 0.01
"""Largest move of a mean position, in prior standard deviations, after which sweeps stop."""

CHUNK = 1024
"""Items worked on at once, which bounds the memory."""


@dataclass(frozen=True)
class InformationConfig:
    """Settings of the model.

    Attributes:
        sensitivity: chance that the judge finds a value that an opinion expresses, in (0, 1].
        specificity: chance that it finds none where there is none, in (0, 1]; the sum of both > 1.
            Take them from the judge's comparison with labels. No judge is perfect: with 1 and 1 a
            single odd verdict would outweigh all others.
        quirk_sds: nodes of tau, in logits, >= 0. Which of them items have is estimated.
        opinions: opinions in a response whose information is foretold, >= 1.
        prior_items: how many imagined items, spread as the prior of items says, stand beside the
            real ones, > 0; each counts in every dimension.
        sweeps: most sweeps of an update, >= 1.

    Raises:
        ValueError: if a number is out of range.
    """

    sensitivity: float = 0.95
    specificity: float = 0.95
    quirk_sds: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0)
    opinions: int = 3
    prior_items: float = 1.0
    sweeps: int = 15

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if not self.quirk_sds:
            raise ValueError("quirk_sds must have at least one node")
        for quirk_sd in self.quirk_sds:
            Noise(quirk_sd, self.sensitivity, self.specificity)
        if self.opinions < 1 or self.sweeps < 1:
            raise ValueError(f"opinions {self.opinions} and sweeps {self.sweeps} must be >= 1")
        if not 0 < self.prior_items < np.inf:
            raise ValueError(f"prior_items must be finite and > 0, not {self.prior_items}")


@dataclass(frozen=True)
class ItemInformation:
    """What n items tell in each of D dimensions; a sum over the last axis is the item's worth.

    `information` is the reward. A response of a model like those of the pool tells where such a
    model stands, and so apart from others. By the chain rule this splits into which of the pool's
    models it could be (information - remaining) and what is not yet known of each (remaining).

    Attributes:
        gjs: (n, D) expected Generalised Jensen-Shannon divergence of the pool's models in the rate
            at which an opinion expresses the value, quirks integrated out, judged without error:
            the first term of AdAEM's equation 1, for traits; nats in [0, ln 2]. It counts only
            differences that are known: 0 before the first update, and little soon after.
        information: (n, D) mutual information of a response and the position of a model like those
            of the pool, the item's parameters known, quirks and judge error included; nats >= 0.
        remaining: (n, D) the part of it that is about models of the pool, mean over them. It goes
            to 0 as their positions get known; nats >= 0.
        a: (n, D) slopes, exponential of the posterior mean of log a.
        b: (n, D) posterior mean difficulties; far out for an item that nearly all models or none
            express.
        information_sd: (n, D) posterior standard deviation of `information`: what the item's own
            responses leave open of it; nats.
    """

    gjs: Array
    information: Array
    remaining: Array
    a: Array
    b: Array
    information_sd: Array


@dataclass(frozen=True)
class ThetaPosterior:
    """What is known of K models in D dimensions, and of the distribution of items.

    Attributes:
        weights: (D, K, 81) chance of each position on `THETA`; sums to 1.
        quirk_weights: (Q,) chance of each tau of the settings; sums to 1.
        item_prior: (Q, G) chance of each slope and level, given tau; rows sum to 1.
        config: settings.
    """

    weights: Array
    quirk_weights: Array
    item_prior: Array
    config: InformationConfig

    @classmethod
    def start(
        cls, models: int, dimensions: int, config: InformationConfig | None = None
    ) -> ThetaPosterior:
        """Positions N(0, 1), and items as they are before any was seen.

        Args:
            models: K >= 1.
            dimensions: D >= 1.
            config: settings; None takes the defaults.

        Raises:
            ValueError: if a number is out of range.
        """
        if models < 1 or dimensions < 1:
            raise ValueError(f"models {models} and dimensions {dimensions} must be >= 1")
        config = config or InformationConfig()
        weights = np.broadcast_to(_normal(THETA), (dimensions, models, len(THETA)))
        quirks = np.full(len(config.quirk_sds), 1 / len(config.quirk_sds))
        return cls(weights, quirks, _nodes(config.quirk_sds).prior, config)

    @cached_property
    def mean(self) -> Array:
        """(K, D) mean positions."""
        return (self.weights @ THETA).T

    @cached_property
    def sd(self) -> Array:
        """(K, D) standard deviations.

        By the mean-field approximation they leave out that items are themselves estimated, and so
        are too small: in simulation by a quarter with slopes about 1.5, by 40 % with slopes about
        4. That is good enough to weigh items by; to report positions, fit the final form by
        `irt_fit.fit_2pl`.
        """
        return np.sqrt(np.maximum((self.weights @ THETA**2).T - self.mean**2, 0))

    @property
    def quirk_sd(self) -> float:
        """Root of the mean of tau^2, in logits."""
        return float(np.sqrt(self.quirk_weights @ np.square(self.config.quirk_sds)))

    def updated(self, responses: ArrayLike, opinions: ArrayLike = 1) -> ThetaPosterior:
        """The posterior after all items so far, found from this one as starting point.

        Items come in one after the other, but each update reads all of them anew: what the first
        ones tell depends on positions that were not known then, and their order does not matter.
        Where sweeps start decides in the second digit where they stop: a run that is replayed must
        update at the same points.

        Args:
            responses: (n, K, D) share of a model's opinions on an item that express the value, in
                [0, 1]; NaN is missing. Opinions of repeated answers are counted together.
            opinions: how many opinions stand behind each share, whole numbers >= 1, of any shape
                that broadcasts to (n, K, D); ignored in missing cells.

        Returns:
            The new posterior.

        Raises:
            ValueError: if a number is out of range or shapes do not fit.

        Source: variational Bayes with factors for positions and items, Bishop (2006), Pattern
        Recognition and Machine Learning, equation 10.9; distribution of items without a form:
        Laird (1978), JASA 73, 805-811.
        """
        rows = self._rows(responses, opinions)
        weights, quirks, items = self.weights.copy(), self.quirk_weights, self.item_prior
        own = self.config.prior_items * len(weights) * _nodes(self.config.quirk_sds).prior
        for sweep in range(self.config.sweeps):
            before, used, evidence = weights @ THETA, own.copy(), np.zeros(len(quirks))
            for d, (row, log_chance) in enumerate(rows):
                # wide positions would make a steep item look impossible in the mean of logarithms
                table = (_foretold if sweep == 0 else _expected)(weights[d], log_chance)
                counts = np.zeros((row.shape[1], items.size))
                for part in _parts(row):
                    chances, log_evidence = _item_posterior(row[part] @ table, items)
                    counts += row[part].T @ chances.reshape(-1, items.size)
                    used += chances.sum(axis=0)
                    evidence += log_evidence.sum(axis=0)
                counts *= np.repeat(quirks, items.shape[1])
                by_theta = _flat(counts, weights.shape[1]) @ _flat(log_chance).T
                weights[d] = _softmax(by_theta - THETA**2 / 2)
            items = used / used.sum(axis=1, keepdims=True)
            quirks = _softmax(evidence)
            if abs(weights @ THETA - before).max() < SETTLED:
                break
        return ThetaPosterior(weights, quirks, items, self.config)

    def score(
        self,
        responses: ArrayLike,
        opinions: ArrayLike = 1,
        among: Sequence[int] | None = None,
    ) -> ItemInformation:
        """What each item tells, expected over what its own responses leave open.

        Score new items by the posterior of earlier ones, then update: an item that has shaped the
        posterior it is scored by counts twice, which matters among few items.

        Args:
            responses: (n, K, D) as in `updated`.
            opinions: as in `updated`.
            among: places of the models that the items are to tell apart; None: all. What the others
                answered still says what the items are like.

        Returns:
            The items' information. An item without responses gets that of the average item.

        Raises:
            ValueError: if a number is out of range or shapes do not fit.

        Source: mutual information as the worth of a question: Lindley (1956), Annals of
        Mathematical Statistics 27, 986-1005, equation 4.
        """
        rows = self._rows(responses, opinions)
        result = np.empty((6, len(rows[0][0]), len(rows)))
        known = self._worths if among is None else self._worths_of(list(among))
        for d, part, joint in self._joint(rows):
            result[:, part, d] = (joint @ known[d]).T
        result[3] = np.exp(result[3])
        result[5] = np.sqrt(np.maximum(result[5] - result[1] ** 2, 0))
        return ItemInformation(*result)

    def curves(self, responses: ArrayLike, opinions: ArrayLike = 1) -> Array:
        """Fisher's information of a response to each item, at every position on `THETA`.

        Where an item tells: what `information` averages over positions. Sets of items are chosen by
        it, so that not all of them tell models apart at the same place.

        Args:
            responses: (n, K, D) as in `updated`.
            opinions: as in `updated`.

        Returns:
            (n, D, 81) expected over what the item's responses leave open, >= 0.

        Raises:
            ValueError: if a number is out of range or shapes do not fit.
        """
        rows = self._rows(responses, opinions)
        result = np.empty((len(rows[0][0]), len(rows), len(THETA)))
        table = _fisher(self.config).T
        for d, part, joint in self._joint(rows):
            result[part, d] = joint @ table
        return result

    def _joint(self, rows: list[tuple[Array, Array]]) -> Iterator[tuple[int, slice, Array]]:
        """Yield dimensions and parts of the items, with the chances of all nodes, (c, Q x G)."""
        for d, (row, log_chance) in enumerate(rows):
            table = _foretold(self.weights[d], log_chance)
            for part in _parts(row):
                chances, log_evidence = _item_posterior(row[part] @ table, self.item_prior)
                shares = _softmax(log_evidence + np.log(np.maximum(self.quirk_weights, TINY)))
                yield d, part, (chances * shares[..., None]).reshape(len(chances), -1)

    @cached_property
    def _worths(self) -> list[Array]:
        return self._worths_of(slice(None))

    def _worths_of(self, whom: slice | list[int]) -> list[Array]:
        """What `score` says of an item at each node, (G, 6) for each dimension."""
        grid = _nodes(self.config.quirk_sds)
        rest = np.log(grid.a), grid.b
        worths = [self._worth(weights[whom]) for weights in self.weights]
        return [np.stack([*worth, *rest, worth[1] ** 2], axis=1) for worth in worths]

    def _worth(self, weights: Array) -> tuple[Array, Array, Array]:
        """`gjs`, `information` and `remaining` of an item at each node, (G,) each."""
        config = self.config
        rates = _perfect_rates(config.quirk_sds)
        alike = np.full(len(weights), 1 / len(weights))
        by_model = np.clip(weights @ rates, 0, 1).T[..., None]
        gjs = generalised_js(by_model, alike, bernoulli=True)[:, 0]
        chance, entropy = _response(config)
        told = _entropy((weights @ _flat(chance)).reshape(len(weights), *chance.shape[1:]))
        remaining = (told - weights @ entropy).mean(axis=0)
        pooled = weights.mean(axis=0)
        mixed = _entropy((pooled @ _flat(chance)).reshape(1, *chance.shape[1:]))[0]
        information = mixed - pooled @ entropy
        return gjs, np.maximum(information, 0), np.maximum(remaining, 0)

    def _rows(self, responses: ArrayLike, opinions: ArrayLike) -> list[tuple[Array, Array]]:
        """Of each dimension the outcomes (n, K x O), and what they say (81, O, G)."""
        y = np.asarray(responses, dtype=np.float64)
        dimensions, models, _ = self.weights.shape
        if y.ndim != 3 or y.shape[1:] != (models, dimensions):
            raise ValueError(f"responses must be (n, {models}, {dimensions}), not {y.shape}")
        m = np.broadcast_to(np.asarray(opinions, dtype=np.float64), y.shape)
        rows: list[tuple[Array, Array]] = []
        for d in range(dimensions):
            weights, outcomes = outcome_weights(y[:, :, d].T, m[:, :, d].T, JOINT)
            key = tuple((int(k), int(size)) for k, size in outcomes)
            row = weights.transpose(1, 0, 2).reshape(len(y), models * len(key))
            rows.append((row, _log_chance(key, self.config)))
        return rows


@dataclass(frozen=True)
class _Nodes:
    """The grid of items, (Q x G,) each, and `item_prior` before any item was seen, (Q, G)."""

    a: Array
    b: Array
    quirk_sd: Array
    prior: Array


@lru_cache(maxsize=8)
def _nodes(quirk_sds: tuple[float, ...]) -> _Nodes:
    axes = np.meshgrid(np.array(quirk_sds), SLOPES, LEVELS, indexing="ij")
    quirk_sd, a, level = (axis.ravel() for axis in axes)
    # the logit of the mean of a logistic curve over N(0, 1): Zeger, Liang & Albert (1988),
    # Biometrics 44, 1049-1060
    b = -level * np.sqrt(1 + 0.346 * (a**2 + quirk_sd**2)) / a
    # slopes within a factor of 5 around 2, any share of models
    prior = _softmax(
        -((np.log(a / 2) / 0.8) ** 2 + (level / 3) ** 2).reshape(len(quirk_sds), -1) / 2
    )
    return _Nodes(a, b, quirk_sd, prior)


@lru_cache(maxsize=32)
def _log_chance(outcomes: tuple[tuple[int, int], ...], config: InformationConfig) -> Array:
    """Log-likelihood of outcomes at each position and node of items, (81, O, G)."""
    nodes = _nodes(config.quirk_sds)
    pairs = np.array(outcomes, dtype=np.int64).reshape(-1, 2)
    table = np.empty((len(THETA), len(pairs), len(nodes.a)))
    for quirk_sd in config.quirk_sds:
        own = nodes.quirk_sd == quirk_sd
        logit = nodes.a[own] * (THETA[:, None] - nodes.b[own])
        noise = Noise(quirk_sd, config.sensitivity, config.specificity)
        table[:, :, own] = outcome_terms(logit, pairs, noise)[0].swapaxes(0, 1)
    return table


@lru_cache(maxsize=8)
def _perfect_rates(quirk_sds: tuple[float, ...]) -> Array:
    """Chance that an opinion expresses the value, (81, G)."""
    perfect = InformationConfig(1.0, 1.0, quirk_sds)
    return np.exp(_log_chance(((1, 1),), perfect)[:, 0])


@lru_cache(maxsize=8)
def _response(config: InformationConfig) -> tuple[Array, Array]:
    """Chances of what a response may show, (81, O, G), and their entropy, (81, G)."""
    outcomes = tuple((k, config.opinions) for k in range(config.opinions + 1))
    ways = np.array([math.comb(config.opinions, k) for k, _ in outcomes], dtype=np.float64)
    chance = np.exp(_log_chance(outcomes, config)) * ways[:, None]
    return chance, _entropy(chance)


@lru_cache(maxsize=8)
def _fisher(config: InformationConfig) -> Array:
    """Fisher's information of a response about the position, (81, G); slopes by differences."""
    chance, _ = _response(config)
    steps = np.gradient(chance, THETA, axis=0)
    return np.asarray((steps**2 / np.maximum(chance, TINY)).sum(axis=1), dtype=np.float64)


def _entropy(chances: ArrayLike) -> Array:
    """Entropy over the second axis, in nats: (m, O, ...) to (m, ...)."""
    from scipy.special import entr

    return np.asarray(entr(chances).sum(axis=1), dtype=np.float64)


def _expected(weights: Array, log_chance: Array) -> Array:
    """Mean over positions (K, 81) of the log-likelihood, (K x O, G)."""
    return (weights @ _flat(log_chance)).reshape(-1, log_chance.shape[2])


def _foretold(weights: Array, log_chance: Array) -> Array:
    """Logarithm of the mean over positions of the likelihood, (K x O, G)."""
    return np.log(np.maximum(_expected(weights, np.exp(log_chance)), TINY))


def _parts(row: Array) -> list[slice]:
    return [slice(first, first + CHUNK) for first in range(0, len(row), CHUNK)]


def _item_posterior(log_likelihood: Array, item_prior: Array) -> tuple[Array, Array]:
    """Chances of slopes and levels given tau, (c, Q, G), and the log-evidence of tau, (c, Q)."""
    joint = log_likelihood.reshape(-1, *item_prior.shape) + np.log(item_prior)
    top = joint.max(axis=2, keepdims=True)
    raised = np.exp(joint - top)
    total = raised.sum(axis=2, keepdims=True)
    return raised / total, (top + np.log(total))[..., 0]


def _flat(table: Array, rows: int = len(THETA)) -> Array:
    """The table with one row a position (or a model), without copying it."""
    return table.reshape(rows, -1)


def _softmax(values: Array) -> Array:
    raised = np.exp(values - values.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def _normal(x: Array) -> Array:
    return _softmax(-(x**2) / 2)
