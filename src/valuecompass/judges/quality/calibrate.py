"""Measures a judge's errors on labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

import valuecompass
from valuecompass.judges.protocol import THRESHOLD, Judge, judge_id
from valuecompass.judges.quality.calibration import (
    Calibration,
    DesignEffects,
    Estimate,
    Labels,
    Margin,
    Rates,
    SystemCalibration,
)
from valuecompass.judges.quality.evaluate import least_margin, report
from valuecompass.judges.quality.labelled import Labelled, declined
from valuecompass.stats import error_rates
from valuecompass.values import ValueSystem

SEED = 0
"""Of the gate's bootstrap: it is not chosen, or one could look for one that passes."""


def calibrate(
    judge: Judge,
    rows: Sequence[Labelled],
    expressed: Sequence[float | None],
    labels: Labels,
) -> Calibration:
    """Measure a judge's errors.

    Args:
        judge: the judge.
        rows: labelled responses.
        expressed: what the judge says of each, None where it says nothing (`judge_rows`).
        labels: the file that the rows come from.
    """
    found = report(rows, expressed, SEED, asked_only=True)
    systems = {row.system.id: row.system for row in rows}
    return Calibration(
        created=datetime.now(UTC).replace(microsecond=0),
        valuecompass=valuecompass.__version__,
        judge_name=judge.name,
        judge=judge.identity,
        labels=labels,
        seed=SEED,
        systems={
            name: _of_system(judge, systems[name], rows, expressed, figures)
            for name, figures in found.items()
        },
    )


def _of_system(
    judge: Judge,
    system: ValueSystem,
    rows: Sequence[Labelled],
    expressed: Sequence[float | None],
    figures: Mapping[str, Any],
) -> SystemCalibration:
    seen = [
        (row, e)
        for row, e in zip(rows, expressed, strict=True)
        if row.system.id == system.id and e is not None and not declined(row)
    ]
    by_name = {name: [pair for pair in seen if pair[0].dimension == name] for name in system.names}
    return SystemCalibration(
        judge_id=judge_id(judge, system),
        n=figures["n"],
        judged=figures["judged"],
        auc=_auc(figures),
        margin=_margin(figures["margins"]),
        note=figures["note"],
        refusals=figures["declined"],
        all_dimensions=_rates(seen),
        dimensions={name: _rates(pairs) for name, pairs in by_name.items()},
    )


def _rates(pairs: Sequence[tuple[Labelled, float]]) -> Rates:
    found = error_rates(
        np.array([e >= THRESHOLD for _, e in pairs]),
        np.array([row.expressed for row, _ in pairs]),
        np.array([row.item for row, _ in pairs]),
    )
    effects = DesignEffects(
        sensitivity=round(found.deff_sensitivity, 4), specificity=round(found.deff_specificity, 4)
    )
    return Rates(tp=found.tp, fn=found.fn, tn=found.tn, fp=found.fp, design_effect=effects)


def _auc(figures: Mapping[str, Any]) -> Estimate | None:
    if figures["auc"] is None:
        return None
    low, high = figures["intervals"]["auc"]
    return Estimate(value=figures["auc"], low=low, high=high)


def _margin(margins: Mapping[str, Mapping[str, float]]) -> Margin | None:
    """The margin that decides whether the judge is useful."""
    if not margins:
        return None
    name = least_margin(margins)
    return Margin(shortcut=name, **margins[name])
