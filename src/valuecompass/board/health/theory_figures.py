"""Figures on theories under which the same responses were read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.measure.points import finite
from valuecompass.stats import cluster_bootstrap_mean
from valuecompass.stats.reliability import icc
from valuecompass.stats.shared_variance import explained_share, told_apart

Array = NDArray[np.float64]
Json = dict[str, Any]
DRAWS = 200
FEWEST = 8
"""Respondents below which dimensions cannot be predicted from others across respondents."""


@dataclass(frozen=True)
class Readings:
    """N responses under several theories.

    tables: by system id the names of its D dimensions and (N, D) values in [0, 1], complete.
    respondents, items: (N,) whose answer it is, and to what.
    """

    tables: Mapping[str, tuple[Sequence[str], Array]]
    respondents: tuple[str, ...]
    items: tuple[str, ...]

    def of(self, systems: Sequence[str]) -> Array:
        """Return the values under some theories, side by side."""
        return np.column_stack([self.tables[system][1] for system in systems])


def figures(readings: Readings, rng: np.random.Generator) -> Json:
    """Return what each theory adds, what it shares with others and how it separates respondents.

    Args:
        readings: the responses.
        rng: generator of the resampling of items.

    Returns:
        ``theories``: ``system``; ``between``, by dimension the share of its variance within items
        that lies between respondents (ICC 3,1, limits of the F distribution); ``told_apart``, the
        share of left-out answers given to the right respondent; ``unique``, the mean share of its
        dimensions' variance that no other theory explains. ``pairs``: ``difference`` of the shares
        told apart, first less second, and ``first_by_second``, ``second_by_first``: how much of
        each dimension the other theory explains over ``responses`` and over ``respondents`` (None
        with fewer than eight). ``chance`` of a right guess; ``best``: the theory that tells
        respondents apart better than every other one by an interval above 0, or None. Limits are of
        95 %, from resampled items unless said otherwise.
    """
    ids = list(readings.tables)
    _, who = np.unique(readings.respondents, return_inverse=True)
    n = int(who.max(initial=-1)) + 1
    notices: list[str] = []
    weights = rng.standard_exponential((DRAWS, len(set(readings.items))))
    right: dict[str, NDArray[np.bool_]] = {}
    if n > 1:
        for system in ids:
            table = readings.tables[system][1]
            right[system] = told_apart(table, who, np.asarray(readings.items))
    else:
        notices.append("Which theory separates respondents best needs two respondents.")
    if n < FEWEST:
        notices.append(
            f"What a theory explains of another across respondents needs {FEWEST} respondents, and "
            f"there {'is' if n == 1 else 'are'} {n}; across responses it is told."
        )
    theories = [_theory(readings, system, right, weights, rng) for system in ids]
    pairs = [_pair(readings, pair, right, weights, n, rng) for pair in combinations(ids, 2)]
    sure = {t["system"] for t in theories if t["told_apart"] and t["told_apart"]["low"] > 1 / n}
    sizes = {len(names) for names, _ in readings.tables.values()}
    if len(sizes) > 1:
        notices.append("A theory with more dimensions has more to tell respondents apart by.")
    return {
        "theories": theories,
        "pairs": pairs,
        "chance": round(1 / n, 4) if n > 1 else None,
        "best": _best(ids, pairs, sure) if right else None,
        "notices": notices,
    }


def _theory(
    readings: Readings,
    system: str,
    right: Mapping[str, NDArray[np.bool_]],
    weights: Array,
    rng: np.random.Generator,
) -> Json:
    names, values = readings.tables[system]
    others = [other for other in readings.tables if other != system]
    shared = _explained(readings, readings.of(others), values, weights)
    told = None
    if right:
        given = right[system].astype(float)
        told = _limits(cluster_bootstrap_mean(given, np.asarray(readings.items), rng))
    return {
        "system": system,
        "dimensions": len(names),
        "told_apart": told,
        "between": {
            name: _limits(icc(_crossed(readings, values[:, d]), "3,1"))
            for d, name in enumerate(names)
        },
        "unique": _drawn(1 - _mean(shared)),
    }


def _pair(
    readings: Readings,
    pair: tuple[str, str],
    right: Mapping[str, NDArray[np.bool_]],
    weights: Array,
    n: int,
    rng: np.random.Generator,
) -> Json:
    a, b = pair
    difference = None
    if right:
        apart = right[a].astype(float) - right[b].astype(float)
        halved = cluster_bootstrap_mean((apart + 1) / 2, np.asarray(readings.items), rng)
        difference = _limits([2 * x - 1 for x in halved])
    return {
        "first": a,
        "second": b,
        "difference": difference,
        "first_by_second": _redundancy(readings, b, a, weights, n),
        "second_by_first": _redundancy(readings, a, b, weights, n),
    }


def _redundancy(readings: Readings, by: str, of: str, weights: Array, n: int) -> Json:
    """Return how much of a theory another one explains, over responses and over respondents."""
    names, values = readings.tables[of]
    found = _explained(readings, readings.of([by]), values, weights)
    responses = {name: _drawn(found[:, d]) for d, name in enumerate(names)}
    over: Json = {
        "responses": {"mean": _drawn(_mean(found)), "dimensions": responses},
        "respondents": None,
    }
    if n >= FEWEST:
        own, other = (_respondent_means(readings, x) for x in (values, readings.of([by])))
        shares = explained_share(other, own, np.arange(n))[0]
        over["respondents"] = {
            "mean": finite(_mean(shares[None])[0], 4),
            "dimensions": {k: finite(s, 4) for k, s in zip(names, shares, strict=True)},
        }
    return over


def _explained(readings: Readings, predictors: Array, targets: Array, weights: Array) -> Array:
    """(1 + draws, T) shares explained: the estimate, then under resampled items."""
    every = np.vstack([np.ones((1, weights.shape[1])), weights])
    return explained_share(predictors, targets, np.asarray(readings.items), every)


def _respondent_means(readings: Readings, values: Array) -> Array:
    """(R, D) means over items of what a respondent's answers are above those of all."""
    _, item = np.unique(readings.items, return_inverse=True)
    _, who = np.unique(readings.respondents, return_inverse=True)
    usual = _grouped(values, item)
    return _grouped(values - usual[item], who)


