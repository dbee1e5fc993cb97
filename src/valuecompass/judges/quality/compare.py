"""Judges side by side: each against the same labels, and each against the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, compress
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.judges.protocol import THRESHOLD
from valuecompass.judges.quality.evaluate import FEWEST, report
from valuecompass.judges.quality.labelled import Labelled, declined
from valuecompass.stats import (
    ClusterBootstrap,
    Interval,
    auc,
    cluster_bootstrap_mean,
    krippendorff_alpha,
)
from valuecompass.stats.agreement import Level
from valuecompass.stats.kappa import kappa_interval

KEPT = ("n", "coverage", "auc", "accuracy", "kappa", "note", "intervals")
"""What of a judge's report is shown beside others'."""

Vector = NDArray[np.float64]
Span = dict[str, float | None]


def compare(
    rows: Sequence[Labelled],
    expressed: Mapping[str, Sequence[float | None]],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Compare judges on the same labelled rows, one entry for each value system.

    As in `report`, responses that a measurement would not show to a judge are left out.

    Args:
        rows: the labelled responses.
        expressed: by judge: what it says of each row, None where it says nothing.
        rng: generator of the bootstraps, clustered on items.

    Returns:
        By system id: ``judges``, by name: n, coverage, auc, accuracy, kappa, note and intervals
        as in `report`, ``confusion`` at .5 (tp, fn, tn, fp), ``sensitivity`` and ``specificity``,
        and ``difference``, its AUC less that of the first judge on the rows that both cover,
        paired (None for the first); ``between``: `agreement` of the judges with each other. What
        cannot be estimated is None.
    """
    asked = [not declined(row) for row in rows]
    rows = list(compress(rows, asked))
    expressed = {name: list(compress(said, asked)) for name, said in expressed.items()}
    names = list(expressed)
    table = np.array(
        [[np.nan if e is None else e for e in expressed[name]] for name in names], dtype=np.float64
    )
    reports = [report(rows, expressed[name]) for name in names]
    found: dict[str, Any] = {}
    for system_id in dict.fromkeys(row.system.id for row in rows):
        use = np.array([row.system.id == system_id for row in rows])
        own = [row for row, wanted in zip(rows, use, strict=True) if wanted]
        labels = np.array([row.expressed for row in own], dtype=np.float64)
        items = np.array([row.item for row in own])
        verdicts = table[:, use]
        judges = {
            name: {key: of[system_id][key] for key in KEPT}
            | _confusion(verdicts[j], labels, items, rng)
            | {"difference": _difference(verdicts[[0, j]], labels, items, rng) if j else None}
            for j, (name, of) in enumerate(zip(names, reports, strict=True))
        }
        found[system_id] = {"judges": judges, "between": agreement(names, verdicts, items, rng)}
    return found


def agreement(
    names: Sequence[str], ratings: Vector, clusters: ArrayLike, rng: np.random.Generator
) -> dict[str, Any]:
    """Say how far judges agree with each other.

    Args:
        names: of the judges.
        ratings: (judges, units) expressed in [0, 1], NaN where a judge said nothing.
        clusters: (units,) the item of each.
        rng: generator of the bootstraps, clustered on items.

    Returns:
        ``units`` with at least two verdicts; ``alpha``: Krippendorff's, of the degrees (interval
        level); ``alpha_at_half``: of the verdicts cut at .5 (nominal level); ``pairs``: a, b, n
        and Cohen's ``kappa`` at .5. Each figure is ``{"value", "low", "high"}``, 95 %, None where
        it cannot be estimated.
    """
    clusters = np.asarray(clusters)
    binary = np.where(np.isnan(ratings), np.nan, ratings >= THRESHOLD)
    bootstrap = ClusterBootstrap(clusters, rng)
    alphas: dict[str, Span] = {}
    kinds: tuple[tuple[str, Vector, Level], ...] = (
        ("alpha", ratings, "interval"),
        ("alpha_at_half", binary, "nominal"),
    )
    for key, table, level in kinds:
        draws = bootstrap.alpha(table, level)
        alphas[key] = _span(bootstrap.interval(krippendorff_alpha(table, level), draws))
    pairs: list[dict[str, Any]] = []
    for i, j in combinations(range(len(names)), 2):
        both = ~np.isnan(ratings[[i, j]]).any(axis=0)
        kappa = kappa_interval(binary[i, both], binary[j, both], clusters[both], rng)
        pairs.append({"a": names[i], "b": names[j], "n": int(both.sum()), "kappa": _span(kappa)})
    units = int(((~np.isnan(ratings)).sum(axis=0) > 1).sum())
    return {"units": units, **alphas, "pairs": pairs}


def _confusion(
    values: Vector, labels: Vector, items: NDArray[Any], rng: np.random.Generator
) -> dict[str, Any]:
    covered = ~np.isnan(values)
    raised, ones = values[covered] >= THRESHOLD, labels[covered] == 1
    places = items[covered]
    counts = {
        "tp": int((raised & ones).sum()),
        "fn": int((~raised & ones).sum()),
        "tn": int((~raised & ~ones).sum()),
        "fp": int((raised & ~ones).sum()),
    }
    of_ones = cluster_bootstrap_mean(raised[ones].astype(float), places[ones], rng)
    of_zeros = cluster_bootstrap_mean((~raised[~ones]).astype(float), places[~ones], rng)
    return {
        "confusion": counts,
        "sensitivity": _span(of_ones),
        "specificity": _span(of_zeros),
    }


def _difference(
    values: Vector, labels: Vector, items: NDArray[Any], rng: np.random.Generator
) -> dict[str, Any]:
    """AUC of the second judge less the first's, on what both cover."""
    both = ~np.isnan(values).any(axis=0)
    labels, n = labels[both], int(both.sum())
    if min(labels.sum(), n - labels.sum()) < FEWEST:
        return {"n": n, **_span(Interval(np.nan, np.nan, np.nan))}
    bootstrap = ClusterBootstrap(items[both], rng)
    first, second = values[:, both]
    value = auc(second, labels) - auc(first, labels)
    draws = bootstrap.auc(second, labels) - bootstrap.auc(first, labels)
    return {"n": n, **_span(ClusterBootstrap.interval(value, draws))}


def _span(interval: Interval) -> Span:
    numbers = zip(("value", "low", "high"), interval, strict=True)
    return {name: round(float(x), 4) if np.isfinite(x) else None for name, x in numbers}
