"""How well sets of items tell models apart: on the same models, judge and number of answers.

The sets come as arrays of single answers. A figure of a set is a mean over its items; what two sets
differ by has limits from a bootstrap that draws the items of each set, and where a figure allows it
also the models, which are the same for all sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.evolve.information import InformationConfig, ThetaPosterior
from valuecompass.evolve.rewards import objective, shrunk_rates
from valuecompass.stats import Interval

__all__ = ["FEWEST", "Answers", "Compared", "told_apart", "variances"]

Array = NDArray[np.float64]
FEWEST = {"items": 5, "respondents": 5}
"""Topics and models from which on a bootstrap over them says anything."""
DRAWS = 1000
LARGE = 2_000_000
"""Cells (items x pairs of models x dimensions) above which a fifth of the draws is taken."""
ONCE = "one answer to an item: how far a model varies by itself is not known (--repeats 2)"
SHUFFLES = 20
FITS = 30
"""Fits of the logistic model that limits of the information rest on."""
DEALS = 5
"""Times that a set's answers are dealt out at random for the information."""
ASSUMED = 0.95
"""Sensitivity and specificity of the judge in the information, of whole answers. Calibrations are
of single opinions, and an answer expresses what any of its opinions does."""
UNKNOWN = Interval(np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Answers:
    """What single answers to a set of items say.

    Attributes:
        values: (R models, n items, K answers, D dimensions) in [0, 1]; NaN where there is none.
        clusters: (n,) labels; items of one label (made from one seed) are drawn together.

    Raises:
        ValueError: if shapes do not fit or a number is out of range.
    """

    values: Array
    clusters: Sequence[str]

    def __post_init__(self) -> None:
        """Refuse what has no sense."""
        if self.values.ndim != 4 or self.values.shape[1] != len(self.clusters):
            raise ValueError(
                f"values {self.values.shape} must be (models, items, answers, dimensions) with a "
                f"cluster for each item, not {len(self.clusters)}"
            )
        outside = (self.values < 0) | (self.values > 1)
        if outside.any():
            raise ValueError(f"values must be in [0, 1] or NaN, not {self.values[outside][0]}")

    @cached_property
    def counts(self) -> Array:
        """(R, n, D) answers with a value."""
        return (~np.isnan(self.values)).sum(axis=2).astype(np.float64)

    @cached_property
    def means(self) -> Array:
        """(R, n, D) mean over answers, NaN without any."""
        total = np.nansum(self.values, axis=2)
        return _over(total, self.counts)

    @cached_property
    def noise(self) -> Array:
        """(R, n, D) sampling variance of `means` within a model; NaN below two answers."""
        apart = (self.values - self.means[:, :, None]) ** 2
        return _over(_over(np.nansum(apart, axis=2), self.counts - 1), self.counts)

    @cached_property
    def index(self) -> NDArray[np.intp]:
        """(n,) number of each item's cluster."""
        return np.unique(np.asarray(self.clusters), return_inverse=True)[1].ravel()

    def by_cluster(self, of_items: Array) -> Array:
        """Sums over the items of each cluster: (n, ...) to (C, ...)."""
        found = np.zeros((1 + self.index.max(), *of_items.shape[1:]))
        np.add.at(found, self.index, of_items)
        return found


@dataclass(frozen=True)
class Compared:
    """One figure of every set, and by how much the first set has more of it than each other.

    Attributes:
        values: of the sets in their order; limits are NaN where a bootstrap says nothing.
        differences: first set less each of the others.
        covers: what the limits account for: "items", "respondents"; what is not named is held as
            it was.
        reason: why there are no values; None: there are.
    """

    values: tuple[Interval, ...]
    differences: tuple[Interval, ...]
    covers: tuple[str, ...]
    reason: str | None = None


def told_apart(
    sets: Sequence[Answers],
    rng: np.random.Generator,
    *,
    draws: int | None = None,
) -> dict[str, Compared]:
    """Compare how well sets of items tell the same models apart.

    - ``between``: variance of models on an item beyond repeat noise: the mean over pairs of models
      of half their squared difference, less what their own repeated answers vary by. In a full
      table it is the sum of the components `respondent` and `respondent x item` of
      `stats.variance_components`. A model's quirk on one item counts.
    - ``shared``: the part that comes back in items of other topics, so that it is a position of the
      model and no quirk: products of differences on items of different clusters. Needs no repeats.
    - ``divergence``: Generalised Jensen-Shannon divergence of shrunk rates, summed over dimensions
      (nats an item), less the mean of the same with answers dealt out to models at random: chance
      alone gives a divergence, too.
    - ``information``: what one answer tells about where a model stands, under the hierarchical
      two-parameter logistic model fitted to all sets together, summed over dimensions (nats), less
      the mean of the same with the set's answers dealt out to models at random, the other sets as
      they are: the prior alone gives items that many express more than items that few do. Of an
      answer the judge is taken to be right `ASSUMED` often.

    Args:
        sets: of the same models in the same order and the same dimensions; the first is the one
            that the others are held against.
        rng: generator of draws and shuffles.
        draws: of the bootstrap; None: 1,000, of large sets 200.

    Returns:
        By name of the figure.

    Raises:
        ValueError: if models or dimensions differ in number.

    Source: bootstrap of both sides of a table: Owen (2007), Annals of Applied Statistics 1,
    386-411; it is a little wide. Halves: Shao & Wu (1989), Annals of Statistics 17, 1176-1197.
    Divergence and rates: AdAEM, arXiv 2505.13531, equation 1.
    """
    if len({(one.values.shape[0], one.values.shape[3]) for one in sets}) != 1:
        raise ValueError("sets must be of the same models and dimensions, and at least one")
    models = sets[0].values.shape[0]
    if models < 2:
        alone = "one model alone: there is nobody to tell it apart from"
        why = alone if models else "no model gave a usable answer to every set"
        return {name: _unknown(sets, why) for name in FIGURES}
    number = draws or (DRAWS if max(map(_size, sets)) <= LARGE else DRAWS // 5)
    found = variances(sets, rng, number)
    if _repeated(sets):
        weights = [_multinomial(rng, 1 + one.index.max(), number) for one in sets]
        found["divergence"] = _of_items(sets, [_divergence(one, rng) for one in sets], weights)
    else:
        found["divergence"] = _unknown(sets, ONCE)
    return found | {"information": _informed(sets, rng)}


def variances(sets: Sequence[Answers], rng: np.random.Generator, draws: int) -> dict[str, Compared]:
    """Return the first two figures of `told_apart`, of two models and more."""
    weights = [_multinomial(rng, 1 + one.index.max(), draws) for one in sets]
    people = _multinomial(rng, sets[0].values.shape[0], draws)
    shared = _in_pairs(sets, [_shared(one) for one in sets], weights, people)
    if not _repeated(sets):
        return {"between": _unknown(sets, ONCE), "shared": shared}
    between = _in_pairs(sets, [_between(one) for one in sets], weights, people)
    return {"between": between, "shared": shared}


FIGURES = ("between", "shared", "divergence", "information")


_Pairs = Callable[[Array], tuple[Array, Array]]
"""Weights of the clusters (B, C) to a numerator and a denominator for pairs of models, (B, P)."""


def _between(one: Answers) -> _Pairs:
    first, second = np.triu_indices(one.values.shape[0], 1)
    shape = (one.values.shape[1], len(first))
    total, count = np.zeros(shape), np.zeros(shape)
    for d in range(one.values.shape[3]):  # one dimension at a time bounds the memory
        x, v = one.means[..., d], one.noise[..., d]
        half = ((x[first] - x[second]) ** 2 - v[first] - v[second]).T / 2
        total += np.nan_to_num(half)
        count += ~np.isnan(half)
    tops, bottoms = one.by_cluster(total), one.by_cluster(count)
    return lambda weights: (weights @ tops, weights @ bottoms)


def _shared(one: Answers) -> _Pairs:
    first, second = np.triu_indices(one.values.shape[0], 1)
    sums: list[tuple[Array, Array]] = []
    for d in range(one.values.shape[3]):
        x = one.means[..., d]
        apart = (x[first] - x[second]).T
        seen = ~np.isnan(apart)
        sums.append((one.by_cluster(np.nan_to_num(apart)), one.by_cluster(seen * 1.0)))

    def told(weights: Array) -> tuple[Array, Array]:
        top, bottom = np.zeros((len(weights), len(first))), np.zeros((len(weights), len(first)))
        for total, count in sums:
            products = (weights @ total) ** 2 - weights**2 @ total**2
            pairs = (weights @ count) ** 2 - weights**2 @ count**2
            half = _over(products, 2 * pairs)
            top += np.nan_to_num(half)
            bottom += ~np.isnan(half)
        return top, bottom

    return told


def _in_pairs(
    sets: Sequence[Answers], figures: Sequence[_Pairs], weights: Sequence[Array], people: Array
) -> Compared:
    """Draw the items of each set by itself, and the models of all sets together."""
    covers = _covers(sets)
    first, second = np.triu_indices(people.shape[1], 1)
    if "respondents" not in covers:
        people = np.ones_like(people)
    # of a model drawn twice the copies do not differ, and are no pair
    pairs = people[:, first] * people[:, second]
    values, drawn = list[float](), list[Array]()
    for one, figure, weight in zip(sets, figures, weights, strict=True):
        tops, bottoms = figure(np.ones((1, 1 + one.index.max())))
        values.append(float(_over(tops.sum(axis=1), bottoms.sum(axis=1))[0]))
        if "items" not in covers:
            weight = np.ones_like(weight)
        tops, bottoms = figure(weight)
        drawn.append(_over((tops * pairs).sum(axis=1), (bottoms * pairs).sum(axis=1)))
    return _compared(values, drawn, covers)


def _of_items(sets: Sequence[Answers], each: Sequence[Array], weights: Sequence[Array]) -> Compared:
    """Of figures of single items: draw the items alone."""
    covers = tuple(name for name in _covers(sets) if name == "items")
    values, drawn = list[float](), list[Array]()
    for one, of_items, weight in zip(sets, each, weights, strict=True):
        seen = ~np.isnan(of_items)
        top, bottom = one.by_cluster(np.nan_to_num(of_items)), one.by_cluster(seen * 1.0)
        values.append(float(_over(top.sum(), bottom.sum())))
        drawn.append(_over(weight @ top, weight @ bottom))
    return _compared(values, drawn, covers)


def _compared(values: Sequence[float], drawn: Sequence[Array], covers: tuple[str, ...]) -> Compared:
    def limits(value: float, draws: Array) -> Interval:
        if not covers or np.isnan(value) or np.isnan(draws).all():
            return Interval(value, np.nan, np.nan)
        low, high = (float(x) for x in np.nanquantile(draws, [0.025, 0.975]))
        return Interval(value, min(low, value), max(high, value))

    return Compared(
        tuple(limits(value, draws) for value, draws in zip(values, drawn, strict=True)),
        tuple(
            limits(values[0] - value, drawn[0] - draws)
            for value, draws in zip(values[1:], drawn[1:], strict=True)
        ),
        covers,
    )


def _divergence(one: Answers, rng: np.random.Generator) -> Array:
    """(n,) nats beyond what answers give that are dealt out at random."""
    number = SHUFFLES if one.values.size <= LARGE // 4 else SHUFFLES // 4
    by_chance = sum(_gjs(_dealt(one, rng).values) for _ in range(number))
    return _gjs(one.values) - by_chance / number


def _gjs(values: Array) -> Array:
    count = (~np.isnan(values)).sum(axis=2)
    rates = _over(np.nansum(values, axis=2), count).transpose(1, 0, 2)
    shrunk = shrunk_rates(rates, np.maximum(count, 1).transpose(1, 0, 2))
    return objective(np.clip(shrunk, 0, 1)).distinguishability


def _dealt(one: Answers, rng: np.random.Generator) -> Answers:
    """Deal the answers to each item out to the models at random."""
    models, items, repeats, dimensions = one.values.shape
    flat = one.values.transpose(1, 0, 2, 3).reshape(items, models * repeats, dimensions)
    order = rng.random(flat.shape[:2]).argsort(axis=1)
    dealt = np.take_along_axis(flat, order[..., None], axis=1)
    shape = (items, models, repeats, dimensions)
    return Answers(dealt.reshape(shape).transpose(1, 0, 2, 3), one.clusters)


def _informed(sets: Sequence[Answers], rng: np.random.Generator) -> Compared:
    """Compare by the model: all sets are fitted together, so limits need whole fits.

    Halves of the topics are drawn without replacement: an item that is drawn twice would look as
    if its quirks came back. Half of the data has twice the variance, and a half shares half of the
    whole: the spread over halves is that of the whole (delete-d jackknife).
    """
    # one set is dealt out at a time: the others still say where the models stand
    chance = np.array(
        [[_by_chance(sets, at, rng) for at in range(len(sets))] for _ in range(DEALS)]
    )
    values = np.array(_information(sets)) - chance.mean(axis=0)
    noise = chance.var(axis=0, ddof=1) / DEALS
    covers = tuple(name for name in _covers(sets) if name == "items")
    spread = np.full((2, len(sets)), np.nan)
    if covers:
        halves = [_information([_half(one, rng) for one in sets]) for _ in range(FITS)]
        spread = np.array(halves)

    def limits(value: float, draws: Array, dealt: float) -> Interval:
        width = 1.96 * float(draws.var(ddof=1) + dealt) ** 0.5
        return Interval(value, value - width, value + width)

    return Compared(
        tuple(map(limits, values.tolist(), spread.T, noise.tolist())),
        tuple(
            limits(float(values[0] - values[k]), spread[:, 0] - spread[:, k], noise[0] + noise[k])
            for k in range(1, len(sets))
        ),
        covers,
    )


def _by_chance(sets: Sequence[Answers], at: int, rng: np.random.Generator) -> float:
    """Information of a set whose answers are dealt out to the models at random."""
    return _information([_dealt(one, rng) if k == at else one for k, one in enumerate(sets)])[at]


def _half(one: Answers, rng: np.random.Generator) -> Answers:
    """Return the items of a random half of the clusters."""
    number = 1 + int(one.index.max())
    taken = np.isin(one.index, rng.permutation(number)[: number // 2])
    labels = [label for label, own in zip(one.clusters, taken, strict=True) if own]
    return Answers(one.values[:, taken], labels)


def _information(sets: Sequence[Answers]) -> list[float]:
    """Mean nats of each set, positions and the spread of items estimated from all together."""
    single = InformationConfig(ASSUMED, ASSUMED, opinions=1)
    rates = [one.means.transpose(1, 0, 2) for one in sets]
    counts = [np.maximum(one.counts, 1).transpose(1, 0, 2) for one in sets]
    _, models, dimensions = rates[0].shape
    start = ThetaPosterior.start(models, dimensions, single)
    known = start.updated(np.concatenate(rates), np.concatenate(counts))
    found: list[float] = []
    for rate, count in zip(rates, counts, strict=True):
        told = known.score(rate, count).information
        # an item that nobody answered has that of the average item by the model, and none here
        heard = (~np.isnan(rate)).sum(axis=1)
        total = np.where(heard > 0, told, 0).sum(axis=1)[heard.sum(axis=1) > 0]
        found.append(float(total.mean()) if len(total) else float("nan"))
    return found


def _repeated(sets: Sequence[Answers]) -> bool:
    return all((one.counts >= 2).any() for one in sets)


def _covers(sets: Sequence[Answers]) -> tuple[str, ...]:
    clusters = min(1 + int(one.index.max()) for one in sets)
    sizes = {"items": clusters, "respondents": sets[0].values.shape[0]}
    return tuple(name for name, size in sizes.items() if size >= FEWEST[name])


def _unknown(sets: Sequence[Answers], reason: str) -> Compared:
    return Compared((UNKNOWN,) * len(sets), (UNKNOWN,) * (len(sets) - 1), (), reason)


def _multinomial(rng: np.random.Generator, size: int, draws: int) -> Array:
    return rng.multinomial(size, np.full(size, 1 / size), size=draws).astype(np.float64)


def _size(one: Answers) -> int:
    models, items, _, dimensions = one.values.shape
    return items * dimensions * models * (models - 1) // 2


def _over(top: ArrayLike, bottom: ArrayLike) -> Any:
    """Quotient where the divisor is above 0, NaN elsewhere."""
    a, b = np.broadcast_arrays(np.asarray(top, np.float64), np.asarray(bottom, np.float64))
    return np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0)
