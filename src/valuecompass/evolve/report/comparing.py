"""What the measurements of one value system say of the sets of items, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.evolve.report.figures import Answers, told_apart
from valuecompass.evolve.report.figures_run import limits
from valuecompass.evolve.report.figures_scores import (
    RANKED,
    PairedTest,
    curve,
    five_folds,
    model_scores,
    primed,
    sparse,
    swapped,
)
from valuecompass.evolve.report.gather import read_answers
from valuecompass.evolve.report.measuring import AGREED, EVOLVED, OTHER, Measured, ReportSettings
from valuecompass.evolve.report.sets import ItemSet, clusters, mix_difference
from valuecompass.measure.measurement import Row
from valuecompass.measure.points import finite
from valuecompass.stats import Interval
from valuecompass.store import Store
from valuecompass.values import ValueSystem

__all__ = ["compared"]

Json = dict[str, Any]
Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


async def compared(
    store: Store,
    told: Measured,
    topics: Mapping[str, str],
    settings: ReportSettings,
) -> Json:
    """Return all comparisons in one value system.

    Args:
        store: the open store.
        told: sets and their measurements.
        topics: id of an evolved item -> id of its seed.
        settings: of the report.
    """
    rng = np.random.default_rng(settings.seed)
    answers = [
        await read_answers(store, measurement, one.items, clusters(one.items, topics))
        for one, measurement in zip(told.sets, told.measurements, strict=True)
    ]
    heard = np.logical_and.reduce(
        [~np.isnan(one.values).all(axis=(1, 2, 3)) for one in answers]
    ).tolist()
    rows = told.measurements[0].rows
    answers = [Answers(one.values[heard], one.clusters) for one in answers]
    held = [one.name for one in told.sets if one.compared]
    apart = told_apart(
        [
            Answers(own.values[:, : one.compared], own.clusters[: one.compared])
            for one, own in zip(told.sets, answers, strict=True)
            if one.compared
        ],
        rng,
    )
    models = [r.respondent for r, said in zip(rows, heard, strict=True) if said]
    few = sparse(answers[0].means)
    evolved = answers[0].means[~few]
    return {
        "system": told.system.id,
        "name": told.system.name,
        "dimensions": list(told.system.names),
        "models": models,
        "silent": [r.respondent for r, said in zip(rows, heard, strict=True) if not said],
        "sparse": [name for name, out in zip(models, few.tolist(), strict=True) if out],
        "notes": [{"respondent": r.respondent, "note": note} for r in rows for note in r.notes],
        "repeats": settings.repeats,
        "sets": [
            {
                "name": one.name,
                "n": len(one.items),
                "compared": one.compared or None,
                "available": one.available,
                "topics": len(set(own.clusters)),
                "mix_difference": finite(_mix_difference(told.sets[0], one), 4),
                "measurement": measurement.id,
            }
            for one, own, measurement in zip(told.sets, answers, told.measurements, strict=True)
        ],
        "judge": told.measurements[0].manifest["judge_name"],
        "gate": None if (gate := told.measurements[0].gate) is None else asdict(gate),
        "told_apart": {
            name: {
                "values": dict(zip(held, map(limits, found.values), strict=True)),
                "differences": dict(zip(held[1:], map(limits, found.differences), strict=True)),
                "covers": list(found.covers),
                "reason": found.reason,
            }
            for name, found in apart.items()
        },
        "reliability": _reliability(evolved, told.system.names, rng),
        "curve": _curve(evolved, rng),
        "swap": _swap(told, answers),
        "priming": _priming(told, settings.prime),
    }


def _mix_difference(first: ItemSet, other: ItemSet) -> float:
    held = other.compared or len(first.items)
    return mix_difference(first.items[:held], other.items[:held])


def _reliability(table: Array, names: Sequence[str], rng: np.random.Generator) -> Json:
    models, items, _ = table.shape
    if models < 2:
        return {
            "reason": "one model alone has no reliability"
            if models
            else "no model answered enough of the items"
        }
    if items < 10:
        return {"reason": f"five parts of {items} items are too small: ten items are needed"}
    found = five_folds(table, rng)
    if np.isnan(found.pooled_alpha.value):
        return {"reason": "models do not differ, or have no answer in some of the parts"}
    return {
        "reason": None,
        "fold": found.fold,
        "alpha": {n: limits(of) for n, of in zip(names, found.alpha, strict=True)},
        "pooled_alpha": limits(found.pooled_alpha),
        "variation": limits(found.variation),
    }


def _curve(table: Array, rng: np.random.Generator) -> Json:
    if table.shape[0] < RANKED:
        return {"reason": f"ranks need {RANKED} models, and there are {table.shape[0]}"}
    found = {name: curve(table, rng, apart=name == "apart") for name in ("part", "apart")}
    return {
        "reason": None,
        **{
            name: [{"size": b.size} | limits(Interval(b.value, b.low, b.high)) for b in bands]
            for name, bands in found.items()
        },
    }


def _swap(told: Measured, answers: Sequence[Answers]) -> Json:
    names = [one.name for one in told.sets]
    if OTHER not in names:
        return {"reason": "no other run was named (--other RUN)"}
    if answers[0].values.shape[0] < AGREED:
        return {"reason": "agreement needs three models that answered"}
    first, second = (100 * model_scores(answers[names.index(n)].means) for n in (EVOLVED, OTHER))
    found = swapped(first, second)
    figures = ("icc", "pearson", "spearman", "alpha", "centred")
    return {
        "reason": None,
        "cells": found.cells,
        **{name: limits(getattr(found, name)) for name in figures},
        "by_dimension": {
            name: {
                "n": own.n,
                "pearson": limits(own.pearson),
                "spearman": limits(own.spearman),
                "icc": limits(own.agreement),
            }
            for name, own in zip(told.system.names, found.by_dimension, strict=True)
        },
    }


def _priming(told: Measured, wanted: bool) -> Json:
    if not wanted:
        return {"reason": "not asked for (--prime): it takes the items once more for each value"}
    if told.primed is None:
        return {"reason": "no examinee can be primed: all are simulated, recorded, or primed"}
    names = told.system.names
    by_name = {row.respondent: row for row in told.measurements[0].rows}
    baseline = _scores([by_name[name] for name in told.primable], names)
    scores = _scores(told.primed.rows, names).reshape(len(told.primable), len(names), len(names))
    group, opposite = masks(told.system)
    if not opposite.any() and not group.any():
        note = f"{told.system.name} names no opposites and no groups"
    else:
        note = None
    found = primed(baseline, scores, group, opposite)
    each = {
        name: primed(baseline[[e]], scores[[e]], group, opposite)
        for e, name in enumerate(told.primable)
    }
    return {
        "reason": None,
        "note": note,
        "all": {name: paired(of) for name, of in vars(found).items()},
        "by_examinee": {
            who: {name: paired(of) for name, of in vars(own).items()} for who, own in each.items()
        },
        "by_dimension": [
            {
                "examinee": who,
                "dimension": name,
                "baseline": finite(baseline[e, d], 2),
                "primed": finite(scores[e, d, d], 2),
                "same_group": finite(_mean_of(scores[e, :, d], group[:, d]), 2),
                "opposite": finite(_mean_of(scores[e, :, d], opposite[:, d]), 2),
            }
            for e, who in enumerate(told.primable)
            for d, name in enumerate(names)
        ],
    }


def _scores(rows: Sequence[Row], names: Sequence[str]) -> Array:
    """(rows, D) scores, NaN where there is none."""
    return np.array([[row.dimensions[n].score for n in names] for row in rows], dtype=np.float64)


def _mean_of(scores: Array, which: Flags) -> float:
    """Mean score on a dimension of the models that were primed to some others."""
    own = scores[which & ~np.isnan(scores)]
    return float(own.mean()) if len(own) else float("nan")


def masks(system: ValueSystem) -> tuple[Flags, Flags]:
    """(D, D) which dimensions share a group with each (itself left out), and which lie across."""
    names = system.names
    group = np.zeros((len(names), len(names)), dtype=bool)
    for one in system.groups:
        at = [names.index(n) for n in one.dimensions]
        group[np.ix_(at, at)] = True
    np.fill_diagonal(group, val=False)
    opposite = np.array([[n in d.opposites for n in names] for d in system.dimensions])
    return group, opposite


def paired(found: PairedTest) -> Json:
    """Return a paired test as JSON."""
    digits = {"baseline": 2, "primed": 2, "t": 4, "d": 4}
    return {
        "n": found.n,
        **{n: finite(getattr(found, n), k) for n, k in digits.items()},
        "p": finite(found.p),
    }