def _crossed(readings: Readings, values: Array) -> Array:
    """(R, items) mean over repeats, NaN where a respondent has no answer."""
    names, item = np.unique(readings.items, return_inverse=True)
    people, who = np.unique(readings.respondents, return_inverse=True)
    total, count = np.zeros((2, len(people), len(names)))
    np.add.at(total, (who, item), values)
    np.add.at(count, (who, item), 1.0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _grouped(values: Array, index: NDArray[np.intp]) -> Array:
    total = np.zeros((index.max() + 1, values.shape[1]))
    np.add.at(total, index, values)
    return np.asarray(total / np.bincount(index)[:, None])


def _best(ids: Sequence[str], pairs: Sequence[Json], sure: Collection[str]) -> str | None:
    """Return the theory that is better than every other one beyond the resampling of items.

    Args:
        ids: the theories.
        pairs: their differences.
        sure: those that tell respondents apart better than chance.
    """
    wins = {system: 0 for system in ids}
    for pair in pairs:
        if pair["difference"]["low"] > 0:
            wins[pair["first"]] += 1
        elif pair["difference"]["high"] < 0:
            wins[pair["second"]] += 1
    best = (system for system in ids if wins[system] == len(ids) - 1 and system in sure)
    return next(best, None)


def _mean(shares: Array) -> Array:
    """Return the mean over dimensions that vary."""
    known = shares[:, ~np.isnan(shares[0])]
    return known.mean(axis=1) if known.size else np.full(len(shares), np.nan)


def _drawn(values: Array) -> Json:
    """Return the estimate (first) with the limits of the draws (the others)."""
    if np.isnan(values).any():
        return _limits((float("nan"),) * 3)
    value = float(values[0])
    low, high = (float(q) for q in np.quantile(values[1:], [0.025, 0.975]))
    return _limits((value, min(low, value), max(high, value)))


def _limits(interval: Sequence[float]) -> Json:
    numbers = [finite(x, 4) for x in interval]
    return dict(zip(("value", "low", "high"), numbers, strict=True))
